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
    let bursts = "train.discriminator_updates={usual=2, burst=4, first=2, every=5}";
    let plan = stdout(
        here,
        &["plan", "ring", "--set", bursts, "--set", "train.generator_updates=3", "--set", "train.noise=same"],
    );
    says(
        &plan,
        &[
            "phase D, 1 times a step (3 in the first 2 steps and at every 5th): ",
            "phase D+G, 1 times a step: ",
            "phase G, 1 times a step: ",
        ],
    );
    assert_eq!(plan.matches("phase G, ").count(), 2, "the last one ends the step");
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
