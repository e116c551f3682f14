//! What other devices keep in 16 bits.

use crate::exec::state::{NetworkState, States};
use crate::graph::OptimizerId;
use crate::lower::Plan;
use crate::precision::Narrow;

/// What other devices keep in 16 bits: here f32s that hold only numbers of the format.
pub struct NarrowMemory {
    /// The format.
    pub format: Narrow,
    /// Scratch of 16-bit numbers.
    pub arena: Vec<f32>,
    /// Parameters rounded; empty where no plan has a place for 16-bit numbers.
    pub copies: Vec<Vec<f32>>,
}

impl NarrowMemory {
    /// The memory of plans, with the parameters of `states` rounded.
    pub fn new(plans: &[Plan], states: &States) -> NarrowMemory {
        let formats = plans.iter().filter_map(|p| p.precision.stored());
        let format = formats.clone().next();
        debug_assert!(formats.into_iter().all(|f| Some(f) == format), "plans of one precision share memory");
        let arena = vec![0.0; plans.iter().map(|p| p.narrow).max().unwrap_or(0)];
        let copied = |s: &NetworkState| if format.is_some() { s.weights.len() } else { 0 };
        let copies = states.iter().map(|s| vec![0.0; copied(s)]).collect();
        let mut memory = NarrowMemory { format: format.unwrap_or(Narrow::F16), arena, copies };
        OptimizerId::first(states.len()).for_each(|optimizer| memory.copy(optimizer, states));
        memory
    }

    /// Rounds an optimizer's parameters again.
    pub fn copy(&mut self, optimizer: OptimizerId, states: &States) {
        let weights = &states[optimizer.index()].weights;
        let to = &mut self.copies[optimizer.index()];
        to.iter_mut().zip(weights).for_each(|(copy, &w)| *copy = self.format.round(w));
    }
}
