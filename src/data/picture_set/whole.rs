//! Pictures of any size, each as it is: what a trained model is given to work on, one after the other.

use super::archive::{Archive, Entry, LARGEST_PICTURE, Listing};
use super::budget::Budget;
use super::decode::{Whole, in_channels, square, whole};
use crate::data::file;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A picture of its own size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 grey or 3 colour, as the file has it.
    pub channels: usize,
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
    /// Some pixel is not grey.
    pub coloured: bool,
    /// Some pixel was not opaque; it lies on white.
    pub transparent: bool,
}

/// Pictures at a path, listed and not read yet.
pub struct Photos {
    path: PathBuf,
    /// What they lie in; none of one file.
    archive: Option<Box<dyn Archive>>,
    entries: Vec<Entry>,
    /// Files that are no pictures, for people; none where there are none.
    pub passed_over: Option<String>,
}

impl Photos {
    /// The pictures that a path means: a file, or all of a folder, a zip or a tar file, in the order of their names.
    ///
    /// # Errors
    /// When there is none, or they cannot be listed.
    pub fn at(path: &Path) -> Result<Photos> {
        if !path.exists() {
            return Err(file::gone(path));
        }
        if path.is_file() && file::kind(path)? == file::Kind::Other {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let entry = Entry { name, place: 0, size: 0, label: None, split: None };
            return Ok(Photos { path: path.into(), archive: None, entries: vec![entry], passed_over: None });
        }
        let mut archive = super::open(path)?;
        let listing = archive.list()?;
        let passed_over = listing.passed_over();
        let Listing { pictures: entries, .. } = listing;
        if entries.is_empty() {
            return Err(super::nothing(path, passed_over.as_deref()));
        }
        Ok(Photos { path: path.into(), archive: Some(archive), entries, passed_over })
    }

    /// Names of the pictures, their folders divided by slashes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Reads a picture. Those of a folder or file of many are asked for in their order, each once.
    ///
    /// # Errors
    /// When it is damaged, or no picture: with its path.
    pub fn read(&mut self, number: usize) -> Result<Photo> {
        let entry = &self.entries[number];
        let at = match self.archive {
            Some(_) => self.path.join(&entry.name),
            None => self.path.clone(),
        };
        let bytes = match &mut self.archive {
            Some(archive) => archive.read(entry),
            None => alone(&self.path),
        };
        let budget = Budget::new(LARGEST_PICTURE);
        let found = bytes.and_then(|bytes| whole(&bytes, &budget).map(|(whole, _)| Photo::of(whole)));
        found.map_err(|why| Error::Data(format!("{}: {why}", at.display())))
    }
}

/// The bytes of a file that lies alone.
fn alone(path: &Path) -> std::result::Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > LARGEST_PICTURE {
        return Err(format!("expected at most {LARGEST_PICTURE} bytes, found {size}"));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

impl Photo {
    fn of(whole: Whole) -> Photo {
        let Whole { pixels, channels, size, coloured, transparent, .. } = whole;
        let [width, height] = size.map(|n| n as usize);
        Photo { width, height, channels, pixels, coloured, transparent }
    }

    /// The greatest centred square, resized as data are read.
    ///
    /// # Errors
    /// When it cannot be resized.
    pub fn squared(&self, side: usize) -> std::result::Result<Photo, String> {
        let edge = self.width.min(self.height);
        let corner = [(self.width - edge) / 2, (self.height - edge) / 2].map(|x| x as u32);
        let size = [self.width as u32, self.height as u32];
        let pixels = square(&self.pixels, size, self.channels, corner, edge as u32, side as u32);
        let pixels = pixels.map_err(|e| format!("it cannot be resized: {e}"))?;
        Ok(Photo { width: side, height: side, pixels, ..self.clone() })
    }

    /// The pixels in `channels` channels, 1 or 3: colour becomes grey by Rec. 601 luma, grey is repeated.
    pub fn interleaved(&self, channels: usize) -> Vec<u8> {
        in_channels(&self.pixels, self.channels, channels)
    }
}
