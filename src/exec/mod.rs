//! Executors: what runs a plan.

pub mod cpu;
pub mod cuda;

use crate::config::Rule;
use crate::graph::Player;

/// How each network is updated; fixed for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateRule {
    /// The optimizer.
    pub rule: Rule,
    /// Every parameter is clipped to [−clip, clip] after an update; 0 is off.
    pub clip: f32,
    /// Weight matrices `[fan_in, units]` whose columns are scaled down to a norm: offset, fan_in, units, norm.
    pub column_norms: Vec<ColumnNorm>,
    /// Whether a moving average of the parameters is kept.
    pub average: bool,
}

/// A limit on the norm of the weights into each unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnNorm {
    /// Of the matrix in its network's flat memory.
    pub offset: usize,
    /// Rows.
    pub fan_in: usize,
    /// Columns.
    pub units: usize,
    /// Greatest norm a column may have.
    pub limit: f32,
}

/// The numbers of one update that change from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Learning rate.
    pub lr: f32,
    /// Momentum of SGD.
    pub momentum: f32,
    /// This is the network's n-th update, from 1 (Adam's bias correction).
    pub update: u64,
    /// β of the moving average: w̄ ← β·w̄ + (1 − β)·w.
    pub average: f32,
}

/// Everything about a network that outlives a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkState {
    /// Parameters, flat.
    pub weights: Vec<f32>,
    /// Gradients of the last update, flat.
    pub gradients: Vec<f32>,
    /// Optimizer moments, each flat: velocity (SGD), square (RMSProp), first and second (Adam).
    pub moments: Vec<Vec<f32>>,
    /// Moving average of the parameters, flat; empty where none is kept.
    pub average: Vec<f32>,
    /// Squared norm of the last gradient.
    pub gradient_norm2: f64,
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

    /// Adam's lr / (1 − β1ᵗ) and √(1 − β2ᵗ); the plain learning rate and 1 for other rules.
    pub fn corrected(&self, rate: &Rate) -> (f32, f32) {
        let Rule::Adam { beta1, beta2, .. } = self.rule else { return (rate.lr, 1.0) };
        let power = |beta: f32| f64::from(beta).powf(rate.update as f64);
        ((f64::from(rate.lr) / (1.0 - power(beta1))) as f32, (1.0 - power(beta2)).sqrt() as f32)
    }

    /// The state before the first update.
    pub fn start(&self, weights: Vec<f32>) -> NetworkState {
        let zeros = vec![0.0; weights.len()];
        NetworkState {
            gradients: zeros.clone(),
            moments: self.moment_names().iter().map(|_| zeros.clone()).collect(),
            average: if self.average { weights.clone() } else { vec![] },
            gradient_norm2: 0.0,
            weights,
        }
    }
}

/// Both networks' states, indexed by [`Player`].
pub type States = [NetworkState; 2];

/// Index of a player in arrays of two.
pub fn index(player: Player) -> usize {
    player as usize
}
