//! Matrix products on CPU threads.

use super::fetch::{Stretch, fetch_random};
use super::launch::Launch;
use super::memory::{Operand, Tile};
use super::point::{self, CHUNK, Source};
use crate::graph::Dist;
use crate::lower::{Arg, Epilogue, Load, Matmul, Program, Reduce, View};
use crate::precision::{Precision, round_tf32};

/// Columns a task of a wide product; a multiple of every vector length.
const TILE_COLUMNS: usize = 304;
/// Rows a task of a tall product.
const TILE_ROWS: usize = 304;

impl Launch<'_> {
    /// out = epilogue(a · b), cut into tiles along the longer side.
    #[allow(unsafe_code)]
    pub fn matmul(&self, precision: Precision, product: &Matmul) {
        let shared = &self.shared;
        let Matmul { a, b, out, size: [m, n, k], epilogue, column_sums, .. } = product;
        let (m, n, k) = (*m, *n, *k);
        if let Some(to) = column_sums {
            self.sum_columns(b, to, [k, n]);
        }
        let row_stride = if m > 1 { out.strides[0] as usize } else { n };
        let (tile_m, tile_n) = if n >= m { (m, TILE_COLUMNS) } else { (TILE_ROWS, n) };
        let (down, across) = (m.div_ceil(tile_m.max(1)), n.div_ceil(tile_n.max(1)));
        self.pool.run_numbered(down * across, |task| {
            let (i, j) = (task / across * tile_m, task % across * tile_n);
            let (rows, columns) = (tile_m.min(m - i), tile_n.min(n - j));
            let (mut rounded_left, mut rounded_right) = (vec![], vec![]);
            let left = self.operand(precision, a, ([i, 0], [rows, k]), &mut rounded_left);
            let right = self.operand(precision, b, ([0, j], [k, columns]), &mut rounded_right);
            let at = out.base as usize + i * row_stride + j;
            let tile = Tile { place: out.place, at, row: row_stride };
            // SAFETY: the plan keeps a launch's result apart from what it reads, and tiles are disjoint.
            unsafe { shared.matmul([rows, columns, k], left, right, tile) };
            for row in 0..rows {
                // SAFETY: a row of this task's own tile.
                let values = unsafe { shared.write(out.place, at + row * row_stride, columns) };
                for step in epilogue {
                    self.finish(step, values, [i + row, j]);
                }
                if let Some(format) = shared.format(out.place) {
                    values.iter_mut().for_each(|x| *x = format.round(*x));
                }
            }
        });
    }

    /// to\[0, n\] = Σ b\[k, n\], row after row.
    pub(super) fn sum_columns(&self, b: &View, to: &View, shape: [usize; 2]) {
        let to = View { strides: vec![0, to.strides[1]], ..to.clone() };
        let program = Program {
            loads: vec![Load::Memory(b.clone())],
            instructions: vec![],
            results: vec![(Arg::Load(0), to)],
        };
        self.reduce(&Reduce { shape: shape.to_vec(), summed: vec![true, false], program });
    }

    /// A block of a matrix, from an element and of a size; `rounded` holds it where tf32 rounds what products multiply.
    #[allow(unsafe_code)]
    fn operand<'a>(
        &'a self,
        precision: Precision,
        view: &View,
        (from, size): ([usize; 2], [usize; 2]),
        rounded: &'a mut Vec<f32>,
    ) -> Operand<'a> {
        let [row, column] = [view.strides[0] as usize, view.strides[1] as usize];
        let at = view.base as usize + from[0] * row + from[1] * column;
        let last = |i: usize| size[i].saturating_sub(1);
        let len = if size.contains(&0) { 0 } else { last(0) * row + last(1) * column + 1 };
        // SAFETY: operands of a launch are not written by it.
        let data = unsafe { self.shared.read(view.place, at, len) };
        if precision == Precision::Tf32 {
            rounded.extend(data.iter().map(|&x| round_tf32(x)));
            return Operand { data: rounded, row, column };
        }
        Operand { data, row, column }
    }

    /// One epilogue step on `values`: row `row`, columns from `column`, of the product.
    pub(super) fn finish(&self, step: &Epilogue, values: &mut [f32], [row, column]: [usize; 2]) {
        // Calls `then(part of values, the same part of the operand)`.
        let mut with = |view: &View, then: &dyn Fn(&mut [f32], &[f32])| {
            let mut scratch = [0.0; CHUNK];
            for (c, part) in values.chunks_mut(CHUNK).enumerate() {
                let from = column + c * CHUNK;
                match self.fetch_memory(view, Stretch { index: &[row], from, len: part.len() }, &mut scratch)
                {
                    Source::Slice(y) => then(part, y),
                    Source::Splat(y) => then(part, &[y; CHUNK][..part.len()]),
                }
            }
        };
        match step {
            Epilogue::Bias(v) | Epilogue::Accumulate(v) => with(v, &point::accumulate),
            Epilogue::Scale(c) => point::scale(values, *c),
            Epilogue::Relu => point::relu(values),
            Epilogue::LeakyRelu(slope) => point::leaky_relu(values, *slope),
            Epilogue::Tanh => point::tanh(values),
            Epilogue::Sigmoid => point::sigmoid(values),
            Epilogue::ReluGrad(v) => with(v, &point::relu_grad),
            Epilogue::LeakyReluGrad(v, slope) => with(v, &|x, y| point::leaky_relu_grad(x, y, *slope)),
            Epilogue::TanhGrad(v) => with(v, &point::tanh_grad),
            Epilogue::SigmoidGrad(v) => with(v, &point::sigmoid_grad),
            Epilogue::Dropout { stream, threshold, scale, view } => {
                let draw = self.moment.draw(*stream);
                let mut u = [0.0; CHUNK];
                for (c, part) in values.chunks_mut(CHUNK).enumerate() {
                    let stretch = Stretch { index: &[row], from: column + c * CHUNK, len: part.len() };
                    let u = fetch_random(&draw, Dist::Uniform, view, stretch, &mut u);
                    point::dropout(part, u, *threshold, *scale);
                }
            }
        }
    }
}
