//! Games over pictures: ten steps of each against PyTorch. `golden/translating.py` made the numbers; they stand at its end.

use crate::common::golden::{compare_steps, drawn};
use gansaku::config::ConfigBuilder;
use gansaku::data::{Dataset, Origin, Paired, Shape};
use gansaku::exec::{Device, open};
use gansaku::train::Trainer;
use std::sync::Arc;

const SCRIPT: &str = include_str!("../golden/translating.py");
const RULE: &str = "rule={adam={beta1=0.5, beta2=0.999}}";
const PAIRS: &[&str] = &["d_loss", "g_loss", "penalty", "distance"];

/// A case of the script beside a recipe with settings.
fn compare(case: &str, recipe: &str, data: Dataset, told: &[&str], files: &[(&str, &str)], sets: &[&str]) {
    let mut config = ConfigBuilder::recipe(recipe).expect("a recipe");
    let small = ["seed=3", "generator.width=2", "discriminator.width=2"];
    small.iter().chain(sets).for_each(|set| config.set(set).expect("a known key"));
    let config = config.finish().expect("in range");
    let executor = open(Device::Cpu, 2).expect("threads");
    let mut trainer = Trainer::new(&config, &Arc::new(data), executor).expect("data that fit");
    compare_steps([SCRIPT, case], &mut trainer, told, files);
}

/// A player's Adam, its rate held for some steps and falling over others.
fn adam(player: &str, lr: f32, [hold, decay]: [u64; 2]) -> String {
    let line = format!("hold_steps={hold}, decay_steps={decay}, final_share=0.1");
    format!("optimizer.{player}={{lr={lr}, {line}, {RULE}}}")
}

/// On [−1, 1].
fn signed(data: Dataset) -> Dataset {
    Dataset { factor: 2.0 / 255.0, offset: -1.0, ..data }
}

fn domains(shape: Shape, a: usize, paired: bool) -> Dataset {
    let paired = Paired { train: paired, ..Paired::default() };
    let origin = Origin { data: signed(drawn("golden data A", a, shape)), paired, unpaired: None };
    Dataset { origin: Some(Box::new(origin)), ..signed(drawn("golden data", 50, shape)) }
}

fn of_pairs(case: &str, recipe: &str, data: Dataset, sets: &[&str]) {
    compare(case, recipe, data, PAIRS, &[("G", "generator"), ("D", "discriminator")], sets);
}

#[test]
fn cyclegan_is_pytorchs() {
    let [g, d] = [adam("generator", 1e-3, [4, 8]), adam("discriminator", 1e-3, [2, 9])];
    let sets = [
        "train.batch=2",
        "generator.width=4",
        "discriminator.width=4",
        "train.pool=3",
        "data.load_size=0",
        "generator.blocks=1",
        "generator.init={normal=0.1}",
        "discriminator.depth=1",
        "discriminator.init={normal=0.1}",
        &g,
        &d,
    ];
    let files = [
        ("G.a2b", "generator.a2b"),
        ("G.b2a", "generator.b2a"),
        ("D.a", "discriminator.a"),
        ("D.b", "discriminator.b"),
    ];
    let data = domains([3, 12, 16].into(), 41, false);
    compare("cyclegan", "cyclegan", data, &["d_loss", "g_loss", "cycle", "identity"], &files, &sets);
}

#[test]
fn pix2pix_is_pytorchs() {
    let [g, d] = [adam("generator", 2e-3, [3, 5]), adam("discriminator", 2e-3, [3, 5])];
    let sets = [
        "data.load_size=70",
        "generator.depth=6",
        "generator.init={normal=0.1}",
        "discriminator.depth=2",
        "discriminator.init={normal=0.1}",
        &g,
        &d,
    ];
    of_pairs("pix2pix", "pix2pix", domains([3, 64, 64].into(), 50, true), &sets);
}

/// Pixels alone for five steps, then D beside them.
#[test]
fn super_resolution_in_two_stages_is_pytorchs() {
    let [g, d] = [adam("generator", 2e-3, [3, 5]), adam("discriminator", 2e-3, [0, 0])];
    let sets = [
        "train.batch=2",
        "train.pretrain=5",
        "generator.blocks=1",
        "loss.adversarial=0.2",
        "loss.r1=0.5",
        &g,
        &d,
    ];
    of_pairs("superres", "superres", drawn("golden data", 50, [3, 20, 16].into()), &sets);
}

#[test]
fn super_resolution_by_squares_is_pytorchs() {
    let [g, d] = [adam("generator", 2e-3, [3, 5]), adam("discriminator", 2e-3, [0, 0])];
    let sets = [
        "data.factor=2",
        "data.flip=false",
        "train.batch=2",
        "train.pretrain=0",
        "generator.blocks=2",
        "generator.output='tanh'",
        "loss.adversarial=0.2",
        "loss.distance='l2'",
        "loss.r1=0.5",
        &g,
        &d,
    ];
    of_pairs("srgan", "superres", drawn("golden data", 50, [3, 16, 18].into()), &sets);
}

#[test]
fn colourisation_is_pytorchs() {
    let [g, d] = [adam("generator", 2e-3, [3, 5]), adam("discriminator", 2e-3, [3, 5])];
    let sets = [
        "train.batch=2",
        "generator.init={normal=0.2}",
        "discriminator.depth=1",
        "discriminator.init={normal=0.2}",
        &g,
        &d,
    ];
    of_pairs("colourise", "colourise", drawn("golden data", 50, [3, 16, 16].into()), &sets);
}
