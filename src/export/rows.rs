//! What of a task's graph depends on how many rows it has.
//!
//! A task's graph is of a fixed number of rows. Files of other programs want it for any number: so the graph is built for
//! two, both primes far from any layer's width, and set side by side. An axis that differs has rows in it.

use crate::error::{Error, Result};
use crate::graph::{Graph, Op, Var};
use crate::models::Task;
use std::collections::HashMap;

/// Rows of the two graphs.
const ROWS: [usize; 2] = [9_973, 10_007];

/// Length of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many, whatever the number of rows.
    Fixed(usize),
    /// So many a row.
    PerRow(usize),
}

/// A task's graph for any number of rows.
pub struct AnyRows {
    /// The task, for some number of rows.
    pub task: Task,
    /// Nodes that its result needs, operands before users.
    pub order: Vec<Var>,
    lengths: HashMap<Var, Vec<Length>>,
}

impl AnyRows {
    /// A task that is made for a number of rows.
    ///
    /// # Errors
    /// When rows depend on each other, by sums over all of them.
    pub fn of(made: impl Fn(usize) -> Task) -> Result<AnyRows> {
        let [task, other] = ROWS.map(made);
        let [order, others] = [&task, &other].map(|task| task.graph.topological(&[task.stage.outputs[0].1]));
        let mut lengths = HashMap::new();
        let bound = |path: &str| {
            Error::Usage(format!(
                "{path}: it depends on all examples of a minibatch; such a generator cannot be exported"
            ))
        };
        if order.len() != others.len() {
            return Err(bound("the generator"));
        }
        for (&var, &twin) in order.iter().zip(&others) {
            let (node, twin) = (task.graph.node(var), other.graph.node(twin));
            let axes = node.shape.iter().zip(&twin.shape).map(|(&a, &b)| length([a, b]));
            let axes = axes.collect::<Option<Vec<_>>>().filter(|_| node.shape.len() == twin.shape.len());
            let one_op = agree(
                [&node.op, &twin.op],
                [(&task.graph, node.sources.first()), (&other.graph, twin.sources.first())],
            );
            lengths.insert(var, axes.filter(|_| one_op).ok_or_else(|| bound(&node.path))?);
        }
        Ok(AnyRows { task, order, lengths })
    }

    /// Axis lengths of a node.
    pub fn lengths(&self, var: Var) -> &[Length] {
        &self.lengths[&var]
    }
}

/// The length that an axis has in both graphs.
fn length([a, b]: [usize; 2]) -> Option<Length> {
    let [share, left] = [a / ROWS[0], a % ROWS[0]];
    match a == b {
        true => Some(Length::Fixed(a)),
        false => (left == 0 && b == share * ROWS[1]).then_some(Length::PerRow(share)),
    }
}

/// Whether two ops do the same, each to the rows that it has.
fn agree([a, b]: [&Op; 2], operands: [(&Graph, Option<&Var>); 2]) -> bool {
    let (Op::Slice(first), Op::Slice(second)) = (a, b) else { return a == b };
    let [whole, twin] = operands.map(|(g, var)| var.map_or(vec![], |&var| g.shape(var)));
    let mut axes = first.iter().zip(second).zip(whole.iter().zip(&twin));
    axes.all(|((a, b), (&n, &m))| a == b || (a.is_whole(n) && b.is_whole(m)))
}
