//! 2-D convolution, channels last: its geometry, and the definition of its three products.
//!
//! With a picture x `[rows, height, width, in]`, a kernel w `[kh, kw, in, out]` and a result y `[rows, y height, y width,
//! out]`, all three come from one trilinear form: the sum over rows, positions, taps and channels of x · w · y. Each
//! product is the form without one of its factors, so that the derivative of each by either operand is one of the others.
//! A tap beyond the picture reads 0.

/// Kernel, stride and zero padding of a convolution, height before width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps.
    pub kernel: [usize; 2],
    /// Pixels from one position to the next.
    pub stride: [usize; 2],
    /// Zeros before and after.
    pub pad: [(usize, usize); 2],
}

impl Window {
    /// A square kernel with the same padding on all sides.
    pub fn square(kernel: usize, stride: usize, pad: usize) -> Window {
        Window { kernel: [kernel; 2], stride: [stride; 2], pad: [(pad, pad); 2] }
    }

    /// TensorFlow's "SAME" on a picture: ⌈n / stride⌉ positions an axis, the odd zero behind.
    pub fn same(kernel: usize, stride: usize, picture: [usize; 2]) -> Window {
        let pad = picture.map(|n| {
            let needed = ((n.div_ceil(stride) - 1) * stride + kernel).saturating_sub(n);
            (needed / 2, needed - needed / 2)
        });
        Window { kernel: [kernel; 2], stride: [stride; 2], pad }
    }

    /// Positions on a picture, height and width; none where the kernel is larger than the padded picture.
    pub fn positions(&self, picture: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let (before, after) = self.pad[axis];
            let room = (before + picture[axis] + after).checked_sub(self.kernel[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// Taps that a pixel of such a picture meets over all positions, away from edges: 1 of a kernel that covers the picture.
    pub fn meetings(&self, picture: [usize; 2]) -> usize {
        let product = |of: [usize; 2]| of[0] * of[1];
        if self.covers(picture) { 1 } else { product(self.kernel).div_ceil(product(self.stride)) }
    }

    /// The pixel that a tap meets at a position; none in the padding.
    fn pixel(&self, axis: usize, position: usize, tap: usize, pixels: usize) -> Option<usize> {
        let padded = position * self.stride[axis] + tap;
        padded.checked_sub(self.pad[axis].0).filter(|&pixel| pixel < pixels)
    }

    /// Whether the one position of the kernel meets every pixel once: the convolution is then a plain product.
    pub fn covers(&self, picture: [usize; 2]) -> bool {
        self.kernel == picture && self.pad == [(0, 0); 2]
    }

    /// Whether every position meets one pixel of its own: the convolution is then a product at each pixel.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.pad == [(0, 0); 2]
    }

    /// Checks x, w and y against each other.
    pub(super) fn check(&self, x: &[usize], w: &[usize], y: &[usize]) -> Result<(), String> {
        let fits = match (x, w, y) {
            (&[rows, height, width, inputs], &[kh, kw, wi, wo], &[y_rows, y_height, y_width, outputs]) => {
                (rows, inputs, outputs, self.kernel) == (y_rows, wi, wo, [kh, kw])
                    && self.stride.iter().all(|&s| s > 0)
                    && self.positions([height, width]) == Some([y_height, y_width])
            }
            _ => false,
        };
        match fits {
            true => Ok(()),
            false => Err(format!("{self:?} does not take {x:?} by {w:?} to {y:?}")),
        }
    }

    /// Every term of the trilinear form of these shapes: positions in x, w and y.
    pub(super) fn each_term(&self, x: &[usize], y: &[usize], mut term: impl FnMut(usize, usize, usize)) {
        let (&[rows, height, width, inputs], &[_, y_height, y_width, outputs]) = (x, y) else { return };
        let [kh, kw] = self.kernel;
        for row in 0..rows {
            for (i, j) in (0..y_height).flat_map(|i| (0..y_width).map(move |j| (i, j))) {
                let at_y = ((row * y_height + i) * y_width + j) * outputs;
                for (s, t) in (0..kh).flat_map(|s| (0..kw).map(move |t| (s, t))) {
                    let pixel = (self.pixel(0, i, s, height), self.pixel(1, j, t, width));
                    let (Some(p), Some(q)) = pixel else { continue };
                    let at_x = ((row * height + p) * width + q) * inputs;
                    let at_w = (s * kw + t) * inputs * outputs;
                    for (c, o) in (0..inputs).flat_map(|c| (0..outputs).map(move |o| (c, o))) {
                        term(at_x + c, at_w + c * outputs + o, at_y + o);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn same_makes_as_many_positions_as_strides_fit() {
        for (kernel, stride) in [(5, 2), (4, 2), (3, 1), (2, 3), (1, 2)] {
            for n in 1..12 {
                let window = Window::same(kernel, stride, [n, n + 1]);
                let wanted = [n.div_ceil(stride), (n + 1).div_ceil(stride)];
                assert_eq!(window.positions([n, n + 1]), Some(wanted), "{kernel} by {stride} on {n}");
            }
        }
        assert_eq!(Window::same(5, 2, [28, 7]).pad, [(1, 2), (2, 2)]);
    }

    #[test]
    fn a_pixel_meets_kernel_over_stride_taps() {
        assert_eq!(Window::square(4, 2, 1).meetings([32, 32]), 4);
        assert_eq!(Window::square(3, 1, 1).meetings([8, 8]), 9);
        assert_eq!(Window::same(5, 2, [28, 28]).meetings([28, 28]), 7);
        let covering = Window { kernel: [4, 7], stride: [1, 1], pad: [(0, 0); 2] };
        assert_eq!(covering.meetings([4, 7]), 1);
    }

    #[test]
    fn a_kernel_beyond_the_padded_picture_has_no_position() {
        let window = Window::square(4, 2, 1);
        assert_eq!(window.positions([1, 8]), None);
        assert_eq!(window.positions([2, 8]), Some([1, 4]));
        // A stride that leaves pixels over.
        assert_eq!(Window::square(3, 2, 0).positions([6, 5]), Some([2, 2]));
    }
}
