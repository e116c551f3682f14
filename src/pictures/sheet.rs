//! Sheets: pictures of samples for people to look at, as near to a square as they come, enlarged by whole factors, and
//! those of several classes in rows with a name beside each.

use super::{GAP, GAP_SHADE, Picture, channels, font, grid_of, put};
use crate::data::Shape;

/// Pixels that an example is enlarged to, about, and a sheet at most.
const TILE: usize = 256;
const WHOLE: usize = 1600;
/// Pixels an example has, about, where an arrangement is chosen before its scale.
const ARRANGED: usize = 64;
/// Letters of a caption, at most, its scale, its shade, and pixels between it and the examples.
pub const LETTERS: usize = 16;
const LETTER: usize = 3;
const LETTER_SHADE: u8 = 210;
const MARGIN: usize = 8;

/// Examples of one class, in a sheet of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands beside them.
    pub caption: String,
    /// How many there are.
    pub count: usize,
}

/// What is written beside a class: its name, or its number where the name is too long or not of letters that can be drawn.
pub fn caption(name: &str, number: usize) -> String {
    if name.len() <= LETTERS && font::draws(name) { name.to_string() } else { number.to_string() }
}

/// The whole factor that examples are enlarged by: to [`TILE`] or so, where `columns` of them beside `left` pixels, and
/// `rows`, stay within [`WHOLE`].
pub fn scale(shape: Shape, [columns, rows]: [usize; 2], left: usize) -> usize {
    let side = shape.width.max(shape.height).max(1);
    let comfortable = (TILE + side / 2) / side;
    let fits =
        |across: usize, count: usize, room: usize| (room / count.max(1)).saturating_sub(GAP) / across.max(1);
    let wide = fits(shape.width, columns, WHOLE.saturating_sub(left + GAP));
    let high = fits(shape.height, rows, WHOLE - GAP);
    comfortable.min(wide).min(high).max(1)
}

/// Columns in which `count` examples come nearest to a square, the emptier of two alike last.
pub fn columns(shape: Shape, count: usize) -> usize {
    let whole = |columns: usize| {
        let rows = count.div_ceil(columns);
        ((columns * shape.width).max(rows * shape.height), columns * rows, rows)
    };
    (1..=count).min_by_key(|&columns| whole(columns)).unwrap_or(1)
}

/// Examples in [`columns`], enlarged by `factor`, or as [`scale`] says.
pub fn sheet(unit: &[f32], shape: Shape, factor: Option<usize>) -> Picture {
    let count = unit.len() / shape.len();
    let columns = columns(shape, count);
    let own = || scale(shape, [columns, count.div_ceil(columns)], 0);
    grid_of(unit, shape, columns, factor.unwrap_or_else(own))
}

/// How blocks stand: one below the other, in one panel or several side by side.
#[derive(Debug, Clone, Copy)]
struct Arrangement {
    /// Panels, and blocks in each but the last.
    panels: usize,
    blocks: usize,
    /// Examples a row.
    columns: usize,
    /// Pixels of the widest caption with its margins.
    left: usize,
}

impl Arrangement {
    /// The arrangement nearest to a square: one row a class wherever that is one.
    fn of(shape: Shape, blocks: &[Block]) -> Arrangement {
        let letters = blocks.iter().map(|b| b.caption.len()).max().unwrap_or(0);
        let left = caption_width(letters);
        let most = blocks.iter().map(|b| b.count).max().unwrap_or(1).max(1);
        let zoom = ARRANGED.div_ceil(shape.width.max(shape.height));
        let whole = |a: &Arrangement| {
            let rows = a.blocks * most.div_ceil(a.columns);
            let width = a.panels * (a.left + a.columns * (shape.width * zoom + GAP));
            let height = rows * (shape.height * zoom + GAP);
            (width.max(height), width * height)
        };
        let panels = (1..=blocks.len()).flat_map(|panels| {
            let high = blocks.len().div_ceil(panels);
            (1..=most).map(move |columns| Arrangement { panels, blocks: high, columns, left })
        });
        panels.min_by_key(whole).unwrap_or(Arrangement { panels: 1, blocks: 1, columns: 1, left })
    }
}

/// Examples of several classes, one class after the other as `blocks` says, each with its caption at the left of its first
/// row; enlarged by `factor`, or as [`scale`] says.
pub fn by_class(unit: &[f32], shape: Shape, blocks: &[Block], factor: Option<usize>) -> Picture {
    let arrangement @ Arrangement { panels, columns, left, .. } = Arrangement::of(shape, blocks);
    let rows_of = |block: &Block| block.count.div_ceil(columns);
    let columned: Vec<&[Block]> = blocks.chunks(arrangement.blocks.max(1)).collect();
    let rows = columned.iter().map(|panel| panel.iter().map(rows_of).sum()).max().unwrap_or(1);
    let zoom = factor.unwrap_or_else(|| scale(shape, [panels * columns, rows], panels * left));
    let cell = [shape.width * zoom + GAP, shape.height * zoom + GAP];
    let panel_width = left + columns * cell[0];
    let mut picture =
        Picture::filled(columned.len() * panel_width + GAP, rows * cell[1] + GAP, channels(shape), GAP_SHADE);
    let mut examples = unit.chunks_exact(shape.len());
    for (panel, blocks) in columned.iter().enumerate() {
        let mut row = 0;
        for block in *blocks {
            let corner = [panel * panel_width, GAP + row * cell[1]];
            write_caption(&mut picture, &block.caption, corner, cell[1] - GAP);
            for (i, example) in examples.by_ref().take(block.count).enumerate() {
                let at = [corner[0] + left + i % columns * cell[0], corner[1] + i / columns * cell[1]];
                put(&mut picture, example, shape, at, zoom);
            }
            row += rows_of(block);
        }
    }
    picture
}

/// Pixels that a caption of so many letters takes with its margins.
pub(super) fn caption_width(letters: usize) -> usize {
    font::size(letters, LETTER)[0] + 2 * MARGIN
}

/// A grid of `headings.len()` columns, or of several such groups side by side, with what each column holds above it and a line
/// between groups.
pub fn headed(grid: &Picture, headings: &[&str], groups: usize) -> Picture {
    let columns = (headings.len() * groups).max(1);
    let pitch = (grid.width - GAP) / columns;
    let letters = headings.iter().map(|heading| heading.len()).max().unwrap_or(0);
    let zoom = (1..LETTER).rev().find(|&zoom| font::size(letters, zoom)[0] <= pitch).unwrap_or(1);
    let top = font::size(1, zoom)[1] + MARGIN;
    let mut picture = Picture::filled(grid.width, top + grid.height, grid.channels, GAP_SHADE);
    picture.pixels[top * grid.width * grid.channels..].copy_from_slice(&grid.pixels);
    for (column, heading) in headings.iter().cycle().take(columns).enumerate() {
        let left = GAP + column * pitch;
        let across = (pitch - GAP).saturating_sub(font::size(heading.len(), zoom)[0]) / 2;
        font::write(&mut picture, heading, [left + across, MARGIN / 2], zoom, LETTER_SHADE);
        if column > 0 && column % headings.len() == 0 {
            for row in picture.pixels.chunks_exact_mut(grid.width * grid.channels) {
                row[(left - GAP + 1) * grid.channels..(left - 1) * grid.channels].fill(LETTER_SHADE);
            }
        }
    }
    picture
}

/// Writes a caption beside a row of this height, in smaller letters where it is low.
pub(super) fn write_caption(picture: &mut Picture, caption: &str, [x, y]: [usize; 2], height: usize) {
    let zoom = if font::size(1, LETTER)[1] <= height { LETTER } else { 1 };
    let down = height.saturating_sub(font::size(1, zoom)[1]) / 2;
    if font::size(1, zoom)[1] <= height {
        font::write(picture, caption, [x + MARGIN, y + down], zoom, LETTER_SHADE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGIT: Shape = Shape { channels: 1, height: 28, width: 28 };

    #[test]
    fn columns_have_headings_and_groups_a_line_between() {
        let grid = grid_of(&[1.0; 784 * 8], DIGIT, 4, 2);
        let picture = headed(&grid, &["in", "truth"], 2);
        let top = picture.height - grid.height;
        assert!(picture.width == grid.width && (8..40).contains(&top), "{top}");
        assert_eq!(picture.pixels[top * grid.width..][2 * 60 + 4..][..50], grid.pixels[2 * 60 + 4..][..50]);
        let lit = |x: usize| (0..top).any(|y| picture.pixels[y * grid.width + x] == LETTER_SHADE);
        for column in 0..4 {
            assert!((0..56).any(|x| lit(4 + column * 60 + x)), "a heading above column {column}");
        }
        let line = |x: usize| (0..picture.height).all(|y| picture.pixels[y * grid.width + x] == LETTER_SHADE);
        assert!(line(2 * 60 + 1) && !line(60 + 1) && !line(3 * 60 + 1), "between the groups alone");
    }

    fn blocks(counts: &[usize]) -> Vec<Block> {
        let block = |(i, &count): (usize, &usize)| Block { caption: format!("class {i}"), count };
        counts.iter().enumerate().map(block).collect()
    }

    #[test]
    fn sheets_are_nearly_square_and_of_a_size_to_look_at() {
        let wide = Shape { channels: 1, height: 10, width: 40 };
        let found = [1, 2, 3, 7, 20, 100, 1_000].map(|count| columns(DIGIT, count));
        assert_eq!(found, [1, 2, 2, 3, 5, 10, 32]);
        assert_eq!(columns(wide, 16), 2, "two by eight of these are a square");
        // One of 28 pixels comes nearest to 256 at 9, a hundred of them fill 1,600 at 5.
        assert_eq!([[1, 1], [10, 10], [100, 100]].map(|grid| scale(DIGIT, grid, 0)), [9, 5, 1]);
        let picture = sheet(&[0.0; 784 * 3], DIGIT, None);
        assert_eq!((picture.width, picture.height), (2 * 256 + 4, 2 * 256 + 4));
        assert_eq!(sheet(&[0.0; 784], DIGIT, Some(1)).width, 28 + 8);
    }

    #[test]
    fn classes_have_a_row_each_where_that_is_nearly_a_square() {
        for (counts, rows) in [(&[10; 10][..], 10), (&[34, 33, 33], 12), (&[1; 100], 17)] {
            let all = blocks(counts);
            let picture = by_class(&vec![0.0; 784 * 100], DIGIT, &all, Some(2));
            assert_eq!((picture.height - GAP) / (56 + GAP), rows, "{counts:?}");
            let ratio = picture.width as f64 / picture.height as f64;
            assert!((0.5..2.5).contains(&ratio), "{counts:?}: {} × {}", picture.width, picture.height);
        }
    }

    #[test]
    fn every_example_stands_beside_its_caption() {
        let shape = Shape { channels: 1, height: 40, width: 40 };
        let unit: Vec<f32> = [0.25, 0.5, 1.0].into_iter().flat_map(|x| vec![x; 1600]).collect();
        let two = [Block { caption: "sea".into(), count: 1 }, Block { caption: "l".into(), count: 2 }];
        let picture = by_class(&unit, shape, &two, Some(1));
        let left = font::size(3, LETTER)[0] + 2 * MARGIN;
        let at = |column: usize, row: usize| {
            picture.pixels[(row * 44 + 20) * picture.width + left + column * 44 + 20]
        };
        assert_eq!([at(0, 0), at(1, 0), at(0, 1), at(1, 1)], [64, GAP_SHADE, 128, 255]);
        // Letters in both rows, of three in the first and of one in the second.
        let ink = |row: usize| {
            let lines = picture.pixels.chunks(picture.width).skip(4 + row * 44).take(40);
            lines.flat_map(|line| &line[..left]).filter(|&&p| p == LETTER_SHADE).count()
        };
        assert!(ink(0) > 2 * ink(1) && ink(1) > 0);
        assert_eq!([caption("sea", 3), caption("海", 3), caption(&"x".repeat(17), 3)], ["sea", "3", "3"]);
    }
}
