//! How a run's configuration is made: recipe < `--config` files < `--set` < flags, the later winning.
//!
//! The tree is checked after each layer, so that an error names the layer that made it.

use super::words::{explain, suggestion};
use super::{Config, Layer, SHARED_KEYS, Source};
use crate::error::{Error, Result};
use std::f64::consts::SQRT_2;
use std::path::Path;
use std::sync::LazyLock;
use toml::{Table, Value};

/// The recipes in the binary: name and text.
pub const RECIPES: [(&str, &str); 37] = [
    ("digits", include_str!("../recipes/digits.toml")),
    ("mnist", include_str!("../recipes/mnist.toml")),
    ("mnist-2014", include_str!("../recipes/mnist-2014.toml")),
    ("mnist-rpgan", include_str!("../recipes/mnist-rpgan.toml")),
    ("cgan-mnist", include_str!("../recipes/cgan-mnist.toml")),
    ("stacked-mnist", include_str!("../recipes/stacked-mnist.toml")),
    ("stacked-mnist-rpgan", include_str!("../recipes/stacked-mnist-rpgan.toml")),
    ("stacked-mnist-dcgan", include_str!("../recipes/stacked-mnist-dcgan.toml")),
    ("pictures", include_str!("../recipes/pictures.toml")),
    ("dcgan", include_str!("../recipes/dcgan.toml")),
    ("dcgan-mnist", include_str!("../recipes/dcgan-mnist.toml")),
    ("cgan-dcgan", include_str!("../recipes/cgan-dcgan.toml")),
    ("acgan-mnist", include_str!("../recipes/acgan-mnist.toml")),
    ("wgan", include_str!("../recipes/wgan.toml")),
    ("wgan-gp-mnist", include_str!("../recipes/wgan-gp-mnist.toml")),
    ("wgan-gp-cifar10", include_str!("../recipes/wgan-gp-cifar10.toml")),
    ("sngan", include_str!("../recipes/sngan.toml")),
    ("rpgan-resnet", include_str!("../recipes/rpgan-resnet.toml")),
    ("cyclegan-digits", include_str!("../recipes/cyclegan-digits.toml")),
    ("cyclegan-invert", include_str!("../recipes/cyclegan-invert.toml")),
    ("cyclegan", include_str!("../recipes/cyclegan.toml")),
    ("pix2pix", include_str!("../recipes/pix2pix.toml")),
    ("superres", include_str!("../recipes/superres.toml")),
    ("colourise", include_str!("../recipes/colourise.toml")),
    ("stylegan2-digits", include_str!("../recipes/stylegan2-digits.toml")),
    ("stylegan2", include_str!("../recipes/stylegan2.toml")),
    ("stylegan2-cifar", include_str!("../recipes/stylegan2-cifar.toml")),
    ("tfd-2014-pretrain", include_str!("../recipes/tfd-2014-pretrain.toml")),
    ("tfd-2014", include_str!("../recipes/tfd-2014.toml")),
    ("cifar10-fc-2014", include_str!("../recipes/cifar10-fc-2014.toml")),
    ("cifar10-conv-2014", include_str!("../recipes/cifar10-conv-2014.toml")),
    ("ring", include_str!("../recipes/ring.toml")),
    ("grid", include_str!("../recipes/grid.toml")),
    ("ring-rpgan", include_str!("../recipes/ring-rpgan.toml")),
    ("grid-rpgan", include_str!("../recipes/grid-rpgan.toml")),
    ("wgan-gp-grid", include_str!("../recipes/wgan-gp-grid.toml")),
    ("theory-1d", include_str!("../recipes/theory-1d.toml")),
];

/// A configuration being put together.
#[derive(Debug, Clone)]
pub struct ConfigBuilder {
    pub(super) tree: Table,
    /// The recipe beneath the files, if one is.
    pub(super) beneath: Option<String>,
    /// What is to be said of how the tree came about.
    pub(super) notes: Vec<String>,
    /// What was laid over it one by one: flag or assignment as typed, and key.
    sets: Vec<(String, String)>,
}

impl ConfigBuilder {
    /// Starts from a recipe.
    ///
    /// # Errors
    /// When there is none of that name; the nearest is suggested.
    pub fn recipe(name: &str) -> Result<ConfigBuilder> {
        let Some(&recipe) = RECIPES.iter().find(|(n, _)| *n == name) else {
            let hint = suggestion(name, RECIPES.iter().map(|(n, _)| *n));
            return Err(Error::Usage(format!("no recipe {name:?}{hint}; `gansaku recipes` lists them all")));
        };
        Ok(ConfigBuilder { beneath: Some(name.into()), ..ConfigBuilder::of(embedded(recipe)) })
    }

    pub(super) fn of(tree: Table) -> ConfigBuilder {
        ConfigBuilder { tree, beneath: None, notes: vec![], sets: vec![] }
    }

    /// Calls the configuration by another name than its recipe's, with a line about it.
    pub fn rename(&mut self, name: String, about: String) {
        self.tree.insert("recipe".into(), Value::String(name));
        self.tree.insert("about".into(), Value::String(about));
    }

    /// Starts from the text of a resolved `config.toml`; `whence` names it in errors.
    ///
    /// # Errors
    /// When it is no configuration.
    pub fn resolved(text: &str, whence: &str) -> Result<ConfigBuilder> {
        let layers = ConfigBuilder::of(parse(text, whence)?);
        layers.check(whence)?;
        Ok(layers)
    }

    /// Adds one `key.path=value`.
    ///
    /// # Errors
    /// When there is no `=`, no such key, or the value has the wrong type.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let Some((key, text)) = assignment.split_once('=') else {
            return Err(Error::Usage(format!(
                "--set {assignment}: expected key=value, as in --set optimizer.generator.lr=0.001"
            )));
        };
        let whence = format!("--set {assignment}");
        if key.trim() == "recipe" {
            return Err(Error::Usage(format!(
                "{whence}: name the recipe itself, as in `gansaku train {text}`"
            )));
        }
        // What is no TOML value is a bare word.
        let value = toml::from_str::<Table>(&format!("value = {text}"))
            .ok()
            .and_then(|mut t| t.remove("value"))
            .unwrap_or_else(|| Value::String(text.into()));
        self.put(&whence, key.trim(), value)
    }

    /// Has something said of how the configuration came about.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Puts a path at a dotted key, as [`ConfigBuilder::put`].
    ///
    /// # Errors
    /// When it is not Unicode: TOML holds no such text.
    pub fn put_path(&mut self, whence: &str, key: &str, path: &Path) -> Result<()> {
        let Some(text) = path.to_str() else {
            return Err(Error::Usage(format!(
                "{whence} {}: expected a path in Unicode, which a configuration can hold; rename it",
                path.display()
            )));
        };
        self.put(whence, key, Value::String(text.into()))
    }

    /// Puts a value at a dotted key; `whence` names the flag or layer in errors.
    ///
    /// # Errors
    /// When [`ConfigBuilder::set`] fails.
    pub fn put(&mut self, whence: &str, key: &str, value: Value) -> Result<()> {
        let parts: Vec<&str> = key.split('.').collect();
        let mut at = &mut self.tree;
        let (last, path) = parts.split_last().expect("split gives at least one part");
        let mut rest = path.iter();
        while let Some(&part) = rest.next() {
            if let Some(named) = at.get("architecture").filter(|_| part == "layers" && !at.contains_key(part))
            {
                return Err(Error::Usage(format!(
                    "{whence}: architecture {named} has no list of layers; `gansaku keys {}` tells its keys",
                    path[0]
                )));
            }
            let next = at.entry(part).or_insert_with(|| Value::Table(Table::new()));
            let next = match next {
                Value::Array(items) => {
                    let count = items.len();
                    let name = rest.next();
                    let index = name.unwrap_or(last).parse::<usize>().ok().filter(|&i| i < count);
                    let Some(index) = index else {
                        let range = count.saturating_sub(1);
                        return Err(Error::Usage(format!(
                            "{whence}: {part} is a list; expected {part}.N with N from 0 to {range}"
                        )));
                    };
                    if name.is_none() {
                        items[index] = value;
                        return self.laid(whence, key);
                    }
                    &mut items[index]
                }
                other => other,
            };
            if is_choice(part)
                && let Value::Table(table) = next
                && !table.contains_key(parts[parts.len() - 1 - rest.len()])
            {
                // Another alternative replaces the chosen one.
                table.clear();
            }
            let Value::Table(table) = next else {
                return Err(Error::Usage(format!("{whence}: {part} has no parts")));
            };
            at = table;
        }
        if path == ["train"] {
            renew_length(at, |key| Some(&value).filter(|_| key == *last));
        }
        if NETWORKS.map(|network| [network]).iter().any(|network| path == network) {
            renew_architecture(at, Some(&value).filter(|_| *last == "architecture"));
        }
        at.insert((*last).to_string(), value);
        self.laid(whence, key)
    }

    /// Checks the tree with one more value in it, and notes where that came from.
    fn laid(&mut self, whence: &str, key: &str) -> Result<()> {
        self.check(whence)?;
        self.sets.push((whence.into(), key.into()));
        Ok(())
    }

    /// The reader as it stands.
    ///
    /// # Errors
    /// When the tree is no configuration yet.
    pub fn source(&self) -> Result<Source> {
        Ok(self.check("configuration")?.data.source)
    }

    /// What is to be said of how the configuration came about, and of values that were set and change nothing.
    ///
    /// # Errors
    /// When the tree is no configuration yet.
    pub fn notes(&self) -> Result<Vec<String>> {
        let config = self.check("configuration")?;
        let why = |(whence, key): &(String, String)| {
            Some(format!("{whence} changes nothing: {}", config.idle(key)?))
        };
        Ok(self.notes.iter().cloned().chain(self.sets.iter().filter_map(why)).collect())
    }

    /// The configuration, with every value in range.
    ///
    /// # Errors
    /// When a value is out of range or two do not go together.
    pub fn finish(self) -> Result<Config> {
        let mut config = self.check("configuration")?;
        config.validate()?;
        // A resume may start from another folder.
        config.data.path = config.data.path.map(|path| std::path::absolute(&path).unwrap_or(path));
        Ok(config)
    }

    pub(super) fn check(&self, whence: &str) -> Result<Config> {
        self.has_no_list_for_a_table(whence)?;
        self.read()
            .map_err(|(inside, e)| Error::Usage(format!("{whence}: {}", explain(e.message(), &inside))))
    }

    /// Checks what serde does not, which takes a list for a table, its parts in order: nobody means that.
    pub(super) fn has_no_list_for_a_table(&self, whence: &str) -> Result<()> {
        match list_for_table(&Value::Table(self.tree.clone()), shape()) {
            Some(key) => Err(Error::Usage(format!("{whence}: {key}: found a list; expected a table"))),
            None => Ok(()),
        }
    }

    /// The configuration that the tree is; or the dotted key below which it is none, and why.
    pub(super) fn read(&self) -> std::result::Result<Config, (String, toml::de::Error)> {
        let mut whole = self.tree.clone();
        layers_of(&mut whole).for_each(start_by_activation);
        whole.try_into().map_err(|e: toml::de::Error| {
            let (at, e) = self.wrong_layer().unwrap_or((String::new(), e));
            let place = e.to_string();
            // The second line of the error says "in `a.b`".
            let inside = place.lines().find_map(|l| l.strip_prefix("in `")).map(|l| l.trim_end_matches('`'));
            let inside: Vec<&str> =
                [&at[..], inside.unwrap_or("")].into_iter().filter(|i| !i.is_empty()).collect();
            (inside.join("."), e)
        })
    }

    /// The first layer that is none, and why: an error of the whole tree does not say which of a list it is of.
    fn wrong_layer(&self) -> Option<(String, toml::de::Error)> {
        NETWORKS.iter().find_map(|network| {
            let layers = self.tree.get(*network)?.get("layers")?.as_array()?;
            layers.iter().enumerate().find_map(|(i, layer)| {
                let mut layer = layer.clone();
                layer.as_table_mut().into_iter().for_each(start_by_activation);
                Some((format!("{network}.layers.{i}"), layer.try_into::<Layer>().err()?))
            })
        })
    }
}

impl Config {
    /// The whole tree as TOML; reading it back gives the same tree.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration is a TOML tree")
    }
}

impl Config {
    /// The first key in which two configurations differ, with the value of this one and of the other.
    pub fn first_difference(&self, other: &Config) -> Option<(String, String, String)> {
        let tree = |c: &Config| Table::try_from(c).expect("a configuration is a TOML tree");
        let (own, theirs) = (tree(self), tree(other));
        let said = |value: Option<&Value>| value.map_or("not there".into(), |v| shortened(v).to_string());
        // A table that may be left out, such as [augment].
        let is_in_one = |key: &&String| own.contains_key(*key) != theirs.contains_key(*key);
        let alone = own.keys().chain(theirs.keys()).find(is_in_one);
        let of_table = alone.map(|key| (key.clone(), said(own.get(key)), said(theirs.get(key))));
        of_table.or_else(|| difference(&Value::Table(own), &Value::Table(theirs)))
    }
}

/// A recipe's `data.hold_out`, unless it says otherwise.
const HELD_OUT: f64 = 0.1;

/// Has a recipe hold out what recipes do, and cut ranges as they do.
pub(super) fn hold_out(recipe: &mut Table) {
    if let Some(data) = recipe.get_mut("data").and_then(Value::as_table_mut) {
        data.entry("hold_out").or_insert(Value::Float(HELD_OUT));
        data.entry("shuffle").or_insert(Value::Boolean(true));
    }
}

/// A recipe's tree, its name in it.
fn embedded((name, text): (&str, &str)) -> Table {
    let mut tree: Table = toml::from_str(text).expect("embedded recipes are TOML");
    tree.insert("recipe".into(), Value::String(name.into()));
    hold_out(&mut tree);
    tree
}

/// Every layer of both networks that is a table.
fn layers_of(tree: &mut Table) -> impl Iterator<Item = &mut Table> {
    let networks = tree.iter_mut().filter(|(key, _)| NETWORKS.contains(&key.as_str()));
    let lists = networks.filter_map(|(_, network)| network.get_mut("layers")?.as_array_mut());
    lists.flatten().filter_map(Value::as_table_mut)
}

/// How a layer's weights start where it does not say: with the gain over √inputs that keeps the variance of what goes
/// through (He et al., 1502.01852, for rectifiers).
fn start_by_activation(layer: &mut Table) {
    let gain = match layer.get("activation").and_then(Value::as_str) {
        Some("relu") => SQRT_2,
        Some("leaky-relu") => {
            let slope =
                layer.get("slope").and_then(Value::as_float).unwrap_or(f64::from(Layer::default_slope()));
            (2.0 / (1.0 + slope * slope)).sqrt()
        }
        _ => 1.0,
    };
    layer
        .entry("init")
        .or_insert_with(|| Value::Table(Table::from_iter([("fan-in".to_string(), Value::Float(gain))])));
}

/// A configuration's tables and lists, as a recipe has them.
pub(super) fn shape() -> &'static Value {
    static SHAPE: LazyLock<Value> = LazyLock::new(|| {
        let config: Config = embedded(RECIPES[0]).try_into().expect("embedded recipes are configurations");
        Value::try_from(&config).expect("a configuration is a TOML tree")
    });
    &SHAPE
}

/// The first key that has a list in `tree`, and a table in `shape`.
fn list_for_table(tree: &Value, shape: &Value) -> Option<String> {
    let inside = |key: String, tree, shape| {
        let rest = list_for_table(tree, shape)?;
        Some(if rest.is_empty() { key } else { format!("{key}.{rest}") })
    };
    match (tree, shape) {
        (Value::Array(_), Value::Table(_)) => Some(String::new()),
        (Value::Table(tree), Value::Table(shape)) => {
            tree.iter().find_map(|(key, value)| inside(key.clone(), value, shape.get(key)?))
        }
        (Value::Array(items), Value::Array(shapes)) => {
            items.iter().enumerate().find_map(|(i, value)| inside(i.to_string(), value, shapes.first()?))
        }
        _ => None,
    }
}

fn difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    let parts = |v: &Value| -> Option<Vec<(String, Value)>> {
        match v {
            Value::Table(t) => Some(t.iter().map(|(k, v)| (k.clone(), v.clone())).collect()),
            Value::Array(a) => Some(a.iter().enumerate().map(|(i, v)| (i.to_string(), v.clone())).collect()),
            _ => None,
        }
    };
    let leaf = |a: &Value, b: &Value| (String::new(), shortened(a).to_string(), shortened(b).to_string());
    match (parts(a), parts(b)) {
        (Some(of_a), Some(of_b)) if of_a.iter().map(|p| &p.0).eq(of_b.iter().map(|p| &p.0)) => {
            of_a.iter().zip(&of_b).find_map(|((key, a), (_, b))| {
                let (path, a, b) = difference(a, b)?;
                let dot = if path.is_empty() { "" } else { "." };
                Some((format!("{key}{dot}{path}"), a, b))
            })
        }
        _ => (a != b).then(|| leaf(a, b)),
    }
}

/// Numbers as they were typed: 0.2 in 32 bits is 0.20000000298023224 in 64.
pub(super) fn shortened(value: &Value) -> Value {
    match value {
        &Value::Float(x) if f64::from(x as f32) == x => {
            Value::Float((x as f32).to_string().parse().unwrap_or(x))
        }
        Value::Array(items) => Value::Array(items.iter().map(shortened).collect()),
        Value::Table(table) => Value::Table(table.iter().map(|(k, v)| (k.clone(), shortened(v))).collect()),
        other => other.clone(),
    }
}

pub(super) fn parse(text: &str, whence: &str) -> Result<Table> {
    toml::from_str(text).map_err(|e| {
        let place = e.span().map_or(String::new(), |span| {
            let before = &text[..span.start.min(text.len())];
            let line = before.matches('\n').count() + 1;
            let column = before.len() - before.rfind('\n').map_or(0, |i| i + 1) + 1;
            format!(":{line}:{column}")
        });
        Error::Usage(format!("{whence}{place}: not TOML: {}", e.message().replace('\n', ", ")))
    })
}

/// Tables of which exactly one key may be present.
pub(super) fn is_choice(key: &str) -> bool {
    key == "rule" || key == "init"
}

/// Steps and epochs are two ways to say one thing: where a layer names one of them alone, the other holds no longer.
pub(super) fn renew_length<'a>(train: &mut Table, named: impl Fn(&str) -> Option<&'a Value>) {
    match ["steps", "epochs"].map(|key| named(key).is_some_and(|n| n.as_integer() != Some(0))) {
        [true, false] => drop(train.remove("epochs")),
        [false, true] => drop(train.remove("steps")),
        _ => {}
    }
}

/// Names of networks' tables.
pub(super) const NETWORKS: [&str; 2] = ["generator", "discriminator"];

/// A network of another architecture keeps nothing of the keys that the one before had.
pub(super) fn renew_architecture(network: &mut Table, named: Option<&Value>) {
    let default = Value::String("layers".into());
    if named.is_some_and(|named| named != network.get("architecture").unwrap_or(&default)) {
        network.retain(|key, _| SHARED_KEYS.contains(&key));
    }
}

/// Lays `over` upon `tree`: tables merge, everything else replaces.
pub(super) fn merge(tree: &mut Table, over: Table) {
    for (key, value) in over {
        match (tree.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) if !is_choice(&key) => merge(below, above),
            (_, value) => {
                tree.insert(key, value);
            }
        }
    }
}
