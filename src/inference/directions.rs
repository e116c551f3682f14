//! Principal directions of w: where the styles of samples spread the most, most often something that can be seen (Härkönen et
//! al., 2004.02546).

use super::gaussian::{Gaussian, decomposed};
use super::generator::Generator;
use super::latent::noise_of;
use crate::error::Result;

/// w of the first `count` samples of a seed, `[count, dim]`: of one class, or of classes as often as the training data have them.
///
/// # Errors
/// When there are more than a seed has noise for, or the device fails.
pub fn mapped(generator: &mut Generator, count: usize, seed: u64, label: Option<usize>) -> Result<Vec<f32>> {
    generator.check_count(count)?;
    let labels = match label {
        Some(label) => vec![label; count],
        None => generator.labels_of(seed, 0..count),
    };
    let noise = noise_of(generator.config, seed, 0..count);
    generator.map(&noise, &labels)
}

/// What a set of styles is along its principal directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Directions {
    /// Mean, `[dim]`.
    pub mean: Vec<f32>,
    /// Directions `[dim]` in the order of their variances, each as long as its standard deviation; the number of a direction that
    /// is the farthest from 0 is positive.
    pub steps: Vec<Vec<f32>>,
    /// Share of each direction in the whole variance.
    pub shares: Vec<f64>,
}

impl Directions {
    /// The first `count` principal directions of styles `[…, dim]`, or all where there are fewer.
    ///
    /// # Panics
    /// When there are fewer than two styles.
    pub fn of(styles: &[f32], dim: usize, count: usize) -> Directions {
        let gaussian = Gaussian::of(styles, dim);
        let eigen = decomposed(&gaussian.covariance);
        let mut order: Vec<usize> = (0..dim).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.truncate(count);
        let whole = gaussian.covariance.trace().max(f64::MIN_POSITIVE);
        let variance = |&at: &usize| eigen.eigenvalues[at].max(0.0);
        let step = |at: &usize| {
            let column = eigen.eigenvectors.column(*at);
            let farthest =
                column.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            let length = variance(at).sqrt() * if farthest < 0.0 { -1.0 } else { 1.0 };
            column.iter().map(|x| (x * length) as f32).collect()
        };
        Directions {
            mean: gaussian.mean.iter().map(|&x| x as f32).collect(),
            shares: order.iter().map(|at| variance(at) / whole).collect(),
            steps: order.iter().map(step).collect(),
        }
    }
}

/// Pictures along steps of w from a style `from`, `[steps, frames, numbers]`: so many of a step's lengths to both sides, in these
/// layers.
///
/// # Errors
/// When [`Generator::synthesise`] fails.
pub fn strips(
    generator: &mut Generator,
    from: &[f32],
    steps: &[Vec<f32>],
    lengths: &[f32],
    layers: &[usize],
) -> Result<Vec<f32>> {
    let mut styles = vec![];
    for step in steps {
        for &length in lengths {
            for layer in 0..generator.layers() {
                let moved = if layers.contains(&layer) { length } else { 0.0 };
                styles.extend(from.iter().zip(step).map(|(w, d)| w + moved * d));
            }
        }
    }
    generator.synthesise(&styles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Draw;

    #[test]
    fn directions_are_those_that_the_styles_were_made_of() {
        // Deviations of 3, 2 and .1 along axes that are turned in their plane, around (1, −1, 0).
        let draw = Draw::new(3, 0, 0);
        let (c, s) = (0.6f32, 0.8f32);
        let style = |i: u64| {
            let [a, b, d] = [3.0, 2.0, 0.1].map(|x| x as f32);
            let [x, y, z] = [a * draw.normal(3 * i), b * draw.normal(3 * i + 1), d * draw.normal(3 * i + 2)];
            [1.0 + c * x - s * y, -1.0 + s * x + c * y, z]
        };
        let styles: Vec<f32> = (0..20_000).flat_map(style).collect();
        let found = Directions::of(&styles, 3, 2);
        let near = |a: f32, b: f32| (a - b).abs() < 0.06;
        let all = |a: &[f32], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| near(*a, b));
        assert!(all(&found.mean, [1.0, -1.0, 0.0]), "{:?}", found.mean);
        assert!(all(&found.steps[0], [3.0 * c, 3.0 * s, 0.0]), "{:?}", found.steps);
        assert!(all(&found.steps[1], [2.0 * s, -2.0 * c, 0.0]), "{:?}", found.steps);
        assert!((found.shares[0] - 9.0 / 13.01).abs() < 0.01 && found.shares.len() == 2, "{found:?}");
    }

    #[test]
    fn styles_that_never_move_have_no_variance() {
        let found = Directions::of(&[0.5; 12], 4, 9);
        assert_eq!((found.steps.len(), found.shares[0]), (4, 0.0));
        assert!(found.steps.iter().flatten().all(|x| x.abs() < 1e-6));
    }
}
