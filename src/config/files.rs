//! Configuration files. A file with `base = "mnist"` is partial and lies over that recipe; one without stands alone and is
//! *whole*: every key that has no default is in it. A file behind a recipe or another file may leave out what it likes.

use super::overrides::{
    NETWORKS, hold_out, merge, parse, renew_architecture, renew_length, shape, shortened,
};
use super::{Architecture, Config, ConfigBuilder, Kind, Model, RECIPES};
use crate::error::{Error, Result};
use crate::numbers::counted;
use std::collections::BTreeSet;
use std::path::Path;
use toml::{Table, Value};

/// Keys whose values are told where a file has them from its base: what makes one GAN another.
const TOLD: [&str; 10] = [
    "conditional",
    "ema.decay",
    "train.discriminator_updates",
    "train.generator_updates",
    "train.noise",
    "train.joint",
    "train.precision",
    "generator.clip",
    "discriminator.clip",
    "discriminator.pack",
];

impl ConfigBuilder {
    /// Starts from a file, without a recipe on the command line: over the `base` that it names, or alone. The configuration
    /// is called what the file says (`recipe = "…"`), or else as the file is.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML (with line and column), holds an unknown key or a wrong type; without a base, when
    /// keys are missing, all of which are told.
    pub fn from_file(path: &Path) -> Result<ConfigBuilder> {
        let (whence, mut over) = open(path)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of_a_run = is_of_a_run(&over);
        over.entry("recipe").or_insert_with(|| Value::String(name_of(path)));
        let Some(base) = take_base(&mut over, &whence)? else {
            over.entry("about").or_insert_with(|| Value::String(file));
            if !of_a_run {
                hold_out(&mut over);
            }
            let builder = ConfigBuilder::of(over);
            builder.is_whole(&whence)?;
            return Ok(builder);
        };
        over.entry("about").or_insert_with(|| Value::String(format!("{file} over {base}")));
        let mut builder =
            ConfigBuilder::recipe(&base).map_err(|e| Error::Usage(format!("{whence}: base: {e}")))?;
        let before = leaves(&builder.tree);
        let own: BTreeSet<String> = leaves(&over).into_iter().map(|(key, _)| key).collect();
        builder.lay(over, &whence)?;
        let after: BTreeSet<String> = leaves(&builder.tree).into_iter().map(|(key, _)| key).collect();
        let taken = before.into_iter().filter(|(key, _)| after.contains(key) && !own.contains(key));
        builder
            .notes
            .push(format!("{base} gives what {file} leaves out: {}", told(&taken.collect::<Vec<_>>())));
        Ok(builder)
    }

    /// Lays a TOML file, partial or whole, over what there is.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML (with line and column), or holds an unknown key or a wrong type; when its `base` is
    /// another recipe than the one it comes to lie over.
    pub fn file(&mut self, path: &Path) -> Result<()> {
        let (whence, mut over) = open(path)?;
        match (take_base(&mut over, &whence)?, &self.beneath) {
            (Some(base), Some(beneath)) if base != *beneath => {
                return Err(Error::Usage(format!(
                    "{whence}: base = {base:?}, but it comes to lie over {beneath}; expected one recipe: leave out the \
                     other, or take base out of the file"
                )));
            }
            (Some(base), None) => self.notes.push(format!(
                "{whence}: nothing is taken from base = {base:?}: what it lies over is whole already"
            )),
            _ => {}
        }
        let name = over.get("recipe").filter(|&name| self.tree.get("recipe") != Some(name));
        if let Some(name) = name.filter(|name| name.is_str())
            && over.clone().try_into::<Config>().is_err()
        {
            return Err(Error::Usage(format!(
                "{whence}: recipe = {name} stands in whole files, such as a run's config.toml, and in those with a base; \
                 leave it out, and name the recipe itself, as in `gansaku train mnist`"
            )));
        }
        self.lay(over, &whence)
    }

    fn lay(&mut self, over: Table, whence: &str) -> Result<()> {
        if let (Some(Value::Table(below)), Some(Value::Table(above))) =
            (self.tree.get_mut("train"), over.get("train"))
        {
            renew_length(below, |key| above.get(key));
        }
        for name in NETWORKS {
            if let (Some(Value::Table(below)), Some(Value::Table(above))) =
                (self.tree.get_mut(name), over.get(name))
            {
                renew_architecture(below, above.get("architecture"));
            }
        }
        merge(&mut self.tree, over);
        self.check(whence).map(drop)
    }

    /// Checks that every key without a default is there.
    fn is_whole(&self, whence: &str) -> Result<()> {
        self.has_no_list_for_a_table(whence)?;
        let (mut filled, mut missing) = (self.clone(), vec![]);
        let config = loop {
            let (inside, e) = match filled.read() {
                Ok(config) => break config,
                Err(wrong) => wrong,
            };
            let field = e.message().strip_prefix("missing field `").and_then(|m| m.split('`').next());
            let found = field.and_then(|field| filled.fill(&inside, field));
            let Some((key, is_table)) = found else {
                // Something else than a gap, such as an unknown key.
                return filled.check(whence).map(drop);
            };
            // What a table lacks is told by its keys.
            missing.extend(Some(key).filter(|_| !is_table));
        };
        missing.extend(unsaid(&config));
        if config.model == Model::Gan && !self.tree.contains_key("latent") {
            missing.extend(["latent.dim", "latent.distribution"].map(String::from));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let source = self.tree.get("data").and_then(|data| data.get("source"));
        let near = RECIPES.iter().map(|(name, _)| *name).find(|name| {
            let tree = ConfigBuilder::recipe(name).map(|builder| builder.tree);
            source.is_some()
                && tree.is_ok_and(|tree| tree.get("data").and_then(|data| data.get("source")) == source)
        });
        Err(Error::Usage(format!(
            "{whence}: {} missing: {}; a file without a base is whole: add {}, or lay it over a recipe by base = {:?} at \
             its top",
            if missing.len() == 1 { "a key is".into() } else { format!("{} keys are", missing.len()) },
            missing.join(", "),
            if missing.len() == 1 { "it" } else { "them" },
            near.unwrap_or("digits"),
        )))
    }

    /// Puts something at a missing key; the key, and whether it is a table, now empty.
    fn fill(&mut self, inside: &str, field: &str) -> Option<(String, bool)> {
        let mut parts: Vec<String> =
            inside.split('.').filter(|part| !part.is_empty()).map(String::from).collect();
        if parts.last().is_some_and(|part| part == "rule") {
            // Serde names the choice, not the alternative that lacks something.
            let tree = Value::Table(self.tree.clone());
            let chosen = parts.iter().try_fold(&tree, |at, part| at.get(part))?.as_table()?;
            parts.push(chosen.keys().next()?.clone());
        }
        let (mut at, mut like) = (&mut self.tree, Some(shape()));
        for part in &parts {
            like = like.and_then(|like| like.get(part));
            at = at.get_mut(part)?.as_table_mut()?;
        }
        let like = like?.get(field)?;
        let is_table = like.is_table() && field != "rule";
        at.insert(field.into(), if is_table { Value::Table(Table::new()) } else { like.clone() });
        parts.push(field.into());
        Some((parts.join("."), is_table))
    }
}

/// Keys with a default that does not stand for itself: a width where the data give none, a length.
fn unsaid(config: &Config) -> Vec<String> {
    let widths = config.networks().into_iter().flat_map(|(role, network)| {
        let hidden = network.layers.iter().take(network.layers.len().saturating_sub(1)).enumerate();
        let without = hidden.filter_map(|(i, layer)| match layer.kind {
            Kind::Linear if layer.units.is_none() => Some((i, "units")),
            Kind::Conv | Kind::ConvTranspose if layer.channels.is_none() => Some((i, "channels")),
            _ => None,
        });
        without.map(move |(i, key)| format!("{}.layers.{i}.{key}", role.name()))
    });
    let lists = config.networks().into_iter();
    let lists = lists.filter(|(_, n)| n.architecture == Architecture::Layers && n.layers.is_empty());
    let lists = lists.map(|(role, _)| format!("{}.layers", role.name()));
    let endless = config.train.steps == 0 && config.train.epochs == 0;
    lists.chain(widths).chain(endless.then(|| "train.steps (or train.epochs)".to_string())).collect()
}

/// Whether a run wrote the file: nobody types the fold of data that have none. What such a file lacks was not there when it
/// was written, so the run did without.
fn is_of_a_run(tree: &Table) -> bool {
    tree.contains_key("recipe") && tree.get("data").and_then(|data| data.get("fold")).is_some()
}

fn open(path: &Path) -> Result<(String, Table)> {
    let whence = format!("--config {}", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::Usage(format!("{whence}: cannot read it: {e}; expected a TOML file")))?;
    let tree = parse(&text, &whence)?;
    Ok((whence, tree))
}

/// Takes `base` out of a file's tree.
fn take_base(tree: &mut Table, whence: &str) -> Result<Option<String>> {
    match tree.remove("base") {
        None => Ok(None),
        Some(Value::String(base)) => Ok(Some(base)),
        Some(other) => Err(Error::Usage(format!(
            "{whence}: base: found {other}; expected a recipe's name, as in base = \"mnist\""
        ))),
    }
}

/// What a run of a file or a data set is called: the name of that without its ending, in letters that a recipe may have.
pub fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "own".into() } else { name.into() }
}

/// Values by dotted key; lists are values.
fn leaves(tree: &Table) -> Vec<(String, Value)> {
    let below = |(key, value): (&String, &Value)| match value {
        Value::Table(table) => {
            leaves(table).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)).collect()
        }
        leaf => vec![(key.clone(), leaf.clone())],
    };
    tree.iter().flat_map(below).collect()
}

/// Keys from a base in one line: losses and what else makes one GAN another with their values, the others by section.
fn told(taken: &[(String, Value)]) -> String {
    let important = |key: &str| {
        key.starts_with("loss.") || key.starts_with("train.discriminator_updates.") || TOLD.contains(&key)
    };
    let values = taken.iter().filter(|(key, _)| important(key));
    let values = values.map(|(key, value)| format!("{key} = {}", shortened(value)));
    let mut sections: Vec<&str> = vec![];
    for (key, _) in taken.iter().filter(|(key, _)| !important(key)) {
        let section = key.split_once('.').map_or(&key[..], |(section, _)| section);
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    let also = (!sections.is_empty()).then(|| format!("and keys of {}", sections.join(", ")));
    let parts: Vec<String> = values.chain(also).collect();
    match parts.is_empty() {
        true => "nothing".into(),
        false => format!("{}: {}", counted(taken.len() as u64, "key"), parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_after_its_file() {
        for (path, name) in [
            ("my.toml", "my"),
            ("dir.d/hinge_2.toml", "hinge_2"),
            ("été 3.toml", "t--3"),
            ("贋作", "own"),
            ("-x-.toml", "x"),
            ("/data/pics/", "pics"),
        ] {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
        }
    }
}
