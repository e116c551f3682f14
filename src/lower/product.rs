//! Matrix products, and what they do to a result before and after it is stored.

use super::place::Place;
use super::pointwise::Program;
use super::view::View;

/// What a contraction does to its product before storing it. A closed list: each has a hand-written form
/// in every executor. `V` is what memory is, over the product's rows and columns: a view, or a node before there is one;
/// `D` the same of what is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Epilogue<V = View, D = View<()>> {
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
        view: D,
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

impl<V, D> Epilogue<V, D> {
    /// An epilogue that does this with another memory or draw, if it has one.
    pub fn map<W, E>(&self, view: impl FnOnce(&V) -> W, draw: impl FnOnce(&D) -> E) -> Epilogue<W, E> {
        match self {
            Epilogue::Bias(v) => Epilogue::Bias(view(v)),
            Epilogue::Accumulate(v) => Epilogue::Accumulate(view(v)),
            Epilogue::Scale(c) => Epilogue::Scale(*c),
            Epilogue::Relu => Epilogue::Relu,
            Epilogue::LeakyRelu(slope) => Epilogue::LeakyRelu(*slope),
            Epilogue::Tanh => Epilogue::Tanh,
            Epilogue::Sigmoid => Epilogue::Sigmoid,
            Epilogue::Dropout { stream, threshold, scale, view } => {
                Epilogue::Dropout { stream: *stream, threshold: *threshold, scale: *scale, view: draw(view) }
            }
            Epilogue::ReluGrad(v) => Epilogue::ReluGrad(view(v)),
            Epilogue::LeakyReluGrad(v, slope) => Epilogue::LeakyReluGrad(view(v), *slope),
            Epilogue::TanhGrad(v) => Epilogue::TanhGrad(view(v)),
            Epilogue::SigmoidGrad(v) => Epilogue::SigmoidGrad(view(v)),
        }
    }

    /// The memory it reads, if any; what is drawn has none.
    pub fn operand(&self) -> Option<&V> {
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

    /// Everything it takes, in memory or drawn, where both are told alike.
    pub fn views(&self) -> impl Iterator<Item = &V>
    where
        D: std::borrow::Borrow<V>,
    {
        let drawn = match self {
            Epilogue::Dropout { view, .. } => Some(view.borrow()),
            _ => None,
        };
        self.operand().into_iter().chain(drawn)
    }

    /// Name of the epilogue in listings.
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

/// out\[m, n\] = epilogue(a\[m, k\] · b\[k, n\]). Element (i, j) of a matrix lies at `base + i·strides[0] + j·strides[1]` of its
/// view.
#[derive(Debug, Clone, PartialEq)]
pub struct Matmul<P = Place> {
    /// Left operand, `[m, k]`.
    pub a: View<P>,
    /// Right operand, `[k, n]`.
    pub b: View<P>,
    /// Result, `[m, n]`, rows contiguous.
    pub out: View<P>,
    /// m, n, k.
    pub size: [usize; 3],
    /// Applied in order.
    pub epilogue: Vec<Epilogue<View<P>>>,
    /// Where Σₖ b\[k, n\] goes, `[1, n]` of f32: a bias' gradient beside its weights'.
    pub column_sums: Option<View<P>>,
    /// Maps that follow the finished result in the same launch; all see as many pieces.
    pub followers: Vec<Follower<P>>,
}

/// A map behind a product, done by the block that computed what it reads of the result. It is a map over
/// `[rows, units]`, rows ≤ m, of the result seen as `[m, piece, unit]`: at (row, unit) it reads nothing else of the result than
/// the pieces of that unit. A maxout has several pieces; anything pointwise has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Follower<P = Place> {
    /// n / units; the result's columns are `[piece, unit]`.
    pub pieces: usize,
    /// `[rows, units]`.
    pub shape: Vec<usize>,
    /// The map's program.
    pub program: Program<P>,
}

impl<P> Matmul<P> {
    /// A product of matrices in places made of this one's.
    pub fn map<Q>(&self, mut place: impl FnMut(&P) -> Q) -> Matmul<Q> {
        let Matmul { a, b, out, size, epilogue, column_sums, followers } = self;
        let (a, b, out) = (a.map(&mut place), b.map(&mut place), out.map(&mut place));
        let epilogue =
            epilogue.iter().map(|step| step.map(|view| view.map(&mut place), View::clone)).collect();
        let column_sums = column_sums.as_ref().map(|view| view.map(&mut place));
        let mut follower = |f: &Follower<P>| Follower {
            pieces: f.pieces,
            shape: f.shape.clone(),
            program: f.program.map(&mut place),
        };
        let followers = followers.iter().map(&mut follower).collect();
        Matmul { a, b, out, size: *size, epilogue, column_sums, followers }
    }
}
