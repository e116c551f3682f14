//! Ten steps of D and G against PyTorch. `golden/ten_steps.py` made the numbers; they stand at its end.

use crate::common::golden::examples;
use gansaku::config::{Config, ConfigBuilder};
use gansaku::exec::{Device, open};
use gansaku::train::Trainer;

const SCRIPT: &str = include_str!("../golden/ten_steps.py");
const TOLERANCE: f64 = 1e-5;

/// (D loss, G loss, penalty) of each step.
fn expected(case: &str) -> Vec<[f64; 3]> {
    let numbers = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[0] == "#=" && words[1] == case)
            .then(|| [2, 3, 4].map(|i: usize| words[i + 1].parse().expect("a number")))
    };
    SCRIPT.lines().filter(|l| l.starts_with("#= ")).filter_map(numbers).collect()
}

/// A recipe made small as the script does.
fn config(recipe: &str, sets: &[&str]) -> Config {
    let mut layers = ConfigBuilder::recipe(recipe).expect("a recipe");
    for set in ["seed=3", "train.batch=20"].iter().chain(sets) {
        layers.set(set).expect("a known key");
    }
    layers.finish().expect("in range")
}

const NARROW: [&str; 11] = [
    "latent.dim=10",
    "generator.layers.0.units=64",
    "generator.layers.1.units=64",
    "generator.layers.0.init.uniform=0.25",
    "generator.layers.1.init.uniform=0.25",
    "generator.layers.2.init.uniform=0.25",
    "discriminator.layers.0.units=24",
    "discriminator.layers.1.units=24",
    "discriminator.layers.0.init.uniform=0.25",
    "discriminator.layers.1.init.uniform=0.25",
    "discriminator.layers.2.init.uniform=0.25",
];

const POINTS: [&str; 9] = [
    "generator.layers.0={units=40, activation='relu', init={fan-in=1.4}}",
    "generator.layers.1={units=40, activation='relu', init={fan-in=1.4}}",
    "generator.layers.2={init={fan-in=1.0}}",
    "discriminator.layers.0={units=30, activation='leaky-relu', init={fan-in=1.4}}",
    "discriminator.layers.1={units=30, activation='leaky-relu', init={fan-in=1.4}}",
    "discriminator.layers.2={units=30, activation='leaky-relu', init={fan-in=1.4}}",
    "discriminator.layers.3={init={fan-in=1.0}}",
    "optimizer.generator={lr=1e-3, rule={adam={beta1=0.0, beta2=0.99}}}",
    "optimizer.discriminator={lr=1e-3, rule={adam={beta1=0.0, beta2=0.99}}}",
];

fn compare(case: &str, config: &Config, numbers: usize) {
    let mut trainer = Trainer::new(config, &examples(numbers.into()), open(Device::Cpu, 2).expect("threads"))
        .expect("data that fit");
    let expected = expected(case);
    assert_eq!(expected.len(), 10, "ten lines of {case}");
    let mut worst = 0.0f64;
    for (step, expected) in expected.iter().enumerate() {
        trainer.step().expect("finite");
        let line = trainer.line(0.0).expect("finite");
        let number = |name| line.get(name);
        let found =
            [number("d_loss").expect("D"), number("g_loss").expect("G"), number("penalty").unwrap_or(0.0)];
        for ((name, found), expected) in ["D", "G", "penalty"].iter().zip(found).zip(expected) {
            let error = (found - expected).abs();
            assert!(error <= TOLERANCE, "{case}, step {}: {name} {found}, PyTorch {expected}", step + 1);
            worst = worst.max(error);
        }
    }
    println!("{case}: {worst:.1e} of {TOLERANCE:.0e}");
}

#[test]
fn mnist() {
    compare("mnist", &config("mnist", &NARROW), 36);
}

#[test]
fn mnist_2014() {
    compare("mnist-2014", &config("mnist-2014", &NARROW), 36);
}

#[test]
fn ring_rpgan() {
    compare("ring-rpgan", &config("ring-rpgan", &POINTS), 2);
}

/// Bursts of D updates, and two of G, on fresh noise and on the same.
#[test]
fn turns_of_a_step() {
    for noise in ["fresh", "same"] {
        let noise_set = format!("train.noise={noise}");
        let turns = [
            "train.discriminator_updates={usual=1, burst=3, every=4}",
            "train.generator_updates=2",
            &noise_set,
        ];
        compare(&format!("{noise}-noise"), &config("mnist", &[&NARROW[..], &turns].concat()), 36);
    }
}
