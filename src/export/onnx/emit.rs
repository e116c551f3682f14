//! From a graph's nodes to operators: [`Emitter::value`] has one arm an op.

use super::proto::{Attribute, Element, Node, Numbers, Tensor};
use crate::config::Scale;
use crate::error::{Error, Result};
use crate::export::rows::{AnyRows, Length};
use crate::graph::{Cut, Dist, Graph, Input, NetworkId, Op, Var, Window, interp};
use crate::models::PortKind;
use crate::pictures::Display;
use crate::rng::Moment;
use std::collections::{HashMap, HashSet};

/// Name of the file's input for a port, where it has one.
pub fn input_name(kind: PortKind) -> Option<&'static str> {
    match kind {
        PortKind::Latent => Some("z"),
        PortKind::Labels => Some("label"),
        PortKind::Examples => Some("picture"),
        PortKind::Truncation => Some("truncation"),
        PortKind::Noise => Some("noise"),
        PortKind::Style => Some("w"),
        PortKind::Logits | PortKind::Features | PortKind::Distance | PortKind::Mean | PortKind::Variance => {
            None
        }
    }
}

/// A tensor while the network runs. Axes that only repeat a number may have length 1 still: operators that broadcast take
/// it so.
#[derive(Debug, Clone)]
struct Value {
    name: String,
    lengths: Vec<Length>,
}

/// Writes operators for the nodes of a task's graph.
pub struct Emitter<'a> {
    rows: &'a AnyRows,
    /// Pictures that the task reads, where it does.
    reads: Option<Display>,
    /// Nodes that weights and constants alone decide.
    still: HashSet<Var>,
    /// What such nodes are worth.
    worth: interp::Values,
    made: HashMap<Var, Value>,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
}

impl<'a> Emitter<'a> {
    /// An emitter whose parameters and states are not bound yet.
    pub fn new(rows: &'a AnyRows, reads: Option<Display>) -> Emitter<'a> {
        let mut still = HashSet::new();
        for &var in &rows.order {
            let node = rows.task.graph.node(var);
            let decided = match node.op {
                Op::Param { .. } | Op::State { .. } | Op::Const(_) => true,
                Op::Input(_) | Op::Rand { .. } => false,
                _ => node.sources.iter().all(|source| still.contains(source)),
            };
            let fixed = rows.lengths(var).iter().all(|l| matches!(l, Length::Fixed(_)));
            if decided && fixed {
                still.insert(var);
            }
        }
        Emitter {
            rows,
            reads,
            still,
            worth: HashMap::new(),
            made: HashMap::new(),
            nodes: vec![],
            initializers: vec![],
        }
    }

    /// Binds a parameter or state, as it lies in memory, wherever the graph reads it.
    pub fn bind(&mut self, of: NetworkId, called: &str, numbers: &[f32]) {
        for &var in &self.rows.order {
            let node = self.graph().node(var);
            if let Op::Param { network, name, .. } | Op::State { network, name } = &node.op
                && *network == of
                && name == called
            {
                let numbers = numbers.iter().map(|&x| f64::from(x)).collect();
                self.worth.insert(var, interp::Tensor::new(&node.shape, numbers));
            }
        }
    }

    /// Operators and initializers, in an order that can be run.
    pub fn finish(self) -> (Vec<Node>, Vec<Tensor>) {
        (self.nodes, self.initializers)
    }

    fn graph(&self) -> &'a Graph {
        &self.rows.task.graph
    }

    /// An operator on tensors; the name of its result.
    fn node(
        &mut self,
        operator: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = format!("{operator}_{}", self.nodes.len());
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        self.nodes.push(Node { operator, inputs, output: output.clone(), attributes });
        output
    }

    /// A constant; one tensor for equal ones.
    fn constant(&mut self, kind: &str, shape: Vec<usize>, numbers: Numbers) -> String {
        let known = |t: &&Tensor| t.name.starts_with(kind) && t.shape == shape && t.numbers == numbers;
        if let Some(known) = self.initializers.iter().find(known) {
            return known.name.clone();
        }
        let name = format!("{kind}_{}", self.initializers.len());
        self.initializers.push(Tensor { name: name.clone(), shape, numbers });
        name
    }

    fn ints(&mut self, values: &[i64]) -> String {
        self.constant("ints", vec![values.len()], Numbers::Int64(values.to_vec()))
    }

    fn float(&mut self, value: f32) -> String {
        self.constant("float", vec![], Numbers::Float(vec![value]))
    }

    /// A shape as a tensor, such as `Expand` asks for.
    fn shape(&mut self, lengths: &[Length]) -> String {
        let mut parts = vec![];
        for &length in lengths {
            parts.push(match length {
                Length::Fixed(n) => self.ints(&[n as i64]),
                Length::PerRow(share) => {
                    let ends = vec![("start", Attribute::Int(0)), ("end", Attribute::Int(1))];
                    let first = self.rows.task.inputs.first().and_then(|port| input_name(port.kind));
                    let rows = self.node("Shape", &[first.expect("an input")], ends);
                    if share == 1 {
                        rows
                    } else {
                        let share = self.ints(&[share as i64]);
                        self.node("Mul", &[&rows, &share], vec![])
                    }
                }
            });
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.node("Concat", &parts, vec![("axis", Attribute::Int(0))])
    }

    /// A node that weights and constants decide.
    fn decided(&mut self, var: Var) -> Value {
        let g = self.graph();
        let node = g.node(var);
        interp::run(g, &[var], Moment { seed: 0, tick: 0 }, &mut self.worth);
        let numbers = Numbers::Float(self.worth[&var].data.iter().map(|&x| x as f32).collect());
        // A bias that is laid out as a row is still that bias.
        let named = if node.op == Op::Reshape { g.node(node.sources[0]) } else { node.clone() };
        let name = match &named.op {
            // A name that people know from the checkpoint; a linear layer's weight lies as it is multiplied, [in, out].
            Op::Param { network, name, .. } | Op::State { network, name } => {
                let taken = self.initializers.iter().any(|t| t.name == *name);
                let name = if taken { format!("{}.{name}", network.0) } else { name.clone() };
                self.initializers.push(Tensor { name: name.clone(), shape: node.shape.clone(), numbers });
                name
            }
            _ => self.constant("constant", node.shape.clone(), numbers),
        };
        Value { name, lengths: self.rows.lengths(var).to_vec() }
    }

    /// A node's value; see [`Value`] for what broadcasts make of it.
    fn value(&mut self, var: Var) -> Result<Value> {
        if let Some(made) = self.made.get(&var) {
            return Ok(made.clone());
        }
        let node = self.graph().node(var);
        let sources = &node.sources[..];
        let lengths = self.rows.lengths(var).to_vec();
        let made = match &node.op {
            Op::Broadcast | Op::Detach => self.value(sources[0])?,
            _ if self.still.contains(&var) => self.decided(var),
            Op::Param { .. } | Op::State { .. } | Op::Const(_) => self.decided(var),
            Op::Input(Input::Host(name)) => self.input(name, lengths)?,
            Op::Input(other) => {
                return Err(Error::Usage(format!("samples that need {other} cannot be exported")));
            }
            Op::Rand { dist, .. } => {
                let shape = self.shape(&lengths);
                let zeros = self.node("ConstantOfShape", &[&shape], vec![]);
                let operator = match dist {
                    Dist::Uniform => "RandomUniformLike",
                    Dist::Normal => "RandomNormalLike",
                };
                Value { name: self.node(operator, &[&zeros], vec![]), lengths }
            }
            Op::Add => match self.joined(var) {
                Some((axis, parts)) => {
                    let parts = parts.into_iter().map(|part| self.whole(part)).collect::<Result<Vec<_>>>()?;
                    let parts: Vec<&str> = parts.iter().map(|v| v.name.as_str()).collect();
                    let axis = vec![("axis", Attribute::Int(axis as i64))];
                    Value { name: self.node("Concat", &parts, axis), lengths }
                }
                None => self.pointwise("Add", sources)?,
            },
            Op::Mul => self.pointwise("Mul", sources)?,
            Op::Max => self.pointwise("Max", sources)?,
            Op::Gt => {
                let greater = self.pointwise("Greater", sources)?;
                let float = vec![("to", Attribute::Int(Element::Float as i64))];
                Value { name: self.node("Cast", &[&greater.name], float), ..greater }
            }
            Op::Select => {
                let mask = self.value(sources[0])?;
                let zero = self.float(0.0);
                let mask = Value { name: self.node("Greater", &[&mask.name, &zero], vec![]), ..mask };
                let [a, b] = [self.value(sources[1])?, self.value(sources[2])?];
                self.joint("Where", &[mask, a, b])
            }
            Op::Sqrt => self.pointwise("Sqrt", sources)?,
            Op::Recip => self.pointwise("Reciprocal", sources)?,
            Op::Tanh => self.pointwise("Tanh", sources)?,
            Op::Sigmoid => self.pointwise("Sigmoid", sources)?,
            Op::Softplus => self.pointwise("Softplus", sources)?,
            Op::Exp => self.pointwise("Exp", sources)?,
            Op::Log => self.pointwise("Log", sources)?,
            Op::Reshape => {
                let from = self.whole(sources[0])?;
                let rows = lengths.iter().filter(|l| matches!(l, Length::PerRow(_))).count();
                let shape = match rows {
                    // One axis may be what is left over.
                    0 | 1 => {
                        let axis = |l: &Length| if let Length::Fixed(n) = l { *n as i64 } else { -1 };
                        self.ints(&lengths.iter().map(axis).collect::<Vec<_>>())
                    }
                    _ => self.shape(&lengths),
                };
                Value { name: self.node("Reshape", &[&from.name, &shape], vec![]), lengths }
            }
            Op::Permute(perm) => {
                let from = self.whole(sources[0])?;
                Value { name: self.transposed(&from.name, perm), lengths }
            }
            Op::Pad(spec) => {
                let from = self.whole(sources[0])?;
                let ends = spec.iter().map(|s| s.0).chain(spec.iter().map(|s| s.1));
                let ends = self.ints(&ends.map(|n| n as i64).collect::<Vec<_>>());
                Value { name: self.node("Pad", &[&from.name, &ends], vec![]), lengths }
            }
            Op::Slice(cuts) => {
                let from = self.whole(sources[0])?;
                // Rows are taken whole: `AnyRows` lets no other slice pass.
                let taken: Vec<usize> =
                    (0..cuts.len()).filter(|&axis| matches!(lengths[axis], Length::Fixed(_))).collect();
                let mut ints = |of: &dyn Fn(&Cut) -> isize| {
                    self.ints(&taken.iter().map(|&axis| of(&cuts[axis]) as i64).collect::<Vec<_>>())
                };
                // An end of less than 0 counts from behind, so that what lies before the first element is told as far away.
                let end = |cut: &Cut| match cut.step > 0 {
                    true => cut.span().1 as isize,
                    false => cut.span().0.checked_sub(1).map_or(i32::MIN as isize, |at| at as isize),
                };
                let [starts, ends] = [ints(&|cut| cut.from as isize), ints(&end)];
                let steps = cuts.iter().any(|cut| !cut.is_run()).then(|| ints(&|cut| cut.step));
                let axes = self.ints(&taken.iter().map(|&axis| axis as i64).collect::<Vec<_>>());
                let inputs = [&from.name, &starts, &ends, &axes].into_iter().chain(&steps);
                let inputs: Vec<&str> = inputs.map(String::as_str).collect();
                Value { name: self.node("Slice", &inputs, vec![]), lengths }
            }
            Op::Sum(axes) => {
                let from = self.whole(sources[0])?;
                let axes = self.ints(&axes.iter().map(|&axis| axis as i64).collect::<Vec<_>>());
                Value { name: self.node("ReduceSum", &[&from.name, &axes], vec![]), lengths }
            }
            Op::Matmul { ta, tb } => {
                let mut sides = vec![];
                for (&source, turned) in sources.iter().zip([*ta, *tb]) {
                    let side = self.whole(source)?.name;
                    sides.push(if turned { self.transposed(&side, &[1, 0]) } else { side });
                }
                Value { name: self.node("MatMul", &[&sides[0], &sides[1]], vec![]), lengths }
            }
            Op::Conv(window) => {
                let name = self.convolution("Conv", sources, *window, None)?;
                Value { name, lengths }
            }
            Op::ConvDx(window) => {
                let name = self.convolution("ConvTranspose", sources, *window, Some(&node.shape))?;
                Value { name, lengths }
            }
            Op::ConvDw(_) => {
                return Err(Error::Usage("samples that need a gradient cannot be exported".into()));
            }
        };
        self.made.insert(var, made.clone());
        Ok(made)
    }

    /// A node's value with every axis at its length.
    fn whole(&mut self, var: Var) -> Result<Value> {
        let value = self.value(var)?;
        let lengths = self.rows.lengths(var).to_vec();
        if value.lengths == lengths {
            return Ok(value);
        }
        let shape = self.shape(&lengths);
        let whole = Value { name: self.node("Expand", &[&value.name, &shape], vec![]), lengths };
        self.made.insert(var, whole.clone());
        Ok(whole)
    }

    fn input(&mut self, name: &str, lengths: Vec<Length>) -> Result<Value> {
        let port = self.rows.task.inputs.iter().find(|port| port.name == name);
        let named = port.and_then(|port| Some((port.kind, port.width, input_name(port.kind)?)));
        match (named, self.reads) {
            (Some((PortKind::Latent, _, input)), _) => Ok(Value { name: input.into(), lengths }),
            (Some((PortKind::Labels, classes, input)), _) => {
                let depth = self.ints(&[classes as i64]);
                let ends = self.constant("off_on", vec![2], Numbers::Float(vec![0.0, 1.0]));
                Ok(Value { name: self.node("OneHot", &[input, &depth, &ends], vec![]), lengths })
            }
            // One for all rows, of which a caller may give as many.
            (Some((PortKind::Truncation, width, input)), _) => {
                let shape = self.ints(&[1, width as i64]);
                let one = self.node("Reshape", &[input, &shape], vec![]);
                Ok(Value { name: one, lengths: vec![Length::Fixed(1), Length::Fixed(width)] })
            }
            (Some((PortKind::Noise, width, input)), _) => {
                Ok(Value { name: input.into(), lengths: vec![Length::Fixed(1), Length::Fixed(width)] })
            }
            (Some((PortKind::Examples, width, input)), Some(display)) => {
                Ok(Value { name: self.numbers(input, display, width)?, lengths })
            }
            _ => Err(Error::Usage(format!("samples that need the input {name} cannot be exported"))),
        }
    }

    fn pointwise(&mut self, operator: &'static str, sources: &[Var]) -> Result<Value> {
        let operands = sources.iter().map(|&source| self.value(source)).collect::<Result<Vec<_>>>()?;
        Ok(self.joint(operator, &operands))
    }

    /// An operator that broadcasts its operands.
    fn joint(&mut self, operator: &'static str, operands: &[Value]) -> Value {
        let names: Vec<&str> = operands.iter().map(|v| v.name.as_str()).collect();
        let name = self.node(operator, &names, vec![]);
        let longer = |a: Length, b: Length| if a == Length::Fixed(1) { b } else { a };
        let axes = 0..operands[0].lengths.len();
        let axis = |i: usize| operands.iter().map(|v| v.lengths[i]).fold(Length::Fixed(1), longer);
        Value { name, lengths: axes.map(axis).collect() }
    }

    /// A convolution of pictures that lie channels last; `transposed` is the shape that a transposed one makes.
    fn convolution(
        &mut self,
        operator: &'static str,
        sources: &[Var],
        window: Window,
        transposed: Option<&[usize]>,
    ) -> Result<String> {
        let [picture, kernel] = [self.whole(sources[0])?.name, self.whole(sources[1])?.name];
        let picture = self.transposed(&picture, &[0, 3, 1, 2]);
        // [out, in, kh, kw] of a convolution is [in, out, kh, kw] of the transposed one.
        let kernel = self.transposed(&kernel, &[3, 2, 0, 1]);
        let ints = |all: &[usize]| Attribute::Ints(all.iter().map(|&n| n as i64).collect());
        let [(top, bottom), (left, right)] = window.pad;
        let mut attributes = vec![
            ("kernel_shape", ints(&window.kernel)),
            ("strides", ints(&window.stride)),
            ("pads", ints(&[top, left, bottom, right])),
        ];
        if let Some(made) = transposed {
            let from = self.graph().shape(sources[0]);
            // Pixels behind the last that a position meets.
            let rest = |axis: usize| {
                let (before, after) = window.pad[axis];
                let met = (from[1 + axis] - 1) * window.stride[axis] + window.kernel[axis];
                made[1 + axis] + before + after - met
            };
            attributes.push(("output_padding", ints(&[rest(0), rest(1)])));
        }
        let made = self.node(operator, &[&picture, &kernel], attributes);
        Ok(self.transposed(&made, &[0, 2, 3, 1]))
    }

    fn transposed(&mut self, name: &str, perm: &[usize]) -> String {
        let perm = Attribute::Ints(perm.iter().map(|&axis| axis as i64).collect());
        self.node("Transpose", &[name], vec![("perm", perm)])
    }

    /// Axis and parts, in order, of a sum of padded nodes that is a concatenation.
    fn joined(&self, var: Var) -> Option<(usize, Vec<Var>)> {
        let mut parts = vec![];
        self.padded(var, &mut parts)?;
        let axis = parts[0].0;
        parts.sort_unstable_by_key(|&(_, before, _)| before);
        let mut end = 0;
        for &(along, before, part) in &parts {
            if along != axis || before != end {
                return None;
            }
            end += self.graph().shape(part)[axis];
        }
        (end == self.graph().shape(var)[axis])
            .then(|| (axis, parts.into_iter().map(|(.., part)| part).collect()))
    }

    /// Gathers the only padded axis, the zeros before, and the operand of every pad in a sum of pads.
    fn padded(&self, var: Var, parts: &mut Vec<(usize, usize, Var)>) -> Option<()> {
        let node = self.graph().node(var);
        match &node.op {
            Op::Add => node.sources.iter().try_for_each(|&source| self.padded(source, parts)),
            Op::Pad(spec) => {
                let mut axes = (0..spec.len()).filter(|&axis| spec[axis] != (0, 0));
                let axis = axes.next().filter(|_| axes.next().is_none())?;
                parts.push((axis, spec[axis].0, node.sources[0]));
                Some(())
            }
            _ => None,
        }
    }

    /// The samples as people look at them; the output's name.
    ///
    /// # Errors
    /// When a node cannot be exported.
    pub fn samples(&mut self, display: &Display) -> Result<&'static str> {
        let output = self.rows.task.stage.outputs[0].1;
        let mut x = self.whole(output)?.name;
        let shape = display.shape;
        let name = if shape.is_point() {
            x = self.node("Identity", &[&x], vec![]);
            "points"
        } else {
            let [c, h, w] = [shape.channels, shape.height, shape.width].map(|n| n as i64);
            let planes = shape.is_of_one_order();
            let axes = self.ints(&if planes { [-1, c, h, w] } else { [-1, h, w, c] });
            x = self.node("Reshape", &[&x, &axes], vec![]);
            if !planes {
                x = self.transposed(&x, &[0, 3, 1, 2]);
            }
            x = self.pixels(x, display.scale);
            "image"
        };
        // The last operator's result is the output.
        let last = self.nodes.last_mut().expect("at least one operator");
        debug_assert_eq!(last.output, x);
        last.output = name.into();
        Ok(name)
    }

    /// Pixels in [0, 1], `[N, channels, height, width]`, as rows of so many numbers in the network's scale and order.
    fn numbers(&mut self, pixels: &str, display: Display, width: usize) -> Result<String> {
        let mut x = match display.scale {
            Scale::Unit => pixels.to_string(),
            Scale::Signed => {
                let [two, one] = [self.float(2.0), self.float(1.0)];
                let doubled = self.node("Mul", &[pixels, &two], vec![]);
                self.node("Sub", &[&doubled, &one], vec![])
            }
            Scale::Gcn => {
                return Err(Error::Usage(
                    "data.scale is \"gcn\": pictures that are normalised by their own contrast cannot be the input of an \
                     exported network"
                        .into(),
                ));
            }
        };
        if !display.shape.is_of_one_order() {
            x = self.transposed(&x, &[0, 2, 3, 1]);
        }
        let shape = self.ints(&[-1, width as i64]);
        Ok(self.node("Reshape", &[&x, &shape], vec![]))
    }

    /// Pictures `[N, channels, height, width]` in the network's scale as pixels in [0, 1]: [`Display::unit`].
    fn pixels(&mut self, mut x: String, scale: Scale) -> String {
        if scale == Scale::Gcn {
            let size = self.node("Abs", &[&x], vec![]);
            let axes = vec![("axes", Attribute::Ints(vec![1, 2, 3]))];
            let greatest = self.node("ReduceMax", &[&size], axes);
            let least = self.float(1e-8);
            let greatest = self.node("Max", &[&greatest, &least], vec![]);
            x = self.node("Div", &[&x, &greatest], vec![]);
        }
        if scale != Scale::Unit {
            let half = self.float(0.5);
            x = self.node("Mul", &[&x, &half], vec![]);
            x = self.node("Add", &[&x, &half], vec![]);
        }
        let [zero, one] = [self.float(0.0), self.float(1.0)];
        self.node("Clip", &[&x, &zero, &one], vec![])
    }
}
