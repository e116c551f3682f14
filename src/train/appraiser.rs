//! What D makes of examples: its output and what its last layer sees, without dropout.

use crate::error::Result;
use crate::exec::cpu::pool::Pool;
use crate::exec::cpu::{Cpu, no_updates};
use crate::exec::{NetworkState, Rate};
use crate::models::gan::{APPRAISED, CONDITION, FEATURES, Gan, LOGITS};

/// Runs D on examples it is given.
pub struct Appraiser {
    cpu: Cpu,
    rows: usize,
    numbers: usize,
    classes: usize,
    pack: usize,
    width: usize,
}

/// D's view of some examples.
pub struct Appraisal {
    /// Output of each pack, before any sigmoid.
    pub logits: Vec<f32>,
    /// Input of the last layer, `[packs, width]`.
    pub features: Vec<f32>,
    /// Its width; 0 where D has one layer.
    pub width: usize,
}

impl Appraisal {
    /// Mean output.
    pub fn mean(&self) -> f64 {
        self.logits.iter().map(|&l| f64::from(l)).sum::<f64>() / self.logits.len().max(1) as f64
    }
}

impl Appraiser {
    /// An appraiser of a model, of up to `rows` examples at once, with `threads` threads; 0 takes one a core.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(gan: &Gan, rows: usize, threads: usize) -> Result<Appraiser> {
        let pack = gan.config.discriminator.pack;
        let rows = rows.div_ceil(pack) * pack;
        let plan = gan.appraising_plan(rows);
        let none = [NetworkState::default(), NetworkState::default()];
        let cpu = Cpu::new(Pool::new(threads)?, vec![plan], none, no_updates(), None, gan.config.seed);
        let width = gan.discriminator.last_input();
        Ok(Appraiser { cpu, rows, numbers: gan.numbers, classes: gan.classes, pack, width })
    }

    /// The most of `count` examples that make whole packs.
    pub fn whole(&self, count: usize) -> usize {
        count.min(self.rows) / self.pack * self.pack
    }

    /// D on `examples`, `[count, numbers]`, whole packs; `labels` one an example, read where the model is conditional.
    pub fn appraise(
        &mut self,
        discriminator: &NetworkState,
        examples: &[f32],
        labels: &[usize],
    ) -> Appraisal {
        let of_discriminator =
            NetworkState { weights: discriminator.weights.clone(), ..NetworkState::default() };
        self.cpu.set_states([NetworkState::default(), of_discriminator]);
        let mut found = Appraisal { logits: vec![], features: vec![], width: self.width };
        for (chunk, part) in examples.chunks(self.rows * self.numbers).enumerate() {
            let count = part.len() / self.numbers;
            let mut padded = part.to_vec();
            padded.resize(self.rows * self.numbers, 0.0);
            self.cpu.write_input(0, APPRAISED, &padded);
            if self.classes > 0 {
                let mut condition = vec![0.0; self.rows * self.classes];
                for (row, &label) in labels[chunk * self.rows..][..count].iter().enumerate() {
                    condition[row * self.classes + label] = 1.0;
                }
                self.cpu.write_input(0, CONDITION, &condition);
            }
            self.cpu.run(0, 0, &[Rate::REST; 2]);
            let packs = count / self.pack;
            found.logits.extend_from_slice(&self.cpu.output(0, LOGITS)[..packs]);
            if self.width > 0 {
                found.features.extend_from_slice(&self.cpu.output(0, FEATURES)[..packs * self.width]);
            }
        }
        found
    }
}
