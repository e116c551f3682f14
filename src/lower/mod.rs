//! From graph to plan: what is fused (`fuse.rs`, `follow.rs`, `together.rs`, `loss_head.rs`), how each kernel computes (`program.rs`),
//! where results live and in which type (`arena.rs`, `types.rs`), all of it put together (`assembly.rs`, `join.rs`). One pass
//! each; no search, no tuning.

mod analysis;
pub mod arena;
mod assembly;
pub mod cost;
mod epilogue;
mod follow;
mod fuse;
mod join;
mod layout;
mod loss_head;
mod places;
mod plan;
mod program;
mod together;
mod types;
mod view;

pub use layout::{Layout, NetworkLayout};
pub(crate) use loss_head::MOST_LOGITS;
pub use plan::*;
pub(crate) use together::{MOST_DRAWS, MOST_PRODUCTS};
pub use view::View;

use crate::graph::verify::{self, verify};
use crate::graph::{Graph, NetworkId, Op, OptimizerId, Var};
use crate::precision::Precision;
use analysis::Analysis;
use assembly::Assembly;

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
    /// Optimizers that update when everything of the stage is computed.
    pub updates: Vec<Update>,
    /// Values that become states when the phase ends: network, state, value. A phase stores a state once.
    pub stores: Vec<(NetworkId, String, Var)>,
}

impl Stage {
    fn roots(&self) -> Vec<Var> {
        let gradients = self.updates.iter().flat_map(|u| u.gradients.iter().map(|(v, _)| *v));
        let stores = self.stores.iter().map(|(_, _, v)| *v);
        self.outputs.iter().map(|(_, v)| *v).chain(gradients).chain(stores).collect()
    }

    /// A reshape of a result, or one that no derivative goes through, is the same memory: take what lies below.
    fn without_reshapes(&self, g: &Graph) -> Stage {
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
            updates: updates.collect(),
            stores: self.stores.iter().map(|(n, name, v)| (*n, name.clone(), strip(*v))).collect(),
        }
    }
}

/// Lowers one phase for products of a precision. The plan ends no step: whoever knows the phases sets
/// [`Plan::ends_step`].
///
/// # Panics
/// When the stages read parameters of the wrong version, share a random stream, or store a state twice or what is no value
/// for it: a bug in a model.
pub fn lower(g: &Graph, stages: &[Stage], precision: Precision, layout: &Layout) -> Plan {
    let stages: Vec<Stage> = stages.iter().map(|s| s.without_reshapes(g)).collect();
    let checked: Vec<verify::Stage> = stages
        .iter()
        .map(|s| verify::Stage { roots: s.roots(), updates: s.updates.iter().map(|u| u.optimizer).collect() })
        .collect();
    if let Err(message) = verify(g, &checked, &layout.optimizers()) {
        panic!("{message}");
    }
    let analysis = Analysis::new(g, &stages);
    let fusion = fuse::fuse(&analysis);
    let mut assembly = Assembly::new(&analysis, fusion);
    assembly.gather();
    assembly.kernels(&stages, layout);
    assembly.store_states(&stages, layout);
    assembly.follow();
    assembly.join(&stages);
    assembly.finish(&stages, precision, layout)
}
