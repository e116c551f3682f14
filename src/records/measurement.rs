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
    /// Steps the generator was trained for; 0 in files of before this was written, until [`Evaluation::read`] fills it in.
    #[serde(default)]
    pub step: u64,
    /// What was measured, in words that tell two protocols apart.
    pub protocol: String,
    /// Samples of the generator that went in.
    pub samples: usize,
    /// Seed of their noise.
    pub seed: u64,
    /// Whether it was asked for with fewer samples than the protocol's own number: a first look, no number to quote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduced: bool,
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

    /// Whether `other` is this measurement made again: the same metric, protocol, step and seed.
    pub fn repeats(&self, other: &Measurement) -> bool {
        let key = |m: &Measurement| (m.step, m.seed, m.samples);
        key(self) == key(other) && self.metric == other.metric && self.protocol == other.protocol
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

/// Whether more of a number of a metric is better; absent where neither is, or where nobody can say.
pub fn rises(metric: &str, number: &str) -> Option<bool> {
    match (metric, number) {
        ("parzen", "nats" | "validation") => Some(true),
        ("modes", "modes" | "high quality %") => Some(true),
        ("modes", "reverse KL") | ("classes", "KL") => Some(false),
        ("swd", "distance") | ("fd", _) => Some(false),
        ("kid", name) if name != "se" => Some(false),
        ("prdc", _) | ("cas", _) => Some(true),
        ("classes", "classes" | "as asked %") => Some(true),
        ("classes", name) if name.ends_with("coverage") => Some(true),
        ("paired", name) if name.starts_with("L1") => Some(false),
        ("paired" | "class-kept", _) => Some(true),
        ("path-length", name) if name.ends_with("ratio") => Some(false),
        ("cycle", _) | ("colour", "ab error") => Some(false),
        ("superres", name) if name != "detail" => Some(true),
        ("colour", "PSNR") => Some(true),
        ("birthday", "support" | "even batch") => Some(true),
        ("birthday", "duplicates") | ("theory", "|D − D*|" | "JSD") => Some(false),
        _ => None,
    }
}

/// What `gansaku eval --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The newest checkpoint that was measured; in JSON, which is Unicode, as near as it comes.
    #[serde(serialize_with = "in_unicode")]
    pub checkpoint: PathBuf,
    /// Steps that checkpoint was trained for; 0 in files of before this was written.
    #[serde(default)]
    pub step: u64,
    /// The recipe it was trained with.
    pub recipe: String,
    /// The data, for people.
    pub data: String,
    /// [`crate::data::identity::identity`] of the data.
    pub data_identity: String,
    /// SHA-256 of the test examples; absent where there are none, and in files of before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<String>,
    /// The numbers, of this checkpoint and of earlier ones, the last measured first.
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
        let mut read: Evaluation = serde_json::from_slice(&text).map_err(|e| {
            let expected = "expected a file that `gansaku eval --json` wrote";
            Error::Usage(format!("{}: {e}; {expected}", path.display()))
        })?;
        // Once a file held measurements of one step, and named it once.
        read.measurements.iter_mut().filter(|m| m.step == 0).for_each(|m| m.step = read.step);
        Ok(read)
    }

    /// One measurement a metric, for people: of the newest step at which it was measured the fullest, in the order of
    /// the file.
    pub fn shown(&self) -> Vec<&Measurement> {
        let rank = |m: &Measurement| (m.step, !m.reduced, m.samples);
        let mut shown: Vec<&Measurement> = vec![];
        // The last measured is first: of equals it stays.
        for m in &self.measurements {
            match shown.iter_mut().find(|other| other.metric == m.metric) {
                Some(other) if rank(m) > rank(other) => *other = m,
                Some(_) => {}
                None => shown.push(m),
            }
        }
        shown
    }

    /// Puts measurements before those that are here, and forgets which of these they repeat.
    pub fn add(&mut self, new: Vec<Measurement>) {
        self.measurements.retain(|old| !new.iter().any(|m| m.repeats(old)));
        self.measurements.splice(0..0, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(metric: &str, step: u64, samples: usize, reduced: bool) -> Measurement {
        serde_json::from_value(serde_json::json!({
            "metric": metric, "protocol": format!("of {samples}"), "step": step, "samples": samples, "seed": 0,
            "reduced": reduced, "values": {}, "reference": {}, "warnings": [],
        }))
        .expect("a measurement")
    }

    #[test]
    fn a_quick_look_never_hides_the_full_measurement_of_its_step() {
        let mut all = Evaluation {
            checkpoint: "c".into(),
            step: 20,
            recipe: "r".into(),
            data: "d".into(),
            data_identity: "i".into(),
            held_out: None,
            measurements: vec![],
        };
        for m in [
            measured("parzen", 10, 10_000, false),
            measured("swd", 10, 500, false),
            measured("parzen", 20, 100, true),
            measured("parzen", 20, 10_000, false),
            measured("parzen", 20, 100, true),
        ] {
            all.add(vec![m]);
        }
        let told = |m: &Measurement| (m.metric.clone(), m.step, m.samples);
        let kept: Vec<_> = all.measurements.iter().map(told).collect();
        assert_eq!(kept.len(), 4, "the second look at 100 takes the place of the first alone: {kept:?}");
        let shown: Vec<_> = all.shown().into_iter().map(told).collect();
        assert_eq!(shown, [("parzen".into(), 20, 10_000), ("swd".into(), 10, 500)]);
    }

    #[test]
    fn files_that_named_one_step_for_all_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("eval.json");
        let old = r#"{"checkpoint": "c", "step": 7, "recipe": "r", "data": "d", "data_identity": "i", "measurements":
            [{"metric": "swd", "protocol": "p", "samples": 9, "seed": 0, "values": {"distance": 0.5}, "reference": {},
            "warnings": []}]}"#;
        std::fs::write(&file, old).expect("written");
        let read = Evaluation::read(&file).expect("an old file");
        assert_eq!((read.measurements[0].step, read.measurements[0].reduced), (7, false));
    }
}
