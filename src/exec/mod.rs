//! Executors: what runs a plan.

pub mod cpu;
pub mod cuda;
mod device;
mod executor;
pub mod measured;
mod rule;
pub mod scale;
pub mod schedule;
mod state;

pub use device::{Device, Hardware, Opened, markable, open, settle};
pub use executor::{Executor, ExecutorSpec, OptimizerRecord, PhaseRun, Record};
pub use rule::{ColumnNorm, UpdateRule, no_updates};
pub use schedule::Rate;
pub use state::{NetworkState, States};
