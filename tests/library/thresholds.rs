//! The run doctor on made-up metrics and probes: each verdict begins where its threshold says, for every family of
//! losses, and ends when it no longer holds.

use gansaku::config::ConfigBuilder;
use gansaku::doctor::judge::Judge;
use gansaku::doctor::labels::Obedience;
use gansaku::doctor::leak::{Change, Leak};
use gansaku::doctor::probe::{Modes, Nyquist, Probe};
use gansaku::doctor::{State, Verdict};
use gansaku::run::Line;

/// A line of a game at rest.
fn line(step: u64) -> Line {
    let mut line = Line::new(step, 1.0);
    let numbers = [
        ("d_loss", 1.2),
        ("g_loss", 0.8),
        ("d_real", 0.6),
        ("d_fake", 0.4),
        ("accuracy_real", 0.7),
        ("accuracy_fake", 0.7),
        ("d_gradient_norm", 1.0),
        ("g_gradient_norm", 1.0),
    ];
    set(&mut line, &numbers);
    line
}

fn set(line: &mut Line, numbers: &[(&str, f64)]) {
    numbers.iter().for_each(|(name, value)| line.set(name, *value));
}

/// D is right about so much of the data and of the samples.
fn right_about(line: &mut Line, real: f64, fake: f64) {
    set(line, &[("accuracy_real", real), ("accuracy_fake", fake)]);
}

/// Samples as they should be.
fn probe(step: u64) -> Probe {
    Probe {
        step,
        spread: 0.95,
        feature_spread: Some(0.9),
        energy: 0.01,
        modes: None,
        neighbour_ratio: Some(1.1),
        roughness: Some(1.0),
        nyquist: Some(Nyquist { ratio: 1.2, peak: 0.9 }),
        labels: None,
        leaks: vec![],
        d_samples: -1.0,
        d_train: 1.0,
        d_deviation: 1.0,
        d_held_out: Some(0.9),
    }
}

/// What a judge says of lines 1 to `lines` and a probe at every fourth.
fn judged(
    sets: &[&str],
    lines: u64,
    change: impl Fn(u64, &mut Line),
    measured: impl Fn(u64, &mut Probe),
) -> Vec<State> {
    verdicts(sets, lines, change, measured).iter().map(|v| v.state).collect()
}

fn verdicts(
    sets: &[&str],
    lines: u64,
    change: impl Fn(u64, &mut Line),
    measured: impl Fn(u64, &mut Probe),
) -> Vec<Verdict> {
    verdicts_of("ring", sets, lines, change, measured)
}

fn verdicts_of(
    recipe: &str,
    sets: &[&str],
    lines: u64,
    change: impl Fn(u64, &mut Line),
    measured: impl Fn(u64, &mut Probe),
) -> Vec<Verdict> {
    let mut layers = ConfigBuilder::recipe(recipe).expect("a recipe");
    sets.iter().for_each(|set| layers.set(set).expect("a known key"));
    let mut judge = Judge::new(&layers.finish().expect("in range"));
    for i in 1..=lines {
        let mut line = line(i);
        change(i, &mut line);
        judge.line(&line);
        if i.is_multiple_of(4) {
            let mut probe = probe(i);
            measured(i, &mut probe);
            judge.probe(&probe);
        }
    }
    judge.verdicts()
}

fn rest(_: u64, _: &mut Line) {}

fn good(_: u64, _: &mut Probe) {}

fn away(_: u64, p: &mut Probe) {
    p.energy = 0.3;
}

fn comes_nearer(i: u64, p: &mut Probe) {
    p.energy = 0.9 - 0.05 * i as f64;
}

#[test]
fn health_takes_five_lines_and_a_probe() {
    assert_eq!(judged(&[], 3, rest, good), [State::TooEarly]);
    assert_eq!(judged(&[], 4, rest, good), [State::TooEarly]);
    assert_eq!(judged(&[], 5, rest, good), [State::Healthy]);
    assert_eq!(judged(&[], 5, rest, away), [State::TooEarly], "far, and not known to come nearer");
    assert_eq!(judged(&[], 8, rest, comes_nearer), [State::Healthy]);
}

#[test]
fn d_wins_where_it_is_sure_of_everything_or_leads_and_samples_stay_away() {
    for (set, chance) in [
        ("loss.objective=non-saturating", 2.0 * 2f64.ln()),
        ("loss.objective=minimax", 2.0 * 2f64.ln()),
        ("loss.objective=least-squares", 0.25),
        ("loss.objective=hinge", 2.0),
        ("loss.relativistic=true", 2f64.ln()),
    ] {
        let sure = |share: f64, right: f64| {
            move |i: u64, l: &mut Line| {
                right_about(l, right, right);
                l.set("d_loss", if i == 20 { share * chance } else { 0.0 });
            }
        };
        assert_eq!(judged(&[set], 22, sure(0.0199, 0.99), good), [State::DWon], "{set}");
        assert_eq!(
            judged(&[set], 20, sure(0.0201, 0.99), good),
            [State::DWon],
            "{set}: one line ends nothing"
        );
        assert_eq!(judged(&[set], 22, sure(0.0201, 0.99), good), [State::Healthy], "{set}");
        assert_eq!(judged(&[set], 22, sure(0.0199, 0.989), good), [State::Healthy], "{set}");
        let leads = |_: u64, l: &mut Line| {
            right_about(l, 0.95, 0.91);
            l.set("d_loss", 0.19 * chance);
        };
        assert_eq!(judged(&[set], 8, leads, away), [State::DWon], "{set}");
        assert_eq!(judged(&[set], 8, leads, comes_nearer), [State::Healthy], "{set}: G still learns");
        assert_eq!(
            judged(&[set], 8, leads, good),
            [State::Healthy],
            "{set}: near the data a lead is no harm"
        );
    }
}

#[test]
fn d_wins_where_g_s_gradient_vanishes_whatever_the_loss() {
    let vanishes =
        |to: f64| move |i: u64, l: &mut Line| l.set("g_gradient_norm", if i > 5 { to } else { 1.0 });
    for loss in ["minimax", "non-saturating", "least-squares", "hinge", "wasserstein"] {
        let set = format!("loss.objective={loss}");
        assert_eq!(judged(&[&set], 10, vanishes(0.9e-3), good), [State::DWon], "{loss}");
        assert_eq!(judged(&[&set], 10, vanishes(1.1e-3), good), [State::Healthy], "{loss}");
        assert_eq!(judged(&[&set], 9, vanishes(0.9e-3), good), [State::Healthy], "{loss}: five lines");
    }
}

#[test]
fn guessing_is_an_equilibrium_unless_samples_are_far_away() {
    let guesses = |fake: f64| move |_: u64, l: &mut Line| right_about(l, 0.5, fake);
    assert_eq!(judged(&[], 8, guesses(0.59), away), [State::GWon]);
    assert_eq!(judged(&[], 8, guesses(0.61), comes_nearer), [State::Healthy]);
    assert_eq!(judged(&[], 8, guesses(0.59), good), [State::Healthy]);
    assert_eq!(judged(&[], 8, guesses(0.59), |_, p| p.neighbour_ratio = Some(2.1)), [State::GWon]);
    // A critic's score has no threshold: accuracies say nothing, the order of the means does.
    let critic = ["loss.objective=wasserstein"];
    let right = |_: u64, l: &mut Line| set(l, &[("d_real", -5.0), ("d_fake", -6.0), ("accuracy_real", 0.0)]);
    let wrong = |_: u64, l: &mut Line| set(l, &[("d_real", -6.0), ("d_fake", -5.0)]);
    assert_eq!(judged(&critic, 8, wrong, away), [State::GWon]);
    assert_eq!(judged(&critic, 8, wrong, good), [State::Healthy]);
    assert_eq!(judged(&critic, 8, right, comes_nearer), [State::Healthy]);
}

#[test]
fn collapse_is_seen_in_pixels_in_features_and_in_modes() {
    assert_eq!(judged(&[], 12, rest, |_, p| p.spread = 0.39), [State::ModeCollapse]);
    assert_eq!(judged(&[], 12, rest, |_, p| p.spread = 0.41), [State::Healthy]);
    assert_eq!(judged(&[], 12, rest, |_, p| p.feature_spread = Some(0.19)), [State::ModeCollapse]);
    assert_eq!(judged(&[], 12, rest, |_, p| p.feature_spread = Some(0.21)), [State::Healthy]);
    assert_eq!(judged(&[], 12, rest, |i, p| p.spread = 0.03 * i as f64), [State::Healthy], "young");
    assert_eq!(judged(&[], 5, rest, |_, p| p.spread = 0.01), [State::ModeCollapse], "one sample at once");
    let on =
        |captured, quality| move |_: u64, p: &mut Probe| p.modes = Some(Modes { captured, of: 8, quality });
    assert_eq!(judged(&[], 8, rest, on(7, 0.9)), [State::ModeCollapse]);
    assert_eq!(judged(&[], 8, rest, on(8, 0.9)), [State::Healthy]);
    assert_eq!(judged(&[], 8, rest, on(7, 0.25)), [State::Healthy], "not on modes yet");
}

#[test]
fn copies_and_a_d_that_knows_its_data_are_memorising() {
    assert_eq!(judged(&[], 8, rest, |_, p| p.neighbour_ratio = Some(0.49)), [State::Memorising]);
    assert_eq!(judged(&[], 8, rest, |_, p| p.neighbour_ratio = Some(0.51)), [State::Healthy]);
    // D(train) is 1, D(samples) −1.
    let with = |ratio, held_out| {
        move |_: u64, p: &mut Probe| (p.neighbour_ratio, p.d_held_out) = (ratio, Some(held_out))
    };
    assert_eq!(judged(&[], 8, rest, with(Some(0.89), -0.42)), [State::Memorising]);
    assert_eq!(judged(&[], 8, rest, with(Some(0.91), -0.42)), [State::Healthy], "samples show nothing of it");
    assert_eq!(judged(&[], 8, rest, with(None, -0.42)), [State::Memorising]);
    assert_eq!(judged(&[], 8, rest, with(Some(0.89), -0.38)), [State::Healthy]);
    let unsure =
        |_: u64, p: &mut Probe| (p.neighbour_ratio, p.d_held_out, p.d_deviation) = (None, Some(-0.9), 2.1);
    assert_eq!(judged(&[], 8, rest, unsure), [State::Healthy], "a share of next to nothing");
    // Health that was not looked at is not claimed; of a mixture there is no end of unseen points.
    for (source, known) in [("ring", true), ("digits", false)] {
        let source = format!("data.source=\"{source}\"");
        let healthy = verdicts(&[&source], 8, rest, |_, p| p.neighbour_ratio = None);
        assert_eq!(healthy[0].state, State::Healthy);
        assert_eq!(!healthy[0].told().contains("not known: whether it memorises"), known, "{healthy:?}");
        assert_eq!((healthy[0].is_good(), healthy[0].name() == "healthy"), (known, known), "{healthy:?}");
    }
    assert_eq!(
        judged(&[], 8, rest, |_, p| (p.neighbour_ratio, p.d_held_out) = (None, None)),
        [State::Healthy]
    );
}

#[test]
fn who_memorises_is_told_to_stop_where_it_began() {
    let from_16 = |i: u64, p: &mut Probe| p.neighbour_ratio = Some(if i < 16 { 0.9 } else { 0.3 });
    let found = verdicts(&[], 40, rest, from_16);
    let advice = &found.first().expect("a verdict").advice;
    let step = probe(12).step;
    assert!(advice.ends_with(&format!("at step {step} it did not memorise yet")), "{advice}");
    // More examples than a file has cannot be asked of it.
    let of_files = ["data.source=\"idx\"", "data.train=[0, 50000]"];
    let command = verdicts(&of_files, 40, rest, from_16)[0].command("runs/a b".as_ref());
    assert_eq!(command, Some(format!("gansaku train --config 'runs/a b/config.toml' --steps {step}")));
}

#[test]
fn standing_still_or_getting_no_better_far_away_is_stalled() {
    assert_eq!(judged(&[], 16, rest, away), [State::Stalled]);
    assert_eq!(judged(&[], 12, rest, away), [State::TooEarly], "three probes are not enough");
    let worse = |i: u64, p: &mut Probe| p.energy = 0.3 + 0.02 * (i / 4) as f64;
    assert_eq!(judged(&[], 16, rest, worse), [State::Stalled]);
    assert_eq!(judged(&[], 16, rest, good), [State::Healthy], "at rest where it should be");
    let guesses = |_: u64, l: &mut Line| right_about(l, 0.5, 0.5);
    assert_eq!(judged(&[], 20, guesses, away), [State::Stalled], "nobody wins a game that is not played");
}

#[test]
fn swings_of_samples_or_answers_are_oscillation() {
    let samples =
        |low: f64| move |i: u64, p: &mut Probe| p.energy = if i.is_multiple_of(8) { 0.5 } else { low };
    assert_eq!(judged(&[], 16, rest, samples(0.34)), [State::Oscillation]);
    assert!(!judged(&[], 16, rest, samples(0.36)).contains(&State::Oscillation));
    let answers =
        |low: f64| move |i: u64, l: &mut Line| l.set("accuracy_fake", if i % 4 < 2 { 0.95 } else { low });
    assert_eq!(judged(&[], 20, answers(0.64), good), [State::Oscillation]);
    assert_eq!(judged(&[], 20, answers(0.66), good), [State::Healthy]);
    assert_eq!(
        judged(&["loss.objective=wasserstein"], 20, answers(0.0), good),
        [State::Healthy],
        "no threshold"
    );
}

#[test]
fn a_low_loss_scale_is_told_before_it_ends_the_run() {
    let scale = |least: f64| move |_: u64, l: &mut Line| l.set("d_loss_scale", least);
    assert_eq!(judged(&[], 8, scale(8.0), good), [State::LossScaleFloor]);
    assert_eq!(judged(&[], 8, scale(16.0), good), [State::Healthy]);
}

#[test]
fn labels_are_ignored_below_fair_agreement_and_unknown_where_nobody_asked() {
    let obeyed = |right: f64| Obedience { samples: 500, right, chance: 0.1, accuracy: Some(0.97) };
    let asked = |right: f64| move |_: u64, p: &mut Probe| p.labels = Some(obeyed(right));
    let set = ["conditional=true"];
    // Kappa .39 and .41.
    assert_eq!(judged(&set, 8, rest, asked(0.451)), [State::LabelsIgnored]);
    let found = verdicts(&set, 8, rest, asked(0.469));
    assert!(found[0].is_good() && found[0].evidence.contains("46.9 % of 500 samples"), "{found:?}");
    let young = |_: u64, p: &mut Probe| (p.labels, p.energy) = (Some(obeyed(0.1)), 0.3);
    assert!(!judged(&set, 8, rest, young).contains(&State::LabelsIgnored), "far samples have no class");
    let unknown = verdicts(&set, 8, rest, good);
    assert_eq!(unknown[0].name(), "healthy as far as known");
    assert!(unknown[0].unknown[0].contains("whether labels are obeyed"), "{unknown:?}");
}

#[test]
fn confetti_is_not_healthy_and_is_told_once_it_does_not_fade() {
    let rough = |r: f64| move |_: u64, p: &mut Probe| p.roughness = Some(r);
    assert_eq!(judged(&[], 16, rest, rough(1.49)), [State::Healthy]);
    assert_eq!(judged(&[], 12, rest, rough(1.51)), [State::TooEarly], "it may fade");
    assert_eq!(judged(&[], 16, rest, rough(1.51)), [State::PixelNoise]);
    let fades = |i: u64, p: &mut Probe| p.roughness = Some(4.0 - 0.1 * i as f64);
    assert_eq!(judged(&[], 16, rest, fades), [State::TooEarly]);
}

#[test]
fn checkerboards_stand_out_and_are_told_once_they_do_not_fade() {
    let board =
        |ratio: f64, peak: f64| move |_: u64, p: &mut Probe| p.nyquist = Some(Nyquist { ratio, peak });
    assert_eq!(judged(&[], 16, rest, board(2.9, 9.0)), [State::Healthy], "little of it");
    assert_eq!(judged(&[], 16, rest, board(30.0, 1.9)), [State::Healthy], "noise does not stand out");
    assert_eq!(judged(&[], 12, rest, board(3.1, 2.1)), [State::TooEarly], "it may fade");
    assert_eq!(judged(&[], 16, rest, board(3.1, 2.1)), [State::Checkerboard]);
    let fades = |i: u64, p: &mut Probe| p.nyquist = Some(Nyquist { ratio: 40.0 - i as f64, peak: 5.0 });
    assert_eq!(judged(&[], 16, rest, fades), [State::TooEarly]);
    let command = |sets: &[&str]| {
        let found = verdicts(sets, 16, rest, board(20.0, 8.0));
        assert!(found[0].evidence.contains("20.0 times the data's energy"), "{found:?}");
        found[0].command("r".as_ref()).expect("a command")
    };
    let dcgan = "generator={architecture='dcgan', width=8}";
    let advised = "gansaku train --config r/config.toml --set generator.upsample=nearest";
    assert_eq!(command(&[dcgan]), advised);
    assert!(
        command(&["generator={architecture='dcgan', width=8, upsample='nearest'}"])
            .contains("optimizer.generator")
    );
    assert!(command(&[]).contains("optimizer.generator"), "no architecture that doubles");
}

#[test]
fn nothing_is_judged_before_its_evidence() {
    let alike = |_: u64, p: &mut Probe| p.spread = 0.01;
    let found = verdicts(&["log.every=10", "log.samples_every=4"], 4, rest, alike);
    assert_eq!(found[0].state, State::TooEarly, "4 steps of 50");
    assert!(found[0].evidence.contains("a verdict comes at about step 14"), "{found:?}");
    // One line is lacking: ten steps.
    assert_eq!(found[0].command("r".as_ref()).as_deref(), Some("gansaku train --resume r --steps 14"));
    assert!(found[0].advice.contains("10 more steps"), "{found:?}");
}

/// What a judge says of a run on pictures whose D sees them augmented.
fn augmented(
    sets: &[&str],
    lines: u64,
    change: impl Fn(u64, &mut Line),
    measured: impl Fn(u64, &mut Probe),
) -> Vec<Verdict> {
    verdicts_of(
        "dcgan",
        &[&["augment.ada_target=0.6", "train.steps=40"], sets].concat(),
        lines,
        change,
        measured,
    )
}

fn states(verdicts: &[Verdict]) -> Vec<State> {
    verdicts.iter().map(|v| v.state).collect()
}

#[test]
fn augmentation_leaks_where_it_is_strong_and_samples_look_like_changed_data() {
    let p = |p: f64| move |_: u64, l: &mut Line| set(l, &[("augment_p", p), ("augment_rt", 0.6)]);
    let leak = |samples: f64| {
        move |_: u64, probe: &mut Probe| {
            probe.leaks = vec![
                Leak { change: Change::Turned, samples, held_out: 0.1 },
                Leak { change: Change::Recoloured, samples: 0.0, held_out: 0.0 },
            ];
        }
    };
    let found = augmented(&[], 8, p(0.81), leak(0.36));
    assert_eq!(states(&found), [State::Leaking], "{found:?}");
    for word in ["p stays above 0.8", "0.81", "36 %", "mirrored or turned", "10 % of held-out"] {
        assert!(found[0].evidence.contains(word), "{}: {word}", found[0].evidence);
    }
    assert!(!found[0].evidence.contains("recoloured"), "{}", found[0].evidence);
    assert!(found[0].command(std::path::Path::new("r")).is_some_and(|c| c.ends_with("--set augment.p=0.6")));
    assert_eq!(states(&augmented(&[], 8, p(0.79), leak(0.36))), [State::Healthy], "seldom enough");
    assert_eq!(states(&augmented(&[], 8, p(0.81), leak(0.34))), [State::Healthy], "as chance has it");
    let dips =
        |i: u64, l: &mut Line| set(l, &[("augment_p", if i == 6 { 0.7 } else { 0.9 }), ("augment_rt", 0.6)]);
    assert_eq!(states(&augmented(&[], 8, dips, leak(0.9))), [State::Healthy], "p does not stay");
    let fixed = |_: u64, l: &mut Line| l.set("augment_rt", 0.6);
    let found = augmented(&["augment.p=1.0"], 8, fixed, leak(0.9));
    assert_eq!(states(&found), [State::Leaking], "{found:?}");
    assert!(found[0].evidence.contains("p is fixed above 0.8 (1.00)"), "{}", found[0].evidence);
    assert_eq!(states(&augmented(&["augment.p=0.8"], 8, fixed, leak(0.9))), [State::Healthy], "not above");
    let far = |i: u64, probe: &mut Probe| {
        leak(0.9)(i, probe);
        comes_nearer(i, probe);
    };
    assert!(
        !states(&augmented(&["augment.p=1.0"], 8, fixed, far)).contains(&State::Leaking),
        "samples are young"
    );
}

#[test]
fn d_overfits_where_its_signs_stay_above_the_target_or_p_climbs_to_the_end() {
    let signs = |rt: f64| move |_: u64, l: &mut Line| set(l, &[("augment_p", 0.3), ("augment_rt", rt)]);
    let found = augmented(&[], 20, signs(0.81), good);
    assert_eq!(states(&found), [State::Overfitting], "{found:?}");
    for word in ["r_t is 0.81", "above 0.80", "p at 0.30", "0.6"] {
        assert!(found[0].evidence.contains(word), "{}: {word}", found[0].evidence);
    }
    assert!(found[0].command(std::path::Path::new("r")).is_some_and(|c| c.ends_with("augment.ada_kimg=125")));
    assert_eq!(states(&augmented(&[], 20, signs(0.79), good)), [State::Healthy]);
    assert_eq!(states(&augmented(&[], 19, signs(0.9), good)), [State::Healthy], "not long enough");
    let once = |i: u64, l: &mut Line| signs(if i == 12 { 0.7 } else { 0.9 })(i, l);
    assert_eq!(states(&augmented(&[], 20, once, good)), [State::Healthy], "it does not stay");
    for without_level in ["loss.relativistic=true", "loss.objective=wasserstein"] {
        let found = augmented(&[without_level], 20, signs(0.99), good);
        assert!(!states(&found).contains(&State::Overfitting), "{without_level}");
    }
    let climbs = |i: u64, l: &mut Line| set(l, &[("augment_p", 0.01 * i as f64), ("augment_rt", 0.7)]);
    assert_eq!(states(&augmented(&[], 35, climbs, good)), [State::Healthy], "there is time");
    let found = augmented(&[], 36, climbs, good);
    assert_eq!(states(&found), [State::Overfitting], "{found:?}");
    assert!(found[0].evidence.contains("p still climbs"), "{}", found[0].evidence);
    let settles = |i: u64, l: &mut Line| climbs(i.min(30), l);
    assert_eq!(states(&augmented(&[], 40, settles, good)), [State::Healthy]);
    let found = augmented(&["augment.p=0.5"], 20, |_, l| l.set("augment_rt", 0.9), good);
    assert_eq!(states(&found), [State::Overfitting], "p is fixed: {found:?}");
    assert!(found[0].command(std::path::Path::new("r")).is_some_and(|c| c.ends_with("augment.p=0.8")));
}
