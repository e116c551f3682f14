//! What each state looks like in numbers, and why there.

use super::State;
use super::probe::Probe;
use crate::config::{Config, Objective};
use crate::exec::scale;
use crate::run::Line;

/// Lines of metrics that a verdict on the game looks at: all of them must agree, so that one odd line decides nothing.
pub const WINDOW: usize = 5;

/// What is known of a run.
pub struct Facts<'a> {
    /// How it is trained.
    pub config: &'a Config,
    /// Its metrics, oldest first.
    pub lines: &'a [Line],
    /// Its probes, oldest first.
    pub probes: &'a [Probe],
}

/// Share of D's loss at chance below which D is sure of everything.
pub const SURE: f64 = 0.05;
/// Share of right answers from which D is as good as perfect.
pub const PERFECT: f64 = 0.98;
/// Energy distance (by the data's spread) above which samples are far from the data.
pub const FAR: f64 = 0.1;
/// Share of right answers below which D does no better than guessing.
pub const GUESSING: f64 = 0.55;
/// Share of the data's pairwise distance below which samples are collapsed.
pub const COLLAPSED: f64 = 0.4;

/// The states that a run is in, each with its evidence; none where it is too early to tell.
pub fn states(facts: &Facts) -> Vec<(State, String)> {
    let rules: [(State, fn(&Facts) -> Option<String>); 7] = [
        (State::DWon, d_won),
        (State::GWon, g_won),
        (State::Oscillation, oscillation),
        (State::ModeCollapse, mode_collapse),
        (State::Memorising, memorising),
        (State::Stalled, stalled),
        (State::LossScaleFloor, loss_scale_floor),
    ];
    let found: Vec<_> = rules.into_iter().filter_map(|(state, rule)| Some((state, rule(facts)?))).collect();
    match found.is_empty() {
        true => healthy(facts).map(|evidence| (State::Healthy, evidence)).into_iter().collect(),
        false => found,
    }
}

impl Facts<'_> {
    /// The last lines, where there are enough for a verdict.
    fn window(&self) -> Option<&[Line]> {
        self.lines.len().checked_sub(WINDOW).map(|from| &self.lines[from..])
    }

    fn probe(&self) -> Option<&Probe> {
        self.probes.last()
    }

    /// D's loss where it does not tell samples from data at all; absent for a critic, whose loss has no such value.
    fn loss_at_chance(&self) -> Option<f64> {
        let loss = &self.config.loss;
        let (single, paired) = match loss.objective {
            Objective::Minimax | Objective::NonSaturating => (2.0 * 2f64.ln(), 2f64.ln()),
            Objective::LeastSquares => (0.25, 0.5),
            Objective::Hinge => (2.0, 1.0),
            Objective::Wasserstein => return None,
        };
        Some(f64::from(loss.discriminator_scale) * if loss.relativistic { paired } else { single })
    }
}

fn d_won(facts: &Facts) -> Option<String> {
    let window = facts.window()?;
    let chance = facts.loss_at_chance()?;
    let sure = |l: &Line| l.d_loss < SURE * chance && l.accuracy_real.min(l.accuracy_fake) >= PERFECT;
    let last = window.last()?;
    window.iter().all(sure).then(|| {
        format!(
            "D is right about {:.1} % of the data and {:.1} % of the samples, its loss is {:.4} (at chance {chance:.3}); \
             G's gradient norm is {:.2e}",
            100.0 * last.accuracy_real,
            100.0 * last.accuracy_fake,
            last.d_loss,
            last.g_gradient_norm
        )
    })
}

fn g_won(facts: &Facts) -> Option<String> {
    let (window, probe) = (facts.window()?, facts.probe()?);
    let guesses = |l: &Line| match facts.config.loss.objective {
        Objective::Wasserstein => l.d_real <= l.d_fake,
        _ => 0.5 * (l.accuracy_real + l.accuracy_fake) < GUESSING,
    };
    let last = window.last()?;
    (window.iter().all(guesses) && probe.energy > FAR).then(|| {
        format!(
            "D is right about {:.1} % of the data and {:.1} % of the samples, yet these are {:.2} away (energy \
             distance; far from {FAR})",
            100.0 * last.accuracy_real,
            100.0 * last.accuracy_fake,
            probe.energy
        )
    })
}

fn oscillation(_: &Facts) -> Option<String> {
    None
}

fn mode_collapse(facts: &Facts) -> Option<String> {
    let probe = facts.probe()?;
    (probe.spread < COLLAPSED)
        .then(|| format!("samples lie {:.1} % as far apart as the data do", 100.0 * probe.spread))
}

fn memorising(facts: &Facts) -> Option<String> {
    let ratio = facts.probe()?.neighbour_ratio?;
    (ratio < crate::eval::neighbours::MEMORISED).then(|| {
        format!("samples lie {ratio:.2} times as far from their nearest training example as held-out data do")
    })
}

fn stalled(_: &Facts) -> Option<String> {
    None
}

fn loss_scale_floor(facts: &Facts) -> Option<String> {
    let last = facts.lines.last()?;
    let least = [last.d_loss_scale, last.g_loss_scale].into_iter().flatten().fold(f64::INFINITY, f64::min);
    (least <= f64::from(8.0 * scale::FLOOR))
        .then(|| format!("the loss scale is {least}, its floor {}", scale::FLOOR))
}

fn healthy(facts: &Facts) -> Option<String> {
    let (window, probe) = (facts.window()?, facts.probe()?);
    let last = window.last()?;
    Some(format!("D(x) {:.2}, D(G(z)) {:.2}, spread {:.2}", last.d_real, last.d_fake, probe.spread))
}
