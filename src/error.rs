//! The one error type of the program, and what each kind means to the shell.
//!
//! Every message says what happened, where (file, byte offset, key, node), what was expected, and
//! what to do next. It never ends in a full stop so that `error: …` lines read alike.

use std::path::Path;

/// What went wrong, by the family that decides the exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something outside our families failed: a full disk, a closed pipe.
    #[error("{0}")]
    Failure(String),
    /// A flag, key or value that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A data set that is missing, damaged or unfit.
    #[error("{0}")]
    Data(String),
    /// A checkpoint that is missing, damaged or of another model.
    #[error("{0}")]
    Checkpoint(String),
    /// A device that is absent or failing.
    #[error("{0}")]
    Device(String),
    /// A NaN or an infinity: in training at `step`, or in what a generator of that step makes.
    #[error("step {step}: {why}")]
    Diverged {
        /// Steps done, that one included.
        step: u64,
        /// What is not finite.
        why: String,
    },
    /// SIGTERM or SIGHUP came; the run was saved and can be resumed.
    #[error("{0}")]
    Terminated(String),
    /// Ctrl-C came; the run was saved and can be resumed.
    #[error("{0}")]
    Interrupted(String),
}

/// The result of everything that can fail for a reason a user can act on.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The process exit code: 1 failure, 2 usage, 3 data, 4 checkpoint, 5 device, 6 diverged,
    /// 75 stopped by SIGTERM or SIGHUP after saving, 130 stopped by Ctrl-C after saving.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Failure(_) => 1,
            Error::Usage(_) => 2,
            Error::Data(_) => 3,
            Error::Checkpoint(_) => 4,
            Error::Device(_) => 5,
            Error::Diverged { .. } => 6,
            Error::Terminated(_) => 75,
            Error::Interrupted(_) => 130,
        }
    }

    /// A failed operation of the operating system on `path`: "cannot WHAT PATH: reason".
    pub fn io(what: &str, path: &Path, source: &std::io::Error) -> Error {
        let advice = match source.kind() {
            std::io::ErrorKind::StorageFull => "; free some space",
            std::io::ErrorKind::PermissionDenied => "; check the permissions of the path",
            std::io::ErrorKind::FileTooLarge => "; ulimit -f says how large a file may become",
            _ => "",
        };
        Error::Failure(format!("cannot {what} {}: {source}{advice}", path.display()))
    }
}
