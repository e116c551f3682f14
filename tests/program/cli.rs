//! The command line as a user meets it: what it makes, and what it says to what it cannot use.

use crate::common::program::{self, gansaku, refused, run, says, stdout, workplace};
use std::fs;
use std::path::Path;

/// Width and height of a PNG that decodes.
fn size(path: &Path) -> (u32, u32) {
    let image = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (image.width(), image.height())
}

#[test]
fn a_run_leaves_what_the_help_promises() {
    let folder = workplace();
    let talk = run(folder.path(), &["train", "digits", "--config", "small.toml"]);
    says(
        &talk,
        &[
            "data: digits (procedural), 300 grey pictures of 28×28 pixels",
            "step  4/40",
            "samples: runs/00000-digits/samples/step-000000040.png",
        ],
    );
    let path = folder.path().join("runs/00000-digits");
    assert_eq!(size(&path.join("samples/step-000000040.png")), (9 * 60 + 4, 64));
    assert_eq!(size(&path.join("samples/reals.png")), (9 * 60 + 4, 64));
    let config = fs::read_to_string(path.join("config.toml")).expect("there");
    says(&config, &["recipe = \"digits\"", "batch = 16", "steps = 40"]);
    let metrics = fs::read_to_string(path.join("metrics.jsonl")).expect("there");
    assert_eq!(metrics.lines().count(), 10);
    for key in [
        "step",
        "seconds",
        "d_loss",
        "g_loss",
        "d_real",
        "d_fake",
        "accuracy_real",
        "accuracy_fake",
        "penalty",
        "d_gradient_norm",
        "g_gradient_norm",
    ] {
        for line in metrics.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(line[key].is_number(), "{key} in {line}");
        }
    }
    // The written configuration makes the same run.
    run(folder.path(), &["train", "--config", "runs/00000-digits/config.toml", "--name", "again"]);
    let again = folder.path().join("runs/again");
    assert_eq!(program::fingerprint(&again), program::fingerprint(&path));
    run(folder.path(), &["train", "digits", "--config", "small.toml", "--steps", "1"]);
    assert!(folder.path().join("runs/00001-digits").is_dir(), "numbered on");
}

#[test]
fn samples_come_as_a_grid_an_array_or_files() {
    let folder = workplace();
    run(
        folder.path(),
        &["train", "digits", "--config", "small.toml", "--name", "r", "--set", "conditional=true"],
    );
    let sample = |more: &[&str]| run(folder.path(), &[&["sample", "runs/r"], more].concat());
    says(&sample(&["-n", "20"]), &["classes, row by row: 0, 1, 2", "20 samples from", "in samples.png"]);
    // Two of each class in a row behind its number, five rows beside five.
    assert_eq!(size(&folder.path().join("samples.png")), (2 * (31 + 2 * 256) + 4, 5 * 256 + 4));
    says(&sample(&["-n", "7", "--label", "3"]), &["samples.png, which replaces the file that was there"]);
    assert_eq!(size(&folder.path().join("samples.png")), (3 * 256 + 4, 3 * 256 + 4));
    sample(&["-n", "7", "--label", "3", "--scale", "2"]);
    assert_eq!(size(&folder.path().join("samples.png")), (3 * 60 + 4, 3 * 60 + 4));
    sample(&["-n", "12", "--out", "x.npy", "--label", "3"]);
    let npy = fs::read(folder.path().join("x.npy")).expect("there");
    assert!(String::from_utf8_lossy(&npy[..128]).contains("'shape': (12, 1, 28, 28,)"));
    let pixels: Vec<f32> =
        npy[128..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    assert_eq!(pixels.len(), 12 * 784);
    assert!(pixels.iter().all(|x| (0.0..=1.0).contains(x)));
    sample(&["-n", "3", "--out", "many"]);
    let mut names: Vec<String> = fs::read_dir(folder.path().join("many"))
        .expect("there")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["000000.png", "000001.png", "000002.png"]);
    assert_eq!(size(&folder.path().join("many/000001.png")), (28, 28));
    // The first samples do not depend on how many are drawn; another seed draws others.
    let read = |name: &str| fs::read(folder.path().join(name)).expect("there");
    sample(&["-n", "5", "--out", "five.npy", "--label", "3"]);
    assert_eq!(read("five.npy")[128..], read("x.npy")[128..128 + 5 * 784 * 4]);
    sample(&["-n", "5", "--out", "other.npy", "--label", "3", "--seed", "1"]);
    assert_ne!(read("five.npy"), read("other.npy"));
    sample(&["-n", "5", "--out", "label.npy", "--label", "4"]);
    assert_ne!(read("five.npy"), read("label.npy"), "the label matters");
    // However many there are, they come part by part.
    sample(&["-n", "1203", "--out", "all.npy", "--label", "3"]);
    let all = read("all.npy");
    assert_eq!(all.len(), 128 + 1_203 * 784 * 4);
    assert_eq!(all[128..128 + 12 * 784 * 4], read("x.npy")[128..]);
    sample(&["-n", "1003", "--out", "all"]);
    assert_eq!(fs::read_dir(folder.path().join("all")).expect("there").count(), 1_003);
    let no = |more: &[&str], code| refused(folder.path(), &[&["sample", "runs/r"], more].concat(), code);
    says(&no(&["--out", "many"], 2), &["--out many", "3 files already", "a new folder, or empty it"]);
    says(&no(&["--out", "nowhere/x.npy"], 2), &["no folder nowhere"]);
    says(&no(&["-n", "20000"], 2), &["one picture takes at most 10000"]);
    // 2³⁴ numbers of noise are 8 million samples' of 2,000.
    run(folder.path(), &["train", "ring", "--steps", "1", "--name", "deep", "--set", "latent.dim=2000"]);
    let many = ["sample", "runs/deep", "-n", "9000000", "--out", "many.npy"];
    says(&refused(folder.path(), &many, 2), &["--count 9000000", "the noise of 8589934 samples", "--seed"]);
    says(&no(&["--label", "10"], 2), &["--label 10", "0 to 9"]);
    says(&no(&["--out", "x.jpg"], 2), &["x.jpg", "FILE.png, FILE.npy or a folder"]);
    says(&refused(folder.path(), &["sample", "runs/q"], 4), &["runs/q: no such run"]);
    says(&refused(folder.path(), &["sample", "."], 4), &["not a run"]);
}

#[test]
fn latents_go_out_and_come_in() {
    let folder = workplace();
    let here = folder.path();
    run(here, &["train", "digits", "--config", "small.toml", "--name", "r", "--set", "conditional=true"]);
    let sample = |more: &[&str]| run(here, &[&["sample", "runs/r"], more].concat());
    let read = |name: &str| fs::read(here.join(name)).expect("there");
    let body = |name: &str| read(name)[128..].chunks(784 * 4).map(<[u8]>::to_vec).collect::<Vec<_>>();
    says(
        &sample(&["-n", "130", "--out", "all.npy", "--save-latents", "z.npy"]),
        &["as often as the training data have them", "their noise in z.npy, labels in z.labels.npy"],
    );
    let all = body("all.npy");
    sample(&["--index", "129,3,14-16", "--out", "some.npy"]);
    let expected = [129, 3, 14, 15, 16].map(|i: usize| all[i].clone());
    assert_eq!(body("some.npy"), expected);
    sample(&["--index", "129", "--out", "files"]);
    assert!(here.join("files/000129.png").is_file());
    // Noise and labels of a file are samples of the same bytes; a label asked for goes before the file's.
    says(&sample(&["--latents", "z.npy", "--out", "again.npy"]), &["labels: z.labels.npy"]);
    assert_eq!(read("again.npy"), read("all.npy"));
    sample(&["--latents", "z.npy", "--label", "4", "--out", "four.npy"]);
    sample(&["-n", "130", "--label", "4", "--out", "four-by-seed.npy"]);
    assert_eq!(read("four.npy"), read("four-by-seed.npy"));
    // A walk passes the samples that sample draws.
    let pixels = |name: &str| image::open(here.join(name)).expect("a picture").into_luma8();
    let walk = ["interpolate", "runs/r", "--indices", "3,14", "--frames", "2", "--scale", "1"];
    says(&run(here, &[&walk[..], &["--out", "walk.png"]].concat()), &["2 frames of class 0"]);
    for (index, left) in [("3", 4), ("14", 36)] {
        sample(&["--index", index, "--label", "0", "--scale", "1", "--out", "one.png"]);
        let [tile, stop] = [("one.png", 4), ("walk.png", left)]
            .map(|(name, x)| image::imageops::crop_imm(&pixels(name), x, 4, 28, 28).to_image());
        assert!(tile == stop, "sample {index}");
    }
    // A picture for another program, and no folder of that name.
    let piped = gansaku(here, &["sample", "runs/r", "-n", "3", "--out", "-"]).output().expect("starts");
    assert!(piped.stdout.starts_with(b"\x89PNG") && !here.join("-").exists());
    let no = |more: &[&str], code| refused(here, &[&["sample", "runs/r"], more].concat(), code);
    says(
        &no(&["--latents", "all.npy"], 3),
        &["all.npy", "[130, 1, 28, 28], expected numbers [n, ", "latent.dim"],
    );
    says(&no(&["--label", "sea"], 2), &["--label sea", "a class from 0 to 9"]);
    says(&no(&["--save-latents", "z.txt"], 2), &["z.txt", "expected FILE.npy"]);
    says(&no(&["--out", "x.npy", "--scale", "2"], 2), &["--scale", "FILE.png"]);
    let best = ["sample", "runs/r/checkpoints/best"];
    says(&refused(here, &best, 4), &["keeps no best checkpoint", "--best-by METRIC", "--resume runs/r"]);
}

#[test]
fn interpolations_walk_between_seeds() {
    let folder = workplace();
    run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "r"]);
    let walk = |more: &[&str]| run(folder.path(), &[&["interpolate", "runs/r"], more].concat());
    walk(&["--seeds", "4,5,6", "--frames", "7"]);
    let row = folder.path().join("interpolation.png");
    assert_eq!(size(&row), (7 * 228 + 4, 2 * 228 + 4), "enlarged eight times");
    let straight = fs::read(&row).expect("there");
    walk(&["--seeds", "4,5,6", "--frames", "7", "--slerp"]);
    assert_ne!(fs::read(&row).expect("there"), straight);
    walk(&["--seeds", "1,2", "--frames", "5", "--out", "walk.gif"]);
    let gif = fs::File::open(folder.path().join("walk.gif")).expect("there");
    let mut frames = gif::DecodeOptions::new().read_info(std::io::BufReader::new(gif)).expect("a GIF");
    let mut count = 0;
    while frames.read_next_frame().expect("a frame").is_some() {
        count += 1;
    }
    assert_eq!(count, 10, "there and back");
    // Of points, a walk is a line through one plot.
    run(folder.path(), &["train", "ring", "--steps", "3", "--set", "data.count=300", "--name", "points"]);
    let talk = run(folder.path(), &["interpolate", "runs/points", "--out", "line.png"]);
    says(&talk, &["1,000 frames"]);
    assert_eq!(size(&folder.path().join("line.png")), (640, 640));
    let no = |more: &[&str]| refused(folder.path(), &[&["interpolate", "runs/r"], more].concat(), 2);
    says(&no(&["--seeds", "1"]), &["at least two"]);
    let negative =
        gansaku(folder.path(), &["interpolate", "runs/r", "--seeds", "-1,2"]).output().expect("starts");
    says(
        &String::from_utf8_lossy(&negative.stderr),
        &["'-1' for '--seeds <A,B,…>'", "a whole number, 0 or more"],
    );
    says(&no(&["--label", "1"]), &["unconditional model"]);
    says(&no(&["--out", "x.mp4"]), &["FILE.png or FILE.gif"]);
}

#[test]
fn plans_data_and_recipes_are_told() {
    let folder = workplace();
    let here = folder.path();
    let plan = stdout(here, &["plan", "mnist", "--batch", "32"]);
    says(
        &plan,
        &[
            "2,503,984",
            "parameters",
            "100 → 1200 → 1200 → 784",
            "784 → 240×5 → 240×5 → 1",
            "launches, arena",
            "matmul",
            "gather",
            "update of the generator",
        ],
    );
    let recipes = stdout(here, &["recipes"]);
    assert_eq!(recipes.lines().count(), gansaku::config::RECIPES.len());
    says(&stdout(here, &["recipes", "mnist-2014"]), &["1.000004", "[generator]"]);
    says(
        &stdout(here, &["data", "digits"]),
        &["grey pictures of 28×28 pixels, 10 classes", "examples a class"],
    );
    assert_eq!(size(&here.join("preview.png")), (604, 604));
    says(&stdout(here, &["data", "ring", "--out", "ring.png"]), &["points of 2 numbers"]);
    assert_eq!(size(&here.join("ring.png")), (640, 640));
    for shell in ["bash", "zsh", "fish"] {
        says(&stdout(here, &["completions", shell]), &["gansaku", "mnist-rpgan", "parzen"]);
    }
    says(&stdout(here, &["man"]), &[".TH", "gansaku"]);
    run(here, &["man", "--out", "man1"]);
    assert!(here.join("man1/gansaku-train.1").is_file());
    let dry = stdout(here, &["train", "--config", "small.toml", "--dry-run"]);
    says(&dry, &["batch = 16", "recipe = \"small\"", "about = \"small.toml over digits\""]);
    assert!(!here.join("runs").exists(), "a dry run writes nothing");
    // It finds what the training would.
    let no = |more: &[&str], code| {
        refused(here, &[&["train", "-n", "--config", "small.toml"], more].concat(), code)
    };
    fs::create_dir_all(here.join("runs/there")).expect("made");
    says(&no(&["--name", "there"], 2), &["runs/there is taken"]);
    fs::create_dir_all(here.join("runs/my run")).expect("made");
    says(&no(&["--name", "my run"], 2), &["runs/my run is taken", "--resume 'runs/my run',"]);
    says(&no(&["--name", "a/b"], 2), &["expected one folder name"]);
    says(&no(&["--name=-1"], 2), &["expected one folder name"]);
    says(&no(&["--out", "small.toml/runs"], 1), &["small.toml is a file"]);
    says(&no(&["--init-from", "nowhere"], 4), &["nowhere"]);
    says(&no(&["--device", "cuda"], 5), &["--device cuda:0"]);
    // What is set without effect is told.
    let told = run(here, &["train", "-n", "--config", "small.toml", "--set", "data.size=16"]);
    says(&told, &["note: --set data.size=16 changes nothing: data.source is \"digits\""]);
    let asks = "discriminator.pretrained=1";
    let told = run(here, &["train", "-n", "--config", "small.toml", "--set", asks]);
    says(&told, &["asks for pretrained layers of the discriminator", "no --init-from"]);
    says(&no(&["--data", "digits"], 2), &["--data digits", "a recipe of theirs"]);
}

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
    assert_eq!(names, ["parzen", "neighbours", "swd", "ms-ssim", "birthday", "fd", "kid", "prdc"]);
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
fn benches_tell_and_write_their_figures() {
    let folder = workplace();
    let bench = "bench digits --config small.toml --batch 4,8 --precision fp32,bf16 --steps 2 --rounds 3 --warmup 1 \
                 --kernels --json b.json --device cpu --threads 1";
    let told = stdout(folder.path(), &bench.split_whitespace().collect::<Vec<_>>());
    says(
        &told,
        &[
            "digits on ",
            "medians of 3 rounds of 2 steps after 1 of warm-up",
            "µs/step",
            "× fp32",
            "own large product",
            "GB/s read + written",
            "compute the steps themselves",
            "simulated by rounding",
            "fp32, batch 4: every launch alone",
            "phase D+G, once a step",
            "all launches of a step alone",
        ],
    );
    let text = fs::read_to_string(folder.path().join("b.json")).expect("there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let results = json["results"].as_array().expect("a list");
    let ran: Vec<_> = results.iter().map(|r| (r["batch"].as_u64(), r["precision"].as_str())).collect();
    assert_eq!(ran, [(4, "fp32"), (4, "bf16"), (8, "fp32"), (8, "bf16")].map(|(b, p)| (Some(b), Some(p))));
    for r in results.iter().chain([&json]) {
        let us = |key: &str| r[key].as_f64().expect("a number");
        assert!(0.0 < us("us_min") && us("us_min") <= us("us_per_step") && us("us_per_step") <= us("us_max"));
        for key in NUMBERS {
            assert!(us(key) > 0.0, "{key} in {r}");
        }
        assert!(r["recipe"].is_string() && r["device"].is_string() && r["host_us_per_step"].is_null());
        for key in ["median", "min", "max"] {
            assert!(r["to_fp32"][key].is_number(), "{key} of {}", r["to_fp32"]);
        }
        for key in ["product_gflops", "product_size", "copy_gbytes_per_second"] {
            assert!(r["ceilings"][key].is_number(), "{key} of {}", r["ceilings"]);
        }
        for kernel in r["kernels"].as_array().expect("a list") {
            assert!(kernel["us"]["median"].is_number() && kernel["bytes"].is_u64(), "{kernel}");
            assert!(told.contains(kernel["name"].as_str().expect("a name")), "{kernel}");
        }
    }
}

#[test]
fn keys_come_with_default_values_and_meaning() {
    let folder = workplace();
    let here = folder.path();
    let lr = stdout(here, &["keys", "lr"]);
    says(&lr, &["# Training", "optimizer.*.lr  (must be given)", "above 0: learning rate", "--lr"]);
    let losses = stdout(here, &["keys", "loss"]);
    says(&losses, &["loss.r1  (default 0.0)", "\"hinge\": D: max(0, 1 − r)", "1801.04406"]);
    assert!(!losses.contains("optimizer"));
    let all = stdout(here, &["keys"]);
    assert!(all.lines().all(|line| line.chars().count() <= 110), "it fits a terminal");
    says(&all, &["# Data", "data.hold_out  (default 0.1)", "checkpoint.keep"]);
}

#[test]
fn short_flags_tell_the_keys_that_they_set() {
    let folder = workplace();
    let flags =
        ["train", "digits", "-n", "--lr", "0.0004", "--size", "16", "--conditional", "--steps", "1.5k"];
    let output = gansaku(folder.path(), &flags).output().expect("starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let config = String::from_utf8_lossy(&output.stdout).into_owned();
    says(
        &told,
        &[
            "--lr 0.0004 sets optimizer.generator.lr and optimizer.discriminator.lr",
            "--size 16 sets data.size = 16",
            "--conditional sets conditional = true",
            "--size changes nothing: data.source is \"digits\"",
        ],
    );
    says(&config, &["conditional = true", "size = 16", "steps = 1500"]);
    assert_eq!(config.matches("lr = 0.0004\n").count(), 2, "{config}");
}

#[test]
fn a_run_is_called_as_its_file_or_its_data() {
    let folder = workplace();
    let here = folder.path();
    // What a partial file leaves out comes from its base, which is told.
    let talk = run(here, &["train", "--config", "small.toml", "--steps", "1"]);
    says(
        &talk,
        &["digits gives what small.toml leaves out: ", "loss.r1 = 0.2", "model: small", "runs/00000-small"],
    );
    // A recipe's text stands alone, and trains the same.
    let text = stdout(here, &["recipes", "ring"]);
    fs::write(here.join("mine.toml"), text).expect("written");
    let short = ["--steps", "2", "--set", "data.count=300", "--set", "log.samples=9"];
    let talk = run(here, &[&["train", "--config", "mine.toml"][..], &short].concat());
    assert!(!talk.contains("leaves out"), "{talk}");
    run(here, &[&["train", "ring"][..], &short].concat());
    let weights = |name: &str| {
        let file = "checkpoints/step-000000002/generator.safetensors";
        fs::read(here.join("runs").join(name).join(file)).expect("there")
    };
    assert_eq!(weights("00001-mine"), weights("00002-ring"));
    // Gaps are told all at once.
    fs::write(here.join("gaps.toml"), "data.source = \"ring\"\n").expect("written");
    let told = refused(here, &["train", "--config", "gaps.toml"], 2);
    says(&told, &["keys are missing", "latent.dim", "optimizer.discriminator.rule", "base = \"ring\""]);
    // Pictures without a recipe.
    run(here, &["sample", "runs/00000-small", "-n", "40", "--out", "my pics"]);
    let talk =
        run(here, &["train", "--data", "my pics", "--size", "9", "--steps", "1", "--set", "train.batch=8"]);
    says(&talk, &["model: my-pics", "runs/00003-my-pics"]);
    let page = fs::read_to_string(here.join("runs/00003-my-pics/report.html")).expect("there");
    says(&page, &["Recipe my-pics: own data, with the networks and losses of digits"]);
}

#[test]
fn a_bench_is_of_what_the_recipe_and_its_changes_say() {
    let folder = workplace();
    let bench = "bench digits --config small.toml --set train.precision=bf16 --steps 2 --rounds 1 --warmup 1 --device cpu \
                 --json b.json";
    stdout(folder.path(), &bench.split_whitespace().collect::<Vec<_>>());
    let text = fs::read_to_string(folder.path().join("b.json")).expect("there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((json["batch"].as_u64(), json["precision"].as_str()), (Some(16), Some("bf16")));
}

#[test]
fn a_folder_of_pictures_is_trained_on_and_measured_against_what_is_held_out() {
    let folder = workplace();
    let here = folder.path();
    run(here, &["train", "digits", "--config", "small.toml", "--name", "first", "--steps", "1"]);
    run(here, &["sample", "runs/first", "-n", "260", "--out", "pictures"]);
    let train = "train digits --config small.toml --data pictures --name second --steps 2 --set data.size=28 \
                 --set data.hold_out=0.4";
    let talk = run(here, &train.split_whitespace().collect::<Vec<_>>());
    says(&talk, &["data: pictures, 156 grey pictures", "no test examples: 104 of 260 are held out"]);
    says(
        &stdout(here, &["eval", "runs/second", "swd", "neighbours", "-n", "100"]),
        &["104 test", "156 training"],
    );
    run(here, &["train", "digits", "--config", "small.toml", "--data", "pictures", "--steps", "2"]);
    let no = refused(here, &["train", "mnist", "--data", "pictures"], 3);
    says(
        &no,
        &[
            "expected MNIST's IDX files; a folder of pictures",
            "goes with another recipe: gansaku train --data",
        ],
    );
    // Small pictures are measured by what fits them.
    let small = "train digits --config small.toml --data pictures --name small --steps 2 --set data.size=9 \
                 --set data.hold_out=0.4";
    run(here, &small.split_whitespace().collect::<Vec<_>>());
    let output = gansaku(here, &["eval", "runs/small", "-n", "100"]).output().expect("starts");
    says(&String::from_utf8_lossy(&output.stderr), &["left out: ms-ssim needs pictures of 11×11 pixels"]);
    says(&String::from_utf8_lossy(&output.stdout), &["swd:", "birthday:"]);
    assert!(output.status.success());
    // A few test examples are measured by, and said to be few.
    let text = stdout(here, &["eval", "runs/00000-digits", "-n", "100"]);
    says(
        &text,
        &["neighbours:", "swd:", "FD-random8", "KID-random8", "precision", "the 26 test examples there are"],
    );
    let few = refused(here, &["eval", "runs/00000-digits", "parzen"], 3);
    says(&few, &["parzen needs 1000 validation examples, but pictures has 0"]);
    // What the run was trained on is what it is measured by.
    fs::remove_file(here.join("pictures/000007.png")).expect("there");
    let other = refused(here, &["eval", "runs/second", "swd", "-n", "100"], 3);
    says(&other, &["was trained on other examples than", "pictures holds"]);
}

/// Linux alone says how much memory is free.
#[test]
#[cfg(target_os = "linux")]
fn what_no_memory_holds_is_told_before_any_is_taken() {
    let folder = workplace();
    // A layer of a million units sees a million examples: 4 TB.
    let wide = [
        "--set",
        "generator.layers=[{units=1000000, activation='relu', init={normal=0.1}}, {init={normal=0.1}}]",
    ];
    let bench = [&["bench", "ring", "--batch", "1000000", "--device", "cpu"][..], &wide].concat();
    says(
        &refused(folder.path(), &bench, 5),
        &["CPU thread", "this run needs", "MiB are free", "lower train.batch"],
    );
    // Its weights between two such layers alone.
    let layers =
        "[{units=1000000, init={normal=0.1}}, {units=1000000, init={normal=0.1}}, {init={normal=0.1}}]";
    let wider = ["train", "ring", "--set", &format!("generator.layers={layers}")];
    says(&refused(folder.path(), &wider, 5), &["the host: this run needs", "make the networks smaller"]);
    assert!(!folder.path().join("runs").exists(), "nothing was left behind");
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

/// What the command line's own parser says of arguments that it refuses.
fn refused_by_clap(folder: &Path, arguments: &[&str]) -> String {
    let output = gansaku(folder, arguments).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
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

/// Keys of a measurement that are numbers above 0.
const NUMBERS: [&str; 12] = [
    "rounds",
    "steps_per_round",
    "warmup_steps",
    "images_per_second",
    "gflops",
    "gbytes_per_second",
    "share_of_product",
    "share_of_copy",
    "share_of_bound",
    "launches_per_step",
    "arena_bytes",
    "batch",
];

#[test]
fn what_cannot_be_used_is_refused_in_one_line() {
    let folder = workplace();
    let here = folder.path();
    let no = |arguments: &[&str], code| refused(here, arguments, code);
    says(&no(&["train", "minst"], 2), &["no recipe \"minst\"", "did you mean \"mnist\"?"]);
    says(&no(&["train", "mnist"], 3), &["this recipe needs data: --data PATH"]);
    says(&no(&["train", "mnist", "--data", "gone"], 3), &["gone", "no such file or folder"]);
    fs::create_dir(here.join("empty")).expect("made");
    says(&no(&["train", "mnist", "--data", "empty"], 3), &["no train-images-idx3-ubyte"]);
    says(&no(&["train", "digits", "--data", "empty"], 3), &["nothing known there"]);
    says(
        &no(&["train", "--config", "small.toml", "--batch", "301"], 3),
        &["train.batch is 301", "300 training examples"],
    );
    says(&no(&["train", "--set", "optimizer.generator.lr=-1"], 2), &["optimizer.generator.lr is -1"]);
    says(&no(&["train", "--steps", "0"], 2), &["--steps 0", "at least 1"]);
    says(&no(&["train", "--batch", "0"], 2), &["train.batch is 0"]);
    for batch in ["1000001", "18446744073709551615"] {
        says(&no(&["train", "--batch", batch], 2), &[&format!("--batch {batch}: expected at most 1000000")]);
    }
    says(&no(&["train", "--device", "cuda"], 5), &["--device cuda:0", "use --device cpu"]);
    says(
        &no(&["bench", "digits", "--profile", "--device", "cpu"], 2),
        &["--profile marks launches on a GPU", "--device cuda"],
    );
    says(&no(&["eval", "runs/none", "--device", "cuda"], 5), &["--device cuda:0", "use --device cpu"]);
    says(&no(&["train", "--name", "a/b"], 2), &["one folder name"]);
    says(&no(&["train", "--resume", "gone"], 4), &["gone: no such run"]);
    fs::write(here.join("taken"), b"a file").expect("written");
    says(&no(&["train", "--config", "small.toml", "--out", "taken"], 1), &["cannot make the folder taken"]);
    let clap = |arguments: &[&str], parts: &[&str]| {
        let output = gansaku(here, arguments).output().expect("starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        says(&String::from_utf8_lossy(&output.stderr), parts);
    };
    clap(&["train", "--steps", "-1"], &["'-1' for '--steps <N>'", "a whole number, 0 or more"]);
    clap(&["train", "--time", "soon"], &["--time", "60s, 5m, 1.5h or 1h30m"]);
    clap(&["train", "--device", "gpu"], &["expected auto, cpu, cuda or cuda:N"]);
    clap(&["train", "--threads", "0"], &["--threads", "1..=1024"]);
    clap(&["train", "--stesp", "3"], &["--stesp", "--steps"]);
    // Nobody means to call a recipe "--foo".
    let unknown = gansaku(here, &["train", "--foo", "3"]).output().expect("starts");
    assert!(!String::from_utf8_lossy(&unknown.stderr).contains("-- --foo"));
    fs::create_dir(here.join("pics")).expect("made");
    says(&no(&["train", "pics"], 2), &["no recipe \"pics\"", "give it as --data pics"]);
    says(&no(&["train", "small.toml"], 2), &["give it as --config small.toml"]);
    says(&no(&["train", "--lr", "0"], 2), &["optimizer.generator.lr is 0"]);
    says(&no(&["keys", "optimiser.lr"], 2), &["no key begins with", "did you mean optimizer.*.lr?"]);
    clap(&["sample", "x", "-n", "0"], &["--count", "1..=10000000"]);
    clap(&["eval", "--compare", "a", "b", "-n", "500"], &["--compare", "cannot be used with", "--count"]);
    clap(&["repro", "--steps", "5"], &["required", "PAPER"]);
    clap(&["tarin"], &["tarin", "train"]);
    assert!(!here.join("runs").exists(), "nothing was left behind");
}
