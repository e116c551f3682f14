//! Projection: w of a picture, by descent. The schedule is that of Karras et al. (1912.04958, appendix D): Adam, whose rate rises
//! at first and falls at the end; noise on w that falls to none, so that the search looks around before it settles. How far
//! pictures are apart is told by pixels at several sizes, where the paper has a network that was trained on photos.

use super::directions::mapped;
use super::generator::Generator;
use crate::error::Result;
use crate::rng::{Draw, stream};

/// Styles of samples that the search begins with: their mean, their spread, and how many of them may be where it starts.
const MAPPED: usize = 10_000;
const STARTS: usize = 200;
/// Adam's rate, by the deviation of a number of w.
const RATE: f32 = 0.2;
const BETAS: [f32; 2] = [0.9, 0.999];
const EPS: f32 = 1e-8;
/// Deviation of the noise on w at first, by that of w, and the share of the search after which there is none.
const NOISE: f32 = 0.05;
const QUIET: f32 = 0.75;
/// Shares of the search in which the rate rises, and falls again.
const RISES: f32 = 0.05;
const FALLS: f32 = 0.25;

/// How w is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Steps of descent.
    pub steps: usize,
    /// Whether each layer has a w of its own.
    pub each_layer: bool,
    /// Seeds what w begins with, and the noise on it.
    pub seed: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Projected {
    /// w of all layers, `[count, layers·dim]`.
    pub styles: Vec<f32>,
    /// What the generator makes of it, `[count, numbers]`.
    pub samples: Vec<f32>,
}

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stand {
    /// Steps done.
    pub step: usize,
    /// Mean distance of the pictures before the last of them.
    pub distance: f64,
}

/// Projects pictures `[count, numbers]`, as the network has them, each by itself: what is found of one does not depend on the
/// others. `each_step` may end the search.
///
/// # Errors
/// When the device fails, samples are not finite, or `each_step` says so.
///
/// # Panics
/// When the model has no styles.
pub fn project(
    generator: &mut Generator,
    targets: &[f32],
    search: Search,
    each_step: &mut dyn FnMut(Stand) -> Result<()>,
) -> Result<Projected> {
    let (dim, layers) = (generator.config.latent.dim, generator.layers());
    let start = Start::of(generator, search.seed)?;
    let numbers = generator.display.shape.len();
    // As pixels, which networks overshoot.
    let shown = generator.display.unit(targets);
    let nearest: Vec<f32> =
        shown.chunks_exact(numbers).flat_map(|t| start.nearest(t, numbers).to_vec()).collect();
    let own = if search.each_layer { layers } else { 1 };
    let mut w = if search.each_layer { generator.everywhere(&nearest) } else { nearest };
    let mut moments = [vec![0.0f32; w.len()], vec![0.0f32; w.len()]];
    for step in 0..search.steps {
        let share = step as f32 / search.steps as f32;
        let loud = NOISE * start.spread * (1.0 - share / QUIET).max(0.0).powi(2);
        let draw = Draw::new(search.seed, stream("project/noise"), step as u64);
        // A number of w has the same noise in every picture's.
        let noisy: Vec<f32> =
            w.iter().enumerate().map(|(i, x)| x + loud * draw.normal((i % (own * dim)) as u64)).collect();
        let styles = if search.each_layer { noisy } else { generator.everywhere(&noisy) };
        let [_, distances, slopes] = generator.approach(&styles, targets)?;
        let slopes = if search.each_layer { slopes } else { summed(&slopes, dim, layers) };
        let rate = RATE * start.spread / (dim as f32).sqrt() * ramp(share);
        descend(&mut w, &mut moments, &slopes, rate, step as i32 + 1);
        let distance = distances.iter().map(|&d| f64::from(d)).sum::<f64>() / distances.len() as f64;
        each_step(Stand { step: step + 1, distance })?;
    }
    let styles = if search.each_layer { w } else { generator.everywhere(&w) };
    Ok(Projected { samples: generator.synthesise(&styles)?, styles })
}

/// What a search begins with.
struct Start {
    /// w of the candidates, `[candidates, dim]`: the mean, then samples'.
    styles: Vec<f32>,
    /// Pictures of these styles as pixels, `[candidates, numbers]`.
    pictures: Vec<f32>,
    dim: usize,
    /// Root of the mean of ‖w − w̄‖².
    spread: f32,
}

impl Start {
    fn of(generator: &mut Generator, seed: u64) -> Result<Start> {
        let dim = generator.config.latent.dim;
        let all = mapped(generator, MAPPED, seed, None)?;
        let count = (all.len() / dim) as f64;
        let mean: Vec<f64> = (0..dim)
            .map(|i| all.iter().skip(i).step_by(dim).map(|&x| f64::from(x)).sum::<f64>() / count)
            .collect();
        let apart = |(i, &x): (usize, &f32)| (f64::from(x) - mean[i % dim]).powi(2);
        let spread = (all.iter().enumerate().map(apart).sum::<f64>() / count).sqrt() as f32;
        let mut styles: Vec<f32> = mean.iter().map(|&x| x as f32).collect();
        styles.extend_from_slice(&all[..STARTS * dim]);
        let made = generator.walked(&styles)?;
        let pictures = generator.display.unit(&made);
        Ok(Start { styles, pictures, dim, spread })
    }

    /// w of the candidate whose picture is the nearest to a target.
    fn nearest(&self, target: &[f32], numbers: usize) -> &[f32] {
        let distance = |picture: &[f32]| -> f64 {
            picture.iter().zip(target).map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let each = self.pictures.chunks_exact(numbers).map(distance).enumerate();
        let (at, _) = each.min_by(|a, b| a.1.total_cmp(&b.1)).expect("a candidate");
        &self.styles[at * self.dim..][..self.dim]
    }
}

/// The derivative by a w that all layers have, `[count, dim]`, of those by each layer's.
fn summed(slopes: &[f32], dim: usize, layers: usize) -> Vec<f32> {
    let of_one = |all: &[f32]| (0..dim).map(|i| all.iter().skip(i).step_by(dim).sum()).collect::<Vec<f32>>();
    slopes.chunks_exact(layers * dim).flat_map(of_one).collect()
}

/// Share of the rate at a share of the search.
fn ramp(share: f32) -> f32 {
    let left = ((1.0 - share) / FALLS).min(1.0);
    let falling = 0.5 - 0.5 * (left * std::f32::consts::PI).cos();
    falling * (share / RISES).min(1.0)
}

/// A step of Adam (Kingma & Ba, 1412.6980).
fn descend(w: &mut [f32], [mean, square]: &mut [Vec<f32>; 2], slopes: &[f32], rate: f32, step: i32) {
    let [kept, kept_square] = BETAS;
    let [full, full_square] = BETAS.map(|beta| 1.0 - beta.powi(step));
    for (((w, m), v), slope) in w.iter_mut().zip(mean).zip(square).zip(slopes) {
        *m = kept * *m + (1.0 - kept) * slope;
        *v = kept_square * *v + (1.0 - kept_square) * slope * slope;
        *w -= rate * (*m / full) / ((*v / full_square).sqrt() + EPS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_and_fall() {
        let found = [0.0, 0.025, 0.05, 0.5, 0.75, 0.875, 1.0].map(ramp);
        let expected = [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn one_w_of_all_layers_has_the_sum_of_their_slopes() {
        assert_eq!(summed(&[1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0], 2, 2), [11.0, 22.0, 33.0, 44.0]);
    }

    #[test]
    fn descent_finds_the_bottom_of_a_bowl() {
        let (mut w, mut moments) = (vec![3.0, -2.0], [vec![0.0; 2], vec![0.0; 2]]);
        for step in 1..=400 {
            let slopes: Vec<f32> = w.iter().zip([1.0, 0.5]).map(|(w, at)| 2.0 * (w - at)).collect();
            descend(&mut w, &mut moments, &slopes, 0.1 * ramp(step as f32 / 400.0), step);
        }
        assert!((w[0] - 1.0).abs() < 1e-2 && (w[1] - 0.5).abs() < 1e-2, "{w:?}");
    }
}
