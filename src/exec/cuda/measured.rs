//! Launches one by one, and copies, for measurements.

use super::executor::Cuda;
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

    fn profile(&mut self, plan: usize, name: &str) -> Result<()> {
        self.driver.open_range(name)?;
        // Launch by launch: a profiler shows a recording as one thing.
        let ran = (0..self.packed[plan].len()).try_for_each(|launch| {
            // What ends a phase is no launch of the plan.
            let named = self.plans[plan].launches.get(launch);
            let name = named.map_or("end".into(), |l| format!("{launch} {} {}", l.work.kind(), l.name));
            self.driver.open_range(&name)?;
            let ran = self.launch(plan, launch);
            self.driver.close_range();
            ran
        });
        self.driver.close_range();
        // The end of a phase moves the clock.
        self.clock.forget();
        ran?;
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
