//! From graph to plan: what is fused (`candidates.rs`, `fuse.rs`), how each kernel computes (`compile.rs`), which launches
//! become one (`follow.rs`, `together.rs`, `loss_head.rs`), where results lie and in which type (`arena.rs`, `types.rs`), all
//! of it put together (`assembly.rs`, `join.rs`, `placement.rs`). One pass each; no search, no tuning.
//!
//! A plan is made of launches (`plan.rs`, `work.rs`, `product.rs`, `pointwise.rs`) on views (`view.rs`) of places (`place.rs`);
//! while it is made, views are of nodes.

mod analysis;
pub mod arena;
mod assembly;
mod axis;
mod bits;
mod candidates;
mod compile;
mod convolution;
pub mod cost;
mod draft;
mod epilogue;
mod follow;
mod fuse;
mod join;
mod layout;
mod loss_head;
mod place;
mod placement;
mod places;
mod plan;
mod pointwise;
mod product;
mod stage;
mod together;
mod types;
mod view;
mod work;

pub use axis::Axis;
pub use convolution::{Convolution, Form};
pub use layout::{Layout, NetworkLayout};
pub(crate) use loss_head::MOST_LOGITS;
pub use place::{Place, ReadFrom};
pub use plan::{Ends, Launch, Named, Plan, Stored};
pub use pointwise::{Arg, Instruction, Load, MAX_INSTRUCTIONS, MAX_REGISTERS, MAX_VIEWS, PointOp, Program};
pub use product::{Epilogue, Follower, Matmul};
pub use stage::{Along, Stage, Update};
pub(crate) use together::{MOST_DRAWS, MOST_GATHERS, MOST_PRODUCTS};
pub use view::View;
pub use work::{Gather, Gradients, LossHead, Map, Minibatch, Part, Reduce, StateCopy, StoreStates, Work};

use crate::graph::Graph;
use crate::graph::verify::{self, verify};
use crate::precision::Precision;
use analysis::Analysis;
use assembly::Assembly;

/// Lowers one phase for products of a precision. The plan ends a tick and no step: whoever knows the phases sets
/// [`Plan::ends`].
///
/// # Panics
/// When the stages read parameters of the wrong version, share a random stream, or store a state twice or what is no value
/// for it: a bug in a model.
pub fn lower(g: &Graph, stages: &[Stage], precision: Precision, layout: &Layout) -> Plan {
    let stages: Vec<Stage> = stages.iter().map(|s| s.without_reshapes(g)).collect();
    let checked: Vec<verify::Stage> = stages
        .iter()
        .map(|s| verify::Stage { roots: s.roots(), updates: s.updates.iter().map(|u| u.optimizer).collect() })
        .collect();
    if let Err(message) = verify(g, &checked, &layout.optimizers()) {
        panic!("{message}");
    }
    let analysis = Analysis::new(g, &stages);
    let fusion = fuse::fuse(&analysis);
    let mut assembly = Assembly::new(&analysis, fusion);
    assembly.gather();
    assembly.kernels(&stages, layout);
    assembly.store_states(&stages, layout);
    assembly.follow();
    assembly.join(&stages);
    assembly.finish(&stages, precision, layout)
}
