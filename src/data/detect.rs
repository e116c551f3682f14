//! Which reader fits a path.

use super::picture_set::{self, Found};
use super::{arrays, cifar10, file, idx, tfd};
use crate::config::Source;
use crate::error::{Error, Result};
use std::path::Path;

/// The reader for what lies at `path`.
///
/// # Errors
/// When nothing known is there; the message lists what would have been, and what is there instead.
pub fn source(path: &Path) -> Result<Source> {
    if !path.exists() {
        return Err(file::gone(path));
    }
    if idx::find(path, "train-images", 3).is_some() {
        return Ok(Source::Idx);
    }
    if cifar10::find(path).is_some() {
        return Ok(Source::Cifar10);
    }
    if tfd::find(path).is_some() {
        return Ok(Source::Tfd);
    }
    if arrays::is_there(path)? {
        return Ok(Source::Arrays);
    }
    if path.is_file() {
        if file::kind(path)? != file::Kind::Other {
            return Ok(match picture_set::look(path) {
                Ok(Found::TwoFolders) => Source::TwoFolders,
                // What is wrong with it, its reader says.
                _ => Source::Folder,
            });
        }
        return Err(Error::Data(format!(
            "{}: nothing known in this file; expected a zip, tar, Parquet, .npy or .npz file, TFD_48x48.mat, or the \
             folder that holds IDX files, CIFAR-10's data_batch_*.bin or pictures",
            path.display()
        )));
    }
    let found = match picture_set::look(path)? {
        Found::Pictures => return Ok(Source::Folder),
        Found::TwoFolders => return Ok(Source::TwoFolders),
        Found::Nothing(found) => found,
    };
    let hint =
        if found.as_deref().is_some_and(is_packed) { "; give one of the files themselves" } else { "" };
    let found = found.map_or(String::new(), |what| format!(": found {what}"));
    Err(Error::Data(format!(
        "{}: nothing known there{found}; expected pictures ({}), MNIST's IDX files, CIFAR-10's data_batch_*.bin, \
         TFD_48x48.mat, or .npy arrays named images or x_train{hint}",
        path.display(),
        picture_set::FORMATS
    )))
}

/// Whether a folder holds files that hold pictures, or arrays.
fn is_packed(found: &str) -> bool {
    let packed = [".zip", ".tar", ".gz", ".tgz", ".npz"];
    packed.iter().any(|ending| found.contains(ending))
}
