//! Precision and recall (Kynkäänniemi et al., 1904.06991), density and coverage (Naeem et al., 2002.09797): which
//! vectors lie in the balls that reach each vector's k-th nearest neighbour of its own set.

use super::distance::{Vectors, fold};
use super::features::FeatureSets;
use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::numbers::Numbers;

/// k of the protocol.
pub const NEIGHBOURS: usize = 5;

/// How two sets overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlap {
    /// Share of samples inside a ball of some real vector.
    pub precision: f64,
    /// Share of real vectors inside a ball of some sample.
    pub recall: f64,
    /// Mean number of real balls that hold a sample, by k.
    pub density: f64,
    /// Share of real balls that hold a sample.
    pub coverage: f64,
    /// Whether the ball of each real vector holds a sample.
    pub covered: Vec<bool>,
}

/// Squared distance of each vector to its k-th nearest other one; of fewer than k others, the farthest.
pub fn radii(set: &Vectors, k: usize) -> Vec<f32> {
    // Every vector's nearest, ascending; its own distance, exactly or nearly 0, is the first.
    let keep = |nearest: &mut Vec<f32>, _: usize, row: &[f32]| {
        for &d in row {
            if nearest.len() <= k || d < nearest[k] {
                let at = nearest.partition_point(|&x| x <= d);
                nearest.insert(at, d);
                nearest.truncate(k + 1);
            }
        }
    };
    let nearest = fold(set, set, &Vec::new, &keep);
    nearest.iter().map(|n| n.last().copied().unwrap_or(0.0)).collect()
}

/// Measures samples against real vectors, both `[…, dim]`.
pub fn measure(real: &[f32], samples: &[f32], dim: usize, k: usize) -> Overlap {
    let (real, samples) = (Vectors::new(real, dim), Vectors::new(samples, dim));
    let (real_radii, sample_radii) = (radii(&real, k), radii(&samples, k));
    // How many of the other set's balls hold a vector.
    let within = |from: &Vectors, to: &Vectors, radii: &[f32]| {
        let count = |held: &mut usize, first: usize, row: &[f32]| {
            *held += row.iter().zip(&radii[first..]).filter(|(d, r)| d < r).count();
        };
        fold(from, to, &|| 0usize, &count)
    };
    let nearest = |least: &mut f32, _: usize, row: &[f32]| {
        *least = row.iter().copied().fold(*least, f32::min);
    };
    let covered: Vec<bool> = fold(&real, &samples, &|| f32::INFINITY, &nearest)
        .iter()
        .zip(&real_radii)
        .map(|(d, r)| d < r)
        .collect();
    let in_real = within(&samples, &real, &real_radii);
    let in_samples = within(&real, &samples, &sample_radii);
    let share = |held: &[usize]| held.iter().filter(|&&n| n > 0).count() as f64 / held.len() as f64;
    Overlap {
        precision: share(&in_real),
        recall: share(&in_samples),
        density: in_real.iter().sum::<usize>() as f64 / (k * in_real.len()) as f64,
        coverage: covered.iter().filter(|&&c| c).count() as f64 / covered.len() as f64,
        covered,
    }
}

impl Subject<'_> {
    pub(super) fn overlap(&mut self) -> Result<Measurement> {
        let sets = self.feature_sets(Metric::Prdc)?;
        let FeatureSets { width, count, .. } = sets;
        let [test, train] = sets.without_copies();
        let row = |x: &[f32]| {
            let o = measure(&test, x, width, NEIGHBOURS);
            Numbers::from([
                ("precision", o.precision),
                ("recall", o.recall),
                ("density", o.density),
                ("coverage", o.coverage),
            ])
        };
        let protocol = format!(
            "precision, recall (1904.06991), density, coverage (2002.09797) of {count} samples and {} test \
             examples, k = {NEIGHBOURS}, in {width} features of {}",
            sets.tests(),
            sets.told
        );
        Ok(self
            .measurement(Metric::Prdc, protocol, count, row(&sets.samples))
            .beside(sets.reals(), row(&train))
            .warned(sets.copies()))
    }
}
