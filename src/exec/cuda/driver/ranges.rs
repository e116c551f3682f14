//! Named ranges for NVIDIA's profilers, through NVTX.

use crate::error::{Error, Result};
use cudarc::nvtx::{result, sys};
use std::sync::OnceLock;

/// Whether ranges reach a library that hands them to a profiler.
///
/// # Errors
/// When there is no such library; the message says where it comes from.
pub fn ready() -> Result<()> {
    static PRESENT: OnceLock<bool> = OnceLock::new();
    // SAFETY: loading NVIDIA's library runs its initialisers, which ask nothing of their caller.
    match PRESENT.get_or_init(|| unsafe { sys::is_culib_present() }) {
        true => Ok(()),
        false => Err(Error::Device(
            "--profile: no libnvToolsExt, through which profilers learn the names of ranges; CUDA 12.8 and older toolkits have \
             it, and so has pip install nvidia-nvtx-cu12==12.8.90: put its folder into LD_LIBRARY_PATH"
                .into(),
        )),
    }
}

/// Opens a range inside the one that this thread opened last.
///
/// # Errors
/// When [`ready`] fails.
pub fn open(name: &str) -> Result<()> {
    ready()?;
    // A range's name ends at its first NUL.
    result::range_push(name.replace('\0', " "));
    Ok(())
}

/// Closes the range that this thread opened last; without one, nothing.
pub fn close() {
    if ready().is_ok() {
        result::range_pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Machines have NVIDIA's library or not: with it ranges nest, without it they say where it comes from.
    #[test]
    fn ranges_open_and_close_or_say_what_is_missing() {
        match ready() {
            Ok(()) => {
                open("a phase").expect("a library");
                open("a launch\0of it").expect("a library");
                close();
                close();
            }
            Err(Error::Device(why)) => {
                assert!(why.contains("nvidia-nvtx-cu12"), "{why}");
                assert_eq!(open("a phase"), Err(Error::Device(why)));
                close();
            }
            Err(other) => panic!("{other}"),
        }
    }
}
