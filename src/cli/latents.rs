//! Which samples are drawn: the first of a seed, some of its others, or those of noise from a file.

use crate::data::npy::{self, Array};
use crate::error::{Error, Result};
use crate::inference::{Generator, noise_of};
use crate::run::atomic;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Samples of a seed by number, as typed: `3,14-20`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indices(pub Vec<usize>);

/// Samples made and written at once.
pub const PART: usize = 1_000;
/// The most samples of one command.
const MOST: usize = 10_000_000;

/// Reads `3,14-20`.
pub fn indices(text: &str) -> std::result::Result<Indices, String> {
    let mut all = vec![];
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let [from, to] = [from, to].map(super::whole::<u32>);
        let wrong = |why: &str| format!("{part:?}: {why}; expected numbers and ranges as in 3,14-20");
        let (from, to) = (from.map_err(|e| wrong(&e))? as usize, to.map_err(|e| wrong(&e))? as usize);
        if to < from {
            return Err(wrong("a range that ends before it begins"));
        }
        if all.len() + (to - from) >= MOST {
            return Err(format!("more than {MOST} samples"));
        }
        all.extend(from..=to);
    }
    Ok(Indices(all))
}

/// The samples that a command draws.
pub enum Noise {
    /// The first of a seed, so many.
    First { count: usize, seed: u64 },
    /// These of a seed.
    Chosen { which: Vec<usize>, seed: u64 },
    /// Those of noise `[n, latent.dim]` in a file; where no file has their labels, the seed draws them.
    File { path: PathBuf, latents: Vec<f32>, dim: usize, seed: u64 },
}

impl Noise {
    /// The noise of a file.
    pub fn of_file(path: &Path, generator: &Generator, seed: u64) -> Result<Noise> {
        let dim = generator.config.latent.dim;
        let array = Array::read(path)?;
        let wrong = |what: String| Err(Error::Data(format!("--latents {}: {what}", path.display())));
        match array.shape[..] {
            [rows, _] if rows > MOST => return wrong(format!("more than {MOST} samples")),
            [rows, width] if rows > 0 && width == dim && !array.is_text() => {}
            _ => {
                return wrong(format!(
                    "has the shape {:?}, expected numbers [n, {dim}]: this run's latent.dim is {dim}",
                    array.shape
                ));
            }
        }
        let latents: Vec<f32> = array.numbers().map(|x| x as f32).collect();
        if let Some(at) = latents.iter().position(|x| !x.is_finite()) {
            let (row, column, number) = (at / dim, at % dim, latents[at]);
            return wrong(format!("number {column} of row {row} is {number}, expected finite numbers"));
        }
        Ok(Noise::File { path: path.to_path_buf(), latents, dim, seed })
    }

    /// How many samples.
    pub fn count(&self) -> usize {
        match self {
            Noise::First { count, .. } => *count,
            Noise::Chosen { which, .. } => which.len(),
            Noise::File { latents, dim, .. } => latents.len() / dim,
        }
    }

    /// The number by which a sample's own file is called.
    pub fn number(&self, at: usize) -> usize {
        match self {
            Noise::Chosen { which, .. } => which[at],
            _ => at,
        }
    }

    /// Labels of all samples as often as the training data have them, or of one class; none of an unconditional model's.
    /// Those of a file's samples lie in the file beside it that [`labels_of`] names, if there is one.
    pub fn labels(&self, generator: &Generator, label: Option<usize>) -> Result<Vec<usize>> {
        let count = if generator.classes() > 0 { self.count() } else { 0 };
        Ok(match self {
            _ if count == 0 => vec![],
            _ if label.is_some() => label.into_iter().cycle().take(count).collect(),
            Noise::First { seed, .. } => generator.labels_of(*seed, 0..count),
            Noise::Chosen { which, seed } => {
                which.iter().flat_map(|&i| generator.labels_of(*seed, i..i + 1)).collect()
            }
            Noise::File { path, seed, .. } => match labels_of(path) {
                beside if beside.is_file() => {
                    tell!("labels: {}", beside.display());
                    learnt(read_labels(&beside, count)?, &beside, generator)?
                }
                _ => generator.labels_of(*seed, 0..count),
            },
        })
    }

    /// Noise of a part of the samples, `[part, latent.dim]`.
    fn noise(&self, part: Range<usize>, generator: &Generator) -> Vec<f32> {
        match self {
            Noise::First { seed, .. } => noise_of(generator.config, *seed, part),
            Noise::Chosen { which, seed } => {
                which[part].iter().flat_map(|&i| noise_of(generator.config, *seed, i..i + 1)).collect()
            }
            Noise::File { latents, dim, .. } => latents[part.start * dim..part.end * dim].to_vec(),
        }
    }

    /// A part of the samples, each of the label among `labels` at its place.
    pub fn samples(
        &self,
        part: Range<usize>,
        labels: &[usize],
        generator: &mut Generator,
    ) -> Result<Vec<f32>> {
        let own = if labels.is_empty() { labels } else { &labels[part.clone()] };
        if let Noise::Chosen { which, seed } = self {
            return generator.samples_at(&which[part], *seed, own);
        }
        let latent = self.noise(part.clone(), generator);
        generator.samples_of(part.start, &latent, own)
    }

    /// Writes the noise as an array `[n, latent.dim]`, and labels, if there are any, beside it; where, for people.
    pub fn save(&self, to: &Path, labels: &[usize], generator: &Generator) -> Result<String> {
        let (count, dim) = (self.count(), generator.config.latent.dim);
        let told = super::out::place(to);
        atomic::write_with(to, &mut |file| {
            let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|e| Error::io("write", to, &e));
            write(&npy::header("<f4", &[count, dim]))?;
            (0..count).step_by(PART).try_for_each(|from| {
                let latent = self.noise(from..count.min(from + PART), generator);
                write(&latent.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
            })
        })?;
        if labels.is_empty() {
            return Ok(told);
        }
        let numbers = labels.iter().flat_map(|&label| (label as i64).to_le_bytes());
        let beside = labels_of(to);
        let bytes = [npy::header("<i8", &[count]), numbers.collect()].concat();
        Ok(format!("{told}, labels {}", super::out::write(&beside, &bytes)?))
    }
}

/// The file of the labels that belong to noise: `z.labels.npy` of `z.npy`.
fn labels_of(noise: &Path) -> PathBuf {
    noise.with_extension("labels.npy")
}

/// The labels that an array `[rows]` of whole numbers holds.
fn read_labels(path: &Path, rows: usize) -> Result<Vec<usize>> {
    let array = Array::read(path)?;
    if array.shape != [rows] || !array.is_whole() {
        return Err(Error::Data(format!(
            "{}: has the shape {:?}, expected whole numbers [{rows}]",
            path.display(),
            array.shape
        )));
    }
    // Negative ones are too large to be classes.
    Ok(array.numbers().map(|x| if x < 0.0 { usize::MAX } else { x as usize }).collect())
}

/// Labels of a file, if the model has learnt them all.
fn learnt(labels: Vec<usize>, path: &Path, generator: &Generator) -> Result<Vec<usize>> {
    let learnt = generator.learnt();
    let Some(row) = labels.iter().position(|label| !learnt.contains(label)) else { return Ok(labels) };
    Err(Error::Data(format!(
        "{}: row {row} asks for class {}, expected classes from 0 to {} that have training examples",
        path.display(),
        labels[row],
        generator.classes() - 1
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_read() {
        let read = |text| indices(text).map(|all| all.0);
        assert_eq!(read("24"), Ok(vec![24]));
        assert_eq!(read("3,14-17,3"), Ok(vec![3, 14, 15, 16, 17, 3]));
        for (wrong, why) in [
            ("", "whole number"),
            ("3,", "whole number"),
            ("7-5", "ends before it begins"),
            ("0-4294967295", "more than 10000000"),
            ("-1", "whole number"),
            ("1-2-3", "whole number"),
        ] {
            assert!(read(wrong).is_err_and(|told| told.contains(why)), "{wrong}");
        }
    }
}
