//! From a configuration to a data set: which reader, which splits, which scale.

use super::{
    Dataset, Shape, arrays, cifar10, detect, digits, domains, file, idx, picture_set, stacked, tfd, toy,
};
use crate::config::{self, Scale, Source};
use crate::console::typed;
use crate::error::{Error, Result};
use crate::memory_budget;
use std::path::Path;

/// Shape and classes of what a source usually holds.
pub fn usual(config: &config::Data) -> (Shape, usize) {
    let (shape, classes) = unpadded(config);
    let framed = |n: usize| if shape.is_point() { n } else { n + 2 * config.pad };
    (Shape { height: framed(shape.height), width: framed(shape.width), ..shape }, classes)
}

fn unpadded(config: &config::Data) -> (Shape, usize) {
    let grey = |side| Shape { channels: 1, height: side, width: side };
    let point = |channels| Shape { channels, height: 1, width: 1 };
    match config.source {
        Source::Digits | Source::Idx => (grey(28), 10),
        Source::Stacked => (Shape { channels: config.stack, ..grey(28) }, 0),
        Source::Ring => (point(2), 8),
        Source::Grid => (point(2), 25),
        Source::Line => (point(1), 2),
        Source::Cifar10 => (Shape { channels: 3, ..grey(32) }, 10),
        Source::Tfd => (grey(48), 0),
        Source::Folder | Source::TwoFolders | Source::Pairs | Source::Arrays | Source::Auto => {
            let channels = if config.channels == 1 { 1 } else { 3 };
            (Shape { channels, ..grey(config.size) }, 0)
        }
        source => domains::usual(source, config.size).unwrap_or((grey(config.size), 0)),
    }
}

/// Bytes of the data that a configuration has made rather than read: training examples, and those for validation and
/// testing, a tenth as many each where there is one domain.
fn made(config: &config::Data) -> usize {
    let number = match (config.source, config.scale) {
        (Source::Ring | Source::Grid | Source::Line, _) => size_of::<f32>(),
        (source, _) if source != Source::Stacked && !source.is_built_in() => return 0,
        (_, Scale::Gcn) => size_of::<u8>() + 2 * size_of::<f32>(),
        _ => size_of::<u8>(),
    };
    let examples = match config.source.is_made_of_two_domains() {
        true => domains::examples(config.count),
        false => config.count + 2 * config.count.div_ceil(10),
    };
    number * examples * usual(config).0.len()
}

/// Loads what a configuration asks for. `seed` makes the built-in sources.
///
/// # Errors
/// When a path is missing, a file damaged, or a split asks for more than there is: the message names file,
/// offset, what was expected and what to do.
pub fn load(config: &config::Data, seed: u64) -> Result<Dataset> {
    let at = |path: &Path| path.display().to_string();
    memory_budget::check("the host", made(config), memory_budget::OF_MADE_DATA)?;
    let (data, whence) = match (config.source, &config.path) {
        (Source::Invert | Source::Outline | Source::Strokes | Source::Stripes, _) => {
            (domains::load(config, seed), "two domains".into())
        }
        (Source::Digits, _) => (digits::load(config.count, seed), "digits".into()),
        (Source::Line, _) => (toy::load(&toy::LINE, config.count, seed), "line".into()),
        (Source::Ring, _) => (toy::load(&toy::RING, config.count, seed), "ring".into()),
        (Source::Grid, _) => (toy::load(&toy::GRID, config.count, seed), "grid".into()),
        (source, None) => return Err(missing(source)),
        (_, Some(path)) if !path.exists() => return Err(file::gone(path)),
        (Source::Auto, Some(path)) => {
            return load(&config::Data { source: detect::source(path)?, ..config.clone() }, seed);
        }
        (Source::Folder, Some(path)) => (picture_set::load(path, config)?, at(path)),
        (Source::TwoFolders, Some(path)) => (picture_set::two_folders(path, config)?, at(path)),
        (Source::Pairs, Some(path)) => (picture_set::pairs(path, config)?, at(path)),
        (source, Some(path)) => {
            let data = match source {
                Source::Stacked => stacked::load(path, config.stack, config.count, seed),
                Source::Cifar10 => cifar10::load(path),
                Source::Tfd => tfd::load(path, config.fold),
                Source::Arrays => arrays::load(path),
                _ => idx::load(path),
            };
            (data.map_err(|e| or_what_is_there(e, path, source))?, at(path))
        }
    };
    // Points are the numbers that the network sees.
    let data = if data.shape.is_point() { data } else { data.padded(config.pad).scaled(config.scale) };
    Ok(data.split(config, &whence)?.hold_out(config.hold_out))
}

/// [`load`] for a run that has loaded them before: where they are gone, the error says how to tell where they lie now.
///
/// # Errors
/// When [`load`] fails.
pub fn load_again(config: &config::Data, seed: u64) -> Result<Dataset> {
    let gone = config.path.as_ref().is_some_and(|path| !path.exists());
    load(config, seed).map_err(|e| match e {
        Error::Data(why) if gone => Error::Data(why + MOVED),
        other => other,
    })
}

/// What to add where data lie no more where a run found them.
pub(crate) const MOVED: &str = "; --data says where the data lie now";

/// The error of a reader of other files, with what lies at `path` and what reads it.
fn or_what_is_there(error: Error, path: &Path, asked: Source) -> Error {
    let Error::Data(why) = error else { return error };
    let found = match detect::source(path) {
        Ok(found) if found != asked && !(found == Source::Idx && asked == Source::Stacked) => found,
        _ => return Error::Data(why),
    };
    let what = match found {
        Source::Idx => "these are MNIST's IDX files, which go",
        Source::Cifar10 => "these are CIFAR-10's binary files, which go",
        Source::Tfd => "this is the Toronto Face Database, which goes",
        Source::Arrays => "these are NumPy's arrays, which go",
        Source::TwoFolders => "pictures of two domains, trainA and trainB, go",
        _ if path.is_file() => "this is a file of pictures, which goes",
        _ => "a folder of pictures goes",
    };
    let (path, recipe) = (typed(path), if found == Source::TwoFolders { "cyclegan " } else { "" });
    Error::Data(format!("{why}; {what} with another recipe: gansaku train {recipe}--data {path}"))
}

fn missing(source: Source) -> Error {
    let what = match source {
        Source::Idx | Source::Stacked => {
            "a folder with MNIST's four IDX files (plain or .gz, flat or as torchvision lays them out)"
        }
        Source::Cifar10 => "a folder with CIFAR-10's binary version (data_batch_1.bin …)",
        Source::Tfd => "TFD_48x48.mat or TFD_96x96.mat, or the folder that holds it",
        Source::Arrays => "NumPy's .npz file, or a folder of .npy files",
        Source::TwoFolders => "a folder, zip or tar file that holds the folders trainA and trainB",
        Source::Pairs => "a folder, zip or tar file of pictures twice as wide as high, pairs side by side",
        _ => "a folder, zip or tar file of pictures",
    };
    Error::Data(format!("this recipe needs data: --data PATH, {what}; `gansaku train digits` needs none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_domains_of_drawn_data_count() {
        let config = |source: &str| {
            toml::from_str(&format!("source = {source:?}\ncount = 100\nsize = 16")).expect("data")
        };
        assert_eq!(made(&config("stripes")), 2 * (100 + 10 + 500) * 3 * 16 * 16);
        assert_eq!(made(&config("invert")), 2 * (100 + 10 + 500) * 16 * 16);
        assert_eq!(made(&config("digits")), 120 * 28 * 28);
        assert_eq!(made(&config("two-folders")), 0);
        assert_eq!(usual(&config("outline")), (Shape { channels: 3, height: 16, width: 16 }, 4));
    }
}
