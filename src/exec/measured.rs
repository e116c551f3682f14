//! What measuring asks of an executor, beyond what training does.

use crate::error::Result;

/// An executor whose launches can be counted and run by themselves.
///
/// Everything here waits for the device. What it leaves in memory is of no use to training.
pub trait Measured {
    /// Kernel launches of each launch of a plan; where a phase ends with launches of its own, their number follows.
    /// On a CPU a launch of a plan is a launch.
    fn launches(&self, plan: usize) -> Vec<usize>;

    /// Runs one launch of a plan, or what ends its phase, `times` times in a row on what lies in memory. The plan must
    /// have run before.
    ///
    /// # Errors
    /// When the device fails.
    fn repeat(&mut self, plan: usize, launch: usize, times: usize) -> Result<()>;

    /// Runs every launch of a plan once, each in a range of its own inside one called `name`, for whoever profiles this
    /// process. The plan must have run before.
    ///
    /// # Errors
    /// When the device has no ranges, or fails.
    fn profile(&mut self, plan: usize, name: &str) -> Result<()>;

    /// Copies the first half of the arena onto the second, `times` times in a row. The bytes that one copy reads and
    /// writes.
    ///
    /// # Errors
    /// When the device fails.
    fn copy(&mut self, times: usize) -> Result<usize>;
}
