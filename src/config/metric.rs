//! The metrics by name, which data each fits, and which of two generators it calls the better one: what `--best-by`
//! goes by. How they are measured stands in [`crate::eval`].

use super::Source;
use crate::error::{Error, Result};
use crate::numbers::Numbers;
use serde::{Deserialize, Serialize};

/// The one number of a metric that generators are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merit {
    /// Metric that it is a number of.
    pub metric: Metric,
    /// For people.
    pub name: &'static str,
    /// Whether more is better.
    pub rises: bool,
    /// Samples to draw: fewer than the metric's protocol takes, as it is measured many times.
    pub samples: usize,
}

impl Merit {
    /// Whether `new` is better than `old`; what is not a number never is.
    pub fn is_better(&self, new: f64, old: f64) -> bool {
        if self.rises { new > old } else { new < old }
    }

    /// That number, of all that were measured, by their names; not a number where one is missing.
    pub fn of(&self, values: &Numbers) -> f64 {
        let value = |name: &str| values.get(name).copied().unwrap_or(f64::NAN);
        match self.metric {
            Metric::Modes => value("modes") + value("high quality %") / 100.0,
            Metric::Parzen => value("nats"),
            _ => value("distance"),
        }
    }
}

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
    /// Fréchet distance in a classifier's features, or in random projections of pixels
    Fd,
    /// Kernel distance in a classifier's features, or in random projections of pixels
    Kid,
    /// Precision, recall, density and coverage in a classifier's features, or in random projections of pixels
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
    /// Name, as typed.
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
            Source::Stacked => {}
            _ => {
                all.extend([Metric::Fd, Metric::Kid, Metric::Prdc]);
                all.extend(classified.then_some(Metric::Classes));
            }
        }
        all
    }

    /// What generators are compared by; absent where a number says something else than how good they are.
    pub fn merit(self) -> Option<Merit> {
        let merit = |name, rises, samples| Some(Merit { metric: self, name, rises, samples });
        match self {
            Metric::Parzen => merit("log-likelihood in nats", true, 1_000),
            Metric::Modes => merit("modes and share of high quality", true, 2_500),
            Metric::Swd => merit("sliced Wasserstein distance", false, 1_000),
            // Far from training examples is no virtue, and near is none.
            Metric::Neighbours => None,
            // Diversity alone is none either.
            Metric::MsSsim | Metric::Birthday => None,
            // Training has no classifier.
            Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes | Metric::Cas => None,
            // It is a measure of D.
            Metric::Theory => None,
        }
    }

    /// Whether it is measured in a classifier's terms, whatever the data.
    pub(crate) fn needs_classifier(self) -> bool {
        matches!(self, Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes | Metric::Cas)
    }

    /// Checks that checkpoints of a model of that data can be chosen by this metric.
    ///
    /// # Errors
    /// When they cannot, with those that can.
    pub fn chooses(self, source: Source) -> Result<Merit> {
        let fit = Metric::all_for(source, false);
        if let Some(merit) = self.merit().filter(|_| fit.contains(&self)) {
            return Ok(merit);
        }
        let known: Vec<&str> = fit.iter().filter(|m| m.merit().is_some()).map(|m| m.name()).collect();
        let why = match self.merit() {
            None if self == Metric::Theory => "it is a measure of D, not of samples",
            None if self.needs_classifier() => "it needs a classifier",
            None if self == Metric::Neighbours => "it tells copies from samples, not good ones from bad ones",
            None => "it tells how unlike samples are, not how good",
            Some(_) => "it does not fit these data",
        };
        Err(Error::Usage(format!(
            "checkpoint.best_by is {}, but {why}; expected {}",
            self.name(),
            known.join(" or ")
        )))
    }
}
