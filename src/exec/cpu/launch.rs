//! What all launches have.

use super::memory::Shared;
use super::pool::Pool;
use crate::rng::Moment;

/// A launch that runs: threads, memory, and the moment that random numbers are drawn at.
pub struct Launch<'a> {
    /// Threads.
    pub pool: &'a Pool,
    /// Memory.
    pub shared: Shared<'a>,
    /// Seed and tick.
    pub moment: Moment,
}
