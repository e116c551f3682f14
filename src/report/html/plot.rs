//! Plots of points as inline SVG: a plane of dots, or histograms over a line, in the page's colours, with ticks. Layers lie
//! over each other; one that belongs to a step is shown when the slider says so.

use super::axis::{Axis, rung};
use super::{Html, escape};
use std::fmt::Write;

/// The drawing, in its own units; the plane is square.
const WIDTH: f64 = 460.0;
const LINE_HEIGHT: f64 = 270.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 26.0;
/// Side of the inner drawing, whose whole numbers are coordinates.
const INNER: f64 = 1000.0;
/// Dots a layer, at most, and up to how many of them are drawn large.
pub const MOST_DOTS: usize = 4_000;
const FEW_DOTS: usize = 300;
/// Bars of a histogram.
const BARS: usize = 80;

/// A plot under construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    label: String,
    /// Least and greatest value of both axes.
    ends: [[f64; 2]; 2],
    is_plane: bool,
    legend: Vec<(usize, String)>,
    layers: String,
}

impl Plot {
    /// A plane from −`reach` to `reach` on both axes.
    pub fn plane(label: &str, reach: f64) -> Plot {
        Plot {
            label: label.into(),
            ends: [[-reach, reach]; 2],
            is_plane: true,
            legend: vec![],
            layers: String::new(),
        }
    }

    /// A line from −`reach` to `reach` below densities of up to `top`.
    pub fn line(label: &str, reach: f64, top: f64) -> Plot {
        let ends = [[-reach, reach], [0.0, top]];
        Plot { label: label.into(), ends, is_plane: false, legend: vec![], layers: String::new() }
    }

    /// Says what a colour stands for.
    #[must_use]
    pub fn named(mut self, colour: usize, name: &str) -> Plot {
        self.legend.push((colour, name.into()));
        self
    }

    /// Adds dots, or the histogram of numbers; what lies beyond the ends is drawn there. A layer that has a `step` is shown
    /// at that one alone, and hidden at first where `hidden` says so.
    #[must_use]
    pub fn layer(mut self, colour: usize, numbers: &[f32], step: Option<(&str, bool)>) -> Plot {
        let attributes = step.map_or(String::new(), |(step, hidden)| {
            format!(" data-step=\"{}\"{}", escape(step), if hidden { " hidden" } else { "" })
        });
        let (class, path) = if self.is_plane {
            let few = if numbers.len() / 2 <= FEW_DOTS { " few" } else { "" };
            (format!("dots{few}"), self.dots(numbers))
        } else {
            ("area".to_string(), self.bars(numbers))
        };
        let _ = writeln!(self.layers, "<path class=\"{class} c{colour}\"{attributes} d=\"{path}\"/>");
        self
    }

    fn place(&self, axis: usize, x: f64) -> i32 {
        let [low, high] = self.ends[axis];
        let share = ((x - low) / (high - low)).clamp(0.0, 1.0);
        (INNER * if axis == 0 { share } else { 1.0 - share }).round() as i32
    }

    /// Lines of no length with round ends.
    fn dots(&self, numbers: &[f32]) -> String {
        let points = numbers.chunks_exact(2).take(MOST_DOTS);
        points.map(|p| format!("M{} {}h0", self.place(0, p[0].into()), self.place(1, p[1].into()))).collect()
    }

    /// The outline of a histogram, as a density.
    fn bars(&self, numbers: &[f32]) -> String {
        let [low, high] = self.ends[0];
        let mut path = format!("M0 {INNER}");
        for (i, height) in density(numbers, [low, high]).into_iter().enumerate() {
            // Above the top it is cut by the drawing's edge.
            let y = (INNER * (1.0 - height / self.ends[1][1])).round().max(-INNER);
            let _ = write!(path, "V{y}H{}", (i + 1) as f64 * INNER / BARS as f64);
        }
        path + &format!("V{INNER}Z")
    }

    /// Legend and drawing.
    pub fn html(&self) -> Html {
        let keys: String = self
            .legend
            .iter()
            .map(|(colour, name)| {
                format!("<span class=\"c{colour}\"><i class=\"dot\"></i>{}</span> ", escape(name))
            })
            .collect();
        let mut out = format!("<div class=\"legend\">{keys}</div>\n");
        let height = if self.is_plane { WIDTH - LEFT - RIGHT + TOP + BOTTOM } else { LINE_HEIGHT };
        let _ = writeln!(
            out,
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
             aria-label=\"{}\">",
            escape(&self.label)
        );
        self.frame(&mut out, height);
        let [w, h] = [WIDTH - LEFT - RIGHT, height - TOP - BOTTOM];
        let _ = write!(
            out,
            "<svg x=\"{LEFT}\" y=\"{TOP}\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {INNER} {INNER}\" \
             preserveAspectRatio=\"none\">\n{}</svg>\n</svg>\n",
            self.layers
        );
        Html::vouched(out)
    }

    /// Grid and ticks.
    fn frame(&self, out: &mut String, height: f64) {
        let (end, base) = (WIDTH - RIGHT, height - BOTTOM);
        let [x, y] = [0, 1].map(|axis| Axis::new(self.ends[axis], false));
        for tick in y.ticks(5) {
            let at = base - y.share(tick) * (base - TOP);
            rung(out, [LEFT, end], at, &y.label(tick));
        }
        for tick in x.ticks(5) {
            let at = LEFT + x.share(tick) * (end - LEFT);
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{base}\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                base + 17.0,
                x.label(tick)
            );
        }
        let _ = writeln!(out, "<path class=\"frame\" d=\"M{LEFT} {TOP}H{end}V{base}H{LEFT}Z\"/>");
    }
}

/// The densities of numbers in [`BARS`] bars between two ends; what lies beyond counts in the outermost.
pub fn density(numbers: &[f32], [low, high]: [f64; 2]) -> Vec<f64> {
    let mut counts = vec![0.0; BARS];
    for &x in numbers {
        let share = (f64::from(x) - low) / (high - low);
        counts[((share * BARS as f64) as usize).min(BARS - 1)] += 1.0;
    }
    let whole = numbers.len().max(1) as f64 * (high - low) / BARS as f64;
    counts.into_iter().map(|n| n / whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lie_where_their_numbers_say_and_never_outside() {
        let html = Plot::plane("p", 2.0).layer(0, &[0.0, 0.0, 2.0, 2.0, -99.0, 1.0], None).html().0;
        assert!(html.contains("M500 500h0M1000 0h0M0 250h0"), "{html}");
        for tick in [">−2<", ">−1<", ">0<", ">1<", ">2<"] {
            assert_eq!(html.matches(tick).count(), 2, "{tick} on both axes");
        }
    }

    #[test]
    fn a_histogram_has_area_one() {
        let numbers: Vec<f32> = (0..1000).map(|i| (i % 7) as f32 - 3.0).chain([50.0]).collect();
        let heights = density(&numbers, [-4.0, 4.0]);
        let area: f64 = heights.iter().map(|h| h * 8.0 / BARS as f64).sum();
        assert!((area - 1.0).abs() < 1e-12, "{area}");
        assert!(heights[BARS - 1] > 0.0, "what lies beyond is at the edge");
        assert!(density(&[], [-1.0, 1.0]).iter().all(|&h| h == 0.0));
    }
}
