//! The classifier that evaluation looks through: its graph against the reference, its training, its file.

use gansaku::config::ConfigBuilder;
use gansaku::data::{Shape, identity};
use gansaku::eval::Evaluation;
use gansaku::eval::classifier::Classifier;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::{ExecutorSpec, PhaseRun, Rate};
use gansaku::graph::interp::{self, Tensor};
use gansaku::graph::{Graph, Var};
use gansaku::lower::{Layout, Stage, lower};
use gansaku::models::classifier::{cross_entropy, shifted};
use gansaku::precision::Precision;
use gansaku::rng::{Draw, Moment};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::common::idx::{self, digits_as_idx, idx};
use crate::common::program::{gansaku, refused, run, says, stdout, workplace};

/// A graph's result by the CPU executor and by the f64 interpreter.
pub fn both(g: &Graph, root: Var, inputs: &[(&str, Var, Vec<f32>)]) -> (Vec<f32>, Vec<f64>) {
    both_at(g, root, inputs, Moment { seed: 5, tick: 3 })
}

/// A graph's result at a moment, likewise.
pub fn both_at(
    g: &Graph,
    root: Var,
    inputs: &[(&str, Var, Vec<f32>)],
    moment: Moment,
) -> (Vec<f32>, Vec<f64>) {
    let stage = Stage { outputs: vec![("out".into(), root)], ..Stage::default() };
    let plan = lower(g, &[stage], Precision::Fp32, &Layout::default());
    let mut cpu = Cpu::of(
        Pool::new(1).expect("a thread"),
        ExecutorSpec { seed: moment.seed, ..ExecutorSpec::at_rest(vec![plan], vec![], vec![]) },
    )
    .expect("memory enough");
    inputs.iter().for_each(|(name, _, x)| cpu.write_input(0, name, x));
    cpu.run(&PhaseRun::alone(0, moment.tick, Rate::ALL_REST));
    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let mut values: HashMap<Var, Tensor> =
        inputs.iter().map(|(_, v, x)| (*v, Tensor::new(&g.shape(*v), wide(x)))).collect();
    interp::run(g, &[root], moment, &mut values);
    (cpu.output(0, "out").to_vec(), values[&root].data.clone())
}

fn numbers(count: usize, scale: f32) -> Vec<f32> {
    let draw = Draw::new(1, 2, 3);
    (0..count as u64).map(|i| scale * draw.normal(i)).collect()
}

#[test]
fn pictures_are_moved_by_a_pixel_at_most_and_zeros_move_in() {
    let shape = Shape { channels: 2, height: 5, width: 4 };
    let rows = 200;
    let g = Graph::new();
    let x = g.host_input("x", &[rows, shape.len()]);
    let moved = shifted(&g, x, shape);
    let pictures = numbers(rows * shape.len(), 1.0);
    let (found, reference) = both(&g, moved, &[("x", x, pictures.clone())]);
    assert!(found.iter().zip(&reference).all(|(&f, &r)| f64::from(f) == r), "as the reference does");
    let mut seen = HashMap::new();
    for (row, (before, after)) in pictures.chunks(40).zip(found.chunks(40)).enumerate() {
        let by = |dy: isize, dx: isize| -> Vec<f32> {
            let at = |y: isize, x: isize, c: isize| {
                let inside = (0..5).contains(&(y - dy)) && (0..4).contains(&(x - dx));
                if inside { before[(((y - dy) * 4 + x - dx) * 2 + c) as usize] } else { 0.0 }
            };
            (0..40).map(|i| at(i / 8, i / 2 % 4, i % 2)).collect()
        };
        let moves = (0..9).map(|i| (i / 3 - 1, i % 3 - 1)).find(|&(dy, dx)| by(dy, dx) == after);
        assert!(moves.is_some(), "picture {row} is moved otherwise: {before:?} {after:?}");
        *seen.entry(moves).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(seen.values().all(|&n| n > 8), "each about as often: {seen:?}");
}

#[test]
fn the_cross_entropy_is_that_of_the_softmax_and_never_overflows() {
    for classes in [2, 3, 7, 10, 16] {
        for scale in [1.0, 50.0, 1e4] {
            let g = Graph::new();
            let rows = 6;
            let (x, y) = (g.host_input("x", &[rows, classes]), g.host_input("y", &[rows, classes]));
            let loss = cross_entropy(&g, x, y);
            let logits = numbers(rows * classes, scale);
            let mut one_hot = vec![0.0; rows * classes];
            (0..rows).for_each(|r| one_hot[r * classes + r % classes] = 1.0);
            let (found, reference) = both(&g, loss, &[("x", x, logits.clone()), ("y", y, one_hot)]);
            let row = |r: usize| {
                let x: Vec<f64> = logits[r * classes..][..classes].iter().map(|&x| f64::from(x)).collect();
                let greatest = x.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = x.iter().map(|x| (x - greatest).exp()).sum();
                greatest + sum.ln() - x[r % classes]
            };
            let wanted = (0..rows).map(row).sum::<f64>() / rows as f64;
            let allowed = 1e-5 * wanted.abs() + 1e-6 * f64::from(scale);
            assert!((f64::from(found[0]) - wanted).abs() <= allowed, "{classes}: {found:?}, {wanted}");
            assert!(
                (reference[0] - wanted).abs() <= 1e-9 * wanted.abs(),
                "{classes}: {reference:?}, {wanted}"
            );
        }
    }
}

/// A folder with `idx/`, its classifier `c.safetensors`, and small networks in `over.toml`.
fn place() -> tempfile::TempDir {
    let folder = workplace();
    digits_as_idx(&folder.path().join("idx"), 1_500, 200, 0);
    let small = ["classifier", "idx", "--out", "c.safetensors", "--epochs", "8"];
    run(folder.path(), &small);
    folder
}

const TRAIN: [&str; 12] = [
    "train",
    "mnist",
    "--config",
    "over.toml",
    "--data",
    "idx",
    "--steps",
    "10",
    "--set",
    "data.train=[0, 1400]",
    "--set",
    "data.valid=[1400, 1500]",
];

#[test]
fn a_classifier_tells_digits_apart_and_any_number_of_threads_makes_its_bytes() {
    let folder = place();
    let again = ["classifier", "idx", "--out", "again.safetensors", "--epochs", "8", "--threads", "2"];
    let output = gansaku(folder.path(), &again).output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("of 200 examples, 256 features"), "{told}");
    let accuracy: f64 = told.split_whitespace().nth(2).and_then(|w| w.parse().ok()).expect("a number");
    assert!(accuracy > 90.0, "{told}");
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).expect("written");
    assert!(bytes("c.safetensors") == bytes("again.safetensors"));
    let other = ["classifier", "idx", "--out", "other.safetensors", "--epochs", "8", "--seed", "1"];
    run(folder.path(), &other);
    assert!(bytes("c.safetensors") != bytes("other.safetensors"));

    let mut loaded = Classifier::load(&folder.path().join("c.safetensors"), gansaku::exec::Hardware::CPU)
        .expect("just written");
    assert!((100.0 * loaded.card.accuracy - accuracy).abs() < 0.01);
    let config = gansaku::config::Data {
        path: Some(folder.path().join("idx")),
        ..ConfigBuilder::recipe("mnist").and_then(ConfigBuilder::finish).expect("a recipe").data
    };
    let data = gansaku::data::load(&identity::whole(&config), 0).expect("readable");
    let pictures = data.numbers_of(&data.test, 0..200);
    let labels = data.test.labels.as_ref().expect("labelled");
    assert_eq!(loaded.accuracy(&pictures, labels).expect("a CPU"), loaded.card.accuracy, "as its card says");
    assert_eq!(loaded.features(&pictures).expect("a CPU").len(), 200 * loaded.width());
    let alone = loaded.features(&pictures[..784]).expect("a CPU");
    assert_eq!(
        alone[..],
        loaded.features(&pictures).expect("a CPU")[..loaded.width()],
        "whatever stands beside it"
    );
}

/// Writes only the training pictures of other classes than this one.
fn without_class(folder: &Path, class: u8) {
    let at = |name: &str| folder.join(name);
    let read = |name: &str, header: usize| fs::read(at(name)).expect("there").split_off(header);
    let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
    let (pictures, labels) = (read(names[0], 16), read(names[1], 8));
    let kept: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] != class).collect();
    let count = kept.len() as u32;
    let pictures: Vec<u8> = kept.iter().flat_map(|&i| pictures[i * 784..][..784].to_vec()).collect();
    let labels: Vec<u8> = kept.iter().map(|&i| labels[i]).collect();
    fs::write(at(names[0]), idx(&[count, 28, 28], &pictures)).expect("written");
    fs::write(at(names[1]), idx(&[count], &labels)).expect("written");
}

#[test]
fn a_class_that_is_missing_is_the_one_that_is_not_covered() {
    let folder = workplace();
    let path = folder.path();
    digits_as_idx(&path.join("idx"), 1_500, 400, 0);
    without_class(&path.join("idx"), 3);
    run(path, &["classifier", "idx", "--out", "c.safetensors", "--epochs", "8"]);
    let splits = ["--set", "data.train=[0, 1200]", "--set", "data.valid=[1200, 1300]"];
    let train = ["train", "mnist", "--config", "over.toml", "--data", "idx", "--steps", "2"];
    run(path, &[&train[..], &splits].concat());
    let measure = ["eval", "runs/00000-mnist", "classes", "--classifier", "c.safetensors", "-n", "1000"];
    run(path, &[&measure[..], &["--json", "a.json"]].concat());
    let report = Evaluation::read(&path.join("a.json")).expect("just written");
    // The training examples stand in for a generator that makes no 3.
    let real = &report.measurements[0].reference["1000 training examples"];
    let covered = |class: usize| real[&format!("{class:02} coverage")[..]];
    let others: Vec<f64> = (0..10).filter(|&class| class != 3).map(covered).collect();
    let least = others.iter().copied().fold(1.0, f64::min);
    assert!(covered(3) < 0.7 * least, "3: {}, others {others:?}", covered(3));
}

#[test]
fn what_is_no_classifier_is_not_written_over() {
    let folder = place();
    let path = folder.path();
    run(path, &TRAIN);
    let weights = "runs/00000-mnist/checkpoints/step-000000010/generator.safetensors";
    let before = fs::read(path.join(weights)).expect("there");
    let made = |out: &str| ["classifier", "idx", "--epochs", "1", "--out", out].map(String::from);
    let refuse = made(weights);
    says(
        &refused(path, &refuse.each_ref().map(String::as_str), 2),
        &["generator.safetensors: there is a file that is no classifier"],
    );
    assert_eq!(fs::read(path.join(weights)).expect("there"), before);
    run(path, &made("c.safetensors").each_ref().map(String::as_str));
}

#[test]
fn every_metric_of_labelled_data_is_measured_beside_real_data_and_compared_only_to_its_like() {
    let folder = place();
    let path = folder.path();
    run(path, &TRAIN);
    let metrics = ["fd", "kid", "prdc", "classes", "cas", "ms-ssim", "birthday"];
    let measure = |json: &str, count: &str, seed: &str| {
        let rest = ["--classifier", "c.safetensors", "-n", count, "--seed", seed, "--json", json];
        let arguments = [&["eval", "runs/00000-mnist"][..], &metrics, &rest].concat();
        run(path, &arguments);
        Evaluation::read(&path.join(json)).expect("just written")
    };
    let report = measure("a.json", "200", "0");
    assert_eq!(report.measurements.len(), metrics.len());
    for (m, name) in report.measurements.iter().zip(metrics) {
        assert_eq!((&m.metric[..], m.samples), (name, 200));
        let [real] = m.reference.values().collect::<Vec<_>>()[..] else { panic!("one real row: {m:?}") };
        assert!(m.values.keys().eq(real.keys()), "{name}: the same numbers of real data: {m:?}");
        assert!(m.values.values().chain(real.values()).all(|x| x.is_finite()), "{m:?}");
        if name != "ms-ssim" && name != "birthday" {
            assert!(m.protocol.contains("classifier idx ("), "{}", m.protocol);
        }
    }
    let of = |i: usize, key: &str| {
        let m = &report.measurements[i];
        (m.values[key], m.reference.values().next().expect("real data")[key])
    };
    for (i, key) in [(0, "FD-idx"), (1, "KID-idx"), (3, "KL")] {
        let (untrained, real) = of(i, key);
        assert!(untrained > 2.0 * real, "{key}: ten steps make no digits: {untrained}, {real}");
    }
    for (i, key) in [(2, "coverage"), (4, "accuracy %")] {
        let (untrained, real) = of(i, key);
        assert!(untrained < real, "{key}: ten steps make no digits: {untrained}, {real}");
    }

    let compare = |a: &str, b: &str| gansaku(path, &["eval", "--compare", a, b]).output().expect("starts");
    measure("b.json", "200", "1");
    let both = compare("a.json", "b.json");
    let table = String::from_utf8_lossy(&both.stdout).into_owned();
    assert!(both.status.success() && table.contains("a.json") && table.contains("b.json"), "{table}");
    let fd: Vec<&str> = table.lines().filter(|line| line.contains("FD-idx ↓")).collect();
    assert_eq!(fd.len(), 1, "{table}");
    assert_eq!(fd[0].matches('*').count(), 1, "the better one is marked: {table}");
    measure("c.json", "300", "0");
    let unlike = compare("a.json", "c.json");
    let told = String::from_utf8_lossy(&unlike.stdout).into_owned();
    says(&told, &["fd: not comparable, protocols differ", "a.json: ", "c.json: "]);
    assert!(!told.contains("FD-idx"), "{told}");
    // Blocks of kid hold as many samples in both.
    assert!(unlike.status.success() && told.contains("KID-idx ↓"), "{told}");
    says(&refused(path, &["eval", "--compare", "a.json", "small.toml"], 2), &["small.toml", "gansaku eval"]);
}

#[test]
fn what_a_metric_lacks_is_said_before_anything_is_written() {
    let folder = place();
    let path = folder.path();
    run(path, &TRAIN);
    let eval = |rest: &[&str], code: i32| {
        let arguments = [&["eval", "runs/00000-mnist"][..], rest, &["--json", "never.json"]].concat();
        let message = refused(path, &arguments, code);
        assert!(!path.join("never.json").exists(), "{message}");
        message
    };
    says(&eval(&["classes"], 2), &["classes needs a classifier", "gansaku classifier DATA", "--classifier"]);
    says(&eval(&["fd", "--classifier", "gone"], 4), &["gone", "cannot read it"]);
    let checkpoint = "runs/00000-mnist/checkpoints/step-000000010/generator.safetensors";
    says(&eval(&["fd", "--classifier", checkpoint], 4), &["no classifier's"]);
    says(&eval(&["modes", "--classifier", "c.safetensors"], 2), &["measure classes"]);
    let bytes = std::fs::read(path.join("c.safetensors")).expect("written");
    std::fs::write(path.join("cut.safetensors"), &bytes[..bytes.len() / 2]).expect("written");
    says(&eval(&["fd", "--classifier", "cut.safetensors"], 4), &["cut.safetensors", "safetensors"]);
    let mut flipped = bytes.clone();
    *flipped.last_mut().expect("weights") ^= 1;
    std::fs::write(path.join("flipped.safetensors"), flipped).expect("written");
    says(&eval(&["fd", "--classifier", "flipped.safetensors"], 4), &["flipped.safetensors", "damaged"]);

    // Other digits, and digits without labels.
    digits_as_idx(&path.join("other"), 1_500, 200, 9);
    let other = ["fd", "--classifier", "c.safetensors", "--data", "other"];
    says(&eval(&other, 3), &["the classifier idx is for other data", "gansaku classifier DATA"]);
    let unlabel = |name: &str| {
        std::fs::remove_file(path.join(format!("other/{name}-labels-idx1-ubyte"))).expect("there");
    };
    unlabel("train");
    says(
        &refused(path, &["classifier", "other", "--out", "never.safetensors"], 3),
        &["no labels", "both training and testing"],
    );
    unlabel("t10k");
    says(&eval(&["cas", "--data", "other"], 3), &["cas needs training and test examples labelled"]);
    says(&eval(&["classes", "--data", "other"], 3), &["classes needs test examples labelled"]);
    let arguments = ["classifier", "other", "--out", "never.safetensors"];
    says(&refused(path, &arguments, 3), &["no labels"]);
    assert!(!path.join("never.safetensors").exists());
    says(&refused(path, &["classifier", "ring"], 3), &["points", "a classifier is for pictures"]);
    for (flag, value) in [("--out", "c.json"), ("--out", "nowhere/c.safetensors"), ("--name", "a/b")] {
        says(&refused(path, &["classifier", "digits", flag, value], 2), &[flag, value]);
    }
    // Metrics would be of other data than the run's, whatever they need.
    digits_as_idx(&path.join("other"), 1_500, 200, 9);
    says(
        &eval(&["swd", "--data", "other"], 3),
        &["was trained on other examples than", "its own with --data"],
    );
    says(
        &refused(path, &["report", "runs/00000-mnist", "--data", "other"], 3),
        &["trained on other examples"],
    );
    says(
        &refused(path, &["doctor", "runs/00000-mnist", "--data", "gone"], 3),
        &["gone", "no such file or folder"],
    );
    // Labels that have nothing to do with the pictures teach nothing, and what is seen through that is told.
    let draw = Draw::new(3, 0, 0);
    let random: Vec<u8> = (0..1_500).map(|i| (10.0 * draw.uniform(i)) as u8).collect();
    let labels = idx::idx(&[1_500], &random);
    std::fs::write(path.join("other/train-labels-idx1-ubyte"), labels).expect("written");
    let poor = ["classifier", "other", "--out", "poor.safetensors", "--epochs", "2"];
    says(&run(path, &poor), &["warning: the classifier other is right about", "say little"]);
    let on_other = TRAIN.map(|word| if word == "idx" { "other" } else { word });
    run(path, &[&on_other[..], &["--name", "poor"]].concat());
    let prdc = ["eval", "runs/poor", "prdc", "--classifier", "poor.safetensors", "-n", "200"];
    says(&stdout(path, &prdc), &["prdc:", "warning: the classifier other is right about"]);
    // Too few test examples.
    digits_as_idx(&path.join("other"), 1_500, 19, 0);
    run(path, &["classifier", "other", "--out", "few.safetensors", "--epochs", "1"]);
    let few = ["fd", "--classifier", "few.safetensors", "--data", "other"];
    says(&eval(&few, 3), &["fd needs 20 test examples", "has 19"]);
}

#[test]
fn a_classifier_is_not_asked_about_pictures_that_it_was_trained_on() {
    let folder = workplace();
    let path = folder.path();
    for (class, grey) in [("dark", 30u8), ("light", 180)] {
        std::fs::create_dir_all(path.join("pictures").join(class)).expect("made");
        for i in 0..300u32 {
            let noisy = |x, y| image::Luma([grey + ((x * 7 + y * 13 + i * 17) % 40) as u8]);
            let file = path.join("pictures").join(class).join(format!("{i}.png"));
            image::GrayImage::from_fn(8, 8, noisy).save(file).expect("written");
        }
    }
    let classifier = |out: &str, rest: &[&str]| {
        let base = ["classifier", "pictures", "--size", "28", "--epochs", "1", "--out", out];
        run(path, &[&base[..], rest].concat())
    };
    classifier("tenth.safetensors", &[]);
    says(&classifier("third.safetensors", &["--hold-out", "0.3"]), &["180 of 600 are held out"]);
    let train = |name: &str, hold_out: &str| {
        let base = ["train", "digits", "--config", "over.toml", "--data", "pictures", "--name", name];
        let sets = ["--set", "data.size=28", "--set", hold_out];
        run(path, &[&base[..], &sets].concat());
    };
    train("third", "data.hold_out=0.3");
    train("quarter", "data.hold_out=0.25");
    let eval = |name: &str, classifier: &str| -> Vec<String> {
        let words = ["eval", name, "fd", "--classifier", classifier, "-n", "100"];
        words.map(String::from).to_vec()
    };
    fn typed(words: &[String]) -> Vec<&str> {
        words.iter().map(String::as_str).collect()
    }
    let seen = eval("runs/third", "tenth.safetensors");
    says(
        &refused(path, &typed(&seen), 3),
        &["was trained on 120 of the 180 examples", "`gansaku classifier DATA --hold-out 0.300`"],
    );
    for name in ["runs/third", "runs/quarter"] {
        run(path, &typed(&eval(name, "third.safetensors")));
    }
    let wide = ["classifier", "pictures", "--hold-out", "0.7"];
    let output = gansaku(path, &wide).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    says(&String::from_utf8_lossy(&output.stderr), &["'0.7' for '--hold-out <SHARE>'", "0 to 0.5"]);
}

#[test]
fn stacks_of_digits_are_trained_on_and_their_modes_counted() {
    let folder = place();
    let path = folder.path();
    for (stack, modes) in [(3, 1_000), (4, 10_000)] {
        let name = format!("stack-{stack}");
        let set = format!("data.stack={stack}");
        run(
            path,
            &[
                "train",
                "stacked-mnist",
                "--config",
                "over.toml",
                "--data",
                "idx",
                "--steps",
                "10",
                "--name",
                &name,
                "--set",
                &set,
                "--set",
                "data.count=2000",
                "--set",
                "discriminator.layers.0.keep=1.0",
                "--set",
                "discriminator.layers.1.keep=1.0",
            ],
        );
        let run_path = format!("runs/{name}");
        run(
            path,
            &[
                "eval",
                &run_path,
                "modes",
                "--classifier",
                "c.safetensors",
                "-n",
                "1500",
                "--json",
                "modes.json",
            ],
        );
        let report = Evaluation::read(&path.join("modes.json")).expect("just written");
        let m = &report.measurements[0];
        assert!(m.protocol.contains(&format!("{modes} modes")), "{}", m.protocol);
        let perfect = m.reference["a perfect sampler"]["modes"];
        let real = m.reference["1500 training stacks"]["modes"];
        // 1,500 draws of n modes meet n(1 − e^(−1500/n)) of them.
        let expected = f64::from(modes) * (1.0 - (-1_500.0 / f64::from(modes)).exp());
        assert!((perfect / expected - 1.0).abs() < 0.05, "{perfect} of {expected}");
        assert!((real / expected - 1.0).abs() < 0.1, "{real} of {expected}");
        assert!(m.values["modes"] < real, "ten steps: {m:?}");
    }
    let fd = ["eval", "runs/stack-3", "fd", "--classifier", "c.safetensors"];
    says(&refused(path, &fd, 2), &["fd sees one digit at a time", "measure modes or swd"]);
    let first = ["eval", "runs/stack-3", "modes"];
    says(&refused(path, &first, 2), &["modes needs a classifier"]);
}
