//! What augmentation of what D sees does to a run: it leaks into samples, or does not keep D from overfitting.

use super::facts::Facts;
use super::leak::Change;
use super::thresholds::{LEAKED, LINES_BACK, NEAR_END, OVER_TARGET, STRONG};
use crate::config::Objective;
use crate::models::augmenter::{SIGNS, STRENGTH};
use crate::run::Line;

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// The least and the last p of the last lines; a fixed one is both.
fn strength(facts: &Facts) -> Option<(f64, f64)> {
    let augment = facts.config.augment.as_ref()?;
    if let Some(p) = augment.p {
        // .8 as it was written.
        let written = p.to_string().parse().unwrap_or(f64::from(p));
        return Some((written, written));
    }
    let all: Vec<f64> = facts.window()?.iter().filter_map(|line| line.get(STRENGTH)).collect();
    Some((all.iter().copied().fold(f64::INFINITY, f64::min), *all.last()?))
}

/// Augmentation is strong, and samples look like changed data.
pub fn leaks(facts: &Facts) -> Option<String> {
    let (least, last) = strength(facts).filter(|(least, _)| *least > STRONG)?;
    let found = facts.played()?.leaks.iter().filter(|leak| leak.samples - leak.held_out > LEAKED);
    let told: Vec<String> = found
        .map(|leak| {
            let changed = match leak.change {
                Change::Turned => "mirrored or turned",
                Change::Recoloured => "recoloured",
            };
            let (samples, held_out) = (percent(leak.samples), percent(leak.held_out));
            format!(
                "{samples} of the samples are nearer to a {changed} training example than to any as it is; {held_out} of \
                 held-out ones are"
            )
        })
        .collect();
    let stays = if facts.config.augment.as_ref()?.is_adaptive() { "stays above" } else { "is fixed above" };
    (!told.is_empty() && least > STRONG)
        .then(|| format!("p {stays} {STRONG} ({last:.2}), and {}", told.join("; ")))
}

/// D takes nearly all real pictures for real in spite of augmentation, or p still climbs where training ends.
pub fn overfits(facts: &Facts) -> Option<String> {
    let (config, augment) = (facts.config, facts.config.augment.as_ref()?);
    // Where outputs have no level, their signs say nothing.
    if config.loss.relativistic || config.loss.objective == Objective::Wasserstein {
        return None;
    }
    let lines = &facts.lines[facts.lines.len().checked_sub(LINES_BACK)?..];
    let named = |name: &'static str| lines.iter().filter_map(move |line: &Line| line.get(name));
    let (target, last) = (f64::from(augment.ada_target), named(SIGNS).next_back()?);
    let limit = (target + OVER_TARGET).min(MOST_SIGNS);
    if named(SIGNS).count() == lines.len() && named(SIGNS).all(|signs| signs > limit) {
        let p = strength(facts).map_or(String::new(), |(_, p)| format!(", with p at {p:.2}"));
        return Some(format!(
            "D takes real pictures for real too surely: r_t is {last:.2} and stays above {limit:.2}{p}; {target} is the target"
        ));
    }
    let is_near_end = facts.step() as f64 >= NEAR_END * config.train.steps as f64 && config.train.steps > 0;
    let (before, now) = (named(STRENGTH).next()?, named(STRENGTH).next_back()?);
    let mut climbs = lines.windows(2).map(|pair| Some(pair[1].get(STRENGTH)? > pair[0].get(STRENGTH)?));
    (is_near_end && climbs.all(|up| up == Some(true))).then(|| {
        format!(
            "p still climbs where training ends, from {before:.2} to {now:.2} in {LINES_BACK} lines: augmentation comes too \
             late to keep D from overfitting; r_t is {last:.2}, {target} is the target"
        )
    })
}

/// A limit of r_t that can still be exceeded.
const MOST_SIGNS: f64 = 0.95;
