//! Networks, and the layers they are made of. A layer is a function of a [`Scope`]; running a network's forward pass once
//! on a graph that is thrown away declares its parameters and states ([`Networks::declare`]).

mod init;
mod layers;
mod network;
mod norm;
mod pixels;
mod scope;

pub use init::{Start, StateStart};
pub use layers::{Linear, dropout, linear, maxout};
pub use network::{Memory, Network, Networks, Parameter, StateTensor};
pub use norm::{batch_norm, layer_norm, spectral_norm};
pub use pixels::PixelAxis;
pub use scope::{Pass, Scope, Statistics, Tracer};
