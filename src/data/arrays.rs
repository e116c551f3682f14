//! NumPy's arrays: an `.npz` file, a folder of `.npy` files, or one `.npy` file. Arrays are known by their names, as
//! MedMNIST (`train_images`, `train_labels`), Keras (`x_train`, `y_train`) and others give them.
//!
//! Pictures are `[n, height, width]`, `[n, height, width, channels]` or `[n, channels, height, width]`, and keep their size;
//! points are `[n, numbers]`. Labels are whole numbers `[n]` or `[n, 1]`, or one-hot rows `[n, classes]`.

use super::file::{self, LIMIT};
use super::npy::Array;
use super::picture_set::Split;
use super::picture_set::zip::Zip;
use super::{Dataset, Examples, Shape, Values};
use crate::error::{Error, Result};
use crate::memory_budget;
use std::path::{Path, PathBuf};

/// Most classes, as a label is a byte.
const MOST_CLASSES: usize = 256;

/// What an array is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Images(Split),
    Labels(Split),
    ClassNames,
}

/// The role that a name gives, if any: a split and a kind in any order.
fn role(name: &str) -> Option<Role> {
    let lower = name.to_ascii_lowercase();
    let mut words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    // xtrain, ytest.
    if let [word] = words[..]
        && let Some((kind, split)) = word.split_at_checked(1)
        && ["x", "y"].contains(&kind)
        && Split::named(split).is_some()
    {
        words = vec![kind, split];
    }
    let at = words.iter().position(|w| Split::named(w).is_some());
    let split = at.and_then(|at| Split::named(words.remove(at)));
    let of = split.unwrap_or(Split::Train);
    match words.join("_").as_str() {
        "images" | "image" | "imgs" | "img" | "x" | "data" | "samples" | "pixels" | "arr_0" | "points" => {
            Some(Role::Images(of))
        }
        "labels" | "label" | "y" | "targets" | "target" | "arr_1" => Some(Role::Labels(of)),
        "class_names" | "label_names" | "names" => Some(Role::ClassNames),
        "" if split.is_some() => Some(Role::Images(of)),
        _ => None,
    }
}

/// Where arrays lie.
enum Files {
    Zip(Zip, Vec<(String, usize, u64)>),
    Plain(Vec<(String, PathBuf)>),
}

impl Files {
    fn open(path: &Path) -> Result<Files> {
        if path.is_dir() {
            return Ok(Files::Plain(in_folder(path)));
        }
        if file::kind(path)? == file::Kind::Zip {
            let mut zip = Zip::open(path)?;
            let mut files = zip.files()?;
            files.retain(|(name, ..)| name.ends_with(".npy"));
            files.iter_mut().for_each(|(name, ..)| name.truncate(name.len() - 4));
            return Ok(Files::Zip(zip, files));
        }
        Ok(Files::Plain(vec![("images".into(), path.to_path_buf())]))
    }

    fn names(&self) -> Vec<String> {
        match self {
            Files::Zip(_, files) => files.iter().map(|(name, ..)| name.clone()).collect(),
            Files::Plain(files) => files.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// The array at a place, of at most `largest` bytes.
    fn array(&mut self, place: usize, largest: u64) -> std::result::Result<Array, String> {
        let fits = |bytes: u64| {
            let need = usize::try_from(bytes.min(largest)).unwrap_or(usize::MAX);
            memory_budget::check("the host", need, memory_budget::OF_READ_DATA).map_err(|e| e.to_string())
        };
        let bytes = match self {
            Files::Zip(zip, files) => {
                fits(files[place].2)?;
                zip.unpack(files[place].1, largest)?
            }
            Files::Plain(files) => {
                let path = &files[place].1;
                let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
                if size > largest {
                    return Err(format!("expected at most {largest} bytes, found {size}"));
                }
                fits(size)?;
                std::fs::read(path).map_err(|e| e.to_string())?
            }
        };
        Array::parse(bytes)
    }
}

/// The arrays of a folder, by name.
fn in_folder(path: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    let name = |p: PathBuf| Some((p.file_name()?.to_str()?.strip_suffix(".npy")?.to_string(), p));
    let mut files: Vec<_> = entries.filter(|p| p.is_file()).filter_map(name).collect();
    files.sort_unstable();
    files
}

/// Whether arrays lie at `path`: a zip file that holds some, an `.npy` file, or a folder of these with pictures by name.
///
/// # Errors
/// When the file cannot be read.
pub fn is_there(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(in_folder(path).iter().any(|(name, _)| matches!(role(name), Some(Role::Images(_)))));
    }
    Ok(match file::kind(path)? {
        file::Kind::Npy => true,
        file::Kind::Zip => Zip::open(path)?.files()?.iter().any(|(name, ..)| name.ends_with(".npy")),
        _ => false,
    })
}

/// Arrays of one split.
#[derive(Default)]
struct Part {
    images: Option<Array>,
    labels: Option<Array>,
}

/// Reads the arrays at `path`.
///
/// # Errors
/// When none are pictures or points, or one is damaged.
pub fn load(path: &Path) -> Result<Dataset> {
    let at = path.display();
    let wrong = |name: &str, why: &str| Error::Data(format!("{at}: {name}: {why}"));
    let mut files = Files::open(path)?;
    let names = files.names();
    let mut roles: Vec<Option<Role>> = names.iter().map(|name| role(name)).collect();
    if names.len() == 1 && roles[0].is_none() {
        roles[0] = Some(Role::Images(Split::Train));
    }
    let mut left = LIMIT;
    let (mut parts, mut class_names, mut notes) = ([(); 3].map(|()| Part::default()), vec![], vec![]);
    for (place, role) in roles.iter().enumerate() {
        let name = &names[place];
        let Some(role) = role else {
            notes.push(format!("not read: the array {name}"));
            continue;
        };
        let array = files.array(place, left).map_err(|why| wrong(name, &why))?;
        left = left.saturating_sub(array.bytes() as u64);
        let slot = match role {
            Role::Images(split) => &mut parts[*split as usize].images,
            Role::Labels(split) => &mut parts[*split as usize].labels,
            Role::ClassNames => {
                class_names = array.texts();
                continue;
            }
        };
        if slot.replace(array).is_some() {
            return Err(wrong(name, "a second array of that kind; which one is meant?"));
        }
    }
    let mut told = vec![];
    let mut splits = Vec::new();
    for (split, part) in Split::ALL.into_iter().zip(parts) {
        let Some(images) = part.images else {
            splits.push(None);
            continue;
        };
        let what = format!("{} images", split.name());
        let (shape, count, values, note) = pictures(images).map_err(|why| wrong(&what, &why))?;
        told.extend((split == Split::Train).then_some(note));
        let labels = match part.labels.map(|labels| classes(&labels, count)) {
            Some(Ok(labels)) => Some(labels),
            Some(Err(why)) => {
                told.push(format!("no labels for {}: {why}", split.name()));
                None
            }
            None => None,
        };
        splits.push(Some((shape, Examples { count, values, labels })));
    }
    notes.append(&mut told);
    let [train, valid, test] = <[_; 3]>::try_from(splits).unwrap_or_else(|_| unreachable!("three splits"));
    let Some((shape, mut train)) = train else {
        return Err(Error::Data(format!(
            "{at}: no array of training pictures by its name: found {names:?}; expected images, train_images, x_train \
             or the like"
        )));
    };
    let other = |split: Split, part: Option<(Shape, Examples)>| match part {
        Some((own, _)) if own != shape => {
            Err(wrong(split.name(), &format!("{own}, but the training examples are {shape}")))
        }
        Some((_, examples)) => Ok(Some(examples)),
        None => Ok(None),
    };
    let (mut valid, mut test) = (other(Split::Valid, valid)?, other(Split::Test, test)?);
    let all = [Some(&mut train), valid.as_mut(), test.as_mut()];
    let (classes, note) = count_classes(all.into_iter().flatten(), class_names.len());
    notes.extend(note);
    class_names.truncate(classes);
    let data = Dataset::of("arrays", shape, classes, train);
    let kept = |split: Option<Examples>, none: &Examples| split.unwrap_or_else(|| none.clone());
    let (valid, test) = (kept(valid, &data.valid), kept(test, &data.test));
    Ok(Dataset { valid, test, class_names, notes, ..data })
}

/// Number of classes over all splits, `named` at least; labels beside those of training mean nothing.
fn count_classes<'a>(
    splits: impl Iterator<Item = &'a mut Examples>,
    named: usize,
) -> (usize, Option<String>) {
    let splits: Vec<&mut Examples> = splits.collect();
    let greatest = splits.iter().filter_map(|s| s.labels.as_ref()?.iter().max()).max().copied();
    match greatest {
        Some(greatest) if splits[0].labels.is_some() => {
            (named.max(usize::from(greatest) + 1).min(MOST_CLASSES), None)
        }
        _ => {
            splits.into_iter().for_each(|s| s.labels = None);
            (0, greatest.map(|_| "no labels: the training examples have none".into()))
        }
    }
}

/// Pictures or points of an array: shape of one, how many, numbers, and a note on how they were stored.
fn pictures(array: Array) -> std::result::Result<(Shape, usize, Values, String), String> {
    let stored = array.shape.clone();
    let is_channels = |c: usize| c == 1 || c == 3;
    let (count, shape, planes) = match stored[..] {
        [n, numbers] => (n, Shape::from(numbers), false),
        [n, height, width] => (n, Shape { channels: 1, height, width }, false),
        [n, height, width, channels] if is_channels(channels) => {
            (n, Shape { channels, height, width }, false)
        }
        [n, channels, height, width] if is_channels(channels) => (n, Shape { channels, height, width }, true),
        _ => {
            return Err(format!(
                "its shape is {stored:?}; expected [n, height, width], [n, height, width, 1 or 3] or \
                 [n, 1 or 3, height, width] of pictures, or [n, numbers] of points"
            ));
        }
    };
    if count == 0 || shape.is_empty() || array.is_text() {
        return Err(format!(
            "its shape is {stored:?}{}; there is nothing in it",
            if array.is_text() { ", of texts" } else { "" }
        ));
    }
    if shape.is_point() {
        let need = count.saturating_mul(shape.len()).saturating_mul(size_of::<f32>());
        memory_budget::check("the host", need, memory_budget::OF_READ_DATA).map_err(|e| e.to_string())?;
        let numbers: Vec<f32> = array.numbers().map(|x| x as f32).collect();
        if numbers.iter().any(|x| !x.is_finite()) {
            return Err("it holds a NaN or an infinity".into());
        }
        return Ok((shape, count, Values::F32(numbers), format!("points as they are, {stored:?}")));
    }
    let whole = array.is_whole();
    let (bytes, what) = match array.into_bytes() {
        Ok(bytes) if bytes.iter().all(|&b| b <= 1) => (
            bytes.into_iter().map(|b| 255 * b).collect(),
            "bytes that are 0 or 1, made black and white".to_string(),
        ),
        Ok(bytes) => (bytes, "bytes".to_string()),
        Err(array) => {
            let (least, most) = array.numbers().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| {
                if x.is_nan() { (f64::NEG_INFINITY, b) } else { (a.min(x), b.max(x)) }
            });
            let (factor, offset, range) = match (least, most) {
                (0.0.., ..=1.0) => (255.0, 0.0, "[0, 1]"),
                (-1.0.., ..=1.0) => (127.5, 127.5, "[−1, 1]"),
                (0.0.., ..=255.0) => (1.0, 0.0, "[0, 255]"),
                (0.0.., ..=65535.0) if whole => (255.0 / 65535.0, 0.0, "[0, 65535]"),
                _ => {
                    return Err(format!(
                        "its numbers go from {least} to {most}; expected [0, 1], [−1, 1] or [0, 255]"
                    ));
                }
            };
            let bytes = array.numbers().map(|x| (x * factor + offset).round() as u8).collect();
            (bytes, format!("numbers in {range}, kept as bytes"))
        }
    };
    let order = if planes { ", planes one by one" } else { "" };
    let bytes = if planes { shape.interleaved(&bytes) } else { bytes };
    Ok((shape, count, Values::U8(bytes), format!("arrays of {what}, {stored:?}{order}")))
}

/// Labels of `count` examples, or why there are none.
fn classes(labels: &Array, count: usize) -> std::result::Result<Vec<u8>, String> {
    let shape = &labels.shape;
    if labels.is_text() {
        return Err("they are texts, expected whole numbers".into());
    }
    let each: Vec<f64> = match shape[..] {
        [n] | [n, 1] if n == count => labels.numbers().collect(),
        [n, k] if n == count && k <= MOST_CLASSES => {
            let numbers: Vec<f64> = labels.numbers().collect();
            let hot = |row: &[f64]| {
                let one = row.iter().position(|&x| x == 1.0)?;
                (row.iter().filter(|&&x| x == 0.0).count() == row.len() - 1).then_some(one as f64)
            };
            let rows: Option<Vec<f64>> = numbers.chunks_exact(k.max(1)).map(hot).collect();
            rows.ok_or(format!("their shape is {shape:?}, and not all rows are one-hot"))?
        }
        _ => {
            return Err(format!(
                "their shape is {shape:?} for {count} examples; expected [{count}] or [{count}, 1]"
            ));
        }
    };
    let label = |&x: &f64| (x.fract() == 0.0 && (0.0..MOST_CLASSES as f64).contains(&x)).then_some(x as u8);
    let wrong = each.iter().find(|x| label(x).is_none());
    match wrong {
        Some(x) => Err(format!("one of them is {x}; expected whole numbers from 0 to {}", MOST_CLASSES - 1)),
        None => Ok(each.iter().filter_map(label).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_arrays_are() {
        for (name, expected) in [
            ("train_images", Some(Role::Images(Split::Train))),
            ("x_test", Some(Role::Images(Split::Test))),
            ("Y_val", Some(Role::Labels(Split::Valid))),
            ("xtrain", Some(Role::Images(Split::Train))),
            ("labels", Some(Role::Labels(Split::Train))),
            ("arr_0", Some(Role::Images(Split::Train))),
            ("test", Some(Role::Images(Split::Test))),
            ("class_names", Some(Role::ClassNames)),
            ("masks", None),
            ("", None),
        ] {
            assert_eq!(role(name), expected, "{name}");
        }
    }
}
