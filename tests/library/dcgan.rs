//! Convolutional GANs: ten steps against PyTorch. `golden/dcgan.py` and `golden/conv_2014.py` made the numbers; they stand
//! at their ends.

use crate::common::golden::{SMALL_2014, examples, lines, names, worst};
use gansaku::config::ConfigBuilder;
use gansaku::exec::{Device, open};
use gansaku::run::checkpoint;
use gansaku::train::Trainer;
use safetensors::{Dtype, SafeTensors};

const SCRIPT: &str = include_str!("../golden/dcgan.py");
const SCRIPT_2014: &str = include_str!("../golden/conv_2014.py");
const LOSSES: f64 = 1e-5;
const TENSORS: f64 = 3e-4;
/// Numbers that the script prints of a tensor, at most.
const PRINTED: usize = 24;

/// Every tensor of both networks as files have it, by the script's names.
fn tensors(trainer: &mut Trainer) -> Vec<(String, Vec<f64>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = checkpoint::save(folder.path(), &trainer.snapshot().expect("finite")).expect("saved");
    let mut all = vec![];
    for (letter, file) in [("G", "generator"), ("D", "discriminator")] {
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

/// A case of a script beside a recipe with settings.
fn compare([script, case, recipe]: [&str; 3], shape: [usize; 3], sets: &[&str]) {
    let mut config = ConfigBuilder::recipe(recipe).expect("a recipe");
    let small = ["seed=3", "train.batch=8", "train.noise='fresh'", "latent.dim=10", "data.scale='unit'"];
    small.iter().chain(sets).for_each(|set| config.set(set).expect("a known key"));
    let config = config.finish().expect("in range");
    let executor = open(Device::Cpu, 2).expect("threads");
    let mut trainer = Trainer::new(&config, &examples(shape.into()), executor).expect("data that fit");
    let losses = lines(script, case);
    assert_eq!(losses.len(), 10, "ten lines of {case}");
    let mut off = 0.0f64;
    for (i, expected) in losses.iter().enumerate() {
        trainer.step().expect("finite");
        let line = trainer.line(0.0).expect("finite");
        let found = ["d_loss", "g_loss", "penalty"].map(|name| line.get(name).unwrap_or(0.0));
        let error = worst(&found, &expected[1..]);
        assert!(error <= LOSSES, "{case}, step {}: {found:?}, PyTorch {expected:?}", i + 1);
        off = off.max(error);
    }
    let found = tensors(&mut trainer);
    let wanted = names(script, case);
    assert_eq!(found.len(), wanted.len(), "{wanted:?}");
    let mut far = 0.0f64;
    for name in wanted {
        let (_, numbers) = found.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}"));
        let wanted = &lines(script, &format!("{case}/{name}"))[0];
        let error = worst(&numbers[..numbers.len().min(PRINTED)], wanted);
        assert!(error <= TENSORS, "{case}: {name} is off by {error:.1e}: {numbers:?}, PyTorch {wanted:?}");
        far = far.max(error);
    }
    println!("{case}: losses {off:.1e} of {LOSSES:.0e}, tensors {far:.1e} of {TENSORS:.0e}");
}

/// Adam of both players with these two factors.
fn adam(betas: &str) -> [String; 2] {
    ["generator", "discriminator"]
        .map(|player| format!("optimizer.{player}={{lr=2e-3, rule={{adam={{{betas}}}}}}}"))
}

#[test]
fn dcgan_is_pytorchs() {
    let [g, d] = adam("beta1=0.5, beta2=0.999");
    let sets = [
        "generator={architecture='dcgan', width=4, norm='batch', init={fan-in=1.4142135}}",
        "discriminator={architecture='dcgan', width=4, norm='batch', init={fan-in=1.4142135}}",
        &g,
        &d,
    ];
    compare([SCRIPT, "dcgan", "dcgan"], [3, 16, 16], &sets);
}

#[test]
fn wgan_gp_by_convolutions_is_pytorchs() {
    let [g, d] = adam("beta1=0.5, beta2=0.9");
    let sets = [
        "generator={architecture='dcgan', width=4, kernel=5, stages=2}",
        "discriminator={architecture='dcgan', width=4, kernel=5, stages=2}",
        "loss={objective='wasserstein', gradient_penalty=10}",
        "train.discriminator_updates=2",
        &g,
        &d,
    ];
    compare([SCRIPT, "wgan-gp", "dcgan"], [1, 14, 14], &sets);
}

#[test]
fn hinge_under_spectral_norm_is_pytorchs() {
    let [g, d] = adam("beta1=0.0, beta2=0.9");
    let sets = [
        "generator={architecture='dcgan', width=4, stages=2, norm='batch', upsample='nearest', init={fan-in=1.4142135}}",
        "discriminator={architecture='dcgan', width=4, stages=2, spectral_norm=true, bias=false}",
        "loss={objective='hinge'}",
        &g,
        &d,
    ];
    compare([SCRIPT, "sn-hinge", "dcgan"], [3, 8, 12], &sets);
}

#[test]
fn a_list_of_2014_with_convolutions_is_pytorchs() {
    let rates = ["optimizer.generator.lr=0.5", "optimizer.discriminator.lr=0.5"];
    compare([SCRIPT_2014, "conv-2014", "cifar10-conv-2014"], [3, 8, 11], &[SMALL_2014, &rates].concat());
}
