//! What the crate's own types and functions do, by topic: a file asks its interface, and may start the program as well.
//!
//! What only the program can show (signals, kills, exit codes, what is printed) stands in `tests/program`, what needs a
//! C++ compiler in `tests/emulator`.

mod arena;
mod augment;
mod augmenter;
mod bench;
mod classifier;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod config_keys;
mod convolutions;
mod data;
mod dcgan;
mod domains;
mod eval;
mod faults;
mod features;
mod fidelity;
mod games;
mod golden;
mod grads;
mod hostile;
mod house;
mod losses;
mod mat;
mod norms;
#[cfg(feature = "parquet")]
mod parquet;
mod picture_games;
mod picture_sets;
mod pictures;
mod plans;
mod resample;
mod residual;
mod stylegan2;
mod thresholds;
mod translating;
mod translation_verdicts;
mod translations;
mod translators;
mod turns;
mod verdicts;
