//! Architectures: forward passes by name. Each file is forward maths and nothing else; the tables here say which name is
//! which.

mod condition;
pub mod dcgan;
mod ends;
mod halvings;
mod join;
pub mod layers;
pub mod resnet;
pub mod rpgan_resnet;

pub use ends::{Forward, Makes, Reads};

use crate::config::{Activation, Architecture, Network};
use crate::data::Shape;
use crate::error::Result;
use crate::graph::Var;
use crate::nn::Scope;
use dcgan::Dcgan;
use layers::Layers;
use resnet::Resnet;
use rpgan_resnet::RpganResnet;

/// Noise `[rows, dim]` and one-hot labels `[rows, classes]` to examples `[rows, numbers]`.
pub fn generator(s: &Scope, network: &Network, makes: Makes, z: Var, labels: Option<Var>) -> Var {
    s.g.scoped(s.network(), || match network.architecture {
        Architecture::Layers => {
            Layers::generator(network, makes).forward(s, join::with_labels(s.g, z, labels)).output
        }
        Architecture::Dcgan => Dcgan::of(network).generator(s, makes, z, labels),
        Architecture::Resnet => Resnet::of(network).generator(s, makes, z, labels),
        Architecture::RpganResnet => RpganResnet::of(network).generator(s, makes, z, labels),
    })
}

/// Examples `[rows, numbers]` and one-hot labels `[rows, classes]` to what is said of each pack.
pub fn discriminator(s: &Scope, network: &Network, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
    s.g.scoped(s.network(), || match network.architecture {
        Architecture::Layers => {
            let layers = Layers::discriminator(network, reads);
            layers.forward(s, layers.joined(s.g, reads, x, labels))
        }
        Architecture::Dcgan => Dcgan::of(network).discriminator(s, reads, x, labels),
        Architecture::Resnet => Resnet::of(network).discriminator(s, reads, x, labels),
        Architecture::RpganResnet => RpganResnet::of(network).discriminator(s, reads, x, labels),
    })
}

/// A generator in a few words, from noise (and labels) of so many numbers on: `100 → 240 → 784`.
pub fn generator_outline(network: &Network, makes: Makes, inputs: usize) -> String {
    match network.architecture {
        Architecture::Layers => Layers::generator(network, makes).outline(inputs),
        Architecture::Dcgan => Dcgan::of(network).generator_outline(makes.picture, inputs),
        Architecture::Resnet => Resnet::of(network).generator_outline(makes.picture, inputs),
        Architecture::RpganResnet => RpganResnet::of(network).generator_outline(makes.picture, inputs),
    }
}

/// A discriminator in a few words.
pub fn discriminator_outline(network: &Network, reads: Reads) -> String {
    match network.architecture {
        Architecture::Layers => Layers::discriminator(network, reads).outline_of(reads),
        Architecture::Dcgan => Dcgan::of(network).discriminator_outline(reads),
        Architecture::Resnet => Resnet::of(network).discriminator_outline(reads),
        Architecture::RpganResnet => RpganResnet::of(network).discriminator_outline(reads),
    }
}

/// What an outline leaves out, in words; `fitting` is the activation that fits the data where the network makes them. Nothing of
/// architecture "layers", each layer of which has words of its own.
pub fn words(network: &Network, fitting: Option<Activation>) -> Vec<String> {
    match network.architecture {
        Architecture::Layers => vec![],
        Architecture::Dcgan => Dcgan::of(network).words(fitting),
        Architecture::Resnet => Resnet::of(network).words(fitting),
        Architecture::RpganResnet => RpganResnet::of(network).words(),
    }
}

/// Checks that a network fits examples of this shape; `name` is what messages call it.
///
/// # Errors
/// When a layer does not fit: with the layer, what it gets, and what would fit.
pub fn check(network: &Network, name: &str, picture: Shape) -> Result<()> {
    match network.architecture {
        Architecture::Layers => layers::check(network, name, picture),
        Architecture::Dcgan => Dcgan::of(network).check(name, picture),
        Architecture::Resnet => Resnet::of(network).check(name, picture),
        Architecture::RpganResnet => RpganResnet::of(network).check(name, picture),
    }
}
