//! Layers at an equalised learning rate (Karras et al., 1710.10196, section 4.1): weights start with variance 1 and are
//! multiplied by 1/√fan_in where they are used, so that an update moves all layers alike.

use super::scope::{Details, Scope};
use super::tensor::{Fans, PixelAxis, Start};
use crate::config::Init;
use crate::data::Shape;
use crate::graph::{Graph, Var, Window};
use std::f64::consts::SQRT_2;

/// A leaky rectifier's slope.
const SLOPE: f64 = 0.2;

/// An affine map at an equalised learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equalised {
    /// Columns of the result.
    pub units: usize,
    /// What is added at first; no bias without one.
    pub bias: Option<f32>,
    /// How much slower the layer learns than others: weights start so many times larger, and count so many times less, as does
    /// the bias.
    pub lr_factor: f32,
    /// The picture that each row is, where the layer reads pictures.
    pub reads: Option<Shape>,
}

impl Equalised {
    /// A map to so many units with a bias from 0, as fast as others.
    pub fn to(units: usize) -> Equalised {
        Equalised { units, bias: Some(0.0), lr_factor: 1.0, reads: None }
    }
}

/// x·W·(lr_factor/√inputs) + lr_factor·b of `[rows, inputs]`, W from N(0, 1/lr_factor²).
pub fn equalised_linear(s: &Scope, x: Var, l: Equalised) -> Var {
    let (g, inputs) = (s.g, s.g.shape(x)[1]);
    let factor = f64::from(l.lr_factor);
    let pixels = l.reads.map(|picture| PixelAxis { axis: 0, picture, block: picture.len() });
    let details = Details { pixels, ..Details::default() };
    let start = Start::Weight(Init::Normal(1.0 / l.lr_factor), Fans { into: inputs, out: l.units });
    let weight = s.parameter_with("weight", &[inputs, l.units], start, details);
    let product = g.matmul(x, g.scale(weight, factor / (inputs as f64).sqrt()));
    let Some(bias) = l.bias else { return product };
    let bias = s.parameter("bias", &[l.units], Start::Value(bias / l.lr_factor));
    g.add(product, g.scale(bias, factor))
}

/// A convolution of pictures `[rows, height, width, in]` at an equalised learning rate, W from N(0, 1); the bias starts at 0.
///
/// # Panics
/// When the kernel is larger than the padded picture.
pub fn equalised_conv2d(s: &Scope, x: Var, channels: usize, window: Window, bias: bool) -> Var {
    let (g, inputs) = (s.g, s.g.shape(x)[3]);
    let [kh, kw] = window.kernel;
    let fan_in = kh * kw * inputs;
    let start = Start::Weight(Init::Normal(1.0), Fans { into: fan_in, out: kh * kw * channels });
    let weight = s.parameter("weight", &[kh, kw, inputs, channels], start);
    let convolved = g.conv2d(x, g.scale(weight, 1.0 / (fan_in as f64).sqrt()), window);
    if !bias {
        return convolved;
    }
    g.add(convolved, s.parameter("bias", &[channels], Start::Value(0.0)))
}

/// √2·max(x, x/5): the leaky rectifier that keeps the second moment.
pub fn leaky_sqrt2(g: &Graph, x: Var) -> Var {
    g.max(g.scale(x, SQRT_2), g.scale(x, SQRT_2 * SLOPE))
}

/// Rows `[rows, numbers]` divided by the root of their mean square.
pub fn normalised_rows(g: &Graph, x: Var) -> Var {
    let numbers = g.shape(x)[1] as f64;
    let mean = g.scale(g.sum(g.square(x), &[1]), 1.0 / numbers);
    g.mul(x, g.recip(g.sqrt(g.shift(mean, 1e-8))))
}
