//! Every launch of a step by itself.

use super::ceilings::Ceilings;
use super::protocol::Protocol;
use super::shares::Share;
use super::spread::Spread;
use crate::error::Result;
use crate::exec::measured::Measured;
use serde::Serialize;
use std::time::Instant;

/// A launch of a plan that is run again and again on what lies in memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alone {
    /// The phase of the plan.
    pub phase: String,
    /// How often a step has it, on average.
    pub times_per_step: f64,
    /// The launch's number in the plan.
    pub number: usize,
    /// "matmul", "map", …; "end" for what a device launches to end a phase.
    pub kernel: &'static str,
    /// Lengths of the work, such as m, n, k; empty where there is no one shape.
    pub shape: Vec<usize>,
    /// What it computes.
    pub name: String,
    /// Kernel launches that it is made of.
    pub launches: usize,
    /// Microseconds.
    pub us: Spread,
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Time that its bytes and operations take at the ceilings, as a share of its median time.
    pub share_of_bound: f64,
}

/// Times every launch of the plans, rounds over all of them, so that drift hits all alike.
///
/// # Errors
/// When the device fails.
pub fn measure(
    measured: &mut dyn Measured,
    shares: &[Share],
    ceilings: &Ceilings,
    protocol: &Protocol,
) -> Result<Vec<Alone>> {
    let mut all = vec![];
    for plan in 0..shares.len() {
        for launch in 0..measured.launches(plan).len() {
            let times = protocol.limits.times(&mut |times| measured.repeat(plan, launch, times))?;
            // What a device prepares for so many times is no part of a round.
            measured.repeat(plan, launch, times)?;
            all.push((plan, launch, times, vec![]));
        }
    }
    for _ in 0..protocol.rounds {
        for (plan, launch, times, rounds) in &mut all {
            let begun = Instant::now();
            measured.repeat(*plan, *launch, *times)?;
            rounds.push(begun.elapsed().as_secs_f64() * 1e6 / *times as f64);
        }
    }
    let row = |(plan, launch, _, rounds): (usize, usize, usize, Vec<f64>)| {
        let launches = measured.launches(plan)[launch];
        told(&shares[plan], launch, launches, Spread::of(&rounds), ceilings)
    };
    Ok(all.into_iter().map(row).collect())
}

/// A launch of a plan, or the end of its phase, that took `us`.
fn told(share: &Share, number: usize, launches: usize, us: Spread, ceilings: &Ceilings) -> Alone {
    let launch = share.plan.launches.get(number);
    let cost = share.costs.get(number).copied().unwrap_or_default();
    Alone {
        phase: share.phase.clone(),
        times_per_step: share.times_per_step,
        number,
        kernel: launch.map_or("end", |l| l.work.kind()),
        shape: launch.map_or(vec![], |l| l.work.shape()),
        name: launch.map_or("statistics, the next step's numbers".into(), |l| l.name.clone()),
        launches,
        us,
        flops: cost.flops,
        bytes: cost.bytes,
        share_of_bound: ceilings.bound_us(cost) / us.median,
    }
}
