//! Minibatches joined for one pass, and taken apart again.

use crate::graph::{Graph, Var};

/// Labels repeated for each of `times` minibatches, one behind the other.
pub fn repeated(g: &Graph, labels: Option<Var>, times: usize) -> Option<Var> {
    labels.map(|l| g.concat(&vec![l; times], 0))
}

/// The two halves of the rows: what D says of real and of fake, or of any two minibatches joined.
pub fn halves(g: &Graph, joined: Var) -> (Var, Var) {
    let half = g.shape(joined)[0] / 2;
    (g.slice_axis(joined, 0, 0, half), g.slice_axis(joined, 0, half, 2 * half))
}
