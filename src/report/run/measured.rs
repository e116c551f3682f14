//! What `gansaku eval` found, as it left it in `eval.json`.

use super::Story;
use crate::config::Metric;
use crate::numbers::{Numbers, counted, grouped, number};
use crate::records::{Evaluation, Measurement};
use crate::report::html::{
    Chart, Html, Series, Table, Tone, callout, cited, code, element, figure as figure_of, folded, gallery,
    image, paragraph, strong, text,
};
use std::collections::BTreeMap;

/// The warnings among the measurements, with their step where the run has gone on since.
pub fn findings(story: &Story) -> Vec<Html> {
    // A first look at few samples warns of nothing.
    let all = story.measured.iter().flatten().flat_map(Evaluation::shown).filter(|m| !m.reduced);
    let warnings = all.flat_map(|m| m.warnings.iter().map(move |warning| (m, warning)));
    let done = story.steps[0].unwrap_or(0);
    let told = |(m, warning): (&Measurement, &String)| {
        let when =
            if m.step < done { format!(" (measured at step {})", grouped(m.step)) } else { String::new() };
        let words = Html::all([strong(&format!("{}: ", m.metric)), text(warning), text(&when), text(".")]);
        callout(Tone::Warning, element("p", "", words))
    };
    warnings.map(told).collect()
}

/// One table of all metrics, real data beside the run; protocols and the rest of the numbers are folded below.
pub fn section(story: &Story) -> Vec<Html> {
    let measured = match &story.measured {
        Ok(measured) => measured.as_ref().filter(|report| !report.measurements.is_empty()),
        Err(why) => return vec![unreadable(story, why)],
    };
    let Some(report) = measured else {
        if story.sums.is_none() {
            return vec![paragraph(
                "Nothing has been measured: that takes a checkpoint, and none has been written.",
            )];
        }
        let command = code(&story.command("eval", ""));
        let words =
            [text("Nothing has been measured yet: "), command, text(" does, and leaves the numbers here.")];
        return vec![element("p", "", Html::all(words))];
    };
    let mut out = vec![];
    let checkpoint = report.checkpoint.file_name().map_or("this run".into(), |name| name.to_string_lossy());
    out.push(paragraph(&format!(
        "Measured on {checkpoint}, with real data measured the same way beside it. ↑: more is better, ↓: less is better. Each \
         number holds for its protocol alone."
    )));
    let shown = report.shown();
    out.push(overview(&shown, report.step));
    // A page that shows D over the line already does not show it twice.
    for m in shown.iter().filter(|_| story.judged.is_none()) {
        out.extend(curves(&m.curves).map(|drawn| Html::all([element("h3", "", text(&m.metric)), drawn])));
        if m.metric == "theory" {
            out.extend(story.theory.as_deref().map(plane));
        }
    }
    out.push(folded("How each was measured", Html::all(shown.iter().map(|m| protocol(m)))));
    out
}

/// A row a number that generators are judged by: ours, real data's, and which way is better.
fn overview(shown: &[&Measurement], newest: u64) -> Html {
    let mut all = Table::new(&["metric", "number", "ours", "real", "better is"]);
    for m in shown {
        let metric = Metric::named(&m.metric);
        let real = real(m).map(|(_, numbers)| numbers);
        let mut aside = vec![];
        if m.step < newest {
            aside.push(format!("step {}", grouped(m.step)));
        }
        if m.reduced {
            aside.push(format!("first look: {}", counted(m.samples as u64, "sample")));
        }
        let aside = element("div", "soft", text(&aside.join(", ")));
        let mut name = Html::all([text(&m.metric), aside]);
        for (number, &value) in m.values.iter() {
            let Some(better) = metric.and_then(|metric| metric.better(number)) else { continue };
            let error = |row: &Numbers| match row.get("se") {
                // Theory's is that of V, which has no better side.
                Some(&se) if metric != Some(Metric::Theory) => format!(" ± {}", figure(se)),
                _ => String::new(),
            };
            let ours = figure(value) + &error(&m.values);
            let beside = real.and_then(|row| Some(figure(*row.get(number)?) + &error(row)));
            let beside = text(&beside.unwrap_or("–".into()));
            // A metric is named once.
            let name = std::mem::take(&mut name);
            all = all.row_of(vec![name, text(number), strong(&ours), beside, text(better.sign())]);
        }
    }
    element("div", "measured", all.html())
}

/// What the same protocol says of real data.
fn real(m: &Measurement) -> Option<(&String, &Numbers)> {
    let words =
        ["training examples", "test examples", "test points", "training stacks", "draws of the data", "real"];
    m.reference.iter().find(|(name, _)| words.iter().any(|word| name.contains(word)))
}

/// The protocol of a metric, and all of its numbers.
fn protocol(m: &Measurement) -> Html {
    let look = if m.reduced { "; fewer samples than the protocol's own number: a first look" } else { "" };
    let told = format!("{}; step {}; seed {}{look}.", m.protocol, grouped(m.step), m.seed);
    Html::all([element("h3", "", text(&m.metric)), element("p", "soft", cited(&told)), table(m)])
}

/// There is a file of measurements, and what is in it is not known.
fn unreadable(story: &Story, why: &str) -> Html {
    let command = code(&story.command("eval", ""));
    let words = [
        strong("What was measured cannot be read: "),
        text(&format!("{why}. Once that file is moved away, ")),
        command,
        text(" measures again."),
    ];
    callout(Tone::Warning, element("p", "", Html::all(words)))
}

/// D over the plane.
fn plane(png: &[u8]) -> Html {
    figure_of(
        image(png, "D over the plane beside the best D", false),
        "Left D, right p_data / (p_data + p_g), over the plane that data and samples cover. Blue: taken for real; red: \
         taken for generated; white: ½; grey: neither is there.",
    )
}

/// D and the densities of a run, as this training or report found them, beside what else there is to see.
pub fn judged(beside: Html, all: &Curves, samples: usize) -> Vec<Html> {
    let about = format!(
        "The paper's Figure 1: p_g is the density of {} samples, each a little bell. Theory speaks of a D that has come to \
         its best; after a few steps against a new G it has not.",
        grouped(samples as u64)
    );
    let figures = std::iter::once(beside).chain(figures(all).into_iter().flatten());
    vec![gallery(figures), element("p", "soft", text(&about))]
}

/// Curves by name.
type Curves = BTreeMap<String, Vec<[f64; 2]>>;

/// The paper's Figure 1 below a measurement.
fn curves(all: &Curves) -> Option<Html> {
    figures(all).map(gallery)
}

/// D beside the best D, and the densities.
fn figures(all: &Curves) -> Option<[Html; 2]> {
    let line = |name: &str| Some(Series::thinned(name, all.get(name)?, 300).without_band());
    let best = "p_data / (p_data + p_g)";
    let d = Chart::new("D and the best D").x_name("x").y_range([0.0, 1.0]).reference(0.5, "½: D cannot tell");
    let d = d.series(line("D")?).series(line(best)?.dashed());
    let densities = Chart::new("Densities").x_name("x").series(line("p_data")?).series(line("p_g")?.dashed());
    Some([
        figure_of(
            d.html(),
            "D's output, and what theory says the best D would say against this G. Where they agree D has learnt all \
             there is to learn; where both are ½ G has won.",
        ),
        figure_of(densities.html(), "The data's density, which is known, and that of samples, estimated."),
    ])
}

/// The run's row above the references', a column a number; of many numbers, a row each.
fn table(m: &Measurement) -> Html {
    let names: Vec<&str> = m.values.keys().map(String::as_str).collect();
    let cell = |row: &Numbers, name: &str| row.get(name).map_or("".into(), |&x| figure(x));
    let cells = |title: &str, row: &Numbers| -> Vec<String> {
        std::iter::once(title.to_string()).chain(names.iter().map(|n| cell(row, n))).collect()
    };
    fn borrowed(cells: &[String]) -> Vec<&str> {
        cells.iter().map(String::as_str).collect()
    }
    if m.values.are_many() {
        let rows: Vec<&Numbers> = std::iter::once(&m.values).chain(m.reference.values()).collect();
        let titles = m.reference.keys().map(String::as_str);
        let header: Vec<&str> = ["", "this generator"].into_iter().chain(titles).collect();
        let numbers = |name: &&str| -> Vec<String> {
            std::iter::once(name.to_string()).chain(rows.iter().map(|row| cell(row, name))).collect()
        };
        let all = names.iter().map(numbers);
        return all.fold(Table::new(&header), |table, row| table.row(&borrowed(&row))).html();
    }
    let header: Vec<&str> = std::iter::once("").chain(names.iter().copied()).collect();
    let mut table = Table::new(&header).row_emphasised(&borrowed(&cells("this generator", &m.values)));
    for (title, row) in &m.reference {
        table = table.row(&borrowed(&cells(title, row)));
    }
    table.html()
}

fn figure(x: f64) -> String {
    match x.fract() == 0.0 && (0.0..1e12).contains(&x) {
        true => grouped(x as u64),
        false => number(x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_stand_below_each_other() {
        let row = |numbers: usize| -> serde_json::Value {
            (0..numbers).map(|i| (format!("n{i}"), i.into())).collect::<serde_json::Map<_, _>>().into()
        };
        let drawn = |numbers: usize| {
            let measurement = serde_json::from_value(serde_json::json!({
                "metric": "classes", "protocol": "p", "samples": 9, "seed": 0, "values": row(numbers),
                "reference": {"real data": row(numbers)}, "warnings": [],
            }));
            table(&measurement.expect("a measurement")).as_str().to_string()
        };
        let counts =
            |html: &str| ["<th scope=\"col\">", "<th scope=\"row\">"].map(|th| html.matches(th).count());
        assert_eq!(counts(&drawn(8)), [9, 2]);
        let many = drawn(23);
        assert_eq!(counts(&many), [3, 23]);
        assert!(many.contains("<th scope=\"row\">n22</th><td>22</td><td>22</td>"), "{many}");
    }
}
