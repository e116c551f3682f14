//! From a plan's launches to kernel launches: names, geometry and parameter structs, made once.

use super::blocks::{
    CHAIN, CONSTANT, DeviceView, GatherArguments, Head, Instruction, LOAD, NO_SLOT, ProgramArguments, RANK,
    RandomArguments, SLOT, TogetherArguments,
};
use super::launch::{Argument, Geometry, Packed};
use super::memory::Memory;
use super::{matmul, update};
use crate::data::shuffle;
use crate::error::{Error, Result};
use crate::exec::UpdateRule;
use crate::graph::Dist;
use crate::lower::{
    Arg, EXAMPLES, Launch, Load, MAX_REGISTERS, Matmul, Place, Plan, PointOp, Program, View, Work,
};

const MAP_THREADS: u32 = 128;
const MAP_ELEMENTS: u32 = 4;
const REDUCE_THREADS: u32 = 256;
const LOSS_THREADS: u32 = 256;

/// What a gather reads: as `kernels/gather.cu` counts.
const BYTES: u32 = 0;
const NUMBERS: u32 = 1;
const LABEL: u32 = 2;

/// The kernel launches of one launch of a plan; none where there is nothing to compute. `measured` says whose gradient
/// the plan's products measure; `programs` takes what lies in [`Memory::programs`].
///
/// # Errors
/// When a shape is beyond what kernels index.
pub(super) fn pack(
    launch: &Launch,
    memory: &Memory,
    rules: &[UpdateRule; 2],
    measured: [bool; 2],
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
        Work::Update(player) => {
            let i = *player as usize;
            return Ok(update::pack(memory, *player, &rules[i], measured[i]));
        }
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
fn together(memory: &Memory, parts: &[Work], programs: &mut Vec<ProgramArguments>) -> Packing {
    let mut arguments = TogetherArguments {
        maps: memory.programs.address + (programs.len() * size_of::<ProgramArguments>()) as u64,
        ..TogetherArguments::default()
    };
    let (mut blocks, mut most) = (0, 0);
    for part in parts {
        match part {
            Work::Gather { rows, width, .. } if rows * width == 0 => {}
            Work::Gather { input, to, rows, width } => {
                let gather = gather(memory, input, *to, [*rows, *width], blocks)?;
                arguments.gather[arguments.gathers as usize] = gather;
                arguments.gathers += 1;
                blocks += rows;
            }
            Work::Map { shape, .. } if shape.contains(&0) => {}
            Work::Map { shape, program } => {
                let (program, slots) = map_arguments(memory, shape, program)?;
                arguments.first[arguments.map_count as usize] = number(blocks, "a launch's blocks")?;
                arguments.map_count += 1;
                blocks += program.count.div_ceil(MAP_THREADS * MAP_ELEMENTS) as usize;
                most = most.max(slots);
                programs.push(program);
            }
            other => unreachable!("{other:?} is no part of a minibatch"),
        }
    }
    if blocks == 0 {
        return Ok(None);
    }
    let geometry = Geometry::row(blocks, MAP_THREADS);
    Ok(Some(Packed {
        kernel: "together_f32",
        geometry: Geometry { shared_bytes: 4 * most * MAP_THREADS * MAP_ELEMENTS, ..geometry },
        arguments: vec![Argument::block("TogetherArguments", &arguments)],
    }))
}

/// An input's parameters, whose first row is block `first`.
fn gather(
    memory: &Memory,
    input: &str,
    to: Place,
    [rows, width]: [usize; 2],
    first: usize,
) -> std::result::Result<GatherArguments, String> {
    let data = memory.data.as_ref().expect("a plan that gathers has a data set");
    let (kind, bytes, numbers) = if input != EXAMPLES {
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

pub(super) fn map(memory: &Memory, shape: &[usize], program: &Program) -> Packing {
    if shape.contains(&0) {
        return Ok(None);
    }
    if let Some((stream, dist, out)) = plain_draw(shape, program) {
        let count = number(shape.iter().product(), "a draw")?;
        let arguments =
            RandomArguments { out: memory.start(out), clock: memory.clock.address, count, stream };
        return Ok(Some(Packed {
            kernel: match dist {
                Dist::Uniform => "random_uniform_f32",
                Dist::Normal => "random_normal_f32",
            },
            geometry: Geometry::row(count.div_ceil(4).div_ceil(256) as usize, 256),
            arguments: vec![Argument::block("RandomArguments", &arguments)],
        }));
    }
    let (arguments, slots) = map_arguments(memory, shape, program)?;
    let blocks = arguments.count.div_ceil(MAP_THREADS * MAP_ELEMENTS) as usize;
    let geometry = Geometry::row(blocks, MAP_THREADS);
    Ok(Some(Packed {
        kernel: "map_f32",
        geometry: Geometry { shared_bytes: 4 * slots * MAP_THREADS * MAP_ELEMENTS, ..geometry },
        arguments: vec![Argument::block("ProgramArguments", &arguments)],
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

fn reduce(memory: &Memory, shape: &[usize], summed: &[bool], program: &Program) -> Packing {
    let (arguments, slots) = reduce_arguments(memory, shape, summed, program)?;
    if arguments.count == 0 {
        return Ok(None);
    }
    let geometry = Geometry::row(arguments.count.div_ceil(arguments.columns) as usize, REDUCE_THREADS);
    Ok(Some(Packed {
        kernel: "reduce_f32",
        geometry: Geometry { shared_bytes: 4 * slots * REDUCE_THREADS, ..geometry },
        arguments: vec![Argument::block("ProgramArguments", &arguments)],
    }))
}

/// A map's parameters and how many slots it needs.
pub(super) fn map_arguments(
    memory: &Memory,
    shape: &[usize],
    program: &Program,
) -> std::result::Result<(ProgramArguments, u32), String> {
    let (mut arguments, slots) = program_arguments(memory, shape, program)?;
    (arguments.shape, arguments.count) = lengths(shape, |_| true)?;
    (arguments.folded, arguments.terms) = ([1; RANK], 1);
    Ok((arguments, slots))
}

/// A reduction's parameters and how many slots it needs.
fn reduce_arguments(
    memory: &Memory,
    shape: &[usize],
    summed: &[bool],
    program: &Program,
) -> std::result::Result<(ProgramArguments, u32), String> {
    let (mut arguments, slots) = program_arguments(memory, shape, program)?;
    (arguments.shape, arguments.count) = lengths(shape, |axis| !summed[axis])?;
    (arguments.folded, arguments.terms) = lengths(shape, |axis| summed[axis])?;
    // Long sums along contiguous memory take a whole block each; otherwise neighbours share one.
    let along = summed.last() == Some(&true) && arguments.terms >= 64;
    arguments.columns = if along { 1 } else { arguments.count.next_power_of_two().clamp(1, 32) };
    Ok((arguments, slots))
}

/// The product that a loss head reads, the logits, then small maps and reductions by the block that is left; the latter's
/// parameters lie in device memory.
fn loss(
    memory: &Memory,
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
        let (arguments, slots) = match part {
            Work::Map { shape, program } => map_arguments(memory, shape, program)?,
            Work::Reduce { shape, summed, program } => reduce_arguments(memory, shape, summed, program)?,
            other => unreachable!("{other:?} is no part of a loss"),
        };
        most = most.max(slots);
        programs.push(arguments);
    }
    let mut packed = vec![];
    if let (Some(hidden), [logits]) = (hidden, logits) {
        if let Some(launch) = matmul::pack_head(memory, hidden, logits, head, programs)? {
            return Ok(vec![launch]);
        }
        packed = matmul::pack(memory, &[hidden], programs)?;
    }
    let (arguments, blocks) = matmul::logits(memory, logits, head, (LOSS_THREADS / 32) as usize)?;
    let geometry = Geometry::row(blocks.max(1), LOSS_THREADS);
    packed.push(Packed {
        kernel: "loss_f32",
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

/// Lengths of the axes that `wanted` picks, 1 for the others, and their product.
fn lengths(
    shape: &[usize],
    wanted: impl Fn(usize) -> bool,
) -> std::result::Result<([u32; RANK], u32), String> {
    let mut to = [1; RANK];
    let mut count = 1;
    for (axis, &n) in shape.iter().enumerate().filter(|&(axis, _)| wanted(axis)) {
        to[axis] = number(n, "an axis")?;
        count = number(count as usize * n, "an iteration space")?;
    }
    Ok((to, count))
}

fn device_view(memory: &Memory, view: &View, address: bool) -> DeviceView {
    let mut to = DeviceView { base: view.base as i64, to: [1; RANK], ..DeviceView::default() };
    if address {
        to.at = memory.address(view.place);
        to.number_type = memory.number_type(view.place);
    }
    for (axis, (&stride, &(from, end))) in view.strides.iter().zip(&view.windows).enumerate() {
        to.strides[axis] = stride as i64;
        (to.from[axis], to.to[axis]) = (from as u32, end as u32);
    }
    to
}

/// The program's part of the parameters, and how many slots it needs.
fn program_arguments(
    memory: &Memory,
    shape: &[usize],
    program: &Program,
) -> std::result::Result<(ProgramArguments, u32), String> {
    if shape.len() > RANK {
        return Err(format!("an iteration space of {} axes, the GPU's kernels take {RANK}", shape.len()));
    }
    let mut to = ProgramArguments {
        clock: memory.clock.address,
        instructions: program.instructions.len() as u32,
        loads: program.loads.len() as u32,
        results: program.results.len() as u32,
        ..ProgramArguments::default()
    };
    for (i, load) in program.loads.iter().enumerate() {
        let memory_load = matches!(load, Load::Memory(_));
        to.views[i] = device_view(memory, load.view(), memory_load);
        if let Load::Rand { stream, dist, .. } = load {
            to.streams[i] = *stream;
            to.load_kinds[i] = if *dist == Dist::Uniform { 1 } else { 2 };
        }
    }
    let mut slots = Slots::new(program);
    for (i, instruction) in program.instructions.iter().enumerate() {
        let mut code = Instruction { op: op_number(instruction.op), to: NO_SLOT, ..Instruction::default() };
        for (j, arg) in instruction.args.iter().enumerate() {
            (code.kinds[j], code.numbers[j], code.constants[j]) = slots.operand(*arg, i);
        }
        code.to = slots.write(i, instruction.to);
        to.code[i] = code;
    }
    for (i, (arg, view)) in program.results.iter().enumerate() {
        (to.result_kinds[i], to.result_numbers[i], to.result_constants[i]) =
            slots.operand(*arg, program.instructions.len());
        to.views[program.loads.len() + i] = device_view(memory, view, true);
    }
    Ok((to, slots.used))
}

fn op_number(op: PointOp) -> u8 {
    match op {
        PointOp::Add => 0,
        PointOp::Mul => 1,
        PointOp::Max => 2,
        PointOp::Gt => 3,
        PointOp::Select => 4,
        PointOp::Sqrt => 5,
        PointOp::Recip => 6,
        PointOp::Tanh => 7,
        PointOp::Sigmoid => 8,
        PointOp::Softplus => 9,
    }
}

/// Which results stay in the chain register and which go to slots in shared memory.
struct Slots {
    /// Instruction that wrote each register last.
    writer: [Option<usize>; MAX_REGISTERS],
    /// Slot of each register, once it has one.
    slot: [Option<u8>; MAX_REGISTERS],
    /// Whether an instruction's result is read later than by the next one.
    kept: Vec<bool>,
    used: u32,
}

impl Slots {
    fn new(program: &Program) -> Slots {
        let mut kept = vec![false; program.instructions.len()];
        let mut writer = [None; MAX_REGISTERS];
        let mut read = |arg: &Arg, at: usize, writer: &[Option<usize>; MAX_REGISTERS]| {
            if let Arg::Register(r) = arg
                && let Some(from) = writer[usize::from(*r)].filter(|from| from + 1 != at)
            {
                kept[from] = true;
            }
        };
        for (i, instruction) in program.instructions.iter().enumerate() {
            instruction.args.iter().for_each(|arg| read(arg, i, &writer));
            writer[usize::from(instruction.to)] = Some(i);
        }
        program.results.iter().for_each(|(arg, _)| read(arg, program.instructions.len(), &writer));
        Slots { writer: [None; MAX_REGISTERS], slot: [None; MAX_REGISTERS], kept, used: 0 }
    }

    /// Kind, number and constant of what instruction `at` reads.
    fn operand(&self, arg: Arg, at: usize) -> (u8, u8, f32) {
        match arg {
            Arg::Const(c) => (CONSTANT, 0, c),
            Arg::Load(l) => (LOAD, l, 0.0),
            Arg::Register(r) => {
                let r = usize::from(r);
                if self.writer[r].is_some_and(|from| from + 1 == at) {
                    (CHAIN, 0, 0.0)
                } else {
                    (SLOT, self.slot[r].expect("a register is written before it is read"), 0.0)
                }
            }
        }
    }

    /// The slot for the result of instruction `at` in `register`.
    fn write(&mut self, at: usize, register: u8) -> u8 {
        let register = usize::from(register);
        self.writer[register] = Some(at);
        if !self.kept[at] {
            return NO_SLOT;
        }
        *self.slot[register].get_or_insert_with(|| {
            self.used += 1;
            (self.used - 1) as u8
        })
    }
}
