//! Modulated convolution (StyleGAN2: Karras et al., 1912.04958, section 2.2), without a kernel for each row: to multiply the
//! weights by a row's styles is to multiply what is convolved by them, and to divide them by their norm is to divide the result.

use super::equalised::{Equalised, equalised_linear};
use super::resample::filtered;
use super::scope::Scope;
use super::tensor::{Fans, Start};
use crate::config::Init;
use crate::graph::{Var, Window};

/// Added to the squared norm of weights.
const EPS: f64 = 1e-8;

/// What a modulated convolution does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modulated {
    /// 3×3 at the same size, divided by the norm of the weights (equation 3).
    Same,
    /// A transposed 3×3 convolution of stride 2, divided by the norm of the weights, then the filter [1, 3, 3, 1].
    Up,
    /// Single pixels, not divided: what makes colours.
    Pixels,
}

/// A convolution of maps `[rows, height, width, in]` whose weights are modulated by an affine map of w `[rows, dim]`:
/// `[rows, height, width, channels]`, twice the sides where it goes up.
///
/// Styles carry 1/√fan_in, so that 16 bits hold what is summed; the norm divides it out again.
pub fn modulated_conv2d(s: &Scope, maps: Var, w: Var, channels: usize, kind: Modulated) -> Var {
    let g = s.g;
    let [rows, height, width, inputs] = g.shape(maps)[..] else { panic!("maps have four axes") };
    let style = Equalised { bias: Some(1.0), ..Equalised::to(inputs) };
    let styles = equalised_linear(&s.under("affine"), w, style);
    let side = if kind == Modulated::Pixels { 1 } else { 3 };
    let (taps, fan_in) = (side * side, side * side * inputs);
    let ends = if kind == Modulated::Up { [channels, inputs] } else { [inputs, channels] };
    let start = Start::Weight(Init::Normal(1.0), Fans { into: fan_in, out: taps * channels });
    let weight = s.parameter("weight", &[side, side, ends[0], ends[1]], start);
    let factor = 1.0 / (fan_in as f64).sqrt();
    let modulated = g.mul(maps, g.reshape(g.scale(styles, factor), &[rows, 1, 1, inputs]));
    let convolved = match kind {
        Modulated::Same => g.conv2d(modulated, weight, Window::square(3, 1, 1)),
        Modulated::Pixels => return g.conv2d(modulated, weight, Window::square(1, 1, 0)),
        Modulated::Up => {
            let size = [rows, 2 * height + 1, 2 * width + 1, channels];
            g.conv2d_dx(modulated, weight, Window::square(3, 2, 0), &size)
        }
    };
    let squares = g.reshape(g.sum(g.square(weight), &[0, 1]), &ends);
    let norms = g.matmul_with(g.square(styles), squares, false, kind == Modulated::Up);
    let divided = g.recip(g.sqrt(g.shift(g.scale(norms, factor * factor), EPS)));
    let normed = g.mul(convolved, g.reshape(divided, &[rows, 1, 1, channels]));
    if kind == Modulated::Up { filtered(g, normed, 1, 4.0) } else { normed }
}
