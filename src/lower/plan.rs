//! Plans: what executors run. Launches over one arena, in order.

use super::places;
use super::view::View;
use crate::graph::{Column, Dist, MAX_OPTIMIZERS, OptimizerId};
use crate::precision::Precision;
use std::collections::BTreeSet;

/// Longest pointwise program.
pub const MAX_INSTRUCTIONS: usize = 32;
/// Registers a pointwise program may use at once.
pub const MAX_REGISTERS: usize = 16;
/// Operands and results of a pointwise program.
pub const MAX_VIEWS: usize = 16;

/// A memory that elements live in. Offsets count its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Plan-lifetime scratch.
    Arena(usize),
    /// An optimizer's parameters.
    Weights(OptimizerId, usize),
    /// An optimizer's gradients.
    Gradients(OptimizerId, usize),
    /// The factor on an optimizer's loss, one number.
    Scale(OptimizerId),
    /// The states of an optimizer's networks.
    State(OptimizerId, usize),
    /// Plan-lifetime scratch of 16-bit numbers.
    Narrow(usize),
    /// An optimizer's parameters rounded to 16 bits, each at its offset in [`Place::Weights`].
    Copies(OptimizerId, usize),
}

impl Place {
    /// Whether elements have 16 bits.
    pub fn is_narrow(self) -> bool {
        matches!(self, Place::Narrow(_) | Place::Copies(..))
    }

    /// Bytes of an element.
    pub fn element_bytes(self) -> usize {
        if self.is_narrow() { 2 } else { 4 }
    }
}

/// A pointwise instruction's operation; semantics as the graph's op of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PointOp {
    Add,
    Mul,
    Max,
    Gt,
    Select,
    Sqrt,
    Recip,
    Tanh,
    Sigmoid,
    Softplus,
    Exp,
    Log,
}

impl PointOp {
    /// Every operation, in the order of the enumeration: its place here is its number in a device's programs.
    pub const ALL: [PointOp; 12] = [
        PointOp::Add,
        PointOp::Mul,
        PointOp::Max,
        PointOp::Gt,
        PointOp::Select,
        PointOp::Sqrt,
        PointOp::Recip,
        PointOp::Tanh,
        PointOp::Sigmoid,
        PointOp::Softplus,
        PointOp::Exp,
        PointOp::Log,
    ];
}

/// An instruction's operand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg {
    /// A register.
    Register(u8),
    /// A load of the program, by number.
    Load(u8),
    /// A number.
    Const(f32),
}

/// `registers[to] ← op(args)`; ops of fewer operands leave the rest `Const(0)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instruction {
    /// What.
    pub op: PointOp,
    /// From what.
    pub args: [Arg; 3],
    /// Into which register.
    pub to: u8,
}

/// Something a program reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// Memory.
    Memory(View),
    /// Random numbers: the view's positions are element numbers of the draw.
    Rand {
        /// See [`crate::rng::stream`].
        stream: u32,
        /// Of each element.
        dist: Dist,
        /// `place` is meaningless here.
        view: View,
    },
}

impl Load {
    /// The index map.
    pub fn view(&self) -> &View {
        match self {
            Load::Memory(view) | Load::Rand { view, .. } => view,
        }
    }

    /// The index map, to rewrite.
    pub fn view_mut(&mut self) -> &mut View {
        match self {
            Load::Memory(view) | Load::Rand { view, .. } => view,
        }
    }
}

/// A straight line of pointwise instructions over one iteration space.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Program {
    /// What is read.
    pub loads: Vec<Load>,
    /// What is computed.
    pub instructions: Vec<Instruction>,
    /// What comes out: a value, and where it goes. In a reduction the views have stride 0 along summed axes.
    pub results: Vec<(Arg, View)>,
}

/// What a contraction does to its product before storing it. A closed list: each has a hand-written form
/// in every executor. Views are over the product's rows and columns; `V` is what a view is made of before there is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Epilogue<V = View> {
    /// + b\[column\].
    Bias(V),
    /// + c\[row, column\].
    Accumulate(V),
    /// × c.
    Scale(f32),
    /// max(x, 0).
    Relu,
    /// max(x, slope·x).
    LeakyRelu(f32),
    /// tanh x.
    Tanh,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// × (u > threshold ? scale : 0), u drawn again from its counter.
    Dropout {
        /// Stream of u.
        stream: u32,
        /// Probability of dropping.
        threshold: f32,
        /// 1 / keep.
        scale: f32,
        /// Positions are element numbers of the draw.
        view: V,
    },
    /// y > 0 ? x : 0, with y the relu's output.
    ReluGrad(V),
    /// y > 0 ? x : slope·x, with y the leaky relu's output.
    LeakyReluGrad(V, f32),
    /// x·(1 − y²), with y the tanh's output.
    TanhGrad(V),
    /// x·y·(1 − y), with y the sigmoid's output.
    SigmoidGrad(V),
}

impl<V> Epilogue<V> {
    /// The same on another view, if it has one.
    pub fn map<'a, W>(&'a self, view: impl FnOnce(&'a V) -> W) -> Epilogue<W> {
        match self {
            Epilogue::Bias(v) => Epilogue::Bias(view(v)),
            Epilogue::Accumulate(v) => Epilogue::Accumulate(view(v)),
            Epilogue::Scale(c) => Epilogue::Scale(*c),
            Epilogue::Relu => Epilogue::Relu,
            Epilogue::LeakyRelu(slope) => Epilogue::LeakyRelu(*slope),
            Epilogue::Tanh => Epilogue::Tanh,
            Epilogue::Sigmoid => Epilogue::Sigmoid,
            Epilogue::Dropout { stream, threshold, scale, view: v } => {
                Epilogue::Dropout { stream: *stream, threshold: *threshold, scale: *scale, view: view(v) }
            }
            Epilogue::ReluGrad(v) => Epilogue::ReluGrad(view(v)),
            Epilogue::LeakyReluGrad(v, slope) => Epilogue::LeakyReluGrad(view(v), *slope),
            Epilogue::TanhGrad(v) => Epilogue::TanhGrad(view(v)),
            Epilogue::SigmoidGrad(v) => Epilogue::SigmoidGrad(view(v)),
        }
    }

    /// The memory it reads, if any; what is drawn has none.
    pub fn operand(&self) -> Option<&V> {
        let mut view = None;
        let seen = self.map(|v| view = Some(v));
        view.filter(|_| !matches!(seen, Epilogue::Dropout { .. }))
    }

    /// Likewise, to rewrite.
    pub fn operand_mut(&mut self) -> Option<&mut V> {
        match self {
            Epilogue::Bias(v)
            | Epilogue::Accumulate(v)
            | Epilogue::ReluGrad(v)
            | Epilogue::LeakyReluGrad(v, _)
            | Epilogue::TanhGrad(v)
            | Epilogue::SigmoidGrad(v) => Some(v),
            Epilogue::Scale(_)
            | Epilogue::Relu
            | Epilogue::LeakyRelu(_)
            | Epilogue::Tanh
            | Epilogue::Sigmoid
            | Epilogue::Dropout { .. } => None,
        }
    }

    /// Its name in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Epilogue::Bias(_) => "bias",
            Epilogue::Accumulate(_) => "accumulate",
            Epilogue::Scale(_) => "scale",
            Epilogue::Relu => "relu",
            Epilogue::LeakyRelu(_) => "leaky-relu",
            Epilogue::Tanh => "tanh",
            Epilogue::Sigmoid => "sigmoid",
            Epilogue::Dropout { .. } => "dropout",
            Epilogue::ReluGrad(_) => "relu'",
            Epilogue::LeakyReluGrad(..) => "leaky-relu'",
            Epilogue::TanhGrad(_) => "tanh'",
            Epilogue::SigmoidGrad(_) => "sigmoid'",
        }
    }
}

/// A matrix in memory: element (i, j) at `view.base + i·strides[0] + j·strides[1]`.
pub type Matrix = View;

/// out\[m, n\] = epilogue(a\[m, k\] · b\[k, n\]).
#[derive(Debug, Clone, PartialEq)]
pub struct Matmul {
    /// Left operand, `[m, k]`.
    pub a: Matrix,
    /// Right operand, `[k, n]`.
    pub b: Matrix,
    /// Result, `[m, n]`, rows contiguous.
    pub out: Matrix,
    /// m, n, k.
    pub size: [usize; 3],
    /// Applied in order.
    pub epilogue: Vec<Epilogue>,
    /// Where Σₖ b\[k, n\] goes, `[1, n]` of f32: a bias' gradient beside its weights'.
    pub column_sums: Option<View>,
    /// Maps that follow the finished result in the same launch; all see as many pieces.
    pub followers: Vec<Follower>,
}

/// A map behind a product, done by the block that computed what it reads of the result. It is a map over
/// `[rows, units]`, rows ≤ m, of the result seen as `[m, piece, unit]`: at (row, unit) it reads nothing else of the result than
/// the pieces of that unit. A maxout has several pieces; anything pointwise has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Follower {
    /// n / units; the result's columns are `[piece, unit]`.
    pub pieces: usize,
    /// `[rows, units]`.
    pub shape: Vec<usize>,
    /// The map's program.
    pub program: Program,
}

/// One launch.
#[allow(clippy::large_enum_variant, reason = "a plan has few launches, most of them products")]
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Fills an input with the minibatch of this tick: examples, or their labels one-hot.
    Gather {
        /// Number of the data set.
        set: u8,
        /// What is taken of it.
        column: Column,
        /// `[rows, width]` row-major.
        to: Place,
        /// Minibatch size.
        rows: usize,
        /// Numbers a row.
        width: usize,
    },
    /// A matrix product.
    Matmul(Matmul),
    /// A pointwise program at every index of a space.
    Map {
        /// The iteration space.
        shape: Vec<usize>,
        /// The program.
        program: Program,
    },
    /// A pointwise program, its results summed over some axes of the space.
    Reduce {
        /// The iteration space.
        shape: Vec<usize>,
        /// Which axes are summed.
        summed: Vec<bool>,
        /// The program.
        program: Program,
    },
    /// The loss head: D's logits, then maps and reductions of few elements, one after the other in one block; a later
    /// one may read what an earlier one stored. Losses, their gradients and statistics.
    Loss {
        /// The product before, where there is one column of logits and it reads, row by row, what that product or a map
        /// behind it stores.
        hidden: Option<Box<Matmul>>,
        /// Products with one column, which do not need each other.
        logits: Vec<Matmul>,
        /// Maps and reductions.
        parts: Vec<Work>,
    },
    /// The minibatch's inputs and maps that do not need each other; or products that do not, and after them perhaps the
    /// measure or the update of the optimizer whose whole gradient they are.
    Together(Vec<Work>),
    /// The squared norm of an optimizer's scaled gradient, and what it says about the scale. An executor may find it with the
    /// update instead.
    Measure(OptimizerId),
    /// One update of an optimizer's parameters from their gradients.
    Update(OptimizerId),
    /// The phase's end: new values take the place of states, and of their copies in the moving average where the
    /// optimizer keeps one.
    StoreStates(StoreStates),
}

/// New values that become states, all of them or none.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreStates {
    /// What goes where; f32 throughout.
    pub copies: Vec<StateCopy>,
    /// The optimizers that the phase updates: where one of them left its update out for an overflow, states stay.
    pub updated: Vec<OptimizerId>,
}

/// A new value on its way to its state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateCopy {
    /// The new value, in the arena, dense.
    pub from: Place,
    /// The state.
    pub to: Place,
    /// Elements.
    pub len: usize,
}

impl Work {
    /// What kind of work, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Gather { .. } => "gather",
            Work::Matmul(_) => "matmul",
            Work::Map { .. } => "map",
            Work::Reduce { .. } => "reduce",
            Work::Loss { hidden: Some(_), .. } => "matmul",
            Work::Loss { .. } => "loss",
            Work::Together(parts) => parts[0].kind(),
            Work::Measure(_) => "measure",
            Work::Update(_) => "update",
            Work::StoreStates(_) => "states",
        }
    }

    /// Its lengths: rows and width, m, n and k, or the iteration space; none where there is no one shape.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Work::Gather { rows, width, .. } => vec![*rows, *width],
            Work::Matmul(m) => m.size.to_vec(),
            Work::Map { shape, .. } | Work::Reduce { shape, .. } => shape.clone(),
            Work::Loss { hidden: Some(m), .. } => m.size.to_vec(),
            Work::StoreStates(store) => vec![store.copies.iter().map(|copy| copy.len).sum()],
            Work::Loss { .. } | Work::Together(_) | Work::Measure(_) | Work::Update(_) => vec![],
        }
    }

    /// The optimizer that updates in it, if one does.
    pub fn updated(&self) -> Option<OptimizerId> {
        match self {
            Work::Update(optimizer) => Some(*optimizer),
            Work::Together(parts) => parts.iter().find_map(Work::updated),
            _ => None,
        }
    }

    /// The optimizer whose scaled gradient it measures, if it measures one.
    pub fn measured(&self) -> Option<OptimizerId> {
        match self {
            Work::Measure(optimizer) => Some(*optimizer),
            Work::Together(parts) => parts.iter().find_map(Work::measured),
            _ => None,
        }
    }

    /// The matrix products in it.
    pub fn products(&self) -> Vec<&Matmul> {
        match self {
            Work::Matmul(product) => vec![product],
            Work::Loss { hidden, logits, .. } => hidden.as_deref().into_iter().chain(logits).collect(),
            Work::Together(parts) => parts.iter().flat_map(Work::products).collect(),
            _ => vec![],
        }
    }

    /// The matrix products in it, to rewrite.
    pub fn products_mut(&mut self) -> Vec<&mut Matmul> {
        match self {
            Work::Matmul(product) => vec![product],
            Work::Loss { hidden, logits, .. } => hidden.as_deref_mut().into_iter().chain(logits).collect(),
            Work::Together(parts) => parts.iter_mut().flat_map(Work::products_mut).collect(),
            _ => vec![],
        }
    }
}

/// A launch and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// Path of the node it stores first.
    pub name: String,
    /// Its work.
    pub work: Work,
}

/// A node that has memory of its own: for tests, dumps and statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The graph's node.
    pub var: crate::graph::Var,
    /// Where and how it lies, over the node's shape.
    pub view: View,
    /// Launches that write it (several for a concatenation).
    pub writers: Vec<usize>,
    /// The last launch that reads it; `usize::MAX` if it outlives the plan.
    pub last_reader: usize,
}

/// Which memory a plan's parameters and states are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadFrom {
    /// The weights and the states themselves.
    #[default]
    Weights,
    /// The moving average of the weights, and the states that belong to it, in place. Plans that update nothing may ask
    /// for it, of optimizers that keep an average.
    Average,
}

/// One phase of training, or a task that changes nothing that outlives it, ready to run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// In order.
    pub launches: Vec<Launch>,
    /// What products multiply, and the format of 16-bit places.
    pub precision: Precision,
    /// Scratch, in `f32`s.
    pub arena: usize,
    /// Scratch of 16-bit numbers, in elements.
    pub narrow: usize,
    /// Nodes with memory.
    pub stored: Vec<Stored>,
    /// What the host fills before the plan runs.
    pub inputs: Vec<Named>,
    /// What the plan leaves in the arena.
    pub outputs: Vec<Named>,
    /// Whether it is the last phase of a training step.
    pub ends_step: bool,
    /// Where parameters and states are read.
    pub from: ReadFrom,
}

impl Plan {
    /// Whether it updates, by optimizer.
    pub fn updates(&self) -> [bool; MAX_OPTIMIZERS] {
        let mut updates = [false; MAX_OPTIMIZERS];
        self.launches.iter().filter_map(|l| l.work.updated()).for_each(|o| updates[o.index()] = true);
        updates
    }

    /// Whether it leaves everything that outlives it as it was.
    pub fn is_task(&self) -> bool {
        let changes = |work: &Work| work.updated().is_some() || matches!(work, Work::StoreStates(_));
        !self.launches.iter().any(|l| changes(&l.work))
    }

    /// Optimizers whose parameters or states it reads.
    pub fn read_optimizers(&self) -> BTreeSet<OptimizerId> {
        let places = self.launches.iter().flat_map(|l| places::reads(&l.work));
        let optimizer = |place| match place {
            Place::Weights(of, _) | Place::Copies(of, _) | Place::State(of, _) => Some(of),
            Place::Arena(_) | Place::Narrow(_) | Place::Gradients(..) | Place::Scale(_) => None,
        };
        places.filter_map(optimizer).collect()
    }

    /// What the host fills under that name.
    ///
    /// # Panics
    /// When there is no such input.
    pub fn input(&self, name: &str) -> &Named {
        self.inputs.iter().find(|i| i.name == name).unwrap_or_else(|| panic!("no input {name}"))
    }

    /// What the plan leaves under that name.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn output(&self, name: &str) -> &Named {
        self.outputs.iter().find(|o| o.name == name).unwrap_or_else(|| panic!("no output {name}"))
    }

    /// The outputs that are one number: what people read of a phase.
    pub fn statistics(&self) -> impl Iterator<Item = &Named> {
        self.outputs.iter().filter(|output| output.len == 1)
    }
}

/// A named part of the arena.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// What it is.
    pub name: String,
    /// Where it starts.
    pub at: usize,
    /// Elements.
    pub len: usize,
}
