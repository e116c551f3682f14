//! Files as bytes, unpacked where they are gzip, and errors that name path and offset.

use crate::error::{Error, Result};
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest that a gzip file may unpack to: more is a mistake, or a trap.
pub const LIMIT: u64 = 4 << 30;
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

/// What kind of file holds a whole data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A zip file.
    Zip,
    /// A tar file.
    Tar,
    /// A tar file in gzip.
    PackedTar,
    /// An array of NumPy's.
    Npy,
    /// A Parquet file.
    Parquet,
    /// Something else.
    Other,
}

/// The kind of a file, by its first bytes.
///
/// # Errors
/// When it cannot be read.
pub fn kind(path: &Path) -> Result<Kind> {
    let unread = |e: io::Error| Error::Data(format!("{}: cannot read it: {e}", path.display()));
    let mut file = io::BufReader::new(std::fs::File::open(path).map_err(unread)?);
    let mut first = Vec::new();
    file.by_ref().take(512).read_to_end(&mut first).map_err(unread)?;
    let is_tar = |block: &[u8]| block.get(257..262) == Some(b"ustar");
    Ok(if first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06") {
        Kind::Zip
    } else if first.starts_with(b"\x93NUMPY") {
        Kind::Npy
    } else if first.starts_with(b"PAR1") {
        Kind::Parquet
    } else if is_tar(&first) {
        Kind::Tar
    } else if first.starts_with(&GZIP) {
        let mut block = Vec::new();
        let chained = io::BufReader::new(io::Cursor::new(first).chain(file));
        // A damaged stream is no tar file.
        let _ = MultiGzDecoder::new(chained).take(512).read_to_end(&mut block);
        if is_tar(&block) { Kind::PackedTar } else { Kind::Other }
    } else {
        Kind::Other
    })
}

/// That nothing lies at a path.
pub fn gone(path: &Path) -> Error {
    Error::Data(format!("{}: no such file or folder", path.display()))
}

/// Unpacks gzip streams, one behind the other, `limit` bytes at most. Zeros between and behind them are padding; anything
/// else is an error at its offset.
fn gunzip(packed: &[u8], limit: u64) -> std::result::Result<Vec<u8>, (usize, String)> {
    let mut bytes = Vec::new();
    let mut rest = packed;
    loop {
        let mut decoder = GzDecoder::new(rest);
        let room = limit + 1 - bytes.len() as u64;
        if let Err(e) = decoder.by_ref().take(room).read_to_end(&mut bytes) {
            let at = packed.len() - decoder.get_ref().len();
            let why = if e.kind() == io::ErrorKind::UnexpectedEof {
                "it ends too early".into()
            } else {
                e.to_string()
            };
            return Err((at, why));
        }
        if bytes.len() as u64 > limit {
            return Ok(bytes);
        }
        rest = decoder.into_inner();
        let padding = rest.iter().take_while(|&&b| b == 0).count();
        rest = &rest[padding..];
        if rest.is_empty() {
            return Ok(bytes);
        }
        if !rest.starts_with(&GZIP) {
            let why = format!("{} bytes that are neither zeros nor gzip lie behind the stream", rest.len());
            return Err((packed.len() - rest.len(), why));
        }
    }
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
        let bytes = gunzip(&packed, LIMIT).map_err(|(at, why)| {
            Error::Data(format!(
                "{}: damaged gzip stream near byte {at} of {}: {why}; fetch the file again",
                path.display(),
                packed.len(),
            ))
        })?;
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
