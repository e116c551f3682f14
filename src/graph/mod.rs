//! A training step as a static graph of tensors.
//!
//! Nodes are hash-consed: building the same op on the same operands twice gives the same node, so common
//! subexpressions are shared by construction, and every node passes through `simplify.rs` as it is made.
//! A graph only describes; [`interp`] runs it in `f64` as the reference, [`crate::lower`] makes it fast.

mod conv;
mod cut;
pub mod grad;
mod ids;
pub mod interp;
mod op;
mod simplify;
pub mod verify;

pub use conv::Window;
pub use cut::Cut;
pub use ids::{MAX_OPTIMIZERS, NetworkId, OptimizerId};
pub use op::{Column, Dist, Family, Input, Op};

use crate::rng;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A node's handle: its position in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(u32);

impl Var {
    /// Position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One node.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// From what.
    pub sources: Vec<Var>,
    /// Row-major.
    pub shape: Vec<usize>,
    /// Where it was built: `D/layers.1/maxout`.
    pub path: Rc<str>,
}

type Key = (Op, Vec<Var>, Vec<usize>);

/// A graph under construction. Building takes `&self`, so expressions nest.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: RefCell<Vec<Rc<Node>>>,
    known: RefCell<HashMap<Key, Var>>,
    scope: RefCell<Vec<String>>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// How many nodes there are, dead ones included.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing was built yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A node.
    pub fn node(&self, var: Var) -> Rc<Node> {
        self.nodes.borrow()[var.index()].clone()
    }

    /// A node's shape.
    pub fn shape(&self, var: Var) -> Vec<usize> {
        self.nodes.borrow()[var.index()].shape.clone()
    }

    /// Builds under a longer node path.
    pub fn scoped<T>(&self, name: &str, build: impl FnOnce() -> T) -> T {
        self.scope.borrow_mut().push(name.to_string());
        let built = build();
        self.scope.borrow_mut().pop();
        built
    }

    /// Adds a node, or finds the one that already says the same.
    ///
    /// # Panics
    /// When the operands do not fit the op's shape rule: models are checked code, so this is a bug in one.
    pub(crate) fn make(&self, op: Op, sources: &[Var], shape: &[usize]) -> Var {
        if let Some(simpler) = simplify::rewrite(self, &op, sources, shape) {
            return simpler;
        }
        let key = (op, sources.to_vec(), shape.to_vec());
        if let Some(&known) = self.known.borrow().get(&key) {
            return known;
        }
        let (op, sources, shape) = key.clone();
        let path: Rc<str> = self.scope.borrow().join("/").into();
        {
            let nodes = self.nodes.borrow();
            let shapes: Vec<&[usize]> = sources.iter().map(|s| &nodes[s.index()].shape[..]).collect();
            if let Err(message) = op.check_shape(&shapes, &shape) {
                panic!("{path}: {message}");
            }
        }
        let var = Var(self.len() as u32);
        self.nodes.borrow_mut().push(Rc::new(Node { op, sources, shape, path }));
        self.known.borrow_mut().insert(key, var);
        var
    }

    /// A node that says the same, if it was already built.
    pub(crate) fn find(&self, op: &Op, sources: &[Var], shape: &[usize]) -> Option<Var> {
        self.known.borrow().get(&(op.clone(), sources.to_vec(), shape.to_vec())).copied()
    }

    /// A buffer that is filled before the nodes that read it.
    pub fn input(&self, input: Input, shape: &[usize]) -> Var {
        self.make(Op::Input(input), &[], shape)
    }

    /// A buffer that the host fills before the plan runs.
    pub fn host_input(&self, name: &str, shape: &[usize]) -> Var {
        self.input(Input::Host(name.into()), shape)
    }

    /// A parameter after `version` updates of its network's optimizer in this step.
    pub fn param(&self, network: NetworkId, name: &str, version: u8, shape: &[usize]) -> Var {
        self.make(Op::Param { network, name: name.into(), version }, &[], shape)
    }

    /// A state of a network as it was when the phase began.
    pub fn state(&self, network: NetworkId, name: &str, shape: &[usize]) -> Var {
        self.make(Op::State { network, name: name.into() }, &[], shape)
    }

    /// A constant, broadcast to `shape`.
    pub fn constant(&self, value: f64, shape: &[usize]) -> Var {
        let scalar = self.make(Op::constant(value), &[], &[]);
        self.broadcast(scalar, shape)
    }

    /// The constant a node is, whatever its shape.
    pub fn as_constant(&self, var: Var) -> Option<f64> {
        let node = self.node(var);
        match node.op {
            Op::Const(bits) => Some(f64::from_bits(bits)),
            Op::Broadcast | Op::Reshape => self.as_constant(node.sources[0]),
            _ => None,
        }
    }

    /// Random numbers; the stream is named by `name` alone, not by the scope.
    pub fn rand(&self, name: &str, dist: Dist, shape: &[usize]) -> Var {
        self.make(Op::Rand { stream: rng::stream(name), dist }, &[], shape)
    }

    /// Same elements in another shape.
    pub fn reshape(&self, x: Var, shape: &[usize]) -> Var {
        self.make(Op::Reshape, &[x], shape)
    }

    /// A copy of a value through which no derivative goes.
    pub fn detach(&self, x: Var) -> Var {
        self.make(Op::Detach, &[x], &self.shape(x))
    }

    /// Repeats axes of length 1; missing leading axes count as such (as in NumPy).
    pub fn broadcast(&self, x: Var, shape: &[usize]) -> Var {
        let own = self.shape(x);
        if own.len() < shape.len() {
            let mut full = vec![1; shape.len() - own.len()];
            full.extend(own);
            return self.broadcast(self.reshape(x, &full), shape);
        }
        self.make(Op::Broadcast, &[x], shape)
    }

    /// Zeros added `(before, after)` each axis.
    pub fn pad(&self, x: Var, spec: &[(usize, usize)]) -> Var {
        let shape: Vec<usize> = self.shape(x).iter().zip(spec).map(|(n, (b, a))| b + n + a).collect();
        self.make(Op::Pad(spec.to_vec()), &[x], &shape)
    }

    /// Elements `[from, to)` of each axis.
    pub fn slice(&self, x: Var, spec: &[(usize, usize)]) -> Var {
        self.cut(x, &spec.iter().map(|&(from, to)| Cut::run(from, to)).collect::<Vec<_>>())
    }

    /// Some elements of each axis.
    pub fn cut(&self, x: Var, cuts: &[Cut]) -> Var {
        let shape: Vec<usize> = cuts.iter().map(|cut| cut.count).collect();
        self.make(Op::Slice(cuts.to_vec()), &[x], &shape)
    }

    /// Elements `[from, to)` of one axis.
    pub fn slice_axis(&self, x: Var, axis: usize, from: usize, to: usize) -> Var {
        self.cut_axis(x, axis, Cut::run(from, to))
    }

    /// Some elements of one axis.
    pub fn cut_axis(&self, x: Var, axis: usize, cut: Cut) -> Var {
        let mut cuts: Vec<Cut> = self.shape(x).iter().map(|&n| Cut::run(0, n)).collect();
        cuts[axis] = cut;
        self.cut(x, &cuts)
    }

    /// One axis from its end to its beginning.
    pub fn flip(&self, x: Var, axis: usize) -> Var {
        self.cut_axis(x, axis, Cut::reversed(self.shape(x)[axis]))
    }

    /// The elements of one axis spread over `len`, to where `cut` would take them from, with zeros between, before and behind:
    /// the adjoint of [`Graph::cut_axis`].
    ///
    /// An axis of gaps is made of two, blocks of a step's length and the places in a block, of which all but one are padding:
    /// results that are spread by one step and added are then zeros to no kernel, but windows of one.
    pub fn spread(&self, x: Var, axis: usize, cut: Cut, len: usize) -> Var {
        if let (Op::Mul, [scaled, factor]) = (&self.node(x).op, &self.node(x).sources[..])
            && let Some(factor) = self.as_constant(*factor)
        {
            return self.scale(self.spread(*scaled, axis, cut, len), factor);
        }
        let step = cut.step.unsigned_abs();
        let (from, to) = cut.span();
        let x = if cut.step < 0 { self.flip(x, axis) } else { x };
        let shape = self.shape(x);
        let mut padding = vec![(0, 0); shape.len()];
        if step == 1 {
            padding[axis] = (from, len - to);
            return self.pad(x, &padding);
        }
        let (blocks, first, place) = (len.div_ceil(step), from / step, from % step);
        padding[axis] = (first, blocks - first - cut.count);
        padding.insert(axis + 1, (place, step - 1 - place));
        let mut split = shape.clone();
        split.insert(axis + 1, 1);
        let mut whole = shape;
        whole[axis] = blocks * step;
        let spread = self.reshape(self.pad(self.reshape(x, &split), &padding), &whole);
        self.slice_axis(spread, axis, 0, len)
    }

    /// Axes in another order: axis i of the result is axis `perm[i]` of `x`.
    pub fn permute(&self, x: Var, perm: &[usize]) -> Var {
        let own = self.shape(x);
        assert_eq!(perm.len(), own.len(), "permute {perm:?} of {own:?}");
        let shape: Vec<usize> = perm.iter().map(|&axis| own[axis]).collect();
        self.make(Op::Permute(perm.to_vec()), &[x], &shape)
    }

    /// Joins along `axis`: a sum of padded parts, which lowering writes in place.
    pub fn concat(&self, parts: &[Var], axis: usize) -> Var {
        let total: usize = parts.iter().map(|&p| self.shape(p)[axis]).sum();
        let mut before = 0;
        let mut joined = None;
        for &part in parts {
            let shape = self.shape(part);
            let mut spec = vec![(0, 0); shape.len()];
            spec[axis] = (before, total - before - shape[axis]);
            before += shape[axis];
            let padded = self.pad(part, &spec);
            joined = Some(joined.map_or(padded, |sum| self.add(sum, padded)));
        }
        joined.expect("concat of at least one part")
    }

    fn binary(&self, op: Op, a: Var, b: Var) -> Var {
        let shape = joint_shape(&self.shape(a), &self.shape(b));
        self.make(op, &[self.broadcast(a, &shape), self.broadcast(b, &shape)], &shape)
    }

    fn unary(&self, op: Op, a: Var) -> Var {
        self.make(op, &[a], &self.shape(a))
    }

    /// a + b, broadcasting.
    pub fn add(&self, a: Var, b: Var) -> Var {
        self.binary(Op::Add, a, b)
    }

    /// a − b, broadcasting.
    pub fn sub(&self, a: Var, b: Var) -> Var {
        self.add(a, self.neg(b))
    }

    /// −a.
    pub fn neg(&self, a: Var) -> Var {
        self.scale(a, -1.0)
    }

    /// a · b, broadcasting.
    pub fn mul(&self, a: Var, b: Var) -> Var {
        self.binary(Op::Mul, a, b)
    }

    /// c · a.
    pub fn scale(&self, a: Var, c: f64) -> Var {
        self.mul(a, self.constant(c, &[]))
    }

    /// a + c.
    pub fn shift(&self, a: Var, c: f64) -> Var {
        self.add(a, self.constant(c, &[]))
    }

    /// The greater; on a tie (and for the derivative there) the second.
    pub fn max(&self, a: Var, b: Var) -> Var {
        self.binary(Op::Max, a, b)
    }

    /// 1 where a > b, else 0.
    pub fn gt(&self, a: Var, b: Var) -> Var {
        self.binary(Op::Gt, a, b)
    }

    /// `a` where `mask > 0`, else `b`; broadcasting.
    pub fn select(&self, mask: Var, a: Var, b: Var) -> Var {
        let shape = joint_shape(&self.shape(mask), &joint_shape(&self.shape(a), &self.shape(b)));
        let [mask, a, b] = [mask, a, b].map(|v| self.broadcast(v, &shape));
        self.make(Op::Select, &[mask, a, b], &shape)
    }

    /// √a.
    pub fn sqrt(&self, a: Var) -> Var {
        self.unary(Op::Sqrt, a)
    }

    /// 1 / a.
    pub fn recip(&self, a: Var) -> Var {
        self.unary(Op::Recip, a)
    }

    /// tanh a.
    pub fn tanh(&self, a: Var) -> Var {
        self.unary(Op::Tanh, a)
    }

    /// 1 / (1 + e^−a).
    pub fn sigmoid(&self, a: Var) -> Var {
        self.unary(Op::Sigmoid, a)
    }

    /// log(1 + e^a).
    pub fn softplus(&self, a: Var) -> Var {
        self.unary(Op::Softplus, a)
    }

    /// e^a.
    pub fn exp(&self, a: Var) -> Var {
        self.unary(Op::Exp, a)
    }

    /// log a, to base e.
    pub fn log(&self, a: Var) -> Var {
        self.unary(Op::Log, a)
    }

    /// a².
    pub fn square(&self, a: Var) -> Var {
        self.mul(a, a)
    }

    /// Sum over `axes`, which stay with length 1.
    pub fn sum(&self, x: Var, axes: &[usize]) -> Var {
        let shape: Vec<usize> =
            self.shape(x).iter().enumerate().map(|(i, &n)| if axes.contains(&i) { 1 } else { n }).collect();
        self.make(Op::Sum(axes.to_vec()), &[x], &shape)
    }

    /// Sum of all elements, as a scalar.
    pub fn sum_all(&self, x: Var) -> Var {
        let axes: Vec<usize> = (0..self.shape(x).len()).collect();
        self.reshape(self.sum(x, &axes), &[])
    }

    /// Mean of all elements, as a scalar.
    pub fn mean(&self, x: Var) -> Var {
        // Scaled before the sum: the factor then belongs to the pointwise program in front of it.
        let count: usize = self.shape(x).iter().product();
        self.sum_all(self.scale(x, 1.0 / count as f64))
    }

    /// Matrix product, each side read transposed if its flag is set.
    pub fn matmul_with(&self, a: Var, b: Var, ta: bool, tb: bool) -> Var {
        let (sa, sb) = (self.shape(a), self.shape(b));
        assert!(sa.len() == 2 && sb.len() == 2, "matmul takes matrices, not {sa:?} and {sb:?}");
        let (m, n) = (sa[usize::from(ta)], sb[usize::from(!tb)]);
        self.make(Op::Matmul { ta, tb }, &[a, b], &[m, n])
    }

    /// Matrix product.
    pub fn matmul(&self, a: Var, b: Var) -> Var {
        self.matmul_with(a, b, false, false)
    }

    /// Convolution of pictures `[rows, height, width, in]` by a kernel `[kh, kw, in, out]`, channels last: `[rows, positions,
    /// positions, out]`.
    ///
    /// # Panics
    /// When the kernel is larger than the padded picture.
    pub fn conv2d(&self, x: Var, w: Var, window: Window) -> Var {
        let (picture, kernel) = (self.shape(x), self.shape(w));
        let positions = window.positions([picture[1], picture[2]]);
        let [height, width] = positions.unwrap_or_else(|| panic!("{window:?} does not fit {picture:?}"));
        self.make(Op::Conv(window), &[x, w], &[picture[0], height, width, kernel[3]])
    }

    /// The derivative of [`Graph::conv2d`] by pictures of shape `x`, at y `[rows, positions, positions, out]`: a transposed
    /// convolution.
    pub fn conv2d_dx(&self, y: Var, w: Var, window: Window, x: &[usize]) -> Var {
        self.make(Op::ConvDx(window), &[y, w], x)
    }

    /// The derivative of [`Graph::conv2d`] by its kernel, at pictures x and y `[rows, positions, positions, out]`.
    pub fn conv2d_dw(&self, x: Var, y: Var, window: Window) -> Var {
        let (inputs, outputs, [kh, kw]) = (self.shape(x)[3], self.shape(y)[3], window.kernel);
        self.make(Op::ConvDw(window), &[x, y], &[kh, kw, inputs, outputs])
    }

    /// Everything `roots` need, operands before users, in a fixed order.
    pub fn topological(&self, roots: &[Var]) -> Vec<Var> {
        let nodes = self.nodes.borrow();
        let mut seen = vec![false; nodes.len()];
        let mut order = Vec::new();
        // (node, operands already visited)
        let mut stack: Vec<(Var, bool)> = roots.iter().rev().map(|&r| (r, false)).collect();
        while let Some((var, expanded)) = stack.pop() {
            if expanded {
                order.push(var);
            } else if !seen[var.index()] {
                seen[var.index()] = true;
                stack.push((var, true));
                let sources = nodes[var.index()].sources.iter().rev();
                stack.extend(sources.filter(|s| !seen[s.index()]).map(|&s| (s, false)));
            }
        }
        order
    }
}

/// The permutation of axes that undoes `perm`.
fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
    inverse
}

/// The shape two operands broadcast to.
fn joint_shape(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let axis = |s: &[usize], i: usize| if i + s.len() >= rank { s[i + s.len() - rank] } else { 1 };
    (0..rank).map(|i| if axis(a, i) == 1 { axis(b, i) } else { axis(a, i) }).collect()
}
