//! The memory that launches read.

use super::pointwise::{Load, Program};
use super::product::{Epilogue, Matmul};
use super::work::{Map, Part, Reduce, Work};

/// Every place a launch reads; of what it writes itself first, none or some.
pub(super) fn reads<P: Copy + PartialEq>(work: &Work<P>) -> Vec<P> {
    let products = work.products().into_iter().flat_map(product_reads);
    match work {
        Work::Update(_) | Work::Matmul(_) | Work::Gradients(_) => products.collect(),
        Work::Convolution(c) => {
            let more = c.epilogue.iter().filter_map(Epilogue::operand).map(|v| v.place);
            [c.a.place, c.b.place].into_iter().chain(more).collect()
        }
        Work::Minibatch(minibatch) => {
            minibatch.draws.iter().flat_map(|draw| program_reads(&draw.program)).collect()
        }
        Work::Map(Map { program, .. }) | Work::Reduce(Reduce { program, .. }) => {
            program_reads(program).collect()
        }
        Work::LossHead(head) => {
            products.chain(head.parts.iter().map(Part::program).flat_map(|(_, p)| program_reads(p))).collect()
        }
        Work::StoreStates(store) => store.copies.iter().map(|copy| copy.from).collect(),
    }
}

fn program_reads<P: Copy>(program: &Program<P>) -> impl Iterator<Item = P> {
    program.loads.iter().filter_map(Load::memory).map(|view| view.place)
}

/// What a product reads, and what follows it, but for the product's own result.
fn product_reads<P: Copy + PartialEq>(product: &Matmul<P>) -> Vec<P> {
    let Matmul { a, b, out, epilogue, followers, .. } = product;
    let more = epilogue.iter().filter_map(Epilogue::operand).map(|v| v.place);
    let behind = followers.iter().flat_map(|f| program_reads(&f.program)).filter(|p| *p != out.place);
    [a.place, b.place].into_iter().chain(more).chain(behind).collect()
}
