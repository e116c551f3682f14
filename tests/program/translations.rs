//! Runs that make pictures of pictures, under commands that ask for samples: each says what the run has instead.

use crate::common::files::{picture, put};
use crate::common::program::{refused, run, says, stdout};

#[test]
fn commands_of_samples_say_that_a_run_translates() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let small = ["--size", "16", "--batch", "1", "--steps", "2", "--name", "r"];
    let sets = ["data.count=60", "generator.width=2", "generator.blocks=1", "discriminator.width=2"];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let train: Vec<&str> = ["train", "cyclegan-digits"].into_iter().chain(small).chain(sets).collect();
    run(here, &train);
    let told = ["runs/r", "not of noise", "gansaku translate"];
    for asked in [
        &["sample", "runs/r"][..],
        &["sample", "runs/r", "--index", "3", "--out", "x.npy"],
        &["interpolate", "runs/r"],
        &["interpolate", "runs/r", "--indices", "0,1"],
    ] {
        says(&refused(here, asked, 2), &told);
    }
    for metric in ["swd", "neighbours"] {
        says(&refused(here, &["eval", "runs/r", metric], 2), &[metric, "measure"]);
    }
    says(&stdout(here, &["doctor", "runs/r"]), &["too early to tell"]);
    run(here, &["report", "runs/r"]);
    says(&stdout(here, &["runs"]), &["cyclegan-digits", "too early to tell"]);
    run(here, &["train", "--resume", "runs/r", "--steps", "3"]);
    says(&refused(here, &["train", "cyclegan-digits", "--best-by", "swd"], 2), &["best_by", "translations"]);
}

#[test]
fn a_folder_of_two_domains_trains_a_translation_where_nothing_else_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for (at, shade) in [("trainA", 10), ("trainB", 200)] {
        (0..3).for_each(|i| {
            put(here, &format!("zoo/{at}/{at}{i}.png"), &picture(16, 16, |_, _| [shade + i; 3]))
        });
    }
    let sets = ["generator.width=2", "generator.blocks=1", "discriminator.width=2", "discriminator.depth=1"];
    let sets = sets.iter().chain(&["train.pool=2", "data.load_size=0"]).flat_map(|set| ["--set", *set]);
    let flags = ["--size", "16", "--batch", "1", "--steps", "1"].into_iter().chain(sets);
    let train: Vec<&str> = ["train", "--data", "zoo"].into_iter().chain(flags).collect();
    says(
        &run(here, &train),
        &["note: zoo holds two domains, trainA and trainB: recipe cyclegan translates each"],
    );
    let config = std::fs::read_to_string(here.join("runs/00000-zoo/config.toml")).expect("there");
    says(&config, &["recipe = \"zoo\"", "model = \"cyclegan\"", "with the networks and losses of cyclegan"]);
    // A recipe that is named wins, and says what it cannot do with them.
    says(&refused(here, &["train", "digits", "--data", "zoo"], 3), &["two domains"]);
    says(
        &refused(here, &["train", "pix2pix", "--data", "zoo", "--size", "64"], 3),
        &["two domains", "side by side"],
    );
}
