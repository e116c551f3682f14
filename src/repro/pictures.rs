//! Pictures of a recipe's first seed.

use super::{Experiment, Kind};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::eval::neighbours;
use crate::inference::{LoadedRun, noise, rows, walk};
use crate::models::{self, Direction};
use crate::pictures::Picture;
use crate::run::atomic;
use std::fs;
use std::path::Path;

/// Pictures a row.
const COLUMNS: usize = 10;
/// Samples of a grid, and of a plot of points.
const SAMPLES: usize = 100;
const POINTS: usize = 2_500;
/// Pictures whose translations are shown.
const TRANSLATED: usize = 10;

/// The file of a picture, in a folder of pictures.
pub fn file(recipe: &str, kind: Kind) -> String {
    let what = match kind {
        Kind::Samples => "samples",
        Kind::Interpolation => "interpolation",
        Kind::Neighbours => "neighbours",
        Kind::Translations => "translations",
    };
    format!("{recipe}-{what}.png")
}

/// The file of real examples.
pub fn reals(experiment: &Experiment) -> String {
    format!("{}-data.png", experiment.name)
}

/// Draws what the experiment shows into `folder`. The noise is that of seed 0, and of seed 1 where a walk ends.
pub fn draw(experiment: &Experiment, run: &mut LoadedRun, data: &Dataset, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
    let (display, recipe) = (run.display, run.config.recipe.clone());
    let count = if data.shape.is_point() { POINTS } else { SAMPLES };
    let examples = data.numbers_of(&data.train, data.train.shuffled(0..count.min(data.train.count)));
    atomic::write(&folder.join(reals(experiment)), &display.picture(&examples, COLUMNS).png())?;
    for &kind in &experiment.pictures {
        let mut generator = run.generator();
        let picture = match kind {
            Kind::Translations => translations(run, data)?,
            Kind::Samples => display.picture(&generator.samples(count, 0)?, COLUMNS),
            Kind::Interpolation => {
                let ends = [0, 1].map(|seed| noise(generator.config, seed, 1));
                let frames = display.frames();
                // One class all the way.
                let labels = generator.labels_of(0, 0..1).repeat(frames);
                display.picture(&generator.samples_of(0, &walk(&ends, frames, false), &labels)?, frames)
            }
            Kind::Neighbours => {
                let mut shown = generator.samples(COLUMNS, 0)?;
                let train = data.pieces(&data.train, data.train.count).map(|x| display.unit(&x));
                for neighbour in neighbours::nearest(&display.unit(&shown), train, data.shape.len()) {
                    shown.extend(data.numbers(&data.train, neighbour.index));
                }
                display.picture(&shown, COLUMNS)
            }
        };
        atomic::write(&folder.join(file(&recipe, kind)), &picture.png())?;
    }
    Ok(())
}

/// Test pictures with what became of them, one way on the left and the other on the right.
fn translations(run: &mut LoadedRun, data: &Dataset) -> Result<Picture> {
    let game = models::of(&run.config, data.shape, data.classes);
    let (display, ways) =
        (run.display, Direction::ALL.into_iter().filter(|&way| game.translation(way).is_some()));
    let ways =
        ways.map(|way| rows(&mut run.engine(), &*game, data, way, TRANSLATED)).collect::<Result<Vec<_>>>()?;
    let row = |row: usize| {
        ways.iter().flat_map(move |way| {
            let width = way.columns.len() * display.shape.len();
            way.numbers.iter().skip(row * width).take(width).copied()
        })
    };
    let all: Vec<f32> = (0..TRANSLATED).flat_map(row).collect();
    Ok(display.headed(&all, &ways[0].columns, ways.len()))
}
