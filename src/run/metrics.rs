//! `metrics.jsonl`: one JSON object a line, written as training goes.

use super::journal::{Journal, Stepped};
use serde::{Deserialize, Serialize};

/// Means over the steps since the line before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, over all resumes; the only field that two equal runs may differ in.
    pub seconds: f64,
    /// D's objective, penalties not included.
    pub d_loss: f64,
    /// G's objective.
    pub g_loss: f64,
    /// D(x): the mean probability (or critic's score) of real examples.
    pub d_real: f64,
    /// D(G(z)): the same for generated ones.
    pub d_fake: f64,
    /// Share of real examples that D takes for real.
    pub accuracy_real: f64,
    /// Share of generated examples that D takes for generated.
    pub accuracy_fake: f64,
    /// Gradient penalties with their factors; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<f64>,
    /// Norm of D's gradient.
    pub d_gradient_norm: f64,
    /// Norm of G's gradient.
    pub g_gradient_norm: f64,
    /// Factor on D's loss at the end of the window, in fp16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_loss_scale: Option<f64>,
    /// Factor on G's loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub g_loss_scale: Option<f64>,
    /// Updates of either network left out for an overflow, in fp16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_updates: Option<u64>,
}

impl Stepped for Line {
    fn step(&self) -> u64 {
        self.step
    }
}

/// `metrics.jsonl`, open.
pub type Metrics = Journal<Line>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal;
    use std::io::Write;

    #[test]
    fn reopening_drops_what_the_checkpoint_does_not_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics.jsonl");
        let line = |step| Line {
            step,
            seconds: 0.5,
            d_loss: 1.0,
            g_loss: 2.0,
            d_real: 0.5,
            d_fake: 0.5,
            accuracy_real: 0.5,
            accuracy_fake: 0.5,
            penalty: None,
            d_gradient_norm: 0.1,
            d_loss_scale: None,
            g_loss_scale: None,
            skipped_updates: None,
            g_gradient_norm: 0.1,
        };
        let (mut metrics, kept) = Metrics::open(&path, 100, 0).expect("opens");
        assert_eq!(kept, []);
        (1..=3).for_each(|i| metrics.add(&line(100 * i)).expect("writes"));
        // A crash in the middle of a line.
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("there");
        file.write_all(b"{\"step\": 4").expect("writes");
        assert_eq!(journal::read::<Line>(&path).expect("reads").len(), 3, "whole lines alone");
        let (_, kept) = Metrics::open(&path, 100, 250).expect("opens");
        assert_eq!(kept, [line(100), line(200)]);
        assert_eq!(std::fs::read_to_string(&path).expect("reads").lines().count(), 2);
    }
}
