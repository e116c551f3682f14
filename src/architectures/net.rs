//! What every architecture can be asked, whatever it is.

use super::ends::{Forward, Makes, Reads, Translates};
use crate::config::{Activation, Network};
use crate::data::Shape;
use crate::error::Result;
use crate::graph::Var;
use crate::nn::Scope;

/// What a network is for, with the shapes between which it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Noise to examples of this shape.
    Generator(Shape),
    /// Noise to styles, and styles to examples of this shape.
    StyledGenerator(Shape),
    /// Examples of this shape to one logit a pack.
    Discriminator(Shape),
    /// Examples of this shape to one logit each, or to several: one a patch.
    PatchDiscriminator(Shape),
    /// Pictures of one shape to pictures of another.
    Translator {
        /// What goes in.
        from: Shape,
        /// What comes out.
        to: Shape,
    },
}

impl Purpose {
    /// The picture that the network reads, or, where it reads noise, makes.
    pub fn picture(self) -> Shape {
        match self {
            Purpose::Generator(shape)
            | Purpose::StyledGenerator(shape)
            | Purpose::Discriminator(shape)
            | Purpose::PatchDiscriminator(shape) => shape,
            Purpose::Translator { from, .. } => from,
        }
    }

    /// A network of this purpose, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Purpose::Generator(_) => "a generator from noise",
            Purpose::StyledGenerator(_) => "a generator with styles",
            Purpose::Discriminator(_) => "a discriminator with one logit an example",
            Purpose::PatchDiscriminator(_) => "a discriminator",
            Purpose::Translator { .. } => "a generator from pictures",
        }
    }
}

/// An architecture with the keys of one network. Forward passes that it does not have are never asked for:
/// [`check`](super::check) refuses configurations that would.
pub trait Net {
    /// Whether the architecture has a forward pass for this purpose.
    fn serves(&self, purpose: Purpose) -> bool;

    /// Checks that the keys fit the shapes of a purpose that the architecture serves; `name` is what messages call the network.
    ///
    /// # Errors
    /// When a layer does not fit: with the layer, what it gets, and what would fit.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()>;

    /// What an outline leaves out, in words; `fitting` is the activation that fits the data where the network makes them.
    fn words(&self, fitting: Option<Activation>) -> Vec<String>;

    /// Noise `[rows, dim]` and one-hot labels `[rows, classes]` to examples `[rows, numbers]`.
    fn generator(&self, _: &Scope, _: Makes, _: Var, _: Option<Var>) -> Var {
        unreachable!("checked with the data")
    }

    /// A generator in a few words, from noise (and labels) of so many numbers on.
    fn generator_outline(&self, _: Makes, _: usize) -> String {
        unreachable!("checked with the data")
    }

    /// Examples `[rows, numbers]` and one-hot labels `[rows, classes]` to what is said of each pack.
    fn discriminator(&self, _: &Scope, _: Reads, _: Var, _: Option<Var>) -> Forward {
        unreachable!("checked with the data")
    }

    /// A discriminator in a few words.
    fn discriminator_outline(&self, _: Reads) -> String {
        unreachable!("checked with the data")
    }

    /// Pictures `[rows, numbers]` to pictures `[rows, numbers]`.
    fn translator(&self, _: &Scope, _: Translates, _: Var) -> Var {
        unreachable!("checked with the data")
    }

    /// A translator in a few words.
    fn translator_outline(&self, _: Translates) -> String {
        unreachable!("checked with the data")
    }

    /// The two halves of a generator with styles.
    fn styled(&self) -> Option<&dyn Styled> {
        None
    }

    /// The network's keys with those said that the size of its pictures decides where they are absent.
    fn pinned(&self, network: &Network, _picture: Shape) -> Network {
        network.clone()
    }
}

/// A generator of two halves: noise becomes w, and w, one for each layer, pictures.
pub trait Styled {
    /// How many layers read w, of pictures of this shape.
    fn layers(&self, picture: Shape) -> usize;

    /// Side of the maps that a layer works on; the last one's are the picture's colours.
    fn side(&self, picture: Shape, layer: usize) -> usize;

    /// How many random numbers enter beside w.
    fn noises(&self, picture: Shape) -> usize;

    /// Noise `[rows, dim]` and one-hot labels `[rows, classes]` to w `[rows, dim]`, whose average over training moves where
    /// `averaged`.
    fn mapping(&self, s: &Scope, z: Var, labels: Option<Var>, averaged: bool) -> Var;

    /// The average of w over training, `[dim]`.
    fn average(&self, s: &Scope, dim: usize) -> Var;

    /// w of each layer, `[rows, dim]` each, to examples `[rows, numbers]`; `noise` `[rows, noises]`, drawn in the pass where it
    /// is not given.
    fn synthesis(&self, s: &Scope, makes: Makes, styles: &[Var], noise: Option<Var>) -> Var;
}
