//! Sets of vectors seen as Gaussians.

use nalgebra::{DMatrix, DVector, Dyn, SymmetricEigen};

/// Mean and covariance of a set of vectors.
pub struct Gaussian {
    /// `[dim]`.
    pub mean: DVector<f64>,
    /// `[dim, dim]`.
    pub covariance: DMatrix<f64>,
}

impl Gaussian {
    /// The Gaussian with mean and covariance (with count − 1) of `vectors`, `[count, dim]`.
    ///
    /// # Panics
    /// When there are fewer than two.
    pub fn of(vectors: &[f32], dim: usize) -> Gaussian {
        let count = vectors.len() / dim;
        assert!(count > 1, "a covariance of {count} vectors");
        let wide = vectors.iter().map(|&x| f64::from(x));
        // Column-major: a vector a column.
        let mut centred = DMatrix::from_iterator(dim, count, wide);
        let mean = centred.column_mean();
        centred.column_iter_mut().for_each(|mut column| column -= &mean);
        let covariance = &centred * centred.transpose() / (count - 1) as f64;
        Gaussian { mean, covariance }
    }
}

/// The eigenvectors and eigenvalues of a covariance. Of one without full rank, as dead features make it, the iteration
/// looks for eigenvalues of 0 until numbers underflow, and then finds none at all: it gets the matrix with a little added
/// to each eigenvalue, which is taken off again.
pub fn decomposed(covariance: &DMatrix<f64>) -> SymmetricEigen<f64, Dyn> {
    const LITTLE: f64 = 1e-9;
    let dim = covariance.nrows();
    let added = LITTLE * covariance.trace().max(f64::MIN_POSITIVE / LITTLE) / dim as f64;
    let mut eigen = (covariance + DMatrix::identity(dim, dim) * added).symmetric_eigen();
    eigen.eigenvalues.iter_mut().for_each(|l| *l -= added);
    eigen
}
