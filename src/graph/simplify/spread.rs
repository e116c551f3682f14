//! Sums of what [`Graph::spread`] spread, and scales of framed pictures.
//!
//! A spread result is a reshape of padded blocks, which no strides can say: it would need memory. A sum of several is a
//! reshape of their sum, whose terms are windows. Scales stay outside of it: what a pad reads has memory, and a scaled
//! copy would be written for that alone.

use crate::graph::{Cut, Graph, Op, Var};

/// The node and the constant that it is multiplied by, if `var` is that.
pub(super) fn as_scaled(g: &Graph, var: Var) -> Option<(Var, f64)> {
    let node = g.node(var);
    let factor = g.as_constant(*node.sources.get(1)?)?;
    (node.op == Op::Mul).then_some((node.sources[0], factor))
}

/// Whether a pad leaves all rows of pictures whole: it saves no work for whole rows, which is what pads rise for.
pub(super) fn frames(spec: &[(usize, usize)]) -> bool {
    spec.len() >= 4 && spec[0] == (0, 0)
}

/// Padded blocks that a node is a reshape of, and what is taken of the reshape.
struct Spread {
    blocks: Var,
    whole: Vec<usize>,
    cuts: Option<Vec<Cut>>,
}

fn as_spread(g: &Graph, var: Var) -> Option<Spread> {
    if let Some((of, factor)) = as_scaled(g, var) {
        let spread = as_spread(g, of)?;
        return Some(Spread { blocks: g.scale(spread.blocks, factor), ..spread });
    }
    let node = g.node(var);
    let source = *node.sources.first()?;
    match &node.op {
        Op::Reshape => {
            is_padded(g, source).then(|| Spread { blocks: source, whole: node.shape.clone(), cuts: None })
        }
        Op::Slice(cuts) if g.node(source).op == Op::Reshape => {
            Some(Spread { cuts: Some(cuts.clone()), ..as_spread(g, source)? })
        }
        _ => None,
    }
}

/// Whether `var` is made of framed nodes, their multiples and sums.
fn is_padded(g: &Graph, var: Var) -> bool {
    let node = g.node(var);
    match &node.op {
        Op::Pad(spec) => frames(spec),
        Op::Add => node.sources.iter().all(|&s| is_padded(g, s)),
        Op::Mul => as_scaled(g, var).is_some_and(|(of, _)| is_padded(g, of)),
        _ => false,
    }
}

/// The sum of two nodes that [`join`] joins, or of one and a sum that has a term to join it to.
pub(super) fn add(g: &Graph, a: Var, b: Var) -> Option<Var> {
    for (sum, term) in [(a, b), (b, a)] {
        if let Some(joined) = join(g, sum, term) {
            return Some(joined);
        }
        let node = g.node(sum);
        let terms = if node.op == Op::Add { [(0, 1), (1, 0)] } else { continue };
        for (i, j) in terms {
            if let Some(joined) = join(g, node.sources[i], term) {
                return Some(g.add(joined, node.sources[j]));
            }
        }
    }
    None
}

/// The sum of two spread nodes, block by block; of two moved nodes with one scale, which is then taken once.
fn join(g: &Graph, a: Var, b: Var) -> Option<Var> {
    if let (Some((x, factor)), Some((y, other))) = (as_scaled(g, a), as_scaled(g, b))
        && factor == other
        && is_moved(g, x)
        && is_moved(g, y)
    {
        return Some(g.scale(g.add(x, y), factor));
    }
    let (a, b) = (as_spread(g, a)?, as_spread(g, b)?);
    let alike = g.shape(a.blocks) == g.shape(b.blocks) && a.whole == b.whole && a.cuts == b.cuts;
    alike.then(|| {
        let whole = g.reshape(g.add(a.blocks, b.blocks), &a.whole);
        a.cuts.map_or(whole, |cuts| g.cut(whole, &cuts))
    })
}

/// Whether `var` is pictures cut or framed, or a sum of such.
fn is_moved(g: &Graph, var: Var) -> bool {
    let node = g.node(var);
    match node.op {
        Op::Slice(_) => node.shape.len() >= 4,
        Op::Pad(ref spec) => frames(spec),
        Op::Add => node.sources.iter().all(|&s| is_moved(g, s)),
        _ => false,
    }
}
