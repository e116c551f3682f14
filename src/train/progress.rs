//! What a person sees while training: a bar on a terminal, a line now and then elsewhere.

use crate::console;
use crate::models::Statistic;
use crate::numbers::readable;
use crate::run::Line;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The display of one training.
pub struct Progress {
    bar: Option<ProgressBar>,
    pace: Pace,
    begun: Instant,
    statistics: Vec<Statistic>,
    /// The last line that the bar showed.
    last: Option<String>,
}

/// How fast a training goes, and what is left of it.
#[derive(Debug, Clone, Copy)]
struct Pace {
    from: u64,
    total: u64,
    limit: Option<Duration>,
}

impl Pace {
    /// Steps a second at `step`, `elapsed` after the start; none before the first one.
    fn rate(self, step: u64, elapsed: Duration) -> Option<f64> {
        let done = step.saturating_sub(self.from);
        (done > 0).then(|| done as f64 / elapsed.as_secs_f64().max(1e-9))
    }

    /// Time until the last step, or until `--time` is up.
    fn left(self, step: u64, elapsed: Duration) -> Option<Duration> {
        let steps = self.total.saturating_sub(step) as f64;
        let left = self.rate(step, elapsed).and_then(|rate| Duration::try_from_secs_f64(steps / rate).ok());
        let allowed = self.limit.map(|limit| limit.saturating_sub(elapsed));
        left.map(|left| allowed.map_or(left, |allowed| left.min(allowed)))
    }
}

impl Progress {
    /// Starts at step `from` of `total`; `limit` is what `--time` left. Lines show those of `statistics` that have digits.
    pub fn new(from: u64, total: u64, limit: Option<Duration>, statistics: Vec<Statistic>) -> Progress {
        let pace = Pace { from, total, limit };
        // A terminal that cannot go back a line gets lines.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bar = (std::io::stderr().is_terminal() && !is_dumb).then(|| {
            let style = ProgressStyle::with_template(
                // A line that is too long for the terminal would stand there again and again: the last words give way.
                "{bar:8.cyan/dim} {pos}/{len}  {pace}/s  left {rest}  {wide_msg}",
            );
            let style = style.expect("the template is sound");
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            bar.set_style(
                style
                    .with_key("pace", move |s: &ProgressState, w: &mut dyn Write| {
                        let rate = pace.rate(s.pos(), s.elapsed());
                        let _ = w.write_str(&rate.map_or("–".into(), |rate| format!("{rate:.0}")));
                    })
                    .with_key("rest", move |s: &ProgressState, w: &mut dyn Write| {
                        let left = pace.left(s.pos(), s.elapsed());
                        let _ = w.write_str(&left.map_or("–".into(), readable));
                    })
                    .progress_chars("━╸─"),
            );
            bar.set_position(from);
            console::above(Some(bar.clone()));
            bar
        });
        Progress { bar, pace, begun: Instant::now(), statistics, last: None }
    }

    /// After each step.
    pub fn step(&self, step: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(step);
        }
    }

    /// With each line of metrics.
    pub fn line(&mut self, line: &Line) {
        let shown = |s: &Statistic| {
            let (digits, value) = (s.digits?, line.get(&s.name)?);
            Some(format!("{} {value:.digits$}", s.label))
        };
        let numbers: Vec<String> = self.statistics.iter().filter_map(shown).collect();
        let (step, total, numbers) = (line.step, self.pace.total, numbers.join("  "));
        let elapsed = self.begun.elapsed();
        let rate = self.pace.rate(step, elapsed).unwrap_or(0.0);
        let width = total.to_string().len();
        let told = format!("step {step:width$}/{total}  {rate:.0}/s  {numbers}");
        match &self.bar {
            Some(bar) => {
                bar.set_message(numbers);
                self.last = Some(told);
            }
            None => tell!("{told}  left {}", self.pace.left(step, elapsed).map_or("–".into(), readable)),
        }
    }

    /// Takes the bar away; its last numbers stay.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            console::above(None);
            bar.finish_and_clear();
            self.last.take().iter().for_each(|last| tell!("{last}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_training_counts_its_own_steps_and_the_time_it_was_given() {
        let second = Duration::from_secs(1);
        let pace = Pace { from: 5_000, total: 9_000, limit: None };
        assert_eq!((pace.rate(5_000, second), pace.left(5_000, second)), (None, None));
        assert_eq!(pace.rate(5_100, 2 * second), Some(50.0));
        assert_eq!(pace.left(5_100, 2 * second), Some(78 * second));
        let short = Pace { limit: Some(30 * second), ..pace };
        assert_eq!(short.left(5_100, 2 * second), Some(28 * second));
        assert_eq!(short.left(5_100, 40 * second), Some(Duration::ZERO));
    }
}
