//! The kernel launches of loss heads.

use super::blocks::{Head, LossArguments};
use super::launch::{Argument, Geometry, Packed};
use super::limits::number;
use super::matmul::{self, Filling, arguments};
use super::packer::Packer;
use super::plan_memory::PlanMemory;
use super::program;
use super::tiling::Way;
use crate::lower::{LossHead, Map, Matmul, Part};

const LOSS_THREADS: u32 = 256;

/// The product that a loss head reads, the logits, then small maps and reductions by the block that is left; the latter's
/// parameters lie in device memory.
pub(super) fn pack(packer: &mut Packer, head: &LossHead) -> Result<Vec<Packed>, String> {
    let LossHead { hidden, logits, parts } = head;
    let memory = packer.memory;
    let head = Head { parts: packer.next_program(), count: parts.len() as u32, ..Head::default() };
    let mut most = 0;
    for part in parts {
        let packed = match part {
            Part::Map(Map { shape, program }) => program::map(memory, (shape, program), 0)?,
            Part::Reduce(reduce) => program::reduction(memory, reduce)?,
        };
        most = most.max(packed.slots);
        packer.programs.push(packed.arguments);
    }
    let mut packed = vec![];
    if let (Some(hidden), [logits]) = (hidden, &logits[..]) {
        if let Some(launch) = with_hidden(packer, hidden, logits, (head, most))? {
            return Ok(vec![launch]);
        }
        packed = matmul::pack(packer, [&**hidden].into_iter())?;
    }
    let (arguments, blocks) = self::logits(memory, logits, head, (LOSS_THREADS / 32) as usize)?;
    let geometry = Geometry::row(blocks.max(1), LOSS_THREADS);
    packed.push(Packed {
        kernel: "loss_head",
        geometry: Geometry { shared_bytes: 4 * most * LOSS_THREADS, ..geometry },
        arguments: vec![Argument::block("LossArguments", &arguments)],
    });
    Ok(packed)
}

/// A product and the loss head that reads it in one launch, if there is a kernel for that. `head` tells of the parts behind
/// the logits, which have at most `slots`.
fn with_hidden(
    packer: &mut Packer,
    hidden: &Matmul,
    logits: &Matmul,
    (head, slots): (Head, u32),
) -> Result<Option<Packed>, String> {
    let Some(way) = Way::with_head(hidden, packer.memory.cut(), slots) else { return Ok(None) };
    let mut launch = Filling::new(way.kernel, way.threads);
    launch.add(packer, hidden, &way)?;
    launch.launch.product[1] = arguments(packer.memory, logits)?;
    let arrived = packer.memory.arrived.address + 4 * launch.used.arrived as u64;
    launch.launch.head = Head { logits: 1, arrived, ..head };
    Ok(Some(launch.packed()))
}

/// The logits of a loss head that has a launch of its own, whose blocks compute `rows` of them each, and how many blocks
/// that takes. `head` tells of the parts behind them.
fn logits(
    memory: PlanMemory,
    products: &[Matmul],
    head: Head,
    rows: usize,
) -> Result<(LossArguments, usize), String> {
    let mut to = LossArguments { head, ..LossArguments::default() };
    to.head.arrived = memory.arrived.address;
    let mut blocks = 0;
    for product in products.iter().filter(|p| p.size[0] > 0) {
        let mut arguments = arguments(memory, product)?;
        arguments.first = number(blocks, "a launch's blocks")?;
        to.product[to.head.logits as usize] = arguments;
        to.head.logits += 1;
        blocks += product.size[0].div_ceil(rows);
    }
    Ok((to, blocks))
}
