//! G as an ONNX file: the graph of its task, which samples or translates, op by op, with a checkpoint's weights.
//!
//! | op | operators of set 17 |
//! |---|---|
//! | input | `z`, float `[N, latent.dim]`; `label`, int64 `[N]`, by `OneHot`; `picture`, float `[N, channels, height, width]` in [0, 1]; of generators with styles `truncation`, float `[layers]`, and `noise`, float `[M, numbers]`, M either 1 or N: initializers of these names stand for them where they are not given, ones and the noise of `--noise const` |
//! | param, state, const | initializers; whatever these alone decide is reckoned once, in 64 bits (spectral norm's division, a batch norm's 1/√(σ² + ε)) |
//! | rand | `RandomUniformLike`, `RandomNormalLike`: other draws than ours, of the same distribution |
//! | add | `Add`; `Concat` of padded operands that fill an axis |
//! | mul, max | `Mul`, `Max` |
//! | gt, select | `Greater` and `Cast`; `Greater` and `Where` |
//! | sqrt, recip, tanh, sigmoid, softplus, exp, log | `Sqrt`, `Reciprocal`, `Tanh`, `Sigmoid`, `Softplus`, `Exp`, `Log` |
//! | reshape, permute, pad, slice | `Reshape`, `Transpose`, `Pad`, `Slice` |
//! | broadcast | nothing where the reader broadcasts by itself, else `Expand` |
//! | detach | nothing |
//! | sum | `ReduceSum` |
//! | matmul | `MatMul`, behind `Transpose` where an operand is read transposed |
//! | conv2d | `Conv` between `Transpose`s: pictures lie channels last here, channels first there |
//! | conv2d_dx | `ConvTranspose`, likewise, `output_padding` for pixels that strides leave over |
//! | conv2d_dw | nothing: no samples need it |
//!
//! Behind them come the pixels: `image`, float `[N, channels, height, width]` in [0, 1] by `Reshape`, `Transpose`, the
//! data's scale and `Clip`; or `points`, `[N, numbers]`, as they are. N is free. What each operator does is said by
//! onnx.ai/onnx/operators; the set is [`OPERATORS`], which every runtime since 2022 knows.

mod emit;
mod proto;

use super::rows::AnyRows;
use crate::config::Distribution;
use crate::data::{Classes, Shape};
use crate::error::{Error, Result};
use crate::exec::NetworkState;
use crate::graph::{NetworkId, Op};
use crate::models::{self, Direction, Game, Grain, PortKind, Style, Task};
use crate::pictures::Display;
use crate::run::checkpoint::Checkpoint;
use emit::Emitter;
use proto::{Dimension, Element, Model, Numbers, Port, Tensor};

/// Version of the operator set.
pub const OPERATORS: i64 = 17;

/// Length that no message may reach: Protocol Buffers count bytes in 31 bits.
const MOST_BYTES: usize = 1 << 31;

/// A file, and what there is to say of it.
pub struct Exported {
    /// Bytes of the file.
    pub bytes: Vec<u8>,
    /// Inputs and outputs as signatures: `z float [N, 100]`.
    pub ports: Vec<String>,
    /// Whether samples depend on draws that the file makes anew.
    pub random: bool,
}

/// The ONNX file of a checkpoint's generator, of two translators the one in this direction; `from` says where the checkpoint
/// lies, for who reads the file.
///
/// # Errors
/// When the model makes no pictures one by one, or is too large for the format.
pub fn export(checkpoint: &Checkpoint, from: &str, direction: Direction) -> Result<Exported> {
    let Checkpoint { config, state, networks } = checkpoint;
    let game = Checkpoint::model(config, state);
    if let Some([read, _]) = game.translation(direction) {
        let rows = AnyRows::of(|rows| game.translating(direction, rows).expect("a direction that it has"))?;
        let about = About {
            name: config.recipe.clone(),
            text: format!("Generator of {from}, {} steps, from pictures to pictures", state.step),
            metadata: vec![("step".into(), state.step.to_string())],
        };
        let makes = Display::new(state.example.into(), &config.data);
        return written(&*game, networks, &rows, (Some(&Display { shape: read, ..makes }), &makes), about);
    }
    let noise = match config.latent.distribution {
        Distribution::Normal => "normal",
        Distribution::Uniform => "uniform on [-sqrt(3), sqrt(3)]",
    };
    let mut metadata = vec![
        ("step".to_string(), state.step.to_string()),
        ("latent.distribution".into(), noise.into()),
        ("latent.dim".into(), config.latent.dim.to_string()),
    ];
    let classes = models::classes(&*game);
    if classes > 0 {
        let table = state.class_table.clone().unwrap_or_default();
        metadata.push(("classes".into(), names(&table, classes)));
    }
    let about = About {
        name: config.recipe.clone(),
        text: format!("Generator of {from}, {} steps; z is {noise}", state.step),
        metadata,
    };
    encode(&*game, networks, &Display::new(state.example.into(), &config.data), about)
}

/// What a file says of itself beside its graph.
pub struct About {
    /// The graph's name.
    pub name: String,
    /// For people; its inputs and outputs are added.
    pub text: String,
    /// For programs: names and texts.
    pub metadata: Vec<(String, String)>,
}

/// The ONNX file of what a model samples with these weights, or their averages where they are kept.
///
/// # Errors
/// When [`export`] fails.
pub fn encode(
    game: &dyn Game,
    networks: &[NetworkState],
    display: &Display,
    about: About,
) -> Result<Exported> {
    if game.sampling(1).is_none() {
        return Err(Error::Usage("this model draws no samples: there is nothing to export".into()));
    }
    let rows = AnyRows::of(|rows| game.sampling(rows).expect("asked before"))?;
    written(game, networks, &rows, (None, display), about)
}

/// The ONNX file of a task; `reads` and `makes` are the pictures that go in, where some do, and those that come out.
fn written(
    game: &dyn Game,
    networks: &[NetworkState],
    rows: &AnyRows,
    (reads, makes): (Option<&Display>, &Display),
    about: About,
) -> Result<Exported> {
    let read = read_networks(rows);
    let memory = |id: NetworkId| &networks[game.networks().get(id).optimizer.index()];
    let average = rows.task.average && read.iter().all(|&id| !memory(id).average.is_empty());
    let mut emitter = Emitter::new(rows, reads.copied());
    for &id in &read {
        let (network, memory) = (game.networks().get(id), memory(id));
        let (weights, states) = match average {
            true => (&memory.average, &memory.average_states),
            false => (&memory.weights, &memory.states),
        };
        let parameters = network.parameters.iter().map(|p| (&p.name, p.offset, p.len(), weights));
        let states = network.states.iter().map(|s| (&s.name, s.offset, s.len(), states));
        for (name, offset, len, memory) in parameters.chain(states) {
            emitter.bind(id, name, &memory[offset..offset + len]);
        }
    }
    let output = emitter.samples(makes)?;
    let (nodes, mut initializers) = emitter.finish();
    let [inputs, outputs] = ports(&rows.task, (reads, makes), output);
    let defaults = defaults(&rows.task);
    let told = |port: &Port| match defaults.iter().any(|tensor| tensor.name == port.name) {
        true => format!("{} (may be left out)", signature(port)),
        false => signature(port),
    };
    let ports: Vec<String> = inputs.iter().chain(&outputs).map(told).collect();
    initializers.extend(defaults);
    let random = nodes.iter().any(|n| n.operator.starts_with("Random"));
    let model = Model {
        name: about.name,
        about: format!("{}. {}.", about.text, ports.join(", ")),
        operators: OPERATORS,
        metadata: about.metadata,
        inputs,
        outputs,
        nodes,
        initializers,
    };
    let bytes = model.encode();
    if bytes.len() >= MOST_BYTES {
        return Err(Error::Usage(format!(
            "an ONNX file holds less than {MOST_BYTES} bytes, and this generator needs {}; take --torch DIR",
            bytes.len()
        )));
    }
    Ok(Exported { bytes, ports, random })
}

/// Inputs and outputs of the file, N rows each.
fn ports(task: &Task, (reads, makes): (Option<&Display>, &Display), output: &str) -> [Vec<Port>; 2] {
    let port = |name: &str, element, axes: &[usize]| {
        let rows = std::iter::once(Dimension::Named("N".into()));
        let shape = rows.chain(axes.iter().map(|&n| Dimension::Fixed(n))).collect();
        Port { name: name.into(), element, shape }
    };
    let axes = |shape: Shape| match shape.is_point() {
        true => vec![shape.channels],
        false => vec![shape.channels, shape.height, shape.width],
    };
    let inputs = task.inputs.iter().filter_map(|input| {
        let name = emit::input_name(input.kind)?;
        Some(match (input.kind, reads) {
            (PortKind::Labels, _) => port(name, Element::Int64, &[]),
            (PortKind::Examples, Some(reads)) => port(name, Element::Float, &axes(reads.shape)),
            (PortKind::Truncation, _) => Port {
                name: name.into(),
                element: Element::Float,
                shape: vec![Dimension::Fixed(input.width)],
            },
            (PortKind::Noise, _) => {
                let shape = vec![Dimension::Named("M".into()), Dimension::Fixed(input.width)];
                Port { name: name.into(), element: Element::Float, shape }
            }
            _ => port(name, Element::Float, &[input.width]),
        })
    });
    [inputs.collect(), vec![port(output, Element::Float, &axes(makes.shape))]]
}

/// What stands for inputs that a caller leaves out.
fn defaults(task: &Task) -> Vec<Tensor> {
    let default = |input: &models::Port| {
        let style = Style { grain: Grain::Constant, ..Style::default() };
        let (shape, numbers) = match input.kind {
            PortKind::Truncation => (vec![input.width], style.truncations(1, input.width)),
            PortKind::Noise => (vec![1, input.width], style.noise(&[0.0], 1, input.width)),
            _ => return None,
        };
        let name = emit::input_name(input.kind)?.into();
        Some(Tensor { name, shape, numbers: Numbers::Float(numbers) })
    };
    task.inputs.iter().filter_map(default).collect()
}

/// The networks that samples are made by.
fn read_networks(rows: &AnyRows) -> Vec<NetworkId> {
    let of = |&var| match rows.task.graph.node(var).op {
        Op::Param { network, .. } | Op::State { network, .. } => Some(network),
        _ => None,
    };
    let mut all: Vec<NetworkId> = rows.order.iter().filter_map(of).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What classes are called, as JSON.
fn names(table: &Classes, classes: usize) -> String {
    let names: Vec<String> = (0..classes).map(|class| table.name(class)).collect();
    serde_json::to_string(&names).expect("texts")
}

/// A port for people: `z float [N, 100]`.
fn signature(port: &Port) -> String {
    let axis = |d: &Dimension| match d {
        Dimension::Fixed(n) => n.to_string(),
        Dimension::Named(name) => name.clone(),
    };
    let axes: Vec<String> = port.shape.iter().map(axis).collect();
    let element = match port.element {
        Element::Float => "float",
        Element::Int64 => "int64",
    };
    format!("{} {element} [{}]", port.name, axes.join(", "))
}
