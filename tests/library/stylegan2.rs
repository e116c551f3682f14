//! StyleGAN2: ten steps against PyTorch (`golden/stylegan2.py` made the numbers, which stand at its end), parameters of the presets,
//! what is refused.

use crate::common::Model;
use crate::common::golden::{compare_steps, examples};
use crate::picture_games::{resumed, tensor};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::{Dataset, Shape};
use gansaku::error::Error;
use gansaku::exec::{Device, open};
use gansaku::models;
use gansaku::train::Trainer;
use std::sync::Arc;

const SCRIPT: &str = include_str!("../golden/stylegan2.py");
const SHAPE: Shape = Shape { channels: 3, height: 8, width: 8 };

/// A recipe with changes.
fn changed(recipe: &str, sets: &[&str]) -> Result<Config, Error> {
    let mut config = ConfigBuilder::recipe(recipe)?;
    sets.iter().try_for_each(|set| config.set(set))?;
    config.finish()
}

/// The script's networks with changes.
fn small(sets: &[&str]) -> Config {
    let common = [
        "seed=3",
        "train.batch=4",
        "data.scale='unit'",
        "latent.dim=6",
        "generator={architecture='stylegan2', channels={base=16, most=4}, mapping={layers=2, lr_factor=0.1}}",
        "discriminator={architecture='stylegan2', channels={base=16, most=4}, mapping={layers=2, lr_factor=0.1}, \
         deviation=2}",
        "loss={objective='non-saturating'}",
        "optimizer.generator={lr=2e-3, rule={adam={beta1=0.0, beta2=0.9}}}",
        "optimizer.discriminator={lr=2e-3, rule={adam={beta1=0.0, beta2=0.9}}}",
    ];
    changed("stylegan2-digits", &[&common, sets].concat()).expect("in range")
}

/// A case of the script beside its networks with changes.
fn compare(case: &str, data: &Arc<Dataset>, sets: &[&str]) {
    let executor = open(Device::Cpu, 2).expect("threads");
    let mut trainer = Trainer::new(&small(sets), data, executor).expect("data that fit");
    let told = ["d_loss", "g_loss", "penalty", "path_penalty"];
    compare_steps([SCRIPT, case], &mut trainer, &told, &[("G", "generator"), ("D", "discriminator")]);
}

const LAZY: &[&str] = &[
    "loss={objective='non-saturating', r1=4.0, penalty_every=4, path_length=2.0, path_length_every=2, style_mixing=0.7}",
];

#[test]
fn ten_steps_are_pytorchs() {
    compare("plain", &examples(SHAPE), &[]);
}

#[test]
fn lazy_updates_are_pytorchs() {
    compare("lazy", &examples(SHAPE), LAZY);
}

#[test]
fn classes_are_pytorchs() {
    let mut data = (*examples(SHAPE)).clone();
    data.train.labels = Some((0..data.train.count).map(|i| (i % 3) as u8).collect());
    data.classes = 3;
    compare("classes", &Arc::new(data), &["conditional=true"]);
}

/// What is differentiated by must not be simplified away: pictures that are mirrored, styles that are not mixed.
#[test]
fn penalties_are_of_pictures_that_are_mirrored_and_of_styles_that_are_not_mixed() {
    let told = |keys: &str| {
        let loss =
            format!("loss={{objective='non-saturating', path_length=2.0, path_length_every=1, {keys}}}");
        let executor = open(Device::Cpu, 1).expect("a thread");
        let config = small(&["data.flip=true", &loss]);
        let mut trainer = Trainer::new(&config, &examples(SHAPE), executor).expect("data that fit");
        trainer.step().expect("finite");
        let line = trainer.line(0.0).expect("finite");
        ["penalty", "path_length", "path_penalty"].map(|name| line.get(name).unwrap_or(0.0))
    };
    let [r1, r2, both] = ["r1=4.0", "r2=4.0", "r1=4.0, r2=4.0"].map(told);
    assert!(r1.iter().chain(&r2).all(|&found| found > 0.0), "{r1:?}, {r2:?}");
    assert!((both[0] / (r1[0] + r2[0]) - 1.0).abs() < 1e-4, "{both:?} of {r1:?} and {r2:?}");
    assert_ne!(told("relativistic=true")[1], r1[1], "pairs move G elsewhere");
}

/// A minibatch in parts is the minibatch, where nothing is seen of it as a whole.
#[test]
fn accumulated_gradients_are_the_minibatchs() {
    let told = |parts: &str| {
        let loss = "loss={objective='non-saturating', r1=4.0, path_length=2.0, path_length_every=1}";
        let config = small(&[loss, "discriminator.deviation=0", &format!("train.accumulate={parts}")]);
        let executor = open(Device::Cpu, 1).expect("a thread");
        let mut trainer = Trainer::new(&config, &examples(SHAPE), executor).expect("data that fit");
        trainer.step().expect("finite");
        let line = trainer.line(0.0).expect("finite");
        // Each part has noise of its own beside its styles, which an update of G lets in.
        ["g_loss", "d_loss", "d_real", "penalty", "path_length", "d_gradient_norm"]
            .map(|name| line.get(name).expect("told"))
    };
    let whole = told("1");
    for (half, whole) in told("2").into_iter().zip(whole) {
        assert!((half / whole - 1.0).abs() < 2e-3, "in two parts {half}, as a whole {whole}");
    }
    let arena = |parts: &str| {
        let parts = format!("train.accumulate={parts}");
        let config = changed("stylegan2-digits", &["train.batch=16", &parts]).expect("in range");
        let plans = models::plans(&*models::usual(&config));
        plans.iter().map(|plan| plan.arena).max().expect("phases")
    };
    let [whole, half, quarter] = ["1", "2", "4"].map(arena);
    assert!(2 * half < whole + whole / 4 && 4 * quarter < whole + whole / 2, "{whole}, {half}, {quarter}");
}

/// Parameters of both networks of the recipe "stylegan2" on colour pictures of a side.
fn parameters(side: usize, sets: &[&str]) -> [usize; 2] {
    let config = changed("stylegan2", sets).expect("in range");
    let model = Model::new(&config, Shape { channels: 3, height: side, width: side }, 0);
    let networks = model.game.networks().all();
    [networks[0].parameter_count(), networks[1].parameter_count()]
}

#[test]
fn parameters_are_those_of_nvidias_presets() {
    let millions = |counts: [usize; 2]| counts.map(|n| (n as f64 / 1e4).round() / 100.0);
    // Half the widths, as "auto" has them below 512 pixels.
    assert_eq!(millions(parameters(32, &[])), [19.95, 21.51]);
    assert_eq!(millions(parameters(64, &[])), [22.24, 23.41]);
    let narrow = |base: usize, side: usize| {
        let widths =
            ["generator", "discriminator"].map(|n| format!("{n}.channels={{base={base}, most=128}}"));
        parameters(side, &["latent.dim=128", "generator.mapping.layers=4", &widths[0], &widths[1]])
    };
    assert_eq!(millions(narrow(2048, 32)), [1.08, 1.15]);
    assert_eq!(millions(narrow(4096, 64)), [1.43, 1.47]);
}

#[test]
fn gamma_follows_the_rule_unless_it_is_given() {
    let gamma = |side: usize, sets: &[&str]| {
        let config = changed("stylegan2", sets).expect("in range");
        models::stylegan2::gamma(&config, Shape { channels: 3, height: side, width: side })
    };
    assert!((gamma(32, &[]) - 0.0064).abs() < 1e-8);
    assert!((gamma(64, &[]) - 0.0256).abs() < 1e-8);
    assert_eq!(gamma(64, &["loss.r1=0.5"]), 0.5);
    assert_eq!(gamma(64, &["loss.r1_auto=false"]), 0.0);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let sides = |height, width| {
        let config = changed("stylegan2-digits", &[]).expect("in range");
        models::check(&config, Shape { channels: 1, height, width }).map_err(|e| e.to_string())
    };
    assert_eq!(sides(64, 64), Ok(()));
    for (height, width, near) in
        [(28, 28, "16 or 32"), (48, 48, "32 or 64"), (64, 32, "32 or 64"), (4, 4, "8 pixels")]
    {
        let told = sides(height, width).expect_err("no power of two");
        assert!(told.contains(&format!("{width}×{height}")) && told.contains(near), "{told}");
    }
    let refused = |sets: &[&str], word: &str| {
        let told = changed("stylegan2", sets).expect_err("refused").to_string();
        assert!(told.contains(word), "{told}");
    };
    refused(&["loss.gradient_penalty=10"], "by R1 and R2");
    refused(&["discriminator.deviation=5"], "divisor of the minibatch, 32");
    refused(&["generator.deviation=4"], "only D has it");
    refused(&["generator={architecture='dcgan'}"], "the model is one of styles");
    let other = changed("dcgan", &["loss.path_length=2"]).expect_err("refused").to_string();
    assert!(other.contains("only \"stylegan2\" has it"), "{other}");
}

/// Everything that moves beside weights: averages, w's average, the mean of path lengths, D's deviation.
#[test]
fn it_resumes_to_the_byte_across_lazy_updates() {
    let data = examples(SHAPE);
    let config = small(&[LAZY, &["ema.decay=0.9"]].concat());
    for before in [1, 2, 5] {
        let files = resumed(&config, &data, before, 7);
        for (file, state) in [
            ("generator", "mapping.w_avg"),
            ("generator_ema", "mapping.w_avg"),
            ("generator", "path_length.mean"),
            ("discriminator", "b4.deviation"),
        ] {
            let bytes = tensor(&files, &format!("{file}.safetensors"), state);
            let numbers = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
            assert!(numbers.clone().all(|x| x.is_finite() && x != 0.0 && x != 1.0), "{state} moves");
        }
    }
}
