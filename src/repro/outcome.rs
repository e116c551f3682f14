//! What a recipe and seed came to, on the disk: one JSON file each, whole or not there.

use super::{Edition, Paper};
use crate::error::{Error, Result};
use crate::records::State;
use crate::run::atomic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What one recipe and seed came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The experiment's name.
    pub experiment: String,
    /// The recipe that is measured.
    pub recipe: String,
    /// Where the recipe comes from.
    #[serde(rename = "role")]
    pub edition: Edition,
    /// Seed of the training and of the samples' noise.
    pub seed: u64,
    /// Steps done.
    pub step: u64,
    /// Steps of the whole recipe: a smaller `step` was cut short.
    pub full: u64,
    /// Whether training ended there with numbers that are not finite: then nothing is measured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub diverged: bool,
    /// What `--set` changed.
    pub changes: Vec<String>,
    /// SHA-256 of what decides the weights: the data, and all stages' configurations but the length of the run, where the
    /// data lie and what is written down.
    #[serde(alias = "config")]
    pub sha256: String,
    /// gansaku's version.
    pub version: String,
    /// What trained, in words.
    pub device: String,
    /// Seconds of training, all stages and resumes. The only field that two equal calls may differ in.
    pub seconds: f64,
    /// The data's name.
    pub data: String,
    /// How each metric was measured.
    pub protocols: BTreeMap<String, String>,
    /// The numbers by `METRIC.VALUE`; null where there is none.
    pub values: BTreeMap<String, Option<f64>>,
    /// What the same protocols say of other "samples": real data, the mean image.
    pub references: BTreeMap<String, BTreeMap<String, Option<f64>>>,
    /// What the run doctor says, one state or several.
    pub doctor: Vec<Said>,
    /// What to know before quoting the numbers.
    pub warnings: Vec<String>,
}

/// A state that the run doctor sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Which.
    pub state: State,
    /// The numbers it rests on.
    pub evidence: String,
}

impl Outcome {
    /// Where the result of a recipe and seed lies in `out`.
    pub fn file(out: &Path, recipe: &str, seed: u64) -> PathBuf {
        out.join("results").join(format!("{recipe}-seed-{seed}.json"))
    }

    /// Writes it into `out`.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, out: &Path) -> Result<()> {
        let file = Outcome::file(out, &self.recipe, self.seed);
        let folder = out.join("results");
        fs::create_dir_all(&folder).map_err(|e| Error::io("make the folder", &folder, &e))?;
        let mut json = serde_json::to_vec_pretty(self).expect("names and numbers");
        json.push(b'\n');
        atomic::write(&file, &json)
    }

    /// Reads one; nothing where there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read or is none of ours.
    pub fn read(path: &Path) -> Result<Option<Outcome>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", path, &e)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|e| {
            Error::Checkpoint(format!(
                "{}: no result of this program ({e}); remove it, and the run is measured again",
                path.display()
            ))
        })
    }

    /// Everything measured in `out`, by this call or an earlier one: experiments and recipes as in the table, then seeds.
    ///
    /// # Errors
    /// When one cannot be read ([`Outcome::read`]), or the folder of results cannot be listed.
    pub fn all(paper: &Paper, out: &Path) -> Result<Vec<Outcome>> {
        let names = crate::run::names(&out.join("results"))?;
        let mut all = Vec::new();
        for recipe in paper.experiments.iter().flat_map(|e| &e.recipes) {
            let prefix = format!("{}-seed-", recipe.recipe());
            let seed = |name: &String| name.strip_prefix(&prefix)?.strip_suffix(".json")?.parse::<u64>().ok();
            let mut seeds: Vec<u64> = names.iter().filter_map(seed).collect();
            seeds.sort_unstable();
            for seed in seeds {
                all.extend(Outcome::read(&Outcome::file(out, recipe.recipe(), seed))?);
            }
        }
        Ok(all)
    }
}
