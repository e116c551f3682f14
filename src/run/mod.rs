//! A run on the disk: its folder, its lock, its metrics, its checkpoints. Nothing here computes.
//!
//! ```text
//! runs/00000-digits/
//!   config.toml      every value that decides the run's bytes
//!   metrics.jsonl    one line every log.every steps
//!   doctor.jsonl     what the run doctor measured every log.samples_every steps, and its verdicts as they changed
//!   verdict.json     the doctor's last word, with what it measured for that alone
//!   samples/         step-000001000.png … on fixed noise; reals.png beside them
//!   checkpoints/     step-000001000/ …: see [`checkpoint`]
//!   data.json        the data: what was read, split, resized and passed over, names and counts of classes
//!   model.py         G in PyTorch, for who loads its weights there
//!   machine.json     what it was trained on, with which program, and when
//!   eval.json        what `gansaku eval` measured; theory.png beside it
//!   labels.safetensors  a small classifier of the data, by which `gansaku doctor` asks a conditional run for its labels
//!   report.html      what was trained and whether it worked, on one page
//!   events.out.tfevents.…  the metrics and pictures for TensorBoard
//!   latest           the name of the newest checkpoint
//!   lock             held while something writes here, which it names
//!   eval.lock        held while a measurement is added to eval.json
//! ```

pub mod atomic;
pub mod checkpoint;
pub mod journal;
mod metrics;
pub mod tensors;

pub use metrics::{Line, Metrics};

use crate::config::{Config, ConfigBuilder};
use crate::console::typed;
use crate::data::{Classes, Dataset};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a run is trained on, with which program, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The program's version.
    pub gansaku: String,
    /// The device, without what does not change the run's bytes, such as the number of threads.
    pub device: String,
    /// When training began, and each time it went on: the only part that two equal runs may differ in. Empty in files of
    /// before this was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trainings: Vec<Began>,
}

/// The moment at which training began or went on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// Steps done before.
    pub step: u64,
    /// Seconds of training before.
    pub seconds: f64,
    /// The clock, in seconds since 1970.
    pub unix: f64,
}

impl Began {
    /// What the clock showed when a step was done: seconds since 1970. `seconds` are those of training until then; of a run
    /// that went on after a pause, the pause counts.
    pub fn clock(trainings: &[Began], step: u64, seconds: f64) -> Option<f64> {
        let own = trainings.iter().rev().find(|began| began.step < step).or(trainings.first());
        own.map(|began| began.unix + (seconds - began.seconds).max(0.0))
    }
}

/// The data that a run is trained on, for those who look at it where the data are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCard {
    /// What they are, for people.
    pub name: String,
    /// Where they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Channels, height and width of an example.
    pub example: [usize; 3],
    /// Examples that are trained on, kept for choosing, and kept to measure with.
    pub examples: [usize; 3],
    /// Classes; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// Domain A of two domains; absent where there is one. `examples` are then those of domain B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<OriginCard>,
    /// What the reader did and noticed.
    pub notes: Vec<String>,
}

/// Domain A of the data that a run is trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginCard {
    /// Examples that are trained on, kept for choosing, and kept to measure with.
    pub examples: [usize; 3],
    /// Names of the splits that are pairs: "train", "validation", "test".
    pub paired: Vec<String>,
}

impl DataCard {
    /// The card of a data set that was read from `path`.
    pub fn of(data: &Dataset, path: Option<&Path>) -> DataCard {
        let shape = data.shape;
        DataCard {
            name: data.name.clone(),
            path: path.map(|path| path.display().to_string()),
            example: [shape.channels, shape.height, shape.width],
            examples: [&data.train, &data.valid, &data.test].map(|split| split.count),
            classes: (data.classes > 0).then(|| data.class_table()),
            origin: data.origin.as_ref().map(|origin| OriginCard {
                examples: [&origin.data.train, &origin.data.valid, &origin.data.test]
                    .map(|split| split.count),
                paired: origin.paired.names().into_iter().map(String::from).collect(),
            }),
            notes: data.notes.clone(),
        }
    }
}

/// A run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
}

/// Held by the one process that works in a folder, which the file names; given back when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Nobody holds it: equal runs leave equal files. Where this fails, a stale name is all that stays.
        let _ = self.file.set_len(0);
    }
}

impl Folder {
    /// Checks that a new run can be called `out/name`, or lie in `out` under a number.
    ///
    /// # Errors
    /// When `name` is no name of a folder, or is taken, or a file is in the way.
    pub fn vacant(out: &Path, name: Option<&str>) -> Result<()> {
        let there = out.ancestors().find(|path| path.exists());
        if let Some(file) = there.filter(|path| !path.is_dir()) {
            return Err(Error::Failure(format!(
                "cannot make the folder {}: {} is a file",
                out.display(),
                file.display()
            )));
        }
        let Some(name) = name else { return Ok(()) };
        if !is_plain(name) {
            return Err(Error::Usage(format!("--name {name:?}: expected one folder name; --out says where")));
        }
        let path = out.join(name);
        if path.exists() { Err(taken(&path)) } else { Ok(()) }
    }

    /// Makes the folder of a new run: `out/name`, or `out/NNNNN-recipe` with the next free number.
    ///
    /// # Errors
    /// When `name` is taken or the folder cannot be made.
    pub fn create(out: &Path, name: Option<&str>, recipe: &str) -> Result<Folder> {
        Folder::vacant(out, name)?;
        fs::create_dir_all(out).map_err(|e| Error::io("make the folder", out, &e))?;
        if let Some(name) = name {
            let path = out.join(name);
            return match fs::create_dir(&path) {
                Ok(()) => Folder { path }.furnish(),
                // Someone else took it a moment ago.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(taken(&path)),
                Err(e) => Err(Error::io("make the folder", &path, &e)),
            };
        }
        let number = |name: &String| name.split('-').next().and_then(|n| n.parse::<u32>().ok());
        let greatest = names(out)?.iter().filter_map(number).max();
        let mut next = greatest.map_or(0, |n| n.saturating_add(1));
        loop {
            let path = out.join(format!("{next:05}-{recipe}"));
            match fs::create_dir(&path) {
                Ok(()) => return Folder { path }.furnish(),
                // Someone else started at the same moment.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => next += 1,
                Err(e) => return Err(Error::io("make the folder", &path, &e)),
            }
        }
    }

    /// With the folders that training fills.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn furnish(self) -> Result<Folder> {
        for part in [self.samples(), self.checkpoints()] {
            fs::create_dir_all(&part).map_err(|e| Error::io("make the folder", &part, &e))?;
        }
        Ok(self)
    }

    /// The folder of an existing run.
    ///
    /// # Errors
    /// When it is not there or not a run.
    pub fn open(path: &Path) -> Result<Folder> {
        let folder = Folder { path: path.to_path_buf() };
        if path.is_file() {
            return Err(Error::Checkpoint(format!("{}: a file; expected a run's folder", path.display())));
        }
        if !path.is_dir() {
            return Err(Error::Checkpoint(format!("{}: no such run{}", path.display(), neighbours(path))));
        }
        if !folder.config_file().is_file() {
            return Err(Error::Checkpoint(format!("{}: not a run: it has no config.toml", path.display())));
        }
        if folder.path.join(checkpoint::MANIFEST).is_file() {
            return Err(Error::Checkpoint(format!(
                "{}: this is a checkpoint; give the folder of its run",
                path.display()
            )));
        }
        Ok(folder)
    }

    /// Takes the run for this process.
    ///
    /// # Errors
    /// When another process trains there.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.path.join("lock");
        // Whoever holds it has written its name there.
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(|e| Error::io("open", &path, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.held(&mut file)),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, &e)),
        }
        // A name that cannot be written costs a word in a message, no more.
        let command = std::env::args().nth(1).unwrap_or_default();
        let _ = file.set_len(0).and_then(|()| write!(file, "{} {command}", std::process::id()));
        Ok(Lock { file })
    }

    /// The error of a folder in which another process works, which it names.
    fn held(&self, lock: &mut File) -> Error {
        let mut holder = String::new();
        let _ = lock.read_to_string(&mut holder);
        let folder = self.path.display();
        Error::Usage(match holder.split_once(' ') {
            Some((id, command)) => format!(
                "{folder}: gansaku {command} (process {id}) works in this folder; wait for it, or end it: kill {id}"
            ),
            None => format!("{folder}: another gansaku works in this folder; wait for it"),
        })
    }

    /// Whether a process has the run: it trains there, or writes the report.
    pub fn is_taken(&self) -> bool {
        // Shared, and given back at once: two that look do not see each other.
        let file = File::open(self.path.join("lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes `eval.json` for this process; waits for others that have it, each for a moment.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn lock_measurements(&self) -> Result<Lock> {
        let path = self.path.join("eval.lock");
        let file = File::create(&path).map_err(|e| Error::io("create", &path, &e))?;
        file.lock().map_err(|e| Error::io("lock", &path, &e))?;
        Ok(Lock { file })
    }

    /// `config.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The configuration as written.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn config(&self) -> Result<ConfigBuilder> {
        read_config(&self.config_file()).map_err(|e| Error::Checkpoint(format!("{e}; {COPIES}")))
    }

    /// The configuration that it was trained with.
    ///
    /// # Errors
    /// When it cannot be read, or a value is out of range: nobody typed it, so that is damage.
    pub fn resolved(&self) -> Result<Config> {
        let damaged = |e| Error::Checkpoint(format!("{}: {e}; {COPIES}", self.config_file().display()));
        self.config()?.finish().map_err(damaged)
    }

    /// Writes the resolved configuration.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        atomic::write(&self.config_file(), config.to_toml().as_bytes())
    }

    /// Writes `machine.json`.
    pub fn write_machine(&self, machine: &Machine) -> Result<()> {
        let text = serde_json::to_string_pretty(machine).expect("names");
        atomic::write(&self.path.join("machine.json"), (text + "\n").as_bytes())
    }

    /// When this run's trainings began, one now from `step` on among them; those that a resume undid are forgotten.
    pub fn trainings(&self, step: u64, seconds: f64) -> Vec<Began> {
        let mut all = self.machine().map_or(vec![], |machine| machine.trainings);
        all.retain(|began| began.step < step);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        all.push(Began { step, seconds, unix: now.as_secs_f64() });
        all
    }

    /// What `machine.json` says, where there is one.
    pub fn machine(&self) -> Option<Machine> {
        serde_json::from_slice(&fs::read(self.path.join("machine.json")).ok()?).ok()
    }

    /// Writes `data.json`.
    pub fn write_data(&self, data: &DataCard) -> Result<()> {
        let text = serde_json::to_string_pretty(data).expect("names and numbers");
        atomic::write(&self.path.join("data.json"), (text + "\n").as_bytes())
    }

    /// What `data.json` says, where there is one.
    pub fn data(&self) -> Option<DataCard> {
        serde_json::from_slice(&fs::read(self.path.join("data.json")).ok()?).ok()
    }

    /// `report.html`.
    pub fn report_file(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// `eval.json`: what `gansaku eval` measured last.
    pub fn eval_file(&self) -> PathBuf {
        self.path.join("eval.json")
    }

    /// `verdict.json`: the doctor's last word.
    pub fn verdict_file(&self) -> PathBuf {
        self.path.join("verdict.json")
    }

    /// `labels.safetensors`: the small classifier by which the doctor asks whether labels are obeyed.
    pub fn labels_file(&self) -> PathBuf {
        self.path.join("labels.safetensors")
    }

    /// `theory.png`: D over the plane, as `gansaku eval RUN theory` draws it.
    pub fn theory_file(&self) -> PathBuf {
        self.path.join("theory.png")
    }

    /// `samples/`.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// The file of a picture of samples.
    pub fn picture(&self, step: u64) -> PathBuf {
        self.samples().join(format!("step-{step:09}.png"))
    }

    /// Steps and files of the pictures of samples, in order.
    ///
    /// # Errors
    /// When their folder cannot be listed.
    pub fn pictures(&self) -> Result<Vec<(u64, PathBuf)>> {
        let folder = self.samples();
        let step = |name: &str| name.strip_prefix("step-")?.strip_suffix(".png")?.parse().ok();
        let picture = |name: String| Some((step(&name)?, folder.join(name)));
        let mut all: Vec<_> = names(&folder)?.into_iter().filter_map(picture).collect();
        all.sort_unstable();
        Ok(all)
    }

    /// `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `metrics.jsonl`.
    pub fn metrics_file(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// `doctor.jsonl`.
    pub fn doctor_file(&self) -> PathBuf {
        self.path.join("doctor.jsonl")
    }
}

/// Names of what lies in a folder, in no order; none where there is no such folder.
///
/// # Errors
/// When it cannot be listed: a folder that cannot be read is not an empty one.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let io = |e: std::io::Error| Error::io("list", folder, &e);
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(io)?,
    };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
    entries.filter_map(|entry| entry.map(name).transpose()).collect::<std::io::Result<_>>().map_err(io)
}

/// A resolved configuration from a run's file.
///
/// # Errors
/// When it cannot be read or holds no configuration.
pub fn read_config(path: &Path) -> Result<ConfigBuilder> {
    let whence = path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|e| Error::Checkpoint(format!("{whence}: cannot read it: {e}")))?;
    ConfigBuilder::resolved(&text, &whence).map_err(|e| Error::Checkpoint(e.to_string()))
}

/// What helps where a run's configuration is damaged.
const COPIES: &str = "its checkpoints hold copies, without data.path";

/// Whether a name can be one file's or folder's, and not a hidden one's.
pub fn is_plain(name: &str) -> bool {
    let parts = Path::new(name).components().count();
    parts == 1 && !name.starts_with(['.', '-']) && !name.contains(['/', '\\', '\0'])
}

fn taken(path: &Path) -> Error {
    Error::Usage(format!(
        "{} is taken; continue it with --resume {}, or choose another --name",
        path.display(),
        typed(path)
    ))
}

/// ", did you mean …?" among the folders beside a missing one.
fn neighbours(path: &Path) -> String {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return String::new();
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let names = names(parent).unwrap_or_default();
    let folders = names.iter().map(String::as_str).filter(|name| parent.join(name).is_dir());
    crate::config::nearest(name, folders)
        .map_or(String::new(), |n| format!(", did you mean {}?", parent.join(n).display()))
}
