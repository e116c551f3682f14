//! Reported beside ours: means and deviations over seeds, as data and as text.

use super::outcome::Outcome;
use super::{Edition, Experiment, Paper, Quantity};
use crate::numbers::duration_in_words;
use crate::numbers::{counted, grouped};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One experiment's rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// The experiment's name.
    pub experiment: String,
    /// For people.
    pub title: String,
    /// Keys of the quantities, one a column.
    pub columns: Vec<String>,
    /// Reported rows, ours, then what else was measured the same way.
    pub rows: Vec<Row>,
    /// How each metric was measured.
    pub protocols: Vec<String>,
    /// What to know before quoting the numbers, with the runs that say so.
    pub warnings: Vec<String>,
    /// Headings, units and digits of the columns.
    #[serde(skip)]
    pub quantities: Vec<Quantity>,
}

/// Where a row's numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Printed in a publication.
    Reported,
    /// Worked out: what a perfect model would have.
    Computed,
    /// Trained and measured here.
    Ours,
    /// Measured here with the same protocol, of something that was not trained.
    Measured,
}

impl Origin {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Reported => "reported",
            Origin::Computed => "computed",
            Origin::Ours => "ours",
            Origin::Measured => "measured",
        }
    }
}

/// One model, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Where its numbers come from.
    pub origin: Origin,
    /// The model.
    pub who: String,
    /// The publication; steps, time, device and version of ours.
    pub note: String,
    /// What makes the numbers less than the recipe's: cut short, changed. Empty where nothing does.
    pub caveat: String,
    /// What the run doctor says: each state with the seeds that are in it. Empty of rows that are not runs.
    pub doctor: BTreeMap<String, Vec<u64>>,
    /// Seeds that are averaged over.
    pub seeds: Vec<u64>,
    /// Numbers, one a column; null where there is no number.
    pub cells: Vec<Option<Cell>>,
}

/// A number, with what is known of its spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cell {
    /// The mean over seeds, or the reported number.
    pub mean: f64,
    /// Standard deviation over seeds (n − 1), or what the publication prints after ±.
    pub spread: Option<f64>,
    /// Seeds that have the number; 0 of a reported one.
    pub count: usize,
}

impl Cell {
    /// Mean and standard deviation (n − 1); no deviation of one number, nothing of none.
    pub fn of(numbers: &[f64]) -> Option<Cell> {
        let count = numbers.len();
        let mean = numbers.iter().sum::<f64>() / count as f64;
        let square = |x: &f64| (x - mean).powi(2);
        let spread =
            (count > 1).then(|| (numbers.iter().map(square).sum::<f64>() / (count - 1) as f64).sqrt());
        (count > 0).then_some(Cell { mean, spread, count })
    }
}

/// A table for each experiment that was measured.
pub fn tables(paper: &Paper, outcomes: &[Outcome]) -> Vec<Table> {
    let of = |e: &Experiment| outcomes.iter().filter(|o| o.experiment == e.name).cloned().collect::<Vec<_>>();
    let all = paper.experiments.iter().map(|e| (e, of(e)));
    all.filter(|(_, outcomes)| !outcomes.is_empty()).map(|(e, outcomes)| table(e, &outcomes)).collect()
}

fn table(experiment: &Experiment, outcomes: &[Outcome]) -> Table {
    let mut rows: Vec<Row> = experiment.reported.iter().map(|r| reported(experiment, r)).collect();
    let mut groups: Vec<Vec<&Outcome>> = Vec::new();
    for outcome in outcomes {
        // Only what was trained and measured alike is averaged.
        match groups.iter_mut().find(|g| alike(g[0], outcome)) {
            Some(group) => group.push(outcome),
            None => groups.push(vec![outcome]),
        }
    }
    rows.extend(groups.iter().map(|group| ours(experiment, group)));
    rows.extend(references(experiment, outcomes));
    let protocols: BTreeSet<String> = outcomes
        .iter()
        .flat_map(|o| &o.protocols)
        .map(|(metric, text)| format!("{metric}: {text}"))
        .collect();
    let warn = |o: &Outcome| {
        let who = format!("{}, seed {}", o.recipe, o.seed);
        o.warnings.iter().map(|w| format!("{who}: {w}")).collect::<Vec<_>>()
    };
    Table {
        experiment: experiment.name.clone(),
        title: experiment.title.clone(),
        columns: experiment.quantities.iter().map(|q| q.key.clone()).collect(),
        rows,
        protocols: protocols.into_iter().collect(),
        warnings: outcomes.iter().flat_map(warn).collect(),
        quantities: experiment.quantities.clone(),
    }
}

fn alike(a: &Outcome, b: &Outcome) -> bool {
    let key = |o: &Outcome| (o.recipe.clone(), o.step, o.changes.clone(), o.version.clone());
    key(a) == key(b) && a.protocols == b.protocols
}

fn reported(experiment: &Experiment, row: &super::Reported) -> Row {
    let cell = |q: &Quantity| {
        let value = row.values.get(&q.key)?;
        Some(Cell { mean: *value.first()?, spread: value.get(1).copied(), count: 0 })
    };
    let spread = row.spread.as_ref().map_or(String::new(), |s| format!("; ± {s}"));
    Row {
        origin: if row.computed { Origin::Computed } else { Origin::Reported },
        who: row.what.clone(),
        note: format!("{}{spread}", row.from),
        caveat: String::new(),
        doctor: BTreeMap::new(),
        seeds: vec![],
        cells: experiment.quantities.iter().map(cell).collect(),
    }
}

fn ours(experiment: &Experiment, group: &[&Outcome]) -> Row {
    let first = group[0];
    // A mean of some seeds would be too good: where one has no number, there is none.
    let numbers =
        |key: &str| group.iter().map(|o| o.values.get(key).copied().flatten()).collect::<Option<Vec<_>>>();
    let cells = experiment.quantities.iter().map(|q| Cell::of(&numbers(&q.key)?)).collect();
    let edition = match first.edition {
        Edition::Paper => "the paper's",
        Edition::Modern => "modern",
    };
    let seconds = group.iter().map(|o| o.seconds).sum::<f64>() / group.len() as f64;
    let devices: BTreeSet<&str> = group.iter().map(|o| o.device.as_str()).collect();
    let a_seed = if group.len() > 1 { " a seed" } else { "" };
    Row {
        origin: Origin::Ours,
        who: format!("recipe {} ({edition}), {}", first.recipe, seeds_in_words(group)),
        note: format!(
            "{} in {}{a_seed} on {}, gansaku {}",
            counted(first.step, "step"),
            duration_in_words(seconds),
            devices.into_iter().collect::<Vec<_>>().join(", "),
            first.version
        ),
        caveat: caveat(first),
        doctor: doctor(group),
        seeds: group.iter().map(|o| o.seed).collect(),
        cells,
    }
}

fn seeds_in_words(group: &[&Outcome]) -> String {
    match group {
        [one] => format!("seed {}", one.seed),
        many => format!("{} seeds", many.len()),
    }
}

fn doctor(group: &[&Outcome]) -> BTreeMap<String, Vec<u64>> {
    let mut seeds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for outcome in group {
        for said in &outcome.doctor {
            seeds.entry(said.state.name().to_string()).or_default().push(outcome.seed);
        }
    }
    seeds
}

fn caveat(o: &Outcome) -> String {
    let mut parts = Vec::new();
    if o.diverged {
        parts.push(format!("diverged at step {} of {}", grouped(o.step), grouped(o.full)));
    } else if o.step < o.full {
        parts.push(format!("cut short at step {} of {}", grouped(o.step), grouped(o.full)));
    } else if o.step > o.full {
        parts.push(format!("{}, the recipe has {}", counted(o.step, "step"), grouped(o.full)));
    }
    if !o.changes.is_empty() {
        parts.push(format!("changed: {}", o.changes.join(" ")));
    }
    parts.join("; ")
}

/// What was measured beside the generators, alike and once a seed: data may depend on the seed, not on the recipe.
fn references(experiment: &Experiment, outcomes: &[Outcome]) -> Vec<Row> {
    // By name and protocols, then by seed.
    type Values = BTreeMap<String, Option<f64>>;
    type Seeds<'a> = BTreeMap<u64, &'a Values>;
    let mut alike: BTreeMap<(&str, &BTreeMap<String, String>), Seeds> = BTreeMap::new();
    for outcome in outcomes {
        for (who, values) in &outcome.references {
            alike
                .entry((who.as_str(), &outcome.protocols))
                .or_default()
                .entry(outcome.seed)
                .or_insert(values);
        }
    }
    let row = |((who, _), seeds): ((&str, _), Seeds)| {
        let numbers =
            |key: &str| seeds.values().map(|v| v.get(key).copied().flatten()).collect::<Option<Vec<_>>>();
        let fixed = |cell: Cell| Cell { spread: cell.spread.filter(|s| *s > 0.0), ..cell };
        let cells = experiment.quantities.iter().map(|q| Cell::of(&numbers(&q.key)?).map(fixed));
        Row {
            origin: Origin::Measured,
            who: who.to_string(),
            note: String::new(),
            caveat: String::new(),
            doctor: BTreeMap::new(),
            seeds: seeds.keys().copied().collect(),
            cells: cells.collect(),
        }
    };
    alike.into_iter().map(row).filter(|r| r.cells.iter().any(Option::is_some)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::State;
    use crate::repro::outcome::Said;
    use crate::repro::words::{diagnosis, text};

    #[test]
    fn means_and_deviations_are_those_of_a_sample() {
        let cell = Cell::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).expect("numbers");
        assert_eq!((cell.mean, cell.count), (5.0, 8));
        assert!((cell.spread.expect("many") - (32f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(Cell::of(&[3.0]), Some(Cell { mean: 3.0, spread: None, count: 1 }));
        assert_eq!(Cell::of(&[]), None);
        assert_eq!(Cell::of(&[8.0; 10]).and_then(|c| c.spread), Some(0.0));
    }

    fn outcome(recipe: &str, seed: u64, step: u64, modes: f64) -> Outcome {
        Outcome {
            experiment: "ring".into(),
            recipe: recipe.into(),
            edition: Edition::Paper,
            seed,
            step,
            full: 100,
            diverged: false,
            changes: vec![],
            sha256: String::new(),
            version: "1".into(),
            device: "one CPU thread".into(),
            seconds: 60.0 + seed as f64,
            data: "ring".into(),
            protocols: BTreeMap::from([("modes".into(), "as in the paper".into())]),
            values: BTreeMap::from([("modes.modes".into(), Some(modes)), ("modes.reverse KL".into(), None)]),
            references: BTreeMap::from([(
                "test points".into(),
                BTreeMap::from([("modes.modes".to_string(), Some(8.0))]),
            )]),
            doctor: vec![Said {
                state: if modes < 6.5 { State::ModeCollapse } else { State::Healthy },
                evidence: "2 of 8".into(),
            }],
            warnings: vec![],
        }
    }

    fn ours_of(outcomes: &[Outcome]) -> Vec<Row> {
        let paper = crate::repro::paper("pacgan-ring").expect("known");
        let tables = tables(&paper, outcomes);
        tables[0].rows.iter().filter(|r| r.origin == Origin::Ours).cloned().collect()
    }

    #[test]
    fn only_what_was_trained_and_measured_alike_is_averaged() {
        let mut other = outcome("ring", 3, 100, 1.0);
        other.protocols.insert("modes".into(), "otherwise".into());
        let mut changed = outcome("ring", 4, 100, 1.0);
        changed.changes = vec!["latent.dim=3".into()];
        let short = outcome("ring", 2, 40, 5.0);
        let rows =
            ours_of(&[outcome("ring", 0, 100, 6.0), outcome("ring", 1, 100, 7.0), short, other, changed]);
        let seeds: Vec<&[u64]> = rows.iter().map(|r| &r.seeds[..]).collect();
        assert_eq!(seeds, [&[0, 1][..], &[2], &[3], &[4]]);
        assert_eq!(rows[0].cells[0], Some(Cell { mean: 6.5, spread: Some(0.5f64.sqrt()), count: 2 }));
        assert_eq!(rows[0].cells[2], None, "no number is not zero");
        let caveats: Vec<&str> = rows.iter().map(|r| r.caveat.as_str()).collect();
        assert_eq!(caveats, ["", "cut short at step 40 of 100", "", "changed: latent.dim=3"]);
        assert_eq!(diagnosis(&rows[0]), "healthy (1 of 2), mode collapse (1 of 2)");
        assert_eq!(diagnosis(&rows[1]), "mode collapse");
        assert!(rows[0].note.starts_with("100 steps in 1m 1s a seed"), "{}", rows[0].note);
    }

    #[test]
    fn a_seed_that_diverged_has_a_row() {
        let none = BTreeMap::new();
        let diverged = Outcome {
            diverged: true,
            doctor: vec![Said { state: State::NonFinite, evidence: "step 40".into() }],
            protocols: BTreeMap::new(),
            values: none.clone(),
            references: BTreeMap::new(),
            ..outcome("ring", 1, 40, 0.0)
        };
        let rows = ours_of(&[outcome("ring", 0, 100, 6.0), diverged]);
        assert_eq!(
            (rows[0].who.as_str(), rows[1].who.as_str()),
            ("recipe ring (the paper's), seed 0", "recipe ring (the paper's), seed 1")
        );
        assert!(rows[1].cells.iter().all(Option::is_none));
        assert_eq!(
            (rows[1].caveat.as_str(), diagnosis(&rows[1])),
            ("diverged at step 40 of 100", "non-finite".into())
        );
    }

    #[test]
    fn references_are_averaged_where_they_were_measured_alike() {
        let mut other = outcome("ring", 1, 100, 6.0);
        other.protocols.insert("modes".into(), "otherwise".into());
        other.references.insert("test points".into(), BTreeMap::from([("modes.modes".into(), Some(7.0))]));
        let paper = crate::repro::paper("pacgan-ring").expect("known");
        let tables =
            tables(&paper, &[outcome("ring", 0, 100, 6.0), outcome("ring-rpgan", 0, 100, 6.0), other]);
        let measured = tables[0].rows.iter().filter(|r| r.origin == Origin::Measured);
        let cells: Vec<_> =
            measured.map(|r| (r.seeds.clone(), r.cells[0].map(|c| (c.mean, c.count)))).collect();
        assert_eq!(cells, [(vec![0], Some((8.0, 1))), (vec![1], Some((7.0, 1)))]);
    }

    #[test]
    fn text_shows_reported_rows_first_and_every_caveat() {
        let paper = crate::repro::paper("pacgan-ring").expect("known");
        let tables = tables(&paper, &[outcome("ring", 0, 40, 6.0)]);
        let text = text(&paper, &tables);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} is not in\n{text}"));
        assert!(at("6.3 ± 0.5") < at("recipe ring (the paper's), seed 0"), "{text}");
        assert!(at("CUT SHORT AT STEP 40 OF 100") < at("test points"), "{text}");
        at("protocol modes: as in the paper");
    }
}
