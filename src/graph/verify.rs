//! What must hold of a graph before it is lowered.

use super::{Graph, MAX_OPTIMIZERS, Op, OptimizerId, Var};
use std::collections::HashMap;

/// A point in a step after which optimizers update.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What this stage must have computed: gradients and statistics.
    pub roots: Vec<Var>,
    /// Optimizers that update when it has.
    pub updates: Vec<OptimizerId>,
}

/// Checks that no two random leaves share a stream by accident, and that each stage reads parameters of
/// exactly the version that the updates before it made. `optimizers` are those of the networks, by network.
///
/// # Errors
/// One line that names the node and what is wrong with it.
pub fn verify(g: &Graph, stages: &[Stage], optimizers: &[OptimizerId]) -> Result<(), String> {
    let mut streams: HashMap<u32, Var> = HashMap::new();
    let mut versions = [0u8; MAX_OPTIMIZERS];
    let mut seen = vec![false; g.len()];
    for (number, stage) in stages.iter().enumerate() {
        for var in g.topological(&stage.roots) {
            if std::mem::replace(&mut seen[var.index()], true) {
                continue;
            }
            let node = g.node(var);
            if let Op::Rand { stream, .. } = node.op
                && let Some(other) = streams.insert(stream, var)
            {
                return Err(format!(
                    "{} and {} draw from one stream ({stream:#010x}); rename one of them",
                    g.node(other).path,
                    node.path
                ));
            }
            for source in &node.sources {
                let Op::Param { network, name, version } = &g.node(*source).op else { continue };
                let Some(optimizer) = optimizers.get(network.index()) else {
                    return Err(format!(
                        "stage {number} reads {name} of {network:?}, which has no optimizer"
                    ));
                };
                let updates = versions[optimizer.index()];
                if *version != updates {
                    return Err(format!(
                        "stage {number} reads {network:?}/{name} version {version}, but {updates} updates come before it"
                    ));
                }
            }
        }
        for optimizer in &stage.updates {
            versions[optimizer.index()] += 1;
        }
    }
    Ok(())
}
