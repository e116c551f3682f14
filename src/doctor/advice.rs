//! The one flag to change.

use super::rules::Facts;
use crate::config::{Config, Objective, Optimizer, Rule};
use crate::models::statistic::gradient_norm;
use crate::precision::Precision;
use crate::records::State;

/// Learning rates that differ by more than this are a mistake rather than a choice.
const FAR_APART: f32 = 20.0;

/// What to do about a state: one flag, with its value for this run. `since` is the step of the probe that found it first.
pub fn advice(state: State, since: u64, facts: &Facts) -> String {
    let config = facts.config;
    match state {
        State::TooEarly => String::new(),
        State::Healthy => {
            "nothing to change; `gansaku eval RUN` measures it, --steps trains it longer".into()
        }
        State::DWon => d_won(config),
        State::GWon => g_won(config),
        State::Oscillation => {
            penalty(config).unwrap_or_else(|| slower("discriminator", &config.optimizer.discriminator))
        }
        State::ModeCollapse => mode_collapse(config),
        State::Memorising => {
            let before = facts.probes.iter().rev().map(|p| p.step).find(|&step| step < since);
            let (steps, data) = (before.unwrap_or(since), &config.data);
            let examples = match data.source.is_built_in() {
                true => format!("--set data.count={}", 10 * data.count),
                false => "--data with more than these examples".into(),
            };
            format!("{examples}, or stop before: --steps {steps}")
        }
        State::Stalled => stalled(config, facts),
        State::NonFinite | State::LossScaleFloor => after_failure(state, config),
    }
}

/// What to do where training could not go on.
pub fn after_failure(state: State, config: &Config) -> String {
    match state {
        State::LossScaleFloor => "--precision bf16: it has fp32's range and needs no loss scale".into(),
        _ if config.train.precision == Precision::Fp16 => "--precision bf16: it has fp32's range".into(),
        _ => faster(config),
    }
}

/// To slow down the network that learns with the greater rate; D where both have the same.
fn faster(config: &Config) -> String {
    let (g, d) = (&config.optimizer.generator, &config.optimizer.discriminator);
    if g.lr > d.lr { slower("generator", g) } else { slower("discriminator", d) }
}

fn d_won(config: &Config) -> String {
    if config.loss.objective == Objective::Minimax {
        return "--set loss.objective=non-saturating: its gradient does not vanish where D is sure".into();
    }
    penalty(config).unwrap_or_else(|| slower("discriminator", &config.optimizer.discriminator))
}

fn g_won(config: &Config) -> String {
    let loss = &config.loss;
    let greatest = [("r1", loss.r1), ("r2", loss.r2), ("gradient_penalty", loss.gradient_penalty)]
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let (g, d) = (&config.optimizer.generator, &config.optimizer.discriminator);
    match greatest {
        Some((name, weight)) if weight > 1.0 => {
            format!("--set loss.{name}={}: the penalty holds D down", times(weight, 0.1))
        }
        _ if d.lr * FAR_APART < g.lr => {
            format!("--set optimizer.generator.lr={}: G learns much faster than D", d.lr)
        }
        _ if d.lr < g.lr => format!("--set optimizer.discriminator.lr={}: D learns slower than G", g.lr),
        _ if config.train.joint => format!("--set optimizer.discriminator.lr={}", times(d.lr, 4.0)),
        _ => format!(
            "--set train.discriminator_updates={}: D needs more updates than G",
            config.train.discriminator_updates + 1
        ),
    }
}

fn mode_collapse(config: &Config) -> String {
    let loss = &config.loss;
    // A Wasserstein loss has the same gradients in pairs.
    let pairs = !matches!(loss.objective, Objective::Minimax | Objective::Wasserstein);
    if pairs && !loss.relativistic {
        return "--set loss.relativistic=true: D then compares samples with data in pairs, and dropping modes no longer \
                pays (1807.00734)"
            .into();
    }
    let pack = config.discriminator.pack;
    if pack == 1 && config.train.batch.is_multiple_of(2) {
        return "--set discriminator.pack=2: D then sees how alike two samples are (1712.04086)".into();
    }
    penalty(config).unwrap_or_else(|| slower("generator", &config.optimizer.generator))
}

fn stalled(config: &Config, facts: &Facts) -> String {
    let dead = facts.lines.last().is_some_and(|l| l.get(&gradient_norm("G")) == Some(0.0));
    let (name, optimizer) = match (dead, config.optimizer.generator, config.optimizer.discriminator) {
        (true, ..) => {
            let seed = config.seed.wrapping_add(1);
            return format!("--seed {seed}: no gradient reaches G at all, its units are dead; start again");
        }
        (false, g, d) if g.lr <= d.lr => ("generator", g),
        (false, _, d) => ("discriminator", d),
    };
    format!("--set optimizer.{name}.lr={}", times(optimizer.lr, 10.0))
}

/// Gradient penalties where there are none and there can be.
fn penalty(config: &Config) -> Option<String> {
    match config.loss.objective {
        _ if config.loss.penalised() || config.train.joint => None,
        Objective::Wasserstein => {
            Some("--set loss.gradient_penalty=10: a critic must be smooth (1704.00028)".into())
        }
        _ => Some("--set loss.r1=0.1: a D that is flat around data lets training settle (1801.04406)".into()),
    }
}

fn slower(network: &str, optimizer: &Optimizer) -> String {
    let Optimizer { lr, .. } = optimizer;
    match optimizer.rule {
        Rule::Adam { beta1, .. } if beta1 > 0.5 => {
            format!("--set optimizer.{network}.rule.adam.beta1=0.5: momentum overshoots in a game")
        }
        _ => format!("--set optimizer.{network}.lr={}", times(*lr, 0.25)),
    }
}

/// A multiple of a value as people write it: the shortest number that is this float, times the factor, to three digits.
fn times(value: f32, factor: f64) -> f64 {
    let exact: f64 = value.to_string().parse().unwrap_or(f64::from(value));
    format!("{:.2e}", exact * factor).parse().unwrap_or(exact * factor)
}
