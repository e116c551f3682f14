//! The architecture "patch": pix2pix's and CycleGAN's discriminator of patches (Isola et al., 1611.07004). 4×4 convolutions to a
//! map of logits, each of which sees 16, 34 or 70 pixels of the picture.

use super::ends::{Forward, Reads, outline};
use super::join;
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, Condition, Init, Network, Norm};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Graph, Var, Window};
use crate::nn::{self, Conv, Scope, Start};

/// A leaky rectifier's slope.
const SLOPE: f32 = 0.2;
/// Standard deviation of weights and of batch norms' factors in the paper's code.
const SPREAD: f32 = 0.02;
/// Doublings of the number of channels.
const GROWING: usize = 3;
/// Least side of the maps that the two convolutions of stride 1 at the end can read.
const LEAST: usize = 3;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct Patch {
    width: usize,
    depth: Option<usize>,
    norm: Norm,
    init: Init,
    spectral_norm: bool,
}

impl Patch {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> Patch {
        Patch {
            width: network.width.unwrap_or(64),
            depth: network.depth,
            norm: network.norm.unwrap_or(Norm::Instance),
            init: network.init.unwrap_or(Init::Normal(SPREAD)),
            spectral_norm: network.spectral_norm.unwrap_or(false),
        }
    }

    /// How often the side is halved: 3 times from 128 pixels on, twice from 64 on, unless said.
    fn depth(&self, picture: Shape) -> usize {
        self.depth.unwrap_or(match picture.height.min(picture.width) {
            128.. => 3,
            64.. => 2,
            _ => 1,
        })
    }

    /// Pixels along an axis that a logit sees.
    fn field(depth: usize) -> usize {
        // Backwards from a logit: two convolutions of stride 1, then those of stride 2.
        (0..depth).fold(1 + 3 + 3, |field, _| 2 * field + 2)
    }

    /// Maps behind each convolution but the last, and the map of logits.
    fn maps(&self, picture: Shape) -> Vec<Shape> {
        let depth = self.depth(picture);
        let mut maps = picture;
        let mut made: Vec<Shape> = (0..=depth)
            .map(|i| {
                let side = |n: usize| if i < depth { n / 2 } else { n.saturating_sub(1) };
                let channels = self.width << i.min(GROWING);
                maps = Shape { channels, height: side(maps.height), width: side(maps.width) };
                maps
            })
            .collect();
        let side = |n: usize| n.saturating_sub(1);
        made.push(Shape { channels: 1, height: side(maps.height), width: side(maps.width) });
        made
    }
}

impl Net for Patch {
    fn serves(&self, purpose: Purpose) -> bool {
        matches!(purpose, Purpose::PatchDiscriminator(_))
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let (g, depth) = (s.g, self.depth(reads.picture));
        let (mut h, _) = join::read(g, reads, Condition::Input, x, labels);
        let rows = g.shape(h)[0];
        let leaky = |g: &Graph, h: Var| nn::leaky_relu(g, h, SLOPE);
        let convolved = |h: Var, i: usize, channels: usize| {
            // Batch norm takes biases out: pix2pix has none in front of it.
            let is_end = i == 0 || i == depth + 1;
            let bias = (is_end || self.norm != Norm::Batch).then_some(Start::Value(0.0));
            let window = Window::square(4, if i < depth { 2 } else { 1 }, 1);
            let c = Conv { channels, window, init: self.init, bias, spectral_norm: self.spectral_norm };
            s.within(&format!("layers.{i}"), |inside| nn::conv2d(inside, h, c))
        };
        for i in 0..=depth {
            h = convolved(h, i, self.width << i.min(GROWING));
            let norm = s.under(&format!("norms.{i}"));
            h = match i {
                0 => leaky(g, h),
                _ => norms::normalised(&norm, self.norm, h, Start::Around1(SPREAD), None, leaky),
            };
        }
        let flat = |h: Var| g.reshape(h, &[rows, g.shape(h)[1..].iter().product()]);
        let output = convolved(h, depth + 1, reads.outputs);
        Forward { output: flat(output), features: Some(flat(h)), classes: None }
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        let channels = join::channels_read(reads, Condition::Input);
        let read = Shape { channels, ..reads.picture };
        outline([read].into_iter().chain(self.maps(reads.picture)))
    }

    fn words(&self, _fitting: Option<Activation>) -> Vec<String> {
        let fields = self.depth.map(|depth| {
            let field = Self::field(depth);
            format!(", each logit of {field}×{field} pixels")
        });
        let mut words = vec![
            format!("4×4 convolutions to logits of patches{}", fields.unwrap_or_default()),
            norms::words(self.norm),
            format!("leaky relu {SLOPE}"),
        ];
        words.extend(self.spectral_norm.then(|| "spectral norm".into()));
        words
    }

    fn pinned(&self, network: &Network, picture: Shape) -> Network {
        Network { depth: Some(self.depth(picture)), ..network.clone() }
    }

    /// Checks that a logit is left. What instance norm then meets has four pixels at least.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let picture = purpose.picture();
        let (depth, smaller) = (self.depth(picture), picture.height.min(picture.width));
        if smaller >> depth >= LEAST {
            return Ok(());
        }
        let fewer = (1..depth).rev().find(|depth| smaller >> depth >= LEAST);
        let fewer = fewer.map_or(String::new(), |depth| format!(", or set {name}.depth = {depth}"));
        Err(Error::Usage(format!(
            "{name}: architecture \"patch\" meets maps of {}×{} at layers.{depth}, behind {depth} halvings of pictures of {}×{}, \
             but needs {LEAST}×{LEAST} there for a logit and a norm of more than one pixel; take pictures of {} pixels or more \
             (data.size){fewer}",
            picture.height >> depth,
            picture.width >> depth,
            picture.height,
            picture.width,
            LEAST << depth,
        )))
    }
}
