//! Maps that follow a product in its launch.
//!
//! A block that has computed a tile can go on with it: take the greatest of each unit's pieces (maxout), hand a
//! gradient back to the greatest piece, join another batch and drop out. Any map qualifies that reads, at each of its
//! indices, nothing else of the result than what the same block has stored, and elsewhere only what was there before
//! the product.

use super::loss_head;
use super::pointwise::{Load, Program};
use super::product::{Follower, Matmul};
use super::view::View;
use super::work::{Map, Work};
use crate::graph::Var;

/// The map as a follower of the product, if it is one; `early` says whether a node is complete before the product.
pub(super) fn follower(
    product: &Matmul<Var>,
    map: &Work<Var>,
    early: &dyn Fn(Var) -> bool,
) -> Option<Follower<Var>> {
    let Work::Map(Map { shape, program }) = map else { return None };
    let [m, n, _] = product.size;
    let [rows, units] = shape[..] else { return None };
    let whole = 0 < rows && rows <= m && units > 0 && n.is_multiple_of(units);
    let dense = product.out.base == 0 && product.out.strides == [n as isize, 1];
    if !whole || !dense || product.column_sums.is_some() {
        return None;
    }
    let pieces = n / units;
    let alike = product.followers.iter().all(|f| f.pieces == pieces);
    // Small maps are better off with their small neighbours.
    let fits = match pieces {
        1 => !loss_head::is_small(map) && reads_own_element(product, program, early),
        _ => rows == m && reads_pieces(product, program, units),
    };
    let elsewhere = program.results.iter().all(|(_, view)| view.place != product.out.place);
    (alike && fits && elsewhere).then(|| Follower { pieces, shape: shape.clone(), program: program.clone() })
}

fn memory_loads(program: &Program<Var>) -> impl Iterator<Item = &View<Var>> {
    program.loads.iter().filter_map(Load::memory)
}

/// Whether a program reads the product's result at its own index alone, and else only what is there early.
fn reads_own_element(product: &Matmul<Var>, program: &Program<Var>, early: &dyn Fn(Var) -> bool) -> bool {
    let own = |view: &View<Var>| view.base == 0 && view.strides == product.out.strides;
    let mut some = false;
    memory_loads(program).all(|view| {
        let result = view.place == product.out.place;
        some |= result;
        if result { own(view) } else { early(view.place) }
    }) && some
}

/// Whether a program reads whole pieces of the product's result, at least two, and nothing else from memory.
fn reads_pieces(product: &Matmul<Var>, program: &Program<Var>, units: usize) -> bool {
    let piece = |view: &View<Var>| {
        view.place == product.out.place
            && view.strides == product.out.strides
            && usize::try_from(view.base).is_ok_and(|base| base.is_multiple_of(units))
            && view.windows == [(0, product.size[0]), (0, units)]
    };
    memory_loads(program).count() >= 2 && memory_loads(program).all(piece)
}
