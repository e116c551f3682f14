//! How parameters and states start.

use super::network::{Network, Parameter, StateTensor};
use super::norm;
use crate::config::{Activation, Bias, DrawnBias, Init};
use crate::rng::{Draw, PhiloxRng, stream};

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Weights as a layer's configuration says; the tensor is `[fan_in, units]`.
    Weight(Init),
    /// A bias as that configuration says, in front of an activation.
    Bias(Bias, Activation),
    /// This value everywhere.
    Value(f32),
}

/// How a state starts.
#[derive(Debug, Clone, PartialEq)]
pub enum StateStart {
    /// This value everywhere.
    Value(f32),
    /// Left singular vector (PyTorch's u, over units) of a weight, by power iteration from a random one.
    Left {
        /// The weight's name.
        weight: String,
    },
    /// Right singular vector (PyTorch's v, over inputs) of the same.
    Right {
        /// The weight's name.
        weight: String,
    },
}

impl Parameter {
    /// Fills the parameter; `marginals` as in [`super::Networks::start`].
    pub(super) fn fill(&self, to: &mut [f32], seed: u64, marginals: &[f32]) {
        match self.start {
            Start::Weight(init) => self.draw(to, init, seed),
            Start::Value(value) | Start::Bias(Bias::Value(value), _) => to.fill(value),
            Start::Bias(Bias::Drawn(DrawnBias::Uniform(r)), _) => self.draw(to, Init::Uniform(r), seed),
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
    fn draw(&self, to: &mut [f32], init: Init, seed: u64) {
        weights(to, &self.shape, init, seed, &self.stream);
        to.copy_from_slice(&self.in_memory_order(to));
    }
}

impl StateStart {
    /// Fills a state of `network`, whose optimizer's weights are set; states declared before it are, too.
    pub(super) fn fill(
        &self,
        state: &StateTensor,
        network: &Network,
        seed: u64,
        weights: &[f32],
        states: &mut [f32],
    ) {
        let to = state.offset..state.offset + state.len();
        match self {
            StateStart::Value(value) => states[to].fill(*value),
            StateStart::Left { weight } | StateStart::Right { weight } => {
                let parameter = network.parameter(weight);
                let matrix = &weights[parameter.offset..][..parameter.len()];
                let [u, v] = norm::singular_vectors(matrix, parameter.shape[1], seed, &parameter.stream);
                states[to].copy_from_slice(if matches!(self, StateStart::Left { .. }) { &u } else { &v });
            }
        }
    }
}

fn weights(weights: &mut [f32], shape: &[usize], init: Init, seed: u64, name: &str) {
    let draw = Draw::new(seed, stream(name), 0);
    let fan_in = shape[0];
    match init {
        Init::Uniform(r) => {
            let element = |(i, w): (usize, &mut f32)| *w = (2.0 * draw.uniform(i as u64) - 1.0) * r;
            weights.iter_mut().enumerate().for_each(element);
        }
        Init::Normal(sd) => normal(weights, &draw, sd),
        Init::FanIn(gain) => normal(weights, &draw, gain / (fan_in as f32).sqrt()),
        Init::Sparse(count) => {
            let units = shape[1];
            let mut rng = PhiloxRng::new(seed, stream(name), 0);
            for unit in 0..units {
                for input in rand::seq::index::sample(&mut rng, fan_in, count.min(fan_in)) {
                    weights[input * units + unit] = rng.normal();
                }
            }
        }
    }
}

fn normal(weights: &mut [f32], draw: &Draw, sd: f32) {
    weights.iter_mut().enumerate().for_each(|(i, w)| *w = draw.normal(i as u64) * sd);
}
