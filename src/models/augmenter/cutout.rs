//! Cutout: a square of a picture is 0 (DiffAugment, 2006.10738; ADA, 2006.06676).

use super::draws::Chance;
use crate::graph::{Dist, Var};
use crate::nn::bicubic::counted;

/// Pictures `[rows, height, width, channels]`, with probability p each without ⌊n/2 + ½⌋ pixels of each axis, which may reach over
/// the edge: every place of DiffAugment's alike.
///
/// Uniform numbers of a picture: whether, middle down, middle across.
pub fn cut_out(chance: &Chance, x: Var) -> Var {
    let g = chance.g;
    let u = chance.draws("cutout", Dist::Uniform, 3);
    let inside = |axis: usize| {
        let n = g.shape(x)[axis];
        let side = n.div_ceil(2);
        // An even square's middle lies between pixels: one place more.
        let more = if side.is_multiple_of(2) { 0.5 } else { 0.0 };
        let middle = g.shift(g.scale(u.number(axis), n as f64 + 2.0 * more), -more);
        let mut along = [1; 4];
        along[axis] = n;
        let from = g.sub(g.shift(g.reshape(counted(g, n), &along), 0.5), middle);
        let distance = g.max(from, g.neg(from));
        g.gt(g.constant(side as f64 / 2.0, &[]), distance)
    };
    let gone = g.mul(g.mul(inside(1), inside(2)), u.happens(0));
    g.select(gone, g.constant(0.0, &[]), x)
}
