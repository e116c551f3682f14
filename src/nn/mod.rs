//! Networks, and the layers they are made of. A layer is a function of a [`Scope`]; running a network's forward pass once
//! on a graph that is thrown away declares its parameters and states ([`Networks::declare`]).

pub mod bicubic;
pub mod colour;
mod declare;
mod deviation;
mod equalised;
mod init;
mod layers;
mod modulated;
mod network;
mod norm;
mod pixels;
pub mod resample;
mod scope;
mod tensor;

pub use deviation::with_deviation;
pub use equalised::{Equalised, equalised_conv2d, equalised_linear, leaky_sqrt2, normalised_rows};
pub use layers::{
    Conv, Linear, activate, bias_of_elements, conv_transpose2d, conv2d, dropout, leaky_relu, linear, maxout,
    prelu,
};
pub use modulated::{Modulated, modulated_conv2d};
pub use network::{Memory, Network, Networks};
pub use norm::{batch_norm, conditional_batch_norm, instance_norm, layer_norm, spectral_norm};
pub use scope::{Pass, Scope, Statistics, Tracer};
pub use tensor::{Fans, Parameter, PixelAxis, Start, StateStart, StateTensor};
