//! A plan that looks at a fixed number of rows, run over any number of them.

use super::pool::Pool;
use super::{Cpu, no_updates};
use crate::error::Result;
use crate::exec::{NetworkState, PhaseRun, Rate, States};
use crate::graph::MAX_OPTIMIZERS;
use crate::lower::Plan;

/// Runs one plan chunk by chunk, without updates; what the last chunk lacks is padded with zeros and thrown away.
pub struct Batched {
    cpu: Cpu,
    rows: usize,
}

impl Batched {
    /// An executor of `plan`, whose inputs and outputs are those of `rows` rows, with `threads` threads; 0 takes one a
    /// core.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(plan: Plan, rows: usize, seed: u64, threads: usize) -> Result<Batched> {
        let none = vec![NetworkState::default(); MAX_OPTIMIZERS];
        let cpu = Cpu::new(Pool::new(threads)?, vec![plan], none, no_updates(MAX_OPTIMIZERS), None, seed);
        Ok(Batched { cpu, rows })
    }

    /// Rows of a chunk.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The networks that the plan runs.
    pub fn set_states(&mut self, mut states: States) {
        states.resize_with(MAX_OPTIMIZERS, NetworkState::default);
        self.cpu.set_states(states);
    }

    /// The plan's `outputs` of `count` rows; each input holds as many, one behind the other. Random numbers of a chunk
    /// are those of the tick that is its place among all rows, of which these are the ones from `first` on, a chunk's
    /// beginning.
    ///
    /// # Panics
    /// When the plan has no such input or output, an input holds another number of rows, or no chunk begins at `first`.
    pub fn run<const N: usize>(
        &mut self,
        first: usize,
        count: usize,
        inputs: &[(&str, &[f32])],
        outputs: [&str; N],
    ) -> [Vec<f32>; N] {
        assert!(first.is_multiple_of(self.rows), "a chunk begins at row {first}");
        let mut found = [const { Vec::new() }; N];
        for from in (0..count).step_by(self.rows) {
            let rows = self.rows.min(count - from);
            for (name, values) in inputs {
                let width = values.len() / count;
                assert_eq!(values.len(), width * count, "rows of {name}");
                let mut chunk = values[from * width..(from + rows) * width].to_vec();
                chunk.resize(self.rows * width, 0.0);
                self.cpu.write_input(0, name, &chunk);
            }
            let chunk = ((first + from) / self.rows) as u64;
            self.cpu.run(&PhaseRun::alone(0, chunk, Rate::ALL_REST));
            for (found, name) in found.iter_mut().zip(outputs) {
                let whole = self.cpu.output(0, name);
                // An output may hold less than one row an input's row: D answers once a pack.
                found.extend_from_slice(&whole[..whole.len() * rows / self.rows]);
            }
        }
        found
    }
}
