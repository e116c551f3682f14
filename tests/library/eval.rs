//! Metrics against independent implementations: `golden/eval.py` made the numbers, which stand at its end. And
//! what a metric must say of samples that are no model's.

use gansaku::config::Scale;
use gansaku::data::toy::GRID;
use gansaku::data::{Values, digits};
use gansaku::eval::{modes, neighbours, parzen, wasserstein};
use gansaku::pictures::Display;
use gansaku::rng::{Draw, stream};

use crate::common::golden::{self, DIM, SEED, cloud};

fn compare(metric: &str, found: &[f64]) {
    golden::compare(include_str!("../golden/eval.py"), metric, found);
}

#[test]
fn parzen_agrees_with_scipy() {
    let (samples, valid, test) = (cloud("samples", 1300), cloud("valid", 70), cloud("test", 130));
    let p = parzen::measure(&mut parzen::Threads, &samples, &valid, &test, DIM).expect("no device, no fault");
    compare("parzen", &[p.sigma, p.valid, p.test, p.error]);
}

/// The cloud in pieces of 50 vectors, the last one shorter.
fn pieces(cloud: &[f32]) -> impl Iterator<Item = &[f32]> {
    cloud.chunks(50 * DIM)
}

#[test]
fn neighbours_agree_with_scipy() {
    let (samples, valid, test) = (cloud("samples", 1300), cloud("valid", 70), cloud("test", 130));
    let samples = &samples[..200 * DIM];
    let c = neighbours::closeness(samples, &valid, pieces(&test), DIM);
    let indices: usize = neighbours::nearest(samples, pieces(&test), DIM).iter().map(|n| n.index).sum();
    compare("neighbours", &[c.samples, c.held_out, indices as f64]);
}

#[test]
fn sliced_wasserstein_agrees_with_scipy() {
    let (samples, test) = (cloud("samples", 1300), cloud("test", 130));
    let directions = wasserstein::directions(DIM, SEED);
    compare("swd", &[wasserstein::sliced(&samples[..130 * DIM], &test, DIM, &directions)]);
}

#[test]
fn modes_agree_with_numpy() {
    let (at, noise) = (Draw::new(SEED, stream("points"), 0), Draw::new(SEED, stream("noise"), 0));
    let number = |i: u64| {
        let x = 5.0 * (2.0 * f64::from(at.uniform(i)) - 1.0);
        (if i < 6000 { (x / 2.0).round_ties_even() * 2.0 + 0.05 * f64::from(noise.normal(i)) } else { x })
            as f32
    };
    let points: Vec<f32> = (0..10_000).map(number).collect();
    let c = modes::coverage(&points, &GRID);
    compare("modes", &[c.captured as f64, c.quality, c.reverse_kl]);
}

/// The first `count` procedural digits in [0, 1], of one of the splits.
fn pictures(count: usize, seed: u64) -> Vec<f32> {
    let data = digits::load(count, seed);
    let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
    let numbers: Vec<f32> = bytes.iter().map(|&b| f32::from(b) / 255.0).collect();
    Display { shape: data.shape, scale: Scale::Unit, reach: None }.unit(&numbers)
}

#[test]
fn copies_of_training_pictures_are_memorised_and_fresh_ones_are_not() {
    let (train, fresh, more) = (pictures(2_000, 0), pictures(300, 1), pictures(300, 2));
    let copies = &train[..300 * 784];
    let c = neighbours::closeness(copies, &fresh, [&train], 784);
    assert_eq!(c.ratio(), 0.0);
    assert!(c.is_memorised());
    let noisy: Vec<f32> =
        copies.iter().enumerate().map(|(i, x)| x + 0.05 * Draw::new(0, 1, 0).normal(i as u64)).collect();
    assert!(neighbours::closeness(&noisy, &fresh, [&train], 784).is_memorised());
    let honest = neighbours::closeness(&more, &fresh, [&train], 784);
    assert!(!honest.is_memorised() && (honest.ratio() - 1.0).abs() < 0.1, "{honest:?}");
}

#[test]
fn smoothed_data_score_above_data_and_are_told_of_and_their_mean_below() {
    let (train, valid, test) = (pictures(4_000, 0), pictures(200, 1), pictures(200, 2));
    let score = |samples: &[f32]| {
        let measured = parzen::measure(&mut parzen::Threads, samples, &valid, &test, 784);
        measured.expect("no device, no fault")
    };
    let (left, right) = train.split_at(train.len() / 2);
    // Halfway between a picture and the one most like it.
    let pairs = left.chunks_exact(784).zip(neighbours::nearest(left, [right], 784));
    let smooth: Vec<f32> = pairs
        .flat_map(|(x, n)| x.iter().zip(&right[n.index * 784..][..784]).map(|(a, b)| 0.5 * (a + b)))
        .collect();
    let mean: Vec<f32> =
        (0..784).map(|p| left.chunks_exact(784).map(|x| x[p]).sum::<f32>() / 2_000.0).collect();
    let (real, smooth, flat) = (score(left), score(&smooth), score(&mean));
    let nats = [&smooth, &real, &flat].map(|p| p.test);
    assert!(nats[0] > nats[1] + 10.0 && nats[1] > nats[2], "smoothed, real, mean: {nats:?}");
    let warning = smooth.warning(&real).expect("too good to be true");
    assert!(warning.contains("smoother than data, not better"), "{warning}");
    assert!(real.warning(&real).is_none() && flat.warning(&real).is_none());
}
