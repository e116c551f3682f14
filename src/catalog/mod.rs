//! The runs of a folder: what each is and how far it came ([`runs_in`]), as a table, as JSON and as a page, and what can be
//! removed of one ([`prune`]). Nothing here computes: it all comes from the runs' files.

mod curves;
mod page;
pub mod prune;
mod table;
mod thumbnail;

pub use page::{FILE, page, write};
pub use table::table;

use crate::config::Config;
use crate::doctor;
use crate::error::{Error, Result};
use crate::records::Verdict;
use crate::run::checkpoint::{self, Best};
use crate::run::{Folder, Line, journal};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A process has it.
    Training,
    /// Every step is done.
    Finished,
    /// It can go on.
    Stopped,
    /// An error ended it that would come again.
    Failed,
    /// Something in its folder cannot be read.
    Damaged,
}

impl Status {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Status::Training => "training",
            Status::Finished => "finished",
            Status::Stopped => "stopped",
            Status::Failed => "ended by an error",
            Status::Damaged => "damaged",
        }
    }
}

/// One run, as its files tell it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Name of its folder.
    pub name: String,
    /// The folder, below the one that was asked for.
    #[serde(serialize_with = "in_unicode")]
    pub path: PathBuf,
    /// How far it is.
    pub status: Status,
    /// The recipe it trains; none where its configuration is damaged.
    pub recipe: Option<String>,
    /// What it trains on, for people.
    pub data: Option<String>,
    /// Steps done: of the newest checkpoint or line of metrics.
    pub step: u64,
    /// Steps in all, where that is known.
    pub total: Option<u64>,
    /// Seconds of training.
    pub seconds: f64,
    /// What the doctor said last.
    pub verdicts: Vec<Verdict>,
    /// The best evaluation so far, where there are such.
    pub best: Option<Best>,
    /// Bytes on the disk.
    pub bytes: u64,
    /// When training last wrote there, in seconds since 1970.
    pub written: Option<u64>,
    /// What cannot be read, and why.
    pub damage: Option<String>,
}

fn in_unicode<S: Serializer>(path: &Path, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(&path.display())
}

/// The runs right below a folder, in the order of their names; what is no run is passed by.
///
/// # Errors
/// When the folder is missing or cannot be listed.
pub fn runs_in(folder: &Path) -> Result<Vec<Summary>> {
    if !folder.is_dir() {
        let what = if folder.exists() { "not a folder" } else { "no such folder" };
        return Err(Error::Usage(format!(
            "{}: {what}; expected a folder of runs, such as `gansaku train --out` fills",
            folder.display()
        )));
    }
    let mut names = crate::run::names(folder)?;
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    Ok(names.into_iter().filter_map(|name| summary(folder, name)).collect())
}

/// What a folder tells of the run in it; none where there is no trace of one.
fn summary(parent: &Path, name: String) -> Option<Summary> {
    let folder = Folder { path: parent.join(&name) };
    let traces = [folder.config_file(), folder.metrics_file(), folder.checkpoints()];
    let is_run = folder.path.is_dir() && traces.iter().any(|trace| trace.exists());
    // A checkpoint has a configuration, too.
    if !is_run || checkpoint::sums(&folder.path).is_ok() {
        return None;
    }
    let mut damage = vec![];
    let mut told = |e: Error| damage.push(e.to_string());
    let config = folder.resolved().map_err(&mut told).ok();
    let newest = checkpoint::list(&folder.checkpoints()).map_err(&mut told).unwrap_or_default();
    let state = newest.first().and_then(|(_, path)| checkpoint::state(path).map_err(&mut told).ok());
    let lines = journal::read::<Line>(&folder.metrics_file()).map_err(&mut told).unwrap_or_default();
    let verdicts = match &config {
        Some(_) => doctor::recorded(&folder.path).map(|d| d.verdicts).map_err(&mut told).unwrap_or_default(),
        None => vec![],
    };
    let last = lines.last();
    let step = state.as_ref().map_or(0, |s| s.step).max(last.map_or(0, |l| l.step));
    let examples = folder.data().map(|card| card.examples[0] as u64);
    let total = config.as_ref().and_then(|config| match config.train.epochs {
        0 => Some(config.train.steps),
        _ => examples.filter(|&n| n > 0).map(|n| config.train.total(n)),
    });
    let status = match total {
        _ if !damage.is_empty() => Status::Damaged,
        _ if folder.is_taken() => Status::Training,
        Some(total) if step >= total => Status::Finished,
        _ if verdicts.iter().any(|v| v.state.ends_training()) => Status::Failed,
        _ => Status::Stopped,
    };
    Some(Summary {
        status,
        recipe: config.as_ref().map(|c| c.recipe.clone()),
        data: config.as_ref().map(data),
        step,
        total,
        seconds: last.map_or(0.0, |l| l.seconds),
        verdicts,
        best: state.and_then(|s| s.best),
        bytes: size(&folder.path),
        written: written(&folder),
        damage: (!damage.is_empty()).then(|| damage.join("; ")),
        path: folder.path,
        name,
    })
}

/// What a run trains on: the name of a built-in source, or of the file or folder.
fn data(config: &Config) -> String {
    let named =
        config.data.path.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
    let source = serde_json::to_value(config.data.source).ok();
    let source = source.and_then(|name| Some(name.as_str()?.to_string())).unwrap_or_default();
    if config.data.source.is_built_in() { source } else { named.unwrap_or(source) }
}

/// Bytes of all files below a folder, links not followed.
fn size(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|e| e.file_type().is_file());
    files.filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum()
}

/// When training last wrote into a folder; reports and measurements do not count.
fn written(folder: &Folder) -> Option<u64> {
    let files = [folder.metrics_file(), folder.config_file(), folder.path.join("latest")];
    let times = files.iter().filter_map(|file| file.metadata().ok()?.modified().ok());
    let newest = times.max()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(newest.as_secs())
}
