//! The architecture "resnet": blocks of two 3×3 convolutions beside a skip, nearest neighbours up and means down, as the code
//! of WGAN-GP (1704.00028) and SNGAN (1802.05957) has them.

use super::condition::{self, Head};
use super::ends::{Forward, Makes, Reads, at_the_end};
use super::halvings::{self, Needs};
use super::join::{self, with_labels};
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, Condition, Init, Network, Norm, Pool};
use crate::data::Shape;
use crate::error::Result;
use crate::graph::{Graph, Var, Window};
use crate::nn::resample::{mean_pool, nearest};
use crate::nn::{self, Conv, Linear, Scope, Start};
use std::f32::consts::SQRT_2;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct Resnet {
    width: usize,
    growth: usize,
    stages: Option<usize>,
    /// Blocks at the base beside those that halve or double.
    pub blocks: usize,
    /// What normalises.
    pub norm: Norm,
    pool: Pool,
    /// What follows G's last convolution; fits the data's scale where absent.
    pub output: Option<Activation>,
    /// Whether convolutions have biases.
    pub bias: bool,
    init: Option<Init>,
    /// Whether weights are divided by their greatest singular value.
    pub spectral_norm: bool,
    /// Where labels enter.
    pub condition: Condition,
}

/// What a block does beside convolving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Doubles the side.
    Up,
    /// Reads the picture and halves the side: nothing stands in front of its first convolution.
    First,
    /// Halves the side.
    Down,
    /// Keeps the side.
    Plain,
}

impl Resnet {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> Resnet {
        Resnet {
            width: network.width.unwrap_or(64),
            growth: network.growth.unwrap_or(1),
            stages: network.stages,
            blocks: network.blocks.unwrap_or(0),
            norm: network.norm.unwrap_or_default(),
            pool: network.pool.unwrap_or_default(),
            output: network.output,
            bias: network.bias.unwrap_or(true),
            init: network.init,
            spectral_norm: network.spectral_norm.unwrap_or(false),
            condition: network.condition.unwrap_or_default(),
        }
    }

    /// Sides of the maps from the picture down to the base.
    pub fn sizes(&self, picture: Shape) -> Vec<[usize; 2]> {
        halvings::sizes(picture, self.stages)
    }

    /// Channels of the maps that are `halvings` halvings away from the picture.
    pub fn channels(&self, halvings: usize) -> usize {
        halvings::channels(self.width, self.growth, halvings)
    }

    /// How weights in front of an activation of this gain start.
    fn start(&self, gain: f32) -> Init {
        self.init.unwrap_or(Init::Glorot(gain))
    }

    fn convolution(&self, s: &Scope, name: &str, x: Var, [channels, kernel]: [usize; 2], gain: f32) -> Var {
        let bias = self.bias.then_some(Start::Value(0.0));
        let window = Window::square(kernel, 1, kernel / 2);
        let c = Conv { channels, window, init: self.start(gain), bias, spectral_norm: self.spectral_norm };
        s.within(name, |inside| nn::conv2d(inside, x, c))
    }

    fn linear(&self, units: usize) -> Linear {
        let bias = Some(Start::Value(0.0));
        Linear { bias, spectral_norm: self.spectral_norm, ..Linear::new(units, self.start(1.0)) }
    }

    /// A rectifier behind a norm.
    fn activated(&self, s: &Scope, name: &str, h: Var, labels: Option<Var>) -> Var {
        let inside = s.under(name);
        let rectified = |g: &Graph, h: Var| nn::activate(g, h, Activation::Relu, 0.0);
        norms::normalised(&inside, self.norm, h, Start::Value(1.0), labels, rectified)
    }

    /// A block to maps of so many channels. Its skip convolves 1×1 on the smaller side, which commutes with nearest neighbours
    /// and means.
    fn block(&self, s: &Scope, h: Var, block: Block, channels: usize, labels: Option<Var>) -> Var {
        let g = s.g;
        let inputs = g.shape(h)[3];
        let between = if block == Block::Down { inputs } else { channels };
        let mut r = if block == Block::First { h } else { self.activated(s, "norm1", h, labels) };
        if block == Block::Up {
            r = nearest(g, r, 2);
        }
        r = self.convolution(s, "conv1", r, [between, 3], SQRT_2);
        r = self.activated(s, "norm2", r, labels);
        r = self.convolution(s, "conv2", r, [channels, 3], SQRT_2);
        let halves = [Block::First, Block::Down].contains(&block);
        let mut skip = h;
        if halves {
            (r, skip) = (mean_pool(g, r, 2), mean_pool(g, h, 2));
        }
        if block != Block::Plain || inputs != channels {
            skip = self.convolution(s, "skip", skip, [channels, 1], 1.0);
        }
        if block == Block::Up {
            skip = nearest(g, skip, 2);
        }
        g.add(r, skip)
    }
}

impl Net for Resnet {
    fn serves(&self, purpose: Purpose) -> bool {
        !matches!(purpose, Purpose::Translator { .. } | Purpose::StyledGenerator(_))
    }

    fn generator(&self, s: &Scope, makes: Makes, z: Var, labels: Option<Var>) -> Var {
        let (g, sizes) = (s.g, self.sizes(makes.picture));
        let (joined, normed) = condition::of_generator(self.condition, labels);
        let (halvings, base) = (sizes.len() - 1, sizes[sizes.len() - 1]);
        let maps = Shape { channels: self.channels(halvings), height: base[0], width: base[1] };
        let l = Linear { makes: Some(maps), ..self.linear(maps.len()) };
        let h = s.within("linear", |inside| nn::linear(inside, with_labels(g, z, joined), l));
        let rows = g.shape(h)[0];
        let mut h = g.reshape(h, &[rows, maps.height, maps.width, maps.channels]);
        for i in 0..self.blocks + halvings {
            let doublings = (i + 1).saturating_sub(self.blocks);
            let block = if doublings > 0 { Block::Up } else { Block::Plain };
            let channels = self.channels(halvings - doublings);
            h = s.within(&format!("blocks.{i}"), |inside| self.block(inside, h, block, channels, normed));
        }
        let h = self.activated(s, "norm", h, normed);
        let h = self.convolution(s, "output", h, [makes.picture.channels, 3], 1.0);
        let made = nn::activate(g, h, self.output.unwrap_or(makes.output), 0.0);
        g.reshape(made, &[rows, makes.picture.len()])
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let (g, halvings) = (s.g, self.sizes(reads.picture).len() - 1);
        let (mut h, labels) = join::read(g, reads, self.condition, x, labels);
        for i in 0..halvings + self.blocks {
            let block = match i {
                0 => Block::First,
                i if i < halvings => Block::Down,
                _ => Block::Plain,
            };
            let channels = self.channels(halvings.min(i + 1));
            h = s.within(&format!("blocks.{i}"), |inside| self.block(inside, h, block, channels, None));
        }
        let h = self.activated(s, "norm", h, None);
        let features = pooled(s, h, self.pool);
        let output = s.within("linear", |inside| nn::linear(inside, features, self.linear(reads.outputs)));
        let head =
            Head { condition: self.condition, init: self.start(1.0), spectral_norm: self.spectral_norm };
        head.forward(s, reads, output, [features; 2], labels)
    }

    fn generator_outline(&self, makes: Makes, inputs: usize) -> String {
        let picture = makes.picture;
        let sizes = self.sizes(picture);
        let blocks = sizes
            .iter()
            .enumerate()
            .rev()
            .map(|(halvings, [height, width])| format!("{}×{height}×{width}", self.channels(halvings)));
        let [first, last] =
            [inputs.to_string(), format!("{}×{}×{}", picture.channels, picture.height, picture.width)];
        [first].into_iter().chain(blocks).chain([last]).collect::<Vec<_>>().join(" → ")
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        let sizes = self.sizes(reads.picture);
        let maps = sizes.iter().enumerate().map(|(halvings, [height, width])| {
            let channels = match halvings {
                0 => join::channels_read(reads, self.condition),
                halvings => self.channels(halvings),
            };
            format!("{channels}×{height}×{width}")
        });
        maps.chain([reads.outputs.to_string()]).collect::<Vec<_>>().join(" → ")
    }

    fn words(&self, fitting: Option<Activation>) -> Vec<String> {
        let mut words = vec![match fitting {
            Some(_) => "residual blocks of 3×3 convolutions, nearest neighbours up".to_string(),
            None => format!("residual blocks of 3×3 convolutions, means down, {} plain", self.blocks),
        }];
        words.push(norms::words(self.norm));
        words.push(match fitting.map(|fitting| self.output.unwrap_or(fitting)) {
            Some(output) => at_the_end("relu", output),
            None => "relu".into(),
        });
        words.extend(self.spectral_norm.then(|| "spectral norm".into()));
        words.extend(condition::words(self.condition).map(String::from));
        words
    }

    /// Checks that pictures can be halved as often as is asked for.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let even = Some(("means of 2×2 pixels halve even sides only", ""));
        let needs = Needs { architecture: "resnet", name, stages: self.stages, norm: self.norm, even };
        halvings::check(needs, purpose.picture())
    }
}

/// Maps `[rows, height, width, channels]` as one vector a row, `[rows, channels]`.
pub fn pooled(s: &Scope, maps: Var, pool: Pool) -> Var {
    let g = s.g;
    let [rows, height, width, channels] = g.shape(maps)[..] else { unreachable!("maps have four axes") };
    let share = match pool {
        Pool::Sum => maps,
        Pool::Mean => g.scale(maps, 1.0 / (height * width) as f64),
    };
    g.reshape(g.sum(share, &[1, 2]), &[rows, channels])
}
