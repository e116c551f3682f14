//! Nearest training examples of samples (the right column of the 2014 paper's Figure 2), and whether samples
//! are closer to them than fresh data are.

use super::distance::{Vectors, fold};
use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::numbers::{Numbers, median};

/// The nearest training example of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its number.
    pub index: usize,
    /// Euclidean distance.
    pub distance: f32,
}

/// Nearest of `train` for each of `samples`, both `[…, dim]`.
///
/// # Panics
/// When there are no training examples.
pub fn nearest(samples: &[f32], train: &[f32], dim: usize) -> Vec<Neighbour> {
    let start = || Neighbour { index: 0, distance: f32::INFINITY };
    let keep = |best: &mut Neighbour, first: usize, row: &[f32]| {
        for (i, &d) in row.iter().enumerate() {
            if d < best.distance {
                *best = Neighbour { index: first + i, distance: d };
            }
        }
    };
    let (samples, train) = (Vectors::new(samples, dim), Vectors::new(train, dim));
    assert!(train.count() > 0, "no training examples");
    let mut found = fold(&samples, &train, &start, &keep);
    // The product form loses the digits of small distances: the nearest ones are computed again.
    for (sample, n) in samples.data.chunks_exact(dim).zip(&mut found) {
        let other = &train.data[n.index * dim..][..dim];
        n.distance = sample.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    }
    found
}

/// How close samples are to the training data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    /// Median distance of samples to their nearest training example.
    pub samples: f64,
    /// The same of held-out examples.
    pub held_out: f64,
}

/// Below this ratio samples are called memorised: they lie much nearer to training examples than data that the
/// model never saw. Copies have ratio 0; noise of a tenth of a pixel's range on copies stays below.
pub const MEMORISED: f64 = 0.5;

impl Closeness {
    /// Samples' distance by held-out data's.
    pub fn ratio(&self) -> f64 {
        self.samples / self.held_out
    }

    /// Whether the samples are memorised.
    pub fn is_memorised(&self) -> bool {
        self.ratio() < MEMORISED
    }
}

/// Measures samples and held-out examples against the training data, all `[…, dim]`.
pub fn closeness(samples: &[f32], held_out: &[f32], train: &[f32], dim: usize) -> Closeness {
    let median = |set: &[f32]| median_distance(set, train, dim);
    Closeness { samples: median(samples), held_out: median(held_out) }
}

/// The median distance of vectors to their nearest of `train`, all `[…, dim]`.
pub fn median_distance(set: &[f32], train: &[f32], dim: usize) -> f64 {
    median(nearest(set, train, dim).iter().map(|n| f64::from(n.distance)))
}

impl Subject<'_> {
    pub(super) fn neighbours(&mut self) -> Result<Measurement> {
        const HELD_OUT: usize = 1_000;
        let count = self.count.unwrap_or(HELD_OUT);
        let dim = self.data.shape.len();
        let train = self.examples(&self.data.train, self.data.train.count, false);
        let held_out = self.examples(&self.data.test, HELD_OUT, false);
        let samples = self.samples(count)?;
        let closeness = closeness(&samples, &held_out, &train, dim);
        let warning = closeness.is_memorised().then(|| {
            "memorised: samples lie much nearer to training examples than unseen data do".to_string()
        });
        let protocol = format!(
            "median distance of {count} samples to their nearest of {} training examples, by the same of {} test \
             examples; memorised below {}",
            self.data.train.count,
            held_out.len() / dim,
            MEMORISED
        );
        Ok(self
            .measurement(
                Metric::Neighbours,
                protocol,
                count,
                Numbers::from([
                    ("ratio", closeness.ratio()),
                    ("distance", closeness.samples),
                    ("memorised", f64::from(u8::from(closeness.is_memorised()))),
                ]),
            )
            .beside("test examples", Numbers::from([("distance", closeness.held_out)]))
            .warned(warning))
    }
}
