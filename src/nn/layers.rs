//! Layers as functions of a scope.

use super::norm::spectral_norm;
use super::scope::{Details, Scope};
use super::tensor::{PixelAxis, Start};
use crate::config::Init;
use crate::data::Shape;
use crate::graph::{Dist, Graph, Var};

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

/// x·W + b.
pub fn linear(s: &Scope, x: Var, l: Linear) -> Var {
    let shape = [s.g.shape(x)[1], l.units];
    let made = |axis| l.makes.map(|picture| PixelAxis { axis, picture, block: picture.len() });
    let read = l.reads.map(|(picture, block)| PixelAxis { axis: 0, picture, block });
    let details = Details { column_limit: l.column_limit, pixels: read.or(made(1)), ..Details::default() };
    let weight = if l.spectral_norm {
        spectral_norm(s, &shape, l.init, details)
    } else {
        s.parameter_with("weight", &shape, Start::Weight(l.init), details)
    };
    let of_bias = Details { pixels: made(0), ..Details::default() };
    let bias = l.bias.map(|start| s.parameter_with("bias", &[l.units], start, of_bias));
    let product = s.g.matmul(x, weight);
    bias.map_or(product, |bias| s.g.add(product, bias))
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
    let [rows, columns] = g.shape(affine)[..] else { unreachable!("layers make matrices") };
    let units = columns / pieces;
    let piece = |i: usize| g.slice_axis(affine, 1, i * units, (i + 1) * units);
    debug_assert_eq!(g.shape(piece(0)), [rows, units]);
    (1..pieces).fold(piece(0), |greatest, i| g.max(greatest, piece(i)))
}
