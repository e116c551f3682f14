//! The architecture "layers": a list of layers, one behind the other.

use super::Forward;
use crate::config::{Activation, Layer, Norm};
use crate::data::Shape;
use crate::graph::Var;
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

impl Layers<'_> {
    /// The layers on `x`, `[rows, inputs]`.
    pub fn forward(&self, s: &Scope, x: Var) -> Forward {
        s.g.scoped(s.network(), || {
            let (mut h, mut features) = (x, None);
            for i in 0..self.layers.len() {
                features = (i > 0).then_some(h);
                h = self.layer(s, h, i);
            }
            Forward { output: h, features }
        })
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
            let h = match l.norm {
                None => h,
                Some(Norm::Batch) => nn::batch_norm(&norm, h),
                Some(Norm::Layer) => nn::layer_norm(&norm, h),
            };
            let g = s.g;
            match l.activation {
                Activation::Linear => h,
                Activation::Relu => g.max(h, g.constant(0.0, &[])),
                Activation::LeakyRelu => g.max(h, g.scale(h, f64::from(l.slope))),
                Activation::Tanh => g.tanh(h),
                Activation::Sigmoid => g.sigmoid(h),
                Activation::Maxout => nn::maxout(g, h, l.pieces),
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
