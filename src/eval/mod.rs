//! Evaluation without downloads: every number with its protocol, its N and seed, and the same measurement of
//! real data beside it.

pub mod birthday;
pub mod cas;
pub mod classes;
pub mod classifier;
pub mod compare;
pub mod distance;
mod features;
pub mod fidelity;
pub mod frechet;
pub mod kept;
pub mod kid;
pub mod modes;
pub mod ms_ssim;
pub mod neighbours;
pub mod nyquist;
pub mod one_nn;
pub mod parzen;
mod path_length;
pub mod prdc;
pub mod stacked;
pub mod theory;
pub mod translation;
pub mod wasserstein;

use crate::config::{Config, Metric, Scale, Source};
use crate::data::{Dataset, Examples};
use crate::error::{Error, Result};
use crate::exec::Hardware;
use crate::inference::Generator;
use crate::numbers::Numbers;
use crate::pictures::Display;
pub use crate::records::{Evaluation, Measurement};
use classifier::{Classifier, Fit};
use std::collections::BTreeMap;

/// Fewer examples than this say nothing; a protocol that takes more is scaled down to what there is.
const FEWEST: usize = 20;
/// Test examples below which a protocol says that it was scaled down.
const FEW: usize = 100;

/// What is evaluated, with the data to compare it to.
pub struct Subject<'a> {
    /// The generator.
    pub generator: Generator<'a>,
    /// The data set that it learns.
    pub data: &'a Dataset,
    /// Seed of the noise.
    pub seed: u64,
    /// Samples to draw; each metric's own number where absent.
    pub count: Option<usize>,
    /// A classifier of the data, for the metrics that need one.
    pub classifier: Option<&'a mut Classifier>,
    /// Where networks run that a metric makes itself.
    pub hardware: Hardware,
    /// What computes the Parzen windows.
    pub windows: &'a mut dyn parzen::LogSums,
    /// Trains a classifier, for the metric that tests what one learns from samples.
    pub fit: Fit,
}

/// What metrics are measured of.
pub trait Measures {
    /// Checks that model and data have what a metric needs.
    ///
    /// # Errors
    /// When they do not; the message says what is missing.
    fn check(&self, metric: Metric) -> Result<()>;

    /// Measures one metric.
    ///
    /// # Errors
    /// When model or data lack what it needs, the message says what; or the device fails.
    fn measure(&mut self, metric: Metric) -> Result<Measurement>;
}

/// The metrics that fit a configuration without more than its data, for people.
fn fitting(config: &Config) -> String {
    let names: Vec<&str> = Metric::all_for(config, false).iter().map(|m| m.name()).collect();
    names.join(" or ")
}

impl Measures for Subject<'_> {
    fn check(&self, metric: Metric) -> Result<()> {
        match metric {
            Metric::Parzen => {
                self.pictures(metric)?;
                parzen::fits(self.generator.config.data.scale)?;
                self.need(&self.data.valid, "validation", parzen::VALID, metric)?;
                self.need(&self.data.test, "test", 100, metric)
            }
            Metric::Modes if self.generator.config.data.source == Source::Stacked => {
                self.classifier.as_ref().map(|_| ()).ok_or_else(|| features::no_classifier(metric))
            }
            Metric::Modes => modes::mixture(self.generator.config).map(|_| ()),
            Metric::Neighbours => {
                self.pictures(metric)?;
                self.need(&self.data.test, "test", FEWEST, metric)
            }
            Metric::Swd => {
                self.need(&self.data.train, "training", FEWEST, metric)?;
                self.need(&self.data.test, "test", FEWEST, metric)
            }
            Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes => {
                self.pictures(metric)?;
                if self.generator.config.data.source == Source::Stacked {
                    return Err(Error::Usage(format!(
                        "{} sees one digit at a time, this run makes stacks of them; measure modes or swd",
                        metric.name()
                    )));
                }
                self.need(&self.data.train, "training", FEWEST, metric)?;
                if metric == Metric::Classes {
                    classes::test_labels(self.data)?;
                }
                self.need(&self.data.test, "test", FEWEST, metric)?;
                let lacks = metric == Metric::Classes && self.classifier.is_none();
                if lacks { Err(features::no_classifier(metric)) } else { Ok(()) }
            }
            Metric::Cas => self.labels_for_cas().map(|_| ()),
            Metric::OneNn => self.classes_asked_for().map(|_| ()),
            Metric::MsSsim => {
                self.pictures(metric)?;
                ms_ssim::fitting_scales(self.data.shape)?;
                self.need(&self.data.train, "training", FEWEST, metric)
            }
            Metric::Birthday => {
                self.pictures(metric)?;
                self.need(&self.data.test, "test", FEWEST, metric)
            }
            Metric::Nyquist => {
                self.pictures(metric)?;
                nyquist::fits(self.data.shape)?;
                self.need(&self.data.train, "training", FEWEST, metric)?;
                self.need(&self.data.test, "test", FEWEST, metric)
            }
            Metric::PathLength => self.even_paths(),
            Metric::Theory => theory::applies(self.generator.config).map(|_| ()),
            Metric::Paired | Metric::Cycle | Metric::ClassKept | Metric::Superres | Metric::Colour => {
                Err(Error::Usage(format!(
                    "{} measures translations, this run makes examples of noise; measure {}",
                    metric.name(),
                    fitting(self.generator.config)
                )))
            }
        }
    }

    fn measure(&mut self, metric: Metric) -> Result<Measurement> {
        self.check(metric)?;
        let found = match metric {
            Metric::Parzen => self.parzen(),
            Metric::Modes => self.modes(),
            Metric::Neighbours => self.neighbours(),
            Metric::Swd => self.sliced_wasserstein(),
            Metric::Fd => self.frechet(),
            Metric::Kid => self.kernel_distance(),
            Metric::Prdc => self.overlap(),
            Metric::Classes => self.classes(),
            Metric::Cas => self.train_on_fake(),
            Metric::OneNn => self.one_nearest_neighbour(),
            Metric::MsSsim => self.similarity(),
            Metric::Birthday => self.birthday(),
            Metric::Nyquist => self.highest_frequency(),
            Metric::PathLength => self.path_length(),
            Metric::Theory => self.theory(),
            Metric::Paired | Metric::Cycle | Metric::ClassKept | Metric::Superres | Metric::Colour => {
                unreachable!("checked")
            }
        }?;
        let found = match self.generator.config.data.scale {
            Scale::Gcn => found.of("pixels brought to [0, 1] by each example's own range"),
            Scale::Unit | Scale::Signed => found,
        };
        let found = match self.labels_told() {
            Some(told) => found.of(told),
            None => found,
        };
        let by_tests =
            !matches!(metric, Metric::Modes | Metric::MsSsim | Metric::PathLength | Metric::Theory);
        let tests = self.data.test.count;
        let found = match by_tests && tests < FEW {
            true => found.of(&format!("scaled down to the {tests} test examples there are")),
            false => found,
        };
        let looks = self.looks_through_classifier(metric);
        Ok(found.warned(self.classifier.as_ref().filter(|_| looks).and_then(|c| c.warning())))
    }
}

impl Subject<'_> {
    /// Numbers of `samples` samples of this seed's noise.
    fn measurement(
        &self,
        metric: Metric,
        protocol: String,
        samples: usize,
        values: impl Into<Numbers>,
    ) -> Measurement {
        Measurement {
            metric: metric.name().into(),
            step: self.generator.step,
            protocol,
            samples,
            seed: self.seed,
            reduced: self.count.is_some_and(|count| count < self.protocol_count(metric)),
            values: values.into(),
            reference: BTreeMap::new(),
            warnings: vec![],
            curves: BTreeMap::new(),
            picture: None,
        }
    }

    /// Samples that a metric's protocol draws of a run of these data.
    fn protocol_count(&self, metric: Metric) -> usize {
        let data = self.data;
        match metric {
            Metric::Parzen => parzen::SAMPLES,
            Metric::Modes if self.generator.config.data.source == Source::Stacked => {
                let classes = self.classifier.as_ref().map_or(data.classes, |c| c.card.classes);
                stacked::samples(classes.pow(data.shape.channels as u32))
            }
            Metric::Modes => modes::SAMPLES,
            Metric::Neighbours => neighbours::HELD_OUT,
            Metric::Swd => wasserstein::SAMPLES.min(data.test.count).min(data.train.count),
            Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes => features::COUNT,
            Metric::Cas => data.train.count,
            Metric::OneNn => one_nn::SAMPLES.min(data.train.count),
            Metric::MsSsim => 2 * ms_ssim::PAIRS,
            Metric::Birthday => birthday::SAMPLES,
            Metric::Nyquist => nyquist::SAMPLES.min(data.test.count).min(data.train.count),
            Metric::PathLength => path_length::PAIRS,
            Metric::Theory => theory::SAMPLES,
            Metric::Paired | Metric::Cycle | Metric::ClassKept | Metric::Superres | Metric::Colour => 0,
        }
    }

    /// Samples to draw for a metric.
    fn samples_wanted(&self, metric: Metric) -> usize {
        self.count.unwrap_or(self.protocol_count(metric))
    }

    /// How labels of samples are drawn, where the model is conditional.
    fn labels_told(&self) -> Option<&'static str> {
        (self.generator.classes() > 0).then(|| match self.generator.class_table() {
            Some(_) => "samples of classes drawn as often as the training data have them",
            None => {
                "samples of classes drawn equally often: the checkpoint is older than the counts of its training data's \
                 classes"
            }
        })
    }

    /// Samples as people see them: pixels in [0, 1], points as they are.
    fn samples(&mut self, count: usize) -> Result<Vec<f32>> {
        let samples = self.generator.samples(count, self.seed)?;
        Ok(self.generator.display.unit(&samples))
    }

    /// `count` examples of a split, or all where it has fewer, in its shuffled order, as people see them.
    fn examples(&self, split: &Examples, count: usize) -> Vec<f32> {
        self.examples_at(split, split.shuffled(0..count.min(split.count)))
    }

    /// The first `count` examples of a split, or all where it has fewer, as people see them: where a protocol says which,
    /// or their labels lie beside them.
    fn first_examples(&self, split: &Examples, count: usize) -> Vec<f32> {
        self.examples_at(split, 0..count.min(split.count))
    }

    /// These examples of a split, as people see them.
    fn examples_at(&self, split: &Examples, which: impl Iterator<Item = usize>) -> Vec<f32> {
        self.display().unit(&self.data.numbers_of(split, which))
    }

    fn display(&self) -> Display {
        Display::new(self.data.shape, &self.generator.config.data)
    }

    fn need(&self, split: &Examples, name: &str, count: usize, metric: Metric) -> Result<()> {
        if split.count >= count {
            return Ok(());
        }
        let advice = match name {
            _ if self.generator.config.data.source.is_built_in() => "train with a larger data.count".into(),
            "test" => {
                // A hundredth more than would just do: shares are rounded.
                let all = self.data.train.count + self.data.test.count;
                match 100 * count / all + 1 {
                    percent @ 1..=50 => format!(
                        "where no file holds test examples, train with --set data.hold_out={}; else give data with \
                         more of them",
                        percent as f64 / 100.0
                    ),
                    _ => "give data with more of them".into(),
                }
            }
            "validation" => {
                "train with --set data.train='[from, to]' and another range of the training examples as data.valid"
                    .into()
            }
            _ => String::from("give data with more of them"),
        };
        Err(Error::Data(format!(
            "{} needs {count} {name} examples, but {} has {}; {advice}",
            metric.name(),
            self.data.name,
            split.count
        )))
    }

    fn pictures(&self, metric: Metric) -> Result<()> {
        if self.data.shape.is_point() {
            return Err(Error::Usage(format!(
                "{} is a measure of pictures, this run makes points; measure {}",
                metric.name(),
                fitting(self.generator.config)
            )));
        }
        Ok(())
    }
}
