//! Files that are either whole or absent: written aside, flushed to the disk, then renamed.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Ends the name of everything unfinished; readers pass it by.
pub const UNFINISHED: &str = ".tmp";

/// `path` with [`UNFINISHED`] behind it.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

/// Writes a file and flushes it to the disk. Not atomic by itself.
pub fn write_through(path: &Path, bytes: &[u8]) -> Result<()> {
    fill(path, path, &mut |file| file.write_all(bytes).map_err(|e| Error::io("write", path, &e)))
}

/// Has a new file filled and flushes it to the disk; errors tell of `wanted`, the name that a user knows.
fn fill(path: &Path, wanted: &Path, pieces: &mut dyn FnMut(&mut File) -> Result<()>) -> Result<()> {
    let mut file = File::create(path).map_err(|e| Error::io("create", wanted, &e))?;
    pieces(&mut file)?;
    file.sync_all().map_err(|e| Error::io("flush", wanted, &e))
}

/// Flushes a folder: renames and new names inside it survive a power cut.
pub fn flush_folder(path: &Path) -> Result<()> {
    let folder = OpenOptions::new().read(true).open(path).map_err(|e| Error::io("open", path, &e))?;
    folder.sync_all().map_err(|e| Error::io("flush", path, &e))
}

/// Renames a finished file or folder into place and flushes the folder it lies in.
pub fn publish(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|e| Error::io("rename to", to, &e))?;
    flush_folder(parent(to))
}

/// Writes a file that nobody ever sees half of. What was there before stays until the new one is whole.
///
/// # Errors
/// When the file system refuses; nothing is left behind then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, &mut |file| file.write_all(bytes).map_err(|e| Error::io("write", path, &e)))
}

/// [`write()`] of bytes that come piece by piece.
///
/// # Errors
/// When [`write()`] fails, or `pieces`.
pub fn write_with(path: &Path, pieces: &mut dyn FnMut(&mut File) -> Result<()>) -> Result<()> {
    let aside = unfinished(path);
    let done = fill(&aside, path, pieces).and_then(|()| publish(&aside, path));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&aside);
    }
    done
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
