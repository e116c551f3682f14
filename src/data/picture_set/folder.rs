//! A folder, any depth. Hidden files and folders are left out, links are followed.

use super::archive::{Archive, Entry, Kind, LARGEST_PICTURE, LARGEST_TABLE, Listing, is_hidden};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A tree of files.
pub struct Folder {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Folder {
    /// The tree below `root`.
    pub fn new(root: &Path) -> Folder {
        Folder { root: root.to_path_buf(), files: vec![] }
    }

    /// A file's path below the root, with slashes.
    fn name(&self, path: &Path) -> String {
        let parts = path.strip_prefix(&self.root).unwrap_or(path).components();
        parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }
}

impl Archive for Folder {
    fn list(&mut self) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut found = Vec::new();
        let hidden = |e: &walkdir::DirEntry| e.depth() > 0 && is_hidden(&e.file_name().to_string_lossy());
        let walk = walkdir::WalkDir::new(&self.root).follow_links(true).into_iter();
        for entry in walk.filter_entry(|e| !hidden(e)) {
            let entry = match entry {
                Ok(entry) => entry,
                // A link that leads nowhere, or in a circle, is no picture.
                Err(e) if e.depth() > 0 && e.path().is_some_and(Path::is_symlink) => continue,
                Err(e) => {
                    let at = e.path().unwrap_or(&self.root).display();
                    let why = e.io_error().map_or("links lead in a circle".into(), ToString::to_string);
                    return Err(Error::Data(format!("{at}: cannot list it: {why}")));
                }
            };
            if !entry.file_type().is_file() {
                continue;
            }
            let name = self.name(entry.path());
            match Kind::of(&name) {
                Kind::Picture => found.push(entry.into_path()),
                Kind::Table => listing.tables.push((name, table(entry.path())?)),
                Kind::Other => listing.pass_over(&name),
                Kind::Hidden => {}
            }
        }
        found.sort_unstable();
        for (place, path) in found.iter().enumerate() {
            let size = std::fs::metadata(path).map_or(0, |m| m.len());
            listing.add(self.name(path), place, size);
        }
        self.files = found;
        Ok(listing)
    }

    fn read(&mut self, entry: &Entry) -> std::result::Result<Vec<u8>, String> {
        let path = &self.files[entry.place];
        let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
        if size > LARGEST_PICTURE {
            return Err(format!("expected at most {LARGEST_PICTURE} bytes, found {size}"));
        }
        std::fs::read(path).map_err(|e| e.to_string())
    }
}

/// A file of labels.
fn table(path: &Path) -> Result<Vec<u8>> {
    let wrong = |why: String| Error::Data(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| wrong(format!("cannot read it: {e}")))?.len();
    if size > LARGEST_TABLE {
        return Err(wrong(format!("expected at most {LARGEST_TABLE} bytes of labels, found {size}")));
    }
    std::fs::read(path).map_err(|e| wrong(format!("cannot read it: {e}")))
}
