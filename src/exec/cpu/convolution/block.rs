//! Blocks: parts of a picture, copied with zeros around them into memory that the second-level cache holds.

use super::scratch::Buffer;
use super::tile::SLACK;
use crate::lower::Axis;
use crate::precision::round_tf32;
use std::ops::Range;

/// Positions of a block at most, where pictures and rows can be cut there.
const POSITIONS: usize = 128;
/// Numbers of a block at most, where one row of positions leaves the choice: half a megabyte.
pub const BLOCK: usize = 1 << 17;
/// Tasks that a launch is cut into at least, where there are few blocks to cut it by and more strips or taps.
pub const TASKS: usize = 16;

/// A picture to gather from: memory of rows, height, width and channels.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    pub data: &'a [f32],
    /// Elements from one row of the minibatch, of pixels, and from one pixel to the next; channels are contiguous.
    pub strides: [usize; 3],
    /// Rows of the minibatch, height, width, channels.
    pub shape: [usize; 4],
    /// Whether products see these numbers rounded to tf32.
    pub rounds: bool,
}

/// Positions of a block: rows of the minibatch × rows of positions × all columns of positions. In a block, positions lie
/// row by row, in each the minibatch's, so that those that see the same taps of the picture are neighbours.
#[derive(Debug, Clone)]
pub struct Part {
    pub pictures: Range<usize>,
    pub rows: Range<usize>,
}

/// Elements of a block from one picture, row of pixels and pixel to the next.
#[derive(Debug, Clone, Copy)]
pub struct Pitch {
    pub picture: usize,
    pub row: usize,
    pub pixel: usize,
}

/// How positions are cut into parts: a few rows of one picture, or a few whole pictures.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pictures: usize,
    /// Rows of positions of a picture.
    height: usize,
    /// Pictures and rows of a part.
    part: [usize; 2],
}

impl Cut {
    pub fn new(pictures: usize, axes: &[Axis; 2], channels: usize) -> Cut {
        Cut::of_positions(pictures, axes, channels, POSITIONS)
    }

    /// Parts of `positions` or so.
    pub fn of_positions(
        pictures: usize,
        [down, across]: &[Axis; 2],
        channels: usize,
        positions: usize,
    ) -> Cut {
        let width = width(across) * channels;
        let size = |rows: usize| (down.reach(rows) * width).max(1);
        let most = positions.div_ceil(across.count.max(1)).min(down.count);
        let rows = (1..=most).rev().find(|&rows| size(rows) <= BLOCK).unwrap_or(1);
        let together = (positions / (rows * across.count).max(1)).min(BLOCK / size(rows)).max(1);
        let together = if rows == down.count { together } else { 1 };
        Cut { pictures, height: down.count, part: [together, rows] }
    }

    /// Parts.
    pub fn count(&self) -> usize {
        self.pictures.div_ceil(self.part[0]) * self.height.div_ceil(self.part[1])
    }

    /// Part number i.
    pub fn part(&self, i: usize) -> Part {
        let down = self.height.div_ceil(self.part[1]);
        let range = |i: usize, by: usize, end: usize| i * by..end.min((i + 1) * by);
        Part {
            pictures: range(i / down, self.part[0], self.pictures),
            rows: range(i % down, self.part[1], self.height),
        }
    }
}

impl Part {
    /// Pictures, and rows of positions of each.
    pub fn size(&self) -> [usize; 2] {
        [self.pictures.len(), self.rows.len()]
    }

    /// Positions of a row in all the part's pictures.
    pub fn row(&self, across: &Axis) -> usize {
        self.pictures.len() * across.count
    }

    /// Appends where each position begins, in a block with `pitch`, `down` of which are from one row of positions to the next.
    pub fn starts(&self, across: &Axis, pitch: Pitch, down: usize, origin: usize, to: &mut Vec<usize>) {
        for row in 0..self.rows.len() {
            for picture in 0..self.pictures.len() {
                let start = origin + picture * pitch.picture + row * down * pitch.row;
                to.extend((0..across.count).map(|t| start + t * across.stride * pitch.pixel));
            }
        }
    }

    /// Stretches of rows that see the same taps of a picture `height` pixels high, and those taps.
    pub fn stretches(
        &self,
        down: &Axis,
        height: usize,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let (down, rows) = (*down, self.rows.clone());
        let mut next = rows.start;
        std::iter::from_fn(move || {
            let start = (next < rows.end).then_some(next)?;
            let taps = down.inside(start, height);
            next = (start..rows.end).find(|&row| down.inside(row, height) != taps).unwrap_or(rows.end);
            Some((start..next, taps))
        })
    }
}

/// Pixels across that a row of positions sees.
fn width(across: &Axis) -> usize {
    across.count.saturating_sub(1) * across.stride + across.taps
}

impl Picture<'_> {
    /// Copies what a part's positions see, with zeros for the padding and [`SLACK`] behind it.
    pub fn load(&self, part: &Part, [down, across]: &[Axis; 2], to: &mut Buffer) -> Pitch {
        let [_, height, pixels, channels] = self.shape;
        let (high, wide) = (down.reach(part.rows.len()), width(across));
        let pitch = Pitch { picture: high * wide * channels, row: wide * channels, pixel: channels };
        let len = part.pictures.len() * pitch.picture;
        let to = &mut to.numbers(len + SLACK)[..len];
        // Columns of the block before the picture, and pixels of the picture before the block.
        let left = ((-across.from).max(0) as usize).min(wide);
        let skip = (across.from.max(0) as usize).min(pixels);
        let inside = (wide - left).min(pixels - skip) * channels;
        for (i, row) in to.chunks_exact_mut(pitch.row.max(1)).enumerate() {
            let (picture, pixel) = (part.pictures.start + i / high, down.pixel(part.rows.start, i % high));
            let Some(pixel) = usize::try_from(pixel).ok().filter(|&pixel| pixel < height && inside > 0)
            else {
                row.fill(0.0);
                continue;
            };
            let (before, rest) = row.split_at_mut(left * channels);
            let (middle, after) = rest.split_at_mut(inside);
            before.fill(0.0);
            after.fill(0.0);
            let at = picture * self.strides[0] + pixel * self.strides[1] + skip * self.strides[2];
            if self.strides[2] == channels {
                middle.copy_from_slice(&self.data[at..at + inside]);
            } else {
                for (t, to) in middle.chunks_exact_mut(channels).enumerate() {
                    to.copy_from_slice(&self.data[at + t * self.strides[2]..][..channels]);
                }
            }
            if self.rounds {
                middle.iter_mut().for_each(|x| *x = round_tf32(*x));
            }
        }
        pitch
    }
}
