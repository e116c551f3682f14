//! Which pointwise nodes a contraction can take along: the patterns of the closed list.

use super::analysis::Analysis;
use super::product::Epilogue;
use crate::graph::{Dist, Op, Var};

/// "`result` is `epilogue` applied to `input`", the nodes between them having no other use. What the epilogue takes are
/// nodes still.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub epilogue: Epilogue<Var, Var>,
    pub input: Var,
    /// Nodes between input and result.
    pub between: Vec<Var>,
}

/// Every way to see `result` as an epilogue, the most telling first. The caller checks that the input is a
/// contraction's end.
pub(super) fn patterns(a: &Analysis, result: Var) -> Vec<Pattern> {
    let node = a.node(result);
    let simple = |epilogue, input| Pattern { epilogue, input, between: vec![] };
    let mut found = Vec::new();
    let both = || match node.sources[..] {
        [x, y] => vec![(x, y), (y, x)],
        _ => vec![],
    };
    match node.op {
        Op::Tanh => found.push(simple(Epilogue::Tanh, node.sources[0])),
        Op::Sigmoid => found.push(simple(Epilogue::Sigmoid, node.sources[0])),
        Op::Max => {
            let (x, bound) = (node.sources[0], node.sources[1]);
            if a.g.as_constant(bound) == Some(0.0) {
                found.push(simple(Epilogue::Relu, x));
            } else if let Some(slope) = scaled(a, bound, x) {
                found.push(Pattern { epilogue: Epilogue::LeakyRelu(slope), input: x, between: vec![bound] });
            }
        }
        Op::Select => {
            let [mask, x, other] = node.sources[..] else { return found };
            let m = a.node(mask);
            if m.op == Op::Gt && a.g.as_constant(m.sources[1]) == Some(0.0) {
                let y = m.sources[0];
                if a.g.as_constant(other) == Some(0.0) {
                    found.push(simple(Epilogue::ReluGrad(y), x));
                } else if let Some(slope) = scaled(a, other, x) {
                    let epilogue = Epilogue::LeakyReluGrad(y, slope);
                    found.push(Pattern { epilogue, input: x, between: vec![other] });
                }
            }
        }
        Op::Mul => {
            for (x, factor) in both() {
                if let Some(c) = a.g.as_constant(factor) {
                    found.push(simple(Epilogue::Scale(c as f32), x));
                } else if let Some(epilogue) = dropout(a, factor) {
                    found.push(simple(epilogue, x));
                } else if let Some(y) = one_minus(a, factor) {
                    // x·(1 − y²) or (x'·y)·(1 − y).
                    let (yn, xn) = (a.node(y), a.node(x));
                    if yn.op == Op::Mul && yn.sources[0] == yn.sources[1] {
                        found.push(simple(Epilogue::TanhGrad(yn.sources[0]), x));
                    } else if xn.op == Op::Mul && xn.sources.contains(&y) {
                        let input = xn.sources[usize::from(xn.sources[0] == y)];
                        found.push(Pattern { epilogue: Epilogue::SigmoidGrad(y), input, between: vec![x] });
                    }
                }
            }
        }
        Op::Add => {
            for (x, other) in both() {
                if is_row_of_params(a, other) {
                    found.push(simple(Epilogue::Bias(other), x));
                } else if a.g.as_constant(other).is_none() && !a.is_free(other) {
                    found.push(simple(Epilogue::Accumulate(other), x));
                }
            }
        }
        _ => {}
    }
    found
}

/// c, if `v` is c·x with 0 ≤ c < 1 (so that the output's sign tells the input's).
fn scaled(a: &Analysis, v: Var, x: Var) -> Option<f32> {
    let node = a.node(v);
    let factor = (node.op == Op::Mul && node.sources[0] == x).then(|| a.g.as_constant(node.sources[1]))??;
    (0.0..1.0).contains(&factor).then_some(factor as f32)
}

/// y, if `v` is 1 − y.
fn one_minus(a: &Analysis, v: Var) -> Option<Var> {
    let sum = a.node(v);
    if sum.op != Op::Add || a.g.as_constant(sum.sources[1]) != Some(1.0) {
        return None;
    }
    let negated = a.node(sum.sources[0]);
    let minus = negated.op == Op::Mul && a.g.as_constant(negated.sources[1]) == Some(-1.0);
    minus.then(|| negated.sources[0])
}

/// select(u > threshold, scale, 0) with u uniform random.
fn dropout(a: &Analysis, v: Var) -> Option<Epilogue<Var, Var>> {
    let choice = a.node(v);
    if choice.op != Op::Select || a.g.as_constant(choice.sources[2]) != Some(0.0) {
        return None;
    }
    let scale = a.g.as_constant(choice.sources[1])? as f32;
    let mask = a.node(choice.sources[0]);
    let rand = mask.sources.first().copied().filter(|_| mask.op == Op::Gt)?;
    let threshold = a.g.as_constant(mask.sources[1])? as f32;
    match a.node(a.view(rand).place).op {
        Op::Rand { dist: Dist::Uniform, stream, .. } => {
            Some(Epilogue::Dropout { stream, threshold, scale, view: rand })
        }
        _ => None,
    }
}

/// A parameter vector repeated down the rows.
fn is_row_of_params(a: &Analysis, v: Var) -> bool {
    let node = a.node(v);
    let is_row =
        || a.g.shape(node.sources[0]).split_last().is_some_and(|(_, before)| before.iter().all(|&n| n == 1));
    node.op == Op::Broadcast && is_row() && matches!(a.node(a.through_movement(v)).op, Op::Param { .. })
}
