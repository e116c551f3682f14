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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::scale;

    /// The number that a kernel file defines a name as.
    fn defined(text: &str, name: &str) -> usize {
        let found =
            text.lines().find_map(|l| l.strip_prefix("#define ")?.strip_prefix(name)?.strip_prefix(' '));
        let word = found.and_then(|l| l.split_whitespace().next()).unwrap_or_else(|| panic!("no {name}"));
        word.parse().unwrap_or_else(|e| panic!("{name} {word}: {e}"))
    }

    #[test]
    fn numbers_of_the_kernels_are_those_of_the_host() {
        const COMMON: &str = include_str!("../../../kernels/common.cuh");
        const CLOCK: &str = include_str!("../../../kernels/clock.cu");
        const GATHER: &str = include_str!("../../../kernels/gather.cu");
        const PARZEN: &str = include_str!("../../../kernels/parzen.cu");
        const PRODUCT: &str = include_str!("../../../kernels/product.cuh");
        const PROGRAM: &str = include_str!("../../../kernels/program.cuh");
        const STATES: &str = include_str!("../../../kernels/states.cu");
        const OPTIM: &str = include_str!("../../../kernels/optim.cu");
        const UPDATE: &str = include_str!("../../../kernels/update.cuh");
        for (text, name, wanted) in [
            (COMMON, "RANK", RANK),
            (COMMON, "MAX_OPTIMIZERS", MAX_OPTIMIZERS),
            (CLOCK, "MAX_STATISTICS", MAX_STATISTICS),
            (CLOCK, "OPTIMIZER_METRICS", OPTIMIZER_METRICS),
            (GATHER, "MAX_GATHERS", MAX_GATHERS),
            (GATHER, "MAX_MAPS", MAX_MAPS),
            (PARZEN, "MAX_WIDTHS", MAX_WIDTHS),
            (PRODUCT, "MAX_STEPS", MAX_STEPS),
            (PRODUCT, "MAX_PRODUCTS", MAX_PRODUCTS),
            (PROGRAM, "MAX_INSTRUCTIONS", lower::MAX_INSTRUCTIONS),
            (PROGRAM, "MAX_VIEWS", lower::MAX_VIEWS),
            (STATES, "MAX_COPIES", MAX_COPIES),
            (STATES, "STATES_PER_BLOCK", STATES_PER_BLOCK),
            (OPTIM, "PER_BLOCK", UPDATE_PER_BLOCK),
            (UPDATE, "GROWTH", scale::GROWTH as usize),
        ] {
            assert_eq!(defined(text, name), wanted, "{name}");
        }
    }
}
