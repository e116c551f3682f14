//! Any set of pictures (a folder, a zip or tar file, Parquet shards), made one size and one number of channels.
//!
//! One path for all of them: an [`Archive`] lists its pictures and hands out their bytes; [`decode`] makes squares of
//! them; [`places`] says to which split and class each belongs.

mod archive;
mod budget;
mod decode;
mod domains;
mod folder;
mod labels;
mod natural;
#[cfg(feature = "parquet")]
mod parquet;
mod places;
mod sides;
mod tar;
pub mod whole;
pub mod zip;

use super::{Dataset, Examples, Shape, Values, file};
use crate::config;
use crate::console::typed;
use crate::error::{Error, Result};
use crate::numbers::counted;
use archive::{Archive, LARGEST_PICTURE, Listing};

pub use archive::{FORMATS, Split};
use budget::Budget;
use decode::{Cut, Decoded};
pub use domains::{pairs, two_folders};
use places::Places;
use rayon::prelude::*;
use std::path::Path;

/// Damaged pictures that are named; the others are counted.
const NAMED: usize = 20;
/// Files that are read ahead of decoding, and the bytes of them after which no more are.
const AHEAD: (usize, u64) = (512, 64 << 20);
/// A side so many times as long as the other is told.
const EXTREME: u32 = 4;

/// What can be said of a path without decoding a picture.
pub enum Found {
    /// Pictures.
    Pictures,
    /// Pictures of two domains in folders of their own.
    TwoFolders,
    /// Files, but none that is read: what they are, "12 .heic, 3 .txt"; none where there are no files at all.
    Nothing(Option<String>),
}

/// Lists what lies at `path`.
///
/// # Errors
/// When it cannot be listed.
pub fn look(path: &Path) -> Result<Found> {
    let listing = open(path)?.list()?;
    Ok(match listing.pictures.len() {
        0 => Found::Nothing(listing.passed_over()),
        _ if sides::of(&listing.pictures).is_some() => Found::TwoFolders,
        _ => Found::Pictures,
    })
}

/// The archive at a path, told apart by what the file holds.
fn open(path: &Path) -> Result<Box<dyn Archive>> {
    if path.is_dir() {
        let shards = shards(path)?;
        let mut folder = folder::Folder::new(path);
        if shards.is_empty() || !folder.list()?.pictures.is_empty() {
            return Ok(Box::new(folder));
        }
        return parquet_files(path, shards);
    }
    match file::kind(path)? {
        file::Kind::Zip => Ok(Box::new(zip::Zip::open(path)?)),
        file::Kind::Tar => Ok(Box::new(tar::Tar::new(path, false))),
        file::Kind::PackedTar => Ok(Box::new(tar::Tar::new(path, true))),
        file::Kind::Parquet => parquet_files(path, vec![path.to_path_buf()]),
        _ => Err(Error::Data(format!(
            "{}: expected a folder, or a zip, tar or Parquet file, of pictures",
            path.display()
        ))),
    }
}

/// Parquet files below a folder, sorted.
fn shards(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    let files =
        walkdir::WalkDir::new(path).max_depth(3).follow_links(true).into_iter().filter_map(|e| e.ok());
    let mut files: Vec<_> = files
        .filter(|e| e.file_type().is_file() && e.path().extension().is_some_and(|e| e == "parquet"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    files.sort_unstable();
    Ok(files)
}

#[cfg(feature = "parquet")]
fn parquet_files(root: &Path, files: Vec<std::path::PathBuf>) -> Result<Box<dyn Archive>> {
    Ok(Box::new(parquet::Shards::new(root, files)))
}

#[cfg(not(feature = "parquet"))]
fn parquet_files(root: &Path, _: Vec<std::path::PathBuf>) -> Result<Box<dyn Archive>> {
    Err(Error::Data(format!(
        "{}: Parquet files, which this build does not read; cargo build --release --features parquet makes one that does",
        root.display()
    )))
}

/// Why nothing at a path is read, for people; `passed_over` says what is there.
fn nothing(path: &Path, passed_over: Option<&str>) -> Error {
    let at = path.display();
    let hint =
        if path.is_file() { "; other data in it are read once it is unpacked to a folder" } else { "" };
    Error::Data(match passed_over {
        Some(what) => {
            format!(
                "{at}: no picture that can be read, there or below: found {what}; expected {FORMATS} files{hint}"
            )
        }
        None => format!("{at}: no files there nor below; expected {FORMATS} files"),
    })
}

/// Reads every picture at `path`. A damaged one is skipped and noted, or an error where `config.strict`.
///
/// # Errors
/// When there is no picture, none is whole, or the archive is damaged.
pub fn load(path: &Path, config: &config::Data) -> Result<Dataset> {
    let mut archive = open(path)?;
    let (listing, mut notes) = opened(&mut *archive, path)?;
    let whence = path.display().to_string();
    if sides::of(&listing.pictures).is_some() {
        let path = typed(path);
        return Err(Error::Data(format!(
            "{whence}: pictures of two domains, in folders named trainA or trainB, go with another recipe: gansaku train \
             cyclegan --data {path}; this one learns one domain, and takes one of those folders alone"
        )));
    }
    let mut places = Places::of(&listing, &whence)?;
    let decoded = decode_all(&mut *archive, &listing, &places, config.size as u32, Cut::Square);
    notes.append(&mut places.notes);
    let mut set = Set { listing, places, decoded, notes };
    set.tell_damaged(path, config.strict)?;
    let channels = set.tell_changes(config);
    set.tell_empty_classes();
    let [train, valid, test] = Split::ALL.map(|split| set.examples(split, channels));
    if train.count == 0 {
        return Err(Error::Data(format!("{whence}: no training picture can be read")));
    }
    let shape = Shape { channels, height: config.size, width: config.size };
    let class_names = set.places.names;
    let of_train = Dataset::of("pictures", shape, set.places.classes, train);
    Ok(Dataset { valid, test, class_names, notes: set.notes, ..of_train })
}

/// Lists an archive that has to hold pictures; and what people should know of it.
fn opened(archive: &mut dyn Archive, path: &Path) -> Result<(Listing, Vec<String>)> {
    let mut listing = archive.list()?;
    let passed_over = listing.passed_over();
    if listing.pictures.is_empty() {
        return Err(nothing(path, passed_over.as_deref()));
    }
    let mut notes = std::mem::take(&mut listing.notes);
    if let Some(what) = passed_over {
        notes.push(format!("not read: {what} (no {FORMATS} files by their endings)"));
    }
    Ok((listing, notes))
}

/// What becomes of one picture; none of one that is left out.
type Outcome = Option<std::result::Result<Decoded, String>>;

/// Decodes every picture that has a split: one thread reads ahead while the others decode.
fn decode_all(
    archive: &mut dyn Archive,
    listing: &Listing,
    places: &Places,
    side: u32,
    cut: Cut,
) -> Vec<Outcome> {
    let budget = Budget::new(LARGEST_PICTURE);
    let wanted: Vec<usize> = (0..listing.pictures.len()).filter(|&i| places.splits[i].is_some()).collect();
    let mut outcomes: Vec<Outcome> = (0..listing.pictures.len()).map(|_| None).collect();
    let mut rest = &wanted[..];
    let mut read = |rest: &mut &[usize]| {
        let (mut files, mut bytes) = (vec![], 0);
        while let [first, others @ ..] = *rest
            && files.len() < AHEAD.0
            && bytes < AHEAD.1
        {
            let file = archive.read(&listing.pictures[*first]);
            bytes += file.as_ref().map_or(0, |f| f.len() as u64);
            files.push((*first, file));
            *rest = others;
        }
        files
    };
    let mut files = read(&mut rest);
    while !files.is_empty() {
        let decode = |(i, file): (usize, std::result::Result<Vec<u8>, String>)| {
            (i, file.and_then(|bytes| decode::decode(&bytes, side, cut, &budget)))
        };
        let (done, next) = rayon::join(
            || files.into_par_iter().with_max_len(1).map(decode).collect::<Vec<_>>(),
            || read(&mut rest),
        );
        done.into_iter().for_each(|(i, outcome)| outcomes[i] = Some(outcome));
        files = next;
    }
    outcomes
}

/// A set of pictures on its way to a [`Dataset`].
struct Set {
    listing: Listing,
    places: Places,
    decoded: Vec<Outcome>,
    notes: Vec<String>,
}

impl Set {
    fn good(&self) -> impl Iterator<Item = &Decoded> {
        self.decoded.iter().filter_map(|d| d.as_ref()?.as_ref().ok())
    }

    /// Notes a line for each damaged picture, or the error that all or any of them are.
    fn tell_damaged(&mut self, path: &Path, strict: bool) -> Result<()> {
        let outcomes = self.listing.pictures.iter().zip(&self.decoded);
        let damaged: Vec<String> = outcomes
            .filter_map(|(picture, d)| Some(format!("{}: {}", picture.name, d.as_ref()?.as_ref().err()?)))
            .collect();
        let all = self.decoded.iter().flatten().count();
        let Some(first) = damaged.first() else { return Ok(()) };
        if strict || damaged.len() == all {
            let count = damaged.len();
            return Err(Error::Data(format!(
                "{}: {first}; {count} of {all} pictures cannot be read",
                path.display()
            )));
        }
        self.notes.push(format!("skipped {} of {all} pictures, which are damaged:", damaged.len()));
        self.notes.extend(damaged.iter().take(NAMED).map(|line| format!("  {line}")));
        if damaged.len() > NAMED {
            self.notes.push(format!("  and {} more", damaged.len() - NAMED));
        }
        Ok(())
    }

    /// Notes what was done to how many pictures; how many channels they have now.
    fn tell_changes(&mut self, config: &config::Data) -> usize {
        let all = self.good().count();
        let count = |has: &dyn Fn(&Decoded) -> bool| self.good().filter(|d| has(d)).count();
        let side = config.size as u32;
        let short = |d: &Decoded| d.size[0].min(d.size[1]);
        let long = |d: &Decoded| d.size[0].max(d.size[1]);
        let coloured = count(&|d| d.coloured);
        let channels = match config.channels {
            0 if coloured > 0 => 3,
            0 => 1,
            asked => asked,
        };
        let mut told = vec![];
        let mut note = |count: usize, what: &str| {
            if count > 0 {
                told.push(format!("{count} of {all} pictures {what}"));
            }
        };
        note(count(&|d| d.turned), "turned upright, as their EXIF data say");
        note(count(&|d| d.size[0] != d.size[1]), "cut to their centred square");
        let extreme = self.good().filter(|d| long(d) > EXTREME * short(d));
        if let Some(worst) = extreme.max_by_key(|d| u64::from(long(d)) * 1000 / u64::from(short(d))) {
            let [width, height] = worst.size;
            let count = count(&|d| long(d) > EXTREME * short(d));
            note(
                count,
                &format!(
                    "more than {EXTREME} times as long as wide, up to {width}×{height}: little is left of them"
                ),
            );
        }
        note(count(&|d| short(d) != side), &format!("resized to {side}×{side} (data.size)"));
        if let Some(least) = self.good().map(short).filter(|&s| s < side).min() {
            let count = count(&|d| short(d) < side);
            let least = counted(u64::from(least), "pixel");
            note(count, &format!("enlarged, the smallest from {least} a side (data.size)"));
        }
        note(count(&|d| d.transparent), "laid on white where they are transparent");
        note(count(&|d| d.deep), "converted from 16 bits to 8");
        match channels {
            1 => note(coloured, "converted from colour to grey (data.channels)"),
            _ => note(all - coloured, "grey, repeated in three channels (data.channels)"),
        }
        self.notes.append(&mut told);
        channels
    }

    /// Notes classes without a training picture, which keep their numbers.
    fn tell_empty_classes(&mut self) {
        let Places { splits, labels, classes, names, .. } = &self.places;
        let (mut listed, mut whole) = (vec![0; *classes], vec![0; *classes]);
        for (i, label) in labels.iter().enumerate() {
            if let (Some(class), Some(Split::Train)) = (label, splits[i]) {
                listed[usize::from(*class)] += 1;
                whole[usize::from(*class)] += usize::from(matches!(self.decoded[i], Some(Ok(_))));
            }
        }
        for class in (0..*classes).filter(|&c| whole[c] == 0) {
            let name = names.get(class).map_or(String::new(), |name| format!(" ({name})"));
            let why = match listed[class] {
                0 => "has no training pictures".to_string(),
                n => format!("has no training pictures left, all {n} are damaged"),
            };
            self.notes.push(format!("class {class}{name} {why}; it keeps its number"));
        }
    }

    /// The whole pictures of a split, sorted by name.
    fn examples(&self, split: Split, channels: usize) -> Examples {
        let whole =
            |&i: &usize| self.places.splits[i] == Some(split) && matches!(self.decoded[i], Some(Ok(_)));
        let mut chosen: Vec<usize> = (0..self.decoded.len()).filter(whole).collect();
        let parts = |i: usize| self.listing.pictures[i].name.split('/');
        chosen.sort_by(|&a, &b| parts(a).cmp(parts(b)));
        self.gathered(&chosen, channels)
    }

    /// The pictures of these numbers, all of them whole.
    fn gathered(&self, chosen: &[usize], channels: usize) -> Examples {
        let pixels = |&i: &usize| match &self.decoded[i] {
            Some(Ok(picture)) => picture.interleaved(channels),
            _ => vec![],
        };
        let bytes = chosen.par_iter().flat_map_iter(pixels).collect();
        let labels: Option<Vec<u8>> = chosen.iter().map(|&i| self.places.labels[i]).collect();
        let labels = labels.filter(|_| self.places.classes > 0);
        Examples { count: chosen.len(), values: Values::U8(bytes), labels }
    }
}
