//! Which example comes next: an endless sequence of shuffled passes, any position of which can be asked for.
//!
//! Each pass is a permutation of [0, n) made by a Feistel network keyed by seed and pass, walking the cycle
//! until it lands inside (Black & Rogaway, "Ciphers with arbitrary finite domains", 2002). Nothing is stored,
//! so a resume needs only the position, and a device can compute its own.

use crate::rng::{philox, stream};

const ROUNDS: u32 = 6;

/// Bits of each of the two halves of a position, whose product reaches `n`.
pub fn half(n: usize) -> u32 {
    (u64::BITS - (n as u64 - 1).leading_zeros()).div_ceil(2).max(1)
}

/// What orders of this number differ by: the second word of their key is the seed's second word and this.
pub fn key(order: u8) -> u32 {
    match order {
        0 => stream("shuffle"),
        number => stream(&format!("shuffle/{number}")),
    }
}

/// The example at `position` of the sequence over `n` examples.
///
/// # Panics
/// When there are no examples.
pub fn at(seed: u64, n: usize, position: u64) -> usize {
    at_in(0, seed, n, position)
}

/// [`at`] in an order of another number.
///
/// # Panics
/// When there are no examples.
pub fn at_in(order: u8, seed: u64, n: usize, position: u64) -> usize {
    assert!(n > 0, "no examples to shuffle");
    let (pass, mut at) = (position / n as u64, position % n as u64);
    let half = half(n);
    let mask = (1u64 << half) - 1;
    let key = [seed as u32, (seed >> 32) as u32 ^ key(order)];
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..ROUNDS {
            let word = philox([right as u32, round, pass as u32, (pass >> 32) as u32], key)[0];
            (left, right) = (right, left ^ (u64::from(word) & mask));
        }
        at = left << half | right;
        if at < n as u64 {
            return at as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pass_is_a_permutation_of_its_own() {
        for n in [1, 2, 3, 100, 257] {
            let pass = |p: u64| -> Vec<usize> { (0..n as u64).map(|i| at(9, n, p * n as u64 + i)).collect() };
            for p in 0..3 {
                let mut sorted = pass(p);
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>(), "pass {p} of {n}");
            }
            assert!(n < 100 || pass(0) != pass(1), "passes differ");
        }
    }

    #[test]
    fn orders_are_unrelated() {
        let of = |order| (0..1_000).map(|i| at_in(order, 5, 1_000, i)).collect::<Vec<_>>();
        let same = of(0).iter().zip(&of(1)).filter(|(a, b)| a == b).count();
        // One is expected.
        assert!(same < 9, "{same} of 1,000 places hold the same example");
    }

    #[test]
    fn neighbours_are_unrelated() {
        let n = 10_000;
        let ascents = (1..n as u64).filter(|&i| at(1, n, i) > at(1, n, i - 1)).count();
        // Half of the steps of a random permutation go up: sd √(n/12) = 29.
        assert!((ascents as i64 - 5_000).abs() < 150, "{ascents} ascents");
    }
}
