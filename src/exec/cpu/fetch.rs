//! What launches read and write: stretches of elements along the innermost axis, and several short rows at once.

use super::launch::Launch;
use super::point::{self, CHUNK, Source};
use crate::graph::Dist;
use crate::lower::{Load, View};
use crate::rng::Draw;

/// Elements `[from, from + len)` of the innermost axis, at an index of the outer ones.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    /// Index along each outer axis.
    pub index: &'a [usize],
    /// The first element.
    pub from: usize,
    /// Elements.
    pub len: usize,
}

/// Rows next to each other of an iteration space, each whole: what short rows are worked on in.
pub struct Rows<'a> {
    /// Index of the first row; its last axis counts the rows. What uses it leaves it as it was.
    pub index: &'a mut [usize],
    /// Rows.
    pub count: usize,
    /// Elements of a row.
    pub len: usize,
}

impl Rows<'_> {
    /// Row i alone.
    fn with_row<T>(&mut self, i: usize, then: impl FnOnce(Stretch) -> T) -> T {
        if let Some(last) = self.index.last_mut() {
            *last += i;
        }
        let result = then(Stretch { index: self.index, from: 0, len: self.len });
        if let Some(last) = self.index.last_mut() {
            *last -= i;
        }
        result
    }
}

impl Launch<'_> {
    /// [`Launch::fetch`] for several rows, one behind the other.
    #[allow(unsafe_code)]
    pub fn fetch_rows<'a>(&'a self, load: &Load, rows: &mut Rows, slot: &'a mut [f32]) -> Source<'a> {
        let (count, len) = (rows.count, rows.len);
        if count == 1 {
            return rows.with_row(0, |row| self.fetch(load, row, slot));
        }
        if let Load::Memory(view) = load {
            let last = rows.index.len() - 1;
            let (from, to) = view.windows[last];
            let inside = from <= rows.index[last] && rows.index[last] + count <= to;
            let whole = inside && inner_axis(view).1 == (0, len);
            if let Some(base) = row_base(view, rows.index).filter(|_| whole) {
                // SAFETY: operands of a launch are not written by it.
                let read = |len: usize| unsafe { self.shared.read(view.place, base as usize, len) };
                match (view.strides[last], inner_axis(view).0) {
                    (stride, 1) if stride == len as isize => return Source::Slice(read(count * len)),
                    (0, 0) => return Source::Splat(read(1)[0]),
                    (0, 1) => {
                        repeat(read(len), &mut slot[..count * len]);
                        return Source::Slice(&slot[..count * len]);
                    }
                    _ => {}
                }
            }
        }
        let mut scratch = [0.0; CHUNK];
        for (i, to) in slot[..count * len].chunks_exact_mut(len.max(1)).enumerate() {
            match rows.with_row(i, |row| self.fetch(load, row, &mut scratch)) {
                Source::Slice(x) => to.copy_from_slice(x),
                Source::Splat(x) => to.fill(x),
            }
        }
        Source::Slice(&slot[..count * len])
    }

    /// [`Launch::store`] for several rows, one behind the other.
    pub fn store_rows(&self, view: &View, rows: &mut Rows, value: Source) {
        let (count, len, last) = (rows.count, rows.len, rows.index.len().wrapping_sub(1));
        if count > 1 && view.strides[last] == len as isize && inner_axis(view).0 == 1 {
            return rows.with_row(0, |row| self.store(view, Stretch { len: count * len, ..row }, value));
        }
        for i in 0..count {
            let value = match value {
                Source::Slice(x) => Source::Slice(&x[i * len..][..len]),
                splat => splat,
            };
            rows.with_row(i, |row| self.store(view, row, value));
        }
    }

    /// A program's operand for a stretch of elements; `slot` holds it where it cannot be read in place.
    pub fn fetch<'a>(&'a self, load: &Load, stretch: Stretch, slot: &'a mut [f32]) -> Source<'a> {
        match load {
            Load::Memory(view) => self.fetch_memory(view, stretch, slot),
            Load::Rand { stream, dist, view } => {
                Source::Slice(fetch_random(&self.moment.draw(*stream), *dist, view, stretch, slot))
            }
        }
    }

    /// Memory under a stretch of elements; `slot` holds it where it cannot be read in place.
    #[allow(unsafe_code)]
    pub fn fetch_memory<'a>(&'a self, view: &View, stretch: Stretch, slot: &'a mut [f32]) -> Source<'a> {
        let Stretch { index, from, len } = stretch;
        let Some(base) = row_base(view, index) else { return Source::Splat(0.0) };
        let (stride, (lo, hi)) = inner_axis(view);
        let (lo, hi) = (lo.clamp(from, from + len), hi.clamp(from, from + len));
        let position = |i: usize| (base + i as isize * stride) as usize;
        // SAFETY: operands of a launch are not written by it.
        let read = |at: usize, len: usize| unsafe { self.shared.read(view.place, at, len) };
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
            // Backwards, the last element lies first.
            let (step, last) = (stride.unsigned_abs(), hi - lo - 1);
            let all = read(position(if stride < 0 { hi - 1 } else { lo }), last * step + 1);
            let elements = part.iter_mut().enumerate();
            match stride < 0 {
                true => elements.for_each(|(i, x)| *x = all[(last - i) * step]),
                false => elements.for_each(|(i, x)| *x = all[i * step]),
            }
        }
        Source::Slice(&slot[..len])
    }

    /// Writes a stretch of a result.
    #[allow(unsafe_code)]
    pub fn store(&self, view: &View, stretch: Stretch, value: Source) {
        let Stretch { index, from, len } = stretch;
        let Some(base) = row_base(view, index) else { unreachable!("results have no windows") };
        let stride = view.strides.last().copied().unwrap_or(1);
        let at = (base + from as isize * stride) as usize;
        // SAFETY: each index of a launch belongs to one task, and results of different indices (kept indices, in
        // a reduction) are different elements.
        let write = |at: usize, len: usize| unsafe { self.shared.write(view.place, at, len) };
        let format = self.shared.format(view.place);
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
}

/// Copies of `row`, one behind the other, fill `to`.
fn repeat(row: &[f32], to: &mut [f32]) {
    let mut done = row.len();
    to[..done].copy_from_slice(row);
    while done < to.len() {
        let more = done.min(to.len() - done);
        to.copy_within(..more, done);
        done += more;
    }
}

/// Position of the innermost axis' element 0 at `index`, or `None` outside a window of the outer axes.
fn row_base<P>(view: &View<P>, index: &[usize]) -> Option<isize> {
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

/// Stride and window of the innermost axis; a scalar has none and is its own row.
fn inner_axis<P>(view: &View<P>) -> (isize, (usize, usize)) {
    match view.strides.len() {
        0 => (0, (0, 1)),
        rank => (view.strides[rank - 1], view.windows[rank - 1]),
    }
}

/// Fills `slot` with the random numbers at the view's positions; 0 outside its windows.
pub fn fetch_random<'a>(
    draw: &Draw,
    dist: Dist,
    view: &View<()>,
    stretch: Stretch,
    slot: &'a mut [f32],
) -> &'a [f32] {
    let Stretch { index, from, len } = stretch;
    let slot = &mut slot[..len];
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
