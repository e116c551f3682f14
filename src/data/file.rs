//! Files as bytes, unpacked where they are gzip, and errors that name path and offset.

use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest that a gzip file may unpack to: more is a mistake, or a trap.
const LIMIT: u64 = 4 << 30;
/// How every gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file in memory.
#[derive(Debug)]
pub struct File {
    /// Where it came from.
    pub path: PathBuf,
    /// What it holds, unpacked.
    pub bytes: Vec<u8>,
}

impl File {
    /// Reads a file; one that begins as gzip does is unpacked.
    ///
    /// # Errors
    /// When it cannot be read or its gzip stream is damaged.
    pub fn read(path: &Path) -> Result<File> {
        let packed = std::fs::read(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::Data(format!("{}: no such file", path.display())),
            _ => Error::Data(format!("{}: cannot read it: {e}", path.display())),
        })?;
        let path = path.to_path_buf();
        if !packed.starts_with(&GZIP) {
            return Ok(File { path, bytes: packed });
        }
        let mut decoder = MultiGzDecoder::new(&packed[..]).take(LIMIT + 1);
        let mut bytes = Vec::new();
        if let Err(e) = decoder.read_to_end(&mut bytes) {
            let at = packed.len() - decoder.get_ref().get_ref().len();
            return Err(Error::Data(format!(
                "{}: damaged gzip stream near byte {at} of {}: {e}; fetch the file again",
                path.display(),
                packed.len(),
            )));
        }
        if bytes.len() as u64 > LIMIT {
            let gib = LIMIT >> 30;
            return Err(Error::Data(format!("{}: unpacks to more than {gib} GiB", path.display())));
        }
        Ok(File { path, bytes })
    }

    /// "PATH: at byte OFFSET: expected …, found …".
    pub fn wrong(&self, offset: usize, expected: &str, found: impl std::fmt::Display) -> Error {
        Error::Data(format!("{}: at byte {offset}: expected {expected}, found {found}", self.path.display()))
    }

    /// The big-endian word at `offset`.
    pub fn be_u32(&self, offset: usize, what: &str) -> Result<u32> {
        match self.bytes.get(offset..offset + 4).and_then(|b| b.try_into().ok()) {
            Some(bytes) => Ok(u32::from_be_bytes(bytes)),
            None => Err(self.wrong(offset, what, format!("the end of the file at {}", self.bytes.len()))),
        }
    }

    /// Checks that the file is `expected` bytes long: `what` says of what.
    pub fn expect_len(&self, expected: usize, what: &str) -> Result<()> {
        let len = self.bytes.len();
        match len.cmp(&expected) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(self.wrong(
                len,
                &format!("{expected} bytes for {what}"),
                format!("the end of the file, {} bytes short; fetch the file again", expected - len),
            )),
            std::cmp::Ordering::Greater => Err(self.wrong(
                expected,
                &format!("the end of the file after {what}"),
                format!("{} more bytes; is this the file you meant?", len - expected),
            )),
        }
    }
}
