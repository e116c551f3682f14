//! The run doctor: how a training is doing, in named states, each with its numbers and the one flag to change.
//!
//! What is known comes from `metrics.jsonl` and from probes, made where samples are drawn ([`probe`]): what no loss
//! tells, such as how far apart samples lie. [`judge`] turns both into states; it sees them in the order in which
//! they came, so that a verdict during training and one afterwards are the same. Thresholds stand with their
//! reasons in [`thresholds`].

mod advice;
mod augmentation;
mod entry;
mod facts;
pub mod judge;
pub mod labels;
pub mod leak;
pub mod live;
pub mod probe;
mod rules;
mod thresholds;
pub mod translation;
mod word;

use crate::config::Config;
use crate::data::toy::Mixture;
use crate::data::{self, identity};
use crate::error::Result;
use crate::eval::classifier::Fit;
use crate::exec::Hardware;
use crate::inference::LoadedRun;
pub use crate::records::{Diagnosis, State, Verdict};
use crate::run::checkpoint::{self, Checkpoint};
use crate::run::journal::{self, Stepped};
use crate::run::{Folder, Line};
pub use entry::Entry;
use judge::Judge;
use labels::{Asked, Obedience};
use probe::{Probe, Prober};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use translation::Translations;

/// What a diagnosis may take to look closer.
pub struct Means<'a> {
    /// Where the data lie, if they moved.
    pub data: Option<&'a Path>,
    /// Where networks run.
    pub hardware: Hardware,
    /// Trains a classifier: training is done above this room.
    pub fit: Fit,
}

/// Judges a run by its folder (its newest checkpoint) or by a checkpoint's. Where training left no probe of that
/// checkpoint or a later step, it is probed now; and a conditional G of pictures is asked whether it obeys its labels. Both
/// read the data.
///
/// # Errors
/// When there is no such run or checkpoint, or its configuration is damaged. Data that cannot be read are a note, unless
/// they are given.
pub fn diagnose(run: &Path, means: &Means) -> Result<Diagnosis> {
    let (checkpoint, path, warnings) = match checkpoint::locate(run) {
        Ok(found) => found,
        // A run that diverged before its first checkpoint has records all the same.
        Err(e) => return recorded(run).ok().filter(|d| d.step > 0).ok_or(e),
    };
    let home = checkpoint::run_of(&path);
    let mut config = home.as_deref().map_or_else(|| Ok(checkpoint.config.clone()), own_config)?;
    config.data.moved(means.data, run)?;
    if let Some(gone) = means.data.filter(|path| !path.exists()) {
        return Err(data::gone(gone));
    }
    let is_run = home.as_deref() == Some(run);
    let until = if is_run { u64::MAX } else { checkpoint.state.step };
    let mut judge = Judge::new(&config);
    let entries = match &home {
        Some(home) => replay(home, &mut judge, until)?,
        None => vec![],
    };
    let mut notes = warnings;
    let step = checkpoint.state.step;
    notes.extend(home.as_deref().map_or(Ok(vec![]), |home| lacks(home, &config, step))?);
    // What was probed later than the newest checkpoint says more than the checkpoint.
    let looked = |e: &Entry| matches!(e, Entry::Probe(_) | Entry::Translations(_)) && e.step() >= step;
    let is_probed = entries.iter().any(looked);
    let asks = config.conditional && Mixture::of(config.data.source).is_none();
    if !is_probed || asks {
        let closer = Closer { run, home: home.as_deref(), config: &config, means, probes: !is_probed, asks };
        match closer.look(checkpoint, path) {
            Ok(found) => {
                found.translations.iter().for_each(|seen| drop(judge.translations(seen)));
                match found.probe {
                    Some(Some(probe)) => drop(judge.probe(&probe)),
                    Some(None) => {
                        notes.push("samples were not measured: a number of them is not finite".into());
                    }
                    None => {}
                }
                found.labels.into_iter().for_each(|labels| drop(judge.labels(labels)));
            }
            Err(e) if means.data.is_some() => return Err(e),
            Err(e) => {
                let advice = if config.data.source.is_built_in() { "" } else { data::MOVED };
                if !is_probed {
                    notes.push(format!("samples were not measured: {e}{advice}"));
                }
                if asks {
                    drop(judge.labels(Err(format!("whether labels are obeyed: {e}{advice}"))));
                }
            }
        }
    }
    let diagnosis = told(&judge, &entries, step, notes);
    // What was asked for this diagnosis alone is known to `recorded` too; a folder that cannot be written to loses that.
    if is_run && diagnosis.notes.is_empty() {
        let _ = word::keep(&Folder { path: run.to_path_buf() }, &diagnosis);
    }
    Ok(diagnosis)
}

/// A closer look at a checkpoint than its records allow.
struct Closer<'a> {
    run: &'a Path,
    home: Option<&'a Path>,
    config: &'a Config,
    means: &'a Means<'a>,
    /// Whether it is to be probed.
    probes: bool,
    /// Whether it is to be asked about its labels.
    asks: bool,
}

/// What a closer look found.
struct Found {
    /// Absent where none was made; none in it where a number was not finite.
    probe: Option<Option<Probe>>,
    translations: Option<Translations>,
    labels: Option<std::result::Result<Obedience, String>>,
}

impl Closer<'_> {
    fn look(&self, checkpoint: Checkpoint, path: PathBuf) -> Result<Found> {
        let known = checkpoint.state.data.clone();
        let found = data::load(&self.config.data, self.config.seed)?;
        identity::same(self.run, known.as_deref(), &self.config.data, &found)?;
        let (found, step) = (Arc::new(found), checkpoint.state.step);
        let translates = self.config.model.translates();
        let prober = (self.probes && !translates).then(|| Prober::new(&checkpoint.config, &found));
        let game = Checkpoint::model(&checkpoint.config, &checkpoint.state);
        let mut loaded = LoadedRun::of(checkpoint, path, self.means.hardware.open()?)?;
        let probe = prober.map(|prober| prober.probe(&mut loaded.engine(), step)).transpose()?;
        let file = self.home.map(|home| Folder { path: home.to_path_buf() }.labels_file());
        let asked = Asked {
            config: self.config,
            data: &found,
            file: file.as_deref(),
            hardware: self.means.hardware,
            fit: self.means.fit,
        };
        let labels = self.asks.then(|| asked.obedience(&mut loaded.engine())).transpose()?;
        let translations = match self.probes && translates {
            true => Translations::of(&mut loaded.engine(), &*game, &found, step)?,
            false => None,
        };
        Ok(Found { probe, translations, labels })
    }
}

/// Judges a run by what training and later diagnoses wrote down alone: reads three small files.
///
/// # Errors
/// When there is no such run.
pub fn recorded(run: &Path) -> Result<Diagnosis> {
    let config = own_config(&Folder::open(run)?.path)?;
    let mut judge = Judge::new(&config);
    let entries = replay(run, &mut judge, u64::MAX)?;
    Ok(word::newest(&Folder { path: run.to_path_buf() }, told(&judge, &entries, 0, vec![])))
}

fn own_config(run: &Path) -> Result<Config> {
    Folder { path: run.to_path_buf() }.resolved()
}

/// Shows a judge all that training wrote down up to a step; also the doctor's own lines.
fn replay(run: &Path, judge: &mut Judge, until: u64) -> Result<Vec<Entry>> {
    let folder = Folder { path: run.to_path_buf() };
    let mut lines = journal::read::<Line>(&folder.metrics_file())?;
    let mut entries = journal::read::<Entry>(&folder.doctor_file())?;
    lines.retain(|l| l.step <= until);
    entries.retain(|e| e.step() <= until);
    judge.replay(&lines, &entries);
    Ok(entries)
}

/// What lacks of the records of a run that has done `step` steps.
fn lacks(run: &Path, config: &Config, step: u64) -> Result<Vec<String>> {
    let folder = Folder { path: run.to_path_buf() };
    let metrics = journal::lacks::<Line>(&folder.metrics_file(), config.log.every, step)?;
    if config.model.translates() {
        return Ok(metrics);
    }
    let probes = journal::lacks::<Entry>(&folder.doctor_file(), config.log.samples_every, step)?;
    Ok([metrics, probes].concat())
}

/// The judge's verdicts, with those that training could only leave in writing.
fn told(judge: &Judge, entries: &[Entry], step: u64, notes: Vec<String>) -> Diagnosis {
    let mut verdicts = judge.verdicts();
    let failed = entries.iter().rev().find_map(|e| match e {
        Entry::Entered(v) if v.state.ends_training() && v.since_step >= judge.step() => Some(v.clone()),
        _ => None,
    });
    let step = judge.step().max(step).max(failed.as_ref().map_or(0, |v| v.since_step));
    if let Some(failed) = failed {
        verdicts.retain(|v| v.state.is_alarm() && v.state != failed.state);
        verdicts.push(failed);
        verdicts.sort_by_key(|v| v.state);
    }
    Diagnosis { step, verdicts, notes }
}
