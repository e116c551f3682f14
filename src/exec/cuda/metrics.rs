//! What phases leave for the host to read: a ring on the device, read when the host wants it.

use super::launch::Driver;
use super::limits::{MAX_STATISTICS, OPTIMIZER_METRICS, SLOT_WIDTH, SLOTS};
use super::memory::Memory;
use crate::error::Result;
use crate::exec::executor::{OptimizerRecord, Record};
use crate::lower::Plan;
use std::collections::VecDeque;

/// Which phase is in which slot of the ring.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Plan, tick and slot of the phases not yet read, oldest first.
    phases: VecDeque<(usize, u64, usize)>,
    /// The slot of the phase that runs next.
    pub next: usize,
}

impl Recorded {
    /// Notes a phase that ran.
    pub fn push(&mut self, plan: usize, tick: u64) {
        if self.phases.len() == SLOTS {
            self.phases.pop_front();
        }
        self.phases.push_back((plan, tick, self.next));
        self.next = (self.next + 1) % SLOTS;
    }

    /// Reads the phases not yet read; waits for the device.
    pub fn take<D: Driver>(
        &mut self,
        driver: &mut D,
        memory: &Memory,
        plans: &[Plan],
    ) -> Result<Vec<Record>> {
        let mut numbers = vec![0.0f64; SLOTS * SLOT_WIDTH];
        driver.download(memory.ring.buffer, 0, bytemuck::cast_slice_mut(&mut numbers))?;
        let record = |(plan, tick, slot): (usize, u64, usize)| {
            let slot = &numbers[slot * SLOT_WIDTH..][..SLOT_WIDTH];
            let (statistics, optimizers) = slot.split_at(MAX_STATISTICS);
            let (optimizers, _) = optimizers.as_chunks::<OPTIMIZER_METRICS>();
            let optimizer = |&[gradient_norm2, scale, skip]: &[f64; OPTIMIZER_METRICS]| OptimizerRecord {
                gradient_norm2,
                loss_scale: scale as f32,
                skipped: skip == 1.0,
            };
            let count = plans[plan].statistics().count();
            Record {
                plan,
                tick,
                statistics: statistics[..count].iter().map(|&x| x as f32).collect(),
                optimizers: optimizers[..memory.networks.len()].iter().map(optimizer).collect(),
            }
        };
        Ok(self.phases.drain(..).map(record).collect())
    }
}
