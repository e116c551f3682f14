//! From graph to plan: what is fused (`fuse.rs`, `follow.rs`, `together.rs`, `loss_head.rs`), how each kernel computes (`program.rs`),
//! where results live and in which type (`arena.rs`, `types.rs`), all of it put together (`assembly.rs`, `join.rs`). One pass
//! each; no search, no tuning.

mod analysis;
pub mod arena;
mod assembly;
pub mod cost;
mod epilogue;
mod follow;
mod fuse;
mod join;
mod loss_head;
mod places;
mod plan;
mod program;
mod together;
mod types;
mod view;

pub(crate) use loss_head::MOST_LOGITS;
pub use plan::*;
pub(crate) use together::{MOST_DRAWS, MOST_PRODUCTS};
pub use view::View;

use crate::graph::verify::{self, verify};
use crate::graph::{Graph, Op, Player, Var};
use crate::precision::Precision;
use analysis::Analysis;
use assembly::Assembly;

/// The input that holds the minibatch's examples, `[batch, numbers]`.
pub const EXAMPLES: &str = "examples";
/// The input that holds the minibatch's labels one-hot, `[batch, classes]`.
pub const LABELS: &str = "labels";

/// The inputs that hold the factors on the generator's and the discriminator's loss, one number each: where products
/// multiply fp16, gradients are of the scaled loss.
pub const LOSS_SCALES: [&str; 2] = ["loss scale/G", "loss scale/D"];

/// Whose loss scale an input is.
fn loss_scale_of(input: &str) -> Option<Player> {
    Player::ALL.into_iter().find(|&p| LOSS_SCALES[p as usize] == input)
}

/// What may ride along with the computation of a network's whole gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Nothing: a parameter's update needs more than its own gradient.
    Nothing,
    /// The measure of a scaled gradient, without which no parameter moves.
    Measure,
    /// The update.
    Update,
}

/// A network's update: its gradients, and where in its flat memory each belongs.
#[derive(Debug, Clone)]
pub struct Update {
    /// Whose.
    pub player: Player,
    /// Gradient and offset of its parameter.
    pub gradients: Vec<(Var, usize)>,
    /// What the launch that computes all of them may do besides.
    pub along: Along,
}

/// Part of a step: computed, then updated from.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// Named results to leave in the arena: statistics, samples.
    pub outputs: Vec<(String, Var)>,
    /// Networks updated when everything of the stage is computed.
    pub updates: Vec<Update>,
}

impl Stage {
    fn roots(&self) -> Vec<Var> {
        let gradients = self.updates.iter().flat_map(|u| u.gradients.iter().map(|(v, _)| *v));
        self.outputs.iter().map(|(_, v)| *v).chain(gradients).collect()
    }

    /// A reshape of a result is the same memory: take what it reshapes.
    fn without_reshapes(&self, g: &Graph) -> Stage {
        let strip = |mut v: Var| {
            while g.node(v).op == Op::Reshape && g.as_constant(v).is_none() {
                v = g.node(v).sources[0];
            }
            v
        };
        let updates = self.updates.iter().map(|u| Update {
            player: u.player,
            along: u.along,
            gradients: u.gradients.iter().map(|&(v, at)| (strip(v), at)).collect(),
        });
        Stage {
            outputs: self.outputs.iter().map(|(n, v)| (n.clone(), strip(*v))).collect(),
            updates: updates.collect(),
        }
    }
}

/// Lowers one phase for products of a precision. `offset(player, name)` is where a parameter lies in its network's
/// flat memory.
///
/// # Panics
/// When the stages read parameters of the wrong version or share a random stream: a bug in a model.
pub fn lower(
    g: &Graph,
    stages: &[Stage],
    precision: Precision,
    offset: &dyn Fn(Player, &str) -> usize,
) -> Plan {
    let stages: Vec<Stage> = stages.iter().map(|s| s.without_reshapes(g)).collect();
    let checked: Vec<verify::Stage> = stages
        .iter()
        .map(|s| verify::Stage { roots: s.roots(), updates: s.updates.iter().map(|u| u.player).collect() })
        .collect();
    if let Err(message) = verify(g, &checked) {
        panic!("{message}");
    }
    let analysis = Analysis::new(g, &stages);
    let fusion = fuse::fuse(&analysis);
    let mut assembly = Assembly::new(&analysis, fusion);
    assembly.gather();
    assembly.kernels(&stages);
    assembly.follow();
    assembly.join(&stages);
    assembly.finish(&stages, precision, offset)
}
