//! What each node of a graph is to the lowering: who reads it, when, through which view.

use super::stage::Stage;
use super::view::View;
use crate::graph::{Cut, Family, Graph, Node, Op, Var};
use std::collections::HashMap;
use std::rc::Rc;

/// A node written piecewise: each part goes straight to its place.
#[derive(Debug, Clone)]
pub(super) struct Concat {
    /// Each part, and where it lies in the whole.
    pub parts: Vec<(Var, Vec<Cut>)>,
}

/// A view over `shape` as one over its last axis and all others joined.
pub(super) fn as_rows<P: Copy>(view: &View<P>, shape: &[usize]) -> Option<View<P>> {
    let (columns, before) = shape.split_last()?;
    view.reshape(shape, &[before.iter().product(), *columns])
}

/// Facts about the live part of a graph.
pub(super) struct Analysis<'g> {
    pub g: &'g Graph,
    /// Live nodes, operands first, earlier stages first.
    pub order: Vec<Var>,
    /// Position in `order`.
    pub position: HashMap<Var, usize>,
    /// The first stage that needs the node.
    pub stage: HashMap<Var, usize>,
    /// Live readers.
    pub readers: HashMap<Var, Vec<Var>>,
    /// What the stages ask for.
    pub roots: Vec<Var>,
    /// Sums of pads that are written in place.
    pub concats: HashMap<Var, Concat>,
    /// The concatenation that a part is written into.
    pub part_of: HashMap<Var, Var>,
    /// Where a node's elements are found: a view onto the node with memory (or random leaf).
    views: HashMap<Var, View<Var>>,
    /// Movements copied to dense memory because a reshape of them cannot be said with strides; the value
    /// is how to read the original.
    pub copies: HashMap<Var, View<Var>>,
}

impl<'g> Analysis<'g> {
    pub fn new(g: &'g Graph, stages: &[Stage]) -> Analysis<'g> {
        let roots: Vec<Var> = stages.iter().flat_map(Stage::roots).collect();
        let order = g.topological(&roots);
        let position = order.iter().enumerate().map(|(i, &v)| (v, i)).collect();
        let mut stage = HashMap::new();
        for (number, s) in stages.iter().enumerate() {
            for v in g.topological(&s.roots()) {
                stage.entry(v).or_insert(number);
            }
        }
        let mut readers: HashMap<Var, Vec<Var>> = HashMap::new();
        for &v in &order {
            for &s in &g.node(v).sources {
                let list = readers.entry(s).or_default();
                if list.last() != Some(&v) {
                    list.push(v);
                }
            }
        }
        let mut analysis = Analysis {
            g,
            order,
            position,
            stage,
            readers,
            roots,
            concats: HashMap::new(),
            part_of: HashMap::new(),
            views: HashMap::new(),
            copies: HashMap::new(),
        };
        analysis.find_concats();
        analysis.find_views();
        analysis
    }

    pub fn node(&self, v: Var) -> Rc<Node> {
        self.g.node(v)
    }

    pub fn readers(&self, v: Var) -> &[Var] {
        self.readers.get(&v).map_or(&[], |r| r)
    }

    pub fn is_root(&self, v: Var) -> bool {
        self.roots.contains(&v)
    }

    /// Whether a node is a function of random numbers and constants alone: recomputed wherever it is read.
    pub fn is_free(&self, v: Var) -> bool {
        let node = self.node(v);
        match node.op.family() {
            Family::Leaf => matches!(node.op, Op::Const(_) | Op::Rand { .. }),
            Family::Movement => {
                let base = self.through_movement(v);
                matches!(self.node(base).op, Op::Const(_) | Op::Rand { .. })
            }
            Family::Pointwise => node.sources.iter().all(|&s| self.is_free(s)),
            Family::Reduce | Family::Contract => false,
        }
    }

    /// The first node below `v` that is not a movement.
    pub fn through_movement(&self, mut v: Var) -> Var {
        while self.node(v).op.family() == Family::Movement {
            v = self.node(v).sources[0];
        }
        v
    }

    /// The view of `v` onto the node with memory (or random leaf) under it.
    pub fn view(&self, v: Var) -> &View<Var> {
        &self.views[&v]
    }

    /// The view of `v` as a matrix, its last axis the columns; none where strides cannot say that.
    pub fn rows(&self, v: Var) -> Option<View<Var>> {
        as_rows(self.view(v), &self.g.shape(v))
    }

    fn find_views(&mut self) {
        for v in self.order.clone() {
            let node = self.node(v);
            let shape = &node.shape;
            let own = |v: Var| View::contiguous(v, &self.g.shape(v));
            let below = || self.views[&node.sources[0]].clone();
            let view = match &node.op {
                Op::Reshape => {
                    let source = node.sources[0];
                    let from = self.g.shape(source);
                    let view = below();
                    view.reshape(&from, shape).unwrap_or_else(|| {
                        let dense = own(source);
                        let reshaped = dense.reshape(&from, shape).expect("dense memory takes any shape");
                        self.copies.insert(source, view);
                        self.views.insert(source, dense);
                        reshaped
                    })
                }
                Op::Broadcast => {
                    let from = self.g.shape(node.sources[0]);
                    below().broadcast(&from, shape)
                }
                Op::Slice(cuts) => below().slice(cuts),
                Op::Pad(spec) => below().pad(spec),
                Op::Detach => below(),
                Op::Permute(perm) => below().permute(perm),
                _ => own(v),
            };
            // A constant is a number wherever it is computed with; only who pads it needs it in memory.
            let view = if self.g.as_constant(v).is_some() { own(v) } else { view };
            self.views.insert(v, view);
        }
    }

    /// Whether an operand, seen through movements, is a parameter.
    pub fn reads_parameters(&self, v: Var) -> bool {
        let is_param = |s: &Var| matches!(self.node(self.through_movement(*s)).op, Op::Param { .. });
        self.node(v).sources.iter().any(is_param)
    }

    /// Whether a later stage than the node's own reads it.
    pub fn is_read_later(&self, v: Var) -> bool {
        self.readers(v).iter().any(|r| self.stage[r] > self.stage[&v])
    }

    fn find_concats(&mut self) {
        for &v in self.order.iter().rev() {
            if let Some(concat) = self.as_concat(v) {
                for (part, _) in &concat.parts {
                    self.part_of.insert(*part, v);
                }
                self.concats.insert(v, concat);
            }
        }
    }

    fn as_concat(&self, v: Var) -> Option<Concat> {
        let node = self.node(v);
        let inside_another = self.readers(v).iter().any(|&r| self.node(r).op == Op::Add)
            && self.readers(v).len() == 1
            && !self.is_root(v);
        if node.op != Op::Add {
            return None;
        }
        let mut parts = Vec::new();
        self.collect_parts(v, true, &mut parts)?;
        if inside_another {
            // The enclosing sum may be the whole concatenation.
            let mut outer = Vec::new();
            if self.collect_parts(self.readers(v)[0], true, &mut outer).is_some() {
                return None;
            }
        }
        let volume = |cuts: &[Cut]| -> usize { cuts.iter().map(|cut| cut.count).product() };
        let covered: usize = parts.iter().map(|(_, cuts)| volume(cuts)).sum();
        let before = |a: &Cut, b: &Cut| a.span().1 <= b.span().0;
        let apart = |a: &[Cut], b: &[Cut]| a.iter().zip(b).any(|(x, y)| before(x, y) || before(y, x));
        let disjoint = (0..parts.len()).all(|i| (0..i).all(|j| apart(&parts[i].1, &parts[j].1)));
        let distinct = (0..parts.len()).all(|i| (0..i).all(|j| parts[i].0 != parts[j].0));
        let whole = covered == node.shape.iter().product::<usize>();
        let writable = parts.iter().all(|(part, _)| {
            self.node(*part).op.family() == Family::Pointwise
                && !self.part_of.contains_key(part)
                && !self.is_root(*part)
                && self.readers(*part).len() == 1
        });
        (disjoint && distinct && whole && writable).then_some(Concat { parts })
    }

    /// The pads under a tree of sums whose inner nodes have no other reader.
    fn collect_parts(&self, v: Var, top: bool, parts: &mut Vec<(Var, Vec<Cut>)>) -> Option<()> {
        let node = self.node(v);
        if !top && (self.readers(v).len() != 1 || self.is_root(v)) {
            return None;
        }
        match &node.op {
            Op::Add => node.sources.iter().try_for_each(|&s| self.collect_parts(s, false, parts)),
            Op::Pad(spec) => {
                let from = self.g.shape(node.sources[0]);
                let window = spec.iter().zip(&from).map(|((before, _), n)| Cut::run(*before, before + n));
                parts.push((node.sources[0], window.collect()));
                Some(())
            }
            _ => None,
        }
    }

    /// Whether `v` only assembles a concatenation: a pad of a part, or an inner sum.
    pub fn is_assembly(&self, v: Var) -> bool {
        let node = self.node(v);
        if self.concats.contains_key(&v) {
            return true;
        }
        match node.op {
            Op::Pad(_) => self.part_of.contains_key(&node.sources[0]),
            Op::Add => node.sources.iter().all(|&s| self.is_assembly(s) && !self.concats.contains_key(&s)),
            _ => false,
        }
    }
}
