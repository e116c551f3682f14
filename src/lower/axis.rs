//! The address generator of convolutions: which pixels and taps a result meets along one axis. The result of a convolution
//! is one gather; its picture's gradient is stride gathers an axis, each of the pixels of one phase.

use crate::graph::Window;

/// A gather along one axis: result `first + t·step`, t < `count`, reads pixels `from + t·stride + q` of a picture, q < `taps`,
/// and tap `weight + q·weight_step` of the kernel for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// First result.
    pub first: usize,
    /// From one result to the next.
    pub step: usize,
    /// Results.
    pub count: usize,
    /// First pixel of result 0; before 0 in the padding.
    pub from: isize,
    /// Pixels from one result to the next.
    pub stride: usize,
    /// Pixels a result reads.
    pub taps: usize,
    /// Tap of the kernel behind tap 0.
    pub weight: isize,
    /// From one to the next of these.
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

    /// The kernel's tap behind tap q.
    pub fn tap(&self, q: usize) -> usize {
        (self.weight + q as isize * self.weight_step) as usize
    }
}
