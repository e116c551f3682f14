//! Stops: whatever ends a training leaves a checkpoint, a picture and a page, and tells where; what nobody announces costs
//! no more than the minutes between checkpoints.

use crate::common::program::{fingerprint, gansaku, message, newest_step, run, says, until, workplace};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A training without end that has begun.
fn begun(folder: &Path, mut command: Command) -> Child {
    let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
    let metrics = folder.join("runs/run/metrics.jsonl");
    assert!(until(&mut child, || fs::metadata(&metrics).is_ok_and(|m| m.len() > 0)), "it never began");
    child
}

fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
}

const ENDLESS: [&str; 8] =
    ["train", "digits", "--config", "small.toml", "--name", "run", "--steps", "100000000"];

/// The run was saved, and is told of.
fn saved_and_left(folder: &Path, child: Child, code: i32) {
    let output = child.wait_with_output().expect("it ends");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = message(&output, &ENDLESS, code);
    says(&last, &["stopped: saved at step", "gansaku train --resume runs/run"]);
    let saved = newest_step(&folder.join("runs/run"));
    says(&last, &[&format!("step {saved};")]);
    let picture = format!("runs/run/samples/step-{saved:09}.png");
    says(&talk, &["samples: ", &picture, "what came of it: runs/run/report.html"]);
    assert!(folder.join(picture).is_file());
    says(&run(folder, &["sample", "runs/run", "-n", "1"]), &["1 sample from"]);
}

#[test]
fn signals_save_and_leave() {
    for (name, code) in [("INT", 130), ("TERM", 75)] {
        let folder = workplace();
        let child = begun(folder.path(), gansaku(folder.path(), &ENDLESS));
        signal(&child, name);
        saved_and_left(folder.path(), child, code);
    }
}

#[test]
fn a_signal_leaves_nothing_half_drawn() {
    let folder = workplace();
    run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "run", "--steps", "1"]);
    let sample = ["sample", "runs/run", "-n", "10000000", "--out", "x.npy"];
    let mut child = gansaku(folder.path(), &sample).stderr(Stdio::piped()).spawn().expect("starts");
    let aside = folder.path().join("x.npy.tmp");
    assert!(until(&mut child, || fs::metadata(&aside).is_ok_and(|m| m.len() > 1 << 20)), "it never drew");
    signal(&child, "INT");
    let told = message(&child.wait_with_output().expect("it ends"), &sample, 130);
    says(&told, &["stopped: ", "of 10,000,000 samples were drawn; x.npy was not written"]);
    assert!(!aside.exists() && !folder.path().join("x.npy").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_hangs_up_saves_and_leaves_but_not_under_nohup() {
    // Whatever the tests run under.
    let with = |how: &str, folder: &Path| {
        let plain = gansaku(folder, &ENDLESS);
        let mut command = Command::new("env");
        command.arg(format!("--{how}-signal=HUP")).arg(plain.get_program()).args(plain.get_args());
        command.current_dir(folder);
        command
    };
    let folder = workplace();
    let child = begun(folder.path(), with("default", folder.path()));
    // From the shell and from the terminal: twice.
    signal(&child, "HUP");
    signal(&child, "HUP");
    saved_and_left(folder.path(), child, 75);

    let folder = workplace();
    let mut child = begun(folder.path(), with("ignore", folder.path()));
    signal(&child, "HUP");
    let metrics = folder.path().join("runs/run/metrics.jsonl");
    let length = || fs::metadata(&metrics).expect("there").len();
    let before = length();
    assert!(until(&mut child, || length() > before), "it left");
    signal(&child, "TERM");
    saved_and_left(folder.path(), child, 75);
}

#[test]
fn pictures_come_at_once_then_at_powers_of_two_and_wherever_a_training_stops() {
    let folder = workplace();
    let base = ["train", "digits", "--config", "small.toml", "--name", "run"];
    run(folder.path(), &[&base[..], &["--steps", "23", "--time", "1h"]].concat());
    let samples = folder.path().join("runs/run/samples");
    let there = || {
        let names = fs::read_dir(&samples).expect("there").flatten();
        let step = |name: String| name.strip_prefix("step-")?.strip_suffix(".png")?.parse::<u64>().ok();
        let mut all: Vec<u64> =
            names.filter_map(|e| step(e.file_name().to_string_lossy().into_owned())).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(there(), [0, 1, 2, 4, 8, 16, 20, 23]);
    run(folder.path(), &["train", "--resume", "runs/run", "--steps", "70"]);
    assert_eq!(there(), [0, 1, 2, 4, 8, 16, 20, 23, 40, 60, 70], "no power of two behind samples_every");
}

#[test]
fn a_checkpoint_made_by_time_survives_a_kill_and_gives_way_to_the_next() {
    let folder = workplace();
    let seldom = ["--set", "checkpoint.every=25", "--set", "checkpoint.keep=2"];
    let often = ["--set", "checkpoint.minutes=0.00001"];
    let train = |name: &str, more: &[&str]| {
        let base = ["train", "digits", "--config", "small.toml", "--steps", "60", "--name", name];
        run(folder.path(), &[&base[..], &seldom, more].concat());
        fingerprint(&folder.path().join("runs").join(name))
    };
    let whole = train("whole", &["--set", "checkpoint.minutes=0"]);
    let checkpoints = |prints: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        let own = prints.iter().filter(|(name, _)| name.ends_with("generator.safetensors"));
        own.map(|(name, sum)| (name.clone(), sum.clone())).collect()
    };
    assert_eq!(checkpoints(&train("timed", &often)), checkpoints(&whole), "no more, no fewer, no others");

    // Nothing but time asks for a checkpoint here.
    let path = folder.path().join("runs/killed");
    let endless = ["train", "digits", "--config", "small.toml", "--steps", "100000000", "--name", "killed"];
    let never = ["--set", "checkpoint.every=100000000"];
    let mut child = gansaku(folder.path(), &[&endless[..], &never, &often].concat())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    assert!(until(&mut child, || newest_step(&path) > 0), "it never saved");
    child.kill().expect("SIGKILL");
    child.wait().expect("dead");
    let saved = newest_step(&path);
    let end = (saved + 5).to_string();
    let talk = run(folder.path(), &["train", "--resume", "runs/killed", "--steps", &end]);
    says(&talk, &[&format!("from step {saved}")]);
}
