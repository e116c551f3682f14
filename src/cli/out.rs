//! What commands leave at `--out`: a file, or the bytes on stdout.

use crate::error::{Error, Result};
use crate::numbers::counted;
use crate::run::atomic;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// What a file name's ending asks for.
pub fn ending(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or("")
}

/// Whether a path stands for stdout.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Refuses bytes for a stdout that is a terminal; long work comes after.
pub fn check_stdout(path: &Path) -> Result<()> {
    if is_stdout(path) && std::io::stdout().is_terminal() {
        return Err(Error::Usage(
            "--out -: stdout is a terminal; send the picture on with > FILE.png".into(),
        ));
    }
    Ok(())
}

/// Refuses a folder that holds something: tools that read such a folder read all of it, so nothing else may lie there.
pub fn check_new(flag: &str, folder: &Path) -> Result<()> {
    let at = folder.display();
    if folder.is_file() {
        return Err(Error::Usage(format!("{flag} {at}: that is a file; expected a folder, new or empty")));
    }
    let there = match std::fs::read_dir(folder) {
        Ok(files) => files.count(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => 0,
        Err(e) => return Err(Error::io("list", folder, &e)),
    };
    if there > 0 {
        let has = counted(there as u64, "file");
        let why = "perhaps of a call that was cut off; new ones would mix with them: choose a new folder, or empty it";
        return Err(Error::Usage(format!("{flag} {at}: holds {has} already, {why}")));
    }
    Ok(())
}

/// Where a file is about to be, for people: with a word where it takes another's place.
pub fn place(path: &Path) -> String {
    match (is_stdout(path), path.exists()) {
        (true, _) => "to stdout".into(),
        (_, true) => format!("in {}, which replaces the file that was there", path.display()),
        _ => format!("in {}", path.display()),
    }
}

/// Writes a file, or to stdout; where that is, as [`place`] says it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<String> {
    let place = place(path);
    if is_stdout(path) {
        let written = std::io::stdout().lock().write_all(bytes);
        written.map_err(|e| Error::Failure(format!("cannot write to stdout: {e}")))?;
    } else {
        atomic::write(path, bytes)?;
    }
    Ok(place)
}
