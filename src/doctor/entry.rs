//! `doctor.jsonl`: what was measured, and which states a run entered and left.

use super::probe::Probe;
use super::translation::Translations;
use crate::records::{State, Verdict};
use crate::run::journal::Stepped;
use serde::{Deserialize, Serialize};

/// A line of `doctor.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// What was measured.
    Probe(Probe),
    /// What was measured of a model that translates.
    Translations(Translations),
    /// A state was entered at `verdict.since_step`.
    Entered(Verdict),
    /// A state was left.
    Left {
        /// At which step.
        step: u64,
        /// Which.
        state: State,
    },
}

impl Stepped for Entry {
    fn step(&self) -> u64 {
        match self {
            Entry::Probe(probe) => probe.step,
            Entry::Translations(seen) => seen.step,
            Entry::Entered(verdict) => verdict.since_step,
            Entry::Left { step, .. } => *step,
        }
    }
}
