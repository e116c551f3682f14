//! Records: what one room finds out and others show, as plain data that files keep.

mod measurement;
mod verdict;

pub use measurement::{Evaluation, Measurement, rises};
pub use verdict::{Diagnosis, Remedy, State, Verdict};
