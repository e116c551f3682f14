//! The kernel launch that fills a minibatch's inputs and draws noise beside them.

use super::blocks::{GatherArguments, TogetherArguments};
use super::launch::{Argument, Geometry, Packed};
use super::limits::number;
use super::maps::{MAP_ELEMENTS, MAP_ROOM, MAP_THREADS, Packing};
use super::packer::Packer;
use super::plan_memory::PlanMemory;
use super::program;
use crate::data::shuffle;
use crate::graph::Column;
use crate::lower::{Gather, Map, Minibatch};

/// What a gather reads, in the order of its numbers.
#[cfg(test)]
pub(super) const SOURCES: [&str; 3] = ["BYTES", "NUMBERS", "LABELS"];
const BYTES: u32 = 0;
const NUMBERS: u32 = 1;
const LABELS: u32 = 2;

/// The minibatch's inputs, and maps beside them: one launch.
pub(super) fn pack(packer: &mut Packer, minibatch: &Minibatch) -> Packing {
    let memory = packer.memory;
    let mut arguments = TogetherArguments { maps: packer.next_program(), ..TogetherArguments::default() };
    let (mut blocks, mut most) = (0, 0);
    for gather in minibatch.gathers.iter().filter(|g| g.rows * g.width > 0) {
        arguments.gather[arguments.gathers as usize] = self::gather(memory, gather, blocks)?;
        arguments.gathers += 1;
        blocks += gather.rows;
    }
    for Map { shape, program } in minibatch.draws.iter().filter(|draw| !draw.shape.contains(&0)) {
        let packed = program::map(memory, (shape, program), MAP_ROOM)?;
        arguments.first[arguments.map_count as usize] = number(blocks, "a launch's blocks")?;
        arguments.map_count += 1;
        blocks += packed.arguments.count.div_ceil(MAP_THREADS * MAP_ELEMENTS) as usize;
        most = most.max(packed.numbers());
        packer.programs.push(packed.arguments);
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
fn gather(memory: PlanMemory, input: &Gather, first: usize) -> Result<GatherArguments, String> {
    let Gather { set, order, column, to, rows, width } = *input;
    let data = memory.data.get(usize::from(set)).expect("a plan that gathers has a data set");
    let (kind, bytes, numbers) = if column == Column::Labels {
        (LABELS, data.labels.expect("a conditional model has labels").address, 0)
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
        key: shuffle::key(order),
        factor: data.factor,
        offset: data.offset,
        number_type: memory.number_type(to),
        kind,
        first: number(first, "a launch's blocks")?,
        unused: 0,
    })
}
