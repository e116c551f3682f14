//! Convolutions on CPU threads: blocks of positions, their patches gathered into memory that fits the cache, times the
//! kernel. How the work is cut depends on its shape alone, so that any number of threads makes the same bytes.

use super::launch::Launch;
use super::memory::{Operand, matmul_into};
use crate::graph::Window;
use crate::lower::{Convolution, Form, View};
use crate::precision::{Precision, round_tf32};

/// Numbers of a block of patches: half a megabyte.
const BLOCK: usize = 1 << 17;
/// Positions of a block at least.
const FEWEST: usize = 16;
/// Rows of a kernel's gradient that one task makes at least, where there are as many.
const KERNEL_ROWS: usize = 48;
/// Tasks that a kernel's gradient is cut into at least, along its positions where its rows are few.
const KERNEL_TASKS: usize = 8;
/// Positions of such a slice at least.
const SLICE: usize = 512;

/// A gather along one axis: result `first + t·step`, t < `count`, reads pixels `from + t·stride + q` of a picture, q < `taps`,
/// and tap `weight + q·weight_step` of the kernel for each.
#[derive(Debug, Clone, Copy)]
struct Axis {
    first: usize,
    step: usize,
    count: usize,
    from: isize,
    stride: usize,
    taps: usize,
    weight: isize,
    weight_step: isize,
}

impl Axis {
    /// Positions of y over x.
    fn forward(window: &Window, axis: usize, positions: usize) -> Axis {
        Axis {
            first: 0,
            step: 1,
            count: positions,
            from: -(window.pad[axis].0 as isize),
            stride: window.stride[axis],
            taps: window.kernel[axis],
            weight: 0,
            weight_step: 1,
        }
    }

    /// Pixels r, r + stride … of x over y: they see every stride-th tap, and no other.
    fn backward(window: &Window, axis: usize, pixels: usize, r: usize) -> Axis {
        let (stride, before) = (window.stride[axis], window.pad[axis].0);
        let least = (r + before) % stride;
        let taps = window.kernel[axis].saturating_sub(least).div_ceil(stride);
        let reach = taps as isize - 1;
        Axis {
            first: r,
            step: stride,
            count: pixels.saturating_sub(r).div_ceil(stride),
            from: ((r + before - least) / stride) as isize - reach,
            stride: 1,
            taps,
            weight: least as isize + stride as isize * reach,
            weight_step: -(stride as isize),
        }
    }

    /// The kernel's tap behind tap q.
    fn tap(&self, q: usize) -> usize {
        (self.weight + q as isize * self.weight_step) as usize
    }
}

/// A picture to gather from: memory of rows, height, width and channels.
struct Picture<'a> {
    data: &'a [f32],
    /// Elements from one index to the next.
    strides: [usize; 3],
    shape: [usize; 4],
    round: bool,
}

impl Picture<'_> {
    /// Taps of one position, `[taps, channels]`; zeros beyond the picture.
    fn patch(&self, row: usize, at: [isize; 2], taps: impl Iterator<Item = [usize; 2]>, to: &mut [f32]) {
        let [_, height, width, channels] = self.shape;
        for ([s, t], to) in taps.zip(to.chunks_exact_mut(channels)) {
            let inside = |at: isize, tap: usize, n: usize| {
                usize::try_from(at + tap as isize).ok().filter(|&pixel| pixel < n)
            };
            match (inside(at[0], s, height), inside(at[1], t, width)) {
                (Some(i), Some(j)) => {
                    let from = row * self.strides[0] + i * self.strides[1] + j * self.strides[2];
                    to.copy_from_slice(&self.data[from..from + channels]);
                }
                _ => to.fill(0.0),
            }
        }
        if self.round {
            to.iter_mut().for_each(|x| *x = round_tf32(*x));
        }
    }
}

impl Launch<'_> {
    /// out = epilogue(a convolution's product of a and b).
    pub fn convolution(&self, precision: Precision, c: &Convolution) {
        match c.form {
            Form::Result => {
                let axes = [0, 1].map(|axis| Axis::forward(&c.window, axis, c.y[1 + axis]));
                let kernel = self.numbers(&c.b, c.size()[2] * c.y[3], precision);
                self.gathered(precision, c, c.x, c.y, axes, &kernel);
            }
            Form::Picture => {
                let [sh, sw] = c.window.stride;
                for r in (0..sh).flat_map(|i| (0..sw).map(move |j| [i, j])) {
                    let axes = [0, 1].map(|axis| Axis::backward(&c.window, axis, c.x[1 + axis], r[axis]));
                    let kernel = self.turned(precision, c, axes);
                    self.gathered(precision, c, c.y, c.x, axes, &kernel);
                }
            }
            Form::Kernel => self.kernel_gradient(precision, c),
        }
    }

    /// Dense numbers, rounded where products multiply tf32.
    #[allow(unsafe_code)]
    fn numbers(&self, view: &View, len: usize, precision: Precision) -> std::borrow::Cow<'_, [f32]> {
        // SAFETY: operands of a launch are not written by it.
        let data = unsafe { self.shared.read(view.place, view.base as usize, len) };
        match precision {
            Precision::Tf32 => data.iter().map(|&x| round_tf32(x)).collect(),
            _ => data.into(),
        }
    }

    /// The taps of w that a picture's pixels see, `[taps, out, in]`.
    fn turned(&self, precision: Precision, c: &Convolution, axes: [Axis; 2]) -> Vec<f32> {
        let (inputs, outputs, [kh, kw]) = (c.x[3], c.y[3], c.window.kernel);
        let w = self.numbers(&c.b, kh * kw * inputs * outputs, precision);
        let mut turned = Vec::with_capacity(axes[0].taps * axes[1].taps * inputs * outputs);
        for (s, t) in (0..axes[0].taps).flat_map(|s| (0..axes[1].taps).map(move |t| (s, t))) {
            let tap = axes[0].tap(s) * kw + axes[1].tap(t);
            let tap = &w[tap * inputs * outputs..(tap + 1) * inputs * outputs];
            turned.extend((0..outputs).flat_map(|o| tap[o..].iter().step_by(outputs)));
        }
        turned
    }

    /// The picture that a convolution gathers from.
    #[allow(unsafe_code)]
    fn picture(&self, precision: Precision, view: &View, shape: [usize; 4]) -> Picture<'_> {
        let strides = [0, 1, 2].map(|axis| view.strides[axis] as usize);
        let last: usize = (0..3).map(|axis| shape[axis].saturating_sub(1) * strides[axis]).sum();
        let len = if shape.contains(&0) { 0 } else { last + shape[3] };
        // SAFETY: operands of a launch are not written by it.
        let data = unsafe { self.shared.read(view.place, view.base as usize, len) };
        Picture { data, strides, shape, round: precision == Precision::Tf32 }
    }

    /// Every position of `axes` in every row: its patch of `picture` times `kernel` `[taps and channels, n]`, finished, at its
    /// pixel of `result`.
    #[allow(unsafe_code)]
    fn gathered(
        &self,
        precision: Precision,
        c: &Convolution,
        picture: [usize; 4],
        result: [usize; 4],
        [down, across]: [Axis; 2],
        kernel: &[f32],
    ) {
        let source = self.picture(precision, &c.a, picture);
        let (n, k) = (result[3], down.taps * across.taps * picture[3]);
        let positions = picture[0] * down.count * across.count;
        let block = (BLOCK / k.max(n).max(1)).max(FEWEST);
        let row_stride = if c.size()[0] > 1 { c.out.strides[0] as usize } else { n };
        self.pool.run_numbered(positions.div_ceil(block), |task| {
            let (from, to) = (task * block, positions.min((task + 1) * block));
            let at = |position: usize| {
                let (row, i) = (position / across.count / down.count, position / across.count % down.count);
                [row, i, position % across.count]
            };
            let (mut patches, mut tile) = (vec![0.0; (to - from) * k], vec![0.0; (to - from) * n]);
            if k > 0 {
                for (position, patch) in (from..to).zip(patches.chunks_exact_mut(k)) {
                    let [row, i, j] = at(position);
                    let corner =
                        [down.from + (i * down.stride) as isize, across.from + (j * across.stride) as isize];
                    let taps = (0..down.taps).flat_map(|s| (0..across.taps).map(move |t| [s, t]));
                    source.patch(row, corner, taps, patch);
                }
                let left = Operand { data: &patches, row: k, column: 1 };
                let right = Operand { data: kernel, row: n, column: 1 };
                matmul_into(&mut tile, left, right, [to - from, n, k], false);
            }
            for (position, numbers) in (from..to).zip(tile.chunks_exact(n)) {
                let [row, i, j] = at(position);
                let pixel = (row * result[1] + down.first + i * down.step) * result[2]
                    + across.first
                    + j * across.step;
                // SAFETY: the plan keeps a launch's result apart from what it reads, and no two tasks have a pixel.
                let values =
                    unsafe { self.shared.write(c.out.place, c.out.base as usize + pixel * row_stride, n) };
                values.copy_from_slice(numbers);
                for step in &c.epilogue {
                    self.finish(step, values, [pixel, 0]);
                }
                if let Some(format) = self.shared.format(c.out.place) {
                    values.iter_mut().for_each(|x| *x = format.round(*x));
                }
            }
        });
    }

    /// Patches of x, turned, times y: a few taps a task, and a slice of the positions where taps are few.
    #[allow(unsafe_code)]
    fn kernel_gradient(&self, precision: Precision, c: &Convolution) {
        let [m, n, k] = c.size();
        if let Some(to) = &c.column_sums {
            self.sum_columns(&c.b, to, [k, n]);
        }
        let source = self.picture(precision, &c.a, c.x);
        let [down, across] = [0, 1].map(|axis| Axis::forward(&c.window, axis, c.y[1 + axis]));
        let row_of_y = if k > 1 { c.b.strides[0] as usize } else { n };
        let y = self.numbers(&c.b, if k == 0 { 0 } else { (k - 1) * row_of_y + n }, precision);
        let inputs = c.x[3];
        let taps: Vec<[usize; 2]> =
            (0..down.taps).flat_map(|s| (0..across.taps).map(move |t| [s, t])).collect();
        let together = KERNEL_ROWS.div_ceil(inputs.max(1)).min(taps.len().max(1));
        let groups: Vec<&[[usize; 2]]> = taps.chunks(together).collect();
        let slices = KERNEL_TASKS.div_ceil(groups.len().max(1)).min(k / SLICE).max(1);
        let slice = k.div_ceil(slices);
        let row_stride = if m > 1 { c.out.strides[0] as usize } else { n };
        // Sums of each slice, `[slice, m, n]`; added up in their order.
        let mut sums = vec![0.0; slices * m * n];
        let rows = together * inputs * n;
        let parts = sums.chunks_exact_mut((m * n).max(1)).enumerate();
        let parts: Vec<_> = parts
            .flat_map(|(number, part)| part.chunks_mut(rows.max(1)).zip(&groups).map(move |p| (number, p)))
            .collect();
        self.pool.run_on(parts, |(number, (part, group))| {
            let width = group.len() * inputs;
            let block = (BLOCK / width.max(1)).max(FEWEST);
            let (from, to) = (number * slice, k.min((number + 1) * slice));
            let mut patches = vec![0.0; block.min(slice) * width];
            for start in (from..to).step_by(block) {
                let end = to.min(start + block);
                for (position, patch) in (start..end).zip(patches.chunks_exact_mut(width)) {
                    let (row, i) =
                        (position / across.count / down.count, position / across.count % down.count);
                    let corner = [
                        down.from + (i * down.stride) as isize,
                        across.from + (position % across.count * across.stride) as isize,
                    ];
                    source.patch(row, corner, group.iter().copied(), patch);
                }
                let left = Operand { data: &patches, row: 1, column: width };
                let right = Operand { data: &y[start * row_of_y..], row: row_of_y, column: 1 };
                matmul_into(part, left, right, [width, n, end - start], true);
            }
        });
        for row in 0..m {
            // SAFETY: the plan keeps a launch's result apart from what it reads; one thread writes it.
            let values = unsafe { self.shared.write(c.out.place, c.out.base as usize + row * row_stride, n) };
            values.fill(0.0);
            for sum in sums.chunks_exact(m * n) {
                values.iter_mut().zip(&sum[row * n..]).for_each(|(x, s)| *x += s);
            }
            for step in &c.epilogue {
                self.finish(step, values, [row, 0]);
            }
            if let Some(format) = self.shared.format(c.out.place) {
                values.iter_mut().for_each(|x| *x = format.round(*x));
            }
        }
    }
}
