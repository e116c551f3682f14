//! What the program says beside its results, on stderr.

use indicatif::ProgressBar;
use std::fmt::Arguments;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The bar at the terminal's foot, if one is up.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Like `eprintln!`, but above the bar, and a stderr that takes no more ends nothing: training goes on when nobody
/// listens.
macro_rules! tell {
    ($($part:tt)*) => { crate::console::line(format_args!($($part)*)) };
}

/// A path as a shell takes it, in a command to be typed.
pub fn typed(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:,@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_would_take_them_apart() {
        for (path, command) in [
            ("runs/00000-digits", "runs/00000-digits"),
            ("runs/贋作", "runs/贋作"),
            ("runs/my run", "'runs/my run'"),
            ("it's", r"'it'\''s'"),
            ("~/$HOME", "'~/$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(typed(Path::new(path)), command);
        }
    }
}
