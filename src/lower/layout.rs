//! Where the parameters and states of a model's networks lie.

use crate::graph::{NetworkId, OptimizerId};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where everything that outlives a phase lies in the optimizers' flat memories.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The networks, by [`NetworkId`].
    pub networks: Vec<NetworkLayout>,
    /// What each optimizer is called in the names of launches, by [`OptimizerId`]: `G`.
    pub names: Vec<String>,
}

/// Where the parameters and states of one network lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkLayout {
    /// The optimizer in whose memory they lie.
    pub optimizer: OptimizerId,
    /// First element of each parameter, by name.
    pub parameters: BTreeMap<String, usize>,
    /// Elements of each state among the optimizer's states, by name.
    pub states: BTreeMap<String, Range<usize>>,
}

impl Layout {
    /// The optimizer in whose memory a parameter lies, and its first element there.
    ///
    /// # Panics
    /// When the model has no such network, or that no such parameter.
    pub fn parameter(&self, network: NetworkId, name: &str) -> (OptimizerId, usize) {
        let found = self.networks.get(network.index()).unwrap_or_else(|| panic!("no {network:?}"));
        let at = found.parameters.get(name).unwrap_or_else(|| panic!("{network:?} has no {name}"));
        (found.optimizer, *at)
    }

    /// The optimizer among whose states a state lies, and its elements there.
    ///
    /// # Panics
    /// When the model has no such network, or that no such state.
    pub fn state(&self, network: NetworkId, name: &str) -> (OptimizerId, Range<usize>) {
        let found = self.networks.get(network.index()).unwrap_or_else(|| panic!("no {network:?}"));
        let range = found.states.get(name).unwrap_or_else(|| panic!("{network:?} has no state {name}"));
        (found.optimizer, range.clone())
    }

    /// The optimizer of each network.
    pub fn optimizers(&self) -> Vec<OptimizerId> {
        self.networks.iter().map(|n| n.optimizer).collect()
    }

    /// What an optimizer is called in the names of launches; its number, where it has no name.
    pub fn name(&self, optimizer: OptimizerId) -> String {
        self.names.get(optimizer.index()).cloned().unwrap_or_else(|| optimizer.0.to_string())
    }
}
