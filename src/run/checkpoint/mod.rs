//! Checkpoints: a folder that is whole or not there, each file's SHA-256 in its manifest.
//!
//! ```text
//! step-000001000/
//!   generator.safetensors      PyTorch's names and layouts
//!   generator_ema.safetensors  the moving average of G; absent where none is kept
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

pub use best::{Best, best_of, keep_best, settle_best};

use super::atomic;
use super::tensors::{Flat, Tensors, encode};
use crate::config::{Config, ConfigBuilder};
use crate::error::{Error, Result};
use crate::exec::scale::LossScale;
use crate::exec::{States, UpdateRule};
use crate::models::gan::Gan;
use crate::nn::Role;
use crate::numbers::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const MANIFEST: &str = "MANIFEST.json";
const FORMAT: u32 = 1;

/// Everything but tensors that training goes on from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Phases run: the position in every random stream and in the shuffled data.
    pub tick: u64,
    /// Updates of G and of D.
    pub updates: [u64; 2],
    /// Metrics since the last line.
    pub window: Window,
    /// Channels, height and width of an example.
    pub example: [usize; 3],
    /// Classes of the data set; 0 when unlabelled.
    pub classes: usize,
    /// SHA-256 of the examples; absent in checkpoints of before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The loss scales of G and D, where fp16 trains with such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scales: Option<[LossScale; 2]>,
    /// The best evaluation so far, where `checkpoint.best_by` asks for such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
}

/// Sums of metrics over the steps since the last line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Steps summed.
    pub steps: u64,
    /// By name.
    pub sums: BTreeMap<String, f64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    files: Sums,
}

/// A file of a checkpoint as its manifest knows it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

/// Files by name.
pub type Sums = BTreeMap<String, Entry>;

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Its configuration.
    pub config: Config,
    /// Its counters.
    pub state: State,
    /// Its tensors.
    pub networks: States,
}

impl Checkpoint {
    /// The model it is of.
    pub fn model(config: &Config, state: &State) -> Gan {
        Gan::new(config, state.example, state.classes)
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
    pub gan: &'a Gan,
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
    retire(folder, snapshot.config.checkpoint.keep)?;
    Ok(to)
}

fn encode_all(snapshot: &Snapshot) -> Vec<(&'static str, Vec<u8>)> {
    let Snapshot { config, gan, rules, state, networks } = snapshot;
    let whole = |kind, player: Role, numbers| {
        encode(["network", kind], &[Flat { prefix: "", suffix: "", network: gan.network(player), numbers }])
    };
    let [g, d] = &networks[..] else { unreachable!("a GAN has two networks") };
    let mut files = vec![
        ("generator.safetensors", whole("generator", Role::Generator, &g.weights)),
        ("discriminator.safetensors", whole("discriminator", Role::Discriminator, &d.weights)),
    ];
    if !g.average.is_empty() {
        files.push(("generator_ema.safetensors", whole("generator_ema", Role::Generator, &g.average)));
    }
    let names = moment_names(rules);
    let moments: Vec<Flat> = names
        .iter()
        .map(|(player, i, prefix, suffix)| Flat {
            prefix,
            suffix,
            network: gan.network(*player),
            numbers: &networks[*player as usize].moments[*i],
        })
        .collect();
    files.push(("optimizer.safetensors", encode(["network", "optimizer"], &moments)));
    let scaled = rules.iter().any(|r| r.scaled);
    let loss_scales = scaled.then(|| [g.loss_scale, d.loss_scale]);
    let state = State { loss_scales, ..(*state).clone() };
    let mut json = serde_json::to_vec_pretty(&state).expect("counters and finite sums");
    json.push(b'\n');
    files.push(("state.json", json));
    // How long the run was meant to go, and where its data lay, do not change what this checkpoint holds.
    let mut own = (*config).clone();
    own.data.path = None;
    (own.train.steps, own.train.epochs) = (state.step.max(1), 0);
    files.push(("config.toml", own.to_toml().into_bytes()));
    files
}

/// Role, index, and what stands before and after a parameter's name, of every moment.
fn moment_names(rules: &[UpdateRule]) -> Vec<(Role, usize, String, String)> {
    let of = |player: Role| {
        let names = rules[player as usize].moment_names().iter().enumerate();
        names.map(move |(i, name)| (player, i, format!("{}.", player.name()), format!(".{name}")))
    };
    Role::ALL.into_iter().flat_map(of).collect()
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

/// Removes the oldest checkpoints beyond `keep`, and what crashes left unfinished.
fn retire(folder: &Path, keep: usize) -> Result<()> {
    let old = list(folder)?.into_iter().skip(keep).map(|(_, path)| path);
    let is_unfinished = |name: &String| name.starts_with("step-") && name.ends_with(atomic::UNFINISHED);
    let names = super::names(folder)?.into_iter();
    let unfinished = names.filter(is_unfinished).map(|name| folder.join(name));
    for path in old.chain(unfinished) {
        // Renamed first: a half-removed folder must not look like a checkpoint.
        let aside = atomic::unfinished(&path);
        if path != aside {
            let _ = fs::rename(&path, &aside);
        }
        let gone = if aside.exists() { aside } else { path };
        fs::remove_dir_all(&gone).map_err(|e| Error::io("remove", &gone, &e))?;
    }
    Ok(())
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

/// Reads every file of a checkpoint and checks it against the manifest.
fn verify(path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
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
    let files = verify(path)?;
    let bytes = |name: &str| {
        files.get(name).ok_or_else(|| Error::Checkpoint(format!("{}: missing", path.join(name).display())))
    };
    let config_path = path.join("config.toml");
    let whence = config_path.display().to_string();
    let text = String::from_utf8_lossy(bytes("config.toml")?).into_owned();
    let config = ConfigBuilder::resolved(&text, &whence).and_then(ConfigBuilder::finish);
    let config = config.map_err(|e| Error::Checkpoint(e.to_string()))?;
    let state: State = serde_json::from_slice(bytes("state.json")?)
        .map_err(|e| Error::Checkpoint(format!("{}: {e}", path.join("state.json").display())))?;
    let gan = Checkpoint::model(&config, &state);
    let rules = crate::train::rules(&gan);
    let start = |p: Role| rules[p as usize].start(vec![0.0; gan.network(p).len]);
    let mut networks: States = Role::ALL.map(start).into();
    for player in Role::ALL {
        let file = format!("{}.safetensors", player.name());
        fill(path, &file, bytes(&file)?, ["", ""], &gan, player, &mut networks[player as usize].weights)?;
    }
    if rules[0].average {
        let file = "generator_ema.safetensors";
        fill(path, file, bytes(file)?, ["", ""], &gan, Role::Generator, &mut networks[0].average)?;
    }
    let file = "optimizer.safetensors";
    for (player, i, prefix, suffix) in moment_names(&rules) {
        let to = &mut networks[player as usize].moments[i];
        fill(path, file, bytes(file)?, [&prefix, &suffix], &gan, player, to)?;
    }
    for (network, scale) in networks.iter_mut().zip(state.loss_scales.into_iter().flatten()) {
        network.loss_scale = scale;
    }
    Ok(Checkpoint { config, state, networks })
}

fn fill(
    path: &Path,
    file: &str,
    bytes: &[u8],
    [prefix, suffix]: [&str; 2],
    gan: &Gan,
    player: Role,
    to: &mut [f32],
) -> Result<()> {
    let file = path.join(file);
    Tensors::parse(&file, bytes)?.read(prefix, suffix, gan.network(player), to)
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
