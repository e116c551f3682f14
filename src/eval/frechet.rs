//! Fréchet distance between two sets of features seen as Gaussians: ‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2(C₁C₂)^½)
//! (Heusel et al., 1706.08500, equation 6). It is named after its features' classifier, never "FID".

use super::features::FeatureSets;
use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::numbers::Numbers;
use nalgebra::{DMatrix, DVector};

/// Mean and covariance of a set of vectors.
pub struct Gaussian {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Gaussian {
    /// Of `vectors`, `[count, dim]`, the covariance with count − 1.
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

/// The distance. The trace of the product's root is that of (R·C₂·R)^½ with R = C₁^½, which is symmetric.
pub fn distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let mut eigen = a.covariance.clone().symmetric_eigen();
    eigen.eigenvalues.iter_mut().for_each(|l| *l = l.max(0.0).sqrt());
    let root = eigen.recompose();
    let product = &root * &b.covariance * &root;
    // What rounding made unsymmetric.
    let product = (&product + product.transpose()) * 0.5;
    let trace: f64 = product.symmetric_eigenvalues().iter().map(|l| l.max(0.0).sqrt()).sum();
    (&a.mean - &b.mean).norm_squared() + a.covariance.trace() + b.covariance.trace() - 2.0 * trace
}

impl Subject<'_> {
    pub(super) fn frechet(&mut self) -> Result<Measurement> {
        let sets = self.feature_sets(Metric::Fd)?;
        let FeatureSets { width, count, .. } = sets;
        let test = Gaussian::of(&sets.test, width);
        let name = format!("FD-{}", sets.name);
        let row = |x: &[f32]| Numbers::from([(&name[..], distance(&Gaussian::of(x, width), &test))]);
        let fewest = [(count, "samples"), (sets.tests(), "test examples")].into_iter().min();
        let warning = fewest
            .filter(|(n, _)| *n < 10 * width)
            .map(|(n, what)| format!("{n} {what} for {width} features: the distance is biased upwards"));
        let protocol = format!(
            "Fréchet distance of {count} samples to {} test examples in {width} features of {}",
            sets.tests(),
            sets.told
        );
        Ok(self
            .measurement(Metric::Fd, protocol, count, row(&sets.samples))
            .beside(sets.reals(), row(&sets.train))
            .warned(warning))
    }
}
