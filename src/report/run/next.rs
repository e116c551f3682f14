//! What to do next with a run, as commands to type.

use super::{Status, Story};
use crate::console::typed;
use crate::numbers::grouped;
use crate::report::html::{Html, code, element, list, paragraph, text};

impl Story<'_> {
    /// The command that names this run.
    pub(super) fn command(&self, verb: &str, rest: &str) -> String {
        format!("gansaku {verb} {}{}{rest}", typed(self.run), if rest.is_empty() { "" } else { " " })
    }

    /// The flag without which a training whose patience came to an end would not go on; nothing otherwise.
    pub(super) fn more_patience(&self) -> String {
        let more = self.best.as_ref().and_then(|best| best.more_patience(self.config.checkpoint.patience));
        more.map_or(String::new(), |n| format!("--patience {n}"))
    }

    /// Without a checkpoint there is nothing to go on from, to draw from or to measure.
    fn next_without_checkpoint(&self) -> Vec<Html> {
        let none = "there is nothing to go on from, to draw from or to measure.";
        if self.status == Status::Training {
            let every = grouped(self.config.checkpoint.every);
            return vec![paragraph(&format!(
                "The first checkpoint is written at step {every}; until then {none}"
            ))];
        }
        let change = match self.verdicts.iter().any(|v| v.state.ends_training()) {
            true => "Add the change that the verdict at the top of this page names, and start again; ",
            false => "Mend what ended this run, as the top of this page says, and start again; ",
        };
        let config = self.run.join("config.toml");
        let again = format!("gansaku train --config {}", typed(&config));
        let told = [text(change), code(&again), text(" trains as this run did.")];
        vec![paragraph(&format!("No checkpoint was written: {none}")), element("p", "", Html::all(told))]
    }

    /// Commands to type next, each with what it does.
    pub(super) fn next(&self) -> Vec<Html> {
        if self.sums.is_none() {
            return self.next_without_checkpoint();
        }
        let mut points = vec![];
        let mut say = |command: String, why: &str| {
            points.push(Html::all([code(&command), Html::vouched(" "), text(why)]));
        };
        match (&self.status, self.steps) {
            // The same weights would take the same steps to the same end.
            (Status::Failed(_), _) if self.verdicts.iter().any(|v| v.state.ends_training()) => {}
            (Status::Stopped | Status::Failed(_), _) => {
                say(
                    self.command("train --resume", &self.more_patience()),
                    "goes on from the last checkpoint.",
                );
            }
            (Status::Ended, _) => {
                let why = "goes on from the last checkpoint, if it has not come to its last step.";
                say(self.command("train --resume", &self.more_patience()), why);
            }
            (Status::Training, _) => {
                let why = "goes on from the last checkpoint, should this training have been killed.";
                say(self.command("train --resume", ""), why);
            }
            (Status::Finished, [Some(done), _]) => {
                let more = [format!("--steps {}", done * 2), self.more_patience()].join(" ");
                say(
                    self.command("train --resume", more.trim_end()),
                    "trains on, should the curves still be moving.",
                );
            }
            (Status::Finished, _) => {}
        }
        match self.config.model.translates() {
            true => say(self.command("translate", "PICTURE… --out DIR"), "translates pictures of your own."),
            false => say(self.command("sample", "-n 400"), "draws more samples."),
        }
        if self.measured == Ok(None) {
            say(self.command("eval", ""), "measures it; the numbers then stand in this report.");
        }
        if self.outdated().is_some() {
            say(
                self.command("eval", ""),
                "measures the newest checkpoint; the numbers here are of an earlier one.",
            );
        }
        if !self.is_point() && !self.config.model.translates() {
            say(self.command("interpolate", "--seeds 3,14,15 --out walk.gif"), "animates a walk.");
        }
        say(self.command("report", ""), "writes this page again.");
        vec![list(points)]
    }
}
