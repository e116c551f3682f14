//! Models: what a step computes, as graphs. What they build, lowering makes fast.

pub mod classifier;
pub mod gan;
pub mod objective;
