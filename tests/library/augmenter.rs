//! Augmentation of what D sees: transforms against NumPy (`golden/augmenter.py` made the numbers, which stand at its end), p's rule,
//! penalties through it, resumes, what is refused.

use crate::classifier::both_at;
use crate::common::Model;
use crate::common::golden::{SEED, lines, uniform};
use crate::common::says::says;
use crate::losses;
use crate::picture_games::{pictures, resumed, tensor, trainer};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::Shape;
use gansaku::graph::grad::grad;
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Graph, NetworkId, Var};
use gansaku::models::augmenter::Augmenter;
use gansaku::nn::{Networks, Pass, Statistics, Tracer};
use gansaku::precision::Precision;
use gansaku::rng::Moment;
use std::sync::Arc;

const SCRIPT: &str = include_str!("../golden/augmenter.py");
/// Pictures of the script, and how likely each transform is in it.
const ROWS: usize = 12;
const P: f64 = 0.7;
const SQUARE: Shape = Shape { channels: 3, height: 16, width: 16 };
const OBLONG: Shape = Shape { channels: 3, height: 12, width: 10 };
const SMALL: &[&str] = &[
    "train.batch=4",
    "latent.dim=6",
    "generator.width=4",
    "generator.stages=1",
    "discriminator.width=4",
    "discriminator.stages=1",
];

fn builder(sets: &[&str]) -> ConfigBuilder {
    let mut builder = ConfigBuilder::recipe("dcgan").expect("a recipe");
    SMALL.iter().chain(sets).for_each(|set| builder.set(set).expect("a key"));
    builder
}

fn config(sets: &[&str]) -> Config {
    builder(sets).finish().expect("in range")
}

fn refused(sets: &[&str]) -> String {
    builder(sets).finish().expect_err("out of range").to_string()
}

/// What D sees of pictures, and the pictures, by the CPU and in f64.
fn seen(transforms: &str, shape: Shape, scale: &str, x: &[f32], p: f64) -> (Vec<f32>, Vec<f64>) {
    let sets = [format!("augment.transforms={transforms}"), format!("data.scale={scale}")];
    let config = config(&sets.each_ref().map(String::as_str));
    let g = Graph::new();
    let input = g.host_input("x", &[x.len() / shape.len(), shape.len()]);
    let y = Augmenter::new(&config, shape).seen(&g, "d", input, Some(g.constant(p, &[])));
    both_at(&g, y, &[("x", input, x.to_vec())], Moment { seed: SEED, tick: 0 })
}

#[test]
fn transforms_are_those_of_the_papers() {
    let all = r#"["cutout", "noise", "colour", "diff-translation", "blit", "diff-colour"]"#;
    for (case, transforms, shape) in [
        ("blit", r#"["blit"]"#, SQUARE),
        ("colour", r#"["colour"]"#, SQUARE),
        ("colour-unit", r#"["colour"]"#, SQUARE),
        ("colour-grey", r#"["colour"]"#, Shape { channels: 1, ..SQUARE }),
        ("noise-unit", r#"["noise"]"#, SQUARE),
        ("diff-colour", r#"["diff-colour"]"#, OBLONG),
        ("diff-colour-unit", r#"["diff-colour"]"#, OBLONG),
        ("diff-translation", r#"["diff-translation"]"#, OBLONG),
        ("cutout", r#"["cutout"]"#, OBLONG),
        ("every", all, SQUARE),
    ] {
        let is_unit = case.ends_with("unit");
        let x = uniform("golden pictures", ROWS * shape.len());
        let x: Vec<f32> = x.into_iter().map(|u| if is_unit { u } else { 2.0 * u - 1.0 } as f32).collect();
        let scale = if is_unit { "unit" } else { "signed" };
        let (cpu, exact) = seen(transforms, shape, scale, &x, P);
        let wanted = &lines(SCRIPT, case)[0];
        let sums = |numbers: Vec<f64>| -> Vec<f64> {
            let sum = |picture: &[f64], k: usize| {
                picture.iter().enumerate().map(|(i, x)| x * ((k * i) as f64 / 7.0).cos()).sum::<f64>()
            };
            let each = numbers.chunks(shape.len()).flat_map(|picture| (1..=3).map(move |k| sum(picture, k)));
            each.collect()
        };
        let worst = |found: Vec<f64>| {
            assert_eq!(found.len(), wanted.len(), "{case}");
            found.iter().zip(wanted).map(|(f, w)| (f - w).abs()).fold(0.0, f64::max)
        };
        let [exact, cpu] = [exact, cpu.iter().map(|&x| f64::from(x)).collect()].map(|x| worst(sums(x)));
        println!("{case}: {exact:.1e} of 1e-4, on the CPU {cpu:.1e} of 1e-3");
        // Draws are of f32, and sums are over hundreds of numbers.
        assert!(exact < 1e-4 && cpu < 1e-3, "{case}: off by {exact:e}, on the CPU by {cpu:e}");
    }
}

#[test]
fn nothing_changes_where_nothing_happens() {
    let x: Vec<f32> = uniform("pictures", 2 * SQUARE.len()).into_iter().map(|u| u as f32).collect();
    for transforms in [r#"["blit"]"#, r#"["cutout", "diff-translation", "noise"]"#] {
        assert_eq!(seen(transforms, SQUARE, "unit", &x, 0.0).0, x, "{transforms}: to the bit");
    }
    let (found, _) = seen(r#"["colour", "diff-colour"]"#, SQUARE, "unit", &x, 0.0);
    assert!(found.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-6), "but for rounding");
}

/// Shifts of ADA by round(±n/8) pixels: of eight pixels by −1, 0 or 1, by half as often at either end.
#[test]
fn every_place_comes_as_often_as_it_should() {
    let shape = Shape { channels: 1, height: 8, width: 8 };
    let rows = 600;
    let x: Vec<f32> = (0..rows * 64).map(|i| (i % 64) as f32).collect();
    let (found, _) = seen(r#"["diff-translation"]"#, shape, "unit", &x, 1.0);
    let mut counts = [0; 9];
    for picture in found.chunks(64) {
        // Pixel (3, 3) is never at an edge.
        let at = picture[3 * 8 + 3] as usize;
        let (down, across) = (at / 8, at % 8);
        counts[(down - 2) * 3 + across - 2] += 1;
    }
    // 600 / 9 = 67 ± 4 · 7.7.
    assert!(counts.iter().all(|n| (36..=98).contains(n)), "{counts:?}");
}

/// D's states after logits of some updates, one after the other.
fn adapted(config: &Config, updates: &[Vec<f64>]) -> Vec<[f64; 3]> {
    let augmenter = Augmenter::new(config, SQUARE);
    let mut networks = Networks::default();
    let id = networks.declare(gansaku::config::Role::Discriminator, None, |s| {
        augmenter.strength(s);
        String::new()
    });
    assert_eq!(id, NetworkId(0));
    let names = ["augment.p", "augment.signs", "augment.updates"];
    let mut states: Vec<Tensor> =
        networks.get(id).states.iter().map(|s| Tensor::new(&s.shape, vec![0.0])).collect();
    assert_eq!(networks.get(id).states.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), names);
    let mut all = vec![];
    for logits in updates {
        let g = Graph::new();
        let real = g.host_input("real", &[logits.len(), 1]);
        let tracer = Tracer::new(&g, networks.get(id));
        let pass = Pass { version: 0, draw: "d", dropout: true, statistics: Statistics::Minibatches(&[0]) };
        let s = tracer.pass(&pass);
        let before = augmenter.strength(&s).expect("it is augmented");
        let told = augmenter.adapt(&s, real);
        assert_eq!(
            told.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["augment_p", "augment_rt"]
        );
        let stores = tracer.stores();
        let roots: Vec<Var> = stores.iter().map(|(_, _, v)| *v).chain([before, told[1].1]).collect();
        let mut values = Values::from([(real, Tensor::new(&[logits.len(), 1], logits.clone()))]);
        for (name, state) in names.iter().zip(&states) {
            values.insert(g.state(id, name, &state.shape), state.clone());
        }
        interp::run(&g, &roots, Moment { seed: 0, tick: 0 }, &mut values);
        assert_eq!(values[&before].data, states[0].data, "a phase sees p as it was");
        for (name, state) in names.iter().zip(&mut states) {
            let (_, _, moved) = stores.iter().find(|(_, n, _)| n == name).expect("it is stored");
            *state = values[moved].clone();
        }
        all.push([0, 1, 2].map(|i| states[i].data[0]));
    }
    all
}

#[test]
fn p_follows_the_signs() {
    // 8 · 2 / 1600 of p every second update.
    let sets = ["augment.ada_interval=2", "augment.ada_kimg=1.6", "train.batch=8"];
    let config = |more: &[&str]| config(&[&sets, more].concat());
    let sure = vec![0.1, 3.0, 2.0, 5.0];
    let unsure = vec![-1.0, -2.0, 2.0, 0.0];
    let close = |found: &[[f64; 3]], wanted: &[[f64; 3]]| {
        assert_eq!(found.len(), wanted.len());
        for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
            assert!(f.iter().zip(w).all(|(f, w)| (f - w).abs() < 1e-7), "update {i}: {f:?}, not {w:?}");
        }
    };
    let all = [&sure, &sure, &sure, &unsure, &unsure, &unsure, &sure, &sure, &sure, &sure].map(Clone::clone);
    let found = adapted(&config(&[]), &all);
    // r_t: 1, 3/8, −1/4, 1, 1; below 0 p stays.
    close(
        &found,
        &[
            [0.0, 1.0, 1.0],
            [0.01, 0.0, 0.0],
            [0.01, 1.0, 1.0],
            [0.0, 0.0, 0.0],
            [0.0, -0.25, 1.0],
            [0.0, 0.0, 0.0],
            [0.0, 1.0, 1.0],
            [0.01, 0.0, 0.0],
            [0.01, 1.0, 1.0],
            [0.02, 0.0, 0.0],
        ],
    );
    // At the target p stays.
    let four = [&sure, &sure, &unsure, &unsure].map(Clone::clone);
    let at_target = adapted(&config(&["augment.ada_target=-0.25"]), &four);
    close(&at_target[1..], &[[0.01, 0.0, 0.0], [0.01, -0.25, 1.0], [0.01, 0.0, 0.0]]);
    // A D of least squares is undecided at ½.
    let squares = ["loss.objective=least-squares", "augment.ada_interval=1"];
    let found = adapted(&config(&squares), &[vec![0.4, 0.3, 0.2, 0.1], vec![0.6, 0.7, 0.8, 0.9]]);
    close(&found, &[[0.0, 0.0, 0.0], [0.005, 0.0, 0.0]]);
    // Signs alone count: far above 1 p rises as fast.
    let far = adapted(&config(&["augment.ada_kimg=0.008", "augment.ada_interval=1"]), &[sure.clone(), sure]);
    close(&far, &[[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]);
}

/// ‖∂f(T(x))/∂x‖² by the graph and by differences, T with every transform at fixed numbers, f(y) = Σ w·y + ½·Σ y².
#[test]
fn a_penaltys_gradient_goes_through_every_transform() {
    let shape = Shape { channels: 3, height: 8, width: 8 };
    let all =
        r#"augment.transforms=["blit", "colour", "diff-colour", "diff-translation", "noise", "cutout"]"#;
    let g = Graph::new();
    let rows = 5;
    let x = g.host_input("x", &[rows, shape.len()]);
    let y = Augmenter::new(&config(&[all]), shape).seen(&g, "r1", x, Some(g.constant(0.8, &[])));
    let w = g.host_input("w", &[rows, shape.len()]);
    let f = g.sum_all(g.add(g.mul(w, y), g.scale(g.square(y), 0.5)));
    let slope = grad(&g, f, &[x], None)[0];
    let numbers = |name: &str| uniform(name, rows * shape.len());
    let tensor = |data: Vec<f64>| Tensor::new(&[rows, shape.len()], data);
    let run = |x_is: Vec<f64>, root: Var| {
        let mut values = Values::from([(x, tensor(x_is)), (w, tensor(numbers("w")))]);
        interp::run(&g, &[root], Moment { seed: 4, tick: 9 }, &mut values);
        values[&root].data.clone()
    };
    let (at, direction) = (numbers("x"), numbers("direction"));
    let analytic: f64 = run(at.clone(), slope).iter().zip(&direction).map(|(a, b)| a * b).sum();
    let moved = |t: f64| run(at.iter().zip(&direction).map(|(x, d)| x + t * d).collect(), f)[0];
    let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
    let error = (analytic - numeric).abs() / analytic.abs().max(1.0);
    println!("slope {analytic:.6}, by differences {numeric:.6}, {error:.1e} of 1e-7");
    assert!(analytic.abs() > 1.0 && error < 1e-7, "{analytic}, by differences {numeric}");
}

/// The whole losses of D, with R1, and of G: gradients by all parameters in f64.
#[test]
fn gradients_of_whole_steps_go_through_it() {
    let shape = Shape { channels: 3, height: 8, width: 8 };
    for sets in [
        &["loss.r1=0.5", "augment.p=0.8", "discriminator.norm=none"][..],
        &["augment.p=0.9", r#"augment.transforms=["diff-colour", "diff-translation", "cutout", "noise"]"#],
        &["loss.relativistic=true", "augment.p=0.8"],
    ] {
        let model = Model::new(&config(sets), shape, 0);
        for phase in model.phases() {
            for &(optimizer, loss) in &phase.losses {
                let worst = losses::check("augmented", &model, &phase, optimizer, loss);
                println!("{sets:?}, {}: {worst:.1e}", phase.name);
            }
        }
    }
}

#[test]
fn a_training_resumes_to_the_byte_while_p_moves() {
    let data = Arc::new(pictures(9, 3, 0));
    for precision in [Precision::Fp32, Precision::Fp16] {
        let mut config =
            config(&["augment.ada_interval=2", "augment.ada_kimg=0.1", "augment.ada_target=-1.0"]);
        config.train.precision = precision;
        for before in [1, 3, 4] {
            let files = resumed(&config, &data, before, 5);
            let p = tensor(&files, "discriminator.safetensors", "augment.p");
            let p = f32::from_le_bytes(p.try_into().expect("one number"));
            assert!(p > 0.0 && p <= 0.16 + 1e-6, "{p}: at most 4 · 2 / 100, twice");
            let updates = tensor(&files, "discriminator.safetensors", "augment.updates");
            assert_eq!(updates, 1i64.to_le_bytes(), "the fifth is the first of the next two");
            for name in ["generator.safetensors", "generator_ema.safetensors"] {
                let read = files.get(name).map(|bytes| safetensors::SafeTensors::deserialize(bytes));
                let names = read.map_or(vec![], |r| {
                    r.expect("safetensors").names().into_iter().map(String::from).collect()
                });
                assert!(names.iter().all(|n| !n.contains("augment")), "{name}: {names:?}");
            }
        }
    }
}

#[test]
fn a_line_tells_what_is_listed_with_r_t_and_p() {
    let data = Arc::new(pictures(9, 3, 0));
    for (sets, tells_p) in [
        (&["augment.ada_interval=1", "augment.ada_kimg=0.1", "augment.ada_target=-1.0"][..], true),
        (
            &["augment.p=0.5", "train.discriminator_updates=2", "loss.r1=0.1", "discriminator.norm=none"],
            false,
        ),
        (
            &["augment.p=0.5", "train.generator_updates=3", "train.noise=fresh", "loss.relativistic=true"],
            false,
        ),
    ] {
        let config = config(sets);
        let mut trainer = trainer(&config, &data, 1);
        trainer.steps(3).expect("finite");
        let line = trainer.line(0.0).expect("finite");
        let found: Vec<&str> = line.values().map(|(name, _)| name).collect();
        let game = gansaku::models::of(&config, data.shape, 0);
        let listed = game.statistics();
        assert_eq!(found, listed.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), "{sets:?}");
        let signs = line.get("augment_rt").expect("it is told");
        assert!((-1.0..=1.0).contains(&signs), "{signs}");
        assert_eq!(line.get("augment_p").is_some_and(|p| p > 0.0), tells_p, "{sets:?}");
    }
}

#[test]
fn d_learns_other_things_where_it_sees_others() {
    let data = Arc::new(pictures(9, 3, 0));
    let trained = |sets: &[&str]| {
        let mut trainer = trainer(&config(sets), &data, 1);
        trainer.steps(2).expect("finite");
        let networks = trainer.snapshot().expect("finite").networks.into_owned();
        (networks[0].weights.clone(), networks[1].weights.clone())
    };
    let plain = trained(&[]);
    let never = trained(&["augment.p=0.0", r#"augment.transforms=["blit", "cutout"]"#]);
    assert!(plain == never, "what never happens leaves the same bytes");
    let always = trained(&["augment.p=1.0"]);
    assert!(plain.0 != always.0 && plain.1 != always.1, "G's and D's updates go through it");
}

#[test]
fn what_cannot_be_augmented_is_refused_by_name() {
    says(&refused(&["augment.p=1.5"]), &["augment.p is 1.5", "0 to 1", "p adapts"]);
    says(&refused(&["augment.ada_kimg=0.0"]), &["augment.ada_kimg is 0", "above 0"]);
    says(&refused(&["augment.ada_interval=0"]), &["augment.ada_interval is 0", "1 to 1000000"]);
    says(&refused(&["augment.ada_target=2.0"]), &["augment.ada_target is 2", "−1 to 1"]);
    says(
        &refused(&["augment.transforms=[]"]),
        &["augment.transforms is empty", "blit, colour", "no [augment]"],
    );
    says(&refused(&[r#"augment.transforms=["blit", "blit"]"#]), &["each transform once"]);
    says(
        &refused(&[r#"augment.transforms=["geom"]"#]),
        &["geom", "between its pixels", "gather", "blit mirrors"],
    );
    says(
        &refused(&["augment.p=0.5", "data.scale=gcn"]),
        &["augment.transforms", "colour", "contrast-normalised"],
    );
    let unknown = builder(&[]).set(r#"augment.transforms=["blit", "color"]"#).expect_err("no such transform");
    says(&unknown.to_string(), &["augment.transforms", "color", "did you mean \"colour\"?"]);
    let unknown = builder(&[]).set("augment.target=0.5").expect_err("no such key").to_string();
    says(&unknown, &["target", "[augment]", "ada_target"]);
    let other = |recipe: &str| {
        let mut builder = ConfigBuilder::recipe(recipe).expect("a recipe");
        builder.set("augment.p=0.5").expect("a key");
        builder.finish().expect_err("not with this recipe").to_string()
    };
    says(&other("cyclegan"), &["augment is said", "model = \"cyclegan\""]);
    says(&other("ring"), &["augment is said", "the data are points"]);
    let check = |sets: &[&str], shape: Shape| gansaku::models::check(&config(sets), shape);
    let no = |sets: &[&str], shape: Shape| check(sets, shape).expect_err("does not fit").to_string();
    let plain = ["augment.p=0.5"];
    says(&no(&plain, Shape::from(7)), &["points of 7 numbers", "leave [augment] out"]);
    let wide = Shape { channels: 3, height: 8, width: 16 };
    says(&no(&plain, wide), &["8×16", "expected squares", "diff-translation"]);
    let two = Shape { channels: 2, height: 8, width: 8 };
    says(&no(&plain, two), &["2 channels", "expected 1 or 3", "diff-colour"]);
    check(&["augment.p=0.5", r#"augment.transforms=["blit", "diff-colour", "cutout"]"#], two).expect("fits");
    check(&[r#"augment.transforms=["diff-translation", "colour"]"#], wide).expect("fits");
}

#[test]
fn a_table_that_one_of_two_configurations_lacks_is_the_difference() {
    let (with, without) = (config(&["augment.p=0.5"]), config(&[]));
    let (key, is, was) = with.first_difference(&without).expect("they differ");
    assert_eq!((key.as_str(), was.as_str()), ("augment", "not there"));
    says(&is, &["p = 0.5", "\"blit\""]);
    let (key, is, was) = with.first_difference(&config(&["augment.p=0.25"])).expect("they differ");
    assert_eq!([key, is, was], ["augment.p", "0.5", "0.25"]);
    assert_eq!(with.first_difference(&with), None);
}

#[test]
fn keys_of_ada_beside_a_fixed_p_are_told_to_change_nothing() {
    let notes = builder(&["augment.p=0.5", "augment.ada_kimg=25.0"]).notes().expect("in range");
    assert_eq!(notes, ["--set augment.ada_kimg=25.0 changes nothing: augment.p is fixed"]);
    assert_eq!(builder(&["augment.ada_kimg=25.0"]).notes().expect("in range"), [""; 0]);
}
