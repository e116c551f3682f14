//! Classification accuracy score (Ravuri & Vinyals, 1905.10887): a classifier is trained on samples alone and tested
//! on real data; beside it, one trained on as many real examples.

use super::classifier::{ClassifierSpec, labelled};
use super::{Measurement, Metric, Subject, features};
use crate::error::{Error, Result};
use crate::models::classifier::Recipe;
use crate::numbers::Numbers;
use std::sync::Arc;

impl<'a> Subject<'a> {
    /// Labels of test and training examples, if they are enough to train and test on.
    ///
    /// # Errors
    /// When they are not, or nothing could label samples.
    pub(super) fn labels_for_cas(&self) -> Result<[&'a [u8]; 2]> {
        self.pictures(Metric::Cas)?;
        let data = self.data;
        let (Some(test), Some(train)) = (data.test.labels_of_several(), data.train.labels_of_several())
        else {
            return Err(Error::Data(format!(
                "cas needs training and test examples labelled with two or more classes, but {} has none; measure fd or \
                 prdc",
                data.name
            )));
        };
        let batch = Recipe::perceptron().batch;
        self.need(&data.test, "test", 100, Metric::Cas)?;
        self.need(&data.train, "training", batch, Metric::Cas)?;
        if self.count.is_some_and(|count| count < batch) {
            return Err(Error::Usage(format!(
                "cas trains on at least {batch} samples; give --count {batch} or more"
            )));
        }
        if self.generator.classes() == 0 && self.classifier.is_none() {
            return Err(features::no_classifier(Metric::Cas));
        }
        Ok([test, train])
    }

    pub(super) fn train_on_fake(&mut self) -> Result<Measurement> {
        let data = self.data;
        let [test_labels, train_labels] = self.labels_for_cas()?;
        let count = self.samples_wanted(Metric::Cas);
        let reals = count.min(data.train.count);
        let conditional = self.generator.classes() > 0;
        let recipe = Recipe::perceptron();
        let samples = self.samples(count)?;
        let real = self.examples(&data.train, reals);
        let test = self.first_examples(&data.test, data.test.count);
        let real_labels = data.train.shuffled(0..reals).map(|i| train_labels[i]);
        let (labels, real_labels, told): (Vec<u8>, Vec<u8>, String) = if conditional {
            let asked = self.generator.labels_of(self.seed, 0..count);
            (
                asked.into_iter().map(|label| label as u8).collect(),
                real_labels.collect(),
                "the classes they were asked for".into(),
            )
        } else {
            let classifier = self.classifier(Metric::Cas)?;
            let told = format!("labels of {}, real examples too", classifier.told());
            (classifier.labels(&samples)?, classifier.labels(&real)?, told)
        };
        let spec = ClassifierSpec {
            name: "cas".into(),
            identity: String::new(),
            recipe,
            seed: self.seed,
            hardware: self.hardware,
        };
        let fit = self.fit;
        let score = |what: &str, pictures: Vec<f32>, labels: Vec<u8>| -> Result<_> {
            let count = labels.len();
            let mut set = labelled(data, pictures, labels);
            set.test = labelled(data, test.clone(), test_labels.to_vec()).train;
            tell!("cas: training a classifier on {count} {what}");
            let trained = fit(&spec, &Arc::new(set))?;
            Ok(Numbers::from([("accuracy %", 100.0 * trained.card.accuracy)]))
        };
        let found = score("samples", samples, labels)?;
        let real = score("training examples", real, real_labels)?;
        let protocol = format!(
            "accuracy on {} test examples of a classifier trained for {} epochs on {count} samples with {told} \
             (1905.10887)",
            data.test.count, spec.recipe.epochs
        );
        Ok(self
            .measurement(Metric::Cas, protocol, count, found)
            .beside(format!("{reals} training examples"), real))
    }
}
