//! The doctor at work during training: probes, judges, writes `doctor.jsonl`, and has a line to say when a state is
//! entered or left.

use super::judge::{Judge, verdict};
use super::probe::{Probe, Prober};
use super::{advice, entry::Entry, word};
use crate::config::Config;
use crate::data::Dataset;
use crate::error::Result;
use crate::inference::Engine;
use crate::records::{Diagnosis, State, Verdict};
use crate::run::journal::Journal;
use crate::run::{Folder, Line};
use std::path::PathBuf;
use std::sync::Arc;

/// Watches a run that trains.
pub struct Live {
    config: Config,
    journal: Journal<Entry>,
    judge: Judge,
    /// Absent where the model makes nothing of noise: what it then says is in its metrics.
    prober: Option<Prober>,
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
        let prober = (!config.model.translates()).then(|| Prober::new(config, data));
        let (journal, entries) = Journal::open(&folder.doctor_file(), config.log.samples_every, step)?;
        let mut judge = Judge::new(config);
        judge.replay(lines, &entries);
        Ok(Live { config: config.clone(), journal, judge, prober, run: folder.path.clone(), last: None })
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
        let Some(probe) = self.measured(engine, step)? else { return Ok(vec![]) };
        self.journal.add(&Entry::Probe(probe.clone()))?;
        let changes = self.judge.probe(&probe);
        self.last = Some(probe);
        self.note(changes)
    }

    fn measured(&self, engine: &mut Engine, step: u64) -> Result<Option<Probe>> {
        self.prober.as_ref().map_or(Ok(None), |prober| prober.probe(engine, step))
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
        if self.judge.probed() != Some(step)
            && let Some(probe) = self.measured(engine, step)?
        {
            self.judge.probe(&probe);
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
            Entry::Left { .. } | Entry::Probe(_) => None,
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
