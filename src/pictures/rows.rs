//! Pictures of unlike sizes in rows, for people to compare: one row a thing, one column a stage.

use super::{GAP, GAP_SHADE, Picture};

/// Pixels that a small picture is enlarged to, about.
const TILE: usize = 256;

/// Rows of pictures, columns below each other, each picture centred in its place; small ones enlarged by one whole factor.
/// In colour where one of them is.
pub fn rows(rows: &[Vec<Picture>]) -> Picture {
    let all = || rows.iter().flatten();
    let greatest = all().map(|p| p.width.max(p.height)).max().unwrap_or(1);
    let factor = ((TILE + greatest / 2) / greatest).max(1);
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|p| p.width).max();
    let widths: Vec<usize> = (0..count).map(|column| factor * widest(column).unwrap_or(0)).collect();
    let heights: Vec<usize> =
        rows.iter().map(|row| factor * row.iter().map(|p| p.height).max().unwrap_or(0)).collect();
    let size = |lengths: &[usize]| GAP + lengths.iter().map(|n| n + GAP).sum::<usize>();
    let channels = all().map(|p| p.channels).max().unwrap_or(1);
    let mut sheet = Picture::filled(size(&widths), size(&heights), channels, GAP_SHADE);
    for (at, row) in rows.iter().enumerate() {
        for (column, picture) in row.iter().enumerate() {
            let left = size(&widths[..column]) + (widths[column] - factor * picture.width) / 2;
            let top = size(&heights[..at]) + (heights[at] - factor * picture.height) / 2;
            put(&mut sheet, picture, [left, top], factor);
        }
    }
    sheet
}

/// Draws a picture, enlarged, with its corner at `left, top`.
fn put(sheet: &mut Picture, picture: &Picture, [left, top]: [usize; 2], factor: usize) {
    for y in 0..picture.height * factor {
        for x in 0..picture.width * factor {
            let from = (y / factor * picture.width + x / factor) * picture.channels;
            let to = ((top + y) * sheet.width + left + x) * sheet.channels;
            for channel in 0..sheet.channels {
                sheet.pixels[to + channel] = picture.pixels[from + channel.min(picture.channels - 1)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlike_pictures_stand_in_the_middle_of_their_places() {
        let grey = |width, height, shade| Picture {
            width,
            height,
            channels: 1,
            pixels: vec![shade; width * height],
        };
        let red = Picture { width: 256, height: 2, channels: 3, pixels: [9, 0, 0].repeat(512) };
        let sheet = rows(&[vec![grey(2, 4, 1), red], vec![grey(4, 2, 3)]]);
        assert_eq!([sheet.width, sheet.height, sheet.channels], [4 + 4 + 4 + 256 + 4, 4 + 4 + 4 + 2 + 4, 3]);
        let at = |x: usize, y: usize| &sheet.pixels[(y * sheet.width + x) * 3..][..3];
        assert_eq!(
            [at(4, 4), at(5, 4), at(6, 7), at(7, 4)],
            [&[GAP_SHADE; 3], &[1; 3], &[1; 3], &[GAP_SHADE; 3]]
        );
        assert_eq!(
            [at(12, 4), at(12, 5), at(12, 6), at(12, 7)],
            [&[GAP_SHADE; 3], &[9, 0, 0], &[9, 0, 0], &[GAP_SHADE; 3]]
        );
        assert_eq!([at(4, 12), at(7, 13)], [&[3; 3], &[3; 3]]);
        assert_eq!(rows(&[vec![grey(8, 8, 5)]]).width, 256 + 8);
    }
}
