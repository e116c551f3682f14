//! How fast this machine's products are, in milliseconds.

use super::memory::matmul_transposed;
use super::pool::Pool;
use std::time::Instant;

/// Side of the matrices: three of them fit the second-level cache.
const SIDE: usize = 256;
/// Products that each thread makes; the fastest counts.
const ROUNDS: usize = 5;

/// GFLOP/s of products on all threads of a pool at once.
pub(super) fn pace(pool: &Pool) -> f64 {
    let operand = vec![0.5f32; SIDE * SIDE];
    let flops = 2.0 * (SIDE * SIDE * SIDE * pool.threads()) as f64;
    let round = || {
        let begun = Instant::now();
        pool.enter(|| {
            pool.run_numbered(pool.threads(), |_| {
                let mut product = vec![0.0; SIDE * SIDE];
                matmul_transposed(&mut product, &operand, &operand, [SIDE; 3]);
            });
        });
        begun.elapsed().as_secs_f64().max(1e-9)
    };
    let fastest = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    flops / fastest / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_take_some_time() {
        assert!((1e-3..1e5).contains(&pace(&Pool::single())));
    }
}
