//! Winograd's F(2×2, 3×3) (1509.09308): 3×3 windows one pixel apart, by 16 products where there were 36.
//!
//! A tile of 2×2 results reads 4×4 pixels. Y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A: each of the 16 places of the transformed tile is a
//! product `[tiles, channels] · [channels, n]` of its own, on the same blocks and in the same register tiles as other gathers.
//! Errors are bounded by the magnitudes of the transformed tile, not of a result's window: what is not finite reaches results
//! up to one pixel outside its window.
#![allow(unsafe_code)]

use super::block::{Cut, Part, Pitch, TASKS};
use super::gather::Gather;
use super::scratch::{Scratch, with_launch_buffer, with_scratch};
use super::strips::{Strip, Strips};
use super::tile::{FEW, Factors, ROWS, Sweep, arch, lanes, vector};
use crate::exec::cpu::launch::Launch;
use crate::lower::Axis;
use pulp::{Simd, WithSimd};
use std::array::from_fn;
use std::ops::Range;

/// Tiles of a part: their transformed pixels and products share the second-level cache with a strip of weights.
const TILES: usize = 48;
/// Channels, of either side, from which on the transformations cost less than the products that they save.
const CHANNELS: usize = 32;
/// Tiles of a launch from which on they fill the tasks.
const LEAST: usize = 512;
/// Where a result outside the picture would lie.
const OUTSIDE: usize = usize::MAX;

/// What all tasks know.
struct Job<'a> {
    gather: &'a Gather<'a>,
    strips: Strips,
    /// Tiles down and across: results of 4 taps, two pixels apart.
    axes: [Axis; 2],
    /// Transformed weights, by strip: `[place, channel, wide]`.
    weights: &'a [f32],
}

impl Gather<'_> {
    /// Whether this way is taken: it depends on the shape alone.
    pub fn fits_winograd(&self) -> bool {
        let ([rows, height, width, n], channels) = (self.result, self.picture.shape[3]);
        let tiles = rows * height.div_ceil(2) * width.div_ceil(2);
        let near = |axis: &Axis| axis.stride == 1 && axis.step == 1 && axis.taps == 3 && axis.from == -1;
        matches!(&self.phases[..], [phase] if phase.iter().all(near))
            && !self.picture.rounds
            && channels >= CHANNELS
            && n >= CHANNELS.max(FEW)
            && tiles >= LEAST
    }
}

impl Launch<'_> {
    /// Transforms the weights, then makes every tile.
    pub(super) fn gathered_by_winograd(&self, gather: &Gather) {
        let Gather { picture, phases, weights, result, .. } = gather;
        let ([rows, height, width, n], channels) = (*result, picture.shape[3]);
        let strips = Strips::of_vectors(n);
        let tiles = |count: usize, axis: Axis| Axis { count: count.div_ceil(2), stride: 2, taps: 4, ..axis };
        let axes = [tiles(height, phases[0][0]), tiles(width, phases[0][1])];
        with_launch_buffer((9 + 16) * channels * strips.wide(), |buffer| {
            let (packed, transformed) = buffer.split_at_mut(9 * channels * strips.wide());
            let a_strip = channels * strips.widest;
            let items = packed.chunks_mut(9 * a_strip).zip(transformed.chunks_mut(16 * a_strip)).enumerate();
            self.pool.run_on(items.collect(), |(strip, (packed, to))| {
                weights.pack(&phases[0], channels, strips.strip(strip), false, packed);
                arch().dispatch(Weights { packed, to });
            });
            let job = Job { gather, strips, axes, weights: transformed };
            let cut = Cut::of_positions(rows, &axes, channels, TILES);
            let together = strips.count().div_ceil(TASKS.div_ceil(cut.count()));
            let groups = strips.count().div_ceil(together);
            self.pool.run_numbered(cut.count() * groups, |task| {
                let group = task % groups * together;
                let group = group..strips.count().min(group + together);
                with_scratch(|scratch| self.winograd_part(&job, &cut.part(task / groups), group, scratch));
            });
        });
    }

    /// Some strips of a part's tiles.
    fn winograd_part(&self, job: &Job, part: &Part, group: Range<usize>, scratch: &mut Scratch) {
        let Job { gather, strips, axes, weights } = job;
        let Scratch { block, tile, right, products, starts, places, .. } = scratch;
        let [_, height, width, _] = gather.result;
        let channels = gather.picture.shape[3];
        let pitch = gather.picture.load(part, axes, block);
        starts.clear();
        part.starts(&axes[1], pitch, axes[0].pitch(), 0, starts);
        // Transformed pixels, `[place, tile, channels in whole vectors]`.
        let (tiles, whole) = (starts.len(), channels.next_multiple_of(lanes()));
        let pixels = right.numbers(16 * tiles * whole);
        arch().dispatch(Pixels { block: block.loaded(), starts, pitch, channels: whole, to: pixels });
        let rows = Part { rows: 2 * part.rows.start..height.min(2 * part.rows.end), ..part.clone() };
        list_places(&rows, axes[1].count, width, places);
        starts.clear();
        starts.extend((0..tiles).map(|t| t * whole));
        let tall = tiles.next_multiple_of(ROWS);
        for strip in group.map(|i| strips.strip(i)) {
            let Strip { first, wide, .. } = strip;
            let products = products.numbers(16 * tall * wide);
            for place in 0..16 {
                let b = &weights[16 * channels * first + place * channels * wide..];
                let factors = Factors::Rows { starts, runs: &[0], len: channels };
                let a = &pixels[place * tiles * whole..];
                let c = &mut products[place * tall * wide..];
                Sweep { factors, a, b, c, columns: wide, adds: false }.run();
            }
            let sums = tile.numbers(rows.size().iter().product::<usize>() * width * wide);
            arch().dispatch(Results { products, tall, wide, places, to: sums });
            self.store_strip(gather, &gather.phases[0], &rows, strip, sums);
        }
    }
}

/// Where each tile's 2×2 results lie in a part's sums: rows, in each the pictures', in each all columns.
fn list_places(part: &Part, across: usize, width: usize, places: &mut Vec<[usize; 4]>) {
    let [pictures, rows] = part.size();
    let place = |row: usize, picture: usize, column: usize| {
        if row < rows && column < width { (row * pictures + picture) * width + column } else { OUTSIDE }
    };
    places.clear();
    for row in (0..rows).step_by(2) {
        for (picture, t) in (0..pictures).flat_map(|picture| (0..across).map(move |t| (picture, 2 * t))) {
            places.push(from_fn(|i| place(row + i / 2, picture, t + i % 2)));
        }
    }
}

/// Writes a vector where it is, however it is aligned.
///
/// # Safety
/// A whole vector of numbers is there, this task's.
#[inline(always)]
unsafe fn store<S: Simd>(at: *mut f32, value: S::f32s) {
    // SAFETY: the caller's argument.
    unsafe { at.cast::<S::f32s>().write_unaligned(value) }
}

/// G w Gᵀ: `[tap row, tap, channel · column]` to `[place, channel · column]`.
struct Weights<'a> {
    packed: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for Weights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let len = self.packed.len() / 9;
        assert!(len.is_multiple_of(S::F32_LANES) && self.to.len() == 16 * len, "weights of whole vectors");
        let (from, to) = (self.packed.as_ptr(), self.to.as_mut_ptr());
        let (add, half) = (|a, b| simd.add_f32s(a, b), simd.splat_f32s(0.5));
        let turn = |[a, b, c]: [S::f32s; 3]| {
            let (sum, b) = (simd.mul_f32s(half, add(a, c)), simd.mul_f32s(half, b));
            [a, add(sum, b), simd.sub_f32s(sum, b), c]
        };
        for at in (0..len).step_by(S::F32_LANES) {
            // SAFETY: both slices hold whole vectors up to `len` at each tap and place.
            unsafe {
                let tap = |i: usize, j: usize| vector::<S>(from.add((i * 3 + j) * len + at));
                let down: [[S::f32s; 4]; 3] = from_fn(|j| turn(from_fn(|i| tap(i, j))));
                let across: [[S::f32s; 4]; 4] = from_fn(|i| turn(from_fn(|j| down[j][i])));
                for (place, &number) in across.iter().flatten().enumerate() {
                    store::<S>(to.add(place * len + at), number);
                }
            }
        }
    }
}

/// Bᵀ x B: 4×4 pixels of a block from each of `starts` on, to `[place, tile, channel]`.
struct Pixels<'a> {
    block: &'a [f32],
    starts: &'a [usize],
    pitch: Pitch,
    /// Whole vectors of channels; what lies behind the last is transformed with them and read by nobody.
    channels: usize,
    to: &'a mut [f32],
}

impl WithSimd for Pixels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pixels { block, starts, pitch, channels, to } = self;
        let reach = 3 * (pitch.row + pitch.pixel) + channels;
        let inside = starts.iter().all(|start| start + reach <= block.len());
        let place = starts.len() * channels;
        assert!(inside && channels.is_multiple_of(S::F32_LANES) && to.len() == 16 * place, "pixels of tiles");
        let (add, sub) = (|a, b| simd.add_f32s(a, b), |a, b| simd.sub_f32s(a, b));
        let turn =
            |[a, b, c, d]: [S::f32s; 4]| -> [S::f32s; 4] { [sub(a, c), add(b, c), sub(c, b), sub(b, d)] };
        for (tile, start) in starts.iter().enumerate() {
            for channel in (0..channels).step_by(S::F32_LANES) {
                // SAFETY: the block holds `channels` numbers at each of 4×4 pixels behind every start, `to` at each place of
                // every tile.
                unsafe {
                    let from = block.as_ptr().add(start + channel);
                    let to = to.as_mut_ptr().add(tile * channels + channel);
                    let pixel = |i: usize, j: usize| vector::<S>(from.add(i * pitch.row + j * pitch.pixel));
                    let down: [[S::f32s; 4]; 4] = from_fn(|j| turn(from_fn(|i| pixel(i, j))));
                    let across: [[S::f32s; 4]; 4] = from_fn(|i| turn(from_fn(|j| down[j][i])));
                    for (at, &number) in across.iter().flatten().enumerate() {
                        store::<S>(to.add(at * place), number);
                    }
                }
            }
        }
    }
}

/// Aᵀ m A: `[place, tall, wide]` to the 2×2 results of each tile, `[position, wide]`.
struct Results<'a> {
    products: &'a [f32],
    tall: usize,
    wide: usize,
    /// Positions of each tile's results.
    places: &'a [[usize; 4]],
    to: &'a mut [f32],
}

impl WithSimd for Results<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Results { products, tall, wide, places, to } = self;
        let fits = places.len() <= tall && products.len() >= 16 * tall * wide;
        assert!(fits && wide.is_multiple_of(S::F32_LANES), "products of tiles");
        let turn = |[a, b, c, d]: [S::f32s; 4]| {
            [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
        };
        for (tile, places) in places.iter().enumerate() {
            for column in (0..wide).step_by(S::F32_LANES) {
                // SAFETY: the products hold `wide` numbers of every tile at each place.
                let down: [[S::f32s; 2]; 4] = unsafe {
                    let from = products.as_ptr().add(tile * wide + column);
                    let product = |i: usize, j: usize| vector::<S>(from.add((i * 4 + j) * tall * wide));
                    from_fn(|j| turn(from_fn(|i| product(i, j))))
                };
                for i in 0..2 {
                    let across = turn(from_fn(|j| down[j][i]));
                    for (value, &place) in across.into_iter().zip(&places[2 * i..]) {
                        if place != OUTSIDE {
                            let to = &mut to[place * wide + column..][..S::F32_LANES];
                            // SAFETY: as many numbers as a vector has, borrowed.
                            unsafe { store::<S>(to.as_mut_ptr(), value) };
                        }
                    }
                }
            }
        }
    }
}
