//! Data sets: readers for the formats people have, and sources that need no file.
//!
//! A reader turns files into one [`Dataset`] in memory. It never draws minibatches: executors do, from
//! these arrays.

mod arrays;
mod cifar10;
mod classes;
pub mod colour;
mod demands;
mod detect;
pub mod digits;
mod domains;
mod file;
mod held_out;
pub mod identity;
mod idx;
mod load;
mod mat5;
pub mod npy;
mod padded;
mod picture_set;
mod shape;
pub mod shuffle;
mod splits;
mod stacked;
mod tfd;
pub mod toy;

pub use classes::Classes;
pub use detect::source as detect;
pub(crate) use file::gone;
pub use held_out::Pairs;
pub(crate) use load::MOVED;
pub use load::{load, load_again, usual};
pub use picture_set::whole::{Photo, Photos};
pub use shape::Shape;

use std::ops::Range;

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
    /// Domain A, which a translation starts from; this data set is then domain B, its target. None where there is one
    /// domain only.
    pub origin: Option<Box<Origin>>,
}

/// Domain A of two domains: the pictures that a translation starts from. They have the shape of domain B's.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Examples of domain A; they have no origin of their own.
    pub data: Dataset,
    /// Which splits are pairs.
    pub paired: Paired,
    /// Why the training examples are no pairs: "trainA/7.png has no partner in trainB". None where they are, or where
    /// nothing was to be paired.
    pub unpaired: Option<String>,
}

/// Splits of two domains that are pairs: example i of the one domain belongs to example i of the other, and both have as
/// many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paired {
    /// Pairs for training.
    pub train: bool,
    /// Pairs for choosing.
    pub valid: bool,
    /// Pairs for measuring.
    pub test: bool,
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
    /// The data set of a number: 0 is this one, 1 its origin.
    ///
    /// # Panics
    /// When there is no origin: models that read one have demanded it.
    pub fn set(&self, number: u8) -> &Dataset {
        match number {
            0 => self,
            _ => &self.origin.as_ref().expect("a model of two domains has data of two").data,
        }
    }

    /// This data set, and its origin where there is one.
    pub fn sets(&self) -> impl Iterator<Item = &Dataset> {
        std::iter::once(self).chain(self.origin.iter().map(|origin| &origin.data))
    }

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
            origin: None,
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
}
