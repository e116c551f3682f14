//! `metrics.jsonl`: one JSON object a line, written as training goes.

use super::atomic;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Means over the steps since the line before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, over all resumes; the only field that two equal runs may differ in.
    pub seconds: f64,
    /// D's objective, penalties not included.
    pub d_loss: f64,
    /// G's objective.
    pub g_loss: f64,
    /// D(x): the mean probability (or critic's score) of real examples.
    pub d_real: f64,
    /// D(G(z)): the same for generated ones.
    pub d_fake: f64,
    /// Share of real examples that D takes for real.
    pub accuracy_real: f64,
    /// Share of generated examples that D takes for generated.
    pub accuracy_fake: f64,
    /// Gradient penalties with their factors; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<f64>,
    /// Norm of D's gradient.
    pub d_gradient_norm: f64,
    /// Norm of G's gradient.
    pub g_gradient_norm: f64,
    /// Factor on D's loss at the end of the window, in fp16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_loss_scale: Option<f64>,
    /// Factor on G's loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub g_loss_scale: Option<f64>,
    /// Updates of either network left out for an overflow, in fp16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_updates: Option<u64>,
}

/// The open file.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    file: File,
}

/// Every whole line of a run's metrics, up to the first that is damaged; none where there is no file.
pub fn read(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}

impl Metrics {
    /// Opens the file of a run that has done `step` steps: lines past it are dropped, with whatever a crash
    /// left unfinished at the end. Also the last line kept.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, step: u64) -> Result<(Metrics, Option<Line>)> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io("read", path, &e)),
        };
        let mut last = None;
        let mut kept = String::new();
        for text in text.split_inclusive('\n').filter(|l| l.ends_with('\n')) {
            match serde_json::from_str::<Line>(text) {
                Ok(line) if line.step <= step => {
                    kept.push_str(text);
                    last = Some(line);
                }
                _ => break,
            }
        }
        if kept != text {
            atomic::write(path, kept.as_bytes())?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|e| Error::io("open", path, &e))?;
        Ok((Metrics { path: path.to_path_buf(), file }, last))
    }

    /// Adds a line with a single write.
    pub fn add(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line).expect("numbers and names");
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|e| Error::io("write", &self.path, &e))
    }

    /// Flushes lines to the disk: called before a checkpoint that counts on them.
    pub fn flush(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io("flush", &self.path, &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reopening_drops_what_the_checkpoint_does_not_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics.jsonl");
        let line = |step| Line {
            step,
            seconds: 0.5,
            d_loss: 1.0,
            g_loss: 2.0,
            d_real: 0.5,
            d_fake: 0.5,
            accuracy_real: 0.5,
            accuracy_fake: 0.5,
            penalty: None,
            d_gradient_norm: 0.1,
            d_loss_scale: None,
            g_loss_scale: None,
            skipped_updates: None,
            g_gradient_norm: 0.1,
        };
        let (mut metrics, last) = Metrics::open(&path, 0).expect("opens");
        assert_eq!(last, None);
        (1..=3).for_each(|i| metrics.add(&line(100 * i)).expect("writes"));
        // A crash in the middle of a line.
        metrics.file.write_all(b"{\"step\": 4").expect("writes");
        let (_, last) = Metrics::open(&path, 250).expect("opens");
        assert_eq!(last, Some(line(200)));
        assert_eq!(std::fs::read_to_string(&path).expect("reads").lines().count(), 2);
    }
}
