//! Declaring a network by running it.

use super::network::{Memory, Network, Networks};
use super::scope::{Pass, Scope, Statistics, Tracer};
use crate::config::Role;
use crate::graph::{Graph, NetworkId, OptimizerId};
use crate::lower::arena::ALIGNMENT;

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
}
