//! Fréchet distance between two sets of features seen as Gaussians: ‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2(C₁C₂)^½)
//! (Heusel et al., 1706.08500, equation 6). It is named after its features' classifier, never "FID".

use super::features::FeatureSets;
use super::{Measurement, Metric, Subject};
use crate::error::{Error, Result};
pub use crate::inference::Gaussian;
use crate::inference::decomposed;
use crate::numbers::Numbers;

/// The distance, never below 0, where rounding would bring that of equal sets. The trace of the product's root is that of (R·C₂·R)^½ with R = C₁^½, which is symmetric. Not a number
/// where no decomposition is found.
pub fn distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let mut eigen = decomposed(&a.covariance);
    eigen.eigenvalues.iter_mut().for_each(|l| *l = root(*l));
    let square_root = eigen.recompose();
    let product = &square_root * &b.covariance * &square_root;
    // What rounding made unsymmetric.
    let product = (&product + product.transpose()) * 0.5;
    let trace: f64 = decomposed(&product).eigenvalues.iter().map(|&l| root(l)).sum();
    let distance =
        (&a.mean - &b.mean).norm_squared() + a.covariance.trace() + b.covariance.trace() - 2.0 * trace;
    // What is not a number stays so.
    if distance < 0.0 { 0.0 } else { distance }
}

/// The square root of an eigenvalue, which rounding may have made negative.
fn root(eigenvalue: f64) -> f64 {
    if eigenvalue < 0.0 { 0.0 } else { eigenvalue.sqrt() }
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
        let (samples, reals) = (row(&sets.samples), row(&sets.train));
        if [&samples, &reals].iter().any(|row| row.values().any(|distance| !distance.is_finite())) {
            return Err(Error::Failure(
                "fd: no root of the features' covariances is found; measure kid, which needs none".into(),
            ));
        }
        Ok(self.measurement(Metric::Fd, protocol, count, samples).beside(sets.reals(), reals).warned(warning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Draw;
    use nalgebra::DMatrix;

    /// `count` vectors of `dim` features, of which every `dead`-th is never active; the others vary on a few axes alone.
    fn relus(count: usize, dim: usize, dead: usize, seed: u64) -> Vec<f32> {
        const AXES: usize = 40;
        let draw = Draw::new(seed, 0, 0);
        let axis = |row: usize, axis: usize| draw.normal((row * AXES + axis) as u64);
        let weight = |axis: usize, feature: usize| Draw::new(7, 1, 0).normal((axis * dim + feature) as u64);
        let feature = |row: usize, feature: usize| match feature.is_multiple_of(dead) {
            true => 0.0,
            false => (0..AXES).map(|a| axis(row, a) * weight(a, feature)).sum::<f32>().max(0.0),
        };
        (0..count * dim).map(|i| feature(i / dim, i % dim)).collect()
    }

    #[test]
    fn the_distance_of_equal_sets_is_never_negative() {
        for seed in 0..20 {
            let set = Gaussian::of(&relus(60, 24, 7, seed), 24);
            let found = distance(&set, &set);
            assert!((0.0..1e-4).contains(&found), "{found}");
        }
    }

    #[test]
    fn features_that_are_dead_do_not_hide_what_the_others_say() {
        const DIM: usize = 96;
        // By halves and more, with fewer vectors than features and with more.
        for (count, dead, seed) in [(60, 2, 0), (60, 3, 1), (200, 2, 2), (200, 5, 3), (40, 1, 4)] {
            let [a, b] = [0, 100].map(|other| relus(count, DIM, dead, seed + other));
            let alive: Vec<usize> = (0..DIM).filter(|f| f % dead != 0).collect();
            let only = |x: &[f32]| -> Vec<f32> {
                x.chunks_exact(DIM).flat_map(|row| alive.iter().map(|&f| row[f])).collect()
            };
            let all = distance(&Gaussian::of(&a, DIM), &Gaussian::of(&b, DIM));
            if alive.is_empty() {
                assert_eq!(all, 0.0, "nothing differs");
                continue;
            }
            let [of_a, of_b] = [&a, &b].map(|x| Gaussian::of(&only(x), alive.len()));
            // The trace by singular values of the centred vectors' product, which no rank troubles.
            let centred = |x: &[f32], g: &Gaussian| {
                let mut m = DMatrix::from_iterator(alive.len(), count, only(x).into_iter().map(f64::from));
                m.column_iter_mut().for_each(|mut c| c -= &g.mean);
                m / ((count - 1) as f64).sqrt()
            };
            let cross = centred(&a, &of_a).transpose() * centred(&b, &of_b);
            let trace = (cross.transpose() * &cross + DMatrix::identity(count, count) * 1e-12)
                .symmetric_eigenvalues()
                .iter()
                .map(|l| (l - 1e-12).max(0.0).sqrt())
                .sum::<f64>();
            let exact =
                (&of_a.mean - &of_b.mean).norm_squared() + of_a.covariance.trace() + of_b.covariance.trace()
                    - 2.0 * trace;
            assert!(
                (all / exact - 1.0).abs() < 1e-4,
                "{count} vectors, 1 in {dead} dead: {all}, exactly {exact}"
            );
        }
    }
}
