//! The kernel launches of maps and reductions.

use super::blocks::RandomArguments;
use super::launch::{Argument, Geometry, Packed};
use super::limits::number;
use super::plan_memory::PlanMemory;
use super::program;
use crate::graph::Dist;
use crate::lower::{Arg, Load, Program, Reduce, View};

pub(super) const MAP_THREADS: u32 = 128;
pub(super) const MAP_ELEMENTS: u32 = 4;
/// Numbers of shared memory for each thread of a map: all that a block has without asking for more.
pub(super) const MAP_ROOM: u32 = 48 * 1024 / 4 / MAP_THREADS;
const REDUCE_THREADS: u32 = 256;

/// A launch, none where there is nothing to compute, or what kernels do not take.
pub(super) type Packing = Result<Option<Packed>, String>;

/// The launch of a map; none where there is nothing to compute.
pub(super) fn map(memory: PlanMemory, shape: &[usize], program: &Program) -> Packing {
    if shape.contains(&0) {
        return Ok(None);
    }
    if let Some((stream, dist, out)) = plain_draw(shape, program) {
        let count = number(shape.iter().product(), "a draw")?;
        let arguments =
            RandomArguments { out: memory.start(out), clock: memory.clock.address, count, stream };
        return Ok(Some(Packed {
            kernel: match dist {
                Dist::Uniform => "random_uniform",
                Dist::Normal => "random_normal",
            },
            geometry: Geometry::row(count.div_ceil(4).div_ceil(256) as usize, 256),
            arguments: vec![Argument::block("RandomArguments", &arguments)],
        }));
    }
    let packed = program::map(memory, (shape, program), MAP_ROOM)?;
    let blocks = packed.arguments.count.div_ceil(MAP_THREADS * MAP_ELEMENTS) as usize;
    let geometry = Geometry::row(blocks, MAP_THREADS);
    Ok(Some(Packed {
        kernel: "map",
        geometry: Geometry { shared_bytes: 4 * packed.numbers() * MAP_THREADS, ..geometry },
        arguments: vec![Argument::block("ProgramArguments", &packed.arguments)],
    }))
}

/// A program that only writes a draw's elements, in order, to dense memory.
fn plain_draw<'a>(shape: &[usize], program: &'a Program) -> Option<(u32, Dist, &'a View)> {
    let ([Load::Rand { stream, dist, view }], [(Arg::Load(0), out)]) =
        (&program.loads[..], &program.results[..])
    else {
        return None;
    };
    let dense = View::contiguous((), shape);
    let whole = view.base == 0 && view.strides == dense.strides && view.windows == dense.windows;
    (whole && out.strides == dense.strides && !out.place.is_narrow()).then_some((*stream, *dist, out))
}

/// The launch of a reduction; none where there is nothing to compute.
pub(super) fn reduce(memory: PlanMemory, reduce: &Reduce) -> Packing {
    let packed = program::reduction(memory, reduce)?;
    let arguments = packed.arguments;
    if arguments.count == 0 {
        return Ok(None);
    }
    let geometry = Geometry::row(arguments.count.div_ceil(arguments.columns) as usize, REDUCE_THREADS);
    Ok(Some(Packed {
        kernel: "reduce",
        geometry: Geometry { shared_bytes: 4 * packed.numbers() * REDUCE_THREADS, ..geometry },
        arguments: vec![Argument::block("ProgramArguments", &arguments)],
    }))
}
