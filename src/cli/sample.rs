//! `gansaku sample` and `gansaku interpolate`: pictures and arrays from a trained generator.

use crate::error::{Error, Result};
use crate::report::picture::Picture;
use crate::report::{gif, npy};
use crate::run::atomic;
use crate::train::forger::Forger;
use crate::train::sampler::{between, noise};
use clap::Args;
use std::path::{Path, PathBuf};

/// Draw samples from a run or a checkpoint, with the averaged weights where there are any.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku sample runs/00000-digits\n  \
    gansaku sample runs/00000-digits -n 50000 --out samples/     one PNG a sample, for FID tools\n  \
    gansaku sample runs/00000-digits -n 10000 --out x.npy        numpy.load('x.npy'), [n, c, h, w] in [0, 1]")]
pub struct Sample {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// How many
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// Seeds the noise
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// FILE.png: a grid. FILE.npy: an array in [0, 1] (points as they are). DIR: one PNG a sample
    #[arg(long, value_name = "FILE|DIR", default_value = "samples.png")]
    out: PathBuf,
    /// Class of every sample, for conditional models; without it the classes take turns
    #[arg(long, value_name = "L")]
    label: Option<usize>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// Walk from sample to sample through the space of noise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku interpolate runs/00000-digits                           one row from seed 0 to seed 1\n  \
    gansaku interpolate runs/00000-digits --seeds 3,14,15 --out walk.gif")]
pub struct Interpolate {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// The samples to pass, by the seeds of their noise
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', default_values_t = [0, 1])]
    seeds: Vec<u64>,
    /// Pictures from one seed to the next, both ends included [default: 10, or 30 for a GIF]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    frames: Option<u32>,
    /// Along the great circle instead of the straight line of the 2014 paper
    #[arg(long)]
    slerp: bool,
    /// Class of every sample, for conditional models
    #[arg(long, value_name = "L")]
    label: Option<usize>,
    /// FILE.png: a row from seed to seed. FILE.gif: an animation that comes back to its start
    #[arg(long, value_name = "FILE", default_value = "interpolation.png")]
    out: PathBuf,
}

/// What a file name's ending asks for.
fn ending(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or("")
}

fn done(count: usize, what: &str, forger: &Forger, out: &Path) {
    tell!("{count} {what} from {} in {}", forger.from.display(), out.display());
}

pub fn sample(args: &Sample) -> Result<()> {
    let folder = args.out.is_dir() || ending(&args.out).is_empty();
    if !folder && !["png", "npy"].contains(&ending(&args.out)) {
        return Err(Error::Usage(format!(
            "--out {}: expected FILE.png, FILE.npy or a folder",
            args.out.display()
        )));
    }
    let mut forger = Forger::load(&args.from, super::threads(args.threads)?)?;
    let count = args.count as usize;
    let numbers = forger.samples(count, args.seed, args.label)?;
    let display = forger.display;
    if folder {
        std::fs::create_dir_all(&args.out).map_err(|e| Error::io("make the folder", &args.out, &e))?;
        for (i, one) in numbers.chunks_exact(display.shape.len()).enumerate() {
            atomic::write(&args.out.join(format!("{i:06}.png")), &display.single(one).png())?;
        }
    } else if ending(&args.out) == "npy" {
        let shape = display.shape;
        let dimensions: &[usize] = match shape.is_point() {
            true => &[count, shape.channels],
            false => &[count, shape.channels, shape.height, shape.width],
        };
        atomic::write(&args.out, &npy(&display.unit(&numbers), dimensions))?;
    } else {
        let conditional = forger.gan.classes > 0 && args.label.is_none();
        // Classes take turns: as many columns make one class a column.
        let columns = if conditional { forger.gan.classes } else { count.isqrt().max(count.min(10)) };
        atomic::write(&args.out, &display.picture(&numbers, columns).png())?;
    }
    done(count, "samples", &forger, &args.out);
    Ok(())
}

pub fn interpolate(args: &Interpolate) -> Result<()> {
    let animated = ending(&args.out) == "gif";
    if !animated && ending(&args.out) != "png" {
        return Err(Error::Usage(format!("--out {}: expected FILE.png or FILE.gif", args.out.display())));
    }
    if args.seeds.len() < 2 {
        return Err(Error::Usage("--seeds: expected at least two, as in --seeds 0,1".into()));
    }
    let mut forger = Forger::load(&args.from, 0)?;
    let frames = args.frames.map_or(if animated { 30 } else { 10 }, |f| f as usize);
    let ends: Vec<Vec<f32>> = args.seeds.iter().map(|&seed| noise(&forger.config, seed, 1)).collect();
    // An animation comes back to where it began.
    let round = ends.iter().chain(animated.then(|| &ends[0]));
    let stops: Vec<&Vec<f32>> = round.collect();
    let mut latent = Vec::new();
    for pair in stops.windows(2) {
        for frame in 0..frames {
            latent.extend(between(pair[0], pair[1], frame as f32 / (frames - 1) as f32, args.slerp));
        }
    }
    let count = latent.len() / forger.config.latent.dim;
    let label = args.label.or((forger.gan.classes > 0).then_some(0));
    let numbers = forger.samples_of(&latent, label)?;
    let bytes = if animated {
        let each = numbers.chunks_exact(forger.display.shape.len());
        let pictures: Vec<Picture> = each.map(|one| forger.display.picture(one, 1)).collect();
        gif(&pictures, 5)?
    } else {
        forger.display.picture(&numbers, frames).png()
    };
    atomic::write(&args.out, &bytes)?;
    done(count, "frames", &forger, &args.out);
    Ok(())
}
