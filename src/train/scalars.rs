//! Numbers beside metrics.jsonl for TensorBoard: what the doctor measured, and what `gansaku eval` did.

use crate::doctor::Entry;
use crate::doctor::probe::Probe;
use crate::error::Result;
use crate::records::Evaluation;
use crate::report::tensorboard::Scalars;
use crate::run::{Folder, journal};

/// What lies in a run's folder, in the order of time; measurements that cannot be read are left out, as the report tells.
///
/// # Errors
/// When the doctor's file cannot be read.
pub fn of(folder: &Folder) -> Result<Vec<Scalars>> {
    let entries = journal::read::<Entry>(&folder.doctor_file())?;
    let mut all: Vec<Scalars> = vec![];
    for entry in &entries {
        if let Entry::Probe(probe) = entry {
            all.push(of_probe(probe));
        }
    }
    let measured = Evaluation::read(&folder.eval_file()).ok();
    let shown = measured.iter().flat_map(Evaluation::shown);
    all.extend(shown.map(|m| {
        let finite = m.values.iter().filter(|(_, value)| value.is_finite());
        let values = finite.map(|(name, value)| (format!("eval/{}/{name}", m.metric), *value)).collect();
        Scalars { step: m.step, values }
    }));
    Ok(all)
}

/// What a probe measured, each number under the doctor's name for it.
pub fn of_probe(probe: &Probe) -> Scalars {
    let modes = probe.modes.as_ref();
    let values = [
        ("energy_distance", Some(probe.energy)),
        ("spread", Some(probe.spread)),
        ("feature_spread", probe.feature_spread),
        ("neighbour_ratio", probe.neighbour_ratio),
        ("modes", modes.map(|m| m.captured as f64)),
        ("high_quality", modes.map(|m| m.quality)),
        ("d_samples", Some(probe.d_samples)),
        ("d_train", Some(probe.d_train)),
        ("d_held_out", probe.d_held_out),
    ];
    let known = values.into_iter().filter_map(|(name, value)| Some((format!("doctor/{name}"), value?)));
    Scalars { step: probe.step, values: known.collect() }
}
