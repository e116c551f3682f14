//! The program as users run it.
#![allow(unused_imports, reason = "each test binary uses its own part")]

use gansaku::report::tensorboard::FILE;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

pub use super::says::says;

/// `gansaku` with arguments, in a folder.
pub fn gansaku(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gansaku"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs to the end; what it printed to stderr.
pub fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = gansaku(folder, arguments).output().expect("the program starts");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "gansaku {arguments:?}: {talk}");
    talk
}

/// Runs to the end; what it printed to stdout.
pub fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = gansaku(folder, arguments).output().expect("the program starts");
    assert!(output.status.success(), "gansaku {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs into an error of that exit code: one line, no panic. The message.
pub fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = gansaku(folder, arguments).output().expect("the program starts");
    message(&output, arguments, code)
}

/// The last line of stderr, which tells what went wrong.
pub fn message(output: &Output, arguments: &[&str], code: i32) -> String {
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "gansaku {arguments:?}: {talk}");
    assert!(!talk.contains("panicked"), "{talk}");
    talk.lines().last().unwrap_or("").to_string()
}

/// Waits for a moment; false where the program ended before it.
pub fn until(child: &mut Child, come: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !come() {
        if child.try_wait().expect("asked").is_some() {
            return false;
        }
        // Far longer than anything takes: nobody should wait for a program that hangs.
        assert!(begun.elapsed() < Duration::from_secs(300), "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// The newest finished checkpoint of a run.
pub fn newest_step(run: &Path) -> u64 {
    let entries = std::fs::read_dir(run.join("checkpoints"))
        .map(|e| e.flatten().collect::<Vec<_>>())
        .unwrap_or_default();
    let step = |name: String| name.strip_prefix("step-")?.parse::<u64>().ok();
    entries.iter().filter_map(|e| step(e.file_name().to_string_lossy().into_owned())).max().unwrap_or(0)
}

/// SHA-256 of every file of a run by its path: the newest checkpoints, pictures, metrics without times, machine.json without
/// moments.
pub fn fingerprint(run: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(run).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let name = entry.path().strip_prefix(run).expect("below").display().to_string();
        let mut bytes = std::fs::read(entry.path()).expect("readable");
        if name == "metrics.jsonl" {
            bytes = without_times(&String::from_utf8_lossy(&bytes)).into_bytes();
        }
        if name == FILE {
            bytes = without_wall_times(&bytes);
        }
        if name == "machine.json" {
            bytes = without_moments(&bytes).into_bytes();
        }
        if name == "report.html" {
            bytes = page_without_times(&String::from_utf8_lossy(&bytes), run).into_bytes();
        }
        if name != "config.toml" {
            let sum: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
            found.insert(name, sum);
        }
    }
    found
}

/// What a run was trained on, without when.
fn without_moments(machine: &[u8]) -> String {
    let mut machine: serde_json::Value = serde_json::from_slice(machine).expect("JSON");
    machine.as_object_mut().expect("an object").remove("trainings").expect("when it began");
    machine.to_string()
}

/// TensorBoard's events without their wall times and, hence, checksums.
fn without_wall_times(events: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (vec![], 0);
    while at < events.len() {
        let length = u64::from_le_bytes(events[at..at + 8].try_into().expect("eight bytes")) as usize;
        let event = &events[at + 12..at + 12 + length];
        // Field 1, of eight bytes.
        assert_eq!(event[0], 9, "a wall time");
        out.extend(&event[9..]);
        at += 12 + length + 4;
    }
    out
}

/// A report without what stands in `<time>` elements and the run's name.
fn page_without_times(page: &str, run: &Path) -> String {
    let mut parts = page.split("<time>");
    let first = parts.next().unwrap_or("").to_string();
    let rest = parts.map(|part| part.split_once("</time>").expect("an end").1);
    let name = run.file_name().expect("a name").to_string_lossy().into_owned();
    let mut page = first + &rest.collect::<String>();
    for (from, to) in
        [(run.display().to_string(), "RUN"), (format!("runs/{name}"), "RUN"), (format!(">{name}<"), ">NAME<")]
    {
        page = page.replace(&from, to);
    }
    page
}

fn without_times(metrics: &str) -> String {
    let line = |text: &str| {
        let mut line: serde_json::Value = serde_json::from_str(text).expect("JSON");
        line.as_object_mut().expect("an object").remove("seconds").expect("a time");
        line.to_string() + "\n"
    };
    metrics.lines().map(line).collect()
}

/// A configuration file of networks so small that a step takes no time, to lie over a recipe.
pub const SMALL: &str = r#"
data = { count = 300 }
latent = { dim = 8 }
train = { batch = 16, steps = 40 }
log = { every = 4, samples_every = 20, samples = 9 }
checkpoint = { every = 10, keep = 4 }
[generator]
layers = [
    { units = 24, activation = "relu", init = { fan-in = 1.4 } },
    { activation = "sigmoid", init = { fan-in = 1.0 }, bias = "marginals" },
]
[discriminator]
layers = [
    { units = 12, activation = "maxout", pieces = 3, keep = 0.8, init = { fan-in = 1.4 } },
    { keep = 0.5, init = { fan-in = 1.0 } },
]
"#;

/// A fresh folder with `small.toml` in it, which is [`SMALL`] over `digits`, and `over.toml`, which is [`SMALL`] alone.
pub fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let small = format!("base = \"digits\"\n{SMALL}");
    std::fs::write(folder.path().join("small.toml"), small).expect("written");
    std::fs::write(folder.path().join("over.toml"), SMALL).expect("written");
    folder
}

/// Trains [`SMALL`] over `digits` as `name`; the run.
pub fn train(folder: &Path, name: &str, style: &[&str], more: &[&str]) -> PathBuf {
    let base = ["train", "digits", "--config", "small.toml", "--name", name];
    run(folder, &[&base[..], style, more].concat());
    folder.join("runs").join(name)
}

/// What the command line's own parser says of arguments that it refuses.
pub fn refused_by_clap(folder: &Path, arguments: &[&str]) -> String {
    let output = gansaku(folder, arguments).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
