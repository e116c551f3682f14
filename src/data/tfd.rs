//! The Toronto Face Database (Susskind, Anderson & Hinton 2010), a MAT-file that its authors hand out on request.
//! Variables, as pylearn2's `tfd.py` reads them: `images` [n, side, side] of bytes; `folds` [n, 5], in each fold
//! 0 unlabelled, 1 train, 2 validation, 3 test; `labs_ex` and `labs_id`, which are not used here. As in the 2014
//! paper the unlabelled images are trained on, so nothing has a label.

use super::mat5::{self, Numbers, Variable};
use super::{Dataset, Examples, Shape, Values};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

const NAMES: [&str; 2] = ["TFD_48x48.mat", "TFD_96x96.mat"];
/// Images turned upright together: in the file one pixel of them lies side by side.
const BLOCK: usize = 64;

/// The MAT-file: the path itself, or one of the usual names in it.
pub fn find(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mat")).then(|| path.to_path_buf());
    }
    NAMES.iter().map(|name| path.join(name)).find(|p| p.is_file())
}

/// Reads the images that `fold` (0 to 4) calls unlabelled, for training, and its validation and test images.
///
/// # Errors
/// When there is no such file, it is damaged, or its variables are not TFD's.
pub fn load(path: &Path, fold: usize) -> Result<Dataset> {
    let file = if path.is_file() { Some(path.to_path_buf()) } else { find(path) };
    let Some(file) = file else {
        return Err(Error::Data(format!(
            "{}: expected TFD_48x48.mat or TFD_96x96.mat, or the folder that holds one",
            path.display()
        )));
    };
    let variables = mat5::read(&file)?;
    let variable = |name: &str| {
        variables.iter().find(|v| v.name == name).ok_or_else(|| {
            let names: Vec<&str> = variables.iter().map(|v| &v.name[..]).collect();
            let at = file.display();
            Error::Data(format!("{at}: expected a numeric variable {name:?}, found {names:?}; is this TFD?"))
        })
    };
    let wrong = |v: &Variable, expected: &str, found: String| {
        let (at, name) = (v.offset, &v.name);
        Error::Data(format!("{}: at byte {at}: expected {name:?} {expected}, found {found}", file.display()))
    };
    let (images, folds) = (variable("images")?, variable("folds")?);
    let (&[n, side, width], Numbers::U8(pixels)) = (&images.dimensions[..], &images.values) else {
        let kind = if matches!(images.values, Numbers::U8(_)) { "bytes" } else { "other numbers" };
        let found = format!("{:?} of {kind}", images.dimensions);
        return Err(wrong(images, "of dimensions [n, side, side], bytes", found));
    };
    if n == 0 || side == 0 || side != width {
        return Err(wrong(images, "of dimensions [n, side, side]", format!("{:?}", images.dimensions)));
    }
    match folds.dimensions[..] {
        [rows, columns] if rows == n && columns > fold => {}
        _ => {
            let expected = format!("of dimensions [{n}, 5] for fold {fold} of 0 to 4");
            return Err(wrong(folds, &expected, format!("{:?}", folds.dimensions)));
        }
    }
    let place = |i: &usize| folds.number(fold * n + i);
    if let Some(i) = (0..n).find(|i| ![0.0, 1.0, 2.0, 3.0].contains(&place(i))) {
        return Err(wrong(
            folds,
            "to hold 0, 1, 2 and 3",
            format!("{} for image {i} in fold {fold}", place(&i)),
        ));
    }
    let pick = |wanted: f64| {
        let chosen: Vec<usize> = (0..n).filter(|i| place(i) == wanted).collect();
        Examples { count: chosen.len(), values: Values::U8(upright(pixels, &chosen, n, side)), labels: None }
    };
    let train = pick(0.0);
    if train.count == 0 {
        return Err(wrong(folds, "to call images unlabelled (0)", format!("none in fold {fold}")));
    }
    let shape = Shape { channels: 1, height: side, width: side };
    let notes =
        vec![format!("fold {fold}: its unlabelled images for training, its validation and test images")];
    Ok(Dataset { valid: pick(2.0), test: pick(3.0), notes, ..Dataset::of("TFD", shape, 0, train) })
}

/// The chosen of `n` images row by row. In the file the image's number runs fastest, then the row, then the
/// column.
fn upright(pixels: &[u8], chosen: &[usize], n: usize, side: usize) -> Vec<u8> {
    let area = side * side;
    let mut out = vec![0; chosen.len() * area];
    out.par_chunks_mut(BLOCK * area).zip(chosen.par_chunks(BLOCK)).for_each(|(images, numbers)| {
        for at in 0..area {
            let plane = n * (at / side + side * (at % side));
            for (image, number) in images.chunks_exact_mut(area).zip(numbers) {
                image[at] = pixels[plane + number];
            }
        }
    });
    out
}
