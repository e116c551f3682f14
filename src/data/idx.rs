//! IDX, the format of MNIST and its successors (<http://yann.lecun.com/exdb/mnist/>): a magic number, one
//! big-endian length a dimension, then bytes.

use super::file::File;
use super::{Dataset, Examples, Shape, Values};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Where the four files may lie under the given folder: flat, or as torchvision lays them out.
const FOLDERS: [&str; 5] = ["", "raw", "MNIST/raw", "FashionMNIST/raw", "KMNIST/raw"];

/// The file `NAME-idxN-ubyte` in any of its usual spellings, if it is there.
pub fn find(path: &Path, stem: &str, rank: usize) -> Option<PathBuf> {
    let names = [format!("{stem}-idx{rank}-ubyte"), format!("{stem}.idx{rank}-ubyte")];
    FOLDERS
        .iter()
        .flat_map(|folder| names.iter().map(move |name| path.join(folder).join(name)))
        .flat_map(|plain| {
            let mut packed = plain.clone().into_os_string();
            packed.push(".gz");
            [plain, packed.into()]
        })
        .find(|file| file.is_file())
}

/// Reads the folder of an IDX data set. Test images are optional, labels too.
pub fn load(path: &Path) -> Result<Dataset> {
    if path.is_file() {
        return Err(Error::Data(format!(
            "{}: expected the folder that holds the IDX files, found a file",
            path.display()
        )));
    }
    let Some((shape, train)) = split(path, "train")? else {
        return Err(Error::Data(format!(
            "{}: no train-images-idx3-ubyte or .gz there, nor in raw, MNIST/raw, FashionMNIST/raw or KMNIST/raw below; \
             expected MNIST's IDX files",
            path.display()
        )));
    };
    let mut notes = Vec::new();
    let test = match split(path, "t10k")? {
        Some((test_shape, test)) if test_shape == shape => test,
        Some((other, _)) => {
            return Err(Error::Data(format!(
                "{}: test images are {}×{}, training images {}×{}; are the files of one data set?",
                path.display(),
                other.width,
                other.height,
                shape.width,
                shape.height
            )));
        }
        None => {
            notes.push("no test images (t10k-images-idx3-ubyte)".into());
            Examples::none(&train)
        }
    };
    if train.labels.is_none() {
        notes.push("no labels (train-labels-idx1-ubyte)".into());
    }
    let classes = [&train, &test]
        .iter()
        .filter_map(|s| s.labels.as_ref()?.iter().max())
        .max()
        .map_or(0, |&greatest| usize::from(greatest) + 1);
    Ok(Dataset { test, notes, ..Dataset::of("IDX images", shape, classes, train) })
}

/// Images and labels of "train" or "t10k"; none where there are no images.
fn split(path: &Path, stem: &str) -> Result<Option<(Shape, Examples)>> {
    let Some(images) = find(path, &format!("{stem}-images"), 3) else { return Ok(None) };
    let images = File::read(&images)?;
    let [count, height, width] = header(&images, "images")?;
    let shape = Shape { channels: 1, height, width };
    let mut labels = None;
    if let Some(found) = find(path, &format!("{stem}-labels"), 1) {
        let file = File::read(&found)?;
        let [labelled] = header(&file, "labels")?;
        if labelled != count {
            return Err(Error::Data(format!(
                "{}: {labelled} labels for the {count} images of {}; are the files of one data set?",
                file.path.display(),
                images.path.display()
            )));
        }
        labels = Some(file.bytes[8..].to_vec());
    }
    let mut bytes = images.bytes;
    bytes.drain(..16);
    Ok(Some((shape, Examples { count, values: Values::U8(bytes), labels })))
}

/// Checks magic and length; the file's dimensions.
fn header<const RANK: usize>(file: &File, what: &str) -> Result<[usize; RANK]> {
    let magic = file.be_u32(0, "IDX's magic number")?;
    let expected = 0x0800 + RANK as u32;
    if magic != expected {
        let found = format!("0x{magic:08x}; is this an IDX file of {what}?");
        return Err(file.wrong(0, &format!("0x{expected:08x} (bytes, {RANK} dimensions)"), found));
    }
    let mut dimensions = [0; RANK];
    for (i, d) in dimensions.iter_mut().enumerate() {
        let at = 4 + 4 * i;
        *d = file.be_u32(at, "a dimension")? as usize;
        if *d == 0 {
            return Err(file.wrong(at, "a dimension of at least 1", 0));
        }
    }
    let body = dimensions.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let Some(len) = body.and_then(|n| n.checked_add(4 + 4 * RANK)) else {
        return Err(file.wrong(4, "dimensions whose product fits memory", format!("{dimensions:?}")));
    };
    file.expect_len(len, &format!("{what} of dimensions {dimensions:?}"))?;
    Ok(dimensions)
}
