//! The architecture "layers": a list of layers, one behind the other.

use super::ends::{Forward, Makes, Reads};
use crate::config::{Activation, Layer, Network, Norm};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Graph, Var};
use crate::nn::{self, Linear, Scope, Start};

/// A list of layers between two widths.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// First to last.
    pub layers: &'a [Layer],
    /// Units of the last layer, where it does not say.
    pub output: usize,
    /// The picture that the input begins with in blocks of so many numbers, where it does.
    pub reads: Option<(Shape, usize)>,
    /// The picture that the output is, where it is one.
    pub makes: Option<Shape>,
}

impl<'a> Layers<'a> {
    /// Noise to an example; the layers say themselves what follows the last of them.
    pub fn generator(network: &'a Network, makes: Makes) -> Layers<'a> {
        let (output, picture) = (makes.picture.len(), makes.picture);
        Layers { layers: &network.layers, output, reads: None, makes: Some(picture) }
    }

    /// Packs of examples, labels behind each, to what is said of them.
    pub fn discriminator(network: &'a Network, reads: Reads) -> Layers<'a> {
        let Reads { picture, classes, outputs, .. } = reads;
        let pictures = Some((picture, picture.len() + classes));
        Layers { layers: &network.layers, output: outputs, reads: pictures, makes: None }
    }

    /// The layers on `x`, `[rows, inputs]`.
    pub fn forward(&self, s: &Scope, x: Var) -> Forward {
        let (mut h, mut features) = (x, None);
        for i in 0..self.layers.len() {
            features = (i > 0).then_some(h);
            h = self.layer(s, h, i);
        }
        Forward { output: h, features }
    }

    /// Layer `i`: dropout on the input, an affine map, a norm, an activation.
    fn layer(&self, s: &Scope, x: Var, i: usize) -> Var {
        let l = &self.layers[i];
        let units = l.units.unwrap_or(self.output);
        let is_last = i + 1 == self.layers.len();
        s.within(&format!("layers.{i}"), |inside| {
            let affine = Linear {
                units: units * l.pieces,
                init: l.init,
                bias: l.bias().map(|bias| Start::Bias(bias, l.activation)),
                column_limit: l.max_col_norm,
                reads: self.reads.filter(|_| i == 0),
                // Of another width than a picture's the output will pass for none.
                makes: self.makes.filter(|picture| is_last && picture.len() == units),
                spectral_norm: l.spectral_norm,
            };
            let h = nn::linear(inside, nn::dropout(inside, x, l.keep), affine);
            let norm = s.under(&format!("norms.{i}"));
            let activate = |g: &Graph, h: Var| match l.activation {
                Activation::Maxout => nn::maxout(g, h, l.pieces),
                activation => nn::activate(g, h, activation, l.slope),
            };
            match l.norm {
                None => activate(s.g, h),
                // Maxout takes columns apart: it waits until minibatches are one again.
                Some(Norm::Batch) if l.pieces > 1 => {
                    activate(s.g, nn::batch_norm(&norm, h, Start::Value(1.0), |_, h| h))
                }
                Some(Norm::Batch) => nn::batch_norm(&norm, h, Start::Value(1.0), activate),
                Some(Norm::Layer) => activate(s.g, nn::layer_norm(&norm, h)),
            }
        })
    }

    /// Widths from the input on: `100 → 240×5 → 784`.
    pub fn outline(&self, input: usize) -> String {
        let widths = self.layers.iter().map(|l| {
            let units = l.units.unwrap_or(self.output);
            if l.pieces > 1 { format!("{units}×{}", l.pieces) } else { units.to_string() }
        });
        std::iter::once(input.to_string()).chain(widths).collect::<Vec<_>>().join(" → ")
    }
}

/// Checks that G's last layer, where it says its width, makes examples.
pub(super) fn check(network: &Network, name: &str, picture: Shape) -> Result<()> {
    let found = network.layers.last().and_then(|l| l.units).unwrap_or(picture.len());
    if name != "generator" || found == picture.len() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "generator's last layer has {found} units, but the data need {}; leave its units out",
        picture.len()
    )))
}
