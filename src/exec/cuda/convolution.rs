//! The kernel launches of convolutions: which products they are on the GPU, how these are cut, and their parameters. What
//! the numbers mean is told in `kernels/conv.cuh`.

use super::blocks::{ConvArguments, ConvAxis, Divisor, MatmulArguments};
use super::launch::{Argument, Geometry, Packed};
use super::limits::{MAX_PHASES, number};
use super::matmul;
use super::plan_memory::PlanMemory;
use super::tiling::ConvolutionWay;
use crate::lower::{Axis, Convolution, Form, View};

/// Numbers that kernels divide are smaller.
const MOST: usize = 1 << 31;

/// Blocks and threads: phases are the grid's second axis.
fn geometry(way: &ConvolutionWay) -> Geometry {
    let blocks = way.tiles[0] * way.tiles[1] * way.tiling.slices;
    let row = Geometry::row(blocks, way.threads);
    Geometry { grid: [row.grid[0], (way.phases[0] * way.phases[1]) as u32, 1], ..row }
}

/// The launch of a convolution; none where there is nothing to compute.
pub(super) fn pack(memory: PlanMemory, c: &Convolution) -> Result<Option<Packed>, String> {
    let way = ConvolutionWay::new(c, memory.cut());
    let [m, n, k] = c.size();
    if m * n == 0 {
        return Ok(None);
    }
    if way.phases.iter().any(|&phases| phases > MAX_PHASES) {
        let [down, across] = c.window.stride;
        return Err(format!(
            "a transposed convolution of stride {down} × {across}, but the GPU's kernels take strides up to {MAX_PHASES}: \
             lower it, or train with --device cpu"
        ));
    }
    if m.max(k) >= MOST {
        return Err(format!("a convolution of {m} × {n} × {k}, more than the GPU's kernels index (2³¹)"));
    }
    assert_eq!(c.a.place.is_narrow(), c.b.place.is_narrow(), "operands of one type");
    let pictures = [&c.x, &c.y];
    let [from, to] = if c.form == Form::Picture { [&c.y, &c.x] } else { pictures };
    let axes = |axis: usize| -> Result<[ConvAxis; MAX_PHASES], String> {
        let mut axes = [ConvAxis::default(); MAX_PHASES];
        for (phase, to) in axes.iter_mut().enumerate().take(way.phases[axis]) {
            *to = match c.form {
                Form::Picture => converted(Axis::backward(&c.window, axis, c.x[1 + axis], phase))?,
                Form::Result | Form::Kernel => converted(Axis::forward(&c.window, axis, c.y[1 + axis]))?,
            };
        }
        Ok(axes)
    };
    let b_strides = match c.form {
        Form::Kernel if k > 1 => [c.b.strides[0] as i64, 1],
        _ => [n as i64, 1],
    };
    let step = matmul::steps(memory, &c.epilogue, [m, n])?;
    let piece = if c.a.place.is_narrow() { 8 } else { 4 };
    let stride = |axis: usize| {
        let stride = if from[axis] > 1 { c.a.strides[axis] } else { 0 };
        i32::try_from(stride).map_err(|_| format!("pixels {stride} elements apart"))
    };
    let whole = |view: &View, strides: &[isize], channels: usize| {
        let along = strides.iter().chain([&(channels as isize)]).all(|stride| stride % piece == 0);
        u32::from(along && memory.start(view).is_multiple_of(16))
    };
    let row_stride = if from[0] > 1 { c.a.strides[0] as i64 } else { 0 };
    let strides = [stride(1)?, stride(2)?];
    let arguments = ConvArguments {
        product: MatmulArguments {
            a: memory.start(&c.a),
            b: memory.start(&c.b),
            out: memory.start(&c.out),
            partial: memory.partial.address,
            arrived: memory.arrived.address,
            clock: memory.clock.address,
            b_strides,
            out_stride: if m > 1 { c.out.strides[0] as i64 } else { n as i64 },
            m: number(m, "rows")?,
            n: number(n, "columns")?,
            k: number(k, "a depth")?,
            steps: c.epilogue.len() as u32,
            slices: way.tiling.slices as u32,
            span: number(way.tiling.span, "a depth")?,
            out_type: memory.number_type(c.out.place),
            sums: u32::from(c.column_sums.is_some()),
            column_sums: c.column_sums.as_ref().map_or(0, |view| memory.start(view)),
            across: way.tiles[1] as u32,
            step,
            ..MatmulArguments::default()
        },
        row_stride,
        strides,
        pixels: [from[1] as u32, from[2] as u32],
        channels: Divisor::new(from[3]),
        phases: way.phases.map(|n| n as u32),
        rows: from[0] as u32,
        tiles: number(way.tiles[0] * way.tiles[1], "tiles")?,
        lines: [to[1] as u32, to[2] as u32],
        kernel_width: c.window.kernel[1] as i32,
        inputs: n as u32,
        patches_whole: whole(&c.a, &[row_stride as isize, strides[0] as isize, strides[1] as isize], from[3]),
        weights_whole: whole(&c.b, &[], c.y[3]),
        axis: [axes(0)?, axes(1)?],
    };
    let arguments = vec![Argument::block("ConvArguments", &arguments)];
    Ok(Some(Packed { kernel: way.kernel, geometry: geometry(&way), arguments }))
}

/// A number of pixels or taps, which may be negative.
fn signed(n: isize) -> Result<i32, String> {
    i32::try_from(n).map_err(|_| format!("{n} pixels or taps, more than the GPU's kernels index"))
}

/// An axis as kernels read it.
fn converted(axis: Axis) -> Result<ConvAxis, String> {
    let Axis { first, step, count, from, stride, taps, weight, weight_step } = axis;
    Ok(ConvAxis {
        count: Divisor::new(count),
        taps: Divisor::new(taps),
        first: first as u32,
        step: step as u32,
        from: signed(from)?,
        stride: signed(stride as isize)?,
        weight: signed(weight)?,
        weight_step: signed(weight_step)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Window;

    #[test]
    fn divisors_divide_every_number_that_kernels_index() {
        let most = MOST as u64 - 1;
        for by in (1..70).chain([127, 128, 129, 1000, 65_535, 65_537, 1 << 20, (1 << 30) + 1, most]) {
            let Divisor { factor, shift, .. } = Divisor::new(by as usize);
            let near = |n: u64| [n.saturating_sub(1), n, n + 1];
            let multiples = [1, 2, 3, 5, 1000, most / by].map(|q| q * by).into_iter().flat_map(near);
            for n in multiples.chain([0, 1, most]).filter(|&n| n <= most) {
                let high = (n * u64::from(factor)) >> 32;
                assert!(high + n < 1 << 32, "{n} / {by} is computed in 32 bits");
                assert_eq!((high + n) >> shift, n / by, "{n} / {by}");
            }
        }
    }

    #[test]
    fn phases_see_every_tap_of_every_pixel_once() {
        for window in [Window::square(4, 2, 1), Window::square(2, 3, 0), Window::same(5, 2, [7, 7])] {
            let (pixels, positions) = (7, window.positions([7, 7]).expect("it fits")[0]);
            let mut found = vec![];
            for phase in 0..window.stride[0] {
                let axis = converted(Axis::backward(&window, 0, pixels, phase)).expect("small");
                for (t, q) in (0..axis.count.by).flat_map(|t| (0..axis.taps.by).map(move |q| (t, q))) {
                    let position = axis.from + t as i32 * axis.stride + q as i32;
                    if (0..positions as i32).contains(&position) {
                        found.push((
                            axis.first + t * axis.step,
                            position,
                            axis.weight + q as i32 * axis.weight_step,
                        ));
                    }
                }
            }
            let mut wanted = vec![];
            for (position, tap) in (0..positions).flat_map(|p| (0..window.kernel[0]).map(move |tap| (p, tap)))
            {
                let pixel = (position * window.stride[0] + tap) as i32 - window.pad[0].0 as i32;
                if (0..pixels as i32).contains(&pixel) {
                    wanted.push((pixel as u32, position as i32, tap as i32));
                }
            }
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{window:?}");
        }
    }
}
