//! A trained generator from the disk: what `sample`, `interpolate` and `eval` draw from.

use super::sampler::{Sampler, labels, noise_of};
use crate::config::Config;
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::exec::NetworkState;
use crate::models::gan::Gan;
use crate::report::Display;
use crate::rng::MOST_ELEMENTS;
use crate::run::checkpoint::{self, Checkpoint};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A generator and what is needed to look at its samples.
pub struct TrainedGenerator {
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
    /// [`Dataset::sha256`] of the data it was trained on, where it comes from a checkpoint.
    ///
    /// [`Dataset::sha256`]: crate::data::Dataset::sha256
    pub data: Option<String>,
    state: NetworkState,
    sampler: Sampler,
}

impl TrainedGenerator {
    /// Loads the newest good checkpoint of a run, or the checkpoint itself; damaged ones are told on stderr.
    ///
    /// # Errors
    /// When there is none.
    pub fn load(from: &Path, threads: usize) -> Result<TrainedGenerator> {
        let (checkpoint, path, warnings) = checkpoint::locate(from)?;
        warnings.iter().for_each(|w| tell!("warning: {w}"));
        let gan = Checkpoint::model(&checkpoint.config, &checkpoint.state);
        let state = checkpoint.networks.into_iter().next().expect("a generator");
        Ok(TrainedGenerator {
            display: Display::new(checkpoint.state.example.into(), &checkpoint.config.data),
            sampler: Sampler::new(&gan, threads)?,
            config: checkpoint.config,
            gan,
            state,
            from: path,
            step: checkpoint.state.step,
            data: checkpoint.state.data,
        })
    }

    /// A generator of a model in training, its weights yet to come.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn of(config: &Config, gan: &Gan, shape: Shape, threads: usize) -> Result<TrainedGenerator> {
        Ok(TrainedGenerator {
            display: Display::new(shape, &config.data),
            sampler: Sampler::new(gan, threads)?,
            config: config.clone(),
            gan: gan.clone(),
            state: NetworkState::default(),
            from: PathBuf::new(),
            step: 0,
            data: None,
        })
    }

    /// Replaces its weights and their average.
    pub fn set_state(&mut self, state: NetworkState) {
        self.state = state;
    }

    /// `count` samples `[count, numbers]` as the network makes them; of class `label`, or of all in turn.
    ///
    /// # Errors
    /// When there is no such class, or a sample is not finite.
    pub fn samples(&mut self, count: usize, seed: u64, label: Option<usize>) -> Result<Vec<f32>> {
        self.samples_in(0..count, seed, label)
    }

    /// These of the samples of a seed, from a multiple of 100 on.
    ///
    /// # Errors
    /// As [`TrainedGenerator::samples`].
    pub fn samples_in(&mut self, which: Range<usize>, seed: u64, label: Option<usize>) -> Result<Vec<f32>> {
        self.check_label(label)?;
        self.check_count(which.end)?;
        let labels = labels(self.gan.classes, label, which.clone());
        let latent = noise_of(&self.config, seed, which.clone());
        let samples = self.sampler.sample_from(which.start, &self.state, &latent, &labels);
        self.finite(samples)
    }

    /// Samples of noise `latent`, `[count, latent.dim]`.
    ///
    /// # Errors
    /// As [`TrainedGenerator::samples`].
    pub fn samples_of(&mut self, latent: &[f32], label: Option<usize>) -> Result<Vec<f32>> {
        self.check_label(label)?;
        let labels = labels(self.gan.classes, label, 0..latent.len() / self.config.latent.dim);
        let samples = self.sampler.sample(&self.state, latent, &labels);
        self.finite(samples)
    }

    /// The samples, if nobody could take them for anything but numbers.
    fn finite(&self, samples: Vec<f32>) -> Result<Vec<f32>> {
        if samples.iter().all(|x| x.is_finite()) {
            return Ok(samples);
        }
        let (whose, advice) = match self.from.as_os_str().is_empty() {
            true => (String::new(), ""),
            false => (format!("{}: ", self.from.display()), "; take an earlier checkpoint"),
        };
        let why = format!("{whose}the generator's samples are not all finite{advice}");
        Err(Error::Diverged { step: self.step, why })
    }

    /// Refuses to draw more samples than there is noise for: what came then would be the first again.
    ///
    /// # Errors
    /// When there are so many.
    pub fn check_count(&self, count: usize) -> Result<()> {
        let most = MOST_ELEMENTS / self.config.latent.dim as u64;
        if count as u64 <= most {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "--count {count}: a seed holds the noise of {most} samples of this model; draw the rest with another --seed"
        )))
    }

    /// Refuses a label that the model does not have.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_label(&self, label: Option<usize>) -> Result<()> {
        match (label, self.gan.classes) {
            (Some(label), 0) => Err(Error::Usage(format!(
                "--label {label}: {} is of an unconditional model; leave --label out",
                self.from.display()
            ))),
            (Some(label), classes) if label >= classes => {
                Err(Error::Usage(format!("--label {label}: expected a class from 0 to {}", classes - 1)))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;

    #[test]
    fn samples_that_are_not_finite_are_no_samples() {
        let config = ConfigBuilder::recipe("ring").and_then(ConfigBuilder::finish).expect("a recipe");
        let gan = Gan::new(&config, 2, 0);
        let shape = Shape { channels: 2, height: 1, width: 1 };
        let mut generator = TrainedGenerator::of(&config, &gan, shape, 1).expect("a thread");
        let with = |weight: f32| NetworkState {
            weights: vec![weight; gan.generator.len],
            ..NetworkState::default()
        };
        generator.set_state(with(0.0));
        assert_eq!(generator.samples(3, 0, None), Ok(vec![0.0; 6]));
        generator.set_state(with(f32::MAX));
        assert!(matches!(generator.samples(3, 0, None), Err(Error::Diverged { .. })));
    }
}
