//! Pictures: grids of samples, plots of points, PNG bytes, arrays, animations. Equal numbers make equal bytes.

mod animation;
mod display;
mod font;
mod points;
pub mod resize;
mod rows;
mod sheet;
mod table;

pub use animation::gif;
pub use display::{Display, columns};
pub use points::Points;
pub use rows::rows;
pub use sheet::{Block, caption};
pub use table::TableRow;

use crate::data::Shape;

/// Grey or colour pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 grey or 3 colour.
    pub channels: usize,
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

/// Grids are enlarged until an example has at least this many pixels a side.
const COMFORTABLE: usize = 56;
/// Pixels between examples, and their shade.
const GAP: usize = 4;
const GAP_SHADE: u8 = 40;

impl Picture {
    fn filled(width: usize, height: usize, channels: usize, shade: u8) -> Picture {
        Picture { width, height, channels, pixels: vec![shade; width * height * channels] }
    }

    /// The pixels in three channels.
    pub fn rgb(&self) -> Vec<u8> {
        match self.channels {
            1 => self.pixels.iter().flat_map(|&p| [p; 3]).collect(),
            _ => self.pixels.clone(),
        }
    }

    /// The bytes of a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (width, height) = (self.width as u32, self.height as u32);
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(if self.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        let written = encoder.write_header().and_then(|mut w| w.write_image_data(&self.pixels));
        written.expect("pixels fill the picture and memory takes them");
        bytes
    }
}

fn shade(x: f32) -> u8 {
    (x.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// One example, `[height, width, channels]` in [0, 1], as it is.
pub fn single(unit: &[f32], shape: Shape) -> Picture {
    let mut picture = Picture::filled(shape.width, shape.height, channels(shape), 0);
    put(&mut picture, unit, shape, [0, 0], 1);
    picture
}

fn channels(shape: Shape) -> usize {
    if shape.channels == 3 { 3 } else { 1 }
}

/// Examples in rows of `columns`, small ones enlarged by whole factors.
pub fn grid(unit: &[f32], shape: Shape, columns: usize) -> Picture {
    grid_of(unit, shape, columns, COMFORTABLE.div_ceil(shape.width.max(shape.height)).max(1))
}

/// Examples in rows of `columns`, each number a square of `zoom` pixels.
fn grid_of(unit: &[f32], shape: Shape, columns: usize, zoom: usize) -> Picture {
    let count = unit.len() / shape.len();
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns);
    let cell = [shape.width * zoom + GAP, shape.height * zoom + GAP];
    let mut picture =
        Picture::filled(columns * cell[0] + GAP, rows * cell[1] + GAP, channels(shape), GAP_SHADE);
    for (i, example) in unit.chunks_exact(shape.len()).enumerate() {
        let at = [GAP + i % columns * cell[0], GAP + i / columns * cell[1]];
        put(&mut picture, example, shape, at, zoom);
    }
    picture
}

/// Draws an example with its corner at `x, y`, each number a square of `zoom` pixels.
fn put(picture: &mut Picture, unit: &[f32], shape: Shape, [x, y]: [usize; 2], zoom: usize) {
    for row in 0..shape.height * zoom {
        for column in 0..shape.width * zoom {
            let from = (row / zoom * shape.width + column / zoom) * shape.channels;
            let to = ((y + row) * picture.width + x + column) * picture.channels;
            for channel in 0..picture.channels {
                picture.pixels[to + channel] = shade(unit[from + channel]);
            }
        }
    }
}

/// Side of a plot in pixels, and its margin.
const PLOT: usize = 640;
const MARGIN: f32 = 24.0;
const INK: [f32; 3] = [28.0, 84.0, 168.0];

/// Sides of a point in pixels: where there are many, and up to this many points.
const SPECK: usize = 2;
const DOT: usize = 6;
const FEW: usize = 200;

/// Points of two numbers (the first two of more) on white, darker where many lie, axes through the origin, inside a
/// frame from −`reach` to `reach`; what lies beyond is drawn at its edge. Without a `reach` the points say how far it
/// goes. Single numbers are a histogram.
pub fn plot(points: &[f32], dimensions: usize, reach: Option<f32>) -> Picture {
    if dimensions == 1 {
        return histogram(points, reach);
    }
    let mut picture = Picture::filled(PLOT, PLOT, 3, 255);
    let finite = points.chunks_exact(dimensions).map(|p| [p[0], *p.get(1).unwrap_or(&0.0)]);
    let points: Vec<[f32; 2]> = finite.filter(|p| p.iter().all(|x| x.is_finite())).collect();
    let reach = reach.unwrap_or_else(|| around(points.iter().flatten().copied()));
    let place = |x: f32| {
        (MARGIN + ((x / reach).clamp(-1.0, 1.0) * 0.5 + 0.5) * (PLOT as f32 - 2.0 * MARGIN)) as usize
    };
    let [low, middle, high] = [-reach, 0.0, reach].map(place);
    for line in [low, middle, high] {
        for i in low..=high {
            for at in [line * PLOT + i, i * PLOT + line] {
                picture.pixels[at * 3..at * 3 + 3].fill(222);
            }
        }
    }
    let side = if points.len() > FEW { SPECK } else { DOT };
    for [x, y] in points {
        // The margin holds the whole of a point at the frame's edge.
        let (left, top) = (place(x) + 1 - side / 2, PLOT - place(y) - side / 2);
        for (row, column) in (top..top + side).flat_map(|row| (left..left + side).map(move |c| (row, c))) {
            let at = (row * PLOT + column) * 3;
            for (pixel, ink) in picture.pixels[at..at + 3].iter_mut().zip(INK) {
                *pixel = (f32::from(*pixel) * 0.6 + ink * 0.4) as u8;
            }
        }
    }
    picture
}

/// Bars of a histogram.
const BARS: usize = 80;

/// How many of the numbers lie where, between −`reach` and `reach`, as [`plot`] has it; the highest bar fills the
/// height.
fn histogram(numbers: &[f32], reach: Option<f32>) -> Picture {
    let mut picture = Picture::filled(PLOT, PLOT, 3, 255);
    let finite = numbers.iter().copied().filter(|x| x.is_finite());
    let reach = reach.unwrap_or_else(|| around(finite.clone()));
    let mut counts = [0usize; BARS];
    for x in finite {
        counts[(((x / reach * 0.5 + 0.5) * BARS as f32) as usize).min(BARS - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let (margin, inside) = (MARGIN as usize, PLOT - 2 * MARGIN as usize);
    for row in 0..PLOT {
        for column in 0..PLOT {
            let bar = column.checked_sub(margin).map(|c| c * BARS / inside).filter(|&b| b < BARS);
            let height = bar.map_or(0, |b| counts[b] * inside / most);
            let at = (row * PLOT + column) * 3;
            if row < PLOT - margin && row >= PLOT - margin - height {
                INK.iter().enumerate().for_each(|(i, &ink)| picture.pixels[at + i] = ink as u8);
            } else if row == PLOT - margin || column == PLOT / 2 {
                picture.pixels[at..at + 3].fill(222);
            }
        }
    }
    picture
}

/// How far a plot goes that shows all of these: the next of 1.25, 2.5, 5 × a power of ten, so that pictures of one run
/// keep one scale for long.
fn around(numbers: impl Iterator<Item = f32>) -> f32 {
    let greatest = 1.02 * numbers.fold(0.0f32, |m, x| m.max(x.abs()));
    let decade = 10f32.powf(greatest.max(1e-6).log10().floor());
    [1.25, 2.5, 5.0, 10.0].into_iter().map(|m| m * decade).find(|&r| r >= greatest).unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_holds_each_example_at_its_place() {
        let shape = Shape { channels: 1, height: 56, width: 56 };
        let unit: Vec<f32> = [0.0, 0.5, 1.0].into_iter().flat_map(|x| vec![x; 56 * 56]).collect();
        let picture = grid(&unit, shape, 2);
        assert_eq!((picture.width, picture.height), (2 * 60 + 4, 2 * 60 + 4));
        let at = |x: usize, y: usize| picture.pixels[y * picture.width + x];
        assert_eq!([at(0, 0), at(4, 4), at(64, 4), at(4, 64), at(64, 64)], [40, 0, 128, 255, 40]);
    }

    #[test]
    fn colour_examples_come_out_in_colour() {
        let shape = Shape { channels: 3, height: 1, width: 1 };
        assert_eq!(single(&[1.0, 0.5, 0.0], shape).pixels, [255, 128, 0]);
        // Two pixels of two channels are drawn by the first.
        let two = Shape { channels: 2, height: 1, width: 2 };
        assert_eq!(single(&[1.0, 0.5, 0.0, 0.2], two).pixels, [255, 0]);
    }

    #[test]
    fn single_numbers_are_a_histogram() {
        // Nine of ten at −1.1, one at 1.1, each inside its bar; the scale ends at ±1.25.
        let numbers: Vec<f32> =
            (0..100).map(|i| if i % 10 == 0 { 1.1 } else { -1.1 }).chain([f32::NAN]).collect();
        let picture = plot(&numbers, 1, None);
        let inked = |x: f32| {
            let column = (MARGIN + (x / 2.5 + 0.5) * (PLOT as f32 - 2.0 * MARGIN)) as usize;
            (0..PLOT).filter(|row| picture.pixels[(row * PLOT + column) * 3] == INK[0] as u8).count()
        };
        assert_eq!((inked(-1.1), inked(0.5)), (PLOT - 48, 0));
        assert_eq!(inked(1.1), (PLOT - 48) / 9);
    }

    #[test]
    fn plots_bear_points_far_off_and_not_numbers() {
        let wild = [0.0, 0.0, 1e6, f32::NAN, 3.0, -4.0, f32::MAX, f32::MIN];
        for reach in [None, Some(1.5)] {
            let picture = plot(&wild, 2, reach);
            assert_eq!(picture.pixels.len(), PLOT * PLOT * 3);
            assert!(picture.pixels.iter().any(|&p| p < 200));
        }
    }

    #[test]
    fn plots_of_one_reach_have_one_scale_and_show_at_the_edge_what_lies_beyond() {
        let inked = |points: &[f32], [column, row]: [usize; 2]| {
            plot(points, 2, Some(2.0)).pixels[(row * PLOT + column) * 3] < 200
        };
        let quarter = 148;
        let half = [320 + quarter, 320 - quarter];
        assert!(inked(&[1.0, 1.0], half) && inked(&[1.0, 1.0, 50.0, -0.1], half));
        assert!(inked(&[50.0, 1.0], [PLOT - 24, half[1]]) && !inked(&[50.0, 1.0], half));
        assert!(inked(&[-1.0, -50.0], [320 - quarter, PLOT - 24]));
    }
}
