//! `report.html` of a run: what was trained, whether it worked, what to do next, on one page that stands alone.
//!
//! [`Story`] is everything the page is made from; [`Story::page`] is a pure function of it. Of two equal runs the pages
//! differ in times alone, each inside a `<time>` element.

mod about;
mod curves;
mod measured;
mod next;
mod strip;
mod translations;

pub use strip::{Shot, shots};
pub use translations::Translated;

use super::html::{
    Html, Page, Plot, Tone, badge, callout, cited, code, definitions, element, escape, figure, folded, image,
    listing, marked, paragraph, sheets, strong, text,
};
use crate::config::{Config, ConfigBuilder};
use crate::data::Dataset;
use crate::data::toy::Mixture;
use crate::models::{self, Direction, Game, PortKind, TaskKind};
use crate::numbers::{counted, duration_in_words, grouped, median, number, utc};
use crate::pictures::{Picture, Points};
use crate::records::{Evaluation, State, Verdict};
use crate::run::checkpoint::{Best, Sums};
use crate::run::{Line, Machine};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// Classes whose names stand in a sentence, at most.
const MOST_NAMED: usize = 20;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It trains.
    Training,
    /// Every step is done.
    Finished,
    /// It stopped before its last step: a time limit or a signal. It can go on.
    Stopped,
    /// Nobody trains it, and whether every step is done is not known: it was to pass through data that are not at hand.
    Ended,
    /// An error ended it.
    Failed(String),
}

/// Samples above their nearest training examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Two rows.
    pub picture: Picture,
    /// Euclidean distances of the pairs.
    pub distances: Vec<f32>,
    /// Training examples that were looked through.
    pub searched: usize,
}

/// Straight walks from noise to noise.
#[derive(Debug, Clone, PartialEq)]
pub enum Walk {
    /// Pictures, a row a walk.
    Rows(Picture),
    /// Points, close enough to each other to look like lines.
    Trails(Points),
}

/// D over the line, beside what theory says of it; curves by the names that `gansaku eval RUN theory` gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// `p_data`, `p_g`, `D` and `p_data / (p_data + p_g)`.
    pub curves: BTreeMap<String, Vec<[f64; 2]>>,
    /// Samples that p_g is estimated from.
    pub samples: usize,
}

/// What a report is made from.
pub struct Story<'a> {
    /// The run's folder, as it was typed.
    pub run: &'a Path,
    /// How it trains.
    pub config: &'a Config,
    /// The model.
    pub game: &'a dyn Game,
    /// On what, with which program; absent in runs that did not note it.
    pub machine: Option<Machine>,
    /// The data, or why they are not at hand.
    pub data: Result<&'a Dataset, String>,
    /// Names of the data's classes, where they have names.
    pub classes: Vec<String>,
    /// How far it is.
    pub status: Status,
    /// When this was.
    pub written: SystemTime,
    /// The best evaluation so far, where there are such.
    pub best: Option<Best>,
    /// What the doctor says.
    pub verdicts: Vec<Verdict>,
    /// What it could not measure, and why.
    pub notes: Vec<String>,
    /// Steps done, and steps in all where that is known.
    pub steps: [Option<u64>; 2],
    /// Lines of metrics.
    pub lines: Vec<Line>,
    /// Pictures of samples through time.
    pub shots: Vec<Shot>,
    /// A picture of real examples.
    pub reals: Option<Vec<u8>>,
    /// What straight walks from noise to noise show.
    pub walk: Option<Walk>,
    /// What became of held-out pictures, of a model that translates: by direction.
    pub translations: Vec<Translated>,
    /// D beside the best D, where the data lie on a line and their density is known.
    pub judged: Option<Judged>,
    /// Samples beside training examples, or why not.
    pub neighbours: Result<Neighbours, String>,
    /// What `gansaku eval` left in the folder, or why it cannot be read.
    pub measured: Result<Option<Evaluation>, String>,
    /// The picture that `gansaku eval RUN theory` left there, a PNG.
    pub theory: Option<Vec<u8>>,
    /// The newest checkpoint's name and its files' sums.
    pub sums: Option<(String, Sums)>,
}

/// How grave a verdict is.
pub fn tone(verdict: &Verdict) -> Tone {
    match verdict.state {
        State::Healthy if verdict.is_good() => Tone::Good,
        State::Healthy | State::TooEarly => Tone::Plain,
        State::Oscillation
        | State::Stalled
        | State::LossScaleFloor
        | State::PixelNoise
        | State::Overfitting
        | State::Leaking
        | State::Checkerboard
        | State::Inverted
        | State::Untranslated
        | State::FurtherAway
        | State::NotBack => Tone::Warning,
        State::DWon
        | State::GWon
        | State::ModeCollapse
        | State::Memorising
        | State::LabelsIgnored
        | State::NonFinite => Tone::Bad,
    }
}

/// A verdict of the doctor's: state, evidence, what to do.
fn spoken(verdict: &Verdict, run: &Path) -> Html {
    let tone = tone(verdict);
    let name = sentence(verdict.name());
    let since = match verdict.state.is_alarm() {
        true => format!(" (since step {})", grouped(verdict.since_step)),
        false => String::new(),
    };
    let evidence = format!(" {}{since}", sentence(&verdict.told()));
    let said = element("p", "", Html::all([strong(&name), text(&evidence)]));
    let next = element("p", "", marked(&sentence(&verdict.advice)));
    let command = verdict.command(run).map_or(Html::default(), |c| element("p", "", code(&c)));
    callout(tone, Html::all([said, next, command]))
}

/// Words as a sentence: a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.trim_end_matches('.').chars();
    let capital: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{capital}{}.", letters.as_str())
}

impl Story<'_> {
    /// The page.
    pub fn page(&self) -> String {
        let name = self.run.file_name().map_or("run".into(), |n| n.to_string_lossy().into_owned());
        let mut page = Page::new(&name, "gansaku · a training run");
        if self.status == Status::Training {
            page.refresh(60);
        }
        page.lead([self.summary()]);
        page.section("Did it work?", self.verdict());
        let translates = self.config.model.translates();
        if !self.translations.is_empty() {
            page.section("What became of held-out pictures", translations::section(self));
        }
        page.section(
            if translates { "Translations through time" } else { "Samples through time" },
            self.samples(),
        );
        page.section("Curves", curves::section(self));
        if let Some(walk) = &self.walk {
            page.section("Interpolation", [self.interpolation(walk)]);
        }
        if !translates {
            page.section("Nearest training examples", [self.neighbours()]);
        }
        page.section("Measurements", measured::section(self));
        page.section("What was trained", [definitions(about::pairs(self))]);
        page.section("What to do next", self.next());
        page.section("Configuration and hashes", self.provenance());
        page.script(strip::SCRIPT);
        page.finish()
    }

    /// Numbers of an example; 0 of a model that makes none.
    fn numbers(&self) -> usize {
        let made = models::task(self.game, TaskKind::Sample)
            .or_else(|| models::task(self.game, TaskKind::Translate(Direction::Forward)));
        made.map_or(0, |t| t.output_width(PortKind::Examples))
    }

    fn is_point(&self) -> bool {
        let is_point = self.numbers() <= 2 || self.data.as_ref().is_ok_and(|d| d.shape.is_point());
        is_point && !self.config.model.translates()
    }

    /// The measurements, where the run has gone on since.
    fn outdated(&self) -> Option<&Evaluation> {
        let report = self.measured.as_ref().ok()?.as_ref()?;
        self.steps[0].is_some_and(|done| (1..done).contains(&report.step)).then_some(report)
    }

    fn summary(&self) -> Html {
        let (tone, word) = match &self.status {
            Status::Training => (Tone::Plain, "training"),
            Status::Finished => (Tone::Good, "finished"),
            Status::Stopped => (Tone::Warning, "stopped early"),
            Status::Ended => (Tone::Plain, "ended"),
            Status::Failed(_) => (Tone::Bad, "ended by an error"),
        };
        let steps = match self.steps {
            [Some(done), Some(total)] => format!("{} of {}", grouped(done), counted(total, "step")),
            [Some(done), None] => counted(done, "step"),
            _ => "no step saved yet".into(),
        };
        let pace = self.lines.last().filter(|l| l.seconds > 0.0).map_or(String::new(), |l| {
            let (time, rate) = (duration_in_words(l.seconds), l.step as f64 / l.seconds);
            format!(" in <time>{}, {} steps a second</time>", escape(&time), number(rate))
        });
        // A training that is killed leaves the page that it wrote last.
        let as_of = match self.status {
            Status::Training => format!(" as of <time>{}</time>:", escape(&utc(self.written))),
            _ => String::new(),
        };
        let line = format!("{}{as_of} {}{pace}", badge(tone, word).as_str(), escape(&steps));
        Html::all([
            element("p", "", cited(&format!("Recipe {}{}.", self.config.recipe, self.what()))),
            element("p", "", Html::vouched(line)),
        ])
    }

    /// What a recipe says of itself holds for its own data.
    fn what(&self) -> String {
        let recipe = ConfigBuilder::recipe(&self.config.recipe).and_then(|layers| layers.source());
        if recipe.is_ok_and(|source| source != self.config.data.source) {
            let data = self.data.as_ref().map(|d| format!(": {} {}", grouped(d.train.count as u64), d.shape));
            return format!(", trained on other data than its own{}", data.unwrap_or_default());
        }
        format!(": {}", self.config.about.trim_end_matches('.'))
    }

    /// What is known without looking at pictures.
    fn verdict(&self) -> Vec<Html> {
        let mut out = vec![];
        match &self.status {
            Status::Failed(why) => out.push(callout(
                Tone::Bad,
                element("p", "", Html::all([strong("An error ended this run. "), text(why), text(".")])),
            )),
            Status::Stopped => out.push(callout(
                Tone::Warning,
                element(
                    "p",
                    "",
                    Html::all([
                        strong("It stopped before its last step. "),
                        text(if self.more_patience().is_empty() {
                            ""
                        } else {
                            "Its patience came to an end. "
                        }),
                        text("Whatever is below is of an unfinished training; "),
                        code(&self.command("train --resume", &self.more_patience())),
                        text(" goes on exactly where it stopped."),
                    ]),
                ),
            )),
            Status::Ended => out.push(paragraph(
                "Whether it came to its last step is not known: its length is so many passes through data that are not at \
                 hand.",
            )),
            Status::Training | Status::Finished => {}
        }
        out.extend(self.verdicts.iter().map(|verdict| spoken(verdict, self.run)));
        out.extend(self.best.as_ref().map(|best| {
            paragraph(&format!(
                "The best checkpoint by {} so far is that of step {} ({}), kept as checkpoints/best.",
                best.metric.name(),
                grouped(best.step),
                number(best.value)
            ))
        }));
        out.extend(self.notes.iter().map(|note| element("p", "soft", text(&sentence(note)))));
        out.extend(measured::findings(self));
        out.push(paragraph(if self.config.model.translates() {
            "Then compare the pictures: what came out should look like real examples of what was aimed at, and \
             still be of what went in; what should have come out, where that is known, stands beside it."
        } else if self.is_point() {
            "Then compare the plots: every cluster of the real points should be there among the samples, as dense \
             and as narrow."
        } else {
            "Then compare the pictures: samples should look like the real examples, be as varied as they are, and \
             be no copies of them (see the nearest training examples)."
        }));
        out
    }

    fn samples(&self) -> Vec<Html> {
        let Some(last) = self.shots.last() else {
            // Real examples alone would be taken for samples.
            return vec![paragraph("No picture has been drawn yet.")];
        };
        let average = match self.config.ema.decay > 0.0 {
            true => " Drawn with the moving average of G's weights.",
            false => "",
        };
        let when = format!("the last is from step {}", grouped(last.step));
        let reach = Mixture::of(self.config.data.source).map(Mixture::reach);
        if let Some(plot) = strip::plots(&self.shots, self.reals.as_deref(), reach) {
            let what = match self.numbers() {
                1 => "The density of what G makes of the same noise as it learns, over that of the data",
                _ => "What G makes of the same noise as it learns, over as many points of the data",
            };
            let caption = format!("{what}; {when}.{average}{}{}", self.turns(), self.scale());
            return match &self.judged {
                Some(judged) => measured::judged(figure(plot, &caption), &judged.curves, judged.samples),
                None => vec![sheets([figure(plot, &caption)])],
            };
        }
        let what = match self.config.model.translates() {
            true => self.columns(),
            false if self.is_point() => {
                "What G makes of the same noise as it learns, a point a sample".into()
            }
            false => "What G makes of the same noise as it learns, a square a sample".into(),
        };
        let caption = format!("{what}; {when}.{average}{}{}", self.turns(), self.scale());
        let mut figures = vec![figure(strip::strip(&self.shots), &caption)];
        if let Some(reals) = &self.reals {
            let picture = image(&strip::bounded(reals), "real examples", true);
            figures.push(figure(picture, &format!("Real examples, for comparison.{}", self.scale())));
        }
        vec![sheets(figures)]
    }

    /// What stands in the columns of translations.
    fn columns(&self) -> String {
        let back = match self.game.translation(Direction::Backward) {
            Some(_) => ", what came back of it",
            None => "",
        };
        format!(
            "What G makes of the same pictures as it learns. In each row from the left: what went in, what came out{back}, and, \
             where that is known, what should have come out"
        )
    }

    /// Which classes the samples of a conditional model are of.
    fn turns(&self) -> String {
        match models::classes(self.game) {
            0 => String::new(),
            classes => {
                let names = match self.classes.len() {
                    2..=MOST_NAMED => format!(" ({})", self.classes.join(", ")),
                    _ => String::new(),
                };
                format!(
                    " Each of the {classes} classes{names} is drawn as often as the training data have it."
                )
            }
        }
    }

    /// What the plots show of the line or the plane, where that is known.
    fn scale(&self) -> String {
        let Some(mixture) = Mixture::of(self.config.data.source) else { return String::new() };
        let (reach, axes) = (mixture.reach(), if mixture.axes > 1 { " on both axes" } else { "" });
        format!(" From −{reach} to {reach}{axes}; what lies beyond is drawn at the edge.")
    }

    fn interpolation(&self, walk: &Walk) -> Html {
        match walk {
            Walk::Trails(points) => {
                let reals = self.reals.as_deref().and_then(Points::from_png);
                let reach = Mixture::of(self.config.data.source).map(Mixture::reach);
                let reach = reach.unwrap_or_else(|| strip::farthest(reals.iter().chain([points])));
                let mut plot = Plot::plane("walks through the noise, over real examples", reach.into());
                if let Some(reals) = &reals {
                    plot = plot.named(strip::REAL, "real").layer(strip::REAL, &reals.numbers, None);
                }
                plot = plot.named(strip::SAMPLE, "walks").layer(strip::SAMPLE, &points.numbers, None);
                let caption = "Straight walks through the space of noise, as the points that G makes of them. Dense \
                               spots are places where G stays, thin bridges the jumps between them: a continuous G \
                               cannot leave one cluster for another without drawing some.";
                // A figure lays its picture beside the caption: legend and plot are one.
                let picture = element("div", "", plot.html());
                sheets([figure(picture, &format!("{caption}{}", self.scale()))])
            }
            Walk::Rows(rows) => sheets([figure(
                image(&rows.png(), "an interpolation", true),
                "Each row walks in a straight line from one noise to another, as in the paper's Figures 2 and 3: \
                 smooth changes through plausible pictures speak for a G that has learnt; sudden jumps between a few \
                 pictures speak for a G that has stored them.",
            )]),
        }
    }

    fn neighbours(&self) -> Html {
        match &self.neighbours {
            Ok(n) => {
                let caption = format!(
                    "Above, samples; below each, the nearest of {} training examples by Euclidean distance of pixels \
                     in [0, 1] (median here {:.2}). Pairs that are the same picture mean memorising; pairs that are \
                     merely alike are what a good generator shows. {} measures it against held-out data.",
                    grouped(n.searched as u64),
                    median(n.distances.iter().map(|&d| f64::from(d))),
                    self.command("eval", "neighbours")
                );
                let picture = image(&n.picture.png(), "samples and their nearest training examples", true);
                sheets([figure(picture, &caption)])
            }
            Err(why) => paragraph(why),
        }
    }

    /// What makes these files again.
    fn again(&self) -> String {
        match (&self.status, self.steps) {
            (Status::Finished, _) => "An equal command on the same kind of processor makes the same.".into(),
            // Where a clock or a signal ended it, an equal command may come to another step.
            (_, [Some(done), _]) => format!(
                "An equal command on the same kind of processor makes the same when it comes to step {}; where this \
                 training stopped is no part of the command.",
                grouped(done)
            ),
            _ => String::new(),
        }
    }

    fn provenance(&self) -> Vec<Html> {
        let mut out = vec![folded("config.toml: every value that decides the run's bytes", {
            let mut config = self.config.clone();
            // Where data lie is no part of what the run is.
            config.data.path = None;
            listing(&config.to_toml())
        })];
        match &self.sums {
            None => out.push(paragraph("No checkpoint has been written yet.")),
            Some((name, sums)) => {
                out.push(paragraph(&format!(
                    "SHA-256 of {name}'s files, from its manifest. {}",
                    self.again()
                )));
                let rows: Vec<String> =
                    sums.iter().map(|(file, sum)| format!("{}  {file}", sum.sha256)).collect();
                out.push(listing(&rows.join("\n")));
            }
        }
        out.push(element(
            "p",
            "soft",
            text(
                "Everything is inside this file: it loads nothing from anywhere. Written again from the same folder, it \
                 differs in times alone.",
            ),
        ));
        out
    }
}
