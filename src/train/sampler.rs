//! Samples from a generator's weights.

use crate::config::{Config, Distribution};
use crate::error::Result;
use crate::exec::cpu::pool::Pool;
use crate::exec::cpu::{Cpu, no_updates};
use crate::exec::{NetworkState, Rate};
use crate::models::gan::{CONDITION, Gan, LATENT, SAMPLES};
use crate::rng::{Draw, stream};

/// Samples made at once.
const ROWS: usize = 100;

/// Runs G on noise it is given.
pub struct Sampler {
    gan: Gan,
    cpu: Cpu,
}

impl Sampler {
    /// A sampler of a model with `threads` threads; 0 takes one a core.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(gan: &Gan, threads: usize) -> Result<Sampler> {
        let plan = gan.sampling_plan(ROWS);
        let none = [NetworkState::default(), NetworkState::default()];
        let cpu = Cpu::new(Pool::new(threads)?, vec![plan], none, no_updates(), None, gan.config.seed);
        Ok(Sampler { gan: gan.clone(), cpu })
    }

    /// G's samples `[count, numbers]` of noise `latent`, `[count, latent.dim]`; `labels` one a sample where the
    /// model is conditional.
    pub fn sample(&mut self, generator: &NetworkState, latent: &[f32], labels: &[usize]) -> Vec<f32> {
        let weights = if generator.average.is_empty() { &generator.weights } else { &generator.average };
        let of_generator = NetworkState { weights: weights.clone(), ..NetworkState::default() };
        self.cpu.set_states([of_generator, NetworkState::default()]);
        let (dim, classes, numbers) = (self.gan.config.latent.dim, self.gan.classes, self.gan.numbers);
        let count = latent.len() / dim;
        let mut samples = Vec::with_capacity(count * numbers);
        for (chunk, part) in latent.chunks(ROWS * dim).enumerate() {
            let rows = part.len() / dim;
            let mut padded = part.to_vec();
            padded.resize(ROWS * dim, 0.0);
            self.cpu.write_input(0, LATENT, &padded);
            if classes > 0 {
                let mut condition = vec![0.0; ROWS * classes];
                for (row, &label) in labels[chunk * ROWS..chunk * ROWS + rows].iter().enumerate() {
                    condition[row * classes + label] = 1.0;
                }
                self.cpu.write_input(0, CONDITION, &condition);
            }
            let rest = Rate { lr: 0.0, momentum: 0.0, update: 1, average: 0.0 };
            self.cpu.run(0, chunk as u64, &[rest; 2]);
            samples.extend_from_slice(&self.cpu.output(0, SAMPLES)[..rows * numbers]);
        }
        samples
    }
}

/// Noise for `count` samples, `[count, latent.dim]`; the first rows do not depend on `count`.
pub fn noise(config: &Config, seed: u64, count: usize) -> Vec<f32> {
    let draw = Draw::new(seed, stream("samples/z"), 0);
    let elements = 0..(count * config.latent.dim) as u64;
    match config.latent.distribution {
        Distribution::Normal => elements.map(|i| draw.normal(i)).collect(),
        Distribution::Uniform => elements.map(|i| (2.0 * draw.uniform(i) - 1.0) * 3f32.sqrt()).collect(),
    }
}

/// Labels that run through all classes in turn, or `label` alone.
pub fn labels(classes: usize, label: Option<usize>, count: usize) -> Vec<usize> {
    (0..if classes > 0 { count } else { 0 }).map(|i| label.unwrap_or(i % classes)).collect()
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
