//! DiffAugment's transforms (Zhao et al., 2006.10738), each with probability p, which is 1 there. Its third is
//! [`super::cutout`].

use super::blit::reach;
use super::draws::Chance;
use super::places::cut;
use crate::graph::{Dist, Var};

/// Pictures `[rows, height, width, channels]`: brightness + U(−½, ½) where black and white are 2 apart (`range` · 2 apart here);
/// the difference from a pixel's mean · U(0, 2); the difference from the picture's mean · U(½, 3/2).
///
/// Uniform numbers of a picture: three that say whether, then those of brightness, saturation, contrast.
pub fn coloured(chance: &Chance, x: Var, range: f64) -> Var {
    let g = chance.g;
    let u = chance.draws("diff-colour", Dist::Uniform, 6);
    let x = g.add(x, u.perhaps(0, g.scale(g.shift(u.number(3), -0.5), range), 0.0));
    let around = |x: Var, axes: &[usize], factor: Var| {
        let shape = g.shape(x);
        let count: usize = axes.iter().map(|&axis| shape[axis]).product();
        let mean = g.sum(g.scale(x, 1.0 / count as f64), axes);
        g.add(g.mul(g.sub(x, mean), factor), mean)
    };
    // A grey pixel is its own mean.
    let x = match g.shape(x)[3] {
        1 => x,
        _ => around(x, &[3], u.perhaps(1, g.scale(u.number(4), 2.0), 1.0)),
    };
    around(x, &[1, 2, 3], u.perhaps(2, g.shift(u.number(5), 0.5), 1.0))
}

/// Pictures shifted by up to ⌊n/8 + ½⌋ pixels on each axis, every shift alike, zeros behind the edge.
///
/// Uniform numbers of a picture: whether, down, across.
pub fn translated(chance: &Chance, x: Var) -> Var {
    let g = chance.g;
    let u = chance.draws("diff-translation", Dist::Uniform, 3);
    [1, 2].into_iter().fold(x, |x, axis| {
        let n = g.shape(x)[axis];
        let most = reach(n);
        let mut frame = [(0, 0); 4];
        frame[axis] = (most, most);
        let place = u.perhaps(0, g.scale(u.number(axis), (2 * most + 1) as f64), most as f64 + 0.5);
        cut(g, g.pad(x, &frame), axis, n, place)
    })
}
