//! Colourisation: how near a and b of Lab are to the truth's, beside no colour, the mean colour of the training pictures, and
//! the colours of the training picture whose lightness is most alike; and how colourful pictures are, since a mean of all
//! that may be is grey.

use super::Translations;
use super::pictures::Truth;
use crate::config::Metric;
use crate::data::{Dataset, Examples};
use crate::error::Result;
use crate::eval::Measurement;
use crate::eval::fidelity::{chroma, lab, of_lab, psnr, rounded, squared_ab_error};
use crate::eval::neighbours::nearest;
use crate::models::Direction;
use crate::numbers::Numbers;
use rayon::prelude::*;

/// Training pictures that stand as numbers at once.
const PIECE: usize = 1_000;

/// Sums over pictures.
#[derive(Default)]
struct Sums {
    pictures: usize,
    pixels: usize,
    squares: f64,
    psnr: f64,
    chroma: [f64; 2],
}

impl Sums {
    fn add(&mut self, made: &[f32], truth: &[f32]) {
        let made = rounded(made);
        let [own, true_lab] = [&made[..], truth].map(lab);
        self.pictures += 1;
        self.pixels += own.len();
        self.squares += squared_ab_error(&own, &true_lab);
        self.psnr += psnr(&made, truth);
        self.chroma[0] += chroma(&own);
        self.chroma[1] += chroma(&true_lab);
    }

    fn numbers(&self) -> Numbers {
        Numbers::from([
            ("ab error", (self.squares / (2 * self.pixels) as f64).sqrt()),
            ("PSNR", self.psnr / self.pictures as f64),
            ("colourfulness", self.chroma[0] / self.chroma[1].max(f64::MIN_POSITIVE)),
        ])
    }
}

impl Translations<'_> {
    pub(super) fn colour(&mut self) -> Result<Measurement> {
        let mut truths = self.truths()?;
        let mean = self.mean_colour();
        let [mut made, mut grey, mut average] = [Sums::default(), Sums::default(), Sums::default()];
        let mut alike: Vec<Truth> = vec![];
        for number in 0..truths.count() {
            let truth = self.truth(&mut truths, number, 1)?;
            let image = self.translator.image(&truth.unit, truth.shape);
            let coloured = self.translator.translate(Direction::Forward, number, &image)?;
            made.add(&self.translator.unit(&coloured), &truth.unit);
            let light: Vec<f64> = lab(&truth.unit).into_iter().map(|[l, ..]| l).collect();
            let with = |[a, b]: [f64; 2]| of_lab(light.iter().map(|&l| [l, a, b]));
            grey.add(&with([0.0; 2]), &truth.unit);
            average.add(&with(mean), &truth.unit);
            if truth.shape == self.shape() {
                alike.push(truth);
            }
        }
        let protocol = format!(
            "{}, coloured again by their lightness; ab error: root of the mean square over pixels, a and b of Lab (D65) of \
             pictures rounded to 8 bits; PSNR of red, green and blue, the mean over pictures; colourfulness: mean √(a² + \
             b²), by the truth's",
            truths.told(self)
        );
        let measured = self
            .measurement(Metric::Colour, protocol, made.pictures, made.numbers())
            .beside("grey", grey.numbers())
            .beside("the training pictures' mean colour", average.numbers());
        Ok(match alike.len() == made.pictures {
            true => measured
                .beside("colours of the nearest training picture by L", self.by_neighbours(&alike).numbers()),
            false => measured,
        })
    }

    /// Pixels in [0, 1] of the training pictures from `from` on, a piece.
    fn training(&self, from: usize) -> Vec<f32> {
        let train: &Examples = &self.data.train;
        let to = train.count.min(from + PIECE);
        self.display().unit(&self.data.numbers_of(train, from..to))
    }

    /// Mean a and b of all training pixels.
    fn mean_colour(&self) -> [f64; 2] {
        let data: &Dataset = self.data;
        let mut sums = [0.0; 2];
        for from in (0..data.train.count).step_by(PIECE) {
            let pictures = self.training(from);
            let own: Vec<[f64; 2]> = pictures
                .par_chunks_exact(self.shape().len())
                .map(|picture| lab(picture).iter().fold([0.0; 2], |[x, y], [_, a, b]| [x + a, y + b]))
                .collect();
            own.iter().for_each(|[a, b]| sums = [sums[0] + a, sums[1] + b]);
        }
        let pixels = data.train.count * data.shape.height * data.shape.width;
        sums.map(|sum| sum / pixels as f64)
    }

    /// The truths' lightness with the colours of the training picture whose lightness is nearest.
    fn by_neighbours(&self, truths: &[Truth]) -> Sums {
        let area = self.shape().height * self.shape().width;
        let lightness = |pictures: &[f32]| -> Vec<f32> {
            let each = pictures.par_chunks_exact(self.shape().len()).map(|picture| {
                lab(picture).into_iter().map(|[l, ..]| (l / 100.0) as f32).collect::<Vec<f32>>()
            });
            each.collect::<Vec<_>>().concat()
        };
        let all: Vec<f32> = truths.iter().flat_map(|truth| truth.unit.iter().copied()).collect();
        let pieces = (0..self.data.train.count).step_by(PIECE).map(|from| lightness(&self.training(from)));
        let found = nearest(&lightness(&all), pieces, area);
        let mut sums = Sums::default();
        for (truth, neighbour) in truths.iter().zip(found) {
            let train = self.data.numbers(&self.data.train, neighbour.index);
            let colours = lab(&self.display().unit(&train));
            let mixed = lab(&truth.unit).into_iter().zip(colours).map(|([l, ..], [_, a, b])| [l, a, b]);
            sums.add(&of_lab(mixed), &truth.unit);
        }
        sums
    }
}
