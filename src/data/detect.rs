//! Which reader fits a path.

use super::{cifar10, folder, idx, tfd};
use crate::config::Source;
use crate::error::{Error, Result};
use std::path::Path;

/// The reader for what lies at `path`.
///
/// # Errors
/// When nothing known is there; the message lists what would have been.
pub fn source(path: &Path) -> Result<Source> {
    if !path.exists() {
        return Err(super::gone(path));
    }
    if idx::find(path, "train-images", 3).is_some() {
        Ok(Source::Idx)
    } else if cifar10::find(path).is_some() {
        Ok(Source::Cifar10)
    } else if tfd::find(path).is_some() {
        Ok(Source::Tfd)
    } else if path.is_dir() && !folder::pictures(path)?.is_empty() {
        Ok(Source::Folder)
    } else {
        Err(Error::Data(format!(
            "{}: nothing known there; expected MNIST's IDX files, CIFAR-10's data_batch_*.bin, \
             TFD_48x48.mat, or a folder of PNG or JPEG files{}",
            path.display(),
            if path.is_file() { "; this is a file: give the folder it lies in" } else { "" }
        )))
    }
}
