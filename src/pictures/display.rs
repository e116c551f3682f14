//! From a network's numbers to pixels, as the data's scale and shape say.

use super::sheet::{self, Block};
use super::table::{TableRow, table};
use super::{Picture, Points, grid, grid_of, plot, single};
use crate::config::{self, Scale};
use crate::data::Shape;
use crate::data::toy::Mixture;

/// Numbers as the network makes them, `[count, numbers]`, to what people look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Display {
    /// Shape of one example.
    pub shape: Shape,
    /// How stored values became the network's numbers.
    pub scale: Scale,
    /// Plots of points show from minus this to this, all of a run alike; absent where nobody knows where points lie.
    pub reach: Option<f32>,
}

/// Steps of a walk in a row of pictures, and in a plot, where they are to look like a line.
const FRAMES: usize = 10;
const FINE: usize = 1_000;

/// Samples a row of a run's pictures: ten; from a hundred on, as many as make a square.
pub fn columns(count: usize) -> usize {
    if count >= 100 { count.isqrt() } else { 10 }
}

impl Display {
    /// A display of examples of this shape, as these data have them.
    pub fn new(shape: Shape, data: &config::Data) -> Display {
        Display { shape, scale: data.scale, reach: Mixture::of(data.source).map(Mixture::reach) }
    }

    /// Steps from one end of a walk to the other, for [`Display::picture`].
    pub fn frames(&self) -> usize {
        if self.shape.is_point() { FINE } else { FRAMES }
    }

    /// Pixels in [0, 1]; points as they are.
    pub fn unit(&self, numbers: &[f32]) -> Vec<f32> {
        if self.shape.is_point() {
            return numbers.to_vec();
        }
        match self.scale {
            Scale::Unit => numbers.iter().map(|x| x.clamp(0.0, 1.0)).collect(),
            Scale::Signed => numbers.iter().map(|x| (x * 0.5 + 0.5).clamp(0.0, 1.0)).collect(),
            // The brightness that normalisation removed is lost: grey is in the middle, each example's greatest
            // deviation at an end.
            Scale::Gcn => numbers
                .chunks(self.shape.len())
                .flat_map(|example| {
                    let greatest = example.iter().fold(1e-8f32, |m, x| m.max(x.abs()));
                    example.iter().map(move |x| (x / greatest * 0.5 + 0.5).clamp(0.0, 1.0))
                })
                .collect(),
        }
    }

    /// A picture of many: a grid of `columns`, or, of points, a plot.
    pub fn picture(&self, numbers: &[f32], columns: usize) -> Picture {
        if self.shape.is_point() {
            plot(numbers, self.shape.channels, self.reach)
        } else {
            grid(&self.unit(numbers), self.shape, columns)
        }
    }

    /// A grid of pictures, `groups` of them in a row, each of as many as there are headings, which stand above.
    pub fn headed(&self, numbers: &[f32], headings: &[&str], groups: usize) -> Picture {
        sheet::headed(&self.picture(numbers, headings.len() * groups), headings, groups)
    }

    /// The PNG of [`Display::picture`]; a plot of points brings these with it.
    pub fn png(&self, numbers: &[f32], columns: usize) -> Vec<u8> {
        let png = self.picture(numbers, columns).png();
        if self.shape.is_point() { Points::new(numbers, self.shape.channels).into_png(png) } else { png }
    }

    /// A picture of many for people to look at: as near to a square as it comes, or in `columns`, examples enlarged by
    /// `factor`, or to a size to look at; or, of points, a plot.
    pub fn sheet(&self, numbers: &[f32], columns: Option<usize>, factor: Option<usize>) -> Picture {
        if self.shape.is_point() {
            return plot(numbers, self.shape.channels, self.reach);
        }
        let Some(columns) = columns else { return sheet::sheet(&self.unit(numbers), self.shape, factor) };
        let rows = (numbers.len() / self.shape.len()).div_ceil(columns);
        let factor = factor.unwrap_or_else(|| sheet::scale(self.shape, [columns, rows], 0));
        grid_of(&self.unit(numbers), self.shape, columns, factor)
    }

    /// A picture of examples of several classes, one class after the other as `blocks` says; or, of points, a plot.
    pub fn by_class(&self, numbers: &[f32], blocks: &[Block], factor: Option<usize>) -> Picture {
        if self.shape.is_point() {
            return plot(numbers, self.shape.channels, self.reach);
        }
        sheet::by_class(&self.unit(numbers), self.shape, blocks, factor)
    }

    /// Rows of examples, some places empty, with captions.
    pub fn table(&self, rows: &[TableRow], factor: Option<usize>) -> Picture {
        let unit = |row: &TableRow| TableRow {
            caption: row.caption.clone(),
            cells: row.cells.iter().map(|cell| cell.as_ref().map(|numbers| self.unit(numbers))).collect(),
        };
        table(&rows.iter().map(unit).collect::<Vec<_>>(), self.shape, factor)
    }

    /// A picture of one, no border.
    pub fn single(&self, numbers: &[f32]) -> Picture {
        if self.shape.is_point() {
            plot(numbers, self.shape.channels, self.reach)
        } else {
            single(&self.unit(numbers), self.shape)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_come_back_to_pixels() {
        let shape = Shape { channels: 1, height: 1, width: 3 };
        let unit = |scale, x: &[f32]| Display { shape, scale, reach: None }.unit(x);
        assert_eq!(unit(Scale::Unit, &[-0.5, 0.25, 2.0]), [0.0, 0.25, 1.0]);
        assert_eq!(unit(Scale::Signed, &[-1.0, 0.0, 1.0]), [0.0, 0.5, 1.0]);
        assert_eq!(unit(Scale::Gcn, &[-2.0, 0.0, 1.0]), [0.0, 0.5, 0.75]);
    }
}
