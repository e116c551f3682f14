//! Support size by the birthday paradox (Arora & Zhang, 1706.08224): of a distribution over S things, a batch of
//! about √S holds two that are the same. Sameness is judged by a distance instead of by eye: two pictures are
//! duplicates when they are half as far apart as the median test example is from its nearest training example.

use super::distance::{Vectors, fold};
use super::neighbours::{median_distance, nearest, unseen};
use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::numbers::Numbers;
use rayon::prelude::*;

/// Samples the protocol draws.
pub(super) const SAMPLES: usize = 5_000;
/// Test examples that the distance is taken from.
const HELD_OUT: usize = 1_000;
/// Samples whose near ones are looked for at once.
const BLOCK: usize = 500;

/// Duplicates among vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duplicates {
    /// Pairs of duplicates.
    pub pairs: usize,
    /// Pairs in all.
    pub of: usize,
}

impl Duplicates {
    /// Pairs in all by pairs of duplicates: the number of equally likely things among which as many would meet.
    /// Without duplicates, what 95 % of such draws would have told: at least a third of the pairs.
    pub fn support(&self) -> f64 {
        self.of as f64 / if self.pairs == 0 { 3.0 } else { self.pairs as f64 }
    }

    /// The batch that holds duplicates as often as not: √(2 ln 2 · support).
    pub fn even_batch(&self) -> f64 {
        (2.0 * std::f64::consts::LN_2 * self.support()).sqrt()
    }
}

/// Counts pairs of `set`, `[…, dim]`, nearer than `distance`.
pub fn duplicates(set: &[f32], dim: usize, distance: f64) -> Duplicates {
    let vectors = Vectors::new(set, dim);
    let count = vectors.count();
    let limit = (distance * distance) as f32;
    // The product form of a distance loses digits: what it finds near is computed again.
    let slack = limit + 1e-3 * dim as f32;
    let near = |found: &mut Vec<usize>, first: usize, row: &[f32]| {
        found.extend((0..row.len()).filter(|&i| row[i] < slack).map(|i| first + i));
    };
    let vector = |i: usize| &set[i * dim..][..dim];
    let is_near = |i: usize, j: usize| {
        let difference = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        vector(i).iter().zip(vector(j)).map(difference).sum::<f64>() < distance * distance
    };
    // Of copies everything is near everything: a block's candidates are looked at before the next one's are found.
    let of_block = |from: usize| -> usize {
        let block = Vectors::new(&set[from * dim..(from + BLOCK).min(count) * dim], dim);
        let candidates = fold(&block, &vectors, &Vec::new, &near);
        let pairs = candidates
            .par_iter()
            .enumerate()
            .map(|(i, near)| near.iter().filter(|&&j| j > from + i && is_near(from + i, j)).count());
        pairs.sum()
    };
    let pairs = (0..count).step_by(BLOCK).map(of_block).sum();
    Duplicates { pairs, of: count * count.saturating_sub(1) / 2 }
}

impl Subject<'_> {
    pub(super) fn birthday(&mut self) -> Result<Measurement> {
        let data = self.data;
        let count = self.samples_wanted(Metric::Birthday);
        let dim = data.shape.len();
        // All training examples, as many at a time as memory takes easily.
        let known = data.train.count.min(60_000);
        let train = self.examples(&data.train, known);
        let held_out = self.examples(&data.test, HELD_OUT);
        let distance = 0.5 * median_distance(&nearest(&held_out, [&train], dim));
        unseen(distance, Metric::Birthday)?;
        let real = &train[..count.min(known) * dim];
        let row = |x: &[f32]| {
            let d = duplicates(x, dim, distance);
            Numbers::from([
                ("duplicates", d.pairs as f64),
                ("support", d.support()),
                ("even batch", d.even_batch()),
            ])
        };
        let samples = self.samples(count)?;
        let found = row(&samples);
        let reals = real.len() / dim;
        let warning = (found["duplicates"] == 0.0)
            .then(|| "no duplicates: the support is at least what stands there (95 %)".to_string());
        let protocol = format!(
            "pairs among {count} samples nearer than {distance:.4}, half the median distance of {} test examples \
             to the nearest of {known} training examples; support is all pairs by those (1706.08224)",
            held_out.len() / dim
        );
        Ok(self
            .measurement(Metric::Birthday, protocol, count, found)
            .beside(format!("{reals} training examples"), row(real))
            .warned(warning))
    }
}
