//! What outlives a step.

use super::scale::LossScale;

/// Everything about an optimizer and the networks it updates that outlives a step.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkState {
    /// Parameters, flat.
    pub weights: Vec<f32>,
    /// Gradients of the last update, flat.
    pub gradients: Vec<f32>,
    /// Optimizer moments, each flat: velocity (SGD), square (RMSProp), first and second (Adam).
    pub moments: Vec<Vec<f32>>,
    /// Moving average of the parameters, flat; empty where none is kept.
    pub average: Vec<f32>,
    /// States of the networks, flat.
    pub states: Vec<f32>,
    /// States that belong to the moving average, as they were stored last; empty where none is kept.
    pub average_states: Vec<f32>,
    /// Squared norm of the last gradient, its scale taken out.
    pub gradient_norm2: f64,
    /// The factor on the loss; 1 where gradients are not scaled.
    pub loss_scale: LossScale,
}

impl Default for NetworkState {
    /// An optimizer without parameters.
    fn default() -> NetworkState {
        NetworkState {
            weights: vec![],
            gradients: vec![],
            moments: vec![],
            average: vec![],
            states: vec![],
            average_states: vec![],
            gradient_norm2: 0.0,
            loss_scale: LossScale::start(false),
        }
    }
}

/// The optimizers' states, by [`crate::graph::OptimizerId`].
pub type States = Vec<NetworkState>;
