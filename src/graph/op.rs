//! The closed set of operations, and the shape rule of each.

use super::conv::Window;
use super::cut::Cut;
use super::ids::{NetworkId, OptimizerId};
use crate::rng;

/// Column of a data set that a minibatch takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Examples, `[batch, numbers]`.
    Examples,
    /// Labels one-hot, `[batch, classes]`.
    Labels,
}

/// Where the numbers of an input come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// The minibatch of a tick.
    Minibatch {
        /// Number of the data set: 0 is what the model makes, 1 what it is made from.
        set: u8,
        /// Number of the shuffled order in which its examples come: sets of one length and one order come in pairs.
        order: u8,
        /// What is taken of it.
        column: Column,
    },
    /// The factor on the loss of an optimizer, one number: where products multiply fp16, gradients are of the scaled loss.
    LossScale(OptimizerId),
    /// What the host fills before the plan runs, by name.
    Host(String),
}

impl Input {
    /// Examples of the first data set.
    pub const EXAMPLES: Input = Input::Minibatch { set: 0, order: 0, column: Column::Examples };
    /// Labels of the first data set.
    pub const LABELS: Input = Input::Minibatch { set: 0, order: 0, column: Column::Labels };
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Input::Minibatch { set, column, .. } => {
                f.write_str(match column {
                    Column::Examples => "examples",
                    Column::Labels => "labels",
                })?;
                if *set > 0 { write!(f, "/{set}") } else { Ok(()) }
            }
            Input::LossScale(optimizer) => write!(f, "loss scale/{}", optimizer.0),
            Input::Host(name) => f.write_str(name),
        }
    }
}

/// Distribution of a random leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dist {
    /// Uniform on [0, 1).
    Uniform,
    /// Standard normal.
    Normal,
}

impl Dist {
    /// Element `index` of a draw.
    pub fn sample(self, draw: &rng::Draw, index: u64) -> f32 {
        match self {
            Dist::Uniform => draw.uniform(index),
            Dist::Normal => draw.normal(index),
        }
    }
}

/// An operation. Each op's adjoint is written in these same ops (see `grad.rs`), so that any order of
/// derivative stays inside the set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// A buffer that is filled before the nodes that read it: a minibatch, labels, noise from the host.
    Input(Input),
    /// A parameter of a network. `version` counts the updates of the network's optimizer earlier in the same step.
    Param {
        /// The network that owns it.
        network: NetworkId,
        /// PyTorch-style name: `layers.0.weight`.
        name: String,
        /// How many updates of the network's optimizer this value comes after.
        version: u8,
    },
    /// A state of a network, such as a running mean, as it was when the phase began.
    State {
        /// The network that owns it.
        network: NetworkId,
        /// PyTorch-style name: `norms.0.running_mean`.
        name: String,
    },
    /// A scalar constant (`f64` bits); other shapes broadcast it.
    Const(u64),
    /// Random numbers of one stream at the current tick.
    Rand {
        /// See [`rng::stream`].
        stream: u32,
        /// Distribution of each element.
        dist: Dist,
    },

    /// a + b.
    Add,
    /// a · b.
    Mul,
    /// The greater; on a tie the second; NaN if either is.
    Max,
    /// 1 where a > b, else 0; has no derivative.
    Gt,
    /// b where a > 0, else c.
    Select,
    /// √a.
    Sqrt,
    /// 1 / a.
    Recip,
    /// tanh a.
    Tanh,
    /// 1 / (1 + e^−a).
    Sigmoid,
    /// log(1 + e^a).
    Softplus,
    /// e^a.
    Exp,
    /// log a, to base e; −∞ at 0, NaN below.
    Log,

    /// Same elements, another shape.
    Reshape,
    /// Axes of length 1 repeated to the node's shape.
    Broadcast,
    /// Zeros added `(before, after)` each axis.
    Pad(Vec<(usize, usize)>),
    /// Some elements of each axis: a run, every so many of them, or backwards.
    Slice(Vec<Cut>),
    /// Axes in another order: axis i of the result is axis `perm[i]` of the operand.
    Permute(Vec<usize>),

    /// The operand's value, through which no derivative goes.
    Detach,

    /// Sum over these axes, which stay with length 1.
    Sum(Vec<usize>),
    /// Matrix product of two rank-2 nodes, each read transposed if its flag is set.
    Matmul {
        /// Left operand transposed.
        ta: bool,
        /// Right operand transposed.
        tb: bool,
    },
    /// A picture x `[rows, height, width, in]` by a kernel `[kh, kw, in, out]`: `[rows, positions, positions, out]`.
    Conv(Window),
    /// The convolution's derivative by its picture, at y and the kernel: also the transposed convolution.
    ConvDx(Window),
    /// The convolution's derivative by its kernel, at x and y.
    ConvDw(Window),
}

/// The family an op belongs to: what lowering does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// No operands.
    Leaf,
    /// One output element from the same element of each operand.
    Pointwise,
    /// An index map.
    Movement,
    /// A sum over axes.
    Reduce,
    /// A matrix product, or a convolution's.
    Contract,
}

impl Op {
    /// A constant.
    pub fn constant(value: f64) -> Op {
        // One zero: −0 and 0 must be one node.
        Op::Const((value + 0.0).to_bits())
    }

    /// The op's family.
    pub fn family(&self) -> Family {
        match self {
            Op::Input(_) | Op::Param { .. } | Op::State { .. } | Op::Const(_) | Op::Rand { .. } => {
                Family::Leaf
            }
            Op::Add
            | Op::Mul
            | Op::Max
            | Op::Gt
            | Op::Select
            | Op::Sqrt
            | Op::Recip
            | Op::Tanh
            | Op::Sigmoid
            | Op::Softplus
            | Op::Exp
            | Op::Log => Family::Pointwise,
            Op::Reshape | Op::Broadcast | Op::Pad(_) | Op::Slice(_) | Op::Permute(_) | Op::Detach => {
                Family::Movement
            }
            Op::Sum(_) => Family::Reduce,
            Op::Matmul { .. } | Op::Conv(_) | Op::ConvDx(_) | Op::ConvDw(_) => Family::Contract,
        }
    }

    /// Checks operands against the op's shape rule.
    ///
    /// `wanted` is the node's shape; the answer is `Err` with both sides of the disagreement.
    pub fn check_shape(&self, sources: &[&[usize]], wanted: &[usize]) -> Result<(), String> {
        let arity = match self {
            Op::Input(_) | Op::Param { .. } | Op::State { .. } | Op::Const(_) | Op::Rand { .. } => 0,
            Op::Sqrt | Op::Recip | Op::Tanh | Op::Sigmoid | Op::Softplus | Op::Exp | Op::Log => 1,
            Op::Reshape
            | Op::Broadcast
            | Op::Pad(_)
            | Op::Slice(_)
            | Op::Permute(_)
            | Op::Detach
            | Op::Sum(_) => 1,
            Op::Add | Op::Mul | Op::Max | Op::Gt => 2,
            Op::Matmul { .. } | Op::Conv(_) | Op::ConvDx(_) | Op::ConvDw(_) => 2,
            Op::Select => 3,
        };
        if sources.len() != arity {
            return Err(format!("{} takes {arity} operands, not {}", self.name(), sources.len()));
        }
        let expected: Vec<usize> = match self {
            Op::Input(_) | Op::Param { .. } | Op::State { .. } | Op::Rand { .. } => wanted.to_vec(),
            Op::Const(_) => vec![],
            Op::Add | Op::Mul | Op::Max | Op::Gt | Op::Select => {
                if sources.iter().any(|s| s != &wanted) {
                    return Err(format!("{} of {sources:?} cannot make {wanted:?}", self.name()));
                }
                wanted.to_vec()
            }
            Op::Sqrt | Op::Recip | Op::Tanh | Op::Sigmoid | Op::Softplus | Op::Exp | Op::Log => {
                sources[0].to_vec()
            }
            Op::Reshape => {
                if sources[0].iter().product::<usize>() != wanted.iter().product::<usize>() {
                    return Err(format!("reshape of {:?} cannot make {wanted:?}", sources[0]));
                }
                wanted.to_vec()
            }
            Op::Broadcast => {
                let fits = sources[0].len() == wanted.len()
                    && sources[0].iter().zip(wanted).all(|(&s, &w)| s == w || s == 1);
                if !fits {
                    return Err(format!("broadcast of {:?} cannot make {wanted:?}", sources[0]));
                }
                wanted.to_vec()
            }
            Op::Pad(spec) => {
                if spec.len() != sources[0].len() {
                    return Err(format!("pad {spec:?} of {:?}", sources[0]));
                }
                sources[0].iter().zip(spec).map(|(n, (before, after))| before + n + after).collect()
            }
            Op::Slice(cuts) => {
                let fits = cuts.len() == sources[0].len()
                    && cuts.iter().zip(sources[0]).all(|(cut, &n)| cut.fits(n));
                if !fits {
                    return Err(format!("slice {cuts:?} of {:?}", sources[0]));
                }
                cuts.iter().map(|cut| cut.count).collect()
            }
            Op::Detach => sources[0].to_vec(),
            Op::Permute(perm) => {
                let rank = sources[0].len();
                if perm.len() != rank || (0..rank).any(|axis| !perm.contains(&axis)) {
                    return Err(format!("permute {perm:?} of {:?}", sources[0]));
                }
                perm.iter().map(|&axis| sources[0][axis]).collect()
            }
            Op::Sum(axes) => {
                if axes.iter().any(|&a| a >= sources[0].len()) {
                    return Err(format!("sum over {axes:?} of {:?}", sources[0]));
                }
                let one_if_summed = |(i, &n): (usize, &usize)| if axes.contains(&i) { 1 } else { n };
                sources[0].iter().enumerate().map(one_if_summed).collect()
            }
            Op::Matmul { ta, tb } => {
                let ([ar, ac], [br, bc]) = (rank2(sources[0])?, rank2(sources[1])?);
                let (m, k) = if *ta { (ac, ar) } else { (ar, ac) };
                let (k2, n) = if *tb { (bc, br) } else { (br, bc) };
                if k != k2 {
                    return Err(format!(
                        "matmul of {:?}{} and {:?}{}: inner lengths {k} and {k2} differ",
                        sources[0],
                        if *ta { "ᵀ" } else { "" },
                        sources[1],
                        if *tb { "ᵀ" } else { "" },
                    ));
                }
                vec![m, n]
            }
            Op::Conv(window) => {
                window.check(sources[0], sources[1], wanted)?;
                wanted.to_vec()
            }
            Op::ConvDx(window) => {
                window.check(wanted, sources[1], sources[0])?;
                wanted.to_vec()
            }
            Op::ConvDw(window) => {
                window.check(sources[0], wanted, sources[1])?;
                wanted.to_vec()
            }
        };
        if expected != wanted {
            return Err(format!("{} of {sources:?} makes {expected:?}, not {wanted:?}", self.name()));
        }
        Ok(())
    }
}

/// From one table, so that no op can be left out: a match without an arm for each does not compile.
macro_rules! names {
    ($($op:pat => $name:literal,)*) => {
        impl Op {
            /// The op's name in dumps and tables.
            pub fn name(&self) -> &'static str {
                match self {
                    $($op => $name,)*
                }
            }

            /// Every name that [`Op::name`] can give. Tests that promise "every op" walk this list.
            pub const NAMES: &[&'static str] = &[$($name),*];
        }
    };
}

names! {
    Op::Input(_) => "input",
    Op::Param { .. } => "param",
    Op::State { .. } => "state",
    Op::Const(_) => "const",
    Op::Rand { .. } => "rand",
    Op::Add => "add",
    Op::Mul => "mul",
    Op::Max => "max",
    Op::Gt => "gt",
    Op::Select => "select",
    Op::Sqrt => "sqrt",
    Op::Recip => "recip",
    Op::Tanh => "tanh",
    Op::Sigmoid => "sigmoid",
    Op::Softplus => "softplus",
    Op::Exp => "exp",
    Op::Log => "log",
    Op::Reshape => "reshape",
    Op::Broadcast => "broadcast",
    Op::Pad(_) => "pad",
    Op::Slice(_) => "slice",
    Op::Permute(_) => "permute",
    Op::Detach => "detach",
    Op::Sum(_) => "sum",
    Op::Matmul { .. } => "matmul",
    Op::Conv(_) => "conv2d",
    Op::ConvDx(_) => "conv2d_dx",
    Op::ConvDw(_) => "conv2d_dw",
}

fn rank2(shape: &[usize]) -> Result<[usize; 2], String> {
    shape.try_into().map_err(|_| format!("matmul takes matrices, not {shape:?}"))
}
