//! What the doctor says of a run.

use serde::{Deserialize, Serialize};

/// How a run can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is too little to judge yet.
    TooEarly,
    /// Nothing below is seen.
    Healthy,
    /// D tells all samples from data, or G's gradient has vanished: G learns nothing.
    DWon,
    /// D cannot tell samples from data although they are far from them: G is taught nothing.
    GWon,
    /// The players go round in circles.
    Oscillation,
    /// Samples are too much alike, or whole modes of the data are missing.
    ModeCollapse,
    /// Samples are copies of training examples, or D knows those by heart and samples come near.
    Memorising,
    /// A loss, gradient or weight is a NaN or an infinity.
    NonFinite,
    /// Nothing changes although samples are far from the data.
    Stalled,
    /// fp16's loss scale has fallen so far that small gradients are lost.
    LossScaleFloor,
}

impl State {
    /// Whether training that came here cannot go on.
    pub fn ends_training(self) -> bool {
        matches!(self, State::NonFinite | State::LossScaleFloor)
    }

    /// For people: "D won".
    pub fn name(self) -> &'static str {
        match self {
            State::TooEarly => "too early to tell",
            State::Healthy => "healthy",
            State::DWon => "D won",
            State::GWon => "G won",
            State::Oscillation => "oscillation",
            State::ModeCollapse => "mode collapse",
            State::Memorising => "memorising",
            State::NonFinite => "non-finite",
            State::Stalled => "stalled",
            State::LossScaleFloor => "loss scale at its floor",
        }
    }

    /// Whether something should be changed.
    pub fn is_alarm(self) -> bool {
        !matches!(self, State::TooEarly | State::Healthy)
    }
}

/// A state that a run is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which.
    pub state: State,
    /// The step at which it was first seen without a break since.
    pub since_step: u64,
    /// The numbers it rests on.
    pub evidence: String,
    /// The one flag to change, and why; what to do next where all is well.
    pub advice: String,
}

/// All that the doctor has to say about a run at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Steps done.
    pub step: u64,
    /// One or more, alarms in the order of [`State`]; [`State::Healthy`] and [`State::TooEarly`] stand alone.
    pub verdicts: Vec<Verdict>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}
