//! Splits and classes of a set of pictures, from the names of folders, from a file of labels, or from what the archive
//! says.
//!
//! `train`, `valid` (or `val`, `validation`) and `test` folders at the top are splits, where there are a `train` and one
//! of the others. Below them, or at the top, folders are classes. Classes are numbered over all splits alike, in natural
//! order, and a class keeps its number whatever becomes of its pictures.

use super::archive::{Entry, Label, Listing, Split};
use super::labels::Table;
use super::natural;
use crate::error::Result;
use crate::numbers::counted;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Most classes, as a label is a byte.
const MOST: usize = 256;

/// Where each picture belongs.
#[derive(Default)]
pub struct Places {
    /// Split of each picture; none where it is left out.
    pub splits: Vec<Option<Split>>,
    /// Class of each picture, where it has one.
    pub labels: Vec<Option<u8>>,
    /// Number of classes; 0 where there are none.
    pub classes: usize,
    /// Name of each class; empty where they have numbers only.
    pub names: Vec<String>,
    /// What people should know.
    pub notes: Vec<String>,
}

impl Places {
    /// Places for what an archive lists; `whence` names it in errors.
    ///
    /// # Errors
    /// When a file of labels is damaged.
    pub fn of(listing: &Listing, whence: &str) -> Result<Places> {
        let tables: Vec<Table> = listing
            .tables
            .iter()
            .map(|(name, bytes)| Table::parse(whence, name, bytes))
            .collect::<Result<_>>()?;
        let pictures = &listing.pictures;
        let paths: Vec<Vec<&str>> = pictures.iter().map(|p| p.name.split('/').collect()).collect();
        let mut places = Places::default();
        let level = places.split(pictures, &paths);
        let entries = || pictures.iter().map(|p| p.label.clone()).collect::<Vec<_>>();
        if let Some(table) = tables.iter().find(|t| t.is_final()) {
            places.take_tables(std::slice::from_ref(table), pictures);
        } else if pictures.iter().any(|p| p.label.is_some()) {
            places.number(entries(), "the labels of its rows", &listing.class_names);
        } else if !tables.is_empty() {
            places.take_tables(&tables, pictures);
        } else {
            places.take_folders(&paths, level);
        }
        Ok(places)
    }

    /// Finds splits; the level of folders at which classes would be.
    fn split(&mut self, pictures: &[Entry], paths: &[Vec<&str>]) -> usize {
        if pictures.iter().any(|p| p.split.is_some()) {
            self.splits = pictures.iter().map(|p| p.split).collect();
            self.tell_splits("the names of files");
            return 0;
        }
        // Folders that hold everything are only a way down.
        let mut level = 0;
        loop {
            let folder = |path: &Vec<&str>| (path.len() > level + 1).then(|| path[level].to_string());
            let folders: BTreeSet<Option<String>> = paths.iter().map(folder).collect();
            let means: BTreeSet<Split> = folders.iter().flatten().filter_map(|f| Split::named(f)).collect();
            if means.contains(&Split::Train) && means.len() > 1 {
                self.splits = paths.iter().map(|p| folder(p).and_then(|f| Split::named(&f))).collect();
                self.tell_splits("the names of folders");
                return level + 1;
            }
            if folders.len() != 1 || folders.contains(&None) {
                self.splits = vec![Some(Split::Train); paths.len()];
                return level;
            }
            level += 1;
        }
    }

    fn tell_splits(&mut self, whence: &str) {
        let count = |split| self.splits.iter().filter(|&&s| s == split).count();
        let counts: Vec<String> = Split::ALL
            .iter()
            .map(|&split| (split.name(), count(Some(split))))
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let left_out = count(None);
        self.notes.push(format!("splits from {whence}: {}", counts.join(", ")));
        if left_out > 0 {
            let count = counted(left_out as u64, "picture");
            self.notes.push(format!("left out: {count} in none of these splits"));
        }
    }

    /// Where every picture of a split lies in a folder, and there are 2 to 256 of them, those are its classes.
    fn take_folders(&mut self, paths: &[Vec<&str>], level: usize) {
        let class = |i: usize| (paths[i].len() > level + 1).then(|| paths[i][level]);
        let mut each: Vec<Option<&str>> = (0..paths.len()).map(class).collect();
        for split in Split::ALL {
            let of_split: Vec<usize> = (0..paths.len()).filter(|&i| self.splits[i] == Some(split)).collect();
            let loose = of_split.iter().find(|&&i| each[i].is_none());
            if let Some(&loose) = loose
                && of_split.iter().any(|&i| each[i].is_some())
            {
                let name = paths[loose].join("/");
                self.notes.push(format!("no classes: {name} lies outside of any subfolder"));
            }
            if loose.is_some() {
                of_split.iter().for_each(|&i| each[i] = None);
            }
        }
        let placed = each.iter().zip(&self.splits).filter_map(|(&name, split)| split.and(name));
        let mut names: Vec<&str> = placed.collect::<HashSet<_>>().into_iter().collect();
        names.sort_by(|a, b| natural::compare(a, b));
        if names.len() < 2 {
            self.labels = vec![None; paths.len()];
            return;
        }
        let labels = each.iter().map(|name| name.map(|n| Label::Name(n.into()))).collect();
        self.number(labels, "the names of folders", &[]);
    }

    fn take_tables(&mut self, tables: &[Table], pictures: &[Entry]) {
        let names: Vec<&str> = tables.iter().map(|t| &t.name[..]).collect();
        let names = names.join(", ");
        if let Some(why) = tables.iter().find_map(|t| t.nothing.as_ref()) {
            self.labels = vec![None; pictures.len()];
            self.notes.push(format!("no labels: {why}"));
            return;
        }
        let bare = |p: &Entry| p.name.rsplit('/').next().unwrap_or_default().to_string();
        let unique = pictures.iter().map(bare).collect::<HashSet<_>>().len() == pictures.len();
        let label = |p: &Entry| tables.iter().find_map(|t| t.label(&p.name, unique)).cloned();
        let labels: Vec<Option<Label>> = pictures.iter().map(label).collect();
        let found = labels.iter().flatten().count();
        let rows: usize = tables.iter().map(Table::len).sum();
        if rows > found {
            self.notes.push(format!("{} of {rows} files in {names} are not there", rows - found));
        }
        for split in Split::ALL {
            let lacks = |i: usize| self.splits[i] == Some(split) && labels[i].is_none();
            let without: Vec<usize> = (0..labels.len()).filter(|&i| lacks(i)).collect();
            if let Some(&first) = without.first()
                && found > 0
            {
                let (name, count) = (&pictures[first].name, counted(without.len() as u64, "picture"));
                self.notes
                    .push(format!("no labels for {}: {count} not in {names}, {name} first", split.name()));
            }
        }
        if found == 0 {
            self.notes.push(format!("no labels: no picture's name is in {names}"));
        }
        self.number(labels, &names, &[]);
    }

    /// Numbers the classes. A split that has a picture without one has no labels.
    fn number(&mut self, mut labels: Vec<Option<Label>>, whence: &str, names: &[String]) {
        for split in Split::ALL {
            let of_split: Vec<usize> = (0..labels.len()).filter(|&i| self.splits[i] == Some(split)).collect();
            if of_split.iter().any(|&i| labels[i].is_none()) {
                of_split.iter().for_each(|&i| labels[i] = None);
            }
        }
        (0..labels.len()).filter(|&i| self.splits[i].is_none()).for_each(|i| labels[i] = None);
        self.labels = vec![None; labels.len()];
        let train = (0..labels.len()).any(|i| self.splits[i] == Some(Split::Train) && labels[i].is_some());
        if !train {
            return;
        }
        let numbers: Option<Vec<i64>> = labels
            .iter()
            .flatten()
            .map(|label| match label {
                Label::Number(n) => Some(*n),
                Label::Name(_) => None,
            })
            .collect();
        let (number, classes, known): (BTreeMap<String, usize>, usize, Vec<String>) = match numbers {
            Some(numbers) => {
                let (least, most) = numbers.iter().fold((i64::MAX, 0), |(a, b), &n| (a.min(n), b.max(n)));
                if least < 0 {
                    self.notes.push(format!("no labels: {whence} has the class {least}; expected 0 or more"));
                    return;
                }
                let classes = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
                let known = if names.len() >= classes { names.to_vec() } else { vec![] };
                let classes = classes.max(known.len());
                if classes > MOST {
                    self.notes.push(format!(
                        "no labels: {whence} has classes up to {most}, and {MOST} (0 to {}) are the most that can be \
                         told apart",
                        MOST - 1
                    ));
                    return;
                }
                ((0..classes).map(|n| (n.to_string(), n)).collect(), classes, known)
            }
            None => {
                let mut all: Vec<String> =
                    labels.iter().flatten().map(text).collect::<HashSet<_>>().into_iter().collect();
                all.sort_by(|a, b| natural::compare(a, b));
                if all.len() > MOST {
                    self.notes.push(format!(
                        "no labels: {} classes from {whence}, and {MOST} are the most that can be told apart",
                        all.len()
                    ));
                    return;
                }
                (all.iter().cloned().zip(0..).collect(), all.len(), all)
            }
        };
        let from = match &known[..] {
            [first, .., last] => format!("{whence}, {first} to {last}"),
            _ => whence.into(),
        };
        self.notes.push(format!("{classes} classes from {from}"));
        let label =
            |label: &Option<Label>| label.as_ref().and_then(|l| number.get(&text(l))).map(|&n| n as u8);
        self.labels = labels.iter().map(label).collect();
        (self.classes, self.names) = (classes, known);
    }
}

fn text(label: &Label) -> String {
    match label {
        Label::Number(n) => n.to_string(),
        Label::Name(name) => name.clone(),
    }
}
