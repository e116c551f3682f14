//! The page: the tables with pictures, one file that stands alone.

use super::outcome::Outcome;
use super::table::{Origin, Row, Table};
use super::words::{diagnosis, figure, heading};
use super::{Experiment, Kind, Paper, pictures};
use crate::numbers::duration_in_words;
use crate::report::html::{
    self, Html, Page, Tone, callout, cited, definitions, element, folded, list, paragraph, sheets, text,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The page of what was measured, with the pictures that lie in `out`.
pub fn page(paper: &Paper, tables: &[Table], outcomes: &[Outcome], out: &Path) -> String {
    let mut page = Page::new(&paper.title, &format!("gansaku repro {}", paper.name));
    let about = format!(
        "{}. What the paper reports stands beside what this program trained and measured here.",
        paper.source
    );
    let mut lead = vec![element("p", "", cited(&about))];
    lead.extend(paper.claims.iter().map(|claim| paragraph(claim)));
    lead.extend(tables.iter().flat_map(findings));
    page.lead(lead);
    for table in tables {
        let experiment = paper.experiments.iter().find(|e| e.name == table.experiment);
        let experiment = experiment.expect("tables are made of the paper's experiments");
        let ours: Vec<&Outcome> = outcomes.iter().filter(|o| o.experiment == table.experiment).collect();
        page.section(&format!("{}: reported and ours", table.title), numbers(table, &ours));
        let shown = shown(experiment, &ours, &out.join("pictures"));
        if !shown.is_empty() {
            page.section(&format!("{}: pictures", table.title), shown);
        }
    }
    page.section("How this was made", made(paper, outcomes));
    page.finish()
}

/// One box a recipe: the first quantity, reported and ours.
fn findings(table: &Table) -> Vec<Html> {
    let quantity = &table.quantities[0];
    let reported = table.rows.iter().find(|r| r.origin == Origin::Reported && r.cells[0].is_some());
    let reported = reported.map_or("nothing is reported".to_string(), |r| {
        format!("{} is reported ({}, {})", figure(quantity, r.origin, r.cells[0]), r.who, r.note)
    });
    let found = |row: &Row| {
        let number = figure(quantity, row.origin, row.cells[0]);
        let words = format!("{}, {}: {number} with {}; {reported}.", table.title, heading(quantity), row.who);
        let tone = if row.caveat.is_empty() { Tone::Plain } else { Tone::Warning };
        let mut inside = vec![paragraph(&words)];
        if !row.doctor.is_empty() {
            inside.push(paragraph(&format!("The run doctor says: {}.", diagnosis(row))));
        }
        if !row.caveat.is_empty() {
            inside.push(paragraph(&format!("Less than the recipe: {}.", row.caveat)));
        }
        callout(tone, Html::all(inside))
    };
    table.rows.iter().filter(|r| r.origin == Origin::Ours).map(found).collect()
}

fn numbers(table: &Table, outcomes: &[&Outcome]) -> Vec<Html> {
    let mut head = vec![String::new()];
    head.extend(table.quantities.iter().map(heading));
    head.push("from".into());
    let mut shown = html::Table::new(&refs(&head));
    for row in &table.rows {
        let mut cells = vec![format!("{}, {}", row.who, row.origin.word())];
        cells.extend(table.quantities.iter().zip(&row.cells).map(|(q, &c)| {
            let number = figure(q, row.origin, c);
            // A number that is less than the recipe's never stands alone.
            if row.caveat.is_empty() || c.is_none() { number } else { format!("{number} ({})", row.caveat) }
        }));
        cells.push(row.note.clone());
        shown = match row.origin {
            Origin::Ours => shown.row_emphasised(&refs(&cells)),
            _ => shown.row(&refs(&cells)),
        };
    }
    let mut all = vec![shown.html()];
    all.push(paragraph("The number after ± is, in our rows, the standard deviation over seeds (n − 1)."));
    all.extend(table.warnings.iter().map(|w| callout(Tone::Warning, paragraph(w))));
    all.push(list(table.protocols.iter().map(|p| cited(p))));
    all.push(folded("Every seed", seeds(table, outcomes)));
    all
}

fn seeds(table: &Table, outcomes: &[&Outcome]) -> Html {
    let mut head: Vec<String> = vec!["run".into()];
    head.extend(table.quantities.iter().map(heading));
    head.extend(["doctor", "steps", "training time", "device", "version"].map(String::from));
    let mut shown = html::Table::new(&refs(&head));
    for o in outcomes {
        let mut cells = vec![format!("{}, seed {}", o.recipe, o.seed)];
        cells.extend(table.quantities.iter().map(|q| {
            let number = o.values.get(&q.key).copied().flatten();
            let cell = number.and_then(|x| super::table::Cell::of(&[x]));
            figure(q, Origin::Ours, cell)
        }));
        let said = o.doctor.iter().map(|s| format!("{}: {}", s.state.name(), s.evidence));
        cells.push(said.collect::<Vec<_>>().join("; "));
        cells.push(format!("{} of {}", o.step, o.full));
        cells.push(duration_in_words(o.seconds));
        cells.extend([o.device.clone(), format!("gansaku {}", o.version)]);
        shown = shown.row(&refs(&cells));
    }
    shown.html()
}

fn refs(cells: &[String]) -> Vec<&str> {
    cells.iter().map(String::as_str).collect()
}

/// What there are pictures of; those that are not there are left out.
fn shown(experiment: &Experiment, outcomes: &[&Outcome], folder: &Path) -> Vec<Html> {
    let picture = |file: &str, caption: &str| {
        let png = fs::read(folder.join(file)).ok()?;
        Some(html::figure(html::image(&png, caption, true), caption))
    };
    let mut grids: Vec<Html> = picture(&pictures::reals(experiment), "The data.").into_iter().collect();
    let mut rows = Vec::new();
    for recipe in &experiment.recipes {
        let name = recipe.recipe();
        let Some(first) = outcomes.iter().find(|o| o.recipe == name && o.seed == 0) else { continue };
        let step = format!("recipe {name}, seed 0, step {} of {}", first.step, first.full);
        for &kind in &experiment.pictures {
            let file = pictures::file(name, kind);
            match kind {
                Kind::Samples => grids.extend(picture(&file, &format!("Samples: {step}. Not chosen."))),
                Kind::Interpolation => rows.extend(picture(
                    &file,
                    &format!("A straight walk through the noise, from left to right: {step}."),
                )),
                Kind::Translations => rows.extend(picture(
                    &file,
                    &format!(
                        "Test pictures: what went in, what came out, what came back of that, what should have come out; \
                         A to B on the left, B to A on the right: {step}. Not chosen."
                    ),
                )),
                Kind::Neighbours => rows.extend(picture(
                    &file,
                    &format!("Samples, and below each the training example nearest to it in pixels: {step}."),
                )),
            }
        }
    }
    let all: Vec<Html> = grids.into_iter().chain(rows).collect();
    if all.is_empty() { all } else { vec![sheets(all)] }
}

fn made(paper: &Paper, outcomes: &[Outcome]) -> Vec<Html> {
    let each = |of: fn(&Outcome) -> String| {
        let all: BTreeSet<String> = outcomes.iter().map(of).collect();
        text(&all.into_iter().collect::<Vec<_>>().join(", "))
    };
    let seconds: f64 = outcomes.iter().map(|o| o.seconds).sum();
    vec![
        definitions([
            ("paper".to_string(), cited(&format!("{}. {}", paper.title, paper.source))),
            ("runs".to_string(), text(&format!("{}, one folder each in runs/", outcomes.len()))),
            ("training time".to_string(), text(&duration_in_words(seconds))),
            ("device".to_string(), each(|o| o.device.clone())),
            ("program".to_string(), each(|o| format!("gansaku {}", o.version))),
            ("data".to_string(), each(|o| o.data.clone())),
        ]),
        paragraph(
            "Equal commands make equal numbers on one machine. gansaku eval measures a run's folder again; \
             gansaku recipes prints what was trained.",
        ),
    ]
}
