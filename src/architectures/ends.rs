//! What networks read and make.

use crate::config::Activation;
use crate::data::Shape;
use crate::graph::Var;

/// What a network makes of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Output of the network, `[rows, numbers]`.
    pub output: Var,
    /// What its last layer sees, `[rows, features]`; none where there is one layer.
    pub features: Option<Var>,
}

/// What a generator makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Makes {
    /// An example.
    pub picture: Shape,
    /// What fits the scale of the data, where the network does not say what follows its last layer.
    pub output: Activation,
}

/// What a discriminator or classifier reads, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// An example.
    pub picture: Shape,
    /// Examples seen as one.
    pub pack: usize,
    /// Classes of the labels that come along; 0 without labels.
    pub classes: usize,
    /// Numbers that it says of each pack.
    pub outputs: usize,
}
