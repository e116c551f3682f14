//! `gansaku sample` and `gansaku interpolate`: pictures and arrays from a trained generator.

use crate::error::{Error, Result};
use crate::inference::{Generator, LoadedRun, Wanted, noise, walk};
use crate::numbers::{counted, grouped};
use crate::pictures::Picture;
use crate::pictures::{gif, npy_header};
use crate::run::atomic;
use crate::train::signals::Signals;
use clap::Args;
use rayon::prelude::*;
use std::io::Write;
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
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// FILE.png: a grid. FILE.npy: an array in [0, 1] (points as they are). DIR, new or empty: one PNG a sample
    #[arg(long, value_name = "FILE|DIR", default_value = "samples.png")]
    out: PathBuf,
    /// Class of every sample, for conditional models; without it the classes take turns
    #[arg(long, value_name = "L", value_parser = super::whole::<usize>)]
    label: Option<usize>,
    #[command(flatten)]
    hardware: super::HardwareArgs,
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
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', default_value = "0,1", allow_hyphen_values = true, value_parser = super::whole::<u64>)]
    seeds: Vec<u64>,
    /// Pictures from one seed to the next, both ends included [default: 10, 30 for a GIF, 1000 for a plot of points]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000))]
    frames: Option<u32>,
    /// Along the great circle instead of the straight line of the 2014 paper
    #[arg(long)]
    slerp: bool,
    /// Class of every sample, for conditional models [default: 0]
    #[arg(long, value_name = "L", value_parser = super::whole::<usize>)]
    label: Option<usize>,
    /// FILE.png: a row from seed to seed, or, of points, the line that they draw. FILE.gif: an animation that comes back to its start
    #[arg(long, value_name = "FILE", default_value = "interpolation.png")]
    out: PathBuf,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

/// What a file name's ending asks for.
fn ending(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or("")
}

fn done(count: usize, what: &str, generator: &Generator, out: &Path) {
    tell!("{} from {} in {}", counted(count as u64, what), generator.from.display(), out.display());
}

fn wanted(args: &Sample) -> Wanted {
    args.label.map_or(Wanted::AsData, Wanted::One)
}

/// Samples made and written at once.
const PART: usize = 1_000;
/// The most samples of one picture, where they are pictures themselves.
const GRID: usize = 10_000;

pub fn sample(args: &Sample) -> Result<()> {
    let folder = args.out.is_dir() || ending(&args.out).is_empty();
    if !folder && !["png", "npy"].contains(&ending(&args.out)) {
        return Err(Error::Usage(format!(
            "--out {}: expected FILE.png, FILE.npy or a folder",
            args.out.display()
        )));
    }
    let count = args.count as usize;
    if !folder {
        super::has_folder("--out", Some(&args.out))?;
    }
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    let mut generator = run.generator();
    generator.check_label(args.label)?;
    generator.check_count(count)?;
    if folder {
        pictures(args, &mut generator)?;
    } else if ending(&args.out) == "npy" {
        array(args, &mut generator)?;
    } else {
        if count > GRID && !generator.display.shape.is_point() {
            return Err(Error::Usage(format!(
                "--count {count}: one picture takes at most {GRID}; --out FILE.npy or a folder takes them all"
            )));
        }
        let conditional = generator.classes() > 0 && args.label.is_none();
        // Classes take turns: as many columns make one class a column.
        let columns = if conditional { generator.classes() } else { count.isqrt().max(count.min(10)) };
        let samples = generator.samples(count, args.seed, &wanted(args))?;
        atomic::write(&args.out, &generator.display.picture(&samples, columns).png())?;
    }
    done(count, "sample", &generator, &args.out);
    Ok(())
}

/// The samples part by part, each with the number of its first.
fn parts(
    args: &Sample,
    generator: &mut Generator,
    take: &mut dyn FnMut(usize, Vec<f32>) -> Result<()>,
) -> Result<()> {
    let (count, signals) = (args.count as usize, Signals::listen()?);
    (0..count).step_by(PART).try_for_each(|from| {
        if let Some(signal) = signals.come() {
            let drawn = format!("{} of {}", grouped(from as u64), counted(count as u64, "sample"));
            let left = if ending(&args.out) == "npy" { "was not written" } else { "holds these alone" };
            return Err(signal.ended(format!("{drawn} were drawn; {} {left}", args.out.display())));
        }
        take(from, generator.samples_in(from..count.min(from + PART), args.seed, &wanted(args))?)
    })
}

/// One PNG a sample. Tools that read such a folder read all of it, so nothing else may lie there.
fn pictures(args: &Sample, generator: &mut Generator) -> Result<()> {
    let folder = &args.out;
    std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
    let there = std::fs::read_dir(folder).map_err(|e| Error::io("list", folder, &e))?.count();
    if there > 0 {
        let has = counted(there as u64, "file");
        let why = "perhaps of a call that was cut off; samples would mix with them: choose a new folder, or empty it";
        return Err(Error::Usage(format!("--out {}: holds {has} already, {why}", folder.display())));
    }
    let (display, digits) = (generator.display, (args.count - 1).to_string().len().max(6));
    parts(args, generator, &mut |from, samples| {
        samples.par_chunks_exact(display.shape.len()).enumerate().try_for_each(|(i, one)| {
            let file = folder.join(format!("{:0digits$}.png", from + i));
            // Not atomic: flushing thousands of files takes longer than drawing them, and they are soon drawn again.
            std::fs::write(&file, display.single(one).png()).map_err(|e| Error::io("write", &file, &e))
        })
    })
}

/// One array of all samples.
fn array(args: &Sample, generator: &mut Generator) -> Result<()> {
    let (display, count) = (generator.display, args.count as usize);
    let shape = display.shape;
    let dimensions: &[usize] = match shape.is_point() {
        true => &[count, shape.channels],
        false => &[count, shape.channels, shape.height, shape.width],
    };
    atomic::write_with(&args.out, &mut |file| {
        let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|e| Error::io("write", &args.out, &e));
        write(&npy_header(dimensions))?;
        parts(args, generator, &mut |_, samples| {
            let numbers = shape.planes(&display.unit(&samples));
            write(&numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
        })
    })
}

pub fn interpolate(args: &Interpolate) -> Result<()> {
    let animated = ending(&args.out) == "gif";
    if !animated && ending(&args.out) != "png" {
        return Err(Error::Usage(format!("--out {}: expected FILE.png or FILE.gif", args.out.display())));
    }
    if args.seeds.len() < 2 {
        return Err(Error::Usage("--seeds: expected at least two, as in --seeds 0,1".into()));
    }
    super::has_folder("--out", Some(&args.out))?;
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    let mut generator = run.generator();
    let usual = if animated { 30 } else { generator.display.frames() };
    let frames = args.frames.map_or(usual, |f| f as usize);
    // An animation comes back to where it began.
    let round = args.seeds.iter().chain(animated.then(|| &args.seeds[0]));
    let stops: Vec<Vec<f32>> = round.map(|&seed| noise(generator.config, seed, 1)).collect();
    let pictures = (stops.len() - 1) * frames;
    if pictures > GRID && !generator.display.shape.is_point() {
        return Err(Error::Usage(format!(
            "--seeds and --frames ask for {pictures} pictures: expected at most {GRID} in a file"
        )));
    }
    let latent = walk(&stops, frames, args.slerp);
    let count = latent.len() / generator.config.latent.dim;
    let label = args.label.or((generator.classes() > 0).then_some(0));
    let labels: Vec<usize> = label.into_iter().cycle().take(count).collect();
    let numbers = generator.samples_of(0, &latent, &labels)?;
    let bytes = if animated {
        let each = numbers.chunks_exact(generator.display.shape.len());
        let pictures: Vec<Picture> = each.map(|one| generator.display.picture(one, 1)).collect();
        gif(&pictures, 5)?
    } else {
        generator.display.picture(&numbers, frames).png()
    };
    atomic::write(&args.out, &bytes)?;
    done(count, "frame", &generator, &args.out);
    Ok(())
}
