//! Models: what a step computes and what a trained model does, as graphs. What they build, lowering makes fast.

pub mod augment;
pub mod augmenter;
pub mod classifier;
mod cyclegan;
pub mod equilibrium;
mod gan;
mod noise;
pub mod objective;
pub mod packing;
mod pairs;
mod penalty;
pub mod phase;
mod pix2pix;
mod pool;
pub mod statistic;
mod style;
pub mod stylegan2;
pub mod task;
mod translating;
mod update;

pub use equilibrium::Equilibrium;
pub use phase::{Measured, Phase, Times, When};
pub use statistic::Statistic;
pub use style::{Grain, Style};
pub use task::{Direction, Port, PortKind, Task, TaskKind};
pub use update::{Optimizing, kept_bytes, rates, rules, update_costs};

use crate::architectures::{self, Purpose, Translates};
use crate::config::{Config, Model, Role};
use crate::data::{self, Shape};
use crate::error::Result;
use crate::graph::OptimizerId;
use crate::lower::{Plan, ReadFrom, lower};
use crate::nn::Networks;
use crate::precision::Precision;
use std::sync::Arc;

/// A model: networks, the phases of a training step, and what it does once trained. Training, checkpoints, inference,
/// evaluation and reports know models by this alone.
pub trait Game: Send + Sync {
    /// Every network, with its parameters and states.
    fn networks(&self) -> &Networks;

    /// How each optimizer updates its networks, by the optimizer's number.
    fn optimizers(&self) -> Vec<Optimizing>;

    /// What products multiply in training.
    fn precision(&self) -> Precision;

    /// The phases of a step, in order.
    fn phases(&self) -> Vec<Phase>;

    /// The numbers that training leaves of a step, in the order of a line of metrics.
    fn statistics(&self) -> Vec<Statistic>;

    /// Where the game rests; none where there is no opponent.
    fn equilibrium(&self) -> Option<Equilibrium> {
        None
    }

    /// The shapes of the pictures that go into a translation and come out of it; `None` where the model has no such task.
    fn translation(&self, _direction: Direction) -> Option<[Shape; 2]> {
        None
    }

    /// What its translators read and make as networks have it; `None` where the model has none.
    fn translates(&self) -> Option<Translates> {
        None
    }

    /// The task [`TaskKind::Translate`] with so many rows at once, for who reads its graph; `None` where the model has none.
    fn translating(&self, _direction: Direction, _rows: usize) -> Option<Task> {
        None
    }

    /// What the model does beside training.
    fn tasks(&self) -> Vec<Task>;

    /// The task [`TaskKind::Sample`] with so many rows at once, for who reads its graph; `None` where the model has none.
    fn sampling(&self, _rows: usize) -> Option<Task> {
        None
    }
}

/// The model that a configuration asks for, for examples of this shape and so many classes.
pub fn of(config: &Config, shape: Shape, classes: usize) -> Arc<dyn Game> {
    match config.model {
        Model::Gan => Arc::new(gan::Gan::new(config, shape, classes)),
        Model::Cyclegan => Arc::new(cyclegan::CycleGan::new(config, shape)),
        Model::Pix2pix => Arc::new(pix2pix::Pix2pix::new(config, shape)),
        Model::Stylegan2 => Arc::new(stylegan2::Stylegan2::new(config, shape, classes)),
    }
}

/// Checks that the configured networks and augmentations fit examples of this shape.
///
/// # Errors
/// When [`augment::check`] or [`augmenter::check`] fails, or [`architectures::check`] for a network.
pub fn check(config: &Config, shape: Shape) -> Result<()> {
    augment::check(&config.data, shape)?;
    augmenter::check(config, shape)?;
    let (g, d) = match config.model {
        Model::Gan => (Purpose::Generator(shape), Purpose::Discriminator(shape)),
        Model::Cyclegan => cyclegan::purposes(shape),
        Model::Pix2pix => pix2pix::purposes(config, shape)?,
        Model::Stylegan2 => stylegan2::purposes(shape),
    };
    let purpose = |role| if role == Role::Generator { g } else { d };
    let mut networks = config.networks().into_iter();
    networks.try_for_each(|(role, network)| architectures::check(network, role.name(), purpose(role)))
}

/// The model of a recipe without its data: for such examples as their source usually holds.
pub fn usual(config: &Config) -> Arc<dyn Game> {
    let (shape, classes) = data::usual(&config.data);
    of(config, shape, classes)
}

/// A phase, lowered.
pub fn plan(game: &dyn Game, phase: &Phase) -> Plan {
    let plan = lower(&phase.graph, &phase.stages, game.precision(), &game.networks().layout());
    Plan { ends: phase.ends, ..plan }
}

/// The phases of a step, lowered.
pub fn plans(game: &dyn Game) -> Vec<Plan> {
    game.phases().iter().map(|phase| plan(game, phase)).collect()
}

/// A task, lowered: in fp32 whatever the training's precision. `keeps` says which optimizers keep a moving average, from
/// which the task then reads, if it wants to and all that it reads do.
pub fn task_plan(game: &dyn Game, task: &Task, keeps: &dyn Fn(OptimizerId) -> bool) -> Plan {
    let stages = std::slice::from_ref(&task.stage);
    let plan = lower(&task.graph, stages, Precision::Fp32, &game.networks().layout());
    let average = task.average && plan.read_optimizers().into_iter().all(keeps);
    Plan { from: if average { ReadFrom::Average } else { ReadFrom::Weights }, ..plan }
}

/// The task of a kind, where the model has it.
pub fn task(game: &dyn Game, kind: TaskKind) -> Option<Task> {
    game.tasks().into_iter().find(|t| t.kind == kind)
}

/// Classes that a model's samples are asked for by; 0 where they are not.
pub fn classes(game: &dyn Game) -> usize {
    task(game, TaskKind::Sample).map_or(0, |t| t.input_width(PortKind::Labels))
}

/// Labels as a conditional model's input: `[labels, classes]`, 1 at each one's class. Without classes, nothing.
pub fn one_hot(labels: &[usize], classes: usize) -> Vec<f32> {
    if classes == 0 {
        return vec![];
    }
    let mut condition = vec![0.0; labels.len() * classes];
    labels.iter().enumerate().for_each(|(row, &label)| condition[row * classes + label] = 1.0);
    condition
}
