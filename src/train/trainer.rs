//! The training step: phases in order, schedules, counters. No files, no clock.

mod window;

use crate::config::{Config, Model, Role};
use crate::data::{Dataset, Shape};
use crate::error::{Error, Result};
use crate::exec::measured::Measured;
use crate::exec::schedule::{Done, Schedule};
use crate::exec::{Executor, ExecutorSpec, PhaseRun, States, UpdateRule};
use crate::graph::{MAX_OPTIMIZERS, OptimizerId};
use crate::inference::{Engine, Generator, Tasks, standing};
use crate::lower::{Ends, Plan};
use crate::memory_budget;
use crate::models::{self, Game, TaskKind, Times, When};
use crate::numbers::counted;
use crate::run::checkpoint::{Checkpoint, Snapshot, State};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// A model in training.
pub struct Trainer {
    /// What is trained, and how.
    pub config: Config,
    /// The model.
    pub game: Arc<dyn Game>,
    /// How each optimizer updates.
    pub rules: Vec<UpdateRule>,
    /// Counters and the metrics window.
    pub state: State,
    executor: Box<dyn Executor>,
    /// What the model does beside training, on the same executor.
    tasks: Tasks,
    /// The step whose standing statistics are in place.
    standing: Option<u64>,
    schedule: Schedule,
    /// What each plan is in a step.
    phases: Vec<PlannedPhase>,
    /// Steps that the executor is asked for at once.
    cycle: u64,
    /// Steps (from 1) of the phases whose records have not been read.
    pending: VecDeque<u64>,
    /// Examples trained on.
    examples: u64,
}

/// A phase as the trainer knows it.
struct PlannedPhase {
    when: When,
    /// How often in a row.
    times: Times,
    /// Which optimizers it updates.
    updates: [bool; MAX_OPTIMIZERS],
    /// What is over when it is.
    ends: Ends,
    /// What of it lines of metrics tell.
    measured: models::Measured,
    /// Names of its plan's statistics.
    statistics: Vec<String>,
}

impl Trainer {
    /// A model at its first step; `executor` makes what runs it.
    ///
    /// # Errors
    /// When data and configuration do not go together, or the device fails.
    pub fn new(
        config: &Config,
        data: &Arc<Dataset>,
        executor: impl FnOnce(ExecutorSpec) -> Result<Box<dyn Executor>>,
    ) -> Result<Trainer> {
        match (config.model, config.data.given) {
            (Model::Cyclegan, _) => drop(data.require_origin()?),
            (Model::Pix2pix, None) => drop(data.require_pairs()?),
            (Model::Gan | Model::Stylegan2, _) | (Model::Pix2pix, Some(_)) => data.require_one_domain()?,
        }
        let origin = data.origin.as_deref().map(|origin| ("domain A of ", origin.data.train.count));
        let target = (if origin.is_some() { "domain B of " } else { "" }, data.train.count);
        // What fits the smaller domain fits both.
        let smaller = [target].into_iter().chain(origin).min_by_key(|(_, count)| *count);
        if let Some((domain, count)) = smaller {
            let sizes = [
                ("train.batch", config.train.batch, "--batch "),
                ("train.pool", config.train.pool, "--set train.pool="),
            ];
            if let Some((key, size, flag)) = sizes.into_iter().find(|&(_, size, _)| size > count) {
                return Err(Error::Data(format!(
                    "{key} is {size}, but {domain}{} has {}; give {flag}{count} or less",
                    data.name,
                    counted(count as u64, "training example")
                )));
            }
        }
        if config.conditional && data.train.labels.is_none() {
            // Why there are none, the reader said.
            let why = data.notes.iter().find(|note| note.starts_with("no labels"));
            return Err(Error::Data(format!(
                "{} has no labels{}, but a conditional model needs them; give labelled data or --set conditional=false",
                data.name,
                why.map_or(String::new(), |why| format!(" ({why})"))
            )));
        }
        if data.train.count > 1 && data.train.are_alike(data.shape.len()) {
            return Err(Error::Data(format!(
                "{}: {}, all the same: there is no distribution to learn",
                data.name,
                counted(data.train.count as u64, "training example")
            )));
        }
        models::check(config, data.shape)?;
        Trainer::of(config, models::of(config, data.shape, data.classes), data, executor)
    }

    /// Any model at its first step; data and configuration go together.
    ///
    /// # Errors
    /// When the device fails, or the memory does not hold the networks.
    pub fn of(
        config: &Config,
        game: Arc<dyn Game>,
        data: &Arc<Dataset>,
        executor: impl FnOnce(ExecutorSpec) -> Result<Box<dyn Executor>>,
    ) -> Result<Trainer> {
        let rules = models::rules(&*game);
        memory_budget::check("the host", models::kept_bytes(&*game), memory_budget::OF_A_NETWORK)?;
        let marginals = data.marginals();
        let start = |(optimizer, rule): (OptimizerId, &UpdateRule)| {
            let (weights, states) = game.networks().start(optimizer, config.seed, &marginals);
            rule.start_with(weights, states)
        };
        let states = game.networks().optimizers().zip(&rules).map(start).collect();
        let phases = game.phases();
        let mut plans: Vec<Plan> = phases.iter().map(|phase| models::plan(&*game, phase)).collect();
        let planned = phases.iter().zip(&plans).map(|(phase, plan)| PlannedPhase {
            when: phase.when,
            times: phase.times,
            updates: plan.updates(),
            ends: phase.ends,
            measured: phase.measured,
            statistics: plan.statistics().map(|o| o.name.clone()).collect(),
        });
        let phases: Vec<PlannedPhase> = planned.collect();
        let tasks = Tasks::lower(&*game, &rules, &mut plans).with_classes(Some(data.class_table()));
        let count = data.train.count as u64;
        let schedule = models::rates(&*game, config.train.batch, count);
        let job = ExecutorSpec {
            plans,
            states,
            rules: rules.clone(),
            schedule: schedule.clone(),
            data: Some(data.clone()),
            seed: config.seed,
        };
        let shape = data.shape;
        let example = [shape.channels, shape.height, shape.width];
        let executor = executor(job)?;
        Ok(Trainer {
            config: config.clone(),
            rules,
            state: State::new(game.networks(), example, data.classes),
            schedule,
            cycle: cycle(&phases, executor.records_kept().min(LONGEST_CYCLE)),
            executor,
            tasks,
            standing: None,
            phases,
            pending: VecDeque::new(),
            examples: count,
            game,
        })
    }

    /// Goes on from a checkpoint of the same model.
    ///
    /// # Errors
    /// When it is of other data.
    pub fn restore(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let [was, is] = [&checkpoint.state, &self.state];
        if was.example != is.example || was.classes != is.classes {
            return Err(Error::Data(format!(
                "the run was trained on examples of shape {:?} with {} classes, these are {:?} with {}; \
                 give the same --data",
                was.example, was.classes, is.example, is.classes
            )));
        }
        if was.data.is_some() && was.data != is.data {
            return Err(Error::Data(
                "the run was trained on other examples: no resume goes on from there to the same numbers; give the same \
                 --data, or begin a new run with --init-from"
                    .into(),
            ));
        }
        let data = self.state.data.take();
        let class_table = self.state.class_table.take();
        self.state = State { data, class_table, ..checkpoint.state };
        self.standing = None;
        self.executor.set_states(checkpoint.networks)
    }

    /// Replaces the networks' states: a start from other weights.
    ///
    /// # Errors
    /// When the device fails.
    pub fn set_networks(&mut self, states: States) -> Result<()> {
        self.standing = None;
        self.executor.set_states(states)
    }

    /// What runs the model's tasks, at the step that training has reached: on the training's own executor, from weights and
    /// averages in place.
    ///
    /// # Errors
    /// When a number of a step so far is not finite, or the device fails.
    pub fn engine(&mut self) -> Result<Engine<'_>> {
        self.collect()?;
        self.settle_norms()?;
        Ok(self.tasks.on(&mut *self.executor))
    }

    /// The generator in training.
    ///
    /// # Errors
    /// When [`Trainer::engine`] fails.
    pub fn generator(&mut self, shape: Shape) -> Result<Generator<'_>> {
        self.collect()?;
        self.settle_norms()?;
        let Trainer { config, state, tasks, executor, .. } = self;
        Ok(Generator::of(config, shape, state.step, tasks.on(&mut **executor)))
    }

    /// Measures what G's batch norms normalise by when it samples, where that was not done at this step.
    fn settle_norms(&mut self) -> Result<()> {
        if self.standing == Some(self.state.step) || !self.tasks.has(TaskKind::Standing) {
            return Ok(());
        }
        let settled = standing(&mut self.tasks.on(&mut *self.executor), &self.config, self.state.step)?;
        let networks = self.game.networks();
        let optimizer = networks.of_role(Role::Generator).expect("a model that samples");
        let mut states = self.executor.states()?[usize::from(optimizer.0)].average_states.clone();
        for state in networks.of(optimizer).flat_map(|n| &n.states) {
            if let Some(values) = settled.get(&state.name) {
                states[state.offset..state.offset + state.len()].copy_from_slice(values);
            }
        }
        self.executor.set_average_states(optimizer, &states)?;
        self.standing = Some(self.state.step);
        Ok(())
    }

    /// The model as it stands.
    ///
    /// # Errors
    /// When a number of a step so far is not finite, or the device fails.
    pub fn snapshot(&mut self) -> Result<Snapshot<'_>> {
        self.collect()?;
        self.settle_norms()?;
        let Trainer { config, game, rules, state, executor, .. } = self;
        Ok(Snapshot { config, game: &**game, rules, state, networks: executor.states()? })
    }

    /// The device, for people.
    pub fn device(&self) -> String {
        self.executor.name()
    }

    /// The device as a run's folder names it.
    pub fn machine(&self) -> String {
        self.executor.kind()
    }

    /// GFLOP/s of the device's products, where it tells.
    pub fn pace(&self) -> Option<f64> {
        self.executor.pace()
    }

    /// What runs it, for measurements; training does not go on after them.
    pub fn measured(&mut self) -> &mut dyn Measured {
        self.executor.measured()
    }

    /// Steps that the executor is asked for at once, where it is.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Whether a cycle of steps can be started before any of it is done.
    pub fn runs_ahead(&self) -> bool {
        self.ahead(self.cycle).0.len() < self.executor.records_kept()
    }

    /// Steps in all.
    pub fn total(&self) -> u64 {
        self.config.train.total(self.examples)
    }

    /// One step: every phase whose turn it is.
    ///
    /// # Errors
    /// When a loss or gradient is not finite; the message names it.
    pub fn step(&mut self) -> Result<()> {
        self.advance(1)
    }

    /// `count` steps.
    ///
    /// # Errors
    /// When [`Trainer::step`] fails.
    pub fn steps(&mut self, count: u64) -> Result<()> {
        let end = self.state.step + count;
        while self.state.step < end {
            self.advance(end - self.state.step)?;
        }
        Ok(())
    }

    /// One step, or several at once where the device gains by it, but no more than `most`.
    ///
    /// # Errors
    /// When [`Trainer::step`] fails.
    pub fn advance(&mut self, most: u64) -> Result<()> {
        let whole = self.cycle > 1
            && self.cycle <= most
            && self.state.step.is_multiple_of(self.cycle)
            && self.is_usual(self.state.step..self.state.step + self.cycle);
        let steps = if whole { self.cycle } else { 1 };
        let (turns, done) = self.ahead(steps);
        let records_kept = self.executor.records_kept();
        for turns in turns.chunks(if whole { turns.len() } else { 1 }) {
            if self.pending.len() + turns.len() > records_kept {
                self.collect()?;
            }
            self.executor.run(turns)?;
            self.pending.extend(turns.iter().map(|turn| turn.step + 1));
            if self.pending.len() >= records_kept {
                self.collect()?;
            }
        }
        (self.state.tick, self.state.step) = (done.tick, done.steps);
        self.state.set_updates(self.game.networks(), done.updates);
        Ok(())
    }

    /// Whether every phase runs as often as it usually does, in all of these steps.
    fn is_usual(&self, mut steps: Range<u64>) -> bool {
        steps.all(|step| self.phases.iter().all(|phase| phase.times.at(step) == phase.times.usual))
    }

    /// The phases of the next steps, and what is done after them.
    fn ahead(&self, steps: u64) -> (Vec<PhaseRun>, Done) {
        let (tick, steps_done) = (self.state.tick, self.state.step);
        let mut done = Done { tick, steps: steps_done, updates: self.state.updates(self.game.networks()) };
        let mut turns = vec![];
        for step in steps_done..steps_done + steps {
            for (plan, phase) in self.phases.iter().enumerate() {
                for _ in 0..if phase.when.holds(step) { phase.times.at(step) } else { 0 } {
                    let rates = self.schedule.rates(done);
                    turns.push(PhaseRun { plan, tick: done.tick, step: done.steps, rates });
                    done = done.after(phase.updates, phase.ends);
                }
            }
        }
        (turns, done)
    }
}

/// Phases that an executor is asked for at once, at most.
const LONGEST_CYCLE: usize = 64;

/// Steps after which the same phases come again: ten or a few more where those are at most `longest` phases, else
/// as few as there can be, or one. Bursts do not count: they run phase by phase.
fn cycle(phases: &[PlannedPhase], longest: usize) -> u64 {
    let comes_again = |steps: &u64| phases.iter().all(|p| steps.is_multiple_of(p.when.period()));
    let fits = |steps: &u64| {
        let runs = |step| phases.iter().filter(|p| p.when.holds(step)).map(|p| p.times.usual).sum::<u64>();
        (0..*steps).map(runs).sum::<u64>() <= longest as u64
    };
    let whole: Vec<u64> = (1..=longest as u64).filter(comes_again).filter(fits).collect();
    whole.iter().find(|&&steps| steps >= 10).or(whole.first()).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_whole_periods_of_ten_steps_or_so() {
        let phase = |when, times| PlannedPhase {
            when,
            times: Times::always(times),
            updates: [false; MAX_OPTIMIZERS],
            ends: Ends::Step,
            measured: models::Measured::Step,
            statistics: vec![],
        };
        let always = |times| [phase(When::Always, times), phase(When::Always, 1)];
        let lazy =
            |n, times| [phase(When::Every(n), times), phase(When::Every(n), 1), phase(When::Between(n), 1)];
        assert_eq!(cycle(&[phase(When::Always, 1)], 64), 10);
        assert_eq!(cycle(&always(4), 64), 10);
        assert_eq!(cycle(&[phase(When::Always, 1)], 1), 1, "whoever wants every record at once");
        assert_eq!(cycle(&always(4), 1), 1, "not even a step");
        assert_eq!(cycle(&always(30), 64), 1, "few steps of many phases");
        assert_eq!(cycle(&lazy(4, 1), 64), 12, "three periods");
        assert_eq!(cycle(&lazy(16, 1), 64), 16, "one period");
        assert_eq!(cycle(&lazy(7, 40), 64), 7, "ten steps have two long ones");
        assert_eq!(cycle(&lazy(100, 1), 64), 1, "a period too long");
    }
}
