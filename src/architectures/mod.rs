//! Architectures: forward passes by name. Each file is forward maths and nothing else; the one table here says which name is
//! which.

mod condition;
pub mod dcgan;
mod ends;
mod halvings;
mod join;
pub mod layers;
mod net;
mod norms;
pub mod patch;
pub mod resnet;
pub mod resnet_translator;
pub mod rpgan_resnet;
pub mod srgan;
pub mod stylegan2;
pub mod unet;

pub use ends::{Forward, Makes, Reads, Translates};
pub use net::{Net, Purpose, Styled};

use crate::config::{Activation, Architecture, Network};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::Var;
use crate::nn::Scope;

/// The architecture that a network's keys name.
fn net(network: &Network) -> Box<dyn Net + '_> {
    match network.architecture {
        Architecture::Layers => Box::new(layers::Listed(network)),
        Architecture::Dcgan => Box::new(dcgan::Dcgan::of(network)),
        Architecture::Resnet => Box::new(resnet::Resnet::of(network)),
        Architecture::RpganResnet => Box::new(rpgan_resnet::RpganResnet::of(network)),
        Architecture::ResnetTranslator => Box::new(resnet_translator::ResnetTranslator::of(network)),
        Architecture::Unet => Box::new(unet::Unet::of(network)),
        Architecture::Patch => Box::new(patch::Patch::of(network)),
        Architecture::Srgan => Box::new(srgan::Srgan::of(network)),
        Architecture::Stylegan2 => Box::new(stylegan2::Stylegan2::of(network)),
    }
}

/// Noise `[rows, dim]` and one-hot labels `[rows, classes]` to examples `[rows, numbers]`.
pub fn generator(s: &Scope, network: &Network, makes: Makes, z: Var, labels: Option<Var>) -> Var {
    s.g.scoped(s.network(), || net(network).generator(s, makes, z, labels))
}

/// Examples `[rows, numbers]` and one-hot labels `[rows, classes]` to what is said of each pack.
pub fn discriminator(s: &Scope, network: &Network, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
    s.g.scoped(s.network(), || net(network).discriminator(s, reads, x, labels))
}

/// Pictures `[rows, numbers]` to pictures `[rows, numbers]`.
pub fn translator(s: &Scope, network: &Network, translates: Translates, x: Var) -> Var {
    s.g.scoped(s.network(), || net(network).translator(s, translates, x))
}

/// What `with` makes of a generator with styles, under the network's name.
pub fn styled<T>(s: &Scope, network: &Network, with: impl FnOnce(&dyn Styled) -> T) -> T {
    s.g.scoped(s.network(), || with(net(network).styled().expect("checked with the data")))
}

/// Layers that read w, and random numbers beside it, of a generator with styles.
pub fn styles(network: &Network, picture: Shape) -> [usize; 2] {
    let net = net(network);
    let styled = net.styled().expect("checked with the data");
    [styled.layers(picture), styled.noises(picture)]
}

/// Side of the maps that a layer of a generator with styles works on.
pub fn style_side(network: &Network, picture: Shape, layer: usize) -> usize {
    net(network).styled().expect("checked with the data").side(picture, layer)
}

/// A generator in a few words, from noise (and labels) of so many numbers on: `100 → 240 → 784`.
pub fn generator_outline(network: &Network, makes: Makes, inputs: usize) -> String {
    net(network).generator_outline(makes, inputs)
}

/// A discriminator in a few words.
pub fn discriminator_outline(network: &Network, reads: Reads) -> String {
    net(network).discriminator_outline(reads)
}

/// A translator in a few words.
pub fn translator_outline(network: &Network, translates: Translates) -> String {
    net(network).translator_outline(translates)
}

/// What an outline leaves out, in words; `fitting` is the activation that fits the data where the network makes them. Nothing of
/// architecture "layers", each layer of which has words of its own.
pub fn words(network: &Network, fitting: Option<Activation>) -> Vec<String> {
    net(network).words(fitting)
}

/// A network's keys with those said that the size of its pictures decides where they are absent, so that it has the same
/// parameters for pictures of any size.
pub fn pinned(network: &Network, picture: Shape) -> Network {
    net(network).pinned(network, picture)
}

/// Checks that a network has a purpose's forward pass, for examples of these shapes; `name` is what messages call it.
///
/// # Errors
/// When its architecture has none, with those that have one; when a layer does not fit: with the layer, what it gets, and what
/// would fit.
pub fn check(network: &Network, name: &str, purpose: Purpose) -> Result<()> {
    let own = net(network);
    if own.serves(purpose) {
        return own.check(name, purpose);
    }
    let others = Architecture::ALL
        .into_iter()
        .filter(|&architecture| net(&Network { architecture, ..Network::default() }).serves(purpose));
    let others: Vec<String> = others.map(|a| format!("{:?}", a.name())).collect();
    Err(Error::Usage(format!(
        "{name}.architecture is {:?}, which is not {}; expected one of {}",
        network.architecture.name(),
        purpose.words(),
        others.join(", ")
    )))
}
