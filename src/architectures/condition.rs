//! Where labels enter a conditional network beside its input: G's batch norms, a projection in D, a class head of D.

use super::ends::{Forward, Reads};
use crate::config::{Condition, Init};
use crate::graph::{Graph, Var};
use crate::nn::{self, Linear, Scope, Start};

/// G's labels: those that join the noise, and those that its batch norms read.
pub fn of_generator(condition: Condition, labels: Option<Var>) -> (Option<Var>, Option<Var>) {
    match condition {
        Condition::Norm => (None, labels),
        _ => (labels, None),
    }
}

/// Batch norm and `then` what follows number by number, with γ and β of each row's class where labels `[rows, classes]` are
/// read; without them γ starts as said.
pub fn batch_norm(
    s: &Scope,
    h: Var,
    gamma: Start,
    labels: Option<Var>,
    then: impl FnOnce(&Graph, Var) -> Var,
) -> Var {
    match labels {
        None => nn::batch_norm(s, h, gamma, then),
        Some(labels) => then(s.g, nn::conditional_batch_norm(s, h, labels)),
    }
}

/// How labels enter beside the input, in words.
pub fn words(condition: Condition) -> Option<&'static str> {
    match condition {
        Condition::Input | Condition::Everywhere => None,
        Condition::Norm => Some("norms by class"),
        Condition::Projection => Some("labels by projection"),
        Condition::Auxiliary => Some("a class head"),
    }
}

/// How D ends where labels do not enter with its input.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Where they enter.
    pub condition: Condition,
    /// How the weights start.
    pub init: Init,
    /// Whether they are divided by their greatest singular value.
    pub spectral_norm: bool,
}

impl Head {
    /// What D says, from what its last layer said, `[packs, outputs]`, and from its features as a projection and a class head
    /// read them, `[packs, features]` each.
    ///
    /// A projection adds ⟨embedding of the labels, features⟩ (Miyato & Koyama, 1802.05637); a class head says of features how
    /// likely each class is (AC-GAN, 1610.09585).
    pub fn forward(
        &self,
        s: &Scope,
        reads: Reads,
        output: Var,
        [projected, features]: [Var; 2],
        labels: Option<Var>,
    ) -> Forward {
        let g = s.g;
        let Head { condition, init, spectral_norm } = *self;
        let linear = |name: &str, x: Var, units: usize, bias: bool| {
            let bias = bias.then_some(Start::Value(0.0));
            let l = Linear { bias, spectral_norm, ..Linear::new(units, init) };
            s.within(name, |inside| nn::linear(inside, x, l))
        };
        let (mut output, mut classes) = (output, None);
        match (condition, labels) {
            (Condition::Projection, Some(labels)) => {
                let embedded = linear("embed", labels, g.shape(projected)[1], false);
                output = g.add(output, g.sum(g.mul(embedded, projected), &[1]));
            }
            (Condition::Auxiliary, Some(_)) => {
                classes = Some(linear("classes", features, reads.classes, true));
            }
            _ => {}
        }
        Forward { output, features: Some(features), classes }
    }
}
