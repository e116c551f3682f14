//! How parameters are updated.

use super::scale::LossScale;
use super::schedule::{self, Rate};
use super::state::NetworkState;
use crate::config::Rule;
use crate::lower::cost::Cost;
use crate::precision::Precision;

/// How an optimizer updates; fixed for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateRule {
    /// The formula.
    pub rule: Rule,
    /// Every parameter is clipped to [−clip, clip] after an update; 0 is off.
    pub clip: f32,
    /// Weight matrices `[fan_in, units]` whose columns are scaled down to a norm: offset, fan_in, units, norm.
    pub column_norms: Vec<ColumnNorm>,
    /// Whether a moving average of the parameters is kept.
    pub average: bool,
    /// Whether gradients come scaled, and updates whose gradient is not finite are left out (fp16).
    pub scaled: bool,
}

/// A limit on the norm of the weights into each unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnNorm {
    /// First element of the matrix in its optimizer's flat memory.
    pub offset: usize,
    /// Rows.
    pub fan_in: usize,
    /// Columns.
    pub units: usize,
    /// Greatest norm a column may have.
    pub limit: f32,
}

impl UpdateRule {
    /// Names of the optimizer's moments, in the order of [`NetworkState::moments`].
    pub fn moment_names(&self) -> &'static [&'static str] {
        match self.rule {
            Rule::Sgd { .. } => &["momentum_buffer"],
            Rule::Adam { .. } => &["exp_avg", "exp_avg_sq"],
            Rule::RmsProp { .. } => &["square_avg"],
        }
    }

    /// Adam's β1 and β2; zeros, which correct nothing, for other rules.
    pub fn betas(&self) -> [f64; 2] {
        match self.rule {
            Rule::Adam { beta1, beta2, .. } => [f64::from(beta1), f64::from(beta2)],
            Rule::Sgd { .. } | Rule::RmsProp { .. } => [0.0; 2],
        }
    }

    /// Adam's lr / (1 − β1ᵗ) and √(1 − β2ᵗ); the plain learning rate and 1 for other rules.
    pub fn corrected(&self, rate: &Rate) -> (f32, f32) {
        let [first, second] = self.betas().map(|beta| 1.0 - schedule::power(beta, rate.update));
        ((f64::from(rate.lr) / first) as f32, second.sqrt() as f32)
    }

    /// Whether each parameter's update needs nothing but its own gradient, so that whoever computes that may update it.
    pub fn in_place(&self) -> bool {
        self.column_norms.is_empty() && !self.scaled
    }

    /// What updating so many parameters costs: the gradient is read, the weights, the moments and the
    /// average are read and written, the copies in 16 bits written.
    pub fn cost(&self, parameters: usize, precision: Precision) -> Cost {
        let rewritten = self.vectors() - 1;
        let copy = if precision.stored().is_some() { 2 } else { 0 };
        Cost { flops: 12 * parameters as u64, bytes: ((4 + 8 * rewritten + copy) * parameters) as u64 }
    }

    /// Vectors, each as long as the parameters, of an optimizer's state: these, their gradient, moments, and the average.
    pub fn vectors(&self) -> usize {
        2 + self.moment_names().len() + usize::from(self.average)
    }

    /// Bytes of all that an optimizer keeps of networks whose parameters take `len` numbers and whose states take `states`.
    pub fn bytes(&self, len: usize, states: usize) -> usize {
        size_of::<f32>() * (self.vectors() * len + (1 + usize::from(self.average)) * states)
    }

    /// An optimizer before the first update, of networks without states.
    pub fn start(&self, weights: Vec<f32>) -> NetworkState {
        self.start_with(weights, vec![])
    }

    /// An optimizer before the first update.
    pub fn start_with(&self, weights: Vec<f32>, states: Vec<f32>) -> NetworkState {
        let zeros = vec![0.0; weights.len()];
        NetworkState {
            gradients: zeros.clone(),
            moments: self.moment_names().iter().map(|_| zeros.clone()).collect(),
            average: if self.average { weights.clone() } else { vec![] },
            average_states: if self.average { states.clone() } else { vec![] },
            states,
            gradient_norm2: 0.0,
            loss_scale: LossScale::start(self.scaled),
            weights,
        }
    }
}

/// The rules of plans that never update, for so many optimizers.
pub fn no_updates(optimizers: usize) -> Vec<UpdateRule> {
    let rule = Rule::Sgd { momentum: 0.0, final_momentum: 0.0, saturate: 0 };
    vec![UpdateRule { rule, clip: 0.0, column_norms: vec![], average: false, scaled: false }; optimizers]
}
