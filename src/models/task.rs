//! Tasks: what a trained model does, without training it. Whoever runs one asks for its ports, never for the model.

use crate::graph::{Graph, Var};
use crate::lower::Stage;

/// From which domain to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From A, what there is, to B, what is to be made.
    Forward,
    /// From B to A.
    Backward,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Forward, Direction::Backward];

    /// The way back.
    pub fn reversed(self) -> Direction {
        match self {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        }
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    /// Noise (and labels) to examples.
    Sample,
    /// Examples (and labels) to logits and features.
    Score,
    /// Noise (and labels) of a minibatch to the statistics that batch norms meet on the way.
    Standing,
    /// Noise (and labels) to w.
    Map,
    /// w of each layer to examples.
    Synthesise,
    /// w of each layer, and examples, to how far what is made of w is from them, and the derivative by w.
    Approach,
    /// Pictures of one domain to pictures of the other.
    Translate(Direction),
    /// Examples to what G is given of them, as pictures, where pairs are made of single pictures.
    Give,
}

/// What goes through a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortKind {
    /// Noise, `[rows, latent]`.
    Latent,
    /// One-hot labels, `[rows, classes]`.
    Labels,
    /// Examples as networks see them, `[rows, numbers]`.
    Examples,
    /// Logits, `[rows, width]`; one row a pack where several examples are seen as one.
    Logits,
    /// What a last layer sees, `[rows, width]`; likewise.
    Features,
    /// Styles: w, or w of each layer, `[rows, layers·dim]`; as an output of [`TaskKind::Approach`] the derivative by it.
    Style,
    /// Random numbers that enter a synthesis, `[rows, numbers]`.
    Noise,
    /// How near w of each layer stays to its own value, `[rows, layers]`: 0 is w's average, 1 is w.
    Truncation,
    /// How far two examples are apart, `[rows, 1]`.
    Distance,
    /// Mean of a norm's input, `[1, features]`.
    Mean,
    /// Variance of a norm's input, `[1, features]`.
    Variance,
}

/// An input or output of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Name in the plan, unique among the task's ports; a mean's and a variance's is the norm's prefix and kind.
    pub name: String,
    /// What goes through.
    pub kind: PortKind,
    /// Numbers a row.
    pub width: usize,
}

/// Something a model does, before lowering.
pub struct Task {
    /// What.
    pub kind: TaskKind,
    /// Rows at once: fixed by the model alone, so that one row's result is the same whatever else is asked for.
    pub rows: usize,
    /// Whether networks that keep a moving average are read at it.
    pub average: bool,
    /// What the host fills, in order.
    pub inputs: Vec<Port>,
    /// What comes out, in order.
    pub outputs: Vec<Port>,
    /// Graph of the task.
    pub graph: Graph,
    /// Outputs of the task, as nodes of the graph.
    pub stage: Stage,
}

impl Task {
    /// A task with no ports yet.
    pub fn new(kind: TaskKind, rows: usize, average: bool) -> Task {
        let (inputs, outputs, stage) = (vec![], vec![], Stage::default());
        Task { kind, rows, average, inputs, outputs, graph: Graph::new(), stage }
    }

    /// An input `[rows, width]`; none of no width.
    pub fn input(&mut self, name: &str, kind: PortKind, width: usize) -> Option<Var> {
        if width == 0 {
            return None;
        }
        self.inputs.push(Port { name: name.into(), kind, width });
        Some(self.graph.host_input(name, &[self.rows, width]))
    }

    /// An output, a matrix.
    pub fn output(&mut self, name: &str, kind: PortKind, value: Var) {
        let width = self.graph.shape(value)[1];
        self.outputs.push(Port { name: name.into(), kind, width });
        self.stage.outputs.push((name.into(), value));
    }

    /// The width of the input of a kind; 0 without one.
    pub fn input_width(&self, kind: PortKind) -> usize {
        self.inputs.iter().find(|p| p.kind == kind).map_or(0, |p| p.width)
    }

    /// The width of the output of a kind; 0 without one.
    pub fn output_width(&self, kind: PortKind) -> usize {
        self.outputs.iter().find(|p| p.kind == kind).map_or(0, |p| p.width)
    }
}
