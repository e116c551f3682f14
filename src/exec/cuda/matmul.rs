//! The kernel launches of one matrix product: which tiles, how many slices, the epilogue's steps.

use super::blocks::{MAX_STEPS, MatmulArguments, ProgramArguments, Step};
use super::launch::{Argument, Geometry, Packed};
use super::memory::Memory;
use super::pack::{map, map_arguments, number};
use crate::lower::{Epilogue, MAX_REGISTERS, Matmul, Maxout, Plan, View, Work};
use crate::precision::{Narrow, Precision};

/// Blocks that a launch should have. A number of today's larger GPUs (an H100 has 132 multiprocessors), but the
/// same for all: it decides who adds what, and so the bits of a product.
const BLOCKS: usize = 132;
/// Least depth of a slice: less is not worth the second launch.
const LEAST_DEPTH: usize = 64;
const MOST_SLICES: usize = 16;
/// Threads of a block that adds slices.
const SLICES_THREADS: u32 = 256;

/// The two kernels of one number type.
struct Kernels {
    /// Tiles of 64 × 64, and threads of a block.
    small: (&'static str, u32),
    /// Tiles of 128 × 128, and threads of a block.
    wide: (&'static str, u32),
    /// Tiles of 64 × 64 that hold units with all their pieces, with as many threads as the small ones.
    maxout: &'static str,
    /// Elements of k that a tile holds.
    depth: usize,
}

const SIMT: Kernels = Kernels {
    small: ("matmul_f32", 256),
    wide: ("matmul_wide_f32", 256),
    maxout: "matmul_maxout_f32",
    depth: 16,
};
const TF32: Kernels = Kernels {
    small: ("matmul_tf32", 128),
    wide: ("matmul_wide_tf32", 256),
    maxout: "matmul_maxout_tf32",
    depth: 16,
};
const F16: Kernels = Kernels {
    small: ("matmul_f16", 128),
    wide: ("matmul_wide_f16", 256),
    maxout: "matmul_maxout_f16",
    depth: 32,
};
const BF16: Kernels = Kernels {
    small: ("matmul_bf16", 128),
    wide: ("matmul_wide_bf16", 256),
    maxout: "matmul_maxout_bf16",
    depth: 32,
};

/// The kernels of a product whose operands lie as `a` does.
fn kernels(a: &View, precision: Precision) -> &'static Kernels {
    match precision.stored().filter(|_| a.place.is_narrow()) {
        Some(Narrow::F16) => &F16,
        Some(Narrow::Bf16) => &BF16,
        None if precision == Precision::Tf32 => &TF32,
        None => &SIMT,
    }
}

/// Whether a kernel exists from compute capability 8.0 on only: older tensor cores know no bf16 and no tf32.
pub(super) fn needs_ampere(kernel: &str) -> bool {
    [&TF32, &BF16].iter().any(|k| [k.small.0, k.wide.0, k.maxout].contains(&kernel))
}

/// How a product is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tiling {
    /// Rows and columns of a tile.
    tile: usize,
    /// Parts of k.
    slices: usize,
    /// Depth of each but the last.
    span: usize,
}

impl Tiling {
    /// For tiles that hold `depth` elements of k.
    fn new([m, n, k]: [usize; 3], depth: usize) -> Tiling {
        let tiles = |tile: usize| m.div_ceil(tile) * n.div_ceil(tile);
        let whole = |tile| Tiling { tile, slices: 1, span: k.next_multiple_of(depth).max(depth) };
        if tiles(128) >= BLOCKS {
            return whole(128);
        }
        // Half-filled GPUs are left alone: slices cost a launch and their sums' traffic.
        let wanted = (BLOCKS / tiles(64).max(1)).min(k / LEAST_DEPTH).min(MOST_SLICES);
        if wanted < 2 {
            return whole(64);
        }
        let span = k.div_ceil(wanted).next_multiple_of(depth);
        Tiling { tile: 64, slices: k.div_ceil(span), span }
    }
}

/// Units of each piece that a tile of a maxout holds: whole pieces of 16 bytes of them. `None` where the product is
/// cut into slices or large tiles, or a tile does not hold that many pieces: the maxout then has a launch of its own.
fn run_of_units(maxout: &Maxout, tiling: Tiling) -> Option<u32> {
    let run = tiling.tile / maxout.pieces / 8 * 8;
    (tiling.tile == 64 && tiling.slices == 1 && run > 0).then_some(run as u32)
}

/// Elements that the slices of the plans' products need at most.
pub(super) fn partial_sums(plans: &[Plan]) -> usize {
    let of = |work: &Work, precision| match work {
        Work::Matmul(product) => {
            let [rows, n, k] = extended(product);
            match Tiling::new([rows, n, k], kernels(&product.a, precision).depth).slices {
                1 => 0,
                slices => slices * rows * n,
            }
        }
        _ => 0,
    };
    let of_plan = |p: &Plan| p.launches.iter().map(|l| of(&l.work, p.precision)).max().unwrap_or(0);
    plans.iter().map(of_plan).max().unwrap_or(0)
}

/// m, n and k of a product, with the row that sums columns: a row of ones under its left operand.
fn extended(product: &Matmul) -> [usize; 3] {
    let [m, n, k] = product.size;
    [m + usize::from(product.column_sums.is_some()), n, k]
}

/// The product's launch, and the one that adds its slices if there are several.
pub(super) fn pack(
    memory: &Memory,
    product: &Matmul,
    programs: &mut Vec<ProgramArguments>,
) -> Result<Vec<Packed>, String> {
    let Matmul { a, b, out, size, epilogue, column_sums, maxout } = product;
    let [m, n, k] = *size;
    let [rows, ..] = extended(product);
    if rows * n == 0 {
        return Ok(vec![]);
    }
    if epilogue.len() > MAX_STEPS {
        return Err(format!("{} epilogue steps, the GPU's matmul takes {MAX_STEPS}", epilogue.len()));
    }
    let kernels = kernels(a, memory.precision);
    assert_eq!(a.place.is_narrow(), b.place.is_narrow(), "operands of one type");
    let tiling = Tiling::new(extended(product), kernels.depth);
    let fused = maxout.as_ref().and_then(|m| Some((m, run_of_units(m, tiling)?)));
    let strides = |view: &View| [view.strides[0] as i64, view.strides[1] as i64];
    let mut arguments = MatmulArguments {
        a: memory.start(a),
        b: memory.start(b),
        out: memory.start(out),
        partial: memory.partial.address,
        clock: memory.clock.address,
        a_strides: strides(a),
        b_strides: strides(b),
        out_stride: if m > 1 { out.strides[0] as i64 } else { n as i64 },
        m: number(m, "rows")?,
        n: number(n, "columns")?,
        k: number(k, "a depth")?,
        steps: epilogue.len() as u32,
        slices: tiling.slices as u32,
        span: number(tiling.span, "a depth")?,
        out_type: memory.number_type(out.place),
        sums: u32::from(column_sums.is_some()),
        column_sums: column_sums.as_ref().map_or(0, |view| memory.start(view)),
        ..MatmulArguments::default()
    };
    for (to, from) in arguments.step.iter_mut().zip(epilogue) {
        *to = step(memory, from, *size)?;
    }
    if let Some((Maxout { pieces, shape, program }, run)) = fused {
        let address = memory.programs.address + (programs.len() * size_of::<ProgramArguments>()) as u64;
        let (program, slots) = map_arguments(memory, shape, program)?;
        assert!(slots as usize <= MAX_REGISTERS, "a slot each thread has room for where the tiles were");
        programs.push(program);
        arguments.maxout = address;
        arguments.pieces = *pieces as u32;
        arguments.units = (n / pieces) as u32;
        arguments.run = run;
    }
    let down = u32::try_from(rows.div_ceil(tiling.tile)).ok().filter(|&d| d < 65_536);
    let down = down.ok_or_else(|| format!("a product of {m} rows is more than one launch covers"))?;
    let across = match fused {
        Some((maxout, run)) => (n / maxout.pieces).div_ceil(run as usize) as u32,
        None => n.div_ceil(tiling.tile) as u32,
    };
    let packed = |kernel, geometry| Packed {
        kernel,
        geometry,
        arguments: vec![Argument::block("MatmulArguments", &arguments)],
    };
    let grid = [across, down, tiling.slices as u32];
    let (kernel, threads) = match tiling.tile {
        128 => kernels.wide,
        _ if fused.is_some() => (kernels.maxout, kernels.small.1),
        _ => kernels.small,
    };
    let mut all = vec![packed(kernel, Geometry { grid, block: [threads, 1, 1], shared_bytes: 0 })];
    if tiling.slices > 1 {
        let blocks = (rows * n.div_ceil(4)).div_ceil(SLICES_THREADS as usize);
        all.push(packed("matmul_slices_f32", Geometry::row(blocks, SLICES_THREADS)));
    }
    if let (None, Some(Maxout { shape, program, .. })) = (fused, maxout) {
        all.extend(map(memory, shape, program)?);
    }
    Ok(all)
}

fn step(memory: &Memory, epilogue: &Epilogue, [m, n, _]: [usize; 3]) -> Result<Step, String> {
    let (kind, x) = match *epilogue {
        Epilogue::Bias(_) | Epilogue::Accumulate(_) => (0, 0.0),
        Epilogue::Scale(c) => (1, c),
        Epilogue::Relu => (2, 0.0),
        Epilogue::LeakyRelu(slope) => (3, slope),
        Epilogue::Tanh => (4, 0.0),
        Epilogue::Sigmoid => (5, 0.0),
        Epilogue::Dropout { threshold, .. } => (6, threshold),
        Epilogue::ReluGrad(_) => (7, 0.0),
        Epilogue::LeakyReluGrad(_, slope) => (8, slope),
        Epilogue::TanhGrad(_) => (9, 0.0),
        Epilogue::SigmoidGrad(_) => (10, 0.0),
    };
    let mut to = Step { kind, x, ..Step::default() };
    if let Some(view) = epilogue.view() {
        to.base = view.base as i64;
        for axis in 0..2 {
            to.strides[axis] = view.strides[axis] as i64;
            (to.from[axis], to.to[axis]) = (view.windows[axis].0 as u32, view.windows[axis].1 as u32);
        }
        match *epilogue {
            Epilogue::Dropout { .. } if view.is_windowed(&[m, n]) => {
                return Err("a dropout mask of a part of the product".into());
            }
            Epilogue::Dropout { stream, scale, .. } => (to.stream, to.y) = (stream, scale),
            _ => {
                to.at = memory.address(view.place);
                to.number_type = memory.number_type(view.place);
            }
        }
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_k_is_in_one_slice() {
        for size in [
            [0, 0, 0],
            [1, 1, 0],
            [1, 1, 1],
            [100, 1200, 784],
            [20, 70, 300],
            [3, 3, 100_000],
            [5000, 5000, 7],
        ] {
            let Tiling { slices, span, .. } = Tiling::new(size, 16);
            assert!(slices * span >= size[2], "{size:?}: {slices} slices of {span}");
            assert!(slices == 1 || (slices - 1) * span < size[2], "{size:?}: the last of {slices} is empty");
            assert_eq!(span % 16, 0, "{size:?}");
        }
    }

    #[test]
    fn small_deep_products_are_cut_and_large_ones_get_large_tiles() {
        assert_eq!(Tiling::new([100, 1200, 784], 16), Tiling { tile: 64, slices: 3, span: 272 });
        assert_eq!(Tiling::new([784, 1200, 100], 16), Tiling { tile: 64, slices: 1, span: 112 });
        assert_eq!(Tiling::new([100, 1200, 784], 32), Tiling { tile: 64, slices: 3, span: 288 });
        assert_eq!(Tiling::new([8192, 1200, 784], 16), Tiling { tile: 128, slices: 1, span: 784 });
    }
}
