//! Curves of runs over each other: the numbers that training and the doctor left, thinned.

use super::Summary;
use crate::doctor::Entry;
use crate::report::html::thinned;
use crate::run::{Folder, Line, journal};
use std::collections::BTreeMap;

/// Points of a curve, at most.
const POINTS: usize = 160;
/// What the doctor measured, with names for people. The first is what curves are first compared by: losses of different
/// models say little beside each other, distances from the data do.
const PROBES: [(&str, &str); 3] = [
    ("energy", "Energy distance of samples to the data"),
    ("spread", "Spread of samples, by the data's"),
    ("neighbour_ratio", "Distance to the nearest training example, by held-out data's"),
];
/// What training leaves, with names for people; another name stands for itself.
const STATISTICS: [(&str, &str); 8] = [
    ("d_loss", "Loss of D"),
    ("g_loss", "Loss of G"),
    ("d_real", "D(x)"),
    ("d_fake", "D(G(z))"),
    ("accuracy_real", "Accuracy of D on real examples"),
    ("accuracy_fake", "Accuracy of D on samples"),
    ("d_gradient_norm", "Gradient norm of D"),
    ("g_gradient_norm", "Gradient norm of G"),
];

/// A number that some run has, and each run's curve of it by the run's place in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// For people.
    pub name: String,
    /// Points `[step, value]`.
    pub curves: BTreeMap<usize, Vec<[f64; 2]>>,
}

/// The numbers of all runs, what the doctor measured first. Files that cannot be read have none.
pub fn metrics(runs: &[Summary]) -> Vec<Metric> {
    let mut names: Vec<String> = PROBES.iter().chain(&STATISTICS).map(|(key, _)| key.to_string()).collect();
    let mut found: BTreeMap<String, BTreeMap<usize, Vec<[f64; 2]>>> = BTreeMap::new();
    for (i, run) in runs.iter().enumerate() {
        let folder = Folder { path: run.path.clone() };
        let mut add = |key: &str, step: u64, value: f64| {
            if !names.iter().any(|name| name == key) {
                names.push(key.into());
            }
            found.entry(key.into()).or_default().entry(i).or_default().push([step as f64, value]);
        };
        for line in journal::read::<Line>(&folder.metrics_file()).unwrap_or_default() {
            line.values().for_each(|(key, value)| add(key, line.step, value));
        }
        for entry in journal::read::<Entry>(&folder.doctor_file()).unwrap_or_default() {
            let Entry::Probe(probe) = entry else { continue };
            let values = [Some(probe.energy), Some(probe.spread), probe.neighbour_ratio];
            for ((key, _), value) in PROBES.iter().zip(values) {
                value.into_iter().for_each(|value| add(key, probe.step, value));
            }
        }
    }
    let known: BTreeMap<&str, &str> = PROBES.into_iter().chain(STATISTICS).collect();
    let metric = |key: String| {
        let curves = found.remove(&key)?;
        let curves = curves.into_iter().map(|(run, points)| (run, thinned(&points, POINTS).0)).collect();
        Some(Metric { name: known.get(&key[..]).map_or(key.clone(), ToString::to_string), curves })
    };
    names.into_iter().filter_map(metric).collect()
}
