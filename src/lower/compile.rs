//! From a map or reduction kernel to its pointwise program.

use super::analysis::Analysis;
use super::fuse::Fusion;
use super::pointwise::{
    Arg, Instruction, Load, MAX_INSTRUCTIONS, MAX_REGISTERS, MAX_VIEWS, PointOp, Program,
};
use super::view::View;
use crate::graph::{Op, Var};
use std::collections::{HashMap, HashSet};

/// A program outgrew a limit; the caller splits its results.
pub(super) struct TooLong;

/// Computes `results` (node, view to store through) from memory, as one program.
///
/// `own` are the nodes with memory that this program computes; others are loaded.
pub(super) fn compile(
    a: &Analysis,
    f: &Fusion,
    results: &[(Var, View<Var>)],
    own: &HashSet<Var>,
) -> Result<Program<Var>, TooLong> {
    let mut builder = Builder { a, f, own, loads: vec![], code: vec![], known: HashMap::new() };
    let values: Vec<Value> = results.iter().map(|(v, _)| builder.emit(*v)).collect();
    let Builder { loads, code, .. } = builder;
    if code.len() > MAX_INSTRUCTIONS || loads.len() + results.len() > MAX_VIEWS {
        return Err(TooLong);
    }
    let (instructions, registers) = allocate(&code, &values)?;
    let arg = |v: &Value| match *v {
        Value::Code(i) => Arg::Register(registers[i]),
        Value::Load(i) => Arg::Load(i as u8),
        Value::Const(c) => Arg::Const(c),
    };
    let results = values.iter().zip(results).map(|(v, (_, view))| (arg(v), view.clone())).collect();
    Ok(Program { loads, instructions, results })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Code(usize),
    Load(usize),
    Const(f32),
}

struct Builder<'a> {
    a: &'a Analysis<'a>,
    f: &'a Fusion,
    own: &'a HashSet<Var>,
    loads: Vec<Load<Var>>,
    code: Vec<(PointOp, [Value; 3])>,
    known: HashMap<Var, Value>,
}

impl Builder<'_> {
    fn emit(&mut self, v: Var) -> Value {
        if let Some(&value) = self.known.get(&v) {
            return value;
        }
        let value = self.compute(v);
        self.known.insert(v, value);
        value
    }

    fn compute(&mut self, v: Var) -> Value {
        if let Some(c) = self.a.g.as_constant(v) {
            return Value::Const(c as f32);
        }
        let node = self.a.node(v);
        let stored = self.f.buffered.contains(&v) && !self.own.contains(&v);
        match point_op(&node.op).filter(|_| !stored) {
            Some(op) => {
                let mut args = [Value::Const(0.0); 3];
                for (arg, &source) in args.iter_mut().zip(&node.sources) {
                    *arg = self.emit(source);
                }
                self.code.push((op, args));
                Value::Code(self.code.len() - 1)
            }
            None => self.load(v),
        }
    }

    fn load(&mut self, v: Var) -> Value {
        // Who computes a copied movement reads the original.
        let original = self.a.copies.get(&v).filter(|_| self.own.contains(&v));
        let view = original.unwrap_or_else(|| self.a.view(v));
        let load = match &self.a.node(view.place).op {
            Op::Rand { stream, dist } => Load::Rand { stream: *stream, dist: *dist, view: view.map(|_| ()) },
            _ => Load::Memory(view.clone()),
        };
        let known = self.loads.iter().position(|l| *l == load);
        Value::Load(known.unwrap_or_else(|| {
            self.loads.push(load);
            self.loads.len() - 1
        }))
    }
}

fn point_op(op: &Op) -> Option<PointOp> {
    Some(match op {
        Op::Add => PointOp::Add,
        Op::Mul => PointOp::Mul,
        Op::Max => PointOp::Max,
        Op::Gt => PointOp::Gt,
        Op::Select => PointOp::Select,
        Op::Sqrt => PointOp::Sqrt,
        Op::Recip => PointOp::Recip,
        Op::Tanh => PointOp::Tanh,
        Op::Sigmoid => PointOp::Sigmoid,
        Op::Softplus => PointOp::Softplus,
        Op::Exp => PointOp::Exp,
        Op::Log => PointOp::Log,
        _ => return None,
    })
}

/// Gives every instruction a register, freed after its last use.
fn allocate(
    code: &[(PointOp, [Value; 3])],
    results: &[Value],
) -> Result<(Vec<Instruction>, Vec<u8>), TooLong> {
    let mut last_use = vec![0; code.len()];
    for (i, (_, args)) in code.iter().enumerate() {
        for arg in args {
            if let Value::Code(from) = arg {
                last_use[*from] = i;
            }
        }
    }
    for result in results {
        if let Value::Code(from) = result {
            last_use[*from] = usize::MAX;
        }
    }
    let mut free: Vec<u8> = (0..MAX_REGISTERS as u8).rev().collect();
    let mut register = vec![0; code.len()];
    let mut instructions = Vec::new();
    for (i, (op, args)) in code.iter().enumerate() {
        let operands = args.map(|arg| match arg {
            Value::Code(from) => Arg::Register(register[from]),
            Value::Load(l) => Arg::Load(l as u8),
            Value::Const(c) => Arg::Const(c),
        });
        // Executors never write a register that the same instruction reads: take first, then free.
        register[i] = free.pop().ok_or(TooLong)?;
        instructions.push(Instruction { op: *op, args: operands, to: register[i] });
        let mut dying: Vec<usize> = args
            .iter()
            .filter_map(|arg| match arg {
                Value::Code(from) if last_use[*from] == i => Some(*from),
                _ => None,
            })
            .collect();
        dying.sort_unstable();
        dying.dedup();
        free.extend(dying.into_iter().map(|d| register[d]));
    }
    Ok((instructions, register))
}
