//! Numbers that kernels and host share, read from the kernels' text.

use super::blocks::number_type;
use super::limits::{
    MAX_COPIES, MAX_GATHERS, MAX_MAPS, MAX_PRODUCTS, MAX_STATISTICS, MAX_STEPS, MAX_WIDTHS,
    OPTIMIZER_METRICS, RANK, STATES_PER_BLOCK, UPDATE_PER_BLOCK,
};
use super::{minibatch, parzen, update};
use crate::exec::scale;
use crate::graph::MAX_OPTIMIZERS;
use crate::lower;
use crate::precision::Narrow;

/// The number that a kernel file defines a name as.
fn defined(text: &str, name: &str) -> usize {
    let found = text.lines().find_map(|l| l.strip_prefix("#define ")?.strip_prefix(name)?.strip_prefix(' '));
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
        (PARZEN, "SPAN", parzen::SPAN),
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

/// The enumerators of a kernel file's enumeration, given its first.
fn enumerators<'a>(text: &'a str, first: &str) -> Vec<&'a str> {
    let lists = text.split("enum {").skip(1).filter_map(|rest| rest.split('}').next());
    let mut lists = lists.map(|list| list.split(',').map(str::trim).collect::<Vec<_>>());
    lists.find(|names| names[0] == first).unwrap_or_else(|| panic!("no enumeration that begins with {first}"))
}

#[test]
fn enumerations_of_the_kernels_are_those_of_the_host() {
    let upper = |names: &[&str]| names.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>();
    let update = include_str!("../../../kernels/update.cuh");
    assert_eq!(enumerators(update, "SGD"), upper(&update::RULES));
    let gather = include_str!("../../../kernels/gather.cu");
    assert_eq!(enumerators(gather, "BYTES"), minibatch::SOURCES);
    let formats = [None, Some(Narrow::F16), Some(Narrow::Bf16)].map(number_type);
    assert_eq!(formats, [0, 1, 2]);
    assert_eq!(enumerators(include_str!("../../../kernels/common.cuh"), "F32"), ["F32", "F16", "BF16"]);
}
