//! The architecture "rpgan-resnet": R3GAN's ideas (Huang et al., 2501.05441) in a network of our own size. No norms: blocks
//! that start as nothing beside their skip (Fix-up, 1901.09321), filtered resampling, learned ends at the base.
//!
//! Blocks keep their width within and convolve it plainly, where R3GAN's double it in groups of 16 channels: as many
//! multiplications at 32 channels, and one product.

use super::condition::{self, Head};
use super::ends::{Forward, Makes, Reads};
use super::halvings::{self, Needs};
use super::join::{self, with_labels};
use super::net::{Net, Purpose};
use crate::config::{Activation, Condition, Init, Network, Norm};
use crate::data::Shape;
use crate::error::Result;
use crate::graph::{Var, Window};
use crate::nn::resample::{depthwise_covering, downsample_fir, upsample_fir};
use crate::nn::{self, Conv, Fans, Linear, Scope, Start};

/// A leaky rectifier's slope.
const SLOPE: f32 = 0.2;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct RpganResnet {
    width: usize,
    growth: usize,
    stages: Option<usize>,
    /// Blocks at each size.
    pub blocks: usize,
    /// What follows G's last convolution.
    pub output: Activation,
    condition: Condition,
}

impl RpganResnet {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> RpganResnet {
        RpganResnet {
            width: network.width.unwrap_or(64),
            growth: network.growth.unwrap_or(1),
            stages: network.stages,
            blocks: network.blocks.unwrap_or(1),
            output: network.output.unwrap_or(Activation::Linear),
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

    /// x + conv1(act(conv3(act(conv1(x))))), the last convolution 0 at first: `blocks` is how many the network has, by the
    /// fourth root of which the others are smaller.
    fn block(&self, s: &Scope, x: Var, blocks: usize) -> Var {
        let (g, channels) = (s.g, s.g.shape(x)[3]);
        let gain = (2.0 / (1.0 + SLOPE * SLOPE)).sqrt() * (blocks as f32).powf(-0.25);
        let convolved = |name: &str, h: Var, kernel: usize| {
            let bias = Some(Start::Value(0.0));
            let c = Conv { bias, ..convolution(channels, kernel, gain) };
            nn::leaky_relu(g, s.within(name, |inside| nn::conv2d(inside, h, c)), SLOPE)
        };
        let h = convolved("conv2", convolved("conv1", x, 1), 3);
        g.add(x, s.within("conv3", |inside| nn::conv2d(inside, h, convolution(channels, 1, 0.0))))
    }

    /// The blocks at one size, the `stage`-th in the order of the network.
    fn stage(&self, s: &Scope, h: Var, stage: usize, stages: usize) -> Var {
        let (first, all) = (stage * self.blocks, stages * self.blocks);
        (first..first + self.blocks)
            .fold(h, |h, i| s.within(&format!("blocks.{i}"), |inside| self.block(inside, h, all)))
    }

    /// A convolution of single pixels to so many channels, where there are others.
    fn resized(s: &Scope, name: &str, h: Var, channels: usize) -> Var {
        match s.g.shape(h)[3] == channels {
            true => h,
            false => s.within(name, |inside| nn::conv2d(inside, h, convolution(channels, 1, 1.0))),
        }
    }
}

impl Net for RpganResnet {
    fn serves(&self, purpose: Purpose) -> bool {
        !matches!(purpose, Purpose::Translator { .. } | Purpose::StyledGenerator(_))
    }

    fn generator(&self, s: &Scope, makes: Makes, z: Var, labels: Option<Var>) -> Var {
        let (g, sizes) = (s.g, self.sizes(makes.picture));
        let (halvings, [height, width]) = (sizes.len() - 1, sizes[sizes.len() - 1]);
        let channels = self.channels(halvings);
        let linear = Linear::new(channels, Init::FanIn(1.0));
        let scales = s.within("linear", |inside| nn::linear(inside, with_labels(g, z, labels), linear));
        let rows = g.shape(scales)[0];
        let normal = Start::Weight(Init::Normal(1.0), Fans { into: 1, out: 1 });
        let basis = s.parameter("basis", &[height, width, channels], normal);
        let mut h = g.mul(basis, g.reshape(scales, &[rows, 1, 1, channels]));
        for stage in 0..=halvings {
            if stage > 0 {
                let to = self.channels(halvings - stage);
                h = upsample_fir(g, Self::resized(s, &format!("resized.{stage}"), h, to));
            }
            h = self.stage(s, h, stage, halvings + 1);
        }
        let last = convolution(makes.picture.channels, 1, 1.0);
        let h = s.within("output", |inside| nn::conv2d(inside, h, last));
        g.reshape(nn::activate(g, h, self.output, 0.0), &[rows, makes.picture.len()])
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let (g, sizes) = (s.g, self.sizes(reads.picture));
        let (halvings, [height, width]) = (sizes.len() - 1, sizes[sizes.len() - 1]);
        let (pictures, labels) = join::read(g, reads, self.condition, x, labels);
        let first = convolution(self.channels(0), 1, 1.0);
        let mut h = s.within("input", |inside| nn::conv2d(inside, pictures, first));
        for stage in 0..=halvings {
            if stage > 0 {
                let to = self.channels(stage);
                h = Self::resized(s, &format!("resized.{stage}"), downsample_fir(g, h), to);
            }
            h = self.stage(s, h, stage, halvings + 1);
        }
        let channels = g.shape(h)[3];
        let init = Init::FanIn(1.0);
        let weight = Start::Weight(init, Fans { into: height * width, out: 1 });
        let basis = s.parameter("basis", &[height, width, channels], weight);
        let features = depthwise_covering(g, h, basis);
        let output =
            s.within("linear", |inside| nn::linear(inside, features, Linear::new(reads.outputs, init)));
        let head = Head { condition: self.condition, init, spectral_norm: false };
        head.forward(s, reads, output, [features; 2], labels)
    }

    fn generator_outline(&self, makes: Makes, inputs: usize) -> String {
        let picture = makes.picture;
        let sizes = self.sizes(picture);
        let maps = sizes
            .iter()
            .enumerate()
            .rev()
            .map(|(halvings, [height, width])| format!("{}×{height}×{width}", self.channels(halvings)));
        let last = format!("{}×{}×{}", picture.channels, picture.height, picture.width);
        [inputs.to_string()].into_iter().chain(maps).chain([last]).collect::<Vec<_>>().join(" → ")
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        let sizes = self.sizes(reads.picture);
        let channels = join::channels_read(reads, self.condition);
        let first = format!("{channels}×{}×{}", reads.picture.height, reads.picture.width);
        let maps = sizes
            .iter()
            .enumerate()
            .map(|(halvings, [height, width])| format!("{}×{height}×{width}", self.channels(halvings)));
        [first].into_iter().chain(maps).chain([reads.outputs.to_string()]).collect::<Vec<_>>().join(" → ")
    }

    fn words(&self, _fitting: Option<Activation>) -> Vec<String> {
        let mut words = vec![
            format!("residual blocks without norms, {} a size", self.blocks),
            "filtered resampling".into(),
            format!("leaky relu {SLOPE}"),
        ];
        words.extend(condition::words(self.condition).map(String::from));
        words
    }

    /// Checks that pictures can be halved as often as is asked for.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let even = Some(("filtered resampling halves even sides only", ""));
        let needs = Needs { architecture: "rpgan-resnet", name, stages: self.stages, norm: Norm::None, even };
        halvings::check(needs, purpose.picture())
    }
}

/// A convolution that keeps the side, without a bias, with weights of this gain.
fn convolution(channels: usize, kernel: usize, gain: f32) -> Conv {
    let window = Window::square(kernel, 1, kernel / 2);
    Conv { channels, window, init: Init::FanIn(gain), bias: None, spectral_norm: false }
}
