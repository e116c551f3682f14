//! Convolutions that are plain products, and convolutions of fewer rows.

use super::{Graph, Op, Var, as_pad, is, only_axis};
use crate::graph::Window;

/// What a convolution's `op` of `sources` is the same as, if that is simpler.
pub(super) fn rewrite(g: &Graph, op: &Op, sources: &[Var], shape: &[usize]) -> Option<Var> {
    if sources.iter().any(|&s| is(g, s, 0.0)) {
        return Some(g.constant(0.0, shape));
    }
    as_product(g, op, sources, shape).or_else(|| of_rows(g, op, sources, shape))
}

/// A kernel that covers its picture, or that has one tap, is a matrix.
fn as_product(g: &Graph, op: &Op, sources: &[Var], shape: &[usize]) -> Option<Var> {
    let [a, b] = [sources[0], sources[1]];
    let (window, picture) = match op {
        Op::Conv(window) | Op::ConvDw(window) => (window, g.shape(a)),
        Op::ConvDx(window) => (window, shape.to_vec()),
        _ => return None,
    };
    let covers = window.covers([picture[1], picture[2]]);
    if !covers && !window.is_pointwise() {
        return None;
    }
    // x and w as matrices of `inner` columns and rows; y of its channels as columns.
    let inner = if covers { picture[1..].iter().product() } else { picture[3] };
    let matrix = |v: Var, columns: usize| {
        let count: usize = g.shape(v).iter().product();
        g.reshape(v, &[count / columns, columns])
    };
    let last = |v: Var| g.shape(v)[3];
    let product = match op {
        Op::Conv(_) => g.matmul(matrix(a, inner), matrix(b, last(b))),
        Op::ConvDx(_) => g.matmul_with(matrix(a, last(a)), matrix(b, last(b)), false, true),
        _ => g.matmul_with(matrix(a, inner), matrix(b, last(b)), true, false),
    };
    Some(g.reshape(product, shape))
}

/// A node without its rows of zeros, and the padding that brought these.
type WithoutZeros = Option<(Var, Vec<(usize, usize)>)>;

/// Rows that are zero stay out of the work.
fn of_rows(g: &Graph, op: &Op, sources: &[Var], shape: &[usize]) -> Option<Var> {
    let rows = |v: Var| as_pad(g, v).filter(|(_, spec)| only_axis(spec) == Some(0));
    let part = |v: Var, [before, after]: [usize; 2]| g.slice_axis(v, 0, before, g.shape(v)[0] - after);
    let padded = |small: Var, spec: &[(usize, usize)]| g.pad(small, &[spec[0], (0, 0), (0, 0), (0, 0)]);
    match op {
        Op::Conv(window) => {
            let (x, spec) = rows(sources[0])?;
            Some(padded(g.conv2d(x, sources[1], *window), &spec))
        }
        Op::ConvDx(window) => {
            let (y, spec) = rows(sources[0])?;
            let mut small = shape.to_vec();
            small[0] = g.shape(y)[0];
            Some(padded(g.conv2d_dx(y, sources[1], *window, &small), &spec))
        }
        Op::ConvDw(window) => weights_of_rows(g, sources, *window, &rows, &part),
        _ => None,
    }
}

/// The rows of a weight gradient that count: where one operand is zero, the other does not matter.
fn weights_of_rows(
    g: &Graph,
    sources: &[Var],
    window: Window,
    rows: &dyn Fn(Var) -> WithoutZeros,
    part: &dyn Fn(Var, [usize; 2]) -> Var,
) -> Option<Var> {
    if let Some((x, spec)) = rows(sources[0]) {
        return Some(g.conv2d_dw(x, part(sources[1], spec[0].into()), window));
    }
    let (y, spec) = rows(sources[1])?;
    Some(g.conv2d_dw(part(sources[0], spec[0].into()), y, window))
}
