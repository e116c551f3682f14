//! What kernels take at most, and what they index: numbers that host and kernels share.

use crate::graph::MAX_OPTIMIZERS;
use crate::lower;

/// Axes of an iteration space.
pub(super) const RANK: usize = 6;
/// Epilogue steps of a matmul.
pub(super) const MAX_STEPS: usize = 8;
/// Inputs that a launch fills with the minibatch.
pub(super) const MAX_GATHERS: usize = 2;
/// Maps beside them.
pub(super) const MAX_MAPS: usize = 4;
const _: () =
    assert!(lower::MOST_GATHERS <= MAX_GATHERS, "lowering unites no more inputs than a launch takes");
const _: () = assert!(lower::MOST_DRAWS <= MAX_MAPS, "lowering unites no more maps than a launch takes");
/// Products of a launch.
pub(super) const MAX_PRODUCTS: usize = 4;
const _: () =
    assert!(lower::MOST_PRODUCTS <= MAX_PRODUCTS, "lowering unites no more products than a launch takes");
const _: () = assert!(lower::MOST_LOGITS <= MAX_PRODUCTS, "nor logits");
/// Phases of an axis of a transposed convolution: the largest stride.
pub(super) const MAX_PHASES: usize = 16;
/// States that a launch stores.
pub(super) const MAX_COPIES: usize = 32;
/// Statistics of a plan that a phase records.
pub(super) const MAX_STATISTICS: usize = 24;
/// Numbers of an optimizer that a phase records: squared gradient norm, loss scale, whether its update was left out.
pub(super) const OPTIMIZER_METRICS: usize = 3;
/// Widths that a launch of Parzen windows takes.
pub(super) const MAX_WIDTHS: usize = 10;

/// Elements that a block of an update walks.
pub(super) const UPDATE_PER_BLOCK: usize = 4096;
/// Elements that a block of states copies.
pub(super) const STATES_PER_BLOCK: usize = 1024;
/// Phases whose metrics a device keeps; the next one overwrites the oldest.
pub const SLOTS: usize = 256;
/// Numbers that a slot of the ring of metrics holds: statistics, then [`OPTIMIZER_METRICS`] of each optimizer.
pub(super) const SLOT_WIDTH: usize = MAX_STATISTICS + OPTIMIZER_METRICS * MAX_OPTIMIZERS;

/// A number that kernels index with, or why it is too large.
pub(super) fn number(n: usize, what: &str) -> std::result::Result<u32, String> {
    // Kernels round up to whole blocks of threads: some room stays below 2³².
    let fits = u32::try_from(n).ok().filter(|&n| n < u32::MAX - 65_536);
    fits.ok_or_else(|| format!("{what} of {n} elements is more than the GPU's kernels index (2³²)"))
}
