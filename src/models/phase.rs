//! Phases: the parts of a step, each a graph of one or more stages.

use crate::config::{Burst, Updates};
use crate::graph::grad::grad;
use crate::graph::{Graph, Input, OptimizerId, Var};
use crate::lower::{Along, Ends, Stage, Update};
use crate::nn::{Networks, Pass, Statistics};

/// When a phase runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every step.
    Always,
    /// Steps divisible by n.
    Every(u64),
    /// Steps not divisible by n.
    Between(u64),
    /// The first n steps.
    First(u64),
    /// All steps but the first n.
    After(u64),
}

impl When {
    /// Whether a step, counted from 0, has the phase.
    pub fn holds(self, step: u64) -> bool {
        match self {
            When::Always => true,
            When::Every(n) => step.is_multiple_of(n),
            When::Between(n) => !step.is_multiple_of(n),
            When::First(n) => step < n,
            When::After(n) => step >= n,
        }
    }

    /// After so many steps everything comes again, where nothing begins or ends for good.
    pub fn period(self) -> u64 {
        match self {
            When::Always | When::First(_) | When::After(_) => 1,
            When::Every(n) | When::Between(n) => n,
        }
    }
}

/// How often a phase runs in a row, in the steps that have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Runs in a step that is not among the bursts.
    pub usual: u64,
    /// Runs in the steps of bursts, where there are any.
    pub bursts: Option<(Burst, u64)>,
}

impl Times {
    /// So many runs in every step.
    pub fn always(usual: u64) -> Times {
        Times { usual, bursts: None }
    }

    /// Once in every step.
    pub fn once() -> Times {
        Times::always(1)
    }

    /// Runs of the phase that makes all D updates of a step but the last.
    pub fn but_one(updates: Updates) -> Times {
        let bursts = match updates {
            Updates::Always(_) => None,
            Updates::Bursts(burst) => Some((burst, burst.burst - 1)),
        };
        Times { usual: updates.usual() - 1, bursts }
    }

    /// Runs in a step, counted from 0.
    pub fn at(self, step: u64) -> u64 {
        match self.bursts {
            Some((burst, times)) if burst.holds(step) => times,
            _ => self.usual,
        }
    }

    /// Whether no step has it.
    pub fn is_never(self) -> bool {
        self.usual == 0 && self.bursts.is_none_or(|(_, times)| times == 0)
    }
}

/// What of a phase lines of metrics tell, where they tell means over steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Nothing: the step has another of its kind that is told.
    Nothing,
    /// Everything, and that a step was made: one phase of a step is so.
    Step,
    /// Everything: what another player does in the step.
    Part,
    /// Statistics, but no norm of the gradient: a penalty's update beside the player's own.
    Statistics,
}

/// A phase before lowering.
pub struct Phase {
    /// "D", "D+G", "D+G with penalties".
    pub name: String,
    /// Which steps have it.
    pub when: When,
    /// How often in a row.
    pub times: Times,
    /// What is over when it is.
    pub ends: Ends,
    /// What of it lines of metrics tell.
    pub measured: Measured,
    /// Graph of the phase.
    pub graph: Graph,
    /// What is computed and updated, in order.
    pub stages: Vec<Stage>,
    /// The objective of each update, for whoever wants to check gradients.
    pub losses: Vec<(OptimizerId, Var)>,
}

/// A pass of training over as many joined minibatches as `order` has numbers; states see them in this order.
pub fn training<'a>(version: u8, draw: &'a str, order: &'a [usize]) -> Pass<'a> {
    Pass { version, draw, dropout: true, statistics: Statistics::Minibatches(order) }
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

/// Two updates of one optimizer as one: the sum of their gradients.
///
/// # Panics
/// When they are of two optimizers.
pub fn gathered(g: &Graph, first: Update, second: Update) -> Update {
    assert_eq!(first.optimizer, second.optimizer, "updates of one optimizer");
    let pairs = first.gradients.into_iter().zip(second.gradients);
    let gradients = pairs.map(|((a, place), (b, _))| (g.add(a, b), place)).collect();
    Update { gradients, ..second }
}
