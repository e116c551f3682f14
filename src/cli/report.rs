//! `gansaku report`: a run's page, written again.

use crate::error::Result;
use crate::run::Folder;
use crate::train::reporter;
use clap::Args;
use std::path::PathBuf;

/// Write a run's report.html again, with TensorBoard's file beside it.
///
/// Training writes both as it goes. This brings in what was measured since, and the nearest training examples of
/// runs that were killed. The page is one file that loads nothing: open it in any browser.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku report runs/00000-digits\n  \
    gansaku eval runs/00001-mnist && gansaku report runs/00001-mnist\n  \
    tensorboard --logdir runs")]
pub struct Report {
    /// A run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The data it was trained on, if they moved
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

pub fn run(args: &Report) -> Result<()> {
    let folder = Folder::open(&args.run)?;
    let path = reporter::again(&folder, args.data.clone(), args.hardware.settle()?)?;
    tell!("{}: open it in a browser", path.display());
    Ok(())
}
