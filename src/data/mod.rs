//! Data sets: readers for the formats people have, and sources that need no file.
//!
//! A reader turns files into one [`Dataset`] in memory. It never draws minibatches: the training
//! loop does, from these arrays.

pub mod shuffle;

/// Channels, height and width of one example; a point of d numbers is (d, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// 1 grey, 3 colour, or a point's length.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Numbers an example.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether an example holds no number at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether examples are points to plot rather than pictures.
    pub fn is_point(&self) -> bool {
        self.height == 1 && self.width == 1
    }
}

/// Stored values, `[examples, channels, height, width]` row-major.
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
    /// Their values.
    pub values: Values,
    /// Class of each, when known.
    pub labels: Option<Vec<u8>>,
}

/// A data set in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What it is, for people: "MNIST", "digits (procedural)".
    pub name: String,
    /// Of one example.
    pub shape: Shape,
    /// Number of classes; 0 when unlabelled.
    pub classes: usize,
    /// Multiplies a stored byte: 1/255 in [0, 1], 2/255 in [−1, 1].
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
