//! A trained generator, with what is needed to look at its samples.

use super::engine::{Engine, Standalone};
use super::latent::noise_of;
use crate::architectures;
use crate::config::Config;
use crate::data::{Classes, Shape};
use crate::error::{Error, Result};
use crate::exec::Opened;
use crate::models::{Style, TaskKind};
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

    /// Refuses a model that makes nothing of noise.
    ///
    /// # Errors
    /// When it does not.
    pub fn require_samples(&self) -> Result<()> {
        if self.model.tasks().has(TaskKind::Sample) {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{}: this run makes pictures of pictures, not of noise: gansaku translate takes it",
            self.from.display()
        )))
    }

    /// Refuses a model whose generator has no styles.
    ///
    /// # Errors
    /// When it has none.
    pub fn require_styles(&self) -> Result<()> {
        if self.model.tasks().has(TaskKind::Synthesise) {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{}: this run's generator has no styles; those of model \"stylegan2\" have",
            self.from.display()
        )))
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

    /// Labels of these samples of a seed, as often as the training data have each class; none of an unconditional model's.
    pub fn labels_of(&self, seed: u64, samples: Range<usize>) -> Vec<usize> {
        self.engine.labels_of(seed, samples)
    }

    /// `count` samples `[count, numbers]` as the network makes them, of classes as often as the training data have them.
    ///
    /// # Errors
    /// When there are more than a seed has noise for, or a sample is not finite.
    pub fn samples(&mut self, count: usize, seed: u64) -> Result<Vec<f32>> {
        self.samples_in(0..count, seed)
    }

    /// These of the samples of a seed, from a multiple of 100 on.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn samples_in(&mut self, which: Range<usize>, seed: u64) -> Result<Vec<f32>> {
        self.check_count(which.end)?;
        let labels = self.labels_of(seed, which.clone());
        let latent = noise_of(self.config, seed, which.clone());
        self.samples_of(which.start, &latent, &labels)
    }

    /// Samples of noise `latent`, `[count, latent.dim]`, and a label each where the model is conditional. They are drawn
    /// as the samples `first` and following of a seed, `first` a multiple of 100: where G drops units, it drops theirs.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn samples_of(&mut self, first: usize, latent: &[f32], labels: &[usize]) -> Result<Vec<f32>> {
        let samples = self.engine.sample(first, latent, labels)?;
        self.finite(samples)
    }

    /// These samples of a seed, in any order, each as it is among all of its seed's; `labels` one each where the model is
    /// conditional, the same wherever a sample comes again.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn samples_at(&mut self, which: &[usize], seed: u64, labels: &[usize]) -> Result<Vec<f32>> {
        self.check_count(which.iter().max().map_or(0, |most| most + 1))?;
        let (rows, width) = (self.engine.tasks.rows(TaskKind::Sample), self.display.shape.len());
        let mut samples = Vec::with_capacity(which.len() * width);
        let mut done = 0;
        // Samples are drawn in runs of so many rows, whatever becomes of the others.
        for run in which.chunk_by(|a, b| a / rows == b / rows) {
            let first = run[0] / rows * rows;
            let mut own = if labels.is_empty() { vec![] } else { vec![0; rows] };
            for (&number, &label) in run.iter().zip(labels.iter().skip(done)) {
                own[number - first] = label;
            }
            let drawn = self.samples_of(first, &noise_of(self.config, seed, first..first + rows), &own)?;
            run.iter().for_each(|&n| samples.extend_from_slice(&drawn[(n - first) * width..][..width]));
            done += run.len();
        }
        Ok(samples)
    }

    /// Layers that read a style; 0 where the model has none.
    pub fn layers(&self) -> usize {
        self.engine.layers()
    }

    /// Side of the maps that a layer with styles works on.
    ///
    /// # Panics
    /// When the model has no styles.
    pub fn side(&self, layer: usize) -> usize {
        architectures::style_side(&self.config.generator, self.display.shape, layer)
    }

    /// How styles and noise enter what is drawn from now on.
    pub fn set_style(&mut self, style: Style) {
        self.engine.style = style;
    }

    /// w `[count, dim]` of noise `[count, latent.dim]`, and of labels where the model is conditional.
    ///
    /// # Errors
    /// When the device fails.
    pub fn map(&mut self, latent: &[f32], labels: &[usize]) -> Result<Vec<f32>> {
        self.engine.map(latent, labels)
    }

    /// Samples of w of all layers, `[count, layers·dim]`.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn synthesise(&mut self, styles: &[f32]) -> Result<Vec<f32>> {
        let samples = self.engine.synthesise(styles)?;
        self.finite(samples)
    }

    /// [`Engine::approach`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn approach(&mut self, styles: &[f32], targets: &[f32]) -> Result<[Vec<f32>; 3]> {
        self.engine.approach(styles, targets)
    }

    /// Samples of w, `[count, dim]`, the same in all layers.
    ///
    /// # Errors
    /// When [`Generator::samples`] fails.
    pub fn walked(&mut self, styles: &[f32]) -> Result<Vec<f32>> {
        let everywhere = self.everywhere(styles);
        self.synthesise(&everywhere)
    }

    /// w of every layer, `[count, layers·dim]`, where all of a sample's layers have one, `[count, dim]`.
    pub fn everywhere(&self, styles: &[f32]) -> Vec<f32> {
        let (dim, layers) = (self.config.latent.dim, self.layers());
        styles.chunks_exact(dim).flat_map(|w| w.iter().copied().cycle().take(layers * dim)).collect()
    }

    /// Whether G drops units when it samples: a sample then depends on its place among those drawn with it.
    pub fn drops_units(&self) -> bool {
        self.config.generator.layers.iter().any(|layer| layer.keep < 1.0)
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

    /// The classes that G has learnt: all but those without a training example.
    pub fn learnt(&self) -> Vec<usize> {
        let table = self.class_table();
        (0..self.classes()).filter(|&class| !table.is_some_and(|t| t.is_empty(class))).collect()
    }

    /// What a class is called.
    pub fn class_name(&self, class: usize) -> String {
        self.class_table().map_or_else(|| class.to_string(), |table| table.name(class))
    }

    /// The class that a user means by `typed`: a name, or else a number.
    ///
    /// # Errors
    /// When the model is unconditional, or has no such class, or no training example was of it: what G makes of a label
    /// that it never saw is nothing that it learnt.
    pub fn class(&self, typed: &str) -> Result<usize> {
        let refused = |why: String| Err(Error::Usage(format!("--label {typed}: {why}")));
        let classes = self.classes();
        if classes == 0 {
            let from = self.from.display();
            return refused(format!("{from} is of an unconditional model; leave --label out"));
        }
        let table = self.class_table();
        let names = table.map_or(&[][..], |table| &table.names);
        let found = table.map_or_else(|| typed.parse().ok(), |table| table.find(typed));
        match found.filter(|&class| class < classes) {
            Some(class) if table.is_some_and(|table| table.is_empty(class)) => refused(format!(
                "no training example is of this class, so the model has not learnt it; the others are {}",
                listed(self.learnt().into_iter().map(|class| self.class_name(class)))
            )),
            Some(class) => Ok(class),
            None if names.is_empty() => refused(format!("expected a class from 0 to {}", classes - 1)),
            None => {
                let near = crate::config::nearest(typed, names.iter().map(String::as_str));
                let near = near.map_or(";".into(), |name| format!(", did you mean {name:?}?"));
                let numbered = names.iter().enumerate().map(|(class, name)| format!("{name} ({class})"));
                refused(format!("no such class{near} the classes are {}", listed(numbered)))
            }
        }
    }
}

/// Names that a message lists, at most.
const LISTED: usize = 30;

/// Names, the first of them where there are many.
fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;
    use crate::exec::{self, Device, NetworkState};
    use crate::models;

    /// What a conditional G of three classes that drops units says and draws.
    fn of_three_classes<R>(asked: impl FnOnce(Generator) -> R) -> R {
        let mut builder = ConfigBuilder::recipe("ring").expect("a recipe");
        for change in ["conditional=true", "generator.layers.1.keep=0.5"] {
            builder.set(change).expect("a key");
        }
        let config = builder.finish().expect("valid");
        let shape = Shape { channels: 2, height: 1, width: 1 };
        let game = models::of(&config, shape, 3);
        let start = |optimizer| {
            let (weights, states) = game.networks().start(optimizer, 5, &[0.5; 2]);
            NetworkState { weights, states, ..NetworkState::default() }
        };
        let states = game.networks().optimizers().map(start).collect();
        let device = exec::open(Device::Cpu, 1).expect("a thread");
        let model = Standalone::new(&*game, states, 0, device).expect("memory");
        let table =
            Classes { names: ["2", "sea", "lake"].map(String::from).to_vec(), counts: vec![5, 40, 0] };
        let mut model = model.with_classes(Some(table));
        asked(Generator::of(&config, shape, 0, model.engine()))
    }

    #[test]
    fn classes_are_asked_for_by_name_or_number() {
        of_three_classes(|generator| {
            let class = |typed| generator.class(typed).map_err(|e| e.to_string());
            assert_eq!(
                [class("sea"), class("1"), class("2")],
                [Ok(1), Ok(1), Ok(0)],
                "a name before a number"
            );
            assert_eq!(generator.learnt(), [0, 1]);
            let refused =
                |typed, word: &str| assert!(class(typed).is_err_and(|told| told.contains(word)), "{typed}");
            refused("see", "no such class, did you mean \"sea\"? the classes are 2 (0), sea (1), lake (2)");
            refused("3", "no such class");
            refused("lake", "no training example is of this class");
            assert_eq!(generator.labels_of(0, 0..500).iter().max(), Some(&1));
        });
    }

    #[test]
    fn a_sample_is_the_same_alone_and_among_others() {
        of_three_classes(|mut generator| {
            assert!(generator.drops_units());
            let all = generator.samples(230, 9).expect("finite");
            let labels = generator.labels_of(9, 0..230);
            let which = [24, 3, 117, 229, 24];
            let own = which.map(|i| labels[i]);
            let some = generator.samples_at(&which, 9, &own).expect("finite");
            let expected: Vec<f32> = which.iter().flat_map(|&i| all[i * 2..][..2].to_vec()).collect();
            assert_eq!(some, expected);
            let latent = crate::inference::noise(generator.config, 9, 230);
            assert_eq!(generator.samples_of(0, &latent, &labels), Ok(all));
        });
    }

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
            Generator::of(&config, shape, 0, model.engine()).samples(3, 0)
        };
        assert_eq!(samples(0.0), Ok(vec![0.0; 6]));
        assert!(matches!(samples(f32::MAX), Err(Error::Diverged { .. })));
    }
}
