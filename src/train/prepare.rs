//! What comes before a training's folder is touched: data, model, weights to begin with.

use super::best::Keeper;
use super::init;
use super::request::{Request, Start};
use super::trainer::Trainer;
use crate::config::Config;
use crate::data::{self, Dataset};
use crate::error::{Error, Result};
use crate::exec::Opened;
use crate::numbers::counted;
use crate::run::{Folder, checkpoint};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a training needs beside its folder.
pub(super) struct Prepared {
    pub dataset: Arc<Dataset>,
    pub trainer: Trainer,
    pub keeper: Option<Keeper>,
    /// Where the weights of a new run come from, if not from its seed.
    pub told: Option<String>,
}

impl Prepared {
    pub fn of(request: &Request, device: Opened) -> Result<Prepared> {
        let config = &request.config;
        let dataset = match request.start {
            Start::Resume(_) => data::load_again(&config.data, config.seed)?,
            Start::New { .. } => data::load(&config.data, config.seed)?,
        };
        let dataset = Arc::new(dataset);
        let mut trainer = Trainer::new(config, &dataset, device)?;
        trainer.state.data = Some(dataset.sha256());
        trainer.state.class_table = (dataset.classes > 0).then(|| dataset.class_table());
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
pub(super) fn restore(trainer: &mut Trainer, folder: &Folder) -> Result<PathBuf> {
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
    if total == done {
        tell!(
            "{} is finished: all {} are done; to train on, say how far: --steps {}",
            folder.path.display(),
            counted(done, "step"),
            2 * done
        );
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
