//! ADA's pixel blitting: pictures mirrored, turned by quarters and shifted by whole pixels. No pixel is mixed with another.

use super::draws::Chance;
use super::places::cut;
use crate::graph::{Dist, Var};
use crate::nn::resample::{flip, reflect_pad};

/// Share of a side by which a picture is shifted at most.
pub const MOST_SHIFTED: f64 = 0.125;

/// Pixels by which a side of n is shifted at most.
pub fn reach(n: usize) -> usize {
    (MOST_SHIFTED * n as f64 + 0.5).floor() as usize
}

/// Square pictures `[rows, n, n, channels]`, each with probability p: mirrored left to right half of the time; turned by 0, 90,
/// 180 or 270°; shifted by round(±n/8) pixels on each axis, mirrored at the edge.
///
/// Uniform numbers of a picture: three that say whether, then mirror, quarters, shift down, shift across. A shift by s takes pixel
/// i from pixel i + s.
pub fn blitted(chance: &Chance, x: Var) -> Var {
    let (g, n) = (chance.g, chance.g.shape(x)[1]);
    let u = chance.draws("blit", Dist::Uniform, 7);
    let above = |v: Var, limit: f64| g.gt(v, g.constant(limit, &[]));
    let x = g.select(g.mul(u.happens(0), above(u.number(3), 0.5)), flip(g, x), x);
    let quarters = u.perhaps(1, u.number(4), 0.0);
    let half = above(quarters, 0.5);
    let quarter = above(g.sub(quarters, g.scale(half, 0.5)), 0.25);
    let x = g.select(half, g.flip(g.flip(x, 1), 2), x);
    let x = g.select(quarter, g.flip(g.permute(x, &[0, 2, 1, 3]), 1), x);
    let most = reach(n);
    [1, 2].into_iter().fold(reflect_pad(g, x, most), |x, axis| {
        // Rounded: ½ is added, and the whole part counts.
        let moved = g.scale(g.shift(u.number(4 + axis), -0.5), 2.0 * MOST_SHIFTED * n as f64);
        let place = u.perhaps(2, g.shift(moved, most as f64 + 0.5), most as f64 + 0.5);
        cut(g, x, axis, n, place)
    })
}
