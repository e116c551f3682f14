//! From a plan's pointwise programs to the parameters of `kernels/program.cuh`, which interprets them: what is read lies in
//! slots of shared memory from the start, and results of instructions follow it.

use super::blocks::{DeviceView, NO_SLOT, ProgramArguments, RANK};
use super::memory::PlanMemory;
use super::pack::number;
use crate::graph::Dist;
use crate::lower::{Arg, Load, MAX_REGISTERS, Program, View};

type Packing<T> = std::result::Result<T, String>;

/// A program's parameters, and what it takes to run them.
pub(super) struct Packed {
    pub arguments: ProgramArguments,
    /// Slots of shared memory, each a number an element.
    pub slots: u32,
}

impl Packed {
    /// Numbers of shared memory that a thread needs.
    pub fn numbers(&self) -> u32 {
        self.slots * if self.arguments.quads == 1 { 4 } else { 1 }
    }
}

/// A map's parameters, whose threads have `room` numbers of shared memory each: they run it for quads of elements where
/// these are whole and the room is enough.
pub(super) fn map(memory: PlanMemory, shape: &[usize], program: &Program, room: u32) -> Packing<Packed> {
    let mut packed = program_of(memory, shape, program)?;
    let arguments = &mut packed.arguments;
    (arguments.shape, arguments.count) = lengths(shape, |_| true)?;
    (arguments.folded, arguments.terms) = ([1; RANK], 1);
    let whole = shape.last().is_some_and(|n| n.is_multiple_of(4));
    arguments.quads = u32::from(whole && 4 * packed.slots <= room);
    Ok(packed)
}

/// A reduction's parameters.
pub(super) fn reduction(
    memory: PlanMemory,
    shape: &[usize],
    summed: &[bool],
    program: &Program,
) -> Packing<Packed> {
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

fn device_view(memory: PlanMemory, view: &View, shape: &[usize], address: bool) -> Packing<DeviceView> {
    let mut to = DeviceView {
        base: view.base as i64,
        to: [1; RANK],
        windowed: u32::from(view.is_windowed(shape)),
        ..DeviceView::default()
    };
    if address {
        to.at = memory.address(view.place);
        to.number_type = memory.number_type(view.place);
    }
    let first = RANK - shape.len();
    for (axis, (&stride, &(from, end))) in view.strides.iter().zip(&view.windows).enumerate() {
        to.strides[first + axis] = i32::try_from(stride).map_err(|_| {
            format!("a stride of {stride} elements is more than the GPU's kernels take (2³¹)")
        })?;
        (to.from[first + axis], to.to[first + axis]) = (from as u32, end as u32);
    }
    Ok(to)
}

/// The program's part of the parameters.
fn program_of(memory: PlanMemory, shape: &[usize], program: &Program) -> Packing<Packed> {
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
        let memory_load = matches!(load, Load::Memory(_));
        to.views[i] = device_view(memory, load.view(), shape, memory_load)?;
        if let Load::Rand { stream, dist, .. } = load {
            to.streams[i] = *stream;
            to.load_kinds[i] = if *dist == Dist::Uniform { 1 } else { 2 };
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
        to.views[program.loads.len() + i] = device_view(memory, view, shape, true)?;
    }
    Ok(Packed { arguments: to, slots: used })
}

/// Slots of shared memory that a program takes, each a number an element.
pub(super) fn slot_count(program: &Program) -> u32 {
    slots(program).1
}

/// The slot of each instruction's result, and how many slots there are. Loads have the slots of their numbers; one that is
/// read no more is taken by the next result.
fn slots(program: &Program) -> (Vec<u8>, u32) {
    // The last instruction that reads each load and each result; who reads it not at all, none.
    let (mut loads, mut results) = (vec![0; program.loads.len()], vec![0; program.instructions.len()]);
    let mut writers = Writers::default();
    let mut read = |arg: &Arg, at: usize, writers: &Writers| match arg {
        Arg::Const(_) => {}
        Arg::Load(load) => loads[usize::from(*load)] = at,
        Arg::Register(register) => results[writers.of(*register)] = at,
    };
    for (i, instruction) in program.instructions.iter().enumerate() {
        instruction.args.iter().for_each(|arg| read(arg, i, &writers));
        writers.0[usize::from(instruction.to)] = Some(i);
    }
    program.results.iter().for_each(|(arg, _)| read(arg, program.instructions.len(), &writers));
    // Who reads each slot last.
    let mut last = loads;
    let slot = |(i, until): (usize, usize)| {
        let free = last.iter().position(|&reader| reader <= i);
        let slot = free.unwrap_or_else(|| {
            last.push(0);
            last.len() - 1
        });
        last[slot] = until;
        slot as u8
    };
    let slots = results.into_iter().enumerate().map(slot).collect();
    (slots, last.len() as u32)
}

/// The instruction that wrote each register last.
#[derive(Default)]
struct Writers([Option<usize>; MAX_REGISTERS]);

impl Writers {
    fn of(&self, register: u8) -> usize {
        self.0[usize::from(register)].expect("a register is written before it is read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::{Instruction, Place, PointOp};

    fn load() -> Load {
        Load::Memory(View::contiguous(Place::Arena(0), &[8]))
    }

    fn add(args: [Arg; 2], to: u8) -> Instruction {
        Instruction { op: PointOp::Add, args: [args[0], args[1], Arg::Const(0.0)], to }
    }

    /// The kernels' enumeration and Rust's, which is cast to it, count alike.
    #[test]
    fn operations_have_the_kernels_numbers() {
        let text = include_str!("../../../kernels/program.cuh");
        let start = text.find("enum {").expect("an enumeration") + "enum {".len();
        let end = start + text[start..].find('}').expect("its end");
        let kernels: Vec<&str> = text[start..end].split(',').map(str::trim).collect();
        let names: Vec<String> =
            PointOp::ALL.iter().map(|op| format!("POINT_{op:?}").to_uppercase()).collect();
        assert_eq!(kernels, names);
        assert!(PointOp::ALL.iter().enumerate().all(|(number, &op)| op as usize == number));
    }

    #[test]
    fn slots_that_nobody_reads_any_more_are_taken_again() {
        use Arg::{Load as L, Register as R};
        // ((a + b) + (a + c)) + b, and a + b once more as a result.
        let instructions =
            vec![add([L(0), L(1)], 0), add([L(0), L(2)], 1), add([R(0), R(1)], 1), add([R(1), L(1)], 2)];
        let out = |arg| (arg, View::contiguous(Place::Arena(0), &[8]));
        let results = vec![out(R(2)), out(R(0))];
        let program = Program { loads: vec![load(), load(), load()], instructions, results };
        // a is read last by the second instruction and c too, whose result goes to a's place; then c's is free.
        assert_eq!(slots(&program), (vec![3, 0, 0, 0], 4));
    }
}
