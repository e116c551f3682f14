//! Sliced Wasserstein-1 distance (Rabin et al. 2011): the mean, over random directions, of the distance between
//! two sets' projections, which is that of their sorted numbers.

use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::exec::cpu::matmul_transposed;
use crate::numbers::Numbers;
use crate::rng::{Draw, stream};
use rayon::prelude::*;

/// Directions of the protocol.
pub const DIRECTIONS: usize = 256;

/// Samples the protocol draws, where both splits of the data hold as many examples.
pub(super) const SAMPLES: usize = 10_000;

/// Unit directions, `[DIRECTIONS, dim]`: normalised Gaussian vectors of a fixed stream.
pub fn directions(dim: usize, seed: u64) -> Vec<f32> {
    let draw = Draw::new(seed, stream("sliced wasserstein"), 0);
    let mut all: Vec<f32> = (0..(DIRECTIONS * dim) as u64).map(|i| draw.normal(i)).collect();
    for direction in all.chunks_exact_mut(dim) {
        let norm = direction.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt() as f32;
        direction.iter_mut().for_each(|x| *x /= norm);
    }
    all
}

/// The distance between two sets of equally many vectors, `[n, dim]`.
///
/// # Panics
/// When they are not equally many.
pub fn sliced(a: &[f32], b: &[f32], dim: usize, directions: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "sets of one size");
    let count = a.len() / dim;
    let project = |set: &[f32], direction: &[f32]| {
        let mut projected = vec![0.0; count];
        matmul_transposed(&mut projected, set, direction, [count, 1, dim]);
        projected.sort_unstable_by(f32::total_cmp);
        projected
    };
    let one = |direction: &[f32]| {
        let (a, b) = (project(a, direction), project(b, direction));
        a.iter().zip(&b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / count as f64
    };
    let all: Vec<f64> = directions.par_chunks_exact(dim).map(one).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

impl Subject<'_> {
    pub(super) fn sliced_wasserstein(&mut self) -> Result<Measurement> {
        let count = self.samples_wanted(Metric::Swd).min(self.data.test.count).min(self.data.train.count);
        let dim = self.data.shape.len();
        let samples = self.samples(count)?;
        let test = self.examples(&self.data.test, count);
        let train = self.examples(&self.data.train, count);
        // Directions are drawn over planes: one means the same pixels, however they lie in memory.
        let directions = self.data.shape.interleaved(&directions(dim, 0));
        let row = |x: &[f32]| Numbers::from([("distance", sliced(x, &test, dim, &directions))]);
        let protocol = format!(
            "sliced Wasserstein-1 distance of {count} samples to as many test examples in shuffled order, {} directions",
            DIRECTIONS
        );
        Ok(self
            .measurement(Metric::Swd, protocol, count, row(&samples))
            .beside("training examples", row(&train)))
    }
}
