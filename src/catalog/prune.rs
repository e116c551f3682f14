//! Removing checkpoints that are neither a run's newest nor its best. Nothing else is touched: pictures, metrics, what was
//! measured, and whatever a checkpoint's manifest does not know.

use crate::error::{Error, Result};
use crate::numbers::{bytes_in_words, counted, grouped};
use crate::run::checkpoint;
use crate::run::{Folder, Lock};
use std::path::{Path, PathBuf};

/// What can be removed of one run, and what stays.
#[derive(Debug)]
pub struct Plan {
    /// The run's folder, which no other process can take until the plan is gone.
    pub folder: Folder,
    _lock: Lock,
    /// Steps of the checkpoints that go, oldest first.
    steps: Vec<u64>,
    /// Folders of those, and what a crash left unfinished.
    pub gone: Vec<PathBuf>,
    /// Bytes that those hold.
    pub bytes: u64,
    /// What stays, in words.
    pub kept: Vec<String>,
}

impl Plan {
    /// Looks at a run. Every file of the checkpoints that stay is read and checked first: what is removed is never the only
    /// good one.
    ///
    /// # Errors
    /// When it is no run, a process trains there, or no checkpoint is good.
    pub fn of(run: &Path) -> Result<Plan> {
        let folder = Folder::open(run)?;
        let lock = folder.lock()?;
        let checkpoints = folder.checkpoints();
        let mut all = checkpoint::list(&checkpoints)?;
        let (mut kept, mut gone, mut steps) = (vec![], vec![], vec![]);
        // Damaged ones that are newer than the newest good one may be all there is of those steps.
        let newest = loop {
            match all.first() {
                None if kept.is_empty() => break None,
                None => {
                    return Err(Error::Checkpoint(format!(
                        "{}: none of its checkpoints is whole; nothing is removed",
                        run.display()
                    )));
                }
                Some((_, path)) => match checkpoint::check(path) {
                    Ok(()) => break Some(all.remove(0)),
                    Err(e) => {
                        kept.push(format!("{} (damaged: {e})", shown(path)));
                        all.remove(0);
                    }
                },
            }
        };
        let newest_state = newest.as_ref().map(|(_, path)| checkpoint::state(path)).transpose()?;
        if let Some((_, path)) = &newest {
            kept.push(format!("{} (the newest)", shown(path)));
        }
        let best = newest_state.and_then(|state| state.best).map(|best| best.step);
        let copy = checkpoint::best_of(&checkpoints);
        let copied = copy.exists() && checkpoint::check(&copy).is_ok();
        if copy.exists() {
            kept.push(format!(
                "{} ({})",
                shown(&copy),
                if copied { "a copy of the best" } else { "damaged" }
            ));
        }
        for (step, path) in all.into_iter().rev() {
            let why = match foreign(&path)? {
                _ if Some(step) == best && !copied => Some("the best".to_string()),
                Some(stranger) => Some(format!("{stranger} is no part of a checkpoint")),
                None => None,
            };
            match why {
                Some(why) => kept.push(format!("{} ({why})", shown(&path))),
                None => {
                    steps.push(step);
                    gone.push(path);
                }
            }
        }
        gone.extend(checkpoint::unfinished(&checkpoints)?);
        let bytes = gone.iter().map(|path| super::size(path)).sum();
        Ok(Plan { folder, _lock: lock, steps, gone, bytes, kept })
    }

    /// What it removes and what stays, in lines.
    pub fn told(&self) -> String {
        let run = self.folder.path.display();
        let stays = match self.kept.len() {
            0 => "it has no checkpoint".to_string(),
            _ => format!("stays: {}", self.kept.join(", ")),
        };
        if self.gone.is_empty() {
            return format!("{run}: nothing to remove; {stays}\n");
        }
        let unfinished = self.gone.len() - self.steps.len();
        let steps: Vec<String> = self.steps.iter().map(|&s| grouped(s)).collect();
        let mut parts = vec![];
        if !steps.is_empty() {
            let of = if steps.len() == 1 { "step" } else { "steps" };
            parts.push(format!("{} ({of} {})", counted(steps.len() as u64, "checkpoint"), steps.join(", ")));
        }
        if unfinished > 0 {
            parts.push(counted(unfinished as u64, "unfinished one"));
        }
        format!("{run}: {} in {}; {stays}\n", bytes_in_words(self.bytes), parts.join(" and "))
    }

    /// Removes it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn carry_out(self) -> Result<()> {
        self.gone.iter().try_for_each(|path| checkpoint::remove(path))
    }
}

fn shown(path: &Path) -> String {
    path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

/// Something in a checkpoint's folder that its manifest does not list; the folder itself where it is a link, or has no
/// manifest that can be read.
fn foreign(path: &Path) -> Result<Option<String>> {
    if path.is_symlink() {
        return Ok(Some("a link".into()));
    }
    let Ok(sums) = checkpoint::sums(path) else { return Ok(Some("a folder without a manifest".into())) };
    let io = |e: std::io::Error| Error::io("list", path, &e);
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file || name != checkpoint::MANIFEST && !sums.contains_key(&name) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
