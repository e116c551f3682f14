//! The shape of an example, and the order of its numbers.
//!
//! In memory a picture is interleaved, `[height, width, channels]`, as the graph has it; files and arrays that people
//! read keep planes, `[channels, height, width]`. [`Shape::in_memory`] is the one map between the two. Grey pictures and
//! points are the same in both.

use std::fmt;

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

    /// Whether planes and interleaved pixels are in one order.
    pub fn is_of_one_order(&self) -> bool {
        self.channels == 1 || self.is_point()
    }

    /// Where number `i` of an example in planes, `[channels, height, width]`, lies in memory,
    /// `[height, width, channels]`.
    pub fn in_memory(&self, i: usize) -> usize {
        let area = self.height * self.width;
        i % area * self.channels + i / area
    }

    /// Examples interleaved, `[examples, height, width, channels]`, of such in planes,
    /// `[examples, channels, height, width]`.
    pub fn interleaved<T: Copy>(&self, planes: &[T]) -> Vec<T> {
        self.each(planes, |from, to| (0..from.len()).for_each(|i| to[self.in_memory(i)] = from[i]))
    }

    /// Examples in planes, `[examples, channels, height, width]`, of interleaved ones: undoes [`Shape::interleaved`].
    pub fn planes<T: Copy>(&self, interleaved: &[T]) -> Vec<T> {
        self.each(interleaved, |from, to| (0..from.len()).for_each(|i| to[i] = from[self.in_memory(i)]))
    }

    fn each<T: Copy>(&self, from: &[T], reorder: impl Fn(&[T], &mut [T])) -> Vec<T> {
        let mut to = from.to_vec();
        if !self.is_of_one_order() {
            let examples = from.chunks_exact(self.len()).zip(to.chunks_exact_mut(self.len()));
            examples.for_each(|(from, to)| reorder(from, to));
        }
        to
    }
}

impl From<[usize; 3]> for Shape {
    /// The shape of these channels, height and width.
    fn from([channels, height, width]: [usize; 3]) -> Shape {
        Shape { channels, height, width }
    }
}

impl From<usize> for Shape {
    /// The shape of a point of so many numbers.
    fn from(numbers: usize) -> Shape {
        Shape { channels: numbers, height: 1, width: 1 }
    }
}

/// Examples of it, for people: "grey pictures of 28×28 pixels".
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Shape { channels, height, width } = self;
        match (self.is_point(), channels) {
            (true, 1) => write!(f, "single numbers"),
            (true, _) => write!(f, "points of {channels} numbers"),
            (false, 1) => write!(f, "grey pictures of {width}×{height} pixels"),
            (false, 3) => write!(f, "colour pictures of {width}×{height} pixels"),
            (false, _) => {
                write!(f, "pictures of {width}×{height} pixels in {channels} channels, drawn by their first")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_interleaved_pixels_undo_each_other() {
        let shape = Shape { channels: 3, height: 2, width: 2 };
        let planes: Vec<usize> = (0..24).collect();
        let interleaved = shape.interleaved(&planes);
        assert_eq!(interleaved[..12], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert_eq!(interleaved[12..15], [12, 16, 20], "the second example");
        assert_eq!(shape.planes(&interleaved), planes);
        for same in [Shape { channels: 1, ..shape }, Shape::from(4)] {
            assert_eq!(same.interleaved(&planes), planes);
            assert!((0..4).all(|i| same.in_memory(i) == i));
        }
    }
}
