//! Several measurements of one thing.

use crate::numbers::median;
use serde::Serialize;

/// A median with its range, in the unit of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of one measurement or more.
    pub fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Spread { median: median(sorted.iter().copied()), min: sorted[0], max: sorted[sorted.len() - 1] }
    }

    /// The spread of what was measured in turn with something else, round by round, as multiples of that.
    pub fn ratio(values: &[f64], to: &[f64]) -> Spread {
        Spread::of(&values.iter().zip(to).map(|(value, to)| value / to).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_median() {
        assert_eq!(Spread::of(&[3.0, 1.0, 20.0]), Spread { median: 3.0, min: 1.0, max: 20.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 20.0]), Spread { median: 3.0, min: 1.0, max: 20.0 });
        assert_eq!(Spread::of(&[5.0]), Spread { median: 5.0, min: 5.0, max: 5.0 });
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // Both twice as slow in the second round: the ratio knows nothing of it.
        assert_eq!(Spread::ratio(&[3.0, 6.0], &[2.0, 4.0]), Spread { median: 1.5, min: 1.5, max: 1.5 });
        assert_eq!(
            Spread::ratio(&[1.0, 4.0, 3.0], &[2.0, 4.0, 1.0]),
            Spread { median: 1.0, min: 0.5, max: 3.0 }
        );
    }
}
