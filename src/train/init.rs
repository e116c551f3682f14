//! `--init-from`: weights of another model as the start of a new run. Optimizer and counters start afresh.

use super::Trainer;
use crate::error::{Error, Result};
use crate::models::gan::Gan;
use crate::nn::Mlp;
use crate::nn::Role;
use crate::run::checkpoint;
use crate::run::tensors::Tensors;
use std::path::{Path, PathBuf};

/// Fills the trainer's networks from a run, a checkpoint or a single safetensors file; what was done.
///
/// Where a network says `pretrained = n`, its last n layers are filled from the first layers on of the same
/// network in the file, and networks that do not say so are left as they are. Otherwise every layer is filled
/// from the one of the same name.
///
/// # Errors
/// When there is nothing to read, or shapes do not fit.
pub fn init_from(trainer: &mut Trainer, from: &Path) -> Result<String> {
    let mut networks = trainer.snapshot()?.networks.into_owned();
    let partial = Role::ALL.iter().any(|&p| trainer.gan.network(p).network.pretrained > 0);
    let mut filled = Vec::new();
    for source in sources(from)? {
        let network = trainer.gan.network(source.player);
        if partial && network.network.pretrained == 0 {
            continue;
        }
        let state = &mut networks[source.player as usize];
        if source.average {
            if !state.average.is_empty() {
                fill(&source.file, network, &mut state.average)?;
            }
            continue;
        }
        let count = fill(&source.file, network, &mut state.weights)?;
        // Where the file holds no average of its own, it starts at the weights.
        if !state.average.is_empty() {
            state.average = state.weights.clone();
        }
        filled.push(format!("{count} layers of the {}", source.player.name()));
    }
    if filled.is_empty() {
        return Err(Error::Checkpoint(format!("{}: nothing there fits this model", from.display())));
    }
    trainer.set_networks(networks)?;
    Ok(format!("{} from {}", filled.join(" and "), from.display()))
}

/// What is to be said of a new run that starts without weights of another, though its recipe asks for them.
pub fn missing(gan: &Gan) -> Option<String> {
    let asks = |&p: &Role| gan.network(p).network.pretrained > 0;
    let player = Role::ALL.into_iter().find(asks)?;
    Some(format!(
        "{} asks for pretrained layers of the {}, but there is no --init-from: it trains from nothing",
        gan.config.recipe,
        player.name()
    ))
}

struct Source {
    player: Role,
    average: bool,
    file: PathBuf,
}

/// The files to read, each network before its average.
fn sources(from: &Path) -> Result<Vec<Source>> {
    let source = |player, average, file: PathBuf| Source { player, average, file };
    if from.is_file() {
        return Ok(vec![source(player_of(from)?, false, from.to_path_buf())]);
    }
    let (_, path, warnings) = checkpoint::locate(from)?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    let all = [
        source(Role::Generator, false, path.join("generator.safetensors")),
        source(Role::Generator, true, path.join("generator_ema.safetensors")),
        source(Role::Discriminator, false, path.join("discriminator.safetensors")),
    ];
    Ok(all.into_iter().filter(|s| s.file.is_file()).collect())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|e| Error::Checkpoint(format!("{}: cannot read it: {e}", file.display())))
}

/// Whose weights a file holds: it says so itself, or, written by another program, by its name; else G's.
fn player_of(file: &Path) -> Result<Role> {
    let said = Tensors::parse(file, &read(file)?)?.metadata("network").unwrap_or_default();
    let named = file.file_name().map_or("".into(), |n| n.to_string_lossy());
    let player = |name: &str| Role::ALL.into_iter().find(|player| name.starts_with(player.name()));
    Ok(player(&said).or_else(|| player(&named)).unwrap_or(Role::Generator))
}

/// Fills a network's flat memory from a file; how many layers.
fn fill(file: &Path, network: &Mlp, numbers: &mut [f32]) -> Result<usize> {
    let bytes = read(file)?;
    let tensors = Tensors::parse(file, &bytes)?;
    let layers = network.network.layers.len();
    let first = match network.network.pretrained {
        0 => 0,
        pretrained => layers - pretrained,
    };
    for p in network.parameters.iter().filter(|p| p.layer >= first) {
        let name = p.name.replacen(&p.layer.to_string(), &(p.layer - first).to_string(), 1);
        tensors.read_one(&name, p, &mut numbers[p.offset..p.offset + p.len()])?;
    }
    Ok(layers - first)
}
