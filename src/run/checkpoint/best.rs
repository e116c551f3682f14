//! `checkpoints/best`: a copy of the checkpoint that was measured best.

use super::{State, load, verify, write};
use crate::error::{Error, Result};
use crate::run::atomic;
use std::fs;
use std::path::{Path, PathBuf};

/// The best checkpoint's folder, beside the others.
pub fn best_of(folder: &Path) -> PathBuf {
    folder.join("best")
}

/// Where the best one before lies while the new one takes its place.
fn displaced(folder: &Path) -> PathBuf {
    folder.join("best.was")
}

/// Copies a checkpoint of `folder` to `best`. A kill at any moment leaves the old one or the new one, at worst aside:
/// see [`settle_best`].
///
/// # Errors
/// When the checkpoint is damaged or the file system refuses.
pub fn keep_best(folder: &Path, checkpoint: &Path) -> Result<PathBuf> {
    let (best, was) = (best_of(folder), displaced(folder));
    let aside = atomic::unfinished(&best);
    let files: Vec<_> = verify(checkpoint)?.into_iter().collect();
    if let Err(e) = write(&aside, &files) {
        let _ = fs::remove_dir_all(&aside);
        return Err(e);
    }
    let remove = |path: &Path| fs::remove_dir_all(path).map_err(|e| Error::io("remove", path, &e));
    if best.exists() {
        if was.exists() {
            remove(&was)?;
        }
        fs::rename(&best, &was).map_err(|e| Error::io("rename to", &was, &e))?;
    }
    atomic::publish(&aside, &best)?;
    if was.exists() {
        remove(&was)?;
    }
    Ok(best)
}

/// Puts right what a kill left of the best checkpoint, given what the run goes on from: the old one back in its place,
/// or the new one once more where it is the very checkpoint at `from`.
///
/// # Errors
/// When the file system refuses.
pub fn settle_best(folder: &Path, from: &Path, state: &State) -> Result<()> {
    let (best, was) = (best_of(folder), displaced(folder));
    if !best.exists() && was.exists() {
        fs::rename(&was, &best).map_err(|e| Error::io("rename to", &best, &e))?;
    }
    let is_from = state.best.as_ref().is_some_and(|b| b.step == state.step);
    if is_from && load(&best).map_or(true, |b| b.state.step != state.step) {
        keep_best(folder, from)?;
    }
    Ok(())
}
