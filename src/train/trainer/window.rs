//! What a training's phases leave: the metrics window, its lines, and the watch for NaN.

use super::{PlannedPhase, Trainer};
use crate::error::{Error, Result};
use crate::exec::scale;
use crate::exec::{NetworkState, Record, States};
use crate::graph::OptimizerId;
use crate::models::Game;
use crate::models::Measured;
use crate::models::statistic::{Gathered, SKIPPED_UPDATES, Statistic, gradient_norm, loss_scale, unmeasured};
use crate::run::Line;
use crate::run::checkpoint::Snapshot;

impl Trainer {
    /// Reads what the phases so far have left: into the window, or an error where it is not finite.
    pub(super) fn collect(&mut self) -> Result<()> {
        for record in self.executor.records()? {
            let step = self.pending.pop_front().expect("a step for every phase");
            self.record(&record, step)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, step: u64) -> Result<()> {
        let PlannedPhase { updates, measured, statistics, .. } = &self.phases[record.plan];
        let measured = *measured;
        let is_norm_told = [Measured::Step, Measured::Part].contains(&measured);
        let numbers = record.statistics.iter().map(|&x| f64::from(x));
        let values: Vec<(String, f64)> = statistics.iter().cloned().zip(numbers).collect();
        let mut norms = vec![];
        let updated: Vec<OptimizerId> =
            self.game.networks().optimizers().filter(|o| updates[usize::from(o.0)]).collect();
        for optimizer in updated {
            let letter = self.letter(optimizer);
            let found = record.optimizers[usize::from(optimizer.0)];
            if self.rules[usize::from(optimizer.0)].scaled {
                self.watch_scale(found.loss_scale, optimizer, step)?;
            }
            if found.skipped {
                let sums = &mut self.state.window.sums;
                *sums.entry(SKIPPED_UPDATES.into()).or_insert(0.0) += 1.0;
                *sums.entry(unmeasured(letter)).or_insert(0.0) += f64::from(u8::from(is_norm_told));
            } else {
                norms.push((gradient_norm(letter), found.gradient_norm2.sqrt()));
            }
        }
        if let Some((name, value)) = values.iter().chain(&norms).find(|(_, v)| !v.is_finite()) {
            let mut why = format!("{name} is {value}");
            // A device that fails now as well is not what ended the training.
            let states = self.executor.states().ok();
            if let Some(first) = states.and_then(|states| first_not_finite(&*self.game, &states)) {
                why += &format!("; the first tensor that is not finite is {first}");
            }
            return Err(Error::Diverged { step, why });
        }
        if measured != Measured::Nothing {
            let window = &mut self.state.window;
            window.steps += u64::from(measured == Measured::Step);
            let told = norms.into_iter().filter(|_| is_norm_told);
            for (name, value) in values.into_iter().chain(told) {
                *window.sums.entry(name).or_insert(0.0) += value;
            }
        }
        Ok(())
    }

    /// The letter of an optimizer's networks: `G`, `D`.
    fn letter(&self, optimizer: OptimizerId) -> &'static str {
        self.game.networks().role(optimizer).letter()
    }

    /// Notes an optimizer's loss scale; an error where even the loss itself overflows.
    fn watch_scale(&mut self, scale: f32, optimizer: OptimizerId, step: u64) -> Result<()> {
        self.state.window.sums.insert(loss_scale(self.letter(optimizer)), f64::from(scale));
        if scale < scale::FLOOR {
            let why = format!(
                "the {}'s gradient overflows fp16 with a loss scale of {}, its floor; use --precision bf16, which has \
                 fp32's range, or a smaller lr",
                self.game.networks().role(optimizer).name(),
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
        let sum = |name: &str| window.sums.get(name).copied();
        let mut line = Line::new(self.state.step, seconds);
        for Statistic { name, gathered, .. } in self.game.statistics() {
            let value = match gathered {
                Gathered::Mean => sum(&name).map(|total| total / window.steps as f64),
                Gathered::MeanOfUpdates { skipped } => {
                    let made = window.steps as f64 - sum(&skipped).unwrap_or(0.0);
                    Some(sum(&name).unwrap_or(0.0) / made.max(1.0))
                }
                Gathered::Last => sum(&name),
                Gathered::Total => {
                    line.set_count(&name, sum(&name).unwrap_or(0.0) as u64);
                    None
                }
            };
            if let Some(value) = value {
                line.set(&name, value);
            }
        }
        Ok(line)
    }
}

impl Snapshot<'_> {
    /// Checks every weight and moment, as is done before they are saved.
    ///
    /// # Errors
    /// When one is not finite; the message names its tensor.
    pub fn check(&self) -> Result<()> {
        match first_not_finite(self.game, &self.networks) {
            None => Ok(()),
            Some(name) => {
                Err(Error::Diverged { step: self.state.step, why: format!("{name} is not finite") })
            }
        }
    }
}

/// The first gradient, weight, state or moment, the last optimizer's first, that holds a NaN or an infinity.
fn first_not_finite(game: &dyn Game, networks: &States) -> Option<String> {
    let finite = |numbers: &[f32]| numbers.iter().all(|x| x.is_finite());
    let optimizers: Vec<OptimizerId> = game.networks().optimizers().collect();
    optimizers.into_iter().rev().find_map(|optimizer| {
        let NetworkState { weights, gradients, moments, average, states, average_states, loss_scale, .. } =
            &networks[usize::from(optimizer.0)];
        let mut memories = vec![("", weights), ("the average of ", average)];
        if loss_scale.skip == 0 {
            memories.insert(0, ("the gradient of ", gradients));
        }
        memories.extend(moments.iter().map(|m| ("the optimizer's moment of ", m)));
        let bad_parameter =
            memories.into_iter().filter(|(_, numbers)| !numbers.is_empty()).find_map(|(what, numbers)| {
                let mut all =
                    game.networks().of(optimizer).flat_map(|n| n.parameters.iter().map(move |p| (n, p)));
                let (network, bad) = all.find(|(_, p)| !finite(&numbers[p.offset..p.offset + p.len()]))?;
                Some(format!("{what}{}.{}", network.name, bad.name))
            });
        bad_parameter.or_else(|| {
            let kept = [("", states), ("the average of ", average_states)];
            kept.into_iter().filter(|(_, numbers)| !numbers.is_empty()).find_map(|(what, numbers)| {
                let mut all =
                    game.networks().of(optimizer).flat_map(|n| n.states.iter().map(move |s| (n, s)));
                let (network, bad) = all.find(|(_, s)| !finite(&numbers[s.offset..s.offset + s.len()]))?;
                Some(format!("{what}{}.{}", network.name, bad.name))
            })
        })
    })
}
