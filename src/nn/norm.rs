//! Norms, with PyTorch's names and definitions: batch (1502.03167), layer (1607.06450), instance (1607.08022), spectral
//! (1802.05957).

use super::scope::{Details, Scope, Statistics};
use super::tensor::{Fans, Start, StateStart};
use crate::config::Init;
use crate::graph::{Graph, Var};

/// Added to variances.
const EPS: f64 = 1e-5;
/// Share of a minibatch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;
/// Least norm that a vector is divided by.
const LEAST_NORM: f64 = 1e-12;

/// `then` of γ·(x − μ)/√(σ² + ε) + β over `[rows, …, features]`, statistics over all axes but the last, of each minibatch
/// apart. `then` is what follows number by number: it sees minibatches apart, `[minibatches, …, features]`, so that one launch
/// normalises and goes on.
///
/// Running statistics take a tenth of each minibatch's, the variance with n − 1 below; outside training they are what x is
/// normalised by. States: `running_mean`, `running_var`, `num_batches_tracked` (exact up to 2²⁴).
///
/// `gamma` is how γ starts.
///
/// # Panics
/// In a penalty's pass: D with batch norm has no gradient per example. Configurations that ask for it are refused.
pub fn batch_norm(s: &Scope, x: Var, gamma: Start, then: impl FnOnce(&Graph, Var) -> Var) -> Var {
    let g = s.g;
    let features = [g.shape(x).pop().expect("features are an axis")];
    let gamma = s.parameter("weight", &features, gamma);
    let beta = s.parameter("bias", &features, Start::Value(0.0));
    let normalised = standardised(s, x);
    g.reshape(then(g, g.add(g.mul(normalised, gamma), beta)), &g.shape(x))
}

/// Batch norm whose γ and β are those of each row's class: statistics over all classes together, γ from 1 and β from 0
/// (Dumoulin et al., 1610.07629; de Vries et al., 1707.00683). Labels are one-hot, `[rows, classes]`; `weight` and `bias` lie
/// `[classes, features]`, in files as a linear map of the labels.
///
/// # Panics
/// In the passes in which [`batch_norm`] panics.
pub fn conditional_batch_norm(s: &Scope, x: Var, labels: Var) -> Var {
    let g = s.g;
    let shape = g.shape(x);
    let (rows, features) = (shape[0], shape[shape.len() - 1]);
    let mut one_a_row = vec![1; shape.len()];
    (one_a_row[0], one_a_row[shape.len() - 1]) = (rows, features);
    let classes = g.shape(labels)[1];
    let of_class = |name: &str, start: f32| {
        let every = s.parameter(name, &[classes, features], Start::Value(start));
        g.reshape(g.matmul(labels, every), &one_a_row)
    };
    let (gamma, beta) = (of_class("weight", 1.0), of_class("bias", 0.0));
    let normalised = g.reshape(standardised(s, x), &shape);
    g.add(g.mul(normalised, gamma), beta)
}

/// (x − μ)/√(σ² + ε) over `[rows, …, features]`, minibatches apart where they are normalised apart; with the states of
/// [`batch_norm`].
fn standardised(s: &Scope, x: Var) -> Var {
    let g = s.g;
    let shape = g.shape(x);
    let features = shape[shape.len() - 1];
    let mut running_mean = s.state("running_mean", &[features], StateStart::Value(0.0));
    let mut running_variance = s.state("running_var", &[features], StateStart::Value(1.0));
    let tracked = s.state("num_batches_tracked", &[], StateStart::Value(0.0));
    match s.pass.statistics {
        Statistics::Stored => g.mul(g.sub(x, running_mean), inverse_root(g, running_variance)),
        Statistics::Again(_) => panic!("{}: batch norm under a penalty", s.path()),
        Statistics::Minibatches(_) | Statistics::Observed => {
            let order = if let Statistics::Minibatches(order) = s.pass.statistics { order } else { &[0] };
            let elements: usize = shape.iter().product();
            let count = elements / features / order.len();
            let parts = g.reshape(x, &[order.len(), count, features]);
            let average = |v: Var| g.sum(g.scale(v, 1.0 / count as f64), &[1]);
            let mean = average(parts);
            let centred = g.sub(parts, mean);
            let variance = average(g.square(centred));
            s.observe("mean", g.reshape(mean, &[order.len(), features]));
            s.observe("variance", g.reshape(variance, &[order.len(), features]));
            // A single row has no variance to estimate; configurations with one are refused.
            let unbiased = count as f64 / (count.max(2) - 1) as f64;
            for &part in order {
                let of = |v: Var| g.reshape(g.slice_axis(v, 0, part, part + 1), &[features]);
                let blend = |old: Var, new: Var, factor: f64| {
                    g.add(g.scale(old, 1.0 - MOMENTUM), g.scale(new, MOMENTUM * factor))
                };
                running_mean = blend(running_mean, of(mean), 1.0);
                running_variance = blend(running_variance, of(variance), unbiased);
            }
            if s.pass.statistics != Statistics::Observed {
                s.store("running_mean", running_mean);
                s.store("running_var", running_variance);
                s.store("num_batches_tracked", g.shift(tracked, order.len() as f64));
            }
            g.mul(centred, inverse_root(g, variance))
        }
    }
}

/// γ·(x − μ)/√(σ² + ε) + β, statistics over all that belongs to a row: of a vector `[rows, features]` with γ and β per
/// element, of a picture `[rows, height, width, channels]` with γ and β per channel.
pub fn layer_norm(s: &Scope, x: Var) -> Var {
    let g = s.g;
    let shape = g.shape(x);
    let features = shape[shape.len() - 1];
    let gamma = s.parameter("weight", &[features], Start::Value(1.0));
    let beta = s.parameter("bias", &[features], Start::Value(0.0));
    let axes: Vec<usize> = (1..shape.len()).collect();
    let count: usize = shape[1..].iter().product();
    let average = |v: Var| g.sum(g.scale(v, 1.0 / count as f64), &axes);
    let centred = g.sub(x, average(x));
    let variance = average(g.square(centred));
    g.add(g.mul(g.mul(centred, inverse_root(g, variance)), gamma), beta)
}

/// (x − μ)/√(σ² + ε) over pictures `[rows, height, width, channels]`, statistics over the pixels of each channel of each row:
/// PyTorch's `InstanceNorm2d` as it is by default, without γ and β, and with no running statistics.
///
/// # Panics
/// On pictures of one pixel, which is its own mean.
pub fn instance_norm(g: &Graph, x: Var) -> Var {
    let [_, height, width, _] = g.shape(x)[..] else { panic!("pictures have four axes") };
    assert!(height * width > 1, "instance norm of pictures of one pixel");
    let average = |v: Var| g.sum(g.scale(v, 1.0 / (height * width) as f64), &[1, 2]);
    let centred = g.sub(x, average(x));
    let variance = average(g.square(centred));
    g.mul(centred, inverse_root(g, variance))
}

/// 1 / √(variance + ε).
fn inverse_root(g: &Graph, variance: Var) -> Var {
    g.recip(g.sqrt(g.shift(variance, EPS)))
}

/// A weight `[inputs, units]`, or a kernel `[height, width, in, units]` as such a matrix, divided by its greatest singular
/// value σ = uᵀ·Wᵀ·v: one power iteration a pass of training, u and v taken as constants. A penalty's pass takes the σ of
/// the pass before it, scoring that of the states.
pub fn spectral_norm(s: &Scope, shape: &[usize], init: Init, fans: Fans, details: Details) -> Var {
    let g = s.g;
    let (&units, before) = shape.split_last().expect("weights have units");
    let inputs: usize = before.iter().product();
    // With the norm or without, a weight starts from the same draw.
    let details = Details { drawn_as: Some(s.full("weight")), ..details };
    let s = s.under("parametrizations.weight");
    let whole = s.parameter_with("original", shape, Start::Weight(init, fans), details);
    let weight = g.reshape(whole, &[inputs, units]);
    let name = s.full("original");
    let u = s.state("0._u", &[units], StateStart::Left { weight: name.clone() });
    let v = s.state("0._v", before, StateStart::Right { weight: name });
    let (mut u, mut v) = (g.reshape(u, &[1, units]), g.reshape(v, &[inputs, 1]));
    if let Statistics::Minibatches(_) = s.pass.statistics {
        u = g.detach(unit_length(g, g.sum(g.mul(weight, v), &[0])));
        v = g.detach(unit_length(g, g.sum(g.mul(weight, u), &[1])));
        s.store("0._u", g.reshape(u, &[units]));
        s.store("0._v", g.reshape(v, before));
    }
    let sigma = g.sum(g.mul(g.mul(weight, v), u), &[0, 1]);
    g.reshape(g.mul(weight, g.recip(sigma)), shape)
}

/// x / max(‖x‖, ε).
fn unit_length(g: &Graph, x: Var) -> Var {
    let norm = g.sqrt(g.sum(g.square(x), &[0, 1]));
    g.mul(x, g.recip(g.max(norm, g.constant(LEAST_NORM, &[]))))
}
