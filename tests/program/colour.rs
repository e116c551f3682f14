//! A colour run of before pictures were interleaved in memory (`fixtures/colour-run/`): files keep planes, so it samples,
//! goes on and reports as ever, and a run of today leaves the same files.

use crate::common::program::{gansaku, run};
use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Unit roundoff of f32.
const U: f64 = 5.97e-8;
/// Terms of the longest sum: two packed pictures of 192 numbers, each with a label of two.
const TERMS: f64 = 388.0;
/// Steps to the run's checkpoint.
const STEPS: f64 = 4.0;
/// Learning rate of both networks.
const RATE: f64 = 0.01;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/colour-run").join(name)
}

/// A folder with the run's pictures, and the run as it was left.
fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for i in 0..24u32 {
        let class = folder.path().join("pictures").join(["a", "b"][i as usize % 2]);
        fs::create_dir_all(&class).expect("a folder");
        let value =
            |x: u32, y: u32, k: u32| 37 * i + 11 * x * (k + 1) + 23 * y + 71 * k + 5 * (x * y * i % 13);
        let picture = RgbImage::from_fn(8, 8, |x, y| Rgb([0, 1, 2].map(|k| (value(x, y, k) % 256) as u8)));
        picture.save(class.join(format!("{i:02}.png"))).expect("a picture");
    }
    copy(&fixture("run"), &folder.path().join("run"));
    folder
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let to = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).expect("a folder");
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

/// Losses and other numbers of each line by name, without the times.
fn metrics(path: &Path) -> Vec<BTreeMap<String, f64>> {
    let text = fs::read_to_string(path).expect("metrics");
    let line = |line: &str| {
        let mut numbers: BTreeMap<String, f64> = serde_json::from_str(line).expect("numbers by name");
        numbers.remove("seconds").expect("a time");
        numbers
    };
    text.lines().map(line).collect()
}

/// Asserts that lines are those of before, but for sums in another order in each of the steps since they were one; the
/// share of that tolerance that was used.
fn same_lines(found: &[BTreeMap<String, f64>], wanted: &[BTreeMap<String, f64>]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let mut worst = 0.0f64;
    for (steps, (found, wanted)) in (1..).zip(found.iter().zip(wanted)) {
        for (name, &want) in wanted {
            let bound = f64::from(steps) * TERMS * U * (1.0 + want.abs());
            let share = (found[name] - want).abs() / bound;
            assert!(share <= 1.0, "step {}: {name} is {}, was {want}", wanted["step"], found[name]);
            worst = worst.max(share);
        }
    }
    worst
}

/// Shapes and numbers of a run's file at its first checkpoint, by name.
fn tensors(run: &Path, file: &str) -> BTreeMap<String, (Vec<usize>, Vec<f64>)> {
    let path = run.join("checkpoints/step-000000004").join(format!("{file}.safetensors"));
    let bytes = fs::read(path).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("tensors");
    let numbers = |bytes: &[u8]| -> Vec<f64> {
        bytes.as_chunks().0.iter().map(|&x| f64::from(f32::from_le_bytes(x))).collect()
    };
    let own = |(name, tensor): (String, safetensors::tensor::TensorView)| {
        (name, (tensor.shape().to_vec(), numbers(tensor.data())))
    };
    file.tensors().into_iter().map(own).collect()
}

fn greatest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |greatest, x| greatest.max(x.abs()))
}

/// Numbers of an `.npy` file behind its head, which is as long as NumPy's format says.
fn array(bytes: &[u8]) -> (&[u8], Vec<f32>) {
    let head = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (head, numbers) = bytes.split_at(head);
    (head, numbers.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect())
}

#[test]
fn a_colour_run_of_before_is_sampled_resumed_and_reported() {
    let folder = place();
    let here = folder.path();
    let old = fs::read(fixture("samples.npy")).expect("there");
    let (old_head, was) = array(&old);
    // Classes took turns then.
    let [even, odd] = ["0", "1"].map(|label| {
        let out = format!("{label}.npy");
        run(here, &["sample", "run", "-n", "4", "--label", label, "--out", &out]);
        let new = fs::read(here.join(out)).expect("made");
        let (head, numbers) = array(&new);
        assert_eq!(old_head, head, "[4, 3, 8, 8]");
        numbers
    });
    let is: Vec<f32> = (0..768).map(|i| if i / 192 % 2 == 0 { even[i] } else { odd[i] }).collect();
    // Sums of no more than eight terms, and a sigmoid.
    let off = was.iter().zip(&is).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    assert!(was.len() == 768 && off <= 32.0 * U, "off by {off:e}");
    // Pictures of before and of now, as pictures.
    run(here, &["sample", "run", "-n", "1", "--label", "0", "--out", "one"]);
    let one = image::open(here.join("one/000000.png")).expect("a picture").into_rgb8();
    for (x, y, pixel) in one.enumerate_pixels() {
        for k in 0..3 {
            let planes = was[k * 64 + (y * 8 + x) as usize];
            let shade = f32::from(pixel.0[k]);
            assert!((shade - 255.0 * planes).abs() <= 0.51, "pixel {x}, {y} of channel {k}: {shade}");
        }
    }
    run(here, &["train", "--resume", "run", "--data", "pictures", "--steps", "8", "--threads", "1"]);
    let lines = metrics(&here.join("run/metrics.jsonl"));
    let share = same_lines(&lines[4..], &metrics(&fixture("went-on.jsonl")));
    println!("four steps on: {share:.3} of the tolerance");
    run(here, &["report", "run"]);
    assert!(here.join("run/report.html").is_file());
    let verdict = gansaku(here, &["doctor", "run"]).output().expect("the program starts");
    assert!(!verdict.stdout.is_empty(), "{}", String::from_utf8_lossy(&verdict.stderr));
}

#[test]
fn a_colour_run_leaves_the_files_that_one_of_before_left() {
    let folder = place();
    let here = folder.path();
    let readme = fs::read_to_string(fixture("README.md")).expect("the command");
    let from = readme.find("gansaku train cgan-mnist").expect("the command") + "gansaku ".len();
    let command = &readme[from..readme.find("    gansaku sample").expect("the next one")];
    let plain = command
        .replace("\\\n", " ")
        .replace("--name run", "--name again")
        .replace(", ", ",")
        .replace('\'', "");
    run(here, &plain.split_whitespace().collect::<Vec<_>>());
    let again = here.join("runs/again");
    println!(
        "four steps: {:.3} of the tolerance",
        same_lines(&metrics(&again.join("metrics.jsonl")), &metrics(&fixture("run/metrics.jsonl")))
    );
    let mut worst = 0.0f64;
    let moments = [tensors(&fixture("run"), "optimizer"), tensors(&again, "optimizer")];
    for (file, owner) in [
        ("generator", "generator."),
        ("generator_ema", "generator."),
        ("discriminator", "discriminator."),
        ("optimizer", ""),
    ] {
        let [was, is] = [tensors(&fixture("run"), file), tensors(&again, file)];
        assert!(was.keys().eq(is.keys()), "{file}");
        for (name, (shape, before)) in &was {
            let (own_shape, now) = &is[name];
            assert_eq!(own_shape, shape, "{file}: {name}");
            let squares = moments[0].get(&format!("{owner}{name}.exp_avg_sq")).map(|(_, squares)| squares);
            // A first moment is a sum of terms of up to 1 − β1 each (a loss' slope by a logit is below 1), which cancel.
            let terms = if name.ends_with("exp_avg") { 0.5 } else { greatest(before) };
            let rounding = STEPS * TERMS * U * terms;
            for (i, (a, b)) in before.iter().zip(now).enumerate() {
                // Adam divides a gradient by its own size: what is small beside its neighbours is moved by as much as they,
                // and its error by more, but never by more than back and forth.
                let moved = squares.map_or(0.0, |squares| {
                    let relative = TERMS * U * (greatest(squares) / squares[i]).sqrt();
                    STEPS * RATE * relative.min(2.0)
                });
                let bound = rounding + moved;
                assert!((a - b).abs() <= bound, "{file}: {name} has {b} at {i}, had {a}, bound {bound:e}");
                worst = worst.max((a - b).abs() / bound.max(f64::MIN_POSITIVE));
            }
        }
    }
    println!("weights, moments and average: {worst:.3} of the tolerance");
}

#[test]
fn a_colour_run_resumes_exactly() {
    let folder = place();
    let here = folder.path();
    let resume = |name: &str, steps: &str| {
        run(here, &["train", "--resume", name, "--data", "pictures", "--steps", steps, "--threads", "2"]);
    };
    copy(&here.join("run"), &here.join("cut"));
    resume("cut", "6");
    resume("cut", "8");
    resume("run", "8");
    let manifest = |name: &str| {
        fs::read(here.join(name).join("checkpoints/step-000000008/MANIFEST.json")).expect("a checkpoint")
    };
    assert_eq!(manifest("cut"), manifest("run"));
}
