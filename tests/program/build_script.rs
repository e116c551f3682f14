//! The build script's own tests: it is a program of its own that `cargo test` does not run.
#![cfg(feature = "cuda")]
#![allow(dead_code, reason = "its main is not run here")]

#[path = "../../build.rs"]
mod build;
