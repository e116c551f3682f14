//! Runs that make pictures of pictures, under commands that ask for samples: each says what the run has instead.

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
