//! A zip file, read in place: files in it are found by its directory and unpacked one at a time.

use super::archive::{Archive, Entry, Kind, LARGEST_PICTURE, LARGEST_TABLE, Listing, plain};
use crate::error::{Error, Result};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// A zip file, opened.
pub struct Zip {
    path: PathBuf,
    archive: ZipArchive<BufReader<std::fs::File>>,
}

impl Zip {
    /// Opens a file and reads its directory.
    ///
    /// # Errors
    /// When it cannot be read, or is no whole zip file.
    pub fn open(path: &Path) -> Result<Zip> {
        let wrong = |why: String| Error::Data(format!("{}: {why}", path.display()));
        let file = std::fs::File::open(path).map_err(|e| wrong(format!("cannot read it: {e}")))?;
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|e| wrong(format!("not a whole zip file: {}; fetch the file again", why(&e))))?;
        Ok(Zip { path: path.to_path_buf(), archive })
    }

    /// The files in it: name, place, bytes once unpacked.
    pub fn files(&mut self) -> Result<Vec<(String, usize, u64)>> {
        let mut files = Vec::new();
        for place in 0..self.archive.len() {
            let file = self.archive.by_index_raw(place).map_err(|e| {
                Error::Data(format!("{}: its file number {place}: {}", self.path.display(), why(&e)))
            })?;
            if file.is_file() {
                let name = file.name().map_or_else(|_| format!("file {place}"), |n| n.replace('\\', "/"));
                files.push((plain(&name), place, file.size()));
            }
        }
        Ok(files)
    }

    /// The bytes of the file at a place, of which there may be `largest` at most.
    ///
    /// # Errors
    /// When it is damaged, encrypted or larger: why.
    pub fn unpack(&mut self, place: usize, largest: u64) -> std::result::Result<Vec<u8>, String> {
        let file = self.archive.by_index(place).map_err(|e| why(&e))?;
        let declared = file.size();
        if declared > largest {
            return Err(format!("expected at most {largest} bytes, the zip's directory says {declared}"));
        }
        let mut bytes = Vec::new();
        // One byte more than declared shows that it lies.
        file.take(declared + 1).read_to_end(&mut bytes).map_err(|_| "damaged in the zip file".to_string())?;
        if bytes.len() as u64 != declared {
            return Err(format!("the zip's directory says {declared} bytes, it unpacks to others"));
        }
        Ok(bytes)
    }
}

impl Archive for Zip {
    fn list(&mut self) -> Result<Listing> {
        let mut listing = Listing::default();
        for (name, place, size) in self.files()? {
            match Kind::of(&name) {
                Kind::Picture => listing.add(name, place, size),
                Kind::Table => {
                    let bytes = self.unpack(place, LARGEST_TABLE).map_err(|why| {
                        Error::Data(format!("{}: {name} in it: {why}", self.path.display()))
                    })?;
                    listing.tables.push((name, bytes));
                }
                Kind::Other => listing.pass_over(&name),
                Kind::Hidden => {}
            }
        }
        Ok(listing)
    }

    fn read(&mut self, entry: &Entry) -> std::result::Result<Vec<u8>, String> {
        self.unpack(entry.place, LARGEST_PICTURE)
    }
}

/// What is wrong with a zip file, in our words.
fn why(error: &zip::result::ZipError) -> String {
    use zip::result::ZipError;
    match error {
        ZipError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => "it ends too early".into(),
        ZipError::Io(_) => "its bytes cannot be read".into(),
        ZipError::UnsupportedArchive(what) if what.to_lowercase().contains("password") => {
            "it is encrypted; unpack it with its password".into()
        }
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            "packed in a way that is not read (stored and deflated files are); unpack it to a folder".into()
        }
        _ => "its directory is damaged".into(),
    }
}
