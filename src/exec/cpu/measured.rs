//! Launches one by one, and copies, for measurements.

use super::executor::{Cpu, Now};
use super::pool::Pool;
use crate::error::{Error, Result};
use crate::exec::executor::PhaseRun;
use crate::exec::measured::Measured;
use crate::exec::schedule::Rate;
use crate::lower::Plan;

impl Measured for Cpu {
    fn launches(&self, plan: usize) -> Vec<usize> {
        vec![1; self.plans[plan].launches.len()]
    }

    fn repeat(&mut self, plan: usize, launch: usize, times: usize) -> Result<()> {
        let Plan { precision, from, .. } = self.plans[plan];
        let work = self.plans[plan].launches[launch].work.clone();
        let pool = std::mem::replace(&mut self.pool, Pool::single());
        let phase = PhaseRun::alone(plan, 0, Rate::ALL_REST);
        let now = Now { pool: &pool, phase: &phase, precision, from };
        pool.enter(|| (0..times).for_each(|_| self.run_work(&now, &work)));
        self.pool = pool;
        Ok(())
    }

    fn profile(&mut self, _: usize, name: &str) -> Result<()> {
        Err(Error::Usage(format!(
            "{name}: only launches on a GPU can be marked for a profiler; leave --profile out"
        )))
    }

    fn copy(&mut self, times: usize) -> Result<usize> {
        let half = self.arena.len() / 2;
        // Each thread takes one long stretch, as a copy of the system's library would.
        let stretch = half.div_ceil(self.pool.threads()).max(1);
        for _ in 0..times {
            let (from, to) = self.arena.split_at_mut(half);
            let parts = to.chunks_mut(stretch).zip(from.chunks(stretch)).collect();
            self.pool.run_on(parts, |(to, from): (&mut [f32], &[f32])| {
                let len = to.len().min(from.len());
                to[..len].copy_from_slice(&from[..len]);
            });
        }
        Ok(2 * 4 * half)
    }
}
