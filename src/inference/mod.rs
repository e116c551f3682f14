//! Trained networks at work, without training: the tasks of a model on an executor ([`Engine`]), which is the training's own
//! while a model trains, and a run from the disk on an executor of its own ([`LoadedRun`]).

mod directions;
mod engine;
mod gaussian;
mod generator;
mod image;
mod latent;
mod mixing;
mod project;
mod rows;
mod standing;
mod tiles;
mod translator;

pub use crate::models::{Grain, Style};
pub use directions::{Directions, mapped, strips};
pub use engine::{Engine, Scored, Standalone, Tasks};
pub use gaussian::{Gaussian, decomposed};
pub use generator::{Generator, LoadedRun};
pub use image::Image;
pub use latent::{ClassShares, between, noise, noise_of, walk};
pub use mixing::mixed;
pub use project::{Projected, Search, Stand, project};
pub use rows::{Held, Rows, held, rows};
pub use standing::standing;
pub use translator::{Layout, Means, Translator};
