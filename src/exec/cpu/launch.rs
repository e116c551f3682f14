//! How each launch of a plan runs on CPU threads.

use super::memory::{Operand, Shared};
use super::point::{self, CHUNK, LANES, Source};
use super::pool::Pool;
use crate::graph::Dist;
use crate::lower::{Arg, Epilogue, Load, Matmul, Program, View};
use crate::precision::{Precision, round_tf32};
use crate::rng::{Draw, Moment};
use std::cell::RefCell;

/// Columns a task of a wide product; a multiple of every vector length.
const TILE_COLUMNS: usize = 304;
/// Rows a task of a tall product.
const TILE_ROWS: usize = 304;

/// out = epilogue(a · b), cut into tiles along the longer side.
#[allow(unsafe_code)]
pub fn matmul(pool: &Pool, shared: &Shared, moment: Moment, precision: Precision, product: &Matmul) {
    let Matmul { a, b, out, size: [m, n, k], epilogue, column_sums, .. } = product;
    let (m, n, k) = (*m, *n, *k);
    if let Some(to) = column_sums {
        sum_columns(pool, shared, b, to, [k, n]);
    }
    let row_stride = if m > 1 { out.strides[0] as usize } else { n };
    let (tile_m, tile_n) = if n >= m { (m, TILE_COLUMNS) } else { (TILE_ROWS, n) };
    let (down, across) = (m.div_ceil(tile_m.max(1)), n.div_ceil(tile_n.max(1)));
    pool.each(down * across, |task| {
        let (i, j) = (task / across * tile_m, task % across * tile_n);
        let (rows, columns) = (tile_m.min(m - i), tile_n.min(n - j));
        let (mut rounded_left, mut rounded_right) = (vec![], vec![]);
        let left = operand(shared, precision, a, [i, 0], [rows, k], &mut rounded_left);
        let right = operand(shared, precision, b, [0, j], [k, columns], &mut rounded_right);
        let at = out.base as usize + i * row_stride + j;
        // SAFETY: the plan keeps a launch's result apart from what it reads, and tiles are disjoint.
        unsafe { shared.matmul([rows, columns, k], left, right, out.place, at, row_stride) };
        for row in 0..rows {
            // SAFETY: a row of this task's own tile.
            let values = unsafe { shared.write(out.place, at + row * row_stride, columns) };
            for step in epilogue {
                finish(shared, moment, step, values, i + row, j);
            }
            if let Some(format) = shared.format(out.place) {
                values.iter_mut().for_each(|x| *x = format.round(*x));
            }
        }
    });
}

/// to\[0, n\] = Σ b\[k, n\], row after row.
#[allow(unsafe_code)]
fn sum_columns(pool: &Pool, shared: &Shared, b: &View, to: &View, [k, n]: [usize; 2]) {
    pool.each(n.div_ceil(CHUNK), |task| {
        let from = task * CHUNK;
        let len = CHUNK.min(n - from);
        let mut scratch = [0.0; CHUNK];
        // SAFETY: the plan keeps a launch's results apart from what it reads, and tasks' columns are disjoint.
        let sums = unsafe { shared.write(to.place, to.base as usize + from, len) };
        sums.fill(0.0);
        for row in 0..k {
            match fetch_memory(shared, b, &[row], from, len, &mut scratch) {
                Source::Slice(x) => point::accumulate(sums, x),
                Source::Splat(x) => sums.iter_mut().for_each(|s| *s += x),
            }
        }
    });
}

/// A block of a matrix; `rounded` holds it where tf32 rounds what products multiply.
#[allow(unsafe_code)]
fn operand<'a>(
    shared: &'a Shared,
    precision: Precision,
    view: &View,
    from: [usize; 2],
    size: [usize; 2],
    rounded: &'a mut Vec<f32>,
) -> Operand<'a> {
    let [row, column] = [view.strides[0] as usize, view.strides[1] as usize];
    let at = view.base as usize + from[0] * row + from[1] * column;
    let last = |i: usize| size[i].saturating_sub(1);
    let len = if size.contains(&0) { 0 } else { last(0) * row + last(1) * column + 1 };
    // SAFETY: operands of a launch are not written by it.
    let data = unsafe { shared.read(view.place, at, len) };
    if precision == Precision::Tf32 {
        rounded.extend(data.iter().map(|&x| round_tf32(x)));
        return Operand { data: rounded, row, column };
    }
    Operand { data, row, column }
}

/// One epilogue step on `values`: row `row`, columns from `column`, of the product.
fn finish(shared: &Shared, moment: Moment, step: &Epilogue, values: &mut [f32], row: usize, column: usize) {
    // Calls `then(part of values, the same part of the operand)`.
    let mut with = |view: &View, then: &dyn Fn(&mut [f32], &[f32])| {
        let mut scratch = [0.0; CHUNK];
        for (c, part) in values.chunks_mut(CHUNK).enumerate() {
            let from = column + c * CHUNK;
            match fetch_memory(shared, view, &[row], from, part.len(), &mut scratch) {
                Source::Slice(y) => then(part, y),
                Source::Splat(y) => then(part, &[y; CHUNK][..part.len()]),
            }
        }
    };
    match step {
        Epilogue::Bias(v) | Epilogue::Accumulate(v) => with(v, &point::accumulate),
        Epilogue::Scale(c) => point::scale(values, *c),
        Epilogue::Relu => point::relu(values),
        Epilogue::LeakyRelu(slope) => point::leaky_relu(values, *slope),
        Epilogue::Tanh => point::tanh(values),
        Epilogue::Sigmoid => point::sigmoid(values),
        Epilogue::ReluGrad(v) => with(v, &point::relu_grad),
        Epilogue::LeakyReluGrad(v, slope) => with(v, &|x, y| point::leaky_relu_grad(x, y, *slope)),
        Epilogue::TanhGrad(v) => with(v, &point::tanh_grad),
        Epilogue::SigmoidGrad(v) => with(v, &point::sigmoid_grad),
        Epilogue::Dropout { stream, threshold, scale, view } => {
            let draw = moment.draw(*stream);
            let mut u = [0.0; CHUNK];
            for (c, part) in values.chunks_mut(CHUNK).enumerate() {
                let u = fetch_random(
                    &draw,
                    Dist::Uniform,
                    view,
                    &[row],
                    column + c * CHUNK,
                    &mut u[..part.len()],
                );
                point::dropout(part, u, *threshold, *scale);
            }
        }
    }
}

thread_local! {
    /// Registers and fetched operands of the program a thread is running: `[slot][CHUNK]`.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// A pointwise program at every index of `shape`.
pub fn map(pool: &Pool, shared: &Shared, moment: Moment, shape: &[usize], program: &Program) {
    let (outer, inner) = split(shape);
    let rows: usize = outer.iter().product();
    let chunks = inner.div_ceil(CHUNK);
    let items = rows * chunks;
    // Tasks of some 16k elements, whatever the rows' length.
    let a_task = (16_384 / inner.clamp(1, CHUNK)).max(1);
    pool.each(items.div_ceil(a_task), |task| {
        let mut index = vec![0; outer.len()];
        for item in task * a_task..((task + 1) * a_task).min(items) {
            unflatten(item / chunks, outer, &mut index);
            let from = item % chunks * CHUNK;
            let len = CHUNK.min(inner - from);
            run(shared, moment, program, &index, from, len, |_, value, view| {
                store(shared, view, &index, from, len, value);
            });
        }
    });
}

/// A pointwise program whose results are summed along the axes of `summed`.
///
/// Kept indices are tasks; each walks the summed axes in row-major order, so the order of additions is fixed.
pub fn reduce(
    pool: &Pool,
    shared: &Shared,
    moment: Moment,
    shape: &[usize],
    summed: &[bool],
    program: &Program,
) {
    let (outer, inner) = split(shape);
    let along_inner = summed.last().copied().unwrap_or(false);
    let axes = |wanted: bool| -> Vec<usize> { (0..outer.len()).filter(|&i| summed[i] == wanted).collect() };
    let (kept, folded) = (axes(false), axes(true));
    let lengths = |axes: &[usize]| -> Vec<usize> { axes.iter().map(|&i| outer[i]).collect() };
    let (kept_shape, folded_shape) = (lengths(&kept), lengths(&folded));
    let (kept_count, folded_count): (usize, usize) =
        (kept_shape.iter().product(), folded_shape.iter().product());
    let chunks = inner.div_ceil(CHUNK);
    let tasks = if along_inner { kept_count } else { kept_count * chunks };
    let visit = |index: &mut [usize], axes: &[usize], lengths: &[usize], at: usize| {
        let mut part = vec![0; axes.len()];
        unflatten(at, lengths, &mut part);
        axes.iter().zip(part).for_each(|(&axis, i)| index[axis] = i);
    };
    let results = program.results.len();
    pool.each(tasks, |task| {
        let mut index = vec![0; outer.len()];
        if along_inner {
            visit(&mut index, &kept, &kept_shape, task);
            let mut lanes = vec![[0.0f32; LANES]; results];
            for at in 0..folded_count {
                visit(&mut index, &folded, &folded_shape, at);
                for from in (0..inner).step_by(CHUNK) {
                    let len = CHUNK.min(inner - from);
                    run(shared, moment, program, &index, from, len, |r, value, _| match value {
                        Source::Slice(x) => point::add_lanes(&mut lanes[r], x),
                        Source::Splat(x) => point::add_lanes(&mut lanes[r], &[x; CHUNK][..len]),
                    });
                }
            }
            for (lanes, (_, view)) in lanes.iter().zip(&program.results) {
                store(shared, view, &index, 0, 1, Source::Splat(fold(lanes)));
            }
        } else {
            visit(&mut index, &kept, &kept_shape, task / chunks);
            let from = task % chunks * CHUNK;
            let len = CHUNK.min(inner - from);
            let mut totals = vec![[0.0f32; CHUNK]; results];
            for at in 0..folded_count {
                visit(&mut index, &folded, &folded_shape, at);
                run(shared, moment, program, &index, from, len, |r, value, _| match value {
                    Source::Slice(x) => point::accumulate(&mut totals[r][..len], x),
                    Source::Splat(x) => point::accumulate(&mut totals[r][..len], &[x; CHUNK][..len]),
                });
            }
            for (total, (_, view)) in totals.iter().zip(&program.results) {
                store(shared, view, &index, from, len, Source::Slice(&total[..len]));
            }
        }
    });
}

/// The lanes' sum, as a tree.
fn fold(lanes: &[f32; LANES]) -> f32 {
    let mut tree = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            tree[i] += tree[i + width];
        }
        width /= 2;
    }
    tree[0]
}

fn split(shape: &[usize]) -> (&[usize], usize) {
    match shape {
        [] => (&[], 1),
        [outer @ .., inner] => (outer, *inner),
    }
}

fn unflatten(mut at: usize, shape: &[usize], index: &mut [usize]) {
    for (i, n) in index.iter_mut().zip(shape).rev() {
        *i = at % n;
        at /= n;
    }
}

/// Runs a program on `len` elements from `from` of the innermost axis, at `index` of the outer ones, and
/// hands each result to `take` with its number and view.
fn run(
    shared: &Shared,
    moment: Moment,
    program: &Program,
    index: &[usize],
    from: usize,
    len: usize,
    mut take: impl FnMut(usize, Source, &View),
) {
    SCRATCH.with_borrow_mut(|slots| {
        let registers = crate::lower::MAX_REGISTERS;
        slots.resize_with(registers + program.loads.len().max(slots.len().saturating_sub(registers)), || {
            vec![0.0; CHUNK]
        });
        let (registers, fetched) = slots.split_at_mut(registers);
        let mut loads = [Source::Splat(0.0); crate::lower::MAX_VIEWS];
        for ((slot, load), source) in fetched.iter_mut().zip(&program.loads).zip(&mut loads) {
            *source = fetch(shared, moment, load, index, from, len, slot);
        }
        for step in &program.instructions {
            let mut to = std::mem::take(&mut registers[usize::from(step.to)]);
            point::apply(step.op, step.args.map(|a| source(a, registers, &loads, len)), &mut to[..len]);
            registers[usize::from(step.to)] = to;
        }
        for (number, (arg, view)) in program.results.iter().enumerate() {
            take(number, source(*arg, registers, &loads, len), view);
        }
    });
}

fn source<'a>(arg: Arg, registers: &'a [Vec<f32>], loads: &[Source<'a>], len: usize) -> Source<'a> {
    match arg {
        Arg::Const(c) => Source::Splat(c),
        Arg::Load(l) => loads[usize::from(l)],
        Arg::Register(r) => Source::Slice(&registers[usize::from(r)][..len]),
    }
}

/// Position of the innermost axis' element 0 at `index`, or `None` outside a window of the outer axes.
fn row_base(view: &View, index: &[usize]) -> Option<isize> {
    let mut at = view.base;
    for (axis, &i) in index.iter().enumerate() {
        let (lo, hi) = view.windows[axis];
        if i < lo || i >= hi {
            return None;
        }
        at += i as isize * view.strides[axis];
    }
    Some(at)
}

/// A program's operand for `len` elements from `from`; `slot` holds it where it cannot be read in place.
fn fetch<'a>(
    shared: &'a Shared,
    moment: Moment,
    load: &Load,
    index: &[usize],
    from: usize,
    len: usize,
    slot: &'a mut [f32],
) -> Source<'a> {
    match load {
        Load::Memory(view) => fetch_memory(shared, view, index, from, len, slot),
        Load::Rand { stream, dist, view } => {
            Source::Slice(fetch_random(&moment.draw(*stream), *dist, view, index, from, &mut slot[..len]))
        }
    }
}

/// Stride and window of the innermost axis; a scalar has none and is its own row.
fn inner_axis(view: &View) -> (isize, (usize, usize)) {
    match view.strides.len() {
        0 => (0, (0, 1)),
        rank => (view.strides[rank - 1], view.windows[rank - 1]),
    }
}

#[allow(unsafe_code)]
fn fetch_memory<'a>(
    shared: &'a Shared,
    view: &View,
    index: &[usize],
    from: usize,
    len: usize,
    slot: &'a mut [f32],
) -> Source<'a> {
    let Some(base) = row_base(view, index) else { return Source::Splat(0.0) };
    let (stride, (lo, hi)) = inner_axis(view);
    let (lo, hi) = (lo.clamp(from, from + len), hi.clamp(from, from + len));
    let position = |i: usize| (base + i as isize * stride) as usize;
    // SAFETY: operands of a launch are not written by it.
    let read = |at: usize, len: usize| unsafe { shared.read(view.place, at, len) };
    let whole = lo == from && hi == from + len;
    match stride {
        _ if lo == hi => return Source::Splat(0.0),
        1 if whole => return Source::Slice(read(position(from), len)),
        0 if whole => return Source::Splat(read(position(from), 1)[0]),
        _ => {}
    }
    slot[..len].fill(0.0);
    let part = &mut slot[lo - from..hi - from];
    if stride == 1 {
        part.copy_from_slice(read(position(lo), hi - lo));
    } else {
        let all = read(position(lo), (hi - lo - 1) * stride as usize + 1);
        part.iter_mut().enumerate().for_each(|(i, x)| *x = all[i * stride as usize]);
    }
    Source::Slice(&slot[..len])
}

/// Fills `slot` with the random numbers at the view's positions; 0 outside its windows.
fn fetch_random<'a>(
    draw: &Draw,
    dist: Dist,
    view: &View,
    index: &[usize],
    from: usize,
    slot: &'a mut [f32],
) -> &'a [f32] {
    slot.fill(0.0);
    let Some(base) = row_base(view, index) else { return slot };
    let (stride, (lo, hi)) = inner_axis(view);
    let (lo, hi) = (lo.clamp(from, from + slot.len()), hi.clamp(from, from + slot.len()));
    let position = |i: usize| (base + i as isize * stride) as usize;
    let part = &mut slot[lo - from..hi - from];
    if stride == 1 && !part.is_empty() {
        point::random(draw, dist, position(lo), part);
    } else {
        part.iter_mut().enumerate().for_each(|(i, x)| *x = dist.sample(draw, position(lo + i) as u64));
    }
    slot
}

/// Writes `len` elements from `from` of a result.
#[allow(unsafe_code)]
fn store(shared: &Shared, view: &View, index: &[usize], from: usize, len: usize, value: Source) {
    let Some(base) = row_base(view, index) else { unreachable!("results have no windows") };
    let stride = view.strides.last().copied().unwrap_or(1);
    let at = (base + from as isize * stride) as usize;
    // SAFETY: each index of a launch belongs to one task, and results of different indices (kept indices, in
    // a reduction) are different elements.
    let write = |at: usize, len: usize| unsafe { shared.write(view.place, at, len) };
    let format = shared.format(view.place);
    let rounded = |x: f32| format.map_or(x, |f| f.round(x));
    match (value, stride) {
        (Source::Slice(x), 1) if format.is_none() => write(at, len).copy_from_slice(x),
        (Source::Slice(x), 1) => write(at, len).iter_mut().zip(x).for_each(|(to, &x)| *to = rounded(x)),
        (Source::Splat(x), 1) => write(at, len).fill(rounded(x)),
        (value, stride) => {
            for i in 0..len {
                let x = match value {
                    Source::Slice(x) => x[i],
                    Source::Splat(x) => x,
                };
                write(at + i * stride as usize, 1)[0] = rounded(x);
            }
        }
    }
}
