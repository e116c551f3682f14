//! The pictures that single pictures' translations are measured on: the data's own, or those of a path, of any size.

use super::Translations;
use crate::data::{Photos, Shape};
use crate::error::{Error, Result};
use crate::eval::fidelity::rounded;
use crate::numbers::counted;

/// A picture of bytes, in [0, 1].
pub(super) struct Truth {
    pub shape: Shape,
    pub unit: Vec<f32>,
}

/// Where pictures come from, one by one.
pub(super) enum Truths {
    /// Numbers of test pictures.
    Held(Vec<usize>),
    /// A path's, with how many there are.
    Given(Box<Photos>, usize),
}

impl Truths {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Truths::Held(which) => which.len(),
            Truths::Given(_, count) => *count,
        }
    }

    /// What they are, for protocols.
    pub(super) fn told(&self, of: &Translations) -> String {
        match (self, of.pictures) {
            (Truths::Given(_, count), Some(path)) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                format!("{} of {name}", counted(*count as u64, "picture"))
            }
            _ => format!("{} test pictures", self.count()),
        }
    }
}

impl Translations<'_> {
    /// The pictures to measure on.
    pub(super) fn truths(&self) -> Result<Truths> {
        let Some(path) = self.pictures else { return Ok(Truths::Held(self.looked_at(&self.data.test))) };
        let photos = Photos::at(path)?;
        let all = photos.names().count();
        Ok(Truths::Given(Box::new(photos), self.count.unwrap_or(all).min(all)))
    }

    /// One of them, in as many channels as the run has, its sides cut to multiples of `multiple`.
    pub(super) fn truth(&self, truths: &mut Truths, number: usize, multiple: usize) -> Result<Truth> {
        let (unit, shape) = match truths {
            Truths::Held(which) => {
                let numbers = self.data.numbers(&self.data.test, which[number]);
                (rounded(&self.display().unit(&numbers)), self.shape())
            }
            Truths::Given(photos, _) => {
                let (photo, channels) = (photos.read(number)?, self.shape().channels);
                let unit = photo.interleaved(channels).into_iter().map(|b| f32::from(b) / 255.0).collect();
                (unit, Shape { channels, height: photo.height, width: photo.width })
            }
        };
        let [height, width] = [shape.height, shape.width].map(|n| n / multiple * multiple);
        if height == 0 || width == 0 {
            return Err(Error::Data(format!(
                "a picture of {}×{} pixels does not become {multiple} times smaller; give larger ones",
                shape.width, shape.height
            )));
        }
        let rows = unit.chunks_exact(shape.width * shape.channels).take(height);
        let cut = rows.flat_map(|row| &row[..width * shape.channels]).copied().collect();
        Ok(Truth { unit: cut, shape: Shape { height, width, ..shape } })
    }
}
