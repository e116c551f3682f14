//! What a run will take, told before its first step.

use super::trainer::Trainer;
use crate::lower::Plan;
use crate::models::{self, When};
use crate::numbers::{bytes_in_words, counted, readable};
use std::time::Duration;

/// Bytes a second that a thread's pointwise work moves, about: what a step's time is told from beside its products.
const MOVED: f64 = 1e10;

/// Operations and memory of a step, and how long what is left will take where the device tells its pace.
pub(super) fn told(trainer: &Trainer) -> String {
    let game = &*trainer.game;
    let updates = models::update_costs(game);
    let (mut flops, mut moved, mut launches) = (0.0, 0.0, 0.0);
    let plans: Vec<(f64, Plan)> = game
        .phases()
        .iter()
        .map(|phase| {
            let (done, total) = (trainer.state.step, trainer.total());
            let left = total.saturating_sub(done).max(1) as f64;
            let turns = match phase.when {
                When::Always => 1.0,
                When::Every(n) => 1.0 / n as f64,
                When::Between(n) => 1.0 - 1.0 / n as f64,
                When::First(n) => n.clamp(done, total).saturating_sub(done) as f64 / left,
                When::After(n) => total.saturating_sub(n.max(done)) as f64 / left,
            };
            (turns * phase.times.usual as f64, models::plan(game, phase))
        })
        .collect();
    for (times, plan) in &plans {
        let cost = plan.cost(&updates);
        flops += times * cost.flops as f64;
        moved += times * cost.bytes as f64;
        launches += times * plan.launches.len() as f64;
    }
    let scratch = plans.iter().map(|(_, plan)| plan.scratch_bytes()).max().unwrap_or(0);
    let kept = models::kept_bytes(game);
    let left = trainer.total().saturating_sub(trainer.state.step);
    let time = trainer.pace().map_or(String::new(), |gflops| {
        let step = flops / (gflops * 1e9) + moved / MOVED;
        let all = Duration::try_from_secs_f64(step * left as f64).unwrap_or(Duration::MAX);
        format!("; {} will take about {}", counted(left, "step"), readable(all))
    });
    format!(
        "a step: {:.2} GFLOP in {:.0} launches; memory: {} beside the data{time}",
        flops / 1e9,
        launches,
        bytes_in_words((scratch + kept) as u64)
    )
}
