//! Noise and labels: what samples are asked for by, and walks between them.

use crate::config::{Config, Distribution};
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

/// Labels of these samples: all classes in turn, or `label` alone; none of an unconditional model's.
pub fn labels(classes: usize, label: Option<usize>, samples: Range<usize>) -> Vec<usize> {
    let samples = if classes > 0 { samples } else { 0..0 };
    samples.map(|i| label.unwrap_or(i % classes)).collect()
}

/// The point a share `t` of the way from `a` to `b`, straight or along the great circle (Shoemake 1985), the
/// length going evenly from one's to the other's.
fn between(a: &[f32], b: &[f32], t: f32, slerp: bool) -> Vec<f32> {
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
    use super::between;

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
