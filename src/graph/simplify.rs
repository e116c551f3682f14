//! Rewrites applied to every node as it is made. Each is exact for finite numbers, but for those that take
//! constants together or a factor out of a sum: these round in other places.
//!
//! Four families: constants fold; movement cancels; *pads rise* (a gradient that is zero outside some rows
//! stays small until the end, so that half a minibatch costs half the work) while *slices sink*; and masks
//! are told from an activation's output, so that its input need not be kept.

mod conv;
mod spread;

use super::{Cut, Family, Graph, Node, Op, Var, inverse};
use std::rc::Rc;

type Spec = [(usize, usize)];

/// What `op` of `sources` is the same as, if that is simpler.
pub(super) fn rewrite(g: &Graph, op: &Op, sources: &[Var], shape: &[usize]) -> Option<Var> {
    match op {
        Op::Reshape => reshape(g, sources[0], shape),
        Op::Broadcast => broadcast(g, sources[0], shape),
        Op::Pad(spec) => pad(g, sources[0], spec, shape),
        Op::Slice(cuts) => slice(g, sources[0], cuts, shape),
        Op::Permute(perm) => permute(g, sources[0], perm, shape),
        Op::Detach => {
            let still = g.as_constant(sources[0]).is_some() || g.node(sources[0]).op == Op::Detach;
            still.then_some(sources[0])
        }
        Op::Exp | Op::Log => of_constant(g, op, sources[0], shape),
        Op::Sum(axes) => sum(g, sources[0], axes, shape),
        Op::Add => add(g, sources[0], sources[1], shape),
        Op::Mul => mul(g, sources[0], sources[1], shape),
        Op::Gt => gt(g, sources),
        Op::Select => select(g, sources[0], sources[1], sources[2], shape),
        Op::Matmul { ta, tb } => matmul(g, sources[0], sources[1], *ta, *tb, shape),
        Op::Conv(_) | Op::ConvDx(_) | Op::ConvDw(_) => conv::rewrite(g, op, sources, shape),
        _ => None,
    }
}

fn is(g: &Graph, var: Var, value: f64) -> bool {
    g.as_constant(var) == Some(value)
}

/// The padded node and the padding, if `var` is a pad.
fn as_pad(g: &Graph, var: Var) -> Option<(Var, Vec<(usize, usize)>)> {
    let node = g.node(var);
    match &node.op {
        Op::Pad(spec) => Some((node.sources[0], spec.clone())),
        _ => None,
    }
}

/// The only axis that `spec` pads.
fn only_axis(spec: &Spec) -> Option<usize> {
    let mut padded = (0..spec.len()).filter(|&i| spec[i] != (0, 0));
    padded.next().filter(|_| padded.next().is_none())
}

/// The slice that undoes a pad on a node of the padded shape.
fn inside(spec: &Spec, shape: &[usize]) -> Vec<(usize, usize)> {
    spec.iter().zip(shape).map(|((before, after), n)| (*before, n - after)).collect()
}

fn reshape(g: &Graph, x: Var, shape: &[usize]) -> Option<Var> {
    let node = g.node(x);
    if node.shape == shape {
        return Some(x);
    }
    if node.op == Op::Reshape {
        return Some(g.reshape(node.sources[0], shape));
    }
    let (inner, spec) = as_pad(g, x)?;
    if only_axis(&spec) == Some(0) && shape.first() == node.shape.first() {
        let mut small = shape.to_vec();
        small[0] = g.shape(inner)[0];
        let mut padding = vec![(0, 0); shape.len()];
        padding[0] = spec[0];
        return Some(g.pad(g.reshape(inner, &small), &padding));
    }
    None
}

fn broadcast(g: &Graph, x: Var, shape: &[usize]) -> Option<Var> {
    let node = g.node(x);
    if node.shape == shape {
        return Some(x);
    }
    (node.op == Op::Broadcast).then(|| g.broadcast(node.sources[0], shape))
}

fn pad(g: &Graph, x: Var, spec: &Spec, shape: &[usize]) -> Option<Var> {
    if spec.iter().all(|&s| s == (0, 0)) {
        return Some(x);
    }
    if is(g, x, 0.0) {
        return Some(g.constant(0.0, shape));
    }
    if let Some((scaled, factor)) = spread::as_scaled(g, x).filter(|_| spread::frames(spec)) {
        return Some(g.scale(g.pad(scaled, spec), factor));
    }
    let (inner, first) = as_pad(g, x)?;
    let both: Vec<_> = first.iter().zip(spec).map(|(a, b)| (a.0 + b.0, a.1 + b.1)).collect();
    Some(g.pad(inner, &both))
}

fn permute(g: &Graph, x: Var, perm: &[usize], shape: &[usize]) -> Option<Var> {
    let node = g.node(x);
    // Elements keep their order where only axes of length 1 move.
    let longer = || perm.iter().filter(|&&axis| node.shape[axis] != 1);
    if longer().is_sorted() {
        return Some(g.reshape(x, shape));
    }
    if let Some(value) = g.as_constant(x) {
        return Some(g.constant(value, shape));
    }
    match &node.op {
        Op::Permute(first) => {
            let both: Vec<usize> = perm.iter().map(|&axis| first[axis]).collect();
            Some(g.permute(node.sources[0], &both))
        }
        Op::Broadcast => Some(g.broadcast(g.permute(node.sources[0], perm), shape)),
        Op::Pad(spec) => {
            let spec: Vec<_> = perm.iter().map(|&axis| spec[axis]).collect();
            Some(g.pad(g.permute(node.sources[0], perm), &spec))
        }
        _ => None,
    }
}

/// e^c and log c are constants; a logarithm of no positive number is left to whoever runs it.
fn of_constant(g: &Graph, op: &Op, x: Var, shape: &[usize]) -> Option<Var> {
    let value = g.as_constant(x)?;
    let result = if *op == Op::Exp { value.exp() } else { value.ln() };
    result.is_finite().then(|| g.constant(result, shape))
}

fn slice(g: &Graph, x: Var, cuts: &[Cut], shape: &[usize]) -> Option<Var> {
    let node = g.node(x);
    if cuts.iter().zip(&node.shape).all(|(cut, &n)| cut.is_whole(n)) {
        return Some(x);
    }
    if let Some(value) = g.as_constant(x) {
        return Some(g.constant(value, shape));
    }
    match &node.op {
        Op::Slice(first) => {
            let both: Vec<_> = first.iter().zip(cuts).map(|(a, b)| b.of(*a)).collect();
            Some(g.cut(node.sources[0], &both))
        }
        Op::Pad(padding) => slice_of_pad(g, &node, padding, cuts, shape),
        Op::Permute(perm) => {
            let before: Vec<_> = inverse(perm).iter().map(|&axis| cuts[axis]).collect();
            Some(g.permute(g.cut(node.sources[0], &before), perm))
        }
        Op::Broadcast => {
            let from = g.shape(node.sources[0]);
            let small: Vec<_> =
                from.iter().zip(cuts).map(|(&n, &cut)| if n == 1 { Cut::run(0, 1) } else { cut }).collect();
            Some(g.broadcast(g.cut(node.sources[0], &small), shape))
        }
        // A part of a concatenation is that part alone.
        Op::Add if is_pad_tree(g, x) => {
            let [a, b] = [node.sources[0], node.sources[1]].map(|s| g.cut(s, cuts));
            (is(g, a, 0.0) || is(g, b, 0.0)).then(|| g.add(a, b))
        }
        op if op.family() == Family::Pointwise && sinks(g, &node) => {
            let parts: Vec<Var> = node.sources.iter().map(|&s| g.cut(s, cuts)).collect();
            Some(g.make(op.clone(), &parts, shape))
        }
        _ => None,
    }
}

fn slice_of_pad(g: &Graph, node: &Rc<Node>, padding: &Spec, cuts: &[Cut], shape: &[usize]) -> Option<Var> {
    let from = g.shape(node.sources[0]);
    let axes = || padding.iter().zip(cuts).zip(&from).map(|((p, cut), n)| (p.0, p.0 + n, cut.span()));
    if axes().any(|(lo, hi, (a, b))| b <= lo || a >= hi) {
        return Some(g.constant(0.0, shape));
    }
    axes().all(|(lo, hi, (a, b))| lo <= a && b <= hi).then(|| {
        let inner: Vec<_> = padding.iter().zip(cuts).map(|(p, cut)| cut.before(p.0)).collect();
        g.cut(node.sources[0], &inner)
    })
}

/// Whether `var` is a pad or a sum of pads.
fn is_pad_tree(g: &Graph, var: Var) -> bool {
    let node = g.node(var);
    match node.op {
        Op::Pad(_) => true,
        Op::Add => node.sources.iter().all(|&s| is_pad_tree(g, s)),
        _ => false,
    }
}

/// Whether a slice of this pointwise node is better taken from its operands: masks, which are cheap to
/// recompute, and functions of one varying operand that no contraction applies on its way out. Noise is neither: whoever
/// needs a part of it needed the whole before.
fn sinks(g: &Graph, node: &Node) -> bool {
    if matches!(node.op, Op::Add | Op::Mul) && is_noise(g, node) {
        return false;
    }
    let varying = node.sources.iter().filter(|&&s| g.as_constant(s).is_none()).count();
    node.op == Op::Gt
        || (varying <= 1
            && !matches!(
                node.op,
                Op::Max | Op::Sqrt | Op::Tanh | Op::Sigmoid | Op::Softplus | Op::Exp | Op::Log
            ))
}

/// Whether a node is a draw, scaled and shifted.
fn is_noise(g: &Graph, node: &Node) -> bool {
    match node.op {
        Op::Rand { .. } => true,
        Op::Add | Op::Mul => {
            is_noise(g, &g.node(node.sources[0])) && g.as_constant(node.sources[1]).is_some()
        }
        _ => false,
    }
}

fn sum(g: &Graph, x: Var, axes: &[usize], shape: &[usize]) -> Option<Var> {
    let node = g.node(x);
    if node.shape == shape {
        return Some(x);
    }
    let count: usize = axes.iter().map(|&a| node.shape[a]).product();
    if let Some(value) = g.as_constant(x) {
        return Some(g.constant(value * count as f64, shape));
    }
    if node.op == Op::Broadcast {
        let from = g.shape(node.sources[0]);
        if axes.iter().all(|&a| from[a] == 1) {
            return Some(g.broadcast(g.scale(node.sources[0], count as f64), shape));
        }
    }
    if let Op::Permute(perm) = &node.op {
        let mut before: Vec<usize> = axes.iter().map(|&axis| perm[axis]).collect();
        before.sort_unstable();
        return Some(g.permute(g.sum(node.sources[0], &before), perm));
    }
    let (inner, spec) = as_pad(g, x)?;
    let stays: Vec<_> = (0..spec.len()).map(|i| if axes.contains(&i) { (0, 0) } else { spec[i] }).collect();
    Some(g.pad(g.sum(inner, axes), &stays))
}

fn add(g: &Graph, a: Var, b: Var, shape: &[usize]) -> Option<Var> {
    match (g.as_constant(a), g.as_constant(b)) {
        (Some(x), Some(y)) => return Some(g.constant(x + y, shape)),
        (Some(0.0), _) => return Some(b),
        (_, Some(0.0)) => return Some(a),
        (Some(_), _) => return Some(g.add(b, a)),
        _ => {}
    }
    if let (Some((x, sx)), Some((y, sy))) = (as_pad(g, a), as_pad(g, b))
        && sx == sy
    {
        return Some(g.pad(g.add(x, y), &sx));
    }
    if let Some(sum) = spread::add(g, a, b) {
        return Some(sum);
    }
    // Two halves of one choice.
    let (na, nb) = (g.node(a), g.node(b));
    if na.op == Op::Select && nb.op == Op::Select && na.sources[0] == nb.sources[0] {
        if is(g, na.sources[2], 0.0) && is(g, nb.sources[1], 0.0) {
            return Some(g.select(na.sources[0], na.sources[1], nb.sources[2]));
        }
        if is(g, na.sources[1], 0.0) && is(g, nb.sources[2], 0.0) {
            return Some(g.select(na.sources[0], nb.sources[1], na.sources[2]));
        }
    }
    // Operands in one order, so that a + b and b + a are one node; constants stay second.
    (b < a && g.as_constant(b).is_none()).then(|| g.add(b, a))
}

fn mul(g: &Graph, a: Var, b: Var, shape: &[usize]) -> Option<Var> {
    match (g.as_constant(a), g.as_constant(b)) {
        (Some(x), Some(y)) => return Some(g.constant(x * y, shape)),
        (Some(0.0), _) | (_, Some(0.0)) => return Some(g.constant(0.0, shape)),
        (Some(1.0), _) => return Some(b),
        (_, Some(1.0)) => return Some(a),
        (Some(_), _) => return Some(g.mul(b, a)),
        (_, Some(c)) => {
            let node = g.node(a);
            if node.op == Op::Mul
                && let Some(first) = g.as_constant(node.sources[1])
            {
                return Some(g.scale(node.sources[0], first * c));
            }
            if node.op == Op::Select && node.sources[1..].iter().any(|&s| is(g, s, 0.0)) {
                let scaled = |i: usize| g.scale(node.sources[i], c);
                return Some(g.select(node.sources[0], scaled(1), scaled(2)));
            }
        }
        _ => {}
    }
    for (padded, other) in [(a, b), (b, a)] {
        let scaled = g.as_constant(other).is_some();
        if let Some((x, spec)) = as_pad(g, padded).filter(|(_, spec)| !(scaled && spread::frames(spec))) {
            return Some(g.pad(g.mul(x, g.slice(other, &inside(&spec, shape))), &spec));
        }
    }
    (b < a && g.as_constant(b).is_none()).then(|| g.mul(b, a))
}

/// x > 0 is max(x, 0) > 0, and x > s·x (0 ≤ s < 1) is max(x, s·x) > 0: the output tells.
fn gt(g: &Graph, sources: &[Var]) -> Option<Var> {
    let (x, bound) = (sources[0], sources[1]);
    let shape = g.shape(x);
    let node = g.node(bound);
    let slope_of_x = node.op == Op::Mul
        && node.sources[0] == x
        && g.as_constant(node.sources[1]).is_some_and(|c| (0.0..1.0).contains(&c));
    if !slope_of_x && !is(g, bound, 0.0) {
        return None;
    }
    let output = g.find(&Op::Max, sources, &shape)?;
    Some(g.gt(output, g.constant(0.0, &[])))
}

fn select(g: &Graph, mask: Var, a: Var, b: Var, shape: &[usize]) -> Option<Var> {
    if a == b {
        return Some(a);
    }
    let (pa, pb) = (as_pad(g, a), as_pad(g, b));
    let spec = match (&pa, &pb) {
        (Some((_, s)), Some((_, t))) if s == t => s.clone(),
        (Some((_, s)), None) if is(g, b, 0.0) => s.clone(),
        (None, Some((_, s))) if is(g, a, 0.0) => s.clone(),
        _ => return None,
    };
    let part = |x: Var| g.slice(x, &inside(&spec, shape));
    Some(g.pad(g.select(part(mask), part(a), part(b)), &spec))
}

fn matmul(g: &Graph, a: Var, b: Var, ta: bool, tb: bool, shape: &[usize]) -> Option<Var> {
    let inner_length = g.shape(a)[usize::from(!ta)];
    if inner_length == 1 {
        let column = g.broadcast(g.reshape(a, &[shape[0], 1]), shape);
        let row = g.broadcast(g.reshape(b, &[1, shape[1]]), shape);
        return Some(g.mul(column, row));
    }
    // A matrix with its axes exchanged is read transposed.
    let turned = |v: Var| match &g.node(v).op {
        Op::Permute(_) => Some(g.node(v).sources[0]),
        _ => None,
    };
    match (turned(a), turned(b)) {
        (None, None) => {}
        (x, y) => {
            return Some(g.matmul_with(x.unwrap_or(a), y.unwrap_or(b), ta != x.is_some(), tb != y.is_some()));
        }
    }
    if let Some((x, spec)) = as_pad(g, a)
        && let Some(axis) = only_axis(&spec)
    {
        if axis == usize::from(ta) {
            return Some(g.pad(g.matmul_with(x, b, ta, tb), &[spec[axis], (0, 0)]));
        }
        let (before, after) = spec[axis];
        let part = g.slice_axis(b, usize::from(tb), before, inner_length - after);
        return Some(g.matmul_with(x, part, ta, tb));
    }
    if let Some((y, spec)) = as_pad(g, b)
        && let Some(axis) = only_axis(&spec)
    {
        if axis == usize::from(!tb) {
            return Some(g.pad(g.matmul_with(a, y, ta, tb), &[(0, 0), spec[axis]]));
        }
        let (before, after) = spec[axis];
        let part = g.slice_axis(a, usize::from(!ta), before, inner_length - after);
        return Some(g.matmul_with(part, y, ta, tb));
    }
    None
}
