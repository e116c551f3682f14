//! The architecture "unet": pix2pix's generator of pictures from pictures (Isola et al., 1611.07004; Ronneberger et al.,
//! 1505.04597). 4×4 convolutions halve the side down to the bottom, transposed ones double it again, and what each size had on
//! the way down joins what it has on the way up.

use super::ends::{Translates, at_the_end, outline};
use super::halvings::multiples;
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, Init, Network, Norm, Upsample};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Var, Window};
use crate::nn::resample::nearest;
use crate::nn::{self, Conv, Scope, Start};

/// A leaky rectifier's slope on the way down.
const SLOPE: f32 = 0.2;
/// Standard deviation of weights and of batch norms' factors in the paper's code.
const SPREAD: f32 = 0.02;
/// Share of elements that dropout keeps.
pub const KEEP: f32 = 0.5;
/// Halvings behind which the number of channels does not grow any more.
const GROWING: usize = 3;
/// Most halvings, unless said.
const MOST: usize = 8;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct Unet {
    width: usize,
    depth: Option<usize>,
    /// What normalises behind convolutions but the first, the one at the bottom, and the last.
    pub norm: Norm,
    /// How the side is doubled.
    pub upsample: Upsample,
    /// What follows the last convolution; fits the data's scale where absent.
    pub output: Option<Activation>,
    init: Init,
}

impl Unet {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> Unet {
        Unet {
            width: network.width.unwrap_or(64),
            depth: network.depth,
            norm: network.norm.unwrap_or(Norm::Instance),
            upsample: network.upsample.unwrap_or_default(),
            output: network.output,
            init: network.init.unwrap_or(Init::Normal(SPREAD)),
        }
    }

    /// How often the side is halved: until the smaller one is 1, eight times at most, unless said.
    pub fn depth(&self, picture: Shape) -> usize {
        let deepest = || picture.height.min(picture.width).max(2).ilog2() as usize;
        self.depth.unwrap_or_else(|| deepest().min(MOST))
    }

    /// Channels that the `i`-th halving makes.
    pub fn channels(&self, i: usize) -> usize {
        self.width << i.min(GROWING)
    }

    /// Whether dropout follows the doubling from halving `i`: between the bottom and the first maps of most channels, which are
    /// three doublings at a depth of 8, and none below 6.
    pub fn drops(&self, i: usize, depth: usize) -> bool {
        (GROWING + 1..depth - 1).contains(&i)
    }

    /// Whether convolutions have biases; the last always has.
    pub fn bias(&self) -> bool {
        self.norm != Norm::Batch
    }

    fn convolution(&self, channels: usize, window: Window, bias: bool) -> Conv {
        let bias = bias.then_some(Start::Value(0.0));
        Conv { channels, window, init: self.init, bias, spectral_norm: false }
    }

    fn doubled(&self, s: &Scope, h: Var, channels: usize, bias: bool) -> Var {
        let [_, height, width, _] = s.g.shape(h)[..] else { unreachable!("pictures have four axes") };
        match self.upsample {
            Upsample::Transposed => {
                let c = self.convolution(channels, Window::square(4, 2, 1), bias);
                nn::conv_transpose2d(s, h, c, [2 * height, 2 * width])
            }
            Upsample::Nearest => {
                nn::conv2d(s, nearest(s.g, h, 2), self.convolution(channels, Window::square(3, 1, 1), bias))
            }
        }
    }

    fn normalised(&self, s: &Scope, name: &str, h: Var) -> Var {
        norms::normalised(&s.under(name), self.norm, h, Start::Around1(SPREAD), None, |_, h| h)
    }
}

impl Net for Unet {
    fn serves(&self, purpose: Purpose) -> bool {
        matches!(purpose, Purpose::Translator { .. })
    }

    fn translator(&self, s: &Scope, translates: Translates, x: Var) -> Var {
        let (g, Translates { from, to, output }) = (s.g, translates);
        let (rows, depth) = (g.shape(x)[0], self.depth(from));
        let mut h = g.reshape(x, &[rows, from.height, from.width, from.channels]);
        let mut skips = vec![];
        for i in 0..depth {
            let read = if i > 0 { nn::leaky_relu(g, h, SLOPE) } else { h };
            let c = self.convolution(self.channels(i), Window::square(4, 2, 1), self.bias());
            h = s.within(&format!("down.{i}"), |inside| nn::conv2d(inside, read, c));
            if i > 0 && i + 1 < depth {
                h = self.normalised(s, &format!("down_norms.{i}"), h);
            }
            skips.push(h);
        }
        for i in (0..depth).rev() {
            let joined = if i + 1 < depth { g.concat(&[skips[i], h], 3) } else { h };
            let read = nn::activate(g, joined, Activation::Relu, 0.0);
            let channels = if i > 0 { self.channels(i - 1) } else { to.channels };
            h = s.within(&format!("up.{i}"), |inside| {
                self.doubled(inside, read, channels, i == 0 || self.bias())
            });
            if i > 0 {
                h = self.normalised(s, &format!("up_norms.{i}"), h);
            }
            if self.drops(i, depth) {
                h = s.within(&format!("up.{i}"), |inside| nn::dropout(inside, h, KEEP));
            }
        }
        g.reshape(nn::activate(g, h, self.output.unwrap_or(output), 0.0), &[rows, to.len()])
    }

    fn translator_outline(&self, translates: Translates) -> String {
        let Translates { from, to, .. } = translates;
        let maps = |i: usize| Shape {
            channels: self.channels(i),
            height: from.height >> (i + 1),
            width: from.width >> (i + 1),
        };
        let depth = self.depth(from);
        let ways = (0..depth).chain((0..depth - 1).rev()).map(maps);
        outline([from].into_iter().chain(ways).chain([to]))
    }

    fn words(&self, fitting: Option<Activation>) -> Vec<String> {
        let mut words =
            vec!["4×4 convolutions of stride 2, each size joined across".into(), norms::words(self.norm)];
        let output = fitting.map(|fitting| self.output.unwrap_or(fitting));
        words.extend(output.map(|output| at_the_end("leaky relu 0.2 down, relu up", output)));
        words.extend((self.upsample == Upsample::Nearest).then(|| "every pixel twice on the way up".into()));
        words
    }

    fn pinned(&self, network: &Network, picture: Shape) -> Network {
        Network { depth: Some(self.depth(picture)), ..network.clone() }
    }

    /// Checks that the sides can be halved as often as is asked for. At the bottom, where maps may be of one pixel, nothing is
    /// normalised.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let Purpose::Translator { from, to } = purpose else { return Ok(()) };
        let fail = |what: String| Err(Error::Usage(format!("{name}: architecture \"unet\" {what}")));
        if [from.height, from.width] != [to.height, to.width] {
            return fail(format!(
                "keeps the side, but is to make {}×{} of {}×{}; take architecture = \"srgan\"",
                to.height, to.width, from.height, from.width
            ));
        }
        let depth = self.depth(from);
        let halves = |depth: usize| [from.height, from.width].iter().all(|n| n.is_multiple_of(1 << depth));
        if halves(depth) {
            return Ok(());
        }
        let possible = (1..depth).rev().find(|&depth| halves(depth));
        let fewer = possible.map_or(String::new(), |depth| format!(", or set {name}.depth = {depth}"));
        let (layer, unit) = (possible.unwrap_or(0), 1 << depth);
        fail(format!(
            "meets maps of {}×{} at down.{layer}, halving {} of {depth} of pictures of {}×{}, but halves even sides only; take \
             pictures of {} pixels (data.size){fewer}",
            from.height >> layer,
            from.width >> layer,
            layer + 1,
            from.height,
            from.width,
            multiples(from, unit, unit),
        ))
    }
}
