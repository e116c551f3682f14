//! Pointwise programs on CPU threads, a few hundred elements at a time.

use super::fetch::{Rows, Stretch};
use super::launch::Launch;
use super::point::{self, CHUNK, Source};
use crate::lower::{Arg, Map, Program, View};
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
            let (mut item, end) = (task * a_task, ((task + 1) * a_task).min(items));
            while item < end {
                unflatten(item / chunks, outer, &mut index);
                if chunks > 1 {
                    let from = item % chunks * CHUNK;
                    let stretch = Stretch { index: &index, from, len: CHUNK.min(inner - from) };
                    self.run(program, stretch, |_, value, view| self.store(view, stretch, value));
                    item += 1;
                } else {
                    let count = rows_at_once(outer, inner, &index).min(end - item);
                    let mut rows = Rows { index: &mut index, count, len: inner };
                    self.run_rows(program, &mut rows, |_, value, view, rows| {
                        self.store_rows(view, rows, value);
                    });
                    item += count;
                }
            }
        });
    }

    /// Runs a program on a stretch of elements and hands each result to `take` with its number and view.
    pub fn run(&self, program: &Program, stretch: Stretch, mut take: impl FnMut(usize, Source, &View)) {
        with_slots(program, |registers, fetched| {
            let mut loads = [Source::Splat(0.0); crate::lower::MAX_VIEWS];
            for ((slot, load), source) in fetched.iter_mut().zip(&program.loads).zip(&mut loads) {
                *source = self.fetch(load, stretch, slot);
            }
            compute(program, registers, &loads, stretch.len);
            for (number, (arg, view)) in program.results.iter().enumerate() {
                take(number, source(*arg, registers, &loads, stretch.len), view);
            }
        });
    }

    /// [`Launch::run`] on several rows, one behind the other.
    pub fn run_rows(
        &self,
        program: &Program,
        rows: &mut Rows,
        mut take: impl FnMut(usize, Source, &View, &mut Rows),
    ) {
        let len = rows.count * rows.len;
        with_slots(program, |registers, fetched| {
            let mut loads = [Source::Splat(0.0); crate::lower::MAX_VIEWS];
            for ((slot, load), source) in fetched.iter_mut().zip(&program.loads).zip(&mut loads) {
                *source = self.fetch_rows(load, rows, slot);
            }
            compute(program, registers, &loads, len);
            for (number, (arg, view)) in program.results.iter().enumerate() {
                take(number, source(*arg, registers, &loads, len), view, rows);
            }
        });
    }
}

/// Lends this thread's registers, and slots for what `program` fetches.
fn with_slots<T>(program: &Program, body: impl FnOnce(&mut [Vec<f32>], &mut [Vec<f32>]) -> T) -> T {
    SCRATCH.with_borrow_mut(|slots| {
        let registers = crate::lower::MAX_REGISTERS;
        let count = registers + program.loads.len().max(slots.len().saturating_sub(registers));
        slots.resize_with(count, || vec![0.0; CHUNK]);
        let (registers, fetched) = slots.split_at_mut(registers);
        body(registers, fetched)
    })
}

/// A program's instructions on `len` elements.
fn compute(program: &Program, registers: &mut [Vec<f32>], loads: &[Source], len: usize) {
    for step in &program.instructions {
        let mut to = std::mem::take(&mut registers[usize::from(step.to)]);
        point::apply(step.op, step.args.map(|a| source(a, registers, loads, len)), &mut to[..len]);
        registers[usize::from(step.to)] = to;
    }
}

/// Rows from `index` on that a program runs on at once: those of the last outer axis, [`CHUNK`] elements of them.
pub fn rows_at_once(outer: &[usize], inner: usize, index: &[usize]) -> usize {
    let Some(last) = outer.len().checked_sub(1) else { return 1 };
    (outer[last] - index[last]).min(CHUNK / inner.max(1)).max(1)
}

/// The innermost axis apart from the others.
pub fn split(shape: &[usize]) -> (&[usize], usize) {
    match shape {
        [] => (&[], 1),
        [outer @ .., inner] => (outer, *inner),
    }
}

/// The index of element `at` in row-major order.
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
