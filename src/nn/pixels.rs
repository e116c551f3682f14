//! Pictures along an axis of a parameter: interleaved in memory, in planes in files.
//!
//! A linear layer that reads or makes a picture has its rows or columns in the order of the picture's numbers in memory,
//! `[height, width, channels]`. In files they are in planes, `[channels, height, width]`, which is what PyTorch's `view`
//! flattens to and what files of any version of this program hold. [`Parameter::in_memory_order`] and
//! [`Parameter::in_file_order`] are the only places where the two meet.

use super::tensor::{Parameter, PixelAxis};

impl PixelAxis {
    /// Where index `i` of the axis, as files count, lies in memory.
    fn in_memory(&self, i: usize) -> usize {
        let (block, within) = (i / self.block, i % self.block);
        if within < self.picture.len() { block * self.block + self.picture.in_memory(within) } else { i }
    }
}

impl Parameter {
    /// The parameter as it lies in memory, of numbers whose pictures are in planes; axes stay as they are.
    pub fn in_memory_order(&self, numbers: &[f32]) -> Vec<f32> {
        self.reordered(numbers, |file, memory| (memory, file))
    }

    /// The parameter with its pictures in planes, of numbers as they lie in memory: undoes
    /// [`Parameter::in_memory_order`].
    pub fn in_file_order(&self, numbers: &[f32]) -> Vec<f32> {
        self.reordered(numbers, |file, memory| (file, memory))
    }

    /// `numbers` moved along the axis of pictures; `ways` says to and from which of (index in files, index in memory).
    fn reordered(&self, numbers: &[f32], ways: fn(usize, usize) -> (usize, usize)) -> Vec<f32> {
        let mut to = numbers.to_vec();
        let Some(pixels) = self.pixels.filter(|p| !p.picture.is_of_one_order()) else { return to };
        let along = self.shape[pixels.axis];
        let behind: usize = self.shape[pixels.axis + 1..].iter().product();
        for (to, from) in to.chunks_exact_mut(along * behind).zip(numbers.chunks_exact(along * behind)) {
            for i in 0..along {
                let (there, here) = ways(i, pixels.in_memory(i));
                to[there * behind..][..behind].copy_from_slice(&from[here * behind..][..behind]);
            }
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shape;
    use crate::nn::Start;

    fn parameter(shape: &[usize], axis: usize, block: usize) -> Parameter {
        let picture = Shape { channels: 2, height: 1, width: 3 };
        let pixels = Some(PixelAxis { axis, picture, block });
        Parameter {
            name: "weight".into(),
            shape: shape.to_vec(),
            offset: 0,
            start: Start::Value(0.0),
            stream: String::new(),
            pixels,
            column_limit: 0.0,
        }
    }

    #[test]
    fn labels_behind_the_pixels_of_each_pack_stay() {
        // Two packs of six pixels and a label each, two units.
        let weight = parameter(&[14, 2], 0, 7);
        let file: Vec<f32> = (0..28).map(|i| i as f32).collect();
        let memory = weight.in_memory_order(&file);
        let rows: Vec<f32> = memory.chunks(2).map(|row| row[0] / 2.0).collect();
        assert_eq!(rows, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 7.0, 10.0, 8.0, 11.0, 9.0, 12.0, 13.0]);
        assert!(memory.chunks(2).all(|row| row[1] == row[0] + 1.0), "rows move whole");
        assert_eq!(weight.in_file_order(&memory), file);
    }

    #[test]
    fn columns_of_a_last_layer_and_its_bias_move_alike() {
        let (weight, bias) = (parameter(&[3, 12], 1, 6), parameter(&[12], 0, 6));
        let file: Vec<f32> = (0..36).map(|i| i as f32).collect();
        let memory = weight.in_memory_order(&file);
        let columns = bias.in_memory_order(&file[..12]);
        assert_eq!(columns[..8], [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0], "two pieces, each a picture");
        assert!(
            memory
                .chunks(12)
                .zip([0.0, 12.0, 24.0])
                .all(|(row, at)| { row.iter().zip(&columns).all(|(x, column)| *x == at + column) })
        );
        assert_eq!(weight.in_file_order(&memory), file);
        assert_eq!(Parameter { pixels: None, ..weight }.in_memory_order(&file), file);
    }
}
