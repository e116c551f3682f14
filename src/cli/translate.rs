//! `gansaku translate`: pictures through a trained translation.

use super::out;
use crate::config::{self, Given};
use crate::data::{Photo, Photos};
use crate::error::{Error, Result};
use crate::inference::{Image, Means, Translator};
use crate::models::Direction;
use crate::numbers::{bytes_in_words, counted};
use crate::pictures::{Picture, rows, single};
use crate::train::signals::Signals;
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Translate pictures with a run of model "cyclegan" or "pix2pix", with the averaged weights where there are any.
///
/// Pictures may have any size: they are mirrored at the edge up to one that the network takes, and cut back. Equal commands
/// make equal files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku translate runs/00000-cyclegan horse.jpg --out zebras\n  \
    gansaku translate runs/00000-cyclegan zebras/ --direction b2a --out horses --grid\n  \
    gansaku translate runs/00001-superres small/ --out large\n\n\
    A picture whose intermediate results take more than --memory is worked on in tiles that overlap by a quarter and\n\
    more; what a network normalises over a picture, it then normalises over each tile.")]
pub struct Translate {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// Pictures, or folders, zip or tar files of them
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// A folder, new or empty, for one PNG a picture: NAME.png, of pictures of one name also NAME-2.png …
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// From which domain to which [default: from what the run was given to what it learnt to make]
    #[arg(long, ignore_case = true)]
    direction: Option<Towards>,
    /// Also leave DIR/grid.png: in, out and, where the run translates both ways, back, the first hundred pictures
    #[arg(long)]
    grid: bool,
    /// Seeds dropout, where the generator has it; a picture's place among the inputs does the rest
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// MiB of intermediate results; what takes more is worked on in tiles
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    memory: u32,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

/// A direction between domains as the data name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Towards {
    /// From A to B
    A2b,
    /// From B to A
    B2a,
}

/// Rows of a grid, at most.
const ROWS: usize = 100;

pub fn run(args: &Translate) -> Result<()> {
    if ["png", "jpg", "jpeg", "webp"].contains(&&*out::ending(&args.out).to_lowercase()) {
        return Err(Error::Usage(format!(
            "--out {}: that is a picture's name; expected a folder, new or empty, in which each picture is called as its input",
            args.out.display()
        )));
    }
    out::check_new("--out", &args.out)?;
    let means =
        Means { hardware: args.hardware.settle()?, seed: args.seed, limit: (args.memory as usize) << 20 };
    // A device that is not there is told before anything is read.
    crate::exec::settle(means.hardware.device)?;
    let mut translator = Translator::load(&args.from, means)?;
    let direction = direction(args.direction, &translator)?;
    let looked = Looked::at(&args.inputs, direction, &mut translator)?;
    looked.tell(direction, &translator);
    std::fs::create_dir_all(&args.out).map_err(|e| Error::io("make the folder", &args.out, &e))?;
    let (mut names, mut shown) = (Names::default(), vec![]);
    if args.grid {
        names.take("grid");
    }
    let (signals, mut place, mut written) = (Signals::listen()?, 0, 0);
    for input in &args.inputs {
        let mut photos = Photos::at(input)?;
        let known: Vec<String> = photos.names().map(String::from).collect();
        for (number, name) in known.iter().enumerate() {
            if let Some(signal) = signals.come() {
                let done = format!("{written} of {}", counted(looked.count as u64, "picture"));
                return Err(
                    signal.ended(format!("{done} were translated; {} holds them", args.out.display()))
                );
            }
            place += 1;
            let Ok(photo) = photos.read(number) else { continue };
            let image = translator.read(direction, &photo);
            let made = translator.translate(direction, place - 1, &image)?;
            let file = args.out.join(format!("{}.png", names.take(stem(name))));
            let drawn = drawn(&translator, &made);
            std::fs::write(&file, drawn.png()).map_err(|e| Error::io("write", &file, &e))?;
            written += 1;
            if args.grid && shown.len() < ROWS {
                let mut row = vec![seen(&photo), drawn];
                if translator.goes_back() {
                    let back = translator.translate(direction.reversed(), place - 1, &made)?;
                    row.push(self::drawn(&translator, &back));
                }
                shown.push(row);
            }
        }
    }
    if args.grid {
        let file = args.out.join("grid.png");
        std::fs::write(&file, rows(&shown).png()).map_err(|e| Error::io("write", &file, &e))?;
    }
    let pictures = counted(written as u64, "picture");
    tell!("{pictures} from {} in {}", translator.from.display(), args.out.display());
    Ok(())
}

/// The direction that is meant, by the domains' names in the data.
fn direction(typed: Option<Towards>, translator: &Translator) -> Result<Direction> {
    let Some(towards) = typed else { return Ok(Direction::Forward) };
    let from = translator.from.display();
    let refused = |why: &str| Err(Error::Usage(format!("--direction: {from} {why}; leave it out")));
    match translator.config.data.given {
        Some(Given::LowResolution) => return refused("enlarges pictures, which goes one way"),
        Some(Given::Grey) => return refused("colours pictures, which goes one way"),
        None => {}
    }
    // Domains may have changed places before the run saw them.
    let forward = match translator.config.data.direction {
        config::Direction::AToB => Towards::A2b,
        config::Direction::BToA => Towards::B2a,
    };
    match towards == forward {
        true => Ok(Direction::Forward),
        false if translator.goes_back() => Ok(Direction::Backward),
        false if forward == Towards::A2b => refused("translates from A to B alone"),
        false => refused("translates from B to A alone"),
    }
}

/// What a look at all inputs found, before work begins.
#[derive(Default)]
struct Looked {
    /// Pictures that can be read.
    count: usize,
    grey: usize,
    coloured: usize,
    transparent: usize,
    /// Pictures of sizes that the network does not take as they are, and such a size with what it becomes.
    mirrored: usize,
    example: Option<[[usize; 2]; 2]>,
    /// One line a size that needs tiles.
    tiled: Vec<String>,
    damaged: Vec<String>,
    passed_over: Vec<String>,
}

impl Looked {
    fn at(inputs: &[PathBuf], direction: Direction, translator: &mut Translator) -> Result<Looked> {
        let mut looked = Looked::default();
        for input in inputs {
            let mut photos = Photos::at(input)?;
            looked
                .passed_over
                .extend(photos.passed_over.iter().map(|what| format!("{}: {what}", input.display())));
            for number in 0..photos.names().count() {
                match photos.read(number) {
                    Ok(photo) => looked.add(&photo, direction, translator)?,
                    // One of many is passed over; one that was asked for is not.
                    Err(why) if input.is_file() && photos.names().count() == 1 => return Err(why),
                    Err(why) => looked.damaged.push(why.to_string()),
                }
            }
        }
        match (looked.count, looked.damaged.first()) {
            (0, Some(why)) => Err(Error::Data(format!("no picture is whole: {why}"))),
            _ => Ok(looked),
        }
    }

    fn add(&mut self, photo: &Photo, direction: Direction, translator: &mut Translator) -> Result<()> {
        self.count += 1;
        self.grey += usize::from(!photo.coloured);
        self.coloured += usize::from(photo.coloured);
        self.transparent += usize::from(photo.transparent);
        let size = [photo.height, photo.width];
        let layout = translator.layout(direction, size)?;
        if layout.padded != size {
            self.mirrored += 1;
            self.example.get_or_insert([size, layout.padded]);
        }
        if layout.is_tiled() {
            let [[height, width], [high, wide]] = [layout.size, layout.tile];
            let line = format!(
                "{width}×{height} pixels take {} of intermediate results, more than --memory {}: worked on in tiles of \
                 {wide}×{high} that overlap",
                bytes_in_words(layout.bytes as u64),
                translator.limit() >> 20
            );
            if !self.tiled.contains(&line) {
                self.tiled.push(line);
            }
        }
        Ok(())
    }

    /// Says once what is done to pictures that are unlike those of the training.
    fn tell(&self, direction: Direction, translator: &Translator) {
        let of = |count: usize| format!("{count} of {}", counted(self.count as u64, "picture"));
        let channels = translator.translation(direction).map_or(3, |[from, _]| from.channels);
        let colours = translator.config.data.given == Some(Given::Grey);
        self.passed_over.iter().for_each(|what| tell!("passed over in {what}"));
        self.damaged.iter().for_each(|why| tell!("passed over: {why}"));
        if colours && self.coloured > 0 {
            tell!("{}: their colours are not looked at, their lightness is", of(self.coloured));
        } else if !colours && channels == 3 && self.grey > 0 {
            tell!("{}: grey, repeated in three channels", of(self.grey));
        } else if channels == 1 && self.coloured > 0 {
            tell!("{}: in colour, made grey", of(self.coloured));
        }
        if self.transparent > 0 {
            tell!("{}: transparent pixels laid on white", of(self.transparent));
        }
        if let Some([[height, width], [high, wide]]) = self.example {
            tell!(
                "{}: mirrored at the edges up to a size that the network takes, and cut back, as {width}×{height} in \
                 {wide}×{high}",
                of(self.mirrored)
            );
        }
        self.tiled.iter().for_each(|line| tell!("{line}"));
    }
}

/// Names of files that were given out.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The name, numbered where it is taken; names that differ in case alone are one, as on many systems.
    pub fn take(&mut self, name: &str) -> String {
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        let mut names = std::iter::once(name.to_string()).chain(numbered);
        names.find(|name| self.0.insert(name.to_lowercase())).expect("there are numbers enough")
    }
}

/// A file's name without folders and ending.
pub fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(file)
}

fn drawn(translator: &Translator, image: &Image) -> Picture {
    single(&translator.unit(image), image.shape)
}

fn seen(photo: &Photo) -> Picture {
    let Photo { width, height, channels, pixels, .. } = photo.clone();
    Picture { width, height, channels, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_collide_are_numbered() {
        let mut names = Names::default();
        let taken =
            ["a/x.png", "x.jpg", "X.png", "x-2.png", "b/c.d.tiff", ".png"].map(|n| names.take(stem(n)));
        assert_eq!(taken, ["x", "x-2", "X-3", "x-2-2", "c.d", ".png"]);
    }
}
