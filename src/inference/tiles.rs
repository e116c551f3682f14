//! Mirrored edges, and tiles that overlap.

use super::image::Image;
use crate::data::Shape;

/// Share of a tile that overlaps with the next, at least.
const OVERLAP: usize = 4;

/// Top and left of tiles of a size that cover a picture, row by row, neighbours overlapping by a quarter or more.
pub fn over(size: [usize; 2], tile: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    let [tops, lefts] = [0, 1].map(|axis| starts(size[axis], tile[axis]));
    tops.into_iter().flat_map(move |top| lefts.clone().into_iter().map(move |left| [top, left]))
}

/// Starts of tiles along an axis, the last one at its end.
fn starts(length: usize, tile: usize) -> Vec<usize> {
    let stride = (tile - tile / OVERLAP).max(1);
    let count = (length - tile).div_ceil(stride) + 1;
    (0..count).map(|i| (i * stride).min(length - tile)).collect()
}

/// A picture put together of tiles: where they overlap, the mean by how far from its tile's edge each is.
pub struct Blend {
    shape: Shape,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl Blend {
    /// Nothing of a picture yet.
    pub fn new(shape: Shape) -> Blend {
        Blend { shape, sums: vec![0.0; shape.len()], weights: vec![0.0; shape.height * shape.width] }
    }

    /// Puts a tile at its place; one that is not `blended` is all of the picture.
    pub fn put(&mut self, tile: &Image, [top, left]: [usize; 2], blended: bool) {
        let Shape { channels, height, width } = tile.shape;
        let weight = |at: usize, length: usize| match blended {
            true => (at + 1).min(length - at).min(length / OVERLAP + 1) as f32,
            false => 1.0,
        };
        for (i, pixel) in tile.numbers.chunks_exact(channels).enumerate() {
            let (row, column) = (i / width, i % width);
            let to = (top + row) * self.shape.width + left + column;
            let weight = weight(row, height) * weight(column, width);
            self.weights[to] += weight;
            let sums = &mut self.sums[to * channels..(to + 1) * channels];
            sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += weight * x);
        }
    }

    /// The picture.
    pub fn finished(self) -> Image {
        let means = self.sums.chunks_exact(self.shape.channels).zip(&self.weights);
        let numbers = means.flat_map(|(sums, weight)| sums.iter().map(move |sum| sum / weight)).collect();
        Image { shape: self.shape, numbers }
    }
}

/// The picture in the middle of a larger one, which is filled with its mirror images; the edge itself is not repeated.
pub fn mirrored(image: &Image, [height, width]: [usize; 2]) -> Image {
    let Shape { channels, height: rows, width: columns } = image.shape;
    let (top, left) = ((height - rows) / 2, (width - columns) / 2);
    let mut numbers = Vec::with_capacity(height * width * channels);
    for row in (0..height).map(|y| reflected(y, top, rows)) {
        for column in (0..width).map(|x| reflected(x, left, columns)) {
            numbers.extend_from_slice(&image.numbers[(row * columns + column) * channels..][..channels]);
        }
    }
    Image { shape: Shape { channels, height, width }, numbers }
}

/// Which of `length` pixels is seen at a place, where the first of them lies at `start`.
fn reflected(place: usize, start: usize, length: usize) -> usize {
    let period = 2 * (length - 1);
    if period == 0 {
        return 0;
    }
    // The first pixel comes again every period; enough of them lie in front.
    let at = (place + start.div_ceil(period) * period - start) % period;
    at.min(period - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(height: usize, width: usize, number: impl Fn(usize) -> f32) -> Image {
        let shape = Shape { channels: 2, height, width };
        Image { shape, numbers: (0..shape.len()).map(number).collect() }
    }

    #[test]
    fn edges_are_mirrored_without_the_edge_itself() {
        let row = |length: usize, start: usize| {
            (0..9).map(|place| reflected(place, start, length)).collect::<Vec<usize>>()
        };
        assert_eq!(row(5, 2), [2, 1, 0, 1, 2, 3, 4, 3, 2]);
        assert_eq!(row(9, 0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(row(2, 4), [0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(row(1, 4), [0; 9]);
        let one = image(2, 3, |i| i as f32);
        let large = mirrored(&one, [4, 3]);
        assert_eq!(large.numbers[..6], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(large.numbers[6..18], one.numbers);
    }

    #[test]
    fn tiles_overlap_and_give_back_what_they_were_cut_of() {
        assert_eq!(starts(64, 64), [0]);
        assert_eq!(starts(100, 64), [0, 36]);
        assert_eq!(starts(200, 64), [0, 48, 96, 136]);
        let whole = image(13, 21, |i| (i * 37 % 101) as f32);
        let mut blend = Blend::new(whole.shape);
        let mut tiles = 0;
        for [top, left] in over([13, 21], [8, 8]) {
            let rows = (0..8).flat_map(|y| &whole.numbers[((top + y) * 21 + left) * 2..][..16]);
            let tile =
                Image { shape: Shape { channels: 2, height: 8, width: 8 }, numbers: rows.copied().collect() };
            blend.put(&tile, [top, left], true);
            tiles += 1;
        }
        assert_eq!(tiles, 2 * 4);
        let found = blend.finished();
        let worst = found.numbers.iter().zip(&whole.numbers).map(|(f, w)| (f - w).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
    }

    #[test]
    fn one_tile_goes_over_into_the_next() {
        // Of two tiles that disagree, the overlap leads from one to the other without a step.
        let mut blend = Blend::new(Shape { channels: 1, height: 8, width: 14 });
        for (shade, left) in [(0.0, 0), (1.0, 6)] {
            let shape = Shape { channels: 1, height: 8, width: 8 };
            blend.put(&Image { shape, numbers: vec![shade; 64] }, [0, left], true);
        }
        let row = &blend.finished().numbers[..14];
        assert!(row[..6].iter().all(|x| *x == 0.0) && row[8..].iter().all(|x| *x == 1.0), "{row:?}");
        assert!(row[6] < row[7] && row[6] > 0.0 && row[7] < 1.0, "{row:?}");
    }
}
