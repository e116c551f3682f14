//! A kernel's gradient: blocks of a picture, turned, times y, summed over the positions.

use super::block::{BLOCK, Cut, Part, Picture, TASKS};
use super::scratch::{Scratch, with_launch_buffer, with_scratch};
use super::strips::{Strip, Strips};
use super::tile::{FEW, Factors, ROWS, SLACK, Sweep};
use crate::exec::cpu::launch::Launch;
use crate::lower::{Axis, Convolution, View};
use crate::precision::round_tf32;
use std::ops::Range;

/// Rows of a kernel's gradient that one task adds up and finishes.
const FINISHED: usize = 64;

/// How a kernel's gradient is cut. A task sums some rows of taps × some strips of columns × a slice of the positions in
/// tiles `[strip, row of taps, height, widest]`, which stay in the second-level cache; slices are added up in their order.
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
    /// Rows of a tile, and with those that fill it up.
    rows: usize,
    height: usize,
    /// Rows of taps and strips of a task.
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
        let (columns, rows) = if turned { (tap_row, outputs) } else { (outputs, tap_row) };
        let (strips, height) = (Strips::of_vectors(columns), rows.next_multiple_of(ROWS));
        // Half of the cache for sums, half for what they are made of.
        let tiles = (BLOCK / 2 / (height * strips.widest).max(1)).max(1);
        let taps = tiles.min(axes[0].taps).max(1);
        let together = [taps, (tiles / taps).clamp(1, strips.count().div_ceil(TASKS).max(1))];
        let cut = Cut::new(c.x[0], &[Axis { taps, ..axes[0] }, axes[1]], c.x[3]);
        let mut job = Job {
            picture,
            y,
            axes,
            positions: [c.y[1], c.y[2]],
            outputs,
            tap_row,
            turned,
            strips,
            rows,
            height,
            together,
            cut,
            slice: 1,
            rounds,
        };
        let [taps, groups] = job.groups();
        job.slice = cut.count().div_ceil(TASKS.div_ceil((taps * groups).max(1))).max(1);
        job
    }

    /// Groups of tap rows, and of strips.
    fn groups(&self) -> [usize; 2] {
        [self.axes[0].taps.div_ceil(self.together[0]), self.strips.count().div_ceil(self.together[1])]
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
        let [taps, groups] = self.groups();
        let tap = task / groups % taps * self.together[0];
        let axes = [
            Axis {
                from: self.axes[0].from + tap as isize,
                taps: self.together[0].min(self.axes[0].taps - tap),
                ..self.axes[0]
            },
            self.axes[1],
        ];
        let strips = task % groups * self.together[1];
        let strips = strips..self.strips.count().min(strips + self.together[1]);
        let slice = task / groups / taps * self.slice;
        for number in slice..self.cut.count().min(slice + self.slice) {
            self.sum_part(&self.cut.part(number), &axes, strips.clone(), tiles, number > slice, scratch);
        }
    }

    /// A part's terms, for some rows of taps and some strips.
    fn sum_part(
        &self,
        part: &Part,
        axes: &[Axis; 2],
        strips: Range<usize>,
        tiles: &mut [f32],
        adds: bool,
        scratch: &mut Scratch,
    ) {
        let Scratch { block, right, starts, steps, .. } = scratch;
        let [down, across] = axes;
        let pitch = self.picture.load(part, axes, block);
        let block = block.loaded();
        starts.clear();
        part.starts(across, pitch, down.pitch(), 0, starts);
        let mut tiles = tiles.chunks_exact_mut(self.sizes()[0]);
        for strip in strips.map(|i| self.strips.strip(i)) {
            let of_y = match self.turned {
                true => Strip { first: 0, columns: self.outputs, wide: self.outputs },
                false => strip,
            };
            let right = right.numbers(starts.len() * of_y.wide + SLACK);
            self.load_y(part, of_y, right);
            steps.clear();
            steps.extend(starts.iter().enumerate().map(|(i, &start)| match self.turned {
                true => [i * of_y.wide, start + strip.first],
                false => [start, i * of_y.wide],
            }));
            for tap in 0..down.taps {
                // Rows of positions that see the tap row lie next to each other; the others add nothing.
                let only = down.only(tap);
                let stretches = part.stretches(&only, self.picture.shape[1]);
                let seen = stretches.filter(|(_, taps)| !taps.is_empty()).map(|(rows, _)| rows).next();
                let seen = seen.map_or(0..0, |rows| {
                    let at = |row: usize| (row - part.rows.start) * part.row(across);
                    at(rows.start)..at(rows.end)
                });
                let shifted = &block[tap * pitch.row..];
                let (a, b) = if self.turned { (&*right, shifted) } else { (shifted, &*right) };
                let factors = Factors::Steps { steps: &steps[seen], rows: self.rows };
                let c = tiles.next().expect("a tile for each strip and tap row");
                Sweep { factors, a, b, c, columns: strip.wide, adds }.run();
            }
        }
    }

    /// A strip of y at a part's positions, in their order in a block.
    fn load_y(&self, part: &Part, strip: Strip, to: &mut [f32]) {
        let ((y, stride), [height, width]) = (self.y, self.positions);
        let rows = part.rows.clone().flat_map(|row| part.pictures.clone().map(move |p| p * height + row));
        let positions = rows.flat_map(|row| row * width..(row + 1) * width);
        for (position, to) in positions.zip(to.chunks_exact_mut(strip.wide)) {
            let from = &y[position * stride + strip.first..][..strip.columns];
            let (to, fill) = to.split_at_mut(strip.columns);
            to.copy_from_slice(from);
            fill.fill(0.0);
            if self.rounds {
                to.iter_mut().for_each(|x| *x = round_tf32(*x));
            }
        }
    }

    /// Adds a slice's row of the gradient, `[outputs]`, to `to`.
    fn add_row(&self, slice: usize, row: usize, sums: &[f32], to: &mut [f32]) {
        let ([taps, groups], [tile, task]) = (self.groups(), self.sizes());
        let (tap, row) = (row / self.tap_row, row % self.tap_row);
        let strip_of = |number: usize| {
            let region = (slice * taps + tap / self.together[0]) * groups + number / self.together[1];
            // The last tap rows and strips may be fewer: tiles lie one behind the other.
            let taps = self.together[0].min(self.axes[0].taps - tap / self.together[0] * self.together[0]);
            let at = number % self.together[1] * taps + tap % self.together[0];
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
        let ([taps, groups], [_, size]) = (job.groups(), job.sizes());
        with_launch_buffer(job.slices() * taps * groups * size, |sums| {
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
