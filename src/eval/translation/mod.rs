//! Evaluation of translations: pictures that were made of pictures, beside those that they should be, and beside what costs
//! nothing.

mod colour;
mod cycle;
mod kept_class;
mod paired;
mod pictures;
mod superres;

use super::classifier::Classifier;
use super::features::no_classifier;
use super::{FEWEST, Measures};
use crate::config::{Given, Metric};
use crate::data::{Dataset, Examples, Origin, Shape};
use crate::error::{Error, Result};
use crate::inference::{Image, Translator};
use crate::models::Direction;
use crate::numbers::Numbers;
use crate::pictures::Display;
use crate::records::Measurement;
use std::collections::BTreeMap;
use std::path::Path;

/// A trained translation, with the data to compare it to.
pub struct Translations<'a> {
    /// The model.
    pub translator: &'a mut Translator,
    /// The data set that it learns; domain A lies beside it where there are two.
    pub data: &'a Dataset,
    /// Seed of dropout and of the noise that translations are tested with.
    pub seed: u64,
    /// Test pictures to look at; all where absent.
    pub count: Option<usize>,
    /// A classifier of the data, for what needs one.
    pub classifier: Option<&'a mut Classifier>,
    /// Pictures of any size to measure on in place of the test pictures, where pairs are made of single pictures.
    pub pictures: Option<&'a Path>,
}

impl Measures for Translations<'_> {
    fn check(&self, metric: Metric) -> Result<()> {
        let name = metric.name();
        let given = self.translator.config.data.given;
        let refused = |why: &str| Err(Error::Usage(format!("{name} {why}; measure {}", self.fitting())));
        if !metric.is_of_translations() {
            return refused("measures samples of noise, this run translates pictures");
        }
        match (metric, given) {
            (Metric::Superres, Some(Given::LowResolution)) | (Metric::Colour, Some(Given::Grey)) => {
                let need = if self.pictures.is_some() { 0 } else { 1 };
                self.need(&self.data.test, "test", need, metric)?;
                match metric {
                    Metric::Colour => self.need(&self.data.train, "training", 1, metric),
                    _ => Ok(()),
                }
            }
            (Metric::Superres, _) => {
                refused("is for runs that enlarge pictures (data.given = \"low-resolution\")")
            }
            (Metric::Colour, _) => refused("is for runs that colour grey pictures (data.given = \"grey\")"),
            (_, Some(_)) => refused("is for two domains, this run learns one"),
            (Metric::Cycle, None) if !self.translator.goes_back() => {
                refused("needs the way back, this run translates one way")
            }
            (Metric::Paired, None) => {
                let origin = self.origin();
                if !origin.paired.test {
                    return Err(Error::Data(format!(
                        "paired needs test pictures of both domains that belong together, but {} has none{}; {}",
                        self.data.name,
                        origin.unpaired.as_ref().map_or(String::new(), |why| format!(" ({why})")),
                        match self.translator.goes_back() {
                            true => "measure cycle",
                            false => "give data with pairs to test on",
                        }
                    )));
                }
                self.need(&self.data.test, "test", FEWEST, metric)
            }
            (Metric::ClassKept, None) => {
                self.labels()?;
                self.classifier.as_ref().map(|_| ()).ok_or_else(|| no_classifier(metric))
            }
            (_, None) => {
                self.need(&self.origin().data.test, "test (A)", FEWEST, metric)?;
                self.need(&self.data.test, "test (B)", FEWEST, metric)
            }
        }
    }

    fn measure(&mut self, metric: Metric) -> Result<Measurement> {
        self.check(metric)?;
        match metric {
            Metric::Paired => self.paired(),
            Metric::Cycle => self.cycle(),
            Metric::ClassKept => self.class_kept(),
            Metric::Superres => self.super_resolution(),
            Metric::Colour => self.colour(),
            _ => unreachable!("checked"),
        }
    }
}

impl Translations<'_> {
    /// The metrics that fit, for people.
    fn fitting(&self) -> String {
        let all = Metric::all_for(&self.translator.config, false);
        all.iter().map(|metric| metric.name()).collect::<Vec<_>>().join(" or ")
    }

    /// Domain A.
    fn origin(&self) -> &Origin {
        self.data.origin.as_deref().expect("data of two domains, which loading made sure of")
    }

    fn need(&self, split: &Examples, name: &str, count: usize, metric: Metric) -> Result<()> {
        if split.count >= count {
            return Ok(());
        }
        Err(Error::Data(format!(
            "{} needs {count} {name} pictures, but {} has {}; give data with more of them",
            metric.name(),
            self.data.name,
            split.count
        )))
    }

    /// Directions that the model has, with the words that follow the names of their numbers.
    fn directions(&self) -> Vec<(Direction, &'static str)> {
        let all = [(Direction::Forward, ""), (Direction::Backward, " back")];
        all.into_iter().filter(|(direction, _)| self.translator.translation(*direction).is_some()).collect()
    }

    /// The data of the domain that a direction starts from, and of the one that it leads to.
    fn domains(&self, direction: Direction) -> [&Dataset; 2] {
        let both = [&self.origin().data, self.data];
        match direction {
            Direction::Forward => both,
            Direction::Backward => [both[1], both[0]],
        }
    }

    /// Numbers of the test pictures that are looked at: some of a fixed shuffled order, or all.
    fn looked_at(&self, split: &Examples) -> Vec<usize> {
        let count = self.count.unwrap_or(split.count).min(split.count);
        split.shuffled(0..count).collect()
    }

    /// A picture of a split in the network's numbers.
    fn picture(data: &Dataset, split: &Examples, number: usize) -> Image {
        Image { shape: data.shape, numbers: data.numbers(split, number) }
    }

    fn display(&self) -> Display {
        Display::new(self.data.shape, &self.translator.config.data)
    }

    fn shape(&self) -> Shape {
        self.data.shape
    }

    fn measurement(
        &self,
        metric: Metric,
        protocol: String,
        pictures: usize,
        values: impl Into<Numbers>,
    ) -> Measurement {
        Measurement {
            metric: metric.name().into(),
            step: self.translator.step,
            protocol,
            samples: pictures,
            seed: self.seed,
            reduced: self.count.is_some_and(|count| count < self.data.test.count) && self.pictures.is_none(),
            values: values.into(),
            reference: BTreeMap::new(),
            warnings: vec![],
            curves: BTreeMap::new(),
            picture: None,
        }
    }
}
