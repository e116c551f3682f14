//! How a model's networks are updated: rules, rates, and what that costs.

use super::Game;
use crate::config::{Ema, Optimizer, Rule};
use crate::exec::schedule::{OptimizerSchedule, Schedule};
use crate::exec::{ColumnNorm, UpdateRule};
use crate::graph::OptimizerId;
use crate::lower::cost::Cost;
use crate::precision::Precision;

/// How one optimizer updates its networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimizing {
    /// The update rule and its rates.
    pub rule: Optimizer,
    /// Every parameter is clipped to [−clip, clip] after an update; 0 is off.
    pub clip: f32,
    /// The moving average that is kept; a decay of 0 keeps none, but where batch norm sampling needs statistics of its own.
    pub ema: Ema,
}

/// The update rules of a model, by optimizer.
pub fn rules(game: &dyn Game) -> Vec<UpdateRule> {
    let networks = game.networks();
    let scaled = game.precision() == Precision::Fp16;
    let rule = |(optimizer, of): (OptimizerId, Optimizing)| {
        let parameters = || networks.of(optimizer).flat_map(|n| &n.parameters);
        let limited = parameters().filter(|p| p.column_limit > 0.0);
        let column_norms = limited.map(|p| ColumnNorm {
            offset: p.offset,
            fan_in: p.shape[0],
            units: p.shape[1],
            limit: p.column_limit,
        });
        let average = of.ema.decay > 0.0 || keeps_statistics(game, optimizer);
        UpdateRule {
            rule: of.rule.rule,
            clip: of.clip,
            column_norms: column_norms.collect(),
            average,
            scaled,
        }
    };
    networks.optimizers().zip(game.optimizers()).map(rule).collect()
}

/// Whether a network that samples normalises by statistics: these are then measured of the averaged network, which is kept
/// even where the average is the network itself.
fn keeps_statistics(game: &dyn Game, optimizer: OptimizerId) -> bool {
    let samples = game.networks().role(optimizer) == crate::config::Role::Generator;
    samples
        && game.networks().of(optimizer).any(|n| n.states.iter().any(|s| s.name.ends_with("running_mean")))
}

/// Bytes that a model's networks take in training: weights, gradients, moments, averages, states.
pub fn kept_bytes(game: &dyn Game) -> usize {
    let memories = game.networks().memories().iter();
    rules(game).iter().zip(memories).map(|(rule, memory)| rule.bytes(memory.len, memory.states)).sum()
}

/// The rates of a training in minibatches of `batch` on `examples` training examples, at least 1.
pub fn rates(game: &dyn Game, batch: usize, examples: u64) -> Schedule {
    let optimizers = game.optimizers().iter().map(|o| schedule(&o.rule, &o.ema)).collect();
    Schedule { batch: batch as u64, examples, optimizers }
}

/// What the updates of a model's networks cost, by optimizer.
pub fn update_costs(game: &dyn Game) -> Vec<Cost> {
    let memories = game.networks().memories().iter();
    rules(game).iter().zip(memories).map(|(rule, memory)| rule.cost(memory.len, game.precision())).collect()
}

/// The rates of one optimizer, its moving average's included.
fn schedule(optimizer: &Optimizer, ema: &Ema) -> OptimizerSchedule {
    let (momentum, momentum_rise, rise_epochs) = momentum(&optimizer.rule);
    OptimizerSchedule {
        lr: f64::from(optimizer.lr),
        decay_factor: optimizer.decay_factor,
        min_lr: f64::from(optimizer.min_lr),
        hold_steps: optimizer.hold_steps,
        decay_steps: optimizer.decay_steps,
        final_share: f64::from(optimizer.final_share),
        momentum: f64::from(momentum),
        momentum_rise: f64::from(momentum_rise),
        rise_epochs,
        average: ema.decay,
        ramp: ema.ramp,
    }
}

/// pylearn2's `MomentumAdjustor` with start 1: where momentum starts, how much it rises, over how many epochs. It moves once
/// an epoch, the first epoch being number 1.
fn momentum(rule: &Rule) -> (f32, f32, u64) {
    match *rule {
        Rule::Sgd { momentum, final_momentum, saturate: saturate @ 2.. } => {
            (momentum, final_momentum - momentum, saturate - 1)
        }
        Rule::Sgd { momentum, .. } => (momentum, 0.0, 0),
        Rule::Adam { .. } | Rule::RmsProp { .. } => (0.0, 0.0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;
    use crate::exec::Rate;
    use crate::exec::schedule::Done;
    use crate::graph::MAX_OPTIMIZERS;

    fn close(a: f32, b: f64) -> bool {
        (f64::from(a) / b - 1.0).abs() < 1e-6
    }

    /// The schedule of a recipe with settings over it.
    fn recipe(name: &str, settings: &[&str], examples: u64) -> Schedule {
        let mut layers = ConfigBuilder::recipe(name).expect("a recipe");
        for setting in settings {
            layers.set(setting).expect("a setting");
        }
        let config = layers.finish().expect("a configuration");
        rates(&*crate::models::usual(&config), config.train.batch, examples)
    }

    #[test]
    fn the_2014_schedules_are_pylearn2s() {
        // A tenth of an epoch a phase.
        let schedule = recipe("mnist-2014", &[], 1_000);
        let generator = |done| -> Rate { schedule.rates(done)[0] };
        let lr = |update: u64| {
            generator(Done { tick: 0, steps: update - 1, updates: [update - 1; MAX_OPTIMIZERS] }).lr
        };
        assert!(close(lr(1), 0.1));
        assert!(close(lr(101), 0.1 / 1.000_004f64.powi(100)));
        assert!(close(lr(10_000_000), 1e-6), "the floor");
        let momentum = |tick| generator(Done { tick, ..Done::default() }).momentum;
        let momenta = [0, 9, 1_245, 2_490, 4_000].map(momentum);
        assert_eq!(momenta[0], 0.5);
        assert_eq!(momenta[1], 0.5, "it moves at the end of an epoch");
        assert!(close(momenta[2], 0.5 + 0.2 * 124.0 / 249.0));
        assert_eq!([momenta[3], momenta[4]], [0.7, 0.7]);
    }

    #[test]
    fn the_line_ends_at_its_share_and_stays() {
        let line = ["lr=2e-3", "decay_steps=20000", "final_share=0.005"];
        let line = line.map(|setting| format!("optimizer.discriminator.{setting}"));
        let schedule = recipe("ring-rpgan", &line.each_ref().map(String::as_str), 100_000);
        let lr = |steps| schedule.rates(Done { tick: steps, steps, updates: [steps; MAX_OPTIMIZERS] })[1].lr;
        assert!(close(lr(0), 2e-3) && close(lr(10_000), 1.005e-3) && close(lr(20_000), 1e-5));
        assert_eq!(lr(20_000), lr(40_000));
    }

    #[test]
    fn the_line_begins_when_it_is_held_no_longer() {
        let line = ["lr=2e-4", "hold_steps=100", "decay_steps=50", "final_share=0.1"];
        let line = line.map(|setting| format!("optimizer.generator.{setting}"));
        let schedule = recipe("ring-rpgan", &line.each_ref().map(String::as_str), 100_000);
        let lr = |steps| schedule.rates(Done { tick: steps, steps, updates: [steps; MAX_OPTIMIZERS] })[0].lr;
        assert!(close(lr(0), 2e-4) && close(lr(100), 2e-4) && close(lr(125), 1.1e-4) && close(lr(150), 2e-5));
    }
}
