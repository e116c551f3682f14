//! Nearest training examples of samples (the right column of the 2014 paper's Figure 2), and whether samples
//! are closer to them than fresh data are.

use super::distance::{Vectors, fold};
use super::{Measurement, Metric, Subject};
use crate::error::{Error, Result};
use crate::numbers::{Numbers, median};

/// The nearest training example of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The training example's number.
    pub index: usize,
    /// Euclidean distance.
    pub distance: f32,
}

/// Nearest training example of each of `samples`, `[…, dim]`. Training examples come in pieces, `[…, dim]` each, so
/// that a large data set need not stand as numbers in memory ([`Dataset::pieces`]); they count through all pieces.
///
/// # Panics
/// When there are samples, but no training examples.
///
/// [`Dataset::pieces`]: crate::data::Dataset::pieces
pub fn nearest<P: AsRef<[f32]>>(
    samples: &[f32],
    pieces: impl IntoIterator<Item = P>,
    dim: usize,
) -> Vec<Neighbour> {
    let start = || Neighbour { index: usize::MAX, distance: f32::INFINITY };
    let keep = |best: &mut Neighbour, first: usize, row: &[f32]| {
        for (i, &d) in row.iter().enumerate() {
            if d < best.distance {
                *best = Neighbour { index: first + i, distance: d };
            }
        }
    };
    let samples = Vectors::new(samples, dim);
    let mut best = vec![start(); samples.count()];
    let mut before = 0;
    for piece in pieces {
        let train = Vectors::new(piece.as_ref(), dim);
        let found = fold(&samples, &train, &start, &keep);
        for ((best, n), sample) in best.iter_mut().zip(found).zip(samples.data.chunks_exact(dim)) {
            if n.index == usize::MAX {
                continue;
            }
            // The product form loses the digits of small distances: the nearest one is computed again.
            let other = &train.data[n.index * dim..][..dim];
            let distance = sample.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
            if distance < best.distance {
                *best = Neighbour { index: before + n.index, distance };
            }
        }
        before += train.count();
    }
    assert!(best.iter().all(|n| n.index != usize::MAX), "no training examples");
    best
}

/// How close samples are to the training data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    /// Median distance of samples to their nearest training example.
    pub samples: f64,
    /// Median distance of held-out examples to their nearest training example.
    pub held_out: f64,
}

/// Samples the protocol draws, and test examples it looks at where there are as many.
pub(super) const HELD_OUT: usize = 1_000;

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

/// Measures samples and held-out examples, both `[…, dim]`, against the training data, in pieces as [`nearest`] has
/// them.
pub fn closeness<P: AsRef<[f32]>>(
    samples: &[f32],
    held_out: &[f32],
    pieces: impl IntoIterator<Item = P>,
    dim: usize,
) -> Closeness {
    let found = nearest(&[samples, held_out].concat(), pieces, dim);
    let (samples, held_out) = found.split_at(samples.len() / dim);
    Closeness { samples: median_distance(samples), held_out: median_distance(held_out) }
}

/// The median of distances.
pub fn median_distance(found: &[Neighbour]) -> f64 {
    median(found.iter().map(|n| f64::from(n.distance)))
}

/// Checks that held-out examples, so far from the nearest training ones by the median, are no copies of them.
pub(super) fn unseen(distance: f64, metric: Metric) -> Result<()> {
    if distance > 0.0 {
        return Ok(());
    }
    Err(Error::Data(format!(
        "{} measures by test examples, but every second one is a copy of a training example; give data whose test \
         examples were set apart",
        metric.name()
    )))
}

impl Subject<'_> {
    pub(super) fn neighbours(&mut self) -> Result<Measurement> {
        let count = self.samples_wanted(Metric::Neighbours);
        let dim = self.data.shape.len();
        let held_out = self.examples(&self.data.test, HELD_OUT);
        let samples = self.samples(count)?;
        let train = self.data.pieces(&self.data.train, self.data.train.count);
        let display = self.display();
        let closeness = closeness(&samples, &held_out, train.map(|x| display.unit(&x)), dim);
        unseen(closeness.held_out, Metric::Neighbours)?;
        let warning = closeness.is_memorised().then(|| {
            "memorised: samples lie much nearer to training examples than unseen data do".to_string()
        });
        let protocol = format!(
            "median distance of {count} samples to their nearest of {} training examples, by the same of {} test \
             examples in shuffled order; memorised below {}",
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
