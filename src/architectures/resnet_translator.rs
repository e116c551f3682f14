//! The architecture "resnet-translator": CycleGAN's generator of pictures from pictures (Zhu et al., 1703.10593; Johnson et al.,
//! 1603.08155). Two convolutions halve the side, residual blocks work on a quarter of it, two transposed ones double it; where
//! the side stays, edges are mirrored.

use super::ends::{Translates, at_the_end, outline};
use super::halvings::multiples;
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, Init, Network, Norm, Upsample};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Graph, Var, Window};
use crate::nn::resample::{nearest, reflect_pad};
use crate::nn::{self, Conv, Scope, Start};

/// Standard deviation of weights and of batch norms' factors in the paper's code.
const SPREAD: f32 = 0.02;
/// How often the side is halved.
const HALVINGS: usize = 2;
/// Sides are multiples of it.
const UNIT: usize = 1 << HALVINGS;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct ResnetTranslator {
    width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// What normalises behind all convolutions but the last.
    pub norm: Norm,
    /// How the side is doubled.
    pub upsample: Upsample,
    /// What follows the last convolution; fits the data's scale where absent.
    pub output: Option<Activation>,
    init: Init,
}

impl ResnetTranslator {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> ResnetTranslator {
        ResnetTranslator {
            width: network.width.unwrap_or(64),
            blocks: network.blocks.unwrap_or(9),
            norm: network.norm.unwrap_or(Norm::Instance),
            upsample: network.upsample.unwrap_or_default(),
            output: network.output,
            init: network.init.unwrap_or(Init::Normal(SPREAD)),
        }
    }

    /// Channels of the maps behind each convolution outside the blocks but the last: down, then up.
    pub fn channels(&self) -> [usize; 5] {
        [1, 2, 4, 2, 1].map(|times| times * self.width)
    }

    /// Whether convolutions in front of a norm have biases; the last always has.
    pub fn bias(&self) -> bool {
        self.norm != Norm::Batch
    }

    fn convolution(&self, channels: usize, window: Window, bias: bool) -> Conv {
        let bias = bias.then_some(Start::Value(0.0));
        Conv { channels, window, init: self.init, bias, spectral_norm: false }
    }

    /// A convolution of stride 1 of a picture whose edges are mirrored so that its side stays.
    fn mirrored(&self, s: &Scope, name: &str, h: Var, [channels, kernel]: [usize; 2], bias: bool) -> Var {
        let window = Window::square(kernel, 1, 0);
        s.within(name, |inside| {
            let padded = reflect_pad(s.g, h, kernel / 2);
            nn::conv2d(inside, padded, self.convolution(channels, window, bias))
        })
    }

    fn doubled(&self, s: &Scope, name: &str, h: Var, channels: usize) -> Var {
        let [_, height, width, _] = s.g.shape(h)[..] else { unreachable!("pictures have four axes") };
        match self.upsample {
            Upsample::Transposed => {
                let c = self.convolution(channels, Window::square(3, 2, 1), self.bias());
                s.within(name, |inside| nn::conv_transpose2d(inside, h, c, [2 * height, 2 * width]))
            }
            Upsample::Nearest => self.mirrored(s, name, nearest(s.g, h, 2), [channels, 3], self.bias()),
        }
    }

    fn normalised(&self, s: &Scope, name: &str, h: Var, then: impl FnOnce(&Graph, Var) -> Var) -> Var {
        norms::normalised(&s.under(name), self.norm, h, Start::Around1(SPREAD), None, then)
    }

    fn rectified(&self, s: &Scope, name: &str, h: Var) -> Var {
        self.normalised(s, name, h, |g, h| nn::activate(g, h, Activation::Relu, 0.0))
    }

    /// x and what two convolutions make of it.
    fn block(&self, s: &Scope, x: Var) -> Var {
        let channels = s.g.shape(x)[3];
        let h = self.mirrored(s, "conv1", x, [channels, 3], self.bias());
        let h = self.rectified(s, "norm1", h);
        let h = self.mirrored(s, "conv2", h, [channels, 3], self.bias());
        self.normalised(s, "norm2", h, |g, h| g.add(x, g.reshape(h, &g.shape(x))))
    }
}

impl Net for ResnetTranslator {
    fn serves(&self, purpose: Purpose) -> bool {
        matches!(purpose, Purpose::Translator { .. })
    }

    fn translator(&self, s: &Scope, translates: Translates, x: Var) -> Var {
        let (g, Translates { from, to, output }) = (s.g, translates);
        let rows = g.shape(x)[0];
        let mut h = g.reshape(x, &[rows, from.height, from.width, from.channels]);
        for (i, channels) in self.channels().into_iter().enumerate() {
            let name = format!("layers.{i}");
            if i == HALVINGS + 1 {
                h = (0..self.blocks)
                    .fold(h, |h, block| s.within(&format!("blocks.{block}"), |inside| self.block(inside, h)));
            }
            h = match i {
                0 => self.mirrored(s, &name, h, [channels, 7], self.bias()),
                i if i <= HALVINGS => {
                    let c = self.convolution(channels, Window::square(3, 2, 1), self.bias());
                    s.within(&name, |inside| nn::conv2d(inside, h, c))
                }
                _ => self.doubled(s, &name, h, channels),
            };
            h = self.rectified(s, &format!("norms.{i}"), h);
        }
        let h = self.mirrored(s, "layers.5", h, [to.channels, 7], true);
        g.reshape(nn::activate(g, h, self.output.unwrap_or(output), 0.0), &[rows, to.len()])
    }

    fn translator_outline(&self, translates: Translates) -> String {
        let Translates { from, to, .. } = translates;
        let maps = self.channels().into_iter().zip([0, 1, 2, 1, 0]).map(|(channels, halvings)| Shape {
            channels,
            height: from.height >> halvings,
            width: from.width >> halvings,
        });
        outline([from].into_iter().chain(maps).chain([to]))
    }

    fn words(&self, fitting: Option<Activation>) -> Vec<String> {
        let mut words = vec![
            format!("{} residual blocks of 3×3 convolutions, 7×7 at both ends, mirrored edges", self.blocks),
            norms::words(self.norm),
        ];
        words.extend(fitting.map(|fitting| at_the_end("relu", self.output.unwrap_or(fitting))));
        words.extend((self.upsample == Upsample::Nearest).then(|| "every pixel twice on the way up".into()));
        words
    }

    /// Checks that the sides can be halved twice, and that mirrors find a second pixel at the bottom.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let Purpose::Translator { from, to } = purpose else { return Ok(()) };
        let least = 2 * UNIT;
        let fits = |n: usize| n.is_multiple_of(UNIT) && n >= least;
        let fail =
            |what: String| Err(Error::Usage(format!("{name}: architecture \"resnet-translator\" {what}")));
        if [from.height, from.width] != [to.height, to.width] {
            return fail(format!(
                "keeps the side, but is to make {}×{} of {}×{}; take architecture = \"srgan\"",
                to.height, to.width, from.height, from.width
            ));
        }
        if fits(from.height) && fits(from.width) {
            return Ok(());
        }
        fail(format!(
            "halves the side at layers.1 and layers.2, which takes multiples of {UNIT} of at least {least}, but pictures are \
             {}×{}; take pictures of {} pixels (data.size)",
            from.height,
            from.width,
            multiples(from, UNIT, least),
        ))
    }
}
