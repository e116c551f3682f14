//! `gansaku data`, and what is said where data and recipe do not fit.

use crate::common::files::{cifar, picture, put};
use crate::common::program::{refused, run, stdout};
use crate::common::says::says;
use std::fs;
use tempfile::tempdir;

#[test]
fn a_set_of_pictures_is_told_with_its_splits_classes_and_what_was_not_read() {
    let folder = tempdir().expect("a folder");
    let here = folder.path();
    for (split, count) in [("train", 3), ("test", 1)] {
        for class in ["sea", "sky"] {
            (0..count).for_each(|i| {
                put(here, &format!("set/{split}/{class}/{i}.png"), &picture(8, 8, |_, _| [i; 3]))
            });
        }
    }
    put(here, "set/train/sea/9.png", b"damaged");
    put(here, "set/notes.heic", b"?");
    let text = stdout(here, &["data", "set"]);
    says(
        &text,
        &[
            "2 classes; train 6, test 2\n",
            "not read: 1 .heic",
            "splits from the names of folders: train 7, test 2",
            "skipped 1 of 9 pictures, which are damaged:\n    train/sea/9.png: expected PNG, JPEG",
            "examples a class:\n    0  sea  train      3  test      1\n    1  sky  train      3  test      1\n",
        ],
    );
    // A training tells the same.
    let small = ["--set", "data.size=8", "--set", "train.batch=4", "--steps", "1", "--name", "r"];
    let talk = run(here, &[&["train", "--data", "set"][..], &small].concat());
    says(&talk, &["splits from the names of folders", "train/sea/9.png"]);
}

#[test]
fn where_data_and_recipe_do_not_fit_what_is_there_is_said() {
    let folder = tempdir().expect("a folder");
    let here = folder.path();
    put(here, "cifar/data_batch_1.bin", &cifar(&[1, 2]));
    put(here, "pics/a.png", &picture(8, 8, |_, _| [1; 3]));
    let no = |arguments: &str, code| refused(here, &arguments.split(' ').collect::<Vec<_>>(), code);
    let told = no("train mnist --data cifar", 3);
    says(
        &told,
        &["these are CIFAR-10's binary files, which go with another recipe: gansaku train --data", "/cifar"],
    );
    let told = no("train ring --data pics --dry-run", 2);
    says(
        &told,
        &["--data pics: this recipe learns points, which are drawn here", "gansaku train --data pics"],
    );
    fs::write(here.join("x.parquet"), b"PAR1").expect("written");
    let told = no("data x.parquet", 3);
    says(
        &told,
        if cfg!(feature = "parquet") { &["not a whole Parquet file"] } else { &["--features parquet"] },
    );
}

#[test]
fn a_conditional_training_without_labels_says_what_the_reader_found_amiss() {
    let folder = tempdir().expect("a folder");
    (0..4).for_each(|i| put(folder.path(), &format!("set/{i}.png"), &picture(8, 8, |x, _| [x as u8 + i; 3])));
    put(folder.path(), "set/labels.csv", b"file,label\n0.png,sea\n1.png,sky\n2.png,sea\n");
    let talk = refused(folder.path(), &["train", "--data", "set", "--conditional", "--batch", "2"], 3);
    says(
        &talk,
        &["no labels (no labels for train: 1 picture", "not in labels.csv, 3.png first), but a conditional"],
    );
}
