//! D beside what theory says of it: for a fixed G the best D is p_data / (p_data + p_g), and the game's value is then
//! −log 4 + 2·JSD(p_data, p_g), which is −log 4 where G has won (1406.2661, proposition 1 and theorem 1, figure 1).
//!
//! p_data is known: a mixture of round Gaussians in one or two dimensions. p_g is a kernel density estimate of many
//! samples, on a grid of cells: counts, smoothed by a Gaussian a few cells wide. p_data is widened by the same kernel,
//! so that a perfect G has p_g = p_data but for chance.

use super::{Measurement, Metric, Subject};
use crate::config::Config;
use crate::data::toy::{self, Mixture};
use crate::error::{Error, Result};
use crate::exec::{Hardware, NetworkState};
use crate::inference::{Engine, Standalone, noise};
use crate::models::objective::is_logit;
use crate::numbers::mean_and_error;
use crate::pictures::Picture;
use crate::run::checkpoint::{self, Checkpoint};
use std::collections::BTreeMap;

/// Samples that p_g is estimated from.
pub const SAMPLES: usize = 200_000;
/// Points of each kind that V is a mean over.
const POINTS: usize = 50_000;
/// Cells an axis, at most, in one and in two dimensions.
const CELLS: [usize; 2] = [100_000, 2_048];
/// On a line, the kernel's share of the width that would suit a smooth density.
const NARROWER: f64 = 0.2;
/// Cells a kernel's standard deviation, where as many fit.
const FINE: f64 = 3.0;
/// Cells that hold less of either density than this share of the greatest are not asked about.
const NEGLIGIBLE: f64 = 1e-5;

/// What was found.
#[derive(Debug, Clone)]
pub struct Findings {
    /// Distances of D from the best D, and of the densities from each other.
    pub distances: Distances,
    /// V(D, G): mean log D(x) + mean log(1 − D(G(z))).
    pub value: f64,
    /// Standard error of `value`.
    pub value_error: f64,
    /// Distances of as many draws from the data, whose best D is ½ everywhere.
    pub floor: Distances,
    /// Standard deviation of the kernel.
    pub width: f64,
    /// The densities and D on the grid.
    pub field: Field,
}

impl Findings {
    /// V of the best D: −log 4 + 2·JSD.
    pub fn best_value(&self) -> f64 {
        -(4f64.ln()) + 2.0 * self.distances.divergence
    }
}

/// What lies between D and the best D, and between the densities.
#[derive(Debug, Clone, Copy)]
pub struct Distances {
    /// Mean of |D − p_data / (p_data + p_g)| under (p_data + p_g) / 2.
    pub error: f64,
    /// Jensen-Shannon divergence of p_data and p_g, nats: from 0 to log 2.
    pub divergence: f64,
}

/// Densities and D on the cells of a grid.
#[derive(Debug, Clone)]
pub struct Field {
    /// 1 or 2.
    pub axes: usize,
    /// Cells an axis.
    pub cells: [usize; 2],
    /// Centre of the first cell.
    pub from: [f64; 2],
    /// Side of a cell.
    pub side: [f64; 2],
    /// p_data, row after row.
    pub data: Vec<f64>,
    /// p_g.
    pub samples: Vec<f64>,
    /// D where either density is more than negligible, NaN elsewhere.
    pub d: Vec<f64>,
}

impl Field {
    /// The centre of a cell.
    pub fn centre(&self, cell: usize) -> [f64; 2] {
        let at = [cell % self.cells[0], cell / self.cells[0]];
        [0, 1].map(|axis| self.from[axis] + at[axis] as f64 * self.side[axis])
    }

    /// p_data / (p_data + p_g) in a cell.
    pub fn best(&self, cell: usize) -> f64 {
        self.data[cell] / (self.data[cell] + self.samples[cell])
    }

    /// The cells alone.
    fn emptied(&self) -> Field {
        let all = self.data.len();
        Field { data: vec![0.0; all], samples: vec![0.0; all], d: vec![f64::NAN; all], ..self.clone() }
    }

    /// Densities, D and the best D along the first axis, by name.
    fn curves(&self) -> BTreeMap<String, Vec<[f64; 2]>> {
        let curve = |of: &dyn Fn(usize) -> f64| -> Vec<[f64; 2]> {
            let cells = (0..self.data.len()).filter(|&c| self.d[c].is_finite());
            cells.map(|c| [self.centre(c)[0], of(c)]).collect()
        };
        BTreeMap::from([
            ("p_data".into(), curve(&|c| self.data[c])),
            ("p_g".into(), curve(&|c| self.samples[c])),
            ("D".into(), curve(&|c| self.d[c])),
            ("p_data / (p_data + p_g)".into(), curve(&|c| self.best(c))),
        ])
    }

    fn area(&self) -> f64 {
        self.side[..self.axes].iter().product()
    }

    /// Sums over the cells in which D was asked.
    fn distances(&self) -> Distances {
        let (mut weight, mut error, mut divergence) = (0.0, 0.0, 0.0);
        for cell in (0..self.d.len()).filter(|&c| self.d[c].is_finite()) {
            let (p, q) = (self.data[cell], self.samples[cell]);
            weight += 0.5 * (p + q);
            error += 0.5 * (p + q) * (self.d[cell] - self.best(cell)).abs();
            let term = |p: f64, other: f64| if p > 0.0 { p * (2.0 * p / (p + other)).ln() } else { 0.0 };
            divergence += 0.5 * (term(p, q) + term(q, p));
        }
        Distances { error: error / weight, divergence: divergence * self.area() }
    }
}

/// Whether theory speaks of a model at all, or why not.
///
/// # Errors
/// When data, loss or D are of another kind.
pub fn applies(config: &Config) -> Result<&'static Mixture> {
    let no = |why: &str| Err(Error::Usage(format!("theory is a measure of {why}")));
    let Some(mixture) = Mixture::of(config.data.source) else {
        return no("data whose density is known; this run has other data: train theory-1d, ring or grid");
    };
    if !is_logit(config.loss.objective) || config.loss.relativistic {
        return no("minimax and non-saturating losses without relativistic pairing: no other D estimates \
             p_data / (p_data + p_g)");
    }
    if config.discriminator.pack > 1 || config.conditional {
        return no("a D that sees one example and no label");
    }
    Ok(mixture)
}

/// Measures a checkpoint's D against its G itself, not the moving average: it is G that D faced.
///
/// # Errors
/// When theory does not speak of the model, or samples are not finite.
pub fn measure(checkpoint: &Checkpoint, seed: u64, count: usize, hardware: Hardware) -> Result<Findings> {
    let game = Checkpoint::model(&checkpoint.config, &checkpoint.state);
    let mixture = applies(&checkpoint.config)?;
    let axes = mixture.axes;
    let own = |n: &NetworkState| NetworkState { average: vec![], average_states: vec![], ..n.clone() };
    let states = checkpoint.networks.iter().map(own).collect();
    let mut model = Standalone::new(&*game, states, checkpoint.config.seed, hardware.open()?)?;
    let mut engine = model.engine();
    let samples = engine.sample(0, &noise(&checkpoint.config, seed, count), &[])?;
    if samples.iter().any(|x| !x.is_finite()) {
        let why = "the generator's samples are not all finite; take an earlier checkpoint".into();
        return Err(Error::Diverged { step: checkpoint.state.step, why });
    }
    let mut ask = |points: &[f32]| -> Result<Vec<f64>> {
        Ok(engine.score(points, &[])?.logits.into_iter().map(f64::from).collect())
    };

    let (field, width) = field(mixture, &samples, &mut ask)?;
    let distances = field.distances();
    // As many of both kinds; the real ones are a test split: no run of any seed was trained on them.
    let of_each = POINTS.min(count);
    let real = toy::load(mixture, 10 * of_each, seed.wrapping_add(1)).test;
    let crate::data::Values::F32(real) = real.values else { unreachable!("mixtures are numbers") };
    let fake = &samples[..of_each * axes];
    let real: Vec<f64> = ask(&real)?.into_iter().map(|l| -softplus(-l)).collect();
    let fake: Vec<f64> = ask(fake)?.into_iter().map(|l| -softplus(l)).collect();
    let ((value_real, se_real), (value_fake, se_fake)) = (mean_and_error(&real), mean_and_error(&fake));
    Ok(Findings {
        distances,
        value: value_real + value_fake,
        value_error: se_real.hypot(se_fake),
        floor: floor(mixture, seed.wrapping_add(2), count, width, field.emptied()),
        width,
        field,
    })
}

/// Both densities and D on a grid around data and samples, and the standard deviation of the kernel that p_g is estimated
/// with. `ask` is D's output before the sigmoid.
fn field(
    mixture: &Mixture,
    samples: &[f32],
    ask: &mut dyn FnMut(&[f32]) -> Result<Vec<f64>>,
) -> Result<(Field, f64)> {
    let axes = mixture.axes;
    // A kernel that suits one mode's share of the samples (Scott 1992). On a line there are samples enough for a narrower
    // one, and p_g needs it: where a piecewise linear G ends or turns, its density has edges.
    let each = (samples.len() / axes) as f64 / mixture.modes().len() as f64;
    let narrower = if axes == 1 { NARROWER } else { 1.0 };
    let width = narrower * f64::from(mixture.sd) * each.powf(-1.0 / (axes as f64 + 4.0));
    let mut field = densities(mixture, samples, width, grid(mixture, samples, width));
    let known: Vec<usize> = asked(&field);
    let points: Vec<f32> =
        known.iter().flat_map(|&c| field.centre(c).into_iter().take(axes).map(|x| x as f32)).collect();
    for (&cell, logit) in known.iter().zip(ask(&points)?) {
        field.d[cell] = sigmoid(logit);
    }
    Ok((field, width))
}

/// Densities on the line, D and the best D, by name, from `count` samples of what `engine` draws; none where theory does not
/// speak of the model, the data lie in the plane, or a sample is not finite.
///
/// # Errors
/// When the device fails.
pub fn curves(
    config: &Config,
    engine: &mut Engine,
    seed: u64,
    count: usize,
) -> Result<Option<BTreeMap<String, Vec<[f64; 2]>>>> {
    let Some(mixture) = applies(config).ok().filter(|mixture| mixture.axes == 1) else { return Ok(None) };
    let samples = engine.sample(0, &noise(config, seed, count), &[])?;
    if samples.iter().any(|x| !x.is_finite()) {
        return Ok(None);
    }
    let mut ask = |points: &[f32]| -> Result<Vec<f64>> {
        Ok(engine.score(points, &[])?.logits.into_iter().map(f64::from).collect())
    };
    Ok(Some(field(mixture, &samples, &mut ask)?.0.curves()))
}

/// What `count` draws from the data themselves measure on the same grid, and the D that is best against them, ½
/// everywhere: what the estimate of p_g adds.
fn floor(mixture: &Mixture, seed: u64, count: usize, width: f64, grid: Field) -> Distances {
    let crate::data::Values::F32(samples) = toy::load(mixture, count, seed).train.values else {
        unreachable!("mixtures are numbers")
    };
    let mut field = densities(mixture, &samples, width, grid);
    asked(&field).into_iter().for_each(|cell| field.d[cell] = 0.5);
    field.distances()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// log(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Cells in which either density is more than negligible.
fn asked(field: &Field) -> Vec<usize> {
    let greatest = |x: &[f64]| x.iter().copied().fold(0.0, f64::max);
    let least = [&field.data, &field.samples].map(|x| NEGLIGIBLE * greatest(x));
    (0..field.data.len()).filter(|&c| field.data[c] > least[0] || field.samples[c] > least[1]).collect()
}

/// An empty grid around all of the data and samples, its cells a third of a kernel's standard deviation `width` — wider
/// ones where samples lie so far apart that these would be too many.
fn grid(mixture: &Mixture, samples: &[f32], width: f64) -> Field {
    let axes = mixture.axes;
    let sd = f64::from(mixture.sd);
    let (mut cells, mut from, mut side) = ([1, 1], [0.0; 2], [1.0; 2]);
    for axis in 0..axes {
        let modes = mixture.modes().into_iter().map(|m| f64::from(m[axis]));
        let ends = modes.flat_map(|m| [m - 6.0 * sd, m + 6.0 * sd]);
        let points = samples.iter().skip(axis).step_by(axes).map(|&x| f64::from(x));
        let fold = |[low, high]: [f64; 2], x: f64| [low.min(x), high.max(x)];
        let [low, high] = ends.chain(points).fold([f64::INFINITY, f64::NEG_INFINITY], fold);
        let [low, high] = [low - 6.0 * width, high + 6.0 * width];
        cells[axis] = (((high - low) / width * FINE).ceil() as usize).clamp(16, CELLS[axes - 1]);
        side[axis] = (high - low) / cells[axis] as f64;
        from[axis] = low + 0.5 * side[axis];
    }
    let all = cells[0] * cells[1];
    Field { axes, cells, from, side, data: vec![0.0; all], samples: vec![0.0; all], d: vec![f64::NAN; all] }
}

/// Both densities on an empty [`grid`], with kernels of standard deviation `width`.
fn densities(mixture: &Mixture, samples: &[f32], width: f64, mut field: Field) -> Field {
    let Field { axes, cells, from, side, .. } = field;
    let sd = f64::from(mixture.sd);
    let one = axes as f64 / samples.len() as f64 / field.area();
    for point in samples.chunks_exact(axes) {
        let at = |axis: usize| ((f64::from(point[axis]) - from[axis]) / side[axis]).round() as usize;
        field.samples
            [at(0).min(cells[0] - 1) + if axes > 1 { at(1).min(cells[1] - 1) * cells[0] } else { 0 }] += one;
    }
    for (axis, side) in side.iter().enumerate().take(axes) {
        blur(&mut field.samples, cells, axis, width / side);
    }
    // A cell widens what falls into it, too.
    let widened = |axis: usize| sd * sd + width * width + side[axis] * side[axis] / 12.0;
    let sd = ((0..axes).map(widened).sum::<f64>() / axes as f64).sqrt();
    for cell in 0..field.data.len() {
        let centre = field.centre(cell);
        field.data[cell] = mixture.density(&centre[..axes], sd);
    }
    field
}

/// Smooths along an axis with a Gaussian of `sd` cells, cut at five of them.
fn blur(values: &mut [f64], cells: [usize; 2], axis: usize, sd: f64) {
    let reach = (5.0 * sd).ceil() as usize;
    let weights: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / sd).powi(2)).exp()).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let (length, stride) = (cells[axis], if axis == 0 { 1 } else { cells[0] });
    let lines = values.len() / length;
    for line in 0..lines {
        let start = if axis == 0 { line * length } else { line };
        let row: Vec<f64> = (0..length).map(|i| values[start + i * stride]).collect();
        if row.iter().all(|&x| x == 0.0) {
            continue;
        }
        let mut out = vec![0.0; length];
        for (i, &x) in row.iter().enumerate().filter(|(_, x)| **x > 0.0) {
            for j in i.saturating_sub(reach)..=(i + reach).min(length - 1) {
                out[j] += x * weights[i.abs_diff(j)] / sum;
            }
        }
        out.into_iter().enumerate().for_each(|(i, x)| values[start + i * stride] = x);
    }
}

/// Side of a panel of [`panels`], and the space between two.
const PANEL: usize = 400;
const SPACE: usize = 16;

/// In two dimensions, side by side: D, and p_data / (p_data + p_g). Blue where D takes a point for real, red where it
/// takes it for generated, white where it cannot tell; grey where neither density is. A pixel shows the mean of its
/// cells, weighted by both densities.
pub fn panels(field: &Field) -> Picture {
    let mut picture = Picture {
        width: 2 * PANEL + SPACE,
        height: PANEL,
        channels: 3,
        pixels: vec![255; (2 * PANEL + SPACE) * PANEL * 3],
    };
    let mut sums = vec![[0.0f64; 3]; PANEL * PANEL];
    for cell in asked(field) {
        let at =
            [cell % field.cells[0] * PANEL / field.cells[0], cell / field.cells[0] * PANEL / field.cells[1]];
        let weight = field.data[cell] + field.samples[cell];
        let sum = &mut sums[(PANEL - 1 - at[1]) * PANEL + at[0]];
        sum[0] += weight;
        sum[1] += weight * field.d[cell];
        sum[2] += weight * field.best(cell);
    }
    for (i, sum) in sums.iter().enumerate() {
        for panel in 0..2 {
            let colour = if sum[0] > 0.0 { diverging(sum[1 + panel] / sum[0]) } else { [222; 3] };
            let at = (i / PANEL * picture.width + panel * (PANEL + SPACE) + i % PANEL) * 3;
            picture.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }
    picture
}

/// 0 red, ½ white, 1 blue.
fn diverging(d: f64) -> [u8; 3] {
    let (end, share) =
        if d < 0.5 { ([178.0, 24.0, 43.0], 1.0 - 2.0 * d) } else { ([33.0, 102.0, 172.0], 2.0 * d - 1.0) };
    [0, 1, 2].map(|i| (247.0 + (end[i] - 247.0) * share).round() as u8)
}

impl Subject<'_> {
    pub(super) fn theory(&mut self) -> Result<Measurement> {
        let mixture = applies(self.generator.config)?;
        let checkpoint = checkpoint::load(self.generator.from)?;
        let count = self.samples_wanted(Metric::Theory);
        let found = measure(&checkpoint, self.seed, count, self.hardware)?;
        let field = &found.field;
        let penalised = self.generator.config.loss.penalised();
        let warning = penalised
            .then(|| "this D pays a gradient penalty: it is kept flatter than the best D".to_string());
        let widest = field.side[..field.axes].iter().copied().fold(0.0, f64::max) / found.width;
        let coarse = (widest > 1.0).then(|| {
            format!(
                "samples lie so far apart that cells are {widest:.1} times as wide as the Gaussian: the distances are \
                 coarse"
            )
        });
        let curves = if field.axes == 1 { field.curves() } else { BTreeMap::new() };
        let protocol = format!(
            "|D − p_data / (p_data + p_g)|, mean under (p_data + p_g) / 2; p_data of the {}, p_g of {count} samples \
             of G itself, both smoothed by a Gaussian of sd {:.4}; V(D, G) by {} points of each kind (1406.2661, \
             Figure 1)",
            mixture.name,
            found.width,
            count.min(POINTS)
        );
        let Distances { error, divergence } = found.distances;
        let best = [("|D − D*|", 0.0), ("V(D, G)", found.best_value()), ("JSD", divergence)];
        let value = -(4f64.ln());
        let equal = [("|D − D*|", 0.0), ("V(D, G)", value), ("JSD", 0.0)];
        let floor = [("|D − D*|", found.floor.error), ("V(D, G)", value), ("JSD", found.floor.divergence)];
        let numbers =
            [("|D − D*|", error), ("V(D, G)", found.value), ("se", found.value_error), ("JSD", divergence)];
        let measurement = self
            .measurement(Metric::Theory, protocol, count, numbers)
            .beside("the best D against this G", best)
            .beside("equilibrium: p_g = p_data", equal)
            .beside(format!("{count} draws of the data, D = ½"), floor)
            .warned(warning)
            .warned(coarse);
        Ok(Measurement { curves, picture: (field.axes == 2).then(|| panels(field)), ..measurement })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, stream};

    #[test]
    fn a_perfect_sampler_has_the_datas_density_in_one_and_two_dimensions() {
        for mixture in [&toy::LINE, &toy::RING] {
            let crate::data::Values::F32(samples) = toy::load(mixture, SAMPLES, 5).train.values else {
                panic!("numbers")
            };
            let each = SAMPLES as f64 / mixture.modes().len() as f64;
            let width = f64::from(mixture.sd) * each.powf(-1.0 / (mixture.axes as f64 + 4.0));
            let field = densities(mixture, &samples, width, grid(mixture, &samples, width));
            for (name, density) in [("p_data", &field.data), ("p_g", &field.samples)] {
                let mass = density.iter().sum::<f64>() * field.area();
                assert!((mass - 1.0).abs() < 1e-3, "{}: {name} has mass {mass}", mixture.name);
            }
            let apart: f64 = field.data.iter().zip(&field.samples).map(|(p, q)| (p - q).abs()).sum();
            let apart = 0.5 * apart * field.area();
            assert!(apart < 0.03, "{}: total variation {apart}", mixture.name);
        }
    }

    #[test]
    fn a_known_density_comes_out_of_its_samples() {
        // One Gaussian of sd .5 at 3, far from the line's own modes.
        let draw = Draw::new(1, stream("theory test"), 0);
        let samples: Vec<f32> = (0..SAMPLES as u64).map(|i| 3.0 + 0.5 * draw.normal(i)).collect();
        let field = densities(&toy::LINE, &samples, 0.03, grid(&toy::LINE, &samples, 0.03));
        let at = |x: f64| ((x - field.from[0]) / field.side[0]).round() as usize;
        let sd = 0.5f64.hypot(0.03);
        for x in [2.0, 2.5, 3.0, 3.7] {
            let expected = (-0.5 * ((x - 3.0) / sd).powi(2)).exp() / (std::f64::consts::TAU.sqrt() * sd);
            let found = field.samples[at(x)];
            assert!((found / expected - 1.0).abs() < 0.06, "p_g({x}) = {found}, expected {expected}");
        }
    }
}
