//! A kernel's gradient: blocks of a picture, turned, times y, summed over the positions.

use super::block::{BLOCK, Cut, Part, Picture, Pitch, TASKS};
use super::scratch::{Buffer, Scratch, with_launch_buffer, with_scratch};
use super::strips::{Strip, Strips};
use super::tile::{FEW, Factors, ROWS, Sweep};
use crate::exec::cpu::launch::Launch;
use crate::lower::{Axis, Convolution, View};
use crate::precision::round_tf32;
use std::ops::Range;

/// Rows of a kernel's gradient that one task adds up and finishes.
const FINISHED: usize = 64;

/// Rows of a tap row's gradient, at most, with which one sweep sums all rows of taps: fewer would leave most tiles part empty.
const SHORT: usize = 32;

/// How a kernel's gradient is cut. A task sums some bands of tap rows × some strips of columns × a slice of the positions in
/// tiles `[strip, band, height, widest]`, which stay in the second-level cache; slices are added up in their order.
struct Job<'a> {
    picture: Picture<'a>,
    /// y, `[positions, n]`, and the elements from one position to the next.
    y: (&'a [f32], usize),
    axes: [Axis; 2],
    /// Positions, height and width of them.
    positions: [usize; 2],
    /// Channels of y.
    outputs: usize,
    /// Rows of a tap row's gradient: taps across × channels of x.
    tap_row: usize,
    /// Whether tiles are `[channel of y, tap and channel of x]`, vectors along the latter: y has few channels.
    turned: bool,
    strips: Strips,
    /// Rows of taps of a band, which a sweep sums into a tile: all where x has few channels, else one.
    band: usize,
    /// Rows of a tile, with those that fill it up.
    height: usize,
    /// Bands and strips of a task.
    together: [usize; 2],
    cut: Cut,
    /// Parts of a slice of the positions.
    slice: usize,
    rounds: bool,
}

impl<'a> Job<'a> {
    fn new(picture: Picture<'a>, y: (&'a [f32], usize), c: &Convolution, rounds: bool) -> Job<'a> {
        let axes = [0, 1].map(|axis| Axis::forward(&c.window, axis, c.y[1 + axis]));
        let (tap_row, outputs) = (axes[1].taps * c.x[3], c.y[3]);
        let turned = outputs <= FEW && tap_row > outputs;
        let band = if !turned && tap_row <= SHORT { axes[0].taps } else { 1 };
        let (columns, rows) = if turned { (tap_row, outputs) } else { (outputs, band * tap_row) };
        let (strips, height) = (Strips::of_vectors(columns), rows.next_multiple_of(ROWS));
        // Half of the cache for sums, half for what they are made of.
        let tiles = (BLOCK / 2 / (height * strips.widest).max(1)).max(1);
        let bands = tiles.min(axes[0].taps / band).max(1);
        let together = [bands, (tiles / bands).clamp(1, strips.count().div_ceil(TASKS).max(1))];
        let cut = Cut::new(c.x[0], &[Axis { taps: bands * band, ..axes[0] }, axes[1]], c.x[3]);
        let mut job = Job {
            picture,
            y,
            axes,
            positions: [c.y[1], c.y[2]],
            outputs,
            tap_row,
            turned,
            strips,
            band,
            height,
            together,
            cut,
            slice: 1,
            rounds,
        };
        let [down, across] = job.groups();
        job.slice = cut.count().div_ceil(TASKS.div_ceil((down * across).max(1))).max(1);
        job
    }

    fn bands(&self) -> usize {
        self.axes[0].taps / self.band
    }

    /// Groups of bands, and of strips.
    fn groups(&self) -> [usize; 2] {
        [self.bands().div_ceil(self.together[0]), self.strips.count().div_ceil(self.together[1])]
    }

    fn slices(&self) -> usize {
        self.cut.count().div_ceil(self.slice)
    }

    /// Numbers of a tile, and of a task's tiles.
    fn sizes(&self) -> [usize; 2] {
        let tile = self.height * self.strips.widest;
        [tile, tile * self.together[0] * self.together[1]]
    }

    /// A task's sums, into its tiles.
    fn sum(&self, task: usize, tiles: &mut [f32], scratch: &mut Scratch) {
        let [down, groups] = self.groups();
        let tap = task / groups % down * self.together[0] * self.band;
        let axes = [
            Axis {
                from: self.axes[0].from + tap as isize,
                taps: (self.together[0] * self.band).min(self.axes[0].taps - tap),
                ..self.axes[0]
            },
            self.axes[1],
        ];
        let strips = task % groups * self.together[1];
        let strips = strips..self.strips.count().min(strips + self.together[1]);
        let slice = task / groups / down * self.slice;
        let mut before = None;
        for number in slice..self.cut.count().min(slice + self.slice) {
            let part = self.cut.part(number);
            self.sum_part(&part, before.as_ref(), &axes, strips.clone(), tiles, scratch);
            before = Some(part);
        }
    }

    /// A part's terms, for some bands and some strips; added to those of the part `before`.
    fn sum_part(
        &self,
        part: &Part,
        before: Option<&Part>,
        axes: &[Axis; 2],
        strips: Range<usize>,
        tiles: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Scratch { block, right, steps, rows, .. } = scratch;
        let [down, across] = axes;
        let pitch = self.picture.load(part, axes, block);
        let block = block.loaded();
        if before.is_none_or(|before| before.size() != part.size()) {
            self.list_steps(part, axes, pitch, steps);
            rows.clear();
            match self.turned {
                true => rows.extend(0..self.outputs),
                false => {
                    rows.extend((0..self.band).flat_map(|q| q * pitch.row..q * pitch.row + self.tap_row))
                }
            }
        }
        let mut tiles = tiles.chunks_exact_mut(self.sizes()[0]);
        for strip in strips.map(|i| self.strips.strip(i)) {
            let y = self.y_of(part, strip, right);
            for band in 0..down.taps / self.band {
                // Rows of positions that see a tap row lie next to each other; the others add nothing to it.
                let only = down.only(band);
                let stretches = part.stretches(&only, self.picture.shape[1]);
                let seen = stretches.filter(|(_, taps)| !taps.is_empty()).map(|(rows, _)| rows).next();
                let seen = if self.band > 1 { Some(part.rows.clone()) } else { seen };
                let seen = seen.map_or(0..0, |rows| {
                    let at = |row: usize| (row - part.rows.start) * part.row(across);
                    at(rows.start)..at(rows.end)
                });
                let shifted = &block[band * self.band * pitch.row..];
                let (a, b) = if self.turned { (y, &shifted[strip.first..]) } else { (shifted, y) };
                let factors = Factors::Steps { steps: &steps[seen], rows };
                let c = tiles.next().expect("a tile for each strip and band");
                Sweep { factors, a, b, c, columns: strip.wide, adds: before.is_some() }.run();
            }
        }
    }

    /// Where a part's positions lie in a block and in y, or its copy, in their order in the block.
    fn list_steps(&self, part: &Part, [down, across]: &[Axis; 2], pitch: Pitch, steps: &mut Vec<[usize; 2]>) {
        let ([pictures, rows], [height, width]) = (part.size(), self.positions);
        steps.clear();
        for (row, picture) in (0..rows).flat_map(|row| (0..pictures).map(move |picture| (row, picture))) {
            let start = picture * pitch.picture + row * down.pitch() * pitch.row;
            let (first, stride) = match self.copied() {
                Some(columns) => (steps.len(), columns),
                None => ((picture * height + row) * width, self.y.1),
            };
            steps.extend((0..width).map(|t| {
                let at = [start + t * across.stride * pitch.pixel, (first + t) * stride];
                if self.turned { [at[1], at[0]] } else { at }
            }));
        }
    }

    /// Elements from one position to the next where sweeps read a copy of y. More strips than one would lie too far apart
    /// for the first-level cache, and a strip has whole vectors.
    fn copied(&self) -> Option<usize> {
        let columns = if self.turned { self.outputs } else { self.strips.widest };
        (self.rounds || columns != self.outputs).then_some(columns)
    }

    /// A strip of y from a part's first position on, or a copy of it.
    fn y_of<'b>(&'b self, part: &Part, strip: Strip, copy: &'b mut Buffer) -> &'b [f32] {
        let ((y, stride), [height, width]) = (self.y, self.positions);
        let Some(wide) = self.copied() else {
            return &y[(part.pictures.start * height + part.rows.start) * width * stride..];
        };
        let [first, columns] = if self.turned { [0, self.outputs] } else { [strip.first, strip.columns] };
        let rows = part.rows.clone().flat_map(|row| part.pictures.clone().map(move |p| p * height + row));
        let positions = rows.flat_map(|row| row * width..(row + 1) * width);
        let copy = copy.numbers(part.size().iter().product::<usize>() * width * wide);
        for (position, to) in positions.zip(copy.chunks_exact_mut(wide)) {
            let (to, fill) = to.split_at_mut(columns);
            to.copy_from_slice(&y[position * stride + first..][..columns]);
            fill.fill(0.0);
            if self.rounds {
                to.iter_mut().for_each(|x| *x = round_tf32(*x));
            }
        }
        copy
    }

    /// Adds a slice's row of the gradient, `[outputs]`, to `to`.
    fn add_row(&self, slice: usize, row: usize, sums: &[f32], to: &mut [f32]) {
        let ([down, groups], [tile, task]) = (self.groups(), self.sizes());
        let in_band = self.band * self.tap_row;
        let (band, row) = (row / in_band, row % in_band);
        let strip_of = |number: usize| {
            let region = (slice * down + band / self.together[0]) * groups + number / self.together[1];
            // The last bands and strips may be fewer: tiles lie one behind the other.
            let bands = self.together[0].min(self.bands() - band / self.together[0] * self.together[0]);
            let at = number % self.together[1] * bands + band % self.together[0];
            (&sums[region * task + at * tile..][..tile], self.strips.strip(number))
        };
        if self.turned {
            let (tile, strip) = strip_of(row / self.strips.widest);
            let column = row - strip.first;
            to.iter_mut().zip(tile.chunks_exact(strip.wide)).for_each(|(x, sums)| *x += sums[column]);
        } else {
            for number in 0..self.strips.count() {
                let (tile, strip) = strip_of(number);
                let sums = &tile[row * strip.wide..][..strip.columns];
                to[strip.first..].iter_mut().zip(sums).for_each(|(x, s)| *x += s);
            }
        }
    }
}

impl Launch<'_> {
    /// Sums slices of the positions, adds them up, finishes the rows.
    pub(super) fn kernel_gradient(&self, rounds: bool, c: &Convolution) {
        let [m, n, k] = c.size();
        if let Some(to) = &c.column_sums {
            self.sum_columns(&c.b, to, [k, n]);
        }
        if m == 0 || n == 0 {
            return;
        }
        let row_of_y = if k > 1 { c.b.strides[0] as usize } else { n };
        let y = self.operand_of_convolution(&c.b, if k == 0 { 0 } else { (k - 1) * row_of_y + n });
        let job = Job::new(self.picture(rounds, &c.a, c.x), (y, row_of_y), c, rounds);
        let ([down, groups], [_, size]) = (job.groups(), job.sizes());
        with_launch_buffer(job.slices() * down * groups * size, |sums| {
            let tasks: Vec<_> = sums.chunks_exact_mut(size).enumerate().collect();
            self.pool.run_on(tasks, |(task, tiles)| with_scratch(|scratch| job.sum(task, tiles, scratch)));
            self.pool.run_numbered(m.div_ceil(FINISHED), |task| {
                for row in task * FINISHED..m.min((task + 1) * FINISHED) {
                    self.finish_row(c, &job, row, sums);
                }
            });
        });
    }

    /// One row of the gradient, from the slices' sums.
    #[allow(unsafe_code)]
    fn finish_row(&self, c: &Convolution, job: &Job, row: usize, sums: &[f32]) {
        let View { place, base, ref strides, .. } = c.out;
        let [m, n, _] = c.size();
        let at = base as usize + row * if m > 1 { strides[0] as usize } else { n };
        // SAFETY: the plan keeps a launch's result apart from what it reads, and no two tasks have a row.
        let values = unsafe { self.shared.write(place, at, n) };
        values.fill(0.0);
        (0..job.slices()).for_each(|slice| job.add_row(slice, row, sums, values));
        for step in &c.epilogue {
            self.finish(step, values, [row, 0]);
        }
        if let Some(format) = self.shared.format(place) {
            values.iter_mut().for_each(|x| *x = format.round(*x));
        }
    }
}
