//! Convolutions: products one of whose operands is seen through windows.

use super::place::Place;
use super::product::Epilogue;
use super::view::View;
use crate::graph::Window;

/// Which of a convolution's three arrays comes out of the other two: see `graph/conv.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// y from x and w.
    Result,
    /// x's gradient from y and w: also a transposed convolution.
    Picture,
    /// w's gradient from x and y.
    Kernel,
}

impl Form {
    /// Name of the form in listings.
    pub fn name(self) -> &'static str {
        match self {
            Form::Result => "conv2d",
            Form::Picture => "conv2d_dx",
            Form::Kernel => "conv2d_dw",
        }
    }
}

/// out = epilogue(a convolution's product of a and b), a matrix with contiguous rows. `[m, n]` is `[pixels of y, its
/// channels]` for the result, `[pixels of x, its channels]` for the picture, `[taps and channels of x, channels of y]` for
/// the kernel. Pictures are channels last, their channels contiguous.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution<P = Place> {
    /// What comes out.
    pub form: Form,
    /// Kernel, stride and padding.
    pub window: Window,
    /// Rows, height, width and channels of x.
    pub x: [usize; 4],
    /// Rows, height, width and channels of y.
    pub y: [usize; 4],
    /// First operand: x, or y where the picture comes out. A channel's neighbour lies beside it.
    pub a: View<P>,
    /// Second operand: w `[kh, kw, in, out]`, dense; or, where the kernel comes out, y as a matrix `[pixels, channels]`, rows
    /// contiguous.
    pub b: View<P>,
    /// Result, `[m, n]`, rows contiguous.
    pub out: View<P>,
    /// Applied in order, over `[m, n]`.
    pub epilogue: Vec<Epilogue<View<P>>>,
    /// Where the sum of y over its pixels goes, `[1, n]` of f32, beside the kernel: a bias' gradient.
    pub column_sums: Option<View<P>>,
}

impl<P> Convolution<P> {
    /// m, n, and the terms of each sum; where padding leaves terms out, or strides do, the most that there can be.
    pub fn size(&self) -> [usize; 3] {
        let [kh, kw] = self.window.kernel;
        let pixels = |[rows, height, width, _]: [usize; 4]| rows * height * width;
        let (inputs, outputs) = (self.x[3], self.y[3]);
        match self.form {
            Form::Result => [pixels(self.y), outputs, kh * kw * inputs],
            Form::Picture => {
                let taps = |axis: usize| self.window.kernel[axis].div_ceil(self.window.stride[axis]);
                [pixels(self.x), inputs, taps(0) * taps(1) * outputs]
            }
            Form::Kernel => [kh * kw * inputs, outputs, pixels(self.y)],
        }
    }

    /// Multiplications, each with its addition, of all three forms alike; those in the padding count.
    pub fn multiplications(&self) -> usize {
        let [rows, height, width, outputs] = self.y;
        rows * height * width * outputs * self.window.kernel.iter().product::<usize>() * self.x[3]
    }

    /// A convolution of memory in places made of this one's.
    pub fn map<Q>(&self, mut place: impl FnMut(&P) -> Q) -> Convolution<Q> {
        let Convolution { form, window, x, y, a, b, out, epilogue, column_sums } = self;
        let (a, b, out) = (a.map(&mut place), b.map(&mut place), out.map(&mut place));
        let epilogue =
            epilogue.iter().map(|step| step.map(|view| view.map(&mut place), View::clone)).collect();
        let column_sums = column_sums.as_ref().map(|view| view.map(&mut place));
        Convolution { form: *form, window: *window, x: *x, y: *y, a, b, out, epilogue, column_sums }
    }
}
