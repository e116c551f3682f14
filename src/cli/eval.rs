//! `gansaku eval`: how good a trained generator is, and compared to what.

use crate::config::{Layers, Source};
use crate::data;
use crate::error::{Error, Result};
use crate::eval::{Measurement, Metric, Subject, parzen};
use crate::exec::Device;
use crate::run::{atomic, checkpoint, read_config};
use crate::train::forger::Forger;
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Measure a run: each number with its protocol, and real data measured the same way.
///
/// Nothing is downloaded. Samples come from the averaged weights where there are any.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku eval runs/00000-digits\n  \
    gansaku eval runs/00001-mnist parzen --json parzen.json")]
pub struct Eval {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// What to measure [default: all that fit the data]
    #[arg(value_name = "METRIC", value_enum)]
    metrics: Vec<Metric>,
    /// Samples to draw [default: the protocol's number]
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    count: Option<u32>,
    /// Seeds the noise
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// The data it was trained on, if they moved
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Also write the measurements as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the Parzen windows are computed: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = super::device)]
    device: Device,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

pub fn run(args: &Eval) -> Result<()> {
    // A device that is not there is told before anything is read.
    let mut windows = parzen::open(args.device)?;
    let mut forger = Forger::load(&args.from, args.threads.map_or(0, usize::from))?;
    let mut config = forger.config.clone();
    config.data.path = args.data.clone().or_else(|| data_path(&args.from));
    let dataset = data::load(&config.data, config.seed)?;
    if dataset.shape != forger.display.shape {
        return Err(Error::Data(format!(
            "{} makes examples of shape {:?}, the data are {:?}; give the data it was trained on with --data",
            forger.from.display(),
            forger.display.shape,
            dataset.shape
        )));
    }
    let source = match config.data.source {
        Source::Auto => Source::Folder,
        source => source,
    };
    let metrics = if args.metrics.is_empty() { Metric::all_for(source) } else { args.metrics.clone() };
    let mut all = Vec::new();
    let count = args.count.map(|n| n as usize);
    for metric in metrics {
        let (forger, windows) = (&mut forger, &mut *windows);
        let mut subject = Subject { forger, data: &dataset, seed: args.seed, count, windows };
        let measurement = subject.measure(metric)?;
        super::print(&describe(&measurement))?;
        all.push(measurement);
    }
    let Some(path) = &args.json else { return Ok(()) };
    let json = serde_json::json!({
        "checkpoint": forger.from,
        "recipe": forger.config.recipe,
        "data": dataset.name,
        "measurements": all,
    });
    atomic::write(path, format!("{json:#}\n").as_bytes())
}

/// The path a run was trained from: its own configuration knows it, a checkpoint's does not.
fn data_path(from: &Path) -> Option<PathBuf> {
    let is_run = from.join("metrics.jsonl").is_file();
    let run = if is_run { from.to_path_buf() } else { checkpoint::run_of(from)? };
    read_config(&run.join("config.toml")).and_then(Layers::finish).ok()?.data.path
}

fn describe(m: &Measurement) -> String {
    let numbers = |values: &std::collections::BTreeMap<String, f64>| {
        values.iter().map(|(name, v)| format!("{name} {}", figure(*v))).collect::<Vec<_>>().join("  ")
    };
    let width = m.reference.keys().map(|k| k.chars().count()).max().unwrap_or(0).max("this generator".len());
    let mut text = format!("{}: {}\n", m.metric, m.protocol);
    let _ = writeln!(text, "  {:width$}  {}", "this generator", numbers(&m.values));
    for (name, values) in &m.reference {
        let _ = writeln!(text, "  {name:width$}  {}", numbers(values));
    }
    for warning in &m.warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    text
}

/// Five significant digits or so.
fn figure(x: f64) -> String {
    match x.abs() {
        x_abs if x_abs == 0.0 || x.fract() == 0.0 && x_abs < 1e6 => format!("{x:.0}"),
        0.0..0.1 => format!("{x:.5}"),
        0.1..10.0 => format!("{x:.4}"),
        _ => format!("{x:.2}"),
    }
}
