//! Plans: what executors run. Launches over one arena, in order.

use super::place::{Place, ReadFrom};
use super::places;
use super::view::View;
use super::work::Work;
use crate::graph::{MAX_OPTIMIZERS, OptimizerId};
use crate::precision::Precision;
use std::collections::BTreeSet;

/// A launch and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch<P = Place> {
    /// Path of the node it stores first.
    pub name: String,
    /// What it does.
    pub work: Work<P>,
}

/// A node that has memory of its own: for tests, dumps and statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The graph's node.
    pub var: crate::graph::Var,
    /// Where and how it lies, over the node's shape.
    pub view: View,
    /// Launches that write it (several for a concatenation).
    pub writers: Vec<usize>,
    /// The last launch that reads it; `usize::MAX` if it outlives the plan.
    pub last_reader: usize,
}

/// What is over when a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ends {
    /// Nothing: the next phase draws the same noise, and sees the same minibatch.
    Nothing,
    /// The tick.
    #[default]
    Tick,
    /// The tick, and the training step.
    Step,
}

impl Ends {
    /// Ticks that are over: 0 or 1.
    pub fn ticks(self) -> u64 {
        u64::from(self != Ends::Nothing)
    }

    /// Training steps that are over: 0 or 1.
    pub fn steps(self) -> u64 {
        u64::from(self == Ends::Step)
    }
}

/// One phase of training, or a task that changes nothing that outlives it, ready to run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// In order.
    pub launches: Vec<Launch>,
    /// What products multiply, and the format of 16-bit places.
    pub precision: Precision,
    /// Scratch, in `f32`s.
    pub arena: usize,
    /// Scratch of 16-bit numbers, in elements.
    pub narrow: usize,
    /// Nodes with memory.
    pub stored: Vec<Stored>,
    /// What the host fills before the plan runs.
    pub inputs: Vec<Named>,
    /// What the plan leaves in the arena.
    pub outputs: Vec<Named>,
    /// What is over when it is.
    pub ends: Ends,
    /// Where parameters and states are read.
    pub from: ReadFrom,
}

impl Plan {
    /// Whether it updates, by optimizer.
    pub fn updates(&self) -> [bool; MAX_OPTIMIZERS] {
        let mut updates = [false; MAX_OPTIMIZERS];
        self.launches.iter().filter_map(|l| l.work.updated()).for_each(|o| updates[o.index()] = true);
        updates
    }

    /// Whether it leaves everything that outlives it as it was.
    pub fn is_task(&self) -> bool {
        let changes = |work: &Work| work.updated().is_some() || matches!(work, Work::StoreStates(_));
        !self.launches.iter().any(|l| changes(&l.work))
    }

    /// Optimizers whose parameters or states it reads.
    pub fn read_optimizers(&self) -> BTreeSet<OptimizerId> {
        let places = self.launches.iter().flat_map(|l| places::reads(&l.work));
        let optimizer = |place| match place {
            Place::Weights(of, _) | Place::Copies(of, _) | Place::State(of, _) => Some(of),
            Place::Arena(_) | Place::Narrow(_) | Place::Gradients(..) | Place::Scale(_) => None,
        };
        places.filter_map(optimizer).collect()
    }

    /// What the host fills under that name.
    ///
    /// # Panics
    /// When there is no such input.
    pub fn input(&self, name: &str) -> &Named {
        self.inputs.iter().find(|i| i.name == name).unwrap_or_else(|| panic!("no input {name}"))
    }

    /// What the plan leaves under that name.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn output(&self, name: &str) -> &Named {
        self.outputs.iter().find(|o| o.name == name).unwrap_or_else(|| panic!("no output {name}"))
    }

    /// The outputs that are one number: what people read of a phase.
    pub fn statistics(&self) -> impl Iterator<Item = &Named> {
        self.outputs.iter().filter(|output| output.len == 1)
    }
}

/// A named part of the arena.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// What it is.
    pub name: String,
    /// Where it starts.
    pub at: usize,
    /// Elements.
    pub len: usize,
}
