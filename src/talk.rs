//! What the program says beside its results, on stderr.

use indicatif::ProgressBar;
use std::fmt::Arguments;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// The bar at the terminal's foot, if one is up.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Like `eprintln!`, but above the bar, and a stderr that takes no more ends nothing: training goes on when nobody
/// listens.
macro_rules! tell {
    ($($part:tt)*) => { crate::talk::line(format_args!($($part)*)) };
}

/// One line, or several.
pub fn line(text: Arguments) {
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner);
    let write = || drop(writeln!(std::io::stderr(), "{text}"));
    bar.as_ref().map_or_else(write, |bar| bar.suspend(write));
}

/// Lines go above `bar` from now on, or to the foot where there is none.
pub fn above(bar: Option<ProgressBar>) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}
