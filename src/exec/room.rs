//! Whether the machine's memory holds a run, asked before any of it is taken: a system that lends more than it has ends
//! the program later, without a word.

use crate::error::{Error, Result};

/// Checks that `need` bytes are free for `device`; where the system does not say what is free, they are.
///
/// # Errors
/// When they are not.
pub fn check(device: &str, need: usize) -> Result<()> {
    match free() {
        Some(free) if need > free => Err(short(device, "memory", need, free)),
        _ => Ok(()),
    }
}

/// That `device` has too little of `memory` for a run; bytes.
pub fn short(device: &str, memory: &str, need: usize, free: usize) -> Error {
    Error::Device(format!(
        "{device}: this run needs {} MiB of {memory}, {} MiB are free; lower train.batch, make the networks smaller, or \
         free it of other programs",
        need.div_ceil(1 << 20),
        free >> 20
    ))
}

/// Bytes that programs can still have without swapping, as Linux estimates them.
fn free() -> Option<usize> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::available;

    #[test]
    fn reads_what_linux_says() {
        let text =
            "MemTotal:       24575612 kB\nMemFree:  1 kB\nMemAvailable:   24000123 kB\nBuffers: 0 kB\n";
        assert_eq!(available(text), Some(24_000_123 * 1024));
        assert_eq!(available("MemTotal: 5 kB\n"), None);
    }
}
