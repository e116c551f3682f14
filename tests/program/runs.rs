//! Runs: equal commands make equal bytes, a resume is as if nothing had happened, and whatever goes wrong
//! leaves the last good checkpoint.

use crate::common::idx::digits_as_idx;
use crate::common::program::{
    self, fingerprint, gansaku, message, newest_step, refused, run, says, train, until, workplace,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Ways to train that differ in what a checkpoint must hold.
const STYLES: [(&str, &[&str]); 6] = [
    ("Adam, average, penalties", &[]),
    (
        "SGD, joint, schedules",
        &[
            "--set",
            "loss.relativistic=false",
            "--set",
            "loss.r1=0",
            "--set",
            "loss.r2=0",
            "--set",
            "train.joint=true",
            "--set",
            "ema.decay=0",
            "--set",
            "optimizer.generator.decay_factor=1.001",
            "--set",
            "optimizer.generator.rule.sgd={momentum=0.5, final_momentum=0.7, saturate=3}",
            "--set",
            "optimizer.discriminator.rule.sgd={momentum=0.5}",
            "--set",
            "discriminator.layers.0.max_col_norm=1.5",
        ],
    ),
    (
        "RMSProp, clipping, bursts of D updates, 3 G updates on the same noise",
        &[
            "--set",
            "loss.objective=wasserstein",
            "--set",
            "loss.relativistic=false",
            "--set",
            "loss.r1=0",
            "--set",
            "loss.r2=0",
            "--set",
            "train.discriminator_updates={usual=2, burst=4, first=3, every=9}",
            "--set",
            "train.generator_updates=3",
            "--set",
            "train.noise=same",
            "--set",
            "discriminator.clip=0.05",
            "--set",
            "optimizer.generator.rule.rms-prop={}",
            "--set",
            "optimizer.discriminator.rule.rms-prop={}",
        ],
    ),
    ("conditional, lazy penalties", &["--set", "conditional=true", "--set", "loss.penalty_every=3"]),
    ("fp16 and its loss scales", &["--precision", "fp16"]),
    ("bf16", &["--precision", "bf16"]),
];

#[test]
fn equal_commands_make_equal_bytes_on_any_number_of_threads() {
    for (style, changes) in STYLES {
        let folder = workplace();
        let prints: Vec<_> = ["1", "1", "2", "4"]
            .iter()
            .enumerate()
            .map(|(i, threads)| {
                fingerprint(&train(folder.path(), &format!("r{i}"), changes, &["--threads", threads]))
            })
            .collect();
        assert!(prints[0].len() > 20, "a run has many files: {:?}", prints[0].keys());
        for (i, other) in prints.iter().enumerate().skip(1) {
            assert_eq!(&prints[0], other, "{style}, run {i}");
        }
        let other = fingerprint(&train(folder.path(), "seed", changes, &["--seed", "1"]));
        assert_ne!(
            prints[0]["checkpoints/step-000000040/generator.safetensors"],
            other["checkpoints/step-000000040/generator.safetensors"]
        );
    }
}

#[test]
fn a_resumed_run_is_the_run_that_never_stopped() {
    for (style, changes) in STYLES {
        let folder = workplace();
        let whole = fingerprint(&train(folder.path(), "whole", changes, &[]));
        // 17 is inside a window of metrics, between checkpoints and inside a lazy interval.
        let path = train(folder.path(), "parts", changes, &["--steps", "17"]);
        run(folder.path(), &["train", "--resume", "runs/parts", "--steps", "29"]);
        run(folder.path(), &["train", "--resume", "runs/parts", "--steps", "40", "--threads", "2"]);
        let mut parts = fingerprint(&path);
        // Stopping leaves a checkpoint and a picture of its own.
        parts.retain(|name, _| !["17", "29"].iter().any(|s| name.contains(&format!("0000000{s}"))));
        let kept = |prints: &std::collections::BTreeMap<String, String>| {
            let newest =
                |name: &str| !name.starts_with("checkpoints") || name.contains("30/") || name.contains("40/");
            prints.iter().filter(|(n, _)| newest(n)).map(|(n, p)| (n.clone(), p.clone())).collect::<Vec<_>>()
        };
        assert_eq!(kept(&parts), kept(&whole), "{style}");
    }
}

#[test]
fn fp16_tells_its_loss_scales() {
    let folder = workplace();
    let path = train(folder.path(), "half", &["--precision", "fp16"], &[]);
    let metrics = fs::read_to_string(path.join("metrics.jsonl")).expect("there");
    for line in metrics.lines() {
        says(line, &["\"d_loss_scale\":", "\"g_loss_scale\":", "\"skipped_updates\":"]);
    }
    let state = fs::read_to_string(path.join("checkpoints/step-000000040/state.json")).expect("there");
    says(&state, &["loss_scales", "\"good\"", "\"skipped\""]);
    let plain = train(folder.path(), "plain", &[], &[]);
    let state = fs::read_to_string(plain.join("checkpoints/step-000000040/state.json")).expect("there");
    assert!(!state.contains("loss_scales"), "fp32 has none: {state}");
    let other = ["train", "--resume", "runs/half", "--set", "train.precision=fp32", "--steps", "50"];
    says(&refused(folder.path(), &other, 4), &["train.precision = \"fp16\"", "now says \"fp32\""]);
}

#[test]
fn a_run_killed_at_any_moment_goes_on_from_its_last_checkpoint() {
    let folder = workplace();
    let whole = fingerprint(&train(folder.path(), "whole", &[], &["--steps", "400"]));
    let path = folder.path().join("runs/killed");
    let mut arguments =
        vec!["train", "digits", "--config", "small.toml", "--name", "killed", "--steps", "400"];
    // Moments of the start, then one some 17 steps after the other: by turns a line of metrics and a checkpoint that
    // is being saved.
    let is_there = |name: &str| path.join(name).exists();
    let has_come = |i: u64| match i {
        0 => is_there("lock"),
        1 => is_there("metrics.jsonl"),
        _ if i.is_multiple_of(2) => last_line(&path) >= 17 * i,
        _ => {
            let step = (17 * i).next_multiple_of(10);
            is_there(&format!("checkpoints/step-{step:09}.tmp")) || newest_step(&path) >= step
        }
    };
    let (mut kills, mut halves) = (0, 0);
    for moment in 0..=22 {
        let mut child = gansaku(folder.path(), &arguments).stderr(Stdio::null()).spawn().expect("starts");
        // After the last moment it is left alone.
        if until(&mut child, || moment < 22 && has_come(moment)) {
            child.kill().expect("SIGKILL");
        }
        let done = child.wait().expect("dead");
        if done.code().is_some() {
            assert!(done.success(), "moment {moment}");
            break;
        }
        kills += 1;
        let newest = newest_step(&path);
        let logged = last_line(&path);
        assert!(
            newest + 10 + 4 >= logged,
            "checkpoint {newest}, metrics {logged}: more than an interval lost"
        );
        let files = fs::read_dir(path.join("checkpoints")).into_iter().flatten().flatten();
        halves += files.filter(|f| f.path().extension().is_some_and(|e| e == "tmp")).count();
        if newest > 0 {
            arguments = vec!["train", "--resume", "runs/killed", "--steps", "400"];
        } else if path.exists() {
            fs::remove_dir_all(&path).expect("removed");
        }
    }
    println!("{kills} kills; {halves} times a checkpoint was unfinished");
    assert!(kills >= 10, "only {kills} kills");
    assert_eq!(newest_step(&path), 400);
    let mut after = fingerprint(&path);
    after.retain(|name, _| whole.contains_key(name));
    assert_eq!(after, whole);
}

/// The step of the last whole line of a run's metrics.
fn last_line(run: &Path) -> u64 {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let line = text.lines().rev().find_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    line.map_or(0, |l| l["step"].as_u64().expect("a step"))
}

#[test]
fn a_damaged_checkpoint_is_passed_by() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &[]);
    let newest = path.join("checkpoints/step-000000040");
    let files: Vec<PathBuf> = fs::read_dir(&newest).expect("there").flatten().map(|e| e.path()).collect();
    assert_eq!(files.len(), 7);
    for file in files {
        let good = fs::read(&file).expect("readable");
        for damage in ["a byte", "a bit at the end", "the tail", "everything"] {
            let mut bytes = good.clone();
            let last = bytes.len() - 1;
            match damage {
                "a byte" => bytes[last / 2] ^= 0x10,
                "a bit at the end" => bytes[last] ^= 1,
                "the tail" => bytes.truncate(last / 3),
                _ => bytes.clear(),
            }
            fs::write(&file, bytes).expect("written");
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let talk = run(folder.path(), &["sample", "runs/run", "-n", "4"]);
            says(&talk, &["warning", "step-000000040", "step-000000030"]);
            let told = refused(folder.path(), &["sample", &newest.display().to_string()], 4);
            // A damaged manifest accuses the file it describes.
            assert!(told.contains(&name) || name == "MANIFEST.json", "{told}");
        }
        fs::remove_file(&file).expect("removed");
        says(&run(folder.path(), &["sample", "runs/run", "-n", "4"]), &["step-000000030"]);
        fs::write(&file, good).expect("written");
    }
    // Resuming from the one before makes the damaged one again, whole.
    let before = fingerprint(&path);
    fs::write(newest.join("generator.safetensors"), b"not tensors").expect("written");
    run(folder.path(), &["train", "--resume", "runs/run"]);
    assert_eq!(fingerprint(&path), before);
}

#[test]
fn divergence_stops_the_run_and_spares_the_good_checkpoint() {
    let folder = workplace();
    // Every step of SGD on an unbounded objective multiplies the weights: it takes some steps to overflow.
    let arguments = [
        "train",
        "digits",
        "--config",
        "small.toml",
        "--name",
        "run",
        "--set",
        "checkpoint.every=1",
        "--set",
        "loss.relativistic=false",
        "--set",
        "loss.r1=0",
        "--set",
        "loss.r2=0",
        "--set",
        "ema.decay=0",
        "--set",
        "loss.objective=least-squares",
        "--set",
        "optimizer.generator.rule.sgd={}",
        "--set",
        "optimizer.discriminator.rule.sgd={}",
        "--set",
        "optimizer.discriminator.lr=0.5",
        "--steps",
        "1000",
    ];
    let told = refused(folder.path(), &arguments, 6);
    says(
        &told,
        &[
            "error: step ",
            "the first tensor that is not finite is ",
            "the last good checkpoint is",
            "--init-from",
        ],
    );
    let good = newest_step(&folder.path().join("runs/run"));
    assert!(good >= 1, "it diverged at once: {told}");
    says(&told, &[&format!("step {}:", good + 1), &format!("step-{good:09}")]);
    says(&run(folder.path(), &["sample", "runs/run", "-n", "4"]), &[&format!("step-{good:09}")]);
    let metrics = fs::read_to_string(folder.path().join("runs/run/metrics.jsonl")).expect("there");
    assert!(!metrics.contains("null"), "no line holds what is not finite");
    let doctor = program::stdout(folder.path(), &["doctor", "runs/run"]);
    says(&doctor, &[&format!("non-finite since step {}", good + 1)]);
}

#[test]
fn one_run_has_one_trainer() {
    let folder = workplace();
    let arguments = ["train", "digits", "--config", "small.toml", "--name", "run", "--steps", "100000000"];
    let mut child = gansaku(folder.path(), &arguments).stderr(Stdio::null()).spawn().expect("starts");
    let checkpoint = folder.path().join("runs/run/latest");
    assert!(until(&mut child, || checkpoint.exists()), "it never saved");
    let holder =
        format!("runs/run: gansaku train (process {}) works in this folder; wait for it", child.id());
    for again in [&["train", "--resume", "runs/run"][..], &["report", "runs/run"]] {
        let told = refused(folder.path(), again, 2);
        says(&told, &[&holder, &format!("kill {}", child.id())]);
        assert!(!told.contains("another folder"), "{told}");
    }
    says(
        &refused(folder.path(), &["train", "--name", "run"], 2),
        &["runs/run is taken", "--resume runs/run"],
    );
    // Reading is free.
    run(folder.path(), &["sample", "runs/run", "-n", "1"]);
    child.kill().expect("SIGKILL");
    child.wait().expect("dead");
    run(folder.path(), &["train", "--resume", "runs/run", "--time", "1s"]);
}

/// A shell's limit on the size of written files stands for a full disk: the write fails half-way.
#[test]
fn a_full_disk_spares_the_last_good_checkpoint() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &["--steps", "20"]);
    let before = fingerprint(&path);
    // Checkpoints take some 100 kB; blocks are of 1 kB.
    let script =
        format!("ulimit -f 70; exec {} train --resume runs/run --steps 40", env!("CARGO_BIN_EXE_gansaku"));
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output();
    let told = message(&output.expect("a shell"), &["train", "--resume"], 1);
    says(
        &told,
        &[
            "cannot write",
            ".safetensors",
            "ulimit -f says",
            "the last good checkpoint is",
            "step-000000020; go on with: gansaku train --resume runs/run",
        ],
    );
    let after = fingerprint(&path);
    for (name, print) in before.iter().filter(|(n, _)| n.starts_with("checkpoints")) {
        assert_eq!(after.get(name), Some(print), "{name}");
    }
    assert!(!after.keys().any(|n| n.contains(".tmp")), "nothing half-written stays: {:?}", after.keys());
    // With room again, the run goes on as if nothing had happened.
    let whole = fingerprint(&train(folder.path(), "whole", &[], &[]));
    run(folder.path(), &["train", "--resume", "runs/run", "--steps", "40"]);
    assert_eq!(fingerprint(&path), whole);
}

#[test]
fn a_finished_run_says_so_when_it_is_resumed() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &["--steps", "8"]);
    assert_eq!(fs::read(path.join("lock")).expect("there"), b"", "nobody holds it");
    let before = fingerprint(&path);
    let told = run(folder.path(), &["train", "--resume", "runs/run"]);
    says(&told, &["runs/run is finished: all 8 steps are done; to train on, say how far: --steps 16"]);
    assert_eq!(fingerprint(&path), before);
}

#[test]
fn only_the_newest_checkpoints_are_kept() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &["--set", "checkpoint.keep=2"]);
    let mut names: Vec<String> = fs::read_dir(path.join("checkpoints"))
        .expect("there")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["step-000000030", "step-000000040"]);
    let latest = || fs::read_to_string(path.join("latest")).expect("there");
    assert_eq!(latest().trim(), "step-000000040");
    // A kill between a checkpoint and the name of the newest: the next call mends it.
    fs::write(path.join("latest"), "step-000000030\n").expect("written");
    run(folder.path(), &["train", "--resume", "runs/run"]);
    assert_eq!(latest().trim(), "step-000000040");
}

#[test]
fn a_resume_refuses_another_model() {
    let folder = workplace();
    train(folder.path(), "run", &[], &["--steps", "10"]);
    let resume =
        |set: &str, code| refused(folder.path(), &["train", "--resume", "runs/run", "--set", set], code);
    says(
        &resume("generator.layers.0.units=32", 4),
        &["generator.layers.0.units = 24", "now says 32", "--init-from"],
    );
    says(&resume("optimizer.generator.lr=0.5", 4), &["optimizer.generator.lr"]);
    run(folder.path(), &["train", "--resume", "runs/run", "--set", "log.every=2", "--steps", "12"]);
    // An edited file is the same attempt.
    let file = folder.path().join("runs/run/config.toml");
    let text = fs::read_to_string(&file).expect("there");
    fs::write(&file, text.replace("units = 24", "units = 25")).expect("written");
    says(&refused(folder.path(), &["train", "--resume", "runs/run"], 4), &["units = 24", "now says 25"]);
    says(
        &refused(folder.path(), &["train", "--resume", "runs/rum"], 4),
        &["no such run", "did you mean runs/run?"],
    );
}

#[test]
fn a_resume_refuses_other_examples() {
    let folder = workplace();
    let here = folder.path();
    for (name, seed) in [("a", 1), ("b", 2)] {
        digits_as_idx(&here.join(name), 200, 20, seed);
    }
    let start = ["train", "--config", "small.toml", "--data", "a", "--name", "run", "--steps", "4"];
    run(here, &start);
    let resume = ["train", "--resume", "runs/run", "--steps", "8", "--data"];
    fs::rename(here.join("a"), here.join("moved")).expect("moves");
    let told = refused(here, &resume[..5], 3);
    says(&told, &["/a: no such file or folder; --data says where the data lie now"]);
    let told = refused(here, &[&resume[..], &["b"]].concat(), 3);
    says(&told, &["trained on other examples", "the same --data", "--init-from"]);
    run(here, &[&resume[..], &["moved"]].concat());
}

#[test]
fn training_goes_on_when_nobody_listens() {
    let folder = workplace();
    let arguments = ["train", "digits", "--config", "small.toml", "--name", "run", "--steps", "40"];
    let mut child = gansaku(folder.path(), &arguments).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stderr.take());
    assert!(child.wait().expect("ends").success());
    let path = folder.path().join("runs/run");
    let heard = train(folder.path(), "heard", &[], &[]);
    assert_eq!(fingerprint(&path), fingerprint(&heard));
}

#[test]
fn a_damaged_line_is_told_and_costs_no_other() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &[]);
    let file = path.join("metrics.jsonl");
    let text = fs::read_to_string(&file).expect("there");
    let lines: Vec<&str> = text.lines().collect();
    let damaged: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(i, l)| if i == 1 { l.replacen('"', "'", 1) } else { l.to_string() })
        .collect();
    fs::write(&file, damaged.join("\n") + "\n").expect("writes");
    let told = run(folder.path(), &["train", "--resume", "runs/run", "--steps", "40"]);
    says(&told, &["metrics.jsonl: 1 damaged line is left out"]);
    let kept: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, l)| *l).collect();
    assert_eq!(fs::read_to_string(&file).expect("there").lines().collect::<Vec<_>>(), kept);
}

#[test]
fn lines_that_are_gone_are_told() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &[]);
    let doctor = || program::stdout(folder.path(), &["doctor", "runs/run"]);
    let resume = |steps| run(folder.path(), &["train", "--resume", "runs/run", "--steps", steps]);
    assert!(!doctor().contains("missing") && !resume("41").contains("warning"), "nothing is");
    ["metrics.jsonl", "doctor.jsonl"].iter().for_each(|f| fs::remove_file(path.join(f)).expect("there"));
    let lacks = ["metrics.jsonl: 10 of 10 lines are missing", "doctor.jsonl: 2 of 2 lines are missing"];
    says(&doctor(), &lacks);
    says(&resume("44"), &lacks);
    run(folder.path(), &["report", "runs/run"]);
    let page = fs::read_to_string(path.join("report.html")).expect("there");
    says(&page, &["metrics.jsonl: 10 of 11 lines are missing"]);
}

#[test]
fn a_checkpoint_is_no_run_and_stays_as_it_is() {
    let folder = workplace();
    let path = train(folder.path(), "run", &[], &[]).join("checkpoints/step-000000040");
    let names = || {
        let all = fs::read_dir(&path).expect("there").flatten().map(|e| e.file_name());
        all.collect::<std::collections::BTreeSet<_>>()
    };
    let before = names();
    let checkpoint = "runs/run/checkpoints/step-000000040";
    for call in [&["train", "--dry-run", "--resume", checkpoint][..], &["report", checkpoint]] {
        says(&refused(folder.path(), call, 4), &["this is a checkpoint; give the folder of its run"]);
        assert_eq!(names(), before, "{call:?}");
    }
}
