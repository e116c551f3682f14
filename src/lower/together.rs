//! Launches that do not need each other become one, whose blocks are dealt to them.
//!
//! Two kinds. The gradients of an optimizer's weights are products that nobody reads before the update: they wait for
//! the last of them, and where they are the whole gradient, the launch updates its weights, too. Noise needs nothing:
//! it is drawn beside the minibatch.

use super::pointwise::Load;
use super::work::{Map, Work};

/// Products of one launch at most; as many as the GPU's kernels take.
pub(crate) const MOST_PRODUCTS: usize = 4;
/// Inputs of a launch that fills minibatches at most; as many as the GPU's kernel takes.
pub(crate) const MOST_GATHERS: usize = 2;
/// Maps drawn beside a minibatch at most.
pub(crate) const MOST_DRAWS: usize = 4;
/// Elements up to which a draw is worth less than a launch; beyond, the kernel that does nothing but draw is faster.
const SMALL_DRAW: usize = 1 << 17;

/// Whether a launch is a product that nobody reads; `read` says whether any launch reads a node.
pub(super) fn is_gradient<P: Copy>(work: &Work<P>, read: &dyn Fn(P) -> bool) -> bool {
    match work {
        Work::Matmul(m) => m.followers.is_empty() && !read(m.out.place),
        _ => false,
    }
}

/// Draws that the launch which fills the minibatch can make too, by their numbers; none where no minibatch is filled.
pub(super) fn draws<P>(launches: &[&Work<P>]) -> Vec<usize> {
    let is_draw = |work: &Work<P>| match work {
        Work::Map(Map { shape, program }) => {
            let random = program.loads.iter().all(|l| matches!(l, Load::Rand { .. }));
            random && !program.loads.is_empty() && shape.iter().product::<usize>() <= SMALL_DRAW
        }
        _ => false,
    };
    let gathers = launches.iter().any(|w| matches!(w, Work::Minibatch(_)));
    let found = (0..launches.len()).filter(|&i| gathers && is_draw(launches[i]));
    found.take(MOST_DRAWS).collect()
}
