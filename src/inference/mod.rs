//! Trained networks at work, without training: G on noise ([`Sampler`]), D on examples ([`Scorer`]), and a run's G from
//! the disk with all that its samples need to be looked at ([`TrainedGenerator`]). It runs on the CPU, wherever the
//! networks were trained.

mod generator;
mod sampler;
mod scorer;

pub use generator::TrainedGenerator;
pub use sampler::{Sampler, labels, noise, noise_of, walk};
pub use scorer::{Scored, Scorer};
