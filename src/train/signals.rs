//! Ctrl-C, SIGTERM and a terminal that hangs up: the step is finished, the run saved, then the program leaves.

use crate::console::typed;
use crate::error::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Flags that the signals raise.
#[derive(Clone)]
pub struct Signals {
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
    hung_up: Arc<AtomicBool>,
}

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, or SIGHUP.
    Terminate,
}

impl Signals {
    /// Listens from the first call on; all callers see the same flags, so that a signal which comes between two trainings
    /// stops the second one at its first step. A second Ctrl-C or SIGTERM ends the program at once; not so SIGHUP, which a
    /// terminal that closes sends twice.
    ///
    /// # Errors
    /// When the operating system will not have it.
    pub fn listen() -> Result<Signals> {
        static HEARD: Mutex<Option<Signals>> = Mutex::new(None);
        let mut heard = HEARD.lock().expect("nobody panics while holding it");
        if let Some(signals) = &*heard {
            return Ok(signals.clone());
        }
        let [interrupted, terminated, hung_up] = std::array::from_fn(|_| Arc::default());
        let signals = Signals { interrupted, terminated, hung_up };
        let fail = |e| Error::Failure(format!("cannot listen for signals: {e}"));
        for (signal, raised, code) in
            [(SIGINT, &signals.interrupted, 130), (SIGTERM, &signals.terminated, 75)]
        {
            // The order matters: the shutdown looks at the flag before this signal raises it.
            flag::register_conditional_shutdown(signal, code, raised.clone())
                .and_then(|_| flag::register(signal, raised.clone()))
                .map_err(fail)?;
        }
        if !stays_when_hung_up() {
            flag::register(SIGHUP, signals.hung_up.clone()).map_err(fail)?;
        }
        *heard = Some(signals.clone());
        Ok(signals)
    }

    /// The signal that came, if one did.
    pub fn come(&self) -> Option<Signal> {
        let raised = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if raised(&self.terminated) || raised(&self.hung_up) {
            Some(Signal::Terminate)
        } else if raised(&self.interrupted) {
            Some(Signal::Interrupt)
        } else {
            None
        }
    }
}

/// A write past the shell's limit on the size of files (`ulimit -f`) then fails, and is told: the signal alone would end
/// the program without a word. Programs started from this one meet it as they always did.
///
/// # Errors
/// When the operating system will not have it.
pub fn outlive_file_limit() -> Result<()> {
    let heard = flag::register(SIGXFSZ, Arc::default());
    heard.map(drop).map_err(|e| Error::Failure(format!("cannot listen for signals: {e}")))
}

/// Whether whoever started this, such as nohup, had it ignore SIGHUP; told by Linux alone, elsewhere it is left as it is.
fn stays_when_hung_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}

impl Signal {
    /// The end of a run that was saved.
    pub fn stopped(self, step: u64, run: &Path) -> Error {
        self.ended(format!("saved at step {step}; go on with: gansaku train --resume {}", typed(run)))
    }

    /// The end of work that lies on the disk as far as it came, which `message` tells.
    pub fn ended(self, message: String) -> Error {
        match self {
            Signal::Interrupt => Error::Interrupted(message),
            Signal::Terminate => Error::Terminated(message),
        }
    }
}
