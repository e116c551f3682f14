//! The reference: runs a graph in `f64`, one node at a time, by the textbook definition of each op.
//!
//! It shares nothing with the lowering or the executors, so that agreement with it means something.

use super::{Cut, Graph, Op, Var};
use crate::rng::Moment;
use std::collections::HashMap;

/// A dense row-major array.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Axis lengths.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Vec<f64>,
}

impl Tensor {
    /// An array from its parts.
    ///
    /// # Panics
    /// When the shape does not hold the data.
    pub fn new(shape: &[usize], data: Vec<f64>) -> Tensor {
        assert_eq!(shape.iter().product::<usize>(), data.len());
        Tensor { shape: shape.to_vec(), data }
    }
}

/// Values of nodes, by node. What is bound beforehand (inputs, parameters, or any node whose value the
/// caller wants to fix) is taken as it is.
pub type Values = HashMap<Var, Tensor>;

/// Computes `roots` and everything they need, adding to `values`.
///
/// # Panics
/// When an input or parameter that is needed is not bound.
pub fn run(g: &Graph, roots: &[Var], moment: Moment, values: &mut Values) {
    for var in g.topological(roots) {
        if !values.contains_key(&var) {
            let value = evaluate(g, var, moment, values);
            values.insert(var, value);
        }
    }
}

/// One node from its operands' values.
pub fn evaluate(g: &Graph, var: Var, moment: Moment, values: &Values) -> Tensor {
    let node = g.node(var);
    let shape = &node.shape;
    let count: usize = shape.iter().product();
    let source = |i: usize| &values[&node.sources[i]];
    let map1 = |f: fn(f64) -> f64| source(0).data.iter().map(|&a| f(a)).collect();
    let map2 =
        |f: fn(f64, f64) -> f64| source(0).data.iter().zip(&source(1).data).map(|(&a, &b)| f(a, b)).collect();
    let data: Vec<f64> = match &node.op {
        Op::Input(input) => panic!("input {input} is not bound"),
        Op::State { network, name } => panic!("state {network:?}/{name} is not bound"),
        Op::Param { network, name, version } => panic!("{network:?}/{name} v{version} is not bound"),
        Op::Const(bits) => vec![f64::from_bits(*bits)],
        Op::Rand { stream, dist } => {
            let draw = moment.draw(*stream);
            (0..count as u64).map(|i| f64::from(dist.sample(&draw, i))).collect()
        }
        Op::Add => map2(|a, b| a + b),
        Op::Mul => map2(|a, b| a * b),
        Op::Max => map2(|a, b| if a > b || a.is_nan() { a } else { b }),
        Op::Gt => map2(|a, b| f64::from(a > b)),
        Op::Select => (0..count)
            .map(|i| if source(0).data[i] > 0.0 { source(1).data[i] } else { source(2).data[i] })
            .collect(),
        Op::Sqrt => map1(f64::sqrt),
        Op::Recip => map1(f64::recip),
        Op::Tanh => map1(f64::tanh),
        Op::Sigmoid => map1(|a| 1.0 / (1.0 + (-a).exp())),
        Op::Softplus => map1(|a| a.max(0.0) + (-a.abs()).exp().ln_1p()),
        Op::Exp => map1(f64::exp),
        Op::Log => map1(f64::ln),
        Op::Reshape | Op::Detach => source(0).data.clone(),
        Op::Broadcast => {
            let from = source(0);
            let pick = |index: &[usize]| {
                let clamped: Vec<usize> =
                    index.iter().zip(&from.shape).map(|(&i, &n)| i.min(n - 1)).collect();
                from.data[flat(&clamped, &from.shape)]
            };
            indices(shape).map(|index| pick(&index)).collect()
        }
        Op::Pad(spec) => {
            let from = source(0);
            let pick = |index: &[usize]| {
                let inner: Option<Vec<usize>> = (0..index.len())
                    .map(|a| index[a].checked_sub(spec[a].0).filter(|&i| i < from.shape[a]))
                    .collect();
                inner.map_or(0.0, |i| from.data[flat(&i, &from.shape)])
            };
            indices(shape).map(|index| pick(&index)).collect()
        }
        Op::Slice(cuts) => {
            let from = source(0);
            let pick = |index: &[usize]| {
                let along = |(&i, cut): (&usize, &Cut)| (cut.from as isize + cut.step * i as isize) as usize;
                let outer: Vec<usize> = index.iter().zip(cuts).map(along).collect();
                from.data[flat(&outer, &from.shape)]
            };
            indices(shape).map(|index| pick(&index)).collect()
        }
        Op::Permute(perm) => {
            let from = source(0);
            let pick = |index: &[usize]| {
                let mut moved = vec![0; index.len()];
                perm.iter().zip(index).for_each(|(&axis, &i)| moved[axis] = i);
                from.data[flat(&moved, &from.shape)]
            };
            indices(shape).map(|index| pick(&index)).collect()
        }
        Op::Sum(axes) => {
            let from = source(0);
            let mut out = vec![0.0; count];
            for (index, value) in indices(&from.shape).zip(&from.data) {
                let kept: Vec<usize> =
                    index.iter().enumerate().map(|(a, &i)| if axes.contains(&a) { 0 } else { i }).collect();
                out[flat(&kept, shape)] += value;
            }
            out
        }
        Op::Matmul { ta, tb } => {
            let (a, b) = (source(0), source(1));
            let (m, n) = (shape[0], shape[1]);
            let k = a.shape[usize::from(!ta)];
            let at = |i: usize, l: usize| if *ta { a.data[l * m + i] } else { a.data[i * k + l] };
            let mut out = vec![0.0; m * n];
            for i in 0..m {
                for l in 0..k {
                    let left = at(i, l);
                    for j in 0..n {
                        out[i * n + j] += left * if *tb { b.data[j * k + l] } else { b.data[l * n + j] };
                    }
                }
            }
            out
        }
        Op::Conv(window) => {
            let (x, w, mut y) = (source(0), source(1), vec![0.0; count]);
            window.each_term(&x.shape, shape, |i, j, k| y[k] += x.data[i] * w.data[j]);
            y
        }
        Op::ConvDx(window) => {
            let (y, w, mut x) = (source(0), source(1), vec![0.0; count]);
            window.each_term(shape, &y.shape, |i, j, k| x[i] += y.data[k] * w.data[j]);
            x
        }
        Op::ConvDw(window) => {
            let (x, y, mut w) = (source(0), source(1), vec![0.0; count]);
            window.each_term(&x.shape, &y.shape, |i, j, k| w[j] += x.data[i] * y.data[k]);
            w
        }
    };
    Tensor::new(shape, data)
}

/// Row-major position of an index.
fn flat(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (i, n)| at * n + i)
}

/// Every index of a shape, row-major.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..shape.iter().product::<usize>()).map(move |mut at| {
        let mut index = vec![0; shape.len()];
        for (i, n) in index.iter_mut().zip(shape).rev() {
            *i = at % n;
            at /= n;
        }
        index
    })
}
