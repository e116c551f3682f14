//! Whether the data have what the transforms change.

use super::blit::reach;
use crate::config::{Config, Transform};
use crate::data::Shape;
use crate::error::{Error, Result};

/// Checks that pictures of this shape can be augmented as asked.
///
/// # Errors
/// When the data are points; when pictures that should be turned are not square; when they are neither grey nor RGB where
/// colours should change.
pub fn check(config: &Config, shape: Shape) -> Result<()> {
    let Some(augment) = &config.augment else { return Ok(()) };
    let Shape { height, width, channels } = shape;
    let refuse = |found: &str| Err(Error::Usage(format!("augment.transforms: {found}")));
    if shape.is_point() {
        return refuse(&format!(
            "the data are points of {} numbers, which have neither sides nor colours; expected pictures; leave [augment] out",
            shape.len()
        ));
    }
    if augment.has(Transform::Blit) && height != width {
        return refuse(&format!(
            "blit turns pictures by quarters, and these are {height}×{width}; expected squares; without blit, \
             \"diff-translation\" shifts pictures of any sides, and data.flip mirrors real ones"
        ));
    }
    if augment.has(Transform::Blit) && reach(height) >= height {
        return refuse("blit shifts pictures by an eighth, and these have one pixel; expected larger ones");
    }
    if augment.has(Transform::Colour) && channels != 1 && channels != 3 {
        return refuse(&format!(
            "colour is a map of red, green and blue, or of grey, and these pictures have {channels} channels; expected 1 or 3; \
             \"diff-colour\" takes any number"
        ));
    }
    Ok(())
}
