//! ADA's noise.

use super::draws::Chance;
use crate::graph::{Dist, Var};

/// Pictures `[rows, height, width, channels]`, with probability p each with noise of a strength |N(0, .1)| of its own on every
/// number, where black and white are 2 apart (`range` · 2 apart here).
pub fn noisy(chance: &Chance, x: Var, range: f64) -> Var {
    let g = chance.g;
    let strength = chance.draws("noise strength", Dist::Normal, 1).number(0);
    let strength = g.scale(g.max(strength, g.neg(strength)), 0.1 * range);
    let strength = chance.draws("noise", Dist::Uniform, 1).perhaps(0, strength, 0.0);
    let noise = g.rand(&format!("{}/noise numbers", chance.name), Dist::Normal, &g.shape(x));
    g.add(x, g.mul(noise, strength))
}
