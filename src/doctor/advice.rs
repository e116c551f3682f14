//! The one thing to change: a command, and why it helps.

use super::facts::Facts;
use crate::config::{Architecture, Config, Model, Objective, Optimizer, Rule, Upsample};
use crate::models::statistic::gradient_norm;
use crate::numbers::counted;
use crate::precision::Precision;
use crate::records::{Remedy, State};

/// Learning rates that differ by more than this are a mistake rather than a choice.
const FAR_APART: f32 = 20.0;

/// What to do about a state.
pub struct Advice {
    /// What to type.
    pub remedy: Remedy,
    /// Why.
    pub why: String,
}

/// A new run with these flags.
fn anew(flags: impl Into<String>, why: impl Into<String>) -> Advice {
    Advice { remedy: Remedy::Anew(flags.into()), why: why.into() }
}

/// What to do about a state, with values for this run. `since` is the step of the probe that found it first.
pub fn advice(state: State, since: u64, facts: &Facts) -> Advice {
    let config = facts.config;
    match state {
        State::TooEarly => train_on(facts),
        State::Healthy => {
            Advice { remedy: Remedy::Measure, why: "nothing to change; this measures it".into() }
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
            match data.source.is_built_in() {
                true => anew(
                    format!("--set data.count={}", 10 * data.count),
                    format!("more examples to learn from; at step {steps} it did not memorise yet"),
                ),
                false => anew(
                    format!("--steps {steps}"),
                    "it stops before; better still, give --data with more than these examples",
                ),
            }
        }
        State::Overfitting => overfitting(config),
        State::Leaking => leaking(config),
        State::LabelsIgnored => labels_ignored(config),
        State::PixelNoise => pixel_noise(config),
        State::Checkerboard => checkerboard(config),
        State::Inverted => anew(
            format!("--set loss.identity={} --seed {}", identity(config), config.seed + 1),
            "another start, and pictures that are of the domain already are to stay as they are: light then stays light",
        ),
        State::Untranslated => anew(
            format!("--set loss.cycle={}", config.loss.cycle.max(2.0) / 2.0),
            "the way back weighs less against D, so that pictures may change",
        ),
        State::FurtherAway => match config.model {
            Model::Cyclegan => anew(
                format!("--set loss.identity={}", identity(config)),
                "pictures that are of the domain already are to stay as they are, which teaches what should not change; a \
                 wider generator (generator.width) and more steps help too",
            ),
            _ => anew(
                format!("--set loss.reconstruction={}", (2.0 * config.loss.reconstruction).max(1.0)),
                "the distance to the truth weighs more against D; more steps help too",
            ),
        },
        State::NotBack => anew(
            format!("--set loss.cycle={}", (2.0 * config.loss.cycle).max(1.0)),
            "the way back weighs more against D, so that pictures keep what they showed",
        ),
        State::Stalled => stalled(config, facts),
        State::NonFinite | State::LossScaleFloor => after_failure(state, config),
    }
}

/// More weight of the identity.
fn identity(config: &Config) -> f32 {
    (2.0 * config.loss.identity).max(0.5)
}

/// To what step a run must come before there is something to judge.
fn train_on(facts: &Facts) -> Advice {
    let (done, until) = (facts.step(), facts.judged_from());
    let step = if until > done { until } else { done + facts.config.log.samples_every };
    let more = step - done;
    Advice {
        remedy: Remedy::Resume(format!("--steps {step}")),
        why: format!("about {} tell more", counted(more, "more step")),
    }
}

/// What to do where training could not go on.
pub fn after_failure(state: State, config: &Config) -> Advice {
    match state {
        State::LossScaleFloor => anew("--precision bf16", "it has fp32's range and needs no loss scale"),
        _ if config.train.precision == Precision::Fp16 => anew("--precision bf16", "it has fp32's range"),
        _ => faster(config),
    }
}

/// To slow down the network that learns with the greater rate; D where both have the same.
fn faster(config: &Config) -> Advice {
    let (g, d) = (&config.optimizer.generator, &config.optimizer.discriminator);
    if g.lr > d.lr { slower("generator", g) } else { slower("discriminator", d) }
}

fn d_won(config: &Config) -> Advice {
    if config.loss.objective == Objective::Minimax {
        return anew("--set loss.objective=non-saturating", "its gradient does not vanish where D is sure");
    }
    penalty(config).unwrap_or_else(|| slower("discriminator", &config.optimizer.discriminator))
}

fn g_won(config: &Config) -> Advice {
    let loss = &config.loss;
    let greatest = [("r1", loss.r1), ("r2", loss.r2), ("gradient_penalty", loss.gradient_penalty)]
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let (g, d) = (&config.optimizer.generator, &config.optimizer.discriminator);
    match greatest {
        Some((name, weight)) if weight > 1.0 => {
            anew(format!("--set loss.{name}={}", times(weight, 0.1)), "the penalty holds D down")
        }
        _ if d.lr * FAR_APART < g.lr => {
            anew(format!("--set optimizer.generator.lr={}", d.lr), "G learns much faster than D")
        }
        _ if d.lr < g.lr => {
            anew(format!("--set optimizer.discriminator.lr={}", g.lr), "D learns slower than G")
        }
        _ if config.train.joint => {
            anew(format!("--set optimizer.discriminator.lr={}", times(d.lr, 4.0)), "D must learn faster")
        }
        _ => anew(
            format!("--set train.discriminator_updates={}", config.train.discriminator_updates.usual() + 1),
            "D needs more updates than G",
        ),
    }
}

fn mode_collapse(config: &Config) -> Advice {
    let loss = &config.loss;
    // A Wasserstein loss has the same gradients in pairs.
    let pairs = !matches!(loss.objective, Objective::Minimax | Objective::Wasserstein);
    if pairs && !loss.relativistic {
        return anew(
            "--set loss.relativistic=true",
            "D then compares samples with data in pairs, and dropping modes no longer pays (1807.00734)",
        );
    }
    let pack = config.discriminator.pack;
    if pack == 1 && config.train.batch.is_multiple_of(2) {
        return anew("--set discriminator.pack=2", "D then sees how alike two samples are (1712.04086)");
    }
    penalty(config).unwrap_or_else(|| slower("generator", &config.optimizer.generator))
}

/// More augmentation, or the same sooner; where there is enough of it, a D that is held back.
fn overfitting(config: &Config) -> Advice {
    let held_back =
        || penalty(config).unwrap_or_else(|| slower("discriminator", &config.optimizer.discriminator));
    let Some(augment) = &config.augment else { return held_back() };
    match augment.p {
        None => anew(
            format!("--set augment.ada_kimg={}", times(augment.ada_kimg, 0.25)),
            "p rises four times as fast; more pictures help most",
        ),
        Some(p) if p < 0.8 => {
            anew("--set augment.p=0.8", "D sees fewer pictures as they are; more pictures help most")
        }
        Some(_) => held_back(),
    }
}

/// Where enough pictures stay as they are, G can tell these from changed ones (2006.06676, section 2.2).
fn leaking(config: &Config) -> Advice {
    let p = config.augment.as_ref().and_then(|augment| augment.p).map_or(0.6, |p| times(p, 0.6));
    anew(
        format!("--set augment.p={p}"),
        "enough pictures then stay as they are for G to tell which the data are",
    )
}

/// A D that stands far above its samples teaches realness and not classes: it is held back.
fn labels_ignored(config: &Config) -> Advice {
    penalty(config).unwrap_or_else(|| {
        let updates = config.train.discriminator_updates.usual() + 1;
        match config.train.joint {
            true => slower("generator", &config.optimizer.generator),
            false => anew(
                format!("--set train.discriminator_updates={updates}"),
                "a D that learns more of its classes teaches G more of them",
            ),
        }
    })
}

/// Dense layers draw every pixel for itself; a smaller step of G lets D's gradient average over more pictures.
fn pixel_noise(config: &Config) -> Advice {
    penalty(config).unwrap_or_else(|| slower("generator", &config.optimizer.generator))
}

/// A transposed convolution gives some pixels more taps than their neighbours, unless its weights make up for it.
fn checkerboard(config: &Config) -> Advice {
    let network = &config.generator;
    match (network.architecture, network.upsample) {
        (Architecture::Dcgan, None | Some(Upsample::Transposed)) => anew(
            "--set generator.upsample=nearest",
            "pixels are repeated and then convolved: each gets as many taps as its neighbours (Odena et al. 2016)",
        ),
        _ => slower("generator", &config.optimizer.generator),
    }
}

fn stalled(config: &Config, facts: &Facts) -> Advice {
    let dead = facts.lines.last().is_some_and(|l| l.get(&gradient_norm("G")) == Some(0.0));
    let (name, optimizer) = match (dead, config.optimizer.generator, config.optimizer.discriminator) {
        (true, ..) => {
            let seed = config.seed.wrapping_add(1);
            return anew(
                format!("--seed {seed}"),
                "no gradient reaches G at all, its units are dead; another start has others",
            );
        }
        (false, g, d) if g.lr <= d.lr => ("generator", g),
        (false, _, d) => ("discriminator", d),
    };
    anew(format!("--set optimizer.{name}.lr={}", times(optimizer.lr, 10.0)), "larger steps")
}

/// Gradient penalties where there are none and there can be.
fn penalty(config: &Config) -> Option<Advice> {
    match config.loss.objective {
        _ if config.loss.penalised() || config.train.joint => None,
        Objective::Wasserstein => {
            Some(anew("--set loss.gradient_penalty=10", "a critic must be smooth (1704.00028)"))
        }
        _ => {
            Some(anew("--set loss.r1=0.1", "a D that is flat around data lets training settle (1801.04406)"))
        }
    }
}

fn slower(network: &str, optimizer: &Optimizer) -> Advice {
    let Optimizer { lr, .. } = optimizer;
    match optimizer.rule {
        Rule::Adam { beta1, .. } if beta1 > 0.5 => {
            anew(format!("--set optimizer.{network}.rule.adam.beta1=0.5"), "momentum overshoots in a game")
        }
        _ => anew(format!("--set optimizer.{network}.lr={}", times(*lr, 0.25)), "smaller steps"),
    }
}

/// A multiple of a value as people write it: the shortest number that is this float, times the factor, to three digits.
fn times(value: f32, factor: f64) -> f64 {
    let exact: f64 = value.to_string().parse().unwrap_or(f64::from(value));
    format!("{:.2e}", exact * factor).parse().unwrap_or(exact * factor)
}
