//! What changes from update to update: learning rates, momentum, the moving average's β.

use crate::config::{Config, Optimizer, Rule};
use crate::exec::Rate;
use crate::graph::Player;

/// The rates of update `update` (from 1) of a player at `epoch` (from 0), `step` steps being done.
pub fn rate(config: &Config, player: Player, update: u64, step: u64, epoch: f64) -> Rate {
    let optimizer = match player {
        Player::Generator => &config.optimizer.generator,
        Player::Discriminator => &config.optimizer.discriminator,
    };
    Rate {
        lr: learning_rate(optimizer, update, step),
        momentum: momentum(&optimizer.rule, epoch),
        update,
        average: average(config, update),
    }
}

/// pylearn2's `ExponentialDecay`, then a straight line to `final_share` over `decay_steps`.
fn learning_rate(o: &Optimizer, update: u64, step: u64) -> f32 {
    let decayed = f64::from(o.lr) / o.decay_factor.powf((update - 1) as f64);
    let floor = decayed.max(f64::from(o.min_lr));
    let way = if o.decay_steps == 0 { 0.0 } else { (step as f64 / o.decay_steps as f64).min(1.0) };
    (floor * (1.0 - way * (1.0 - f64::from(o.final_share)))) as f32
}

/// pylearn2's `MomentumAdjustor` with start 1: it moves once an epoch, the first epoch being number 1.
fn momentum(rule: &Rule, epoch: f64) -> f32 {
    let Rule::Sgd { momentum, final_momentum, saturate } = *rule else { return 0.0 };
    if saturate <= 1 {
        return momentum;
    }
    let way = (epoch.floor() / (saturate - 1) as f64).min(1.0);
    (f64::from(momentum) + way * f64::from(final_momentum - momentum)) as f32
}

fn average(config: &Config, update: u64) -> f32 {
    let t = update as f32;
    config.ema.decay.min((1.0 + t) / (config.ema.ramp + t))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn close(a: f32, b: f64) -> bool {
        (f64::from(a) / b - 1.0).abs() < 1e-6
    }

    #[test]
    fn the_2014_schedules_are_pylearn2s() {
        let config = Layers::recipe("mnist-2014").and_then(Layers::finish).expect("a recipe");
        let at = |update, epoch| rate(&config, Player::Generator, update, update - 1, epoch);
        assert!(close(at(1, 0.0).lr, 0.1));
        assert!(close(at(101, 0.0).lr, 0.1 / 1.000_004f64.powi(100)));
        assert!(close(at(10_000_000, 0.0).lr, 1e-6), "the floor");
        let momenta = [0.0, 0.9, 124.5, 249.0, 400.0].map(|e| at(1, e).momentum);
        assert_eq!(momenta[0], 0.5);
        assert_eq!(momenta[1], 0.5, "it moves at the end of an epoch");
        assert!(close(momenta[2], 0.5 + 0.2 * 124.0 / 249.0));
        assert_eq!([momenta[3], momenta[4]], [0.7, 0.7]);
    }

    #[test]
    fn the_line_ends_at_its_share_and_stays() {
        let config = Layers::recipe("grid-rpgan").and_then(Layers::finish).expect("a recipe");
        let lr = |step| rate(&config, Player::Discriminator, step + 1, step, 0.0).lr;
        assert!(close(lr(0), 1e-3) && close(lr(10_000), 0.5025e-3) && close(lr(20_000), 5e-6));
        assert_eq!(lr(20_000), lr(40_000));
    }
}
