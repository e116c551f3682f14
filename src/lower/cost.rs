//! What a launch costs: arithmetic and memory traffic, counted from the plan.

use super::plan::{Epilogue, Launch, Load, Matmul, Plan, Program, Work};
use super::view::View;

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
    let read: u64 = program.loads.iter().map(|l| if let Load::Memory(v) = l { touched(v) } else { 0 }).sum();
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
        let own = |l: &&Load| matches!(l, Load::Memory(v) if v.place == out.place);
        let own: u64 = f.program.loads.iter().filter(own).map(|l| touched(l.view())).sum();
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

impl Launch {
    /// The launch's cost; `updates` are those of the optimizers' updates.
    pub fn cost(&self, updates: &[Cost]) -> Cost {
        self.work.cost(updates)
    }
}

impl Work {
    /// Its cost; `updates` are those of the optimizers' updates.
    pub fn cost(&self, updates: &[Cost]) -> Cost {
        match self {
            // A stored byte is read, a number written.
            Work::Gather { rows, width, to, .. } => {
                Cost { flops: 0, bytes: (1 + to.element_bytes() as u64) * (rows * width) as u64 }
            }
            Work::Matmul(m) => product(m),
            Work::Map { shape, program: p } => program(size(shape), p),
            Work::Reduce { shape, program: p, .. } => {
                let cost = program(size(shape), p);
                Cost { flops: cost.flops + size(shape), ..cost }
            }
            Work::Loss { parts, .. } => {
                let parts = parts.iter().map(|part| part.cost(updates));
                self.products().into_iter().map(product).chain(parts).fold(Cost::default(), |a, b| a + b)
            }
            Work::Together(parts) => {
                let all = parts.iter().map(|part| part.cost(updates)).fold(Cost::default(), |a, b| a + b);
                // Gradients that are used where they are computed are neither written nor read.
                let results = self.products().into_iter().filter(|_| self.updated().is_some());
                let results = results.flat_map(|m| m.column_sums.iter().chain([&m.out]));
                Cost { bytes: all.bytes - 2 * results.map(touched).sum::<u64>(), ..all }
            }
            // Measured where it is computed.
            Work::Measure(_) => Cost::default(),
            Work::Update(optimizer) => updates[optimizer.index()],
            Work::StoreStates(_) => Cost { flops: 0, bytes: 8 * size(&self.shape()) },
        }
    }
}

impl Plan {
    /// Bytes of the arena, 16-bit numbers included.
    pub fn scratch_bytes(&self) -> usize {
        4 * self.arena + 2 * self.narrow
    }

    /// The sum over all launches; `updates` as in [`Launch::cost`].
    pub fn cost(&self, updates: &[Cost]) -> Cost {
        self.launches.iter().map(|l| l.cost(updates)).fold(Cost::default(), |a, b| a + b)
    }
}
