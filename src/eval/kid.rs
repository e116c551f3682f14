//! Kernel distance: the unbiased squared maximum mean discrepancy under the kernel (x·y/d + 1)³ (Bińkowski et al.,
//! 1801.01401), averaged over blocks that share no vector, so that their spread gives a standard error.

use super::features::FeatureSets;
use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::exec::cpu::matmul_transposed;
use crate::numbers::{Numbers, counted, mean_and_error};
use rayon::prelude::*;

/// Vectors of each set a block.
pub const BLOCK: usize = 1_000;

/// A mean over blocks and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discrepancy {
    /// Mean of the blocks' MMD².
    pub mean: f64,
    /// sd/√blocks; 0 of one block.
    pub error: f64,
    /// How many.
    pub blocks: usize,
}

/// Measures `a` against `b`, `[…, dim]`, in as many blocks of `size` as both fill; in one where they fill none.
///
/// # Panics
/// When a set has fewer than two vectors.
pub fn measure(a: &[f32], b: &[f32], dim: usize, size: usize) -> Discrepancy {
    let smaller = a.len().min(b.len()) / dim;
    assert!(smaller > 1, "a discrepancy of {smaller} vectors");
    let size = size.min(smaller);
    let blocks = a.par_chunks_exact(size * dim).zip(b.par_chunks_exact(size * dim));
    let each: Vec<f64> = blocks.map(|(a, b)| block(a, b, dim)).collect();
    let (mean, error) = mean_and_error(&each);
    Discrepancy { mean, error, blocks: each.len() }
}

/// MMD² of two sets of one size, their diagonals left out.
fn block(a: &[f32], b: &[f32], dim: usize) -> f64 {
    let count = a.len() / dim;
    let mut products = vec![0.0; count * count];
    let mut sum = |x: &[f32], y: &[f32], diagonal: bool| {
        matmul_transposed(&mut products, x, y, [count, count, dim]);
        let kernel = |p: f32| (f64::from(p) / dim as f64 + 1.0).powi(3);
        let row = |(i, row): (usize, &[f32])| -> f64 {
            let all: f64 = row.iter().map(|&p| kernel(p)).sum();
            if diagonal { all } else { all - kernel(row[i]) }
        };
        products.chunks_exact(count).enumerate().map(row).sum::<f64>()
    };
    let pairs = (count * (count - 1)) as f64;
    let own = (sum(a, a, false) + sum(b, b, false)) / pairs;
    own - 2.0 * sum(a, b, true) / (count * count) as f64
}

impl Subject<'_> {
    pub(super) fn kernel_distance(&mut self) -> Result<Measurement> {
        let sets = self.feature_sets(Metric::Kid)?;
        let FeatureSets { width, count, .. } = sets;
        let name = format!("KID-{}", sets.name);
        // All rows have blocks of one size.
        let size = [count, sets.tests(), sets.train.len() / width].into_iter().fold(BLOCK, usize::min);
        let row = |x: &[f32]| {
            let d = measure(x, &sets.test, width, size);
            let mut row = Numbers::from([(&name[..], d.mean)]);
            // One block tells nothing of its error.
            if d.blocks > 1 {
                row.insert("se".into(), d.error);
            }
            (row, d.blocks)
        };
        let ((found, blocks), (real, real_blocks)) = (row(&sets.samples), row(&sets.train));
        let used = blocks * size;
        let protocol = format!(
            "unbiased MMD² of {used} samples and {used} test examples under (x·y/d + 1)³, mean of {} of {size} in \
             shuffled order, in {width} features of {} (1801.01401)",
            counted(blocks as u64, "block"),
            sets.told
        );
        Ok(self
            .measurement(Metric::Kid, protocol, used, found)
            .beside(format!("{} training examples", real_blocks * size), real))
    }
}
