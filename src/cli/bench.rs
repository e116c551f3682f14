//! `gansaku bench`: how long a training step takes, and how long it could take.

use super::overrides::{Overrides, recipe_name};
use crate::bench::{self, Figures, LIMITS, Protocol, noise, table};
use crate::config::Config;
use crate::data;
use crate::error::Result;
use crate::exec::{self, Hardware};
use crate::numbers::counted;
use crate::precision::Precision;
use crate::run::atomic;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Measure the training step: D and G updates on resident data, nothing written, nothing logged.
///
/// Steps run in rounds, and the rounds of the precisions take turns, so that a machine that slows down slows all of them.
/// Just before, two ceilings are measured on the same device: a large matrix product by this program's own kernel in the
/// same precision, and a copy of memory. A step's figures are told as shares of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku bench mnist --precision fp32,bf16\n  \
    gansaku bench mnist --batch 100,1024,8192 --json figures.json\n  \
    gansaku bench --kernels\n  \
    nsys profile gansaku bench mnist --device cuda --profile")]
pub struct Bench {
    /// Which recipe; `gansaku recipes` lists them [default: mnist]
    #[arg(value_parser = recipe_name(), hide_possible_values = true)]
    recipe: Option<String>,
    /// Examples a minibatch, one or several [default: the recipe's]
    #[arg(long, value_name = "B,…", value_delimiter = ',', value_parser = super::whole::<u64>)]
    batch: Vec<u64>,
    /// What matrix products multiply, one or several; beside fp32, the others are also told as multiples of its time [default:
    /// the recipe's]
    #[arg(long, value_name = "P,…", value_delimiter = ',', value_enum)]
    precision: Vec<Precision>,
    /// Also time every launch of a step alone, run many times in a row on what lies in memory
    #[arg(long)]
    kernels: bool,
    /// After the rounds, run each phase once more launch by launch, each launch in an NVTX range with its name: for
    /// nsys or ncu
    #[arg(long)]
    profile: bool,
    /// Steps a round, or a few more: whole periods of the phases
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    steps: u64,
    /// Rounds; the median is told, with the fastest and the slowest
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
    /// Steps before the first round, or a few more
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    warmup: u64,
    #[command(flatten)]
    hardware: super::HardwareArgs,
    /// Also write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

pub fn run(args: &Bench) -> Result<()> {
    if args.profile {
        exec::markable(args.hardware.device)?;
    }
    super::has_folder("--json", args.json.as_deref())?;
    let hardware = args.hardware.settle()?;
    let configs = configs(args)?;
    let mut all: Vec<Figures> = vec![];
    for configs in configs {
        let (recipe, batch) = (&configs[0].recipe, configs[0].train.batch);
        tell!("{recipe}, batch {batch}: measuring ceilings, then {}", counted(args.rounds, "round"));
        all.extend(measure(args, &configs, hardware)?);
    }
    super::print(&told(&all))?;
    args.json.as_ref().map_or(Ok(()), |path| write(path, &all))
}

/// Batch size by batch size, a configuration of each precision.
fn configs(args: &Bench) -> Result<Vec<Vec<Config>>> {
    let builder = args.overrides.over(args.recipe.as_deref(), "mnist")?;
    let own = builder.clone().settle()?.train;
    let batches = if args.batch.is_empty() { vec![own.batch as u64] } else { args.batch.clone() };
    let precisions = if args.precision.is_empty() { vec![own.precision] } else { args.precision.clone() };
    let config = |batch: u64, precision: Precision| {
        let mut builder = builder.clone();
        builder.put("--batch", "train.batch", super::batch(batch)?)?;
        builder.put("--precision", "train.precision", toml::Value::String(precision.name().into()))?;
        builder.finish()
    };
    let of = |&batch: &u64| precisions.iter().map(|&p| config(batch, p)).collect::<Result<Vec<_>>>();
    batches.iter().map(of).collect()
}

/// Most bytes of made-up pictures.
const MOST_BYTES: usize = 1 << 28;

/// All precisions at one batch size.
fn measure(args: &Bench, configs: &[Config], hardware: Hardware) -> Result<Vec<Figures>> {
    let (shape, classes) = data::usual(&configs[0].data);
    let classes = if configs[0].conditional { classes } else { 0 };
    let count = 60_000.min(MOST_BYTES / shape.len().max(1)).max(configs[0].train.batch);
    let data = noise(shape, classes, count);
    let reads_two = configs[0].model.translates() && configs[0].data.given.is_none();
    let data = Arc::new(if reads_two { bench::paired(data) } else { data });
    let protocol = Protocol {
        steps: args.steps,
        rounds: args.rounds,
        warmup: args.warmup,
        alone: args.kernels,
        profile: args.profile,
        limits: LIMITS,
    };
    let open = || hardware.open();
    bench::measure(configs, &data, &open, &protocol)
}

/// The tables.
fn told(all: &[Figures]) -> String {
    let f = &all[0];
    let mut text = format!(
        "{} on {}: medians of {} of {} after {} of warm-up, ranges from the fastest round to the slowest\n\n",
        f.recipe,
        f.device,
        counted(f.rounds, "round"),
        counted(f.steps_per_round, "step"),
        f.warmup_steps
    );
    text += &table::steps(all);
    for (figures, kernels) in all.iter().filter_map(|f| Some((f, f.kernels.as_ref()?))) {
        text += "\n";
        text += &table::kernels(figures, kernels);
    }
    text
}

/// The first line's figures stand at the top, all of them in `results`.
fn write(path: &Path, all: &[Figures]) -> Result<()> {
    let mut json = serde_json::to_value(&all[0]).expect("names and numbers");
    json["results"] = serde_json::to_value(all).expect("names and numbers");
    atomic::write(path, format!("{json:#}\n").as_bytes())
}
