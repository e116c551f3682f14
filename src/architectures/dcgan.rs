//! The architecture "dcgan": strided convolutions in D, transposed ones in G, no layer between them and the ends (Radford et
//! al., 1511.06434). With kernels of odd length "SAME" paddings, as the code of WGAN-GP (1704.00028) and PacGAN
//! (1712.04086) have them.

use super::condition::{self, Head};
use super::ends::{Forward, Makes, Reads, at_the_end};
use super::halvings::{self, Needs};
use super::join::{self, with_labels, with_planes};
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, Condition, Init, Network, Norm, Upsample};
use crate::data::Shape;
use crate::error::Result;
use crate::graph::{Graph, Var, Window};
use crate::nn::resample::nearest;
use crate::nn::{self, Conv, Scope, Start};

/// A leaky rectifier's slope in D.
const SLOPE: f32 = 0.2;
/// Standard deviation of weights and of norms' factors in the paper.
const SPREAD: f32 = 0.02;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct Dcgan {
    width: usize,
    stages: Option<usize>,
    /// Taps an axis of the kernels that halve or double.
    pub kernel: usize,
    /// What normalises behind all convolutions but the last, and but D's first.
    pub norm: Norm,
    /// How G doubles a side.
    pub upsample: Upsample,
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

impl Dcgan {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> Dcgan {
        let norm = network.norm.unwrap_or_default();
        Dcgan {
            width: network.width.unwrap_or(64),
            stages: network.stages,
            kernel: network.kernel.unwrap_or(4),
            norm,
            upsample: network.upsample.unwrap_or_default(),
            output: network.output,
            bias: network.bias.unwrap_or(norm != Norm::Batch),
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
        self.width << (halvings - 1)
    }

    /// The convolution that halves maps of this size.
    pub fn halving(&self, size: [usize; 2]) -> Window {
        if self.kernel.is_multiple_of(2) {
            Window::square(self.kernel, 2, self.kernel / 2 - 1)
        } else {
            Window::same(self.kernel, 2, size)
        }
    }

    /// How weights in front of an activation of this gain start.
    fn start(&self, gain: f32) -> Init {
        let paper = if self.norm == Norm::Batch { Init::Normal(SPREAD) } else { Init::FanIn(gain) };
        self.init.unwrap_or(paper)
    }

    fn convolution(&self, channels: usize, window: Window, gain: f32) -> Conv {
        let bias = self.bias.then_some(Start::Value(0.0));
        Conv { channels, window, init: self.start(gain), bias, spectral_norm: self.spectral_norm }
    }

    /// What normalises layer `i`, by `labels` where they are for it, and `then` what follows number by number.
    fn normalised(
        &self,
        s: &Scope,
        h: Var,
        i: usize,
        labels: Option<Var>,
        then: impl FnOnce(&Graph, Var) -> Var,
    ) -> Var {
        let s = s.under(&format!("norms.{i}"));
        norms::normalised(&s, self.norm, h, Start::Around1(SPREAD), labels, then)
    }

    /// Labels for a layer behind the first.
    fn further(&self, labels: Option<Var>) -> Option<Var> {
        labels.filter(|_| self.condition == Condition::Everywhere)
    }
}

impl Net for Dcgan {
    fn serves(&self, purpose: Purpose) -> bool {
        !matches!(purpose, Purpose::Translator { .. } | Purpose::StyledGenerator(_))
    }

    fn generator(&self, s: &Scope, makes: Makes, z: Var, labels: Option<Var>) -> Var {
        let (g, sizes) = (s.g, self.sizes(makes.picture));
        let (joined, normed) = condition::of_generator(self.condition, labels);
        let noise = with_labels(g, z, joined);
        let [rows, dim] = g.shape(noise)[..] else { unreachable!("noise is rows") };
        let mut h = g.reshape(noise, &[rows, 1, 1, dim]);
        for (i, &size) in sizes.iter().rev().enumerate() {
            let halvings = sizes.len() - 1 - i;
            let channels = if halvings > 0 { self.channels(halvings) } else { makes.picture.channels };
            let gain = if halvings > 0 { std::f32::consts::SQRT_2 } else { 1.0 };
            h = s.within(&format!("layers.{i}"), |inside| {
                if i == 0 {
                    let window = Window { kernel: size, stride: [1, 1], pad: [(0, 0); 2] };
                    return nn::conv_transpose2d(inside, h, self.convolution(channels, window, gain), size);
                }
                let h = with_planes(g, h, self.further(joined));
                match self.upsample {
                    Upsample::Transposed => {
                        let convolution = self.convolution(channels, self.halving(size), gain);
                        nn::conv_transpose2d(inside, h, convolution, size)
                    }
                    Upsample::Nearest => {
                        let convolution = self.convolution(channels, Window::square(3, 1, 1), gain);
                        let channels = g.shape(h)[3];
                        let twice = nearest(g, h, 2);
                        let cut = g.slice(twice, &[(0, rows), (0, size[0]), (0, size[1]), (0, channels)]);
                        nn::conv2d(inside, cut, convolution)
                    }
                }
            });
            if halvings > 0 {
                h = self.normalised(s, h, i, normed, |g, h| nn::activate(g, h, Activation::Relu, 0.0));
            }
        }
        let made = nn::activate(g, h, self.output.unwrap_or(makes.output), 0.0);
        g.reshape(made, &[rows, makes.picture.len()])
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let (g, sizes) = (s.g, self.sizes(reads.picture));
        let (mut h, labels) = join::read(g, reads, self.condition, x, labels);
        let rows = g.shape(h)[0];
        for (i, &size) in sizes[..sizes.len() - 1].iter().enumerate() {
            if i > 0 {
                h = with_planes(g, h, self.further(labels));
            }
            let gain = (2.0 / (1.0 + SLOPE * SLOPE)).sqrt();
            let convolution = self.convolution(self.channels(i + 1), self.halving(size), gain);
            h = s.within(&format!("layers.{i}"), |inside| nn::conv2d(inside, h, convolution));
            let leaky = |g: &Graph, h: Var| nn::leaky_relu(g, h, SLOPE);
            h = if i > 0 { self.normalised(s, h, i, None, leaky) } else { leaky(g, h) };
        }
        let base = g.shape(h);
        let features = g.reshape(h, &[rows, base[1..].iter().product()]);
        let window = Window { kernel: [base[1], base[2]], stride: [1, 1], pad: [(0, 0); 2] };
        let pooled = g.reshape(g.sum(h, &[1, 2]), &[rows, base[3]]);
        let last_layer = self.convolution(reads.outputs, window, 1.0);
        let last = format!("layers.{}", sizes.len() - 1);
        let h = with_planes(g, h, self.further(labels));
        let output = s.within(&last, |inside| nn::conv2d(inside, h, last_layer));
        let output = g.reshape(output, &[rows, reads.outputs]);
        let head =
            Head { condition: self.condition, init: self.start(1.0), spectral_norm: self.spectral_norm };
        head.forward(s, reads, output, [pooled, features], labels)
    }

    fn generator_outline(&self, makes: Makes, inputs: usize) -> String {
        let picture = makes.picture;
        let sizes = self.sizes(picture);
        let maps = sizes.iter().rev().enumerate().map(|(i, [height, width])| {
            let halvings = sizes.len() - 1 - i;
            let channels = if halvings > 0 { self.channels(halvings) } else { picture.channels };
            format!("{channels}×{height}×{width}")
        });
        std::iter::once(inputs.to_string()).chain(maps).collect::<Vec<_>>().join(" → ")
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        let sizes = self.sizes(reads.picture);
        let maps = sizes.iter().enumerate().map(|(i, [height, width])| {
            let channels = match i {
                0 => join::channels_read(reads, self.condition),
                halvings => self.channels(halvings),
            };
            format!("{channels}×{height}×{width}")
        });
        maps.chain([reads.outputs.to_string()]).collect::<Vec<_>>().join(" → ")
    }

    fn words(&self, fitting: Option<Activation>) -> Vec<String> {
        let k = self.kernel;
        let convolutions = match (fitting, self.upsample) {
            (None, _) => format!("{k}×{k} convolutions of stride 2"),
            (Some(_), Upsample::Transposed) => format!("{k}×{k} transposed convolutions of stride 2"),
            (Some(_), Upsample::Nearest) => "every pixel twice, then 3×3 convolutions".into(),
        };
        let mut words = vec![convolutions, norms::words(self.norm)];
        words.push(match fitting.map(|fitting| self.output.unwrap_or(fitting)) {
            None => format!("leaky relu {SLOPE}"),
            Some(output) => at_the_end("relu", output),
        });
        words.extend(self.spectral_norm.then(|| "spectral norm".into()));
        words.extend((!self.bias).then(|| "no biases".into()));
        let everywhere = self.condition == Condition::Everywhere;
        words.extend(everywhere.then(|| "labels join what every convolution reads".into()));
        words.extend(condition::words(self.condition).map(String::from));
        words
    }

    /// Checks that pictures can be halved as often as is asked for.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let picture = purpose.picture();
        let why = format!("a kernel of {} halves even sides only", self.kernel);
        let remedy = format!(", an odd kernel ({name}.kernel = {})", self.kernel + 1);
        let even = self.kernel.is_multiple_of(2) && self.upsample == Upsample::Transposed;
        let even = even.then_some((&why[..], &remedy[..]));
        halvings::check(
            Needs { architecture: "dcgan", name, stages: self.stages, norm: self.norm, even },
            picture,
        )
    }
}
