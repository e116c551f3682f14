//! Training: from a configuration to a run's folder. The loop is [`session::Session::run`].

mod best;
mod estimate;
pub mod fit;
mod init;
mod prepare;
pub mod progress;
pub mod reporter;
mod request;
mod scalars;
mod session;
pub(crate) mod signals;
mod trainer;

pub use request::{Request, Start, Trained};
pub use trainer::Trainer;

use crate::data::Dataset;
use crate::error::Result;
use crate::exec::{self, Opened};
use crate::run::Folder;
use prepare::{Prepared, restore};
use session::Session;
use std::sync::Arc;

/// Trains as asked.
///
/// # Errors
/// Whatever stops it: data, disk, divergence, a signal. What was saved before stays good.
pub fn train(request: &Request) -> Result<Trained> {
    // A device that is not there is told before data are read.
    train_on(request, exec::open(request.device, request.threads)?)
}

/// Trains as asked, on a device that is open, whatever the request says of devices.
///
/// # Errors
/// When [`train`] fails.
pub fn train_on(request: &Request, device: Opened) -> Result<Trained> {
    let mut session = Session::open(request, device)?;
    let done = session.run(request.time).map_err(|e| session.with_last_good(e));
    session.progress.finish();
    if let Err(e) = &done {
        session.tell_failure(e);
    }
    done.map(|()| session.trained())
}

/// All of a training that comes before its folder, on any device; nothing is written. The trainer as it would begin, and
/// its data.
///
/// # Errors
/// When [`train`] fails before it writes, but for a run's lock.
pub fn rehearse(request: &Request, device: Opened) -> Result<(Trainer, Arc<Dataset>)> {
    let Prepared { dataset, mut trainer, told, .. } = Prepared::of(request, device)?;
    told.iter().for_each(|told| tell!("start: {told}"));
    match &request.start {
        Start::New { out, name, .. } => Folder::vacant(out, name.as_deref())?,
        Start::Resume(path) => drop(restore(&mut trainer, &Folder::open(path)?)?),
    }
    Ok((trainer, dataset))
}
