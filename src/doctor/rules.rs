//! What each state looks like in numbers, and why there.

use super::augmentation;
use super::facts::Facts;
use super::labels::Obedience;
use super::probe::Probe;
use super::thresholds::*;
use super::translation::Failing;
use crate::config::Objective;
use crate::data::toy::Mixture;
use crate::eval::neighbours::MEMORISED;
use crate::exec::scale;
use crate::models::statistic::{
    ACCURACY_FAKE, ACCURACY_REAL, CLASSES_FAKE, CLASSES_REAL, D_FAKE, D_LOSS, D_REAL, gradient_norm,
    is_loss_scale,
};
use crate::numbers::{median, number};
use crate::records::State;
use crate::run::Line;

/// The states that a run is in, each with its evidence; none where it is too early to tell.
pub fn states(facts: &Facts) -> Vec<(State, String)> {
    if facts.config.model.translates() {
        return of_translations(facts);
    }
    let d_won = d_won(facts);
    let oscillation = oscillation(facts);
    let still = standstill(facts);
    // A G that has never moved has its first samples, which are much alike: nothing has collapsed.
    let mode_collapse = mode_collapse(facts).filter(|_| !has_never_moved(facts));
    // Players that do not move have no winner, and those who go round in circles win in turn.
    let g_won = g_won(facts).filter(|_| still.is_none() && oscillation.is_none());
    let explained = d_won.is_some() || g_won.is_some() || oscillation.is_some() || mode_collapse.is_some();
    let stalled = still.or_else(|| plateau(facts)).filter(|_| !explained);
    let found: Vec<_> = [
        (State::DWon, d_won),
        (State::GWon, g_won),
        (State::Oscillation, oscillation),
        (State::ModeCollapse, mode_collapse),
        (State::Memorising, memorising(facts)),
        (State::Overfitting, augmentation::overfits(facts)),
        (State::Leaking, leaking(facts)),
        (State::LabelsIgnored, labels_ignored(facts)),
        (State::PixelNoise, pixel_noise(facts)),
        (State::Checkerboard, checkerboard(facts)),
        (State::Stalled, stalled),
        (State::LossScaleFloor, loss_scale_floor(facts)),
    ]
    .into_iter()
    .filter_map(|(state, evidence)| Some((state, evidence?)))
    .collect();
    match found.is_empty() {
        true => healthy(facts).map(|evidence| (State::Healthy, evidence)).into_iter().collect(),
        false => found,
    }
}

/// The states of a model that translates: its D plays on patches or pairs, and says nothing of how good pictures are.
fn of_translations(facts: &Facts) -> Vec<(State, String)> {
    let (Some(_), Some((seen, earlier))) = (facts.window(), facts.translations.split_last()) else {
        return vec![];
    };
    let mut found = seen.states();
    // What still comes nearer is not well yet, nor lost: the end of training tells.
    let failings = seen.failings();
    let settled = |failing: &&Failing| {
        let before = earlier.last().and_then(|before| before.distance(failing));
        facts.is_done() || before.is_some_and(|before| failing.distance > (1.0 - NEARER_BY) * before)
    };
    found.extend(failings.iter().filter(settled).map(|f| (f.state, f.evidence.clone())));
    found.sort_by_key(|(state, _)| *state);
    found.dedup_by_key(|(state, _)| *state);
    found.extend(loss_scale_floor(facts).map(|evidence| (State::LossScaleFloor, evidence)));
    if found.is_empty() && failings.is_empty() {
        found.push((State::Healthy, seen.told()));
    }
    found
}

/// What to print of a share.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How often D is right; none where the model has no such D.
fn answers(facts: &Facts, line: &Line) -> Option<String> {
    let [real, fake] = [percent(line.get(ACCURACY_REAL)?), percent(line.get(ACCURACY_FAKE)?)];
    Some(match facts.config.loss.relativistic {
        true => format!("D is right about {real} of the pairs of data and samples"),
        false => format!("D is right about {real} of the data and {fake} of the samples"),
    })
}

/// The numbers of that name in lines that have it.
fn named<'a>(lines: &'a [Line], name: &'a str) -> impl Iterator<Item = f64> + 'a {
    lines.iter().filter_map(move |line| line.get(name))
}

/// The mean of the numbers of that name; none where no line has it.
fn mean(lines: &[Line], name: &str) -> Option<f64> {
    let count = named(lines, name).count();
    (count > 0).then(|| named(lines, name).sum::<f64>() / count as f64)
}

/// How far samples are from the data, where they are far.
fn far(probe: &Probe) -> Option<String> {
    let energy =
        (probe.energy > FAR).then(|| format!("energy distance {:.2}, far from {FAR} on", probe.energy));
    let neighbours = probe.neighbour_ratio.filter(|&r| r > FAR_NEIGHBOURS).map(|r| {
        format!("{r:.1} times as far from training examples as held-out data, far from {FAR_NEIGHBOURS} on")
    });
    let quality = probe
        .modes
        .as_ref()
        .filter(|m| m.quality < FAR_QUALITY)
        .map(|m| format!("{} of them on a mode, far below {}", percent(m.quality), percent(FAR_QUALITY)));
    energy.or(neighbours).or(quality)
}

/// Share of samples on modes; none where there are no modes.
fn quality(probe: &Probe) -> f64 {
    probe.modes.as_ref().map_or(0.0, |m| m.quality)
}

/// Whether samples came nearer to the data, by any measure.
fn gained(before: &Probe, after: &Probe) -> bool {
    let ratio = |p: &Probe| p.neighbour_ratio.unwrap_or(0.0);
    after.energy < (1.0 - NEARER_BY) * before.energy
        || ratio(after) < (1.0 - NEARER_BY) * ratio(before)
        || quality(after) > quality(before) + BETTER_BY
}

/// D is sure of everything; or sure of nearly everything while samples stay where they are, far away; or no gradient
/// comes through to G any more.
fn d_won(facts: &Facts) -> Option<String> {
    let window = facts.window()?;
    let last = window.last()?;
    let norms = |lines: &[Line]| named(lines, &gradient_norm("G")).collect::<Vec<f64>>();
    let (first, now) = (norms(&facts.lines[..WINDOW]), norms(window));
    let newest = number(*now.last().filter(|_| !first.is_empty())?);
    let first = median(first);
    if now.iter().all(|&norm| norm < VANISHED * first) {
        return Some(format!("G's gradient has vanished: its norm is {newest}, at first {}", number(first)));
    }
    let gradient = format!("G's gradient norm is {newest}");
    let chance = facts.loss_at_chance()?;
    let below = |share: f64, right: f64| {
        let is_sure = |l: &Line| {
            let right_about = l.get(ACCURACY_REAL)?.min(l.get(ACCURACY_FAKE)?);
            Some(l.get(D_LOSS)? < share * chance && right_about >= right)
        };
        window.iter().all(|l| is_sure(l) == Some(true))
    };
    let lead =
        format!("{}, its loss is {:.3} (at chance {chance:.3})", answers(facts, last)?, last.get(D_LOSS)?);
    if below(SURE, PERFECT) {
        return Some(format!("{lead}; {gradient}"));
    }
    let [.., before, probe] = facts.probes else { return None };
    let far = far(probe).filter(|_| below(NEARLY_SURE, NEARLY_PERFECT) && !gained_much(before, probe))?;
    Some(format!("{lead}, and samples stay away: {far}; {gradient}"))
}

/// Whether they came much nearer.
fn gained_much(before: &Probe, after: &Probe) -> bool {
    after.energy < (1.0 - MUCH_NEARER_BY) * before.energy || quality(after) > quality(before) + MUCH_BETTER_BY
}

/// D guesses, or a critic gives samples the better score, while samples are far away. At an equilibrium D guesses too,
/// but samples are where the data are.
fn g_won(facts: &Facts) -> Option<String> {
    let (window, probe) = (facts.window()?, facts.probe()?);
    let (guesses, how) = match facts.config.loss.objective {
        Objective::Wasserstein => {
            let [real, fake] = [mean(window, D_REAL)?, mean(window, D_FAKE)?];
            (real <= fake, format!("the critic scores data {real:.3} and samples {fake:.3}"))
        }
        _ => {
            let right = 0.5 * (mean(window, ACCURACY_REAL)? + mean(window, ACCURACY_FAKE)?);
            (right < GUESSING, answers(facts, window.last()?)?)
        }
    };
    let far = far(probe).filter(|_| guesses)?;
    Some(format!("{how}, yet these are not like the data: {far}"))
}

/// Samples go to and fro before the data, or D's answers do.
fn oscillation(facts: &Facts) -> Option<String> {
    let tail = |n: usize, most: usize| n.saturating_sub(most);
    let probes = &facts.probes[tail(facts.probes.len(), PROBES_BACK)..];
    let energies: Vec<f64> = probes.iter().map(|p| p.energy).collect();
    let range = |x: &[f64]| {
        let least = x.iter().copied().fold(f64::INFINITY, f64::min);
        (least, x.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    if turns(&energies, ENERGY_SWING) >= ENERGY_TURNS {
        let (least, most) = range(&energies);
        return Some(format!(
            "samples came and went {} times in {} probes: their energy distance to the data swings between {least:.2} \
             and {most:.2}",
            turns(&energies, ENERGY_SWING),
            probes.len()
        ));
    }
    if facts.config.loss.objective == Objective::Wasserstein {
        return None;
    }
    let lines = &facts.lines[tail(facts.lines.len(), LINES_BACK)..];
    let right: Vec<f64> = named(lines, ACCURACY_FAKE).collect();
    (turns(&right, ANSWERS_SWING) >= ANSWERS_TURNS).then(|| {
        let (least, most) = range(&right);
        format!(
            "D's share of right answers about samples turned {} times in {} lines, between {} and {}",
            turns(&right, ANSWERS_SWING),
            lines.len(),
            percent(least),
            percent(most)
        )
    })
}

/// How often a series turns round, swings below `least` not counted.
fn turns(series: &[f64], least: f64) -> usize {
    let Some(&first) = series.first() else { return 0 };
    let (mut low, mut high, mut way, mut turns) = (first, first, 0i8, 0);
    for &x in series {
        (low, high) = (low.min(x), high.max(x));
        let now = if x - low >= least && way != 1 {
            1
        } else if high - x >= least && way != -1 {
            -1
        } else {
            continue;
        };
        turns += usize::from(way != 0);
        way = now;
        (low, high) = (x, x);
    }
    turns
}

/// Samples, or D's features of them, lie too near to each other; or modes of a mixture are missing although samples
/// lie on others.
fn mode_collapse(facts: &Facts) -> Option<String> {
    let probe = facts.played()?;
    let apart = || {
        let seen =
            probe.feature_spread.map_or(String::new(), |f| format!(", {} in D's features", percent(f)));
        format!("samples lie {} as far apart as the data do{seen}", percent(probe.spread))
    };
    // A generator that begins at the data's mean spreads out at first: samples that still do are young, not collapsed.
    let least =
        |p: &Probe| p.spread.min(p.feature_spread.map_or(p.spread, |f| f * COLLAPSED / COLLAPSED_FEATURES));
    let spreads_out = match facts.probes {
        [_] => least(probe) > ALL_ALIKE,
        all => all.windows(2).all(|p| least(&p[1]) > SPREADING * least(&p[0])),
    };
    if least(probe) < COLLAPSED && !spreads_out {
        return Some(apart());
    }
    let modes = probe.modes.as_ref().filter(|m| m.captured < m.of && m.quality >= ON_MODES)?;
    Some(format!(
        "samples lie on {} of {} modes, {} of them near one; {}",
        modes.captured,
        modes.of,
        percent(modes.quality),
        apart()
    ))
}

/// G's samples are training examples, or D knows these from others and G comes after.
fn memorising(facts: &Facts) -> Option<String> {
    let probe = facts.probe()?;
    if let Some(ratio) = probe.neighbour_ratio.filter(|&r| r < MEMORISED) {
        return Some(format!(
            "samples are {ratio:.2} times as far from their nearest training example as held-out data are (copies \
             below {MEMORISED})"
        ));
    }
    let overfit = facts.played()?.overfit().filter(|&o| o > BY_HEART)?;
    let taught = match probe.neighbour_ratio {
        Some(ratio) if ratio >= NEARER => return None,
        Some(ratio) => {
            format!(
                "; samples are {ratio:.2} times as far from their nearest training example as held-out data are"
            )
        }
        None => String::new(),
    };
    Some(format!(
        "D knows its training examples by heart: it scores them {:.2}, held-out data {:.2}, samples {:.2}, {} of the \
         way there{taught}",
        probe.d_train,
        probe.d_held_out?,
        probe.d_samples,
        percent(overfit)
    ))
}

/// Samples are where the data are, and many of them changed as augmentation changes what D sees.
fn leaking(facts: &Facts) -> Option<String> {
    let shown = facts.played().is_some_and(|probe| far(probe).is_none());
    augmentation::leaks(facts).filter(|_| shown)
}

/// Samples are where the data are, and whatever class they were asked for.
fn labels_ignored(facts: &Facts) -> Option<String> {
    let (probe, found) = (facts.played()?, facts.obedience()?);
    let shown = far(probe).is_none() && !is_rough(probe) && on_modes(probe);
    let head = facts.lines.last().and_then(class_head).map_or(String::new(), |head| format!("; {head}"));
    (shown && found.kappa() < IGNORED).then(|| obeyed(found) + &head)
}

/// Whether enough samples lie on modes to have a class, where there are modes.
fn on_modes(probe: &Probe) -> bool {
    probe.modes.as_ref().is_none_or(|m| m.quality >= ON_MODES)
}

/// What to say of samples and their labels.
/// What D's class head says of both, where D has one.
fn class_head(line: &Line) -> Option<String> {
    let [real, fake] = [line.get(CLASSES_REAL)?, line.get(CLASSES_FAKE)?].map(percent);
    Some(format!(
        "D's class head names {real} of data right, and {fake} of samples by the class they were asked for"
    ))
}

fn obeyed(found: &Obedience) -> String {
    let by = found.accuracy.map_or(String::new(), |a| {
        format!(", by a classifier that is right about {} of held-out examples", percent(a))
    });
    format!(
        "{} of {} samples are of the class they were asked for, {} would be by chance{by}",
        percent(found.right),
        found.samples,
        percent(found.chance)
    )
}

fn is_rough(probe: &Probe) -> bool {
    probe.roughness.is_some_and(|r| r > ROUGH)
}

/// Neighbouring pixels differ much more than the data's and that does not get better.
fn pixel_noise(facts: &Facts) -> Option<String> {
    let rough = facts.played().filter(|p| is_rough(p))?.roughness?;
    let (before, after) = facts.probes.split_at_checked(facts.probes.len().checked_sub(PATIENCE)?)?;
    let least = |probes: &[Probe]| probes.iter().filter_map(|p| p.roughness).fold(f64::INFINITY, f64::min);
    (least(after) >= (1.0 - NEARER_BY) * least(before)).then(|| {
        format!("neighbouring pixels of samples differ {rough:.2} times as much as those of the data, noise from {ROUGH} on")
    })
}

/// Where a probe's energy at the highest frequency is a checkerboard's: how much of it there is.
fn checkered(probe: &Probe) -> Option<f64> {
    probe.nyquist.filter(|n| n.ratio > CHECKERED && n.peak > STANDS_OUT).map(|n| n.ratio)
}

/// Every second pixel differs from those beside it and that does not get better.
fn checkerboard(facts: &Facts) -> Option<String> {
    let probe = facts.played()?;
    let (found, now) = (probe.nyquist?, checkered(probe)?);
    let (before, after) = facts.probes.split_at_checked(facts.probes.len().checked_sub(PATIENCE)?)?;
    let least =
        |probes: &[Probe]| probes.iter().filter_map(|p| Some(p.nyquist?.ratio)).fold(f64::INFINITY, f64::min);
    (least(after) >= (1.0 - NEARER_BY) * least(before)).then(|| {
        format!(
            "samples have {now:.1} times the data's energy at the highest frequency, and {:.1} times as much there as just \
             below it; a checkerboard from {CHECKERED} and {STANDS_OUT} on",
            found.peak
        )
    })
}

/// The probes at the end between which samples did not move, if they are enough.
fn still<'a>(facts: &Facts<'a>) -> Option<&'a [Probe]> {
    let last = facts.probe()?;
    let is_near = |a: f64, b: f64| (a - b).abs() <= STILL * b.abs();
    let still = |p: &&Probe| is_near(p.energy, last.energy) && is_near(p.spread, last.spread);
    let count = facts.probes.iter().rev().take_while(still).count();
    (count > PATIENCE).then(|| &facts.probes[facts.probes.len() - count..])
}

fn has_never_moved(facts: &Facts) -> bool {
    still(facts).is_some_and(|probes| probes.len() == facts.probes.len())
}

/// Samples are far from the data and do not move.
fn standstill(facts: &Facts) -> Option<String> {
    let probes = still(facts)?;
    let (first, far) = (probes.first()?, far(probes.last()?)?);
    Some(format!("samples have not moved since step {}: {far}", first.step))
}

/// Samples are far from the data and have not come nearer for some probes.
fn plateau(facts: &Facts) -> Option<String> {
    let (before, after) = facts.probes.split_at_checked(facts.probes.len().checked_sub(PATIENCE)?)?;
    let far = far(after.last()?)?;
    let best = nearest(before)?;
    (!after.iter().any(|p| gained(best, p)))
        .then(|| format!("samples are no nearer to the data than at step {}: {far}", best.step))
}

/// The probe whose samples were nearest to the data.
fn nearest(probes: &[Probe]) -> Option<&Probe> {
    probes.iter().min_by(|a, b| a.energy.total_cmp(&b.energy))
}

fn loss_scale_floor(facts: &Facts) -> Option<String> {
    let last = facts.lines.last()?;
    let scales = last.values().filter(|(name, _)| is_loss_scale(name)).map(|(_, scale)| scale);
    let least = scales.fold(f64::INFINITY, f64::min);
    (least <= f64::from(LOW_SCALE * scale::FLOOR))
        .then(|| format!("the loss scale is {least}; at {} training stops", scale::FLOOR / 2.0))
}

/// Enough is known, and no more than this.
fn healthy(facts: &Facts) -> Option<String> {
    let (window, probe) = (facts.window()?, facts.probe()?);
    if is_rough(probe) || checkered(probe).is_some() {
        return None;
    }
    let line = window.last()?;
    let mut evidence = match facts.config.loss.objective {
        Objective::Wasserstein => {
            let [real, fake] = [line.get(D_REAL)?, line.get(D_FAKE)?];
            format!("the critic scores data {real:.3} and samples {fake:.3}")
        }
        _ => answers(facts, line)?,
    };
    evidence += &format!("; samples lie {} as far apart as the data do", percent(probe.spread));
    if let Some(modes) = &probe.modes {
        evidence += &format!(", on {} of {} modes", modes.captured, modes.of);
    }
    if let Some(ratio) = probe.neighbour_ratio {
        evidence += &format!(", {ratio:.2} times as far from training examples as held-out data");
    }
    if let Some(found) = facts.obedience() {
        evidence += &format!("; {}", obeyed(found));
    }
    if let Some(head) = class_head(line) {
        evidence += &format!("; {head}");
    }
    if let Some(far) = far(probe) {
        // Far and not known to come nearer is not health; it is too early, or soon has another name.
        let (_, earlier) = facts.probes.split_last()?;
        let since = nearest(earlier).filter(|before| gained(before, probe))?;
        evidence += &format!("; still far, but nearer than at step {} ({far})", since.step);
    }
    Some(evidence)
}

/// Essential questions that nothing measured answers.
pub fn unknown(facts: &Facts) -> Vec<String> {
    let Some(probe) = facts.probe() else { return vec![] };
    let mut open = vec![];
    // Of a mixture there is no end of fresh points.
    if probe.neighbour_ratio.is_none() && Mixture::of(facts.config.data.source).is_none() {
        open.push("whether it memorises: too few unseen examples are held out".to_string());
    }
    if facts.config.conditional && facts.obedience().is_none() {
        open.push(match facts.labels {
            Some(Err(why)) => why.clone(),
            _ => "whether labels are obeyed: `gansaku doctor` asks when training has ended".to_string(),
        });
    }
    open
}
