//! A trained generator, with what is needed to look at its samples.

use super::engine::{Engine, Standalone};
use super::latent::{Wanted, noise_of};
use crate::config::Config;
use crate::data::{Classes, Shape};
use crate::error::{Error, Result};
use crate::exec::Opened;
use crate::pictures::Display;
use crate::rng::MOST_ELEMENTS;
use crate::run::checkpoint::{self, Checkpoint};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A run loaded from the disk, on an executor of its own.
pub struct LoadedRun {
    /// What it was trained with.
    pub config: Config,
    /// From its numbers to pixels.
    pub display: Display,
    /// The checkpoint it came from.
    pub from: PathBuf,
    /// Steps it was trained for.
    pub step: u64,
    /// [`Dataset::sha256`] of the data it was trained on, where the checkpoint says so.
    ///
    /// [`Dataset::sha256`]: crate::data::Dataset::sha256
    pub data: Option<String>,
    model: Standalone,
}

impl LoadedRun {
    /// Loads the newest good checkpoint of a run, or the checkpoint itself; damaged ones are told on stderr.
    ///
    /// # Errors
    /// When there is none, or the device fails.
    pub fn load(from: &Path, device: Opened) -> Result<LoadedRun> {
        let (checkpoint, path, warnings) = checkpoint::locate(from)?;
        warnings.iter().for_each(|w| tell!("warning: {w}"));
        LoadedRun::of(checkpoint, path, device)
    }

    /// A checkpoint in memory that came from `from`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn of(checkpoint: Checkpoint, from: PathBuf, device: Opened) -> Result<LoadedRun> {
        let game = Checkpoint::model(&checkpoint.config, &checkpoint.state);
        let Checkpoint { config, state, networks } = checkpoint;
        Ok(LoadedRun {
            display: Display::new(state.example.into(), &config.data),
            model: Standalone::new(&*game, networks, config.seed, device)?.with_classes(state.class_table),
            config,
            from,
            step: state.step,
            data: state.data,
        })
    }

    /// The run's generator.
    pub fn generator(&mut self) -> Generator<'_> {
        Generator {
            config: &self.config,
            display: self.display,
            from: &self.from,
            step: self.step,
            data: self.data.as_deref(),
            engine: self.model.engine(),
        }
    }

    /// What runs its tasks.
    pub fn engine(&mut self) -> Engine<'_> {
        self.model.engine()
    }
}

/// A generator at work, of a run on the disk or of one in training.
pub struct Generator<'e> {
    /// What it was trained with.
    pub config: &'e Config,
    /// From its numbers to pixels.
    pub display: Display,
    /// The checkpoint it came from; empty of a model in training.
    pub from: &'e Path,
    /// Steps it was trained for.
    pub step: u64,
    /// [`LoadedRun::data`].
    pub data: Option<&'e str>,
    engine: Engine<'e>,
}

impl<'e> Generator<'e> {
    /// The generator of a model in training.
    pub fn of(config: &'e Config, shape: Shape, step: u64, engine: Engine<'e>) -> Generator<'e> {
        let display = Display::new(shape, &config.data);
        Generator { config, display, from: Path::new(""), step, data: None, engine }
    }

    /// This generator, lent for a shorter time.
    pub fn reborrow(&mut self) -> Generator<'_> {
        let Generator { config, display, from, step, data, engine } = self;
        Generator { config, display: *display, from, step: *step, data: *data, engine: engine.reborrow() }
    }

    /// Classes that samples are asked for by; 0 where they are not.
    pub fn classes(&self) -> usize {
        self.engine.tasks.classes()
    }

    /// Names and training examples of the classes; `None` where the model is unconditional, or its checkpoint of before
    /// they were counted: all classes are drawn equally often then.
    pub fn class_table(&self) -> Option<&Classes> {
        self.engine.tasks.shares().table()
    }

    /// Labels of these samples of a seed as [`Wanted::AsData`] draws them; none of an unconditional model's.
    pub fn labels_of(&self, seed: u64, samples: Range<usize>) -> Vec<usize> {
        self.engine.labels_of(seed, samples)
    }

    /// `count` samples `[count, numbers]` as the network makes them, of the classes wanted.
    ///
    /// # Errors
    /// When there is no such class, or a sample is not finite.
    pub fn samples(&mut self, count: usize, seed: u64, wanted: &Wanted) -> Result<Vec<f32>> {
        self.samples_in(0..count, seed, wanted)
    }

    /// These of the samples of a seed, from a multiple of 100 on.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn samples_in(&mut self, which: Range<usize>, seed: u64, wanted: &Wanted) -> Result<Vec<f32>> {
        self.check_count(which.end)?;
        let labels = wanted.labels(self.engine.tasks.shares(), seed, which.clone());
        let latent = noise_of(self.config, seed, which.clone());
        self.samples_of(which.start, &latent, &labels)
    }

    /// Samples of noise `latent`, `[count, latent.dim]`, and a label each where the model is conditional. They are drawn
    /// as the samples `first` and following of a seed, `first` a multiple of 100: where G drops units, it drops theirs.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn samples_of(&mut self, first: usize, latent: &[f32], labels: &[usize]) -> Result<Vec<f32>> {
        labels.iter().try_for_each(|&label| self.check_label(Some(label)))?;
        let samples = self.engine.sample(first, latent, labels)?;
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
        match (label, self.classes()) {
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
    use crate::exec::{self, Device, NetworkState};
    use crate::models;

    #[test]
    fn samples_that_are_not_finite_are_no_samples() {
        let config = ConfigBuilder::recipe("ring").and_then(ConfigBuilder::finish).expect("a recipe");
        let shape = Shape { channels: 2, height: 1, width: 1 };
        let game = models::of(&config, shape, 0);
        let samples = |weight: f32| {
            let state = |memory: &crate::nn::Memory| NetworkState {
                weights: vec![weight; memory.len],
                ..NetworkState::default()
            };
            let states = game.networks().memories().iter().map(state).collect();
            let device = exec::open(Device::Cpu, 1).expect("a thread");
            let mut model = Standalone::new(&*game, states, 0, device).expect("memory");
            Generator::of(&config, shape, 0, model.engine()).samples(3, 0, &Wanted::AsData)
        };
        assert_eq!(samples(0.0), Ok(vec![0.0; 6]));
        assert!(matches!(samples(f32::MAX), Err(Error::Diverged { .. })));
    }
}
