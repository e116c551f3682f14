//! Energy at the Nyquist frequency: where the checkerboards of transposed convolutions and of pixel shuffles stand
//! (Odena et al., "Deconvolution and Checkerboard Artifacts", 2016; 1906.11891).

use super::{Measurement, Metric, Subject};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::numbers::Numbers;
use rayon::prelude::*;
use std::f64::consts::TAU;
use std::ops::Add;

/// Samples the protocol draws, where both splits of the data hold as many examples.
pub(super) const SAMPLES: usize = 2_000;
/// Pixels a side that pictures need at least: with fewer, the frequencies beside the highest one are low ones.
const FEWEST_PIXELS: usize = 8;

/// Spectral energy of pictures, summed over examples and channels; of an odd number of rows or columns all but the last
/// are looked at. With P the two-dimensional discrete Fourier transform of one channel p of H×W pixels:
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Energy {
    /// All but the constant part: Σ |P(u, v)|² over (u, v) ≠ (0, 0), which is H·W·Σ (p − mean p)².
    pub all: f64,
    /// Columns and rows of the highest frequency: Σ |P(u, v)|² where u = W/2 or v = H/2, from sums Σ (−1)ˣ p over each row
    /// and Σ (−1)ʸ p over each column.
    pub highest: f64,
    /// Lines of the highest frequency, Σ |P(W/2, v)|² + Σ |P(u, H/2)|², by the lines two frequencies below,
    /// Σ |P(W/2 − 2, v)|² + Σ |P(u, H/2 − 2)|²: numerator and denominator.
    lines: [f64; 2],
}

impl Energy {
    /// Energy of pictures, `[count, height, width, channels]`; none of pictures of fewer than 8 pixels a side.
    pub fn of(pictures: &[f32], shape: Shape) -> Option<Energy> {
        let fits = shape.height.min(shape.width) >= FEWEST_PIXELS;
        // A fixed order of additions: examples in parallel, then their sums one by one.
        let each = |picture: &[f32]| {
            (0..shape.channels).map(|c| of_channel(picture, shape, c)).fold(Energy::default(), Energy::add)
        };
        fits.then(|| {
            let all: Vec<Energy> = pictures.par_chunks_exact(shape.len()).map(each).collect();
            all.into_iter().fold(Energy::default(), Energy::add)
        })
    }

    /// Share of the energy that stands at the highest frequency: 1/W + 1/H or so of white noise, much less of most pictures.
    pub fn share(&self) -> f64 {
        self.highest / self.all.max(f64::MIN_POSITIVE)
    }

    /// How far the highest frequency stands out of those just below it: 1 of white noise, less of most pictures, more where
    /// every second pixel differs from those beside it.
    pub fn peak(&self) -> f64 {
        self.lines[0] / self.lines[1].max(f64::MIN_POSITIVE)
    }
}

impl Add for Energy {
    type Output = Energy;

    fn add(self, other: Energy) -> Energy {
        Energy {
            all: self.all + other.all,
            highest: self.highest + other.highest,
            lines: [self.lines[0] + other.lines[0], self.lines[1] + other.lines[1]],
        }
    }
}

/// Energy of one channel of a picture.
fn of_channel(picture: &[f32], shape: Shape, channel: usize) -> Energy {
    let [height, width] = [shape.height, shape.width].map(|side| side / 2 * 2);
    let pixel = |y: usize, x: usize| f64::from(picture[(y * shape.width + x) * shape.channels + channel]);
    let mut rows: Vec<f64> = (0..height * width).map(|i| pixel(i / width, i % width)).collect();
    let count = rows.len() as f64;
    let mean = rows.iter().sum::<f64>() / count;
    rows.iter_mut().for_each(|x| *x -= mean);
    let columns: Vec<f64> = (0..rows.len()).map(|i| rows[i % height * width + i / height]).collect();
    let highest = line_energy(&rows, width, width / 2) + line_energy(&columns, height, height / 2);
    let below = line_energy(&rows, width, width / 2 - 2) + line_energy(&columns, height, height / 2 - 2);
    let sign = |i: usize| if (i / width + i % width).is_multiple_of(2) { 1.0 } else { -1.0 };
    let corner: f64 = rows.iter().enumerate().map(|(i, x)| sign(i) * x).sum();
    Energy {
        all: count * rows.iter().map(|x| x * x).sum::<f64>(),
        highest: highest - corner * corner,
        lines: [highest, below],
    }
}

/// Energy of a frequency along lines of `length` numbers, of whatever frequency across them: Σ |P|² over the latter is the
/// number of lines times the sum of squares of their own transforms (Parseval).
fn line_energy(lines: &[f64], length: usize, frequency: usize) -> f64 {
    let turns = |place: usize| TAU * (frequency * place % length) as f64 / length as f64;
    let waves: Vec<(f64, f64)> = (0..length).map(|place| turns(place).sin_cos()).collect();
    let of_line = |line: &[f64]| {
        let sums =
            line.iter().zip(&waves).fold([0.0; 2], |[s, c], (x, (sin, cos))| [s + x * sin, c + x * cos]);
        sums[0].powi(2) + sums[1].powi(2)
    };
    (lines.len() / length) as f64 * lines.chunks_exact(length).map(of_line).sum::<f64>()
}

/// Checks that pictures have a highest frequency that is far from the low ones.
///
/// # Errors
/// When they are too small.
pub(super) fn fits(shape: Shape) -> Result<()> {
    if shape.height.min(shape.width) >= FEWEST_PIXELS {
        return Ok(());
    }
    Err(Error::Data(format!(
        "nyquist needs pictures of {FEWEST_PIXELS}×{FEWEST_PIXELS} pixels or more, these are {}×{}",
        shape.width, shape.height
    )))
}

impl Subject<'_> {
    pub(super) fn highest_frequency(&mut self) -> Result<Measurement> {
        let shape = self.data.shape;
        fits(shape)?;
        let count = self.samples_wanted(Metric::Nyquist).min(self.data.test.count).min(self.data.train.count);
        let energy = |pictures: &[f32]| Energy::of(pictures, shape).expect("pictures large enough");
        let samples = energy(&self.samples(count)?);
        let [test, train] =
            [&self.data.test, &self.data.train].map(|split| energy(&self.examples(split, count)));
        let row = |of: Energy| {
            let ratio = of.share() / train.share().max(f64::MIN_POSITIVE);
            Numbers::from([("share %", 100.0 * of.share()), ("ratio", ratio), ("peak", of.peak())])
        };
        let protocol = format!(
            "share of the spectral energy (but the constant part) of {count} samples at the highest frequency of rows and \
             columns; ratio: by that of as many training examples; peak: by the energy two frequencies below"
        );
        Ok(self
            .measurement(Metric::Nyquist, protocol, count, row(samples))
            .beside(format!("{count} test examples"), row(test)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{PhiloxRng, stream};

    /// |P(u, v)|² by definition.
    fn power(p: &[f64], [height, width]: [usize; 2], [v, u]: [usize; 2]) -> f64 {
        let mut sums = [0.0; 2];
        for (i, x) in p.iter().enumerate() {
            let turns = (u * (i % width)) as f64 / width as f64 + (v * (i / width)) as f64 / height as f64;
            let (sin, cos) = (TAU * turns).sin_cos();
            sums = [sums[0] + x * sin, sums[1] + x * cos];
        }
        sums[0].powi(2) + sums[1].powi(2)
    }

    #[test]
    fn energies_are_those_of_the_fourier_transform() {
        let mut rng = PhiloxRng::new(1, stream("pictures"), 0);
        let shape = Shape { channels: 2, height: 9, width: 12 };
        let picture: Vec<f32> = (0..2 * shape.len()).map(|i| rng.normal() + (i % 5) as f32).collect();
        let found = Energy::of(&picture, shape).expect("large enough");
        let (mut all, mut highest, mut lines) = (0.0, 0.0, [0.0; 2]);
        for example in picture.chunks_exact(shape.len()) {
            for channel in 0..2 {
                // The ninth row has no partner.
                let p: Vec<f64> = (0..8 * 12).map(|i| f64::from(example[2 * i + channel])).collect();
                for (v, u) in (0..8).flat_map(|v| (0..12).map(move |u| (v, u))).filter(|&at| at != (0, 0)) {
                    let power = power(&p, [8, 12], [v, u]);
                    all += power;
                    highest += if u == 6 || v == 4 { power } else { 0.0 };
                    lines[0] += power * f64::from(u8::from(u == 6) + u8::from(v == 4));
                    lines[1] += power * f64::from(u8::from(u == 4) + u8::from(v == 2));
                }
            }
        }
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b, "{a}, by definition {b}");
        near(found.all, all);
        near(found.highest, highest);
        near(found.share(), highest / all);
        near(found.peak(), lines[0] / lines[1]);
    }

    #[test]
    fn small_pictures_and_flat_ones_are_told_apart() {
        assert_eq!(Energy::of(&[0.0; 49], Shape { channels: 1, height: 7, width: 7 }), None);
        let flat = Energy::of(&[0.3; 64], Shape { channels: 1, height: 8, width: 8 }).expect("large enough");
        assert_eq!((flat.share(), flat.peak().is_finite()), (0.0, true), "{flat:?}");
        assert_eq!(Energy::of(&[], Shape { channels: 1, height: 8, width: 8 }), Some(Energy::default()));
    }
}
