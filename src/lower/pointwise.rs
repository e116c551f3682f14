//! Pointwise programs: what maps and reductions compute at each index.

use super::place::Place;
use super::view::{Axes, View};
use crate::graph::Dist;

/// Longest pointwise program.
pub const MAX_INSTRUCTIONS: usize = 32;
/// Registers a pointwise program may use at once.
pub const MAX_REGISTERS: usize = 16;
/// Operands and results of a pointwise program.
pub const MAX_VIEWS: usize = 16;

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
pub enum Load<P = Place> {
    /// Memory.
    Memory(View<P>),
    /// Random numbers: the view's positions are element numbers of the draw.
    Rand {
        /// See [`crate::rng::stream`].
        stream: u32,
        /// Distribution of each element.
        dist: Dist,
        /// A draw lies nowhere.
        view: View<()>,
    },
}

impl<P> Load<P> {
    /// The memory it reads, if it is no draw.
    pub fn memory(&self) -> Option<&View<P>> {
        match self {
            Load::Memory(view) => Some(view),
            Load::Rand { .. } => None,
        }
    }

    /// The axes of what it reads, to rewrite.
    fn axes_mut(&mut self) -> Axes<'_> {
        match self {
            Load::Memory(view) => view.axes_mut(),
            Load::Rand { view, .. } => view.axes_mut(),
        }
    }
}

/// A straight line of pointwise instructions over one iteration space.
#[derive(Debug, Clone, PartialEq)]
pub struct Program<P = Place> {
    /// What is read.
    pub loads: Vec<Load<P>>,
    /// What is computed.
    pub instructions: Vec<Instruction>,
    /// What comes out: a value, and where it goes. In a reduction the views have stride 0 along summed axes.
    pub results: Vec<(Arg, View<P>)>,
}

impl<P> Default for Program<P> {
    fn default() -> Program<P> {
        Program { loads: vec![], instructions: vec![], results: vec![] }
    }
}

impl<P> Program<P> {
    /// A program that does this on memory in places made of this one's.
    pub fn map<Q>(&self, mut place: impl FnMut(&P) -> Q) -> Program<Q> {
        let mut load = |load: &Load<P>| match load {
            Load::Memory(view) => Load::Memory(view.map(&mut place)),
            Load::Rand { stream, dist, view } => {
                Load::Rand { stream: *stream, dist: *dist, view: view.clone() }
            }
        };
        let loads = self.loads.iter().map(&mut load).collect();
        let results = self.results.iter().map(|(arg, view)| (*arg, view.map(&mut place))).collect();
        Program { loads, instructions: self.instructions.clone(), results }
    }

    /// The axes of everything it reads and stores, to rewrite.
    pub fn axes_mut(&mut self) -> Vec<Axes<'_>> {
        let loads = self.loads.iter_mut().map(Load::axes_mut);
        loads.chain(self.results.iter_mut().map(|(_, view)| view.axes_mut())).collect()
    }
}
