//! Evaluations side by side: each metric only where data and protocol are the same, and told where they are not.

use crate::config::Config;
use crate::data::{Dataset, Examples, Origin};
use crate::error::{Error, Result};
use crate::numbers::shortened;
use crate::records::{Evaluation, Measurement};
use crate::run::Folder;
use std::path::Path;

/// An evaluation of a checkpoint, after so many steps with this configuration, in which nothing is measured yet;
/// `data_identity` is that of the whole data.
pub fn blank(
    (from, step): (&Path, u64),
    config: &Config,
    data: &Dataset,
    data_identity: String,
) -> Evaluation {
    Evaluation {
        checkpoint: from.to_path_buf(),
        step,
        recipe: config.recipe.clone(),
        data: data.name.clone(),
        data_identity,
        held_out: (data.test.count > 0).then(|| test_alone(data).sha256()),
        measurements: vec![],
    }
}

/// A data set's test examples, of both domains where there are two.
fn test_alone(data: &Dataset) -> Dataset {
    let none = Examples::none(&data.train);
    let origin = data.origin.as_ref().map(|origin| {
        let data = test_alone(&origin.data);
        Box::new(Origin { data, ..(**origin).clone() })
    });
    Dataset { train: none.clone(), valid: none, origin, ..data.clone() }
}

/// What a path holds: a file that `gansaku eval --json` wrote, or a run's folder with an `eval.json`.
///
/// # Errors
/// When there is neither.
pub fn read(path: &Path) -> Result<Evaluation> {
    if !path.is_dir() {
        return Evaluation::read(path);
    }
    let file = Folder { path: path.to_path_buf() }.eval_file();
    if file.is_file() {
        return Evaluation::read(&file);
    }
    let run = crate::console::typed(path);
    Err(Error::Usage(format!(
        "--compare: {run} holds no eval.json: nothing was measured there yet; `gansaku eval {run}` does"
    )))
}

/// One metric of several evaluations.
pub struct Row<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// The measurement of each evaluation, where it has one.
    pub each: Vec<Option<&'a Measurement>>,
    /// What forbids to put the numbers side by side.
    pub unlike: Option<String>,
}

/// Every metric of these evaluations in the order in which it comes first, with what forbids a comparison. `names` are
/// those of the evaluations. Where two were measured in several ways, the way that they share is taken.
pub fn rows<'a>(all: &'a [Evaluation], names: &[String]) -> Vec<Row<'a>> {
    let mut metrics: Vec<&str> = vec![];
    for m in all.iter().flat_map(Evaluation::shown) {
        if !metrics.contains(&&m.metric[..]) {
            metrics.push(&m.metric);
        }
    }
    let data = &all[0].data_identity;
    let other = all.iter().position(|e| e.data_identity != *data);
    let of_data = other.map(|i| {
        let told = [0, i].map(|i| format!("{} has {}", names[i], shortened(&all[i].data_identity)));
        format!("not comparable, data differ: {}; measure both on the same data", told.join(", "))
    });
    let row = |metric: &'a str| {
        let each = alike(all, metric);
        let known: Vec<(usize, &Measurement)> =
            each.iter().enumerate().filter_map(|(i, m)| Some((i, (*m)?))).collect();
        let (first, others) = (known[0], &known[1..]);
        let differs =
            others.iter().find(|(_, m)| m.protocol != first.1.protocol || m.samples != first.1.samples);
        let of_protocol = differs.map(|other| {
            let told = [first, *other].map(|(i, m)| format!("  {}: {}", names[i], m.protocol));
            format!("not comparable, protocols differ; measure both the same way\n{}", told.join("\n"))
        });
        let alone = others.is_empty().then(|| format!("measured in {} alone", names[first.0]));
        Row { metric, unlike: of_data.clone().or(of_protocol).or(alone), each }
    };
    metrics.into_iter().map(row).collect()
}

/// The measurement of a metric to show of each evaluation: of a protocol that all have, where there is one.
fn alike<'a>(all: &'a [Evaluation], metric: &str) -> Vec<Option<&'a Measurement>> {
    let shown: Vec<Option<&Measurement>> =
        all.iter().map(|e| e.shown().into_iter().find(|m| m.metric == metric)).collect();
    let with = |protocol: &str| -> Option<Vec<Option<&'a Measurement>>> {
        let find = |e: &'a Evaluation| {
            let own = e.measurements.iter().filter(|m| m.metric == metric && m.protocol == protocol);
            // Of equal steps the last measured is the first.
            own.rev().max_by_key(|m| m.step)
        };
        all.iter().map(|e| find(e).map(Some)).collect()
    };
    let protocols = shown.iter().flatten().map(|m| &m.protocol[..]);
    let shared = protocols.into_iter().find_map(with);
    shared.unwrap_or(shown)
}

/// What to know of the evaluations as a whole: examples that were held out differently.
pub fn remarks(all: &[Evaluation], names: &[String]) -> Vec<String> {
    let known = all.iter().zip(names).filter_map(|(e, name)| Some((e.held_out.as_ref()?, name)));
    let known: Vec<_> = known.collect();
    let same_data = all.iter().all(|e| e.data_identity == all[0].data_identity);
    let others = known.iter().filter(|_| same_data).filter(|(held, _)| *held != known[0].0);
    let told = |(_, name): &(&String, &String)| {
        format!(
            "{name} was measured against other held-out examples of these data than {}: small differences mean nothing",
            known[0].1
        )
    };
    others.map(told).collect()
}
