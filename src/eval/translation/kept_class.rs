//! Whether a picture's class outlives its translation, by a classifier of the data, which knows domain B.

use super::Translations;
use crate::config::Metric;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::eval::Measurement;
use crate::numbers::Numbers;

/// Pictures labelled at once.
const CHUNK: usize = 100;

impl Translations<'_> {
    /// Labels of the test pictures of domain A.
    pub(super) fn labels(&self) -> Result<&[u8]> {
        self.origin().data.test.labels_of_several().ok_or_else(|| {
            Error::Data(format!(
                "class-kept needs test pictures of domain A labelled with two or more classes, but {} has none; measure {}",
                self.data.name,
                self.fitting()
            ))
        })
    }

    pub(super) fn class_kept(&mut self) -> Result<Measurement> {
        let display = self.display();
        let [mut found, mut same, mut real] = [(); 3].map(|()| Numbers::default());
        let mut pictures = 0;
        for (direction, suffix) in self.directions() {
            let [from, to] = self.domains(direction);
            let Some(labels) = from.test.labels.clone() else { continue };
            let (which, targets) = (self.looked_at(&from.test), self.looked_at(&to.test));
            let known = |data: &Dataset, which: &[usize]| {
                display.unit(&data.numbers_of(&data.test, which.iter().copied()))
            };
            let (reals, of_reals) = (known(to, &targets), to.test.labels.clone());
            let (mut right, mut untouched) = (0, 0);
            for part in which.chunks(CHUNK) {
                let mut made = vec![];
                for &number in part {
                    let [from, _] = self.domains(direction);
                    let image = Self::picture(from, &from.test, number);
                    made.extend(display.unit(&self.translator.translate(direction, number, &image)?.numbers));
                }
                let hits = |said: Vec<u8>| said.iter().zip(part).filter(|(c, n)| **c == labels[**n]).count();
                let [from, _] = self.domains(direction);
                let given = display.unit(&from.numbers_of(&from.test, part.iter().copied()));
                right += hits(self.seen(&made)?);
                untouched += hits(self.seen(&given)?);
            }
            pictures += which.len();
            same.insert(format!("kept %{suffix}"), 100.0 * untouched as f64 / which.len() as f64);
            found.insert(format!("kept %{suffix}"), 100.0 * right as f64 / which.len() as f64);
            if let Some(labels) = of_reals {
                let said = self.seen(&reals)?;
                let right =
                    said.iter().zip(&targets).filter(|(said, number)| **said == labels[**number]).count();
                real.insert(format!("kept %{suffix}"), 100.0 * right as f64 / targets.len() as f64);
            }
        }
        let told = self.classifier.as_ref().map_or(String::new(), |classifier| classifier.told());
        let back = if self.translator.goes_back() {
            "; back: of pictures like those of A, which it has not learnt to see, so that less than all is to be expected"
        } else {
            ""
        };
        let protocol = format!(
            "share of the translations of {pictures} test pictures that {told}, which knows domain B alone, names as the \
             picture was labelled{back}"
        );
        let warning = self.classifier.as_ref().and_then(|classifier| classifier.warning());
        Ok(self
            .measurement(Metric::ClassKept, protocol, pictures, found)
            .beside("the pictures as they are", same)
            .beside("test pictures of the domain aimed at", real)
            .warned(warning))
    }

    /// The classes that the classifier sees.
    fn seen(&mut self, pictures: &[f32]) -> Result<Vec<u8>> {
        self.classifier.as_mut().expect("checked").labels(pictures)
    }
}
