//! `gansaku repro` from end to end on tiny networks: what it leaves, what it says, and that no interruption shows.

use crate::common::idx::{self, digits_as_idx};
use crate::common::program::{fingerprint, gansaku, message, newest_step, refused, run, says, stdout, until};
use gansaku::numbers::number;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Networks so small that a step takes no time, over any of the papers' recipes with two hidden layers.
const TINY: [&str; 12] = [
    "--set",
    "generator.layers.0.units=12",
    "--set",
    "generator.layers.1.units=10",
    "--set",
    "discriminator.layers.0.units=6",
    "--set",
    "discriminator.layers.1.units=5",
    "--set",
    "log.every=5",
    "--set",
    "checkpoint.every=10",
];

fn repro<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["repro"], more, &TINY[..]].concat()
}

/// `repro` of recipes that convolve, as narrow.
fn convolving<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let sets = ["generator.width=4", "discriminator.width=4", "log.every=5", "checkpoint.every=10"];
    [&["repro"], more, &sets.map(|set| ["--set", set]).concat()[..]].concat()
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// A folder of digits: 1,500 to train and choose with, 150 to test with.
fn digits(folder: &Path) -> String {
    let to = folder.join("mnist");
    digits_as_idx(&to, 1_500, 150, 7);
    to.display().to_string()
}

/// Every file that equal calls make equal: results without times, pictures, the runs' checkpoints.
fn without_times(out: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(out.join("results")).expect("there").flatten() {
        let mut result = json(&entry.path());
        assert!(result.as_object_mut().expect("an object").remove("seconds").is_some_and(|s| s.is_number()));
        all.insert(entry.file_name().to_string_lossy().into_owned(), result.to_string());
    }
    all.extend(fingerprint(&out.join("pictures")));
    for run in fs::read_dir(out.join("runs")).expect("there").flatten().filter(|e| e.path().is_dir()) {
        let name = run.file_name().to_string_lossy().into_owned();
        let files = fingerprint(&run.path()).into_iter();
        // A run's own report tells its times, its measurements where it lies; other tests look at them.
        let own = |file: &str| ["report.html", "eval.json"].contains(&file) || file.starts_with("events.");
        let compared = files.filter(|(file, _)| !own(file));
        all.extend(compared.map(|(file, sum)| (format!("{name}/{file}"), sum)));
    }
    all
}

#[test]
fn mixtures_come_out_as_a_table_a_page_and_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = stdout(folder.path(), &repro(&["pacgan-ring", "--seeds", "3", "--steps", "20"]));
    let out = folder.path().join("repro/pacgan-ring");
    says(
        &text,
        &[
            "6.3 ± 0.5",
            "recipe ring-rpgan (modern), 3 seeds",
            "recipe ring (the paper's), 3 seeds",
            "test points",
        ],
    );
    for (steps, recipe) in [("30,000", "ring-rpgan"), ("400,000", "ring")] {
        says(&text, &[&format!("CUT SHORT AT STEP 20 OF {steps}; CHANGED: GENERATOR.LAYERS.0.UNITS=12")]);
        // The mean and the deviation of the three results, and of the results that `gansaku eval` gives.
        let measured: Vec<f64> = (0..3)
            .map(|seed| {
                let name = format!("{recipe}-seed-{seed}");
                let result = json(&out.join(format!("results/{name}.json")));
                let (from, to) = (out.join("runs").join(&name), folder.path().join("eval.json"));
                let report = fs::read_to_string(from.join("report.html")).expect("there");
                let percent = result["values"]["modes.high quality %"].as_f64().expect("a number");
                assert!(!report.contains("Nothing has been measured"), "{name}");
                says(&report, &["within 3 sd of a mode", &number(percent)]);
                let (from, seed) = (from.display().to_string(), seed.to_string());
                run(
                    folder.path(),
                    &["eval", &from, "modes", "--seed", &seed, "--json", &to.display().to_string()],
                );
                let again = &json(&to)["measurements"][0]["values"]["high quality %"];
                assert_eq!(again, &result["values"]["modes.high quality %"], "{name}");
                again.as_f64().expect("a number")
            })
            .collect();
        let table = json(&out.join("results.json"));
        let rows = table["tables"][0]["rows"].as_array().expect("rows");
        let row =
            rows.iter().find(|r| r["who"].as_str().expect("text").starts_with(&format!("recipe {recipe} (")));
        let cell = &row.expect("ours")["cells"][1];
        let mean = measured.iter().sum::<f64>() / 3.0;
        let deviation = (measured.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
        for (name, wanted) in [("mean", mean), ("spread", deviation)] {
            let found = cell[name].as_f64().expect("a number");
            assert!(
                (found - wanted).abs() <= 1e-12 * (1.0 + wanted),
                "{recipe}: {name} {found}, not {wanted}"
            );
        }
    }
    let page = fs::read_to_string(out.join("index.html")).expect("there");
    says(
        &page,
        &["<!doctype html>", "6.3 ± 0.5", "data:image/png;base64,", "ring-rpgan", "reported", "ours"],
    );
    // Beside every number of ours, and each recipe's first finding. A KL that is infinite has no number.
    let table = json(&out.join("results.json"));
    let rows = table["tables"][0]["rows"].as_array().expect("rows");
    for (recipe, steps) in [("ring-rpgan", "30,000"), ("ring", "400,000")] {
        let own = |r: &&serde_json::Value| {
            r["who"].as_str().expect("text").starts_with(&format!("recipe {recipe} ("))
        };
        let cells = rows.iter().find(own).expect("ours")["cells"].as_array().expect("cells");
        let numbers = cells.iter().filter(|cell| !cell.is_null()).count();
        assert!(numbers >= 2, "modes and high quality");
        assert_eq!(page.matches(&format!("cut short at step 20 of {steps}")).count(), numbers + 1, "{steps}");
    }
    assert!(out.join("pictures/ring-samples.png").is_file() && out.join("pictures/ring-data.png").is_file());
}

#[test]
fn pictures_are_measured_and_shown_with_both_recipes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mnist = digits(folder.path());
    let small =
        ["--set", "data.train=[0, 400]", "--set", "data.valid=[400, 1500]", "--set", "train.batch=20"];
    let first = ["gan-2014", "--data", &mnist, "--seeds", "1", "--out", "again"];
    let with = |more: &[&'static str]| {
        let all = [&first[..], &small, more].concat();
        repro(&all).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let call = |more: &[&'static str]| {
        let arguments = with(more);
        stdout(folder.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let text = call(&["--steps", "30", "--recipe", "modern"]);
    says(
        &text,
        &["225 ± 2", "mnist-rpgan (modern), seed 0", "400 training examples", "the mean image", "CUT SHORT"],
    );
    says(&text, &["first 1000 validation examples", "of 150 test examples"]);
    assert!(!text.contains("mnist-2014"), "only what was asked for:\n{text}");
    let out = folder.path().join("again");
    let size = |name: &str| {
        let picture = image::open(out.join("pictures").join(name)).expect("a picture");
        (picture.width(), picture.height())
    };
    assert_eq!(size("mnist-rpgan-samples.png"), (10 * 60 + 4, 10 * 60 + 4));
    assert_eq!(size("mnist-rpgan-interpolation.png"), (10 * 60 + 4, 60 + 4), "one row");
    assert_eq!(size("mnist-rpgan-neighbours.png"), (10 * 60 + 4, 2 * 60 + 4), "samples, nearest below");
    // The paper's recipe joins what is there.
    let text = call(&["--steps", "10", "--recipe", "paper"]);
    says(
        &text,
        &[
            "mnist-rpgan (modern), seed 0",
            "mnist-2014 (the paper's), seed 0",
            "CUT SHORT AT STEP 10 OF 40,000",
        ],
    );
    // More steps go on from what is there; fewer keep it.
    let talk = |more: &[&'static str]| {
        let arguments = with(more);
        run(folder.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    says(&talk(&["--steps", "40", "--recipe", "modern"]), &["from step 30", "10 steps (40 in all)"]);
    says(
        &talk(&["--steps", "5"]),
        &["mnist-rpgan, seed 0: kept, 40 steps", "mnist-2014, seed 0: kept, 10 steps"],
    );
}

#[test]
fn a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = repro(&[
        "pacgan-ring",
        "--recipe",
        "modern",
        "--seeds",
        "1",
        "--steps",
        "10",
        "--set",
        "data.count=400",
    ]);
    run(folder.path(), &arguments);
    let out = folder.path().join("repro/pacgan-ring");
    let seed = out.join("runs/ring-rpgan-seed-0");
    fs::remove_dir_all(out.join("results")).expect("removed");
    let checkpoints = seed.join("checkpoints");
    fs::rename(&checkpoints, seed.join("kept")).expect("moved");
    fs::write(&checkpoints, b"in the way").expect("written");
    says(&refused(folder.path(), &arguments, 1), &["list", "checkpoints"]);
    assert!(seed.join("kept").is_dir(), "what was trained is still there");
}

#[test]
fn stacked_digits_are_labelled_by_a_classifier_that_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mnist = digits(folder.path());
    let base = ["stacked-mnist", "--data", &mnist, "--set", "data.count=400", "--set", "train.batch=20"];
    let talk = run(folder.path(), &convolving(&[&base[..], &["--steps", "10", "--seeds", "1"]].concat()));
    says(&talk, &["[1/1] stacked-mnist-rpgan, seed 0", "classifier of", "test accuracy"]);
    let out = folder.path().join("repro/stacked-mnist");
    let classifier = out.join("classifier.safetensors");
    let made = fs::read(&classifier).expect("there");
    let text = stdout(folder.path(), &convolving(&[&base[..], &["--steps", "20", "--seeds", "1"]].concat()));
    assert_eq!(fs::read(&classifier).expect("there"), made, "made once");
    says(
        &text,
        &["recipe stacked-mnist-rpgan (modern), seed 0", "VEEGAN", "% on test data", "a perfect sampler"],
    );
    says(&text, &["26000 stacks of 3", "CUT SHORT AT STEP 20 OF 8,000"]);
    // One for other data is refused before anything is trained.
    run(folder.path(), &["classifier", "digits", "--epochs", "1", "--out", "other.safetensors"]);
    let other = ["--classifier", "other.safetensors", "--out", "other", "--steps", "5"];
    says(&refused(folder.path(), &convolving(&[&base[..], &other].concat()), 3), &["other data"]);
    assert!(!folder.path().join("other").exists(), "nothing written");
}

#[test]
fn translations_are_measured_beside_what_costs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let more =
        ["data.size=8", "data.count=300", "generator.blocks=1", "generator.width=2", "discriminator.width=2"];
    let sets = more.iter().chain(&["train.batch=1", "log.every=1"]).flat_map(|set| ["--set", *set]);
    let all: Vec<&str> = ["repro", "cyclegan", "--steps", "2"].into_iter().chain(sets).collect();
    let text = stdout(folder.path(), &all);
    says(
        &text,
        &[
            "it has no number for these domains",
            "recipe cyclegan-invert (the paper's), seed 0",
            "recipe cyclegan-digits (the paper's), seed 0",
            "adding the mean difference",
            "the pictures as they are",
            "test pictures of the domain aimed at",
            "CUT SHORT AT STEP 2 OF 6,000",
            "500 pairs of test pictures",
            "knows domain B alone",
        ],
    );
    assert!(!text.contains("reported"), "the paper has no such number");
    let out = folder.path().join("repro/cyclegan");
    let result = json(&out.join("results/cyclegan-invert-seed-0.json"));
    let untouched =
        |key: &str| result["references"]["the pictures as they are"][key].as_f64().expect("a number");
    // White and black change places: the picture as it is lies far from what it should be, both ways alike.
    let [there, back] = ["paired.L1", "paired.L1 back"].map(untouched);
    assert!(there > 0.7 && (there - back).abs() < 1e-6, "{there} and {back}");
    let digits = json(&out.join("results/cyclegan-digits-seed-0.json"));
    let kept = |row: &str| digits["references"][row]["class-kept.kept %"].as_f64().expect("a number");
    let (real, same) = (kept("test pictures of the domain aimed at"), kept("the pictures as they are"));
    assert!(real > same + 10.0, "the classifier knows B: {real} and {same}");
    let page = fs::read_to_string(out.join("index.html")).expect("there");
    says(&page, &["changes of shape seldom do", "what came back of that", "data:image/png;base64,"]);
    let shown = image::open(out.join("pictures/cyclegan-digits-translations.png")).expect("a picture");
    // In, out, back and truth, one way and the other, of ten pictures.
    assert!(shown.width() == 8 * 60 + 4 && shown.height() > 10 * 60 + 4, "eight columns, ten rows, headings");
    says(&run(folder.path(), &all), &["cyclegan-digits, seed 0: kept, 2 steps"]);
    says(&refused(folder.path(), &["repro", "cyclegan", "--data", "."], 3), &["it takes none"]);
}

#[test]
fn no_interruption_shows_in_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = ["pacgan-ring", "--seeds", "2", "--steps", "700", "--threads", "1", "--out"];
    run(folder.path(), &repro(&[&whole[..], &["whole"]].concat()));
    let mut wanted = without_times(&folder.path().join("whole"));
    let parts = repro(&[&whole[..], &["parts"]].concat());
    // Moments of each of the four runs: it has begun, it has saved so many steps, it is measured.
    let out = folder.path().join("parts");
    let list = |name: &str| fs::read_dir(out.join(name)).into_iter().flatten().flatten().collect::<Vec<_>>();
    let begun = || list("runs").iter().filter(|run| run.path().is_dir()).count() as u64;
    let saved = || list("runs").iter().map(|run| newest_step(&run.path())).sum::<u64>();
    let measured = || list("results").len() as u64;
    // SIGKILL saves nothing, SIGTERM does, also where it comes before a run's first step.
    let moments = [0, 1, 2, 3].map(|before| {
        let first = if before % 2 == 0 { "KILL" } else { "TERM" };
        let last = if before == 3 { "TERM" } else { "KILL" };
        let own = [(0, 0, first), (150, 0, "TERM"), (400, 0, "KILL"), (600, 0, "TERM"), (700, 1, last)];
        own.map(|(steps, results, signal)| (before + 1, 700 * before + steps, before + results, signal))
    });
    let (mut stops, mut told) = (0, 0);
    for (runs, steps, results, signal) in moments.concat() {
        let mut child = gansaku(folder.path(), &parts)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        if until(&mut child, || begun() >= runs && saved() >= steps && measured() >= results) {
            Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill");
        }
        let output = child.wait_with_output().expect("ends");
        match output.status.code() {
            Some(0) => break,
            Some(75) => {
                says(&message(&output, &parts, 75), &["stopped", "the same gansaku repro"]);
                told += 1;
            }
            // A signal ended it: SIGKILL, or SIGTERM before anything listened.
            None => {}
            Some(_) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        }
        stops += 1;
    }
    println!("{stops} stops, {told} of them told");
    assert!(stops >= 10 && told >= 4, "only {stops} stops, {told} of them told");
    run(folder.path(), &parts);
    let mut found = without_times(&folder.path().join("parts"));
    // Stops leave checkpoints and pictures of their own, and what a kill left in a run's lock file is nothing.
    found.retain(|name, _| wanted.contains_key(name));
    // Older checkpoints than the newest are kept or not, as stops came.
    let newest = |name: &String| !name.contains("checkpoints/") || name.contains("step-000000700");
    wanted.retain(|name, _| newest(name));
    found.retain(|name, _| newest(name));
    assert_eq!(found, wanted);
}

#[test]
fn the_time_bounds_the_whole_and_the_page_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    // More steps than anybody takes in the time.
    let endless = ["--set", "train.epochs=0", "--set", "train.steps=1000000000"];
    let call = repro(&[&["pacgan-grid", "--time", "2s", "--threads", "1"][..], &endless].concat());
    let output = gansaku(folder.path(), &call).output().expect("starts");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{talk}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    says(&talk, &["time is up: 20 of 20 runs are unfinished; the same command goes on with them"]);
    let text = String::from_utf8(output.stdout).expect("text");
    says(&text, &["recipe grid-rpgan (modern), seed 0", "CUT SHORT AT STEP", "OF 1,000,000,000"]);
    assert!(!folder.path().join("repro/pacgan-grid/runs/grid-seed-0").exists(), "no time, no run");
    let result =
        || json(&folder.path().join("repro/pacgan-grid/results/grid-rpgan-seed-0.json"))["step"].as_u64();
    let before = result().expect("a step");
    says(&run(folder.path(), &call), &[&format!("from step {before}")]);
    assert!(result().expect("a step") > before);
}

#[test]
fn what_cannot_be_used_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mnist = digits(elsewhere.path());
    let no = |arguments: &[&str], code, parts: &[&str]| {
        says(&refused(folder.path(), &[&["repro"], arguments].concat(), code), parts);
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0, "{arguments:?}");
    };
    no(&["gan-2015"], 2, &["no paper \"gan-2015\"", "did you mean \"gan-2014\"", "pacgan-ring"]);
    no(&["stacked-mnist"], 3, &["stacked-mnist needs data", "MNIST's IDX files"]);
    no(&["gan-2014"], 3, &["gan-2014 needs data", "--data PATH", "MNIST's IDX files"]);
    no(&["gan-2014", "--data", "nowhere"], 3, &["nowhere", "no such file"]);
    no(&["pacgan-ring", "--data", &mnist], 3, &["no experiment for this kind of data"]);
    no(&["gan-2014", "--data", &mnist, "--data", &mnist], 2, &["a second data set for MNIST"]);
    // 1,500 examples are not 50,000.
    no(&["gan-2014", "--data", &mnist], 3, &["data.train is [0, 50000]", "1500"]);
    no(&["pacgan-ring", "--set", "loss.r3=1"], 2, &["unknown key \"r3\""]);
    no(&["pacgan-ring", "--set", "train.batch=0"], 2, &["train.batch"]);
    no(&["pacgan-ring", "--set", "seed=5"], 2, &["--set seed", "--seeds"]);
    let patient = ["--set", "checkpoint.best_by=modes", "--set", "checkpoint.patience=3"];
    no(&[&["pacgan-ring"], &patient[..]].concat(), 2, &["checkpoint.patience", "to its last step"]);
    no(&["pacgan-ring", "--seeds", "0"], 2, &[]);
    no(&["pacgan-ring", "--steps", "0"], 2, &[]);
    no(&["pacgan-ring", "--time", "soon"], 2, &[]);
    // Of four kinds of digits there are other modes than the protocol's.
    for (name, count) in [("train", 1_500), ("t10k", 150)] {
        let labels: Vec<u8> = (0..count).map(|i| (i % 4) as u8).collect();
        let file = Path::new(&mnist).join(format!("{name}-labels-idx1-ubyte"));
        fs::write(file, idx::idx(&[count], &labels)).expect("written");
    }
    no(&["stacked-mnist", "--data", &mnist], 3, &["ten kinds of digits", "has 4"]);
    // Too few validation examples for the metric are told before hours of training, not after.
    let few = ["--set", "data.train=[0, 400]", "--set", "data.valid=[400, 900]"];
    no(&[&["gan-2014", "--data", &mnist][..], &few].concat(), 3, &["parzen needs 1000 validation examples"]);
}

#[test]
fn a_run_that_diverges_does_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let wild =
        ["loss.relativistic=false", "loss.r1=0", "loss.r2=0", "ema.decay=0", "loss.objective=least-squares"];
    let fast = ["optimizer.generator.rule.sgd={}", "optimizer.discriminator.rule.sgd={}"];
    let rate = ["optimizer.discriminator.lr=100", "checkpoint.every=9999"];
    let sets = wild.iter().chain(&fast).chain(&rate).flat_map(|set| ["--set", *set]).collect::<Vec<_>>();
    let base = ["pacgan-ring", "--seeds", "2", "--recipe", "modern", "--steps", "400"];
    let arguments = repro(&[&base[..], &sets].concat());
    let told = || {
        let output = gansaku(folder.path(), &arguments).output().expect("starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{told}");
        told
    };
    let first = told();
    says(&first, &["[1/2] ring-rpgan, seed 0", "[2/2] ring-rpgan, seed 1"]);
    // No table of those that came through passes for one of all.
    let out = folder.path().join("repro/pacgan-ring");
    let page = fs::read_to_string(out.join("index.html")).expect("there");
    for seed in 0..2 {
        let result = json(&out.join(format!("results/ring-rpgan-seed-{seed}.json")));
        assert_eq!(result["diverged"], true);
        let step = result["step"].as_u64().expect("a number");
        says(&page, &[&format!("diverged at step {step} of 30,000"), "non-finite"]);
    }
    says(&first, &["DIVERGED AT STEP", "non-finite"]);
    // Nor is it taken for done.
    says(&told(), &["[1/2] ring-rpgan, seed 0\n", "[2/2] ring-rpgan, seed 1\n"]);
}

#[test]
fn results_of_other_configurations_are_not_mixed() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = ["pacgan-ring", "--seeds", "1", "--steps", "10", "--recipe", "modern"];
    run(folder.path(), &repro(&base));
    let other = repro(&[&base[..], &["--set", "loss.r1=0.1"]].concat());
    says(&refused(folder.path(), &other, 4), &["another configuration", "another --out"]);
    // What is logged and when it is saved changes no weight.
    says(&run(folder.path(), &repro(&[&base[..], &["--set", "log.every=2"]].concat())), &["kept, 10 steps"]);
    let result = folder.path().join("repro/pacgan-ring/results/ring-rpgan-seed-0.json");
    // Nor is a run that has no result yet gone on with otherwise than it was begun.
    let text = fs::read(&result).expect("there");
    fs::remove_file(&result).expect("removed");
    says(&refused(folder.path(), &other, 4), &["begun with another configuration"]);
    fs::write(&result, text).expect("written");
    fs::write(&result, "{}").expect("written");
    says(&refused(folder.path(), &repro(&base), 4), &["ring-rpgan-seed-0.json", "remove it"]);
}
