//! What is known before nodes are grouped: which chains a product could take along, what must have memory, what only sums
//! read.

use super::analysis::{Analysis, as_rows};
use super::epilogue::{Pattern, patterns};
use super::view::View;
use crate::graph::{Family, Op, Var};
use std::collections::{HashMap, HashSet};

/// Pointwise nodes a reduction may take in front.
const IN_FRONT_OF_SUM: usize = 20;

/// Pointwise chains behind contractions, were there no cycles to fear: result → pattern.
pub(super) fn tentative_chains(a: &Analysis) -> HashMap<Var, Pattern> {
    let mut ends: HashSet<Var> = HashSet::new();
    let mut chains = HashMap::new();
    for &v in &a.order {
        if a.node(v).op.family() == Family::Contract {
            ends.insert(v);
        }
        let fits = |p: &Pattern| {
            let inside = |r: &Var| *r == v || p.between.contains(r);
            ends.contains(&p.input)
                && a.stage[&p.input] == a.stage[&v]
                && !a.is_root(p.input)
                && a.readers(p.input).iter().all(inside)
                && p.between.iter().all(|b| !a.is_root(*b) && a.readers(*b).iter().all(inside))
        };
        let latest = patterns(a, v).into_iter().filter(fits).max_by_key(|p| a.position[&p.input]);
        if let Some(pattern) = latest {
            ends.remove(&pattern.input);
            ends.insert(v);
            chains.insert(v, pattern);
        }
    }
    chains
}

/// Products whose right operand is also summed over its rows, for nobody but the stage itself: the sum of each. A
/// bias' gradient then needs no launch of its own.
pub(super) fn column_sums(a: &Analysis) -> HashMap<Var, Var> {
    let mut found = HashMap::new();
    for &v in &a.order {
        let node = a.node(v);
        let Op::Sum(axes) = &node.op else { continue };
        let operand = node.sources[0];
        let shape = a.g.shape(operand);
        let Some(columns) = shape.len().checked_sub(1) else { continue };
        let rows_alone = !axes.contains(&columns) && (0..columns).all(|i| axes.contains(&i) || shape[i] == 1);
        if !rows_alone || !a.readers(v).is_empty() {
            continue;
        }
        let fits = |m: &Var| {
            let product = a.node(*m);
            matches!(product.op, Op::Matmul { tb: false, .. } | Op::ConvDw(_))
                && product.sources[1] == operand
                && a.stage[m] == a.stage[&v]
                && !found.contains_key(m)
        };
        if let Some(product) = a.readers(operand).iter().copied().find(fits) {
            found.insert(product, v);
        }
    }
    found
}

/// Nodes that must have memory whatever the grouping: roots, what contractions and views read, copies.
pub(super) fn hard_buffered(a: &Analysis) -> HashSet<Var> {
    let mut hard = HashSet::new();
    let has_own_memory = |v: Var| matches!(a.node(v).op, Op::Input(_) | Op::Param { .. } | Op::State { .. });
    let base_of = |v: Var| a.view(v).place;
    for &v in &a.order {
        let node = a.node(v);
        match node.op.family() {
            Family::Contract => {
                for (number, &s) in node.sources.iter().enumerate() {
                    let view = a.view(s);
                    let base = view.place;
                    let shape = a.g.shape(s);
                    let repeats = view.strides.iter().zip(&shape).any(|(&st, &n)| st == 0 && n > 1);
                    // A draw that was stored for another product need not be drawn again for a part of it.
                    let random = matches!(a.node(base).op, Op::Rand { .. }) && !hard.contains(&base);
                    // Convolutions read whole pixels, and kernels as they lie.
                    let taken = match (&node.op, number) {
                        (Op::Matmul { .. }, _) => true,
                        (Op::Conv(_) | Op::ConvDx(_), 1) => {
                            *view == View { base: view.base, ..View::contiguous(base, &shape) }
                        }
                        (Op::ConvDw(_), 1) => as_rows(view, &shape).is_some_and(|rows| rows.strides[1] == 1),
                        _ => view.strides[3] == 1 || shape[3] == 1,
                    };
                    let backwards = view.strides.iter().any(|&stride| stride < 0);
                    let readable = !view.is_windowed(&shape) && !repeats && !backwards && !random && taken;
                    hard.insert(if readable { base } else { s });
                }
            }
            Family::Reduce => {
                hard.insert(v);
            }
            Family::Movement if a.is_assembly(v) => {}
            Family::Movement => {
                if a.copies.contains_key(&v) {
                    hard.insert(v);
                }
                let random = matches!(a.node(a.through_movement(v)).op, Op::Rand { .. });
                if !random && a.g.as_constant(v).is_none() {
                    hard.insert(base_of(node.sources[0]));
                }
            }
            Family::Leaf | Family::Pointwise => {}
        }
        if a.concats.contains_key(&v) || a.part_of.contains_key(&v) {
            hard.insert(v);
        }
    }
    hard.extend(&a.roots);
    hard.retain(|v| !has_own_memory(*v));
    hard
}

/// Pointwise nodes that only sums of one space and the same axes read.
pub(super) fn in_front_of_sums(a: &Analysis, hard: &HashSet<Var>) -> HashSet<Var> {
    let mut axes_of: HashMap<Var, Vec<usize>> = HashMap::new();
    for &v in a.order.iter().rev() {
        let node = a.node(v);
        if node.op.family() != Family::Pointwise || hard.contains(&v) || a.readers(v).is_empty() {
            continue;
        }
        let wanted: Vec<Option<Vec<usize>>> = a
            .readers(v)
            .iter()
            .map(|r| match &a.node(*r).op {
                Op::Sum(axes) => Some(axes.clone()),
                _ => axes_of.get(r).cloned(),
            })
            .collect();
        let agree = wanted.windows(2).all(|w| w[0] == w[1]);
        if let (true, Some(axes)) = (agree, wanted[0].clone())
            && tree_size(a, v, &axes_of) <= IN_FRONT_OF_SUM
        {
            axes_of.insert(v, axes);
        }
    }
    axes_of.into_keys().collect()
}

/// Nodes of the pointwise tree above `v` up to the sum: a bound on the program that the sum would carry.
fn tree_size(a: &Analysis, v: Var, marked: &HashMap<Var, Vec<usize>>) -> usize {
    let above: usize =
        a.readers(v).iter().filter(|r| marked.contains_key(r)).map(|&r| tree_size(a, r, marked)).sum();
    1 + above
}
