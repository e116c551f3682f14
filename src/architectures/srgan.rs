//! The architecture "srgan": large pictures from small ones (Ledig et al., 1609.04802). G: residual blocks at the side of what
//! goes in, then pixel shuffles that double it; no norm unless said, as in EDSR (1707.02921) and ESRGAN (1809.00219). D: eight
//! 3×3 convolutions, of which every second halves the side, and two linear layers.

use super::ends::{Forward, Reads, Translates, at_the_end, outline};
use super::join;
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, Condition, Init, Network, Norm};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Graph, Var, Window};
use crate::nn::resample::pixel_shuffle;
use crate::nn::{self, Conv, Linear, Scope, Start};

/// A leaky rectifier's slope in D.
const SLOPE: f32 = 0.2;
/// What G's rectifiers' slopes start from.
const PRELU: f32 = 0.25;
/// Standard deviation of weights where batch norm follows.
const SPREAD: f32 = 0.02;
/// Gain of what is added to a skip, where no norm levels it (1809.00219).
const ADDED: f32 = 0.1;
/// How many times as large pictures can be made.
const FACTORS: [usize; 4] = [1, 2, 4, 8];
/// D's convolutions.
const CONVOLUTIONS: usize = 8;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct Srgan {
    width: usize,
    blocks: Option<usize>,
    /// What normalises in G's blocks and behind them, and behind all convolutions of D but the first.
    pub norm: Norm,
    /// What follows G's last convolution; fits the data's scale where absent.
    pub output: Option<Activation>,
    init: Option<Init>,
    /// Whether weights are divided by their greatest singular value.
    pub spectral_norm: bool,
}

impl Srgan {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> Srgan {
        Srgan {
            width: network.width.unwrap_or(64),
            blocks: network.blocks,
            norm: network.norm.unwrap_or_default(),
            output: network.output,
            init: network.init,
            spectral_norm: network.spectral_norm.unwrap_or(false),
        }
    }

    /// Channels of G's maps, and of D's first ones.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Residual blocks of G.
    pub fn blocks(&self) -> usize {
        self.blocks.unwrap_or(16)
    }

    /// Pixel shuffles of G, each of which doubles the side.
    pub fn shuffles(from: Shape, to: Shape) -> usize {
        (to.height / from.height).ilog2() as usize
    }

    /// Whether convolutions in front of a norm have biases; all others have.
    pub fn bias(&self) -> bool {
        self.norm != Norm::Batch
    }

    /// How weights in front of an activation of this gain start.
    fn start(&self, gain: f32) -> Init {
        let unsaid = if self.norm == Norm::Batch { Init::Normal(SPREAD) } else { Init::FanIn(gain) };
        self.init.unwrap_or(unsaid)
    }

    fn convolution(&self, channels: usize, kernel: usize, gain: f32) -> Conv {
        let (init, bias) = (self.start(gain), Some(Start::Value(0.0)));
        let window = Window::square(kernel, 1, kernel / 2);
        Conv { channels, window, init, bias, spectral_norm: self.spectral_norm }
    }

    /// A convolution in front of a norm, which may take its bias out.
    fn normed(&self, channels: usize, stride: usize, gain: f32) -> Conv {
        let c = self.convolution(channels, 3, gain);
        Conv { window: Window::square(3, stride, 1), bias: c.bias.filter(|_| self.bias()), ..c }
    }

    fn normalised(&self, s: &Scope, name: &str, h: Var, then: impl FnOnce(&Graph, Var) -> Var) -> Var {
        norms::normalised(&s.under(name), self.norm, h, Start::Value(1.0), None, then)
    }

    /// x and what two convolutions make of it.
    fn block(&self, s: &Scope, x: Var) -> Var {
        let channels = s.g.shape(x)[3];
        let (first, second) = (self.normed(channels, 1, rectifier(PRELU)), self.normed(channels, 1, ADDED));
        let h = s.within("conv1", |inside| nn::conv2d(inside, x, first));
        let h = self.normalised(s, "norm1", h, |_, h| h);
        let h = s.within("activation", |inside| nn::prelu(inside, h));
        let h = s.within("conv2", |inside| nn::conv2d(inside, h, second));
        self.normalised(s, "norm2", h, |g, h| g.add(x, g.reshape(h, &g.shape(x))))
    }

    /// Maps behind D's convolution `i` of pictures of this shape.
    fn maps(&self, picture: Shape, i: usize) -> Shape {
        let side = |n: usize| n.div_ceil(1 << i.div_ceil(2));
        Shape { channels: self.width << (i / 2), height: side(picture.height), width: side(picture.width) }
    }

    /// Units of D's first linear layer: 1024 of 64 channels.
    fn units(&self) -> usize {
        16 * self.width
    }
}

/// The gain in front of a rectifier of this slope.
fn rectifier(slope: f32) -> f32 {
    (2.0 / (1.0 + slope * slope)).sqrt()
}

impl Net for Srgan {
    fn serves(&self, purpose: Purpose) -> bool {
        !matches!(purpose, Purpose::Generator(_) | Purpose::StyledGenerator(_))
    }

    fn translator(&self, s: &Scope, translates: Translates, x: Var) -> Var {
        let (g, Translates { from, to, output }) = (s.g, translates);
        let rows = g.shape(x)[0];
        let gain = rectifier(PRELU);
        let convolved =
            |i: usize, h: Var, c: Conv| s.within(&format!("layers.{i}"), |inside| nn::conv2d(inside, h, c));
        let bent = |i: usize, h: Var| s.within(&format!("activations.{i}"), |inside| nn::prelu(inside, h));
        let x = g.reshape(x, &[rows, from.height, from.width, from.channels]);
        let first = bent(0, convolved(0, x, self.convolution(self.width, 9, gain)));
        let h = (0..self.blocks())
            .fold(first, |h, i| s.within(&format!("blocks.{i}"), |inside| self.block(inside, h)));
        let h = convolved(1, h, self.normed(self.width, 1, ADDED));
        let mut h = self.normalised(s, "norms.1", h, |g, h| g.add(first, g.reshape(h, &g.shape(first))));
        let shuffles = Self::shuffles(from, to);
        for i in 2..2 + shuffles {
            h = convolved(i, h, self.convolution(4 * self.width, 3, gain));
            h = bent(i, pixel_shuffle(g, h, 2));
        }
        let h = convolved(2 + shuffles, h, self.convolution(to.channels, 9, 1.0));
        g.reshape(nn::activate(g, h, self.output.unwrap_or(output), 0.0), &[rows, to.len()])
    }

    fn translator_outline(&self, translates: Translates) -> String {
        let Translates { from, to, .. } = translates;
        let doublings = (0..=Self::shuffles(from, to)).map(|doublings| Shape {
            channels: self.width,
            height: from.height << doublings,
            width: from.width << doublings,
        });
        outline([from].into_iter().chain(doublings).chain([to]))
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let g = s.g;
        let (mut h, _) = join::read(g, reads, Condition::Input, x, labels);
        let rows = g.shape(h)[0];
        let leaky = |g: &Graph, h: Var| nn::leaky_relu(g, h, SLOPE);
        for i in 0..CONVOLUTIONS {
            let channels = self.width << (i / 2);
            let c = match i {
                0 => self.convolution(channels, 3, rectifier(SLOPE)),
                _ => self.normed(channels, 1 + i % 2, rectifier(SLOPE)),
            };
            h = s.within(&format!("layers.{i}"), |inside| nn::conv2d(inside, h, c));
            h = match i {
                0 => leaky(g, h),
                _ => self.normalised(s, &format!("norms.{i}"), h, leaky),
            };
        }
        let linear = |i: usize, x: Var, units: usize, gain: f32, maps: Option<Shape>| {
            let reads = maps.map(|maps| (maps, maps.len()));
            let (bias, spectral_norm) = (Some(Start::Value(0.0)), self.spectral_norm);
            let l = Linear { bias, reads, spectral_norm, ..Linear::new(units, self.start(gain)) };
            s.within(&format!("layers.{i}"), |inside| nn::linear(inside, x, l))
        };
        let maps = self.maps(reads.picture, CONVOLUTIONS - 1);
        let flat = g.reshape(h, &[rows, maps.len()]);
        let features = leaky(g, linear(CONVOLUTIONS, flat, self.units(), rectifier(SLOPE), Some(maps)));
        let output = linear(CONVOLUTIONS + 1, features, reads.outputs, 1.0, None);
        Forward { output, features: Some(features), classes: None }
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        let channels = join::channels_read(reads, Condition::Input);
        let read = Shape { channels, ..reads.picture };
        let maps = (0..CONVOLUTIONS).map(|i| self.maps(reads.picture, i));
        let maps = outline([read].into_iter().chain(maps));
        format!("{maps} → {} → {}", self.units(), reads.outputs)
    }

    fn words(&self, fitting: Option<Activation>) -> Vec<String> {
        let mut words = match fitting {
            Some(_) => vec![format!("{} residual blocks of 3×3 convolutions, pixel shuffles", self.blocks())],
            None => vec!["3×3 convolutions, every second of stride 2".into()],
        };
        words.push(norms::words(self.norm));
        words.push(match fitting.map(|fitting| self.output.unwrap_or(fitting)) {
            Some(output) => at_the_end("prelu", output),
            None => format!("leaky relu {SLOPE}"),
        });
        words.extend(self.spectral_norm.then(|| "spectral norm".into()));
        words
    }

    /// Checks that what G makes is once, twice, four or eight times as large, and that norms have more than one pixel.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let fail = |what: String| Err(Error::Usage(format!("{name}: architecture \"srgan\" {what}")));
        let Purpose::Translator { from, to } = purpose else {
            if self.blocks.is_some() {
                return fail(format!("has residual blocks in G only; leave {name}.blocks out"));
            }
            let picture = purpose.picture();
            let last = self.maps(picture, CONVOLUTIONS - 1);
            let at = format!("{name}, norms.{}", CONVOLUTIONS - 1);
            let remedy = "take pictures of 17 pixels or more (data.size)";
            return norms::check(self.norm, &at, [last.height, last.width], remedy);
        };
        let fits = |factor: &&usize| [from.height * **factor, from.width * **factor] == [to.height, to.width];
        if FACTORS.iter().find(fits).is_none() {
            return fail(format!(
                "makes pictures 1, 2, 4 or 8 times as large, but is to make {}×{} of {}×{}; change data.factor",
                to.height, to.width, from.height, from.width
            ));
        }
        let remedy = "take pictures of 2 pixels or more";
        norms::check(self.norm, &format!("{name}, norms.1"), [from.height, from.width], remedy)
    }
}
