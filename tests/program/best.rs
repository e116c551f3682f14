//! `--best-by`: the best checkpoint is kept, the choice is the same after a resume, patience ends, and a metric that
//! cannot choose is refused before anything is written.

use crate::common::program::{self, fingerprint, refused, run, says, workplace};
use std::fs;
use std::path::{Path, PathBuf};

fn train(folder: &Path, name: &str, more: &[&str]) -> (PathBuf, String) {
    let base = ["train", "digits", "--config", "small.toml", "--name", name, "--set", "data.count=2000"];
    let talk = run(folder, &[&base[..], more].concat());
    (folder.join("runs").join(name), talk)
}

/// Values told on stderr by step: "best: step 10: swd 0.1234 (…".
fn evaluations(talk: &str) -> Vec<(u64, f64)> {
    let told = talk.lines().filter_map(|l| l.strip_prefix("best: step "));
    told.map(|l| {
        let (step, rest) = l.split_once(": swd ").expect("a step and a value");
        let value = rest.split_whitespace().next().expect("a value");
        (step.parse().expect("a number"), value.parse().expect("a number"))
    })
    .collect()
}

/// The counters of a checkpoint of a run.
fn state(run: &Path, of: &str) -> serde_json::Value {
    let text = fs::read_to_string(run.join("checkpoints").join(of).join("state.json")).expect("there");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_best_checkpoint_outlives_the_newest_ones() {
    let folder = workplace();
    // A learning rate that ruins G after a while.
    let more = ["--best-by", "swd", "--set", "checkpoint.keep=2", "--set", "checkpoint.every=5", "--set"];
    let lr = ["optimizer.generator.lr=0.03", "--set", "ema.decay=0", "--steps", "80"];
    let (path, talk) = train(folder.path(), "r", &[&more[..], &lr].concat());
    let all = evaluations(&talk);
    assert_eq!(all.iter().map(|e| e.0).collect::<Vec<_>>(), (1..=16).map(|i| 5 * i).collect::<Vec<_>>());
    let best = all.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("some").0;
    assert!(best < 70, "the newest are not the best here: {talk}");
    let state = |of: &str| state(&path, of);
    assert_eq!(state("best")["step"], best);
    assert_eq!(state("step-000000080")["best"]["step"], best);
    assert_eq!(state("step-000000080")["best"]["behind"], (80 - best) / 5);
    assert!(!path.join(format!("checkpoints/step-{best:09}")).exists(), "retired as others are");
    let names: Vec<String> = fs::read_dir(path.join("checkpoints"))
        .expect("there")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 3, "two and the best: {names:?}");
    run(folder.path(), &["sample", "runs/r/checkpoints/best", "-n", "4"]);
    run(folder.path(), &["eval", "runs/r/checkpoints/best", "swd", "-n", "100"]);
    run(folder.path(), &["doctor", "runs/r/checkpoints/best"]);
}

#[test]
fn a_resumed_run_chooses_as_the_run_that_never_stopped() {
    let folder = workplace();
    let more = ["--best-by", "swd", "--patience", "50"];
    let (whole, _) = train(folder.path(), "whole", &more);
    let (parts, _) = train(folder.path(), "parts", &[&more[..], &["--steps", "10"]].concat());
    // A kill after a checkpoint that is the best, as the first one is, and before its copy.
    let best = state(&parts, "step-000000010")["best"].clone();
    assert_eq!((&best["step"], &best["behind"]), (&10.into(), &0.into()), "{best}");
    fs::remove_dir_all(parts.join("checkpoints/best")).expect("removed");
    run(folder.path(), &["train", "--resume", "runs/parts", "--steps", "17"]);
    assert_eq!(state(&parts, "best")["step"], 10, "copied after all");
    // What a kill may leave between two renames.
    fs::rename(parts.join("checkpoints/best"), parts.join("checkpoints/best.was")).expect("renamed");
    run(folder.path(), &["train", "--resume", "runs/parts", "--steps", "30"]);
    run(folder.path(), &["train", "--resume", "runs/parts", "--steps", "40", "--threads", "2"]);
    let (whole, parts) = (fingerprint(&whole), fingerprint(&parts));
    let of = |prints: &std::collections::BTreeMap<String, String>| {
        let same = |n: &str| n.contains("best") || n.contains("000040/") || n == "doctor.jsonl";
        prints.iter().filter(|(n, _)| same(n)).map(|(n, p)| (n.clone(), p.clone())).collect::<Vec<_>>()
    };
    assert!(of(&whole).len() > 14, "{:?}", of(&whole));
    assert_eq!(of(&parts), of(&whole));
}

#[test]
fn patience_comes_to_an_end_and_more_of_it_goes_on() {
    let folder = workplace();
    // Without a learning rate every checkpoint is as good as the first.
    let still = ["--set", "optimizer.generator.lr=1e-30", "--best-by", "swd", "--patience", "2"];
    let (path, talk) = train(folder.path(), "r", &[&still[..], &["--steps", "500"]].concat());
    says(
        &talk,
        &["kept as checkpoints/best", "stopping: swd has not been better", "in 2 evaluations", "30 steps"],
    );
    assert!(
        path.join("checkpoints/step-000000030").is_dir() && !path.join("checkpoints/step-000000040").exists()
    );
    let again = run(folder.path(), &["train", "--resume", "runs/r"]);
    says(
        &again,
        &["stopping:", "0 steps (30 in all)", "go on with: gansaku train --resume runs/r --patience 4"],
    );
    let page = std::fs::read_to_string(path.join("report.html")).expect("a report");
    says(
        &page,
        &[
            "Its patience came to an end",
            "train --resume runs/r --patience 4",
            "by swd so far is that of step 10",
        ],
    );
    let fewer = refused(folder.path(), &["train", "--resume", "runs/r", "--steps", "29"], 2);
    says(&fewer, &["30 steps are done, more than the 29 asked for", "--steps 30"]);
    let more = run(folder.path(), &["train", "--resume", "runs/r", "--patience", "3"]);
    says(&more, &["in 3 evaluations", "10 steps (40 in all)"]);
}

#[test]
fn a_metric_that_cannot_choose_is_refused() {
    let folder = workplace();
    let no = |arguments: &[&str], code| refused(folder.path(), &[&["train"], arguments].concat(), code);
    says(&no(&["ring", "--best-by", "parzen"], 2), &["best_by is parzen", "does not fit", "modes or swd"]);
    says(&no(&["--config", "small.toml", "--best-by", "modes"], 2), &["best_by is modes", "parzen or swd"]);
    says(&no(&["--config", "small.toml", "--best-by", "neighbours"], 2), &["copies from samples"]);
    says(&no(&["--config", "small.toml", "--patience", "2"], 2), &["checkpoint.patience is 2", "--best-by"]);
    // 300 digits have 30 for validation.
    says(
        &no(&["--config", "small.toml", "--best-by", "parzen"], 3),
        &["needs 1000 validation examples", "has 30"],
    );
    assert!(!folder.path().join("runs").exists(), "nothing was left behind");
    // Only those that can are offered.
    says(&program::stdout(folder.path(), &["train", "-h"]), &["parzen, modes, swd]"]);
}
