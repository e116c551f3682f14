//! What the doctor sees of a model that translates: whether pictures are changed, come back, and keep light and dark apart.

use super::thresholds::{FURTHER, NOT_BACK};
use crate::data::Dataset;
use crate::error::Result;
use crate::inference::{Engine, Held, held};
use crate::models::{Direction, Game};
use crate::numbers::number;
use crate::records::State;
use serde::{Deserialize, Serialize};

/// Pictures looked at, of each direction.
const LOOKED_AT: usize = 16;
/// Where light becomes dark, in and out go against each other: below this correlation.
const AGAINST: f64 = -0.3;
/// Pictures are left as they are where they change by less than this share of what they should.
const LEFT: f64 = 0.1;

/// What was measured of a model that translates, at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Translations {
    /// Steps done.
    pub step: u64,
    /// By direction.
    pub seen: Vec<Seen>,
}

/// What was measured of one direction. Differences are means of absolute ones, of numbers as networks see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// "A to B".
    pub direction: String,
    /// Correlation of what went in and what came out.
    pub correlation: f64,
    /// How much pictures were changed.
    pub changed: f64,
    /// How far what came back lies from what went in; absent where nothing comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<f64>,
    /// How far pictures that went in lie from each other; absent where there is one alone, and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<f64>,
    /// What should have come, where that is known and as large as what went in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Truth>,
}

/// What came out beside what should have come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Difference of what came out.
    pub error: f64,
    /// Difference of what went in: of a model that does nothing.
    pub untouched: f64,
    /// Correlation of what went in with what should come out.
    pub correlation: f64,
}

/// A distance that should be small and is not.
pub(super) struct Failing {
    pub state: State,
    /// [`Seen::direction`].
    direction: String,
    pub distance: f64,
    pub evidence: String,
}

impl Seen {
    /// The distance that a state speaks of.
    fn distance(&self, state: State) -> Option<f64> {
        match state {
            State::FurtherAway => self.truth.map(|truth| truth.error),
            State::NotBack => self.back,
            _ => None,
        }
    }

    /// Distances that should be smaller: between what comes out and the truth, between what comes back and what went in.
    fn failings(&self) -> Vec<Failing> {
        let failing = |state, distance, evidence| Failing {
            state,
            direction: self.direction.clone(),
            distance,
            evidence: format!("from {} {evidence}", self.direction),
        };
        let further = self.truth.filter(|t| t.error > FURTHER * t.untouched).map(|t| {
            let [error, untouched] = [t.error, t.untouched].map(number);
            let why =
                format!("what comes out differs from the truth by {error}, what went in by {untouched}: bad from {FURTHER} times on");
            failing(State::FurtherAway, t.error, why)
        });
        let not_back = self.back.zip(self.apart).filter(|(back, apart)| *back > NOT_BACK * apart);
        let not_back = not_back.map(|(back, apart)| {
            let why = format!(
                "what comes back differs from what went in by {}, and other pictures do by {}: lost from {NOT_BACK} of \
                 that on",
                number(back),
                number(apart)
            );
            failing(State::NotBack, back, why)
        });
        further.into_iter().chain(not_back).collect()
    }
}

impl Translations {
    /// Distances that should be smaller.
    pub(super) fn failings(&self) -> Vec<Failing> {
        self.seen.iter().flat_map(Seen::failings).collect()
    }

    /// The distance that was found failing, as it is here.
    pub(super) fn distance(&self, failing: &Failing) -> Option<f64> {
        self.seen.iter().find(|seen| seen.direction == failing.direction)?.distance(failing.state)
    }

    /// Measures every direction of a model on held-out pictures; none where a number is not finite: training is about to
    /// say so.
    ///
    /// # Errors
    /// When the device fails.
    pub fn of(
        engine: &mut Engine,
        game: &dyn Game,
        data: &Dataset,
        step: u64,
    ) -> Result<Option<Translations>> {
        let mut seen = vec![];
        for direction in Direction::ALL {
            if let Some([from, to]) = game.translation(direction) {
                let Held { inputs, truth, .. } = held(engine, data, direction, LOOKED_AT)?;
                let made = engine.translate(direction, 0, &inputs)?;
                let back = direction.reversed();
                let back = match game.translation(back) {
                    Some(_) => Some(difference(&engine.translate(back, 0, &made)?, &inputs)),
                    None => None,
                };
                // Pictures of another size are compared with nothing here: their measure is eval's.
                if from != to {
                    continue;
                }
                let truth = truth.map(|truth| Truth {
                    error: difference(&made, &truth),
                    untouched: difference(&inputs, &truth),
                    correlation: correlation(&inputs, &truth),
                });
                let name = match direction {
                    Direction::Forward => "A to B",
                    Direction::Backward => "B to A",
                };
                let (correlation, changed) = (correlation(&inputs, &made), difference(&inputs, &made));
                let apart = apart(&inputs, from.len());
                seen.push(Seen { direction: name.into(), correlation, changed, back, apart, truth });
            }
        }
        let is_finite = seen.iter().all(|s| s.correlation.is_finite() && s.changed.is_finite());
        Ok(is_finite.then_some(Translations { step, seen }))
    }

    /// The states that these numbers speak of, each with its evidence.
    pub(super) fn states(&self) -> Vec<(State, String)> {
        let inverted = self.seen.iter().find(|s| {
            let meant = s.truth.is_some_and(|truth| truth.correlation < 0.0);
            s.correlation < AGAINST && !meant
        });
        let left = self.seen.iter().find(|s| s.truth.is_some_and(|t| s.changed < LEFT * t.untouched));
        let inverted = inverted.map(|s| {
            let why = format!(
                "from {} light becomes dark: what goes in and what comes out correlate by {:.2}",
                s.direction, s.correlation
            );
            (State::Inverted, why)
        });
        let left = left.map(|s| {
            let wanted = s.truth.map_or(0.0, |t| t.untouched);
            let why = format!(
                "from {} pictures change by {}, where {} is right: they are left as they are",
                s.direction,
                number(s.changed),
                number(wanted)
            );
            (State::Untranslated, why)
        });
        inverted.into_iter().chain(left).collect()
    }

    /// The numbers in words.
    pub(super) fn told(&self) -> String {
        let each = self.seen.iter().map(|s| {
            let back = s.back.map(|back| format!("what comes back differs by {}", number(back)));
            let truth = s.truth.map(|t| {
                let [error, untouched] = [t.error, t.untouched].map(number);
                format!("what comes out differs from the truth by {error} (left as it is, by {untouched})")
            });
            let changed = format!("pictures change by {}", number(s.changed));
            let said: Vec<String> = [Some(changed), truth, back].into_iter().flatten().collect();
            format!("{}: {}", s.direction, said.join(", "))
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

/// The mean absolute difference.
fn difference(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / a.len().max(1) as f64
}

/// The mean absolute difference between each picture of `width` numbers and the next; none where there is one alone.
fn apart(pictures: &[f32], width: usize) -> Option<f64> {
    let rest = pictures.get(width..).filter(|rest| !rest.is_empty())?;
    Some(difference(&pictures[..rest.len()], rest))
}

/// Pearson's correlation of all numbers; 0 where one side does not vary.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |x: &[f32]| x.iter().map(|&x| f64::from(x)).sum::<f64>() / x.len().max(1) as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let (mut both, mut in_a, mut in_b) = (0.0, 0.0, 0.0);
    for (&x, &y) in a.iter().zip(b) {
        let (x, y) = (f64::from(x) - of_a, f64::from(y) - of_b);
        both += x * y;
        in_a += x * x;
        in_b += y * y;
    }
    let scale = (in_a * in_b).sqrt();
    if scale > 0.0 { both / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(correlation: f64, changed: f64, truth: Option<Truth>) -> Translations {
        let seen = Seen { direction: "A to B".into(), correlation, changed, back: None, apart: None, truth };
        Translations { step: 7, seen: vec![seen] }
    }

    fn names(of: &Translations) -> Vec<State> {
        of.states().into_iter().map(|(state, _)| state).collect()
    }

    #[test]
    fn inverted_and_untouched_pictures_are_seen_and_meant_ones_are_not() {
        let truth = |correlation| Some(Truth { error: 0.1, untouched: 1.0, correlation });
        assert_eq!(names(&seen(-0.8, 1.0, None)), [State::Inverted]);
        assert_eq!(names(&seen(-0.8, 1.0, truth(0.5))), [State::Inverted]);
        assert_eq!(names(&seen(-0.8, 1.0, truth(-0.9))), [], "the domain is the negative");
        assert_eq!(names(&seen(0.99, 0.01, truth(0.5))), [State::Untranslated]);
        assert_eq!(names(&seen(0.99, 0.01, None)), [], "nobody knows what is right");
    }

    #[test]
    fn what_lies_further_away_or_does_not_come_back_is_seen() {
        let seen = |error, back, apart| {
            let truth = Some(Truth { error, untouched: 0.2, correlation: 0.9 });
            let one = Seen { back, apart, ..seen(0.9, 0.2, truth).seen.remove(0) };
            let found = one.failings();
            found.into_iter().map(|f| (f.state, f.distance, f.evidence)).collect::<Vec<_>>()
        };
        assert_eq!(seen(0.19, Some(0.1), Some(0.5)), []);
        assert_eq!(seen(0.19, Some(0.4), None), [], "nobody knows how far pictures lie apart");
        assert_eq!(seen(0.39, Some(0.1), Some(0.5)), []);
        let found = seen(0.45, Some(0.4), Some(0.5));
        assert_eq!([found[0].0, found[1].0], [State::FurtherAway, State::NotBack]);
        assert_eq!([found[0].1, found[1].1], [0.45, 0.4]);
        assert!(found[0].2.contains("by 0.450, what went in by 0.200"), "{}", found[0].2);
        assert!(found[1].2.contains("by 0.400, and other pictures do by 0.500"), "{}", found[1].2);
        assert_eq!(apart(&[1.0, 2.0, 2.0, 4.0, 2.0, 5.0], 2), Some(1.0));
        assert_eq!(apart(&[1.0, 2.0], 2), None);
    }

    #[test]
    fn correlations_are_pearsons() {
        let a = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(correlation(&a, &[2.0, 4.0, 6.0, 8.0]), 1.0);
        assert_eq!(correlation(&a, &[4.0, 3.0, 2.0, 1.0]), -1.0);
        assert_eq!(correlation(&a, &[5.0; 4]), 0.0);
        assert!((correlation(&a, &[1.0, 3.0, 2.0, 4.0]) - 0.8).abs() < 1e-12);
    }
}
