//! A nearest-neighbour classifier whose training set is labelled samples: what 1511.06434 measures
//! conditional generators of digits by.

use super::distance::{Vectors, fold};
use super::{Measurement, Metric, Subject};
use crate::error::{Error, Result};
use crate::numbers::Numbers;

/// Samples of the paper's protocol, where there are as many training examples to compare with.
pub(super) const SAMPLES: usize = 50_000;

/// Share of test vectors `[tests, dim]` whose nearest of `known` vectors, by Euclidean distance, has another label; of equally
/// near ones the first decides.
pub fn error(known: &[f32], labels: &[u8], tests: &[f32], test_labels: &[u8], dim: usize) -> f64 {
    let (known, tests) = (Vectors::new(known, dim), Vectors::new(tests, dim));
    let nearest = fold(&tests, &known, &|| (f32::INFINITY, 0), &|best: &mut (f32, usize), first, row| {
        for (i, &distance) in row.iter().enumerate() {
            if distance < best.0 {
                *best = (distance, first + i);
            }
        }
    });
    let wrong = nearest.iter().zip(test_labels).filter(|((_, at), label)| labels[*at] != **label).count();
    wrong as f64 / test_labels.len().max(1) as f64
}

impl Subject<'_> {
    /// Checks that the model is asked for classes, and that examples have them.
    pub(super) fn classes_asked_for(&self) -> Result<[&[u8]; 2]> {
        self.pictures(Metric::OneNn)?;
        if self.generator.classes() == 0 {
            return Err(Error::Usage(
                "one-nn needs samples of classes that were asked for, but this run is not conditional; measure cas, which \
                 labels samples by a classifier"
                    .into(),
            ));
        }
        self.need(&self.data.train, "training", 100, Metric::OneNn)?;
        self.need(&self.data.test, "test", 100, Metric::OneNn)?;
        match (self.data.train.labels_of_several(), self.data.test.labels_of_several()) {
            (Some(train), Some(test)) => Ok([train, test]),
            _ => Err(Error::Data(format!(
                "one-nn needs training and test examples labelled with two or more classes, but {} has none; measure fd",
                self.data.name
            ))),
        }
    }

    pub(super) fn one_nearest_neighbour(&mut self) -> Result<Measurement> {
        let [train_labels, test_labels] = self.classes_asked_for()?.map(<[u8]>::to_vec);
        let (data, dim) = (self.data, self.data.shape.len());
        let count = self.samples_wanted(Metric::OneNn);
        let reals = count.min(data.train.count);
        let labels = self.generator.labels_of(self.seed, 0..count);
        let labels: Vec<u8> = labels.into_iter().map(|label| label as u8).collect();
        let samples = self.samples(count)?;
        let tests = self.first_examples(&data.test, data.test.count);
        let real = self.examples(&data.train, reals);
        let real_labels: Vec<u8> = data.train.shuffled(0..reals).map(|i| train_labels[i]).collect();
        let score = |known: &[f32], labels: &[u8]| {
            Numbers::from([("error %", 100.0 * error(known, labels, &tests, &test_labels, dim))])
        };
        let protocol = format!(
            "errors on {} test examples of a nearest-neighbour classifier, Euclidean distance of pixels, that knows {count} \
             samples by the classes they were asked for (1511.06434)",
            data.test.count
        );
        Ok(self
            .measurement(Metric::OneNn, protocol, count, score(&samples, &labels))
            .beside(format!("{reals} training examples"), score(&real, &real_labels)))
    }
}

#[cfg(test)]
mod tests {
    use super::error;

    #[test]
    fn the_nearest_vector_gives_its_label() {
        let known = [0.0, 0.0, 10.0, 0.0, 0.0, 10.0];
        let tests = [1.0, 1.0, 9.0, 1.0, 0.0, 6.0, 4.0, 0.0];
        assert_eq!(error(&known, &[0, 1, 2], &tests, &[0, 1, 2, 0], 2), 0.0);
        assert_eq!(error(&known, &[0, 1, 1], &tests, &[0, 1, 2, 1], 2), 0.5);
        // Of two at one distance the first decides.
        assert_eq!(error(&[0.0, 2.0], &[3, 4], &[1.0], &[3], 1), 0.0);
    }
}
