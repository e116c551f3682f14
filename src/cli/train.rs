//! `gansaku train`: from what was typed to a [`Request`].

use super::Overrides;
use crate::config::{Config, ConfigBuilder, Metric, Source};
use crate::error::{Error, Result};
use crate::exec::{self, Device};
use crate::numbers::counted;
use crate::precision::Precision;
use crate::run::Folder;
use crate::train::{Request, Start, rehearse};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Value;

/// Train a model: `gansaku train` draws digits, needing no data and no GPU.
///
/// A run is a folder: config.toml, metrics.jsonl, samples/, checkpoints/. Equal commands make equal bytes,
/// whatever the number of threads; a run that was stopped goes on with --resume as if it never had been.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku train\n  \
    gansaku train mnist --data ~/data/mnist --time 5m\n  \
    gansaku train grid-rpgan --seed 3 --name grid-3\n  \
    gansaku train --best-by parzen --patience 5\n  \
    gansaku train mnist --data ~/data/mnist --set loss.r1=0.1 --set optimizer.discriminator.lr=1e-4\n  \
    gansaku train --resume runs/00000-mnist --steps 50000")]
pub struct Train {
    /// What to train; `gansaku recipes` lists them [default: digits]
    recipe: Option<String>,
    /// File or folder of examples: MNIST's IDX files, CIFAR-10's binary files, TFD's .mat, or any tree of PNG and JPEG
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Stop at this step: the total, also when resuming
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = super::whole::<u64>)]
    steps: Option<u64>,
    /// Stop after this many passes through the data: the total, also when resuming
    #[arg(long, value_name = "N", value_parser = super::whole::<u64>)]
    epochs: Option<u64>,
    /// Stop after this long, save, and say how to go on: 60s, 5m, 1.5h
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    time: Option<Duration>,
    /// Examples a minibatch
    #[arg(long, value_name = "B", value_parser = super::whole::<u64>)]
    batch: Option<u64>,
    /// What matrix products multiply; sums and weights are fp32 [default: the recipe's]
    #[arg(long, value_name = "P", value_enum)]
    precision: Option<Precision>,
    /// Where to compute: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = super::device)]
    device: Device,
    /// Worker threads; any number gives the same bytes [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Seeds every random number of the run
    #[arg(long, value_name = "S", value_parser = super::whole::<u64>)]
    seed: Option<u64>,
    /// Folder that runs go into [default: runs]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name of the run's folder [default: a number and the recipe]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Measure at every checkpoint, and keep the best one as checkpoints/best
    #[arg(long, value_name = "METRIC", value_parser = choosing())]
    best_by: Option<Metric>,
    /// Stop after so many checkpoints in a row that are no better
    #[arg(long, value_name = "N", value_parser = super::whole::<u64>)]
    patience: Option<u64>,
    /// Go on with a run exactly where it stopped
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "seed", "batch", "precision", "out", "name", "init_from"])]
    resume: Option<PathBuf>,
    /// Begin with the weights of a run, a checkpoint or a safetensors file; optimizer and counters start afresh
    #[arg(long, value_name = "RUN|CHECKPOINT|FILE")]
    init_from: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Read the data, print the resolved configuration and what it would train, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Metrics, those listed that can choose; the others have an error that says why they cannot.
fn choosing() -> impl TypedValueParser<Value = Metric> {
    let all = Metric::value_variants().iter();
    let listed = all.filter_map(|m| Some(m.to_possible_value()?.hide(m.merit().is_none())));
    PossibleValuesParser::new(listed).try_map(|name| Metric::from_str(&name, false))
}

pub fn run(args: Train) -> Result<()> {
    let config = args.config()?;
    let threads = super::threads(args.threads)?;
    let start = match args.resume {
        Some(run) => Start::Resume(run),
        None => Start::New {
            out: args.out.unwrap_or_else(|| PathBuf::from("runs")),
            name: args.name,
            init_from: args.init_from,
        },
    };
    let request = Request { config, start, device: args.device, threads, time: args.time };
    if args.dry_run { dry_run(&request) } else { crate::train::train(&request).map(drop) }
}

impl Train {
    /// Recipe (or the run's own configuration), files, values, flags.
    fn config(&self) -> Result<Config> {
        let layers = match &self.resume {
            Some(run) => Folder::open(run)?.config()?,
            None => ConfigBuilder::recipe(self.recipe.as_deref().unwrap_or("digits"))?,
        };
        let mut layers = layers.with(&self.overrides)?;
        if let Some(path) = &self.data {
            layers = at_path(layers, path)?;
        }
        for (flag, value) in [("steps", self.steps), ("epochs", self.epochs)] {
            if let Some(n) = value {
                if n == 0 {
                    return Err(Error::Usage(format!("--{flag} 0: expected at least 1")));
                }
                layers.put(&format!("--{flag}"), &format!("train.{flag}"), super::number(n, flag)?)?;
            }
        }
        if let Some(batch) = self.batch {
            layers.put("--batch", "train.batch", super::batch(batch)?)?;
        }
        if let Some(precision) = self.precision {
            layers.put("--precision", "train.precision", Value::String(precision.name().into()))?;
        }
        if let Some(metric) = self.best_by {
            layers.put("--best-by", "checkpoint.best_by", Value::String(metric.name().into()))?;
        }
        if let Some(patience) = self.patience {
            layers.put("--patience", "checkpoint.patience", super::number(patience, "patience")?)?;
        }
        if let Some(seed) = self.seed {
            layers.put("--seed", "seed", super::number(seed, "seed")?)?;
        }
        layers.settle()
    }
}

impl ConfigBuilder {
    /// The configuration, once values without effect have been told.
    pub(super) fn settle(self) -> Result<Config> {
        let idle = self.idle()?;
        let config = self.finish()?;
        idle.iter().for_each(|note| tell!("note: {note}"));
        Ok(config)
    }

    /// Lays `--config` files and `--set` values over the recipe.
    pub(super) fn with(mut self, overrides: &Overrides) -> Result<ConfigBuilder> {
        overrides.config.iter().try_for_each(|file| self.file(file))?;
        overrides.set.iter().try_for_each(|assignment| self.set(assignment))?;
        Ok(self)
    }
}

/// `--data`: a recipe of built-in data takes whatever reader fits the path.
pub(super) fn at_path(mut layers: ConfigBuilder, path: &Path) -> Result<ConfigBuilder> {
    if Source::built_in(path).is_some() {
        let name = path.display();
        let with = "built-in data come with a recipe of theirs, which `gansaku recipes` lists";
        return Err(Error::Usage(format!("--data {name}: expected a path; {with}")));
    }
    layers.put_path("--data", "data.path", path)?;
    if layers.source()?.is_built_in() {
        layers.put("--data", "data.source", Value::String("auto".into()))?;
    }
    Ok(layers)
}

fn dry_run(request: &Request) -> Result<()> {
    let (trainer, dataset) = rehearse(request, exec::open(request.device, request.threads)?)?;
    super::print(&request.config.to_toml())?;
    tell!("{}", super::inspect::describe(&dataset));
    tell!("{}", super::inspect::summary(&*trainer.game, false).trim_end());
    tell!("{}; nothing was written", counted(trainer.total(), "step"));
    Ok(())
}
