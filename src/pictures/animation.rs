//! Animations.

use super::Picture;
use crate::error::{Error, Result};

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
