//! How parameters and states start.

use super::tensor::{Fans, Parameter, Start, StateStart, StateTensor};
use crate::config::{Activation, Bias, DrawnBias, Init};
use crate::rng::{Draw, PhiloxRng, stream};

/// Power iterations before training, as PyTorch's constructor makes them.
const FIRST_ITERATIONS: usize = 15;
/// Least norm that a vector is divided by.
const LEAST_NORM: f64 = 1e-12;

impl Parameter {
    /// Fills the parameter; `marginals` as in [`super::Networks::start`].
    pub(super) fn fill(&self, to: &mut [f32], seed: u64, marginals: &[f32]) {
        match self.start {
            Start::Weight(init, fans) => self.draw(to, init, fans, seed),
            Start::Around1(sd) => {
                normal(to, &Draw::new(seed, stream(&self.stream), 0), sd);
                to.iter_mut().for_each(|factor| *factor += 1.0);
            }
            Start::Value(value) | Start::Bias(Bias::Value(value), _) => to.fill(value),
            Start::Bias(Bias::Drawn(DrawnBias::Uniform(r)), _) => {
                self.draw(to, Init::Uniform(r), Fans { into: 1, out: 1 }, seed);
            }
            Start::Bias(Bias::FromData(_), activation) => {
                let inverse = |&mean: &f32| match activation {
                    Activation::Sigmoid => {
                        let p = mean.clamp(1e-7, 1.0 - 1e-7);
                        (p / (1.0 - p)).ln()
                    }
                    Activation::Tanh => mean.clamp(-1.0 + 1e-7, 1.0 - 1e-7).atanh(),
                    _ => mean,
                };
                to.iter_mut().zip(marginals.iter().map(inverse)).for_each(|(b, m)| *b = m);
            }
        }
    }

    /// Draws the parameter in the order of files.
    fn draw(&self, to: &mut [f32], init: Init, fans: Fans, seed: u64) {
        weights(to, fans, init, seed, &self.stream);
        to.copy_from_slice(&self.in_memory_order(to));
    }
}

impl StateStart {
    /// Fills a state of a network with these parameters, whose optimizer's weights are set.
    pub(super) fn fill(
        &self,
        state: &StateTensor,
        parameters: &[Parameter],
        seed: u64,
        weights: &[f32],
        states: &mut [f32],
    ) {
        let to = state.offset..state.offset + state.len();
        match self {
            StateStart::Value(value) => states[to].fill(*value),
            StateStart::Left { weight } | StateStart::Right { weight } => {
                let parameter =
                    parameters.iter().find(|p| p.name == *weight).expect("a weight beside its vectors");
                let matrix = &weights[parameter.offset..][..parameter.len()];
                let [u, v] = singular_vectors(matrix, parameter.units(), seed, &parameter.stream);
                states[to].copy_from_slice(if matches!(self, StateStart::Left { .. }) { &u } else { &v });
            }
        }
    }
}

fn weights(weights: &mut [f32], fans: Fans, init: Init, seed: u64, name: &str) {
    let draw = Draw::new(seed, stream(name), 0);
    let fan_in = fans.into;
    match init {
        Init::Uniform(r) => uniform(weights, &draw, r),
        Init::Glorot(gain) => uniform(weights, &draw, gain * (6.0 / (fan_in + fans.out) as f32).sqrt()),
        Init::Normal(sd) => normal(weights, &draw, sd),
        Init::FanIn(gain) => normal(weights, &draw, gain / (fan_in as f32).sqrt()),
        Init::Sparse(count) => {
            let units = weights.len() / fan_in;
            let mut rng = PhiloxRng::new(seed, stream(name), 0);
            for unit in 0..units {
                for input in rand::seq::index::sample(&mut rng, fan_in, count.min(fan_in)) {
                    weights[input * units + unit] = rng.normal();
                }
            }
        }
    }
}

fn uniform(weights: &mut [f32], draw: &Draw, r: f32) {
    let element = |(i, w): (usize, &mut f32)| *w = (2.0 * draw.uniform(i as u64) - 1.0) * r;
    weights.iter_mut().enumerate().for_each(element);
}

fn normal(weights: &mut [f32], draw: &Draw, sd: f32) {
    weights.iter_mut().enumerate().for_each(|(i, w)| *w = draw.normal(i as u64) * sd);
}

/// The first u `[units]` and v `[inputs]` of a weight `[inputs, units]`: a random v, then [`FIRST_ITERATIONS`] of
/// u ← Wᵀ·v / ‖·‖, v ← W·u / ‖·‖, in 64 bits.
fn singular_vectors(weight: &[f32], units: usize, seed: u64, name: &str) -> [Vec<f32>; 2] {
    let unit = |mut x: Vec<f64>| {
        let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt().max(LEAST_NORM);
        x.iter_mut().for_each(|x| *x /= norm);
        x
    };
    let draw = Draw::new(seed, stream(&format!("{name}/v")), 0);
    let mut v = unit((0..(weight.len() / units) as u64).map(|i| f64::from(draw.normal(i))).collect());
    let mut u = vec![0.0; units];
    for _ in 0..FIRST_ITERATIONS {
        u = vec![0.0; units];
        for (row, v) in weight.chunks_exact(units).zip(&v) {
            u.iter_mut().zip(row).for_each(|(u, &w)| *u += f64::from(w) * v);
        }
        u = unit(u);
        let row = |row: &[f32]| row.iter().zip(&u).map(|(&w, u)| f64::from(w) * u).sum();
        v = unit(weight.chunks_exact(units).map(row).collect());
    }
    [u, v].map(|x| x.into_iter().map(|x| x as f32).collect())
}
