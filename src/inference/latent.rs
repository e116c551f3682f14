//! Noise and labels: what samples are asked for by, and walks between them.

use crate::config::{Config, Distribution};
use crate::data::Classes;
use crate::rng::{Draw, stream};
use std::ops::Range;

/// Noise for the first `count` samples of a seed, `[count, latent.dim]`.
pub fn noise(config: &Config, seed: u64, count: usize) -> Vec<f32> {
    noise_of(config, seed, 0..count)
}

/// Noise for these samples of a seed, `[samples, latent.dim]`.
pub fn noise_of(config: &Config, seed: u64, samples: Range<usize>) -> Vec<f32> {
    drawn(config, "samples/z", seed, 0, samples)
}

/// Noise of a stream at a tick for these rows, `[rows, latent.dim]`.
pub(super) fn drawn(config: &Config, name: &str, seed: u64, tick: u64, rows: Range<usize>) -> Vec<f32> {
    let draw = Draw::new(seed, stream(name), tick);
    let elements = (rows.start * config.latent.dim) as u64..(rows.end * config.latent.dim) as u64;
    match config.latent.distribution {
        Distribution::Normal => elements.map(|i| draw.normal(i)).collect(),
        Distribution::Uniform => elements.map(|i| (2.0 * draw.uniform(i) - 1.0) * 3f32.sqrt()).collect(),
    }
}

/// How often each class is drawn: as often as the training data have it, so a class without training examples never is.
/// All are drawn equally often where nobody counted.
#[derive(Debug, Clone, Default)]
pub struct ClassShares {
    /// What was counted, and names.
    table: Option<Classes>,
    /// Examples of each class and of those before it, `[classes]`.
    up_to: Vec<u64>,
}

impl ClassShares {
    /// The shares of a model of `classes` classes, where `table` counts them.
    pub fn new(classes: usize, table: Option<Classes>) -> ClassShares {
        let table = table.filter(|t| t.counts.len() == classes && t.counts.iter().any(|&count| count > 0));
        let counts = table.as_ref().map_or_else(|| vec![1; classes], |table| table.counts.clone());
        let add = |sum: &mut u64, count: u64| {
            *sum += count;
            Some(*sum)
        };
        ClassShares { up_to: counts.into_iter().scan(0, add).collect(), table }
    }

    /// Classes; 0 of an unconditional model.
    pub fn classes(&self) -> usize {
        self.up_to.len()
    }

    /// Names and training examples of the classes, where the model is conditional and they are known.
    pub fn table(&self) -> Option<&Classes> {
        self.table.as_ref().filter(|_| self.classes() > 0)
    }

    /// Labels of these samples of a seed; none where the model is unconditional.
    pub fn labels(&self, seed: u64, samples: Range<usize>) -> Vec<usize> {
        self.drawn("samples/label", seed, 0, samples)
    }

    /// Labels of these rows of a stream at a tick; none where the model is unconditional: each by its own random word, whatever others are drawn.
    pub(super) fn drawn(&self, name: &str, seed: u64, tick: u64, rows: Range<usize>) -> Vec<usize> {
        let Some(&total) = self.up_to.last() else { return vec![] };
        let draw = Draw::new(seed, stream(name), tick);
        let class = |row: usize| {
            let example = ((u128::from(draw.word(row as u64)) * u128::from(total)) >> 32) as u64;
            self.up_to.partition_point(|&up_to| up_to <= example)
        };
        rows.map(class).collect()
    }
}

/// The point a share `t` of the way from `a` to `b`, straight or along the great circle (Shoemake 1985), the
/// length going evenly from one's to the other's.
pub fn between(a: &[f32], b: &[f32], t: f32, slerp: bool) -> Vec<f32> {
    let straight = |u: f32, v: f32| a.iter().zip(b).map(|(a, b)| a * u + b * v).collect();
    let norm = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    let (length_a, length_b) = (norm(a), norm(b));
    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let angle = (dot / (length_a * length_b).max(1e-12)).clamp(-1.0, 1.0).acos();
    if !slerp || angle.sin() < 1e-4 {
        return straight(1.0 - t, t);
    }
    let length = length_a * (1.0 - t) + length_b * t;
    let [u, v] = [((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin()];
    straight(u * length / length_a, v * length / length_b)
}

/// A walk from stop to stop, `[(stops − 1) · frames, latent.dim]`: `frames` points each, both ends among them, as
/// [`between`] says.
pub fn walk(stops: &[Vec<f32>], frames: usize, slerp: bool) -> Vec<f32> {
    let pairs = stops.iter().zip(&stops[1..]);
    let shares = |frame: usize| frame as f32 / (frames - 1) as f32;
    pairs.flat_map(|(a, b)| (0..frames).flat_map(move |frame| between(a, b, shares(frame), slerp))).collect()
}

#[cfg(test)]
mod tests {
    use super::{ClassShares, between};
    use crate::data::Classes;

    fn shares(counts: &[u64]) -> ClassShares {
        ClassShares::new(counts.len(), Some(Classes { names: vec![], counts: counts.to_vec() }))
    }

    #[test]
    fn labels_follow_the_datas_shares_by_the_seed_alone() {
        let uneven = shares(&[0, 3_800, 0, 200, 0]);
        let labels = |seed, samples| uneven.labels(seed, samples);
        let all = labels(7, 0..10_000);
        let of = |class| all.iter().filter(|&&label| label == class).count();
        assert_eq!([of(0), of(2), of(4)], [0; 3], "nobody learnt these");
        // 500 are expected, ± 22 in one standard deviation.
        assert!((400..600).contains(&of(3)), "{} of 10,000", of(3));
        assert_eq!(labels(7, 0..10), all[..10]);
        assert_eq!(labels(7, 300..1_003), all[300..1_003]);
        assert_ne!(labels(8, 0..1_000), all[..1_000]);
    }

    #[test]
    fn what_nobody_counted_is_drawn_equally_often() {
        let tables = [None, Some(Classes::default()), Some(Classes { names: vec![], counts: vec![0; 4] })];
        for shares in tables.map(|table| ClassShares::new(4, table)) {
            assert_eq!(shares.table(), None, "who draws can say so");
            let labels = shares.labels(0, 0..4_000);
            for class in 0..4 {
                let count = labels.iter().filter(|&&label| label == class).count();
                assert!((880..1_120).contains(&count), "class {class}: {count} of 4,000");
            }
        }
    }

    #[test]
    fn an_unconditional_model_has_no_labels() {
        let none = ClassShares::new(0, Some(Classes::default()));
        assert_eq!(none.labels(0, 0..9), [0usize; 0]);
    }

    #[test]
    fn walks_meet_their_ends_and_great_circles_keep_their_radius() {
        let (a, b) = ([3.0, 0.0, 0.0], [0.0, 0.0, 3.0]);
        for slerp in [false, true] {
            for (t, end) in [(0.0, a), (1.0, b)] {
                let at = between(&a, &b, t, slerp);
                assert!(at.iter().zip(end).all(|(x, e)| (x - e).abs() < 1e-5), "{at:?}");
            }
        }
        let norm = |x: Vec<f32>| x.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((norm(between(&a, &b, 0.5, true)) - 3.0).abs() < 1e-5);
        assert!((norm(between(&a, &b, 0.5, false)) - 3.0 / 2f32.sqrt()).abs() < 1e-5);
        assert_eq!(between(&a, &a, 0.5, true), a, "no circle through one point");
    }
}
