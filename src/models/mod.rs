//! Models: forward maths and objectives only. What they build, lowering makes fast.

pub mod classifier;
pub mod gan;
pub mod objective;
