//! Training: from a configuration to a run's folder. The loop is [`session::Session::run`].

mod best;
pub mod fit;
mod init;
pub mod progress;
pub mod reporter;
mod session;
pub(crate) mod signals;
mod trainer;

pub use trainer::Trainer;

use crate::config::Config;
use crate::data::{self, Dataset};
use crate::error::{Error, Result};
use crate::exec::{self, Device, Hardware, Opened};
use crate::numbers::counted;
use crate::run::{Folder, checkpoint};
use best::Keeper;
use session::Session;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What to train, where, for how long.
#[derive(Debug, Clone)]
pub struct Request {
    /// Everything that decides the run's bytes.
    pub config: Config,
    /// A new run or an old one.
    pub start: Start,
    /// Where to compute.
    pub device: Device,
    /// Worker threads; 0 takes one a core.
    pub threads: usize,
    /// Stop after so long.
    pub time: Option<Duration>,
}

impl Request {
    /// Where to compute.
    pub fn hardware(&self) -> Hardware {
        Hardware { device: self.device, threads: self.threads }
    }
}

/// How a training begins.
#[derive(Debug, Clone)]
pub enum Start {
    /// In a new folder.
    New {
        /// Where runs lie.
        out: PathBuf,
        /// The folder's name; numbered when absent.
        name: Option<String>,
        /// Weights to begin with: a run, a checkpoint or a safetensors file.
        init_from: Option<PathBuf>,
    },
    /// Exactly where a run stopped.
    Resume(PathBuf),
}

/// How far a training came.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The run's folder.
    pub run: PathBuf,
    /// Steps done, over all resumes.
    pub step: u64,
    /// Steps asked for; more than `step` where the time was up.
    pub total: u64,
    /// Seconds of training, over all resumes.
    pub seconds: f64,
    /// What computed, in words.
    pub device: String,
}

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

/// What a training needs beside its folder.
struct Prepared {
    dataset: Arc<Dataset>,
    trainer: Trainer,
    keeper: Option<Keeper>,
    /// Where the weights of a new run come from, if not from its seed.
    told: Option<String>,
}

impl Prepared {
    fn of(request: &Request, device: Opened) -> Result<Prepared> {
        let config = &request.config;
        let dataset = match request.start {
            Start::Resume(_) => data::load_again(&config.data, config.seed)?,
            Start::New { .. } => data::load(&config.data, config.seed)?,
        };
        let dataset = Arc::new(dataset);
        let mut trainer = Trainer::new(config, &dataset, device)?;
        trainer.state.data = Some(dataset.sha256());
        let keeper = Keeper::new(config, &dataset, trainer.engine()?, request.hardware())?;
        let told = match &request.start {
            Start::New { init_from: Some(from), .. } => Some(init::init_from(&mut trainer, from)?),
            Start::New { init_from: None, .. } => init::missing(config),
            Start::Resume(_) => None,
        };
        Ok(Prepared { dataset, trainer, keeper, told })
    }
}

/// Sets a trainer to where its run stopped; the checkpoint that says so.
fn restore(trainer: &mut Trainer, folder: &Folder) -> Result<PathBuf> {
    let (checkpoint, path, warnings) = checkpoint::newest(&folder.checkpoints())?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    same_model(&trainer.config, &checkpoint.config, &path)?;
    trainer.restore(checkpoint)?;
    let (done, total) = (trainer.state.step, trainer.total());
    if total < done {
        return Err(Error::Usage(format!(
            "{}: {} are done, more than the {total} asked for; give --steps {done} or more",
            folder.path.display(),
            counted(done, "step")
        )));
    }
    Ok(path)
}

/// A resume must go on with the same model: all but the length of the run, what is logged and what is kept.
fn same_model(now: &Config, then: &Config, checkpoint: &Path) -> Result<()> {
    let mut now = now.clone();
    (now.train.steps, now.train.epochs) = (then.train.steps, then.train.epochs);
    (now.log, now.checkpoint) = (then.log, then.checkpoint);
    now.data.path.clone_from(&then.data.path);
    let Some((key, is, was)) = now.first_difference(then) else { return Ok(()) };
    Err(Error::Checkpoint(format!(
        "{}: trained with {key} = {was}, the run now says {is}; --resume goes on with the same model: restore the \
         value, or start a new run from these weights with --init-from",
        checkpoint.display()
    )))
}
