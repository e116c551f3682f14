//! The program as users run it, by topic: what each command prints, writes, refuses and survives.
//!
//! Every test starts processes of its own, so none shares signals, locks or environment variables with another.

mod best;
mod build_script;
mod catalog;
mod cli;
mod colour;
#[path = "../common/mod.rs"]
mod common;
mod data;
mod doctor;
mod export;
mod measure;
mod recipes;
mod report;
mod repro;
mod runs;
mod sample;
mod starts;
mod stops;
mod styles;
mod theory;
mod translate;
mod translations;
