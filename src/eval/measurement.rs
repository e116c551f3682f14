//! What a metric found, with all that it takes to quote it.

use super::{Metric, Subject};
use crate::numbers::Numbers;
use crate::report::picture::Picture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One metric, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Its name.
    pub metric: String,
    /// What was measured, in words that tell two protocols apart.
    pub protocol: String,
    /// Samples of the generator that went in.
    pub samples: usize,
    /// Seed of their noise.
    pub seed: u64,
    /// The numbers, by name.
    pub values: Numbers,
    /// The same protocol on other "samples": real data, the mean image, a perfect sampler.
    pub reference: BTreeMap<String, Numbers>,
    /// What to know before quoting the numbers.
    pub warnings: Vec<String>,
    /// Curves to draw beside the numbers, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub curves: BTreeMap<String, Vec<[f64; 2]>>,
    /// A picture to put beside them.
    #[serde(skip)]
    pub picture: Option<Picture>,
}

impl Measurement {
    /// With the same protocol's numbers of other "samples".
    pub(super) fn beside(mut self, name: impl Into<String>, values: impl Into<Numbers>) -> Measurement {
        self.reference.insert(name.into(), values.into());
        self
    }

    /// With one more condition in its protocol.
    pub(super) fn of(mut self, condition: &str) -> Measurement {
        self.protocol += &format!("; {condition}");
        self
    }

    /// With what to know before quoting the numbers, if there is something.
    pub(super) fn warned(mut self, warning: Option<String>) -> Measurement {
        self.warnings.extend(warning);
        self
    }
}

impl Subject<'_> {
    /// Numbers of `samples` samples of this seed's noise.
    pub(super) fn measurement(
        &self,
        metric: Metric,
        protocol: String,
        samples: usize,
        values: impl Into<Numbers>,
    ) -> Measurement {
        Measurement {
            metric: metric.name().into(),
            protocol,
            samples,
            seed: self.seed,
            values: values.into(),
            reference: BTreeMap::new(),
            warnings: vec![],
            curves: BTreeMap::new(),
            picture: None,
        }
    }
}
