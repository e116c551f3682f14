//! Files of one JSON object a line, written as training goes, that a resume cuts back to its checkpoint.

use super::atomic;
use crate::error::{Error, Result};
use crate::numbers::{counted, grouped};
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
    /// left unfinished at the end. Also the lines kept; what [`lacks`] of them is told.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, every: u64, step: u64) -> Result<(Journal<T>, Vec<T>)> {
        lacks::<T>(path, every, step)?.iter().for_each(|lack| tell!("warning: {lack}"));
        let text = text(path)?;
        let mut kept = whole(&text);
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

/// What is to be said of lines that are damaged or gone from the file of a run that has done `step` steps and leaves a line
/// every `every` of them, perhaps others between.
///
/// # Errors
/// When the file cannot be read.
pub fn lacks<T: Stepped>(path: &Path, every: u64, step: u64) -> Result<Vec<String>> {
    let text = text(path)?;
    let kept = whole::<T>(&text);
    let damaged = (text.matches('\n').count() - kept.len()) as u64;
    let steps: Vec<u64> = kept.iter().map(|(line, _)| line.step()).filter(|&s| s <= step).collect();
    let gone = gone(&steps, every, step).saturating_sub(damaged);
    let is = |count: u64| if count == 1 { "is" } else { "are" };
    let path = path.display();
    let mut told = vec![];
    if damaged > 0 {
        told.push(format!("{path}: {} {} left out", counted(damaged, "damaged line"), is(damaged)));
    }
    if gone > 0 {
        let lines = format!("{} of {} {} missing", grouped(gone), counted(step / every, "line"), is(gone));
        told.push(format!("{path}: {lines}; the run itself is whole, its curves and verdicts are not"));
    }
    Ok(told)
}

/// How many steps up to `step` lack the line that is due every `every`. Spacing that changes is no lack: a resume may
/// set it anew.
fn gone(steps: &[u64], every: u64, step: u64) -> u64 {
    let spans: Vec<u64> = std::iter::once(&0)
        .chain(steps)
        .zip(steps.iter().chain([&step]))
        .map(|(from, to)| to.saturating_sub(*from))
        .collect();
    let lack = |(i, &span): (usize, &u64)| {
        // The last step has a line if one is due.
        let lack = if i + 1 == spans.len() { span / every } else { span.saturating_sub(1) / every };
        let beside = [i.checked_sub(1), Some(i + 1)].map(|i| i.and_then(|i| spans.get(i)).map_or(0, |&s| s));
        if lack * every > beside[0].max(beside[1]) { lack } else { 0 }
    };
    spans.iter().enumerate().map(lack).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_gone_are_counted_and_other_spacing_is_not() {
        let lines = |from: u64, to: u64, every: usize| (from..=to).step_by(every).collect::<Vec<_>>();
        assert_eq!(gone(&lines(4, 80, 4), 4, 83), 0);
        assert_eq!(gone(&[], 4, 3), 0, "none is due yet");
        assert_eq!(gone(&[], 4, 80), 20, "the file");
        assert_eq!(gone(&[80], 4, 80), 19, "all but the last");
        assert_eq!(gone(&lines(4, 40, 4), 4, 81), 10, "the end");
        assert_eq!(gone(&[lines(4, 20, 4), lines(60, 80, 4)].concat(), 4, 80), 9, "the middle");
        assert_eq!(gone(&[lines(100, 300, 100), lines(310, 400, 10)].concat(), 10, 400), 0, "more often");
        assert_eq!(gone(&[lines(10, 100, 10), lines(200, 400, 100)].concat(), 100, 400), 0, "less often");
    }
}
