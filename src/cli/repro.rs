//! `gansaku repro`: a paper's experiments, and its numbers beside ours.

use crate::error::{Error, Result};
use crate::exec::{Device, Hardware};
use crate::repro::order::Order;
use crate::repro::{Edition, paper, papers, work};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Reproduce a paper: train its experiments, measure them, and set its numbers beside ours.
///
/// Without PAPER it lists the papers. Every seed is a run as `gansaku train` makes it. Call it again and
/// finished seeds are kept, while an unfinished one goes on exactly where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku repro gan-2014 --data ~/data/mnist --recipe modern\n  \
    gansaku repro gan-2014 --data ~/data/mnist --data ~/data/TFD_48x48.mat --seeds 1\n  \
    gansaku repro pacgan-grid --time 1h\n  \
    gansaku repro cyclegan --seeds 1")]
pub struct Repro {
    /// Which paper; without it they are listed
    paper: Option<String>,
    /// MNIST's IDX files, TFD's .mat or CIFAR-10's binary files; may be given again: each goes to its experiment
    #[arg(long, requires = "paper", value_name = "PATH")]
    data: Vec<PathBuf>,
    /// What labels stacked digits, from `gansaku classifier`; one is trained where none is given
    #[arg(long, requires = "paper", value_name = "FILE")]
    classifier: Option<PathBuf>,
    /// Seeds 0 to N-1 [default: 10 of mixtures, else 1 or 3, as the paper's runs are long]
    #[arg(long, requires = "paper", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Where the recipes come from
    #[arg(long, requires = "paper", value_name = "WHOSE", value_enum, default_value_t = Whose::Both)]
    recipe: Whose,
    /// Cut each run short at this step; every number then says so
    #[arg(long, requires = "paper", value_name = "N", value_parser = super::positive)]
    steps: Option<u64>,
    /// Stop training after this long, all runs together; measuring the last one takes some seconds more
    #[arg(long, requires = "paper", value_name = "TIME", value_parser = super::duration)]
    time: Option<Duration>,
    /// Folder for everything [default: repro/PAPER]
    #[arg(long, requires = "paper", value_name = "DIR")]
    out: Option<PathBuf>,
    /// One value laid over every recipe; every number then says so
    #[arg(long, requires = "paper", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where to compute: auto, cpu, cuda, cuda:N
    #[arg(long, requires = "paper", value_name = "DEVICE", default_value = "auto", value_parser = super::device)]
    device: Device,
    /// Worker threads; any number gives the same bytes [default: one a core]
    #[arg(long, requires = "paper", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// Which recipes are trained, by where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Whose {
    /// The paper's own, as it comes
    Paper,
    /// Today's: relativistic pairing with R1 and R2
    Modern,
    /// One after the other, seed by seed
    Both,
}

pub fn run(args: Repro) -> Result<()> {
    let Some(name) = args.paper else { return super::print(&list()) };
    let paper = paper(&name)?;
    if let Some(file) = args.out.as_ref().filter(|out| out.is_file()) {
        return Err(Error::Usage(format!("--out {}: expected a folder, this is a file", file.display())));
    }
    let order = Order {
        out: args.out.unwrap_or_else(|| PathBuf::from("repro").join(&paper.name)),
        seeds: args.seeds.unwrap_or(paper.seeds),
        edition: match args.recipe {
            Whose::Paper => Some(Edition::Paper),
            Whose::Modern => Some(Edition::Modern),
            Whose::Both => None,
        },
        paper,
        data: args.data,
        classifier: args.classifier,
        steps: args.steps,
        time: args.time,
        sets: args.set,
        hardware: Hardware { device: args.device, threads: super::threads(args.threads)? },
    };
    let table = work::reproduce(&order).map_err(with_the_way_on)?;
    super::print(&table)?;
    tell!("page: {}", order.out.join("index.html").display());
    Ok(())
}

/// A signal saves the run, but it is this command that goes on with all of them.
fn with_the_way_on(error: Error) -> Error {
    let also = |m: String| m + " (or the same gansaku repro, which goes on with all)";
    match error {
        Error::Interrupted(m) => Error::Interrupted(also(m)),
        Error::Terminated(m) => Error::Terminated(also(m)),
        other => other,
    }
}

fn list() -> String {
    let all = papers();
    let width = all.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for paper in &all {
        let _ = writeln!(out, "{:width$}  {} ({})", paper.name, paper.title, paper.source);
    }
    out
}
