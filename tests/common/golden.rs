//! Numbers that another implementation printed: they stand at the end of the script that made them.

use gansaku::data::{Dataset, Examples, Shape, Values};
use gansaku::rng::{Draw, stream};
use gansaku::run::checkpoint;
use gansaku::train::Trainer;
use safetensors::{Dtype, SafeTensors};
use std::sync::Arc;

/// The seed of the scripts' random numbers.
pub const SEED: u64 = 3;
/// Length of the points of [`cloud`].
pub const DIM: usize = 20;
/// Relative.
pub const TOLERANCE: f64 = 1e-4;
/// Tolerance of losses during ten steps, relative to numbers above 1.
const LOSSES: f64 = 1e-5;
/// Tolerance of tensors after ten steps, likewise.
const TENSORS: f64 = 3e-4;
/// Numbers that scripts of ten steps print of a tensor, at most.
const PRINTED: usize = 24;
/// The recipe "cifar10-conv-2014" for pictures of 3×8×11, with weights that ten steps move.
pub const SMALL_2014: &[&str] = &[
    "generator.layers.0.units=12",
    "generator.layers.1.units=24",
    "generator.layers.1.reshape=[4, 2, 3]",
    "discriminator.layers.0.channels=3",
    "discriminator.layers.0.kernel=4",
    "discriminator.layers.0.pad=2",
    "discriminator.layers.2.channels=4",
    "discriminator.layers.2.kernel=3",
    "discriminator.layers.2.pad=1",
    "discriminator.layers.4.channels=5",
    "discriminator.layers.4.kernel=3",
    "discriminator.layers.4.pad=2",
    "discriminator.layers.6.units=6",
    "generator.layers.0.init.uniform=0.25",
    "generator.layers.1.init.uniform=0.25",
    "generator.layers.2.init.uniform=0.25",
    "discriminator.layers.0.init.uniform=0.25",
    "discriminator.layers.2.init.uniform=0.25",
    "discriminator.layers.4.init.uniform=0.25",
    "discriminator.layers.6.init.uniform=0.25",
    "discriminator.layers.7.init.uniform=0.25",
];

/// Asserts that numbers are those of a script's line.
pub fn compare(script: &str, metric: &str, found: &[f64]) {
    let mut lines = script.lines().filter_map(|l| l.strip_prefix("#= "));
    let line = lines.find_map(|l| l.strip_prefix(metric)?.strip_prefix(' '));
    let words = line.unwrap_or_else(|| panic!("no line of {metric}")).split_whitespace();
    let expected: Vec<f64> = words.map(|w| w.parse().expect("a number")).collect();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(&expected) {
        let error = (f - e).abs() / e.abs().max(1e-12);
        println!("{metric}: {f} {e} {error:.1e} of {TOLERANCE:.0e}");
        assert!(error <= TOLERANCE, "{metric}: {f}, the script {e}");
    }
}

/// Numbers of the script's lines that begin with `#= KEY`.
pub fn lines(script: &str, key: &str) -> Vec<Vec<f64>> {
    let numbers = |line: &str| -> Option<Vec<f64>> {
        let mut words = line.strip_prefix("#= ")?.split_whitespace();
        (words.next() == Some(key)).then(|| words.map(|w| w.parse().expect("a number")).collect())
    };
    script.lines().filter_map(numbers).collect()
}

/// Names after a case, `G.norm.weight`, in the script's order.
pub fn names(script: &str, case: &str) -> Vec<String> {
    let name =
        |line: &str| Some(line.strip_prefix(&format!("#= {case}/"))?.split_whitespace().next()?.to_string());
    script.lines().filter_map(name).collect()
}

/// Greatest difference, relative to numbers above 1.
pub fn worst(found: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    found.iter().zip(wanted).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max)
}

/// Ten steps of training beside a case of a script: what is told of each, and afterwards every tensor of the networks, by the
/// letters that the script has for their files. A tensor of which the script has no numbers may have any.
pub fn compare_steps(
    [script, case]: [&str; 2],
    trainer: &mut Trainer,
    told: &[&str],
    files: &[(&str, &str)],
) {
    let losses = lines(script, case);
    assert_eq!(losses.len(), 10, "ten lines of {case}");
    let mut off = 0.0f64;
    for (i, expected) in losses.iter().enumerate() {
        trainer.step().expect("finite");
        let line = trainer.line(0.0).expect("finite");
        let found: Vec<f64> = told.iter().map(|name| line.get(name).unwrap_or(0.0)).collect();
        let error = worst(&found, &expected[1..]);
        assert!(error <= LOSSES, "{case}, step {}: {told:?} {found:?}, PyTorch {expected:?}", i + 1);
        off = off.max(error);
    }
    let found = tensors(trainer, files);
    let wanted = names(script, case);
    assert_eq!(found.len(), wanted.len(), "{wanted:?}");
    let mut far = 0.0f64;
    for name in wanted {
        let (_, numbers) = found.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}"));
        let wanted = &lines(script, &format!("{case}/{name}"))[0];
        if wanted.is_empty() {
            continue;
        }
        let error = worst(&numbers[..numbers.len().min(PRINTED)], wanted);
        assert!(error <= TENSORS, "{case}: {name} is off by {error:.1e}: {numbers:?}, PyTorch {wanted:?}");
        far = far.max(error);
    }
    println!("{case}: losses {off:.1e} of {LOSSES:.0e}, tensors {far:.1e} of {TENSORS:.0e}");
}

/// Every tensor of some networks as files have it, by the letters of the files and its name.
fn tensors(trainer: &mut Trainer, files: &[(&str, &str)]) -> Vec<(String, Vec<f64>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = checkpoint::save(folder.path(), &trainer.snapshot().expect("finite")).expect("saved");
    let mut all = vec![];
    for (letter, file) in files {
        let bytes = std::fs::read(saved.join(format!("{file}.safetensors"))).expect("there");
        for (name, tensor) in SafeTensors::deserialize(&bytes).expect("safetensors").tensors() {
            let numbers = match tensor.dtype() {
                Dtype::I64 => {
                    tensor.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect()
                }
                _ => tensor.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
            };
            all.push((format!("{letter}.{name}"), numbers));
        }
    }
    all
}

/// Fifty examples of the ten steps' scripts: bytes of a random stream, as they lie in memory.
pub fn examples(shape: Shape) -> Arc<Dataset> {
    Arc::new(drawn("golden data", 50, shape))
}

/// So many examples of a stream.
pub fn drawn(name: &str, count: usize, shape: Shape) -> Dataset {
    let draw = Draw::new(SEED, stream(name), 0);
    let bytes = (0..(count * shape.len()) as u64).map(|i| draw.word(i) as u8).collect();
    Dataset::of("golden", shape, 0, Examples { count, values: Values::U8(bytes), labels: None })
}

/// Uniform numbers of the scripts' stream of that name.
pub fn uniform(name: &str, count: usize) -> Vec<f64> {
    let draw = Draw::new(SEED, stream(name), 0);
    (0..count as u64).map(|i| f64::from(draw.uniform(i))).collect()
}

/// The scripts' points around three corners.
pub fn cloud(name: &str, count: usize) -> Vec<f32> {
    let corner = Draw::new(SEED, stream(&format!("{name}/corner")), 0);
    let noise = Draw::new(SEED, stream(name), 0);
    let number = |i: u64| {
        let corner = (f64::from(corner.uniform(i / DIM as u64)) * 3.0).floor();
        (0.25 * (corner + 1.0) + 0.3 * f64::from(noise.normal(i))) as f32
    };
    (0..(count * DIM) as u64).map(number).collect()
}
