//! Parts of a step, as models hand them over.

use crate::graph::{Graph, NetworkId, Op, OptimizerId, Var};

/// What may ride along with the computation of an optimizer's whole gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Nothing: a parameter's update needs more than its own gradient.
    Nothing,
    /// The measure of a scaled gradient, without which no parameter moves.
    Measure,
    /// The update.
    Update,
}

/// An optimizer's update: its gradients, and where in its flat memory each belongs.
#[derive(Debug, Clone)]
pub struct Update {
    /// The optimizer that updates.
    pub optimizer: OptimizerId,
    /// Gradient and offset of its parameter.
    pub gradients: Vec<(Var, usize)>,
    /// What the launch that computes all of them may do besides.
    pub along: Along,
}

/// Part of a step: computed, then updated from.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// Named results to leave in the arena: statistics, samples.
    pub outputs: Vec<(String, Var)>,
    /// What is computed by the end of the stage for later ones to read: sums over parts so far.
    pub sums: Vec<Var>,
    /// Optimizers that update when everything of the stage is computed.
    pub updates: Vec<Update>,
    /// Values that become states when the phase ends: network, state, value. A phase stores a state once.
    pub stores: Vec<(NetworkId, String, Var)>,
}

impl Stage {
    pub(super) fn roots(&self) -> Vec<Var> {
        let gradients = self.updates.iter().flat_map(|u| u.gradients.iter().map(|(v, _)| *v));
        let stores = self.stores.iter().map(|(_, _, v)| *v);
        let outputs = self.outputs.iter().map(|(_, v)| *v).chain(self.sums.iter().copied());
        outputs.chain(gradients).chain(stores).collect()
    }

    /// A reshape of a result, or one that no derivative goes through, is the same memory: take what lies below.
    pub(super) fn without_reshapes(&self, g: &Graph) -> Stage {
        let strip = |mut v: Var| {
            while matches!(g.node(v).op, Op::Reshape | Op::Detach) && g.as_constant(v).is_none() {
                v = g.node(v).sources[0];
            }
            v
        };
        let updates = self.updates.iter().map(|u| Update {
            optimizer: u.optimizer,
            along: u.along,
            gradients: u.gradients.iter().map(|&(v, at)| (strip(v), at)).collect(),
        });
        Stage {
            outputs: self.outputs.iter().map(|(n, v)| (n.clone(), strip(*v))).collect(),
            sums: self.sums.iter().map(|v| strip(*v)).collect(),
            updates: updates.collect(),
            stores: self.stores.iter().map(|(n, name, v)| (*n, name.clone(), strip(*v))).collect(),
        }
    }
}
