//! Data sets: readers for the formats people have, and sources that need no file.
//!
//! A reader turns files into one [`Dataset`] in memory. It never draws minibatches: executors do, from
//! these arrays.

mod cifar10;
mod classes;
mod detect;
pub mod digits;
mod file;
mod folder;
pub mod identity;
mod idx;
mod mat5;
mod shape;
pub mod shuffle;
mod stacked;
mod tfd;
pub mod toy;

pub use classes::Classes;
pub use detect::source as detect;
pub use shape::Shape;

use crate::config::{self, Scale, Source};
use crate::console::typed;
use crate::error::{Error, Result};
use crate::memory_budget;
use std::ops::Range;
use std::path::Path;

/// Stored values, `[examples, height, width, channels]` row-major: pixels interleaved, as [`Shape`] says.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// A byte v stands for `v · factor + offset` (see [`Dataset::factor`]).
    U8(Vec<u8>),
    /// Numbers as the network sees them.
    F32(Vec<f32>),
}

/// One split.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    /// How many.
    pub count: usize,
    /// Numbers of all examples, `[count, width]`.
    pub values: Values,
    /// Class of each, when known.
    pub labels: Option<Vec<u8>>,
}

/// A data set in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What it is, for people: "MNIST", "digits (procedural)".
    pub name: String,
    /// Height, width and channels of one example.
    pub shape: Shape,
    /// Number of classes; 0 when unlabelled.
    pub classes: usize,
    /// Name of each class; empty where they have numbers only.
    pub class_names: Vec<String>,
    /// Multiplies a stored byte, by [`Scale`]: 1/255 for [0, 1], 2/255 for [−1, 1].
    pub factor: f32,
    /// Added to a stored byte after `factor`.
    pub offset: f32,
    /// What training draws from.
    pub train: Examples,
    /// What is kept for choosing (Parzen's σ); may be empty.
    pub valid: Examples,
    /// What is kept for the last measurement; may be empty.
    pub test: Examples,
    /// What the reader did and noticed, one line each: splits, resizes, skipped files.
    pub notes: Vec<String>,
}

impl Examples {
    /// Labels, where there are some of two classes or more.
    pub fn labels_of_several(&self) -> Option<&[u8]> {
        self.labels.as_deref().filter(|labels| labels.windows(2).any(|pair| pair[0] != pair[1]))
    }

    /// The examples at these places of a fixed shuffled order: a file may be sorted by class, and whoever looks at a part
    /// of it means a fair one.
    pub fn shuffled(&self, places: Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let count = self.count;
        places.map(move |place| shuffle::at(0, count, place as u64))
    }

    /// Whether no two examples, each of `width` numbers, differ.
    pub fn are_alike(&self, width: usize) -> bool {
        match &self.values {
            Values::U8(bytes) => bytes.chunks_exact(width).all(|x| x == &bytes[..width]),
            Values::F32(numbers) => numbers.chunks_exact(width).all(|x| x == &numbers[..width]),
        }
    }

    /// No examples of the kind that `like` holds.
    pub fn none(like: &Examples) -> Examples {
        let values = match like.values {
            Values::U8(_) => Values::U8(vec![]),
            Values::F32(_) => Values::F32(vec![]),
        };
        Examples { count: 0, values, labels: like.labels.as_ref().map(|_| vec![]) }
    }

    /// Examples `[from, to)`, each of `width` numbers.
    ///
    /// # Panics
    /// When there are fewer than `to`.
    pub fn range(&self, [from, to]: [usize; 2], width: usize) -> Examples {
        let values = match &self.values {
            Values::U8(v) => Values::U8(v[from * width..to * width].to_vec()),
            Values::F32(v) => Values::F32(v[from * width..to * width].to_vec()),
        };
        let labels = self.labels.as_ref().map(|l| l[from..to].to_vec());
        Examples { count: to - from, values, labels }
    }

    /// The examples of these numbers, each of `width` numbers.
    ///
    /// # Panics
    /// When there is no such example.
    pub fn chosen(&self, which: &[usize], width: usize) -> Examples {
        fn rows<T: Copy>(all: &[T], which: &[usize], width: usize) -> Vec<T> {
            let mut chosen = Vec::with_capacity(which.len() * width);
            which.iter().for_each(|&i| chosen.extend_from_slice(&all[i * width..(i + 1) * width]));
            chosen
        }
        let values = match &self.values {
            Values::U8(v) => Values::U8(rows(v, which, width)),
            Values::F32(v) => Values::F32(rows(v, which, width)),
        };
        let labels = self.labels.as_ref().map(|l| rows(l, which, 1));
        Examples { count: which.len(), values, labels }
    }
}

impl Dataset {
    /// A training split alone; its bytes stand for [0, 1], its numbers for themselves.
    pub fn of(name: &str, shape: Shape, classes: usize, train: Examples) -> Dataset {
        Dataset {
            name: name.into(),
            shape,
            classes,
            class_names: vec![],
            factor: if matches!(train.values, Values::U8(_)) { 1.0 / 255.0 } else { 1.0 },
            offset: 0.0,
            valid: Examples::none(&train),
            test: Examples::none(&train),
            train,
            notes: vec![],
        }
    }

    /// Names and training examples of every class.
    pub fn class_table(&self) -> Classes {
        let mut counts = vec![0; self.classes];
        let labels = self.train.labels.iter().flatten();
        labels.for_each(|&label| counts[usize::from(label)] += 1);
        Classes { names: self.class_names.clone(), counts }
    }

    /// Example `index` of a split as the network sees it.
    pub fn numbers(&self, split: &Examples, index: usize) -> Vec<f32> {
        let at = index * self.shape.len()..(index + 1) * self.shape.len();
        match &split.values {
            Values::U8(bytes) => {
                bytes[at].iter().map(|&b| f32::from(b) * self.factor + self.offset).collect()
            }
            Values::F32(numbers) => numbers[at].to_vec(),
        }
    }

    /// These examples of a split, one behind the other, `[examples, numbers]`, as the network sees them.
    pub fn numbers_of(&self, split: &Examples, which: impl IntoIterator<Item = usize>) -> Vec<f32> {
        which.into_iter().flat_map(|i| self.numbers(split, i)).collect()
    }

    /// The first `count` examples of a split in pieces of some thousand, each `[examples, numbers]`, as the network sees
    /// them: as numbers a data set of bytes is four times as large.
    pub fn pieces(&self, split: &Examples, count: usize) -> impl Iterator<Item = Vec<f32>> {
        const PIECE: usize = 4_000;
        let count = count.min(split.count);
        (0..count).step_by(PIECE).map(move |from| self.numbers_of(split, from..count.min(from + PIECE)))
    }

    /// Mean of each element over the training split, `[numbers]`, as the network sees it.
    pub fn marginals(&self) -> Vec<f32> {
        let width = self.shape.len();
        let mut sums = vec![0.0f64; width];
        match &self.train.values {
            Values::U8(bytes) => {
                for example in bytes.chunks_exact(width) {
                    sums.iter_mut().zip(example).for_each(|(s, &b)| *s += f64::from(b));
                }
            }
            Values::F32(numbers) => {
                for example in numbers.chunks_exact(width) {
                    sums.iter_mut().zip(example).for_each(|(s, &x)| *s += f64::from(x));
                }
            }
        }
        let count = self.train.count.max(1) as f64;
        let (factor, offset) = match self.train.values {
            Values::U8(_) => (f64::from(self.factor), f64::from(self.offset)),
            Values::F32(_) => (1.0, 0.0),
        };
        sums.iter().map(|s| (s / count * factor + offset) as f32).collect()
    }

    /// Cuts the training split into what is trained on and what is kept for validation, which is never trained on.
    fn split(mut self, config: &config::Data, whence: &str) -> Result<Dataset> {
        let all = self.train.count;
        for (key, range) in [("data.train", config.train), ("data.valid", config.valid)] {
            if let Some([from, to]) = range
                && to > all
            {
                return Err(Error::Data(format!(
                    "{key} is [{from}, {to}], but {whence} holds {all} training examples; \
                     set another range with --set {key}='[from, to]'"
                )));
            }
        }
        let width = self.shape.len();
        if let Some(range) = config.valid {
            self.valid = self.train.range(range, width);
        }
        match (config.train, config.valid) {
            (Some(range), _) => self.train = self.train.range(range, width),
            (None, Some([0, to])) if to == all => {
                return Err(Error::Data(format!(
                    "data.valid is [0, {to}], all training examples of {whence}: none are left to train on"
                )));
            }
            (None, Some([from, to])) => {
                let rest: Vec<usize> = (0..from).chain(to..all).collect();
                self.train = self.train.chosen(&rest, width);
            }
            (None, None) => {}
        }
        Ok(self)
    }

    /// With test examples: where a reader found none, a share of the training examples, chosen by a fixed shuffle, is
    /// held out.
    #[must_use]
    pub fn hold_out(mut self, share: f64) -> Dataset {
        let count = self.train.count;
        let held = (count as f64 * share) as usize;
        if self.test.count > 0 || held == 0 {
            return self;
        }
        let order: Vec<usize> = self.train.shuffled(0..count).collect();
        let (test, train) = order.split_at(held);
        let width = self.shape.len();
        self.test = self.train.chosen(test, width);
        self.train = self.train.chosen(train, width);
        self.notes.push(format!(
            "no test examples: {held} of {count} are held out to measure against (data.hold_out)"
        ));
        self
    }

    /// Scales stored bytes to what the network sees.
    fn scaled(mut self, scale: Scale) -> Dataset {
        (self.factor, self.offset) = match scale {
            Scale::Unit => (1.0 / 255.0, 0.0),
            Scale::Signed => (2.0 / 255.0, -1.0),
            Scale::Gcn => {
                for split in [&mut self.train, &mut self.valid, &mut self.test] {
                    split.values = Values::F32(contrast_normalised(&split.values, self.shape));
                }
                self.notes.push("global contrast normalisation: mean 0, norm 55 in each example".into());
                (1.0, 0.0)
            }
        };
        self
    }
}

/// Each example with its mean removed and divided by (norm / 55), as pylearn2's `gcn: 55.` does: examples
/// whose norm is below 1e-8 are only centred. Sums run over planes, so that they are those of the files' own order.
fn contrast_normalised(values: &Values, shape: Shape) -> Vec<f32> {
    let mut numbers: Vec<f32> = match values {
        Values::U8(bytes) => bytes.iter().map(|&b| f32::from(b)).collect(),
        Values::F32(numbers) => numbers.clone(),
    };
    let width = shape.len();
    let planes: Vec<usize> = (0..width).map(|i| shape.in_memory(i)).collect();
    for example in numbers.chunks_exact_mut(width) {
        let mean = planes.iter().map(|&i| f64::from(example[i])).sum::<f64>() / width as f64;
        example.iter_mut().for_each(|x| *x -= mean as f32);
        let square = |&i: &usize| f64::from(example[i]) * f64::from(example[i]);
        let norm = planes.iter().map(square).sum::<f64>().sqrt() / 55.0;
        if norm >= 1e-8 {
            example.iter_mut().for_each(|x| *x /= norm as f32);
        }
    }
    numbers
}

/// Shape and classes of what a source usually holds.
pub fn usual(config: &config::Data) -> (Shape, usize) {
    let grey = |side| Shape { channels: 1, height: side, width: side };
    let point = |channels| Shape { channels, height: 1, width: 1 };
    match config.source {
        Source::Digits | Source::Idx => (grey(28), 10),
        Source::Stacked => (Shape { channels: config.stack, ..grey(28) }, 0),
        Source::Ring => (point(2), 8),
        Source::Grid => (point(2), 25),
        Source::Line => (point(1), 2),
        Source::Cifar10 => (Shape { channels: 3, ..grey(32) }, 10),
        Source::Tfd => (grey(48), 0),
        Source::Folder | Source::Auto => {
            let channels = if config.channels == 1 { 1 } else { 3 };
            (Shape { channels, ..grey(config.size) }, 0)
        }
    }
}

/// Bytes of the data that a configuration has made rather than read: training examples, and a tenth as many each for
/// validation and testing.
fn made(config: &config::Data) -> usize {
    let number = match (config.source, config.scale) {
        (Source::Ring | Source::Grid | Source::Line, _) => size_of::<f32>(),
        (Source::Digits | Source::Stacked, Scale::Gcn) => size_of::<u8>() + 2 * size_of::<f32>(),
        (Source::Digits | Source::Stacked, _) => size_of::<u8>(),
        _ => return 0,
    };
    let examples = config.count + 2 * config.count.div_ceil(10);
    number * examples * usual(config).0.len()
}

/// Loads what a configuration asks for. `seed` makes the built-in sources.
///
/// # Errors
/// When a path is missing, a file damaged, or a split asks for more than there is: the message names file,
/// offset, what was expected and what to do.
pub fn load(config: &config::Data, seed: u64) -> Result<Dataset> {
    let at = |path: &Path| path.display().to_string();
    memory_budget::check("the host", made(config), memory_budget::OF_MADE_DATA)?;
    let (data, whence) = match (config.source, &config.path) {
        (Source::Digits, _) => (digits::load(config.count, seed), "digits".into()),
        (Source::Line, _) => (toy::load(&toy::LINE, config.count, seed), "line".into()),
        (Source::Ring, _) => (toy::load(&toy::RING, config.count, seed), "ring".into()),
        (Source::Grid, _) => (toy::load(&toy::GRID, config.count, seed), "grid".into()),
        (source, None) => return Err(missing(source)),
        (_, Some(path)) if !path.exists() => return Err(gone(path)),
        (Source::Auto, Some(path)) => {
            return load(&config::Data { source: detect::source(path)?, ..config.clone() }, seed);
        }
        (Source::Folder, Some(path)) => (folder::load(path, config)?, at(path)),
        (source, Some(path)) => {
            let data = match source {
                Source::Stacked => stacked::load(path, config.stack, config.count, seed),
                Source::Cifar10 => cifar10::load(path),
                Source::Tfd => tfd::load(path, config.fold),
                _ => idx::load(path),
            };
            (data.map_err(|e| or_pictures(e, path))?, at(path))
        }
    };
    let data = match config.source {
        // Points are the numbers that the network sees.
        Source::Ring | Source::Grid | Source::Line => data,
        _ => data.scaled(config.scale),
    };
    Ok(data.split(config, &whence)?.hold_out(config.hold_out))
}

/// That nothing lies at a path.
pub(crate) fn gone(path: &Path) -> Error {
    Error::Data(format!("{}: no such file or folder", path.display()))
}

/// [`load`] for a run that has loaded them before: where they are gone, the error says how to tell where they lie now.
///
/// # Errors
/// When [`load`] fails.
pub fn load_again(config: &config::Data, seed: u64) -> Result<Dataset> {
    let gone = config.path.as_ref().is_some_and(|path| !path.exists());
    load(config, seed).map_err(|e| match e {
        Error::Data(why) if gone => Error::Data(why + MOVED),
        other => other,
    })
}

/// What to add where data lie no more where a run found them.
pub(crate) const MOVED: &str = "; --data says where the data lie now";

/// The error of a reader of other files, with what reads `path` where it holds pictures.
fn or_pictures(error: Error, path: &Path) -> Error {
    let Error::Data(why) = error else { return error };
    match detect::source(path) {
        Ok(Source::Folder) => Error::Data(format!(
            "{why}; a folder of pictures goes with another recipe: gansaku train --data {}",
            typed(path)
        )),
        _ => Error::Data(why),
    }
}

fn missing(source: Source) -> Error {
    let what = match source {
        Source::Idx | Source::Stacked => {
            "a folder with MNIST's four IDX files (plain or .gz, flat or as torchvision lays them out)"
        }
        Source::Cifar10 => "a folder with CIFAR-10's binary version (data_batch_1.bin …)",
        Source::Tfd => "TFD_48x48.mat or TFD_96x96.mat, or the folder that holds it",
        _ => "a folder of PNG or JPEG files",
    };
    Error::Data(format!("this recipe needs data: --data PATH, {what}; `gansaku train digits` needs none"))
}
