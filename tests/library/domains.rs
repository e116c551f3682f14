//! Data of two domains in files: folders of their own, and pairs side by side.

use crate::common::asked::asked;
use crate::common::files::{failure, picture, put, read, zip};
use crate::common::says::says;
use gansaku::config::{Data, Direction, Source};
use gansaku::data::{Dataset, Origin, Paired, detect, load};
use gansaku::run::DataCard;
use std::path::Path;
use tempfile::tempdir;

/// A picture of one colour.
fn plain(colour: [u8; 3]) -> Vec<u8> {
    picture(8, 8, |_, _| colour)
}

/// Pictures of these names in a folder, each of a brightness of its own.
fn fill(folder: &Path, below: &str, names: &[&str]) {
    for name in names {
        let brightness = name.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
        put(folder, &format!("{below}/{name}"), &plain([brightness; 3]));
    }
}

fn origin(data: &Dataset) -> &Origin {
    data.origin.as_deref().expect("two domains")
}

/// First number of every example, as a byte.
fn first(data: &Dataset) -> Vec<u8> {
    (0..data.train.count).map(|i| (data.numbers(&data.train, i)[0] * 255.0).round() as u8).collect()
}

#[test]
fn files_of_one_name_are_pairs() {
    let folder = tempdir().expect("a folder");
    fill(folder.path(), "set/trainA", &["a.png", "c.png", "b.png"]);
    // Names agree but for their endings; contents lie in another order on the disk.
    let [a, b, c] =
        ["a", "b", "c"].map(|n| (format!("set/trainB/{n}.PNG"), 10 * n.as_bytes()[0].wrapping_sub(90)));
    [c, a, b].iter().for_each(|(name, v)| put(folder.path(), name, &plain([*v; 3])));
    fill(folder.path(), "set/testA", &["1.png", "2.png"]);
    fill(folder.path(), "set/testB", &["2.png"]);
    fill(folder.path(), "set/other", &["2.png"]);
    assert_eq!(detect(folder.path()).expect("known"), Source::TwoFolders);
    let data = read(Source::Auto, folder.path()).expect("two domains");
    assert_eq!(origin(&data).paired, Paired { train: true, valid: false, test: false });
    assert_eq!(first(&data), [70, 80, 90]);
    assert_eq!(
        first(&origin(&data).data),
        ["a.png", "b.png", "c.png"]
            .map(|n| { n.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b)) })
    );
    assert_eq!([origin(&data).data.test.count, data.test.count], [2, 1]);
    assert!(data.require_pairs().is_ok());
    let notes = data.notes.join("; ");
    says(
        &notes,
        &[
            "left out: 1 picture in no folder of a domain",
            "train: 3 pairs by their names",
            "test: 2 of A, 1 of B, no pairs: set/testA/1.png has no partner in set/testB",
        ],
    );
    let swapped = Data { direction: Direction::BToA, ..asked(Source::TwoFolders, folder.path()) };
    let swapped = load(&swapped, 0).expect("two domains");
    assert_eq!(first(&origin(&swapped).data), first(&data));
    assert_eq!(first(&swapped), first(&origin(&data).data));
    assert_ne!(swapped.sha256(), data.sha256());
}

#[test]
fn pairs_are_refused_by_the_first_file_without_a_partner() {
    let folder = tempdir().expect("a folder");
    fill(folder.path(), "trainA", &["a.png", "b.png"]);
    fill(folder.path(), "trainB", &["a.png", "d.png", "c.png"]);
    let data = read(Source::TwoFolders, folder.path()).expect("two domains");
    assert_eq!([origin(&data).data.train.count, data.train.count], [2, 3]);
    let why = data.require_pairs().expect_err("no pairs").to_string();
    says(&why, &["2 training examples of A and 3 of B", "trainA/b.png has no partner in trainB", "cyclegan"]);
    fill(folder.path(), "trainA", &["a.jpg", "c.png", "d.png"]);
    std::fs::remove_file(folder.path().join("trainA/b.png")).expect("there");
    let data = read(Source::TwoFolders, folder.path()).expect("two domains");
    let why = data.require_pairs().expect_err("no pairs").to_string();
    says(&why, &["two pictures in trainA have one name"]);
}

/// Folders that are both numbered from 0 on, as unpaired collections most often are.
#[test]
fn numbers_alone_make_no_pairs() {
    for paired in [true, false] {
        let folder = tempdir().expect("a folder");
        for i in 0..60u32 {
            let shade = |i: u32| [(i * 97 % 251) as u8; 3];
            put(folder.path(), &format!("trainA/{i:03}.png"), &plain(shade(i)));
            let other = if paired { shade(i).map(|v| 255 - v) } else { shade(i * 41 % 60 + 7) };
            put(folder.path(), &format!("trainB/{i:03}.png"), &plain(other));
        }
        let data = read(Source::Auto, folder.path()).expect("two domains");
        assert_eq!(origin(&data).paired.train, paired);
        let notes = data.notes.join("; ");
        let told = if paired { "train: 60 pairs by their names" } else { "no more alike than any others" };
        says(&notes, &[told]);
    }
}

#[test]
fn folders_within_a_domains_own_are_read_and_told() {
    let folder = tempdir().expect("a folder");
    fill(folder.path(), "trainA/cat", &["1.png"]);
    fill(folder.path(), "trainA/dog", &["1.png", "2.png"]);
    fill(folder.path(), "trainB", &["3.png"]);
    let data = read(Source::Auto, folder.path()).expect("two domains");
    assert_eq!([origin(&data).data.train.count, data.train.count, data.classes], [3, 1, 0]);
    let told = "3 pictures in 2 folders within the domains' own, cat first: read as all others are";
    says(&data.notes.join("; "), &[told]);
}

#[test]
fn damaged_pictures_take_their_partners_with_them() {
    let folder = tempdir().expect("a folder");
    fill(folder.path(), "trainA", &["a.png", "b.png", "c.png"]);
    fill(folder.path(), "trainB", &["a.png", "b.png", "c.png"]);
    put(folder.path(), "trainB/b.png", b"no picture");
    let data = read(Source::Auto, folder.path()).expect("two domains");
    assert_eq!(first(&origin(&data).data), first(&data));
    assert_eq!(data.train.count, 2);
    says(
        &data.notes.join("; "),
        &["trainB/b.png: expected PNG", "1 pair left out, one picture of which is damaged"],
    );
}

#[test]
fn both_domains_have_the_same_channels() {
    let folder = tempdir().expect("a folder");
    put(folder.path(), "trainA/a.png", &plain([7, 7, 7]));
    put(folder.path(), "trainB/x.png", &picture(12, 8, |_, _| [200, 100, 0]));
    let data = read(Source::Auto, folder.path()).expect("two domains");
    assert_eq!([origin(&data).data.shape, data.shape].map(|s| s.channels), [3, 3]);
    says(
        &data.notes.join("; "),
        &[
            "domain A is grey and B is not: both have three channels",
            "1 of 2 pictures cut to their centred square",
        ],
    );
    let grey = load(&Data { channels: 1, ..asked(Source::Auto, folder.path()) }, 0).expect("two domains");
    assert_eq!(grey.shape.channels, 1);
}

#[test]
fn an_empty_domain_is_named() {
    for (full, empty) in [("trainA", "trainB"), ("trainB", "trainA")] {
        for direction in [Direction::AToB, Direction::BToA] {
            let folder = tempdir().expect("a folder");
            fill(folder.path(), full, &["a.png", "b.png"]);
            std::fs::create_dir(folder.path().join(empty)).expect("a folder");
            let config = Data { direction, ..asked(Source::Auto, folder.path()) };
            says(&failure(load(&config, 0)), &[&format!("{empty} holds no picture, {full} 2")]);
        }
    }
    let folder = tempdir().expect("a folder");
    fill(folder.path(), "trainA", &["a.png"]);
    put(folder.path(), "trainB/a.png", b"no picture");
    says(&failure(read(Source::Auto, folder.path())), &["no training picture of domain A can be read"]);
}

#[test]
fn one_domain_and_two_are_told_apart() {
    let one = tempdir().expect("a folder");
    fill(one.path(), "cats", &["a.png"]);
    fill(one.path(), "dogs", &["b.png"]);
    let told = failure(read(Source::TwoFolders, one.path()));
    says(&told, &["no folders trainA and trainB", "data.source=pairs", "gansaku train --data"]);
    let two = tempdir().expect("a folder");
    fill(two.path(), "trainA", &["a.png"]);
    fill(two.path(), "trainB", &["b.png"]);
    let told = failure(read(Source::Idx, two.path()));
    says(&told, &["pictures of two domains, trainA and trainB, go", "gansaku train cyclegan --data"]);
    says(
        &failure(read(Source::Folder, two.path())),
        &["one of those folders alone", "train cyclegan --data"],
    );
    says(&failure(read(Source::Pairs, two.path())), &["not side by side", "data.source=two-folders"]);
    let data = read(Source::Auto, two.path()).expect("two domains");
    says(&data.require_one_domain().expect_err("two").to_string(), &["gansaku train cyclegan"]);
}

#[test]
fn two_domains_lie_in_archives_too() {
    let folder = tempdir().expect("a folder");
    let [dark, light] = [plain([10; 3]), plain([90; 3])];
    let files: [(&str, &[u8]); 3] =
        [("x/trainA/1.png", &dark), ("x/trainB/1.png", &light), ("x/testB/2.png", &light)];
    put(folder.path(), "set.zip", &zip(&files));
    let data = read(Source::Auto, &folder.path().join("set.zip")).expect("two domains");
    assert_eq!((first(&origin(&data).data), first(&data), data.test.count), (vec![10], vec![90], 1));
    assert!(origin(&data).paired.train && !origin(&data).paired.test);
}

#[test]
fn halves_of_a_picture_are_pairs() {
    let folder = tempdir().expect("a folder");
    let halves = |a: u8, b: u8| picture(32, 16, move |x, _| [if x < 16 { a } else { b }; 3]);
    put(folder.path(), "train/1.png", &halves(10, 20));
    put(folder.path(), "train/2.png", &halves(30, 40));
    put(folder.path(), "val/3.png", &halves(50, 60));
    // Three halves, and a square: neither is a pair.
    put(folder.path(), "train/wide.png", &picture(48, 16, |_, _| [1; 3]));
    put(folder.path(), "train/square.png", &plain([1; 3]));
    let config = asked(Source::Pairs, folder.path());
    let data = load(&config, 0).expect("pairs");
    assert_eq!((first(&origin(&data).data), first(&data)), (vec![10, 30], vec![20, 40]));
    assert_eq!([data.valid.count, data.test.count, data.shape.width, data.shape.height], [1, 0, 8, 8]);
    assert_eq!(origin(&data).paired, Paired { train: true, valid: true, test: false });
    let notes = data.notes.join("; ");
    says(
        &notes,
        &[
            "A is the left half",
            "train/square.png: expected two squares side by side, 16×8 pixels, found 8×8",
            "train/wide.png: expected two squares side by side, 32×16 pixels, found 48×16",
        ],
    );
    assert_eq!(data.counts(), "A train 2, validation 1; B train 2, validation 1; pairs: train, validation");
    let card = DataCard::of(&data, None);
    let of_a = card.origin.as_ref().expect("two domains");
    assert_eq!(
        (card.examples, of_a.examples, of_a.paired.join(" ")),
        ([2, 1, 0], [2, 1, 0], "train validation".into())
    );
    let swapped = load(&Data { direction: Direction::BToA, ..config.clone() }, 0).expect("pairs");
    assert_eq!((first(&origin(&swapped).data), first(&swapped)), (vec![20, 40], vec![10, 30]));
    let strict = failure(load(&Data { strict: true, ..config }, 0));
    says(&strict, &["train/square.png", "2 of 5 pictures cannot be read"]);
    let found = data.held_out_pairs(5).expect("pairs");
    assert_eq!((found.split, found.which.len()), ("validation", 1));
    assert_eq!([&found.a, &found.b].map(|x| (x[0] * 255.0).round()), [50.0, 60.0]);
}
