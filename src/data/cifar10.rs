//! CIFAR-10's binary version (<https://www.cs.toronto.edu/~kriz/cifar.html>): records of one label byte and
//! 3072 pixel bytes, red, green and blue planes of 32×32.

use super::file::File;
use super::{Dataset, Examples, Shape, Values};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

const SHAPE: Shape = Shape { channels: 3, height: 32, width: 32 };
/// Bytes of a record: label, then pixels.
const RECORD: usize = 1 + 3072;
const CLASSES: u8 = 10;

/// The file of that name, plain or gzip, if it is there.
fn file(folder: &Path, stem: &str) -> Option<PathBuf> {
    ["bin", "bin.gz"].iter().map(|ending| folder.join(format!("{stem}.{ending}"))).find(|p| p.is_file())
}

fn batches(folder: &Path) -> Vec<Option<PathBuf>> {
    (1..=5).map(|i| file(folder, &format!("data_batch_{i}"))).collect()
}

/// The folder that holds the batches: the given one, or `cifar-10-batches-bin` in it.
pub fn find(path: &Path) -> Option<PathBuf> {
    let below = path.join("cifar-10-batches-bin");
    [path.to_path_buf(), below].into_iter().find(|folder| batches(folder).iter().any(Option::is_some))
}

/// Reads the training batches that are there, and the test batch if it is.
///
/// # Errors
/// When there is no training batch, or one is cut or holds no label where one belongs.
pub fn load(path: &Path) -> Result<Dataset> {
    let Some(folder) = find(path) else {
        let pickled = ["", "cifar-10-batches-py"].iter().any(|f| path.join(f).join("data_batch_1").is_file());
        let hint = if pickled { "; that is the Python version, the binary version is needed" } else { "" };
        return Err(Error::Data(format!(
            "{}: no data_batch_1.bin there nor in cifar-10-batches-bin below{hint}",
            path.display()
        )));
    };
    let found = batches(&folder);
    let mut notes = Vec::new();
    let missing: Vec<String> =
        (1..=5).filter(|i| found[i - 1].is_none()).map(|i| format!("data_batch_{i}.bin")).collect();
    if !missing.is_empty() {
        notes.push(format!("not there: {}", missing.join(", ")));
    }
    let mut train = Records::default();
    found.iter().flatten().try_for_each(|batch| train.add(batch))?;
    let mut test = Records::default();
    match file(&folder, "test_batch") {
        Some(batch) => test.add(&batch)?,
        None => notes.push("no test images (test_batch.bin)".into()),
    }
    let class_names = names(path, &folder, &mut notes);
    let (train, test) = (train.finish(), test.finish());
    Ok(Dataset { test, notes, class_names, ..Dataset::of("CIFAR-10", SHAPE, usize::from(CLASSES), train) })
}

/// Names of the classes, a line each, from batches.meta.txt beside the batches or in the folder that was given; none where
/// there is no such file.
fn names(given: &Path, folder: &Path, notes: &mut Vec<String>) -> Vec<String> {
    const META: &str = "batches.meta.txt";
    let Some(path) = [folder, given].iter().map(|at| at.join(META)).find(|p| p.is_file()) else {
        return vec![];
    };
    let text = std::fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect();
    if names.len() == usize::from(CLASSES) {
        return names;
    }
    notes.push(format!("no names of classes: {META} has {} lines, expected {CLASSES}", names.len()));
    vec![]
}

/// What batches hold, one after the other.
#[derive(Default)]
struct Records {
    labels: Vec<u8>,
    pixels: Vec<u8>,
}

impl Records {
    fn add(&mut self, path: &Path) -> Result<()> {
        let file = File::read(path)?;
        let whole = file.bytes.len() / RECORD * RECORD;
        if whole == 0 || whole != file.bytes.len() {
            let found = format!("{} bytes; fetch the file again", file.bytes.len() - whole);
            return Err(file.wrong(whole, &format!("a whole record of {RECORD} bytes"), found));
        }
        for (i, record) in file.bytes.chunks_exact(RECORD).enumerate() {
            if record[0] >= CLASSES {
                return Err(file.wrong(i * RECORD, "a label from 0 to 9", record[0]));
            }
            self.labels.push(record[0]);
            self.pixels.extend(SHAPE.interleaved(&record[1..]));
        }
        Ok(())
    }

    fn finish(self) -> Examples {
        Examples { count: self.labels.len(), values: Values::U8(self.pixels), labels: Some(self.labels) }
    }
}
