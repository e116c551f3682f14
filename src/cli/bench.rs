//! `gansaku bench`: how long a training step takes.

use super::Overrides;
use crate::config::Layers;
use crate::data::{Dataset, Examples, Shape, Values};
use crate::error::Result;
use crate::exec::{self, Device};
use crate::graph::Player;
use crate::lower::cost::Cost;
use crate::precision::Precision;
use crate::rng::{Draw, stream};
use crate::run::atomic;
use crate::train::Trainer;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Measure the training step: D and G updates on resident data, nothing written, nothing logged.
#[derive(Debug, Args)]
pub struct Bench {
    /// Which recipe; `gansaku recipes` lists them [default: mnist]
    recipe: Option<String>,
    /// Examples a minibatch, one or several
    #[arg(long, value_name = "B,…", value_delimiter = ',', default_values_t = [100])]
    batch: Vec<u32>,
    /// What matrix products multiply, one or several
    #[arg(long, value_name = "P,…", value_delimiter = ',', value_enum, default_value = "fp32")]
    precision: Vec<Precision>,
    /// Steps a round
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Rounds; the median is told, with the fastest and the slowest
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
    /// Steps before the first round
    #[arg(long, value_name = "N", default_value_t = 20)]
    warmup: u64,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to compute: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = super::device)]
    device: Device,
    /// Also write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// One batch size, measured.
#[derive(Debug, Clone, Serialize)]
struct Figures {
    recipe: String,
    /// "2 CPU threads", or the GPU's name.
    device: String,
    precision: String,
    batch: usize,
    /// Median over rounds, microseconds for one step: all D updates and the G update.
    us_per_step: f64,
    us_min: f64,
    us_max: f64,
    images_per_second: f64,
    gflops: f64,
    gbytes_per_second: f64,
    launches_per_step: usize,
    arena_bytes: usize,
}

pub fn run(args: &Bench) -> Result<()> {
    let recipe = args.recipe.as_deref().unwrap_or("mnist");
    let mut all = Vec::new();
    eprintln!("{recipe}: {} rounds of {} steps after {} of warm-up", args.rounds, args.steps, args.warmup);
    super::print(&format!(
        "{:>9} {:>6} {:>12} {:>21} {:>12} {:>9} {:>7} {:>9} {:>12}\n",
        "precision",
        "batch",
        "µs/step",
        "fastest–slowest",
        "images/s",
        "GFLOP/s",
        "GB/s",
        "launches",
        "arena bytes"
    ))?;
    let pairs = args.batch.iter().flat_map(|&b| args.precision.iter().map(move |&p| (b, p)));
    for (batch, precision) in pairs {
        let f = measure(args, recipe, batch, precision)?;
        super::print(&format!(
            "{:>9} {:>6} {:>12.1} {:>10.1}–{:<10.1} {:>12.0} {:>9.1} {:>7.1} {:>9} {:>12}\n",
            f.precision,
            f.batch,
            f.us_per_step,
            f.us_min,
            f.us_max,
            f.images_per_second,
            f.gflops,
            f.gbytes_per_second,
            f.launches_per_step,
            f.arena_bytes
        ))?;
        all.push(f);
    }
    let Some(path) = &args.json else { return Ok(()) };
    // The first line stands at the top, all of them in `results`.
    let mut json = serde_json::to_value(&all[0]).expect("names and numbers");
    json["results"] = serde_json::to_value(&all).expect("names and numbers");
    atomic::write(path, format!("{json:#}\n").as_bytes())
}

fn measure(args: &Bench, recipe: &str, batch: u32, precision: Precision) -> Result<Figures> {
    let mut layers = Layers::recipe(recipe)?.with(&args.overrides)?;
    layers.put("--batch", "train.batch", toml::Value::Integer(batch.into()))?;
    layers.put("--precision", "train.precision", toml::Value::String(precision.name().into()))?;
    let config = layers.finish()?;
    let model = super::inspect::model(&config);
    let data = noise(model.numbers, model.classes, (batch as usize).max(60_000));
    let executor = exec::open(args.device, args.threads.map_or(0, usize::from))?;
    let mut trainer = Trainer::new(&config, &Arc::new(data), executor)?;
    trainer.steps(args.warmup)?;
    trainer.line(0.0)?;
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        let begun = Instant::now();
        trainer.steps(args.steps)?;
        // Reading the metrics waits for the device.
        trainer.line(0.0)?;
        rounds.push(begun.elapsed().as_secs_f64() * 1e6 / args.steps as f64);
    }
    rounds.sort_unstable_by(f64::total_cmp);
    let us = rounds[rounds.len() / 2];
    let parameters = |p: Player| trainer.gan.network(p).len;
    let (mut cost, mut launches, mut arena) = (Cost::default(), 0, 0);
    // Step 1 stands for all: lazy penalties are left out where there are any.
    for phase in trainer.gan.phases().iter().filter(|p| p.when.holds(1)) {
        let plan = trainer.gan.plan(phase);
        (0..phase.times).for_each(|_| cost = cost + plan.cost(&parameters));
        launches += plan.launches.len() * phase.times as usize;
        arena = arena.max(plan.scratch_bytes());
    }
    let seconds = us / 1e6;
    let images = u64::from(batch) * config.train.discriminator_updates;
    Ok(Figures {
        recipe: recipe.into(),
        device: trainer.device(),
        precision: precision.name().into(),
        batch: batch as usize,
        us_per_step: us,
        us_min: rounds[0],
        us_max: rounds[rounds.len() - 1],
        images_per_second: images as f64 / seconds,
        gflops: cost.flops as f64 / 1e9 / seconds,
        gbytes_per_second: cost.bytes as f64 / 1e9 / seconds,
        launches_per_step: launches,
        arena_bytes: arena,
    })
}

/// Random examples: a step's time does not depend on what it sees.
fn noise(numbers: usize, classes: usize, count: usize) -> Dataset {
    let draw = Draw::new(0, stream("bench"), 0);
    let bytes = (0..(count * numbers).div_ceil(16) as u32)
        .flat_map(|i| draw.words(i))
        .flat_map(u32::to_le_bytes)
        .take(count * numbers)
        .collect();
    let labels = (classes > 0).then(|| (0..count).map(|i| (i % classes) as u8).collect());
    let train = Examples { count, values: Values::U8(bytes), labels };
    Dataset::of("random bytes", Shape { channels: numbers, height: 1, width: 1 }, classes, train)
}
