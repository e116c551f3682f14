//! gansaku (贋作, "counterfeit") trains generative adversarial networks.
//!
//! One training step is a static graph ([`graph`]), differentiation transforms that graph, lowering
//! ([`lower`]) turns it into a plan of launches over one arena, and an executor ([`exec`]) runs it.
#![deny(unsafe_code)]

#[macro_use]
mod console;

pub mod architectures;
pub mod bench;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod data;
pub mod doctor;
pub mod error;
pub mod eval;
pub mod exec;
pub mod export;
pub mod graph;
pub mod inference;
pub mod lower;
pub mod memory_budget;
pub mod models;
pub mod nn;
pub mod numbers;
pub mod pictures;
pub mod precision;
mod protobuf;
pub mod records;
pub mod report;
pub mod repro;
pub mod rng;
pub mod run;
pub mod train;
