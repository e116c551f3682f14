//! `gansaku train`: from what was typed to a [`Request`].

use super::overrides::{Overrides, at_path, named_after, recipe_name};
use crate::config::{Config, ConfigBuilder, Metric, Role, Source};
use crate::data;
use crate::error::{Error, Result};
use crate::exec::{self, Hardware};
use crate::numbers::counted;
use crate::precision::Precision;
use crate::run::Folder;
use crate::train::{Request, Start, rehearse};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
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
    gansaku train --data ~/pictures --size 32 --lr 5e-4\n  \
    gansaku train --data ~/horse2zebra\n  \
    gansaku train --config my.toml\n  \
    gansaku train grid-rpgan --seed 3 --name grid-3\n  \
    gansaku train --best-by parzen --patience 5\n  \
    gansaku train mnist --data ~/data/mnist --set loss.r1=0.1 --set optimizer.discriminator.lr=1e-4\n  \
    gansaku train --resume runs/00000-mnist --steps 50000")]
pub struct Train {
    /// What to train; `gansaku recipes` lists them [default: digits]
    #[arg(value_parser = recipe_name(), hide_possible_values = true)]
    recipe: Option<String>,
    /// File or folder of examples: pictures in a folder, zip or tar file, NumPy's arrays, MNIST's IDX files, CIFAR-10's
    /// binary files, TFD's .mat, Parquet
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Pixels a side of a folder's pictures; sets data.size
    #[arg(long, value_name = "N", value_parser = super::whole::<u64>)]
    size: Option<u64>,
    /// Labels choose what is drawn; sets conditional = true
    #[arg(long)]
    conditional: bool,
    /// Learning rate of both networks; sets optimizer.generator.lr and optimizer.discriminator.lr
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Stop at this step, as in 9000, 10k or 1e4: the total, also when resuming
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = super::count)]
    steps: Option<u64>,
    /// Stop after this many passes through the data: the total, also when resuming
    #[arg(long, value_name = "N", value_parser = super::count)]
    epochs: Option<u64>,
    /// Stop after this long, save, and say how to go on: 60s, 5min, 1.5h, 1h30m
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    time: Option<Duration>,
    /// Examples a minibatch
    #[arg(long, value_name = "B", value_parser = super::whole::<u64>)]
    batch: Option<u64>,
    /// What matrix products multiply; sums and weights are fp32 [default: the recipe's]
    #[arg(long, value_name = "P", value_enum)]
    precision: Option<Precision>,
    #[command(flatten)]
    hardware: super::HardwareArgs,
    /// Seeds every random number of the run
    #[arg(long, value_name = "S", value_parser = super::whole::<u64>)]
    seed: Option<u64>,
    /// Folder that runs go into [default: runs]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name of the run's folder [default: a number, and the recipe's, file's or data's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Measure at every checkpoint, and keep the best one as checkpoints/best
    #[arg(long, value_name = "METRIC", value_parser = choosing())]
    best_by: Option<Metric>,
    /// Stop after so many checkpoints in a row that are no better
    #[arg(long, value_name = "N", value_parser = super::whole::<u64>)]
    patience: Option<u64>,
    /// Go on with a run exactly where it stopped
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "seed", "batch", "precision", "size", "conditional", "lr", "out", "name", "init_from"])]
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
    let Hardware { device, threads } = args.hardware.settle()?;
    let start = match args.resume {
        Some(run) => Start::Resume(run),
        None => Start::New {
            out: args.out.unwrap_or_else(|| PathBuf::from("runs")),
            name: args.name,
            init_from: args.init_from,
        },
    };
    let request = Request { config, start, device, threads, time: args.time };
    if args.dry_run { dry_run(&request) } else { crate::train::train(&request).map(drop) }
}

impl Train {
    /// What trains where nothing says so: on pictures with sides long enough to be halved twice and more, convolutions; on
    /// two domains, a translation from each into the other.
    fn usual(&self) -> &'static str {
        let found = self.data.as_deref().and_then(|path| data::detect(path).ok());
        let side = self.size.or_else(|| self.overrides.last_of("data.size")?.parse().ok());
        match found {
            Some(Source::TwoFolders) => TWO_DOMAINS,
            Some(Source::Folder) if side.is_none_or(|side| side >= LEAST_SIDE) => PICTURES,
            _ => USUAL,
        }
    }

    /// Recipe (or the run's own configuration), files, values, flags.
    fn config(&self) -> Result<Config> {
        let mut builder = match &self.resume {
            Some(run) => Folder::open(run)?.config()?.with(&self.overrides)?,
            None => self.overrides.over(self.recipe.as_deref(), self.usual())?,
        };
        if let Some(path) = &self.data {
            builder = at_path(builder, path)?;
            if self.recipe.is_none() && self.resume.is_none() && !self.overrides.has_file() {
                let usual = self.usual();
                named_after(&mut builder, path, usual);
                if usual == TWO_DOMAINS {
                    builder.note(format!(
                        "{} holds two domains, trainA and trainB: recipe {usual} translates each into the other",
                        path.display()
                    ));
                }
            }
        }
        self.put_short_forms(&mut builder)?;
        for (flag, value) in [("steps", self.steps), ("epochs", self.epochs)] {
            if let Some(n) = value {
                if n == 0 {
                    return Err(Error::Usage(format!("--{flag} 0: expected at least 1")));
                }
                builder.put(&format!("--{flag}"), &format!("train.{flag}"), super::number(n, flag)?)?;
            }
        }
        if let Some(batch) = self.batch {
            builder.put("--batch", "train.batch", super::batch(batch)?)?;
        }
        if let Some(precision) = self.precision {
            builder.put("--precision", "train.precision", Value::String(precision.name().into()))?;
        }
        if let Some(metric) = self.best_by {
            builder.put("--best-by", "checkpoint.best_by", Value::String(metric.name().into()))?;
        }
        if let Some(patience) = self.patience {
            builder.put("--patience", "checkpoint.patience", super::number(patience, "patience")?)?;
        }
        if let Some(seed) = self.seed {
            builder.put("--seed", "seed", super::number(seed, "seed")?)?;
        }
        builder.settle()
    }

    /// The flags that stand for keys with longer names, which they tell.
    fn put_short_forms(&self, builder: &mut ConfigBuilder) -> Result<()> {
        let mut told = vec![];
        if let Some(size) = self.size {
            builder.put("--size", "data.size", super::number(size, "size")?)?;
            told.push(format!("--size {size} sets data.size = {size}"));
        }
        if self.conditional {
            builder.put("--conditional", "conditional", Value::Boolean(true))?;
            told.push("--conditional sets conditional = true".into());
        }
        if let Some(lr) = self.lr {
            let keys = Role::PLAYERS.map(|role| format!("optimizer.{}.lr", role.name()));
            keys.iter().try_for_each(|key| builder.put("--lr", key, Value::Float(lr)))?;
            told.push(format!("--lr {lr} sets {}", keys.join(" and ")));
        }
        told.into_iter().for_each(|told| builder.note(told));
        Ok(())
    }
}

/// The recipe that is trained where none is named.
const USUAL: &str = "digits";
/// The recipe of one's own pictures whose sides have at least [`LEAST_SIDE`] pixels.
const PICTURES: &str = "pictures";
const LEAST_SIDE: u64 = 24;
/// The recipe of folders of two domains.
const TWO_DOMAINS: &str = "cyclegan";

fn dry_run(request: &Request) -> Result<()> {
    let (trainer, dataset) = rehearse(request, exec::open(request.device, request.threads)?)?;
    super::print(&request.config.to_toml())?;
    tell!("{}", super::inspect::describe(&dataset));
    tell!("{}", super::inspect::summary(&*trainer.game, false).trim_end());
    tell!("{}; nothing was written", counted(trainer.total(), "step"));
    Ok(())
}
