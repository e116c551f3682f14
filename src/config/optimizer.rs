//! `[optimizer]` and `[ema]`: update rules, learning rates and their schedules, and the average of G's weights.

use serde::{Deserialize, Serialize};

/// One optimizer a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizers {
    /// G's.
    pub generator: Optimizer,
    /// D's.
    pub discriminator: Optimizer,
}

/// An update rule and its learning-rate schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// The rule and its constants: `rule.adam = { beta1 = 0.5, beta2 = 0.999 }`.
    pub rule: Rule,
    /// Learning rate at the first update.
    pub lr: f32,
    /// The learning rate is divided by this at every update (pylearn2's `ExponentialDecay`); 1 is off.
    #[serde(default = "Optimizer::default_factor")]
    pub decay_factor: f64,
    /// The decaying learning rate stops here.
    #[serde(default)]
    pub min_lr: f32,
    /// Steps before the learning rate begins to fall in a line.
    #[serde(default, skip_serializing_if = "super::is_off")]
    pub hold_steps: u64,
    /// Over this many steps the learning rate falls linearly to `final_share`; 0 is off. A number of its own, so
    /// that `--steps` says when to stop and nothing else.
    #[serde(default)]
    pub decay_steps: u64,
    /// Share of `lr` that is left after `decay_steps`.
    #[serde(default = "Optimizer::default_share")]
    pub final_share: f32,
}

impl Optimizer {
    fn default_factor() -> f64 {
        1.0
    }

    fn default_share() -> f32 {
        1.0
    }
}

/// Update rules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// v ← μv − lr·g, p ← p + v; μ rises linearly from `momentum` to `final_momentum` over epochs 1 to `saturate`.
    Sgd {
        /// μ at the start.
        #[serde(default)]
        momentum: f32,
        /// μ from epoch `saturate` on.
        #[serde(default)]
        final_momentum: f32,
        /// The epoch at which μ stops rising, 2 or later; 0: μ stays at `momentum`.
        #[serde(default)]
        saturate: u64,
    },
    /// Kingma & Ba, 1412.6980, with bias correction.
    Adam {
        /// Decay of the first moment.
        beta1: f32,
        /// Decay of the second moment.
        beta2: f32,
        /// Added to the root of the second moment.
        #[serde(default = "Rule::default_eps")]
        eps: f32,
    },
    /// s ← αs + (1 − α)g², p ← p − lr·g / (√s + ε), as PyTorch defines it.
    RmsProp {
        /// Decay of the squared gradient.
        #[serde(default = "Rule::default_alpha")]
        alpha: f32,
        /// Added to the root.
        #[serde(default = "Rule::default_eps")]
        eps: f32,
    },
}

impl Rule {
    fn default_eps() -> f32 {
        1e-8
    }

    fn default_alpha() -> f32 {
        0.99
    }
}

/// Exponential moving average of G's weights: w̄ ← β·w̄ + (1 − β)·w, β = min(decay, (1 + t)/(ramp + t)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ema {
    /// β in the long run; 0 keeps no average: samples use G itself.
    pub decay: f32,
    /// How gently the average starts, in steps.
    pub ramp: f32,
}

impl Default for Ema {
    fn default() -> Ema {
        Ema { decay: 0.0, ramp: 10.0 }
    }
}
