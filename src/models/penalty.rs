//! Penalties on D's gradient by its input.

use super::packing::halves;
use crate::config::Loss;
use crate::graph::grad::grad;
use crate::graph::{Dist, Graph, Var};

/// What a penalty is computed from.
pub struct Penalised<'a> {
    /// Weights of the penalties.
    pub loss: &'a Loss,
    /// Real examples, `[batch, numbers]`.
    pub real: Var,
    /// Generated ones, likewise.
    pub fake: Var,
    /// Examples that D sees as one.
    pub pack: usize,
    /// D on `[rows, numbers]`, a multiple of the batch, in a pass whose random streams have this name: `[rows / pack, 1]`.
    pub score: &'a dyn Fn(Var, &str) -> Var,
}

impl Penalised<'_> {
    /// The sum of the penalties with their factors; what enters lazily counts as often as it is left out.
    pub fn sum(&self, g: &Graph) -> Var {
        let loss = self.loss;
        let mut terms = vec![];
        if loss.r1 > 0.0 || loss.r2 > 0.0 {
            self.zero_centred(g, &mut terms);
        }
        if loss.gradient_penalty > 0.0 {
            terms.push(self.one_centred(g));
        }
        let sum = terms.into_iter().reduce(|a, b| g.add(a, b)).expect("at least one penalty");
        g.scale(sum, loss.penalty_every as f64)
    }

    /// γ/2 · mean over packs of ‖∇D‖² at real (R1, 1801.04406) and generated (R2) examples.
    fn zero_centred(&self, g: &Graph, terms: &mut Vec<Var>) {
        let joined = g.concat(&[self.real, self.fake], 0);
        let logits = (self.score)(joined, "d");
        let packs = g.shape(logits)[0] / 2;
        let mean_square =
            |x: Var, weight: f32| g.sum_all(g.scale(g.square(x), f64::from(weight) / 2.0 / packs as f64));
        if self.loss.r1 == self.loss.r2 {
            terms.push(mean_square(grad(g, logits, &[joined], None)[0], self.loss.r1));
            return;
        }
        let (real, fake) = halves(g, logits);
        for (side, weight) in
            [(real, self.loss.r1), (fake, self.loss.r2)].into_iter().filter(|(_, w)| *w > 0.0)
        {
            terms.push(mean_square(grad(g, side, &[joined], None)[0], weight));
        }
    }

    /// λ · mean of (‖∇D(x̂)‖₂ − 1)², x̂ on the line between a real pack and a generated one, one ε a pack (1704.00028,
    /// Algorithm 1).
    fn one_centred(&self, g: &Graph) -> Var {
        let [batch, numbers] = g.shape(self.real)[..] else { unreachable!("examples are rows") };
        let packs = batch / self.pack;
        let u = g.rand("interpolation", Dist::Uniform, &[packs, 1, 1]);
        let u = g.reshape(g.broadcast(u, &[packs, self.pack, 1]), &[batch, 1]);
        let between = g.add(g.mul(self.real, u), g.mul(self.fake, g.shift(g.neg(u), 1.0)));
        let logits = (self.score)(between, "penalty");
        let slope = grad(g, logits, &[between], None)[0];
        let packed = g.reshape(g.square(slope), &[packs, self.pack * numbers]);
        let norm = g.sqrt(g.shift(g.sum(packed, &[1]), 1e-12));
        let excess = g.square(g.shift(norm, -1.0));
        g.scale(g.mean(excess), f64::from(self.loss.gradient_penalty))
    }
}
