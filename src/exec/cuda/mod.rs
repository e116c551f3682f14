//! The GPU executor: plans as kernel launches, everything resident on the device.
//!
//! Weights, moments, data and the arena are uploaded or made once; every launch's parameters are packed once.
//! A phase then is its launches, recorded as one where the device can, with no wait, no allocation and no
//! upload: its last launch moves the clock on the device to the next phase. The host follows, and uploads a
//! clock only where it wants another phase than the device expects: the first one, or one after a resume. So
//! many steps may be one recording.

mod blocks;
mod clock;
mod convolution;
#[cfg(feature = "cuda")]
pub mod driver;
pub mod emulated;
mod executor;
mod gradients;
mod heads;
mod hopper;
#[cfg(feature = "cuda")]
pub mod kernels;
pub mod launch;
mod limits;
mod maps;
mod matmul;
mod measured;
mod memory;
mod metrics;
mod minibatch;
mod pack;
mod packer;
pub mod parzen;
#[cfg(test)]
mod pins;
mod plan_memory;
mod program;
mod slots;
mod states;
mod tiling;
mod update;

pub use blocks::{Clock, Rates};
pub use executor::Cuda;
pub use limits::SLOTS;
pub use memory::Options;
pub use tiling::Multiprocessors;
