//! What a slice takes of an axis: a run of elements, every so many of them, backwards or forwards.

/// Elements of an axis: `count` of them, the first at `from`, each `step` after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// The first element.
    pub from: usize,
    /// How many.
    pub count: usize,
    /// From one element to the next; negative steps go backwards. 1 where fewer than two elements are taken.
    pub step: isize,
}

impl Cut {
    /// Every `step`-th element from `from` on, `count` in all.
    pub fn strided(from: usize, count: usize, step: usize) -> Cut {
        Cut::new(from, count, step as isize)
    }

    /// Elements `[from, to)`.
    pub fn run(from: usize, to: usize) -> Cut {
        Cut::new(from, to.saturating_sub(from), 1)
    }

    /// An axis of `n` elements from the last to the first.
    pub fn reversed(n: usize) -> Cut {
        Cut::new(n.saturating_sub(1), n, -1)
    }

    fn new(from: usize, count: usize, step: isize) -> Cut {
        Cut { from, count, step: if count < 2 { 1 } else { step } }
    }

    /// Where element `index` of the cut lies on the axis.
    pub fn at(&self, index: usize) -> usize {
        self.from.wrapping_add_signed(index as isize * self.step)
    }

    /// The elements `[lowest, highest + 1)` that it lies within.
    pub fn span(&self) -> (usize, usize) {
        let last = if self.count == 0 { self.from } else { self.at(self.count - 1) };
        (self.from.min(last), self.from.max(last) + usize::from(self.count > 0))
    }

    /// Whether it takes an axis of `n` elements as it is.
    pub fn is_whole(&self, n: usize) -> bool {
        *self == Cut::run(0, n)
    }

    /// Whether it takes neighbours in their order.
    pub fn is_run(&self) -> bool {
        self.step == 1
    }

    /// Whether an axis of `n` elements has all of it.
    pub(super) fn fits(&self, n: usize) -> bool {
        let end = self.from as isize + self.count.saturating_sub(1) as isize * self.step;
        let last = end >= 0 && (end as usize) < n.max(usize::from(self.count == 0));
        self.step != 0 && self.from <= n && (self.count == 0 || (last && self.from < n))
    }

    /// What `self` takes of what `first` took.
    pub(super) fn of(&self, first: Cut) -> Cut {
        Cut::new(first.at(self.from), self.count, first.step * self.step)
    }

    /// What takes these elements of an axis that begins `by` elements later.
    pub(super) fn before(&self, by: usize) -> Cut {
        Cut { from: self.from - by, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::Cut;

    #[test]
    fn a_cut_of_a_cut_takes_what_both_take() {
        let axis: Vec<usize> = (0..20).collect();
        let take = |of: &[usize], cut: Cut| -> Vec<usize> { (0..cut.count).map(|i| of[cut.at(i)]).collect() };
        let first = Cut::strided(3, 6, 3);
        for second in
            [Cut::run(1, 5), Cut::reversed(6), Cut::strided(0, 3, 2), Cut::run(2, 3), Cut::run(2, 2)]
        {
            assert_eq!(take(&axis, second.of(first)), take(&take(&axis, first), second), "{second:?}");
        }
        assert_eq!(Cut::reversed(6).of(Cut::reversed(6)), Cut::run(0, 6));
        assert_eq!(Cut::reversed(6).of(first).span(), (3, 19));
        assert!(first.fits(19) && !first.fits(18) && Cut::reversed(4).fits(4) && !Cut::reversed(4).fits(3));
        assert!(Cut::run(4, 4).fits(4) && Cut::run(0, 0).fits(0) && !Cut::strided(0, 2, 0).fits(4));
        assert!(!Cut { from: 1, count: 3, step: -1 }.fits(9));
    }
}
