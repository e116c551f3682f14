//! The address generator: which pixels and taps a result meets along one axis.

use crate::graph::Window;
use std::ops::Range;

/// A gather along one axis: result `first + t·step`, t < `count`, reads pixels `from + t·stride + q` of a picture, q < `taps`,
/// and tap `weight + q·weight_step` of the kernel for each.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    pub first: usize,
    pub step: usize,
    pub count: usize,
    pub from: isize,
    pub stride: usize,
    pub taps: usize,
    pub weight: isize,
    pub weight_step: isize,
}

impl Axis {
    /// Positions of y over x.
    pub fn forward(window: &Window, axis: usize, positions: usize) -> Axis {
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
    pub fn backward(window: &Window, axis: usize, pixels: usize, r: usize) -> Axis {
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

    /// The kernel's tap behind tap q.
    pub fn tap(&self, q: usize) -> usize {
        (self.weight + q as isize * self.weight_step) as usize
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
