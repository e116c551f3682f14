//! Strips: a product's columns, cut into whole vectors of as many as a register tile is wide.

use super::tile::{FEW, lanes, widest};

/// Columns of a product in strips; each but the last is as wide as they get.
#[derive(Debug, Clone, Copy)]
pub struct Strips {
    columns: usize,
    /// Columns of a strip.
    pub widest: usize,
    /// What the last one is filled up to a multiple of, with zeros.
    unit: usize,
}

/// Some columns next to each other.
#[derive(Debug, Clone, Copy)]
pub struct Strip {
    pub first: usize,
    pub columns: usize,
    /// Columns with those that fill vectors up.
    pub wide: usize,
}

impl Strips {
    /// Strips for tiles of whole vectors.
    pub fn of_vectors(columns: usize) -> Strips {
        let widest = widest().min(columns.next_multiple_of(lanes()));
        Strips { columns, widest, unit: lanes() }
    }

    /// One strip for dot products.
    pub fn of_dots(columns: usize) -> Strips {
        assert!(columns <= FEW, "{columns} columns of dots");
        Strips { columns, widest: columns, unit: 1 }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.columns.div_ceil(self.widest.max(1))
    }

    /// Strip number i.
    pub fn strip(&self, i: usize) -> Strip {
        let first = i * self.widest;
        let columns = self.widest.min(self.columns - first);
        Strip { first, columns, wide: columns.next_multiple_of(self.unit) }
    }

    /// Columns of all, with those that fill vectors up.
    pub fn wide(&self) -> usize {
        self.columns.next_multiple_of(self.unit)
    }
}
