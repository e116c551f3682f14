//! `gansaku interpolate`: walks through the space of noise.

use super::latents::{Indices, indices};
use super::out::{self, ending, is_stdout};
use super::sample::GRID;
use super::style;
use crate::error::{Error, Result};
use crate::inference::{Grain, LoadedRun, noise, noise_of, walk};
use crate::numbers::counted;
use crate::pictures::{Picture, gif};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Walk from sample to sample through the space of noise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku interpolate runs/00000-digits                           one row from seed 0 to seed 1\n  \
    gansaku interpolate runs/00000-digits --seeds 3,14,15 --out walk.gif\n  \
    gansaku interpolate runs/00000-digits --indices 3,14,15         between samples that gansaku sample draws\n  \
    gansaku interpolate runs/00001-stylegan2-digits --space w        through styles")]
pub struct Interpolate {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// The samples to pass, by the seeds of their noise: the first of each
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', default_value = "0,1", allow_hyphen_values = true, value_parser = super::whole::<u64>)]
    seeds: Vec<u64>,
    /// The samples to pass, by their numbers among those of one seed, from 0 on: 3,14,15
    #[arg(long, value_name = "I,J,…", value_parser = indices, conflicts_with = "seeds")]
    indices: Option<Indices>,
    /// The seed of --indices
    #[arg(long, value_name = "S", default_value_t = 0, requires = "indices", value_parser = super::whole::<u64>)]
    seed: u64,
    /// Pictures from one sample to the next, both ends included [default: 10, 30 for a GIF, 1000 for a plot of points]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    frames: Option<u32>,
    /// Space that is walked through: noise, or, of models with styles, w: straight, each style the mean of its neighbours'
    #[arg(long, value_enum, default_value = "z")]
    space: Space,
    /// Along the great circle instead of the straight line of the 2014 paper
    #[arg(long)]
    slerp: bool,
    /// Class of every sample, for conditional models, by name or number [default: the first]
    #[arg(long, value_name = "CLASS")]
    label: Option<String>,
    /// FILE.png: a row from sample to sample, or, of points, the line that they draw; - sends it to stdout. FILE.gif: an animation that comes back to its start
    #[arg(long, value_name = "FILE", default_value = "interpolation.png")]
    out: PathBuf,
    /// Enlarge the samples by this whole factor [default: to a size to look at]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    scale: Option<u32>,
    #[command(flatten)]
    style: super::style::StyleArgs,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

/// What is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Space {
    /// Noise.
    Z,
    /// Styles.
    W,
}

pub fn interpolate(args: &Interpolate) -> Result<()> {
    let animated = ending(&args.out) == "gif";
    if !animated && ending(&args.out) != "png" && !is_stdout(&args.out) {
        return Err(Error::Usage(format!("--out {}: expected FILE.png or FILE.gif", args.out.display())));
    }
    let (flag, passed) = match &args.indices {
        Some(Indices(all)) => ("--indices", all.len()),
        None => ("--seeds", args.seeds.len()),
    };
    if passed < 2 {
        return Err(Error::Usage(format!("{flag}: expected at least two, as in {flag} 0,1")));
    }
    super::has_folder("--out", Some(&*args.out).filter(|out| !is_stdout(out)))?;
    out::check_stdout(&args.out)?;
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    run.require_samples()?;
    let mut generator = run.generator();
    // A walk shows what styles do; noise that jumps from frame to frame would hide it.
    args.style.apply(&mut generator, Grain::Constant)?;
    if args.space == Space::W && generator.layers() == 0 {
        return Err(Error::Usage(format!(
            "--space w: {} has no styles; it walks through the space of noise, --space z",
            generator.from.display()
        )));
    }
    if args.space == Space::W && args.slerp {
        return Err(Error::Usage(
            "--slerp: a great circle is for noise; walks through w are straight".into(),
        ));
    }
    let label = style::label(args.label.as_deref(), &generator)?;
    if args.scale.is_some() && generator.display.shape.is_point() {
        return Err(Error::Usage("--scale: the samples are points, which a plot shows; leave it out".into()));
    }
    let usual = if animated { 30 } else { generator.display.frames() };
    let frames = args.frames.map_or(usual, |f| f as usize);
    let mut stops: Vec<Vec<f32>> = match &args.indices {
        Some(Indices(all)) => {
            generator.check_count(all.iter().max().map_or(0, |most| most + 1))?;
            all.iter().map(|&i| noise_of(generator.config, args.seed, i..i + 1)).collect()
        }
        None => args.seeds.iter().map(|&seed| noise(generator.config, seed, 1)).collect(),
    };
    if animated {
        // An animation comes back to where it began.
        stops.push(stops[0].clone());
    }
    let pictures = (stops.len() - 1) * frames;
    if pictures > GRID && !generator.display.shape.is_point() {
        return Err(Error::Usage(format!(
            "{flag} and --frames ask for {pictures} pictures: expected at most {GRID} in a file"
        )));
    }
    let dim = generator.config.latent.dim;
    let labels = |count: usize| -> Vec<usize> { label.into_iter().cycle().take(count).collect() };
    let numbers = match args.space {
        Space::Z => {
            let latent = walk(&stops, frames, args.slerp);
            generator.samples_of(0, &latent, &labels(latent.len() / dim))?
        }
        Space::W => {
            let styles = generator.map(&stops.concat(), &labels(stops.len()))?;
            let stops: Vec<Vec<f32>> = styles.chunks_exact(dim).map(<[f32]>::to_vec).collect();
            generator.walked(&walk(&stops, frames, false))?
        }
    };
    let count = numbers.len() / generator.display.shape.len();
    let (display, factor) = (generator.display, args.scale.map(|scale| scale as usize));
    let bytes = if animated {
        let each = numbers.chunks_exact(display.shape.len());
        let pictures: Vec<Picture> = each.map(|one| display.sheet(one, Some(1), factor)).collect();
        gif(&pictures, 5)?
    } else {
        display.sheet(&numbers, Some(frames), factor).png()
    };
    let place = out::write(&args.out, &bytes)?;
    let class = label.map_or(String::new(), |label| format!(" of class {}", generator.class_name(label)));
    tell!("{}{class} from {} {place}", counted(count as u64, "frame"), generator.from.display());
    Ok(())
}
