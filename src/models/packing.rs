//! What D sees at once: examples with their labels, several as one where it sees packs (PacGAN, 1712.04086).

use crate::graph::{Graph, Var};

/// `[rows, width]` with one-hot labels `[rows, classes]` joined behind, where there are any.
pub fn with_labels(g: &Graph, x: Var, labels: Option<Var>) -> Var {
    labels.map_or(x, |l| g.concat(&[x, l], 1))
}

/// `[rows, numbers]` and labels as D's input, `[rows / pack, pack·(numbers + classes)]`.
pub fn packed(g: &Graph, x: Var, labels: Option<Var>, pack: usize) -> Var {
    let x = with_labels(g, x, labels);
    let [rows, width] = g.shape(x)[..] else { unreachable!("examples are rows") };
    g.reshape(x, &[rows / pack, pack * width])
}

/// Labels repeated for each of `times` minibatches, one behind the other.
pub fn repeated(g: &Graph, labels: Option<Var>, times: usize) -> Option<Var> {
    labels.map(|l| g.concat(&vec![l; times], 0))
}

/// The two halves of the rows: what D says of real and of fake, or of any two minibatches joined.
pub fn halves(g: &Graph, joined: Var) -> (Var, Var) {
    let half = g.shape(joined)[0] / 2;
    (g.slice_axis(joined, 0, 0, half), g.slice_axis(joined, 0, half, 2 * half))
}
