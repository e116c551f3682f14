//! What is asked of a training, and what is told of it in the end.

use crate::config::Config;
use crate::exec::{Device, Hardware};
use std::path::PathBuf;
use std::time::Duration;

/// What to train, where, for how long.
#[derive(Debug, Clone)]
pub struct Request {
    /// Everything that decides the run's bytes.
    pub config: Config,
    /// A new run or an old one.
    pub start: Start,
    /// Where to compute.
    pub device: Device,
    /// Worker threads; 0 takes one a core.
    pub threads: usize,
    /// Stop after so long.
    pub time: Option<Duration>,
}

impl Request {
    /// Where to compute.
    pub fn hardware(&self) -> Hardware {
        Hardware { device: self.device, threads: self.threads }
    }
}

/// How a training begins.
#[derive(Debug, Clone)]
pub enum Start {
    /// In a new folder.
    New {
        /// Where runs lie.
        out: PathBuf,
        /// The folder's name; numbered when absent.
        name: Option<String>,
        /// Weights to begin with: a run, a checkpoint or a safetensors file.
        init_from: Option<PathBuf>,
    },
    /// Exactly where a run stopped.
    Resume(PathBuf),
}

/// How far a training came.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The run's folder.
    pub run: PathBuf,
    /// Steps done, over all resumes.
    pub step: u64,
    /// Steps asked for; more than `step` where the time was up.
    pub total: u64,
    /// Seconds of training, over all resumes.
    pub seconds: f64,
    /// What computed, in words.
    pub device: String,
}
