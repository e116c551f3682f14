//! Measurements on the disk, and two of them side by side: only where data and protocol are the same.

use super::{Measurement, shortened};
use crate::error::{Error, Result};
use crate::inference::Generator;
use serde::{Deserialize, Serialize, Serializer};
use std::path::{Path, PathBuf};

/// What `gansaku eval --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was measured; in JSON, which is Unicode, as near as it comes.
    #[serde(serialize_with = "in_unicode")]
    pub checkpoint: PathBuf,
    /// Steps it was trained for; 0 in files of before this was written.
    #[serde(default)]
    pub step: u64,
    /// The recipe it was trained with.
    pub recipe: String,
    /// Its data, for people.
    pub data: String,
    /// [`crate::data::identity::identity`] of the data.
    pub data_identity: String,
    /// The numbers.
    pub measurements: Vec<Measurement>,
}

fn in_unicode<S: Serializer>(path: &Path, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(&path.display())
}

impl Report {
    /// Nothing measured yet of this generator; `data` for people and by their identity.
    pub fn blank(generator: &Generator, data: String, data_identity: String) -> Report {
        Report {
            checkpoint: generator.from.to_path_buf(),
            step: generator.step,
            recipe: generator.config.recipe.clone(),
            data,
            data_identity,
            measurements: vec![],
        }
    }

    /// Reads a file that `gansaku eval --json` wrote.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub fn read(path: &Path) -> Result<Report> {
        let text = std::fs::read(path)
            .map_err(|e| Error::Usage(format!("{}: cannot read it: {e}", path.display())))?;
        serde_json::from_slice(&text).map_err(|e| {
            let expected = "expected a file that `gansaku eval --json` wrote";
            Error::Usage(format!("{}: {e}; {expected}", path.display()))
        })
    }
}

/// The metrics that both reports have, in the order of the first.
///
/// # Errors
/// When there are none, or data, protocols or numbers of samples differ: such numbers mean different things.
pub fn pairs<'a>(a: &'a Report, b: &'a Report) -> Result<Vec<(&'a Measurement, &'a Measurement)>> {
    let differ = |what: &str, a: &str, b: &str| {
        Err(Error::Usage(format!("--compare: {what} differ: {a:?} and {b:?}; measure both the same way")))
    };
    if a.data_identity != b.data_identity {
        return differ("data", shortened(&a.data_identity), shortened(&b.data_identity));
    }
    let same = |m: &'a Measurement| Some((m, b.measurements.iter().find(|n| n.metric == m.metric)?));
    let pairs: Vec<_> = a.measurements.iter().filter_map(same).collect();
    for (m, n) in &pairs {
        if m.protocol != n.protocol {
            return differ(&format!("protocols of {}", m.metric), &m.protocol, &n.protocol);
        }
        if m.samples != n.samples {
            let [a, b] = [m.samples, n.samples].map(|n| n.to_string());
            return differ(&format!("samples of {}", m.metric), &a, &b);
        }
    }
    if pairs.is_empty() {
        return Err(Error::Usage("--compare: the files have no metric in common; measure both alike".into()));
    }
    Ok(pairs)
}
