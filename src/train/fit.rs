//! Training of a single network: the same executors, schedules and updates that a game has.

use super::progress::Progress;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::eval::classifier::{Classifier, ClassifierSpec, labelled_in_both};
use crate::exec::schedule::Done;
use crate::exec::{ExecutorSpec, Opened, PhaseRun};
use crate::lower::Ends;
use crate::models::classifier as model;
use crate::models::{self, Game};
use crate::run::Line;
use crate::{config, memory_budget};
use std::sync::Arc;

/// Steps between two looks at the device, at most.
const CHUNK: u64 = 50;

/// Trains a classifier as asked and measures it, its progress told as it goes.
///
/// # Errors
/// When labels or test examples are missing, data and classifier do not go together, the loss is not finite, or the
/// device fails.
pub fn classifier(spec: &ClassifierSpec, data: &Arc<Dataset>, device: Opened) -> Result<Classifier> {
    let mut progress: Option<Progress> = None;
    let trained = fit(spec, data, device, &mut |model, step, steps, loss| {
        let progress = progress.get_or_insert_with(|| Progress::new(0, steps, None, model.statistics()));
        progress.step(step);
        if step == steps || step % 1_000 == 0 && step > 0 {
            let mut line = Line::new(step, 0.0);
            line.set(model::LOSS, loss);
            progress.line(&line);
        }
    });
    progress.iter_mut().for_each(Progress::finish);
    trained
}

/// Trains a classifier as asked and measures it, without a word.
///
/// # Errors
/// When [`classifier`] fails.
pub fn quietly(spec: &ClassifierSpec, data: &Arc<Dataset>) -> Result<Classifier> {
    fit(spec, data, spec.hardware.open()?, &mut |_, _, _, _| ())
}

/// What is told of a classifier in training: the model, steps done, steps in all, and the mean loss since the call before.
type Watch<'a> = dyn FnMut(&model::Classifier, u64, u64, f64) + 'a;

/// Trains a classifier and measures it. `watch` is called before the first step, its loss NaN, and now and then.
fn fit(spec: &ClassifierSpec, data: &Arc<Dataset>, device: Opened, watch: &mut Watch) -> Result<Classifier> {
    labelled_in_both(data)?;
    let model = model::Classifier::new(&spec.recipe, data.shape, data.classes);
    Classifier::measured(spec, data, weights(&model, data, spec.seed, device, watch)?)
}

/// A classifier's averaged weights, flat, after training on the training split.
fn weights(
    model: &model::Classifier,
    data: &Arc<Dataset>,
    seed: u64,
    device: Opened,
    watch: &mut Watch,
) -> Result<Vec<f32>> {
    let (count, batch) = (data.train.count as u64, model.recipe.batch as u64);
    if batch > count {
        return Err(Error::Data(format!(
            "{} has {count} labelled examples to train a classifier on; expected at least {batch}",
            data.name
        )));
    }
    let steps = (model.recipe.epochs * count).div_ceil(batch);
    // The learning rate falls over the whole training, however long that is.
    let optimizer = config::Optimizer { decay_steps: steps, ..model.recipe.optimizer };
    let model = model::Classifier::new(
        &model::Recipe { optimizer, ..model.recipe.clone() },
        model.shape,
        model.classes,
    );
    let schedule = models::rates(&model, model.recipe.batch, count);
    let [rule] = &models::rules(&model)[..] else { unreachable!("a classifier has one optimizer") };
    let [memory] = model.networks().memories() else { unreachable!("a classifier has one network") };
    memory_budget::check("the host", rule.bytes(memory.len, memory.states), memory_budget::OF_A_NETWORK)?;
    let (weights, states) = model.networks().start(crate::graph::OptimizerId(0), seed, &[]);
    let plans = models::plans(&model);
    let updates = plans[0].updates();
    let mut executor = device(ExecutorSpec {
        plans,
        states: vec![rule.start_with(weights, states)],
        rules: vec![rule.clone()],
        schedule: schedule.clone(),
        data: Some(data.clone()),
        seed,
    })?;
    watch(&model, 0, steps, f64::NAN);
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
                    done = done.after(updates, Ends::Step);
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
        watch(&model, until, steps, sum / (until - from) as f64);
    }
    Ok(executor.states()?.into_owned().swap_remove(0).average)
}
