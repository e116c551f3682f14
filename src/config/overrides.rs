//! How a run's configuration is made: recipe < `--config` files < `--set` < flags, the later winning.
//!
//! The tree is checked after each layer, so that an error names the layer that made it.

use super::{Config, Init, Layer, Rule, Source};
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::LazyLock;
use toml::{Table, Value};

/// The recipes in the binary: name and text.
pub const RECIPES: [(&str, &str); 15] = [
    ("digits", include_str!("../recipes/digits.toml")),
    ("mnist", include_str!("../recipes/mnist.toml")),
    ("mnist-2014", include_str!("../recipes/mnist-2014.toml")),
    ("mnist-rpgan", include_str!("../recipes/mnist-rpgan.toml")),
    ("cgan-mnist", include_str!("../recipes/cgan-mnist.toml")),
    ("stacked-mnist", include_str!("../recipes/stacked-mnist.toml")),
    ("tfd-2014-pretrain", include_str!("../recipes/tfd-2014-pretrain.toml")),
    ("tfd-2014", include_str!("../recipes/tfd-2014.toml")),
    ("cifar10-fc-2014", include_str!("../recipes/cifar10-fc-2014.toml")),
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
    tree: Table,
    /// What was laid over it one by one, as typed.
    sets: Vec<String>,
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
        Ok(ConfigBuilder { tree: embedded(recipe), sets: vec![] })
    }

    /// Starts from the text of a resolved `config.toml`; `whence` names it in errors.
    ///
    /// # Errors
    /// When it is no configuration.
    pub fn resolved(text: &str, whence: &str) -> Result<ConfigBuilder> {
        let tree = parse(text, whence)?;
        let layers = ConfigBuilder { tree, sets: vec![] };
        layers.check(whence)?;
        Ok(layers)
    }

    /// Adds a TOML file, partial or whole.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML (with line and column), or holds an unknown key or a wrong type.
    pub fn file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::Usage(format!("--config {}: cannot read it: {e}", path.display())))?;
        let whence = format!("--config {}", path.display());
        let over = parse(&text, &whence)?;
        let name = over.get("recipe").filter(|&name| self.tree.get("recipe") != Some(name));
        if let Some(Value::String(name)) = name
            && over.clone().try_into::<Config>().is_err()
        {
            return Err(Error::Usage(format!(
                "{whence}: recipe = {name:?} stands in whole configurations, such as a run's config.toml; leave it out, \
                 and name the recipe itself, as in `gansaku train mnist`"
            )));
        }
        if let (Some(Value::Table(below)), Some(Value::Table(above))) =
            (self.tree.get_mut("train"), over.get("train"))
        {
            renew_length(below, |key| above.get(key));
        }
        merge(&mut self.tree, over);
        self.check(&whence).map(|_| ())
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
        self.put(&whence, key.trim(), value)?;
        self.sets.push(assignment.into());
        Ok(())
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
                        return self.check(whence).map(|_| ());
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
        at.insert((*last).to_string(), value);
        self.check(whence).map(|_| ())
    }

    /// The reader as it stands.
    ///
    /// # Errors
    /// When the tree is no configuration yet.
    pub fn source(&self) -> Result<Source> {
        Ok(self.check("configuration")?.data.source)
    }

    /// What is to be said of values that were set and change nothing.
    ///
    /// # Errors
    /// When the tree is no configuration yet.
    pub fn idle(&self) -> Result<Vec<String>> {
        let config = self.check("configuration")?;
        let why = |set: &String| {
            let why = config.idle(set.split_once('=')?.0.trim())?;
            Some(format!("--set {set} changes nothing: {why}"))
        };
        Ok(self.sets.iter().filter_map(why).collect())
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

    fn check(&self, whence: &str) -> Result<Config> {
        // Serde takes a list for a table, its parts in order: nobody means that.
        if let Some(key) = list_for_table(&Value::Table(self.tree.clone()), shape()) {
            return Err(Error::Usage(format!("{whence}: {key}: found a list; expected a table")));
        }
        self.tree.clone().try_into().map_err(|e: toml::de::Error| {
            let (at, e) = self.wrong_layer().unwrap_or((String::new(), e));
            let place = e.to_string();
            // The second line of the error says "in `a.b`".
            let inside = place.lines().find_map(|l| l.strip_prefix("in `")).map(|l| l.trim_end_matches('`'));
            let inside: Vec<&str> =
                [&at[..], inside.unwrap_or("")].into_iter().filter(|i| !i.is_empty()).collect();
            Error::Usage(format!("{whence}: {}", explain(e.message(), &inside.join("."))))
        })
    }

    /// The first layer that is none, and why: an error of the whole tree does not say which of a list it is of.
    fn wrong_layer(&self) -> Option<(String, toml::de::Error)> {
        ["generator", "discriminator"].iter().find_map(|network| {
            let layers = self.tree.get(*network)?.get("layers")?.as_array()?;
            layers.iter().enumerate().find_map(|(i, layer)| {
                Some((format!("{network}.layers.{i}"), layer.clone().try_into::<Layer>().err()?))
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
        let tree = |c: &Config| Value::try_from(c).expect("a configuration is a TOML tree");
        difference(&tree(self), &tree(other))
    }
}

/// A recipe's `data.hold_out`, unless it says otherwise.
const HELD_OUT: f64 = 0.1;

/// A recipe's tree, its name in it.
fn embedded((name, text): (&str, &str)) -> Table {
    let mut tree: Table = toml::from_str(text).expect("embedded recipes are TOML");
    tree.insert("recipe".into(), Value::String(name.into()));
    let data =
        tree.get_mut("data").and_then(Value::as_table_mut).expect("every recipe says of which data it is");
    data.entry("hold_out").or_insert(Value::Float(HELD_OUT));
    tree
}

/// A configuration's tables and lists, as a recipe has them.
fn shape() -> &'static Value {
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
fn shortened(value: &Value) -> Value {
    match value {
        &Value::Float(x) if f64::from(x as f32) == x => {
            Value::Float((x as f32).to_string().parse().unwrap_or(x))
        }
        Value::Array(items) => Value::Array(items.iter().map(shortened).collect()),
        Value::Table(table) => Value::Table(table.iter().map(|(k, v)| (k.clone(), shortened(v))).collect()),
        other => other.clone(),
    }
}

fn parse(text: &str, whence: &str) -> Result<Table> {
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
fn is_choice(key: &str) -> bool {
    key == "rule" || key == "init"
}

/// Steps and epochs are two ways to say one thing: where a layer names one of them alone, the other holds no longer.
fn renew_length<'a>(train: &mut Table, named: impl Fn(&str) -> Option<&'a Value>) {
    match ["steps", "epochs"].map(|key| named(key).is_some_and(|n| n.as_integer() != Some(0))) {
        [true, false] => drop(train.remove("epochs")),
        [false, true] => drop(train.remove("steps")),
        _ => {}
    }
}

/// Lays `over` upon `tree`: tables merge, everything else replaces.
fn merge(tree: &mut Table, over: Table) {
    for (key, value) in over {
        match (tree.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) if !is_choice(&key) => merge(below, above),
            (_, value) => {
                tree.insert(key, value);
            }
        }
    }
}

/// Serde's message in our words, about what is at `inside`: unknown keys get the nearest known one.
fn explain(message: &str, inside: &str) -> String {
    let place = if inside.is_empty() { String::new() } else { format!(" in [{inside}]") };
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match (message.split_once("unknown field"), &quoted[..]) {
        (Some(_), [unknown, known @ ..]) => {
            let hint = suggestion(unknown, known.iter().copied());
            format!("unknown key {unknown:?}{place}{hint}; known: {}", known.join(", "))
        }
        _ => {
            let message = message.replace("unknown variant", "unknown value").replace('\n', ", ");
            let message = plainly(&message, inside).unwrap_or(message);
            let key = if inside.is_empty() { String::new() } else { format!("{inside}: ") };
            let hint = match &quoted[..] {
                [found, known @ ..] if message.starts_with("unknown value") => {
                    suggestion(found, known.iter().copied())
                }
                _ => String::new(),
            };
            format!("{key}{message}{hint}")
        }
    }
}

/// Serde's "invalid type: FOUND, expected TYPE" without the words of programmers.
fn plainly(message: &str, inside: &str) -> Option<String> {
    if let Some(found) = message.strip_prefix("wanted exactly 1 element, ") {
        let found = if found.contains(" 0 ") { "no key" } else { "more than one key" };
        let known = if inside.ends_with("rule") { alternatives::<Rule>() } else { alternatives::<Init>() };
        return Some(format!("found {found}; expected exactly one of {known}"));
    }
    // The only lists of a fixed length are ranges.
    if let Some((length, _)) = message.strip_prefix("invalid length ").and_then(|m| m.split_once(", ")) {
        return Some(format!("found a list of {length}; expected a list of two"));
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = wrong.rsplit_once(", expected ")?;
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_start_matches("point ").trim_matches('`');
    let digits = |text: &str| text.trim_matches('"').bytes().all(|b| b.is_ascii_digit());
    let found = match kind {
        "string" if value == "\"\"" => "found nothing".into(),
        "string" if digits(value) => format!("found {}, which is too large", value.trim_matches('"')),
        "string" => format!("found the text {value}"),
        "integer" | "floating" | "boolean" => format!("found {value}"),
        "sequence" => "found a list".into(),
        "map" => "found a table".into(),
        // Of a choice that comes with a value.
        "unit" if expected.ends_with("variant") => "found a name alone".into(),
        _ => "found something else".into(),
    };
    let expected = match expected {
        "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        "an array of length 2" => "a list of two",
        "string only" | "variant identifier" => "a name",
        "path string" => "a path",
        "struct variant" => "a table with one key, as in rule.adam = { beta1 = 0.5, beta2 = 0.999 }",
        "newtype variant" => "a table with one key, as in init = { uniform = 0.05 }",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    Some(format!("{found}; expected {expected}"))
}

/// The names of a choice, as serde lists them to somebody who typed another.
fn alternatives<T: DeserializeOwned>() -> String {
    let error = Value::String(String::new()).try_into::<T>().err();
    let error = error.map_or(String::new(), |e| e.message().to_string());
    error.split('`').skip(3).step_by(2).collect::<Vec<_>>().join(", ")
}

/// ", did you mean …?" where something is near enough.
fn suggestion<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(typed, known).map_or(String::new(), |n| format!(", did you mean {n:?}?"))
}

/// The known word nearest to what was typed, if it is near.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (strsim::damerau_levenshtein(typed, k), k))
        .filter(|(distance, k)| *distance <= 2.max(k.len() / 3))
        .min()
        .map(|(_, k)| k)
}
