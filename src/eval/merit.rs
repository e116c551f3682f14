//! Which of two generators a metric calls the better one: what `--best-by` goes by.

use super::{Measurement, Metric};
use crate::config::Source;
use crate::error::{Error, Result};

/// The one number of a metric that generators are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merit {
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
}

impl Metric {
    /// What generators are compared by; absent where a number says something else than how good they are.
    pub fn merit(self) -> Option<Merit> {
        let merit = |name, rises, samples| Some(Merit { name, rises, samples });
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
    fn needs_classifier(self) -> bool {
        matches!(self, Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes | Metric::Cas)
    }

    /// That number of a measurement.
    pub fn worth(self, measurement: &Measurement) -> f64 {
        let value = |name: &str| measurement.values.get(name).copied().unwrap_or(f64::NAN);
        match self {
            Metric::Parzen => value("nats"),
            Metric::Modes => value("modes") + value("high quality %") / 100.0,
            Metric::Swd => value("distance"),
            _ => f64::NAN,
        }
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
