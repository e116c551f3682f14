//! Slots of shared memory that a pointwise program takes, each a number an element.

use crate::lower::{Arg, MAX_REGISTERS, Program};

/// Slots of shared memory that a program takes, each a number an element.
pub(super) fn slot_count(program: &Program) -> u32 {
    slots(program).1
}

/// The slot of each instruction's result, and how many slots there are. Loads have the slots of their numbers; one that is
/// read no more is taken by the next result.
pub(super) fn slots(program: &Program) -> (Vec<u8>, u32) {
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
pub(super) struct Writers(pub [Option<usize>; MAX_REGISTERS]);

impl Writers {
    pub fn of(&self, register: u8) -> usize {
        self.0[usize::from(register)].expect("a register is written before it is read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::{Instruction, Load, Place, PointOp, View};

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
