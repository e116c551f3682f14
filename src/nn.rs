//! Multi-layer perceptrons: where their parameters lie, how they start, what they compute.

mod pixels;

pub use pixels::PixelAxis;

use crate::config::{Activation, Bias, Drawn, Init, Network};
use crate::data::Shape;
use crate::graph::{Dist, Graph, NetworkId, OptimizerId, Var};
use crate::lower::arena::ALIGNMENT;
use crate::lower::{Layout, NetworkLayout};
use crate::rng::{Draw, PhiloxRng, stream};

/// What a network is for: where its configuration stands, and what its files are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// G; also the one network of a model that has no opponent.
    Generator,
    /// D.
    Discriminator,
}

impl Role {
    /// Both, in the order of their networks and optimizers.
    pub const ALL: [Role; 2] = [Role::Generator, Role::Discriminator];

    /// "G" or "D", as in node paths.
    pub fn letter(self) -> &'static str {
        match self {
            Role::Generator => "G",
            Role::Discriminator => "D",
        }
    }

    /// "generator" or "discriminator", as in file names and keys.
    pub fn name(self) -> &'static str {
        match self {
            Role::Generator => "generator",
            Role::Discriminator => "discriminator",
        }
    }

    /// The network of that role.
    pub fn network(self) -> NetworkId {
        NetworkId(self as u8)
    }

    /// The optimizer that updates it.
    pub fn optimizer(self) -> OptimizerId {
        OptimizerId(self as u8)
    }
}

/// Where the parameters of a model's networks lie, each with an optimizer of its own.
pub fn layout(networks: &[&Mlp]) -> Layout {
    let network = |n: &&Mlp| NetworkLayout {
        optimizer: n.role.optimizer(),
        parameters: n.parameters.iter().map(|p| (p.name.clone(), p.offset)).collect(),
    };
    Layout {
        networks: networks.iter().map(network).collect(),
        names: networks.iter().map(|n| n.role.letter().to_string()).collect(),
    }
}

/// One parameter tensor in its network's flat memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// PyTorch's name: `layers.0.weight`.
    pub name: String,
    /// As stored: `[fan_in, fan_out]` for a weight (PyTorch stores the transpose), `[fan_out]` for a bias.
    pub shape: Vec<usize>,
    /// First element.
    pub offset: usize,
    /// The layer it is of, from 0.
    pub layer: usize,
    /// The axis along which pictures lie: rows of a layer that reads pictures, columns of one that makes them.
    pub pixels: Option<PixelAxis>,
}

impl Parameter {
    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A network with its widths settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// What it is for.
    pub role: Role,
    /// What was configured; every layer's `units` is present.
    pub network: Network,
    /// Width of the first layer's input.
    pub input: usize,
    /// Weight and bias of each layer, in order.
    pub parameters: Vec<Parameter>,
    /// Length of the flat memory, alignment gaps included.
    pub len: usize,
}

impl Mlp {
    /// Settles widths: `input` numbers in, `output` numbers where the last layer does not say.
    pub fn new(role: Role, network: &Network, input: usize, output: usize) -> Mlp {
        let mut network = network.clone();
        let mut parameters = Vec::new();
        let (mut width, mut offset) = (input, 0);
        for (i, layer) in network.layers.iter_mut().enumerate() {
            let units = *layer.units.get_or_insert(output);
            let out = units * layer.pieces;
            for (name, shape) in [("weight", vec![width, out]), ("bias", vec![out])] {
                let name = format!("layers.{i}.{name}");
                let parameter = Parameter { name, shape, offset, layer: i, pixels: None };
                offset += parameter.len().next_multiple_of(ALIGNMENT);
                parameters.push(parameter);
            }
            width = units;
        }
        Mlp { role, network, input, parameters, len: offset }
    }

    /// The network, its input being blocks of `block` numbers that begin with a picture each.
    ///
    /// # Panics
    /// When its input is no whole blocks.
    #[must_use]
    pub fn reading(mut self, picture: Shape, block: usize) -> Mlp {
        assert!(self.input.is_multiple_of(block), "an input of {} in blocks of {block}", self.input);
        if let Some(weight) = self.parameters.first_mut() {
            weight.pixels = Some(PixelAxis { axis: 0, picture, block });
        }
        self
    }

    /// The network, its output being a picture. One of another width than the picture stays as it is: nothing that it
    /// makes will pass for such.
    #[must_use]
    pub fn making(mut self, picture: Shape) -> Mlp {
        if self.output() == picture.len() {
            let last = self.network.layers.len().saturating_sub(1);
            for parameter in self.parameters.iter_mut().filter(|p| p.layer == last) {
                // Columns are [piece, unit], and the units of a piece are a picture.
                let axis = parameter.shape.len() - 1;
                parameter.pixels = Some(PixelAxis { axis, picture, block: picture.len() });
            }
        }
        self
    }

    /// Width of the last layer.
    pub fn output(&self) -> usize {
        self.network.layers.last().and_then(|l| l.units).unwrap_or(self.input)
    }

    /// Width of what the last of several layers sees; 0 where there is one layer.
    pub fn last_input(&self) -> usize {
        let before = self.network.layers.iter().rev().nth(1);
        before.and_then(|l| l.units).unwrap_or(0)
    }

    /// The same network at test time: inverted dropout, `x · mask / keep`, leaves nothing to be scaled.
    pub fn without_dropout(&self) -> Mlp {
        let mut network = self.clone();
        network.network.layers.iter_mut().for_each(|l| l.keep = 1.0);
        network
    }

    /// Weights and biases, alignment gaps not counted.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Parameter::len).sum()
    }

    /// Where a parameter starts.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn offset(&self, name: &str) -> usize {
        let found = self.parameters.iter().find(|p| p.name == name);
        found.unwrap_or_else(|| panic!("{} has no {name}", self.role.name())).offset
    }

    /// Flat parameters before training. `marginals`: the training mean of each output element, as it lies in memory, for
    /// a bias that starts from the data. What is drawn is drawn in the order of files.
    pub fn start(&self, seed: u64, marginals: &[f32]) -> Vec<f32> {
        let mut flat = vec![0.0; self.len];
        for (i, layer) in self.network.layers.iter().enumerate() {
            let [weight, bias] = [&self.parameters[2 * i], &self.parameters[2 * i + 1]];
            let name = format!("init/{}/{}", self.role.letter(), weight.name);
            let weights = &mut flat[weight.offset..][..weight.len()];
            start_weights(weights, &weight.shape, layer.init, seed, &name);
            weights.copy_from_slice(&weight.in_memory_order(weights));
            let biases = &mut flat[bias.offset..][..bias.len()];
            match layer.bias {
                Bias::Value(value) => biases.fill(value),
                Bias::Drawn(Drawn::Uniform(r)) => {
                    let name = format!("init/{}/{}", self.role.letter(), bias.name);
                    start_weights(biases, &bias.shape, Init::Uniform(r), seed, &name);
                    biases.copy_from_slice(&bias.in_memory_order(biases));
                }
                Bias::FromData(_) => {
                    let inverse = |&mean: &f32| match layer.activation {
                        Activation::Sigmoid => {
                            let p = mean.clamp(1e-7, 1.0 - 1e-7);
                            (p / (1.0 - p)).ln()
                        }
                        Activation::Tanh => mean.clamp(-1.0 + 1e-7, 1.0 - 1e-7).atanh(),
                        _ => mean,
                    };
                    biases.iter_mut().zip(marginals.iter().map(inverse)).for_each(|(b, m)| *b = m);
                }
            }
        }
        flat
    }

    /// All parameters as nodes after `version` updates, in layout order: what a gradient is taken by.
    pub fn parameter_nodes(&self, g: &Graph, version: u8) -> Vec<Var> {
        self.parameters.iter().map(|p| g.param(self.role.network(), &p.name, version, &p.shape)).collect()
    }

    /// The network on `x`, `[rows, input]` to `[rows, output]`. `draw` names this pass' dropout masks.
    pub fn forward(&self, g: &Graph, x: Var, version: u8, draw: &str) -> Var {
        self.first_layers(self.network.layers.len(), g, x, version, draw)
    }

    /// The first `count` layers of [`Mlp::forward`].
    pub fn first_layers(&self, count: usize, g: &Graph, x: Var, version: u8, draw: &str) -> Var {
        let parameters = self.parameter_nodes(g, version);
        let mut h = x;
        g.scoped(self.role.letter(), || {
            for (i, layer) in self.network.layers[..count].iter().enumerate() {
                g.scoped(&format!("layers.{i}"), || {
                    if layer.keep < 1.0 {
                        let name = format!("{}/layers.{i}/dropout/{draw}", self.role.letter());
                        h = dropout(g, h, layer.keep, &name);
                    }
                    let affine = g.add(g.matmul(h, parameters[2 * i]), parameters[2 * i + 1]);
                    h = match layer.activation {
                        Activation::Linear => affine,
                        Activation::Relu => g.max(affine, g.constant(0.0, &[])),
                        Activation::LeakyRelu => g.max(affine, g.scale(affine, f64::from(layer.slope))),
                        Activation::Tanh => g.tanh(affine),
                        Activation::Sigmoid => g.sigmoid(affine),
                        Activation::Maxout => maxout(g, affine, layer.pieces),
                    };
                });
            }
        });
        h
    }
}

/// x · (u > 1 − keep ? 1/keep : 0), u uniform on [0, 1).
fn dropout(g: &Graph, x: Var, keep: f32, name: &str) -> Var {
    let u = g.rand(name, Dist::Uniform, &g.shape(x));
    let kept = g.gt(u, g.constant(f64::from(1.0 - keep), &[]));
    let mask = g.select(kept, g.constant(f64::from(1.0 / keep), &[]), g.constant(0.0, &[]));
    g.mul(x, mask)
}

/// The greatest of `pieces` affine maps: columns are `[piece, unit]`, so that a unit's pieces lie `units`
/// columns apart and each piece is one contiguous run.
fn maxout(g: &Graph, affine: Var, pieces: usize) -> Var {
    let [rows, columns] = g.shape(affine)[..] else { unreachable!("layers make matrices") };
    let units = columns / pieces;
    let piece = |i: usize| g.slice_axis(affine, 1, i * units, (i + 1) * units);
    debug_assert_eq!(g.shape(piece(0)), [rows, units]);
    (1..pieces).fold(piece(0), |greatest, i| g.max(greatest, piece(i)))
}

fn start_weights(weights: &mut [f32], shape: &[usize], init: Init, seed: u64, name: &str) {
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
