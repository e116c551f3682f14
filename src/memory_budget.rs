//! Whether the machine's memory holds a run, asked before any of it is taken: a system that lends more than it has ends
//! the program later, without a word.

use crate::error::{Error, Result};

/// What to do where a step's numbers take too much.
pub const OF_A_STEP: &str = "lower train.batch, make the networks smaller";
/// What to do where a made data set does.
pub const OF_MADE_DATA: &str = "lower data.count";
/// What to do where data that are read do.
pub const OF_READ_DATA: &str = "give fewer or smaller examples";
/// What to do where a network's do.
pub const OF_A_NETWORK: &str = "make the networks smaller";

/// Checks that `need` bytes are free for `device`, swap among them; where the system does not say what is free, they are.
///
/// # Errors
/// When they are not; `advice` is what to do then.
pub fn check(device: &str, need: usize, advice: &str) -> Result<()> {
    match free() {
        Some(free) if need > free => Err(short(device, "memory", need, free, advice)),
        _ => Ok(()),
    }
}

/// That `device` has too little of `memory` for a run; bytes.
pub fn short(device: &str, memory: &str, need: usize, free: usize, advice: &str) -> Error {
    Error::Device(format!(
        "{device}: this run needs {} MiB of {memory}, {} MiB are free; {advice}, or free it of other programs",
        need.div_ceil(1 << 20),
        free >> 20
    ))
}

/// Bytes that programs can still have, as Linux estimates them.
pub fn free() -> Option<usize> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<usize> {
    let kibibytes = |name: &str| -> Option<usize> {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some((kibibytes("MemAvailable:")? + kibibytes("SwapFree:").unwrap_or(0)) << 10)
}

#[cfg(test)]
mod tests {
    use super::available;

    #[test]
    fn reads_what_linux_says() {
        let text =
            "MemTotal:       24575612 kB\nMemFree:  1 kB\nMemAvailable:   24000123 kB\nSwapFree: 1000 kB\n";
        assert_eq!(available(text), Some(24_001_123 * 1024));
        assert_eq!(available("MemAvailable: 7 kB\n"), Some(7 * 1024));
        assert_eq!(available("MemTotal: 5 kB\n"), None);
    }
}
