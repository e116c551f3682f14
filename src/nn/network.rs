//! Networks as lists of named tensors: where each lies in its optimizer's flat memory, and how it starts.

use super::tensor::{Parameter, StateTensor};
use crate::config::Role;
use crate::graph::{NetworkId, OptimizerId};
use crate::lower::{Layout, NetworkLayout};

/// A network with every shape settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Number of the network in the model's list.
    pub id: NetworkId,
    /// What it is in the game.
    pub role: Role,
    /// Name in files: `generator`; of several networks of a role `generator.a2b`.
    pub name: String,
    /// Name in node paths and random streams: `G`, `G.a2b`.
    pub path: String,
    /// The optimizer that updates it.
    pub optimizer: OptimizerId,
    /// Parameters in the order of their declaration.
    pub parameters: Vec<Parameter>,
    /// States in the order of their declaration.
    pub states: Vec<StateTensor>,
    /// Layers in a few words, for people: `100 → 240 → 784`.
    pub outline: String,
}

impl Network {
    /// Parameters' elements, alignment gaps not counted.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Parameter::len).sum()
    }

    /// The parameter of that name.
    ///
    /// # Panics
    /// When there is none.
    pub fn parameter(&self, name: &str) -> &Parameter {
        let found = self.parameters.iter().find(|p| p.name == name);
        found.unwrap_or_else(|| panic!("the {} has no {name}", self.name))
    }
}

/// What one optimizer updates: networks of one role, one behind the other in a flat memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The role of its networks.
    pub role: Role,
    /// Length of the parameters, alignment gaps included.
    pub len: usize,
    /// Length of the states, alignment gaps included.
    pub states: usize,
}

/// A model's networks, and the memories of its optimizers: one optimizer a role, in the order of declaration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Networks {
    pub(super) list: Vec<Network>,
    pub(super) memories: Vec<Memory>,
}

impl Networks {
    /// Every network, by its number.
    pub fn all(&self) -> &[Network] {
        &self.list
    }

    /// A network by its number.
    pub fn get(&self, id: NetworkId) -> &Network {
        &self.list[usize::from(id.0)]
    }

    /// The memories of the optimizers, by their numbers.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }

    /// Numbers of the optimizers.
    pub fn optimizers(&self) -> impl Iterator<Item = OptimizerId> + use<> {
        (0..self.memories.len() as u8).map(OptimizerId)
    }

    /// The role of an optimizer's networks.
    pub fn role(&self, optimizer: OptimizerId) -> Role {
        self.memories[usize::from(optimizer.0)].role
    }

    /// The optimizer of a role, where the model has one.
    pub fn of_role(&self, role: Role) -> Option<OptimizerId> {
        self.optimizers().find(|&o| self.role(o) == role)
    }

    /// The networks that an optimizer updates.
    pub fn of(&self, optimizer: OptimizerId) -> impl Iterator<Item = &Network> {
        self.list.iter().filter(move |n| n.optimizer == optimizer)
    }

    /// Where everything lies, for lowering.
    pub fn layout(&self) -> Layout {
        let networks = self.list.iter().map(|n| NetworkLayout {
            optimizer: n.optimizer,
            parameters: n.parameters.iter().map(|p| (p.name.clone(), p.offset)).collect(),
            states: n.states.iter().map(|s| (s.name.clone(), s.offset..s.offset + s.len())).collect(),
        });
        let names = self.memories.iter().map(|m| m.role.letter().to_string()).collect();
        Layout { networks: networks.collect(), names }
    }

    /// The parameters and states of an optimizer's networks before training. `marginals`: the training mean of each
    /// element of an example as it lies in memory, for a bias that starts from the data. What is drawn is drawn in the order
    /// of files.
    pub fn start(&self, optimizer: OptimizerId, seed: u64, marginals: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let memory = self.memories[usize::from(optimizer.0)];
        let (mut weights, mut states) = (vec![0.0; memory.len], vec![0.0; memory.states]);
        for network in self.of(optimizer) {
            for p in &network.parameters {
                p.fill(&mut weights[p.offset..][..p.len()], seed, marginals);
            }
            for s in &network.states {
                s.start.fill(s, &network.parameters, seed, &weights, &mut states);
            }
        }
        (weights, states)
    }
}
