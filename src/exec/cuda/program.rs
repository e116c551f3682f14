//! From a plan's pointwise programs to the parameters of `kernels/program.cuh`, which interprets them: what is read lies in
//! slots of shared memory from the start, and results of instructions follow it.

use super::blocks::{DeviceView, NO_SLOT, ProgramArguments};
use super::limits::{RANK, number};
use super::plan_memory::PlanMemory;
use super::slots::{Writers, slots};
use crate::graph::Dist;
use crate::lower::{Arg, Load, Program, Reduce, View};

type Packing<T> = std::result::Result<T, String>;

/// A program's parameters, and what it takes to run them.
pub(super) struct PackedProgram {
    pub arguments: ProgramArguments,
    /// Slots of shared memory, each a number an element.
    pub slots: u32,
}

impl PackedProgram {
    /// Numbers of shared memory that a thread needs.
    pub fn numbers(&self) -> u32 {
        self.slots * if self.arguments.quads == 1 { 4 } else { 1 }
    }
}

/// A map's parameters, whose threads have `room` numbers of shared memory each: they run it for quads of elements where
/// these are whole and the room is enough.
pub(super) fn map(
    memory: PlanMemory,
    (shape, program): (&[usize], &Program),
    room: u32,
) -> Packing<PackedProgram> {
    let mut packed = program_of(memory, shape, program)?;
    let arguments = &mut packed.arguments;
    (arguments.shape, arguments.count) = lengths(shape, |_| true)?;
    (arguments.folded, arguments.terms) = ([1; RANK], 1);
    let whole = shape.last().is_some_and(|n| n.is_multiple_of(4));
    arguments.quads = u32::from(whole && 4 * packed.slots <= room);
    Ok(packed)
}

/// A reduction's parameters.
pub(super) fn reduction(memory: PlanMemory, reduce: &Reduce) -> Packing<PackedProgram> {
    let Reduce { shape, summed, program } = reduce;
    let mut packed = program_of(memory, shape, program)?;
    let arguments = &mut packed.arguments;
    (arguments.shape, arguments.count) = lengths(shape, |axis| !summed[axis])?;
    (arguments.folded, arguments.terms) = lengths(shape, |axis| summed[axis])?;
    // Long sums along contiguous memory take a whole block each; otherwise neighbours share one.
    let along = summed.last() == Some(&true) && arguments.terms >= 64;
    arguments.columns = if along { 1 } else { arguments.count.next_power_of_two().clamp(1, 32) };
    Ok(packed)
}

/// Lengths of the axes that `wanted` picks, 1 for the others, and their product.
fn lengths(shape: &[usize], wanted: impl Fn(usize) -> bool) -> Packing<([u32; RANK], u32)> {
    let mut to = [1; RANK];
    let mut count = 1;
    for (axis, &n) in shape.iter().enumerate().filter(|&(axis, _)| wanted(axis)) {
        if i32::try_from(n).is_err() {
            return Err(format!("an axis of {n} elements is more than the GPU's kernels index (2³¹)"));
        }
        to[RANK - shape.len() + axis] = n as u32;
        count = number(count as usize * n, "an iteration space")?;
    }
    Ok((to, count))
}

/// A view over an iteration space; where it lies is another matter.
fn axes<P>(view: &View<P>, shape: &[usize]) -> Packing<DeviceView> {
    let mut to = DeviceView {
        base: view.base as i64,
        to: [1; RANK],
        windowed: u32::from(view.is_windowed(shape)),
        ..DeviceView::default()
    };
    let first = RANK - shape.len();
    for (axis, (&stride, &(from, end))) in view.strides.iter().zip(&view.windows).enumerate() {
        to.strides[first + axis] = i32::try_from(stride).map_err(|_| {
            format!("a stride of {stride} elements is more than the GPU's kernels take (2³¹)")
        })?;
        (to.from[first + axis], to.to[first + axis]) = (from as u32, end as u32);
    }
    Ok(to)
}

/// A view onto memory.
fn device_view(memory: PlanMemory, view: &View, shape: &[usize]) -> Packing<DeviceView> {
    let (at, number_type) = (memory.address(view.place), memory.number_type(view.place));
    Ok(DeviceView { at, number_type, ..axes(view, shape)? })
}

/// The program's part of the parameters.
fn program_of(memory: PlanMemory, shape: &[usize], program: &Program) -> Packing<PackedProgram> {
    if shape.len() > RANK {
        return Err(format!("an iteration space of {} axes, the GPU's kernels take {RANK}", shape.len()));
    }
    let mut to = ProgramArguments {
        clock: memory.clock.address,
        rank: shape.len() as u32,
        instructions: program.instructions.len() as u32,
        loads: program.loads.len() as u32,
        results: program.results.len() as u32,
        ..ProgramArguments::default()
    };
    for (i, load) in program.loads.iter().enumerate() {
        match load {
            Load::Memory(view) => to.views[i] = device_view(memory, view, shape)?,
            Load::Rand { stream, dist, view } => {
                to.views[i] = axes(view, shape)?;
                to.streams[i] = *stream;
                to.load_kinds[i] = if *dist == Dist::Uniform { 1 } else { 2 };
            }
        }
    }
    let (slots, used) = slots(program);
    let mut writers = Writers::default();
    // Slot and constant of what an instruction reads.
    let operand = |arg: Arg, writers: &Writers| match arg {
        Arg::Const(c) => (NO_SLOT, c),
        Arg::Load(load) => (load, 0.0),
        Arg::Register(register) => (slots[writers.of(register)], 0.0),
    };
    for (i, instruction) in program.instructions.iter().enumerate() {
        let code = &mut to.code[i];
        code.op = instruction.op as u32 | u32::from(slots[i]) << 8;
        for (j, arg) in instruction.args.iter().enumerate() {
            let (slot, constant) = operand(*arg, &writers);
            code.from |= u32::from(slot) << (8 * j);
            code.constants[j] = constant;
        }
        writers.0[usize::from(instruction.to)] = Some(i);
    }
    for (i, (arg, view)) in program.results.iter().enumerate() {
        (to.result_slots[i], to.result_constants[i]) = operand(*arg, &writers);
        to.views[program.loads.len() + i] = device_view(memory, view, shape)?;
    }
    Ok(PackedProgram { arguments: to, slots: used })
}
