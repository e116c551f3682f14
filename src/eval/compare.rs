//! Two evaluations side by side: only where data and protocol are the same.

use crate::error::{Error, Result};
use crate::inference::Generator;
use crate::numbers::shortened;
use crate::records::{Evaluation, Measurement};

/// An evaluation of this generator in which nothing is measured yet; `data` for people and by their identity.
pub fn blank(generator: &Generator, data: String, data_identity: String) -> Evaluation {
    Evaluation {
        checkpoint: generator.from.to_path_buf(),
        step: generator.step,
        recipe: generator.config.recipe.clone(),
        data,
        data_identity,
        measurements: vec![],
    }
}

/// The metrics that both evaluations have, in the order of the first.
///
/// # Errors
/// When there are none, or data, protocols or numbers of samples differ: such numbers mean different things.
pub fn pairs<'a>(a: &'a Evaluation, b: &'a Evaluation) -> Result<Vec<(&'a Measurement, &'a Measurement)>> {
    let differ = |what: &str, a: &str, b: &str| {
        Err(Error::Usage(format!("--compare: {what} differ: {a:?} and {b:?}; measure both the same way")))
    };
    if a.data_identity != b.data_identity {
        return differ("data", shortened(&a.data_identity), shortened(&b.data_identity));
    }
    let same = |m: &'a Measurement| Some((m, b.measurements.iter().find(|n| n.metric == m.metric)?));
    let pairs: Vec<_> = a.measurements.iter().filter_map(same).collect();
    for (m, n) in &pairs {
        if m.protocol != n.protocol {
            return differ(&format!("protocols of {}", m.metric), &m.protocol, &n.protocol);
        }
        if m.samples != n.samples {
            let [a, b] = [m.samples, n.samples].map(|n| n.to_string());
            return differ(&format!("samples of {}", m.metric), &a, &b);
        }
    }
    if pairs.is_empty() {
        return Err(Error::Usage("--compare: the files have no metric in common; measure both alike".into()));
    }
    Ok(pairs)
}
