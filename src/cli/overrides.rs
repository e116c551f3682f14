//! Where a configuration begins, and what flags lay over it, for every command that resolves one.

use crate::config::{Config, ConfigBuilder, RECIPES, Source, name_of};
use crate::console::typed;
use crate::data::{self, toy::Mixture};
use crate::error::{Error, Result};
use crate::run::Folder;
use clap::Args;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use std::path::{Path, PathBuf};
use toml::Value;

/// What changes a recipe, in the order in which it is applied.
#[derive(Debug, Args)]
pub(super) struct Overrides {
    /// TOML file: with base = "RECIPE" in it, or behind a recipe, laid over that one; else it stands alone. May be given
    /// again, the later laid over the first
    #[arg(long, value_name = "FILE", help_heading = "Recipe")]
    config: Vec<PathBuf>,
    /// One value laid over the recipe and the files: --set loss.r1=0.1 --set generator.layers.0.units=512; `gansaku keys`
    /// lists them
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Recipe")]
    set: Vec<String>,
}

impl ConfigBuilder {
    /// The configuration, once it has been told what came from a base and which values have no effect.
    pub(super) fn settle(self) -> Result<Config> {
        let notes = self.notes()?;
        let config = self.finish()?;
        notes.iter().for_each(|note| tell!("note: {note}"));
        Ok(config)
    }

    /// Lays `--config` files and `--set` values over what there is.
    pub(super) fn with(self, overrides: &Overrides) -> Result<ConfigBuilder> {
        self.with_files(&overrides.config, overrides)
    }

    fn with_files(mut self, files: &[PathBuf], overrides: &Overrides) -> Result<ConfigBuilder> {
        files.iter().try_for_each(|file| self.file(file))?;
        overrides.set.iter().try_for_each(|assignment| self.set(assignment))?;
        Ok(self)
    }
}

impl Overrides {
    /// Whether a file says what to train.
    pub(super) fn has_file(&self) -> bool {
        !self.config.is_empty()
    }

    /// What the last `--set` of a key says.
    pub(super) fn last_of(&self, key: &str) -> Option<&str> {
        let mut said = self.set.iter().rev().filter_map(|text| text.split_once('='));
        said.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
    }

    /// The recipe with files and values over it. Without a recipe the first file says over which it lies, or stands alone;
    /// without a file, `usual` is the recipe.
    pub(super) fn over(&self, recipe: Option<&str>, usual: &str) -> Result<ConfigBuilder> {
        match (recipe, self.config.split_first()) {
            (None, Some((first, rest))) => ConfigBuilder::from_file(first)?.with_files(rest, self),
            (name, _) => recipe_named(name.unwrap_or(usual))?.with(self),
        }
    }
}

/// The recipe of that name; who names a file or folder hears which flag takes it.
fn recipe_named(name: &str) -> Result<ConfigBuilder> {
    let path = Path::new(name);
    ConfigBuilder::recipe(name).map_err(|e| {
        let flag = if !path.exists() {
            return e;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            "--config"
        } else if Folder::open(path).is_ok() {
            "--resume"
        } else {
            "--data"
        };
        let what = match flag {
            "--config" => "a file",
            "--resume" => "a run",
            _ => "data",
        };
        Error::Usage(format!(
            "no recipe {name:?}, but there is {what} of that name: give it as {flag} {}",
            typed(path)
        ))
    })
}

/// A recipe's name, for completions those that there are. Another one is an error that suggests the nearest.
pub(super) fn recipe_name() -> impl TypedValueParser<Value = String> {
    RecipeName
}

#[derive(Debug, Clone)]
struct RecipeName;

impl TypedValueParser for RecipeName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> std::result::Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(RECIPES.iter().map(|(name, _)| PossibleValue::new(*name))))
    }
}

/// `--data`: a recipe of built-in pictures takes whatever reader fits the path.
pub(super) fn at_path(mut builder: ConfigBuilder, path: &Path) -> Result<ConfigBuilder> {
    let name = path.display();
    if Source::built_in(path).is_some() {
        let with = "built-in data come with a recipe of theirs, which `gansaku recipes` lists";
        return Err(Error::Usage(format!("--data {name}: expected a path; {with}")));
    }
    let of_points = Mixture::of(builder.source()?).is_some();
    if of_points && data::detect(path).is_ok_and(|found| found != Source::Arrays) {
        return Err(Error::Usage(format!(
            "--data {name}: this recipe learns points, which are drawn here or lie in NumPy's arrays; leave --data out, or \
             take a recipe of pictures: gansaku train --data {}",
            typed(path)
        )));
    }
    builder.put_path("--data", "data.path", path)?;
    if builder.source()?.is_built_in() {
        builder.put("--data", "data.source", Value::String("auto".into()))?;
    }
    Ok(builder)
}

/// Calls the configuration of one's own data, for which no recipe was named, as the data are called.
pub(super) fn named_after(builder: &mut ConfigBuilder, data: &Path, networks: &str) {
    // "." and ".." are places, not names.
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.to_path_buf());
    let name = name_of(&absolute);
    let about = format!("own data, with the networks and losses of {networks}");
    let is_recipe = RECIPES.iter().any(|(known, _)| *known == name);
    builder.rename(if is_recipe { name + "-data" } else { name }, about);
}
