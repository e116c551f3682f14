//! The runs as a terminal shows them: a line each where it is wide enough, a few otherwise. Nothing is left out.

use super::{Status, Summary};
use crate::numbers::{age_in_words, bytes_in_words, grouped, number};
use std::time::{Duration, SystemTime};

const HEAD: [&str; 9] = ["run", "recipe", "data", "steps", "", "verdict", "best", "size", "age"];
/// Space between columns.
const GAP: usize = 2;

/// A table for a terminal of `width` columns, or for a file of any.
pub fn table(runs: &[Summary], width: Option<usize>, now: SystemTime) -> String {
    let rows: Vec<[String; 9]> = runs.iter().map(|run| cells(run, now)).collect();
    let longest = |i: usize| {
        let cells = rows.iter().map(|row| row[i].chars().count());
        cells.chain([HEAD[i].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 9] = std::array::from_fn(longest);
    let whole = widths.iter().filter(|w| **w > 0).map(|w| w + GAP).sum::<usize>() - GAP;
    let mut out = String::new();
    if width.is_none_or(|width| whole <= width) {
        out += &line(&HEAD.map(String::from), &widths);
        for (row, run) in rows.iter().zip(runs) {
            out += &line(row, &widths);
            out += &damage(run);
        }
        return out;
    }
    let width = width.unwrap_or(whole);
    for (row, run) in rows.iter().zip(runs) {
        out += &format!("{}\n", row[0]);
        let named = |i: usize| match HEAD[i] {
            "" | "verdict" | "recipe" => row[i].clone(),
            head => format!("{head} {}", row[i]),
        };
        let parts = (1..9).filter(|&i| !row[i].is_empty()).map(named);
        out += &wrapped(parts.collect(), width);
        out += &damage(run);
    }
    out
}

fn damage(run: &Summary) -> String {
    run.damage.as_ref().map_or(String::new(), |why| format!("    {why}\n"))
}

/// Parts in lines of up to `width`, set in.
fn wrapped(parts: Vec<String>, width: usize) -> String {
    let mut lines: Vec<String> = vec![];
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + part.chars().count() <= width => {
                *line += &format!("  {part}")
            }
            _ => lines.push(format!("  {part}")),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// One line; numbers stand to the right.
fn line(cells: &[String; 9], widths: &[usize; 9]) -> String {
    let mut out = String::new();
    for (i, (cell, &width)) in cells.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0) {
        let space = " ".repeat(width - cell.chars().count());
        let is_number = matches!(HEAD[i], "steps" | "size" | "age");
        out += &if is_number { format!("{space}{cell}") } else { format!("{cell}{space}") };
        out += &" ".repeat(GAP);
    }
    format!("{}\n", out.trim_end())
}

fn cells(run: &Summary, now: SystemTime) -> [String; 9] {
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        run.name.clone(),
        word(&run.recipe),
        word(&run.data),
        steps(run),
        status(run),
        verdict(run),
        best(run),
        bytes_in_words(run.bytes),
        age(run, now),
    ]
}

/// "300 of 1,000".
pub fn steps(run: &Summary) -> String {
    match run.total {
        Some(total) if total == run.step => grouped(total),
        Some(total) => format!("{} of {}", grouped(run.step), grouped(total)),
        None => grouped(run.step),
    }
}

/// What is not as every run is: a finished one needs no word.
pub fn status(run: &Summary) -> String {
    if run.status == Status::Finished { String::new() } else { run.status.name().into() }
}

/// The doctor's verdicts.
fn verdict(run: &Summary) -> String {
    run.verdicts.iter().map(|v| v.name()).collect::<Vec<_>>().join(", ")
}

/// "swd 0.0123 at 4,000".
pub fn best(run: &Summary) -> String {
    run.best.as_ref().map_or(String::new(), |best| {
        format!("{} {} at {}", best.metric.name(), number(best.value), grouped(best.step))
    })
}

/// How long ago training wrote.
pub fn age(run: &Summary, now: SystemTime) -> String {
    let then = run.written.map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s));
    then.map_or(String::new(), |then| age_in_words(now.duration_since(then).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, damage: Option<&str>) -> Summary {
        Summary {
            name: name.into(),
            path: name.into(),
            status: if damage.is_some() { Status::Damaged } else { Status::Stopped },
            recipe: damage.is_none().then(|| "digits".into()),
            data: damage.is_none().then(|| "pictures".into()),
            step: 1_200,
            total: Some(2_000),
            seconds: 3.0,
            verdicts: vec![],
            best: None,
            bytes: 2_500_000,
            written: Some(1_000),
            damage: damage.map(String::from),
        }
    }

    #[test]
    fn a_narrow_terminal_gets_all_of_it_in_more_lines() {
        let runs = [run("first", None), run("the second", Some("config.toml: gone"))];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + 7_200);
        let wide = table(&runs, None, now);
        let lines: Vec<&str> = wide.lines().collect();
        assert_eq!(
            lines[1],
            "first       digits  pictures  1,200 of 2,000  stopped                 2.50 MB  2 h"
        );
        assert_eq!(lines[3], "    config.toml: gone", "{wide}");
        for width in [30, 40, 60] {
            let narrow = table(&runs, Some(width), now);
            assert!(narrow.lines().all(|l| l.chars().count() <= width), "{width}:\n{narrow}");
            for part in
                ["first", "digits", "pictures", "1,200 of 2,000", "stopped", "2.50 MB", "2 h", "damaged"]
            {
                assert!(narrow.contains(part), "{width}: {part} in\n{narrow}");
            }
        }
        assert_eq!(table(&runs, Some(200), now), wide);
    }
}
