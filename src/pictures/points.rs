//! Points inside the PNG that plots them: a page can then draw them again, in its own colours and beside others.
//!
//! They stand in a chunk of their own, `gaPT`, which other programs pass by: numbers a point (1 or 2) in a byte, then the
//! numbers as little-endian f32.

/// Name of the chunk: ancillary, private, of no use once the pixels are changed.
const CHUNK: [u8; 4] = *b"gaPT";
/// Bytes before the first chunk.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Points that a plot shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// Numbers a point: 1 or 2.
    pub axes: usize,
    /// `[points, axes]`.
    pub numbers: Vec<f32>,
}

impl Points {
    /// Points of one or two numbers, or the first two of more; those that are not finite are left out.
    pub fn new(numbers: &[f32], dimensions: usize) -> Points {
        let axes = dimensions.min(2);
        let finite = numbers.chunks_exact(dimensions).map(|p| &p[..axes]);
        let numbers = finite.filter(|p| p.iter().all(|x| x.is_finite())).flatten().copied().collect();
        Points { axes, numbers }
    }

    /// A PNG with these points in it.
    pub fn into_png(&self, mut png: Vec<u8>) -> Vec<u8> {
        // The last chunk says that there are no more: 12 bytes.
        let end = png.split_off(png.len() - 12);
        let mut body = CHUNK.to_vec();
        body.push(self.axes as u8);
        body.extend(self.numbers.iter().flat_map(|x| x.to_le_bytes()));
        png.extend(((body.len() - CHUNK.len()) as u32).to_be_bytes());
        let mut sum = flate2::Crc::new();
        sum.update(&body);
        png.extend(body);
        png.extend(sum.sum().to_be_bytes());
        png.extend(end);
        png
    }

    /// The points in a PNG; none where it has none, or is damaged.
    pub fn from_png(png: &[u8]) -> Option<Points> {
        let mut rest = png.strip_prefix(SIGNATURE)?;
        loop {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (name, after) = after.split_first_chunk::<4>()?;
            let body = after.get(..u32::from_be_bytes(*length) as usize)?;
            if *name == CHUNK {
                let (&axes, numbers) = body.split_first()?;
                let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                let points = Points {
                    axes: usize::from(axes),
                    numbers: numbers.chunks_exact(4).map(number).collect(),
                };
                let is_sound = matches!(points.axes, 1 | 2)
                    && points.numbers.len().is_multiple_of(points.axes)
                    && points.numbers.iter().all(|x| x.is_finite());
                return is_sound.then_some(points);
            }
            rest = after.get(body.len() + 4..)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::plot;

    #[test]
    fn a_plot_brings_its_points_and_stays_a_picture() {
        let numbers = [0.5, -1.0, f32::NAN, 0.0, 3.0, 4.0];
        let points = Points::new(&numbers, 2);
        assert_eq!(points.numbers, [0.5, -1.0, 3.0, 4.0]);
        let plain = plot(&numbers, 2, None);
        let png = points.into_png(plain.png());
        assert_eq!(Points::from_png(&png), Some(points));
        let read = image::load_from_memory(&png).expect("a picture").to_rgb8();
        assert_eq!(read.into_raw(), plain.pixels);
        assert_eq!(Points::from_png(&plain.png()), None);
        for end in 0..png.len() - 12 {
            // Cut anywhere: no panic, and no numbers that were not there.
            assert!(Points::from_png(&png[..end]).is_none_or(|p| p.numbers.len() == 4));
        }
    }
}
