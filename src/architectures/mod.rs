//! Architectures: forward passes by name. Each file is forward maths and nothing else.

pub mod layers;

use crate::graph::Var;

/// What a network makes of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Output of the network, `[rows, …]`.
    pub output: Var,
    /// What its last layer sees, `[rows, features]`; none where there is one layer.
    pub features: Option<Var>,
}
