//! `gansaku keys`: what can be configured, as `docs/configuration.md` has it.

use crate::config::keys::{self, Key};
use crate::error::{Error, Result};
use clap::Args;
use std::fmt::Write;

/// List the keys of a configuration: defaults, values, what they do.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku keys loss\n  \
    gansaku keys optimizer.generator\n  \
    gansaku keys lr")]
pub struct Keys {
    /// Those that begin like this, or have such a part; * stands for generator and discriminator, N for a layer from 0
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
}

pub fn run(args: &Keys) -> Result<()> {
    let prefix = args.prefix.as_deref().unwrap_or("");
    let found = keys::find(prefix);
    if found.is_empty() {
        let near = keys::suggested(prefix).map_or(String::new(), |near| format!("; did you mean {near}?"));
        return Err(Error::Usage(format!(
            "no key begins with {prefix:?}{near}; `gansaku keys` lists them all"
        )));
    }
    let (mut text, mut section) = (String::new(), "");
    for key in found {
        if key.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            section = key.section;
            let _ = writeln!(text, "{gap}# {section}");
        }
        text += &entry(key);
    }
    super::print(&text)
}

/// A key's lines: name and default, then values, each with what it does.
fn entry(key: &Key) -> String {
    let plain = |cell: &str| cell.replace('`', "");
    let default = match key.default {
        "" => "must be given".into(),
        default => format!("default {}", plain(default)),
    };
    let mut text = format!("{}  ({default})\n", key.name);
    for (values, meaning) in &key.values {
        let values = plain(values);
        let gap = if values.is_empty() { "" } else { ": " };
        text += &wrapped(&format!("{values}{gap}{}", plain(meaning)));
    }
    text
}

/// Columns of a line.
const WIDTH: usize = 100;
/// In front of every line of a key's text.
const INDENT: &str = "    ";

fn wrapped(text: &str) -> String {
    let (mut out, mut line) = (String::new(), String::from(INDENT));
    for word in text.split(' ') {
        if line.chars().count() + word.chars().count() > WIDTH && line != INDENT {
            let _ = writeln!(out, "{}", line.trim_end());
            line = format!("{INDENT}  ");
        }
        let _ = write!(line, "{word} ");
    }
    let _ = writeln!(out, "{}", line.trim_end());
    out
}
