//! `--init-from`: weights of another model as the start of a new run. Optimizer and counters start afresh.

use super::trainer::Trainer;
use crate::config::{Config, Role};
use crate::error::{Error, Result};
use crate::exec::NetworkState;
use crate::models::{Game, augmenter};
use crate::nn::{Network, StateTensor};
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
/// When there is nothing to read, shapes do not fit, or a number is not finite.
pub fn init_from(trainer: &mut Trainer, from: &Path) -> Result<String> {
    let mut networks = trainer.snapshot()?.networks.into_owned();
    let config = &trainer.config;
    let partial = config.networks().iter().any(|(_, n)| n.pretrained > 0);
    let mut filled = Vec::new();
    for source in sources(from, &*trainer.game)? {
        let network = &trainer.game.networks().all()[source.network];
        let pretrained = config.network(network.role).map_or(0, |n| n.pretrained);
        if partial && pretrained == 0 {
            continue;
        }
        let first = match (pretrained, config.network(network.role)) {
            (1.., Some(n)) => n.layers.len() - pretrained,
            _ => 0,
        };
        let of_sizes = config.network(network.role).is_some_and(|n| n.architecture.names_sizes());
        let part = Part { first, of_sizes };
        let own = &mut networks[usize::from(network.optimizer.0)];
        if source.average {
            if !own.average.is_empty() {
                fill(&source.file, network, part, &mut own.average, &mut own.average_states)?;
            }
            continue;
        }
        let told = fill(&source.file, network, part, &mut own.weights, &mut own.states)?;
        // Where the file holds no average of its own, it starts at the weights.
        follow(own);
        filled.push(told);
    }
    if filled.is_empty() {
        return Err(Error::Checkpoint(format!("{}: nothing there fits this model", from.display())));
    }
    trainer.set_networks(networks)?;
    Ok(format!("{} from {}", filled.join(" and "), from.display()))
}

/// Starts the average, where one is kept, at the weights.
fn follow(own: &mut NetworkState) {
    if !own.average.is_empty() {
        own.average = own.weights.clone();
        own.average_states = own.states.clone();
    }
}

/// What is to be said of a new run that starts without weights of another, though its recipe asks for them.
pub fn missing(config: &Config) -> Option<String> {
    let (role, _) = config.networks().into_iter().find(|(_, n)| n.pretrained > 0)?;
    Some(format!(
        "{} asks for pretrained layers of the {}, but there is no --init-from: it trains from nothing",
        config.recipe,
        role.name()
    ))
}

struct Source {
    /// Number of the network.
    network: usize,
    average: bool,
    file: PathBuf,
}

/// The files to read, each network before its average.
fn sources(from: &Path, game: &dyn Game) -> Result<Vec<Source>> {
    if from.is_file() {
        return Ok(vec![Source {
            network: network_of(from, game)?,
            average: false,
            file: from.to_path_buf(),
        }]);
    }
    let (_, path, warnings) = checkpoint::locate(from)?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    let both = game.networks().all().iter().enumerate().flat_map(|(network, n)| {
        let file = |name: &str| path.join(format!("{name}.safetensors"));
        let average = checkpoint::averaged(&n.name);
        [(false, file(&n.name)), (true, file(&average))].map(|(average, file)| Source {
            network,
            average,
            file,
        })
    });
    Ok(both.filter(|s| s.file.is_file()).collect())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|e| Error::Checkpoint(format!("{}: cannot read it: {e}", file.display())))
}

/// The network whose weights a file holds: it says so itself, or, written by another program, by its name; else G.
fn network_of(file: &Path, game: &dyn Game) -> Result<usize> {
    let said = Tensors::parse(file, &read(file)?)?.metadata("network").unwrap_or_default();
    let named = file.file_name().map_or("".into(), |n| n.to_string_lossy());
    let all = game.networks().all();
    let exactly =
        |name: &str| all.iter().position(|n| n.name == name || checkpoint::averaged(&n.name) == name);
    let by_role = |name: &str| all.iter().position(|n| name.starts_with(n.role.name()));
    let generator = || all.iter().position(|n| n.role == Role::Generator);
    let found = exactly(&said).or_else(|| by_role(&said)).or_else(|| by_role(&named)).or_else(generator);
    Ok(found.unwrap_or(0))
}

/// The number of the layer that a tensor is of: 3 of `layers.3.weight` and of `norms.3.running_mean`.
fn layer_of(name: &str) -> usize {
    name.split('.').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Which tensors of a network are filled.
#[derive(Clone, Copy)]
struct Part {
    /// Number of the first layer.
    first: usize,
    /// Those alone that the file has in the same shape: tensors are named by the size of their maps.
    of_sizes: bool,
}

/// Fills a network's layers from number `first` on from the first layers of a file; which, in words.
fn fill(
    file: &Path,
    network: &Network,
    Part { first, of_sizes }: Part,
    numbers: &mut [f32],
    states: &mut [f32],
) -> Result<String> {
    let bytes = read(file)?;
    let tensors = Tensors::parse(file, &bytes)?;
    let in_file = |name: &str| {
        let layer = layer_of(name);
        name.replacen(&layer.to_string(), &(layer - first).to_string(), 1)
    };
    let mut anew = vec![];
    for p in network.parameters.iter().filter(|p| layer_of(&p.name) >= first) {
        if of_sizes && !tensors.has(&p.name, p) {
            anew.push(p.name.as_str());
            continue;
        }
        tensors.check_finite(&in_file(&p.name))?;
        tensors.read_one(&in_file(&p.name), p, &mut numbers[p.offset..p.offset + p.len()])?;
    }
    // How often D's pictures are augmented is for each training to find.
    let own = |s: &&StateTensor| layer_of(&s.name) >= first && !augmenter::is_state(&s.name);
    for s in network.states.iter().filter(own) {
        if of_sizes && !tensors.has_state(&s.name, s) {
            anew.push(s.name.as_str());
            continue;
        }
        tensors.check_finite(&in_file(&s.name))?;
        tensors.read_state(&in_file(&s.name), s, &mut states[s.offset..s.offset + s.len()])?;
    }
    if of_sizes {
        return shared(file, network, &anew);
    }
    let layers = network.parameters.iter().map(|p| layer_of(&p.name) + 1).max().unwrap_or(0);
    Ok(format!("{} layers of the {}", layers - first, network.name))
}

/// What a network whose tensors are named by sizes shares with a file, in words.
///
/// # Errors
/// When that is nothing.
fn shared(file: &Path, network: &Network, anew: &[&str]) -> Result<String> {
    let all = network.parameters.len() + network.states.len();
    let (taken, name) = (all - anew.len(), &network.name);
    if taken == 0 {
        return Err(Error::Checkpoint(format!(
            "{}: holds no tensor of the {name}, whose first is {}; expected a run of the same architecture and channels",
            file.display(),
            anew.first().unwrap_or(&"none")
        )));
    }
    // Layers, not their weights, biases and styles one by one.
    let layer = |tensor: &&str| tensor.split('.').take(3).collect::<Vec<_>>().join(".");
    let mut layers: Vec<String> = anew.iter().map(layer).collect();
    layers.dedup();
    let fresh = match layers.as_slice() {
        [] => String::new(),
        layers => format!(" (new, for the file has none of this shape: {})", layers.join(", ")),
    };
    Ok(format!("{taken} of {all} tensors of the {name}{fresh}"))
}
