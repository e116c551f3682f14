//! What tells data sets apart: two runs, or a run and a classifier, are of the same data or they are not.

use super::{Dataset, Examples, Values, load};
use crate::config::{self, Scale, Source};
use crate::error::{Error, Result};
use crate::numbers::hex;
use sha2::{Digest, Sha256};
use std::path::Path;

impl Dataset {
    /// SHA-256 over shape, examples (in planes, as files have them) and labels of all splits, in hexadecimal digits; and,
    /// where there is an origin, over that of its data.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let number = |n: usize| (n as u64).to_le_bytes();
        let shape = self.shape;
        [shape.channels, shape.height, shape.width].iter().for_each(|&n| hash.update(number(n)));
        for Examples { count, values, labels } in [&self.train, &self.valid, &self.test] {
            hash.update(number(*count));
            match values {
                Values::U8(bytes) => {
                    bytes.chunks_exact(shape.len()).for_each(|x| hash.update(shape.planes(x)));
                }
                Values::F32(numbers) => numbers
                    .chunks_exact(shape.len())
                    .for_each(|x| hash.update(bytemuck::cast_slice::<f32, u8>(&shape.planes(x)))),
            }
            hash.update(labels.as_deref().unwrap_or_default());
        }
        if let Some(origin) = &self.origin {
            hash.update(origin.data.sha256());
        }
        hex(&hash.finalize())
    }
}

/// Refuses examples that `run` was not trained on; `known` is the [`Dataset::sha256`] that it left. Built-in sources are
/// drawn anew wherever a run is looked at, on another processor perhaps with other last digits.
///
/// # Errors
/// When they are others.
pub fn same(run: &Path, known: Option<&str>, config: &config::Data, data: &Dataset) -> Result<()> {
    if config.source.is_built_in() || known.is_none_or(|known| known == data.sha256()) {
        return Ok(());
    }
    Err(Error::Data(format!(
        "{} was trained on other examples than {} holds; give its own with --data",
        run.display(),
        config.path.as_deref().unwrap_or(Path::new("?")).display()
    )))
}

/// What the examples are, however they are split, scaled and stacked: the name of a built-in source, whose draws
/// all come from one distribution, or the SHA-256 of what the files hold.
///
/// # Errors
/// When the files cannot be read.
pub fn identity(config: &config::Data) -> Result<String> {
    match config.source.built_in_name() {
        Some(name) => Ok(name.into()),
        None => Ok(load(&whole(config), 0)?.sha256()),
    }
}

/// Data without splits, with pixels in [0, 1], a stack's digits one by one: what a hash of the data is taken of.
pub fn whole(config: &config::Data) -> config::Data {
    let source = if config.source == Source::Stacked { Source::Idx } else { config.source };
    config::Data { source, train: None, valid: None, hold_out: 0.0, scale: Scale::Unit, ..config.clone() }
}
