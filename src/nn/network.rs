//! Networks as lists of named tensors: where each lies in its optimizer's flat memory, and how it starts.

use super::init::{Start, StateStart};
use super::pixels::PixelAxis;
use super::scope::{Pass, Scope, Statistics, Tracer};
use crate::config::Role;
use crate::graph::{Graph, NetworkId, OptimizerId};
use crate::lower::arena::ALIGNMENT;
use crate::lower::{Layout, NetworkLayout};

/// One parameter tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// PyTorch's name: `layers.0.weight`.
    pub name: String,
    /// Shape in memory: `[fan_in, fan_out]` of a linear weight (PyTorch stores the transpose), `[fan_out]` of a bias.
    pub shape: Vec<usize>,
    /// First element in the memory of the network's optimizer.
    pub offset: usize,
    /// How it starts.
    pub start: Start,
    /// Name of the random stream it starts from: `init/G/layers.0.weight`.
    pub stream: String,
    /// The axis along which pictures lie: rows of a layer that reads pictures, columns of one that makes them.
    pub pixels: Option<PixelAxis>,
    /// Greatest norm of a weight matrix's columns after an update; 0 is no limit.
    pub column_limit: f32,
}

/// One state: numbers that a forward pass of training moves on, such as a running mean.
#[derive(Debug, Clone, PartialEq)]
pub struct StateTensor {
    /// PyTorch's name: `norms.0.running_mean`.
    pub name: String,
    /// Shape, in memory and in files.
    pub shape: Vec<usize>,
    /// First element in the states of the network's optimizer.
    pub offset: usize,
    /// How it starts.
    pub start: StateStart,
}

impl Parameter {
    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StateTensor {
    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

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
    list: Vec<Network>,
    memories: Vec<Memory>,
}

impl Networks {
    /// Declares a network: runs `forward`, which says in a few words what it built, on a graph that is thrown away, and
    /// gives every tensor that it asked for a place. `instance` tells networks of one role apart; the single one of a role
    /// has none.
    ///
    /// # Panics
    /// When two tensors have one name: a bug in a model.
    pub fn declare(
        &mut self,
        role: Role,
        instance: Option<&str>,
        forward: impl FnOnce(&Scope) -> String,
    ) -> NetworkId {
        let named = |of: &str| instance.map_or(of.to_string(), |instance| format!("{of}.{instance}"));
        let (id, path) = (NetworkId(self.list.len() as u8), named(role.letter()));
        let g = Graph::new();
        let tracer = Tracer::declaring(&g, id, &path);
        let pass =
            Pass { version: 0, draw: "declare", dropout: true, statistics: Statistics::Minibatches(&[0]) };
        let outline = forward(&tracer.pass(&pass));
        let (mut parameters, mut states) = tracer.declared();
        let known = self.memories.iter().position(|m| m.role == role);
        let optimizer = known.unwrap_or_else(|| {
            self.memories.push(Memory { role, len: 0, states: 0 });
            self.memories.len() - 1
        });
        let memory = &mut self.memories[optimizer];
        for p in &mut parameters {
            p.offset = memory.len;
            memory.len += p.len().next_multiple_of(ALIGNMENT);
        }
        for s in &mut states {
            s.offset = memory.states;
            memory.states += s.len().next_multiple_of(ALIGNMENT);
        }
        let optimizer = OptimizerId(optimizer as u8);
        self.list.push(Network {
            id,
            role,
            name: named(role.name()),
            path,
            optimizer,
            parameters,
            states,
            outline,
        });
        id
    }

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
                s.start.fill(s, network, seed, &weights, &mut states);
            }
        }
        (weights, states)
    }
}
