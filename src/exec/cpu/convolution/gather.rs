//! The result of a convolution, and its picture's gradient: blocks of positions times strips of packed weights.

use super::block::{Cut, Part, Picture, TASKS};
use super::scratch::{Scratch, with_launch_buffer, with_scratch};
use super::strips::{Strip, Strips};
use super::tile::{FEW, Factors, ROWS, Sweep, lanes};
use crate::exec::cpu::fetch::Stretch;
use crate::exec::cpu::launch::Launch;
use crate::exec::cpu::point::{self, CHUNK, Source};
use crate::lower::{Axis, Epilogue, View};
use crate::precision::round_tf32;

/// Terms of a sweep: so much of a strip of weights stays in the second-level cache from one tile to the next.
const DEPTH: usize = 1024;

/// out\[position, n\] = epilogue(Σ over taps and channels of picture\[.., channel\] · weights\[tap, channel, n\]).
pub struct Gather<'a> {
    /// What is summed over.
    pub picture: Picture<'a>,
    /// Gathers down and across that together make every position once.
    pub phases: Vec<[Axis; 2]>,
    /// The kernel.
    pub weights: Weights<'a>,
    /// Rows, height, width and channels of what comes out.
    pub result: [usize; 4],
    /// Where it goes, `[positions, n]`.
    pub out: &'a View,
    /// Applied in order.
    pub epilogue: &'a [Epilogue],
}

/// A kernel as a gather sees it.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub data: &'a [f32],
    /// From one row of taps, tap, channel of the picture and channel of the result to the next.
    pub strides: [usize; 4],
    /// Whether products see these numbers rounded to tf32.
    pub rounds: bool,
}

impl Weights<'_> {
    /// A phase's taps for a strip of columns: `[tap row, tap, channel, column]`, or `[tap row, column, tap, channel]` for dots.
    pub fn pack(
        &self,
        [down, across]: &[Axis; 2],
        channels: usize,
        strip: Strip,
        dots: bool,
        to: &mut [f32],
    ) {
        let [tap_row, tap, channel, column] = self.strides;
        let Strip { first, columns, wide } = strip;
        let (to_tap, to_channel, to_column) =
            if dots { (channels, 1, across.taps * channels) } else { (channels * wide, wide, 1) };
        if columns < wide {
            to.fill(0.0);
        }
        for (s, to) in to.chunks_exact_mut((across.taps * channels * wide).max(1)).enumerate() {
            for t in 0..across.taps {
                let from = &self.data[down.tap(s) * tap_row + across.tap(t) * tap + first * column..];
                let to = &mut to[t * to_tap..];
                if (column, to_column) == (1, 1) {
                    for r in 0..channels {
                        to[r * to_channel..][..columns].copy_from_slice(&from[r * channel..][..columns]);
                    }
                    continue;
                }
                // A transposition, 16 channels at a time: the lines written stay in the first-level cache.
                for some in (0..channels).step_by(16) {
                    for c in 0..columns {
                        for r in some..channels.min(some + 16) {
                            to[r * to_channel + c * to_column] = from[r * channel + c * column];
                        }
                    }
                }
            }
        }
        if self.rounds {
            to.iter_mut().for_each(|x| *x = round_tf32(*x));
        }
    }
}

/// What all tasks of a gather know.
struct Job<'a> {
    gather: &'a Gather<'a>,
    strips: Strips,
    /// Whether vectors lie along the terms.
    dots: bool,
    /// What all phases read.
    cover: [Axis; 2],
    /// Packed weights: by phase, by strip, see [`Weights::pack`].
    packed: &'a [f32],
}

impl Gather<'_> {
    /// Terms of a phase's sums.
    fn terms(&self, phase: usize) -> usize {
        let [down, across] = &self.phases[phase];
        down.taps * across.taps * self.picture.shape[3]
    }
}

impl Launch<'_> {
    /// Packs the weights, then makes every position.
    pub(super) fn gathered(&self, gather: &Gather) {
        let Gather { picture, phases, weights, result, .. } = gather;
        if result.contains(&0) {
            return;
        }
        if gather.fits_winograd() {
            return self.gathered_by_winograd(gather);
        }
        let (n, channels) = (result[3], picture.shape[3]);
        let dots = n <= FEW && phases.iter().all(|[_, across]| across.taps * channels >= lanes());
        let strips = if dots { Strips::of_dots(n) } else { Strips::of_vectors(n) };
        let terms: usize = (0..phases.len()).map(|phase| gather.terms(phase)).sum();
        let cover = [0, 1].map(|i| Axis::cover(&phases.iter().map(|phase| phase[i]).collect::<Vec<_>>()));
        // A gather of one phase keeps its stride.
        let cover = if let [phase] = phases[..] { phase } else { cover };
        with_launch_buffer(terms * strips.wide(), |packed| {
            let (mut rest, mut items) = (&mut *packed, vec![]);
            for (number, phase) in phases.iter().enumerate() {
                for strip in (0..strips.count()).map(|i| strips.strip(i)) {
                    let to = rest.split_off_mut(..gather.terms(number) * strip.wide).expect("summed above");
                    items.push((phase, strip, to));
                }
            }
            self.pool.run_on(items, |(phase, strip, to)| weights.pack(phase, channels, strip, dots, to));
            let job = Job { gather, strips, dots, cover, packed };
            let cut = Cut::new(result[0], &cover, channels);
            // Where blocks are few, tasks share a block's strips out among them.
            let together = strips.count().div_ceil(TASKS.div_ceil(cut.count()));
            let groups = strips.count().div_ceil(together);
            self.pool.run_numbered(cut.count() * groups, |task| {
                let group = task % groups * together;
                let group = group..strips.count().min(group + together);
                with_scratch(|scratch| self.gather_part(&job, &cut.part(task / groups), group, scratch));
            });
        });
    }

    /// Some strips of a part's positions, in all phases.
    fn gather_part(&self, job: &Job, part: &Part, group: std::ops::Range<usize>, scratch: &mut Scratch) {
        let Job { gather, cover, packed, strips, dots, .. } = job;
        let Scratch { block, tile, starts, .. } = scratch;
        let pitch = gather.picture.load(part, cover, block);
        let block = block.loaded();
        let mut phase_at = 0;
        for (number, phase) in gather.phases.iter().enumerate() {
            let [down, across] = phase;
            let rows = part.rows.start.min(down.count)..part.rows.end.min(down.count);
            let part = Part { rows, ..part.clone() };
            let offset = |i: usize| (phase[i].from - cover[i].from).max(0) as usize;
            let origin = offset(0) * pitch.row + offset(1) * pitch.pixel;
            starts.clear();
            part.starts(across, pitch, cover[0].pitch(), origin, starts);
            let runs: Vec<usize> = (0..down.taps).map(|q| q * pitch.row).collect();
            let len = across.taps * gather.picture.shape[3];
            for strip in group.clone() {
                let b = &packed[phase_at + gather.terms(number) * strip * strips.widest..];
                let strip = strips.strip(strip);
                let tile = tile.numbers((starts.len() + ROWS) * strip.wide);
                for (rows, taps) in part.stretches(down, gather.picture.shape[1]) {
                    let [from, to] = [rows.start, rows.end].map(|r| (r - part.rows.start) * part.row(across));
                    // Rows that fill a tile up are written anew by the next stretch.
                    let c = &mut tile[from * strip.wide..];
                    if taps.is_empty() || len == 0 {
                        c[..(to - from) * strip.wide].fill(0.0);
                        continue;
                    }
                    let starts = &starts[from..to];
                    let a_sweep = (DEPTH / len).max(1);
                    for (i, runs) in runs[taps.clone()].chunks(a_sweep).enumerate() {
                        let factors = match dots {
                            true => Factors::Dots { starts, runs, len },
                            false => Factors::Rows { starts, runs, len },
                        };
                        let b = &b[(taps.start + i * a_sweep) * len * strip.wide..];
                        Sweep { factors, a: block, b, c, columns: strip.wide, adds: i > 0 }.run();
                    }
                }
                self.store_strip(gather, phase, &part, strip, &mut tile[..starts.len() * strip.wide]);
            }
            phase_at += gather.terms(number) * strips.wide();
        }
    }

    /// Finishes a part's sums, `[positions, wide]`, and copies them to their pixels of the result.
    #[allow(unsafe_code)]
    pub(super) fn store_strip(
        &self,
        gather: &Gather,
        [down, across]: &[Axis; 2],
        part: &Part,
        strip: Strip,
        sums: &mut [f32],
    ) {
        let Gather { result: [_, height, width, n], out, epilogue, .. } = *gather;
        let rows = part.rows.clone().flat_map(|row| part.pictures.clone().map(move |p| (p, row)));
        let rows = rows.map(|(p, row)| (p * height + down.first + row * down.step) * width + across.first);
        let pixels = rows.clone().flat_map(|first| (0..across.count).map(move |t| first + t * across.step));
        for step in epilogue {
            self.finish_strip(step, sums, strip, pixels.clone());
        }
        if let Some(format) = self.shared.format(out.place) {
            sums.iter_mut().for_each(|x| *x = format.round(*x));
        }
        let one = gather.result[..3].iter().product::<usize>() == 1;
        let row_stride = if one { n } else { out.strides[0] as usize };
        // Neighbours in the sums may be neighbours in the result.
        let together = if across.step == 1 && row_stride == strip.wide { across.count } else { 1 };
        let copies =
            rows.flat_map(|first| (0..across.count / together).map(move |t| first + t * across.step));
        let columns = if together > 1 { together * strip.wide } else { strip.columns };
        for (pixel, sums) in copies.zip(sums.chunks_exact(together * strip.wide)) {
            let at = out.base as usize + pixel * row_stride + strip.first;
            // SAFETY: the plan keeps a launch's result apart from what it reads, and no two tasks have a pixel's strip.
            let values = unsafe { self.shared.write(out.place, at, columns) };
            values.copy_from_slice(&sums[..columns]);
        }
    }

    /// One epilogue step on a strip of sums, `[pixels, wide]`.
    fn finish_strip(
        &self,
        step: &Epilogue,
        sums: &mut [f32],
        strip: Strip,
        mut pixels: impl Iterator<Item = usize>,
    ) {
        let rows = |sums| <[f32]>::chunks_exact_mut(sums, strip.wide).map(|row| &mut row[..strip.columns]);
        match step {
            // Nothing is read: columns that fill vectors up may take part.
            Epilogue::Scale(_)
            | Epilogue::Relu
            | Epilogue::LeakyRelu(_)
            | Epilogue::Tanh
            | Epilogue::Sigmoid => self.finish(step, sums, [0, strip.first]),
            // A row for all pixels is found once.
            Epilogue::Bias(view) if view.strides[0] == 0 && strip.columns <= CHUNK => {
                let mut scratch = [0.0; CHUNK];
                let Some(row) = pixels.next() else { return };
                let stretch = Stretch { index: &[row], from: strip.first, len: strip.columns };
                match self.fetch_memory(view, stretch, &mut scratch) {
                    Source::Slice(bias) => rows(sums).for_each(|row| point::accumulate(row, bias)),
                    Source::Splat(bias) => sums.iter_mut().for_each(|x| *x += bias),
                }
            }
            _ => rows(sums).zip(pixels).for_each(|(row, pixel)| self.finish(step, row, [pixel, strip.first])),
        }
    }
}
