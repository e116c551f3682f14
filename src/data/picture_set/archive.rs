//! What a set of pictures lies in: a folder, or a file that holds files. An archive lists pictures, and hands out their
//! bytes; everything else (decoding, classes, splits) is the same for all of them.

use crate::error::Result;
use std::collections::BTreeMap;

/// Endings of files that are read as pictures, in lower case. What a file is, its first bytes say.
const ENDINGS: [&str; 12] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", "tif", "tiff", "gif", "apng"];
/// Formats that are read, for people.
pub const FORMATS: &str = "PNG, JPEG, WebP, BMP, TIFF or GIF";
/// Files of labels beside pictures.
const TABLES: [&str; 4] = ["dataset.json", "labels.csv", "metadata.csv", "metadata.jsonl"];
/// Folders that programs leave behind, and that hold no pictures of the set.
const LEFT_BEHIND: [&str; 6] =
    ["@eadir", "__macosx", "#recycle", "$recycle.bin", "lost+found", "system volume information"];
/// Largest file of labels.
pub const LARGEST_TABLE: u64 = 256 << 20;
/// Largest file of a picture, and most bytes of a decoded one.
pub const LARGEST_PICTURE: u64 = 1 << 30;

/// A class as a file of labels gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// A number, which stays that of the class.
    Number(i64),
    /// A name; names are numbered in natural order.
    Name(String),
}

/// Which part of the set a picture belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// Trained on.
    Train,
    /// Kept for choosing.
    Valid,
    /// Kept for measuring.
    Test,
}

impl Split {
    /// All of them.
    pub const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// The split that a folder or the beginning of a file's name means, if any.
    pub fn named(name: &str) -> Option<Split> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Split::Train),
            "valid" | "val" | "validation" => Some(Split::Valid),
            "test" | "testing" => Some(Split::Test),
            _ => None,
        }
    }

    /// The split's name, for people.
    pub fn name(self) -> &'static str {
        ["train", "valid", "test"][self as usize]
    }
}

/// A picture that is not read yet.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Path within the archive, its folders divided by slashes. It names a picture and opens nothing.
    pub name: String,
    /// Where the archive finds it.
    pub place: usize,
    /// Bytes that the archive says it has.
    pub size: u64,
    /// What the archive itself says of its class.
    pub label: Option<Label>,
    /// What the archive itself says of its split.
    pub split: Option<Split>,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// Pictures, in the order in which the archive reads them best.
    pub pictures: Vec<Entry>,
    /// Files of labels: path within the archive, content.
    pub tables: Vec<(String, Vec<u8>)>,
    /// How many files were passed over, by ending.
    pub unread: BTreeMap<String, usize>,
    /// Names of classes, where the archive itself has some: class `i` is the `i`th.
    pub class_names: Vec<String>,
    /// What people should know.
    pub notes: Vec<String>,
}

/// What a file is to a set of pictures, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is decoded.
    Picture,
    /// It holds labels.
    Table,
    /// It is counted.
    Other,
    /// It is no part of the set.
    Hidden,
}

/// An archive, opened.
pub trait Archive: Send {
    /// What is in it.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn list(&mut self) -> Result<Listing>;

    /// The bytes of a listed picture. Pictures are asked for in the order of the listing, each once.
    ///
    /// # Errors
    /// When it is damaged or too large: why, without its name.
    fn read(&mut self, entry: &Entry) -> std::result::Result<Vec<u8>, String>;
}

impl Kind {
    /// The kind of a file of this name.
    pub fn of(name: &str) -> Kind {
        let mut parts = name.split('/').rev();
        let file = parts.next().unwrap_or_default();
        if is_hidden(file) || parts.any(is_hidden) {
            Kind::Hidden
        } else if ENDINGS.contains(&ending(file).as_str()) {
            Kind::Picture
        } else if TABLES.contains(&file.to_ascii_lowercase().as_str()) {
            Kind::Table
        } else {
            Kind::Other
        }
    }
}

/// Whether a file or folder of that name is passed over without a word.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || LEFT_BEHIND.contains(&name.to_ascii_lowercase().as_str())
}

/// A file's ending in lower case, without the dot; empty where it has none.
fn ending(file: &str) -> String {
    file.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase())
}

/// A path within an archive as all of them write it: slashes between folders, no `.`, no `..`, no root.
pub fn plain(name: &str) -> String {
    let parts = name.split('/').filter(|part| !["", ".", ".."].contains(part));
    parts.collect::<Vec<_>>().join("/")
}

impl Listing {
    /// Counts a file that is not read.
    pub fn pass_over(&mut self, name: &str) {
        let ending = ending(name.rsplit('/').next().unwrap_or(name));
        let known = !ending.is_empty() && ending.len() <= 12 && !ending.contains(char::is_control);
        let kind = if known { format!(".{ending}") } else { "without an ending".into() };
        *self.unread.entry(kind).or_default() += 1;
    }

    /// Adds a picture of which the archive says nothing else.
    pub fn add(&mut self, name: String, place: usize, size: u64) {
        self.pictures.push(Entry { name, place, size, label: None, split: None });
    }

    /// What was passed over, for people, the most frequent ending first: "12 .heic, 3 .txt". None where nothing was.
    pub fn passed_over(&self) -> Option<String> {
        const LISTED: usize = 8;
        let mut kinds: Vec<(&String, usize)> =
            self.unread.iter().map(|(kind, &count)| (kind, count)).collect();
        kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let more: usize = kinds.iter().skip(LISTED).map(|(_, count)| count).sum();
        let mut parts: Vec<String> =
            kinds.iter().take(LISTED).map(|(kind, count)| format!("{count} {kind}")).collect();
        if more > 0 {
            parts.push(format!("{more} others"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_name() {
        for (name, kind) in [
            ("a/b.PNG", Kind::Picture),
            ("b.Jfif", Kind::Picture),
            ("a/metadata.jsonl", Kind::Table),
            ("a/other.csv", Kind::Other),
            ("png", Kind::Other),
            ("a/.b.png", Kind::Hidden),
            (".git/b.png", Kind::Hidden),
            ("a/@eaDir/b.png", Kind::Hidden),
            ("__MACOSX/a/b.png", Kind::Hidden),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
        assert_eq!(plain("/../a/./b//c.png"), "a/b/c.png");
    }
}
