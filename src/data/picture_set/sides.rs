//! Folders of two domains: `trainA` and `trainB`, perhaps also `valA`, `valB`, `testA` and `testB`, in upper or lower
//! case, with a `_` or `-` before the letter or without.

use super::archive::{Entry, Split};
use std::collections::BTreeSet;

/// Where a picture of two domains belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Split that its folder names.
    pub split: Split,
    /// Domain B rather than A.
    pub in_b: bool,
    /// Path below that folder, without the file's ending: pictures of one stem are a pair.
    pub stem: String,
}

/// Where each picture belongs, none where it lies in another folder; nothing at all where no folder is that of a domain's
/// training pictures.
pub fn of(pictures: &[Entry]) -> Option<Vec<Option<Side>>> {
    let paths: Vec<Vec<&str>> = pictures.iter().map(|p| p.name.split('/').collect()).collect();
    // Folders that hold everything are only a way down.
    let mut level = 0;
    loop {
        let folder = |path: &Vec<&str>| (path.len() > level + 1).then(|| path[level].to_string());
        let folders: BTreeSet<Option<String>> = paths.iter().map(folder).collect();
        let mut domains = folders.iter().flatten().filter_map(|f| domain(f));
        if domains.any(|(split, _)| split == Split::Train) {
            let side = |path: &Vec<&str>| {
                let (split, in_b) = domain(&folder(path)?)?;
                let below = path[level + 1..].join("/");
                let stem = below.rsplit_once('.').map_or(&below[..], |(stem, _)| stem).to_string();
                Some(Side { split, in_b, stem })
            };
            return Some(paths.iter().map(side).collect());
        }
        if folders.len() != 1 || folders.contains(&None) {
            return None;
        }
        level += 1;
    }
}

/// The split and the domain, whether B, that a folder's name means.
fn domain(folder: &str) -> Option<(Split, bool)> {
    let in_b = match folder.chars().next_back()? {
        'A' | 'a' => false,
        'B' | 'b' => true,
        _ => return None,
    };
    let split = folder[..folder.len() - 1].trim_end_matches(['_', '-']);
    Some((Split::named(split)?, in_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_domains_are_known_by_their_names() {
        for (name, known) in [
            ("trainA", Some((Split::Train, false))),
            ("train_b", Some((Split::Train, true))),
            ("valB", Some((Split::Valid, true))),
            ("TEST-A", Some((Split::Test, false))),
            ("train", None),
            ("zebra", None),
            ("A", None),
            ("é", None),
        ] {
            assert_eq!(domain(name), known, "{name}");
        }
        let entry = |name: &str| Entry { name: name.into(), place: 0, size: 0, label: None, split: None };
        let found =
            of(&["x/trainA/a/1.2.png", "x/trainB/3.png", "x/other/4.png"].map(entry)).expect("domains");
        assert_eq!(found[0], Some(Side { split: Split::Train, in_b: false, stem: "a/1.2".into() }));
        assert_eq!((&found[1].as_ref().expect("B").stem[..], &found[2]), ("3", &None));
        assert_eq!(of(&["a/1.png", "b/2.png"].map(entry)), None);
        assert_eq!(of(&["testA/1.png", "testB/2.png"].map(entry)), None, "nothing to train on");
    }
}
