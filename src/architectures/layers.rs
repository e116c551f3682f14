//! The architecture "layers": a list of layers, one behind the other.

use super::Forward;
use crate::config::{Activation, Layer, Norm};
use crate::graph::Var;
use crate::nn::{self, Linear, Scope, Start};

/// The layers on `x`, `[rows, inputs]`; the last has `output` units where it does not say.
pub fn forward(s: &Scope, x: Var, layers: &[Layer], output: usize) -> Forward {
    s.g.scoped(s.network(), || {
        let (mut h, mut features) = (x, None);
        for (i, l) in layers.iter().enumerate() {
            features = (i > 0).then_some(h);
            h = layer(s, h, i, l, l.units.unwrap_or(output));
        }
        Forward { output: h, features }
    })
}

/// Dropout on the input, an affine map, a norm, an activation.
fn layer(s: &Scope, x: Var, i: usize, l: &Layer, units: usize) -> Var {
    s.within(&format!("layers.{i}"), |inside| {
        let x = nn::dropout(inside, x, l.keep);
        let affine = Linear {
            units: units * l.pieces,
            init: l.init,
            bias: l.bias().map(|bias| Start::Bias(bias, l.activation)),
            column_limit: l.max_col_norm,
            spectral_norm: l.spectral_norm,
        };
        let h = nn::linear(inside, x, affine);
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
pub fn outline(input: usize, layers: &[Layer], output: usize) -> String {
    let widths = layers.iter().map(|l| {
        let units = l.units.unwrap_or(output);
        if l.pieces > 1 { format!("{units}×{}", l.pieces) } else { units.to_string() }
    });
    std::iter::once(input.to_string()).chain(widths).collect::<Vec<_>>().join(" → ")
}
