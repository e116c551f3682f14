//! What networks read and make.

use crate::config::{Activation, Scale};
use crate::data::Shape;
use crate::graph::Var;

/// What a network makes of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Output of the network, `[rows, numbers]`.
    pub output: Var,
    /// What its last layer sees, `[rows, features]`; none where there is one layer.
    pub features: Option<Var>,
    /// Logits of the classes, `[rows, classes]`, of a D that has a class head.
    pub classes: Option<Var>,
}

/// What a generator makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Makes {
    /// An example.
    pub picture: Shape,
    /// What fits the scale of the data, where the network does not say what follows its last layer.
    pub output: Activation,
}

impl Makes {
    /// Examples of this shape, in the scale of the data.
    pub fn of(picture: Shape, scale: Scale) -> Makes {
        let output = if picture.is_point() { Activation::Linear } else { Makes::fitting(scale) };
        Makes { picture, output }
    }

    /// The activation whose range is that of pixels in this scale.
    pub fn fitting(scale: Scale) -> Activation {
        match scale {
            Scale::Unit => Activation::Sigmoid,
            Scale::Signed => Activation::Tanh,
            Scale::Gcn => Activation::Linear,
        }
    }
}

/// What a translator reads and makes: pictures both times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Translates {
    /// What goes in.
    pub from: Shape,
    /// What comes out.
    pub to: Shape,
    /// What fits the scale of what comes out, where the network does not say what follows its last layer.
    pub output: Activation,
}

/// What rectifies in a network, and what follows its last layer, in words.
pub fn at_the_end(rectifier: &str, output: Activation) -> String {
    match output {
        Activation::Tanh => format!("{rectifier}, tanh at the end"),
        Activation::Sigmoid => format!("{rectifier}, sigmoid at the end"),
        _ => rectifier.into(),
    }
}

/// Maps from one end of a network to the other, in a few words: `3×32×32 → 64×16×16`.
pub fn outline(maps: impl IntoIterator<Item = Shape>) -> String {
    let words =
        maps.into_iter().map(|Shape { channels, height, width }| format!("{channels}×{height}×{width}"));
    words.collect::<Vec<_>>().join(" → ")
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
