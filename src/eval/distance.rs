//! Squared Euclidean distances between two sets of vectors, tile by tile: ‖x‖² + ‖y‖² − 2·x·y, the products by
//! matrix multiplication.

use crate::exec::cpu::matmul_transposed;
use rayon::prelude::*;

/// Rows of the first set a tile, and of the second: a tile of distances fits the second-level cache.
const ROWS: usize = 64;
const COLUMNS: usize = 1_000;

/// A set of vectors with their squared norms.
pub struct Vectors<'a> {
    /// `[count, dim]`.
    pub data: &'a [f32],
    /// Length of each.
    pub dim: usize,
    norms: Vec<f32>,
}

impl<'a> Vectors<'a> {
    /// `data` is `[count, dim]`.
    ///
    /// # Panics
    /// When `dim` does not divide the data.
    pub fn new(data: &'a [f32], dim: usize) -> Vectors<'a> {
        assert!(dim > 0 && data.len().is_multiple_of(dim), "{} numbers in vectors of {dim}", data.len());
        let norm = |x: &[f32]| x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() as f32;
        Vectors { data, dim, norms: data.chunks_exact(dim).map(norm).collect() }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.norms.len()
    }
}

/// For each vector of `from`, folds its squared distances to all of `to`: `fold(state, first column, tile row)`
/// sees them in order, from `start`. Threads share the vectors of `from`; the result does not depend on them.
pub fn fold<S: Send + Clone>(
    from: &Vectors,
    to: &Vectors,
    start: &(impl Fn() -> S + Sync),
    fold: &(impl Fn(&mut S, usize, &[f32]) + Sync),
) -> Vec<S> {
    assert_eq!(from.dim, to.dim, "vectors of one length");
    let dim = from.dim;
    let tiles = from.data.par_chunks(ROWS * dim).zip(from.norms.par_chunks(ROWS));
    tiles
        .flat_map_iter(|(rows, norms)| {
            let mut states: Vec<S> = norms.iter().map(|_| start()).collect();
            let mut products = vec![0.0; ROWS * COLUMNS];
            for (tile, columns) in to.data.chunks(COLUMNS * dim).enumerate() {
                let count = columns.len() / dim;
                let products = &mut products[..norms.len() * count];
                matmul_transposed(products, rows, columns, [norms.len(), count, dim]);
                let first = tile * COLUMNS;
                for ((state, row), &norm) in states.iter_mut().zip(products.chunks_mut(count)).zip(norms) {
                    for (x, &other) in row.iter_mut().zip(&to.norms[first..]) {
                        *x = (norm + other - 2.0 * *x).max(0.0);
                    }
                    fold(state, first, row);
                }
            }
            states
        })
        .collect()
}
