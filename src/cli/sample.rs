//! `gansaku sample`: pictures and arrays from a trained generator.

use super::latents::{Indices, Noise, PART, indices};
use super::out::{self, ending, is_stdout};
use crate::data::npy;
use crate::error::{Error, Result};
use crate::inference::{Generator, Grain, LoadedRun};
use crate::numbers::{counted, grouped};
use crate::pictures::{Block, caption};
use crate::run::atomic;
use crate::train::signals::Signals;
use clap::Args;
use rayon::prelude::*;
use std::io::Write;
use std::path::PathBuf;

/// Draw samples from a run or a checkpoint, with the averaged weights where there are any.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku sample runs/00000-digits\n  \
    gansaku sample runs/00000-digits --index 24                  this one of them, large\n  \
    gansaku sample runs/00000-digits -n 50000 --out samples/     one PNG a sample, for FID tools\n  \
    gansaku sample runs/00000-digits -n 10000 --out x.npy        numpy.load('x.npy'), [n, c, h, w] in [0, 1]\n  \
    gansaku sample runs/00000-digits --latents z.npy             samples of one's own noise, [n, latent.dim]\n\n\
    A picture of a conditional model has a row for each class. In arrays and folders classes are as frequent as\n\
    in the training data.")]
pub struct Sample {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// How many
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// Seeds the noise, and the classes where none is asked for
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// Only these samples of the seed, from 0 on: 24, or 3,14-20
    #[arg(long, value_name = "I,J-K,…", value_parser = indices, conflicts_with = "count")]
    index: Option<Indices>,
    /// Noise of one's own: an array [n, latent.dim] of float32 or float64; labels from FILE.labels.npy, if it is there
    #[arg(long, value_name = "FILE.npy", conflicts_with_all = ["count", "index"])]
    latents: Option<PathBuf>,
    /// Leave the noise of these samples there, [n, latent.dim] float32, and their labels in FILE.labels.npy
    #[arg(long, value_name = "FILE.npy")]
    save_latents: Option<PathBuf>,
    /// FILE.png: a grid. FILE.npy: an array in [0, 1] (points as they are). DIR, new or empty: one PNG a sample. -: a
    /// grid to stdout
    #[arg(long, value_name = "FILE|DIR", default_value = "samples.png")]
    out: PathBuf,
    /// Class of every sample, for conditional models, by name or number; without it, see below
    #[arg(long, value_name = "CLASS")]
    label: Option<String>,
    /// Enlarge the samples of a grid by this whole factor [default: to a size to look at]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    scale: Option<u32>,
    #[command(flatten)]
    style: super::style::StyleArgs,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

/// The most samples of one picture, where they are pictures themselves.
pub const GRID: usize = 10_000;

/// What the samples become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Grid,
    Array,
    Folder,
}

impl Sample {
    /// What `--out` asks for.
    fn form(&self) -> Result<Form> {
        let form = match ending(&self.out) {
            _ if is_stdout(&self.out) => Form::Grid,
            _ if self.out.is_dir() => Form::Folder,
            "" if self.out.is_file() => {
                let out = self.out.display();
                return Err(Error::Usage(format!(
                    "--out {out}: that is a file; expected FILE.png, FILE.npy or a folder"
                )));
            }
            "" => Form::Folder,
            "png" => Form::Grid,
            "npy" => Form::Array,
            _ => {
                let out = self.out.display();
                return Err(Error::Usage(format!("--out {out}: expected FILE.png, FILE.npy or a folder")));
            }
        };
        if self.scale.is_some() && form != Form::Grid {
            return Err(Error::Usage(
                "--scale enlarges a grid, FILE.png; arrays and folders keep every pixel".into(),
            ));
        }
        Ok(form)
    }

    /// Which samples are drawn.
    fn noise(&self, generator: &Generator) -> Result<Noise> {
        Ok(match (&self.index, &self.latents) {
            (Some(Indices(which)), _) => Noise::Chosen { which: which.clone(), seed: self.seed },
            (_, Some(path)) => Noise::of_file(path, generator, self.seed)?,
            _ => Noise::First { count: self.count as usize, seed: self.seed },
        })
    }
}

pub fn sample(args: &Sample) -> Result<()> {
    let form = args.form()?;
    if form != Form::Folder {
        super::has_folder("--out", Some(&*args.out).filter(|out| !is_stdout(out)))?;
    }
    out::check_stdout(&args.out)?;
    if let Some(path) = &args.save_latents {
        super::has_folder("--save-latents", Some(path))?;
        if ending(path) != "npy" {
            return Err(Error::Usage(format!("--save-latents {}: expected FILE.npy", path.display())));
        }
    }
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    run.require_samples()?;
    let mut generator = run.generator();
    args.style.apply(&mut generator, Grain::Random)?;
    let label = args.label.as_deref().map(|typed| generator.class(typed)).transpose()?;
    let noise = args.noise(&generator)?;
    let count = noise.count();
    if args.index.is_none() && args.latents.is_none() {
        generator.check_count(count)?;
    }
    let is_grid = form == Form::Grid && !generator.display.shape.is_point();
    if is_grid && count > GRID {
        return Err(Error::Usage(format!(
            "--count {count}: one picture takes at most {GRID}; --out FILE.npy or a folder takes them all"
        )));
    }
    if args.scale.is_some() && !is_grid {
        return Err(Error::Usage("--scale: the samples are points, which a plot shows; leave it out".into()));
    }
    // A picture is to show every class; whatever is counted or measured, the data's shares.
    let labels = match noise {
        Noise::First { .. } if is_grid && generator.classes() > 0 && label.is_none() => {
            in_rows(&generator.learnt(), count)
        }
        _ => noise.labels(&generator, label)?,
    };
    tell_classes(&generator, &labels, label);
    let drawn = Drawn { args, labels: &labels };
    let place = match form {
        Form::Grid => drawn.grid(noise, &mut generator)?,
        Form::Array => drawn.array(noise, &mut generator)?,
        Form::Folder => drawn.folder(noise, &mut generator)?,
    };
    tell!("{} from {} {place}", counted(count as u64, "sample"), generator.from.display());
    if let Some(path) = &args.save_latents {
        let told = args.noise(&generator)?.save(path, &labels, &generator)?;
        tell!("their noise {told}");
        if generator.drops_units() && args.index.is_some() {
            tell!("G drops units by a sample's place: as first rows of --latents these are others");
        }
    }
    Ok(())
}

/// Equally many labels of each class, class by class; the first ones have one more where they do not come out even.
fn in_rows(classes: &[usize], count: usize) -> Vec<usize> {
    let (each, more) = (count / classes.len(), count % classes.len());
    let times = |(i, &class): (usize, &usize)| std::iter::repeat_n(class, each + usize::from(i < more));
    classes.iter().enumerate().flat_map(times).collect()
}

/// Samples whose classes are told one by one, at most.
const TOLD: usize = 10;

/// Says which classes are drawn, where that was not asked for.
fn tell_classes(generator: &Generator, labels: &[usize], label: Option<usize>) {
    if labels.is_empty() || label.is_some() {
        return;
    }
    let names = |labels: &[usize]| {
        labels.iter().map(|&class| generator.class_name(class)).collect::<Vec<_>>().join(", ")
    };
    if labels.len() <= TOLD {
        tell!("classes: {}", names(labels));
    } else if labels.is_sorted() {
        let mut rows = labels.to_vec();
        rows.dedup();
        tell!("classes, row by row: {}", names(&rows));
    } else if generator.class_table().is_none() {
        tell!(
            "classes: all equally often; the checkpoint does not say how often the training data have them"
        );
    } else {
        tell!("classes: as often as the training data have them");
    }
}

/// What is drawn, with what was asked for.
struct Drawn<'a> {
    args: &'a Sample,
    /// Label of each sample; none of an unconditional model's.
    labels: &'a [usize],
}

impl Drawn<'_> {
    /// One picture of all samples: class by class where they stand so. Where it is, for people.
    fn grid(&self, noise: Noise, generator: &mut Generator) -> Result<String> {
        let samples = noise.samples(0..noise.count(), self.labels, generator)?;
        let factor = self.args.scale.map(|scale| scale as usize);
        let display = generator.display;
        if let Some(factor) = factor {
            let pixels = samples.len() * factor * factor;
            if pixels > MOST_PIXELS {
                return Err(Error::Usage(format!(
                    "--scale {factor}: a picture of {pixels} numbers; take a smaller one"
                )));
            }
        }
        let picture = match blocks(self.labels, generator) {
            blocks if blocks.len() > 1 => display.by_class(&samples, &blocks, factor),
            _ => display.sheet(&samples, None, factor),
        };
        out::write(&self.args.out, &picture.png())
    }

    /// The samples part by part, each with the place of its first.
    fn parts(
        &self,
        noise: Noise,
        generator: &mut Generator,
        take: &mut dyn FnMut(usize, Vec<f32>) -> Result<()>,
    ) -> Result<()> {
        let (count, signals) = (noise.count(), Signals::listen()?);
        (0..count).step_by(PART).try_for_each(|from| {
            if let Some(signal) = signals.come() {
                let drawn = format!("{} of {}", grouped(from as u64), counted(count as u64, "sample"));
                let out = &self.args.out;
                let left = if ending(out) == "npy" { "was not written" } else { "holds these alone" };
                return Err(signal.ended(format!("{drawn} were drawn; {} {left}", out.display())));
            }
            take(from, noise.samples(from..count.min(from + PART), self.labels, generator)?)
        })
    }

    /// One PNG a sample.
    fn folder(&self, noise: Noise, generator: &mut Generator) -> Result<String> {
        let folder = &self.args.out;
        out::check_new("--out", folder)?;
        std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
        let numbers: Vec<usize> = (0..noise.count()).map(|at| noise.number(at)).collect();
        let greatest = numbers.iter().copied().max().unwrap_or(0);
        let (display, digits) = (generator.display, greatest.to_string().len().max(6));
        self.parts(noise, generator, &mut |from, samples| {
            samples.par_chunks_exact(display.shape.len()).enumerate().try_for_each(|(i, one)| {
                let file = folder.join(format!("{:0digits$}.png", numbers[from + i]));
                // Not atomic: flushing thousands of files takes longer than drawing them, and they are soon drawn again.
                std::fs::write(&file, display.single(one).png()).map_err(|e| Error::io("write", &file, &e))
            })
        })?;
        Ok(format!("in {}", folder.display()))
    }

    /// One array of all samples.
    fn array(&self, noise: Noise, generator: &mut Generator) -> Result<String> {
        let (display, count, out) = (generator.display, noise.count(), &self.args.out);
        let shape = display.shape;
        let dimensions: &[usize] = match shape.is_point() {
            true => &[count, shape.channels],
            false => &[count, shape.channels, shape.height, shape.width],
        };
        let place = out::place(out);
        let mut noise = Some(noise);
        atomic::write_with(out, &mut |file| {
            let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|e| Error::io("write", out, &e));
            write(&npy::header("<f4", dimensions))?;
            self.parts(noise.take().expect("written once"), generator, &mut |_, samples| {
                let numbers = shape.planes(&display.unit(&samples));
                write(&numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
            })
        })?;
        Ok(place)
    }
}

/// Numbers of the largest picture.
const MOST_PIXELS: usize = 1 << 28;

/// Samples that stand class by class, with names; nothing where classes are mixed, or there are none.
fn blocks(labels: &[usize], generator: &Generator) -> Vec<Block> {
    if !labels.is_sorted() {
        return vec![];
    }
    let block =
        |own: &[usize]| Block { caption: caption(&generator.class_name(own[0]), own[0]), count: own.len() };
    labels.chunk_by(|a, b| a == b).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::in_rows;

    #[test]
    fn classes_come_one_after_the_other_in_equal_parts() {
        assert_eq!(in_rows(&[0, 2, 5], 8), [0, 0, 0, 2, 2, 2, 5, 5]);
        assert_eq!(in_rows(&[0, 1, 2], 2), [0, 1]);
    }
}
