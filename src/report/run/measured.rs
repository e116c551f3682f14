//! What `gansaku eval` found, as it left it in `eval.json`.

use super::Story;
use super::words::{grouped, number};
use crate::report::html::{Html, Table, Tone, callout, code, element, paragraph, strong, text};
use serde_json::Value;

/// Measurements in the file.
fn all<'a>(story: &'a Story) -> Vec<&'a Value> {
    let measurements = story.measured.as_ref().and_then(|m| m["measurements"].as_array());
    measurements.map_or(vec![], |list| list.iter().collect())
}

/// The warnings among them.
pub fn findings(story: &Story) -> Vec<Html> {
    let warnings = all(story).into_iter().flat_map(|m| {
        let metric = m["metric"].as_str().unwrap_or("a metric").to_string();
        let warnings = m["warnings"].as_array().cloned().unwrap_or_default();
        warnings.into_iter().filter_map(move |w| Some((metric.clone(), w.as_str()?.to_string())))
    });
    let told = |(metric, warning): (String, String)| {
        let words = Html::all([strong(&format!("{metric}: ")), text(&warning), text(".")]);
        callout(Tone::Warning, element("p", "", words))
    };
    warnings.map(told).collect()
}

/// A table a metric, each with its protocol and real data beside the run.
pub fn section(story: &Story) -> Vec<Html> {
    let list = all(story);
    if list.is_empty() {
        let command = code(&format!("gansaku eval {}", story.run.display()));
        let words =
            [text("Nothing has been measured yet: "), command, text(" does, and leaves the numbers here.")];
        return vec![element("p", "", Html::all(words))];
    }
    let mut out = vec![];
    let checkpoint = story.measured.as_ref().and_then(|m| m["checkpoint"].as_str()).unwrap_or("this run");
    out.push(paragraph(&format!(
        "Measured on {checkpoint}. Each number holds for its protocol alone; what is below it was measured the same way."
    )));
    for m in list {
        out.push(element("h3", "", text(m["metric"].as_str().unwrap_or("a metric"))));
        if let Some(table) = table(m) {
            out.push(table);
        }
        let mut words = m["protocol"].as_str().unwrap_or("").to_string();
        if let Some(seed) = m["seed"].as_u64() {
            words += &format!("; seed {seed}");
        }
        out.push(element("p", "soft", text(&format!("Protocol: {words}."))));
    }
    out
}

/// The run's row above the references', a column a number.
fn table(m: &Value) -> Option<Html> {
    let values = m["values"].as_object()?;
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    let cell = |row: &Value, name: &str| row[name].as_f64().map_or("".into(), figure);
    let cells = |title: &str, row: &Value| -> Vec<String> {
        std::iter::once(title.to_string()).chain(names.iter().map(|n| cell(row, n))).collect()
    };
    let header: Vec<&str> = std::iter::once("").chain(names.iter().copied()).collect();
    fn borrowed(cells: &[String]) -> Vec<&str> {
        cells.iter().map(String::as_str).collect()
    }
    let mut table = Table::new(&header).row_emphasised(&borrowed(&cells("this generator", &m["values"])));
    for (title, row) in m["reference"].as_object().into_iter().flatten() {
        table = table.row(&borrowed(&cells(title, row)));
    }
    Some(table.html())
}

fn figure(x: f64) -> String {
    match x.fract() == 0.0 && (0.0..1e12).contains(&x) {
        true => grouped(x as u64),
        false => number(x),
    }
}
