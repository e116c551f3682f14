//! A graph as text: one line a node, operands by number.

use super::{Graph, Op, Var};
use std::fmt::Write;

/// Lists everything `roots` need, in execution order.
pub fn print(g: &Graph, roots: &[Var]) -> String {
    let mut out = String::new();
    for var in g.topological(roots) {
        let node = g.node(var);
        let sources: Vec<String> = node.sources.iter().map(|s| format!("%{}", s.index())).collect();
        let detail = match &node.op {
            Op::Input(name) => format!(" \"{name}\""),
            Op::Param { player, name, version } => format!(" {}/{name} v{version}", player.letter()),
            Op::Const(bits) => format!(" {}", f64::from_bits(*bits)),
            Op::Rand { stream, dist } => format!(" {dist:?} stream {stream:#010x}"),
            Op::Pad(spec) | Op::Slice(spec) => format!(" {spec:?}"),
            Op::Sum(axes) => format!(" over {axes:?}"),
            Op::Matmul { ta, tb } => {
                format!(" {}{}", if *ta { "t" } else { "n" }, if *tb { "t" } else { "n" })
            }
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "%{:<4} {:?} {}{detail} {}  # {}",
            var.index(),
            node.shape,
            node.op.name(),
            sources.join(" "),
            node.path
        );
    }
    out
}
