//! What people look at: pictures of samples, arrays, animations. Nothing here computes samples.

pub mod html;
pub mod picture;
pub mod run;
pub mod tensorboard;

use crate::config::{self, Scale};
use crate::data::Shape;
use crate::data::toy::Mixture;
use crate::error::{Error, Result};
use picture::Picture;

/// Numbers as the network makes them, `[count, numbers]`, to what people look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Display {
    /// Of one example.
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
    /// Of examples of this shape, as these data have them.
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
            picture::plot(numbers, self.shape.channels, self.reach)
        } else {
            picture::grid(&self.unit(numbers), self.shape, columns)
        }
    }

    /// A picture of one, no border.
    pub fn single(&self, numbers: &[f32]) -> Picture {
        if self.shape.is_point() {
            picture::plot(numbers, self.shape.channels, self.reach)
        } else {
            picture::single(&self.unit(numbers), self.shape)
        }
    }
}

/// The head of an `.npy` file (NumPy's format 1.0), which little-endian f32 in C order follow.
pub fn npy_header(shape: &[usize]) -> Vec<u8> {
    let dimensions: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dimensions.trim_end());
    // Magic, version and length take 10 bytes; the whole header is a multiple of 64 and ends in a newline.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(padded + 1).expect("a short header").to_le_bytes());
    bytes.extend(format!("{header:padded$}\n").into_bytes());
    bytes
}

/// Bytes of a looping `.gif`: every frame for `hundredths` of a second.
///
/// # Errors
/// When the frames are too large for the format (65,535 pixels a side).
pub fn gif(frames: &[Picture], hundredths: u16) -> Result<Vec<u8>> {
    let fail = |e: gif::EncodingError| Error::Failure(format!("cannot make the animation: {e}"));
    let side = |n: usize| {
        u16::try_from(n)
            .map_err(|_| Error::Usage(format!("{n} pixels a side are too many for a GIF; use .png")))
    };
    let (width, height) = (side(frames[0].width)?, side(frames[0].height)?);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).map_err(fail)?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(fail)?;
    for frame in frames {
        let mut image = gif::Frame::from_rgb_speed(width, height, &frame.rgb(), 10);
        image.delay = hundredths;
        encoder.write_frame(&image).map_err(fail)?;
    }
    drop(encoder);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npy_headers_are_aligned_and_whole() {
        let bytes = npy_header(&[2]);
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + length) % 64, 0);
        assert_eq!(bytes.len(), 10 + length);
        assert!(String::from_utf8_lossy(&bytes[10..10 + length]).contains("'shape': (2,)"));
        assert_eq!(bytes[9 + length], b'\n');
    }

    #[test]
    fn scales_come_back_to_pixels() {
        let shape = Shape { channels: 1, height: 1, width: 3 };
        let unit = |scale, x: &[f32]| Display { shape, scale, reach: None }.unit(x);
        assert_eq!(unit(Scale::Unit, &[-0.5, 0.25, 2.0]), [0.0, 0.25, 1.0]);
        assert_eq!(unit(Scale::Signed, &[-1.0, 0.0, 1.0]), [0.0, 0.5, 1.0]);
        assert_eq!(unit(Scale::Gcn, &[-2.0, 0.0, 1.0]), [0.0, 0.5, 0.75]);
    }
}
