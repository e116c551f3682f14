//! Memories that elements live in.

use crate::graph::OptimizerId;

/// A memory that elements live in. Offsets count its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Plan-lifetime scratch.
    Arena(usize),
    /// An optimizer's parameters.
    Weights(OptimizerId, usize),
    /// An optimizer's gradients.
    Gradients(OptimizerId, usize),
    /// The factor on an optimizer's loss, one number.
    Scale(OptimizerId),
    /// The states of an optimizer's networks.
    State(OptimizerId, usize),
    /// Plan-lifetime scratch of 16-bit numbers.
    Narrow(usize),
    /// An optimizer's parameters rounded to 16 bits, each at its offset in [`Place::Weights`].
    Copies(OptimizerId, usize),
}

impl Place {
    /// Whether elements have 16 bits.
    pub fn is_narrow(self) -> bool {
        matches!(self, Place::Narrow(_) | Place::Copies(..))
    }

    /// Bytes of an element.
    pub fn element_bytes(self) -> usize {
        if self.is_narrow() { 2 } else { 4 }
    }
}

/// Which memory a plan's parameters and states are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadFrom {
    /// The weights and the states themselves.
    #[default]
    Weights,
    /// The moving average of the weights, and the states that belong to it, in place. Plans that update nothing may ask
    /// for it, of optimizers that keep an average.
    Average,
}
