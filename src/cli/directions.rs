//! `gansaku directions`: what moves where styles spread the most.

use super::latents::{Indices, indices};
use super::out::{self, ending};
use super::style::{self, StyleArgs};
use crate::data::npy;
use crate::error::{Error, Result};
use crate::inference::{Directions, Generator, Grain, LoadedRun, mapped, noise_of, strips};
use crate::numbers::{counted, percent};
use crate::pictures::TableRow;
use crate::run::atomic;
use clap::Args;
use std::path::{Path, PathBuf};

/// Find the principal directions of a generator's styles, and draw a strip of pictures along each.
///
/// Styles w of many samples are mapped; their principal directions are those in which they spread the most, with the share of
/// the variance that each has. A strip goes from three standard deviations below the average of w to three above it, or
/// through a sample.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku directions runs/00000-stylegan2\n  \
    gansaku directions runs/00000-stylegan2 --index 24 --layers 0-3       of one sample, in early layers alone\n  \
    gansaku directions runs/00000-stylegan2 --count 20 --out strips/      one picture a direction")]
pub struct DirectionsArgs {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=512))]
    count: u32,
    /// Samples whose styles are looked at
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    samples: u32,
    /// Seeds their noise
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// Go through this sample of the seed [default: through the average]
    #[arg(long, value_name = "I", value_parser = super::whole::<u32>)]
    index: Option<u32>,
    /// Move these layers alone, from 0 on; which size each works on is told [default: all]
    #[arg(long, value_name = "L,M-N,…", value_parser = indices)]
    layers: Option<Indices>,
    /// Pictures a strip, from −3 to 3 standard deviations
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(2..=99))]
    frames: u32,
    /// Samples of this class, for conditional models, by name or number [default: of all, as the training data have them]
    #[arg(long, value_name = "CLASS")]
    label: Option<String>,
    /// FILE.png: strips, and the directions in FILE.npy. DIR, new or empty: one PNG a strip, and DIR/directions.npy,
    /// [count, latent.dim] float32, each direction as long as its standard deviation
    #[arg(long, value_name = "FILE|DIR", default_value = "directions.png")]
    out: PathBuf,
    /// Enlarge the samples by this whole factor [default: to a size to look at]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    scale: Option<u32>,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

/// Standard deviations from the middle of a strip to its ends.
const REACH: f32 = 3.0;

pub fn run(args: &DirectionsArgs) -> Result<()> {
    let is_folder = match ending(&args.out) {
        "png" if !args.out.is_dir() => false,
        "" | "png" => true,
        _ => {
            let out = args.out.display();
            return Err(Error::Usage(format!("--out {out}: expected FILE.png or a folder")));
        }
    };
    match is_folder {
        true => out::check_new("--out", &args.out)?,
        false => super::has_folder("--out", Some(&args.out))?,
    }
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    run.require_styles()?;
    let mut generator = run.generator();
    args.style.apply(&mut generator, Grain::Constant)?;
    let layers = match &args.layers {
        Some(Indices(layers)) => style::checked("--layers", layers, &generator)?,
        None => (0..generator.layers()).collect(),
    };
    let label = args.label.as_deref().map(|typed| generator.class(typed)).transpose()?;
    let dim = generator.config.latent.dim;
    if args.count as usize > dim {
        let (count, from) = (args.count, generator.from.display());
        return Err(Error::Usage(format!("--count {count}: styles of {from} have {dim} directions")));
    }
    let styles = mapped(&mut generator, args.samples as usize, args.seed, label)?;
    let found = Directions::of(&styles, dim, args.count as usize);
    let from = match args.index {
        Some(index) => through(&mut generator, args.seed, index as usize, label)?,
        None => found.mean.clone(),
    };
    let rows = drawn(&mut generator, &found, &from, &layers, args.frames as usize)?;
    let moved = style::told(&layers, &generator);
    tell!("{} of the variance of {} styles; {moved}", shares(&found), args.samples);
    let factor = args.scale.map(|scale| scale as usize);
    let steps = found.steps.concat();
    let array =
        [npy::header("<f4", &[found.steps.len(), dim]), steps.iter().flat_map(|x| x.to_le_bytes()).collect()];
    let place = if is_folder {
        folder(&args.out, &rows, &generator, factor)?;
        atomic::write(&args.out.join("directions.npy"), &array.concat())?;
        format!("in {}", args.out.display())
    } else {
        let picture = generator.display.table(&rows, factor);
        let beside = args.out.with_extension("npy");
        let place = out::write(&args.out, &picture.png())?;
        format!("{place}, as an array {}", out::write(&beside, &array.concat())?)
    };
    tell!("{} from {} {place}", counted(u64::from(args.count), "direction"), generator.from.display());
    Ok(())
}

/// w of a sample of the seed.
fn through(generator: &mut Generator, seed: u64, index: usize, label: Option<usize>) -> Result<Vec<f32>> {
    generator.check_count(index + 1)?;
    let labels = match label {
        Some(label) => vec![label],
        None => generator.labels_of(seed, index..index + 1),
    };
    generator.map(&noise_of(generator.config, seed, index..index + 1), &labels)
}

/// A row a direction.
fn drawn(
    generator: &mut Generator,
    found: &Directions,
    from: &[f32],
    layers: &[usize],
    frames: usize,
) -> Result<Vec<TableRow>> {
    let length = |frame: usize| REACH * (2.0 * frame as f32 / (frames - 1) as f32 - 1.0);
    let lengths: Vec<f32> = (0..frames).map(length).collect();
    let made = strips(generator, from, &found.steps, &lengths, layers)?;
    let numbers = generator.display.shape.len();
    let row = |(number, (strip, share)): (usize, (&[f32], &f64))| {
        let cells = strip.chunks_exact(numbers).map(|one| Some(one.to_vec())).collect();
        TableRow { caption: format!("{}: {:.0} %", number + 1, 100.0 * share), cells }
    };
    let each = made.chunks_exact(frames * numbers).zip(&found.shares);
    Ok(each.enumerate().map(row).collect())
}

/// One PNG a strip.
fn folder(folder: &Path, rows: &[TableRow], generator: &Generator, factor: Option<usize>) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
    rows.iter().enumerate().try_for_each(|(at, row)| {
        let bare = TableRow { caption: String::new(), ..row.clone() };
        let picture = generator.display.table(&[bare], factor);
        atomic::write(&folder.join(format!("{:03}.png", at + 1)), &picture.png())
    })
}

/// What each direction has of the variance, and all of them.
fn shares(found: &Directions) -> String {
    let each: Vec<String> = found.shares.iter().take(10).map(|&share| percent(share)).collect();
    let more = if found.shares.len() > each.len() { ", …" } else { "" };
    format!("{}{more}: together {}", each.join(", "), percent(found.shares.iter().sum()))
}
