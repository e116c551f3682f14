//! Line charts as inline SVG: axes with round ticks, a legend, bands, horizontal references, linear or logarithmic.
//!
//! A chart is drawn for about 420 pixels of width, where its 12-pixel text is readable on a phone and in a column of
//! [`super::gallery`].

use super::axis::{Axis, ends, rung};
use super::{Html, escape};
use std::fmt::Write;

/// The drawing, in its own units.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 38.0;

/// What a letter of 12 pixels takes, about: its width, and the height above its line.
const LETTER: f64 = 6.3;
const LETTERS_HIGH: f64 = 11.0;

/// Left, right, top and bottom.
type Room = [f64; 4];

fn overlap(a: &Room, b: &Room) -> bool {
    a[0] <= b[1] && b[0] <= a[1] && a[2] <= b[3] && b[2] <= a[3]
}

/// Low and high around a line: `[x, low, high]`.
pub type Band = Vec<[f64; 3]>;

/// A line with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    name: String,
    points: Vec<[f64; 2]>,
    band: Band,
    dashed: bool,
}

impl Series {
    /// A line through points in the order of x; what is not finite is a gap.
    pub fn line(name: &str, points: Vec<[f64; 2]>) -> Series {
        Series { name: name.into(), points, band: vec![], dashed: false }
    }

    /// A line through the means of at most `most` groups of neighbouring points, and a band from each group's least
    /// to its greatest.
    pub fn thinned(name: &str, points: &[[f64; 2]], most: usize) -> Series {
        let (points, band) = thinned(points, most);
        Series { band, ..Series::line(name, points) }
    }

    /// The line alone.
    #[must_use]
    pub fn without_band(mut self) -> Series {
        self.band.clear();
        self
    }

    /// Dashed: what is expected, beside what is.
    #[must_use]
    pub fn dashed(mut self) -> Series {
        self.dashed = true;
        self
    }
}

/// Means of at most `most` groups of neighbouring points, and the band of each; few points stay as they are.
pub fn thinned(points: &[[f64; 2]], most: usize) -> (Vec<[f64; 2]>, Band) {
    let points: Vec<[f64; 2]> = points.iter().copied().filter(|p| p.iter().all(|x| x.is_finite())).collect();
    if points.len() <= most {
        return (points, vec![]);
    }
    let groups = points.chunks(points.len().div_ceil(most.max(1)));
    groups
        .map(|group| {
            let mean = |i: usize| group.iter().map(|p| p[i]).sum::<f64>() / group.len() as f64;
            let low = group.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min);
            let high = group.iter().map(|p| p[1]).fold(f64::NEG_INFINITY, f64::max);
            ([mean(0), mean(1)], [mean(0), low, high])
        })
        .unzip()
}

/// A horizontal line at a value that means something.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Where.
    pub y: f64,
    /// What it is.
    pub name: String,
}

/// A line chart under construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    title: String,
    x_name: String,
    series: Vec<Series>,
    references: Vec<Reference>,
    log: bool,
    y_range: Option<[f64; 2]>,
}

impl Chart {
    /// An empty chart.
    pub fn new(title: &str) -> Chart {
        Chart {
            title: title.into(),
            x_name: "step".into(),
            series: vec![],
            references: vec![],
            log: false,
            y_range: None,
        }
    }

    /// Adds a line.
    #[must_use]
    pub fn series(mut self, series: Series) -> Chart {
        self.series.push(series);
        self
    }

    /// Adds a horizontal line.
    #[must_use]
    pub fn reference(mut self, y: f64, name: &str) -> Chart {
        self.references.push(Reference { y, name: name.into() });
        self
    }

    /// Names the x axis; "step" otherwise.
    #[must_use]
    pub fn x_name(mut self, name: &str) -> Chart {
        self.x_name = name.into();
        self
    }

    /// A logarithmic y axis; values of 0 and below are gaps.
    #[must_use]
    pub fn log(mut self) -> Chart {
        self.log = true;
        self
    }

    /// Fixes the y axis' ends.
    #[must_use]
    pub fn y_range(mut self, range: [f64; 2]) -> Chart {
        self.y_range = Some(range);
        self
    }

    /// Title, legend and drawing.
    pub fn html(&self) -> Html {
        let mut out = format!("<div class=\"chart-title\">{}</div>\n", escape(&self.title));
        let named = self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty());
        let keys: String = named
            .map(|(i, s)| {
                let (colour, dashed) = (i % 6, if s.dashed { " class=\"dashed\"" } else { "" });
                format!("<span class=\"c{colour}\"><i{dashed}></i>{}</span> ", escape(&s.name))
            })
            .collect();
        if !keys.is_empty() {
            let _ = writeln!(out, "<div class=\"legend\">{keys}</div>");
        }
        out.push_str(&self.svg());
        Html::vouched(out)
    }

    fn svg(&self) -> String {
        let (x, y) = (Axis::new(self.x_ends(), false), Axis::new(self.y_ends(), self.log));
        let place = |p: [f64; 2]| {
            [
                LEFT + x.share(p[0]) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y.share(p[1]) * (HEIGHT - TOP - BOTTOM),
            ]
        };
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let label = escape(&format!("{}: {} by {}", self.title, names.join(", "), self.x_name));
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
             aria-label=\"{label}\">\n"
        );
        self.frame(&mut out, &x, &y, &place);
        self.refer(&mut out, &place);
        // A drawing of its own clips what leaves the axes' range.
        let [width, height] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
        let _ = writeln!(
            out,
            "<svg x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" viewBox=\"{LEFT} {TOP} {width} {height}\">"
        );
        for (i, series) in self.series.iter().enumerate() {
            draw(&mut out, series, i % 6, self.log, &place);
        }
        out.push_str("</svg>\n</svg>\n");
        out
    }

    /// References and their names, below the curves: no name hides a part of one. Each stands where it meets the least
    /// of the curves and of other names, rather at the left than beside the newest values.
    fn refer(&self, out: &mut String, place: &dyn Fn([f64; 2]) -> [f64; 2]) {
        let (end, base) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let curves = self.curves(place);
        let mut taken: Vec<Room> = vec![];
        for reference in &self.references {
            let [_, at] = place([0.0, reference.y]);
            if !(TOP - 1.0..=base + 1.0).contains(&at) {
                continue;
            }
            let width = reference.name.chars().count() as f64 * LETTER;
            let above = Some(at - 5.0).filter(|y| y - LETTERS_HIGH >= TOP - 1.0);
            let lines = [above, Some(at + 14.0).filter(|y| *y <= base)].into_iter().flatten();
            let ends = [("start", LEFT + 3.0, LEFT), ("end", end - 3.0, end - width)];
            let spots = ends.into_iter().flat_map(|(anchor, x, left)| {
                lines.clone().map(move |y| (anchor, x, y, [left, left + width, y - LETTERS_HIGH, y + 4.0]))
            });
            let met = |room: &Room| {
                let names = taken.iter().filter(|other| overlap(room, other)).count();
                names * (1 + curves.len())
                    + curves.iter().filter(|p| overlap(room, &[p[0], p[0], p[1], p[1]])).count()
            };
            let (anchor, x, y, room) =
                spots.min_by_key(|spot| met(&spot.3)).expect("the drawing has room above or below a line");
            taken.push(room);
            let _ = writeln!(
                out,
                "<line class=\"reference\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{end}\" y2=\"{at:.1}\"/>\
                 <text class=\"reference-label\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
                escape(&reference.name)
            );
        }
    }

    /// Places along the drawn curves, a few between any two points of theirs.
    fn curves(&self, place: &dyn Fn([f64; 2]) -> [f64; 2]) -> Vec<[f64; 2]> {
        const BETWEEN: usize = 8;
        let pairs = self.series.iter().flat_map(|s| s.points.windows(2));
        let along = |pair: &[[f64; 2]]| {
            let [a, b] = [place(pair[0]), place(pair[1])];
            (0..=BETWEEN).map(move |i| {
                let t = i as f64 / BETWEEN as f64;
                [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
            })
        };
        pairs.flat_map(along).collect()
    }

    /// Grid, ticks, names.
    fn frame(&self, out: &mut String, x: &Axis, y: &Axis, place: &dyn Fn([f64; 2]) -> [f64; 2]) {
        let (end, base) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in y.ticks(5) {
            let [_, at] = place([x.ends[0], tick]);
            rung(out, [LEFT, end], at, &y.label(tick));
        }
        let _ =
            writeln!(out, "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{base}\" x2=\"{end}\" y2=\"{base}\"/>");
        for tick in x.ticks(5) {
            let [at, _] = place([tick, y.ends[0]]);
            let _ = writeln!(
                out,
                "<line class=\"axis\" x1=\"{at:.1}\" y1=\"{base}\" x2=\"{at:.1}\" y2=\"{:.1}\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                base + 4.0,
                base + 17.0,
                x.label(tick)
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            0.5 * (LEFT + end),
            HEIGHT - 5.0,
            escape(&self.x_name)
        );
    }

    fn x_ends(&self) -> [f64; 2] {
        let all = self.series.iter().flat_map(|s| s.points.iter().map(|p| p[0]));
        ends(all).unwrap_or([0.0, 1.0])
    }

    /// The lines and references, not the bands: a single wild value does not flatten everything else.
    fn y_ends(&self) -> [f64; 2] {
        if let Some(range) = self.y_range {
            return range;
        }
        let positive = |y: &f64| !self.log || *y > 0.0;
        let lines = self.series.iter().flat_map(|s| s.points.iter().map(|p| p[1]));
        let all = lines.chain(self.references.iter().map(|r| r.y)).filter(positive);
        let [low, high] = ends(all).unwrap_or([if self.log { 0.1 } else { 0.0 }, 1.0]);
        if self.log {
            return [low / 1.25, high * 1.25];
        }
        let room = 0.05 * (high - low);
        [low - room, high + room]
    }
}

fn draw(out: &mut String, series: &Series, colour: usize, log: bool, place: &dyn Fn([f64; 2]) -> [f64; 2]) {
    let shown = |y: f64| y.is_finite() && (!log || y > 0.0);
    if series.band.iter().all(|b| shown(b[1]) && shown(b[2])) && !series.band.is_empty() {
        let upper = series.band.iter().map(|b| [b[0], b[2]]);
        let lower = series.band.iter().rev().map(|b| [b[0], b[1]]);
        let outline: Vec<String> = upper.chain(lower).map(|p| coordinates(place(p))).collect();
        let _ = writeln!(out, "<path class=\"band c{colour}\" d=\"M{}Z\"/>", outline.join(" "));
    }
    let dashed = if series.dashed { " dashed" } else { "" };
    for part in series.points.split(|p| !shown(p[1]) || !p[0].is_finite()).filter(|p| !p.is_empty()) {
        let mut path: Vec<String> = part.iter().map(|&p| coordinates(place(p))).collect();
        if path.len() == 1 {
            // A line of no length with round ends is a dot.
            path.push(path[0].clone());
        }
        let _ = writeln!(out, "<path class=\"line c{colour}{dashed}\" d=\"M{}\"/>", path.join(" "));
    }
}

/// A tenth of a pixel; far outside is far enough.
fn coordinates([x, y]: [f64; 2]) -> String {
    let bounded = |v: f64| v.clamp(-9999.0, 9999.0);
    format!("{:.1},{:.1}", bounded(x), bounded(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_means_and_extremes() {
        let points: Vec<[f64; 2]> =
            (0..1000).map(|i| [f64::from(i), if i == 500 { 9.0 } else { 1.0 }]).collect();
        let (line, band) = thinned(&points, 100);
        assert_eq!(line.len(), 100);
        assert_eq!(line[0], [4.5, 1.0]);
        assert_eq!(band[50], [504.5, 1.0, 9.0]);
        assert_eq!(thinned(&points[..3], 100), (points[..3].to_vec(), vec![]));
    }

    #[test]
    fn names_of_references_leave_the_newest_values_free_and_lie_below_the_curves() {
        let steps = |of: fn(f64) -> f64| (0..100).map(|i| [f64::from(i), of(f64::from(i))]).collect();
        let label = |of: fn(f64) -> f64| {
            let chart = Chart::new("c").y_range([0.0, 1.0]).reference(0.5, "here");
            let svg = chart.series(Series::line("a", steps(of))).html().0;
            let at = svg.find("reference-label").expect("a name");
            assert!(at < svg.find("class=\"line").expect("a curve"), "drawn before it");
            let anchor = svg[at..].split("text-anchor=\"").nth(1).expect("an anchor");
            anchor[..3].to_string()
        };
        assert_eq!(label(|_| 0.9), "sta", "nothing is near");
        assert_eq!(label(|i| 0.5 + 0.004 * i), "sta", "below the line it is free");
        assert_eq!(label(|i| if i < 50.0 { 0.4 + 0.1 * (i % 3.0) } else { 0.9 }), "end");
    }

    #[test]
    fn charts_bear_whatever_numbers_come() {
        let nothing = Chart::new("x").html();
        let wild = [[0.0, f64::NAN], [1.0, f64::INFINITY], [2.0, 3.0], [3.0, -1e300], [4.0, 0.0]];
        for log in [false, true] {
            let mut chart = Chart::new("x").series(Series::line("y", wild.to_vec())).reference(0.5, "half");
            chart.log = log;
            let html = chart.html();
            for bad in ["NaN", "inf"] {
                assert!(!html.as_str().contains(bad), "{html:?}");
            }
        }
        assert!(nothing.as_str().contains("<svg"));
        let flat = Chart::new("x").series(Series::line("y", vec![[0.0, 2.0], [0.0, 2.0]])).html();
        assert!(!flat.as_str().contains("NaN"), "{flat:?}");
    }
}
