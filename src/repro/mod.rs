//! `gansaku repro`: a paper's experiments trained, measured, and set beside its published numbers.
//!
//! What is trained and compared is data (`papers.toml`), not code per paper. [`order`] resolves
//! what was asked, [`work`] trains and measures, one run folder and one [`outcome`] a recipe and seed, [`table`]
//! averages, [`page`] shows.

mod classifier;
mod measuring;
pub mod order;
pub mod outcome;
pub mod page;
mod pictures;
pub mod table;
mod words;
pub mod work;

use crate::config::{Source, nearest};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A paper whose experiments can be run again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// What is typed after `gansaku repro`.
    pub name: String,
    /// The paper's title.
    pub title: String,
    /// Authors, year, where it is.
    pub source: String,
    /// Seeds trained unless asked otherwise: 0, 1, ….
    pub seeds: u64,
    /// What the paper says in words, and in what these experiments differ from its own; printed above the tables.
    #[serde(default)]
    pub claims: Vec<String>,
    /// Experiments, one a data set.
    #[serde(rename = "experiment")]
    pub experiments: Vec<Experiment>,
}

/// One data set's recipes, measurements and published rows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Part of file names.
    pub name: String,
    /// For people.
    pub title: String,
    /// What `--data` must hold; absent where the data are built in.
    #[serde(default)]
    pub data: Option<Source>,
    /// A classifier of the data labels samples: one is trained where none is given.
    #[serde(default)]
    pub classifier: bool,
    /// Metrics of `gansaku eval`.
    pub measures: Vec<String>,
    /// Pictures of each recipe's first seed.
    pub pictures: Vec<Kind>,
    /// What of the measurements is shown.
    pub quantities: Vec<Quantity>,
    /// What is trained.
    pub recipes: Vec<RecipeChain>,
    /// Published rows.
    pub reported: Vec<Reported>,
}

/// What pictures show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Samples, beside as many examples of the data.
    Samples,
    /// A straight walk through the noise, one row from left to right.
    Interpolation,
    /// Samples, below each its nearest training example.
    Neighbours,
    /// Held-out pictures and what became of them, there and back.
    Translations,
}

/// One number of a measurement.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// `METRIC.VALUE`.
    pub key: String,
    /// For people.
    pub name: String,
    /// nats, %; empty where there is none.
    #[serde(default)]
    pub unit: String,
    /// Digits after the point.
    #[serde(default)]
    pub digits: usize,
    /// The words for 0 and for 1, of a number that is a verdict.
    #[serde(default)]
    pub verdict: Option<[String; 2]>,
}

/// Which edition of a recipe: the paper's own, or one of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Edition {
    /// The paper's own
    Paper,
    /// Today's: relativistic pairing with R1 and R2
    Modern,
}

/// A recipe, or several of which each begins with the weights of the one before.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeChain {
    /// Where it comes from.
    #[serde(rename = "role")]
    pub edition: Edition,
    /// Recipes, in order; the last one's generator is measured.
    pub stages: Vec<String>,
}

impl RecipeChain {
    /// The recipe that is measured.
    pub fn recipe(&self) -> &str {
        self.stages.last().expect("the table's recipes have stages, as its test says")
    }
}

/// A published row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// The model.
    pub what: String,
    /// Where it is printed.
    pub from: String,
    /// Worked out, not observed: what a perfect model would have.
    #[serde(default)]
    pub computed: bool,
    /// What the number after ± is, where the source says so.
    #[serde(default)]
    pub spread: Option<String>,
    /// `[number]` or `[number, spread]` by [`Quantity::key`].
    pub values: BTreeMap<String, Vec<f64>>,
}

/// All there are.
pub fn papers() -> Vec<Paper> {
    #[derive(Deserialize)]
    struct Papers {
        paper: Vec<Paper>,
    }
    let all: Papers = toml::from_str(include_str!("papers.toml")).expect("the embedded table is sound");
    all.paper
}

/// The paper of that name.
///
/// # Errors
/// When there is none; the names are listed and the nearest suggested.
pub fn paper(name: &str) -> Result<Paper> {
    let all = papers();
    let names: Vec<String> = all.iter().map(|p| p.name.clone()).collect();
    all.into_iter().find(|p| p.name == name).ok_or_else(|| {
        let hint = nearest(name, names.iter().map(String::as_str));
        let hint = hint.map_or(String::new(), |n| format!(", did you mean {n:?}?"));
        Error::Usage(format!("no paper {name:?}{hint}; known: {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;
    use crate::config::Metric;
    use clap::ValueEnum;

    #[test]
    fn the_table_names_recipes_metrics_and_quantities_that_exist() {
        for experiment in papers().iter().flat_map(|p| &p.experiments) {
            for recipe in &experiment.recipes {
                assert!(!recipe.stages.is_empty(), "{}", experiment.name);
                for stage in &recipe.stages {
                    let source = ConfigBuilder::recipe(stage)
                        .expect("a recipe")
                        .finish()
                        .expect("in range")
                        .data
                        .source;
                    let wanted = match source {
                        source if source.is_built_in() => None,
                        // Digits are stacked from MNIST's files.
                        Source::Stacked => Some(Source::Idx),
                        source => Some(source),
                    };
                    assert_eq!(experiment.data, wanted, "{stage}");
                }
            }
            for metric in &experiment.measures {
                assert!(Metric::from_str(metric, false).is_ok(), "{metric}");
            }
            let known = |key: &str| experiment.quantities.iter().any(|q| q.key == key);
            for row in &experiment.reported {
                for (key, value) in &row.values {
                    assert!(known(key) && (1..=2).contains(&value.len()), "{}: {key}", row.what);
                }
            }
            for quantity in &experiment.quantities {
                let metric = quantity.key.split('.').next().expect("a part").to_string();
                assert!(experiment.measures.contains(&metric), "{}", quantity.key);
            }
        }
    }

    #[test]
    fn unknown_papers_are_named_with_those_there_are() {
        let error = paper("gan-2015").expect_err("unknown").to_string();
        assert!(error.contains("did you mean \"gan-2014\"") && error.contains("pacgan-grid"), "{error}");
    }
}
