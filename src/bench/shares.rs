//! What part each phase has in a step.

use crate::lower::Plan;
use crate::lower::cost::Cost;
use crate::models;
use crate::train::Trainer;

/// A phase's part in a step.
pub struct Share {
    /// The phase's name.
    pub phase: String,
    /// How often a step has it, on average over a period.
    pub times_per_step: f64,
    /// What it runs.
    pub plan: Plan,
    /// Cost of each launch.
    pub costs: Vec<Cost>,
}

/// The phases of a training, in the order of its plans.
pub fn shares(trainer: &Trainer) -> Vec<Share> {
    let game = &*trainer.game;
    let updates = models::update_costs(game);
    let phases = game.phases();
    let period = phases.iter().map(|p| p.when.period()).max().unwrap_or(1);
    let share = |phase: &models::Phase| {
        let plan = models::plan(game, phase);
        let steps = (0..period).filter(|&step| phase.when.holds(step)).count() as f64;
        Share {
            phase: phase.name.clone(),
            times_per_step: steps * phase.times.usual as f64 / period as f64,
            costs: plan.launches.iter().map(|l| l.cost(&updates)).collect(),
            plan,
        }
    };
    phases.iter().map(share).collect()
}
