//! What launches do.

use super::convolution::Convolution;
use super::place::Place;
use super::pointwise::Program;
use super::product::Matmul;
use super::stage::Along;
use super::view::View;
use crate::graph::{Column, OptimizerId};

/// One launch. Until places are known, `P` is a node of the graph.
#[allow(clippy::large_enum_variant, reason = "a plan has few launches, most of them products")]
#[derive(Debug, Clone, PartialEq)]
pub enum Work<P = Place> {
    /// Inputs filled with the minibatch of this tick, and noise drawn beside them.
    Minibatch(Minibatch<P>),
    /// A matrix product.
    Matmul(Matmul<P>),
    /// A convolution.
    Convolution(Convolution<P>),
    /// A pointwise program at every index of a space.
    Map(Map<P>),
    /// A pointwise program, its results summed over some axes of the space.
    Reduce(Reduce<P>),
    /// Losses, their gradients and statistics.
    LossHead(LossHead<P>),
    /// Gradients of several parameters.
    Gradients(Gradients<P>),
    /// One update of an optimizer's parameters from their gradients.
    Update(OptimizerId),
    /// The phase's end: new values take the place of states, and of their copies in the moving average where the
    /// optimizer keeps one.
    StoreStates(StoreStates<P>),
}

/// Inputs that are filled from data sets, and maps of random numbers alone; none needs another.
#[derive(Debug, Clone, PartialEq)]
pub struct Minibatch<P = Place> {
    /// Inputs, one at least.
    pub gathers: Vec<Gather<P>>,
    /// Noise.
    pub draws: Vec<Map<P>>,
}

/// An input that is filled with the minibatch of a tick: examples, or their labels one-hot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gather<P = Place> {
    /// Number of the data set.
    pub set: u8,
    /// Number of the order in which its examples come.
    pub order: u8,
    /// What is taken of it.
    pub column: Column,
    /// `[rows, width]` row-major.
    pub to: P,
    /// Minibatch size.
    pub rows: usize,
    /// Numbers a row.
    pub width: usize,
}

/// A pointwise program at every index of a space.
#[derive(Debug, Clone, PartialEq)]
pub struct Map<P = Place> {
    /// The iteration space.
    pub shape: Vec<usize>,
    /// The program.
    pub program: Program<P>,
}

/// A pointwise program, its results summed over some axes of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduce<P = Place> {
    /// The iteration space.
    pub shape: Vec<usize>,
    /// Which axes are summed.
    pub summed: Vec<bool>,
    /// The program.
    pub program: Program<P>,
}

/// The loss head: D's logits, then maps and reductions of few elements, one after the other in one block; a later one may
/// read what an earlier one stored.
#[derive(Debug, Clone, PartialEq)]
pub struct LossHead<P = Place> {
    /// The product before, where there is one column of logits and it reads, row by row, what that product or a map
    /// behind it stores.
    pub hidden: Option<Box<Matmul<P>>>,
    /// Products with one column, which do not need each other.
    pub logits: Vec<Matmul<P>>,
    /// Maps and reductions.
    pub parts: Vec<Part<P>>,
}

/// A small launch of a loss head.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<P = Place> {
    /// A map.
    Map(Map<P>),
    /// A reduction.
    Reduce(Reduce<P>),
}

/// Products that do not need each other and that only an update reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients<P = Place> {
    /// The optimizer whose gradients they are.
    pub optimizer: OptimizerId,
    /// The products.
    pub products: Vec<Matmul<P>>,
    /// What the launch does besides: anything but nothing only where the products are the optimizer's whole gradient. An
    /// executor may find a measure with the update instead.
    pub along: Along,
}

/// New values that become states, all of them or none.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreStates<P = Place> {
    /// What goes where; f32 throughout.
    pub copies: Vec<StateCopy<P>>,
    /// The optimizers that the phase updates: where one of them left its update out for an overflow, states stay.
    pub updated: Vec<OptimizerId>,
}

/// A new value on its way to its state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateCopy<P = Place> {
    /// The new value, in the arena, dense.
    pub from: P,
    /// The state.
    pub to: Place,
    /// Elements.
    pub len: usize,
}

impl<P> Work<P> {
    /// What kind of work, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Minibatch(_) => "gather",
            Work::Matmul(_) | Work::Gradients(_) => "matmul",
            Work::Convolution(_) => "conv",
            Work::Map(_) => "map",
            Work::Reduce(_) => "reduce",
            Work::LossHead(head) if head.hidden.is_some() => "matmul",
            Work::LossHead(_) => "loss",
            Work::Update(_) => "update",
            Work::StoreStates(_) => "states",
        }
    }

    /// Lengths of the launch: rows and width, m, n and k, or the iteration space; none where there is no one shape.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Work::Minibatch(Minibatch { gathers, draws }) => match (&gathers[..], &draws[..]) {
                ([gather], []) => vec![gather.rows, gather.width],
                _ => vec![],
            },
            Work::Matmul(m) => m.size.to_vec(),
            Work::Convolution(c) => c.size().to_vec(),
            Work::Map(Map { shape, .. }) | Work::Reduce(Reduce { shape, .. }) => shape.clone(),
            Work::LossHead(head) => head.hidden.as_ref().map_or(vec![], |hidden| hidden.size.to_vec()),
            Work::StoreStates(store) => vec![store.copies.iter().map(|copy| copy.len).sum()],
            Work::Gradients(_) | Work::Update(_) => vec![],
        }
    }

    /// The optimizer that updates in it, if one does.
    pub fn updated(&self) -> Option<OptimizerId> {
        match self {
            Work::Update(optimizer) => Some(*optimizer),
            Work::Gradients(g) => (g.along == Along::Update).then_some(g.optimizer),
            _ => None,
        }
    }

    /// The matrix products in it.
    pub fn products(&self) -> Vec<&Matmul<P>> {
        match self {
            Work::Matmul(product) => vec![product],
            Work::LossHead(head) => head.hidden.as_deref().into_iter().chain(&head.logits).collect(),
            Work::Gradients(gradients) => gradients.products.iter().collect(),
            _ => vec![],
        }
    }

    /// The two operands of each product in it, convolutions among them.
    pub fn operands(&self) -> Vec<[&View<P>; 2]> {
        match self {
            Work::Convolution(c) => vec![[&c.a, &c.b]],
            _ => self.products().into_iter().map(|m| [&m.a, &m.b]).collect(),
        }
    }

    /// The two operands of each product in it, to rewrite.
    pub fn operands_mut(&mut self) -> Vec<[&mut View<P>; 2]> {
        match self {
            Work::Convolution(c) => vec![[&mut c.a, &mut c.b]],
            _ => self.products_mut().into_iter().map(|m| [&mut m.a, &mut m.b]).collect(),
        }
    }

    /// The matrix products in it, to rewrite.
    pub fn products_mut(&mut self) -> Vec<&mut Matmul<P>> {
        match self {
            Work::Matmul(product) => vec![product],
            Work::LossHead(head) => head.hidden.as_deref_mut().into_iter().chain(&mut head.logits).collect(),
            Work::Gradients(gradients) => gradients.products.iter_mut().collect(),
            _ => vec![],
        }
    }
}

impl<P> Map<P> {
    /// A map that does this on memory in places made of this one's.
    pub fn map<Q>(&self, place: impl FnMut(&P) -> Q) -> Map<Q> {
        Map { shape: self.shape.clone(), program: self.program.map(place) }
    }
}

impl<P> Reduce<P> {
    /// A reduction that does this on memory in places made of this one's.
    pub fn map<Q>(&self, place: impl FnMut(&P) -> Q) -> Reduce<Q> {
        Reduce { shape: self.shape.clone(), summed: self.summed.clone(), program: self.program.map(place) }
    }
}

impl<P> Part<P> {
    /// The iteration space and the program.
    pub fn program(&self) -> (&[usize], &Program<P>) {
        match self {
            Part::Map(Map { shape, program }) | Part::Reduce(Reduce { shape, program, .. }) => {
                (shape, program)
            }
        }
    }
}

impl<P> Work<P> {
    /// A launch that does this on memory in places made of this one's.
    pub fn map<Q>(&self, mut place: impl FnMut(&P) -> Q) -> Work<Q> {
        match self {
            Work::Minibatch(Minibatch { gathers, draws }) => Work::Minibatch(Minibatch {
                gathers: gathers.iter().map(|g| g.map(&mut place)).collect(),
                draws: draws.iter().map(|draw| draw.map(&mut place)).collect(),
            }),
            Work::Matmul(product) => Work::Matmul(product.map(place)),
            Work::Convolution(convolution) => Work::Convolution(convolution.map(place)),
            Work::Map(map) => Work::Map(map.map(place)),
            Work::Reduce(reduce) => Work::Reduce(reduce.map(place)),
            Work::LossHead(LossHead { hidden, logits, parts }) => Work::LossHead(LossHead {
                hidden: hidden.as_ref().map(|hidden| Box::new(hidden.map(&mut place))),
                logits: logits.iter().map(|product| product.map(&mut place)).collect(),
                parts: parts.iter().map(|part| part.map(&mut place)).collect(),
            }),
            Work::Gradients(Gradients { optimizer, products, along }) => Work::Gradients(Gradients {
                optimizer: *optimizer,
                products: products.iter().map(|product| product.map(&mut place)).collect(),
                along: *along,
            }),
            Work::Update(optimizer) => Work::Update(*optimizer),
            Work::StoreStates(StoreStates { copies, updated }) => {
                let copy = |c: &StateCopy<P>| StateCopy { from: place(&c.from), to: c.to, len: c.len };
                Work::StoreStates(StoreStates {
                    copies: copies.iter().map(copy).collect(),
                    updated: updated.clone(),
                })
            }
        }
    }
}

impl<P> Gather<P> {
    fn map<Q>(&self, place: impl FnOnce(&P) -> Q) -> Gather<Q> {
        let Gather { set, order, column, to, rows, width } = self;
        Gather { set: *set, order: *order, column: *column, to: place(to), rows: *rows, width: *width }
    }
}

impl<P> Part<P> {
    fn map<Q>(&self, place: impl FnMut(&P) -> Q) -> Part<Q> {
        match self {
            Part::Map(map) => Part::Map(map.map(place)),
            Part::Reduce(reduce) => Part::Reduce(reduce.map(place)),
        }
    }
}
