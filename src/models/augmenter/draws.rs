//! The random numbers of augmentation: whether a transform happens to a picture, and how.

use crate::graph::{Dist, Graph, Var};

/// Where transforms draw from: one pass of D over so many pictures.
pub struct Chance<'a> {
    /// The graph being built.
    pub g: &'a Graph,
    /// Name of the pass; streams begin with it.
    pub name: &'a str,
    /// Pictures of the pass.
    pub rows: usize,
    /// Probability of each transform, a scalar.
    pub p: Var,
}

/// Numbers of one stream, `[rows, count]`.
pub struct Draws<'a> {
    g: &'a Graph,
    numbers: Var,
    p: Var,
}

impl<'a> Chance<'a> {
    /// `count` numbers a picture, of the stream `name` of this pass.
    pub fn draws(&self, name: &str, dist: Dist, count: usize) -> Draws<'a> {
        let numbers = self.g.rand(&format!("{}/{name}", self.name), dist, &[self.rows, count]);
        Draws { g: self.g, numbers, p: self.p }
    }
}

impl Draws<'_> {
    /// Number `i` of each picture, `[rows, 1, 1, 1]`.
    pub fn number(&self, i: usize) -> Var {
        let column = self.g.slice_axis(self.numbers, 1, i, i + 1);
        let rows = self.g.shape(column)[0];
        self.g.reshape(column, &[rows, 1, 1, 1])
    }

    /// 1 with probability p, by the uniform number `i` of each picture.
    pub fn happens(&self, i: usize) -> Var {
        self.g.gt(self.p, self.number(i))
    }

    /// `value` with probability p, by the uniform number `i` of each picture, else `otherwise`.
    pub fn perhaps(&self, i: usize, value: Var, otherwise: f64) -> Var {
        self.g.select(self.happens(i), value, self.g.constant(otherwise, &[]))
    }
}
