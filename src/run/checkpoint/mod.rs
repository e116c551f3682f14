//! Checkpoints: a folder that is whole or not there, each file's SHA-256 in its manifest.
//!
//! ```text
//! step-000001000/
//!   generator.safetensors      PyTorch's names and layouts
//!   generator_ema.safetensors  the moving average of G, its norms' standing statistics; absent where none is kept
//!   discriminator.safetensors
//!   optimizer.safetensors      moments: generator.layers.0.weight.exp_avg …
//!   state.json                 counters, and the metrics window begun
//!   config.toml                what this checkpoint came from; its train.steps is its own step
//!   MANIFEST.json              length and SHA-256 of each
//! ```
//!
//! Saving writes `step-….tmp`, flushes every file and the folder, renames, flushes the parent. A kill at any
//! moment leaves a whole checkpoint or one that readers pass by. Equal runs make equal bytes: nothing here
//! tells the time.

mod best;
mod state;

pub use best::{best_of, keep_best, settle_best};
pub use state::{Best, State, Window};

use super::atomic;
use super::tensors::{Flat, Tensors, encode};
use crate::config::{Config, ConfigBuilder};
use crate::console::typed;
use crate::error::{Error, Result};
use crate::exec::{States, UpdateRule};
use crate::graph::OptimizerId;
use crate::models::{self, Game};
use crate::nn::{Memory, Network, Networks};
use crate::numbers::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file that lists the others.
pub const MANIFEST: &str = "MANIFEST.json";
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    files: Sums,
}

/// A file of a checkpoint as its manifest knows it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
}

/// Files by name.
pub type Sums = BTreeMap<String, Entry>;

/// Contents of a checkpoint's files, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Configuration of the training.
    pub config: Config,
    /// Counters of the training.
    pub state: State,
    /// Tensors of every optimizer's networks.
    pub networks: States,
}

impl Checkpoint {
    /// The model that such a checkpoint is of.
    pub fn model(config: &Config, state: &State) -> Arc<dyn Game> {
        models::of(config, state.example.into(), state.classes)
    }
}

/// The folder name of a step.
fn name(step: u64) -> String {
    format!("step-{step:09}")
}

fn step_of(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.parse().ok()
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// What is saved.
pub struct Snapshot<'a> {
    /// How the model was trained.
    pub config: &'a Config,
    /// The model.
    pub game: &'a dyn Game,
    /// How it is updated.
    pub rules: &'a [UpdateRule],
    /// Counters.
    pub state: &'a State,
    /// Tensors.
    pub networks: Cow<'a, States>,
}

/// Saves a checkpoint into `folder`, then removes all but the newest `config.checkpoint.keep`. Its path.
///
/// # Errors
/// When the file system refuses; the checkpoints before it are untouched then.
pub fn save(folder: &Path, snapshot: &Snapshot) -> Result<PathBuf> {
    replace(folder, snapshot, None)
}

/// [`save`] in place of a checkpoint that was made in between for safety alone: once the new one is whole, it goes.
///
/// # Errors
/// When [`save`] fails.
pub fn replace(folder: &Path, snapshot: &Snapshot, interim: Option<&Path>) -> Result<PathBuf> {
    let state = snapshot.state;
    let to = folder.join(name(state.step));
    // The same step of the same run has the same bytes.
    if verify(&to).is_err() {
        let aside = atomic::unfinished(&to);
        let saved = write(&aside, &encode_all(snapshot)).and_then(|()| {
            if to.exists() {
                fs::remove_dir_all(&to).map_err(|e| Error::io("replace the damaged", &to, &e))?;
            }
            atomic::publish(&aside, &to)
        });
        if let Err(e) = saved {
            // The first error is the one to tell.
            let _ = fs::remove_dir_all(&aside);
            return Err(e);
        }
    }
    let latest = folder.parent().unwrap_or(folder).join("latest");
    atomic::write(&latest, format!("{}\n", name(state.step)).as_bytes())?;
    retire(folder, snapshot.config.checkpoint.keep, interim.filter(|path| **path != to))?;
    Ok(to)
}

fn encode_all(snapshot: &Snapshot) -> Vec<(String, Vec<u8>)> {
    let Snapshot { config, game, rules, state, networks } = snapshot;
    let mut files = vec![];
    for network in game.networks().all() {
        let own = &networks[usize::from(network.optimizer.0)];
        let mut whole = |name: String, numbers, states| {
            let flat = Flat { prefix: "", suffix: "", network, numbers, states: Some(states) };
            files.push((format!("{name}.safetensors"), encode(["network", &name], &[flat])));
        };
        whole(network.name.clone(), &own.weights, &own.states);
        if !own.average.is_empty() {
            whole(averaged(&network.name), &own.average, &own.average_states);
        }
    }
    let names = moment_names(game.networks(), rules);
    let moments: Vec<Flat> = names
        .iter()
        .map(|m| {
            let network = &game.networks().all()[m.network];
            let numbers = &networks[usize::from(network.optimizer.0)].moments[m.index];
            Flat { prefix: &m.prefix, suffix: &m.suffix, network, numbers, states: None }
        })
        .collect();
    files.push(("optimizer.safetensors".into(), encode(["network", "optimizer"], &moments)));
    let scaled = rules.iter().any(|r| r.scaled);
    let scales = game.networks().memories().iter().zip(&**networks);
    let loss_scales =
        scaled.then(|| scales.map(|(memory, n)| (memory.role.name().to_string(), n.loss_scale)).collect());
    let state = State { loss_scales, ..(*state).clone() };
    let mut json = serde_json::to_vec_pretty(&state).expect("counters and finite sums");
    json.push(b'\n');
    files.push(("state.json".into(), json));
    // How long the run was meant to go, and where its data lay, do not change what this checkpoint holds.
    let mut own = (*config).clone();
    own.data.path = None;
    (own.train.steps, own.train.epochs) = (state.step.max(1), 0);
    files.push(("config.toml".into(), own.to_toml().into_bytes()));
    files
}

/// The name of a network's moving average: `generator_ema`, `generator_ema.a2b`.
pub fn averaged(name: &str) -> String {
    match name.split_once('.') {
        Some((role, instance)) => format!("{role}_ema.{instance}"),
        None => format!("{name}_ema"),
    }
}

/// One moment of one network's parameters in the optimizers' file.
struct Moment {
    /// The network's number.
    network: usize,
    /// Number of the moment.
    index: usize,
    /// Before a parameter's name: `generator.`.
    prefix: String,
    /// After it: `.exp_avg`.
    suffix: String,
}

/// Every moment: optimizer by optimizer, moment by moment, network by network.
fn moment_names(networks: &Networks, rules: &[UpdateRule]) -> Vec<Moment> {
    let of = |(optimizer, rule): (OptimizerId, &UpdateRule)| {
        let names = rule.moment_names().iter().enumerate();
        let all = names.flat_map(|(index, name)| networks.of(optimizer).map(move |n| (index, name, n)));
        let moment = |(index, name, network): (usize, &&str, &Network)| Moment {
            network: usize::from(network.id.0),
            index,
            prefix: format!("{}.", network.name),
            suffix: format!(".{name}"),
        };
        all.map(moment).collect::<Vec<_>>()
    };
    networks.optimizers().zip(rules).flat_map(of).collect()
}

fn write<N: AsRef<str>>(aside: &Path, files: &[(N, Vec<u8>)]) -> Result<()> {
    if aside.exists() {
        // Left by a crash.
        fs::remove_dir_all(aside).map_err(|e| Error::io("remove", aside, &e))?;
    }
    fs::create_dir_all(aside).map_err(|e| Error::io("make the folder", aside, &e))?;
    let mut manifest = Manifest { format: FORMAT, files: BTreeMap::new() };
    for (name, bytes) in files {
        let name = name.as_ref();
        atomic::write_through(&aside.join(name), bytes)?;
        let entry = Entry { bytes: bytes.len() as u64, sha256: sha256(bytes) };
        manifest.files.insert(name.to_string(), entry);
    }
    let mut json = serde_json::to_vec_pretty(&manifest).expect("names and numbers");
    json.push(b'\n');
    atomic::write_through(&aside.join(MANIFEST), &json)?;
    atomic::flush_folder(aside)
}

/// Removes `interim`, the oldest checkpoints beyond `keep`, and what crashes left unfinished.
fn retire(folder: &Path, keep: usize, interim: Option<&Path>) -> Result<()> {
    let (interim, lasting): (Vec<_>, Vec<_>) =
        list(folder)?.into_iter().map(|(_, path)| path).partition(|path| Some(path.as_path()) == interim);
    let old = interim.into_iter().chain(lasting.into_iter().skip(keep));
    old.chain(unfinished(folder)?).try_for_each(|path| remove(&path))
}

/// Checkpoints that a crash left half written or half removed.
///
/// # Errors
/// When their folder cannot be listed.
pub fn unfinished(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_unfinished = |name: &String| name.starts_with("step-") && name.ends_with(atomic::UNFINISHED);
    Ok(super::names(folder)?.into_iter().filter(is_unfinished).map(|name| folder.join(name)).collect())
}

/// Removes a checkpoint's folder with all that is in it, and what a crash left of one of the same name; nothing where it is
/// gone already.
///
/// # Errors
/// When the file system refuses.
pub fn remove(path: &Path) -> Result<()> {
    let erase = |gone: &Path| match fs::remove_dir_all(gone) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", gone, &e)),
        _ => Ok(()),
    };
    let aside = atomic::unfinished(path);
    erase(&aside)?;
    // Renamed first: a half-removed folder must not look like a checkpoint.
    match fs::rename(path, &aside) {
        Ok(()) => erase(&aside),
        Err(_) => erase(path),
    }
}

/// Steps and folders of finished checkpoints, newest first.
///
/// # Errors
/// When their folder cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let names = super::names(folder)?.into_iter();
    let found = names.filter_map(|name| Some((step_of(&name)?, folder.join(name))));
    let mut all: Vec<_> = found.filter(|(_, path)| path.is_dir()).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    Ok(all)
}

fn damaged(path: &Path, file: &str, what: &str) -> Error {
    Error::Checkpoint(format!("{}: {what}; the checkpoint cannot be trusted", path.join(file).display()))
}

fn manifest(path: &Path) -> Result<Manifest> {
    let bytes = fs::read(path.join(MANIFEST)).map_err(|e| damaged(path, MANIFEST, &e.to_string()))?;
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|e| damaged(path, MANIFEST, &format!("not a manifest: {e}")))?;
    match manifest.format {
        FORMAT => Ok(manifest),
        other => Err(damaged(path, MANIFEST, &format!("format {other}, expected {FORMAT}"))),
    }
}

/// What a checkpoint's manifest says of its files, which are not read.
///
/// # Errors
/// When there is no manifest, or none that can be read.
pub fn sums(path: &Path) -> Result<Sums> {
    manifest(path).map(|m| m.files)
}

/// The counters of a checkpoint whose files are all there with the lengths that its manifest says; of the files, only
/// `state.json` is read.
///
/// # Errors
/// When a file is missing or of another length, or the counters are not those of the manifest.
pub fn state(path: &Path) -> Result<State> {
    let manifest = manifest(path)?;
    for (name, entry) in &manifest.files {
        let found = fs::metadata(path.join(name)).map_err(|e| damaged(path, name, &e.to_string()))?.len();
        if found != entry.bytes {
            return Err(damaged(path, name, &format!("{found} bytes, expected {}", entry.bytes)));
        }
    }
    let name = "state.json";
    let bytes = fs::read(path.join(name)).map_err(|e| damaged(path, name, &e.to_string()))?;
    match manifest.files.get(name) {
        Some(entry) if entry.sha256 == sha256(&bytes) => {
            State::parse(&bytes).map_err(|e| damaged(path, name, &e.to_string()))
        }
        _ => Err(damaged(path, name, "not the file of the manifest")),
    }
}

/// Reads every file of a checkpoint and checks it against the manifest.
///
/// # Errors
/// When a file is missing or differs from the manifest.
pub fn check(path: &Path) -> Result<()> {
    verify(path).map(drop)
}

/// Contents of a checkpoint's files, each checked against the manifest.
fn verify(path: &Path) -> Result<Files> {
    let damaged = |file: &str, what: String| damaged(path, file, &what);
    let manifest = manifest(path)?;
    let mut files = BTreeMap::new();
    for (name, entry) in &manifest.files {
        let bytes = fs::read(path.join(name)).map_err(|e| damaged(name, e.to_string()))?;
        let found = Entry { bytes: bytes.len() as u64, sha256: sha256(&bytes) };
        if found.bytes != entry.bytes {
            return Err(damaged(name, format!("{} bytes, expected {}", found.bytes, entry.bytes)));
        }
        if found != *entry {
            return Err(damaged(name, format!("SHA-256 {}, expected {}", found.sha256, entry.sha256)));
        }
        files.insert(name.clone(), bytes);
    }
    Ok(files)
}

/// Loads the checkpoint at `path`.
///
/// # Errors
/// When a file is missing or differs from the manifest by a byte, the configuration is none of this program's, or tensors
/// do not fit it.
pub fn load(path: &Path) -> Result<Checkpoint> {
    load_with(path, Checkpoint::model)
}

/// Loads the checkpoint at `path` of a model that `model` makes of its configuration and state.
///
/// # Errors
/// When [`load`] fails.
pub fn load_with(path: &Path, model: impl Fn(&Config, &State) -> Arc<dyn Game>) -> Result<Checkpoint> {
    let files = verify(path)?;
    let bytes = |name: &str| {
        files.get(name).ok_or_else(|| Error::Checkpoint(format!("{}: missing", path.join(name).display())))
    };
    let config_path = path.join("config.toml");
    let whence = config_path.display().to_string();
    let text = String::from_utf8_lossy(bytes("config.toml")?).into_owned();
    let config = ConfigBuilder::resolved(&text, &whence).and_then(ConfigBuilder::finish);
    let config = config.map_err(|e| Error::Checkpoint(e.to_string()))?;
    let state = State::parse(bytes("state.json")?)
        .map_err(|e| Error::Checkpoint(format!("{}: {e}", path.join("state.json").display())))?;
    let game = model(&config, &state);
    let networks = tensors(path, &files, &*game, &state)?;
    Ok(Checkpoint { config, state, networks })
}

/// The networks of a checkpoint, from its files.
fn tensors(path: &Path, files: &Files, game: &dyn Game, state: &State) -> Result<States> {
    let bytes = |name: &str| {
        files.get(name).ok_or_else(|| Error::Checkpoint(format!("{}: missing", path.join(name).display())))
    };
    let rules = models::rules(game);
    let memories = game.networks().memories();
    let zeros = |(rule, memory): (&UpdateRule, &Memory)| {
        rule.start_with(vec![0.0; memory.len], vec![0.0; memory.states])
    };
    let mut networks: States = rules.iter().zip(memories).map(zeros).collect();
    for network in game.networks().all() {
        let own = &mut networks[usize::from(network.optimizer.0)];
        let fill = |name: &str, numbers: &mut [f32], states: &mut [f32]| {
            let file = format!("{name}.safetensors");
            Tensors::parse(&path.join(&file), bytes(&file)?)?.read(["", ""], network, numbers, Some(states))
        };
        fill(&network.name, &mut own.weights, &mut own.states)?;
        if !own.average.is_empty() {
            fill(&averaged(&network.name), &mut own.average, &mut own.average_states)?;
        }
    }
    let file = "optimizer.safetensors";
    for m in moment_names(game.networks(), &rules) {
        let network = &game.networks().all()[m.network];
        let to = &mut networks[usize::from(network.optimizer.0)].moments[m.index];
        Tensors::parse(&path.join(file), bytes(file)?)?.read([&m.prefix, &m.suffix], network, to, None)?;
    }
    for (network, memory) in networks.iter_mut().zip(memories) {
        let scale = state.loss_scales.as_ref().and_then(|scales| scales.get(memory.role.name()));
        network.loss_scale = scale.copied().unwrap_or(network.loss_scale);
    }
    Ok(networks)
}

/// The newest checkpoint of a run that is whole, and one warning for each damaged one passed by.
///
/// # Errors
/// When there is none, or their folder cannot be listed.
pub fn newest(folder: &Path) -> Result<(Checkpoint, PathBuf, Vec<String>)> {
    let mut warnings = Vec::new();
    for (_, path) in list(folder)? {
        match load(&path) {
            Ok(checkpoint) => return Ok((checkpoint, path, warnings)),
            Err(e) => warnings.push(e.to_string()),
        }
    }
    Err(Error::Checkpoint(match warnings.first() {
        None => format!(
            "{}: no checkpoint yet; where a training still runs, wait for its first, else begin again under another name",
            folder.display()
        ),
        Some(first) => format!("{}: no checkpoint is whole; {first}", folder.display()),
    }))
}

/// What a user may mean by RUN|CHECKPOINT: a run's folder (its newest good checkpoint) or a checkpoint's.
///
/// # Errors
/// When there is nothing of the kind.
pub fn locate(path: &Path) -> Result<(Checkpoint, PathBuf, Vec<String>)> {
    if path.join(MANIFEST).is_file() {
        return load(path).map(|c| (c, path.to_path_buf(), vec![]));
    }
    if let Some(run) = run_of(path).filter(|_| path.file_name() == Some("best".as_ref()) && !path.exists()) {
        return Err(Error::Checkpoint(format!(
            "{}: the run keeps no best checkpoint; train with --best-by METRIC, also on --resume {}, to have one",
            path.display(),
            typed(&run)
        )));
    }
    let run = super::Folder::open(path)?;
    newest(&run.checkpoints())
}

/// The run that a checkpoint lies in, where it still does.
pub fn run_of(checkpoint: &Path) -> Option<PathBuf> {
    // Of a name alone, the folders above are the shell's.
    let whole =
        checkpoint.parent()?.parent().is_none().then(|| std::path::absolute(checkpoint)).transpose().ok()?;
    let checkpoint = whole.as_deref().unwrap_or(checkpoint);
    let home = super::Folder { path: checkpoint.parent()?.parent()?.to_path_buf() };
    let lies_there = checkpoint.parent() == Some(&home.checkpoints()) && home.config_file().is_file();
    lies_there.then_some(home.path)
}
