//! The run doctor: how a training is doing, in named states, each with its numbers and the one flag to change.
//!
//! What is known comes from `metrics.jsonl` and from probes, made where samples are drawn ([`probe`]): what no loss
//! tells, such as how far apart samples lie. [`judge`] turns both into states; it sees them in the order in which
//! they came, so that a verdict during training and one afterwards are the same. Thresholds stand with their
//! reasons in [`thresholds`].

mod advice;
mod entry;
pub mod judge;
pub mod live;
pub mod probe;
mod rules;
mod thresholds;

use crate::config::Config;
use crate::data::{self, identity};
use crate::error::Result;
use crate::exec::Hardware;
use crate::inference::LoadedRun;
pub use crate::records::{Diagnosis, State, Verdict};
use crate::run::journal::{self, Stepped};
use crate::run::{Folder, Line, checkpoint};
pub use entry::Entry;
use judge::Judge;
use probe::Prober;
use std::path::Path;
use std::sync::Arc;

/// Judges a run by its folder (its newest checkpoint) or by a checkpoint's. Where training left no probe of that
/// checkpoint or a later step, it is probed now, on `hardware`: that reads the data, which lie at `data` where they moved.
///
/// # Errors
/// When there is no such run or checkpoint, or its configuration is damaged. Data that cannot be read are a note, unless
/// they are given.
pub fn diagnose(run: &Path, data: Option<&Path>, hardware: Hardware) -> Result<Diagnosis> {
    let (checkpoint, path, warnings) = match checkpoint::locate(run) {
        Ok(found) => found,
        // A run that diverged before its first checkpoint has records all the same.
        Err(e) => return recorded(run).ok().filter(|d| d.step > 0).ok_or(e),
    };
    let home = checkpoint::run_of(&path);
    let mut config = home.as_deref().map_or_else(|| Ok(checkpoint.config.clone()), own_config)?;
    config.data.moved(data, run)?;
    if let Some(gone) = data.filter(|path| !path.exists()) {
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
    let probed = |e: &Entry| matches!(e, Entry::Probe(p) if p.step >= step);
    if !entries.iter().any(probed) {
        let known = checkpoint.state.data.clone();
        let probe = data::load(&config.data, config.seed)
            .and_then(|found| {
                identity::same(run, known.as_deref(), &config.data, &found).map(|()| Arc::new(found))
            })
            .and_then(|found| {
                let prober = Prober::new(&checkpoint.config, &found);
                LoadedRun::of(checkpoint, path, hardware.open()?)
                    .and_then(|mut run| prober.probe(&mut run.engine(), step))
            });
        match probe {
            Ok(Some(probe)) => drop(judge.probe(&probe)),
            Ok(None) => notes.push("samples were not measured: a number of them is not finite".into()),
            Err(e) if data.is_some() => return Err(e),
            Err(e) => {
                let advice = if config.data.source.is_built_in() { "" } else { data::MOVED };
                notes.push(format!("samples were not measured: {e}{advice}"));
            }
        }
    }
    Ok(told(&judge, &entries, step, notes))
}

/// Judges a run by what training wrote down alone: reads two small files.
///
/// # Errors
/// When there is no such run.
pub fn recorded(run: &Path) -> Result<Diagnosis> {
    let config = own_config(&Folder::open(run)?.path)?;
    let mut judge = Judge::new(&config);
    let entries = replay(run, &mut judge, u64::MAX)?;
    Ok(told(&judge, &entries, 0, vec![]))
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
