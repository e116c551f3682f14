//! What is at hand while a plan's launches are packed.

use super::blocks::ProgramArguments;
use super::plan_memory::PlanMemory;
use crate::exec::rule::UpdateRule;
use crate::graph::MAX_OPTIMIZERS;

/// A plan being packed.
pub(super) struct Packer<'a> {
    /// Where its places are.
    pub memory: PlanMemory<'a>,
    /// How optimizers update.
    pub rules: &'a [UpdateRule],
    /// Whether the plan's products measure an optimizer's gradient, by optimizer.
    pub measured: [bool; MAX_OPTIMIZERS],
    /// Parameters of programs that share a launch: what lies in [`super::memory::Memory::programs`], of all plans.
    pub programs: &'a mut Vec<ProgramArguments>,
}

impl Packer<'_> {
    /// Where the next program's parameters will lie.
    pub fn next_program(&self) -> u64 {
        self.memory.programs.address + (self.programs.len() * size_of::<ProgramArguments>()) as u64
    }
}
