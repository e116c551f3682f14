//! Convolutional GANs: ten steps against PyTorch. `golden/dcgan.py` and `golden/conv_2014.py` made the numbers; they stand
//! at their ends.

use crate::common::golden::{SMALL_2014, compare_steps, examples};
use gansaku::config::ConfigBuilder;
use gansaku::exec::{Device, open};
use gansaku::train::Trainer;

const SCRIPT: &str = include_str!("../golden/dcgan.py");
const SCRIPT_2014: &str = include_str!("../golden/conv_2014.py");

/// A case of a script beside a recipe with settings.
fn compare([script, case, recipe]: [&str; 3], shape: [usize; 3], sets: &[&str]) {
    let mut config = ConfigBuilder::recipe(recipe).expect("a recipe");
    let small = ["seed=3", "train.batch=8", "train.noise='fresh'", "latent.dim=10", "data.scale='unit'"];
    small.iter().chain(sets).for_each(|set| config.set(set).expect("a known key"));
    let config = config.finish().expect("in range");
    let executor = open(Device::Cpu, 2).expect("threads");
    let mut trainer = Trainer::new(&config, &examples(shape.into()), executor).expect("data that fit");
    let files = [("G", "generator"), ("D", "discriminator")];
    compare_steps([script, case], &mut trainer, &["d_loss", "g_loss", "penalty"], &files);
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
