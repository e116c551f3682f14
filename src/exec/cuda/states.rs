//! The kernel launches that put new values into the places of states.

use super::blocks::{self, StoreStatesArguments};
use super::launch::{Argument, Geometry, Packed};
use super::limits::{MAX_COPIES, STATES_PER_BLOCK, number};
use super::memory::Memory;

use crate::lower::{Place, StateCopy, StoreStates};

const THREADS: u32 = 256;

/// One launch, or several where a phase stores more states than a launch takes.
pub(super) fn pack(memory: &Memory, store: &StoreStates) -> Result<Vec<Packed>, String> {
    let copies: Vec<&StateCopy> = store.copies.iter().filter(|copy| copy.len > 0).collect();
    copies.chunks(MAX_COPIES).map(|copies| launch(memory, store, copies)).collect()
}

fn launch(memory: &Memory, store: &StoreStates, copies: &[&StateCopy]) -> Result<Packed, String> {
    let mut arguments = StoreStatesArguments::default();
    (arguments.copies, arguments.updated) = (copies.len() as u32, store.updated.len() as u32);
    for (to, optimizer) in arguments.scales.iter_mut().zip(&store.updated) {
        *to = memory.networks[optimizer.index()].scale.address;
    }
    let mut blocks = 0;
    for (to, copy) in arguments.copy.iter_mut().zip(copies) {
        *to = block(memory, copy, number(blocks, "a launch's blocks")?)?;
        blocks += copy.len.div_ceil(STATES_PER_BLOCK);
    }
    Ok(Packed {
        kernel: "store_states",
        geometry: Geometry::row(blocks, THREADS),
        arguments: vec![Argument::block("StoreStatesArguments", &arguments)],
    })
}

/// A copy whose element 0 is the business of block `first`.
fn block(memory: &Memory, copy: &StateCopy, first: u32) -> Result<blocks::StateCopy, String> {
    let (Place::Arena(from), Place::State(optimizer, at)) = (copy.from, copy.to) else {
        unreachable!("{:?} becomes {:?}", copy.from, copy.to)
    };
    let network = &memory.networks[optimizer.index()];
    let at = 4 * at as u64;
    Ok(blocks::StateCopy {
        from: memory.arena.address + 4 * from as u64,
        to: network.states.address + at,
        average: network.average_states.map_or(0, |average| average.address + at),
        count: number(copy.len, "a state")?,
        first,
        averaged: u32::from(network.average_states.is_some()),
        unused: 0,
    })
}
