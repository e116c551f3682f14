//! Rows of examples in which a place may be empty, each row with a caption at its left.

use super::{GAP, GAP_SHADE, Picture, channels, put, sheet};
use crate::data::Shape;

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// What stands beside it; empty where nothing does.
    pub caption: String,
    /// Examples `[numbers]`; none where a place stays empty.
    pub cells: Vec<Option<Vec<f32>>>,
}

/// Rows of examples in [0, 1], enlarged by `factor`, or as [`sheet::scale`] says.
pub(super) fn table(rows: &[TableRow], shape: Shape, factor: Option<usize>) -> Picture {
    let letters = rows.iter().map(|row| row.caption.len()).max().unwrap_or(0);
    let left = if letters == 0 { 0 } else { sheet::caption_width(letters) };
    let columns = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).max(1);
    let zoom = factor.unwrap_or_else(|| sheet::scale(shape, [columns, rows.len()], left));
    let cell = [shape.width * zoom + GAP, shape.height * zoom + GAP];
    let size = [left + columns * cell[0] + GAP, rows.len() * cell[1] + GAP];
    let mut picture = Picture::filled(size[0], size[1], channels(shape), GAP_SHADE);
    for (at, row) in rows.iter().enumerate() {
        let top = GAP + at * cell[1];
        sheet::write_caption(&mut picture, &row.caption, [0, top], cell[1] - GAP);
        for (column, example) in row.cells.iter().enumerate() {
            if let Some(example) = example {
                put(&mut picture, example, shape, [left + GAP + column * cell[0], top], zoom);
            }
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_places_stay_empty_and_captions_stand_at_the_left() {
        let shape = Shape { channels: 1, height: 12, width: 12 };
        let one = |shade: f32| Some(vec![shade; 144]);
        let row = |caption: &str, cells| TableRow { caption: caption.into(), cells };
        let bare = table(&[row("", vec![None, one(1.0)]), row("", vec![one(0.0)])], shape, Some(1));
        assert_eq!([bare.width, bare.height], [2 * 16 + 4, 2 * 16 + 4]);
        let at = |p: &Picture, x: usize, y: usize| p.pixels[y * p.width + x];
        assert_eq!([at(&bare, 8, 8), at(&bare, 24, 8), at(&bare, 8, 24)], [GAP_SHADE, 255, 0]);
        let told = table(&[row("ab", vec![one(1.0)])], shape, Some(1));
        let left = told.width - 20;
        assert!(left > 12 && at(&told, left + 8, 8) == 255);
        assert!(told.pixels.chunks(told.width).any(|line| line[..left].iter().any(|&p| p > GAP_SHADE)));
    }
}
