//! The Toronto Face Database (Susskind et al. 2010), a MAT-file that users ask its authors for: `images`
//! [n, side, side], `folds` [n, 5] with 0 unlabelled, 1 train, 2 validation, 3 test. As in the 2014 paper, the
//! unlabelled images are trained on.

use super::mat5::{self, Numbers};
use super::{Dataset, Examples, Shape, Values};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

const NAMES: [&str; 2] = ["TFD_48x48.mat", "TFD_96x96.mat"];

/// The file: the path itself, or one of the usual names in it.
pub fn find(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return path.extension().is_some_and(|e| e == "mat").then(|| path.to_path_buf());
    }
    NAMES.iter().map(|name| path.join(name)).find(|p| p.is_file())
}

/// Reads the images whose place in `fold` (0 to 4) says unlabelled, validation or test.
pub fn load(path: &Path, fold: usize) -> Result<Dataset> {
    let Some(file) = find(path) else {
        return Err(Error::Data(format!(
            "--data {}: expected TFD_48x48.mat or TFD_96x96.mat, or the folder that holds one",
            path.display()
        )));
    };
    let variables = mat5::read(&file)?;
    let wrong = |what: String| Error::Data(format!("{}: {what}", file.display()));
    let find = |name: &str| {
        variables.iter().find(|v| v.name == name).ok_or_else(|| {
            let names: Vec<&str> = variables.iter().map(|v| &v.name[..]).collect();
            wrong(format!("no variable {name:?}; found {names:?}; is this TFD?"))
        })
    };
    let (images, folds) = (find("images")?, find("folds")?);
    let (&[n, height, width], Numbers::U8(pixels)) = (&images.dimensions[..], &images.numbers) else {
        return Err(wrong(format!(
            "images has dimensions {:?}; expected [n, side, side] of bytes",
            images.dimensions
        )));
    };
    if n == 0 || height == 0 || width == 0 {
        return Err(wrong("images is empty".into()));
    }
    if folds.dimensions.len() != 2 || folds.dimensions[0] != n || folds.dimensions[1] <= fold {
        return Err(wrong(format!("folds has dimensions {:?}; expected [{n}, 5]", folds.dimensions)));
    }
    let place = |i: usize| folds.number(fold * n + i);
    let pick = |wanted: f64| {
        let chosen: Vec<usize> = (0..n).filter(|&i| place(i) == wanted).collect();
        let values = chosen.iter().flat_map(|&i| upright(pixels, i, [n, height, width])).collect();
        Examples { count: chosen.len(), values: Values::U8(values), labels: None }
    };
    let (train, valid, test) = (pick(0.0), pick(2.0), pick(3.0));
    if train.count == 0 {
        return Err(wrong(format!("fold {fold} has no unlabelled images (folds = 0)")));
    }
    let notes =
        vec![format!("fold {fold}: unlabelled images for training, the fold's validation and test images")];
    let shape = Shape { channels: 1, height, width };
    Ok(Dataset { name: "TFD".into(), shape, classes: 0, factor: 1.0, offset: 0.0, train, valid, test, notes })
}

/// Image `i` in rows: in the file the image's number runs fastest, then its row, then its column.
fn upright(pixels: &[u8], i: usize, [n, height, width]: [usize; 3]) -> impl Iterator<Item = u8> + '_ {
    (0..height * width).map(move |p| pixels[i + n * (p / width) + n * height * (p % width)])
}
