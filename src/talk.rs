//! What the program says beside its results, on stderr.

/// Like `eprintln!`, but a stderr that takes no more ends nothing: training goes on when nobody listens.
macro_rules! tell {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}
