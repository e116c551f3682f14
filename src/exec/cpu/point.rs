//! Pointwise arithmetic on short vectors, compiled for several instruction sets and chosen at run time.
//!
//! Every function but [`softplus`], which calls the system's library, gives the same bits on each of them: rounding is
//! element by element, and nothing is contracted into fused multiply-adds unless written so.

use crate::graph::Dist;
use crate::lower::PointOp;
use crate::rng::{Draw, normal_pair, unit};
use multiversion::multiversion;

/// Elements a vector: registers and operands of one chunk stay in the first-level cache.
pub const CHUNK: usize = 512;

/// An operand: one number for all, or one each.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// One number everywhere.
    Splat(f32),
    /// Element by element; as long as the result.
    Slice(&'a [f32]),
}

/// to ← op(args), element by element.
pub fn apply(op: PointOp, args: [Source; 3], to: &mut [f32]) {
    match op {
        PointOp::Add => add(args[0], args[1], to),
        PointOp::Mul => mul(args[0], args[1], to),
        PointOp::Max => max(args[0], args[1], to),
        PointOp::Gt => gt(args[0], args[1], to),
        PointOp::Select => select(args[0], args[1], args[2], to),
        PointOp::Sqrt => unary(args[0], to, sqrt),
        PointOp::Recip => unary(args[0], to, recip),
        PointOp::Tanh => unary(args[0], to, tanh),
        PointOp::Sigmoid => unary(args[0], to, sigmoid),
        PointOp::Softplus => unary(args[0], to, softplus),
        PointOp::Exp => unary(args[0], to, exponential),
        PointOp::Log => unary(args[0], to, logarithm),
    }
}

macro_rules! binary {
    ($name:ident, |$a:ident, $b:ident| $body:expr) => {
        #[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
        fn $name(a: Source, b: Source, to: &mut [f32]) {
            let f = |$a: f32, $b: f32| -> f32 { $body };
            match (a, b) {
                (Source::Splat(a), Source::Splat(b)) => to.fill(f(a, b)),
                (Source::Splat(a), Source::Slice(b)) => to.iter_mut().zip(b).for_each(|(t, &b)| *t = f(a, b)),
                (Source::Slice(a), Source::Splat(b)) => to.iter_mut().zip(a).for_each(|(t, &a)| *t = f(a, b)),
                (Source::Slice(a), Source::Slice(b)) => {
                    to.iter_mut().zip(a).zip(b).for_each(|((t, &a), &b)| *t = f(a, b));
                }
            }
        }
    };
}

binary!(add, |a, b| a + b);
binary!(mul, |a, b| a * b);
binary!(max, |a, b| if a > b || a.is_nan() { a } else { b });
binary!(gt, |a, b| if a > b { 1.0 } else { 0.0 });

fn select(mask: Source, a: Source, b: Source, to: &mut [f32]) {
    match b {
        Source::Splat(b) => to.fill(b),
        Source::Slice(b) => to.copy_from_slice(b),
    }
    choose(mask, a, to);
}

/// to ← a where mask > 0.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn choose(mask: Source, a: Source, to: &mut [f32]) {
    match (mask, a) {
        (Source::Splat(m), _) if m <= 0.0 || m.is_nan() => {}
        (Source::Splat(_), Source::Splat(a)) => to.fill(a),
        (Source::Splat(_), Source::Slice(a)) => to.copy_from_slice(a),
        (Source::Slice(mask), Source::Splat(a)) => {
            to.iter_mut().zip(mask).for_each(|(t, &m)| *t = one_of(m > 0.0, a, *t));
        }
        (Source::Slice(mask), Source::Slice(a)) => {
            to.iter_mut().zip(mask).zip(a).for_each(|((t, &m), &a)| *t = one_of(m > 0.0, a, *t));
        }
    }
}

/// a where it `holds`, else b; by their bits, since the compiler makes a branch of a choice between two loads: a derivative's
/// gate, which nothing predicts, took ten times as long.
#[inline(always)]
fn one_of(holds: bool, a: f32, b: f32) -> f32 {
    let mask = u32::from(holds).wrapping_neg();
    f32::from_bits(a.to_bits() & mask | b.to_bits() & !mask)
}

fn unary(a: Source, to: &mut [f32], f: fn(&mut [f32])) {
    match a {
        Source::Splat(a) => to.fill(a),
        Source::Slice(a) => to.copy_from_slice(a),
    }
    f(to);
}

macro_rules! in_place {
    ($(#[$doc:meta])* $name:ident, |$x:ident| $body:expr) => {
        $(#[$doc])*
        #[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
        pub fn $name(x: &mut [f32]) {
            x.iter_mut().for_each(|x| {
                let $x = *x;
                *x = $body;
            });
        }
    };
}

in_place!(
    /// √x.
    sqrt, |x| x.sqrt()
);
in_place!(
    /// 1 / x.
    recip, |x| 1.0 / x
);
in_place!(
    /// max(x, 0); NaN stays.
    relu, |x| if x > 0.0 || x.is_nan() { x } else { 0.0 }
);
in_place!(
    /// 1 / (1 + e^−x), relative error below 4e-7.
    sigmoid, |x| 1.0 / (1.0 + exp(-x))
);
in_place!(
    /// tanh x, relative error below 6e-7.
    tanh, |x| {
        // Near 0 the quotient would cancel: an odd series instead.
        let e = exp(-2.0 * x.abs());
        let far = ((1.0 - e) / (1.0 + e)).copysign(x);
        let z = x * x;
        let near = x + x * z * (-0.333_333_34 + z * (0.133_333_33 + z * (-0.053_968_254 + z * 0.021_869_488)));
        if x.abs() < 0.2 { near } else { far }
    }
);

in_place!(
    /// e^x, relative error below 3e-7; overflows to ∞ and underflows to 0 where `f32` does.
    exponential, |x| exp(x)
);
in_place!(
    /// log x, relative error below 2e-7; −∞ at 0, NaN below.
    logarithm, |x| {
        // x = m·2ⁿ with √½ ≤ m < √2; a subnormal x is scaled up first.
        const ROOT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
        let small = x < f32::MIN_POSITIVE;
        let shifted = (if small { x * 8_388_608.0 } else { x }).to_bits().wrapping_sub(ROOT_HALF);
        let n = (shifted.cast_signed() >> 23) as f32 - if small { 23.0 } else { 0.0 };
        let r = f32::from_bits((shifted & 0x7f_ffff) + ROOT_HALF) - 1.0;
        let z = r * r;
        let p = 0.333_333_3
            + r * (-0.249_999_94
                + r * (0.200_007_14
                    + r * (-0.166_680_58
                        + r * (0.142_493_23
                            + r * (-0.124_201_41
                                + r * (0.116_769_984 + r * (-0.115_146_1 + r * 0.070_376_836)))))));
        let finite = r + (r * z * p - n * 2.121_944_4e-4 - 0.5 * z) + n * 0.693_359_4;
        if x > 0.0 {
            if x < f32::INFINITY { finite } else { x }
        } else if x == 0.0 {
            f32::NEG_INFINITY
        } else {
            f32::NAN
        }
    }
);

/// log(1 + e^x). Only logits pass here, so the library's accurate functions are quick enough.
pub fn softplus(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = if x.is_nan() { *x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() });
}

/// e^x, relative error below 3e-7; overflows to ∞ and underflows to 0 where `f32` does, NaN stays.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // x = n·ln 2 + r with |r| ≤ ln 2 / 2. Adding 1.5·2²³ rounds to the nearest integer, which then stands in the low
    // bits: read there, not converted, the loop around becomes vector code.
    const ROUND: f32 = 12_582_912.0;
    let integer = |rounded: f32| rounded.to_bits().wrapping_sub(ROUND.to_bits());
    // NaN stays through the clamp.
    let clamped = x.clamp(-104.0, 89.0);
    let rounded = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = clamped - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.0
        + r * (1.0
            + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_61 + r * (0.008_333_61 + r * 0.001_392)))));
    // 2ⁿ in two factors, so that results near the ends of the range do not wrap.
    let half = integer(n * 0.5 + ROUND);
    let rest = integer(rounded).wrapping_sub(half);
    let power = |e: u32| f32::from_bits(e.wrapping_add(127) << 23);
    p * power(half) * power(rest)
}

/// x ← x > 0 ? x : slope·x.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn leaky_relu(x: &mut [f32], slope: f32) {
    x.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { slope * *x });
}

/// x ← c·x.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn scale(x: &mut [f32], c: f32) {
    x.iter_mut().for_each(|x| *x *= c);
}

/// x ← x + y.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn accumulate(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, &y)| *x += y);
}

/// sums ← sums + each row of x, in their order; rows are as long as `sums`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn accumulate_rows(sums: &mut [f32], x: &[f32]) {
    const COLUMNS: usize = 64;
    let len = sums.len();
    // Sums of some columns stay in registers from row to row.
    let (some, rest) = sums.as_chunks_mut::<COLUMNS>();
    for (i, sums) in some.iter_mut().enumerate() {
        for row in x.chunks_exact(len) {
            let row: &[f32; COLUMNS] = row[i * COLUMNS..].first_chunk().expect("columns of a row");
            sums.iter_mut().zip(row).for_each(|(s, &x)| *s += x);
        }
    }
    let whole = some.len() * COLUMNS;
    if whole < len {
        for row in x.chunks_exact(len) {
            rest.iter_mut().zip(&row[whole..]).for_each(|(s, &x)| *s += x);
        }
    }
}

/// x ← y > 0 ? x : slope·x.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn leaky_relu_grad(x: &mut [f32], y: &[f32], slope: f32) {
    x.iter_mut().zip(y).for_each(|(x, &y)| *x = if y > 0.0 { *x } else { slope * *x });
}

/// x ← y > 0 ? x : 0.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn relu_grad(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, &y)| *x = if y > 0.0 { *x } else { 0.0 });
}

/// x ← x·(1 − y²).
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn tanh_grad(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, &y)| *x *= 1.0 - y * y);
}

/// x ← x·y·(1 − y).
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn sigmoid_grad(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, &y)| *x = *x * y * (1.0 - y));
}

/// x ← u > threshold ? scale·x : 0.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn dropout(x: &mut [f32], u: &[f32], threshold: f32, scale: f32) {
    x.iter_mut().zip(u).for_each(|(x, &u)| *x *= if u > threshold { scale } else { 0.0 });
}

/// lanes\[i % lanes\] ← lanes\[i % lanes\] + x\[i\]: a sum whose order no thread count changes.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
pub fn add_lanes(lanes: &mut [f32; LANES], x: &[f32]) {
    let (whole, rest) = x.as_chunks::<LANES>();
    for part in whole {
        lanes.iter_mut().zip(part).for_each(|(l, &x)| *l += x);
    }
    lanes.iter_mut().zip(rest).for_each(|(l, &x)| *l += x);
}

/// Partial sums that [`add_lanes`] keeps.
pub const LANES: usize = 16;

/// Elements `first ..` of a draw.
pub fn random(draw: &Draw, dist: Dist, first: usize, to: &mut [f32]) {
    // Blocks hold four elements; a start inside one is drawn by itself.
    let head = (first.next_multiple_of(4) - first).min(to.len());
    for (i, t) in to[..head].iter_mut().enumerate() {
        *t = dist.sample(draw, (first + i) as u64);
    }
    random_blocks(draw, dist, ((first + head) / 4) as u32, &mut to[head..]);
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
#[allow(clippy::needless_range_loop, reason = "lanes run across four arrays: this form becomes vector code")]
fn random_blocks(draw: &Draw, dist: Dist, first_block: u32, to: &mut [f32]) {
    const GROUP: usize = 16;
    let mut block = first_block;
    for out in to.chunks_mut(4 * GROUP) {
        let mut words = [[0u32; GROUP]; 4];
        for lane in 0..GROUP {
            let [a, b, c, d] = draw.words(block.wrapping_add(lane as u32));
            (words[0][lane], words[1][lane], words[2][lane], words[3][lane]) = (a, b, c, d);
        }
        block = block.wrapping_add(GROUP as u32);
        let mut values = [0f32; 4 * GROUP];
        match dist {
            Dist::Uniform => {
                for lane in 0..GROUP {
                    for word in 0..4 {
                        values[4 * lane + word] = unit(words[word][lane]);
                    }
                }
            }
            Dist::Normal => {
                for lane in 0..GROUP {
                    for pair in 0..2 {
                        let two = normal_pair(words[2 * pair][lane], words[2 * pair + 1][lane]);
                        values[4 * lane + 2 * pair..][..2].copy_from_slice(&two);
                    }
                }
            }
        }
        out.copy_from_slice(&values[..out.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    fn sweep() -> Vec<f32> {
        (-24_000..=24_000).map(|i| i as f32 * 0.005).collect()
    }

    fn worst(f: fn(&mut [f32]), exact: fn(f64) -> f64) -> f64 {
        worst_of(&sweep(), f, exact)
    }

    fn worst_of(x: &[f32], f: fn(&mut [f32]), exact: fn(f64) -> f64) -> f64 {
        let mut y = x.to_vec();
        f(&mut y);
        let error = |(&x, &y): (&f32, &f32)| {
            let e = exact(f64::from(x));
            if e.abs() < f64::from(f32::MIN_POSITIVE) {
                // Subnormal results may be flushed to 0.
                assert!(y.abs() <= f32::MIN_POSITIVE, "f({x}) = {y}");
                return 0.0;
            }
            (f64::from(y) - e).abs() / e.abs()
        };
        x.iter().zip(&y).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn transcendental_errors_are_as_documented() {
        let sigmoid_error = worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()));
        let tanh_error = worst(tanh, f64::tanh);
        let softplus_error = worst(softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p());
        println!("sigmoid {sigmoid_error:.1e} tanh {tanh_error:.1e} softplus {softplus_error:.1e}");
        assert!(sigmoid_error < 4e-7 && tanh_error < 6e-7 && softplus_error < 3e-7);
    }

    #[test]
    fn exponentials_and_logarithms_err_as_documented() {
        let below_overflow: Vec<f32> = sweep().into_iter().filter(|x| *x < 88.72).collect();
        let exp_error = worst_of(&below_overflow, exponential, f64::exp);
        // Every exponent, subnormal numbers too, and densely around 1, where the logarithm is nearly 0.
        let bits = (1..0x7f80_0000u32).step_by(40_009).map(f32::from_bits);
        let around_one = (0x3f00_0000..0x4000_0000u32).step_by(101).map(f32::from_bits);
        let log_error = worst_of(&bits.chain(around_one).collect::<Vec<_>>(), logarithm, f64::ln);
        println!("exp {exp_error:.1e} log {log_error:.1e}");
        assert!(exp_error < 3e-7 && log_error < 2e-7);
        let mut x = [0.0, -0.0, -1.0, f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 1.0];
        logarithm(&mut x);
        let nan = x.map(f32::is_nan);
        assert_eq!((&x[..2], x[4], x[6]), (&[f32::NEG_INFINITY; 2][..], f32::INFINITY, 0.0));
        assert_eq!(nan, [false, false, true, true, false, true, false]);
        let mut x = [f32::INFINITY, 89.0, f32::NEG_INFINITY, -104.0, 0.0];
        exponential(&mut x);
        assert_eq!(x, [f32::INFINITY, f32::INFINITY, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn non_finite_numbers_pass_through() {
        for f in [sigmoid, tanh, softplus, exponential, logarithm, sqrt, recip, relu] {
            let mut x = [f32::NAN];
            f(&mut x);
            assert!(x[0].is_nan());
        }
        let mut x = [f32::INFINITY, f32::NEG_INFINITY];
        sigmoid(&mut x);
        assert_eq!(x, [1.0, 0.0]);
        let mut out = [0.0; 2];
        let nan = [f32::NAN, 1.0];
        apply(PointOp::Max, [Source::Slice(&nan), Source::Splat(0.0), Source::Splat(0.0)], &mut out);
        assert!(out[0].is_nan() && out[1] == 1.0);
    }

    #[test]
    fn random_vectors_are_the_draws_elements() {
        let draw = Draw::new(5, stream("x"), 9);
        for dist in [Dist::Uniform, Dist::Normal] {
            for (first, len) in [(0, 1), (3, 200), (5, 2), (64, 512), (1021, 77)] {
                let mut got = vec![0.0; len];
                random(&draw, dist, first, &mut got);
                let want: Vec<f32> = (first..first + len).map(|i| dist.sample(&draw, i as u64)).collect();
                assert_eq!(got, want, "{dist:?} {first} {len}");
            }
        }
    }
}
