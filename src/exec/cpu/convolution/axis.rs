//! Blocks of a picture along one axis of a gather: which of its rows or columns a block holds.

use crate::lower::Axis;
use std::ops::Range;

impl Axis {
    /// What all of `phases`, which have a stride of 1, read: as many results as the most of them have, over the pixels that
    /// any of them sees.
    pub fn cover(phases: &[Axis]) -> Axis {
        let seeing = || phases.iter().filter(|phase| phase.taps > 0);
        let from = seeing().map(|phase| phase.from).min().unwrap_or(0);
        let end = seeing().map(|phase| phase.from + phase.taps as isize).max().unwrap_or(1);
        let count = phases.iter().map(|phase| phase.count).max().unwrap_or(0);
        Axis { from, taps: (end - from) as usize, count, ..phases[0] }
    }

    /// Tap q alone.
    pub fn only(&self, q: usize) -> Axis {
        Axis { from: self.from + q as isize, taps: 1, ..*self }
    }

    /// Rows of a block from one result to the next: pixels between results that no tap sees are left out of it.
    pub fn pitch(&self) -> usize {
        self.stride.min(self.taps)
    }

    /// Rows of a block of `count` results.
    pub fn reach(&self, count: usize) -> usize {
        count.saturating_sub(1) * self.pitch() + self.taps
    }

    /// The pixel in row i of a block that begins at a result.
    pub fn pixel(&self, result: usize, i: usize) -> isize {
        let (t, q) = if self.stride > self.taps { (i / self.taps, i % self.taps) } else { (0, i) };
        self.from + ((result + t) * self.stride + q) as isize
    }

    /// Taps of result t that meet one of n pixels; the others meet padding.
    pub fn inside(&self, t: usize, pixels: usize) -> Range<usize> {
        let from = self.from + (t * self.stride) as isize;
        let tap = |pixel: isize| (pixel - from).clamp(0, self.taps as isize) as usize;
        tap(0)..tap(pixels as isize).max(tap(0))
    }
}
