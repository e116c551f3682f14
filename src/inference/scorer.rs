//! What D makes of examples: its output and what its last layer sees, without dropout.

use crate::error::Result;
use crate::exec::NetworkState;
use crate::exec::cpu::Batched;
use crate::models::gan::{CONDITION, FEATURES, Gan, LOGITS, SCORED, one_hot};

/// Runs D on examples it is given.
pub struct Scorer {
    plan: Batched,
    numbers: usize,
    classes: usize,
    pack: usize,
    width: usize,
}

/// D's view of some examples.
pub struct Scored {
    /// Output of each pack, before any sigmoid.
    pub logits: Vec<f32>,
    /// Input of the last layer, `[packs, width]`.
    pub features: Vec<f32>,
    /// Its width; 0 where D has one layer.
    pub width: usize,
}

impl Scored {
    /// Mean output.
    pub fn mean(&self) -> f64 {
        self.logits.iter().map(|&l| f64::from(l)).sum::<f64>() / self.logits.len().max(1) as f64
    }

    /// Standard deviation of the outputs.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares = self.logits.iter().map(|&l| (f64::from(l) - mean).powi(2)).sum::<f64>();
        (squares / self.logits.len().max(1) as f64).sqrt()
    }
}

impl Scorer {
    /// A scorer of a model, of up to `rows` examples at once, with `threads` threads; 0 takes one a core.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(gan: &Gan, rows: usize, threads: usize) -> Result<Scorer> {
        let pack = gan.config.discriminator.pack;
        let rows = rows.div_ceil(pack) * pack;
        let plan = Batched::new(gan.scoring_plan(rows), rows, gan.config.seed, threads)?;
        let width = gan.discriminator.last_input();
        Ok(Scorer { plan, numbers: gan.numbers, classes: gan.classes, pack, width })
    }

    /// The most of `count` examples that make whole packs.
    pub fn whole(&self, count: usize) -> usize {
        count.min(self.plan.rows()) / self.pack * self.pack
    }

    /// D on `examples`, `[count, numbers]`, whole packs; `labels` one an example or more, read where the model is conditional.
    pub fn score(&mut self, discriminator: &NetworkState, examples: &[f32], labels: &[usize]) -> Scored {
        let of_discriminator =
            NetworkState { weights: discriminator.weights.clone(), ..NetworkState::default() };
        self.plan.set_states(vec![NetworkState::default(), of_discriminator]);
        let count = examples.len() / self.numbers;
        let condition = if self.classes > 0 { one_hot(&labels[..count], self.classes) } else { vec![] };
        let mut inputs = vec![(SCORED, examples)];
        if self.classes > 0 {
            inputs.push((CONDITION, &condition));
        }
        let [logits, features] = if self.width > 0 {
            self.plan.run(0, count, &inputs, [LOGITS, FEATURES])
        } else {
            let [logits] = self.plan.run(0, count, &inputs, [LOGITS]);
            [logits, vec![]]
        };
        Scored { logits, features, width: self.width }
    }
}
