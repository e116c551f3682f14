//! Augmentation of what D sees, real and generated pictures alike, with a probability p that is fixed or adapts to how much D
//! overfits (ADA: Karras et al., 2006.06676; DiffAugment: Zhao et al., 2006.10738).
//!
//! Every transform is made of the graph's own ops, so that G's gradient and a penalty's second derivative go through it. p, the
//! signs that it follows and the updates since it last moved are states of D, saved and resumed with it. G, its samples and
//! exports know nothing of any of this.

mod blit;
mod check;
mod colour;
mod cutout;
mod diff;
mod draws;
mod noise;
mod places;

pub use check::check;

use super::objective::threshold;
use super::statistic::{Gathered, Statistic, Unit};
use crate::config::{Augment, Config, Scale, Transform};
use crate::data::Shape;
use crate::graph::{Graph, Var};
use crate::nn::{Scope, StateStart};
use draws::Chance;

/// Key of p in metrics: how likely each transform is after a step.
pub const STRENGTH: &str = "augment_p";
/// Key of r_t in metrics: the mean sign of D on the augmented real pictures, 1 where D takes all of them for real.
pub const SIGNS: &str = "augment_rt";

/// Scope of the states in D.
const SCOPE: &str = "augment";

/// Whether a state of D, by its full name, is what p adapts by.
pub fn is_state(name: &str) -> bool {
    name.split('.').next() == Some(SCOPE)
}

/// What changes pictures before D sees them; nothing where the configuration says nothing of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmenter {
    augment: Option<Augment>,
    shape: Shape,
    scale: Scale,
    batch: usize,
    /// D's output on what it cannot tell.
    undecided: f64,
}

/// States of D by which p adapts, as scalars: `augment.p` and `augment.signs`, which are `[1]`, and `augment.updates`.
struct Adapting {
    p: Var,
    signs: Var,
    updates: Var,
}

impl Augmenter {
    /// What a configuration asks for, for pictures of this shape.
    pub fn new(config: &Config, shape: Shape) -> Augmenter {
        let undecided = threshold(config.loss.objective);
        let (scale, batch) = (config.data.scale, config.train.batch / config.train.accumulate);
        Augmenter { augment: config.augment.clone(), shape, scale, batch, undecided }
    }

    fn adapting(&self, s: &Scope) -> Option<Adapting> {
        self.augment.as_ref().filter(|augment| augment.is_adaptive())?;
        let s = s.under(SCOPE);
        let state =
            |name: &str, shape: &[usize]| s.g.reshape(s.state(name, shape, StateStart::Value(0.0)), &[]);
        Some(Adapting { p: state("p", &[1]), signs: state("signs", &[1]), updates: state("updates", &[]) })
    }

    /// The probability p of each transform, a scalar, as it stands before this phase; absent where nothing is augmented.
    ///
    /// `s` is the scope of D itself. Where D is declared, this declares the states; call it once there.
    pub fn strength(&self, s: &Scope) -> Option<Var> {
        let augment = self.augment.as_ref()?;
        Some(match self.adapting(s) {
            Some(Adapting { p, .. }) => p,
            None => s.g.constant(f64::from(augment.p.unwrap_or(0.0)), &[]),
        })
    }

    /// What D sees of examples `[rows, numbers]`, each changed by draws of its own; as they are where `p` is absent.
    ///
    /// `draw` names the pass ("d", "g", "penalty"): passes of one phase that should not draw the same numbers have different
    /// names. Several minibatches of one pass are joined before, not augmented one by one.
    pub fn seen(&self, g: &Graph, draw: &str, x: Var, p: Option<Var>) -> Var {
        let Some((augment, p)) = self.augment.as_ref().zip(p) else { return x };
        let (rows, Shape { height, width, channels }) = (g.shape(x)[0], self.shape);
        let chance = Chance { g, name: &format!("augment/{draw}"), rows, p };
        // Numbers between black and white are 2 in the papers.
        let range = if self.scale == Scale::Unit { 0.5 } else { 1.0 };
        g.scoped("augment", || {
            let mut pictures = g.reshape(x, &[rows, height, width, channels]);
            let mut transforms = augment.transforms.clone();
            transforms.sort();
            for transform in transforms {
                let (chance, name) = (&chance, transform.name());
                pictures = g.scoped(&name, || match transform {
                    Transform::Blit => blit::blitted(chance, pictures),
                    Transform::Colour => colour::coloured(chance, pictures, self.scale == Scale::Unit),
                    Transform::DiffColour => diff::coloured(chance, pictures, range),
                    Transform::DiffTranslation => diff::translated(chance, pictures),
                    Transform::Noise => noise::noisy(chance, pictures, range),
                    Transform::Cutout => cutout::cut_out(chance, pictures),
                    Transform::Geom => unreachable!("configurations with geom are refused"),
                });
            }
            g.reshape(pictures, &[rows, self.shape.len()])
        })
    }

    /// After an update of D that saw augmented real pictures: notes the signs of what it said of them, `real`
    /// `[packs, 1]`, and moves p when it is time. Statistics of it, by name; none where nothing is augmented.
    ///
    /// r_t is the mean of sign(D(x)) over the `ada_interval` updates since p last moved, 0 being no sign;
    /// p ← max(0, p + sign(r_t − target)·batch·interval / (1000·kimg)), as in ADA's code. Where D's undecided output is
    /// not 0 (least squares: ½), the sign is that of the difference from it. A relativistic D is asked about real pictures
    /// alone, whatever it says of generated ones.
    pub fn adapt(&self, s: &Scope, real: Var) -> Vec<(String, Var)> {
        let Some(augment) = &self.augment else { return vec![] };
        let g = s.g;
        g.scoped("adapt", || {
            let undecided = g.constant(self.undecided, &[]);
            let sign = |x: Var, than: Var| g.sub(g.gt(x, than), g.gt(than, x));
            let mean_sign = g.mean(sign(g.detach(real), undecided));
            let mut told = vec![];
            if let Some(Adapting { p, signs, updates }) = self.adapting(s) {
                let (interval, target) = (augment.ada_interval as f64, f64::from(augment.ada_target));
                let signs = g.add(signs, mean_sign);
                let updates = g.shift(updates, 1.0);
                let is_due = g.gt(updates, g.constant(interval - 0.5, &[]));
                let step = self.batch as f64 * interval / (1000.0 * f64::from(augment.ada_kimg));
                let above = sign(g.scale(signs, 1.0 / interval), g.constant(target, &[]));
                let moved = g.max(g.add(p, g.scale(above, step)), g.constant(0.0, &[]));
                let none = g.constant(0.0, &[]);
                let p = g.select(is_due, moved, p);
                told.push((STRENGTH.to_string(), p));
                let s = s.under(SCOPE);
                s.store("p", g.reshape(p, &[1]));
                s.store("signs", g.reshape(g.select(is_due, none, signs), &[1]));
                s.store("updates", g.select(is_due, none, updates));
            }
            told.push((SIGNS.to_string(), mean_sign));
            told
        })
    }

    /// What training tells of it.
    pub fn statistics(&self) -> Vec<Statistic> {
        let Some(augment) = &self.augment else { return vec![] };
        let line = |name, label, tag| Statistic {
            unit: Unit::Value,
            gathered: Gathered::Mean,
            digits: Some(2),
            chart: Some("Augmentation"),
            ..Statistic::mean(name, label, tag)
        };
        let about = match augment.is_adaptive() {
            true => {
                "r_t is the mean sign of D on real pictures as D sees them: 0 where it guesses, 1 where it takes every one \
                 for real. p, the probability of each transform, rises while r_t is above its target and falls while it is \
                 below."
            }
            false => {
                "r_t is the mean sign of D on real pictures as D sees them: 0 where it guesses, 1 where it takes every one \
                 for real. Near 1, D knows its pictures by heart; more augmentation or more pictures help."
            }
        };
        let target = (f64::from(augment.ada_target), "the target".to_string());
        let signs = Statistic {
            equilibrium: augment.is_adaptive().then_some(target),
            about,
            ..line(SIGNS, "r_t", "augment/rt")
        };
        let mut all = vec![signs];
        all.extend(augment.is_adaptive().then(|| line(STRENGTH, "p", "augment/p")));
        all
    }
}
