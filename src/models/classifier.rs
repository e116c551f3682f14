//! A classifier of labelled data, what evaluation looks through: a multi-layer perceptron under the cross-entropy of
//! its softmax, on pictures moved by a pixel at random. It is the first player of a game without an opponent.

use crate::config::{Ema, Network, Optimizer};
use crate::data::Shape;
use crate::graph::grad::grad;
use crate::graph::{Dist, Graph, Input, Var};
use crate::lower::{Along, Plan, Stage, Update, lower};
use crate::nn::{self, Mlp, Role};
use crate::precision::Precision;
use serde::{Deserialize, Serialize};

/// Host-filled input of a scoring plan: examples, `[rows, numbers]`.
pub const PICTURES: &str = "pictures";
/// Output of a scoring plan: the last layer, `[rows, classes]`.
pub const LOGITS: &str = "logits";
/// Output of a scoring plan: the last layer but one, `[rows, features]`.
pub const FEATURES: &str = "features";

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
    pub network: Network,
}

impl Recipe {
    /// The embedded recipe, `classifier.toml`.
    pub fn standard() -> Recipe {
        toml::from_str(include_str!("classifier.toml")).expect("the embedded recipe is sound")
    }
}

/// A classifier with all widths settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// How it is trained.
    pub recipe: Recipe,
    /// The network.
    pub network: Mlp,
    /// Of one example.
    pub shape: Shape,
    /// Classes told apart.
    pub classes: usize,
}

impl Classifier {
    /// Settles a recipe for data.
    pub fn new(recipe: &Recipe, shape: Shape, classes: usize) -> Classifier {
        let network =
            Mlp::new(Role::Generator, &recipe.network, shape.len(), classes).reading(shape, shape.len());
        Classifier { recipe: recipe.clone(), network, shape, classes }
    }

    /// Length of the features: the width of the last layer but one.
    pub fn features(&self) -> usize {
        let layers = &self.network.network.layers;
        layers.iter().rev().nth(1).and_then(|l| l.units).unwrap_or(self.network.input)
    }

    /// One step: the mean cross-entropy of a minibatch, and the update.
    pub fn training_plan(&self) -> Plan {
        let g = Graph::new();
        let batch = self.recipe.batch;
        let x = g.input(Input::EXAMPLES, &[batch, self.shape.len()]);
        let labels = g.input(Input::LABELS, &[batch, self.classes]);
        let x = if self.recipe.shift { g.scoped("shift", || shifted(&g, x, self.shape)) } else { x };
        let logits = self.network.forward(&g, x, 0, "c");
        let loss = g.scoped("cross-entropy", || cross_entropy(&g, logits, labels));
        let gradients = grad(&g, loss, &self.network.parameter_nodes(&g, 0), None);
        let placed = gradients.into_iter().zip(&self.network.parameters).map(|(v, p)| (v, p.offset));
        let optimizer = self.network.role.optimizer();
        let update = Update { optimizer, gradients: placed.collect(), along: Along::Update };
        let plan = self.lower(&g, Stage { outputs: vec![("loss".into(), loss)], updates: vec![update] });
        Plan { ends_step: true, ..plan }
    }

    /// Logits and features of `rows` examples, without dropout.
    pub fn scoring_plan(&self, rows: usize) -> Plan {
        let g = Graph::new();
        let network = self.network.without_dropout();
        let x = g.host_input(PICTURES, &[rows, self.shape.len()]);
        let depth = network.network.layers.len();
        let features = network.first_layers(depth - 1, &g, x, 0, "score");
        let logits = network.forward(&g, x, 0, "score");
        let outputs = vec![(LOGITS.into(), logits), (FEATURES.into(), features)];
        self.lower(&g, Stage { outputs, updates: vec![] })
    }

    fn lower(&self, g: &Graph, stage: Stage) -> Plan {
        lower(g, &[stage], Precision::Fp32, &nn::layout(&[&self.network]))
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
