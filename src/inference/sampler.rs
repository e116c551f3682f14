//! Samples from a generator's weights.

use crate::config::{Config, Distribution};
use crate::error::Result;
use crate::exec::NetworkState;
use crate::exec::cpu::Batched;
use crate::models::gan::{CONDITION, Gan, LATENT, SAMPLES, one_hot};
use crate::rng::{Draw, stream};
use std::ops::Range;

/// Samples made at once.
const ROWS: usize = 100;

/// Runs G on noise it is given.
pub struct Sampler {
    gan: Gan,
    plan: Batched,
}

impl Sampler {
    /// A sampler of a model with `threads` threads; 0 takes one a core.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(gan: &Gan, threads: usize) -> Result<Sampler> {
        let plan = Batched::new(gan.sampling_plan(ROWS), ROWS, gan.config.seed, threads)?;
        Ok(Sampler { gan: gan.clone(), plan })
    }

    /// G's samples `[count, numbers]` of noise `latent`, `[count, latent.dim]`; `labels` one a sample where the
    /// model is conditional.
    pub fn sample(&mut self, generator: &NetworkState, latent: &[f32], labels: &[usize]) -> Vec<f32> {
        self.sample_from(0, generator, latent, labels)
    }

    /// As [`Sampler::sample`], of those that are samples `first` and following of their seed, `first` a multiple of 100:
    /// where G drops units, it drops others in each hundred.
    pub fn sample_from(
        &mut self,
        first: usize,
        generator: &NetworkState,
        latent: &[f32],
        labels: &[usize],
    ) -> Vec<f32> {
        let weights = if generator.average.is_empty() { &generator.weights } else { &generator.average };
        let of_generator = NetworkState { weights: weights.clone(), ..NetworkState::default() };
        self.plan.set_states(vec![of_generator]);
        let condition = one_hot(labels, self.gan.classes);
        let mut inputs = vec![(LATENT, latent)];
        if self.gan.classes > 0 {
            inputs.push((CONDITION, &condition));
        }
        let [samples] = self.plan.run(first, latent.len() / self.gan.config.latent.dim, &inputs, [SAMPLES]);
        samples
    }
}

/// Noise for the first `count` samples of a seed, `[count, latent.dim]`.
pub fn noise(config: &Config, seed: u64, count: usize) -> Vec<f32> {
    noise_of(config, seed, 0..count)
}

/// Noise for these samples of a seed, `[samples, latent.dim]`.
pub fn noise_of(config: &Config, seed: u64, samples: Range<usize>) -> Vec<f32> {
    let draw = Draw::new(seed, stream("samples/z"), 0);
    let elements = (samples.start * config.latent.dim) as u64..(samples.end * config.latent.dim) as u64;
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
