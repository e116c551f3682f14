//! From a plan's launches to kernel launches: names, geometry and parameter structs, made once.

use super::blocks::{GatherArguments, Head, ProgramArguments, RandomArguments, TogetherArguments};
use super::launch::{Argument, Geometry, Packed};
use super::memory::PlanMemory;
use super::{matmul, program, states, update};
use crate::data::shuffle;
use crate::error::{Error, Result};
use crate::exec::UpdateRule;
use crate::graph::{Column, Dist, MAX_OPTIMIZERS};
use crate::lower::{Arg, Launch, Load, Matmul, Place, Plan, Program, View, Work};

const MAP_THREADS: u32 = 128;
const MAP_ELEMENTS: u32 = 4;
/// Numbers of shared memory for each thread of a map: all that a block has without asking for more.
const MAP_ROOM: u32 = 48 * 1024 / 4 / MAP_THREADS;
const REDUCE_THREADS: u32 = 256;
const LOSS_THREADS: u32 = 256;

/// What a gather reads: as `kernels/gather.cu` counts.
const BYTES: u32 = 0;
const NUMBERS: u32 = 1;
const LABEL: u32 = 2;

/// The kernel launches of one launch of a plan; none where there is nothing to compute. `measured` says of each
/// optimizer whether the plan's products measure its gradient; `programs` takes what lies in [`super::memory::Memory::programs`].
///
/// # Errors
/// When a shape is beyond what kernels index.
pub(super) fn pack(
    launch: &Launch,
    memory: PlanMemory,
    rules: &[UpdateRule],
    measured: [bool; MAX_OPTIMIZERS],
    programs: &mut Vec<ProgramArguments>,
) -> Result<Vec<Packed>> {
    let refuse = |what| Error::Device(format!("{}: {what}; run this model with --device cpu", launch.name));
    let one = match &launch.work {
        Work::Gather { .. } => together(memory, std::slice::from_ref(&launch.work), programs),
        Work::Matmul(_) => return matmul::pack(memory, &launch.work.products(), programs).map_err(refuse),
        Work::Together(parts) if launch.work.kind() == "gather" => together(memory, parts, programs),
        Work::Together(_) => {
            return matmul::pack_gradient(memory, &launch.work, rules, programs).map_err(refuse);
        }
        Work::Map { shape, program } => map(memory, shape, program),
        Work::Reduce { shape, summed, program } => reduce(memory, shape, summed, program),
        Work::Loss { hidden, logits, parts } => {
            return loss(memory, hidden.as_deref(), logits, parts, programs).map_err(refuse);
        }
        Work::Measure(_) => unreachable!("a measure comes with its products"),
        Work::Update(optimizer) => {
            let i = optimizer.index();
            return Ok(update::pack(&memory, *optimizer, &rules[i], measured[i]));
        }
        Work::StoreStates(store) => return states::pack(&memory, store).map_err(refuse),
    };
    Ok(one.map_err(refuse)?.into_iter().collect())
}

type Packing = std::result::Result<Option<Packed>, String>;

pub(super) fn number(n: usize, what: &str) -> std::result::Result<u32, String> {
    // Kernels round up to whole blocks of threads: some room stays below 2³².
    let fits = u32::try_from(n).ok().filter(|&n| n < u32::MAX - 65_536);
    fits.ok_or_else(|| format!("{what} of {n} elements is more than the GPU's kernels index (2³²)"))
}

/// The minibatch's inputs, and maps beside them: one launch.
fn together(memory: PlanMemory, parts: &[Work], programs: &mut Vec<ProgramArguments>) -> Packing {
    let mut arguments = TogetherArguments {
        maps: memory.programs.address + (programs.len() * size_of::<ProgramArguments>()) as u64,
        ..TogetherArguments::default()
    };
    let (mut blocks, mut most) = (0, 0);
    for part in parts {
        match part {
            Work::Gather { rows, width, .. } if rows * width == 0 => {}
            Work::Gather { set, column, to, rows, width } => {
                assert_eq!(*set, 0, "executors have one data set");
                let gather = gather(memory, *column, *to, [*rows, *width], blocks)?;
                arguments.gather[arguments.gathers as usize] = gather;
                arguments.gathers += 1;
                blocks += rows;
            }
            Work::Map { shape, .. } if shape.contains(&0) => {}
            Work::Map { shape, program } => {
                let packed = program::map(memory, shape, program, MAP_ROOM)?;
                arguments.first[arguments.map_count as usize] = number(blocks, "a launch's blocks")?;
                arguments.map_count += 1;
                blocks += packed.arguments.count.div_ceil(MAP_THREADS * MAP_ELEMENTS) as usize;
                most = most.max(packed.numbers());
                programs.push(packed.arguments);
            }
            other => unreachable!("{other:?} is no part of a minibatch"),
        }
    }
    if blocks == 0 {
        return Ok(None);
    }
    let geometry = Geometry::row(blocks, MAP_THREADS);
    Ok(Some(Packed {
        kernel: "gather_and_draw",
        geometry: Geometry { shared_bytes: 4 * most * MAP_THREADS, ..geometry },
        arguments: vec![Argument::block("TogetherArguments", &arguments)],
    }))
}

/// An input's parameters, whose first row is block `first`.
fn gather(
    memory: PlanMemory,
    column: Column,
    to: Place,
    [rows, width]: [usize; 2],
    first: usize,
) -> std::result::Result<GatherArguments, String> {
    let data = memory.data.as_ref().expect("a plan that gathers has a data set");
    let (kind, bytes, numbers) = if column == Column::Labels {
        (LABEL, data.labels.expect("a conditional model has labels").address, 0)
    } else if data.bytes {
        (BYTES, data.values.address, 0)
    } else {
        (NUMBERS, 0, data.values.address)
    };
    assert!(data.count > 0, "no examples to shuffle");
    Ok(GatherArguments {
        bytes,
        numbers,
        out: memory.address(to),
        clock: memory.clock.address,
        count: data.count as u64,
        rows: number(rows, "a minibatch")?,
        width: number(width, "an example")?,
        half: shuffle::half(data.count),
        factor: data.factor,
        offset: data.offset,
        number_type: memory.number_type(to),
        kind,
        first: number(first, "a launch's blocks")?,
    })
}

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
    let packed = program::map(memory, shape, program, MAP_ROOM)?;
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
    let dense = View::contiguous(view.place, shape);
    let whole = view.base == 0 && view.strides == dense.strides && view.windows == dense.windows;
    (whole && out.strides == dense.strides && !out.place.is_narrow()).then_some((*stream, *dist, out))
}

fn reduce(memory: PlanMemory, shape: &[usize], summed: &[bool], program: &Program) -> Packing {
    let packed = program::reduction(memory, shape, summed, program)?;
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

/// The product that a loss head reads, the logits, then small maps and reductions by the block that is left; the latter's
/// parameters lie in device memory.
fn loss(
    memory: PlanMemory,
    hidden: Option<&Matmul>,
    logits: &[Matmul],
    parts: &[Work],
    programs: &mut Vec<ProgramArguments>,
) -> std::result::Result<Vec<Packed>, String> {
    let head = Head {
        parts: memory.programs.address + (programs.len() * size_of::<ProgramArguments>()) as u64,
        count: parts.len() as u32,
        ..Head::default()
    };
    let mut most = 0;
    for part in parts {
        let packed = match part {
            Work::Map { shape, program } => program::map(memory, shape, program, 0)?,
            Work::Reduce { shape, summed, program } => program::reduction(memory, shape, summed, program)?,
            other => unreachable!("{other:?} is no part of a loss"),
        };
        most = most.max(packed.slots);
        programs.push(packed.arguments);
    }
    let mut packed = vec![];
    if let (Some(hidden), [logits]) = (hidden, logits) {
        if let Some(launch) = matmul::pack_head(memory, hidden, logits, (head, most), programs)? {
            return Ok(vec![launch]);
        }
        packed = matmul::pack(memory, &[hidden], programs)?;
    }
    let (arguments, blocks) = matmul::logits(memory, logits, head, (LOSS_THREADS / 32) as usize)?;
    let geometry = Geometry::row(blocks.max(1), LOSS_THREADS);
    packed.push(Packed {
        kernel: "loss_head",
        geometry: Geometry { shared_bytes: 4 * most * LOSS_THREADS, ..geometry },
        arguments: vec![Argument::block("LossArguments", &arguments)],
    });
    Ok(packed)
}

/// Bytes of the parameters that plans keep in device memory.
pub(super) fn program_bytes(plans: &[Plan]) -> usize {
    let parts = |work: &Work| match work {
        Work::Loss { hidden, parts, .. } => parts.len() + hidden.as_ref().map_or(0, |m| m.followers.len()),
        Work::Together(parts) if work.kind() == "gather" => parts.len(),
        _ => work.products().iter().map(|m| m.followers.len()).sum(),
    };
    let count: usize = plans.iter().flat_map(|p| &p.launches).map(|l| parts(&l.work)).sum();
    count * size_of::<ProgramArguments>()
}
