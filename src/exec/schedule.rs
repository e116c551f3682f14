//! What changes from update to update: learning rates, momentum, the moving average's β.
//!
//! The host and the device compute the same bits: additions, multiplications, divisions and comparisons in one
//! order, each rounded by itself. `kernels/schedule.cuh` is this file's twin.

use crate::graph::MAX_OPTIMIZERS;
use crate::lower::Ends;

/// The numbers of one update that change from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Learning rate.
    pub lr: f32,
    /// Momentum of SGD.
    pub momentum: f32,
    /// This is the optimizer's n-th update, from 1 (Adam's bias correction).
    pub update: u64,
    /// β of the moving average: w̄ ← β·w̄ + (1 − β)·w.
    pub average: f32,
}

impl Rate {
    /// The first update, with a learning rate of 0: weights stay where they are.
    pub const REST: Rate = Rate { lr: 0.0, momentum: 0.0, update: 1, average: 0.0 };
    /// [`Rate::REST`] of every optimizer.
    pub const ALL_REST: [Rate; MAX_OPTIMIZERS] = [Rate::REST; MAX_OPTIMIZERS];
}

/// What is done when a phase starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Phases that ended a tick: the position in every random stream and in the shuffled data.
    pub tick: u64,
    /// Training steps.
    pub steps: u64,
    /// Updates, by [`crate::graph::OptimizerId`].
    pub updates: [u64; MAX_OPTIMIZERS],
}

impl Done {
    /// What is done after a phase that updates these optimizers.
    pub fn after(self, updated: [bool; MAX_OPTIMIZERS], ends: Ends) -> Done {
        let updates = std::array::from_fn(|i| self.updates[i] + u64::from(updated[i]));
        Done { tick: self.tick + ends.ticks(), steps: self.steps + ends.steps(), updates }
    }
}

/// The rates of a whole training, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Examples a phase sees.
    pub batch: u64,
    /// Examples an epoch sees, at least 1.
    pub examples: u64,
    /// The optimizers', by [`crate::graph::OptimizerId`].
    pub optimizers: Vec<OptimizerSchedule>,
}

/// The rates of one optimizer's updates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerSchedule {
    /// Learning rate of the first update.
    pub lr: f64,
    /// Divides the learning rate at every update; 1 is off.
    pub decay_factor: f64,
    /// The divided learning rate stops here.
    pub min_lr: f64,
    /// Steps before it begins to fall in a line.
    pub hold_steps: u64,
    /// Steps over which the learning rate then falls in a line; 0 is off.
    pub decay_steps: u64,
    /// Share of it that the line ends at.
    pub final_share: f64,
    /// Momentum of the first epoch.
    pub momentum: f64,
    /// How much it rises, in a line.
    pub momentum_rise: f64,
    /// Epochs over which it rises; 0: it stays.
    pub rise_epochs: u64,
    /// β of the moving average in the long run.
    pub average: f32,
    /// How gently the average starts, in updates.
    pub ramp: f32,
}

impl Schedule {
    /// The rates of the phase that comes after what is done; those of optimizers that there are not rest.
    pub fn rates(&self, done: Done) -> [Rate; MAX_OPTIMIZERS] {
        let epoch = done.tick * self.batch / self.examples;
        let mut rates = Rate::ALL_REST;
        for (i, (rate, optimizer)) in rates.iter_mut().zip(&self.optimizers).enumerate() {
            *rate = optimizer.rate(done.updates[i] + 1, done.steps, epoch);
        }
        rates
    }

    /// These rates for ever, but for the number of the update.
    pub fn constant(rates: &[Rate]) -> Schedule {
        let optimizer = |r: &Rate| OptimizerSchedule {
            lr: f64::from(r.lr),
            decay_factor: 1.0,
            min_lr: 0.0,
            hold_steps: 0,
            decay_steps: 0,
            final_share: 1.0,
            momentum: f64::from(r.momentum),
            momentum_rise: 0.0,
            rise_epochs: 0,
            average: r.average,
            ramp: 0.0,
        };
        Schedule { batch: 0, examples: 1, optimizers: rates.iter().map(optimizer).collect() }
    }
}

impl OptimizerSchedule {
    /// The rate of update `update` (from 1) in `epoch` (from 0), `steps` steps being done.
    fn rate(&self, update: u64, steps: u64, epoch: u64) -> Rate {
        let t = update as f32;
        Rate {
            lr: self.learning_rate(update, steps) as f32,
            momentum: (self.momentum + share(epoch, self.rise_epochs) * self.momentum_rise) as f32,
            update,
            average: self.average.min((1.0 + t) / (self.ramp + t)),
        }
    }

    /// pylearn2's `ExponentialDecay`, then a line.
    fn learning_rate(&self, update: u64, steps: u64) -> f64 {
        let decayed = (self.lr / power(self.decay_factor, update - 1)).max(self.min_lr);
        decayed
            * (1.0
                - share(steps.saturating_sub(self.hold_steps), self.decay_steps) * (1.0 - self.final_share))
    }
}

/// The share `done` of `all`, at most 1; 0 of nothing.
fn share(done: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { (done as f64 / all as f64).min(1.0) }
}

/// xⁿ by repeated squaring: the same multiplications everywhere. Its relative error is below (n + 64)·2⁻⁵³.
pub fn power(x: f64, n: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, x, n);
    while rest > 0 {
        if rest % 2 == 1 {
            result *= square;
        }
        square *= square;
        rest /= 2;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_within_their_error() {
        for (x, n) in [(1.000_004, 10_000_000), (0.999, 1_000), (0.5, 1), (0.9, 0), (0.0, 3), (1.5, 700)] {
            let (found, wanted) = (power(x, n), x.powf(n as f64));
            let allowed = (n as f64 + 64.0) * 2f64.powi(-53) * wanted;
            assert!((found - wanted).abs() <= allowed, "{x}^{n}: {found:e}, not {wanted:e}");
        }
        assert_eq!(
            [power(0.999, u64::MAX), power(1.1, u64::MAX)],
            [0.0, f64::INFINITY],
            "no NaN at the ends"
        );
    }

    #[test]
    fn constant_rates_stay() {
        let rate = |update| Rate { lr: 0.1, momentum: 0.3, update, average: 0.9 };
        let schedule = Schedule::constant(&[rate(1); 2]);
        let mut done = Done::default();
        let phases = [
            ([false, true], [1, 1], Ends::Tick),
            ([true, true], [1, 2], Ends::Nothing),
            ([true, false], [2, 3], Ends::Step),
            ([true, true], [3, 3], Ends::Step),
        ];
        for ([first, second], wanted, ends) in phases {
            assert_eq!(schedule.rates(done)[..2], wanted.map(rate));
            assert_eq!(schedule.rates(done)[2..], [Rate::REST; MAX_OPTIMIZERS - 2]);
            let mut updated = [false; MAX_OPTIMIZERS];
            (updated[0], updated[1]) = (first, second);
            done = done.after(updated, ends);
        }
        assert_eq!((done.tick, done.steps), (3, 2));
    }
}
