//! What was asked for, resolved and checked against the data before anything is written.

use super::{Edition, Experiment, Paper, RecipeChain};
use crate::config::{self, Checkpoint, Config, ConfigBuilder, Log, Source};
use crate::data::{self, identity};
use crate::error::{Error, Result};
use crate::exec::Hardware;
use crate::numbers::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Value;

/// What is to be reproduced, where, for how long.
#[derive(Debug, Clone)]
pub struct Order {
    /// The paper.
    pub paper: Paper,
    /// Data sets; each goes to the experiment that wants its kind.
    pub data: Vec<PathBuf>,
    /// What labels stacked digits; one is trained where none is given.
    pub classifier: Option<PathBuf>,
    /// Where everything goes.
    pub out: PathBuf,
    /// Seeds 0 to this are trained.
    pub seeds: u64,
    /// Edition of the recipes; all when absent.
    pub edition: Option<Edition>,
    /// Steps of each run instead of the recipe's.
    pub steps: Option<u64>,
    /// Time for all the training of this call.
    pub time: Option<Duration>,
    /// `key=value` over every recipe.
    pub sets: Vec<String>,
    /// Where to compute.
    pub hardware: Hardware,
}

/// One recipe and seed.
pub struct Job<'a> {
    /// The paper's experiment.
    pub experiment: &'a Experiment,
    /// The experiment's recipe.
    pub recipe: &'a RecipeChain,
    /// Seed of training and of the samples' noise.
    pub seed: u64,
    /// Configurations, one a stage.
    pub configs: Vec<Config>,
    /// Steps of the last stage as the recipe has them.
    pub full: u64,
    /// What the examples are: [`identity::identity`].
    pub data: String,
    /// Steps of the last stage that are asked for.
    pub wanted: u64,
}

/// What is asked for, resolved and checked against the data; nothing is written.
pub fn jobs(order: &Order) -> Result<Vec<Job<'_>>> {
    let places = places(order)?;
    if let (Some(file), false) = (&order.classifier, places.iter().any(|(e, _)| e.classifier)) {
        return Err(Error::Usage(format!(
            "--classifier {}: nothing here is measured with one; leave it out",
            file.display()
        )));
    }
    let sets =
        |key: &str| order.sets.iter().any(|set| set.split('=').next().is_some_and(|k| k.trim() == key));
    if sets("data.source") {
        return Err(Error::Usage(format!(
            "--set data.source: {} says what is measured on which data; leave it out",
            order.paper.name
        )));
    }
    if sets("seed") {
        return Err(Error::Usage("--set seed: repro trains seeds 0 to --seeds less 1; leave it out".into()));
    }
    let mut jobs = Vec::new();
    for seed in 0..order.seeds {
        for (experiment, path) in &places {
            let chosen = experiment
                .recipes
                .iter()
                .filter(|r| order.edition.is_none_or(|edition| edition == r.edition));
            for recipe in chosen {
                jobs.push(job(order, experiment, recipe, path.as_deref(), seed)?);
            }
        }
    }
    if jobs.is_empty() {
        return Err(Error::Usage("--recipe: these experiments have no such recipe; leave it out".into()));
    }
    // The examples of all seeds are as many.
    let mut known: BTreeMap<&str, (u64, String)> = BTreeMap::new();
    for job in &mut jobs {
        let last = job.configs.last().expect("a recipe has stages");
        let name = job.experiment.name.as_str();
        if !known.contains_key(name) {
            let count = data::load(&last.data, last.seed)?.train.count as u64;
            ten_kinds(job.experiment, &last.data)?;
            known.insert(name, (count, identity::identity(&last.data)?));
        }
        let (count, identity) = &known[name];
        job.full = last.train.total(*count);
        job.wanted = order.steps.unwrap_or(job.full);
        job.data.clone_from(identity);
    }
    Ok(jobs)
}

/// Refuses data whose stacks have other modes than the protocol counts.
fn ten_kinds(experiment: &Experiment, config: &config::Data) -> Result<()> {
    if !experiment.classifier {
        return Ok(());
    }
    let digits = data::load(&identity::whole(config), 0)?;
    match digits.classes {
        10 => Ok(()),
        found => Err(Error::Data(format!(
            "{} counts stacks of ten kinds of digits, but {} has {found}; give MNIST with its labels",
            experiment.title, digits.name
        ))),
    }
}

/// Each experiment that can be run, with its data.
fn places(order: &Order) -> Result<Vec<(&Experiment, Option<PathBuf>)>> {
    let mut found: Vec<(&Experiment, Option<PathBuf>)> = Vec::new();
    for path in &order.data {
        let source = data::detect(path)?;
        let Some(experiment) = order.paper.experiments.iter().find(|e| e.data == Some(source)) else {
            return Err(Error::Data(format!(
                "--data {}: {} has no experiment for this kind of data; it takes {}",
                path.display(),
                order.paper.name,
                wanted_data(&order.paper)
            )));
        };
        if found.iter().any(|(e, _)| e.name == experiment.name) {
            return Err(Error::Usage(format!(
                "--data {}: a second data set for {}; give one",
                path.display(),
                experiment.title
            )));
        }
        found.push((experiment, Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))));
    }
    found.extend(order.paper.experiments.iter().filter(|e| e.data.is_none()).map(|e| (e, None)));
    if found.is_empty() {
        let name = &order.paper.name;
        return Err(Error::Data(format!(
            "{name} needs data: --data PATH with {}",
            wanted_data(&order.paper)
        )));
    }
    Ok(found)
}

fn wanted_data(paper: &Paper) -> String {
    let word = |source: Source| match source {
        Source::Idx => "MNIST's IDX files",
        Source::Tfd => "TFD_48x48.mat",
        Source::Cifar10 => "CIFAR-10's binary files",
        _ => "pictures",
    };
    let all: Vec<&str> = paper.experiments.iter().filter_map(|e| e.data.map(word)).collect();
    if all.is_empty() { "none".into() } else { all.join(" or ") }
}

fn job<'a>(
    order: &Order,
    experiment: &'a Experiment,
    recipe: &'a RecipeChain,
    path: Option<&Path>,
    seed: u64,
) -> Result<Job<'a>> {
    let stage = |stage: &String| -> Result<Config> {
        let mut builder = ConfigBuilder::recipe(stage)?;
        order.sets.iter().try_for_each(|set| builder.set(set))?;
        if let Some(path) = path {
            builder.put_path("--data", "data.path", path)?;
        }
        builder.put("--seeds", "seed", Value::Integer(seed as i64))?;
        builder.finish()
    };
    let configs = recipe.stages.iter().map(stage).collect::<Result<Vec<Config>>>()?;
    if configs.iter().any(|config| config.checkpoint.patience > 0) {
        return Err(Error::Usage(
            "--set checkpoint.patience: repro trains every run to its last step; leave it out".into(),
        ));
    }
    Ok(Job { experiment, recipe, seed, configs, full: 0, wanted: 0, data: String::new() })
}

impl Job<'_> {
    /// For people.
    pub fn name(&self) -> String {
        format!("{}, seed {}", self.recipe.recipe(), self.seed)
    }

    /// What is measured was trained with this: the last stage's.
    pub fn config(&self) -> &Config {
        self.configs.last().expect("the table's recipes have stages, as its test says")
    }

    /// SHA-256 of what decides the weights: the data, and all stages' configurations but the length of the run, where the data lie
    /// and what is written down.
    pub fn hash(&self) -> String {
        let mut sum = Sha256::new();
        sum.update(&self.data);
        for config in &self.configs {
            let mut own = config.clone();
            own.data.path = None;
            (own.train.steps, own.train.epochs) = (0, 0);
            (own.log, own.checkpoint) = (Log::default(), Checkpoint::default());
            sum.update(own.to_toml());
        }
        hex(&sum.finalize())
    }
}
