//! Figures for people.

use super::Figures;
use super::alone::Alone;
use super::spread::Spread;
use crate::numbers::percent;
use crate::precision::Precision;
use std::fmt::Write;

/// Steps: a line a configuration, then what the columns mean where their names do not say it.
pub fn steps(all: &[Figures]) -> String {
    let header = [
        "precision",
        "batch",
        "µs/step",
        "fastest–slowest",
        "images/s",
        "TFLOP/s",
        "of product",
        "GB/s",
        "of copy",
        "of bound",
        "launches",
        "host µs",
        "arena bytes",
        "× fp32",
    ];
    let mut rows = vec![header.map(String::from).to_vec()];
    rows.extend(all.iter().map(row));
    let mut text = aligned(&rows, 0);
    all.iter().for_each(|f| text += &ceilings(f));
    text += "of bound: for each launch the longer of its bytes at the copy's speed and its FLOPs at the product's, as a share of \
             the time; more than 100 % where operands stay in a cache\n";
    if let Some(first) = all.first().filter(|f| f.host_us_per_step.is_none()) {
        let _ = writeln!(text, "host µs: none, {} compute the steps themselves", first.device);
        if all.iter().any(|f| f.precision != Precision::Fp32) {
            text += "on a CPU, tf32, fp16 and bf16 are simulated by rounding fp32: slower, and no sign of a GPU's speed; bytes \
                     are counted as a GPU's\n";
        }
    }
    text
}

fn row(f: &Figures) -> Vec<String> {
    let dash = || "–".to_string();
    vec![
        f.precision.name().into(),
        f.batch.to_string(),
        figure(f.us_per_step),
        range(&Spread { median: f.us_per_step, min: f.us_min, max: f.us_max }),
        format!("{:.0}", f.images_per_second),
        figure(f.gflops / 1e3),
        percent(f.share_of_product),
        figure(f.gbytes_per_second),
        percent(f.share_of_copy),
        percent(f.share_of_bound),
        count(f.launches_per_step),
        f.host_us_per_step.map_or_else(dash, |us| figure(us.median)),
        f.arena_bytes.to_string(),
        f.to_fp32.map_or_else(dash, |r| format!("{:.3} ({:.3}–{:.3})", r.median, r.min, r.max)),
    ]
}

fn ceilings(f: &Figures) -> String {
    let (c, size) = (&f.ceilings, f.ceilings.product_size);
    format!(
        "measured just before {}, batch {}: own large product ({size}×{size}×{size}) {} TFLOP/s, copy {} GB/s read + written\n",
        f.precision.name(),
        f.batch,
        figure(c.product_gflops / 1e3),
        figure(c.copy_gbytes_per_second),
    )
}

/// Launches by themselves, phase by phase, and their sum against the step.
pub fn kernels(f: &Figures, kernels: &[Alone]) -> String {
    let mut text = format!("{}, batch {}: every launch alone\n", f.precision.name(), f.batch);
    let header =
        ["", "kernel", "shape", "launches", "µs", "fastest–slowest", "of bound", "kB", "MFLOP", "name"];
    let mut rows = vec![];
    let mut phase = "";
    for kernel in kernels {
        if rows.is_empty() || kernel.phase != phase {
            text += &aligned(&rows, 1);
            phase = &kernel.phase;
            rows = vec![header.map(String::from).to_vec()];
            let _ = writeln!(text, "phase {phase}, {}", often(kernel.times_per_step));
        }
        rows.push(kernel_row(kernel));
    }
    text += &aligned(&rows, 1);
    let alone: f64 = kernels.iter().map(|k| k.times_per_step * k.us.median).sum();
    let _ = writeln!(
        text,
        "all launches of a step alone: {} µs, {} of the step's {} µs",
        figure(alone),
        percent(alone / f.us_per_step),
        figure(f.us_per_step)
    );
    text
}

fn kernel_row(k: &Alone) -> Vec<String> {
    let bound = if k.flops + k.bytes > 0 { percent(k.share_of_bound) } else { "–".into() };
    vec![
        k.number.to_string(),
        k.kernel.into(),
        sizes(&k.shape),
        k.launches.to_string(),
        figure(k.us.median),
        range(&k.us),
        bound,
        format!("{:.1}", k.bytes as f64 / 1e3),
        format!("{:.2}", k.flops as f64 / 1e6),
        k.name.clone(),
    ]
}

/// 100×1200×784.
pub fn sizes(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// Columns as wide as their widest cell, numbers to the right; the last `text` columns to the left.
fn aligned(rows: &[Vec<String>], text: usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let wide = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| {
            if i + text < columns { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        });
        out += cells.collect::<Vec<_>>().join("  ").trim_end();
        out += "\n";
    }
    out
}

/// Three figures or more.
fn figure(x: f64) -> String {
    match x {
        x if x >= 100.0 => format!("{x:.0}"),
        x if x >= 10.0 => format!("{x:.1}"),
        x if x >= 1.0 => format!("{x:.2}"),
        x => format!("{x:.3}"),
    }
}

/// How often a step has something.
fn often(times: f64) -> String {
    match times {
        1.0 => "once a step".into(),
        times => format!("{} times a step", count(times)),
    }
}

/// A number of times, whole where it is whole.
fn count(x: f64) -> String {
    if x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x:.2}") }
}

fn range(spread: &Spread) -> String {
    format!("{}–{}", figure(spread.min), figure(spread.max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_their_characters() {
        let rows = [["µs", "of", "name"], ["1.25", "30 %", "a"]].map(|r| r.map(String::from).to_vec());
        assert_eq!(aligned(&rows, 1), "  µs    of  name\n1.25  30 %  a\n");
        assert_eq!(aligned(&[], 1), "");
    }

    #[test]
    fn numbers_have_three_figures() {
        let found = [15_872.31, 99.96, 3.1234, 0.0945, 0.0].map(figure);
        assert_eq!(found, ["15872", "100.0", "3.12", "0.095", "0.000"]);
        assert_eq!([28.0, 28.5].map(count), ["28", "28.50"]);
        assert_eq!([1.0, 0.25, 4.0].map(often), ["once a step", "0.25 times a step", "4 times a step"]);
        assert_eq!(percent(0.934), "93 %");
    }
}
