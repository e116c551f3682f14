//! The clock on the device: the launch that moves it on after a phase, and the host's knowledge of it.

use super::blocks::{self, Clock, ClosePhaseArguments, Rates};
use super::launch::{Argument, Driver, Geometry, Packed};
use super::limits::{MAX_STATISTICS, SLOTS, number};
use super::memory::Memory;
use crate::error::{Error, Result};
use crate::exec::executor::PhaseRun;
use crate::exec::rule::UpdateRule;
use crate::exec::schedule::{Done, Rate, Schedule};
use crate::graph::MAX_OPTIMIZERS;
use crate::lower::Plan;

/// What rates are worked out from, on the host and on the device.
pub(super) struct Rules {
    pub schedule: Schedule,
    /// By optimizer, as the schedule's.
    pub rules: Vec<UpdateRule>,
}

impl Rules {
    /// The device's form.
    fn block(&self) -> blocks::Schedule {
        let mut optimizers = [blocks::OptimizerSchedule::default(); MAX_OPTIMIZERS];
        for ((to, from), rule) in optimizers.iter_mut().zip(&self.schedule.optimizers).zip(&self.rules) {
            *to = blocks::OptimizerSchedule {
                lr: from.lr,
                decay_factor: from.decay_factor,
                min_lr: from.min_lr,
                final_share: from.final_share,
                momentum: from.momentum,
                momentum_rise: from.momentum_rise,
                betas: rule.betas(),
                hold_steps: from.hold_steps,
                decay_steps: from.decay_steps,
                rise_epochs: from.rise_epochs,
                average: from.average,
                ramp: from.ramp,
            };
        }
        blocks::Schedule { batch: self.schedule.batch, examples: self.schedule.examples, optimizers }
    }

    /// The clock as a phase finds it that fills `slot`.
    fn clock(&self, seed: u64, slot: u64, phase: &PhaseRun) -> Clock {
        Clock::before(&self.rules, seed, slot, phase)
    }

    /// The clock as the device leaves it after a phase of a plan.
    fn after(&self, clock: Clock, plan: &Plan) -> Clock {
        let done = Done { tick: clock.tick, steps: clock.steps, updates: clock.updates };
        let done = done.after(plan.updates(), plan.ends);
        let slot = (clock.slot + 1) % SLOTS as u64;
        let rates = self.schedule.rates(done);
        self.clock(clock.seed, slot, &PhaseRun { plan: 0, tick: done.tick, step: done.steps, rates })
    }
}

impl Clock {
    /// The clock as a phase finds it that fills slot `slot` of the ring, where optimizers update by `rules`.
    pub fn before(rules: &[UpdateRule], seed: u64, slot: u64, phase: &PhaseRun) -> Clock {
        let mut clock = Clock { seed, tick: phase.tick, slot, steps: phase.step, ..Clock::default() };
        for (i, (rule, rate)) in rules.iter().zip(&phase.rates).enumerate() {
            (clock.updates[i], clock.rates[i]) = (rate.update - 1, Rates::new(rule, rate));
        }
        clock
    }
}

impl Rates {
    /// What the device needs of an update's rates.
    pub fn new(rule: &UpdateRule, rate: &Rate) -> Rates {
        let (corrected_lr, root_correction) = rule.corrected(rate);
        Rates {
            lr: rate.lr,
            momentum: rate.momentum,
            corrected_lr,
            root_correction,
            average: rate.average,
            unused: 0.0,
        }
    }
}

/// The launch that ends a phase: fills its slot of the ring, moves the clock on.
///
/// # Errors
/// When the plan has more statistics than a slot holds, or they lie too far out.
pub(super) fn pack(plan: &Plan, memory: &Memory, rules: &Rules) -> Result<Packed> {
    let count = plan.statistics().count();
    if count > MAX_STATISTICS {
        return Err(Error::Device(format!(
            "a plan of {count} statistics; the GPU records {MAX_STATISTICS} a phase; run this model with --device cpu"
        )));
    }
    let mut arguments = ClosePhaseArguments {
        arena: memory.arena.address,
        ring: memory.ring.address,
        clock: memory.clock.address,
        schedule: rules.block(),
        updated: plan.updates().map(u32::from),
        optimizers: memory.networks.len() as u32,
        ends: (plan.ends.ticks() + plan.ends.steps()) as u32,
        slots: SLOTS as u32,
        count: count as u32,
        ..ClosePhaseArguments::default()
    };
    for (i, network) in memory.networks.iter().enumerate() {
        (arguments.norms2[i], arguments.scales[i]) = (network.norm2.address, network.scale.address);
    }
    for (at, output) in arguments.at.iter_mut().zip(plan.statistics()) {
        *at = number(output.at, "an arena").map_err(Error::Device)?;
    }
    let arguments = vec![Argument::block("ClosePhaseArguments", &arguments)];
    Ok(Packed { kernel: "close_phase", geometry: Geometry::row(1, 32), arguments })
}

/// What the host knows of the device's clock.
pub(super) struct Mirror {
    rules: Rules,
    seed: u64,
    /// What it holds; unknown before the first phase.
    held: Option<Clock>,
}

impl Mirror {
    /// Knowledge of a clock that holds nothing yet.
    pub fn new(rules: Rules, seed: u64) -> Mirror {
        Mirror { rules, seed, held: None }
    }

    fn clock(&self, turn: &PhaseRun, slot: u64) -> Clock {
        self.rules.clock(self.seed, slot, turn)
    }

    /// Whether a clock that is set for the first of these phases comes to the others by itself.
    pub fn foresees(&self, turns: &[PhaseRun], plans: &[Plan]) -> bool {
        turns.windows(2).all(|pair| {
            let after = self.rules.after(self.clock(&pair[0], 0), &plans[pair[0].plan]);
            same(&after, &self.clock(&pair[1], 1))
        })
    }

    /// Makes the clock hold the numbers of a phase that fills `slot`: an upload, where it holds others.
    pub fn set<D: Driver>(
        &mut self,
        driver: &mut D,
        memory: &Memory,
        turn: &PhaseRun,
        slot: u64,
    ) -> Result<()> {
        let wanted = self.clock(turn, slot);
        if self.held.is_none_or(|held| !same(&held, &wanted)) {
            driver.upload(memory.clock.buffer, 0, bytemuck::bytes_of(&wanted))?;
            self.held = Some(wanted);
        }
        Ok(())
    }

    /// The clock has moved by itself: the next phase sets it.
    pub fn forget(&mut self) {
        self.held = None;
    }

    /// Follows the clock past a phase.
    pub fn advance(&mut self, plan: &Plan) {
        self.held = self.held.map(|held| self.rules.after(held, plan));
    }
}

/// Whether two clocks have the same bits.
fn same(a: &Clock, b: &Clock) -> bool {
    bytemuck::bytes_of(a) == bytemuck::bytes_of(b)
}
