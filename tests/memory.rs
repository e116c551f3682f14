//! Memory stays flat: ten thousand steps take no more than the first ones did. Alone in its process.

mod common;

use common::{config, data};
use gansaku::exec::{Device, open};
use gansaku::train::Trainer;

/// Resident bytes of this process.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line of it");
    let kilobytes = line.trim().strip_suffix(" kB").and_then(|n| n.parse::<u64>().ok());
    kilobytes.expect("a number") << 10
}

#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_steps_take_no_memory() {
    let config = config("loss.relativistic = true\nloss.r1 = 0.5\nloss.r2 = 0.5");
    let mut trainer =
        Trainer::new(&config, &data(6, 3), open(Device::Cpu, 2).expect("threads")).expect("data that fit");
    (0..1_000).for_each(|_| trainer.step().expect("finite"));
    let before = resident();
    for _ in 0..10_000 {
        trainer.step().expect("finite");
    }
    let grown = resident().saturating_sub(before);
    println!("{grown} bytes in 10,000 steps");
    // A leak of one f32 a launch would be 2 MB.
    assert!(grown <= 512 << 10, "resident memory grew by {grown} bytes");
}
