//! Training of a single network: the same executors, schedules and updates that a game has.

use super::rule;
use super::schedule::optimizer;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::exec::schedule::{Done, Schedule};
use crate::exec::{ExecutorSpec, Opened, PhaseRun, UpdateRule};
use crate::graph::MAX_OPTIMIZERS;
use crate::memory_budget;
use crate::models::classifier::Classifier;
use std::sync::Arc;

/// Steps between two looks at the device, at most.
const CHUNK: u64 = 50;

/// Trains a classifier on the training split; its averaged weights, flat. `watch(step, steps, loss)` is called before the
/// first step, its loss NaN, and sees the mean loss since it was called before.
///
/// # Errors
/// When data and classifier do not go together, the loss is not finite, or the device or `watch` fails.
pub fn classifier(
    model: &Classifier,
    data: &Arc<Dataset>,
    seed: u64,
    device: Opened,
    watch: &mut dyn FnMut(u64, u64, f64) -> Result<()>,
) -> Result<Vec<f32>> {
    let (count, batch) = (data.train.count as u64, model.recipe.batch as u64);
    if batch > count {
        return Err(Error::Data(format!(
            "{} has {count} labelled examples to train a classifier on; expected at least {batch}",
            data.name
        )));
    }
    let steps = (model.recipe.epochs * count).div_ceil(batch);
    let settings = crate::config::Optimizer { decay_steps: steps, ..model.recipe.optimizer };
    let rates = optimizer(&settings, &model.recipe.ema);
    let schedule = Schedule { batch, examples: count, optimizers: vec![rates] };
    let own = UpdateRule { average: true, ..rule(&model.network, &settings) };
    memory_budget::check("the host", own.bytes(model.network.len), memory_budget::OF_A_NETWORK)?;
    let plan = model.training_plan();
    let updates: [bool; MAX_OPTIMIZERS] = plan.updates();
    let mut executor = device(ExecutorSpec {
        plans: vec![plan],
        states: vec![own.start(model.network.start(seed, &[]))],
        rules: vec![own],
        schedule: schedule.clone(),
        data: Some(data.clone()),
        seed,
    })?;
    watch(0, steps, f64::NAN)?;
    let mut done = Done::default();
    while done.tick < steps {
        let mut sum = 0.0;
        let until = (done.tick + CHUNK).min(steps);
        let from = done.tick;
        while done.tick < until {
            let most = (executor.records_kept() as u64).min(until - done.tick);
            let turns: Vec<PhaseRun> = (0..most)
                .map(|_| {
                    let rates = schedule.rates(done);
                    let turn = PhaseRun { plan: 0, tick: done.tick, step: done.steps, rates };
                    done = done.after(updates, true);
                    turn
                })
                .collect();
            executor.run(&turns)?;
            sum += executor.records()?.iter().map(|r| f64::from(r.statistics[0])).sum::<f64>();
        }
        if !sum.is_finite() {
            let why = "the classifier's loss is not finite; are the data sound?".into();
            return Err(Error::Diverged { step: until, why });
        }
        watch(until, steps, sum / (until - from) as f64)?;
    }
    let own = executor.states()?.into_owned().into_iter().next();
    Ok(own.expect("one optimizer").average)
}
