//! Tensors of a network: parameters and states, how each starts and how it lies.

use crate::config::{Activation, Bias, Init};
use crate::data::Shape;

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Weights as a layer's configuration says.
    Weight(Init, Fans),
    /// A bias as that configuration says, in front of an activation.
    Bias(Bias, Activation),
    /// This value everywhere.
    Value(f32),
    /// Drawn around 1 with this standard deviation: a norm's factors (1511.06434's code).
    Around1(f32),
}

/// Connections of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fans {
    /// Weights into it.
    pub into: usize,
    /// Weights out of it.
    pub out: usize,
}

/// How a state starts.
#[derive(Debug, Clone, PartialEq)]
pub enum StateStart {
    /// This value everywhere.
    Value(f32),
    /// Left singular vector (PyTorch's u, over units) of a weight, by power iteration from a random one.
    Left {
        /// The weight's name.
        weight: String,
    },
    /// Right singular vector (PyTorch's v, over inputs) of the same.
    Right {
        /// The weight's name.
        weight: String,
    },
}

/// The axis of a parameter along which pictures lie. The axis is a row of equal blocks, each a picture and perhaps other
/// numbers behind it, as labels are, which stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelAxis {
    /// Which axis of the parameter's shape in memory.
    pub axis: usize,
    /// A picture.
    pub picture: Shape,
    /// Length of a block: the picture's numbers, and what stands behind them.
    pub block: usize,
}

/// One parameter tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// PyTorch's name: `layers.0.weight`.
    pub name: String,
    /// Shape in memory: `[fan_in, fan_out]` of a linear weight, `[height, width, in, out]` of a convolution's (of a transposed
    /// one's that of the convolution it transposes), `[fan_out]` of a bias. Files have PyTorch's order of axes.
    pub shape: Vec<usize>,
    /// First element in the memory of the network's optimizer.
    pub offset: usize,
    /// How it starts.
    pub start: Start,
    /// Name of the random stream it starts from: `init/G/layers.0.weight`.
    pub stream: String,
    /// The axis along which pictures lie: rows of a layer that reads pictures, columns of one that makes them.
    pub pixels: Option<PixelAxis>,
    /// Greatest norm of a weight matrix's columns after an update; 0 is no limit.
    pub column_limit: f32,
}

/// One state: numbers that a forward pass of training moves on, such as a running mean.
#[derive(Debug, Clone, PartialEq)]
pub struct StateTensor {
    /// PyTorch's name: `norms.0.running_mean`.
    pub name: String,
    /// Shape, in memory and in files.
    pub shape: Vec<usize>,
    /// First element in the states of the network's optimizer.
    pub offset: usize,
    /// How it starts.
    pub start: StateStart,
}

impl Parameter {
    /// Length of the last axis: units, channels.
    pub fn units(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StateTensor {
    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
