//! Tables in words: cells, headings, and whole tables as text.

use super::table::{Cell, Origin, Row, Table};
use super::{Paper, Quantity};
use std::fmt::Write;

/// What the run doctor says, in a line: "mode collapse (9 of 10), healthy (1 of 10)".
pub fn diagnosis(row: &Row) -> String {
    let all = row.seeds.len();
    let mut states: Vec<_> = row.doctor.iter().map(|(state, seeds)| (seeds.len(), state)).collect();
    states.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let word = |(count, state): (usize, &String)| {
        if all == 1 { state.clone() } else { format!("{state} ({count} of {all})") }
    };
    states.into_iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A cell in words.
pub fn figure(quantity: &Quantity, origin: Origin, cell: Option<Cell>) -> String {
    let Some(Cell { mean, spread, count }) = cell else { return "–".into() };
    if let Some([no, yes]) = &quantity.verdict {
        let found = (mean * count as f64).round() as usize;
        return if found == 0 { no.clone() } else { format!("{yes} ({found} of {count})") };
    }
    let number = |x: f64| match origin {
        // As printed.
        Origin::Reported | Origin::Computed => x.to_string(),
        _ => format!("{x:.*}", quantity.digits),
    };
    spread.map_or_else(|| number(mean), |s| format!("{} ± {}", number(mean), number(s)))
}

/// A column's heading.
pub fn heading(quantity: &Quantity) -> String {
    if quantity.unit.is_empty() {
        quantity.name.clone()
    } else {
        format!("{}, {}", quantity.name, quantity.unit)
    }
}

/// The tables as text.
pub fn text(paper: &Paper, tables: &[Table]) -> String {
    let mut out = format!("{}: {} ({})\n", paper.name, paper.title, paper.source);
    paper.claims.iter().for_each(|claim| {
        let _ = writeln!(out, "{claim}");
    });
    for table in tables {
        let _ = write!(out, "\n{}", one(table));
    }
    if tables.is_empty() {
        out.push_str("nothing was measured yet\n");
    }
    out
}

fn one(table: &Table) -> String {
    let headings =
        [vec!["".into(), table.title.clone()], table.quantities.iter().map(heading).collect()].concat();
    let mut lines = vec![headings];
    let mut notes = vec![String::new()];
    for row in &table.rows {
        let cells = table.quantities.iter().zip(&row.cells).map(|(q, &c)| figure(q, row.origin, c));
        lines.push([vec![row.origin.word().into(), row.who.clone()], cells.collect()].concat());
        let caveat =
            if row.caveat.is_empty() { String::new() } else { format!("{}; ", row.caveat.to_uppercase()) };
        let says =
            if row.doctor.is_empty() { String::new() } else { format!("; doctor: {}", diagnosis(row)) };
        notes.push(format!("{caveat}{}{says}", row.note));
    }
    let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut out = String::new();
    for (line, note) in lines.iter().zip(notes) {
        let cells = line.iter().zip(&widths).map(|(cell, &w)| format!("{cell:w$}"));
        let all = [cells.collect::<Vec<_>>(), vec![note]].concat().join("  ");
        let _ = writeln!(out, "{}", all.trim_end());
    }
    out.push_str("± of ours: standard deviation over seeds (n − 1)\n");
    table.protocols.iter().for_each(|p| {
        let _ = writeln!(out, "protocol {p}");
    });
    table.warnings.iter().for_each(|w| {
        let _ = writeln!(out, "warning: {w}");
    });
    out
}
