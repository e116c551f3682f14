//! A maxout rides along with its product: the map that takes the greatest of each unit's pieces, and whatever
//! pointwise arithmetic follows, is done by the launch that computes the pieces.
//!
//! Any map qualifies that reads nothing but the product's columns, seen as `[rows, piece, unit]`, and random numbers:
//! a block that has computed some units with all their pieces can run it on them at once.

use super::plan::{Load, Matmul, Maxout, Program, Work};

/// The product with the map as its maxout, if it qualifies. Places are those of the draft: one number a node.
pub(super) fn ride(product: &Matmul, map: &Work) -> Option<Matmul> {
    let Work::Map { shape, program } = map else { return None };
    let [m, n, _] = product.size;
    let [rows, units] = shape[..] else { return None };
    let whole = rows == m && units > 0 && n.is_multiple_of(units) && n > units;
    let alone = product.maxout.is_none() && product.column_sums.is_none();
    let dense = product.out.base == 0 && product.out.strides == [n as isize, 1];
    if !whole || !alone || !dense || !reads_pieces(product, program, units) {
        return None;
    }
    let maxout = Maxout { pieces: n / units, shape: shape.clone(), program: program.clone() };
    Some(Matmul { maxout: Some(maxout), ..product.clone() })
}

/// Whether a program reads whole pieces of the product's result, at least two, and nothing else from memory.
fn reads_pieces(product: &Matmul, program: &Program, units: usize) -> bool {
    let piece = |load: &&Load| match load {
        Load::Rand { .. } => false,
        Load::Memory(view) => {
            view.place == product.out.place
                && view.strides == product.out.strides
                && usize::try_from(view.base).is_ok_and(|base| base.is_multiple_of(units))
                && view.windows == [(0, product.size[0]), (0, units)]
        }
    };
    let from_memory = program.loads.iter().filter(|l| matches!(l, Load::Memory(_))).count();
    let elsewhere = program.results.iter().all(|(_, view)| view.place != product.out.place);
    from_memory >= 2 && program.loads.iter().filter(piece).count() == from_memory && elsewhere
}
