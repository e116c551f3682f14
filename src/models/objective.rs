//! The players' objectives on logits r = D(x) and f = D(G(z)), element by element.

use super::classifier::cross_entropy;
use super::statistic::{ACCURACY_FAKE, ACCURACY_REAL, CLASSES_FAKE, CLASSES_REAL, D_FAKE, D_REAL};
use crate::config::{Loss, Objective};
use crate::graph::{Graph, Var};

/// D's objective for each pair of a real and a fake logit, before its mean.
pub fn discriminator(g: &Graph, loss: &Loss, real: Var, fake: Var) -> Var {
    let (r, f) = if loss.relativistic { (g.sub(real, fake), None) } else { (real, Some(fake)) };
    // Relativistic: "the real one scores higher" is the only statement, made once a pair.
    let also = |term: fn(&Graph, Var) -> Var, first: Var| f.map_or(first, |f| g.add(first, term(g, f)));
    let sum = match loss.objective {
        Objective::Minimax | Objective::NonSaturating => also(|g, f| g.softplus(f), g.softplus(g.neg(r))),
        Objective::LeastSquares => {
            also(|g, f| g.scale(g.square(f), 0.5), g.scale(g.square(g.shift(r, -1.0)), 0.5))
        }
        Objective::Hinge => also(|g, f| positive(g, g.shift(f, 1.0)), positive(g, g.shift(g.neg(r), 1.0))),
        Objective::Wasserstein => also(|_, f| f, g.neg(r)),
    };
    g.scale(sum, f64::from(loss.discriminator_scale))
}

/// G's objective for each fake logit (for each pair, where relativistic), before its mean.
pub fn generator(g: &Graph, loss: &Loss, real: Option<Var>, fake: Var) -> Var {
    let f = real.map_or(fake, |r| g.sub(fake, r));
    match loss.objective {
        // log(1 − σ(f)) = −softplus(f).
        Objective::Minimax => g.neg(g.softplus(f)),
        Objective::NonSaturating => g.softplus(g.neg(f)),
        Objective::LeastSquares => g.scale(g.square(g.shift(f, -1.0)), 0.5),
        Objective::Hinge if real.is_some() => positive(g, g.shift(g.neg(f), 1.0)),
        Objective::Hinge | Objective::Wasserstein => g.neg(f),
    }
}

/// Means over the minibatch that tell who is winning, by name: D's reading of real and generated examples, and how often it
/// is right about them (of pairs, where those are compared).
pub fn readings(g: &Graph, loss: &Loss, real: Var, fake: Var) -> Vec<(String, Var)> {
    let read = |l: Var| g.mean(if is_logit(loss.objective) { g.sigmoid(l) } else { l });
    let (right_real, right_fake) = if loss.relativistic {
        (g.gt(real, fake), g.gt(real, fake))
    } else {
        let undecided = g.constant(threshold(loss.objective), &[]);
        (g.gt(real, undecided), g.gt(undecided, fake))
    };
    vec![
        (D_REAL.into(), read(real)),
        (D_FAKE.into(), read(fake)),
        (ACCURACY_REAL.into(), g.mean(right_real)),
        (ACCURACY_FAKE.into(), g.mean(right_fake)),
    ]
}

/// Cross-entropy of a class head's logits `[rows, classes]` with one-hot labels, the sum of its means over each of several
/// minibatches that have the same labels (AC-GAN's L_C, 1610.09585).
pub fn class_head(g: &Graph, minibatches: &[Var], labels: Var) -> Var {
    let each = minibatches.iter().map(|&logits| cross_entropy(g, logits, labels));
    each.reduce(|a, b| g.add(a, b)).expect("at least one minibatch")
}

/// How often a class head is right, by name: about real examples, and about samples of the class that was asked for.
pub fn class_readings(g: &Graph, real: Var, fake: Var, labels: Var) -> [(String, Var); 2] {
    let right = |logits: Var| {
        let own = g.sum(g.mul(logits, labels), &[1]);
        let others = g.shift(g.neg(labels), 1.0);
        let above = g.sum(g.mul(g.gt(logits, own), others), &[1]);
        g.mean(g.gt(g.constant(0.5, &[]), above))
    };
    [(CLASSES_REAL.into(), right(real)), (CLASSES_FAKE.into(), right(fake))]
}

fn positive(g: &Graph, x: Var) -> Var {
    g.max(x, g.constant(0.0, &[]))
}

/// Whether D's output is a logit, to be read through a sigmoid.
pub fn is_logit(objective: Objective) -> bool {
    matches!(objective, Objective::Minimax | Objective::NonSaturating)
}

/// The output at which D is undecided.
pub fn threshold(objective: Objective) -> f64 {
    if objective == Objective::LeastSquares { 0.5 } else { 0.0 }
}
