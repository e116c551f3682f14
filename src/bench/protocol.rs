//! How a benchmark measures: rounds, and the sizes of what is measured by itself.

use crate::error::Result;
use std::time::{Duration, Instant};

/// How it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// Steps a round, at least; rounds are whole periods of the training's phases.
    pub steps: u64,
    /// Rounds, at least 1.
    pub rounds: u64,
    /// Steps before the first round, at least.
    pub warmup: u64,
    /// Whether every launch is timed by itself.
    pub alone: bool,
    /// Whether every phase is run once more at the end, launch by launch, for whoever profiles this process.
    pub profile: bool,
    /// How large the ceilings are sought.
    pub limits: Limits,
}

/// How large and how long the single measurements are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows and columns of the products whose best is a ceiling, ascending.
    pub products: &'static [usize],
    /// After a product that takes longer, no larger one is tried.
    pub longest_product: Duration,
    /// Bytes that a copy moves: more than caches hold.
    pub copy_bytes: usize,
    /// What runs alone is repeated for about as long.
    pub alone: Duration,
    /// But no more often.
    pub repetitions: usize,
}

/// For devices from a laptop's CPU to today's largest GPUs.
pub const LIMITS: Limits = Limits {
    products: &[1024, 2048, 4096, 8192],
    longest_product: Duration::from_millis(30),
    copy_bytes: 128 << 20,
    alone: Duration::from_millis(20),
    repetitions: 100,
};

impl Limits {
    /// How often something that `run(times)` runs is to be repeated.
    pub fn times(&self, run: &mut dyn FnMut(usize) -> Result<()>) -> Result<usize> {
        // The first time makes things ready.
        run(1)?;
        let begun = Instant::now();
        run(1)?;
        let fitting = self.alone.as_nanos() / begun.elapsed().as_nanos().max(1);
        Ok((fitting as usize).clamp(1, self.repetitions))
    }
}
