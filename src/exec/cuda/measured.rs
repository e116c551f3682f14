//! Launches one by one, and copies, for measurements.

use super::Cuda;
use super::launch::{Driver, Packed, Recording};
use crate::error::Result;
use crate::exec::measured::Measured;

impl<D: Driver> Cuda<D> {
    /// One launch of a plan `times` times, where the device can record: as in a step, no launch then waits for the
    /// host.
    fn repetition(&mut self, plan: usize, launch: usize, times: usize) -> Result<Option<Recording>> {
        let key = (plan, launch, times);
        if let Some(&found) = self.repetitions.get(&key) {
            return Ok(found);
        }
        let launches: Vec<&Packed> = (0..times).flat_map(|_| &self.packed[plan][launch]).collect();
        let recording = self.driver.record(&launches)?;
        self.repetitions.insert(key, recording);
        Ok(recording)
    }
}

impl<D: Driver> Measured for Cuda<D> {
    fn launches(&self, plan: usize) -> Vec<usize> {
        self.packed[plan].iter().map(Vec::len).collect()
    }

    fn repeat(&mut self, plan: usize, launch: usize, times: usize) -> Result<()> {
        if !self.packed[plan][launch].is_empty() {
            match self.repetition(plan, launch, times)? {
                Some(recording) => self.driver.replay(recording)?,
                None => (0..times).try_for_each(|_| self.launch(plan, launch))?,
            }
            // The end of a phase moves the clock.
            self.clock.forget();
        }
        self.driver.synchronize()
    }

    fn copy(&mut self, times: usize) -> Result<usize> {
        let arena = self.memory.arena;
        // A multiple of 256, as allocations are aligned.
        let half = arena.bytes / 2 / 256 * 256;
        for _ in 0..times {
            self.driver.copy(arena.buffer, 0, half, half)?;
        }
        self.driver.synchronize()?;
        Ok(2 * half)
    }
}
