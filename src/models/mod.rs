//! Models: what a step computes, as graphs. What they build, lowering makes fast.

pub mod classifier;
pub mod equilibrium;
pub mod gan;
pub mod objective;
pub mod statistic;

pub use statistic::Statistic;
