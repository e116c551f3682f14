//! Register tiles: the inner loops of convolutions, c = a · b or that much more than it was.
//!
//! A tile of `MR` rows × `NV` vectors of sums stays in registers over the whole reduction of a sweep: a step of it loads
//! `NV` vectors of b, broadcasts `MR` numbers of a and multiplies and adds `MR · NV` vectors. A's numbers are read where
//! they lie, at addresses that the sweep lists, and are never packed. 6 × 4 vectors of AVX-512 are 24 accumulators of 32
//! registers, and 24 multiply-adds for 10 loads; AVX2 has registers for 6 × 2. Instructions are chosen at run time, by
//! `pulp`, in which the `gemm` crate is written as well.
//!
//! The inner loops are `unsafe`: slices are checked once a sweep, then read through pointers.
#![allow(unsafe_code)]

use pulp::{Arch, Simd, WithSimd};
use std::array::from_fn;
use std::sync::LazyLock;

/// Columns that [`Factors::Dots`] takes at most.
pub const FEW: usize = 4;
/// Rows of c are padded to a multiple of this: of every tile's height.
pub const ROWS: usize = 24;
/// Elements behind the last row of b that [`Factors::Steps`] may read to fill a vector, and discards.
pub const SLACK: usize = 64;

/// Where a sweep finds the factors of each product.
#[derive(Debug, Clone, Copy)]
pub enum Factors<'a> {
    /// Row i of a begins at `starts[i]`. Behind it, each of `runs` is the offset of `len` contiguous terms. b is `[run, term,
    /// column]`.
    Rows { starts: &'a [usize], runs: &'a [usize], len: usize },
    /// [`Factors::Rows`] for at most [`FEW`] columns: vectors lie along the terms. b is `[run, column, term]`.
    Dots { starts: &'a [usize], runs: &'a [usize], len: usize },
    /// Every term is a column of a times a row of b, `[where in a, where in b]`; row i of the column lies `rows[i]` behind
    /// where it begins.
    Steps { steps: &'a [[usize; 2]], rows: &'a [usize] },
}

/// c = a · b, `[rows, columns]`, or c + a · b.
pub struct Sweep<'a> {
    /// Addresses in a and b.
    pub factors: Factors<'a>,
    /// First factor.
    pub a: &'a [f32],
    /// Second factor.
    pub b: &'a [f32],
    /// Sums, dense, with room for a multiple of [`ROWS`] rows.
    pub c: &'a mut [f32],
    /// Columns of b and c: 1 to 4 whole vectors, or 1 to [`FEW`] columns of dots.
    pub columns: usize,
    /// Whether c's numbers are added to.
    pub adds: bool,
}

/// Instructions of this machine.
static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

#[cfg(test)]
thread_local! {
    /// Instructions that a test takes on its thread instead of the machine's best.
    pub static CHOSEN: std::cell::Cell<Option<Arch>> = const { std::cell::Cell::new(None) };
}

/// Instructions that this thread takes.
pub fn arch() -> Arch {
    #[cfg(test)]
    if let Some(arch) = CHOSEN.get() {
        return arch;
    }
    *ARCH
}

/// Numbers of a vector.
pub fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    arch().dispatch(Lanes)
}

/// Numbers of the widest strip of columns: 4 vectors where there are 32 registers of 512 bits, else 2.
pub fn widest() -> usize {
    match lanes() {
        16 => 64,
        lanes => 2 * lanes,
    }
}

impl Sweep<'_> {
    /// Multiplies, on this thread.
    ///
    /// # Panics
    /// When a slice is shorter than what the factors address.
    pub fn run(self) {
        arch().dispatch(self);
    }

    /// Panics unless tiles of `height` rows stay inside the three slices.
    #[inline(always)]
    fn check(&self, height: usize) {
        let columns = self.columns;
        let most = |all: &[usize]| all.iter().max().copied().unwrap_or(0);
        let (a, b, rows) = match self.factors {
            Factors::Rows { starts, runs, len } | Factors::Dots { starts, runs, len } => {
                (most(starts) + most(runs) + len, runs.len() * len * columns, starts.len())
            }
            Factors::Steps { steps, rows } => {
                let ends = steps.iter().fold([0; 2], |m, s| [m[0].max(s[0]), m[1].max(s[1])]);
                match steps.is_empty() {
                    true => (0, 0, rows.len()),
                    false => (ends[0] + most(rows) + 1, ends[1] + columns, rows.len()),
                }
            }
        };
        let c = rows.next_multiple_of(height) * columns;
        let have = [self.a.len(), self.b.len(), self.c.len()];
        assert!(a <= have[0] && b <= have[1] && c <= have[2], "a sweep of {:?} in {have:?}", [a, b, c]);
    }
}

impl WithSimd for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.factors, self.columns.div_ceil(S::F32_LANES), S::F32_LANES) {
            (Factors::Dots { starts, runs, len }, ..) => match self.columns {
                1 => dots::<S, 1>(simd, self, starts, runs, len),
                2 => dots::<S, 2>(simd, self, starts, runs, len),
                3 => dots::<S, 3>(simd, self, starts, runs, len),
                _ => dots::<S, FEW>(simd, self, starts, runs, len),
            },
            (Factors::Steps { rows, .. }, 4, _) if rows.len() <= 4 => tiles::<S, 4, 4>(simd, self),
            (_, 1, _) => tiles::<S, 8, 1>(simd, self),
            // 27 rows, all taps of a 3×3 kernel over RGB, are five tiles of 6 or four of 8.
            (Factors::Steps { rows, .. }, 2, 16)
                if rows.len().next_multiple_of(6) < rows.len().next_multiple_of(8) =>
            {
                tiles::<S, 6, 2>(simd, self);
            }
            (_, 2, 16) => tiles::<S, 8, 2>(simd, self),
            (_, 2, _) => tiles::<S, 6, 2>(simd, self),
            (_, 3, _) => tiles::<S, 8, 3>(simd, self),
            _ => tiles::<S, 6, 4>(simd, self),
        }
    }
}

/// A sweep in tiles of MR rows × NV vectors.
#[inline(always)]
fn tiles<S: Simd, const MR: usize, const NV: usize>(simd: S, sweep: Sweep) {
    sweep.check(MR);
    let Sweep { factors, a, b, c, columns, adds } = sweep;
    assert_eq!(columns, NV * S::F32_LANES, "columns of a tile");
    match factors {
        Factors::Rows { starts, runs, len } => {
            for (starts, c) in starts.chunks(MR).zip(c.chunks_exact_mut(MR * columns)) {
                // A last tile that is not full repeats its last row.
                let rows: [usize; MR] = from_fn(|i| starts[i.min(starts.len() - 1)]);
                tile::<S, MR, NV>(simd, c, adds, |acc| {
                    let mut b = b.as_ptr();
                    for &run in runs {
                        // SAFETY: `check` has a hold `len` terms behind every start and run, and b a row of `columns` for
                        // each run and term, which these loops walk once.
                        unsafe {
                            let at: [*const f32; MR] = from_fn(|i| a.as_ptr().add(rows[i] + run));
                            for term in 0..len {
                                step::<S, MR, NV>(simd, acc, |i| *at[i].add(term), b);
                                b = b.add(columns);
                            }
                        }
                    }
                });
            }
        }
        Factors::Steps { steps, rows } => {
            for (rows, c) in rows.chunks(MR).zip(c.chunks_exact_mut(MR * columns)) {
                // A last tile that is not full repeats its last row.
                let at: [*const f32; MR] = from_fn(|i| a.as_ptr().wrapping_add(rows[i.min(rows.len() - 1)]));
                let neighbours = (0..MR).all(|i| at[i] == at[0].wrapping_add(i));
                tile::<S, MR, NV>(simd, c, adds, |acc| {
                    // SAFETY: `check` has a hold every row behind every step's place, and b `columns` numbers.
                    unsafe {
                        let b = b.as_ptr();
                        // One address for all rows is worth a twentieth.
                        if neighbours {
                            let step = |&[left, right]: &[usize; 2]| {
                                let at = at[0].add(left);
                                step::<S, MR, NV>(simd, acc, |i| *at.add(i), b.add(right));
                            };
                            steps.iter().for_each(step);
                        } else {
                            let step = |&[left, right]: &[usize; 2]| {
                                step::<S, MR, NV>(simd, acc, |i| *at[i].add(left), b.add(right));
                            };
                            steps.iter().for_each(step);
                        }
                    }
                });
            }
        }
        Factors::Dots { .. } => unreachable!("dots have no tiles"),
    }
}

/// One term of a tile's sums: MR numbers of a times NV vectors of b.
///
/// # Safety
/// NV vectors are behind b.
#[inline(always)]
unsafe fn step<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    acc: &mut [[S::f32s; NV]; MR],
    a: impl Fn(usize) -> f32,
    b: *const f32,
) {
    // SAFETY: the caller's argument.
    let b: [S::f32s; NV] = from_fn(|v| unsafe { vector::<S>(b.add(v * S::F32_LANES)) });
    for (i, acc) in acc.iter_mut().enumerate() {
        let a = simd.splat_f32s(a(i));
        for v in 0..NV {
            acc[v] = simd.mul_add_e_f32s(a, b[v], acc[v]);
        }
    }
}

/// Sums of MR rows × NV vectors in registers, from c through `body` to c.
#[inline(always)]
fn tile<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    c: &mut [f32],
    adds: bool,
    body: impl FnOnce(&mut [[S::f32s; NV]; MR]),
) {
    let (c, []) = S::as_mut_simd_f32s(c) else { unreachable!("a tile's columns are whole vectors") };
    let mut acc = [[simd.splat_f32s(0.0); NV]; MR];
    if adds {
        acc = from_fn(|i| from_fn(|v| c[i * NV + v]));
    }
    body(&mut acc);
    c.iter_mut().zip(acc.as_flattened()).for_each(|(c, &acc)| *c = acc);
}

/// A sweep of N columns, vectors along the terms: each sum is one vector until its last term.
#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, sweep: Sweep, starts: &[usize], runs: &[usize], len: usize) {
    const MR: usize = 4;
    sweep.check(MR);
    let Sweep { a, b, c, columns, adds, .. } = sweep;
    assert_eq!(columns, N, "columns of dots");
    let whole = len / S::F32_LANES * S::F32_LANES;
    let rest = simd.mask_between_m32s(0, (len - whole) as u32);
    for (starts, c) in starts.chunks(MR).zip(c.chunks_exact_mut(MR * N)) {
        let rows: [usize; MR] = from_fn(|i| starts[i.min(starts.len() - 1)]);
        let mut acc = [[simd.splat_f32s(0.0); N]; MR];
        for (run, &offset) in runs.iter().enumerate() {
            let left: [*const f32; MR] = from_fn(|i| a[rows[i] + offset..].as_ptr());
            let right: [*const f32; N] = from_fn(|n| b[(run * N + n) * len..].as_ptr());
            let mut add = |left: [S::f32s; MR], right: [S::f32s; N]| {
                for (acc, a) in acc.iter_mut().zip(left) {
                    for n in 0..N {
                        acc[n] = simd.mul_add_e_f32s(a, right[n], acc[n]);
                    }
                }
            };
            // SAFETY: `check` has a and b hold `len` terms behind every start and run; a masked load touches the terms that
            // are left and no more.
            unsafe {
                for term in (0..whole).step_by(S::F32_LANES) {
                    add(left.map(|at| vector::<S>(at.add(term))), right.map(|at| vector::<S>(at.add(term))));
                }
                if whole < len {
                    let load = |at: *const f32| simd.mask_load_ptr_f32s(rest, at.add(whole));
                    add(from_fn(|i| load(left[i])), from_fn(|n| load(right[n])));
                }
            }
        }
        for (c, &acc) in c.iter_mut().zip(acc.as_flattened()) {
            *c = if adds { *c } else { 0.0 } + simd.reduce_sum_f32s(acc);
        }
    }
}

/// The vector at an address, however it is aligned.
///
/// # Safety
/// The address is that of as many numbers as a vector has.
#[inline(always)]
pub unsafe fn vector<S: Simd>(at: *const f32) -> S::f32s {
    // SAFETY: the caller's argument; every bit pattern is a vector of f32.
    unsafe { at.cast::<S::f32s>().read_unaligned() }
}
