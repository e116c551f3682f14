//! Evaluation without downloads: every number with its protocol, its N and seed, and the same measurement of
//! real data beside it.

pub mod birthday;
pub mod cas;
pub mod classes;
pub mod classifier;
pub mod compare;
pub mod distance;
mod features;
pub mod frechet;
pub mod kid;
pub mod merit;
pub mod modes;
pub mod ms_ssim;
pub mod neighbours;
pub mod parzen;
pub mod prdc;
pub mod stacked;
pub mod theory;
pub mod wasserstein;

use crate::config::Source;
use crate::data::{Dataset, Examples, shuffle, toy};
use crate::error::{Error, Result};
use crate::report::Display;
use crate::report::picture::Picture;
use crate::run::checkpoint;
use crate::train::forger::Forger;
use classifier::Classifier;
use neighbours::Closeness;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Validation examples that the Parzen window's width is chosen by.
const VALID: usize = 1_000;

/// The metrics there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Parzen-window log-likelihood, the 2014 paper's protocol
    Parzen,
    /// Modes captured, high-quality share and reverse KL on ring and grid, PacGAN's protocol
    Modes,
    /// Distance to the nearest training examples against held-out data's: memorisation
    Neighbours,
    /// Sliced Wasserstein distance to the test examples
    Swd,
    /// Fréchet distance in a classifier's features
    Fd,
    /// Kernel distance in a classifier's features
    Kid,
    /// Precision, recall, density and coverage in a classifier's features
    Prdc,
    /// Shares of classes, and how much of each is covered
    Classes,
    /// Accuracy on real data of a classifier that was trained on samples
    Cas,
    /// Mean MS-SSIM of random pairs: diversity
    MsSsim,
    /// Near duplicates among samples, and the size of support they tell of
    Birthday,
    /// D against p_data / (p_data + p_g), V against −log 4, where the data's density is known: the 2014 paper's Figure 1
    Theory,
}

impl Metric {
    /// As typed.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Parzen => "parzen",
            Metric::Modes => "modes",
            Metric::Neighbours => "neighbours",
            Metric::Swd => "swd",
            Metric::Fd => "fd",
            Metric::Kid => "kid",
            Metric::Prdc => "prdc",
            Metric::Classes => "classes",
            Metric::Cas => "cas",
            Metric::MsSsim => "ms-ssim",
            Metric::Birthday => "birthday",
            Metric::Theory => "theory",
        }
    }

    /// The metrics that mean something for a data source, but cas, which trains two classifiers; with a classifier
    /// of the data or without.
    pub fn all_for(source: Source, classified: bool) -> Vec<Metric> {
        let mut all = match source {
            Source::Ring | Source::Grid => vec![Metric::Modes, Metric::Swd],
            Source::Line => vec![Metric::Theory, Metric::Swd],
            Source::Stacked => vec![Metric::Swd, Metric::MsSsim, Metric::Birthday],
            _ => vec![Metric::Parzen, Metric::Neighbours, Metric::Swd, Metric::MsSsim, Metric::Birthday],
        };
        match source {
            Source::Ring | Source::Grid | Source::Line => {}
            Source::Stacked if classified => all.insert(0, Metric::Modes),
            _ if classified => all.extend([Metric::Fd, Metric::Kid, Metric::Prdc, Metric::Classes]),
            _ => {}
        }
        all
    }
}

/// One metric, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Its name.
    pub metric: String,
    /// What was measured, in words that tell two protocols apart.
    pub protocol: String,
    /// Samples drawn from the generator.
    pub samples: usize,
    /// Seed of their noise.
    pub seed: u64,
    /// The numbers, by name.
    pub values: BTreeMap<String, f64>,
    /// The same protocol on other "samples": real data, the mean image, a perfect sampler.
    pub reference: BTreeMap<String, BTreeMap<String, f64>>,
    /// What to know before quoting the numbers.
    pub warnings: Vec<String>,
    /// Curves to draw beside the numbers, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub curves: BTreeMap<String, Vec<[f64; 2]>>,
    /// A picture to put beside them.
    #[serde(skip)]
    pub picture: Option<Picture>,
}

/// What is evaluated, with the data to compare it to.
pub struct Subject<'a> {
    /// The generator.
    pub forger: &'a mut Forger,
    /// Its data set.
    pub data: &'a Dataset,
    /// Seed of the noise.
    pub seed: u64,
    /// Samples to draw; each metric's own number where absent.
    pub count: Option<usize>,
    /// A classifier of the data, for the metrics that need one.
    pub classifier: Option<&'a mut Classifier>,
    /// Worker threads of classifiers that a metric trains; 0 takes one a core.
    pub threads: usize,
    /// What computes the Parzen windows.
    pub windows: &'a mut dyn parzen::LogSums,
}

/// A hash as people tell it: its first twelve digits. Names stay as they are.
pub(crate) fn shortened(identity: &str) -> &str {
    if identity.len() == 64 { &identity[..12] } else { identity }
}

/// Names and numbers as a map.
fn values<const N: usize>(pairs: [(&str, f64); N]) -> BTreeMap<String, f64> {
    pairs.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

impl Subject<'_> {
    /// Measures one metric.
    ///
    /// # Errors
    /// When the data lack what it needs; the message says what.
    pub fn measure(&mut self, metric: Metric) -> Result<Measurement> {
        self.check(metric)?;
        match metric {
            Metric::Parzen => self.parzen(),
            Metric::Modes => self.modes(),
            Metric::Neighbours => self.neighbours(),
            Metric::Swd => self.sliced_wasserstein(),
            Metric::Fd => self.frechet(),
            Metric::Kid => self.kernel_distance(),
            Metric::Prdc => self.overlap(),
            Metric::Classes => self.classes(),
            Metric::Cas => self.train_on_fake(),
            Metric::MsSsim => self.similarity(),
            Metric::Birthday => self.birthday(),
            Metric::Theory => self.theory(),
        }
    }

    /// Checks that the data have what a metric needs.
    ///
    /// # Errors
    /// When they do not; the message says what is missing.
    pub fn check(&self, metric: Metric) -> Result<()> {
        match metric {
            Metric::Parzen => {
                self.pictures(metric)?;
                self.need(&self.data.valid, "validation", VALID, metric)?;
                self.need(&self.data.test, "test", 100, metric)
            }
            Metric::Modes if self.forger.config.data.source == Source::Stacked => {
                self.classifier.as_ref().map(|_| ()).ok_or_else(|| features::no_classifier(metric))
            }
            Metric::Modes => self.mixture().map(|_| ()),
            Metric::Neighbours => {
                self.pictures(metric)?;
                self.need(&self.data.test, "test", 100, metric)
            }
            Metric::Swd => self.need(&self.data.test, "test", 100, metric),
            // These say so themselves, before they draw the first sample.
            Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes | Metric::Cas => Ok(()),
            Metric::MsSsim | Metric::Birthday => Ok(()),
            Metric::Theory => theory::applies(&self.forger.gan).map(|_| ()),
        }
    }

    fn mixture(&self) -> Result<toy::Mixture> {
        match self.forger.config.data.source {
            Source::Ring => Ok(toy::RING),
            Source::Grid => Ok(toy::GRID),
            _ => Err(Error::Usage(
                "modes is a measure of ring, grid and stacked digits; this run has other data: measure classes".into(),
            )),
        }
    }

    /// Samples as people see them: pixels in [0, 1], points as they are.
    fn samples(&mut self, count: usize) -> Result<Vec<f32>> {
        let samples = self.forger.samples(count, self.seed, None)?;
        Ok(self.forger.display.unit(&samples))
    }

    /// The first `count` examples of a split (in a fixed shuffled order where `shuffled`), as people see them.
    fn examples(&self, split: &Examples, count: usize, shuffled: bool) -> Vec<f32> {
        let count = count.min(split.count);
        if shuffled {
            return self.shuffled(split, 0..count);
        }
        self.display().unit(&(0..count).flat_map(|i| self.data.numbers(split, i)).collect::<Vec<f32>>())
    }

    /// Examples at these places of the fixed shuffled order, as people see them.
    fn shuffled(&self, split: &Examples, places: std::ops::Range<usize>) -> Vec<f32> {
        let at = |i: usize| shuffle::at(0, split.count, i as u64);
        self.display().unit(&places.flat_map(|i| self.data.numbers(split, at(i))).collect::<Vec<f32>>())
    }

    fn display(&self) -> Display {
        Display { shape: self.data.shape, scale: self.forger.config.data.scale }
    }

    fn need(&self, split: &Examples, name: &str, count: usize, metric: Metric) -> Result<()> {
        if split.count >= count {
            return Ok(());
        }
        Err(Error::Data(format!(
            "{} needs {count} {name} examples, but {} has {}; give data with more of them",
            metric.name(),
            self.data.name,
            split.count
        )))
    }

    fn pictures(&self, metric: Metric) -> Result<()> {
        if self.data.shape.is_point() {
            return Err(Error::Usage(format!(
                "{} is a measure of pictures, this run makes points; measure modes or swd",
                metric.name()
            )));
        }
        Ok(())
    }

    fn parzen(&mut self) -> Result<Measurement> {
        let data = self.data;
        let count = self.count.unwrap_or(10_000);
        let dim = data.shape.len();
        let samples = self.samples(count)?;
        let valid = self.examples(&data.valid, VALID, false);
        let test = self.examples(&data.test, 10_000, false);
        let real_count = count.min(data.train.count);
        let real = self.examples(&data.train, real_count, true);
        let mut row = |x: &[f32]| -> Result<_> {
            let p = parzen::measure(self.windows, x, &valid, &test, dim)?;
            Ok((p, values([("nats", p.test), ("se", p.error), ("sigma", p.sigma), ("validation", p.valid)])))
        };
        let (found, numbers) = row(&samples)?;
        let (real, real_numbers) = row(&real)?;
        let mean = data.marginals();
        let mean = Display { shape: data.shape, scale: self.forger.config.data.scale }.unit(&mean);
        let (_, mean_numbers) = row(&mean)?;
        let warnings = found.warning(&real).into_iter().collect();
        Ok(Measurement {
            metric: "parzen".into(),
            protocol: format!(
                "mean log-likelihood of {} test examples in [0, 1] under Gaussians around {count} samples, σ by the \
                 first {VALID} validation examples over logspace(-1, 0, 10) (1406.2661)",
                test.len() / dim
            ),
            samples: count,
            seed: self.seed,
            values: numbers,
            reference: BTreeMap::from([
                (format!("{real_count} training examples"), real_numbers),
                ("the mean image".into(), mean_numbers),
            ]),
            warnings,
            curves: BTreeMap::new(),
            picture: None,
        })
    }

    fn modes(&mut self) -> Result<Measurement> {
        if self.forger.config.data.source == Source::Stacked {
            return self.stacked_modes();
        }
        let mixture = self.mixture()?;
        let count = self.count.unwrap_or(modes::SAMPLES);
        let row = |points: &[f32]| {
            let c = modes::coverage(points, &mixture);
            values([
                ("modes", c.captured as f64),
                ("high quality %", 100.0 * c.quality),
                ("reverse KL", c.reverse_kl),
            ])
        };
        let samples = self.samples(count)?;
        let found = row(&samples);
        let real = row(&self.examples(&self.data.test, count, false));
        let mut warnings = vec![];
        let ceiling = 100.0 * modes::perfect_quality();
        if found["high quality %"] > ceiling + 3.0 * (ceiling * (100.0 - ceiling) / count as f64).sqrt() {
            warnings.push(format!(
                "high quality is above {ceiling:.2} %, a perfect sampler's: modes are too narrow"
            ));
        }
        Ok(Measurement {
            metric: "modes".into(),
            protocol: format!(
                "{count} samples of the {}; high quality within 3 sd of a mode, captured with at least one (1712.04086)",
                mixture.name
            ),
            samples: count,
            seed: self.seed,
            values: found,
            reference: BTreeMap::from([("test points".into(), real)]),
            warnings,
            curves: BTreeMap::new(),
            picture: None,
        })
    }

    fn neighbours(&mut self) -> Result<Measurement> {
        const HELD_OUT: usize = 1_000;
        let count = self.count.unwrap_or(HELD_OUT);
        let dim = self.data.shape.len();
        let train = self.examples(&self.data.train, self.data.train.count, false);
        let held_out = self.examples(&self.data.test, HELD_OUT, false);
        let samples = self.samples(count)?;
        let closeness: Closeness = neighbours::closeness(&samples, &held_out, &train, dim);
        let mut warnings = vec![];
        if closeness.is_memorised() {
            warnings
                .push("memorised: samples lie much nearer to training examples than unseen data do".into());
        }
        Ok(Measurement {
            metric: "neighbours".into(),
            protocol: format!(
                "median distance of {count} samples to their nearest of {} training examples, by the same of {} test \
                 examples; memorised below {}",
                self.data.train.count,
                held_out.len() / dim,
                neighbours::MEMORISED
            ),
            samples: count,
            seed: self.seed,
            values: values([
                ("ratio", closeness.ratio()),
                ("distance", closeness.samples),
                ("memorised", f64::from(u8::from(closeness.is_memorised()))),
            ]),
            reference: BTreeMap::from([("test examples".into(), values([("distance", closeness.held_out)]))]),
            warnings,
            curves: BTreeMap::new(),
            picture: None,
        })
    }

    fn sliced_wasserstein(&mut self) -> Result<Measurement> {
        let count = self.count.unwrap_or(10_000).min(self.data.test.count).min(self.data.train.count);
        let dim = self.data.shape.len();
        let samples = self.samples(count)?;
        let test = self.examples(&self.data.test, count, false);
        let train = self.examples(&self.data.train, count, true);
        let directions = wasserstein::directions(dim, 0);
        let row = |x: &[f32]| values([("distance", wasserstein::sliced(x, &test, dim, &directions))]);
        Ok(Measurement {
            metric: "swd".into(),
            protocol: format!(
                "sliced Wasserstein-1 distance of {count} samples to as many test examples, {} directions",
                wasserstein::DIRECTIONS
            ),
            samples: count,
            seed: self.seed,
            values: row(&samples),
            reference: BTreeMap::from([("training examples".into(), row(&train))]),
            warnings: vec![],
            curves: BTreeMap::new(),
            picture: None,
        })
    }

    fn theory(&mut self) -> Result<Measurement> {
        let mixture = theory::applies(&self.forger.gan)?;
        let checkpoint = checkpoint::load(&self.forger.from)?;
        let count = self.count.unwrap_or(theory::SAMPLES);
        let found = theory::measure(&checkpoint, self.seed, count, 0)?;
        let field = &found.field;
        let loss = &self.forger.config.loss;
        let mut warnings = vec![];
        if loss.r1 > 0.0 || loss.r2 > 0.0 || loss.gradient_penalty > 0.0 {
            warnings.push("this D pays a gradient penalty: it is kept flatter than the best D".into());
        }
        let curve = |of: &dyn Fn(usize) -> f64| -> Vec<[f64; 2]> {
            let cells = (0..field.data.len()).filter(|&c| field.d[c].is_finite());
            cells.map(|c| [field.centre(c)[0], of(c)]).collect()
        };
        let curves = match field.axes {
            1 => BTreeMap::from([
                ("p_data".into(), curve(&|c| field.data[c])),
                ("p_g".into(), curve(&|c| field.samples[c])),
                ("D".into(), curve(&|c| field.d[c])),
                ("p_data / (p_data + p_g)".into(), curve(&|c| field.best(c))),
            ]),
            _ => BTreeMap::new(),
        };
        Ok(Measurement {
            metric: "theory".into(),
            protocol: format!(
                "|D − p_data / (p_data + p_g)|, mean under (p_data + p_g) / 2; p_data of the {}, p_g of {count} samples \
                 of G itself, both smoothed by a Gaussian of sd {:.4}; V(D, G) by {} points of each kind (1406.2661, \
                 Figure 1)",
                mixture.name,
                found.width,
                count.min(50_000)
            ),
            samples: count,
            seed: self.seed,
            values: values([
                ("|D − D*|", found.error),
                ("V(D, G)", found.value),
                ("se", found.value_error),
                ("JSD", found.divergence),
            ]),
            reference: BTreeMap::from([
                (
                    "the best D against this G".into(),
                    values([("|D − D*|", 0.0), ("V(D, G)", found.best_value()), ("JSD", found.divergence)]),
                ),
                (
                    "equilibrium: p_g = p_data".into(),
                    values([("|D − D*|", 0.0), ("V(D, G)", -(4f64.ln())), ("JSD", 0.0)]),
                ),
            ]),
            warnings,
            curves,
            picture: (field.axes == 2).then(|| theory::panels(field)),
        })
    }
}
