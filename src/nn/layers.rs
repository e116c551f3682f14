//! Layers as functions of a scope.

use super::norm::spectral_norm;
use super::scope::{Details, Scope};
use super::tensor::{Fans, PixelAxis, Start};
use crate::config::{Activation, Init};
use crate::data::Shape;
use crate::graph::{Dist, Graph, Var, Window};

/// An affine map `[rows, inputs]` to `[rows, units]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// Columns of the result.
    pub units: usize,
    /// How the weight `[inputs, units]` starts.
    pub init: Init,
    /// How the bias `[units]` starts; none without one.
    pub bias: Option<Start>,
    /// Greatest norm of the weights into a unit after an update; 0 is no limit.
    pub column_limit: f32,
    /// The picture that each row begins with in blocks of so many numbers, where the layer reads pictures.
    pub reads: Option<(Shape, usize)>,
    /// The picture that each piece of the columns is, where the layer makes pictures.
    pub makes: Option<Shape>,
    /// Whether the weight is divided by its greatest singular value (Miyato et al., 1802.05957).
    pub spectral_norm: bool,
}

impl Linear {
    /// A map to so many units, without a bias, from no picture and to none.
    pub fn new(units: usize, init: Init) -> Linear {
        Linear { units, init, bias: None, column_limit: 0.0, reads: None, makes: None, spectral_norm: false }
    }
}

/// x·W + b.
pub fn linear(s: &Scope, x: Var, l: Linear) -> Var {
    let shape = [s.g.shape(x)[1], l.units];
    let fans = Fans { into: shape[0], out: shape[1] };
    let made = |axis| l.makes.map(|picture| PixelAxis { axis, picture, block: picture.len() });
    let read = l.reads.map(|(picture, block)| PixelAxis { axis: 0, picture, block });
    let details = Details { column_limit: l.column_limit, pixels: read.or(made(1)), ..Details::default() };
    let weight = if l.spectral_norm {
        spectral_norm(s, &shape, l.init, fans, details)
    } else {
        s.parameter_with("weight", &shape, Start::Weight(l.init, fans), details)
    };
    let of_bias = Details { pixels: made(0), ..Details::default() };
    let bias = l.bias.map(|start| s.parameter_with("bias", &[l.units], start, of_bias));
    let product = s.g.matmul(x, weight);
    bias.map_or(product, |bias| s.g.add(product, bias))
}

/// A convolution, channels last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv {
    /// Channels of the result.
    pub channels: usize,
    /// Kernel, stride and padding; of a transposed convolution those of the one it transposes.
    pub window: Window,
    /// How the weight starts.
    pub init: Init,
    /// How the bias `[channels]` starts; none without one.
    pub bias: Option<Start>,
    /// Whether the weight is divided by its greatest singular value.
    pub spectral_norm: bool,
}

impl Conv {
    fn weight(&self, s: &Scope, ends: [usize; 2], fans: Fans) -> Var {
        let [kh, kw] = self.window.kernel;
        let shape = [kh, kw, ends[0], ends[1]];
        match self.spectral_norm {
            true => spectral_norm(s, &shape, self.init, fans, Details::default()),
            false => s.parameter("weight", &shape, Start::Weight(self.init, fans)),
        }
    }

    fn biased(&self, s: &Scope, h: Var) -> Var {
        let bias = self.bias.map(|start| s.parameter("bias", &[self.channels], start));
        bias.map_or(h, |bias| s.g.add(h, bias))
    }
}

/// A convolution of pictures `[rows, height, width, in]`: `[rows, positions, positions, channels]`.
///
/// # Panics
/// When the kernel is larger than the padded picture.
pub fn conv2d(s: &Scope, x: Var, c: Conv) -> Var {
    let [_, height, width, inputs] = s.g.shape(x)[..] else { panic!("pictures have four axes") };
    let taps: usize = c.window.kernel.iter().product();
    let fans = Fans { into: taps * inputs, out: c.window.meetings([height, width]) * c.channels };
    let weight = c.weight(s, [inputs, c.channels], fans);
    c.biased(s, s.g.conv2d(x, weight, c.window))
}

/// A transposed convolution of y `[rows, positions, positions, in]` to pictures of `size` `[rows, height, width, channels]`:
/// the derivative of the convolution from such pictures to y.
///
/// # Panics
/// When that convolution makes other positions of them.
pub fn conv_transpose2d(s: &Scope, y: Var, c: Conv, size: [usize; 2]) -> Var {
    let shape = s.g.shape(y);
    let taps: usize = c.window.kernel.iter().product();
    let fans = Fans { into: c.window.meetings(size) * shape[3], out: taps * c.channels };
    let weight = c.weight(s, [c.channels, shape[3]], fans);
    c.biased(s, s.g.conv2d_dx(y, weight, c.window, &[shape[0], size[0], size[1], c.channels]))
}

/// Maps `[rows, height, width, channels]` plus a bias of each of their elements, which files keep `[channels·height·width]`.
pub fn bias_of_elements(s: &Scope, maps: Var, start: Start) -> Var {
    let [_, height, width, channels] = s.g.shape(maps)[..] else { panic!("maps have four axes") };
    let picture = Shape { channels, height, width };
    let pixels = Some(PixelAxis { axis: 0, picture, block: picture.len() });
    let details = Details { pixels, ..Details::default() };
    let bias = s.parameter_with("bias", &[picture.len()], start, details);
    s.g.add(maps, s.g.reshape(bias, &[height, width, channels]))
}

/// max(x, slope · x).
pub fn leaky_relu(g: &Graph, x: Var, slope: f32) -> Var {
    g.max(x, g.scale(x, f64::from(slope)))
}

/// max(x, 0) + a · min(x, 0), with one slope a, from .25 (He et al., 1502.01852): PyTorch's `PReLU`, its parameter `weight`
/// `[1]`.
pub fn prelu(s: &Scope, x: Var) -> Var {
    let (g, zero) = (s.g, s.g.constant(0.0, &[]));
    let slope = s.parameter("weight", &[1], Start::Value(0.25));
    g.sub(g.max(x, zero), g.mul(g.max(g.scale(x, -1.0), zero), slope))
}

/// An activation of which nothing but x is to be known.
///
/// # Panics
/// On maxout, which halves its columns: see [`maxout`].
pub fn activate(g: &Graph, x: Var, activation: Activation, slope: f32) -> Var {
    match activation {
        Activation::Linear => x,
        Activation::Relu => g.max(x, g.constant(0.0, &[])),
        Activation::LeakyRelu => leaky_relu(g, x, slope),
        Activation::Tanh => g.tanh(x),
        Activation::Sigmoid => g.sigmoid(x),
        Activation::Maxout => panic!("maxout has pieces"),
    }
}

/// x · (u > 1 − keep ? 1/keep : 0), u uniform on [0, 1): inverted dropout, so that a pass without it needs no scale.
pub fn dropout(s: &Scope, x: Var, keep: f32) -> Var {
    if keep >= 1.0 || !s.pass.dropout {
        return x;
    }
    let g = s.g;
    let u = g.rand(&format!("{}/dropout/{}", s.path(), s.pass.draw), Dist::Uniform, &g.shape(x));
    let kept = g.gt(u, g.constant(f64::from(1.0 - keep), &[]));
    let mask = g.select(kept, g.constant(f64::from(1.0 / keep), &[]), g.constant(0.0, &[]));
    g.mul(x, mask)
}

/// The greatest of `pieces` affine maps: columns are `[piece, unit]`, so that a unit's pieces lie `units` columns apart and
/// each piece is one contiguous run (Goodfellow et al., 1302.4389).
pub fn maxout(g: &Graph, affine: Var, pieces: usize) -> Var {
    let shape = g.shape(affine);
    let last = shape.len() - 1;
    let units = shape[last] / pieces;
    let piece = |i: usize| g.slice_axis(affine, last, i * units, (i + 1) * units);
    (1..pieces).fold(piece(0), |greatest, i| g.max(greatest, piece(i)))
}
