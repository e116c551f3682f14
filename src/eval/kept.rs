//! Measurements of a run, in its folder: written anew with each of them, so that what ends the program ends no more than
//! the metric at hand.

use crate::error::{Error, Result};
use crate::pictures::Picture;
use crate::records::{Evaluation, Measurement};
use crate::run::{Folder, atomic, checkpoint};
use std::path::Path;

/// The files that measurements of one checkpoint go to.
pub struct Kept<'a> {
    json: Option<&'a Path>,
    /// The run's folder, where a run is measured.
    folder: Option<Folder>,
    /// What other calls left there.
    earlier: Option<Evaluation>,
    report: Evaluation,
}

impl Kept<'_> {
    /// `report` is [`super::compare::blank`]; `json` gets it too. Nothing is written before something is measured.
    ///
    /// # Errors
    /// When `json` or the run's own file is there and no report of measurements: such a file is never written over.
    pub fn open(json: Option<&Path>, report: Evaluation) -> Result<Kept<'_>> {
        if let Some(json) = json.filter(|json| json.exists()) {
            let own = Evaluation::read(json).map(drop);
            own.map_err(|e| Error::Usage(format!("--json would write over what is no measurements: {e}")))?;
        }
        let folder = checkpoint::run_of(&report.checkpoint).map(|path| Folder { path });
        // The run's own file keeps what is in it.
        let own = folder.as_ref().and_then(|folder| folder.eval_file().canonicalize().ok());
        let json = json.filter(|json| own.is_none() || json.canonicalize().ok() != own);
        let mut kept = Kept { json, folder, earlier: None, report };
        kept.read_earlier()?;
        Ok(kept)
    }

    fn read_earlier(&mut self) -> Result<()> {
        let file = self.folder.as_ref().map(Folder::eval_file).filter(|file| file.exists());
        let read = file.map(|file| Evaluation::read(&file)).transpose();
        self.earlier = read.map_err(|e| Error::Data(format!("{e}; move it away")))?;
        Ok(())
    }

    /// Writes one more measurement. A run's folder that cannot be written to is told and left alone.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn add(&mut self, measurement: Measurement) -> Result<()> {
        let write = |path: &Path, report: &Evaluation| {
            let json = serde_json::to_string_pretty(report).expect("names and numbers");
            atomic::write(path, format!("{json}\n").as_bytes())
        };
        let picture = measurement.picture.as_ref().map(Picture::png);
        let (metric, step) = (measurement.metric.clone(), measurement.step);
        self.report.measurements.push(measurement);
        let written = self.json.map_or(Ok(()), |path| write(path, &self.report));
        // Another program may have measured the run meanwhile. Somebody else's run need not be writable.
        let locked = self.folder.as_ref().map(Folder::lock_measurements).transpose();
        let Ok(_lock) = locked.map_err(|e| tell!("warning: {e}; the run's folder keeps no measurements"))
        else {
            self.folder = None;
            return written;
        };
        self.read_earlier()?;
        let Some(folder) = &self.folder else { return written };
        let later = |e: &Evaluation| e.measurements.iter().any(|m| m.metric == metric && m.step > step);
        if let Some(picture) = picture.filter(|_| !self.earlier.as_ref().is_some_and(later)) {
            atomic::write(&folder.theory_file(), &picture)?;
        }
        write(&folder.eval_file(), &with_earlier(self.report.clone(), self.earlier.clone()))?;
        written
    }

    /// What was measured now.
    pub fn report(&self) -> &Evaluation {
        &self.report
    }

    /// Tells where the measurements lie.
    pub fn told(&self) {
        let Some(file) = self.folder.as_ref().map(Folder::eval_file) else { return };
        tell!("in {} too; gansaku report brings it into the run's report", file.display());
    }
}

/// New measurements before earlier ones, where these are of the same data; it is named after the newest checkpoint.
fn with_earlier(report: Evaluation, earlier: Option<Evaluation>) -> Evaluation {
    let Some(mut all) = earlier.filter(|e| e.data_identity == report.data_identity) else { return report };
    all.add(report.measurements);
    // A run's folder may be called by another path today, and the best checkpoint of a step is that step's.
    let newest =
        if all.step > report.step { (all.checkpoint, all.step) } else { (report.checkpoint, report.step) };
    (all.checkpoint, all.step) = newest;
    Evaluation { recipe: report.recipe, data: report.data, held_out: report.held_out, ..all }
}
