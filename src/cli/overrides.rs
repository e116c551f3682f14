//! What flags lay over a recipe, for every command that resolves a configuration.

use crate::config::{Config, ConfigBuilder, Source};
use crate::error::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use toml::Value;

/// What changes a recipe, in the order in which it is applied.
#[derive(Debug, Args)]
pub(super) struct Overrides {
    /// TOML file laid over the recipe; may be partial, may be given again
    #[arg(long, value_name = "FILE", help_heading = "Recipe")]
    config: Vec<PathBuf>,
    /// One value laid over the recipe and the files: --set loss.r1=0.1 --set generator.layers.0.units=512
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Recipe")]
    set: Vec<String>,
}

impl ConfigBuilder {
    /// The configuration, once values without effect have been told.
    pub(super) fn settle(self) -> Result<Config> {
        let idle = self.idle()?;
        let config = self.finish()?;
        idle.iter().for_each(|note| tell!("note: {note}"));
        Ok(config)
    }

    /// Lays `--config` files and `--set` values over the recipe.
    pub(super) fn with(mut self, overrides: &Overrides) -> Result<ConfigBuilder> {
        overrides.config.iter().try_for_each(|file| self.file(file))?;
        overrides.set.iter().try_for_each(|assignment| self.set(assignment))?;
        Ok(self)
    }
}

/// `--data`: a recipe of built-in data takes whatever reader fits the path.
pub(super) fn at_path(mut builder: ConfigBuilder, path: &Path) -> Result<ConfigBuilder> {
    if Source::built_in(path).is_some() {
        let name = path.display();
        let with = "built-in data come with a recipe of theirs, which `gansaku recipes` lists";
        return Err(Error::Usage(format!("--data {name}: expected a path; {with}")));
    }
    builder.put_path("--data", "data.path", path)?;
    if builder.source()?.is_built_in() {
        builder.put("--data", "data.source", Value::String("auto".into()))?;
    }
    Ok(builder)
}
