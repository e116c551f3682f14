//! Which memory holds 16-bit numbers, where products multiply such.
//!
//! A node that a product reads is stored in 16 bits, so that tensor cores read it as it lies; everything else stays
//! f32. Both operands of a product have one type: where one of them must stay f32, so does the other, and with it
//! every product that reads it.

use super::place::Place;
use super::view::View;
use super::work::Work;
use crate::graph::Var;
use crate::precision::Precision;
use std::collections::HashSet;

/// The nodes to store in 16 bits. Nodes of `wide` stay f32, and `parameter` tells those that lie in memory in both types.
pub(super) fn narrow<'a>(
    works: impl Iterator<Item = &'a Work<Var>>,
    wide: &HashSet<Var>,
    parameter: &dyn Fn(Var) -> bool,
) -> HashSet<Var> {
    let products: Vec<[Var; 2]> =
        works.flat_map(Work::operands).map(|pair| pair.map(|view| view.place)).collect();
    let mut wide = wide.clone();
    let mut known = 0;
    while known < wide.len() {
        known = wide.len();
        for pair in &products {
            if pair.iter().any(|n| wide.contains(n)) {
                wide.extend(pair.iter().filter(|n| !parameter(**n)));
            }
        }
    }
    products.into_iter().flatten().filter(|n| !wide.contains(n) && !parameter(*n)).collect()
}

/// Lets a product read the 16-bit copies of parameters, where its other operand has 16 bits or is a parameter too.
pub(super) fn agree(a: &mut View, b: &mut View, precision: Precision) {
    let fits = |view: &View| matches!(view.place, Place::Narrow(_) | Place::Weights(..));
    if precision.stored().is_none() || !fits(a) || !fits(b) {
        return;
    }
    for view in [a, b] {
        if let Place::Weights(optimizer, at) = view.place {
            view.place = Place::Copies(optimizer, at);
        }
    }
}
