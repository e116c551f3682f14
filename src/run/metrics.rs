//! `metrics.jsonl`: one JSON object a line, written as training goes.

use super::journal::{Journal, Stepped};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

/// One line: named numbers of the steps since the line before. `{"step": 100, "seconds": 1.5, "d_loss": 1.25, …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, over all resumes; the only field that two equal runs may differ in.
    pub seconds: f64,
    /// Numbers by the names of [`crate::models::Statistic`], in the order of the file.
    #[serde(flatten)]
    values: Values,
}

/// Names and finite numbers in order; a count is a whole number in the file, anything else has a point.
#[derive(Debug, Clone, PartialEq, Default)]
struct Values(Vec<(String, Number)>);

impl Line {
    /// A line without numbers.
    pub fn new(step: u64, seconds: f64) -> Line {
        Line { step, seconds, values: Values::default() }
    }

    /// The number of that name; none where the line lacks it.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.0.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.as_f64())
    }

    /// Every name and number, in the order of the file.
    pub fn values(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)))
    }

    /// Sets a number; a new name goes to the end.
    ///
    /// # Panics
    /// When it is not finite: such a step ends training.
    pub fn set(&mut self, name: &str, value: f64) {
        self.put(name, Number::from_f64(value).expect("a finite number"));
    }

    /// Sets a whole number; a new name goes to the end.
    pub fn set_count(&mut self, name: &str, count: u64) {
        self.put(name, count.into());
    }

    fn put(&mut self, name: &str, value: Number) {
        match self.values.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.values.0.push((name.into(), value)),
        }
    }
}

impl Stepped for Line {
    fn step(&self) -> u64 {
        self.step
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Values, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Values;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("named numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut all = vec![];
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Values(all))
            }
        }
        from.deserialize_map(InOrder)
    }
}

/// `metrics.jsonl`, open.
pub type Metrics = Journal<Line>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal;
    use std::io::Write;

    #[test]
    fn reopening_drops_what_the_checkpoint_does_not_know() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics.jsonl");
        let line = |step| {
            let mut line = Line::new(step, 0.5);
            line.set("d_loss", 1.0);
            line
        };
        let (mut metrics, kept) = Metrics::open(&path, 100, 0).expect("opens");
        assert_eq!(kept, []);
        (1..=3).for_each(|i| metrics.add(&line(100 * i)).expect("writes"));
        // A crash in the middle of a line.
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("there");
        file.write_all(b"{\"step\": 4").expect("writes");
        assert_eq!(journal::read::<Line>(&path).expect("reads").len(), 3, "whole lines alone");
        let (_, kept) = Metrics::open(&path, 100, 250).expect("opens");
        assert_eq!(kept, [line(100), line(200)]);
        assert_eq!(std::fs::read_to_string(&path).expect("reads").lines().count(), 2);
    }

    /// A line of fp16 as every version wrote it: order, whole counts and the digits of numbers stay.
    #[test]
    fn a_line_comes_back_to_the_byte() {
        let text = concat!(
            r#"{"step":4,"seconds":0.0712,"d_loss":1.3862943611198906,"g_loss":0.7,"d_real":0.5,"d_fake":0.5,"#,
            r#""accuracy_real":0.0,"accuracy_fake":1.0,"penalty":1e-7,"d_gradient_norm":0.1,"g_gradient_norm":2.0,"#,
            r#""d_loss_scale":65536.0,"g_loss_scale":65536.0,"skipped_updates":3}"#
        );
        let line: Line = serde_json::from_str(text).expect("a line");
        assert_eq!(serde_json::to_string(&line).expect("numbers"), text);
        assert_eq!((line.get("skipped_updates"), line.get("accuracy_real")), (Some(3.0), Some(0.0)));
        assert_eq!((line.get("nothing"), line.values().count()), (None, 12));
    }

    #[test]
    fn what_is_no_number_is_damage() {
        for text in [r#"{"step":4}"#, r#"{"step":4,"seconds":1.0,"d_loss":null}"#, r#"{"seconds":1.0}"#] {
            serde_json::from_str::<Line>(text).expect_err(text);
        }
    }
}
