//! Metrics in feature spaces, of labels and of pictures, against independent implementations: `golden/features.py`
//! made the numbers, which stand at its end. And what a metric must say where the answer is known.

use gansaku::config::ConfigBuilder;
use gansaku::data::{self, Shape};
use gansaku::eval::nyquist::Energy;
use gansaku::eval::{birthday, classes, frechet, kid, modes, ms_ssim, prdc, stacked};
use gansaku::rng::Draw;

use crate::common::golden::{self, DIM, cloud, uniform};

fn compare(metric: &str, found: &[f64]) {
    golden::compare(include_str!("../golden/features.py"), metric, found);
}

/// The script's two clouds, the second moved.
fn clouds() -> (Vec<f32>, Vec<f32>) {
    let moved = cloud("b", 300).into_iter().map(|x| (f64::from(x) + 0.1) as f32);
    (cloud("a", 400), moved.collect())
}

#[test]
fn the_frechet_distance_agrees_with_scipy() {
    let (a, b) = clouds();
    let [a, b] = [a, b].map(|x| frechet::Gaussian::of(&x, DIM));
    compare("frechet", &[frechet::distance(&a, &b)]);
    assert!(frechet::distance(&a, &a).abs() < 1e-9, "to itself");
}

#[test]
fn a_covariance_of_few_vectors_has_a_root_too() {
    let (a, b) = clouds();
    let [few, many] = [&a[..5 * DIM], &b[..]].map(|x| frechet::Gaussian::of(x, DIM));
    let [one, other] = [frechet::distance(&few, &many), frechet::distance(&many, &few)];
    assert!(one.is_finite() && one > 0.0 && (one / other - 1.0).abs() < 1e-6, "{one} {other}");
}

#[test]
fn the_kernel_distance_agrees_with_scikit_learn() {
    let (a, b) = clouds();
    let d = kid::measure(&a[..300 * DIM], &b, DIM, 100);
    compare("kid", &[d.mean, d.error]);
    assert_eq!(d.blocks, 3);
    let unbiased = kid::measure(&cloud("c", 400), &cloud("d", 400), DIM, 40);
    assert!(unbiased.mean.abs() < 4.0 * unbiased.error, "{unbiased:?} of one distribution");
}

#[test]
fn precision_recall_density_and_coverage_agree_with_scikit_learn() {
    let (a, b) = clouds();
    let o = prdc::measure(&a, &b, DIM, 5);
    compare("prdc", &[o.precision, o.recall, o.density, o.coverage]);
}

#[test]
fn class_shares_and_coverage_agree_with_numpy() {
    let (a, b) = clouds();
    let data: Vec<u8> = uniform("labels", 400).iter().map(|u| (u * u * 4.0) as u8).collect();
    let labels: Vec<u8> = uniform("other", 300).iter().map(|u| (u * 4.0) as u8).collect();
    let mut found = vec![classes::histogram(&labels, &data, 4).divergence];
    found.extend(classes::coverage(&prdc::measure(&a, &b, DIM, 5).covered, &data, 4));
    compare("classes", &found);
    let missing = classes::histogram(&[0, 0, 1], &[0, 0, 1, 1], 3);
    assert!(missing.divergence.is_finite() && missing.shares[2] == 0.0);
    assert_eq!(classes::histogram(&[2], &[0, 1], 3).divergence, f64::INFINITY, "a class the data have not");
}

#[test]
fn stacked_modes_agree_with_numpy_and_a_perfect_sampler_has_the_published_row() {
    let labels: Vec<u8> = uniform("stacks", 9_000).iter().map(|u| (u.powf(1.5) * 10.0) as u8).collect();
    let mut histogram = vec![0; 1_000];
    stacked::count(&labels, 3, 10, &mut histogram);
    let captured = |h: &[usize]| h.iter().filter(|&&c| c > 0).count();
    compare("stacked", &[captured(&histogram) as f64, modes::reverse_kl(&histogram)]);
    let perfect: Vec<u8> = uniform("perfect", 3 * 26_000).iter().map(|u| (u * 10.0) as u8).collect();
    let mut histogram = vec![0; 1_000];
    stacked::count(&perfect, 3, 10, &mut histogram);
    assert_eq!((captured(&histogram), stacked::samples(1_000)), (1_000, 26_000));
    let kl = modes::reverse_kl(&histogram);
    assert!((kl - 0.0194).abs() < 3.0 * 0.0009, "{kl}");
}

#[test]
fn ms_ssim_agrees_with_scikit_image_and_has_the_scales_that_fit() {
    for (side, scales) in [(28, 2), (49, 3)] {
        let mut x = uniform(&format!("pictures/{side}"), 20 * side * side);
        for pair in x.chunks_exact_mut(2 * side * side) {
            let (first, second) = pair.split_at_mut(side * side);
            second.iter_mut().zip(first).for_each(|(b, a)| *b = 0.7 * *a + 0.3 * *b);
        }
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let shape = Shape { channels: 1, height: side, width: side };
        let (mean, error) = ms_ssim::of_pairs(&x, shape);
        compare(&format!("ms-ssim/{side}"), &[mean, error]);
        assert_eq!(ms_ssim::scales(shape), scales);
        let picture = &x[..side * side];
        assert!((ms_ssim::similarity(picture, picture, shape) - 1.0).abs() < 1e-12);
    }
    assert_eq!(ms_ssim::scales(Shape { channels: 1, height: 10, width: 40 }), 0);
    assert_eq!(ms_ssim::scales(Shape { channels: 3, height: 256, width: 256 }), 5);
}

#[test]
fn birthdays_agree_with_scipy() {
    let (a, _) = clouds();
    let d = birthday::duplicates(&a, DIM, 1.0);
    compare("birthday", &[d.pairs as f64, d.of as f64, d.support(), d.even_batch()]);
}

#[test]
fn a_support_of_known_size_is_found() {
    // 500 things, each drawn with a little noise.
    let things = cloud("things", 500);
    let which = uniform("which", 2_000);
    let jitter = uniform("jitter", 2_000 * DIM);
    let drawn: Vec<f32> = (0..2_000 * DIM)
        .map(|i| things[(which[i / DIM] * 500.0) as usize * DIM + i % DIM] + 0.01 * jitter[i] as f32)
        .collect();
    let d = birthday::duplicates(&drawn, DIM, 0.1);
    assert!((d.support() / 500.0 - 1.0).abs() < 0.1, "{} of 500", d.support());
    assert_eq!(birthday::duplicates(&things, DIM, 0.1).pairs, 0, "things are apart");
    assert_eq!(birthday::duplicates(&things, DIM, 0.1).support(), 500.0 * 499.0 / 6.0);
}

/// Samples are shares of their energy at the highest frequency, and how far it stands out, by those of the other half of the
/// data.
#[test]
fn the_highest_frequency_tells_checkerboards_from_noise() {
    let mut config = ConfigBuilder::recipe("digits").expect("a recipe");
    config.set("data.count=240").expect("a known key");
    let config = config.finish().expect("in range");
    let data = data::load(&config.data, 0).expect("drawn");
    let numbers = |from: usize| data.numbers_of(&data.train, from..from + 100);
    let (some, others) = (numbers(0), numbers(100));
    let [width, area] = [data.shape.width, data.shape.len()];
    let energy = |pictures: &[f32]| Energy::of(pictures, data.shape).expect("large enough");
    let data = energy(&some);
    let found = |change: &dyn Fn(usize, usize, f32) -> f32| {
        let changed: Vec<f32> = others.iter().enumerate().map(|(i, &x)| change(i, i % area, x)).collect();
        let own = energy(&changed);
        (own.share() / data.share(), own.peak() / data.peak().max(1.0))
    };
    let draw = Draw::new(1, 2, 3);
    let plain = found(&|_, _, x| x);
    let noise = found(&|i, _, x| x + 0.2 * draw.normal(i as u64));
    let board = found(&|_, at, x| if (at % width + at / width) % 2 == 0 { 1.2 * x } else { 0.8 * x });
    let columns = found(&|_, at, x| if at % width % 2 == 0 { 1.2 * x } else { 0.8 * x });
    println!("data {plain:?}, noise {noise:?}, a checkerboard {board:?}, columns {columns:?}");
    assert!((0.7..1.4).contains(&plain.0) && plain.1 < 1.3, "{plain:?}");
    assert!(noise.0 > 3.0 && noise.1 < 1.3, "{noise:?}");
    assert!(columns.0 > 3.0 && columns.1 > 2.0, "{columns:?}");
}
