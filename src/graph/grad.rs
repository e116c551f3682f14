//! Reverse mode as a graph transformation: the gradient of a graph is more graph.
//!
//! One rule an op, in one exhaustive `match`, each written in the same op set, so that gradients of
//! gradients (R1, WGAN-GP) need nothing more. Source of the approach: Griewank & Walther, "Evaluating
//! Derivatives", chapter 3.

use super::{Cut, Graph, Op, Var, inverse};

/// ∂⟨cotangent, y⟩/∂w for each `w` of `wrt`; a `w` that `y` does not depend on gets zeros.
///
/// `cotangent` has `y`'s shape; `None` stands for ones (the gradient of y's sum).
pub fn grad(g: &Graph, y: Var, wrt: &[Var], cotangent: Option<Var>) -> Vec<Var> {
    let order = g.topological(&[y]);
    let count = g.len();
    // Nodes between `wrt` and `y`.
    let mut live = vec![false; count];
    for &var in &order {
        let node = g.node(var);
        let passes = node.op != Op::Detach && node.sources.iter().any(|s| live[s.index()]);
        live[var.index()] = wrt.contains(&var) || passes;
    }
    let mut adjoint: Vec<Option<Var>> = vec![None; count];
    adjoint[y.index()] = Some(cotangent.unwrap_or_else(|| g.constant(1.0, &g.shape(y))));
    for &var in order.iter().rev() {
        let node = g.node(var);
        let Some(cotangent) = adjoint[var.index()].filter(|_| live[var.index()]) else { continue };
        for (source, contribution) in node.sources.iter().zip(pullback(g, var, cotangent, &live)) {
            let Some(contribution) = contribution.filter(|_| live[source.index()]) else { continue };
            let slot = &mut adjoint[source.index()];
            *slot = Some(slot.map_or(contribution, |sum| g.add(sum, contribution)));
        }
    }
    wrt.iter().map(|&w| adjoint[w.index()].unwrap_or_else(|| g.constant(0.0, &g.shape(w)))).collect()
}

/// The adjoint of `y`'s op: for each operand, what `cotangent` (of y's shape) contributes to it.
/// Operands that are not `live` may be left out; `Gt` and a mask have no derivative.
fn pullback(g: &Graph, y: Var, cotangent: Var, live: &[bool]) -> Vec<Option<Var>> {
    let node = g.node(y);
    let dy = cotangent;
    let source = |i: usize| node.sources[i];
    let zero = || g.constant(0.0, &node.shape);
    match &node.op {
        Op::Input(_) | Op::Param { .. } | Op::State { .. } | Op::Const(_) | Op::Rand { .. } => vec![],
        Op::Add => vec![Some(dy), Some(dy)],
        Op::Mul => vec![Some(g.mul(dy, source(1))), Some(g.mul(dy, source(0)))],
        Op::Max => {
            let first = g.gt(source(0), source(1));
            vec![Some(g.select(first, dy, zero())), Some(g.select(first, zero(), dy))]
        }
        Op::Gt => vec![None, None],
        Op::Detach => vec![None],
        Op::Select => {
            vec![None, Some(g.select(source(0), dy, zero())), Some(g.select(source(0), zero(), dy))]
        }
        Op::Sqrt => vec![Some(g.scale(g.mul(dy, g.recip(y)), 0.5))],
        Op::Recip => vec![Some(g.neg(g.mul(dy, g.square(y))))],
        Op::Tanh => vec![Some(g.mul(dy, one_minus(g, g.square(y))))],
        Op::Sigmoid => vec![Some(g.mul(g.mul(dy, y), one_minus(g, y)))],
        Op::Softplus => vec![Some(g.mul(dy, g.sigmoid(source(0))))],
        Op::Exp => vec![Some(g.mul(dy, y))],
        Op::Log => vec![Some(g.mul(dy, g.recip(source(0))))],
        Op::Reshape => vec![Some(g.reshape(dy, &g.shape(source(0))))],
        Op::Broadcast => {
            let from = g.shape(source(0));
            let axes: Vec<usize> = (0..from.len()).filter(|&i| from[i] != node.shape[i]).collect();
            vec![Some(g.sum(dy, &axes))]
        }
        Op::Pad(spec) => {
            let from = g.shape(source(0));
            let inner: Vec<_> =
                spec.iter().zip(&from).map(|((before, _), n)| (*before, before + n)).collect();
            vec![Some(g.slice(dy, &inner))]
        }
        Op::Slice(cuts) => vec![Some(spread(g, dy, cuts, &g.shape(source(0))))],
        Op::Permute(perm) => vec![Some(g.permute(dy, &inverse(perm)))],
        Op::Sum(_) => vec![Some(g.broadcast(dy, &g.shape(source(0))))],
        Op::Matmul { ta, tb } => {
            let (a, b) = (source(0), source(1));
            // C = op(A)·op(B): d op(A) = dC·op(B)ᵀ, d op(B) = op(A)ᵀ·dC; a transposed operand transposes its own.
            let da = || if *ta { g.matmul_with(b, dy, *tb, true) } else { g.matmul_with(dy, b, false, !tb) };
            let db = || if *tb { g.matmul_with(dy, a, true, *ta) } else { g.matmul_with(a, dy, !ta, false) };
            vec![live[a.index()].then(da), live[b.index()].then(db)]
        }
        // One trilinear form: see `conv.rs`.
        Op::Conv(window) => {
            let (x, w) = (source(0), source(1));
            let dx = || g.conv2d_dx(dy, w, *window, &g.shape(x));
            vec![live[x.index()].then(dx), live[w.index()].then(|| g.conv2d_dw(x, dy, *window))]
        }
        Op::ConvDx(window) => {
            let (y, w) = (source(0), source(1));
            let of_y = || g.conv2d(dy, w, *window);
            vec![live[y.index()].then(of_y), live[w.index()].then(|| g.conv2d_dw(dy, y, *window))]
        }
        Op::ConvDw(window) => {
            let (x, y) = (source(0), source(1));
            let of_x = || g.conv2d_dx(y, dy, *window, &g.shape(x));
            vec![live[x.index()].then(of_x), live[y.index()].then(|| g.conv2d(x, dy, *window))]
        }
    }
}

/// The adjoint of a slice of a node of this shape.
fn spread(g: &Graph, dy: Var, cuts: &[Cut], shape: &[usize]) -> Var {
    let gaps = (0..cuts.len()).filter(|&axis| !cuts[axis].is_run());
    let dy = gaps.fold(dy, |dy, axis| g.spread(dy, axis, cuts[axis], shape[axis]));
    let outer = cuts.iter().zip(shape).map(|(cut, &n)| match cut.is_run() {
        true => (cut.from, n - cut.span().1),
        false => (0, 0),
    });
    g.pad(dy, &outer.collect::<Vec<_>>())
}

fn one_minus(g: &Graph, x: Var) -> Var {
    g.shift(g.neg(x), 1.0)
}
