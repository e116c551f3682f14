//! The training step: phases in order, schedules, counters, the watch for NaN. No files, no clock.

use super::rules;
use super::schedule::schedule;
use crate::config::Config;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::exec::measured::Measured;
use crate::exec::scale;
use crate::exec::schedule::{Done, Schedule};
use crate::exec::{Executor, ExecutorSpec, NetworkState, PhaseRun, Record, States, UpdateRule};
use crate::graph::MAX_OPTIMIZERS;
use crate::lower::Plan;
use crate::memory_budget;
use crate::models::gan::{Gan, When};
use crate::nn::Role;
use crate::numbers::counted;
use crate::run::Line;
use crate::run::checkpoint::{Checkpoint, Snapshot, State};
use std::collections::VecDeque;
use std::sync::Arc;

/// A model in training.
pub struct Trainer {
    /// What is trained, and how.
    pub config: Config,
    /// The model.
    pub gan: Gan,
    /// How its networks are updated.
    pub rules: Vec<UpdateRule>,
    /// Counters and the metrics window.
    pub state: State,
    executor: Box<dyn Executor>,
    schedule: Schedule,
    /// When and how often each plan runs.
    phases: Vec<(When, u64)>,
    /// Steps that the executor is asked for at once.
    cycle: u64,
    /// Of each plan: which optimizers it updates, and whether it ends a step.
    ends: Vec<([bool; MAX_OPTIMIZERS], bool)>,
    /// Of each plan: the names of its statistics.
    statistics: Vec<Vec<String>>,
    /// Steps (from 1) of the phases whose records have not been read.
    pending: VecDeque<u64>,
    /// Examples trained on.
    examples: u64,
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
        let (count, batch) = (data.train.count, config.train.batch);
        if batch > count {
            return Err(Error::Data(format!(
                "train.batch is {batch}, but {} has {}; give --batch {count} or less",
                data.name,
                counted(count as u64, "training example")
            )));
        }
        if config.conditional && data.train.labels.is_none() {
            return Err(Error::Data(format!(
                "{} has no labels, but a conditional model needs them; give labelled data or --set conditional=false",
                data.name
            )));
        }
        if data.train.count > 1 && data.train.are_alike(data.shape.len()) {
            return Err(Error::Data(format!(
                "{}: {}, all the same: there is no distribution to learn",
                data.name,
                counted(data.train.count as u64, "training example")
            )));
        }
        let gan = Gan::new(config, data.shape, data.classes);
        for (player, network) in [("generator", &gan.generator), ("discriminator", &gan.discriminator)] {
            let expected = if player == "generator" { gan.numbers } else { 1 };
            if network.output() != expected {
                return Err(Error::Usage(format!(
                    "{player}'s last layer has {} units, but the data need {expected}; leave its units out",
                    network.output()
                )));
            }
        }
        let rules = rules(&gan);
        let states = Role::ALL.map(|p| rules[p as usize].bytes(gan.network(p).len));
        memory_budget::check("the host", states.iter().sum(), memory_budget::OF_A_NETWORK)?;
        let marginals = data.marginals();
        let start = |p: Role| rules[p as usize].start(gan.network(p).start(config.seed, &marginals));
        let states = Role::ALL.map(start).into();
        let phases = gan.phases();
        let plans: Vec<Plan> = phases.iter().map(|p| gan.plan(p)).collect();
        let names = |p: &Plan| p.statistics().map(|o| o.name.clone()).collect();
        let statistics = plans.iter().map(names).collect();
        let ends = plans.iter().map(|p| (p.updates(), p.ends_step)).collect();
        let schedule = schedule(config, count as u64);
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
        let phases: Vec<_> = phases.iter().map(|p| (p.when, p.times)).collect();
        Ok(Trainer {
            config: config.clone(),
            gan,
            rules,
            state: State { example, classes: data.classes, ..State::default() },
            schedule,
            cycle: cycle(&phases, executor.records_kept().min(LONGEST_CYCLE)),
            executor,
            phases,
            ends,
            statistics,
            pending: VecDeque::new(),
            examples: count as u64,
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
        self.state = State { data, ..checkpoint.state };
        self.executor.set_states(checkpoint.networks)
    }

    /// Replaces both networks' states: a start from other weights.
    ///
    /// # Errors
    /// When the device fails.
    pub fn set_networks(&mut self, states: States) -> Result<()> {
        self.executor.set_states(states)
    }

    /// The model as it stands.
    ///
    /// # Errors
    /// When a number of a step so far is not finite, or the device fails.
    pub fn snapshot(&mut self) -> Result<Snapshot<'_>> {
        self.collect()?;
        let Trainer { config, gan, rules, state, executor, .. } = self;
        Ok(Snapshot { config, gan, rules, state, networks: executor.states()? })
    }

    /// The device, for people.
    pub fn device(&self) -> String {
        self.executor.name()
    }

    /// The device as a run's folder names it.
    pub fn machine(&self) -> String {
        self.executor.kind()
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
    /// As [`Trainer::step`].
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
    /// As [`Trainer::step`].
    pub fn advance(&mut self, most: u64) -> Result<()> {
        let whole = self.cycle > 1 && self.cycle <= most && self.state.step.is_multiple_of(self.cycle);
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
        self.state.updates = [done.updates[0], done.updates[1]];
        Ok(())
    }

    /// The phases of the next steps, and what is done after them.
    fn ahead(&self, steps: u64) -> (Vec<PhaseRun>, Done) {
        let State { tick, step: steps_done, updates: [g, d], .. } = self.state;
        let mut done = Done { tick, steps: steps_done, ..Done::default() };
        (done.updates[0], done.updates[1]) = (g, d);
        let mut turns = vec![];
        for step in self.state.step..self.state.step + steps {
            for (plan, &(when, times)) in self.phases.iter().enumerate() {
                for _ in 0..if when.holds(step) { times } else { 0 } {
                    let rates = self.schedule.rates(done);
                    turns.push(PhaseRun { plan, tick: done.tick, step: done.steps, rates });
                    let (updates, ends_step) = self.ends[plan];
                    done = done.after(updates, ends_step);
                }
            }
        }
        (turns, done)
    }

    /// Reads what the phases so far have left: into the window, or an error where it is not finite.
    fn collect(&mut self) -> Result<()> {
        for record in self.executor.records()? {
            let step = self.pending.pop_front().expect("a step for every phase");
            self.record(&record, step)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, step: u64) -> Result<()> {
        let (updates, _) = self.ends[record.plan];
        let both = updates[..2] == [true, true];
        let statistics = self.statistics[record.plan].iter().cloned();
        let mut values: Vec<(String, f64)> =
            statistics.zip(record.statistics.iter().map(|&x| f64::from(x))).collect();
        for player in Role::ALL.into_iter().filter(|&p| updates[p as usize]) {
            let letter = player.letter().to_lowercase();
            if self.rules[player as usize].scaled {
                self.watch_scale(record, player, step)?;
            }
            if record.optimizers[player as usize].skipped {
                let sums = &mut self.state.window.sums;
                *sums.entry("skipped_updates".into()).or_insert(0.0) += 1.0;
                *sums.entry(format!("{letter}_unmeasured")).or_insert(0.0) += f64::from(u8::from(both));
            } else {
                let norm = record.optimizers[player as usize].gradient_norm2.sqrt();
                values.push((format!("{letter}_gradient_norm"), norm));
            }
        }
        if let Some((name, value)) = values.iter().find(|(_, v)| !v.is_finite()) {
            let mut why = format!("{name} is {value}");
            // A device that fails now as well is not what ended the training.
            let states = self.executor.states().ok();
            if let Some(first) = states.and_then(|states| first_not_finite(&self.gan, &states)) {
                why += &format!("; the first tensor that is not finite is {first}");
            }
            return Err(Error::Diverged { step, why });
        }
        if both {
            let window = &mut self.state.window;
            window.steps += 1;
            for (name, value) in values {
                *window.sums.entry(name).or_insert(0.0) += value;
            }
        }
        Ok(())
    }

    /// Notes a network's loss scale; an error where even the loss itself overflows.
    fn watch_scale(&mut self, record: &Record, player: Role, step: u64) -> Result<()> {
        let scale = record.optimizers[player as usize].loss_scale;
        let name = format!("{}_loss_scale", player.letter().to_lowercase());
        self.state.window.sums.insert(name, f64::from(scale));
        if scale < scale::FLOOR {
            let why = format!(
                "the {}'s gradient overflows fp16 with a loss scale of {}, its floor; use --precision bf16, which has \
                 fp32's range, or a smaller lr",
                player.name(),
                scale::FLOOR
            );
            return Err(Error::Diverged { step, why });
        }
        Ok(())
    }

    /// Means since the line before; starts the next window.
    ///
    /// # Errors
    /// When a number is not finite, or the device fails.
    pub fn line(&mut self, seconds: f64) -> Result<Line> {
        self.collect()?;
        let window = std::mem::take(&mut self.state.window);
        let sum = |name: &str| window.sums.get(name).map(|s| s / window.steps as f64);
        let mean = |name: &str| sum(name).unwrap_or(0.0);
        let total = |name: &str| window.sums.get(name).copied().unwrap_or(0.0);
        // Of the updates that were made.
        let norm = |letter: &str| {
            let measured = window.steps as f64 - total(&format!("{letter}_unmeasured"));
            total(&format!("{letter}_gradient_norm")) / measured.max(1.0)
        };
        Ok(Line {
            step: self.state.step,
            seconds,
            d_loss: mean("d_loss"),
            g_loss: mean("g_loss"),
            d_real: mean("d_real"),
            d_fake: mean("d_fake"),
            accuracy_real: mean("accuracy_real"),
            accuracy_fake: mean("accuracy_fake"),
            penalty: sum("penalty"),
            d_gradient_norm: norm("d"),
            g_gradient_norm: norm("g"),
            d_loss_scale: window.sums.get("d_loss_scale").copied(),
            g_loss_scale: window.sums.get("g_loss_scale").copied(),
            skipped_updates: self.rules[0].scaled.then(|| total("skipped_updates") as u64),
        })
    }
}

impl Snapshot<'_> {
    /// Checks every weight and moment, as is done before they are saved.
    ///
    /// # Errors
    /// When one is not finite; the message names its tensor.
    pub fn check(&self) -> Result<()> {
        match first_not_finite(self.gan, &self.networks) {
            None => Ok(()),
            Some(name) => {
                Err(Error::Diverged { step: self.state.step, why: format!("{name} is not finite") })
            }
        }
    }
}

/// Phases that an executor is asked for at once, at most.
const LONGEST_CYCLE: usize = 64;

/// Steps after which the same phases come again: ten or a few more where those are at most `longest` phases, else
/// as few as there can be, or one.
fn cycle(phases: &[(When, u64)], longest: usize) -> u64 {
    let comes_again = |steps: &u64| phases.iter().all(|(when, _)| steps.is_multiple_of(when.period()));
    let fits = |steps: &u64| {
        let runs =
            |step| phases.iter().filter(|(when, _)| when.holds(step)).map(|(_, times)| times).sum::<u64>();
        (0..*steps).map(runs).sum::<u64>() <= longest as u64
    };
    let whole: Vec<u64> = (1..=longest as u64).filter(comes_again).filter(fits).collect();
    whole.iter().find(|&&steps| steps >= 10).or(whole.first()).copied().unwrap_or(1)
}

/// The first gradient, weight or moment, D's before G's, that holds a NaN or an infinity.
fn first_not_finite(gan: &Gan, networks: &States) -> Option<String> {
    let finite = |numbers: &[f32]| numbers.iter().all(|x| x.is_finite());
    [Role::Discriminator, Role::Generator].into_iter().find_map(|player| {
        let NetworkState { weights, gradients, moments, average, loss_scale, .. } =
            &networks[player as usize];
        let mut memories = vec![("", weights), ("the average of ", average)];
        if loss_scale.skip == 0 {
            memories.insert(0, ("the gradient of ", gradients));
        }
        memories.extend(moments.iter().map(|m| ("the optimizer's moment of ", m)));
        memories.into_iter().filter(|(_, numbers)| !numbers.is_empty()).find_map(|(what, numbers)| {
            let mut parameters = gan.network(player).parameters.iter();
            let bad = parameters.find(|p| !finite(&numbers[p.offset..p.offset + p.len()]))?;
            Some(format!("{what}{}.{}", player.name(), bad.name))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_whole_periods_of_ten_steps_or_so() {
        let lazy = |n, times| [(When::Every(n), times), (When::Every(n), 1), (When::Between(n), 1)];
        assert_eq!(cycle(&[(When::Always, 1)], 64), 10);
        assert_eq!(cycle(&[(When::Always, 4), (When::Always, 1)], 64), 10);
        assert_eq!(cycle(&[(When::Always, 1)], 1), 1, "whoever wants every record at once");
        assert_eq!(cycle(&[(When::Always, 4), (When::Always, 1)], 1), 1, "not even a step");
        assert_eq!(cycle(&[(When::Always, 30), (When::Always, 1)], 64), 1, "few steps of many phases");
        assert_eq!(cycle(&lazy(4, 1), 64), 12, "three periods");
        assert_eq!(cycle(&lazy(16, 1), 64), 16, "one period");
        assert_eq!(cycle(&lazy(7, 40), 64), 7, "ten steps have two long ones");
        assert_eq!(cycle(&lazy(100, 1), 64), 1, "a period too long");
    }
}
