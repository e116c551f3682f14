//! A trained generator from the disk: what `sample`, `interpolate` and `eval` draw from.

use super::sampler::{Sampler, labels, noise};
use crate::config::Config;
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::exec::NetworkState;
use crate::models::gan::Gan;
use crate::report::Display;
use crate::run::checkpoint::{self, Checkpoint};
use std::path::{Path, PathBuf};

/// A generator and what is needed to look at its samples.
pub struct Forger {
    /// What it was trained with.
    pub config: Config,
    /// Its model.
    pub gan: Gan,
    /// From its numbers to pixels.
    pub display: Display,
    /// The checkpoint it came from.
    pub from: PathBuf,
    /// Steps it was trained for.
    pub step: u64,
    generator: NetworkState,
    sampler: Sampler,
}

impl Forger {
    /// Loads the newest good checkpoint of a run, or the checkpoint itself; damaged ones are told on stderr.
    ///
    /// # Errors
    /// When there is none.
    pub fn load(from: &Path, threads: usize) -> Result<Forger> {
        let (checkpoint, path, warnings) = checkpoint::locate(from)?;
        warnings.iter().for_each(|w| tell!("warning: {w}"));
        let gan = Checkpoint::model(&checkpoint.config, &checkpoint.state);
        let [channels, height, width] = checkpoint.state.example;
        let [generator, _] = checkpoint.networks;
        Ok(Forger {
            display: Display {
                shape: Shape { channels, height, width },
                scale: checkpoint.config.data.scale,
            },
            sampler: Sampler::new(&gan, threads)?,
            config: checkpoint.config,
            gan,
            generator,
            from: path,
            step: checkpoint.state.step,
        })
    }

    /// A generator of a model in training, its weights yet to come.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn of(config: &Config, gan: &Gan, shape: Shape, threads: usize) -> Result<Forger> {
        Ok(Forger {
            display: Display { shape, scale: config.data.scale },
            sampler: Sampler::new(gan, threads)?,
            config: config.clone(),
            gan: gan.clone(),
            generator: NetworkState::default(),
            from: PathBuf::new(),
            step: 0,
        })
    }

    /// Replaces the weights.
    pub fn set_generator(&mut self, generator: NetworkState) {
        self.generator = generator;
    }

    /// `count` samples `[count, numbers]` as the network makes them; of class `label`, or of all in turn.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn samples(&mut self, count: usize, seed: u64, label: Option<usize>) -> Result<Vec<f32>> {
        self.samples_of(&noise(&self.config, seed, count), label)
    }

    /// Samples of noise `latent`, `[count, latent.dim]`.
    ///
    /// # Errors
    /// As [`Forger::samples`].
    pub fn samples_of(&mut self, latent: &[f32], label: Option<usize>) -> Result<Vec<f32>> {
        let count = latent.len() / self.config.latent.dim;
        let labels = self.labels(label, count)?;
        Ok(self.sampler.sample(&self.generator, latent, &labels))
    }

    fn labels(&self, label: Option<usize>, count: usize) -> Result<Vec<usize>> {
        match (label, self.gan.classes) {
            (Some(label), 0) => Err(Error::Usage(format!(
                "--label {label}: {} is of an unconditional model; leave --label out",
                self.from.display()
            ))),
            (Some(label), classes) if label >= classes => {
                Err(Error::Usage(format!("--label {label}: expected a class from 0 to {}", classes - 1)))
            }
            (label, classes) => Ok(labels(classes, label, count)),
        }
    }
}
