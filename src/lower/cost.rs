//! What a launch costs: arithmetic and memory traffic, counted from the plan.

use super::convolution::Convolution;
use super::plan::{Launch, Plan};
use super::pointwise::{Load, Program};
use super::product::{Epilogue, Matmul};
use super::view::View;
use super::work::{Gather, Map, Part, Reduce, Work};

/// Counted, not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Floating-point operations; a multiplication and its addition are two.
    pub flops: u64,
    /// Bytes read and written, each operand once.
    pub bytes: u64,
}

impl std::ops::Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost { flops: self.flops + other.flops, bytes: self.bytes + other.bytes }
    }
}

/// Bytes that a view touches in memory: broadcast axes count once, what windows cut off not at all.
fn touched(view: &View) -> u64 {
    let axes = view.windows.iter().zip(&view.strides);
    let elements: u64 =
        axes.map(|(&(lo, hi), &stride)| if stride == 0 { 1 } else { hi.saturating_sub(lo) as u64 }).product();
    view.place.element_bytes() as u64 * elements
}

fn program(space: u64, program: &Program) -> Cost {
    let read: u64 = program.loads.iter().filter_map(Load::memory).map(touched).sum();
    let written: u64 = program.results.iter().map(|(_, v)| touched(v)).sum();
    Cost { flops: space * program.instructions.len() as u64, bytes: read + written }
}

fn size(shape: &[usize]) -> u64 {
    shape.iter().product::<usize>() as u64
}

fn product(product: &Matmul) -> Cost {
    let Matmul { a, b, out, size: [m, n, k], epilogue, column_sums, followers } = product;
    // What follows stores its own results; what was just computed costs nothing to read.
    let behind = followers.iter().map(|f| {
        let cost = program(size(&f.shape), &f.program);
        let read = f.program.loads.iter().filter_map(Load::memory);
        let own: u64 = read.filter(|view| view.place == out.place).map(touched).sum();
        Cost { bytes: cost.bytes - own, ..cost }
    });
    let extra: u64 = epilogue.iter().filter_map(Epilogue::operand).map(touched).sum();
    let itself = Cost {
        flops: (2 * m * n * k + m * n * epilogue.len()) as u64
            + column_sums.as_ref().map_or(0, |_| (n * k) as u64),
        bytes: touched(a) + touched(b) + touched(out) + column_sums.as_ref().map_or(0, touched) + extra,
    };
    behind.fold(itself, |a, b| a + b)
}

/// Taps in the padding count as any.
fn convolution(c: &Convolution) -> Cost {
    let [m, n, _] = c.size();
    let extra: u64 = c.epilogue.iter().filter_map(Epilogue::operand).map(touched).sum();
    let sums = c.column_sums.as_ref().map_or(0, |_| c.y.iter().product::<usize>());
    Cost {
        flops: (2 * c.multiplications() + m * n * c.epilogue.len() + sums) as u64,
        bytes: touched(&c.a)
            + touched(&c.b)
            + touched(&c.out)
            + c.column_sums.as_ref().map_or(0, touched)
            + extra,
    }
}

impl Launch {
    /// Cost of the launch; `updates` are the costs of the optimizers' updates, by optimizer.
    pub fn cost(&self, updates: &[Cost]) -> Cost {
        self.work.cost(updates)
    }
}

impl Work {
    /// Cost of the work; `updates` are the costs of the optimizers' updates, by optimizer.
    pub fn cost(&self, updates: &[Cost]) -> Cost {
        match self {
            Work::Minibatch(minibatch) => {
                let gathers = minibatch.gathers.iter().map(gather);
                sum(gathers.chain(minibatch.draws.iter().map(map)))
            }
            Work::Matmul(m) => product(m),
            Work::Convolution(c) => convolution(c),
            Work::Map(m) => map(m),
            Work::Reduce(r) => reduce(r),
            Work::LossHead(head) => {
                let part = |part: &Part| match part {
                    Part::Map(m) => map(m),
                    Part::Reduce(r) => reduce(r),
                };
                sum(self.products().into_iter().map(product).chain(head.parts.iter().map(part)))
            }
            // What is measured is measured where it is computed.
            Work::Gradients(gradients) => {
                let all = sum(gradients.products.iter().map(product));
                let Some(optimizer) = self.updated() else { return all };
                // Gradients that are used where they are computed are neither written nor read.
                let results = gradients.products.iter().flat_map(|m| m.column_sums.iter().chain([&m.out]));
                let all = all + updates[optimizer.index()];
                Cost { bytes: all.bytes - 2 * results.map(touched).sum::<u64>(), ..all }
            }
            Work::Update(optimizer) => updates[optimizer.index()],
            Work::StoreStates(_) => Cost { flops: 0, bytes: 8 * size(&self.shape()) },
        }
    }
}

fn sum(costs: impl Iterator<Item = Cost>) -> Cost {
    costs.fold(Cost::default(), |a, b| a + b)
}

/// A stored byte is read, a number written.
fn gather(gather: &Gather) -> Cost {
    let Gather { rows, width, to, .. } = gather;
    Cost { flops: 0, bytes: (1 + to.element_bytes() as u64) * (rows * width) as u64 }
}

fn map(map: &Map) -> Cost {
    program(size(&map.shape), &map.program)
}

fn reduce(reduce: &Reduce) -> Cost {
    let cost = program(size(&reduce.shape), &reduce.program);
    Cost { flops: cost.flops + size(&reduce.shape), ..cost }
}

impl Plan {
    /// Bytes of the arena, 16-bit numbers included.
    pub fn scratch_bytes(&self) -> usize {
        4 * self.arena + 2 * self.narrow
    }

    /// The sum over all launches; `updates` as in [`Launch::cost`].
    pub fn cost(&self, updates: &[Cost]) -> Cost {
        sum(self.launches.iter().map(|l| l.cost(updates)))
    }
}
