//! The run doctor on real runs: every state provoked by a small recipe is named, none of those is called healthy, and
//! healthy seeds raise no alarm.

use crate::common::program::{self, gansaku, says};
use gansaku::config::ConfigBuilder;
use gansaku::doctor::{Diagnosis, Entry, Means, State, diagnose, recorded};
use gansaku::exec::Device;
use gansaku::exec::Hardware;
use gansaku::models;
use gansaku::run::checkpoint::{self, Checkpoint, Snapshot};
use gansaku::run::journal;
use gansaku::train::{Request, Start, fit, train};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// Two networks of 64 units, seconds of training: what is laid over `ring` and `ring-rpgan`.
const POINTS: &str = r#"
data = { count = 20000 }
train = { batch = 64, epochs = 0, steps = 2000 }
log = { every = 50, samples_every = 250, samples = 100 }
checkpoint = { every = 1000, keep = 2 }
[generator]
layers = [
    { units = 64, activation = "relu", init = { fan-in = 1.4 } },
    { units = 64, activation = "relu", init = { fan-in = 1.4 } },
    { init = { fan-in = 1.0 } },
]
[discriminator]
layers = [
    { units = 64, activation = "leaky-relu", init = { fan-in = 1.4 }, bias = { uniform = 0.5 } },
    { units = 64, activation = "leaky-relu", init = { fan-in = 1.4 } },
    { init = { fan-in = 1.0 } },
]
"#;

/// Over `digits`.
const PICTURES: &str = r#"
data = { count = 3000 }
train = { batch = 32, steps = 600 }
log = { every = 20, samples_every = 100, samples = 9 }
checkpoint = { every = 300, keep = 2 }
[generator]
layers = [
    { units = 96, activation = "relu", init = { fan-in = 1.4 } },
    { activation = "sigmoid", init = { fan-in = 1.0 }, bias = "marginals" },
]
[discriminator]
layers = [
    { units = 96, activation = "leaky-relu", init = { fan-in = 1.4 } },
    { units = 64, activation = "leaky-relu", init = { fan-in = 1.4 } },
    { init = { fan-in = 1.0 } },
]
"#;

/// Two linear networks: the game that Mescheder et al. (1801.04406) call Dirac-GAN, in the plane.
const LINEAR: &str = r#"
data = { count = 20000 }
train = { batch = 64, epochs = 0, steps = 2000 }
log = { every = 20, samples_every = 200, samples = 100 }
checkpoint = { every = 1000, keep = 2 }
[generator]
layers = [{ init = { fan-in = 1.0 }, bias = 1.0 }]
[discriminator]
layers = [{ init = { fan-in = 0.1 } }]
[optimizer.generator]
lr = 0.05
rule.sgd = {}
[optimizer.discriminator]
lr = 0.05
rule.sgd = {}
"#;

/// Trains in `folder/name`; whether it came to its end.
fn run(folder: &Path, name: &str, recipe: &str, over: &str, sets: &[&str]) -> (PathBuf, bool) {
    let file = folder.join(format!("{name}.toml"));
    fs::write(&file, over).expect("written");
    let mut layers = ConfigBuilder::recipe(recipe).expect("a recipe");
    // The other optimizer replaces the recipe's.
    layers.file(&file).expect("known keys");
    sets.iter().for_each(|set| layers.set(set).expect("a known key"));
    let config = layers.finish().expect("in range");
    let start = Start::New { out: folder.into(), name: Some(name.into()), init_from: None };
    let done = train(&Request { config, start, device: Device::Cpu, threads: 1, time: None });
    (folder.join(name), done.is_ok())
}

/// What the doctor says of a run or a checkpoint.
fn diagnosed(run: &Path) -> gansaku::error::Result<Diagnosis> {
    diagnose(run, &Means { data: None, hardware: Hardware::CPU, fit: fit::quietly })
}

fn states(diagnosis: &Diagnosis) -> Vec<State> {
    diagnosis.verdicts.iter().map(|v| v.state).collect()
}

/// Every state that a run was in.
fn entered(run: &Path) -> Vec<State> {
    let entries = journal::read::<Entry>(&run.join("doctor.jsonl")).expect("read");
    let state = |e: &Entry| match e {
        Entry::Entered(verdict) => Some(verdict.state),
        _ => None,
    };
    entries.iter().filter_map(state).collect()
}

/// `--set` of both learning rates.
fn rates(g: &str, d: &str) -> [String; 2] {
    [format!("optimizer.generator.lr={g}"), format!("optimizer.discriminator.lr={d}")]
}

/// A test of its own for each case, so that cases share the cores.
macro_rules! cases {
    ($check:ident: $($name:ident $case:expr;)*) => {$(
        #[test]
        fn $name() {
            $check($case);
        }
    )*};
}

/// A state, the recipe that provokes it, what is laid over it, learning rates, more values.
type Provoked =
    (State, &'static str, &'static str, Option<(&'static str, &'static str)>, &'static [&'static str]);

/// Asserts that the state is named and nothing is called healthy.
fn provoked((state, recipe, over, lr, more): Provoked) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sets: Vec<String> = lr.map(|(g, d)| rates(g, d)).into_iter().flatten().collect();
    sets.extend(more.iter().map(|s| s.to_string()));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let (path, came_to_its_end) = run(folder.path(), "run", recipe, over, &sets);
    assert_eq!(came_to_its_end, state != State::NonFinite, "{state:?}: {sets:?}");
    let found = diagnosed(&path).expect("a run");
    println!("{state:?} {sets:?}: {:?}; was {:?}", states(&found), entered(&path));
    assert!(entered(&path).contains(&state), "{state:?} {sets:?}: never named: {found:?}");
    assert!(found.verdicts.iter().all(|v| v.state.is_alarm()), "{state:?} {sets:?}: {found:?}");
    let named = found.verdicts.iter().find(|v| v.state == state);
    // What collapses goes on to something else now and then; all the others stay where they are.
    assert!(named.is_some() || state == State::ModeCollapse, "{state:?} {sets:?}: {found:?}");
    for verdict in &found.verdicts {
        let command = verdict.command(&path).expect("a command");
        assert!(command.starts_with("gansaku train --config "), "{verdict:?}");
        accepted(folder.path(), &command);
        assert!(verdict.evidence.contains(|c: char| c.is_ascii_digit()), "numbers: {verdict:?}");
    }
    assert_eq!(recorded(&path).expect("a run").verdicts, found.verdicts, "afterwards as during training");
}

/// Asserts that a command of the doctor's is one that the program takes.
fn accepted(folder: &Path, command: &str) {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    program::run(folder, &[&words[..], &["--dry-run"]].concat());
}

cases! { provoked:
    d_wins_by_minimax (State::DWon, "ring", POINTS, Some(("1e-6", "1e-3")), &["loss.objective=minimax"]);
    d_wins (State::DWon, "ring", POINTS, Some(("1e-5", "3e-3")), &[]);
    d_wins_by_least_squares (State::DWon, "ring", POINTS, Some(("1e-6", "1e-3")), &["loss.objective=least-squares"]);
    d_wins_by_hinge (State::DWon, "ring", POINTS, Some(("1e-6", "1e-3")), &["loss.objective=hinge"]);
    d_wins_relativistic_games (State::DWon, "ring-rpgan", POINTS, Some(("1e-6", "2e-3")), &["loss.r1=0", "loss.r2=0"]);
    g_wins (State::GWon, "ring", POINTS, Some(("1e-3", "1e-6")), &[]);
    g_wins_against_a_line (State::GWon, "ring", LINEAR, None, &[]);
    linear_players_turn_around_each_other (State::Oscillation, "ring", LINEAR, None, &["loss.objective=wasserstein"]);
    clipped_critics_oscillate (
        State::Oscillation,
        "ring",
        POINTS,
        Some(("1e-3", "1e-3")),
        &["loss.objective=wasserstein", "discriminator.clip=0.1"],
    );
    modes_collapse (State::ModeCollapse, "ring", POINTS, Some(("1e-2", "1e-3")), &[]);
    modes_collapse_by_hinge (State::ModeCollapse, "ring", POINTS, Some(("5e-3", "5e-4")), &["loss.objective=hinge"]);
    twenty_pictures_are_memorised (
        State::Memorising,
        "digits",
        PICTURES,
        None,
        &["data.train=[0, 20]", "train.batch=20", "data.count=2000", "loss.r1=0.02", "loss.r2=0.02"],
    );
    players_that_hardly_move_are_stalled (State::Stalled, "ring", POINTS, Some(("1e-9", "1e-9")), &[]);
    loss_scales_reach_their_floor (
        State::LossScaleFloor,
        "ring",
        POINTS,
        Some(("1e-4", "1e-6")),
        &["train.precision=fp16", "loss.objective=least-squares", "discriminator.layers.2.bias=30000"],
    );
    numbers_leave_the_finite (
        State::NonFinite,
        "ring",
        POINTS,
        Some(("0.2", "0.2")),
        &["optimizer.generator.rule.sgd={}", "optimizer.discriminator.rule.sgd={}"],
    );
}

/// Asserts that a healthy run raises no alarm.
fn healthy((recipe, over, seed): (&str, &str, u64)) {
    let folder = tempfile::tempdir().expect("a folder");
    let of_seed = format!("seed={seed}");
    // As in thirty thousand steps, in two thousand.
    let short = [
        "optimizer.generator.decay_steps=2000",
        "optimizer.discriminator.decay_steps=2000",
        "optimizer.generator.lr=2e-3",
        "optimizer.discriminator.lr=2e-3",
        &of_seed,
    ];
    let sets = if recipe == "digits" { &short[4..] } else { &short[..] };
    let (path, _) = run(folder.path(), "run", recipe, over, sets);
    assert_eq!(entered(&path), [State::Healthy], "{recipe}, seed {seed}");
    assert_eq!(states(&diagnosed(&path).expect("a run")), [State::Healthy], "{recipe}, seed {seed}");
}

cases! { healthy:
    healthy_points_of_seed_0_raise_no_alarm ("ring-rpgan", POINTS, 0);
    healthy_points_of_seed_1_raise_no_alarm ("ring-rpgan", POINTS, 1);
    healthy_points_of_seed_2_raise_no_alarm ("ring-rpgan", POINTS, 2);
    healthy_points_of_seed_3_raise_no_alarm ("ring-rpgan", POINTS, 3);
    healthy_points_of_seed_4_raise_no_alarm ("ring-rpgan", POINTS, 4);
    healthy_pictures_of_seed_0_raise_no_alarm ("digits", PICTURES, 0);
    healthy_pictures_of_seed_1_raise_no_alarm ("digits", PICTURES, 1);
    healthy_pictures_of_seed_2_raise_no_alarm ("digits", PICTURES, 2);
    healthy_pictures_of_seed_3_raise_no_alarm ("digits", PICTURES, 3);
    healthy_pictures_of_seed_4_raise_no_alarm ("digits", PICTURES, 4);
}

#[test]
fn conditional_models_are_probed_whatever_their_packs_and_data() {
    let folder = tempfile::tempdir().expect("a folder");
    // More samples are drawn than D looks at; and three do not divide the 200 that it looks at otherwise.
    let packs = ["discriminator.pack=3", "train.batch=30"];
    for (recipe, over, more) in [("ring-rpgan", POINTS, &[][..]), ("digits", PICTURES, &packs)] {
        let sets = [&["conditional=true", "train.steps=5", "log.samples_every=5"], more].concat();
        let (path, ended) = run(folder.path(), recipe, recipe, over, &sets);
        assert!(ended, "{recipe}");
        let entries = journal::read::<Entry>(&path.join("doctor.jsonl")).expect("read");
        assert!(entries.iter().any(|e| matches!(e, Entry::Probe(p) if p.step == 5)), "{recipe}: {entries:?}");
    }
}

/// A run whose G makes these pictures and no others, all equally often: its latent is one number, each hidden unit a step
/// at its own height, and a step puts the next picture in the place of the one before.
fn forged(folder: &Path, name: &str, pictures: &[Vec<f32>]) -> PathBuf {
    forged_with(folder, name, pictures, &[])
}

/// A forged run with more values set. Whatever else its first layer sees than noise, such as labels, weighs nothing.
fn forged_with(folder: &Path, name: &str, pictures: &[Vec<f32>], sets: &[&str]) -> PathBuf {
    let steps = pictures.len() - 1;
    let over = format!(
        r#"
        data = {{ count = 10000 }}
        latent = {{ dim = 1, distribution = "uniform" }}
        train = {{ batch = 16, steps = 1 }}
        [generator]
        layers = [
            {{ units = {steps}, activation = "sigmoid", init = {{ fan-in = 1.0 }} }},
            {{ init = {{ fan-in = 1.0 }} }},
        ]
    "#
    );
    let (path, _) = run(folder, name, "digits", &over, sets);
    let from = path.join("checkpoints/step-000000001");
    let Checkpoint { config, mut state, mut networks } = checkpoint::load(&from).expect("whole");
    let model = Checkpoint::model(&config, &state);
    let generator = &mut networks[0];
    let mut flat = vec![0.0; generator.weights.len()];
    let mut fill = |parameter: &str, numbers: Vec<f32>| {
        let at = model.networks().all()[0].parameter(parameter).offset;
        flat[at..at + numbers.len()].copy_from_slice(&numbers);
    };
    let (steep, end) = (1e6, 3f32.sqrt());
    let height = |step: usize| -end + 2.0 * end * (step + 1) as f32 / pictures.len() as f32;
    fill("layers.0.weight", vec![steep; steps]);
    fill("layers.0.bias", (0..steps).map(|step| -steep * height(step)).collect());
    let change =
        |pair: &[Vec<f32>]| -> Vec<f32> { pair[1].iter().zip(&pair[0]).map(|(b, a)| b - a).collect() };
    fill("layers.1.weight", pictures.windows(2).flat_map(change).collect());
    fill("layers.1.bias", pictures[0].clone());
    (generator.weights, generator.average) = (flat.clone(), flat);
    // Long enough a training to be judged without its records.
    state.step = 1_000;
    let snapshot = Snapshot {
        rules: &models::rules(&*model),
        config: &config,
        game: &*model,
        state: &state,
        networks: Cow::Owned(networks),
    };
    checkpoint::save(&path.join("checkpoints"), &snapshot).expect("saved");
    path
}

/// The first training examples of those runs, in [0, 1].
fn examples(count: usize) -> Vec<Vec<f32>> {
    let data = gansaku::data::digits::load(10_000, 0);
    (0..count).map(|i| data.numbers(&data.train, i)).collect()
}

/// A picture of 28×28 pixels under a Gaussian of half a pixel.
fn blurred(picture: &Vec<f32>) -> Vec<f32> {
    let kernel = [-2i32, -1, 0, 1, 2].map(|d| (d, (-0.5 * (d as f32 / 0.5).powi(2)).exp()));
    let whole: f32 = kernel.iter().map(|k| k.1).sum();
    let along = |x: &Vec<f32>, down: i32, right: i32| -> Vec<f32> {
        let at = |i: i32, j: i32| match (0..28).contains(&i) && (0..28).contains(&j) {
            true => x[(i * 28 + j) as usize],
            false => 0.0,
        };
        let pixel =
            |p: i32| kernel.map(|(d, k)| k * at(p / 28 + d * down, p % 28 + d * right)).iter().sum::<f32>();
        (0..784).map(|p| pixel(p) / whole).collect()
    };
    along(&along(picture, 1, 0), 0, 1)
}

#[test]
fn training_images_are_memorised_and_the_mean_image_is_collapsed() {
    let folder = tempfile::tempdir().expect("a folder");
    let examples = examples(200);
    let copies = forged(folder.path(), "copies", &examples);
    let found = diagnosed(&copies).expect("a run");
    assert_eq!(states(&found), [State::Memorising], "{found:?}");
    says(&found.verdicts[0].evidence, &["nearest training example"]);
    let mean: Vec<f32> = (0..784).map(|i| examples.iter().map(|x| x[i]).sum::<f32>() / 200.0).collect();
    let alike = forged(folder.path(), "mean", &[mean.clone(), mean]);
    let found = diagnosed(&alike).expect("a run");
    assert_eq!(states(&found), [State::ModeCollapse], "{found:?}");
}

#[test]
fn a_g_that_does_not_look_at_its_labels_ignores_them() {
    let folder = tempfile::tempdir().expect("a folder");
    // As labels are drawn by their shares, so are the copies: only who asks class by class sees it.
    let copies = forged_with(folder.path(), "copies", &examples(200), &["conditional=true"]);
    let found = diagnosed(&copies).expect("a run");
    let ignored = found.verdicts.iter().find(|v| v.state == State::LabelsIgnored);
    let ignored = ignored.unwrap_or_else(|| panic!("{found:?}"));
    says(&ignored.evidence, &["of 500 samples are of the class they were asked for", "held-out examples"]);
    let command = ignored.command(&copies).expect("a command");
    accepted(folder.path(), &command);
    // The classifier is kept, and one that is damaged, or of other data, is made again.
    let file = copies.join("labels.safetensors");
    let kept = fs::read(&file).expect("kept");
    assert_eq!(diagnosed(&copies).expect("a run"), found);
    fs::write(&file, &kept[..kept.len() / 2]).expect("written");
    assert_eq!(diagnosed(&copies).expect("a run"), found);
    assert_eq!(fs::read(&file).expect("made again"), kept);
}

#[test]
fn points_of_a_conditional_mixture_show_their_class_by_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let sets = ["conditional=true", "train.steps=5", "log.every=1", "log.samples_every=5"];
    let (path, _) = run(folder.path(), "ring", "ring-rpgan", POINTS, &sets);
    let entries = journal::read::<Entry>(&path.join("doctor.jsonl")).expect("read");
    let probe = entries.iter().find_map(|e| match e {
        Entry::Probe(probe) => probe.labels.clone(),
        _ => None,
    });
    let labels = probe.expect("asked without a classifier");
    assert!(labels.samples == 2_500 && labels.accuracy.is_none(), "{labels:?}");
    assert!(labels.kappa() < 0.3, "five steps teach no classes: {labels:?}");
    assert!(!path.join("labels.safetensors").exists());
}

#[test]
fn blurred_images_score_above_real_ones_and_are_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let examples = examples(3000);
    let measured = |name: &str, pictures: &[Vec<f32>]| {
        forged(folder.path(), name, pictures);
        let arguments = ["eval", name, "parzen", "--count", "1000", "--json", "found.json"];
        let output = gansaku(folder.path(), &arguments).output().expect("the program starts");
        let text = fs::read_to_string(folder.path().join("found.json")).expect("written");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let found = &json["measurements"][0];
        let nats = |row: &serde_json::Value| row["nats"].as_f64().expect("a number");
        let real = nats(&found["reference"]["1000 training examples"]);
        (nats(&found["values"]), real, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let blurry: Vec<Vec<f32>> = examples.iter().map(blurred).collect();
    let (blur, real, told) = measured("blurred", &blurry);
    assert!(blur > real + 10.0, "{blur} above {real}");
    says(&told, &["warning: above real data's", "smoother than data, not better"]);
    // As many copies miss some of the examples: they score a little less, and nothing is told.
    let (copies, real, told) = measured("copied", &examples);
    assert!(copies < real && !told.contains("warning"), "{copies} below {real}: {told}");
}

#[test]
fn a_checkpoint_older_than_the_last_probe_is_not_judged_by() {
    let folder = tempfile::tempdir().expect("a folder");
    let sets = ["train.steps=700", "log.samples_every=100", "checkpoint.every=450"];
    let (path, _) = run(folder.path(), "killed", "ring-rpgan", POINTS, &sets);
    // As where it was killed before the checkpoint of step 900.
    fs::remove_dir_all(path.join("checkpoints/step-000000700")).expect("there");
    let [now, written] = [diagnosed(&path), recorded(&path)].map(|d| d.expect("a run"));
    assert_eq!(now.step, 700, "what was written down");
    assert_eq!(now.verdicts, written.verdicts);
    let told = |d: &Diagnosis| d.verdicts.iter().any(|v| v.state != State::TooEarly);
    assert!(told(&written), "{written:?}");
    // The checkpoint itself is judged as of its step.
    let then = diagnosed(&path.join("checkpoints/step-000000450")).expect("a checkpoint");
    assert_ne!(then.verdicts, written.verdicts);
}

#[test]
fn the_command_tells_states_evidence_and_a_flag() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let sets = rates("1e-9", "1e-9");
    run(here, "slow", "ring", POINTS, &[&sets[0], &sets[1]]);
    let output = gansaku(here, &["doctor", "slow", "--json", "d.json"]).output().expect("starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    says(
        &told,
        &[
            "slow, step 2000",
            "stalled since step 1000: ",
            "change: gansaku train --config slow/config.toml --set optimizer.",
            "lr=0.00000001",
        ],
    );
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("d.json")).expect("there")).expect("JSON");
    assert_eq!(json["step"], 2000);
    assert_eq!(json["verdicts"][0]["state"], "stalled");
    assert_eq!(json["verdicts"][0]["since_step"], 1000);
    let no = |arguments: &[&str], code| program::refused(here, arguments, code);
    says(&no(&["doctor", "slov"], 4), &["no such run", "did you mean"]);
    fs::create_dir(here.join("empty")).expect("made");
    says(&no(&["doctor", "empty"], 4), &["not a run"]);
    // Without data, what training wrote down still tells.
    fs::remove_dir_all(here.join("slow/checkpoints")).expect("removed");
    let output = gansaku(here, &["doctor", "slow"]).output().expect("starts");
    says(&String::from_utf8_lossy(&output.stdout), &["stalled since step 1000"]);
}
