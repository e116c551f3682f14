//! A tar file, plain or in gzip, read in place: listed once, then read front to back. A packed one is unpacked twice, and
//! never held as a whole.

use super::archive::{Archive, Entry, Kind, LARGEST_PICTURE, LARGEST_TABLE, Listing, plain};
use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tar::{EntryType, PaxExtensions};

/// Most bytes that a packed file may unpack to.
const LARGEST_UNPACKED: u64 = 256 << 30;
/// Most files in one.
const MOST_FILES: usize = 10_000_000;
/// Longest record of a long name.
const LARGEST_NAME: u64 = 64 << 10;

/// A tar file, opened.
pub struct Tar {
    path: PathBuf,
    packed: bool,
    /// Offset and length of each file, in the unpacked stream.
    files: Vec<(u64, u64)>,
    /// The stream, and how far it has been read.
    stream: Option<(Stream, u64)>,
}

enum Stream {
    Plain(BufReader<std::fs::File>),
    Packed(Box<MultiGzDecoder<BufReader<std::fs::File>>>),
}

/// A file of labels in an archive: name, position and length.
type Labels = (String, u64, u64);

impl Tar {
    /// A tar file, in gzip where `packed`.
    pub fn new(path: &Path, packed: bool) -> Tar {
        Tar { path: path.to_path_buf(), packed, files: vec![], stream: None }
    }

    fn open(&self) -> io::Result<Stream> {
        let file = BufReader::with_capacity(1 << 16, std::fs::File::open(&self.path)?);
        Ok(match self.packed {
            true => Stream::Packed(Box::new(MultiGzDecoder::new(file))),
            false => Stream::Plain(file),
        })
    }

    /// The bytes from `from` on. Going forward costs what lies between, going back begins anew.
    fn bytes(&mut self, from: u64, len: u64) -> io::Result<Vec<u8>> {
        let (mut stream, at) = match self.stream.take() {
            Some((stream, at)) if at <= from => (stream, at),
            _ => (self.open()?, 0),
        };
        match &mut stream {
            Stream::Plain(file) => drop(file.seek(SeekFrom::Start(from))?),
            Stream::Packed(file) => drop(io::copy(&mut file.by_ref().take(from - at), &mut io::sink())?),
        }
        let mut bytes = Vec::new();
        let read = match &mut stream {
            Stream::Plain(file) => file.take(len).read_to_end(&mut bytes)?,
            Stream::Packed(file) => file.take(len).read_to_end(&mut bytes)?,
        };
        self.stream = Some((stream, from + read as u64));
        if read as u64 == len { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Lists what a stream holds; the second value: the files of labels, to be read later.
    fn walk(&mut self, stream: impl Read) -> io::Result<(Listing, Vec<Labels>)> {
        let (mut listing, mut tables, mut files) = (Listing::default(), vec![], 0);
        let mut long_name: Option<String> = None;
        let mut archive = tar::Archive::new(stream);
        for entry in archive.entries()?.raw(true) {
            let mut entry = entry?;
            let (kind, size) = (entry.header().entry_type(), entry.size());
            if matches!(kind, EntryType::GNULongName | EntryType::XHeader) {
                let mut record = Vec::new();
                entry.by_ref().take(LARGEST_NAME).read_to_end(&mut record)?;
                long_name = match kind {
                    EntryType::GNULongName => {
                        let end = record.iter().position(|&b| b == 0).unwrap_or(record.len());
                        Some(String::from_utf8_lossy(&record[..end]).into_owned())
                    }
                    _ => pax_path(&record).or(long_name),
                };
                continue;
            }
            let name = match long_name.take() {
                Some(name) => plain(&name),
                None => plain(&String::from_utf8_lossy(&entry.header().path_bytes())),
            };
            if !matches!(kind, EntryType::Regular | EntryType::Continuous) || name.is_empty() {
                continue;
            }
            files += 1;
            if files > MOST_FILES {
                return Err(io::Error::other(format!("more than {MOST_FILES} files")));
            }
            match Kind::of(&name) {
                Kind::Picture => {
                    listing.add(name, self.files.len(), size);
                    self.files.push((entry.raw_file_position(), size));
                }
                Kind::Table => tables.push((name, entry.raw_file_position(), size)),
                Kind::Other => listing.pass_over(&name),
                Kind::Hidden => {}
            }
        }
        Ok((listing, tables))
    }
}

/// The path in a record of pax extensions.
fn pax_path(record: &[u8]) -> Option<String> {
    let found = PaxExtensions::new(record).filter_map(|e| e.ok()).find(|e| e.key_bytes() == b"path")?;
    Some(String::from_utf8_lossy(found.value_bytes()).into_owned())
}

impl Archive for Tar {
    fn list(&mut self) -> Result<Listing> {
        let path = self.path.clone();
        let wrong = |what: &str, e: io::Error| {
            let text = e.to_string();
            let why = match e.kind() {
                io::ErrorKind::UnexpectedEof => "it ends too early".into(),
                _ if text.contains("EOF") => "it ends too early".into(),
                _ if text.contains("checksum") => "the checksum of a header is wrong".into(),
                _ => text,
            };
            Error::Data(format!("{}: {what}: {why}; fetch the file again", path.display()))
        };
        let walked = match self.open().map_err(|e| wrong("cannot read it", e))? {
            Stream::Plain(file) => {
                let length = file.get_ref().metadata().map_or(u64::MAX, |m| m.len());
                self.walk(file.take(length))
            }
            Stream::Packed(file) => self.walk(file.take(LARGEST_UNPACKED)),
        };
        let (mut listing, tables) = walked.map_err(|e| wrong("a damaged tar file", e))?;
        for (name, from, size) in tables {
            if size > LARGEST_TABLE {
                let e =
                    io::Error::other(format!("{name} has {size} bytes, expected at most {LARGEST_TABLE}"));
                return Err(wrong("a file of labels", e));
            }
            let bytes = self.bytes(from, size).map_err(|e| wrong(&name, e))?;
            listing.tables.push((name, bytes));
        }
        Ok(listing)
    }

    fn read(&mut self, entry: &Entry) -> std::result::Result<Vec<u8>, String> {
        if entry.size > LARGEST_PICTURE {
            return Err(format!("expected at most {LARGEST_PICTURE} bytes, found {}", entry.size));
        }
        let (from, len) = self.files[entry.place];
        self.bytes(from, len).map_err(|_| "damaged in the tar file, or cut".to_string())
    }
}
