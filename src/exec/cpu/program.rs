//! Maps and reductions on CPU threads: pointwise programs, a stretch of elements at a time.

use super::fetch::Stretch;
use super::launch::Launch;
use super::point::{self, CHUNK, LANES, Source};
use crate::lower::{Arg, Map, Program, Reduce, View};
use std::cell::RefCell;

thread_local! {
    /// Registers and fetched operands of the program a thread is running: `[slot][CHUNK]`.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

impl Launch<'_> {
    /// A map.
    pub fn map(&self, map: &Map) {
        self.program(&map.shape, &map.program);
    }

    /// A pointwise program at every index of `shape`.
    pub fn program(&self, shape: &[usize], program: &Program) {
        let (outer, inner) = split(shape);
        let rows: usize = outer.iter().product();
        let chunks = inner.div_ceil(CHUNK);
        let items = rows * chunks;
        // Tasks of some 16k elements, whatever the rows' length.
        let a_task = (16_384 / inner.clamp(1, CHUNK)).max(1);
        self.pool.run_numbered(items.div_ceil(a_task), |task| {
            let mut index = vec![0; outer.len()];
            for item in task * a_task..((task + 1) * a_task).min(items) {
                unflatten(item / chunks, outer, &mut index);
                let from = item % chunks * CHUNK;
                let len = CHUNK.min(inner - from);
                let stretch = Stretch { index: &index, from, len };
                self.run(program, stretch, |_, value, view| self.store(view, stretch, value));
            }
        });
    }

    /// A pointwise program whose results are summed along the axes of `summed`.
    ///
    /// Kept indices are tasks; each walks the summed axes in row-major order, so the order of additions is fixed.
    pub fn reduce(&self, reduce: &Reduce) {
        let Reduce { shape, summed, program } = reduce;
        let (outer, inner) = split(shape);
        let along_inner = summed.last().copied().unwrap_or(false);
        let axes =
            |wanted: bool| -> Vec<usize> { (0..outer.len()).filter(|&i| summed[i] == wanted).collect() };
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
        self.pool.run_numbered(tasks, |task| {
            let mut index = vec![0; outer.len()];
            if along_inner {
                visit(&mut index, &kept, &kept_shape, task);
                let mut lanes = vec![[0.0f32; LANES]; results];
                for at in 0..folded_count {
                    visit(&mut index, &folded, &folded_shape, at);
                    for from in (0..inner).step_by(CHUNK) {
                        let len = CHUNK.min(inner - from);
                        self.run(program, Stretch { index: &index, from, len }, |r, value, _| match value {
                            Source::Slice(x) => point::add_lanes(&mut lanes[r], x),
                            Source::Splat(x) => point::add_lanes(&mut lanes[r], &[x; CHUNK][..len]),
                        });
                    }
                }
                for (lanes, (_, view)) in lanes.iter().zip(&program.results) {
                    let stretch = Stretch { index: &index, from: 0, len: 1 };
                    self.store(view, stretch, Source::Splat(fold(lanes)));
                }
            } else {
                visit(&mut index, &kept, &kept_shape, task / chunks);
                let from = task % chunks * CHUNK;
                let len = CHUNK.min(inner - from);
                let mut totals = vec![[0.0f32; CHUNK]; results];
                for at in 0..folded_count {
                    visit(&mut index, &folded, &folded_shape, at);
                    self.run(program, Stretch { index: &index, from, len }, |r, value, _| match value {
                        Source::Slice(x) => point::accumulate(&mut totals[r][..len], x),
                        Source::Splat(x) => point::accumulate(&mut totals[r][..len], &[x; CHUNK][..len]),
                    });
                }
                for (total, (_, view)) in totals.iter().zip(&program.results) {
                    self.store(view, Stretch { index: &index, from, len }, Source::Slice(&total[..len]));
                }
            }
        });
    }

    /// Runs a program on a stretch of elements and hands each result to `take` with its number and view.
    fn run(&self, program: &Program, stretch: Stretch, mut take: impl FnMut(usize, Source, &View)) {
        let len = stretch.len;
        SCRATCH.with_borrow_mut(|slots| {
            let registers = crate::lower::MAX_REGISTERS;
            slots.resize_with(
                registers + program.loads.len().max(slots.len().saturating_sub(registers)),
                || vec![0.0; CHUNK],
            );
            let (registers, fetched) = slots.split_at_mut(registers);
            let mut loads = [Source::Splat(0.0); crate::lower::MAX_VIEWS];
            for ((slot, load), source) in fetched.iter_mut().zip(&program.loads).zip(&mut loads) {
                *source = self.fetch(load, stretch, slot);
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

fn source<'a>(arg: Arg, registers: &'a [Vec<f32>], loads: &[Source<'a>], len: usize) -> Source<'a> {
    match arg {
        Arg::Const(c) => Source::Splat(c),
        Arg::Load(l) => loads[usize::from(l)],
        Arg::Register(r) => Source::Slice(&registers[usize::from(r)][..len]),
    }
}
