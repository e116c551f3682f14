//! What the doctor says of a run.

use crate::console::typed;
use serde::{Deserialize, Serialize};
use std::path::Path;

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
    /// D takes nearly all real pictures for real although they are augmented, or augmentation comes too late.
    Overfitting,
    /// Samples show what augmentation does to pictures: it was meant for D's eyes alone.
    Leaking,
    /// Samples of a conditional G are hardly of the classes that they were asked for.
    LabelsIgnored,
    /// Neighbouring pixels of samples differ far more than those of the data: confetti.
    PixelNoise,
    /// Every second pixel of samples differs from those beside it: the checkerboard of a transposed convolution.
    Checkerboard,
    /// A translation turns light into dark, which it should not.
    Inverted,
    /// A translation leaves pictures as they are.
    Untranslated,
    /// What a translation makes of pictures is further from what it should be than the pictures were.
    FurtherAway,
    /// What comes back of pictures, there and back, is not what they were.
    NotBack,
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
            State::Overfitting => "D overfits",
            State::Leaking => "augmentation leaks",
            State::LabelsIgnored => "ignores labels",
            State::PixelNoise => "pixel noise",
            State::Checkerboard => "checkerboard",
            State::Inverted => "inverted",
            State::Untranslated => "left as they are",
            State::FurtherAway => "further from the truth",
            State::NotBack => "does not come back",
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
    /// Why the command helps, in words; in files of before there were commands, the flag to change too.
    pub advice: String,
    /// What to type about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// Essential questions that nothing measured answers, such as whether samples are copies. A healthy run with one of
    /// them open is healthy as far as known, and no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A command about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// A new run, configured as this one was but for these flags.
    Anew(String),
    /// This run, further: with these flags.
    Resume(String),
    /// The measurements of this run.
    Measure,
}

impl Remedy {
    /// The command as it is typed about the run in that folder.
    pub fn command(&self, run: &Path) -> String {
        match self {
            Remedy::Anew(flags) => {
                format!("gansaku train --config {} {flags}", typed(&run.join("config.toml")))
            }
            Remedy::Resume(flags) => format!("gansaku train --resume {} {flags}", typed(run)),
            Remedy::Measure => format!("gansaku eval {}", typed(run)),
        }
    }
}

impl Verdict {
    /// For people: the state, and that it is not the whole truth where something essential is unknown.
    pub fn name(&self) -> &'static str {
        match self.state {
            State::Healthy if !self.unknown.is_empty() => "healthy as far as known",
            state => state.name(),
        }
    }

    /// Whether all that was asked about the run is known and well.
    pub fn is_good(&self) -> bool {
        self.state == State::Healthy && self.unknown.is_empty()
    }

    /// The evidence, and what is not known.
    pub fn told(&self) -> String {
        match self.unknown.is_empty() {
            true => self.evidence.clone(),
            false => format!("{}; not known: {}", self.evidence, self.unknown.join("; ")),
        }
    }

    /// The command to type about the run in that folder.
    pub fn command(&self, run: &Path) -> Option<String> {
        self.remedy.as_ref().map(|remedy| remedy.command(run))
    }

    /// What to do, in a line: the command and why it helps.
    pub fn next(&self, run: &Path) -> String {
        let words = self.command(run).into_iter().chain(Some(self.advice.clone()).filter(|a| !a.is_empty()));
        words.collect::<Vec<_>>().join(": ")
    }
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
