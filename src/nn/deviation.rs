//! Minibatch standard deviation (Karras et al., 1710.10196, section 3): D sees how much the examples of a minibatch differ.

use super::scope::{Scope, Statistics};
use super::tensor::StateStart;
use crate::graph::Var;

/// Added to variances.
const EPS: f64 = 1e-8;
/// Share of a minibatch's deviation in the running one.
const MOMENTUM: f64 = 0.01;

/// Maps `[rows, height, width, channels]` with one more behind them: in each group of `group` examples of a minibatch (all of
/// it, where it is smaller) the standard deviation over the group, its mean over all else. Members of a group lie a group's
/// count of rows apart. Joined minibatches are seen apart.
///
/// Outside training it is the running mean of what training met, the state `deviation`: what D says of an example is then its
/// own alone.
///
/// # Panics
/// When a minibatch is no whole number of groups.
pub fn with_deviation(s: &Scope, maps: Var, group: usize) -> Var {
    let g = s.g;
    let [rows, height, width, channels] = g.shape(maps)[..] else { panic!("maps have four axes") };
    let running = s.state("deviation", &[1], StateStart::Value(1.0));
    let minibatches = match s.pass.statistics {
        Statistics::Minibatches(order) => order.len(),
        Statistics::Again(count) => count,
        Statistics::Observed => 1,
        Statistics::Stored => {
            let plane = g.broadcast(g.reshape(running, &[1; 4]), &[rows, height, width, 1]);
            return g.concat(&[maps, plane], 3);
        }
    };
    let batch = rows / minibatches;
    let group = group.min(batch);
    let groups = batch / group;
    assert_eq!(groups * group * minibatches, rows, "{rows} rows in groups of {group}");
    let numbers = height * width * channels;
    let apart = g.reshape(maps, &[minibatches, group, groups, numbers]);
    let mean = |x: Var, axis: usize| g.scale(g.sum(x, &[axis]), 1.0 / g.shape(x)[axis] as f64);
    let centred = g.sub(apart, mean(apart, 1));
    let deviations = g.sqrt(g.shift(mean(g.square(centred), 1), EPS));
    let one = mean(deviations, 3);
    if matches!(s.pass.statistics, Statistics::Minibatches(_)) {
        let met = g.reshape(g.detach(g.mean(one)), &[1]);
        s.store("deviation", g.add(g.scale(running, 1.0 - MOMENTUM), g.scale(met, MOMENTUM)));
    }
    let plane = g.broadcast(one, &[minibatches, group, groups, height * width]);
    g.concat(&[maps, g.reshape(plane, &[rows, height, width, 1])], 3)
}
