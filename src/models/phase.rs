//! Phases: the parts of a step, each a graph of one or more stages.

use crate::graph::grad::grad;
use crate::graph::{Graph, Input, OptimizerId, Var};
use crate::lower::{Along, Stage, Update};
use crate::nn::Networks;

/// When a phase runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every step.
    Always,
    /// Steps divisible by n.
    Every(u64),
    /// Steps not divisible by n.
    Between(u64),
}

impl When {
    /// Whether a step, counted from 0, has the phase.
    pub fn holds(self, step: u64) -> bool {
        match self {
            When::Always => true,
            When::Every(n) => step.is_multiple_of(n),
            When::Between(n) => !step.is_multiple_of(n),
        }
    }

    /// After so many steps everything comes again.
    pub fn period(self) -> u64 {
        match self {
            When::Always => 1,
            When::Every(n) | When::Between(n) => n,
        }
    }
}

/// A phase before lowering.
pub struct Phase {
    /// "D", "D+G", "D+G with penalties".
    pub name: String,
    /// Which steps have it.
    pub when: When,
    /// How often in a row.
    pub times: u64,
    /// Whether a step ends with it.
    pub ends_step: bool,
    /// Graph of the phase.
    pub graph: Graph,
    /// What is computed and updated, in order.
    pub stages: Vec<Stage>,
    /// The objective of each update, for whoever wants to check gradients.
    pub losses: Vec<(OptimizerId, Var)>,
}

/// The gradients of a loss by all that an optimizer updates, its networks read after `version` updates; `scaled` where
/// products multiply fp16.
pub fn update(
    g: &Graph,
    loss: Var,
    networks: &Networks,
    optimizer: OptimizerId,
    version: u8,
    scaled: bool,
) -> Update {
    let tensors: Vec<_> =
        networks.of(optimizer).flat_map(|n| n.parameters.iter().map(move |p| (n.id, p))).collect();
    let parameters: Vec<Var> =
        tensors.iter().map(|(id, p)| g.param(*id, &p.name, version, &p.shape)).collect();
    let scale = scaled.then(|| g.input(Input::LossScale(optimizer), &g.shape(loss)));
    let gradients = grad(g, loss, &parameters, scale);
    let placed = gradients.into_iter().zip(&tensors).map(|(v, (_, p))| (v, p.offset));
    let free = tensors.iter().all(|(_, p)| p.column_limit == 0.0);
    let along = match (scaled, free) {
        (true, _) => Along::Measure,
        (false, true) => Along::Update,
        (false, false) => Along::Nothing,
    };
    Update { optimizer, gradients: placed.collect(), along }
}
