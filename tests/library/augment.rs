//! Flips and crops of real examples: where their pixels come from, how often each comes, and who sees them.

use crate::classifier::both;
use crate::common::says::says;
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::{Dataset, Examples, Shape, Values};
use gansaku::exec::{Device, open};
use gansaku::graph::Graph;
use gansaku::models::augment::augmented;
use gansaku::train::Trainer;
use std::collections::BTreeMap;
use std::sync::Arc;

const SHAPE: Shape = Shape { channels: 2, height: 4, width: 6 };

fn config(sets: &[&str]) -> Config {
    let mut builder = ConfigBuilder::recipe("digits").expect("a recipe");
    let small = ["train.batch=4", "latent.dim=3", "generator.layers=[{}]", "discriminator.layers=[{}]"];
    small.iter().chain(sets).for_each(|set| builder.set(set).expect("a known key"));
    builder.finish().expect("in range")
}

/// How often each flip and place of a crop comes among augmented pictures; each must be one of those.
fn seen(sets: &[&str], rows: usize) -> BTreeMap<(bool, usize, usize), usize> {
    let data = config(sets).data;
    let g = Graph::new();
    let x = g.host_input("x", &[rows, SHAPE.len()]);
    let y = augmented(&g, "", x, SHAPE, &data);
    // Every number of the input is another one.
    let pictures: Vec<f32> = (0..rows * SHAPE.len()).map(|i| i as f32).collect();
    let (found, reference) = both(&g, y, &[("x", x, pictures.clone())]);
    assert!(found.iter().zip(&reference).all(|(&f, &r)| f64::from(f) == r), "as the reference does");
    let n = data.crop as isize;
    let mirrored = |i: isize, side: usize| {
        let last = side as isize - 1;
        (if i < 0 {
            -i
        } else if i > last {
            2 * last - i
        } else {
            i
        }) as usize
    };
    let mut all = BTreeMap::new();
    for (before, after) in pictures.chunks(SHAPE.len()).zip(found.chunks(SHAPE.len())) {
        let made = |flip: bool, down: usize, across: usize| -> Vec<f32> {
            let at = |i: usize| {
                let (y, x, c) = (i / 12, i / 2 % 6, i % 2);
                let y = mirrored((y + down) as isize - n, 4);
                let x = mirrored((x + across) as isize - n, 6);
                before[y * 12 + if flip { 5 - x } else { x } * 2 + c]
            };
            (0..SHAPE.len()).map(at).collect()
        };
        let places = 2 * data.crop + 1;
        let ways = (0..2 * places * places).map(|i| (i % 2 == 1, i / 2 / places, i / 2 % places));
        let way = ways.into_iter().find(|&(flip, down, across)| made(flip, down, across) == after);
        *all.entry(way.expect("a flip and a crop")).or_insert(0) += 1;
    }
    all
}

#[test]
fn every_flip_and_crop_comes_as_often_as_any_other() {
    let flips = seen(&["data.flip=true"], 400);
    // 4 standard deviations of 10.
    assert!(flips.len() == 2 && flips.values().all(|n| (160..=240).contains(n)), "{flips:?}");
    let crops = seen(&["data.crop=1"], 900);
    assert!(crops.len() == 9 && crops.values().all(|n| (62..=138).contains(n)), "{crops:?}");
    assert!(crops.keys().all(|(flip, ..)| !flip), "{crops:?}");
    let both = seen(&["data.flip=true", "data.crop=2"], 1_000);
    assert_eq!(both.len(), 50, "{both:?}");
    assert_eq!(seen(&[], 3), BTreeMap::from([((false, 0, 0), 3)]), "as they are");
}

/// The loss and D after a training on pictures, symmetric or not.
fn trained(sets: &[&str], symmetric: bool) -> (f64, Vec<f32>) {
    let bytes = (0..50 * SHAPE.len()).map(|i| {
        let (row, x, c) = (i / 12, i / 2 % 6, i % 2);
        let x = if symmetric { x.min(5 - x) } else { x };
        (row * 37 + x * 91 + c * 53) as u8
    });
    let train = Examples { count: 50, values: Values::U8(bytes.collect()), labels: None };
    let data = Arc::new(Dataset::of("made up", SHAPE, 0, train));
    let mut trainer =
        Trainer::new(&config(sets), &data, open(Device::Cpu, 1).expect("a thread")).expect("data that fit");
    trainer.steps(3).expect("finite");
    let loss = trainer.line(0.0).expect("finite").get("d_loss").expect("measured");
    (loss, trainer.snapshot().expect("finite").networks[1].weights.clone())
}

#[test]
fn d_sees_flipped_examples_in_its_step_and_in_gs() {
    for sets in
        [&[][..], &["loss.relativistic=true"], &["loss.relativistic=true", "train.generator_updates=2"]]
    {
        let with = |more: &[&'static str]| [sets, more].concat();
        assert_eq!(
            trained(&with(&["data.flip=true"]), true),
            trained(sets, true),
            "{sets:?}: flips of symmetric pictures are the same pictures"
        );
        assert_ne!(
            trained(&with(&["data.flip=true"]), false),
            trained(sets, false),
            "{sets:?}: others are not"
        );
        assert_ne!(trained(&with(&["data.crop=1"]), true), trained(sets, true), "{sets:?}: crops");
    }
}

#[test]
fn what_has_no_sides_or_too_small_ones_is_refused() {
    let refused = |sets: &[&str], shape: Shape| {
        gansaku::models::check(&config(sets), shape).expect_err("does not fit").to_string()
    };
    says(
        &refused(&["data.flip=true"], Shape::from(7)),
        &["data.flip is true", "points of 7 numbers", "leave it out"],
    );
    says(&refused(&["data.crop=2"], Shape::from(7)), &["data.crop is 2", "points of 7 numbers"]);
    says(&refused(&["data.crop=4"], SHAPE), &["data.crop is 4", "the pictures are 4×6", "3 or less"]);
    gansaku::models::check(&config(&["data.crop=3", "data.flip=true"]), SHAPE).expect("fits");
}
