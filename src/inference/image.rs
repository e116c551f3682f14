//! A picture as networks have it.

use crate::data::Shape;

/// A picture in the network's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// What it is.
    pub shape: Shape,
    /// `[height, width, channels]`.
    pub numbers: Vec<f32>,
}

impl Image {
    /// A part of it.
    pub fn cut(&self, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Image {
        let c = self.shape.channels;
        let rows = self.numbers.chunks_exact(self.shape.width * c).skip(top).take(height);
        let numbers = rows.flat_map(|row| &row[left * c..(left + width) * c]).copied().collect();
        Image { shape: Shape { channels: c, height, width }, numbers }
    }
}
