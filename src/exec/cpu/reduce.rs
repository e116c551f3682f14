//! Reductions on CPU threads. How they are cut depends on their shape alone, so that additions have one order.

use super::fetch::{Rows, Stretch};
use super::launch::Launch;
use super::point::{self, CHUNK, LANES, Source};
use super::program::{rows_at_once, split};
use crate::lower::Reduce;
use std::ops::Range;

/// Summed rows of a slice, at least: shorter sums have one slice.
const SLICE: usize = 2048;
/// Slices at most.
const SLICES: usize = 16;

/// Slices that a sum over `count` rows is cut into, added up in their order.
pub fn slices(count: usize) -> usize {
    (count / SLICE).clamp(1, SLICES)
}

/// Rows of a slice.
pub fn slice(count: usize, slices: usize, number: usize) -> Range<usize> {
    let each = count.div_ceil(slices);
    (number * each).min(count)..((number + 1) * each).min(count)
}

/// What all tasks of a reduction know: the outer axes that are kept, and those that are summed, with their lengths.
struct Folding<'a> {
    reduce: &'a Reduce,
    outer: &'a [usize],
    inner: usize,
    kept: (Vec<usize>, Vec<usize>),
    folded: (Vec<usize>, Vec<usize>),
    /// Whether the innermost axis is summed.
    along_inner: bool,
}

impl<'a> Folding<'a> {
    fn new(reduce: &'a Reduce) -> Folding<'a> {
        let (outer, inner) = split(&reduce.shape);
        let axes = |wanted: bool| -> (Vec<usize>, Vec<usize>) {
            (0..outer.len()).filter(|&i| reduce.summed[i] == wanted).map(|i| (i, outer[i])).unzip()
        };
        let along_inner = reduce.summed.last().copied().unwrap_or(false);
        Folding { reduce, outer, inner, kept: axes(false), folded: axes(true), along_inner }
    }

    /// Stretches of the innermost axis that tasks share out.
    fn chunks(&self) -> usize {
        if self.along_inner { 1 } else { self.inner.div_ceil(CHUNK) }
    }

    /// Elements that a task makes of each result, at most.
    fn width(&self) -> usize {
        if self.along_inner { 1 } else { CHUNK.min(self.inner) }
    }

    /// Index of a task's kept axes; the others stay 0.
    fn index(&self, task: usize) -> Vec<usize> {
        let mut index = vec![0; self.outer.len()];
        visit(&mut index, &self.kept, task / self.chunks());
        index
    }

    /// What a task makes of the innermost axis.
    fn stretch<'i>(&self, task: usize, index: &'i [usize]) -> Stretch<'i> {
        let from = if self.along_inner { 0 } else { task % self.chunks() * CHUNK };
        Stretch { index, from, len: if self.along_inner { 1 } else { CHUNK.min(self.inner - from) } }
    }

    /// Whether neighbouring rows may be summed at once: they are all summed, none is longer than a chunk, and no sum's order
    /// changes by it.
    fn joins_rows(&self) -> bool {
        let last = self.outer.len().checked_sub(1).is_some_and(|last| self.reduce.summed[last]);
        last && self.inner <= CHUNK && (!self.along_inner || self.inner.is_multiple_of(LANES))
    }
}

/// Sets the axes of `index` to element `at` of their lengths.
fn visit(index: &mut [usize], (axes, lengths): &(Vec<usize>, Vec<usize>), mut at: usize) {
    for (&axis, length) in axes.iter().zip(lengths).rev() {
        index[axis] = at % length;
        at /= length;
    }
}

impl Launch<'_> {
    /// A pointwise program whose results are summed along the axes of `summed`.
    ///
    /// Kept indices are tasks; each walks the summed axes in row-major order, in slices where they are long.
    pub fn reduce(&self, reduce: &Reduce) {
        let folding = Folding::new(reduce);
        let count = |(_, lengths): &(Vec<usize>, Vec<usize>)| lengths.iter().product::<usize>();
        let (tasks, rows) = (count(&folding.kept) * folding.chunks(), count(&folding.folded));
        let (slices, results, width) = (slices(rows), reduce.program.results.len(), folding.width());
        let a_task = results * width;
        let mut sums = vec![0.0f32; slices * tasks * a_task];
        let parts = sums.chunks_exact_mut(a_task.max(1)).enumerate().collect();
        self.pool.run_on(parts, |(part, sums): (usize, &mut [f32])| {
            self.sum_slice(&folding, part % tasks, slice(rows, slices, part / tasks), sums);
        });
        let (total, rest) = sums.split_at_mut(tasks * a_task);
        rest.chunks_exact(total.len().max(1)).for_each(|slice| point::accumulate(total, slice));
        for (task, sums) in total.chunks_exact(a_task.max(1)).enumerate() {
            let index = folding.index(task);
            let stretch = folding.stretch(task, &index);
            for ((_, view), sums) in reduce.program.results.iter().zip(sums.chunks_exact(width)) {
                self.store(view, stretch, Source::Slice(&sums[..stretch.len]));
            }
        }
    }

    /// A task's sums over some of the summed rows, `[result, width]`.
    fn sum_slice(&self, folding: &Folding, task: usize, rows: Range<usize>, sums: &mut [f32]) {
        let Folding { reduce: Reduce { program, .. }, outer, inner, ref folded, along_inner, .. } = *folding;
        let mut index = folding.index(task);
        let width = folding.width();
        let mut lanes = [[0.0f32; LANES]; crate::lower::MAX_VIEWS];
        let joins = folding.joins_rows();
        let mut at = rows.start;
        while at < rows.end {
            visit(&mut index, folded, at);
            if joins {
                let count = rows_at_once(outer, inner, &index).min(rows.end - at);
                let mut rows = Rows { index: &mut index, count, len: inner };
                self.run_rows(program, &mut rows, |r, value, _, _| match along_inner {
                    true => with_slice(value, count * inner, |x| point::add_lanes(&mut lanes[r], x)),
                    false => with_slice(value, count * inner, |x| {
                        point::accumulate_rows(&mut sums[r * width..][..width], x);
                    }),
                });
                at += count;
                continue;
            }
            let Stretch { from, len, .. } = folding.stretch(task, &index);
            for (from, len) in match along_inner {
                true => (0..inner).step_by(CHUNK).map(|from| (from, CHUNK.min(inner - from))).collect(),
                false => vec![(from, len)],
            } {
                let stretch = Stretch { index: &index, from, len };
                self.run(program, stretch, |r, value, _| {
                    with_slice(value, len, |x| match along_inner {
                        true => point::add_lanes(&mut lanes[r], x),
                        false => point::accumulate(&mut sums[r * width..][..len], x),
                    });
                });
            }
            at += 1;
        }
        if along_inner {
            sums.iter_mut().zip(&lanes).for_each(|(sum, lanes)| *sum = fold(lanes));
        }
    }
}

/// A source's numbers, one each.
fn with_slice<T>(value: Source, len: usize, then: impl FnOnce(&[f32]) -> T) -> T {
    match value {
        Source::Slice(x) => then(x),
        Source::Splat(x) => then(&[x; CHUNK][..len]),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::cpu::memory::Shared;
    use crate::exec::cpu::pool::Pool;
    use crate::graph::Dist;
    use crate::lower::{Arg, Load, Map, Place, Program, View};
    use crate::precision::Narrow;
    use crate::rng::{Moment, PhiloxRng, stream};

    const MOMENT: Moment = Moment { seed: 3, tick: 5 };

    /// `len` normal numbers, then zeros to store into.
    fn arena(len: usize, more: usize) -> Vec<f32> {
        let mut rng = PhiloxRng::new(7, stream("rows"), 0);
        (0..len).map(|_| rng.normal()).chain(std::iter::repeat_n(0.0, more)).collect()
    }

    fn launch(arena: &mut [f32], threads: usize, body: impl FnOnce(&Launch)) {
        let pool = Pool::new(threads).expect("threads");
        let shared = Shared::new(arena, &mut [], Narrow::F16, std::iter::empty());
        body(&Launch { pool: &pool, shared, moment: MOMENT });
    }

    fn copies(load: Load, to: View) -> Program {
        Program { loads: vec![load], instructions: vec![], results: vec![(Arg::Load(0), to)] }
    }

    /// The sums of a dense array of this shape over some axes.
    fn sums(shape: &[usize], summed: &[bool], threads: usize) -> (Vec<f32>, Vec<f32>) {
        let len = shape.iter().product();
        let kept: Vec<usize> = shape.iter().zip(summed).map(|(&n, &s)| if s { 1 } else { n }).collect();
        let count: usize = kept.iter().product();
        let mut memory = arena(len, count);
        let mut to = View::contiguous(Place::Arena(len), &kept).broadcast(&kept, shape);
        to.windows = shape.iter().map(|&n| (0, n)).collect();
        let program = copies(Load::Memory(View::contiguous(Place::Arena(0), shape)), to);
        let reduce = Reduce { shape: shape.to_vec(), summed: summed.to_vec(), program };
        launch(&mut memory, threads, |launch| launch.reduce(&reduce));
        let found = memory.split_off(len);
        (memory, found)
    }

    #[test]
    fn long_sums_are_sliced_alike_on_any_number_of_threads() {
        let cases: [(&[usize], &[bool]); 4] = [
            (&[5000, 3], &[true, false]),
            (&[2, 4100, 70], &[false, true, false]),
            (&[4200, 16], &[true, true]),
            (&[3, 4097, 5], &[false, true, true]),
        ];
        for (shape, summed) in cases {
            let (x, found) = sums(shape, summed, 1);
            assert_eq!(sums(shape, summed, 2).1, found, "{shape:?} on two threads");
            let inner = shape[shape.len() - 1];
            let width = if summed[summed.len() - 1] { 1 } else { inner };
            let a_sum = x.len() / found.len();
            for (i, &sum) in found.iter().enumerate() {
                let terms =
                    x[i / width * width * a_sum..][..width * a_sum].iter().skip(i % width).step_by(width);
                let terms = terms.map(|&x| f64::from(x));
                let (exact, size) = terms.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
                let bound = a_sum as f64 * 0.5f64.powi(24) * size;
                assert!((f64::from(sum) - exact).abs() <= bound, "{shape:?} [{i}]: {sum}, not {exact}");
            }
        }
    }

    #[test]
    fn shorter_sums_go_row_after_row() {
        for inner in [3, 64, 70, 600] {
            let (x, found) = sums(&[130, inner], &[true, false], 2);
            let mut rows = vec![0.0f32; inner];
            x.chunks_exact(inner).for_each(|row| rows.iter_mut().zip(row).for_each(|(s, x)| *s += x));
            assert_eq!(found, rows, "rows of {inner}");
        }
    }

    #[test]
    fn short_rows_are_read_and_stored_as_views_say() {
        let shape = [2, 7, 5];
        let view = |base: isize, strides: [isize; 3], rows: (usize, usize), columns: (usize, usize)| View {
            place: Place::Arena(0),
            base,
            strides: strides.to_vec(),
            windows: vec![(0, 2), rows, columns],
        };
        let (all, five) = ((0, 7), (0, 5));
        let views = [
            view(0, [35, 5, 1], all, five),
            view(3, [0, 0, 1], all, five),
            view(3, [0, 0, 0], all, five),
            view(0, [7, 1, 0], all, five),
            view(4, [70, 8, 1], all, five),
            view(60, [35, -5, 1], all, five),
            view(-10, [35, 5, 1], (2, 6), five),
            view(-1, [35, 5, 1], all, (1, 4)),
            view(0, [1, 2, 14], all, five),
        ];
        for (i, view) in views.iter().enumerate() {
            let mut draw = view.map(|_| ());
            draw.base = draw.base.abs() + 30;
            let draw = Load::Rand { stream: stream("u"), dist: Dist::Uniform, view: draw };
            for load in [Load::Memory(view.clone()), draw] {
                // Dense results, and rows apart.
                for strides in [[35, 5, 1], [56, 8, 1]] {
                    let mut memory = arena(200, 112);
                    let to =
                        View { strides: strides.to_vec(), ..View::contiguous(Place::Arena(200), &shape) };
                    let map = Map { shape: shape.to_vec(), program: copies(load.clone(), to) };
                    launch(&mut memory, 1, |launch| launch.map(&map));
                    for at in 0..70 {
                        let index = [at / 35, at / 5 % 7, at % 5];
                        let place = |strides: &[isize]| -> isize {
                            strides.iter().zip(index).map(|(stride, i)| stride * i as isize).sum()
                        };
                        let wanted = match &load {
                            _ if view.windows.iter().zip(index).any(|(w, i)| i < w.0 || i >= w.1) => 0.0,
                            Load::Memory(view) => memory[(view.base + place(&view.strides)) as usize],
                            Load::Rand { stream, dist, view } => {
                                dist.sample(&MOMENT.draw(*stream), (view.base + place(&view.strides)) as u64)
                            }
                        };
                        let found = memory[200 + place(&strides) as usize];
                        assert_eq!(found, wanted, "view {i} stored by {strides:?} at {index:?}");
                    }
                }
            }
        }
    }
}
