//! The CPU executor: the plan's launches, in order, in the plan's own arena.

mod convolution;
mod executor;
mod fetch;
mod gather;
mod launch;
mod measured;
mod memory;
mod narrow;
mod pace;
pub mod point;
pub mod pool;
mod product;
mod program;
mod reduce;
mod update;

pub use executor::Cpu;
pub use memory::matmul_transposed;
