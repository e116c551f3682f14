//! `gansaku runs` and `gansaku prune`: what lies in a folder of runs, as a table, as JSON and as a page, and what can go.

use crate::common::program::{gansaku, refused, run, says, stdout, until, workplace};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A run called `name`, and what it leaves.
fn train(folder: &Path, name: &str, more: &[&str]) {
    run(folder, &[&["train", "digits", "--config", "small.toml", "--name", name], more].concat());
}

/// Bytes below a folder.
fn size(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|e| e.file_type().is_file());
    files.map(|e| e.metadata().expect("there").len()).sum()
}

fn checkpoints(run: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(run.join("checkpoints")).expect("there").flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

fn listed(folder: &Path) -> Vec<Value> {
    serde_json::from_str(&stdout(folder, &["runs", "--json", "-"])).expect("JSON")
}

#[test]
fn every_run_is_listed_and_a_damaged_one_says_what_is_damaged() {
    let folder = workplace();
    let runs = folder.path().join("runs");
    let talk = run(folder.path(), &["runs"]);
    says(&talk, &["no run here", "gansaku train"]);
    assert!(!runs.exists(), "nothing is made where nothing is");
    says(&refused(folder.path(), &["runs", "elsewhere"], 2), &["elsewhere: no such folder"]);
    train(folder.path(), "whole", &["--set", "checkpoint.best_by=swd", "--set", "data.count=1000"]);
    train(folder.path(), "part<1>", &["--time", "0.001s", "--steps", "9999"]);
    train(folder.path(), "cut", &[]);
    train(folder.path(), "lost", &[]);
    fs::create_dir_all(runs.join("no-run/checkpoints-of-mine")).expect("a folder");
    fs::write(runs.join("cut/checkpoints/step-000000040/generator.safetensors"), b"short").expect("written");
    fs::write(runs.join("lost/config.toml"), "recipe = 3\n").expect("written");
    let all = listed(folder.path());
    let names: Vec<&str> = all.iter().filter_map(|run| run["name"].as_str()).collect();
    assert_eq!(names, ["cut", "lost", "part<1>", "whole"]);
    let states: Vec<&str> = all.iter().filter_map(|run| run["status"].as_str()).collect();
    assert_eq!(states, ["damaged", "damaged", "stopped", "finished"]);
    says(all[0]["damage"].as_str().expect("why"), &["generator.safetensors", "5 bytes, expected"]);
    says(all[1]["damage"].as_str().expect("why"), &["config.toml"]);
    let whole = &all[3];
    assert_eq!(
        (&whole["step"], &whole["total"], &whole["recipe"]),
        (&40.into(), &40.into(), &"digits".into())
    );
    assert_eq!((&whole["best"]["metric"], &whole["damage"]), (&"swd".into(), &Value::Null));
    assert_eq!(whole["bytes"], size(&runs.join("whole")));
    assert!(!whole["verdicts"].as_array().expect("verdicts").is_empty());
    let table = stdout(folder.path(), &["runs"]);
    let lines: Vec<&str> = table.lines().collect();
    says(lines[0], &["run", "recipe", "steps", "verdict", "best", "size", "age"]);
    says(lines[lines.len() - 1], &["whole", "digits", "40", "swd 0."]);
    says(&table, &[" of 9,999", "damaged"]);
    // A list is not written over something else.
    let list = ["runs", "--json", "list.json"];
    run(folder.path(), &list);
    run(folder.path(), &list);
    says(
        &refused(folder.path(), &["runs", "--json", "small.toml"], 2),
        &["something else than a list of runs"],
    );
}

#[test]
fn the_page_of_runs_is_one_file_that_loads_nothing_and_never_takes_anothers_place() {
    let folder = workplace();
    train(folder.path(), "first", &[]);
    train(folder.path(), "a&b #2", &["--seed", "2"]);
    run(folder.path(), &["train", "ring", "--steps", "20", "--name", "ring", "--set", "log.samples=50"]);
    let talk = run(folder.path(), &["runs"]);
    says(&talk, &["runs/index.html: open it in a browser"]);
    let file = folder.path().join("runs/index.html");
    let page = fs::read_to_string(&file).expect("a page");
    let parts = [
        "3 runs",
        "Written 20",
        "by gansaku runs",
        "./a%26b%20%232/report.html",
        "a&amp;b #2",
        "./first/report.html",
    ];
    says(&page, &parts);
    for loads in ["http://", "https://", "@import", "url(", "<link", "src=\"/", "src=\"."] {
        assert!(!page.contains(loads), "{loads}");
    }
    // Two pictures and a plot; without JavaScript, a chart a number.
    assert_eq!(page.matches("<img class=\"thumbnail\"").count(), 2);
    assert_eq!(page.matches("<svg class=\"thumbnail\"").count(), 1);
    assert!(page.matches("<svg viewBox=\"0 0 460 250\"").count() >= 8, "charts");
    says(&page, &["Energy distance of samples to the data", "Loss of D", "data-run=\"2\""]);
    assert!(page.len() < 400_000, "{} bytes", page.len());
    fs::write(&file, "<html>mine</html>").expect("written");
    says(&run(folder.path(), &["runs"]), &["warning", "not a page of this program"]);
    assert_eq!(fs::read_to_string(&file).expect("there"), "<html>mine</html>");
}

#[test]
fn pruning_keeps_the_newest_and_the_best_and_says_so_before_it_removes() {
    let folder = workplace();
    let path = folder.path().join("runs/r");
    train(folder.path(), "r", &["--set", "checkpoint.best_by=swd", "--set", "data.count=1000"]);
    let before = checkpoints(&path);
    assert_eq!(before.len(), 5, "four and the best: {before:?}");
    let told = stdout(folder.path(), &["prune", "runs/r"]);
    let gone: u64 =
        ["10", "20", "30"].iter().map(|s| size(&path.join(format!("checkpoints/step-0000000{s}")))).sum();
    let freed = gansaku::numbers::bytes_in_words(gone);
    says(
        &told,
        &[
            "runs/r: ",
            &freed,
            "3 checkpoints (steps 10, 20, 30)",
            "step-000000040 (the newest)",
            "best (a copy of the best)",
        ],
    );
    says(
        &run(folder.path(), &["prune", "runs/r"]),
        &["nothing was removed; --yes removes it and frees", &freed],
    );
    assert_eq!(checkpoints(&path), before, "it only told");
    // What is no part of a checkpoint stays, with the folder that it lies in.
    fs::write(path.join("checkpoints/step-000000020/notes.txt"), "mine").expect("written");
    fs::create_dir(path.join("checkpoints/step-000000030.tmp")).expect("a folder");
    fs::write(path.join("checkpoints/step-000000030.tmp/part"), "half").expect("written");
    fs::create_dir(path.join("checkpoints/mine")).expect("a folder");
    let pictures = fs::read_dir(path.join("samples")).expect("there").count();
    let whole = size(&path);
    says(&run(folder.path(), &["prune", "runs/r", "runs/../runs/r", "--yes"]), &["removed: "]);
    let left = ["best", "mine", "step-000000020", "step-000000040"].map(String::from);
    assert_eq!(checkpoints(&path), BTreeSet::from(left));
    assert_eq!(fs::read_dir(path.join("samples")).expect("there").count(), pictures);
    let two = gone - (gone / 3);
    assert!(whole - size(&path) >= two - two / 50, "{} of about {two} bytes", whole - size(&path));
    says(
        &stdout(folder.path(), &["prune", "runs/r"]),
        &["nothing to remove", "notes.txt is no part of a checkpoint"],
    );
    run(folder.path(), &["train", "--resume", "runs/r", "--steps", "44"]);
}

#[test]
fn pruning_spares_what_may_be_the_only_good_one_and_runs_in_training() {
    let folder = workplace();
    let path = folder.path().join("runs/r");
    train(folder.path(), "r", &[]);
    // The newest is damaged: the one before it is what a resume goes on from.
    fs::write(path.join("checkpoints/step-000000040/generator.safetensors"), b"short").expect("written");
    let told = stdout(folder.path(), &["prune", "runs/r", "--yes"]);
    says(&told, &["step-000000030 (the newest)", "step-000000040 (damaged"]);
    assert_eq!(checkpoints(&path), BTreeSet::from(["step-000000030", "step-000000040"].map(String::from)));
    fs::write(path.join("checkpoints/step-000000030/state.json"), b"{}").expect("written");
    says(&refused(folder.path(), &["prune", "runs/r", "--yes"], 4), &["none of its checkpoints is whole"]);
    says(&refused(folder.path(), &["prune", "runs/none"], 4), &["no such run"]);
    // One that is trained, beside one that is not: nothing of either goes.
    train(folder.path(), "still", &[]);
    let long = ["train", "digits", "--config", "small.toml", "--name", "long", "--steps", "1000000"];
    let mut training = gansaku(folder.path(), &long).spawn().expect("starts");
    let checkpoint = folder.path().join("runs/long/checkpoints/step-000000010");
    let come = until(&mut training, || checkpoint.exists());
    let runs = listed(folder.path());
    let told = refused(folder.path(), &["prune", "runs/still", "runs/long", "--yes"], 2);
    training.kill().and_then(|()| training.wait()).expect("killed");
    assert!(come, "it ended before");
    says(&told, &["runs/long"]);
    assert_eq!(checkpoints(&folder.path().join("runs/still")).len(), 4);
    let status = |name: &str| runs.iter().find(|run| run["name"] == name).map(|run| run["status"].clone());
    assert_eq!((status("long"), status("still")), (Some("training".into()), Some("finished".into())));
}

#[test]
fn a_run_is_listed_with_the_doctors_last_word() {
    let folder = workplace();
    // No probe is due but at step 0: what the doctor says at the end, it measures for that alone.
    train(folder.path(), "short", &["--set", "log.every=5", "--set", "log.samples_every=1000"]);
    let listed = &listed(folder.path())[0]["verdicts"];
    let told: Value =
        serde_json::from_str(&stdout(folder.path(), &["doctor", "runs/short", "--json", "-"])).expect("JSON");
    assert_eq!(listed, &told["verdicts"]);
    let evidence = listed[0]["evidence"].as_str().expect("words");
    assert!(!evidence.contains("a verdict comes at"), "{evidence}");
    // Steps that are done anew have no last word yet.
    let word = folder.path().join("runs/short/verdict.json");
    let text = fs::read_to_string(&word).expect("kept").replacen("\"step\": 40", "\"step\": 50", 1);
    fs::write(&word, text).expect("written");
    run(folder.path(), &["train", "--resume", "runs/short"]);
    let word: Value = serde_json::from_slice(&fs::read(&word).expect("kept")).expect("JSON");
    assert_eq!(word["step"], 40);
}
