//! Measurements as text: one metric of a run, and of several runs side by side.

use crate::eval::compare;
use crate::numbers::Numbers;
use crate::records::{Measurement, rises};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A metric of several runs: a column a run, the best of each number marked where one way is better, and real data.
pub fn beside(row: &compare::Row, names: &[String]) -> String {
    if let Some(why) = &row.unlike {
        return format!("{}: {why}\n", row.metric);
    }
    let known = row.each.iter().zip(names).filter_map(|(m, name)| Some(((*m)?, name)));
    let known: Vec<(&Measurement, &String)> = known.collect();
    let first = known[0].0;
    let way = |number: &str| rises(row.metric, number);
    let arrow = |number: &str| match way(number) {
        Some(true) => format!("{number} ↑"),
        Some(false) => format!("{number} ↓"),
        None => number.to_string(),
    };
    let marked = |number: &str, m: &Measurement| -> Option<String> {
        let value = *m.values.get(number)?;
        let others = || known.iter().filter_map(|(m, _)| m.values.get(number).copied());
        let is_best = way(number).is_some_and(|up| others().all(|x| x == value || (value > x) == up));
        let is_shared = others().all(|x| x == value);
        Some(format!("{}{}", figure(value), if is_best && !is_shared { " *" } else { "  " }))
    };
    let numbers: Vec<&str> = first.values.keys().map(String::as_str).collect();
    let mut columns: Vec<(String, Vec<String>)> = known
        .iter()
        .map(|(m, name)| {
            let step = known.iter().any(|(other, _)| other.step != m.step);
            let title = if step { format!("{name}, step {}", m.step) } else { name.to_string() };
            (title, numbers.iter().map(|n| marked(n, m).unwrap_or_default()).collect())
        })
        .collect();
    let real = first.reference.iter().map(|(title, values)| {
        let cells = numbers.iter().map(|n| values.get(*n).map_or(String::new(), |&x| figure(x) + "  "));
        (title.clone(), cells.collect())
    });
    columns.extend(real);
    let width = |texts: &[String]| texts.iter().map(|t| t.chars().count()).max().unwrap_or(0);
    let names: Vec<String> = numbers.iter().map(|n| arrow(n)).collect();
    let side = width(&names);
    let mut text = format!("{}: {}\n  {:side$}", row.metric, first.protocol, "");
    for (title, cells) in &columns {
        let own = width(cells).max(title.chars().count());
        let _ = write!(text, "  {title:>own$}");
    }
    text += "\n";
    for (i, name) in names.iter().enumerate() {
        let mut line = format!("  {name:side$}");
        for (title, cells) in &columns {
            let own = width(cells).max(title.chars().count());
            let _ = write!(line, "  {:>own$}", cells[i]);
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A measurement with the rows beside it.
pub fn describe(m: &Measurement) -> String {
    let mut rows = vec![("this generator", &m.values)];
    rows.extend(m.reference.iter().map(|(name, values)| (&name[..], values)));
    table(m, &rows, &m.warnings)
}

/// A metric's rows under its protocol; of many numbers, a line each.
fn table(m: &Measurement, rows: &[(&str, &Numbers)], warnings: &[String]) -> String {
    let numbers = |values: &Numbers| {
        values.iter().map(|(name, v)| format!("{name} {}", figure(*v))).collect::<Vec<_>>().join("  ")
    };
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}: {}\n", m.metric, m.protocol);
    if rows.iter().any(|(_, values)| values.are_many()) {
        text += &lines(rows);
    } else {
        for (name, values) in rows {
            let _ = writeln!(text, "  {name:width$}  {}", numbers(values));
        }
    }
    for warning in warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    if m.reduced {
        text += "  note: fewer samples than the protocol's own number: a first look\n";
    }
    text
}

/// A line a number, a column a row.
fn lines(rows: &[(&str, &Numbers)]) -> String {
    let names: BTreeSet<&str> = rows.iter().flat_map(|(_, v)| v.keys().map(String::as_str)).collect();
    let first = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let columns: Vec<usize> = rows.iter().map(|(title, _)| title.chars().count().max(10)).collect();
    let line = |name: &str, cells: Vec<String>| {
        let cells: String =
            cells.iter().zip(&columns).map(|(cell, width)| format!("  {cell:>width$}")).collect();
        format!("{}\n", format!("  {name:first$}{cells}").trim_end())
    };
    let cell = |values: &Numbers, name: &str| values.get(name).map_or(String::new(), |&x| figure(x));
    let head = line("", rows.iter().map(|(title, _)| title.to_string()).collect());
    let body = names.iter().map(|name| line(name, rows.iter().map(|(_, v)| cell(v, name)).collect()));
    head + &body.collect::<String>()
}

/// Five significant digits or so.
fn figure(x: f64) -> String {
    match x.abs() {
        x_abs if x_abs == 0.0 || x.fract() == 0.0 && x_abs < 1e6 => format!("{x:.0}"),
        0.0..0.001 => format!("{x:.3e}"),
        0.001..0.1 => format!("{x:.5}"),
        0.1..10.0 => format!("{x:.4}"),
        _ => format!("{x:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_take_a_line_each() {
        let numbers = |of: f64| (0..5).map(move |i| (format!("0{i} share"), of / 10.0));
        let all = |of: f64| {
            let mut all = Numbers::from([("KL", of)]);
            all.extend(numbers(of));
            all
        };
        let mut measurement: Measurement = serde_json::from_value(serde_json::json!({
            "metric": "classes", "protocol": "p", "samples": 9, "seed": 0, "values": all(1.0),
            "reference": {"real data": all(2.0)}, "warnings": ["w"],
        }))
        .expect("a measurement");
        let few = describe(&measurement);
        assert!(
            few.lines().nth(1).is_some_and(|l| l.starts_with("  this generator  00 share 0.1000  01")),
            "{few}"
        );
        measurement.values.extend((5..9).map(|i| (format!("0{i} share"), 0.5)));
        let many = describe(&measurement);
        let lines: Vec<&str> = many.lines().collect();
        assert_eq!(lines[0], "classes: p");
        assert_eq!(lines[1], "            this generator   real data");
        assert_eq!(lines[2], "  00 share          0.1000      0.2000");
        assert_eq!(lines[10], "  08 share          0.5000");
        assert_eq!((lines[11], lines[12]), ("  KL                     1           2", "  warning: w"));
    }
}
