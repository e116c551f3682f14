//! Strided windows onto buffers: how movement ops cost nothing.

use super::place::Place;
use crate::graph::Cut;

/// Element `index` of an iteration space lives at `base + Σ index[i]·strides[i]` of `place`, if every
/// `index[i]` is inside `windows[i]`; outside, the view reads 0 (a pad). Until places are known, `place` is a node of the
/// graph instead.
#[derive(Debug, Clone, PartialEq)]
pub struct View<P = Place> {
    /// Where the elements are.
    pub place: P,
    /// Position of index 0, in elements; may be negative where a window hides it.
    pub base: isize,
    /// Elements from one index to the next, each axis; 0 repeats.
    pub strides: Vec<isize>,
    /// `[from, to)` each axis.
    pub windows: Vec<(usize, usize)>,
}

impl<P> View<P> {
    /// A dense row-major array.
    pub fn contiguous(place: P, shape: &[usize]) -> View<P> {
        let mut strides = vec![1isize; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i] * shape[i] as isize;
        }
        View { place, base: 0, strides, windows: shape.iter().map(|&n| (0, n)).collect() }
    }

    /// The view of the same elements in a place made of this one's.
    pub fn map<Q>(&self, place: impl FnOnce(&P) -> Q) -> View<Q> {
        let View { place: own, base, strides, windows } = self;
        View { place: place(own), base: *base, strides: strides.clone(), windows: windows.clone() }
    }

    /// The view's axes, to rewrite.
    pub fn axes_mut(&mut self) -> Axes<'_> {
        Axes { strides: &mut self.strides, windows: &mut self.windows }
    }

    /// Whether some index of `shape` lies outside a window.
    pub fn is_windowed(&self, shape: &[usize]) -> bool {
        self.windows.iter().zip(shape).any(|(&(from, to), &n)| from > 0 || to < n)
    }

    /// Some elements of each axis.
    pub fn slice(mut self, cuts: &[Cut]) -> View<P> {
        for (axis, cut) in cuts.iter().enumerate() {
            self.base += cut.from as isize * self.strides[axis];
            self.strides[axis] *= cut.step;
            // Elements whose place on the axis is inside the window follow each other.
            let (lo, hi) = self.windows[axis];
            let inside = |i: &usize| (lo..hi).contains(&cut.at(*i));
            let from = (0..cut.count).find(inside).unwrap_or(0);
            self.windows[axis] = (from, from + (from..cut.count).take_while(inside).count());
        }
        self
    }

    /// Zeros `before` each axis and after it.
    pub fn pad(mut self, spec: &[(usize, usize)]) -> View<P> {
        for (axis, &(before, _)) in spec.iter().enumerate() {
            self.base -= before as isize * self.strides[axis];
            let (lo, hi) = self.windows[axis];
            self.windows[axis] = (lo + before, hi + before);
        }
        self
    }

    /// Axes in another order: axis i becomes axis `perm[i]` of before.
    pub fn permute(mut self, perm: &[usize]) -> View<P> {
        self.strides = perm.iter().map(|&axis| self.strides[axis]).collect();
        self.windows = perm.iter().map(|&axis| self.windows[axis]).collect();
        self
    }

    /// Axes of length 1 in `from` repeated to their length in `to`.
    ///
    /// # Panics
    /// When such an axis lies outside its window: zeros broadcast are a constant, which rewrites remove.
    pub fn broadcast(mut self, from: &[usize], to: &[usize]) -> View<P> {
        for axis in 0..from.len() {
            if from[axis] != to[axis] {
                assert_eq!(self.windows[axis], (0, 1), "broadcast of a padded axis");
                self.strides[axis] = 0;
                self.windows[axis] = (0, to[axis]);
            }
        }
        self
    }

    /// A view of these elements under another shape, if strides can say it.
    ///
    /// Both shapes are cut into the shortest runs of axes with equal products; a run keeps its axis as it
    /// is, or must be densely strided and without windows.
    pub fn reshape(&self, from: &[usize], to: &[usize]) -> Option<View<P>>
    where
        P: Copy,
    {
        let (mut strides, mut windows) = (Vec::new(), Vec::new());
        let (mut i, mut j) = (0, 0);
        while i < from.len() || j < to.len() {
            let (first, start) = (i, j);
            let (mut left, mut right) = (1, 1);
            // One axis on each side at least (where there is one), then until the products agree.
            loop {
                if i < from.len() && (left < right || (i == first && left == right)) {
                    left *= from[i];
                    i += 1;
                } else if j < to.len() && (right < left || j == start) {
                    right *= to[j];
                    j += 1;
                } else {
                    break;
                }
            }
            let (a, b) = (&from[first..i], &to[start..j]);
            if a == b {
                strides.extend(&self.strides[first..i]);
                windows.extend(&self.windows[first..i]);
                continue;
            }
            let axes: Vec<usize> = (first..i).filter(|&x| from[x] != 1).collect();
            let whole = (first..i).all(|x| self.windows[x] == (0, from[x]));
            let dense =
                axes.windows(2).all(|w| self.strides[w[0]] == self.strides[w[1]] * from[w[1]] as isize);
            if !whole || !dense {
                return None;
            }
            let mut stride = axes.last().map_or(0, |&x| self.strides[x]);
            let mut run: Vec<isize> = Vec::new();
            for &n in b.iter().rev() {
                run.push(stride);
                stride *= n as isize;
            }
            strides.extend(run.into_iter().rev());
            windows.extend(b.iter().map(|&n| (0, n)));
        }
        Some(View { place: self.place, base: self.base, strides, windows })
    }
}

/// Strides and windows of a view, whatever it lies in, to rewrite.
pub struct Axes<'a> {
    strides: &'a mut Vec<isize>,
    windows: &'a mut Vec<(usize, usize)>,
}

/// Merges neighbouring axes that every view walks as one, and drops axes of length 1.
///
/// All views share the iteration space `shape`; `fixed[i]` keeps axis i from merging with axis i + 1.
pub fn collapse(shape: &mut Vec<usize>, fixed: &mut Vec<bool>, views: &mut [Axes]) {
    let mut axis = 0;
    while axis < shape.len() {
        let drop = shape.len() > 1 && shape[axis] == 1 && views.iter().all(|v| v.windows[axis] == (0, 1));
        if drop {
            shape.remove(axis);
            // What kept this axis from its successor now keeps its predecessor from it.
            let kept = fixed.remove(axis);
            if axis > 0 {
                fixed[axis - 1] |= kept;
            }
            for view in views.iter_mut() {
                view.strides.remove(axis);
                view.windows.remove(axis);
            }
            continue;
        }
        let next = axis + 1;
        let merge = next < shape.len()
            && !fixed[axis]
            && views.iter().all(|v| {
                v.strides[axis] == v.strides[next] * shape[next] as isize
                    && v.windows[axis] == (0, shape[axis])
                    && v.windows[next] == (0, shape[next])
            });
        if merge {
            let inner = shape.remove(next);
            shape[axis] *= inner;
            fixed.remove(axis);
            for view in views.iter_mut() {
                view.strides.remove(axis);
                view.windows.remove(next);
                view.windows[axis] = (0, shape[axis]);
            }
            continue;
        }
        axis += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(shape: &[usize]) -> View {
        View::contiguous(Place::Arena(0), shape)
    }

    fn runs(spec: &[(usize, usize)]) -> Vec<Cut> {
        spec.iter().map(|&(from, to)| Cut::run(from, to)).collect()
    }

    #[test]
    fn reshape_splits_and_joins_dense_axes() {
        let split = dense(&[4, 6]).reshape(&[4, 6], &[4, 2, 3]).expect("dense");
        assert_eq!(split.strides, [6, 3, 1]);
        let part = split.slice(&runs(&[(0, 4), (1, 2), (0, 3)]));
        let part = part.reshape(&[4, 1, 3], &[4, 3]).expect("one axis drops");
        assert_eq!((part.base, part.strides), (3, vec![6, 1]));
        let column = dense(&[4, 6]).slice(&runs(&[(0, 4), (2, 4)]));
        assert!(column.reshape(&[4, 2], &[8]).is_none(), "rows of a column slice are not dense");
        assert_eq!(column.reshape(&[4, 2], &[1, 4, 2, 1]).expect("ones are free").strides[1..3], [6, 1]);
    }

    #[test]
    fn a_permuted_view_takes_its_strides_and_windows_along() {
        let padded = dense(&[2, 3, 4]).pad(&[(0, 0), (1, 0), (0, 0)]);
        let turned = padded.clone().permute(&[2, 0, 1]);
        assert_eq!((turned.base, &turned.strides[..]), (-4, &[1, 12, 4][..]));
        assert_eq!(turned.windows, [(0, 4), (0, 2), (1, 4)]);
        assert_eq!(turned.clone().permute(&[1, 2, 0]), padded);
        let joined =
            dense(&[2, 3, 4]).permute(&[2, 0, 1]).reshape(&[4, 2, 3], &[4, 6]).expect("neighbours stay");
        assert_eq!(joined.strides, [1, 4]);
        assert!(dense(&[2, 3, 4]).permute(&[0, 2, 1]).reshape(&[2, 4, 3], &[2, 12]).is_none());
    }

    #[test]
    fn a_pad_is_a_window() {
        let padded = dense(&[2, 3]).pad(&[(1, 1), (0, 0)]);
        assert_eq!((padded.base, &padded.windows[..]), (-3, &[(1, 3), (0, 3)][..]));
        let back = padded.slice(&runs(&[(1, 3), (0, 3)]));
        assert_eq!(back, dense(&[2, 3]));
    }

    #[test]
    fn steps_stretch_strides_and_narrow_windows() {
        // Elements 0 and 8 of ten are padding.
        let padded = dense(&[7]).pad(&[(1, 2)]);
        let every_third = padded.clone().slice(&[Cut::strided(0, 4, 3)]);
        assert_eq!(
            (every_third.base, &every_third.strides[..], every_third.windows[0]),
            (-1, &[3][..], (1, 3))
        );
        let backwards = padded.slice(&[Cut::reversed(10)]);
        assert_eq!((backwards.base, &backwards.strides[..], backwards.windows[0]), (8, &[-1][..], (2, 9)));
        assert_eq!(dense(&[2]).pad(&[(1, 0)]).slice(&[Cut::run(0, 1)]).windows, [(0, 0)]);
    }

    #[test]
    fn collapse_keeps_what_strides_say() {
        let (mut a, mut b) = (dense(&[4, 1, 6]), dense(&[1, 1, 6]));
        b = b.broadcast(&[1, 1, 6], &[4, 1, 6]);
        let mut shape = vec![4, 1, 6];
        collapse(&mut shape, &mut vec![false; 3], &mut [a.axes_mut(), b.axes_mut()]);
        assert_eq!((shape, a.strides, b.strides), (vec![4, 6], vec![6, 1], vec![0, 1]));
        let mut alone = dense(&[4, 1, 6]);
        let mut shape = vec![4, 1, 6];
        collapse(&mut shape, &mut vec![false; 3], &mut [alone.axes_mut()]);
        assert_eq!((shape, alone.strides), (vec![24], vec![1]));
    }
}
