//! From lines of metrics and probes, in the order in which they came, to states entered and left.

use super::advice::{self, Advice};
use super::entry::Entry;
use super::facts::Facts;
use super::labels::Obedience;
use super::probe::Probe;
use super::rules;
use super::thresholds::WINDOW;
use super::translation::Translations;
use crate::config::Config;
use crate::numbers::grouped;
use crate::records::{State, Verdict};
use crate::run::Line;
use crate::run::journal::Stepped;
use std::collections::BTreeMap;

/// Watches one run.
pub struct Judge {
    config: Config,
    lines: Vec<Line>,
    probes: Vec<Probe>,
    translations: Vec<Translations>,
    labels: Option<Result<Obedience, String>>,
    /// The states that the run is in, never [`State::TooEarly`].
    open: BTreeMap<State, Open>,
}

/// A state that the run is in.
struct Open {
    verdict: Verdict,
    /// Looks in a row that have not found it.
    missed: usize,
}

/// Looks in a row that must not find a state before it is left: a number that wavers about a threshold makes no news.
const MISSES: usize = 3;

impl Judge {
    /// A judge of a run with that configuration, who has seen nothing yet.
    pub fn new(config: &Config) -> Judge {
        let (lines, probes, translations, open) = (vec![], vec![], vec![], BTreeMap::new());
        Judge { config: config.clone(), lines, probes, translations, labels: None, open }
    }

    /// Takes a line; which states it makes the run enter and leave.
    pub fn line(&mut self, line: &Line) -> Vec<Entry> {
        self.lines.push(line.clone());
        self.judge()
    }

    /// Takes a probe; which states it makes the run enter and leave.
    pub fn probe(&mut self, probe: &Probe) -> Vec<Entry> {
        self.probes.push(probe.clone());
        self.judge()
    }

    /// Takes what was measured of translations; which states it makes the run enter and leave.
    pub fn translations(&mut self, seen: &Translations) -> Vec<Entry> {
        self.translations.push(seen.clone());
        self.judge()
    }

    /// Takes how pictures agree with their labels, or why that is not known; which states it makes the run enter and leave.
    pub fn labels(&mut self, found: Result<Obedience, String>) -> Vec<Entry> {
        self.labels = Some(found);
        self.judge()
    }

    /// Takes what training wrote down, as it came: a line before the probe of the same step.
    pub fn replay(&mut self, lines: &[Line], entries: &[Entry]) {
        let mut lines = lines.iter().peekable();
        for entry in entries {
            if !matches!(entry, Entry::Probe(_) | Entry::Translations(_)) {
                continue;
            }
            while let Some(line) = lines.next_if(|l| l.step <= entry.step()) {
                self.line(line);
            }
            match entry {
                Entry::Probe(probe) => drop(self.probe(probe)),
                Entry::Translations(seen) => drop(self.translations(seen)),
                Entry::Entered(_) | Entry::Left { .. } => {}
            }
        }
        lines.for_each(|line| drop(self.line(line)));
    }

    /// The last step that it knows of.
    pub fn step(&self) -> u64 {
        self.facts().step()
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            config: &self.config,
            lines: &self.lines,
            probes: &self.probes,
            translations: &self.translations,
            labels: self.labels.as_ref(),
        }
    }

    /// The step of the last look at what networks make.
    pub fn probed(&self) -> Option<u64> {
        self.facts().looked()
    }

    /// What it thinks now: one verdict or more.
    pub fn verdicts(&self) -> Vec<Verdict> {
        if !self.open.is_empty() {
            return self.open.values().map(|o| o.verdict.clone()).collect();
        }
        let facts = self.facts();
        let evidence = if self.lines.len() >= WINDOW && facts.looked().is_some() {
            "no sign is clear yet".to_string()
        } else {
            format!("a verdict comes at about step {}", grouped(facts.judged_from().max(facts.step() + 1)))
        };
        vec![verdict(State::TooEarly, 0, evidence, advice::advice(State::TooEarly, 0, &facts))]
    }

    fn judge(&mut self) -> Vec<Entry> {
        let facts = Facts {
            config: &self.config,
            lines: &self.lines,
            probes: &self.probes,
            translations: &self.translations,
            labels: self.labels.as_ref(),
        };
        let step = facts.step();
        let mut found: BTreeMap<State, String> = rules::states(&facts).into_iter().collect();
        let mut changes = vec![];
        let alarmed = found.keys().any(|s| s.is_alarm());
        self.open.retain(|state, open| {
            open.missed = if found.contains_key(state) { 0 } else { open.missed + 1 };
            // An alarm ends health at once; health, like another alarm, does not end an alarm.
            let stays = open.missed < MISSES && (state.is_alarm() || !alarmed);
            if !stays {
                changes.push(Entry::Left { step, state: *state });
            }
            stays
        });
        if self.open.keys().any(|s| s.is_alarm()) {
            found.remove(&State::Healthy);
        }
        for (state, evidence) in found {
            let since_step = self.open.get(&state).map_or(step, |o| o.verdict.since_step);
            let advice = advice::advice(state, since_step, &facts);
            let unknown = if state == State::Healthy && !self.config.model.translates() {
                rules::unknown(&facts)
            } else {
                vec![]
            };
            let verdict = Verdict { unknown, ..verdict(state, since_step, evidence, advice) };
            if !self.open.contains_key(&state) {
                changes.push(Entry::Entered(verdict.clone()));
            }
            self.open.insert(state, Open { verdict, missed: 0 });
        }
        changes
    }
}

/// A verdict with all that is known.
pub fn verdict(state: State, since_step: u64, evidence: String, advice: Advice) -> Verdict {
    Verdict { state, since_step, evidence, advice: advice.why, remedy: Some(advice.remedy), unknown: vec![] }
}
