//! From a plan's launches to kernel launches: names, geometry and parameter structs, made once.

use super::blocks::ProgramArguments;
use super::launch::Packed;
use super::packer::Packer;
use super::{convolution, gradients, heads, maps, matmul, minibatch, states, update};
use crate::error::{Error, Result};
use crate::lower::{Launch, Map, Plan, Work};

/// The kernel launches of one launch of a plan; none where there is nothing to compute.
///
/// # Errors
/// When a shape is beyond what kernels index.
pub(super) fn pack(packer: &mut Packer, launch: &Launch) -> Result<Vec<Packed>> {
    let refuse = |what| Error::Device(format!("{}: {what}; run this model with --device cpu", launch.name));
    let one = match &launch.work {
        Work::Minibatch(minibatch) => minibatch::pack(packer, minibatch),
        Work::Matmul(product) => {
            return matmul::pack(packer, [product].into_iter()).map_err(refuse);
        }
        Work::Convolution(c) => convolution::pack(packer.memory, c),
        Work::Map(Map { shape, program }) => maps::map(packer.memory, shape, program),
        Work::Reduce(reduce) => maps::reduce(packer.memory, reduce),
        Work::LossHead(head) => return heads::pack(packer, head).map_err(refuse),
        Work::Gradients(gradients) => return gradients::pack(packer, gradients).map_err(refuse),
        Work::Update(optimizer) => {
            let i = optimizer.index();
            return Ok(update::pack(&packer.memory, *optimizer, &packer.rules[i], packer.measured[i]));
        }
        Work::StoreStates(store) => return states::pack(&packer.memory, store).map_err(refuse),
    };
    Ok(one.map_err(refuse)?.into_iter().collect())
}

/// Bytes of the parameters that plans keep in device memory.
pub(super) fn program_bytes(plans: &[Plan]) -> usize {
    let parts = |work: &Work| match work {
        Work::LossHead(head) => head.parts.len() + head.hidden.as_ref().map_or(0, |m| m.followers.len()),
        Work::Minibatch(minibatch) => minibatch.draws.len(),
        _ => work.products().iter().map(|m| m.followers.len()).sum(),
    };
    let count: usize = plans.iter().flat_map(|p| &p.launches).map(|l| parts(&l.work)).sum();
    count * size_of::<ProgramArguments>()
}
