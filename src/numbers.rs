//! Numbers as statistics, people and files take them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

/// The middle one, or the mean of the two in the middle.
///
/// # Panics
/// When there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.into_iter().collect();
    all.sort_unstable_by(f64::total_cmp);
    0.5 * (all[(all.len() - 1) / 2] + all[all.len() / 2])
}

/// A mean and its standard error, by the variance over n − 1; the error of one number is 0.
pub fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    (mean, (squares / (n - 1.0).max(1.0) / n).sqrt())
}

/// 1234567 as 1,234,567.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let (head, tail) = digits.split_at(first);
    tail.as_bytes().chunks(3).fold(head.to_string(), |text, c| text + "," + &String::from_utf8_lossy(c))
}

/// "1 step", "12,000 steps".
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// [`readable`] of seconds, which may be any number.
pub fn duration_in_words(seconds: f64) -> String {
    readable(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// "45s", "3m 20s", "2h 5m".
pub fn readable(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// "812 B", "64.2 kB", "1.30 GB": decimal units, three digits.
pub fn bytes_in_words(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut size, mut unit) = (bytes as f64 / 1e3, 0);
    // What would round to 1000 is one of the next unit.
    while size >= 999.5 && unit < 3 {
        (size, unit) = (size / 1e3, unit + 1);
    }
    let digits = if size < 9.995 { 2 } else { usize::from(size < 99.95) };
    format!("{size:.digits$} {}", ["kB", "MB", "GB", "TB"][unit])
}

/// How long ago something was, in its greatest unit: "now", "5 min", "3 h", "12 d".
pub fn age_in_words(age: Duration) -> String {
    match age.as_secs() {
        0..60 => "now".into(),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// "2026-11-27 08:21 UTC". What lies before 1970 is its first minute.
pub fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    // Years begin in March: a leap day is then the last of one. 400 years have 146,097 days.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{}-{month:02}-{day:02} {hour:02}:{minute:02} UTC", era * 400 + year + next)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A hash as people tell it: its first twelve digits. Names stay as they are.
pub fn shortened(identity: &str) -> &str {
    if identity.len() == 64 { &identity[..12] } else { identity }
}

/// Three significant digits, four where the first is before the point, with a real minus sign.
pub fn number(x: f64) -> String {
    let text = match x.abs() {
        size if !size.is_finite() => format!("{x}"),
        size if size.fract() == 0.0 && size < 1e6 => format!("{x:.0}"),
        size if !(1e-4..1e7).contains(&size) => format!("{x:.2e}"),
        size if size < 1e-3 => format!("{x:.6}"),
        size if size < 0.01 => format!("{x:.5}"),
        size if size < 0.1 => format!("{x:.4}"),
        size if size < 10.0 => format!("{x:.3}"),
        size if size < 1000.0 => format!("{x:.1}"),
        _ => format!("{x:.0}"),
    };
    text.replace('-', "−")
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// Numbers by name. JSON has neither infinities nor NaN: there these are the words "inf", "-inf" and "NaN".
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Numbers(#[serde(with = "words")] BTreeMap<String, f64>);

impl<S: Into<String>, const N: usize> From<[(S, f64); N]> for Numbers {
    fn from(pairs: [(S, f64); N]) -> Numbers {
        Numbers(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl Numbers {
    /// Whether they are more than stand beside each other on a page or in a terminal.
    pub fn are_many(&self) -> bool {
        self.len() > 8
    }
}

impl Deref for Numbers {
    type Target = BTreeMap<String, f64>;
    fn deref(&self) -> &BTreeMap<String, f64> {
        &self.0
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut BTreeMap<String, f64> {
        &mut self.0
    }
}

/// JSON of numbers that need not be finite.
mod words {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Figure {
        Finite(f64),
        Word(String),
    }

    pub fn serialize<S: Serializer>(values: &BTreeMap<String, f64>, to: S) -> Result<S::Ok, S::Error> {
        let figure = |x: f64| if x.is_finite() { Figure::Finite(x) } else { Figure::Word(x.to_string()) };
        to.collect_map(values.iter().map(|(name, &x)| (name, figure(x))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
        let read = |(name, figure)| match figure {
            Figure::Finite(x) => Ok((name, x)),
            Figure::Word(word) => match word.parse() {
                Ok(x) => Ok((name, x)),
                Err(_) => Err(serde::de::Error::custom(format!("{name} is {word:?}, expected a number"))),
            },
        };
        BTreeMap::deserialize(from)?.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_median() {
        assert_eq!(median([3.0, 1.0, 20.0]), 3.0);
        assert_eq!(median([4.0, 1.0, 2.0, 20.0]), 3.0);
        assert_eq!(median([5.0]), 5.0);
    }

    #[test]
    fn the_error_of_a_mean_is_its_standard_deviation() {
        // Variance 2 of three numbers.
        let (mean, error) = mean_and_error(&[1.0, 3.0 - 2f64.sqrt() / 2.0, 3.0 + 2f64.sqrt() / 2.0]);
        let expected = ((16.0 / 9.0 + 2.0 * (4.0 / 9.0) + 1.0) / 2.0 / 3.0_f64).sqrt();
        assert!(
            (mean - 7.0 / 3.0).abs() < 1e-15 && (error - expected).abs() < 1e-12,
            "{mean} {error} {expected}"
        );
        assert_eq!(mean_and_error(&[5.0]), (5.0, 0.0));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00 UTC");
        assert_eq!(at(951_827_696), "2000-02-29 12:34 UTC");
        assert_eq!(at(1_709_251_199), "2024-02-29 23:59 UTC");
        assert_eq!(at(1_735_689_600), "2025-01-01 00:00 UTC");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00 UTC");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 5.0, -0.6543, 1.23456, 164.63, 1e-9].map(number),
            ["0", "5", "−0.654", "1.235", "164.6", "1.00e−9"]
        );
        // Beside each other, small numbers have as many digits as large ones.
        let small = [0.0114, 0.00814, 0.000123, 0.0999, 12_345.6];
        assert_eq!(small.map(number), ["0.0114", "0.00814", "0.000123", "0.0999", "12346"]);
    }

    #[test]
    fn sizes_and_ages_are_short() {
        assert_eq!(
            [0, 999, 1000, 64_200, 999_400, 999_600, 1_304_000_000, 5_000_000_000_000_000]
                .map(bytes_in_words),
            ["0 B", "999 B", "1.00 kB", "64.2 kB", "999 kB", "1.00 MB", "1.30 GB", "5000 TB"]
        );
        let ages = [59, 60, 3_599, 3_600, 172_799, 172_800].map(Duration::from_secs);
        assert_eq!(ages.map(age_in_words), ["now", "1 min", "59 min", "1 h", "47 h", "2 d"]);
    }

    #[test]
    fn what_is_not_finite_survives_json() {
        let values =
            Numbers::from([("a", 0.1), ("b", f64::INFINITY), ("c", f64::NEG_INFINITY), ("d", f64::NAN)]);
        let text = serde_json::to_string(&values).expect("JSON");
        assert_eq!(text, r#"{"a":0.1,"b":"inf","c":"-inf","d":"NaN"}"#);
        let back: Numbers = serde_json::from_str(&text).expect("reads");
        assert_eq!((back["a"], back["b"], back["c"]), (0.1, f64::INFINITY, f64::NEG_INFINITY));
        assert!(back["d"].is_nan());
        let error = serde_json::from_str::<Numbers>(r#"{"a": "many"}"#).expect_err("no number").to_string();
        assert!(error.contains("a is \"many\", expected a number"), "{error}");
    }
}
