//! Measurements: what they bring, how runs are compared by them, and two programs that measure one run.

use crate::common::program::{gansaku, refused, refused_by_clap, run, says, stdout, workplace};
use std::fs;

#[test]
fn measurements_bring_their_protocol_and_real_data() {
    let folder = workplace();
    let here = folder.path();
    run(
        here,
        &[
            "train",
            "digits",
            "--config",
            "small.toml",
            "--name",
            "r",
            "--set",
            "data.count=10000",
            "--steps",
            "2",
        ],
    );
    let text = stdout(here, &["eval", "runs/r", "-n", "500", "--json", "e.json"]);
    says(
        &text,
        &["parzen:", "500 samples", "500 training examples", "the mean image", "neighbours:", "swd:"],
    );
    let json = fs::read_to_string(here.join("e.json")).expect("there");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let all = json["measurements"].as_array().expect("a list");
    let names: Vec<_> = all.iter().map(|m| m["metric"].as_str().expect("a name")).collect();
    assert_eq!(names, ["parzen", "neighbours", "swd", "ms-ssim", "birthday", "nyquist", "fd", "kid", "prdc"]);
    let nats = |row: &serde_json::Value| row["nats"].as_f64().expect("a number");
    let parzen = &all[0];
    let reference = &parzen["reference"];
    // An untrained G makes noise around the mean image.
    assert!(nats(&parzen["values"]) < nats(&reference["500 training examples"]) - 100.0);
    // The same seed, the same numbers.
    assert_eq!(stdout(here, &["eval", "runs/r", "-n", "500"]), text);
    run(here, &["train", "ring", "--name", "p", "--steps", "1", "--set", "data.count=5000"]);
    says(&stdout(here, &["eval", "runs/p", "-n", "100"]), &["modes:", "high quality %", "100 test points"]);
    says(&refused(here, &["eval", "runs/p", "parzen"], 2), &["a measure of pictures", "modes or swd"]);
    for command in ["eval", "report"] {
        let told = refused(here, &[command, "runs/p", "--data", "elsewhere"], 2);
        says(&told, &["--data elsewhere: runs/p", "leave --data out"]);
    }
    // What the run's file knows of other metrics stays, by whatever path the run is called.
    let file = here.join("runs/p/eval.json");
    let metrics = || -> Vec<String> {
        let json: serde_json::Value = serde_json::from_slice(&fs::read(&file).expect("there")).expect("JSON");
        let all = json["measurements"].as_array().expect("a list").iter();
        all.map(|m| m["metric"].as_str().expect("a name").to_string()).collect()
    };
    assert_eq!(metrics(), ["modes", "swd"]);
    stdout(&here.join("runs"), &["eval", "p", "swd", "-n", "100"]);
    assert_eq!(metrics(), ["swd", "modes"]);
    // Nor does --json take it from that file.
    run(here, &["eval", "runs/p", "modes", "-n", "100", "--json", "runs/p/eval.json"]);
    assert_eq!(metrics(), ["modes", "swd"]);
    let inside = here.join("runs/p/checkpoints");
    says(&run(&inside, &["eval", "step-000000001", "swd", "-n", "100"]), &["runs/p/eval.json too"]);
    assert_eq!(metrics(), ["swd", "modes"]);
    // A file of something else is told before anything is measured, and not written over.
    fs::write(&file, "{}").expect("writes");
    says(
        &refused(here, &["eval", "runs/p", "swd"], 3),
        &["eval.json", "expected a file that", "move it away"],
    );
    assert_eq!(fs::read(&file).expect("there"), b"{}");
    // Where the run's folder takes nothing, what was measured is printed all the same.
    fs::remove_file(&file).expect("there");
    fs::remove_file(here.join("runs/p/eval.lock")).expect("there");
    fs::create_dir(here.join("runs/p/eval.lock")).expect("made");
    let output = gansaku(here, &["eval", "runs/p", "-n", "100"]).output().expect("starts");
    assert!(output.status.success());
    says(&String::from_utf8_lossy(&output.stdout), &["modes:", "swd:"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(told.matches("keeps no measurements").count(), 1, "{told}");
    fs::remove_dir(here.join("runs/p/eval.lock")).expect("there");
    says(&refused(here, &["eval", "runs/r", "modes"], 2), &["a measure of ring, grid and stacked digits"]);
    run(here, &["train", "digits", "--config", "small.toml", "--name", "few", "--steps", "1"]);
    // Without a metric's name, what the data are too few for is left out, and the rest is measured.
    let output = gansaku(here, &["eval", "runs/few", "-n", "100"]).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    says(&String::from_utf8_lossy(&output.stderr), &["left out: parzen needs 1000 validation examples"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("ms-ssim:"));
    says(
        &refused(here, &["eval", "runs/few", "--json", "nowhere/e.json"], 2),
        &["there is no folder nowhere"],
    );
    says(&refused(here, &["eval", "runs/few", "parzen"], 3), &["needs 1000 validation examples", "has 30"]);
}

#[test]
fn runs_are_compared_by_their_folders_and_json_is_all_that_a_pipe_gets() {
    let folder = workplace();
    let here = folder.path();
    for (name, seed) in [("a", "0"), ("b", "1"), ("c", "2")] {
        let train =
            ["train", "ring", "--name", name, "--steps", "1", "--seed", seed, "--set", "data.count=5000"];
        run(here, &train);
        says(
            &refused(here, &["eval", "--compare", "runs/a", &format!("runs/{name}")], 2),
            &["nothing was measured"],
        );
        if name == "a" {
            continue;
        }
        run(here, &["eval", &format!("runs/{name}"), "swd", "modes"]);
    }
    let json = stdout(here, &["eval", "runs/a", "swd", "--json", "-"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("nothing but JSON");
    assert_eq!(
        (&json["measurements"][0]["metric"], &json["measurements"][0]["step"]),
        (&"swd".into(), &1.into())
    );
    let output =
        gansaku(here, &["eval", "--compare", "runs/a", "runs/b", "runs/c"]).output().expect("starts");
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    says(&told, &["distance ↓", "runs/a", "runs/b", "runs/c", "training examples", "high quality % ↑"]);
    let distance = told.lines().find(|line| line.contains("distance ↓")).expect("a row");
    assert_eq!(distance.matches('*').count(), 1, "{told}");
    // Each seed has made a ring of its own.
    says(&String::from_utf8_lossy(&output.stderr), &["runs/b was measured against other held-out examples"]);
    run(here, &["eval", "runs/a", "modes", "-n", "100"]);
    let told = stdout(here, &["eval", "--compare", "runs/a", "runs/b"]);
    says(&told, &["modes: not comparable, protocols differ", "  runs/a: 100 samples", "distance ↓"]);

    let diagnosis = stdout(here, &["doctor", "runs/a", "--json", "-"]);
    let diagnosis: serde_json::Value = serde_json::from_str(&diagnosis).expect("nothing but JSON");
    assert_eq!(diagnosis["verdicts"][0]["state"], "too-early", "one step is nothing to judge");
    says(
        &stdout(here, &["doctor", "runs/a", "--fail"]),
        &["too early to tell", "gansaku train --resume runs/a --steps "],
    );
    // Words in the wrong order, and a name that others use.
    let order = |arguments: &[&str]| refused_by_clap(here, arguments);
    says(&order(&["eval", "parzen", "runs/a"]), &["the run comes first: gansaku eval runs/a METRIC"]);
    says(&refused(here, &["eval", "parzen"], 2), &["parzen is a metric; the run comes first"]);
    says(&order(&["eval", "runs/a", "fid"]), &["fid needs Inception's features", "fd is the same distance"]);
}

#[test]
fn two_programs_that_measure_one_run_keep_both_measurements() {
    let folder = workplace();
    let here = folder.path();
    run(here, &["train", "ring", "--name", "p", "--steps", "1", "--set", "data.count=5000"]);
    let measure = |metric| gansaku(here, &["eval", "runs/p", metric, "-n", "20000"]).spawn().expect("starts");
    let both = ["modes", "swd"].map(measure);
    both.into_iter().for_each(|mut child| assert!(child.wait().expect("ends").success()));
    let json = fs::read_to_string(here.join("runs/p/eval.json")).expect("there");
    says(&json, &["\"metric\": \"modes\"", "\"metric\": \"swd\""]);
}
