//! What a person sees while training: a bar on a terminal, a line now and then elsewhere.

use crate::console;
use crate::models::Statistic;
use crate::numbers::readable;
use crate::run::Line;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The display of one training.
pub struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    from: u64,
    begun: Instant,
    limit: Option<Duration>,
    statistics: Vec<Statistic>,
}

impl Progress {
    /// Starts at step `from` of `total`; `limit` is what `--time` left. Lines show those of `statistics` that have digits.
    pub fn new(from: u64, total: u64, limit: Option<Duration>, statistics: Vec<Statistic>) -> Progress {
        // A terminal that cannot go back a line gets lines.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bar = (std::io::stderr().is_terminal() && !is_dumb).then(|| {
            let style = ProgressStyle::with_template(
                // A line that is too long for the terminal would stand there again and again: the last words give way.
                "{bar:8.cyan/dim} {pos}/{len}  {per_sec}  left {eta}  {wide_msg}",
            );
            let style = style.expect("the template is sound");
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            bar.set_style(
                style
                    .with_key("per_sec", |s: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
                        let _ = write!(w, "{:.0}/s", s.per_sec());
                    })
                    .progress_chars("━╸─"),
            );
            bar.set_position(from);
            bar.reset_eta();
            console::above(Some(bar.clone()));
            bar
        });
        Progress { bar, total, from, begun: Instant::now(), limit, statistics }
    }

    /// After each step.
    pub fn step(&self, step: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(step);
        }
    }

    /// With each line of metrics.
    pub fn line(&self, line: &Line) {
        let shown = |s: &Statistic| {
            let (digits, value) = (s.digits?, line.get(&s.name)?);
            Some(format!("{} {value:.digits$}", s.label))
        };
        let numbers: Vec<String> = self.statistics.iter().filter_map(shown).collect();
        let (step, numbers) = (line.step, numbers.join("  "));
        if let Some(bar) = &self.bar {
            bar.set_message(numbers);
            return;
        }
        let elapsed = self.begun.elapsed();
        let rate = (step - self.from) as f64 / elapsed.as_secs_f64().max(1e-9);
        let seconds = self.total.saturating_sub(step) as f64 / rate.max(1e-9);
        let mut left = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        if let Some(limit) = self.limit {
            left = left.min(limit.saturating_sub(elapsed));
        }
        let width = self.total.to_string().len();
        tell!("step {:width$}/{}  {rate:.0}/s  {numbers}  left {}", step, self.total, readable(left));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            console::above(None);
            bar.finish_and_clear();
        }
    }
}
