//! What metrics in features have in common: those of a classifier, or, where none was given, random projections of pixels.

use super::wasserstein::directions;
use super::{Metric, Subject};
use crate::config::Source;
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::exec::cpu::matmul_transposed;
use crate::numbers::percent;
use std::collections::HashSet;

/// Samples that such metrics draw, and examples they are compared to, where the data have as many.
pub(super) const COUNT: usize = 10_000;

/// Features of samples, of as many training examples, and of the test examples both are measured against.
pub(super) struct FeatureSets {
    /// What names the features: the classifier, or the projections.
    pub name: String,
    /// The features, as protocols tell them.
    pub told: String,
    /// Length of a feature vector.
    pub width: usize,
    /// Samples drawn.
    pub count: usize,
    /// `[count, width]`.
    pub samples: Vec<f32>,
    /// Labels a classifier gives the samples.
    pub labels: Vec<u8>,
    /// At most `count` training examples' `[…, width]`.
    pub train: Vec<f32>,
    /// Labels a classifier gives them.
    pub train_labels: Vec<u8>,
    /// At most 10,000 test examples' `[…, width]`, in their split's shuffled order.
    pub test: Vec<f32>,
    /// Test and training examples that are no copy of one before them.
    firsts: [Vec<usize>; 2],
}

impl FeatureSets {
    /// How many test examples.
    pub fn tests(&self) -> usize {
        self.test.len() / self.width
    }

    /// Test and training examples' features without copies, `[…, width]`: a ball that reaches an example's neighbours says
    /// nothing where these are itself.
    pub fn without_copies(&self) -> [Vec<f32>; 2] {
        let chosen = |all: &[f32], which: &[usize]| -> Vec<f32> {
            which.iter().flat_map(|&i| &all[i * self.width..(i + 1) * self.width]).copied().collect()
        };
        [chosen(&self.test, &self.firsts[0]), chosen(&self.train, &self.firsts[1])]
    }

    /// Numbers of the test examples that are no copy of one before them.
    pub fn different_tests(&self) -> &[usize] {
        &self.firsts[0]
    }

    /// What to know of copies among real examples, if there are more than a stray one.
    pub fn copies(&self) -> Option<String> {
        let of = |firsts: &[usize], all: usize| 1.0 - firsts.len() as f64 / all.max(1) as f64;
        let shares = [of(&self.firsts[0], self.tests()), of(&self.firsts[1], self.train.len() / self.width)];
        (shares[0].max(shares[1]) > 0.01).then(|| {
            format!(
                "{} of the test and {} of the training examples are copies of others: each is counted once",
                percent(shares[0]),
                percent(shares[1])
            )
        })
    }

    /// What the row of real data is called.
    pub fn reals(&self) -> String {
        format!("{} training examples", self.train.len() / self.width)
    }
}

impl Subject<'_> {
    /// Features of samples and of real examples: a classifier's, or, where none was given, projections of pixels.
    pub(super) fn feature_sets(&mut self, metric: Metric) -> Result<FeatureSets> {
        let data = self.data;
        let count = self.samples_wanted(metric);
        let test = self.examples(&data.test, COUNT);
        let train = self.examples(&data.train, count);
        let samples = self.samples(count)?;
        let dim = data.shape.len();
        let firsts = [&test, &train].map(|pictures| firsts(pictures, dim));
        let Some(classifier) = self.classifier.as_deref_mut() else {
            let seen = Projection::of(data.shape, &train, test.len() / dim);
            return Ok(FeatureSets {
                name: format!("random{}", seen.width),
                told: "random projections of pixels, each scaled by the training examples (no classifier)"
                    .into(),
                width: seen.width,
                count,
                samples: seen.features(&samples),
                labels: vec![],
                train: seen.features(&train),
                train_labels: vec![],
                test: seen.features(&test),
                firsts,
            });
        };
        let (told, name, width) = (classifier.told(), classifier.card.name.clone(), classifier.width());
        let (samples, train) = (classifier.scores(&samples)?, classifier.scores(&train)?);
        Ok(FeatureSets {
            name,
            told,
            width,
            count,
            samples: samples.features,
            labels: samples.labels,
            train: train.features,
            train_labels: train.labels,
            test: classifier.features(&test)?,
            firsts,
        })
    }

    /// Whether a metric is what the classifier makes of samples.
    pub(super) fn looks_through_classifier(&self, metric: Metric) -> bool {
        match metric {
            Metric::Modes => self.generator.config.data.source == Source::Stacked,
            Metric::Cas => self.generator.classes() == 0,
            Metric::PathLength => self.generator.config.data.source != Source::Stacked,
            _ => metric.needs_classifier(),
        }
    }

    /// The classifier that a metric needs, once it is known to be of these data.
    pub(super) fn classifier(&mut self, metric: Metric) -> Result<&mut super::classifier::Classifier> {
        self.classifier.as_deref_mut().ok_or_else(|| no_classifier(metric))
    }
}

/// What a metric says where no classifier was given.
pub(super) fn no_classifier(metric: Metric) -> Error {
    Error::Usage(format!(
        "{} needs a classifier of these data; make one with `gansaku classifier DATA` and give its file with --classifier",
        metric.name()
    ))
}

/// Numbers of the vectors of `set`, `[…, dim]`, that are equal to none before them.
fn firsts(set: &[f32], dim: usize) -> Vec<usize> {
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let vectors = set.chunks_exact(dim).enumerate();
    vectors.filter(|(_, x)| seen.insert(bytemuck::cast_slice(x))).map(|(i, _)| i).collect()
}

/// Random projections of pixels, each brought to mean 0 and standard deviation 1 on training examples.
struct Projection {
    /// Projections.
    width: usize,
    /// Numbers of an example.
    dim: usize,
    /// `[width, dim]`.
    directions: Vec<f32>,
    /// Mean and deviation of each projection.
    scales: Vec<[f32; 2]>,
}

impl Projection {
    /// Seeds the directions: others than those of the sliced Wasserstein distance.
    const SEED: u64 = 1;
    /// Projections, at least and at most: a fifth of the test examples, so that few of them still have a covariance.
    const WIDTHS: [usize; 2] = [8, 64];

    /// Projections for pictures of that shape, scaled by these training examples, `[…, dim]`; `tests` are as many as
    /// samples will be compared with.
    fn of(shape: Shape, train: &[f32], tests: usize) -> Projection {
        let dim = shape.len();
        let width = (tests / 5).clamp(Projection::WIDTHS[0], Projection::WIDTHS[1]).min(dim);
        // Directions are drawn over planes: one means the same pixels, however they lie in memory.
        let mut directions = shape.interleaved(&directions(dim, Projection::SEED));
        directions.truncate(width * dim);
        let mut own = Projection { width, dim, directions, scales: vec![[0.0, 1.0]; width] };
        let seen = own.features(train);
        let count = (seen.len() / width).max(1) as f64;
        let scale = |i: usize| {
            let values = || seen.iter().skip(i).step_by(width).map(|&x| f64::from(x));
            let mean = values().sum::<f64>() / count;
            let deviation = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
            [mean as f32, if deviation > 1e-6 { deviation as f32 } else { 1.0 }]
        };
        own.scales = (0..width).map(scale).collect();
        own
    }

    /// Features of pictures, `[…, dim]`: `[…, width]`.
    fn features(&self, pictures: &[f32]) -> Vec<f32> {
        let count = pictures.len() / self.dim;
        let mut seen = vec![0.0; count * self.width];
        matmul_transposed(&mut seen, pictures, &self.directions, [count, self.width, self.dim]);
        for row in seen.chunks_exact_mut(self.width) {
            row.iter_mut().zip(&self.scales).for_each(|(x, [mean, deviation])| *x = (*x - mean) / deviation);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Draw;

    #[test]
    fn projections_have_mean_0_and_deviation_1_on_training_examples() {
        let shape = Shape { channels: 3, height: 4, width: 5 };
        let draw = Draw::new(1, 2, 3);
        let train: Vec<f32> = (0..200 * 60).map(|i| 5.0 + 0.1 * draw.normal(i)).collect();
        let seen = Projection::of(shape, &train, 100);
        assert_eq!(seen.width, 20, "a fifth of the test examples");
        let features = seen.features(&train);
        for i in 0..20 {
            let own: Vec<f64> = features.iter().skip(i).step_by(20).map(|&x| f64::from(x)).collect();
            let mean = own.iter().sum::<f64>() / 200.0;
            let square = own.iter().map(|x| x * x).sum::<f64>() / 200.0;
            assert!(mean.abs() < 1e-3 && (square - 1.0).abs() < 1e-2, "{mean} {square}");
        }
    }

    #[test]
    fn data_that_come_eight_times_are_as_precise_as_if_they_came_once() {
        let draw = Draw::new(4, 5, 6);
        let once = |from: u64| -> Vec<f32> { (from..from + 120).map(|i| draw.normal(i)).collect() };
        let [test, train] = [once(0).repeat(8), once(1_000).repeat(8)];
        let sets = FeatureSets {
            name: "x".into(),
            told: "x".into(),
            width: 2,
            count: 480,
            samples: vec![],
            labels: vec![],
            firsts: [firsts(&test, 2), firsts(&train, 2)],
            train,
            train_labels: vec![],
            test,
        };
        assert_eq!(sets.copies().as_deref().map(|c| &c[..5]), Some("88 % "), "seven of eight");
        let [test, train] = sets.without_copies();
        let measured = crate::eval::prdc::measure(&test, &train, 2, 5);
        assert_eq!(measured, crate::eval::prdc::measure(&once(0), &once(1_000), 2, 5));
        assert!(measured.precision > 0.8 && measured.coverage > 0.8, "{measured:?}");
        let with = crate::eval::prdc::measure(&sets.test, &sets.train, 2, 5);
        assert_eq!(with.coverage, 0.0, "balls that reach copies alone hold nothing");
    }

    #[test]
    fn copies_are_found_by_their_bytes() {
        assert_eq!(firsts(&[1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 1.0, 5.0], 2), [0, 1, 3]);
    }
}
