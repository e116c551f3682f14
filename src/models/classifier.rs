//! A classifier of labelled data, what evaluation looks through: convolutions, or a perceptron, under the cross-entropy of
//! a softmax, on pictures moved by a pixel at random.

use super::phase::{Measured, Phase, Times, When, update};
use super::statistic::{Statistic, of_updates};
use super::task::{PortKind, Task, TaskKind};
use super::{Game, Optimizing};
use crate::architectures::{self, Forward, Reads};
use crate::config::{Ema, Optimizer, Role};
use crate::data::Shape;
use crate::graph::{Column, Dist, Graph, Input, OptimizerId, Var};
use crate::lower::{Ends, Stage};
use crate::nn::{Network, Networks, Pass, Statistics, Tracer};
use crate::precision::Precision;
use serde::{Deserialize, Serialize};

/// The mean cross-entropy of a minibatch, in nats.
pub const LOSS: &str = "loss";

/// How a classifier is made and trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Examples a minibatch.
    pub batch: usize,
    /// Passes through the training examples.
    pub epochs: u64,
    /// Pictures are moved by −1, 0 or 1 pixel along each axis at random.
    pub shift: bool,
    /// The update rule; its learning rate falls in a line to its `final_share` over the whole training.
    pub optimizer: Optimizer,
    /// The moving average that is kept as the classifier.
    pub ema: Ema,
    /// The layers; the last fits the classes.
    pub network: crate::config::Network,
}

impl Recipe {
    /// The recipe for examples of a shape: convolutions for pictures.
    pub fn standard(shape: Shape) -> Recipe {
        if shape.is_point() {
            return Recipe::perceptron();
        }
        toml::from_str(include_str!("classifier.toml")).expect("the embedded recipe is sound")
    }

    /// A perceptron of a few layers, which costs less.
    pub fn perceptron() -> Recipe {
        toml::from_str(include_str!("perceptron.toml")).expect("the embedded recipe is sound")
    }
}

/// A classifier with every shape settled: a game of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// How it is trained.
    pub recipe: Recipe,
    /// Shape of an example.
    pub shape: Shape,
    /// Classes told apart.
    pub classes: usize,
    networks: Networks,
}

/// Pictures scored at once.
const SCORED: usize = 200;

/// What the network reads: single pictures, to a logit a class.
fn reads(picture: Shape, classes: usize) -> Reads {
    Reads { picture, pack: 1, classes: 0, outputs: classes }
}

impl Classifier {
    /// Settles a recipe for data.
    pub fn new(recipe: &Recipe, shape: Shape, classes: usize) -> Classifier {
        let mut networks = Networks::default();
        networks.declare(Role::Classifier, None, |s| {
            let reads = reads(shape, classes);
            let x = s.g.host_input("x", &[1, shape.len()]);
            architectures::discriminator(s, &recipe.network, reads, x, None);
            architectures::discriminator_outline(&recipe.network, reads)
        });
        Classifier { recipe: recipe.clone(), shape, classes, networks }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.networks.all()[0]
    }

    fn forward(&self, g: &Graph, x: Var, pass: &Pass) -> Forward {
        let tracer = Tracer::new(g, self.network());
        let reads = reads(self.shape, self.classes);
        architectures::discriminator(&tracer.pass(pass), &self.recipe.network, reads, x, None)
    }
}

impl Game for Classifier {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        vec![Optimizing { rule: self.recipe.optimizer, clip: self.recipe.network.clip, ema: self.recipe.ema }]
    }

    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    /// One phase: the mean cross-entropy of a minibatch, and the update.
    fn phases(&self) -> Vec<Phase> {
        let g = Graph::new();
        let minibatch = |column, width| {
            g.input(Input::Minibatch { set: 0, order: 0, column }, &[self.recipe.batch, width])
        };
        let x = minibatch(Column::Examples, self.shape.len());
        let labels = minibatch(Column::Labels, self.classes);
        let x = if self.recipe.shift { g.scoped("shift", || shifted(&g, x, self.shape)) } else { x };
        let pass = Pass { version: 0, draw: "c", dropout: true, statistics: Statistics::Minibatches(&[0]) };
        let logits = self.forward(&g, x, &pass).output;
        let loss = g.scoped("cross-entropy", || cross_entropy(&g, logits, labels));
        let optimizer = OptimizerId(0);
        let updates = vec![update(&g, loss, &self.networks, optimizer, 0, false)];
        let stage = Stage { outputs: vec![(LOSS.into(), loss)], updates, ..Stage::default() };
        vec![Phase {
            name: "C".into(),
            when: When::Always,
            times: Times::once(),
            ends: Ends::Step,
            measured: Measured::Step,
            graph: g,
            stages: vec![stage],
            losses: vec![(optimizer, loss)],
        }]
    }

    fn statistics(&self) -> Vec<Statistic> {
        let loss = Statistic {
            digits: Some(4),
            chart: Some("Loss"),
            about: "The mean cross-entropy of minibatches, in nats: it should fall.",
            ..Statistic::mean(LOSS, "cross-entropy", LOSS)
        };
        [vec![loss], of_updates(&[Role::Classifier.letter()], false)].concat()
    }

    /// Logits, and what the last layer sees of pictures, without dropout: the input itself where there is one layer.
    fn tasks(&self) -> Vec<Task> {
        let mut task = Task::new(TaskKind::Score, SCORED, true);
        let x = task.input("pictures", PortKind::Examples, self.shape.len()).expect("pictures have numbers");
        let pass = Pass { version: 0, draw: "score", dropout: false, statistics: Statistics::Stored };
        let scored = self.forward(&task.graph, x, &pass);
        task.output("logits", PortKind::Logits, scored.output);
        if let Some(features) = scored.features {
            task.output("features", PortKind::Features, features);
        }
        vec![task]
    }
}

/// −log softmax(logits) at the labels, `[rows, classes]` one-hot, averaged over rows.
pub fn cross_entropy(g: &Graph, logits: Var, labels: Var) -> Var {
    let own = g.sum(g.mul(logits, labels), &[1]);
    g.mean(g.sub(log_sum_exp(g, logits), own))
}

/// log Σ exp over the columns of `[rows, columns]`, `[rows, 1]`: halves are joined by
/// log(eᵃ + eᵇ) = b + softplus(a − b), which overflows for no a and b.
fn log_sum_exp(g: &Graph, x: Var) -> Var {
    let columns = g.shape(x)[1];
    if columns == 1 {
        return x;
    }
    let half = columns / 2;
    let (a, b) = (g.slice_axis(x, 1, 0, half), g.slice_axis(x, 1, half, 2 * half));
    let joined = g.add(b, g.softplus(g.sub(a, b)));
    let joined = log_sum_exp(g, joined);
    if columns == 2 * half {
        return joined;
    }
    let last = g.slice_axis(x, 1, 2 * half, columns);
    g.add(last, g.softplus(g.sub(joined, last)))
}

/// Each picture of `[rows, numbers]` moved by −1, 0 or 1 pixel along both axes, zeros moving in.
pub fn shifted(g: &Graph, x: Var, shape: Shape) -> Var {
    let rows = g.shape(x)[0];
    let full = [rows, shape.height, shape.width, shape.channels];
    let pictures = g.reshape(x, &full);
    let u = g.broadcast(g.rand("shift", Dist::Uniform, &[rows, 1, 1, 1]), &full);
    // By a pixel back or forth along an axis: what is cut off at one end, and the zeros added at the other.
    let along = |length: usize, by: usize| match by {
        0 => ((0, length), (0, 0)),
        1 => ((0, length - 1), (1, 0)),
        _ => ((1, length), (0, 1)),
    };
    let moved = |way: usize| {
        let (rows_kept, rows_added) = along(shape.height, way / 3);
        let (columns_kept, columns_added) = along(shape.width, way % 3);
        let kept = g.slice(pictures, &[(0, rows), rows_kept, columns_kept, (0, shape.channels)]);
        g.pad(kept, &[(0, 0), rows_added, columns_added, (0, 0)])
    };
    let chosen = (1..9).fold(pictures, |before, way| {
        let beyond = g.gt(u, g.constant(way as f64 / 9.0, &[]));
        g.select(beyond, moved(way), before)
    });
    g.reshape(chosen, &[rows, shape.len()])
}
