//! Errors of configurations in the words of those who write them, and what they may have meant.

use super::near::nearest;
use super::{Init, Rule, keys};
use serde::de::DeserializeOwned;
use toml::Value;

/// Serde's message in our words, about what is at `inside`: unknown keys get the nearest known one.
pub(super) fn explain(message: &str, inside: &str) -> String {
    let place = if inside.is_empty() { String::new() } else { format!(" in [{inside}]") };
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match (message.split_once("unknown field"), &quoted[..]) {
        (Some(_), [unknown, known @ ..]) => {
            let hint = key_suggestion(unknown, inside, known);
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

/// ", did you mean …?" of a key: one of that very name anywhere, one nearly so beside it, one nearly so anywhere.
fn key_suggestion(unknown: &str, inside: &str, beside: &[&str]) -> String {
    let asks = |names: Vec<String>| {
        let both = if names.len() == 2 && unknown == "lr" { " (--lr sets both)" } else { "" };
        format!(", did you mean {}{both}?", names.join(" or "))
    };
    let exact = keys::meant(unknown, inside, true);
    if !exact.is_empty() {
        return asks(exact);
    }
    let near = suggestion(unknown, beside.iter().copied());
    match keys::meant(unknown, inside, false) {
        far if near.is_empty() && !far.is_empty() => asks(far),
        _ => near,
    }
}

/// ", did you mean …?" where something is near enough.
pub(super) fn suggestion<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(typed, known).map_or(String::new(), |n| format!(", did you mean {n:?}?"))
}
