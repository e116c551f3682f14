//! What the device gives at best: memory traffic of a copy, arithmetic of a large matrix product.
//!
//! Both run on executors of their own, made of small plans, just as training's launches do.

use super::protocol::Limits;
use crate::error::Result;
use crate::exec::{Executor, ExecutorSpec, Opened, PhaseRun, Rate};
use crate::graph::Dist;
use crate::lower::cost::Cost;
use crate::lower::{Arg, Launch, Load, Map, Matmul, Place, Plan, Program, View, Work};
use crate::precision::Precision;
use serde::Serialize;
use std::time::{Duration, Instant};

/// The fastest that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ceilings {
    /// GFLOP/s of this program's own product of two square matrices, in the precision of the measured steps.
    pub product_gflops: f64,
    /// Rows and columns of the matrices it was reached with.
    pub product_size: usize,
    /// GB/s of a copy, bytes read and bytes written together.
    pub copy_gbytes_per_second: f64,
}

impl Ceilings {
    /// Microseconds below which no launch of this cost can come, if it moves its bytes to and from memory: the longer
    /// of moving its bytes and of its arithmetic.
    pub fn bound_us(&self, cost: Cost) -> f64 {
        let moving = cost.bytes as f64 / self.copy_gbytes_per_second;
        let arithmetic = cost.flops as f64 / self.product_gflops;
        // Numbers over billions a second are nanoseconds.
        moving.max(arithmetic) / 1e3
    }
}

/// Measures both, on executors that `open` gives.
///
/// # Errors
/// When the device fails or has too little memory.
pub fn measure(
    open: &dyn Fn() -> Result<Opened>,
    precision: Precision,
    limits: &Limits,
    rounds: u64,
) -> Result<Ceilings> {
    let (product_gflops, product_size) = product(open, precision, limits, rounds)?;
    let copy_gbytes_per_second = copy(open, limits, rounds)?;
    Ok(Ceilings { product_gflops, product_size, copy_gbytes_per_second })
}

/// GFLOP/s of the best size, and the size.
fn product(
    open: &dyn Fn() -> Result<Opened>,
    precision: Precision,
    limits: &Limits,
    rounds: u64,
) -> Result<(f64, usize)> {
    let (mut best, mut size_of_best) = (0.0, 0);
    for &size in limits.products {
        let plan = product_plan(size, precision);
        let last = plan.launches.len() - 1;
        let mut executor = executor(open, plan)?;
        let fastest = fastest(rounds, limits, &mut |times| executor.measured().repeat(0, last, times))?;
        let gflops = 2.0 * (size as f64).powi(3) / 1e9 / fastest.as_secs_f64();
        if gflops > best {
            (best, size_of_best) = (gflops, size);
        }
        // The next size takes some eight times as long.
        if fastest > limits.longest_product {
            break;
        }
    }
    Ok((best, size_of_best))
}

/// GB/s, read and written.
fn copy(open: &dyn Fn() -> Result<Opened>, limits: &Limits, rounds: u64) -> Result<f64> {
    let half = limits.copy_bytes / 4;
    // Memory that nobody has written may be no memory yet.
    let drawn = draw("copy", Place::Arena(0), half);
    let mut executor = executor(open, Plan { launches: vec![drawn], arena: 2 * half, ..Plan::default() })?;
    let mut bytes = 0;
    let fastest = fastest(rounds, limits, &mut |times| {
        bytes = executor.measured().copy(times)?;
        Ok(())
    })?;
    Ok(bytes as f64 / 1e9 / fastest.as_secs_f64())
}

/// The least time that `run(times)` took for one of its times, over rounds.
fn fastest(rounds: u64, limits: &Limits, run: &mut dyn FnMut(usize) -> Result<()>) -> Result<Duration> {
    let times = limits.times(run)?;
    let mut least = Duration::MAX;
    for _ in 0..rounds {
        let begun = Instant::now();
        run(times)?;
        least = least.min(begun.elapsed() / times as u32);
    }
    // A clock may stand still for so short a time.
    Ok(least.max(Duration::from_nanos(1)))
}

/// An executor of one plan, which has run once.
fn executor(open: &dyn Fn() -> Result<Opened>, plan: Plan) -> Result<Box<dyn Executor>> {
    let mut executor = open()?(ExecutorSpec::at_rest(vec![plan], vec![], vec![]))?;
    executor.run(&[PhaseRun::alone(0, 0, Rate::ALL_REST)])?;
    executor.records()?;
    Ok(executor)
}

/// Two random matrices, and their product.
fn product_plan(size: usize, precision: Precision) -> Plan {
    let count = size * size;
    let (a, b, out) = match precision.stored() {
        Some(_) => (Place::Narrow(0), Place::Narrow(count), Place::Arena(0)),
        None => (Place::Arena(0), Place::Arena(count), Place::Arena(2 * count)),
    };
    let matrix = |place| View::contiguous(place, &[size, size]);
    let product = Matmul {
        a: matrix(a),
        b: matrix(b),
        out: matrix(out),
        size: [size; 3],
        epilogue: vec![],
        column_sums: None,
        followers: vec![],
    };
    let product = Launch { name: "product".into(), work: Work::Matmul(product) };
    let narrow = if a.is_narrow() { 2 * count } else { 0 };
    Plan {
        launches: vec![draw("left", a, count), draw("right", b, count), product],
        precision,
        arena: 3 * count - narrow,
        narrow,
        ..Plan::default()
    }
}

/// Fills memory with uniform numbers; `name` makes them different. Zeros would cost a chip less than real numbers do.
fn draw(name: &str, to: Place, count: usize) -> Launch {
    let view = View::contiguous(to, &[count]);
    let stream = crate::rng::stream(name);
    let load = Load::Rand { stream, dist: Dist::Uniform, view: view.map(|_| ()) };
    let program = Program { loads: vec![load], instructions: vec![], results: vec![(Arg::Load(0), view)] };
    Launch { name: name.into(), work: Work::Map(Map { shape: vec![count], program }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_the_longer_of_moving_and_multiplying() {
        let ceilings = Ceilings { product_gflops: 100.0, product_size: 1, copy_gbytes_per_second: 20.0 };
        let bound = |flops, bytes| ceilings.bound_us(Cost { flops, bytes });
        assert_eq!(bound(1_000_000, 0), 10.0, "a million operations at 100 GFLOP/s");
        assert_eq!(bound(1_000_000, 1_000_000), 50.0, "a million bytes at 20 GB/s");
        assert_eq!(bound(0, 0), 0.0);
    }
}
