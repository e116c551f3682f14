//! The doctor at work during training: probes, judges, writes `doctor.jsonl`, and has a line to say when a state is
//! entered or left.

use super::judge::{Judge, verdict};
use super::probe::{Probe, Prober};
use super::translation::Translations;
use super::{advice, entry::Entry, word};
use crate::config::Config;
use crate::data::Dataset;
use crate::error::Result;
use crate::inference::Engine;
use crate::models::{self, Game};
use crate::records::{Diagnosis, State, Verdict};
use crate::run::journal::Journal;
use crate::run::{Folder, Line};
use std::path::PathBuf;
use std::sync::Arc;

/// How the networks are looked at.
enum Looks {
    /// What is made of noise.
    Samples(Box<Prober>),
    /// What becomes of pictures.
    Translations(Arc<dyn Game>, Arc<Dataset>),
}

/// What one look found.
enum Look {
    Samples(Probe),
    Translations(Translations),
}

/// Watches a run that trains.
pub struct Live {
    config: Config,
    journal: Journal<Entry>,
    judge: Judge,
    looks: Looks,
    /// The newest probe that was written down.
    last: Option<Probe>,
    /// The run's folder, for commands.
    run: PathBuf,
}

impl Live {
    /// Watches a run from `step` on; `lines` are its metrics so far. What its file knows past `step` is dropped.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(
        folder: &Folder,
        config: &Config,
        data: &Arc<Dataset>,
        step: u64,
        lines: &[Line],
    ) -> Result<Live> {
        word::drop_after(folder, step)?;
        let looks = match config.model.translates() {
            true => Looks::Translations(models::of(config, data.shape, data.classes), data.clone()),
            false => Looks::Samples(Box::new(Prober::new(config, data))),
        };
        let (journal, entries) = Journal::open(&folder.doctor_file(), config.log.samples_every, step)?;
        let mut judge = Judge::new(config);
        judge.replay(lines, &entries);
        Ok(Live { config: config.clone(), journal, judge, looks, run: folder.path.clone(), last: None })
    }

    /// Takes a line of metrics; what there is to say.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn line(&mut self, line: &Line) -> Result<Vec<String>> {
        let changes = self.judge.line(line);
        self.note(changes)
    }

    /// Measures the networks at a step where that is due; what there is to say.
    ///
    /// # Errors
    /// When the file cannot be written, or the device fails.
    pub fn probe(&mut self, engine: &mut Engine, step: u64) -> Result<Vec<String>> {
        let changes = match self.look(engine, step)? {
            None => return Ok(vec![]),
            Some(Look::Samples(probe)) => {
                self.journal.add(&Entry::Probe(probe.clone()))?;
                let changes = self.judge.probe(&probe);
                self.last = Some(probe);
                changes
            }
            Some(Look::Translations(seen)) => {
                self.journal.add(&Entry::Translations(seen.clone()))?;
                self.judge.translations(&seen)
            }
        };
        self.note(changes)
    }

    fn look(&self, engine: &mut Engine, step: u64) -> Result<Option<Look>> {
        Ok(match &self.looks {
            Looks::Samples(prober) => prober.probe(engine, step)?.map(Look::Samples),
            Looks::Translations(game, data) => {
                Translations::of(engine, &**game, data, step)?.map(Look::Translations)
            }
        })
    }

    /// What was measured last, by this training.
    pub fn last(&self) -> Option<&Probe> {
        self.last.as_ref()
    }

    /// The last word on a run at a step, which stays in `verdict.json`. Where no probe was due there, it is made for this
    /// word alone: a training that goes on later leaves the same journal as one that never stopped.
    ///
    /// # Errors
    /// When the device fails, or the file cannot be written.
    pub fn last_word(&mut self, engine: &mut Engine, step: u64) -> Result<Vec<String>> {
        if self.judge.probed() != Some(step) {
            match self.look(engine, step)? {
                Some(Look::Samples(probe)) => drop(self.judge.probe(&probe)),
                Some(Look::Translations(seen)) => drop(self.judge.translations(&seen)),
                None => {}
            }
        }
        let last = Diagnosis { step, verdicts: self.judge.verdicts(), notes: vec![] };
        word::keep(&Folder { path: self.run.clone() }, &last)?;
        Ok(last.verdicts.iter().map(|verdict| self.spoken(verdict)).collect())
    }

    /// The states that the run is in.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.judge.verdicts()
    }

    /// Writes down that training failed at `step` with what `evidence` says.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn failed(&mut self, state: State, step: u64, evidence: &str) -> Result<()> {
        let advice = advice::after_failure(state, &self.config);
        let verdict = verdict(state, step, evidence.into(), advice);
        self.journal.add(&Entry::Entered(verdict))
    }

    /// Flushes the file: called before a checkpoint that counts on it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn flush(&mut self) -> Result<()> {
        self.journal.flush()
    }

    fn note(&mut self, changes: Vec<Entry>) -> Result<Vec<String>> {
        changes.iter().try_for_each(|change| self.journal.add(change))?;
        let heard = |entry: &Entry| match entry {
            Entry::Entered(verdict) => Some(format!("step {}: {}", verdict.since_step, self.spoken(verdict))),
            Entry::Left { step, state } if state.is_alarm() => {
                Some(format!("step {step}: no longer {}", state.name()))
            }
            Entry::Left { .. } | Entry::Probe(_) | Entry::Translations(_) => None,
        };
        Ok(changes.iter().filter_map(heard).collect())
    }

    /// A verdict in a line.
    fn spoken(&self, verdict: &Verdict) -> String {
        let said = format!("{}: {}", verdict.name(), verdict.told());
        match verdict.state.is_alarm() {
            true => format!("{said}; to change it: {}", verdict.next(&self.run)),
            false => said,
        }
    }
}
