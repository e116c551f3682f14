//! Residual networks and labels in networks: parameters as published code has them, ten steps against PyTorch
//! (`golden/residual.py` made the numbers, which stand at its end), conditional layers against sums written out, what is refused.

use crate::common::nodes::{Subject, compare};
use crate::common::{CLASSES, Model, data, executor, rates};
use crate::losses::{shrunk, smallest};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::{Dataset, Examples, Shape, Values as Numbers};
use gansaku::error::Error;
use gansaku::exec::{Device, PhaseRun, open};
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Graph, NetworkId, Var};
use gansaku::nn::{self, Networks, Pass, Scope, Statistics, Tracer, resample};
use gansaku::rng::{Draw, Moment, stream};
use gansaku::train::Trainer;
use std::sync::Arc;

const SCRIPT: &str = include_str!("../golden/residual.py");
const TOLERANCE: f64 = 1e-5;

/// A recipe with changes.
fn changed(recipe: &str, sets: &[&str]) -> Result<Config, Error> {
    let mut config = ConfigBuilder::recipe(recipe)?;
    sets.iter().try_for_each(|set| config.set(set))?;
    config.finish()
}

/// Both networks of "resnet" on pictures of a side: outline and parameters of each.
fn networks(channels: usize, side: usize, sets: &[&str]) -> [(String, usize); 2] {
    let residual = ["generator.architecture=resnet", "discriminator.architecture=resnet", "latent.dim=128"];
    let config = changed("dcgan", &[&residual[..], sets].concat()).expect("in range");
    let model = Model::new(&config, Shape { channels, height: side, width: side }, CLASSES);
    let of = |i: usize| {
        let network = &model.game.networks().all()[i];
        (network.outline.clone(), network.parameter_count())
    };
    [of(0), of(1)]
}

#[test]
fn parameters_are_those_of_published_code() {
    // gan_cifar_resnet.py of WGAN-GP: 128 channels everywhere, two plain blocks at the end of D.
    let [g, d] = networks(
        3,
        32,
        &[
            "generator.width=128",
            "generator.norm=batch",
            "discriminator.width=128",
            "discriminator.stages=2",
            "discriminator.blocks=2",
        ],
    );
    assert_eq!(g, ("128 → 128×4×4 → 128×8×8 → 128×16×16 → 128×32×32 → 3×32×32".into(), 1_204_483));
    assert_eq!(d, ("3×32×32 → 128×16×16 → 128×8×8 → 1".into(), 1_053_825));
    // gan_64x64.py's good G: 512, 256, 128, 64; its code has no bias in a block's first convolution, which norm takes out.
    let [g, _] = networks(3, 64, &["generator.width=64", "generator.growth=2", "generator.norm=batch"]);
    let up = |from: usize, to: usize| 2 * from + 2 * to + 9 * to * (from + to) + 2 * to + to * (from + 1);
    let blocks = up(512, 512) + up(512, 256) + up(256, 128) + up(128, 64);
    assert_eq!(g.1, 129 * 512 * 16 + blocks + 2 * 64 + (9 * 64 + 1) * 3);
    assert_eq!(g.0, "128 → 512×4×4 → 512×8×8 → 256×16×16 → 128×32×32 → 64×64×64 → 3×64×64");
}

#[test]
fn any_side_that_halves_to_a_base_of_four_to_seven_is_built() {
    for (side, base) in [(28, 7), (32, 4), (48, 6), (64, 4)] {
        let [(g, _), (d, _)] = networks(1, side, &["generator.width=2", "discriminator.width=2"]);
        assert!(g.starts_with(&format!("128 → 2×{base}×{base} → ")), "{g}");
        assert!(d.ends_with(&format!("2×{base}×{base} → 1")), "{d}");
    }
}

#[test]
fn parameters_of_recipes_are_those_of_published_code() {
    let counts = |recipe: &str, channels: usize, side: usize| {
        let config = changed(recipe, &[]).expect("a recipe");
        let shape = Shape { channels, height: side, width: side };
        let model = Model::new(&config, shape, 10);
        let networks = model.game.networks().all();
        (networks[0].parameter_count(), networks[1].parameter_count())
    };
    // gan_mnist.py has a bias for each of the 4,096 units of G's base, here one for each of its 256 channels.
    assert_eq!(counts("wgan-gp-mnist", 1, 28), (1_554_177 - (4096 - 256), 1_030_145));
    // snresnet_32.py's D with its embedding, and its G, whose norms have ten classes.
    let up = 9 * 256 * 512 + 2 * 256 + 257 * 256 + 2 * 2 * 10 * 256;
    let g = 129 * 256 * 16 + 3 * up + 2 * 10 * 256 + (9 * 256 + 1) * 3;
    assert_eq!(counts("sngan", 3, 32), (g, 1_053_825 + 10 * 128));
}

/// What a layer makes of numbers, with parameters that `named` gives.
fn computed(
    inputs: &[(&str, Tensor)],
    named: &dyn Fn(&str) -> Option<Vec<f64>>,
    layer: &dyn Fn(&Scope, &[Var]) -> Var,
) -> Vec<f64> {
    let read = |g: &Graph| inputs.iter().map(|(name, x)| g.host_input(name, &x.shape)).collect::<Vec<_>>();
    let mut networks = Networks::default();
    networks.declare(gansaku::config::Role::Generator, None, |s| {
        layer(s, &read(s.g));
        String::new()
    });
    let network = &networks.all()[0];
    let g = Graph::new();
    let pass = Pass { version: 0, draw: "t", dropout: false, statistics: Statistics::Minibatches(&[0]) };
    let tracer = Tracer::new(&g, network);
    let vars = read(&g);
    let made = layer(&tracer.pass(&pass), &vars);
    let mut values: Values = vars.into_iter().zip(inputs.iter().map(|(_, x)| x.clone())).collect();
    for p in &network.parameters {
        let numbers = named(&p.name).unwrap_or_else(|| panic!("no numbers for {}", p.name));
        let var = g.param(NetworkId(0), &p.name, 0, &p.shape);
        values.insert(var, Tensor::new(&p.shape, numbers));
    }
    interp::run(&g, &[made], Moment { seed: 0, tick: 0 }, &mut values);
    values[&made].data.clone()
}

fn close(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (a, b) in found.iter().zip(wanted) {
        assert!((a - b).abs() < 1e-9, "{found:?} for {wanted:?}");
    }
}

#[test]
fn norms_by_class_take_each_rows_factors_and_the_statistics_of_all() {
    // Two rows of one pixel and two channels, of classes 1 and 0.
    let x = Tensor::new(&[2, 1, 1, 2], vec![1.0, 4.0, 3.0, 0.0]);
    let labels = Tensor::new(&[2, 2], vec![0.0, 1.0, 1.0, 0.0]);
    let named = |name: &str| match name {
        "weight" => Some(vec![1.0, 2.0, 3.0, 4.0]),
        "bias" => Some(vec![10.0, 20.0, 30.0, 40.0]),
        _ => None,
    };
    let found = computed(&[("x", x), ("labels", labels)], &named, &|s, vars| {
        nn::conditional_batch_norm(s, vars[0], vars[1])
    });
    // Means 2 and 2, variances 1 and 4.
    let unit = [1.0 / (1.0f64 + 1e-5).sqrt(), 2.0 / (4.0f64 + 1e-5).sqrt()];
    let wanted = [30.0 - 3.0 * unit[0], 40.0 + 4.0 * unit[1], 10.0 + unit[0], 20.0 - 2.0 * unit[1]];
    close(&found, &wanted);
}

#[test]
fn filters_up_and_down_are_those_of_their_weights() {
    let rows = |g: &Scope, x: Var, up: bool| {
        if up { resample::upsample_fir(g.g, x) } else { resample::downsample_fir(g.g, x) }
    };
    // Both filters are an axis' filter of an axis' filter: one row and one column at a time say all.
    let line = [1.0, 2.0, -1.0, 4.0];
    let along = |axis: &[f64], up: bool| -> Vec<f64> {
        let at = |i: isize| usize::try_from(i).ok().and_then(|i| axis.get(i)).copied().unwrap_or(0.0);
        let n = axis.len() as isize;
        match up {
            true => (0..n)
                .flat_map(|i| [0.25 * at(i - 1) + 0.75 * at(i), 0.75 * at(i) + 0.25 * at(i + 1)])
                .collect(),
            false => (0..n / 2)
                .map(|i| (at(2 * i - 1) + 3.0 * at(2 * i) + 3.0 * at(2 * i + 1) + at(2 * i + 2)) / 8.0)
                .collect(),
        }
    };
    let outer = |line: &[f64]| line.iter().flat_map(|y| line.iter().map(move |x| x * y)).collect::<Vec<_>>();
    for up in [true, false] {
        let x = Tensor::new(&[1, 4, 4, 1], outer(&line));
        let found = computed(&[("x", x)], &|_| None, &|s, vars| rows(s, vars[0], up));
        close(&found, &outer(&along(&line, up)));
    }
}

#[test]
fn a_projection_adds_what_labels_and_features_have_in_common() {
    // D of one block on 2×2 pixels: its output with and without a label differ by ⟨embedding, pooled features⟩.
    let config = changed(
        "sngan",
        &["discriminator.width=2", "discriminator.blocks=0", "discriminator.spectral_norm=false"],
    )
    .expect("in range");
    let score = |label: Option<usize>| {
        let shape = Shape { channels: 1, height: 4, width: 4 };
        let reads = gansaku::architectures::Reads { picture: shape, pack: 1, classes: 3, outputs: 1 };
        let x = Tensor::new(&[1, 16], (0..16).map(|i| f64::from(i) / 8.0 - 1.0).collect());
        let one_hot = Tensor::new(&[1, 3], (0..3).map(|i| f64::from(u8::from(label == Some(i)))).collect());
        // Weights that say where they are.
        let named = |name: &str| {
            let count = match name {
                "blocks.0.conv1.weight" => 18,
                "blocks.0.conv2.weight" | "blocks.1.conv1.weight" | "blocks.1.conv2.weight" => 36,
                "blocks.1.skip.weight" => 4,
                "linear.bias" => 1,
                "embed.weight" => 6,
                _ => 2,
            };
            Some((0..count).map(|i| f64::from((i * 7) % 5) / 5.0 - 0.3).collect())
        };
        let made = |features: bool| {
            computed(&[("x", x.clone()), ("labels", one_hot.clone())], &named, &|s, vars| {
                let d = &config.discriminator;
                let said = gansaku::architectures::discriminator(s, d, reads, vars[0], Some(vars[1]));
                if features { said.features.expect("some") } else { said.output }
            })
        };
        (made(false)[0], made(true))
    };
    let (bare, features) = score(None);
    assert_eq!(features.len(), 2);
    let embedding = |i: usize| ((i * 7) % 5) as f64 / 5.0 - 0.3;
    for label in 0..3 {
        let added: f64 = (0..2).map(|f| embedding(2 * label + f) * features[f]).sum();
        assert!(added.abs() > 1e-3, "features {features:?} say nothing");
        close(&[score(Some(label)).0], &[bare + added]);
    }
}

#[test]
fn labels_are_refused_by_name_where_nothing_can_read_them() {
    for (recipe, sets, wanted) in [
        (
            "dcgan-mnist",
            &["discriminator.condition=projection"][..],
            "discriminator.condition is \"projection\"; expected conditional = true",
        ),
        (
            "dcgan-mnist",
            &["discriminator.condition=auxiliary"],
            "discriminator.condition is \"auxiliary\"; expected conditional = true",
        ),
        (
            "cgan-dcgan",
            &["generator.condition=projection"],
            "generator.condition is \"projection\"; expected \"input\"",
        ),
        (
            "cgan-dcgan",
            &["discriminator.condition=norm"],
            "discriminator.condition is \"norm\"; expected \"input\"",
        ),
        (
            "sngan",
            &["generator.norm=layer"],
            "generator.condition is \"norm\"; expected generator.norm = \"batch\"",
        ),
        ("sngan", &["generator.condition=everywhere"], "no block of a residual network reads planes"),
        (
            "cgan-mnist",
            &["discriminator.condition=auxiliary"],
            "discriminator.condition is \"auxiliary\"; expected only keys that architecture \"layers\" has",
        ),
        ("acgan-mnist", &["discriminator.pack=2"], "expected discriminator.pack = 1 beside it"),
        ("sngan", &["generator.pool=sum"], "generator.pool is said"),
    ] {
        let error = changed(recipe, sets).expect_err(recipe).to_string();
        assert!(error.contains(wanted), "{recipe} {sets:?}: {error}");
    }
    let side = Shape { channels: 3, height: 30, width: 30 };
    let config = changed("rpgan-resnet", &[]).expect("a recipe");
    let error = gansaku::models::check(&config, side).expect_err("odd at the second halving").to_string();
    assert!(error.contains("meets maps of 15×15 at halving 2 of 3 of pictures of 30×30"), "{error}");
}

#[test]
fn every_stored_node_agrees_with_the_interpreter() {
    for recipe in ["sngan", "acgan-mnist", "wgan-gp-mnist", "rpgan-resnet"] {
        let config = shrunk(recipe);
        let model = Model::new(&config, smallest(&config), CLASSES);
        let (mut cpu, data) = (executor(&model, 1), data(model.numbers, CLASSES));
        for (plan, phase) in model.phases().iter().enumerate() {
            let turn = PhaseRun::alone(plan, 5, rates(1));
            let (name, graph, layout, seed) =
                (&format!("{recipe}, {}", phase.name), &phase.graph, &model.layout(), config.seed);
            let share = compare(&Subject { name, graph, layout, seed, data: &data }, &mut cpu, &turn);
            println!("{name:30} {:3} nodes, {share:.2} of the tolerance", cpu.plans()[plan].stored.len());
        }
    }
}

/// The script's networks; `sets` is what a case has of its own.
fn steps_are_pytorchs(case: &str, sets: &[&str]) {
    let small = [
        "seed=3",
        "train.batch=4",
        "train.discriminator_updates=1",
        "data.scale=unit",
        "latent.dim=5",
        "generator.width=3",
        "generator.stages=1",
        "discriminator.width=2",
        "discriminator.stages=1",
        "discriminator.blocks=1",
        "optimizer.generator={lr=1e-2, rule={adam={beta1=0.0, beta2=0.9}}}",
        "optimizer.discriminator={lr=1e-2, rule={adam={beta1=0.0, beta2=0.9}}}",
    ];
    let config = changed("sngan", &[&small[..], sets].concat()).expect("in range");
    let draw = Draw::new(3, stream("golden data"), 0);
    let bytes = (0..50 * 64).map(|i| draw.word(i) as u8).collect();
    let labels = Some((0..50).map(|i| i % 3).collect());
    let train = Examples { count: 50, values: Numbers::U8(bytes), labels };
    let data = Arc::new(Dataset::of("golden", Shape { channels: 1, height: 8, width: 8 }, 3, train));
    let device = open(Device::Cpu, 2).expect("threads");
    let mut trainer = Trainer::new(&config, &data, device).expect("data that fit");
    let lines = SCRIPT.lines().filter_map(|line| line.strip_prefix("#= ")?.strip_prefix(case));
    let mut worst = 0.0f64;
    let mut steps = 0;
    for line in lines {
        let expected: Vec<f64> = line.split_whitespace().map(|w| w.parse().expect("a number")).collect();
        trainer.step().expect("finite");
        let found = trainer.line(0.0).expect("finite");
        for (name, expected) in
            ["d_loss", "g_loss", "classes_real", "classes_fake"].iter().zip(&expected[1..])
        {
            let found = found.get(name).unwrap_or(0.0);
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error <= TOLERANCE, "{case}, step {}: {name} {found}, PyTorch {expected}", steps + 1);
            worst = worst.max(error);
        }
        assert_eq!(found.get("classes_real").is_some(), case == "auxiliary");
        steps += 1;
    }
    assert_eq!(steps, 10, "ten lines of {case}");
    println!("{case}: {worst:.1e} of {TOLERANCE:.0e}");
}

#[test]
fn a_projection_with_norms_by_class_and_spectral_norm_trains_as_in_pytorch() {
    steps_are_pytorchs("projection", &[]);
}

#[test]
fn a_class_head_trains_as_in_pytorch() {
    let sets = [
        "loss.objective=non-saturating",
        "generator.condition=input",
        "discriminator.condition=auxiliary",
        "discriminator.spectral_norm=false",
        "discriminator.pool=mean",
    ];
    steps_are_pytorchs("auxiliary", &sets);
}
