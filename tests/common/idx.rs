//! IDX, the format of MNIST's four files.

use gansaku::data::{Values, digits};
use std::path::Path;

/// A file of bytes in these dimensions.
pub fn idx(dimensions: &[u32], body: &[u8]) -> Vec<u8> {
    let magic = 0x0800 + dimensions.len() as u32;
    let header = std::iter::once(&magic).chain(dimensions).flat_map(|word| word.to_be_bytes());
    header.chain(body.iter().copied()).collect()
}

/// Procedural digits as MNIST's four files in a folder: `train` of them and `test` more.
pub fn digits_as_idx(folder: &Path, train: usize, test: usize, seed: u64) {
    let data = digits::load(train.max(10 * test), seed);
    std::fs::create_dir_all(folder).expect("made");
    for (name, split, count) in [("train", &data.train, train), ("t10k", &data.test, test)] {
        let Values::U8(pixels) = &split.values else { panic!("digits are bytes") };
        let labels = split.labels.as_ref().expect("digits are labelled");
        let images = idx(&[count as u32, 28, 28], &pixels[..count * 784]);
        std::fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).expect("written");
        let labels = idx(&[count as u32], &labels[..count]);
        std::fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).expect("written");
    }
}
