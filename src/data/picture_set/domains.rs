//! Sets of pictures of two domains: in folders of their own, `trainA`, `trainB` and so on, or side by side in one file,
//! as pix2pix has them.

use super::archive::{Entry, Split};
use super::decode::Cut;
use super::places::Places;
use super::sides::{self, Side};
use super::{Dataset, Examples, Set, Shape, decode_all, open, opened};
use crate::config::{self, Direction};
use crate::console::typed;
use crate::data::{Origin, Paired, Values};
use crate::error::{Error, Result};
use crate::numbers::counted;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// Reads two domains from folders of their own. Splits in which names agree are pairs.
///
/// # Errors
/// When a domain has no training picture, or none that is whole.
pub fn two_folders(path: &Path, config: &config::Data) -> Result<Dataset> {
    let mut archive = open(path)?;
    let (listing, mut notes) = opened(&mut *archive, path)?;
    let whence = path.display().to_string();
    let Some(mut sides) = sides::of(&listing.pictures) else {
        return Err(Error::Data(format!(
            "{whence}: no folders trainA and trainB; expected the pictures of two domains there (and, if there are any, \
             in valA, valB, testA and testB). Pairs side by side in one file are read with --set data.source=pairs; \
             pictures of one domain go with another recipe: gansaku train --data {}",
            typed(path)
        )));
    };
    if config.direction == Direction::BToA {
        sides.iter_mut().flatten().for_each(|side| side.in_b = !side.in_b);
        notes.push("A and B change places: data.direction is \"b-to-a\"".into());
    }
    let listed = |in_b: bool| {
        sides.iter().flatten().filter(|side| side.split == Split::Train && side.in_b == in_b).count()
    };
    let [a, b] = [listed(false), listed(true)];
    if a == 0 || b == 0 {
        let swapped = config.direction == Direction::BToA;
        let [full, empty] = if (a == 0) == swapped { ["trainA", "trainB"] } else { ["trainB", "trainA"] };
        return Err(Error::Data(format!(
            "{whence}: {empty} holds no picture, {full} {}; two domains need pictures of both for training",
            a + b
        )));
    }
    let left_out = sides.iter().filter(|side| side.is_none()).count();
    if left_out > 0 {
        let count = counted(left_out as u64, "picture");
        notes.push(format!("left out: {count} in no folder of a domain"));
    }
    notes.extend(told_of_folders(&sides));
    let splits: Vec<Option<Split>> = sides.iter().map(|side| Some(side.as_ref()?.split)).collect();
    let labels = vec![None; splits.len()];
    let places = Places { splits, labels, ..Places::default() };
    let decoded = decode_all(&mut *archive, &listing, &places, config.size as u32, Cut::Square);
    let mut set = Set { listing, places, decoded, notes };
    set.tell_damaged(path, config.strict)?;
    let channels = set.tell_changes(config);
    set.tell_grey_domain(&sides, channels);
    let mut paired = Paired::default();
    let mut unpaired = None;
    let [train, valid, test] = Split::ALL.map(|split| {
        let (examples, why_not) = set.both(&sides, split, channels);
        let pairs = why_not.is_none() && examples[0].count > 0;
        match split {
            Split::Train => (paired.train, unpaired) = (pairs, why_not),
            Split::Valid => paired.valid = pairs,
            Split::Test => paired.test = pairs,
        }
        examples
    });
    for (examples, folder) in train.iter().zip(["A", "B"]) {
        if examples.count == 0 {
            return Err(Error::Data(format!("{whence}: no training picture of domain {folder} can be read")));
        }
    }
    let shape = Shape { channels, height: config.size, width: config.size };
    let [data, target] = each([train, valid, test], |[train, valid, test]| Dataset {
        valid,
        test,
        ..Dataset::of("pictures of two domains", shape, 0, train)
    });
    let origin = Some(Box::new(Origin { data, paired, unpaired }));
    Ok(Dataset { notes: set.notes, origin, ..target })
}

/// What is to be said of folders within those of the domains, as of classes.
fn told_of_folders(sides: &[Option<Side>]) -> Option<String> {
    let below: Vec<&str> = sides.iter().flatten().filter_map(|s| Some(s.stem.rsplit_once('/')?.0)).collect();
    let folders: BTreeSet<&str> = below.iter().copied().collect();
    let first = folders.first()?;
    Some(format!(
        "{} in {} within the domains' own, {first} first: read as all others are, such folders are no classes here",
        counted(below.len() as u64, "picture"),
        counted(folders.len() as u64, "folder")
    ))
}

/// Reads pairs that lie side by side, A on the left and B on the right, in pictures twice as wide as high.
///
/// # Errors
/// When there is no such picture, or no whole one.
pub fn pairs(path: &Path, config: &config::Data) -> Result<Dataset> {
    let mut archive = open(path)?;
    let (listing, mut notes) = opened(&mut *archive, path)?;
    let whence = path.display().to_string();
    if sides::of(&listing.pictures).is_some() {
        return Err(Error::Data(format!(
            "{whence}: these are folders of two domains, trainA and trainB, whose pictures are not side by side; \
             --set data.source=two-folders reads them"
        )));
    }
    let mut places = Places::of(&listing, &whence)?;
    let decoded = decode_all(&mut *archive, &listing, &places, config.size as u32, Cut::Halves);
    notes.append(&mut places.notes);
    let halves = match config.direction {
        Direction::AToB => "A is the left half of each picture, B the right one",
        Direction::BToA => {
            "A is the right half of each picture, B the left one: data.direction is \"b-to-a\""
        }
    };
    notes.push(halves.into());
    let mut set = Set { listing, places, decoded, notes };
    set.tell_damaged(path, config.strict)?;
    let channels = set.tell_changes(config);
    let shape = Shape { channels, height: config.size, width: config.size };
    let splits = Split::ALL.map(|split| {
        let [left, right] = halved(&set.examples(split, channels), shape.len());
        if config.direction == Direction::AToB { [left, right] } else { [right, left] }
    });
    let [train, valid, test] = splits.each_ref().map(|[a, _]| a.count > 0);
    if !train {
        return Err(Error::Data(format!("{whence}: no training picture can be read")));
    }
    let paired = Paired { train, valid, test };
    let (classes, class_names) = (set.places.classes, set.places.names);
    let [data, target] = each(splits, |[train, valid, test]| Dataset {
        valid,
        test,
        class_names: class_names.clone(),
        ..Dataset::of("pairs of pictures", shape, classes, train)
    });
    let origin = Some(Box::new(Origin { data, paired, unpaired: None }));
    Ok(Dataset { notes: set.notes, origin, ..target })
}

/// What is made of the splits of each domain, of splits of both: A, then B.
fn each(splits: [[Examples; 2]; 3], of: impl Fn([Examples; 3]) -> Dataset) -> [Dataset; 2] {
    let [[train_a, train_b], [valid_a, valid_b], [test_a, test_b]] = splits;
    [of([train_a, valid_a, test_a]), of([train_b, valid_b, test_b])]
}

/// The two squares of `width` numbers that each example consists of.
fn halved(both: &Examples, width: usize) -> [Examples; 2] {
    let Values::U8(bytes) = &both.values else { unreachable!("pictures are bytes") };
    [0, width].map(|from| {
        let own = bytes.chunks_exact(2 * width).flat_map(|pair| &pair[from..from + width]);
        Examples { values: Values::U8(own.copied().collect()), ..both.clone() }
    })
}

impl Set {
    /// Notes that one domain alone has colour.
    fn tell_grey_domain(&mut self, sides: &[Option<Side>], channels: usize) {
        let coloured = |in_b: bool| {
            let own =
                self.decoded.iter().zip(sides).filter(|(_, s)| s.as_ref().is_some_and(|s| s.in_b == in_b));
            own.filter_map(|(d, _)| d.as_ref()?.as_ref().ok()).any(|d| d.coloured)
        };
        if channels == 3 && coloured(false) != coloured(true) {
            let [grey, other] = if coloured(true) { ["A", "B"] } else { ["B", "A"] };
            self.notes.push(format!(
                "domain {grey} is grey and {other} is not: both have three channels (data.channels=1 makes both grey)"
            ));
        }
    }

    /// The whole pictures of a split, A and B, sorted by name; and why they are no pairs, if they are none. Of pairs those
    /// are left out of which one cannot be read.
    fn both(
        &mut self,
        sides: &[Option<Side>],
        split: Split,
        channels: usize,
    ) -> ([Examples; 2], Option<String>) {
        let listed = [false, true].map(|in_b| {
            let numbered = sides.iter().enumerate().filter_map(|(i, side)| Some((i, side.as_ref()?)));
            let own = numbered.filter(|(_, side)| side.split == split && side.in_b == in_b);
            let mut own: Vec<(usize, &str)> = own.map(|(i, side)| (i, &side.stem[..])).collect();
            own.sort_by_key(|(_, stem)| *stem);
            own
        });
        let mut why_not = without_partner(&listed, &self.listing.pictures);
        let is_whole = |i: usize| matches!(self.decoded[i], Some(Ok(_)));
        let all = listed.each_ref().map(Vec::len);
        let chosen: [Vec<usize>; 2] = match why_not {
            None => {
                let pairs = listed[0].iter().zip(&listed[1]).map(|(a, b)| [a.0, b.0]);
                let whole: Vec<[usize; 2]> = pairs.filter(|&[a, b]| is_whole(a) && is_whole(b)).collect();
                [0, 1].map(|side| whole.iter().map(|pair| pair[side]).collect())
            }
            Some(_) => listed.map(|of| of.into_iter().map(|(i, _)| i).filter(|&i| is_whole(i)).collect()),
        };
        let examples = chosen.map(|of| self.gathered(&of, channels));
        let [a, b] = [&examples[0], &examples[1]];
        if why_not.is_none() && !are_alike(a, b) {
            why_not = Some(
                "names agree, but pictures of one name are no more alike than any others: side by side in one file \
                 (data.source=pairs) they are pairs"
                    .into(),
            );
        }
        let name = split.name();
        if all == [0, 0] {
            return (examples, why_not);
        }
        match &why_not {
            None => {
                self.notes.push(format!("{name}: {} by their names", counted(a.count as u64, "pair")));
                if a.count < all[0] {
                    let count = counted((all[0] - a.count) as u64, "pair");
                    self.notes.push(format!("{name}: {count} left out, one picture of which is damaged"));
                }
            }
            Some(why) => {
                self.notes.push(format!("{name}: {} of A, {} of B, no pairs: {why}", a.count, b.count))
            }
        }
        (examples, why_not)
    }
}

/// Fewest pairs of which it is asked whether they are alike.
const TESTED: usize = 50;
/// Standard errors that pairs' distance has to differ by from that of pictures at random: by chance alone it does in 1 of
/// 370 sets.
const ERRORS: f64 = 3.0;

/// Whether pictures of one number are more alike, or less, than others: folders that are numbered from 0 on have the same
/// names without being pairs. Few pictures are believed to be.
fn are_alike(a: &Examples, b: &Examples) -> bool {
    let (Values::U8(first), Values::U8(second)) = (&a.values, &b.values) else { return true };
    let count = a.count;
    if count < TESTED {
        return true;
    }
    let width = first.len() / count;
    let distance = |i: usize, j: usize| {
        let pixels = first[i * width..][..width].iter().zip(&second[j * width..][..width]);
        pixels.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>()
    };
    let gains: Vec<f64> =
        (0..count).into_par_iter().map(|i| distance(i, (i + count / 2) % count) - distance(i, i)).collect();
    let mean = gains.iter().sum::<f64>() / count as f64;
    let square = gains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / count as f64;
    mean.abs() > ERRORS * (square / count as f64).sqrt()
}

/// Why the pictures of a split, A and B, number and stem of each, are no pairs; none where they are.
fn without_partner(listed: &[Vec<(usize, &str)>; 2], pictures: &[Entry]) -> Option<String> {
    let [a, b] = listed.each_ref().map(|of| of.iter().map(|&(_, stem)| stem).collect::<BTreeSet<&str>>());
    let alone = |of: &[(usize, &str)], others: &BTreeSet<&str>| {
        let alone = of.iter().filter(|(_, stem)| !others.contains(stem));
        let first = alone.map(|&(i, _)| &pictures[i].name).min();
        first.cloned()
    };
    let folder = |of: &[(usize, &str)]| {
        let below = of.first().and_then(|&(i, stem)| {
            let name = &pictures[i].name;
            name.rsplit_once('.').map_or(&name[..], |(name, _)| name).strip_suffix(stem)
        });
        below.unwrap_or_default().trim_end_matches('/').to_string()
    };
    let [in_a, in_b] = listed;
    for (of, others, stems) in [(in_a, in_b, &b), (in_b, in_a, &a)] {
        if let Some(name) = alone(of, stems) {
            return Some(match others.is_empty() {
                true => format!("{name} has no partner, and the other domain no picture"),
                false => format!("{name} has no partner in {}", folder(others)),
            });
        }
        if stems.len() < others.len() {
            return Some(format!("two pictures in {} have one name but for their endings", folder(others)));
        }
    }
    None
}
