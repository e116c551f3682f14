//! Files of samples that are no PNG: NumPy arrays and animations.

use super::Picture;
use crate::error::{Error, Result};

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
}
