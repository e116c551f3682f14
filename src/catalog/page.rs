//! `index.html` of a folder of runs: pictures, verdicts, curves over each other, in one file that loads nothing.
//!
//! Without JavaScript it shows a chart a number, all runs in each, and the table in the order of the terminal's. With it there
//! is one chart, of the number and the runs that are chosen, and the table sorts.

use super::curves::{Metric, metrics};
use super::table::{age, best, status, steps};
use super::thumbnail::thumbnail;
use super::{Status, Summary};
use crate::error::{Error, Result};
use crate::numbers::{bytes_in_words, counted, duration_in_words, utc};
use crate::report::html::{
    Chart, Html, Page, Series, Tone, badge, element, escape, figure, gallery, link, paragraph, text,
};
use crate::report::run::tone;
use crate::run::atomic;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Name of the page.
pub const FILE: &str = "index.html";
/// What tells a page of ours from another's.
const KICKER: &str = "gansaku · runs";
/// Draws the chosen curves and sorts the table.
const SCRIPT: &str = include_str!("page.js");
/// Runs that are drawn at first, the newest.
const DRAWN: usize = 6;

/// Writes the page of `folder`; where it is.
///
/// # Errors
/// When the disk refuses, or somebody else's page lies there.
pub fn write(folder: &Path, runs: &[Summary]) -> Result<PathBuf> {
    let path = folder.join(FILE);
    if path.exists() && !std::fs::read_to_string(&path).is_ok_and(|page| page.contains(KICKER)) {
        return Err(Error::Failure(format!(
            "{}: not a page of this program, left as it is; move it away to have one of the runs",
            path.display()
        )));
    }
    atomic::write(&path, page(folder, runs, SystemTime::now()).as_bytes())?;
    Ok(path)
}

/// The page.
pub fn page(folder: &Path, runs: &[Summary], now: SystemTime) -> String {
    let name = folder.file_name().map_or("runs".into(), |name| name.to_string_lossy().into_owned());
    let mut page = Page::new(&name, KICKER);
    let bytes = runs.iter().map(|run| run.bytes).sum();
    page.lead([paragraph(&format!(
        "{}, {} on the disk. Written {} by gansaku runs; it does not change by itself.",
        counted(runs.len() as u64, "run"),
        bytes_in_words(bytes),
        utc(now)
    ))]);
    page.section("Runs", [table(runs, now)]);
    let metrics = metrics(runs);
    if !metrics.is_empty() {
        page.section("Curves", curves(runs, &metrics));
    }
    page.script(SCRIPT);
    page.finish()
}

fn table(runs: &[Summary], now: SystemTime) -> Html {
    let head = ["", "run", "recipe", "data", "steps", "verdict", "best", "size", "age"];
    let head = head.iter().map(|head| Html::vouched(format!("<th scope=\"col\">{head}</th>")));
    let head = element("thead", "", element("tr", "", Html::all(head)));
    let rows = Html::all(runs.iter().map(|run| row(run, now)));
    element("div", "scroll", element("table", "runs", Html::all([head, element("tbody", "", rows)])))
}

fn row(run: &Summary, now: SystemTime) -> Html {
    // What a column is sorted by, and its name where the table is a list.
    let cell = |name: &str, value: &str, inside: Html| {
        Html::vouched(format!(
            "<td data-name=\"{name}\" data-value=\"{}\">{}</td>\n",
            escape(value),
            inside.as_str()
        ))
    };
    let plain = |name: &str, words: &str| cell(name, words, text(words));
    let report = run.path.join("report.html");
    let title = match report.is_file() {
        true => link(&format!("{}/report.html", encoded(&run.name)), &run.name),
        false => text(&run.name),
    };
    let seconds = match run.seconds {
        s if s > 0.0 => element("span", "soft", text(&format!(" in {}", duration_in_words(s)))),
        _ => Html::default(),
    };
    let number = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    let value = run.best.as_ref().map_or(String::new(), |b| b.value.to_string());
    let mut words: Vec<String> = run.verdicts.iter().map(|v| v.name().to_string()).collect();
    words.extend(Some(status(run)).filter(|word| !word.is_empty()));
    let cells = [
        cell("", "", thumbnail(run)),
        Html::vouched(format!(
            "<th scope=\"row\" data-value=\"{}\">{}</th>\n",
            escape(&run.name),
            title.as_str()
        )),
        plain("recipe", run.recipe.as_deref().unwrap_or_default()),
        plain("data", run.data.as_deref().unwrap_or_default()),
        cell("steps", &run.step.to_string(), Html::all([text(&steps(run)), seconds])),
        cell("verdict", &words.join(", "), chips(run)),
        cell("best", &value, text(&best(run))),
        cell("size", &run.bytes.to_string(), text(&bytes_in_words(run.bytes))),
        cell("age", &number(run.written.map(|w| u64::MAX - w)), text(&age(run, now))),
    ];
    element("tr", "", Html::all(cells))
}

/// Status and verdicts; what is damaged is said.
fn chips(run: &Summary) -> Html {
    let state = match run.status {
        Status::Damaged | Status::Failed => Tone::Bad,
        Status::Stopped => Tone::Warning,
        Status::Training | Status::Finished => Tone::Plain,
    };
    let word = status(run);
    let mut all: Vec<Html> = run.verdicts.iter().map(|v| badge(tone(v), v.name())).collect();
    if !word.is_empty() {
        all.push(badge(state, &word));
    }
    all.extend(run.damage.as_ref().map(|why| element("p", "soft", text(why))));
    let spaced = all.into_iter().flat_map(|chip| [chip, Html::vouched(" ")]);
    element("div", "chips", Html::all(spaced))
}

/// A folder's name in an address.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    // A name with a colon is no scheme.
    let bytes = name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") });
    format!("./{}", bytes.collect::<String>())
}

/// Colours of the charts; more runs than that begin again, dashed.
fn style(i: usize) -> (usize, bool) {
    (i % 6, i / 6 % 2 == 1)
}

fn curves(runs: &[Summary], metrics: &[Metric]) -> Vec<Html> {
    let options = metrics.iter().enumerate().map(|(i, m)| {
        let words = escape(&m.name);
        Html::vouched(format!("<option value=\"{i}\">{words}</option>"))
    });
    let choice = Html::vouched(format!(
        "<label>Number <select>{}</select></label> <label><input type=\"checkbox\" class=\"log\"> logarithmic</label>",
        Html::all(options).as_str()
    ));
    // The newest are drawn at first.
    let mut newest: Vec<usize> =
        (0..runs.len()).filter(|i| metrics.iter().any(|m| m.curves.contains_key(i))).collect();
    newest.sort_by_key(|&i| std::cmp::Reverse(runs[i].written));
    newest.truncate(DRAWN);
    let ticks = runs.iter().enumerate().map(|(i, run)| {
        let (colour, dashed) = style(i);
        let (checked, dashed) = (if newest.contains(&i) { " checked" } else { "" }, if dashed { "dashed" } else { "" });
        Html::vouched(format!(
            "<label class=\"c{colour}\"><input type=\"checkbox\" data-run=\"{i}\"{checked}><i class=\"{dashed}\"></i>{}\
             </label>\n",
            escape(&run.name)
        ))
    });
    let chosen = Html::all([
        element("div", "controls", choice),
        element("div", "chosen", Html::vouched("")),
        element("div", "legend ticks", Html::all(ticks)),
    ]);
    let chosen = Html::vouched(format!("<div class=\"overlay\" hidden>\n{}</div>\n", chosen.as_str()));
    let data = serde_json::json!({
        "metrics": metrics.iter().map(|m| serde_json::json!({
            "name": m.name,
            "curves": m.curves.iter().map(|(run, points)| (run.to_string(), rounded(points))).collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
    });
    // No text in it ends the element.
    let data = data.to_string().replace('<', "\\u003c");
    let data = Html::vouched(format!("<script type=\"application/json\" class=\"data\">{data}</script>\n"));
    let all = metrics.iter().map(|metric| {
        let mut chart = Chart::new(&metric.name);
        for (i, run) in runs.iter().enumerate() {
            // A run without this number keeps its colour.
            let points = metric.curves.get(&i).cloned().unwrap_or_default();
            let series = Series::line(if points.is_empty() { "" } else { &run.name }, points);
            chart = chart.series(if style(i).1 { series.dashed() } else { series });
        }
        figure(chart.html(), "")
    });
    vec![chosen, element("div", "every", gallery(all)), data]
}

/// Five significant digits: a page of many runs stays small.
fn rounded(points: &[[f64; 2]]) -> serde_json::Value {
    let short = |x: f64| format!("{x:.4e}").parse::<f64>().unwrap_or(x);
    points.iter().map(|&[x, y]| serde_json::json!([x.round(), short(y)])).collect()
}
