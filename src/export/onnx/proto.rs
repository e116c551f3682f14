//! ONNX's messages in Protocol Buffers' wire format: those that a network of plain operators needs.
//!
//! Written by hand, since eight small messages are shorter than a code generator's build step. Fields and numbers are those
//! of `onnx.proto3`.

use crate::protobuf::Message;

/// Version of the file format, the one that came with operator set 17.
const IR_VERSION: i64 = 8;

/// Type of a tensor's elements, by its number in `TensorProto.DataType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    Float = 1,
    /// 64-bit whole numbers.
    Int64 = 7,
}

/// Length of an axis of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// So many.
    Fixed(usize),
    /// Known when the network runs; equal names are equal lengths.
    Named(String),
}

/// A tensor with its numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// What nodes call it.
    pub name: String,
    /// Axis lengths.
    pub shape: Vec<usize>,
    /// Numbers of the tensor.
    pub numbers: Numbers,
}

/// Numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// [`Element::Float`].
    Float(Vec<f32>),
    /// [`Element::Int64`].
    Int64(Vec<i64>),
}

/// Value of an operator's attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
}

/// An operator at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Operator, such as "MatMul".
    pub operator: &'static str,
    /// Tensors that it reads, by name.
    pub inputs: Vec<String>,
    /// Tensor that it makes.
    pub output: String,
    /// Attributes by name.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// An input or output of the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// What callers name it by.
    pub name: String,
    /// What it holds.
    pub element: Element,
    /// Axis lengths.
    pub shape: Vec<Dimension>,
}

/// A network with all that its file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The graph's name.
    pub name: String,
    /// For people who look into the file.
    pub about: String,
    /// Version of the operators.
    pub operators: i64,
    /// For programs: names and texts.
    pub metadata: Vec<(String, String)>,
    /// What it reads.
    pub inputs: Vec<Port>,
    /// What it makes.
    pub outputs: Vec<Port>,
    /// Operators, each behind those whose results it reads.
    pub nodes: Vec<Node>,
    /// Weights and other constants.
    pub initializers: Vec<Tensor>,
}

impl Attribute {
    fn encode(&self, name: &str) -> Message {
        let mut m = Message::default();
        m.text(1, name);
        match self {
            Attribute::Int(value) => {
                m.int(3, *value);
                m.int(20, 2);
            }
            Attribute::Ints(values) => {
                values.iter().for_each(|&value| m.int(8, value));
                m.int(20, 7);
            }
        }
        m
    }
}

impl Node {
    fn encode(&self) -> Message {
        let mut m = Message::default();
        self.inputs.iter().for_each(|input| m.text(1, input));
        m.text(2, &self.output);
        m.text(3, &self.output);
        m.text(4, self.operator);
        self.attributes.iter().for_each(|(name, value)| m.message(5, &value.encode(name)));
        m
    }
}

impl Tensor {
    fn encode(&self) -> Message {
        let mut m = Message::default();
        self.shape.iter().for_each(|&n| m.int(1, n as i64));
        let (element, raw): (_, Vec<u8>) = match &self.numbers {
            Numbers::Float(numbers) => {
                (Element::Float, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            Numbers::Int64(numbers) => {
                (Element::Int64, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
        };
        m.int(2, element as i64);
        m.text(8, &self.name);
        m.bytes(9, &raw);
        m
    }
}

impl Port {
    /// A `ValueInfoProto`: a `TypeProto` around a tensor's type around a `TensorShapeProto`.
    fn encode(&self) -> Message {
        let [mut shape, mut tensor, mut kind, mut port] = [const { Message(vec![]) }; 4];
        for dimension in &self.shape {
            let mut m = Message::default();
            match dimension {
                Dimension::Fixed(n) => m.int(1, *n as i64),
                Dimension::Named(name) => m.text(2, name),
            }
            shape.message(1, &m);
        }
        tensor.int(1, self.element as i64);
        tensor.message(2, &shape);
        kind.message(1, &tensor);
        port.text(1, &self.name);
        port.message(2, &kind);
        port
    }
}

impl Model {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let [mut graph, mut operators, mut model] = [const { Message(vec![]) }; 3];
        self.nodes.iter().for_each(|node| graph.message(1, &node.encode()));
        graph.text(2, &self.name);
        self.initializers.iter().for_each(|tensor| graph.message(5, &tensor.encode()));
        self.inputs.iter().for_each(|port| graph.message(11, &port.encode()));
        self.outputs.iter().for_each(|port| graph.message(12, &port.encode()));
        model.int(1, IR_VERSION);
        model.text(2, env!("CARGO_PKG_NAME"));
        model.text(3, env!("CARGO_PKG_VERSION"));
        model.text(6, &self.about);
        model.message(7, &graph);
        operators.text(1, "");
        operators.int(2, self.operators);
        model.message(8, &operators);
        for (name, text) in &self.metadata {
            let mut m = Message::default();
            m.text(1, name);
            m.text(2, text);
            model.message(14, &m);
        }
        model.0
    }
}
