//! Convolutions on CPU threads: implicit products over zero-padded blocks that fit the second-level cache.
//!
//! Channels last makes what a position reads of one row of taps contiguous: a run. A task copies a block of a picture with
//! its padding, then sums in register tiles ([`tile`]) whose left factor is read from the block by address; no patches are
//! gathered. The picture's gradient is stride² gathers of the result's kind ([`axis`]), so that every number is summed in
//! one place. How the work is cut depends on its shape alone: any number of threads makes the same bytes.

mod axis;
mod block;
mod gather;
mod kernel;
mod scratch;
mod strips;
#[cfg(test)]
mod tests;
mod tile;
mod winograd;

use super::launch::Launch;
use crate::lower::{Axis, Convolution, Form, View};
use crate::precision::Precision;
use block::Picture;
use gather::{Gather, Weights};

impl Launch<'_> {
    /// out = epilogue(a convolution's product of a and b).
    pub fn convolution(&self, precision: Precision, c: &Convolution) {
        let (inputs, outputs, [kh, kw]) = (c.x[3], c.y[3], c.window.kernel);
        let rounds = precision == Precision::Tf32;
        let weights = |strides| {
            let data = self.operand_of_convolution(&c.b, kh * kw * inputs * outputs);
            Weights { data, strides, rounds }
        };
        match c.form {
            Form::Result => self.gathered(&Gather {
                picture: self.picture(rounds, &c.a, c.x),
                phases: vec![[0, 1].map(|axis| Axis::forward(&c.window, axis, c.y[1 + axis]))],
                weights: weights([kw * inputs * outputs, inputs * outputs, outputs, 1]),
                result: c.y,
                out: &c.out,
                epilogue: &c.epilogue,
            }),
            Form::Picture => {
                let [sh, sw] = c.window.stride;
                let phase = |r: [usize; 2]| [0, 1].map(|i| Axis::backward(&c.window, i, c.x[1 + i], r[i]));
                self.gathered(&Gather {
                    picture: self.picture(rounds, &c.a, c.y),
                    phases: (0..sh).flat_map(|i| (0..sw).map(move |j| [i, j])).map(phase).collect(),
                    weights: weights([kw * inputs * outputs, inputs * outputs, 1, outputs]),
                    result: c.x,
                    out: &c.out,
                    epilogue: &c.epilogue,
                });
            }
            Form::Kernel => self.kernel_gradient(rounds, c),
        }
    }

    /// The picture that a convolution gathers from.
    fn picture(&self, rounds: bool, view: &View, shape: [usize; 4]) -> Picture<'_> {
        let strides = [0, 1, 2].map(|axis| view.strides[axis] as usize);
        let last: usize = (0..3).map(|axis| shape[axis].saturating_sub(1) * strides[axis]).sum();
        let len = if shape.contains(&0) { 0 } else { last + shape[3] };
        Picture { data: self.operand_of_convolution(view, len), strides, shape, rounds }
    }

    /// `len` numbers of an operand.
    #[allow(unsafe_code)]
    fn operand_of_convolution(&self, view: &View, len: usize) -> &[f32] {
        // SAFETY: operands of a launch are not written by it.
        unsafe { self.shared.read(view.place, view.base as usize, len) }
    }
}
