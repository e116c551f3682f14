//! Launches whose places are nodes still.

use super::pointwise::Program;
use super::view;
use super::work::{Map, Reduce, Work};
use crate::graph::Var;

/// A launch, and the nodes that it stores.
pub(super) struct Draft {
    pub name: String,
    pub work: Work<Var>,
    pub stores: Vec<Var>,
}

/// Merges the axes of a map that all its views walk as one.
pub(super) fn collapse_map(map: &mut Map<Var>) {
    let mut fixed = vec![false; map.shape.len()];
    view::collapse(&mut map.shape, &mut fixed, &mut map.program.axes_mut());
}

/// A sum of a program's results over some axes of a space, its axes merged where all views walk them as one.
pub(super) fn collapse_reduce(
    mut shape: Vec<usize>,
    axes: &[usize],
    mut program: Program<Var>,
) -> Reduce<Var> {
    // Axes of length 1 may count as either kind; let them follow their neighbour.
    let mut summed: Vec<bool> = (0..shape.len()).map(|i| axes.contains(&i)).collect();
    for i in (0..shape.len()).filter(|&i| shape[i] == 1).collect::<Vec<_>>() {
        summed[i] = if i > 0 { summed[i - 1] } else { summed.iter().zip(&shape).any(|(s, n)| *s && *n > 1) };
    }
    let mut fixed: Vec<bool> =
        (0..shape.len()).map(|i| i + 1 < shape.len() && summed[i] != summed[i + 1]).collect();
    view::collapse(&mut shape, &mut fixed, &mut program.axes_mut());
    // An axis is summed where no result moves along it.
    let still = |i: usize| program.results.iter().all(|(_, v)| v.strides[i] == 0);
    let summed = (0..shape.len()).map(|i| still(i) && shape[i] > 1).collect();
    Reduce { shape, summed, program }
}
