//! Runs of pixels cut out of a longer run, at a place of each picture's own.

use crate::graph::{Graph, Var};

/// `count` pixels of an axis of pictures `[rows, height, width, channels]` from the place `⌊place⌋` of each picture on, `place`
/// `[rows, 1, 1, 1]`.
///
/// Places are taken apart into powers of two: so many passes as the number of places has bits, not as many as there are places.
/// The last part is what lacks, so that no pixel beyond the last place is needed. A pass is a choice between two slices, and so
/// is its adjoint.
pub fn cut(g: &Graph, pictures: Var, axis: usize, count: usize, place: Var) -> Var {
    let most = g.shape(pictures)[axis] - count;
    let (mut parts, mut below) = (vec![], 0);
    while below < most {
        let part = (below + 1).min(most - below);
        parts.push((part, below));
        below += part;
    }
    let (mut left, mut place) = (pictures, place);
    // A part is taken where those after it do not reach the place by themselves.
    for (part, reach) in parts.into_iter().rev() {
        let length = g.shape(left)[axis] - part;
        let is_taken = g.gt(place, g.constant((reach + 1) as f64, &[]));
        let beyond = g.slice_axis(left, axis, part, part + length);
        left = g.select(is_taken, beyond, g.slice_axis(left, axis, 0, length));
        place = g.sub(place, g.scale(is_taken, part as f64));
    }
    left
}
