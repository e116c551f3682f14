//! `verdict.json`: the doctor's last word on a run, kept for whoever asks later without looking again.

use crate::error::{Error, Result};
use crate::records::Diagnosis;
use crate::run::{Folder, atomic};

/// Keeps a word.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(folder: &Folder, word: &Diagnosis) -> Result<()> {
    let text = serde_json::to_string_pretty(word).expect("names and numbers");
    atomic::write(&folder.verdict_file(), (text + "\n").as_bytes())
}

/// Drops a word on a later step than training goes on from: those steps are done anew.
///
/// # Errors
/// When the file cannot be removed.
pub fn drop_after(folder: &Folder, step: u64) -> Result<()> {
    let file = folder.verdict_file();
    match kept(folder) {
        Some(word) if word.step > step => {
            std::fs::remove_file(&file).map_err(|e| Error::io("remove", &file, &e))
        }
        _ => Ok(()),
    }
}

/// The word to go by: the kept one, unless training wrote more since, or failed.
pub fn newest(folder: &Folder, recorded: Diagnosis) -> Diagnosis {
    let failed = recorded.verdicts.iter().any(|v| v.state.ends_training());
    kept(folder).filter(|kept| !failed && kept.step >= recorded.step).unwrap_or(recorded)
}

fn kept(folder: &Folder) -> Option<Diagnosis> {
    serde_json::from_slice(&std::fs::read(folder.verdict_file()).ok()?).ok()
}
