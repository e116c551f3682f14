//! The metrics by name, which data each fits, and which of two generators it calls the better one: what `--best-by`
//! goes by. How they are measured stands in [`crate::eval`].

use super::{Config, Given, Model, Source};
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

/// Which way a number of a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// The value of real data is best: more and less are both worse.
    LikeReal,
}

impl Better {
    /// In a table: an arrow, or what to be near.
    pub fn sign(self) -> &'static str {
        match self {
            Better::Higher => "↑",
            Better::Lower => "↓",
            Better::LikeReal => "as real",
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
    /// Errors on real data of a nearest-neighbour classifier that knows samples by their classes
    OneNn,
    /// Mean MS-SSIM of random pairs: diversity
    MsSsim,
    /// Near duplicates among samples, and the size of support they tell of
    Birthday,
    /// Energy at the highest frequency of rows and columns, by the data's: checkerboards
    Nyquist,
    /// How far samples move as styles or noise move by a little, in pixels and in a classifier's features: how evenly they change
    PathLength,
    /// D against p_data / (p_data + p_g), V against −log 4, where the data's density is known: the 2014 paper's Figure 1
    Theory,
    /// Translations against the pictures they should be: mean absolute error, PSNR and SSIM
    Paired,
    /// What comes back of pictures translated there and back, also when the way back sees 8 bits with noise
    Cycle,
    /// Share of translations that a classifier names as the picture was labelled
    ClassKept,
    /// PSNR and SSIM of enlarged pictures on luma, beside bicubic enlargement
    Superres,
    /// Error of a and b of Lab of coloured pictures, and how colourful they are
    Colour,
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
            Metric::OneNn => "one-nn",
            Metric::MsSsim => "ms-ssim",
            Metric::Birthday => "birthday",
            Metric::Nyquist => "nyquist",
            Metric::PathLength => "path-length",
            Metric::Theory => "theory",
            Metric::Paired => "paired",
            Metric::Cycle => "cycle",
            Metric::ClassKept => "class-kept",
            Metric::Superres => "superres",
            Metric::Colour => "colour",
        }
    }

    /// Whether it measures pictures that were made of pictures.
    pub fn is_of_translations(self) -> bool {
        use Metric::{ClassKept, Colour, Cycle, Paired, Superres};
        matches!(self, Paired | Cycle | ClassKept | Superres | Colour)
    }

    /// The metrics that mean something for a configuration's model and data, but cas, which trains two classifiers; with a
    /// classifier of the data or without.
    pub fn all_for(config: &Config, classified: bool) -> Vec<Metric> {
        let kept = classified.then_some(Metric::ClassKept);
        match (config.model, config.data.given) {
            (Model::Gan, _) => Metric::of_samples(config.data.source, classified),
            (Model::Stylegan2, _) => {
                let mut all = Metric::of_samples(config.data.source, classified);
                all.push(Metric::PathLength);
                all
            }
            (_, Some(Given::LowResolution)) => vec![Metric::Superres],
            (_, Some(Given::Grey)) => vec![Metric::Colour],
            (Model::Cyclegan, None) => [Metric::Paired, Metric::Cycle].into_iter().chain(kept).collect(),
            (Model::Pix2pix, None) => std::iter::once(Metric::Paired).chain(kept).collect(),
        }
    }

    fn of_samples(source: Source, classified: bool) -> Vec<Metric> {
        let mut all = match source {
            Source::Ring | Source::Grid => vec![Metric::Modes, Metric::Swd],
            Source::Line => vec![Metric::Theory, Metric::Swd],
            Source::Stacked => vec![Metric::Swd, Metric::MsSsim, Metric::Birthday, Metric::Nyquist],
            _ => vec![
                Metric::Parzen,
                Metric::Neighbours,
                Metric::Swd,
                Metric::MsSsim,
                Metric::Birthday,
                Metric::Nyquist,
            ],
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
            // No checkerboard is no picture yet.
            Metric::Nyquist => None,
            // Training has no classifier.
            Metric::Fd | Metric::Kid | Metric::Prdc | Metric::Classes | Metric::Cas => None,
            // It costs a distance for each pair of an example and a sample.
            Metric::OneNn => None,
            // Samples that are all alike change evenly.
            Metric::PathLength => None,
            // It is a measure of D.
            Metric::Theory => None,
            // They are measured once a model is trained.
            Metric::Paired | Metric::Cycle | Metric::ClassKept | Metric::Superres | Metric::Colour => None,
        }
    }

    /// Metric of a name; none of a name that is none's.
    pub fn named(name: &str) -> Option<Metric> {
        serde_json::from_value(name.into()).ok()
    }

    /// Which way its number called `number` is better; none of numbers that only say how it was measured.
    pub fn better(self, number: &str) -> Option<Better> {
        let better = match (self, number) {
            (_, "se") => return None,
            (Metric::Parzen, "nats") => Better::Higher,
            (Metric::Modes, "modes" | "high quality %") => Better::Higher,
            (Metric::Modes, "reverse KL") => Better::Lower,
            (Metric::Neighbours, "distance" | "ratio") => Better::LikeReal,
            (Metric::Neighbours, "memorised") => Better::Lower,
            (Metric::Swd | Metric::Fd | Metric::Kid, _) => Better::Lower,
            (Metric::Prdc, _) => Better::Higher,
            (Metric::Classes, "KL") => Better::Lower,
            (Metric::Classes, "classes" | "as asked %") => Better::Higher,
            (Metric::Cas, _) => Better::Higher,
            (Metric::OneNn, _) => Better::Lower,
            (Metric::MsSsim, _) => Better::LikeReal,
            (Metric::Birthday, "duplicates" | "support") => Better::LikeReal,
            (Metric::Nyquist, _) => Better::LikeReal,
            (Metric::PathLength, name) if name.ends_with("ratio") => Better::Lower,
            (Metric::Theory, "|D − D*|" | "JSD") => Better::Lower,
            (Metric::Paired, name) if name.starts_with("L1") => Better::Lower,
            (Metric::Paired | Metric::ClassKept, _) => Better::Higher,
            (Metric::Cycle, _) => Better::Lower,
            (Metric::Superres, "detail") | (Metric::Colour, "colourfulness") => Better::LikeReal,
            (Metric::Superres, _) | (Metric::Colour, "PSNR") => Better::Higher,
            (Metric::Colour, "ab error") => Better::Lower,
            _ => return None,
        };
        Some(better)
    }

    /// Whether it is measured in a classifier's terms, whatever the data.
    pub(crate) fn needs_classifier(self) -> bool {
        use Metric::{Cas, ClassKept, Classes, Fd, Kid, Prdc};
        matches!(self, Fd | Kid | Prdc | Classes | Cas | ClassKept)
    }

    /// Checks that checkpoints of a configuration's model can be chosen by this metric.
    ///
    /// # Errors
    /// When they cannot, with those that can.
    pub fn chooses(self, config: &Config) -> Result<Merit> {
        if config.model.translates() {
            return Err(Error::Usage(format!(
                "checkpoint.best_by is {}, but a model that translates pictures is measured once it is trained: leave it out, \
                 and try checkpoints with gansaku eval RUN/checkpoints/STEP",
                self.name()
            )));
        }
        let fit = Metric::all_for(config, false);
        if let Some(merit) = self.merit().filter(|_| fit.contains(&self)) {
            return Ok(merit);
        }
        let known: Vec<&str> = fit.iter().filter(|m| m.merit().is_some()).map(|m| m.name()).collect();
        let why = match self.merit() {
            None if self == Metric::Theory => "it is a measure of D, not of samples",
            None if self == Metric::PathLength => "it tells how evenly samples change, not how good they are",
            None if self.is_of_translations() => "it measures pictures made of pictures",
            None if self.needs_classifier() => "it needs a classifier",
            None if self == Metric::Neighbours => "it tells copies from samples, not good ones from bad ones",
            None if self == Metric::Nyquist => {
                "it tells checkerboards from none, not good samples from bad ones"
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn generators_are_compared_the_way_their_numbers_are_better() {
        for metric in Metric::value_variants() {
            assert_eq!(Metric::named(metric.name()), Some(*metric));
            let Some(merit) = metric.merit() else { continue };
            let number = match metric {
                Metric::Parzen => "nats",
                Metric::Modes => "modes",
                _ => "distance",
            };
            let better = if merit.rises { Better::Higher } else { Better::Lower };
            assert_eq!(metric.better(number), Some(better), "{}", metric.name());
        }
        assert_eq!((Metric::Kid.better("se"), Metric::named("nothing")), (None, None));
    }
}
