//! Stacked MNIST (VEEGAN, 1705.07761; PacGAN, 1712.04086): digits drawn at random become the channels of one
//! picture. Of ten classes three channels make 1,000 modes, four make 10,000.
//!
//! Stacks are composed once and kept as bytes, 128,000 of three digits in 301 MB: so every executor gathers
//! minibatches from them as from any pictures.

use super::{Dataset, Examples, Shape, Values, idx};
use crate::error::{Error, Result};
use crate::rng::{Draw, below, stream};
use rayon::prelude::*;
use std::path::Path;

/// `count` stacks of `channels` digits for training and a tenth as many for testing, each digit drawn with
/// replacement from all pictures at `path`, training and test ones, as the protocol has it.
///
/// # Errors
/// When the files cannot be read, or are no grey pictures.
pub fn load(path: &Path, channels: usize, count: usize, seed: u64) -> Result<Dataset> {
    let digits = idx::load(path)?;
    let (Values::U8(train), Values::U8(test)) = (&digits.train.values, &digits.test.values) else {
        return Err(Error::Data(format!("{}: expected pictures of bytes", path.display())));
    };
    let area = digits.shape.len();
    let all: Vec<&[u8]> = train.chunks_exact(area).chain(test.chunks_exact(area)).collect();
    let stacks = |split: &str, count: usize| {
        let draw = Draw::new(seed, stream(&format!("stacked/{split}")), 0);
        let mut bytes = vec![0; count * channels * area];
        bytes.par_chunks_exact_mut(channels * area).enumerate().for_each(|(stack, pixels)| {
            for channel in 0..channels {
                let which = below(draw.word((stack * channels + channel) as u64), all.len());
                let own = pixels[channel..].iter_mut().step_by(channels);
                own.zip(all[which as usize]).for_each(|(to, from)| *to = *from);
            }
        });
        Examples { count, values: Values::U8(bytes), labels: None }
    };
    let train = stacks("train", count);
    let (name, shape) = (format!("stacks of {channels} IDX images"), Shape { channels, ..digits.shape });
    let test = stacks("test", count.div_ceil(10));
    let notes = vec![format!("{channels} of {} images a stack, drawn from the run's seed", all.len())];
    Ok(Dataset { test, notes, ..Dataset::of(&name, shape, 0, train) })
}
