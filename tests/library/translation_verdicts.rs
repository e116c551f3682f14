//! The run doctor on made-up measurements of translations: what is further from the truth than it was, or does not come
//! back, is never healthy; it is an alarm once it no longer gets better.

use gansaku::config::ConfigBuilder;
use gansaku::doctor::judge::Judge;
use gansaku::doctor::translation::{Seen, Translations, Truth};
use gansaku::doctor::{State, Verdict};
use gansaku::run::Line;

/// Steps of the whole run.
const STEPS: u64 = 1_000;

/// Looks at steps 250, 500 and so on: the error of what comes out, where .1 is what went in, and how far what comes back
/// lies from what went in, where pictures lie .5 apart.
fn judged(recipe: &str, looks: &[[f64; 2]]) -> Vec<Verdict> {
    let mut builder = ConfigBuilder::recipe(recipe).expect("a recipe");
    builder.set(&format!("train.steps={STEPS}")).expect("a known key");
    let mut judge = Judge::new(&builder.finish().expect("in range"));
    let mut step = 0;
    for &[error, back] in looks {
        for _ in 0..5 {
            step += 50;
            judge.line(&Line::new(step, 1.0));
        }
        let seen = Seen {
            direction: "A to B".into(),
            correlation: 0.9,
            changed: 0.2,
            back: Some(back),
            apart: Some(0.5),
            truth: Some(Truth { error, untouched: 0.1, correlation: 0.8 }),
        };
        judge.translations(&Translations { step, seen: vec![seen] });
    }
    judge.verdicts()
}

fn states(looks: &[[f64; 2]]) -> Vec<State> {
    judged("cyclegan-digits", looks).iter().map(|verdict| verdict.state).collect()
}

#[test]
fn translations_near_the_truth_that_come_back_are_healthy() {
    assert_eq!(states(&[[0.19, 0.24]; 4]), [State::Healthy]);
    assert_eq!(states(&[[0.3, 0.4], [0.25, 0.3], [0.19, 0.24], [0.18, 0.2]]), [State::Healthy]);
}

#[test]
fn what_is_further_from_the_truth_than_it_was_is_not_healthy() {
    assert_eq!(states(&[[0.3, 0.1]]), [State::TooEarly], "one look tells of no way");
    assert_eq!(states(&[[0.3, 0.1], [0.25, 0.1]]), [State::TooEarly], "it comes nearer");
    assert_eq!(states(&[[0.3, 0.1], [0.295, 0.1]]), [State::FurtherAway], "it has stopped to");
    assert_eq!(states(&[[0.4, 0.1], [0.35, 0.1], [0.3, 0.1], [0.25, 0.1]]), [State::FurtherAway], "the end");
    let told = judged("cyclegan-digits", &[[0.25, 0.1]; 4]).remove(0);
    assert_eq!(
        told.evidence,
        "from A to B what comes out differs from the truth by 0.250, what went in by 0.100: bad from 2 times on"
    );
    let command = told.command(std::path::Path::new("runs/x")).expect("a command");
    assert!(command.ends_with("--set loss.identity=1"), "{command}");
}

#[test]
fn what_does_not_come_back_is_not_healthy() {
    assert_eq!(states(&[[0.1, 0.4], [0.1, 0.3]]), [State::TooEarly], "it comes nearer");
    assert_eq!(states(&[[0.1, 0.3]; 2]), [State::NotBack]);
    let told = judged("cyclegan-digits", &[[0.1, 0.3]; 4]).remove(0);
    assert!(told.evidence.contains("differs from what went in by 0.300"), "{}", told.evidence);
    let command = told.command(std::path::Path::new("runs/x")).expect("a command");
    assert!(command.ends_with("--set loss.cycle=20"), "{command}");
    assert_eq!(states(&[[0.25, 0.3]; 2]), [State::FurtherAway, State::NotBack], "both");
}
