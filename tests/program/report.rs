//! `report.html` as training and `gansaku report` leave it: what it tells, of whom, and that it is one file.

use crate::common::program::{fingerprint, gansaku, refused, run, says, until, workplace};
use std::fs;
use std::path::Path;

fn report(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join("runs").join(name).join("report.html")).expect("a report")
}

#[test]
fn a_report_says_what_was_trained_whether_it_worked_and_what_to_do_next() {
    let folder = workplace();
    let talk = run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "a<b>&c"]);
    says(&talk, &["what came of it: runs/a<b>&c/report.html"]);
    let page = report(folder.path(), "a<b>&c");
    let parts = [
        "<h1>a&lt;b&gt;&amp;c</h1>",
        "finished",
        "40 of 40 steps",
        "Did it work?",
        "digits (procedural): 300 grey pictures of 28×28 pixels",
        "8 → 24 relu → 784 sigmoid",
        "maxout of 3",
        "relativistic pairing",
        "R1, γ 0.2",
        "both at equilibrium: log 2",
        "gansaku sample &#39;runs/a&lt;b&gt;&amp;c&#39;",
        "the nearest of 300 training examples",
        "Nothing has been measured yet",
        "recipe = &quot;digits&quot;",
        &format!("CPU ({})", std::env::consts::ARCH),
        concat!("gansaku ", env!("CARGO_PKG_VERSION")),
    ];
    says(&page, &parts);
    // Every verdict of the doctor's stands there.
    let hardware = gansaku::exec::Hardware::CPU;
    let means = gansaku::doctor::Means { data: None, hardware, fit: gansaku::train::fit::quietly };
    let diagnosis = gansaku::doctor::diagnose(&folder.path().join("runs/a<b>&c"), &means).expect("a run");
    assert!(!diagnosis.verdicts.is_empty());
    for verdict in diagnosis.verdicts {
        let name = verdict.name();
        says(&page, &[&name[1..], &gansaku::report::html::escape(&verdict.evidence[1..])]);
    }
    // Two sample pictures, the real ones, a walk, the neighbours.
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 11);
    assert_eq!(page.matches("data-step=").count(), 8, "0, 1, 2, 4, 8, 16, 20, 40");
    // The manifest's sums.
    let manifest = folder.path().join("runs/a<b>&c/checkpoints/step-000000040/MANIFEST.json");
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(manifest).expect("there")).expect("JSON");
    let files = manifest["files"].as_object().expect("files");
    assert!(files.len() >= 5);
    for (name, entry) in files {
        says(&page, &[name, entry["sha256"].as_str().expect("a sum")]);
    }
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn a_report_that_is_written_again_is_the_same_until_something_is_measured() {
    let folder = workplace();
    // An end between two pictures.
    let base = ["train", "digits", "--config", "small.toml", "--set", "data.count=1000"];
    run(folder.path(), &[&base[..], &["--name", "r", "--steps", "33"]].concat());
    let path = folder.path().join("runs/r");
    let (before, page) = (fingerprint(&path), report(folder.path(), "r"));
    fs::remove_file(path.join("report.html")).expect("there");
    fs::remove_file(path.join(gansaku::report::tensorboard::FILE)).expect("there");
    run(folder.path(), &["report", "runs/r"]);
    assert_eq!(report(folder.path(), "r"), page);
    assert_eq!(fingerprint(&path), before);
    run(folder.path(), &["eval", "runs/r", "swd", "-n", "100"]);
    run(folder.path(), &["eval", "runs/r", "neighbours", "-n", "100"]);
    run(folder.path(), &["eval", "runs/r", "swd", "-n", "120"]);
    run(folder.path(), &["report", "runs/r"]);
    let page = report(folder.path(), "r");
    says(&page, &["<h3>swd</h3>", "<h3>neighbours</h3>", "Measured on step-000000033", "this generator"]);
    let json = fs::read(path.join("eval.json")).expect("kept");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let names: Vec<&str> = json["measurements"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|m| m["metric"].as_str())
        .collect();
    assert_eq!(names, ["swd", "neighbours"], "a metric once, the newest");
    let older = "measures the newest checkpoint; the numbers here are of an earlier one";
    assert!(!page.contains(older));
    run(folder.path(), &["train", "--resume", "runs/r", "--steps", "40"]);
    says(&report(folder.path(), "r"), &[older, "Measured on step-000000033"]);
    // Cut short by a full disk, say, it is not nothing.
    fs::write(path.join("eval.json"), "{\"checkpoint\": ").expect("written");
    run(folder.path(), &["report", "runs/r"]);
    let page = report(folder.path(), "r");
    says(&page, &["What was measured cannot be read", "eval.json", "<code>gansaku eval runs/r</code>"]);
    assert!(!page.contains("Nothing has been measured"), "it is not known");
}

#[test]
fn runs_that_did_not_end_well_say_so() {
    let folder = workplace();
    let base = ["train", "digits", "--config", "small.toml"];
    run(folder.path(), &[&base[..], &["--name", "part", "--time", "0.001s", "--steps", "9999"]].concat());
    let page = report(folder.path(), "part");
    says(&page, &["stopped early", "of 9,999 steps", "gansaku train --resume runs/part"]);
    let mut wild = vec!["--name", "wild", "--steps", "4000", "--set", "checkpoint.every=9999"];
    for set in [
        "loss.relativistic=false",
        "loss.r1=0",
        "loss.r2=0",
        "ema.decay=0",
        "loss.objective=least-squares",
        "optimizer.generator.rule.sgd={}",
        "optimizer.discriminator.rule.sgd={}",
        "optimizer.discriminator.lr=0.5",
    ] {
        wild.extend(["--set", set]);
    }
    let told = refused(folder.path(), &[&base[..], &wild].concat(), 6);
    let page = report(folder.path(), "wild");
    let reason = told.strip_prefix("error: ").expect("an error");
    says(&page, &["ended by an error", "An error ended this run", "Non-finite", &reason[..40]]);
    says(&page, &["No checkpoint was written", "that takes a checkpoint", "the change that the verdict"]);
    for verb in ["train --resume", "sample", "eval", "interpolate", "report"] {
        assert!(!page.contains(&format!("gansaku {verb} runs/wild")), "{verb} takes a checkpoint");
    }
    says(&page, &["gansaku train --config runs/wild/config.toml"]);
    run(folder.path(), &["train", "--config", "runs/wild/config.toml", "--dry-run"]);
    let saved = ["--name", "saved", "--set", "checkpoint.every=1"];
    refused(folder.path(), &[&base[..], &wild[2..], &saved].concat(), 6);
    for again in [false, true] {
        if again {
            run(folder.path(), &["report", "runs/saved"]);
        }
        let page = report(folder.path(), "saved");
        says(&page, &["gansaku sample runs/saved", "ended by an error"]);
        assert!(!page.contains("train --resume"), "the same weights would take the same steps");
    }
    // Data that are gone are told, not made up.
    let data = folder.path().join("pictures");
    fs::create_dir(&data).expect("a folder");
    for i in 0..24u8 {
        image::GrayImage::from_pixel(28, 28, image::Luma([i * 10]))
            .save(data.join(format!("{i}.png")))
            .expect("written");
    }
    let gone = ["--data", "pictures", "--set", "data.size=28", "--name", "gone"];
    run(folder.path(), &[&base[..], &gone].concat());
    let own = "trained on other data than its own: 22 ";
    says(&report(folder.path(), "gone"), &["the nearest of 22 training examples", own]);
    fs::rename(&data, folder.path().join("moved")).expect("moved");
    run(folder.path(), &["report", "runs/gone"]);
    says(&report(folder.path(), "gone"), &["They were not looked up", "no such file or folder"]);
    // Nor is a length that is so many passes through them.
    let passes = ["--set", "train.steps=0", "--set", "train.epochs=2", "--data", "moved"];
    let passes = [&base[..], &passes, &["--set", "data.size=28", "--name", "passes"]].concat();
    run(folder.path(), &passes);
    fs::rename(folder.path().join("moved"), &data).expect("moved");
    run(folder.path(), &["report", "runs/passes"]);
    says(
        &report(folder.path(), "passes"),
        &[">ended</span>", "Whether it came to its last step is not known"],
    );
    fs::rename(&data, folder.path().join("moved")).expect("moved");
    run(folder.path(), &["report", "runs/gone", "--data", "moved"]);
    let page = report(folder.path(), "gone");
    says(&page, &["the nearest of 22 training examples"]);
    assert!(!page.contains("no such file or folder"), "the doctor knows as well where they are");
}

#[test]
fn the_page_of_a_training_says_when_it_was_written_and_how_to_go_on() {
    let folder = workplace();
    let base = ["train", "digits", "--config", "small.toml", "--name", "r", "--steps", "1000000"];
    let mut training = gansaku(folder.path(), &base).spawn().expect("starts");
    let path = folder.path().join("runs/r/report.html");
    let tells = |words: &str| std::fs::read_to_string(&path).is_ok_and(|page| page.contains(words));
    let written = until(&mut training, || tells("should this training have been killed"));
    training.kill().and_then(|()| training.wait()).expect("killed");
    assert!(written, "it ended before");
    let page = report(folder.path(), "r");
    says(&page, &[">training</span> as of <time>20", " UTC</time>:", " of 1,000,000 steps"]);
    says(&page, &["gansaku train --resume runs/r", "should this training have been killed"]);
}

#[test]
fn a_conditional_run_says_where_its_classes_are() {
    let folder = workplace();
    let base = ["train", "digits", "--config", "small.toml", "--set", "conditional=true", "--name", "r"];
    run(folder.path(), &base);
    let page = report(folder.path(), "r");
    says(&page, &["Each of the 10 classes", "is drawn as often as the training data have it"]);
}

#[test]
fn every_family_of_losses_explains_itself() {
    let folder = workplace();
    for (objective, relativistic, words) in [
        ("minimax", "false", "G at equilibrium: −log 2"),
        ("non-saturating", "false", "−log 4 = −1.386"),
        ("least-squares", "false", "D at equilibrium: 1/4"),
        ("hinge", "true", "both at equilibrium: 1"),
        ("wasserstein", "false", "estimate of the distance"),
    ] {
        let sets = [format!("loss.objective={objective}"), format!("loss.relativistic={relativistic}")];
        let base = ["train", "ring", "--set", "data.count=300", "--steps", "20", "--name", objective];
        let log = ["--set", "log.every=5", "--set", "log.samples=50", "--set", &sets[0], "--set", &sets[1]];
        run(folder.path(), &[&base[..], &log].concat());
        let scale = "From −1.5 to 1.5 on both axes";
        says(
            &report(folder.path(), objective),
            &[words, "This run", "every cluster of the real points", scale],
        );
    }
}

#[test]
fn what_is_no_run_gets_no_report() {
    let folder = workplace();
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    says(&refused(folder.path(), &["report", "empty"], 4), &["empty: not a run"]);
    says(&refused(folder.path(), &["report", "runs/none"], 4), &["no such run"]);
    run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "r"]);
    let page = report(folder.path(), "r");
    says(&refused(folder.path(), &["report", "runs/r", "--data", "x"], 2), &["leave --data out"]);
    assert_eq!(report(folder.path(), "r"), page, "left alone");
    for entry in fs::read_dir(folder.path().join("runs/r/checkpoints")).expect("there").flatten() {
        fs::remove_dir_all(entry.path()).expect("removed");
    }
    says(&refused(folder.path(), &["report", "runs/r"], 4), &["no checkpoint yet"]);
    assert_eq!(report(folder.path(), "r"), page, "left alone");
    // A training has the folder.
    let lock = fs::File::create(folder.path().join("runs/r/lock")).expect("there");
    lock.lock().expect("locked");
    let output = gansaku(folder.path(), &["report", "runs/r"]).output().expect("starts");
    assert_eq!(output.status.code(), Some(2));
}
