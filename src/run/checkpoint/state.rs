//! `state.json`: everything but tensors that training goes on from.

use crate::config::Metric;
use crate::data::Classes;
use crate::exec::scale::LossScale;
use crate::graph::MAX_OPTIMIZERS;
use crate::nn::Networks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format that is written. Format 1 had lists, G's number before D's, where this has maps by name.
const FORMAT: u32 = 2;

/// Counters, and the metrics window begun.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct State {
    /// 2; files of format 1 say none.
    pub format: u32,
    /// Steps done.
    pub step: u64,
    /// Phases run, but for those that drew what the one before drew: the position in every random stream and in the shuffled
    /// data.
    pub tick: u64,
    /// Updates of each optimizer, by the role of its networks.
    pub updates: BTreeMap<String, u64>,
    /// Metrics since the last line.
    pub window: Window,
    /// Channels, height and width of an example.
    pub example: [usize; 3],
    /// Classes of the data set; 0 when unlabelled.
    pub classes: usize,
    /// What the classes are called, and how many training examples each has; absent in checkpoints of before this was
    /// written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_table: Option<Classes>,
    /// SHA-256 of the examples; absent in checkpoints of before this was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The loss scale of each optimizer by role, where fp16 trains with such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_scales: Option<BTreeMap<String, LossScale>>,
    /// The best evaluation so far, where `checkpoint.best_by` asks for such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
}

/// The best checkpoint of a run so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// By which metric.
    pub metric: Metric,
    /// What it measured.
    pub value: f64,
    /// After so many steps.
    pub step: u64,
    /// Evaluations since.
    pub behind: u64,
}

impl Best {
    /// The patience with which a training goes on that this much ended; absent where it has not come to an end.
    pub fn more_patience(&self, patience: u64) -> Option<u64> {
        (patience > 0 && self.behind >= patience).then(|| (self.behind + 1).max(2 * patience))
    }
}

/// Sums of metrics over the steps since the last line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Steps summed.
    pub steps: u64,
    /// By name.
    pub sums: BTreeMap<String, f64>,
}

/// A file of either format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Either {
    #[serde(default = "Either::first")]
    format: u32,
    step: u64,
    tick: u64,
    updates: ByRole<u64>,
    window: Window,
    example: [usize; 3],
    classes: usize,
    #[serde(default)]
    class_table: Option<Classes>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    loss_scales: Option<ByRole<LossScale>>,
    #[serde(default)]
    best: Option<Best>,
}

impl Either {
    fn first() -> u32 {
        1
    }
}

/// Numbers of optimizers: G's and D's in format 1.
#[derive(Deserialize)]
#[serde(untagged)]
enum ByRole<T> {
    Pair([T; 2]),
    Named(BTreeMap<String, T>),
}

impl<T> ByRole<T> {
    fn named(self) -> BTreeMap<String, T> {
        match self {
            ByRole::Pair([g, d]) => [("generator".to_string(), g), ("discriminator".to_string(), d)].into(),
            ByRole::Named(named) => named,
        }
    }
}

impl State {
    /// The state before the first step.
    pub fn new(networks: &Networks, example: [usize; 3], classes: usize) -> State {
        let mut state = State { format: FORMAT, example, classes, ..State::default() };
        state.set_updates(networks, [0; MAX_OPTIMIZERS]);
        state
    }

    /// Reads a file of either format.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn parse(bytes: &[u8]) -> Result<State, String> {
        let read: Either = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if read.format > FORMAT {
            return Err(format!("format {}, and this program knows {FORMAT}; take a newer one", read.format));
        }
        Ok(State {
            format: FORMAT,
            step: read.step,
            tick: read.tick,
            updates: read.updates.named(),
            window: read.window,
            example: read.example,
            classes: read.classes,
            class_table: read.class_table,
            data: read.data,
            loss_scales: read.loss_scales.map(ByRole::named),
            best: read.best,
        })
    }

    /// Updates by optimizer.
    pub fn updates(&self, networks: &Networks) -> [u64; MAX_OPTIMIZERS] {
        let mut updates = [0; MAX_OPTIMIZERS];
        for (count, memory) in updates.iter_mut().zip(networks.memories()) {
            *count = self.updates.get(memory.role.name()).copied().unwrap_or(0);
        }
        updates
    }

    /// Notes updates by optimizer.
    pub fn set_updates(&mut self, networks: &Networks, updates: [u64; MAX_OPTIMIZERS]) {
        let named = networks.memories().iter().zip(updates);
        self.updates = named.map(|(memory, count)| (memory.role.name().to_string(), count)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_first_format_are_read() {
        let first =
            br#"{"step": 3, "tick": 6, "updates": [3, 6], "window": {"steps": 1, "sums": {"d_loss": 0.5}},
            "example": [1, 2, 3], "classes": 0}"#;
        let state = State::parse(first).expect("format 1");
        assert_eq!(state.updates, [("generator".into(), 3), ("discriminator".into(), 6)].into());
        let written = serde_json::to_vec(&state).expect("finite");
        assert_eq!(State::parse(&written), Ok(state));
        let newer = String::from_utf8_lossy(&written).replace("\"format\":2", "\"format\":3");
        assert!(State::parse(newer.as_bytes()).is_err_and(|e| e.contains("format 3")));
    }
}
