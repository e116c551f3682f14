//! Axes of charts: from values to places, and ticks at round numbers.

use std::fmt::Write;

/// Least and greatest of what is finite, never the same.
pub fn ends(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let fold = |[low, high]: [f64; 2], x: f64| [low.min(x), high.max(x)];
    let [low, high] = values.filter(|x| x.is_finite()).fold([f64::INFINITY, f64::NEG_INFINITY], fold);
    match high - low {
        gap if gap > 1e-12 * (low.abs() + high.abs()) => Some([low, high]),
        gap if gap >= 0.0 => {
            let room = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            Some([low - room, high + room])
        }
        _ => None,
    }
}

/// A line across a drawing's grid at a height, from `left` to `right`, with its number to the left of it.
pub fn rung(out: &mut String, [left, right]: [f64; 2], at: f64, number: &str) {
    let _ = writeln!(
        out,
        "<line class=\"grid\" x1=\"{left}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{number}</text>",
        left - 7.0,
        at + 4.0,
    );
}

/// One direction of a drawing.
pub struct Axis {
    /// Least and greatest value; above 0 where the axis is logarithmic.
    pub ends: [f64; 2],
    log: bool,
}

impl Axis {
    /// An axis between two values.
    pub fn new(ends: [f64; 2], log: bool) -> Axis {
        Axis { ends, log }
    }

    /// 0 at one end, 1 at the other.
    pub fn share(&self, x: f64) -> f64 {
        let [low, high] = self.ends;
        if self.log {
            return (x.max(f64::MIN_POSITIVE) / low).ln() / (high / low).ln();
        }
        (x - low) / (high - low)
    }

    /// About `count` round numbers between the ends.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        let [low, high] = self.ends;
        if self.log && high / low > 8.0 {
            let decades = (low.log10().ceil() as i32, high.log10().floor() as i32);
            let every = ((decades.1 - decades.0) / count as i32 + 1).max(1);
            let few = decades.1 - decades.0 < 2;
            let within = |m: f64| {
                (decades.0 - 1..=decades.1)
                    .map(move |d| m * 10f64.powi(d))
                    .filter(move |&t| t >= low && t <= high)
            };
            if few {
                return [1.0, 3.0].into_iter().flat_map(within).collect();
            }
            return (decades.0..=decades.1).filter(|d| d % every == 0).map(|d| 10f64.powi(d)).collect();
        }
        let step = self.step(count);
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }

    /// The distance of ticks: 1, 2 or 5 × a power of ten.
    pub fn step(&self, count: usize) -> f64 {
        let rough = (self.ends[1] - self.ends[0]) / count as f64;
        let decade = 10f64.powf(rough.log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * decade).find(|s| *s >= rough).unwrap_or(10.0 * decade)
    }

    pub fn label(&self, tick: f64) -> String {
        if self.log && self.ends[1] / self.ends[0] > 8.0 {
            return short(tick, 0.0);
        }
        short(tick, self.step(5))
    }
}

/// A tick's number: as many digits as its step needs, thousands as k and millions as M.
fn short(tick: f64, step: f64) -> String {
    let size = tick.abs().max(step);
    let (scale, unit) = match size {
        s if s >= 1e12 || (s > 0.0 && s < 1e-3) => return format!("{tick:.0e}").replace('-', "−"),
        s if s >= 2e6 => (1e6, "M"),
        s if s >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let shown = tick / scale;
    let needed = if step > 0.0 { step / scale } else { shown.abs() };
    let mut decimals = 0;
    while decimals < 6
        && ((needed * 10f64.powi(decimals)).round() - needed * 10f64.powi(decimals)).abs() > 1e-6
    {
        decimals += 1;
    }
    let number = format!("{shown:.*}", decimals as usize);
    let number =
        if number.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') { "0" } else { &number };
    if number == "0" { number.into() } else { format!("{number}{unit}").replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ends: [f64; 2], log: bool) -> Vec<String> {
        let axis = Axis::new(ends, log);
        axis.ticks(5).into_iter().map(|t| axis.label(t)).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels([0.0, 1.0], false), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels([-0.3, 0.31], false), ["−0.2", "0", "0.2"]);
        assert_eq!(labels([0.0, 125_000.0], false), ["0", "50k", "100k"]);
        assert_eq!(labels([900.0, 9000.0], false), ["2000", "4000", "6000", "8000"]);
        assert_eq!(labels([0.09, 20.0], true), ["0.1", "1", "10"]);
        assert_eq!(labels([0.009, 0.2], true), ["0.01", "0.1", "0.03"]);
    }
}
