//! What the doctor knows of a run when it judges it.

use super::labels::Obedience;
use super::probe::Probe;
use super::thresholds::WINDOW;
use super::translation::Translations;
use crate::config::{Config, Objective};
use crate::models::equilibrium::equilibrium;
use crate::run::Line;

/// What is known of a run when it is judged.
pub struct Facts<'a> {
    /// How it is trained.
    pub config: &'a Config,
    /// Lines of metrics, oldest first.
    pub lines: &'a [Line],
    /// Probes, oldest first.
    pub probes: &'a [Probe],
    /// What was measured of a model that translates, oldest first.
    pub translations: &'a [Translations],
    /// How pictures of a conditional G agree with their labels, or why that is not known; absent where nobody asked.
    pub labels: Option<&'a Result<Obedience, String>>,
}

impl Facts<'_> {
    /// The last lines, where there are enough for a verdict.
    pub(super) fn window(&self) -> Option<&[Line]> {
        self.lines.len().checked_sub(WINDOW).map(|from| &self.lines[from..])
    }

    pub(super) fn probe(&self) -> Option<&Probe> {
        self.probes.last()
    }

    /// The step of the last look at what networks make.
    pub fn looked(&self) -> Option<u64> {
        let probed = self.probes.last().map(|p| p.step);
        probed.max(self.translations.last().map(|seen| seen.step))
    }

    /// The last step that is known of.
    pub fn step(&self) -> u64 {
        let of_lines = self.lines.last().map_or(0, |l| l.step);
        self.looked().unwrap_or(0).max(of_lines)
    }

    /// Whether training has come to the end that its configuration has, where that is a number of steps.
    pub(super) fn is_done(&self) -> bool {
        (1..=self.step()).contains(&self.config.train.steps)
    }

    /// The first step at which there is enough for a verdict: lines of metrics, and a probe.
    pub fn judged_from(&self) -> u64 {
        let log = &self.config.log;
        let lacking = WINDOW.saturating_sub(self.lines.len()) as u64;
        let of_lines = self.lines.last().map_or(0, |l| l.step) + lacking * log.every;
        let next = (self.step() / log.samples_every + 1) * log.samples_every;
        of_lines.max(if self.looked().is_none() { next } else { 0 })
    }

    /// The last probe, once the game has been played long enough to be judged by it: as many steps as the lines of a
    /// verdict take, also where the lines are not at hand.
    pub(super) fn played(&self) -> Option<&Probe> {
        let steps = WINDOW as u64 * self.config.log.every;
        self.probe().filter(|p| self.lines.len() >= WINDOW || p.step >= steps)
    }

    /// How samples agree with the classes they were asked for.
    pub(super) fn obedience(&self) -> Option<&Obedience> {
        self.labels.and_then(|l| l.as_ref().ok()).or_else(|| self.probe()?.labels.as_ref())
    }

    /// D's loss where it does not tell samples from data at all; absent for a critic, whose loss has no such value.
    pub(super) fn loss_at_chance(&self) -> Option<f64> {
        let loss = &self.config.loss;
        let scaled = f64::from(loss.discriminator_scale) * equilibrium(loss).d_loss.0;
        Some(scaled).filter(|_| loss.objective != Objective::Wasserstein)
    }
}
