//! Which classes samples fall into, and how much of each class of the data they cover.

use super::prdc::{NEIGHBOURS, measure};
use super::{Measurement, Metric, Subject};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::numbers::Numbers;

/// Shares of classes and how they differ from the data's.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Share of each class.
    pub shares: Vec<f64>,
    /// KL of these shares against the data's, nats; infinite where samples have a class that the data have not.
    pub divergence: f64,
}

/// Compares labels with the data's own.
pub fn histogram(labels: &[u8], data: &[u8], classes: usize) -> Histogram {
    let shares = |labels: &[u8]| {
        let mut counts = vec![0usize; classes];
        labels.iter().for_each(|&l| counts[usize::from(l)] += 1);
        counts.iter().map(|&c| c as f64 / labels.len().max(1) as f64).collect::<Vec<f64>>()
    };
    let (shares, expected) = (shares(labels), shares(data));
    let term = |(&p, &q): (&f64, &f64)| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    let divergence = shares.iter().zip(&expected).map(term).sum();
    Histogram { shares, divergence }
}

/// Share of each class of the real vectors that is covered; NaN for a class without vectors.
pub fn coverage(covered: &[bool], labels: &[u8], classes: usize) -> Vec<f64> {
    (0..classes)
        .map(|class| {
            let own = || covered.iter().zip(labels).filter(|(_, l)| usize::from(**l) == class);
            own().filter(|(covered, _)| **covered).count() as f64 / own().count() as f64
        })
        .collect()
}

/// Labels of the test examples.
///
/// # Errors
/// When they have none, or all the same.
pub(super) fn test_labels(data: &Dataset) -> Result<&[u8]> {
    data.test.labels_of_several().ok_or_else(|| {
        Error::Data(format!(
            "classes needs test examples labelled with two or more classes, but {} has none; measure fd or prdc",
            data.name
        ))
    })
}

impl Subject<'_> {
    pub(super) fn classes(&mut self) -> Result<Measurement> {
        let data = self.data;
        let test_labels = test_labels(data)?;
        let sets = self.feature_sets(Metric::Classes)?;
        let classes = data.classes;
        let digits = (classes - 1).to_string().len().max(2);
        // As the features: in the shuffled order.
        let test_labels: Vec<u8> = data.test.shuffled(0..sets.tests()).map(|i| test_labels[i]).collect();
        let labels = self.generator.labels_of(self.seed, 0..sets.count);
        let asked: Option<Vec<u8>> =
            (!labels.is_empty()).then(|| labels.into_iter().map(|label| label as u8).collect());
        let [test, train] = sets.without_copies();
        let different: Vec<u8> = sets.different_tests().iter().map(|&i| test_labels[i]).collect();
        let row = |features: &[f32], labels: &[u8], asked: Option<&[u8]>| {
            let found = histogram(labels, &test_labels, classes);
            let overlap = measure(&test, features, sets.width, NEIGHBOURS);
            let covered = coverage(&overlap.covered, &different, classes);
            let mut all = Numbers::from([
                ("KL", found.divergence),
                ("classes", found.shares.iter().filter(|&&s| s > 0.0).count() as f64),
            ]);
            for (class, (share, covered)) in found.shares.iter().zip(covered).enumerate() {
                // Numbers are listed by name.
                all.insert(format!("{class:0digits$} share"), *share);
                if covered.is_finite() {
                    all.insert(format!("{class:0digits$} coverage"), covered);
                }
            }
            if let Some(asked) = asked {
                let right = labels.iter().zip(asked).filter(|(a, b)| a == b).count();
                all.insert("as asked %".into(), 100.0 * right as f64 / labels.len() as f64);
            }
            all
        };
        let protocol = format!(
            "classes of {} samples by {}, KL against the labels of {} test examples; coverage of each class' test \
             examples, k = {NEIGHBOURS}",
            sets.count,
            sets.told,
            sets.tests()
        );
        Ok(self
            .measurement(
                Metric::Classes,
                protocol,
                sets.count,
                row(&sets.samples, &sets.labels, asked.as_deref()),
            )
            .beside(sets.reals(), row(&train, &sets.train_labels, None))
            .warned(sets.copies()))
    }
}
