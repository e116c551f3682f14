//! `gansaku classifier`: what `eval` looks through at labelled data.

use crate::config::Scale;
use crate::data::{self, identity};
use crate::error::{Error, Result};
use crate::eval::{self, classifier::ClassifierSpec};
use crate::exec::Hardware;
use crate::models::classifier::Recipe;
use crate::numbers::readable;
use crate::run::is_plain;
use crate::train::fit;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Train a classifier of labelled data for `gansaku eval --classifier`.
///
/// The last layer but one gives the features that fd, kid and prdc measure in, the classes the modes of stacked
/// data. Equal commands make equal files, whatever the number of threads.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku classifier ~/data/mnist\n  \
    gansaku eval runs/00001-mnist fd kid prdc --classifier classifiers/mnist.safetensors")]
pub struct Classifier {
    /// Labelled data: MNIST's IDX files, CIFAR-10's binary files, a folder with a subfolder a class; or digits
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Where it goes [default: classifiers/NAME.safetensors]
    #[arg(long, value_name = "FILE.safetensors")]
    out: Option<PathBuf>,
    /// What its figures are named after, as in FD-mnist [default: the folder's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Passes through the training examples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    epochs: Option<u32>,
    /// Seeds its weights, dropout, shuffles and shifts
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// Pictures of a folder are cropped to a centred square and resized to this many pixels a side
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=4096))]
    size: u16,
    /// Channels of a folder's pictures: 1 or 3 [default: 3 if any picture has colour]
    #[arg(long, value_name = "N", value_parser = ["1", "3"])]
    channels: Option<String>,
    /// Share of the training examples that is held out to test on, where no file holds test examples [default: 0.1]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    hold_out: Option<f64>,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

pub fn run(args: &Classifier) -> Result<()> {
    let name = args.name.clone().unwrap_or_else(|| named(&args.data));
    if !is_plain(&name) {
        return Err(Error::Usage(format!("--name {name:?}: expected one file name; --out says where")));
    }
    let out = args.out.clone().unwrap_or_else(|| format!("classifiers/{name}.safetensors").into());
    if out.is_dir() || out.extension().is_none_or(|e| e != "safetensors") {
        return Err(Error::Usage(format!("--out {}: expected FILE.safetensors", out.display())));
    }
    super::has_folder("--out", args.out.as_deref())?;
    if out.exists() && eval::classifier::Classifier::load(&out, Hardware::CPU).is_err() {
        return Err(Error::Usage(format!(
            "--out {}: there is a file that is no classifier; give another name",
            out.display()
        )));
    }
    let hardware = args.hardware.settle()?;
    let device = hardware.open()?;
    let mut config = super::inspect::data_at(&args.data)?;
    (config.scale, config.size) = (Scale::Unit, usize::from(args.size));
    // Whatever is held out, the data are the same.
    let held = args.hold_out.unwrap_or(std::mem::take(&mut config.hold_out));
    config.channels = args.channels.as_ref().map_or(0, |n| if n == "1" { 1 } else { 3 });
    let dataset = data::load(&config, 0)?;
    let identity = match config.source.is_built_in() {
        true => identity::identity(&config)?,
        false => dataset.sha256(),
    };
    let dataset = Arc::new(dataset.hold_out(held));
    tell!("data: {}", super::inspect::describe(&dataset));
    let mut recipe = Recipe::standard(dataset.shape);
    recipe.epochs = args.epochs.map_or(recipe.epochs, u64::from);
    let spec = ClassifierSpec { name, identity, recipe, seed: args.seed, hardware };
    let begun = Instant::now();
    let trained = fit::classifier(&spec, &dataset, device)?;
    trained.save(&out)?;
    super::print(&format!(
        "test accuracy {:.2} % of {} examples, {} features\n",
        100.0 * trained.card.accuracy,
        trained.card.tested_on,
        trained.width()
    ))?;
    trained.warning().iter().for_each(|warning| tell!("warning: {warning}"));
    tell!("{} in {}", out.display(), readable(begun.elapsed()));
    Ok(())
}

/// A share of examples.
fn share(typed: &str) -> std::result::Result<f64, String> {
    let share = typed.parse().ok().filter(|share| (0.0..=0.5).contains(share));
    share.ok_or_else(|| "expected a share: 0 to 0.5".into())
}

/// A name for data at a path: the last folder that is not called raw, in small letters.
fn named(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let parts = whole.components().rev().map(|c| c.as_os_str().to_string_lossy().to_lowercase());
    let plain = |name: String| -> String {
        name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
    };
    let mut names = parts.map(|part| plain(part).trim_matches('-').to_string());
    names.find(|name| name != "raw" && !name.is_empty()).unwrap_or_else(|| "data".into())
}
