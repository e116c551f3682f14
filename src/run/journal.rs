//! Files of one JSON object a line, written as training goes, that a resume cuts back to its checkpoint.

use super::atomic;
use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// What stands in a line.
pub trait Stepped: Serialize + DeserializeOwned {
    /// Steps done when it was written.
    fn step(&self) -> u64;
}

/// The open file.
#[derive(Debug)]
pub struct Journal<T> {
    path: PathBuf,
    file: File,
    lines: PhantomData<T>,
}

impl<T: Stepped> Journal<T> {
    /// Opens the file of a run that has done `step` steps: lines past it are dropped, with whatever a crash
    /// left unfinished at the end. Also the lines kept.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, step: u64) -> Result<(Journal<T>, Vec<T>)> {
        let text = text(path)?;
        let mut kept = whole(&text);
        let damaged = text.matches('\n').count() - kept.len();
        if damaged > 0 {
            tell!("warning: {}: {damaged} damaged lines are left out", path.display());
        }
        kept.truncate(kept.iter().take_while(|(line, _): &&(T, &str)| line.step() <= step).count());
        let cut: String = kept.iter().map(|(_, text)| *text).collect();
        if cut != text {
            atomic::write(path, cut.as_bytes())?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|e| Error::io("open", path, &e))?;
        let kept = kept.into_iter().map(|(line, _)| line).collect();
        Ok((Journal { path: path.to_path_buf(), file, lines: PhantomData }, kept))
    }

    /// Adds a line with a single write.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn add(&mut self, line: &T) -> Result<()> {
        let mut text = serde_json::to_string(line).expect("numbers and names");
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|e| Error::io("write", &self.path, &e))
    }

    /// Flushes lines to the disk: called before a checkpoint that counts on them.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn flush(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io("flush", &self.path, &e))
    }
}

/// The lines of a file that another process may be writing: whole ones, but for damaged ones. None where
/// there is no file.
///
/// # Errors
/// When the file cannot be read.
pub fn read<T: Stepped>(path: &Path) -> Result<Vec<T>> {
    Ok(whole(&text(path)?).into_iter().map(|(line, _)| line).collect())
}

fn text(path: &Path) -> Result<String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Error::io("read", path, &e)),
    }
}

/// Lines that end, but for damaged ones, each with its text.
fn whole<T: Stepped>(text: &str) -> Vec<(T, &str)> {
    let lines = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
    lines.filter_map(|text| Some((serde_json::from_str(text).ok()?, text))).collect()
}
