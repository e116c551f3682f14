//! What metrics found, with all that it takes to quote it, and the file that keeps it.

use crate::error::{Error, Result};
use crate::numbers::Numbers;
use crate::pictures::Picture;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One metric, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The metric's name.
    pub metric: String,
    /// What was measured, in words that tell two protocols apart.
    pub protocol: String,
    /// Samples of the generator that went in.
    pub samples: usize,
    /// Seed of their noise.
    pub seed: u64,
    /// The numbers, by name.
    pub values: Numbers,
    /// What the same protocol says of other "samples": real data, the mean image, a perfect sampler.
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
    #[must_use]
    pub fn beside(mut self, name: impl Into<String>, values: impl Into<Numbers>) -> Measurement {
        self.reference.insert(name.into(), values.into());
        self
    }

    /// With one more condition in its protocol.
    #[must_use]
    pub fn of(mut self, condition: &str) -> Measurement {
        self.protocol += &format!("; {condition}");
        self
    }

    /// With what to know before quoting the numbers, if there is something.
    #[must_use]
    pub fn warned(mut self, warning: Option<String>) -> Measurement {
        self.warnings.extend(warning);
        self
    }
}

/// What `gansaku eval --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What was measured; in JSON, which is Unicode, as near as it comes.
    #[serde(serialize_with = "in_unicode")]
    pub checkpoint: PathBuf,
    /// Steps it was trained for; 0 in files of before this was written.
    #[serde(default)]
    pub step: u64,
    /// The recipe it was trained with.
    pub recipe: String,
    /// The data, for people.
    pub data: String,
    /// [`crate::data::identity::identity`] of the data.
    pub data_identity: String,
    /// The numbers.
    pub measurements: Vec<Measurement>,
}

fn in_unicode<S: Serializer>(path: &Path, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(&path.display())
}

impl Evaluation {
    /// Reads a file that `gansaku eval --json` wrote.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub fn read(path: &Path) -> Result<Evaluation> {
        let text = std::fs::read(path)
            .map_err(|e| Error::Usage(format!("{}: cannot read it: {e}", path.display())))?;
        serde_json::from_slice(&text).map_err(|e| {
            let expected = "expected a file that `gansaku eval --json` wrote";
            Error::Usage(format!("{}: {e}; {expected}", path.display()))
        })
    }
}
