//! The pool: D is shown translated pictures of before, too (Shrivastava et al., 1612.07828, section 2.3; CycleGAN's code).

use crate::graph::{Dist, Graph, Var};
use crate::nn::bicubic::counted;
use crate::nn::{Scope, StateStart};

/// What D is shown instead of new pictures `[rows, numbers]`, in their order: while the pool has room the new one, which is
/// kept; afterwards with probability ½ one of the pool, which the new one replaces there, else the new one, which is not kept.
///
/// States: `pool.images` `[size, numbers]`, `pool.count`.
pub fn shown(s: &Scope, new: Var, size: usize) -> Var {
    if size == 0 {
        return new;
    }
    let (g, s) = (s.g, s.under("pool"));
    let [rows, numbers] = g.shape(new)[..] else { unreachable!("pictures are rows") };
    let mut images = s.state("images", &[size, numbers], StateStart::Value(0.0));
    let mut count = s.state("count", &[], StateStart::Value(0.0));
    // Each D has a pool, and draws, of its own.
    let draws = g.rand(&s.path(), Dist::Uniform, &[rows, 2]);
    let full = size as f64;
    let mut chosen = vec![];
    for row in 0..rows {
        let picture = g.slice_axis(new, 0, row, row + 1);
        let draw = |i: usize| g.reshape(g.slice(draws, &[(row, row + 1), (i, i + 1)]), &[]);
        let has_room = g.gt(g.constant(full, &[]), count);
        let takes = g.mul(g.gt(draw(0), g.constant(0.5, &[])), g.shift(g.neg(has_room), 1.0));
        let place = g.select(has_room, count, g.scale(draw(1), full));
        // 1 at the place, whose whole part counts; at most one of the two is not 0.
        let at = place_of(g, place, size);
        let taken = g.sum(g.mul(images, at), &[0]);
        chosen.push(g.select(g.broadcast(g.reshape(takes, &[1, 1]), &[1, numbers]), taken, picture));
        let kept = g.mul(at, g.reshape(g.max(takes, has_room), &[1, 1]));
        images =
            g.select(g.broadcast(kept, &[size, numbers]), g.broadcast(picture, &[size, numbers]), images);
        count = g.add(count, has_room);
    }
    s.store("images", images);
    s.store("count", count);
    g.concat(&chosen, 0)
}

/// 1 in the row of the whole part of `place`, 0 in all others: `[size, 1]`.
fn place_of(g: &Graph, place: Var, size: usize) -> Var {
    let rows = g.reshape(counted(g, size), &[size, 1]);
    let place = g.reshape(place, &[1, 1]);
    let above = g.gt(rows, place);
    let next_above = g.gt(g.shift(rows, 1.0), place);
    g.mul(next_above, g.shift(g.neg(above), 1.0))
}
