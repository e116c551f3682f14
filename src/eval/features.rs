//! What metrics in a classifier's features have in common.

use super::{Metric, Subject};
use crate::config::Source;
use crate::error::{Error, Result};

/// Samples that such metrics draw, and examples they are compared to, where the data have as many.
pub(super) const COUNT: usize = 10_000;

/// Features of samples, of as many training examples, and of the test examples both are measured against.
pub(super) struct FeatureSets {
    /// The classifier's name.
    pub name: String,
    /// The classifier, as protocols tell it.
    pub told: String,
    /// Length of a feature vector.
    pub width: usize,
    /// Samples drawn.
    pub count: usize,
    /// `[count, width]`.
    pub samples: Vec<f32>,
    /// Labels the classifier gives the samples.
    pub labels: Vec<u8>,
    /// At most `count` training examples' `[…, width]`.
    pub train: Vec<f32>,
    /// Labels the classifier gives them.
    pub train_labels: Vec<u8>,
    /// At most 10,000 test examples' `[…, width]`, in their split's shuffled order.
    pub test: Vec<f32>,
}

impl FeatureSets {
    /// How many test examples.
    pub fn tests(&self) -> usize {
        self.test.len() / self.width
    }

    /// What the row of real data is called.
    pub fn reals(&self) -> String {
        format!("{} training examples", self.train.len() / self.width)
    }
}

impl Subject<'_> {
    /// Features of samples and of real examples.
    pub(super) fn feature_sets(&mut self, metric: Metric) -> Result<FeatureSets> {
        let (told, name, width) = {
            let classifier = self.classifier(metric)?;
            (classifier.told(), classifier.card.name.clone(), classifier.width())
        };
        let data = self.data;
        let count = self.samples_wanted(metric);
        let test = self.examples(&data.test, COUNT);
        let train = self.examples(&data.train, count);
        let samples = self.samples(count)?;
        let classifier = self.classifier(metric)?;
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
        })
    }

    /// Whether a metric is what the classifier makes of samples.
    pub(super) fn looks_through_classifier(&self, metric: Metric) -> bool {
        match metric {
            Metric::Modes => self.generator.config.data.source == Source::Stacked,
            Metric::Cas => self.generator.classes() == 0,
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
