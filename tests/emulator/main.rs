//! The kernels on the emulated GPU: each by itself against references (`table/`), whole training steps node by
//! node against the interpreter (`steps.rs`), training and evaluation as a whole (`training.rs`, `eval.rs`, `measures.rs`),
//! and faults planted into the kernels (`faults.rs`, `sanitizers.rs`, `barriers.rs`).
//!
//! They need a C++ compiler; where there is none, each test says so and passes, unless GANSAKU_REQUIRE_EMULATOR
//! is set.

mod barriers;
mod bench;
#[path = "../common/mod.rs"]
mod common;
mod eval;
mod faults;
mod games;
mod lost_device;
mod measures;
mod optimizers;
mod recordings;
mod reference;
mod sanitizers;
mod steps;
mod table;
mod training;

use crate::common::Model;
use bench::Witnesses;
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::emulated::{Emulated, build, compiler, entry_points};
use gansaku::precision::Precision;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The repository's kernels.
pub fn kernels() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels")
}

/// Names the kernels' library in a process that another test starts.
pub const LIBRARY: &str = "GANSAKU_EMULATED_LIBRARY";

/// The kernels' library, or `None` with a printed reason where `cases` cases cannot run.
pub fn library(cases: usize) -> Option<PathBuf> {
    if let Some(given) = std::env::var_os(LIBRARY) {
        return Some(given.into());
    }
    if compiler().is_none() {
        let required = std::env::var_os("GANSAKU_REQUIRE_EMULATOR").is_some();
        assert!(!required, "no C++ compiler, but GANSAKU_REQUIRE_EMULATOR is set");
        println!("skipped: {cases} cases: no C++ compiler (tried $CXX, c++, g++, clang++)");
        return None;
    }
    Some(build(&kernels(), &builds()).expect("kernels that compile"))
}

/// Every entry point of every kernel file.
pub fn entries() -> Vec<String> {
    let files = std::fs::read_dir(kernels()).expect("the kernels' folder").flatten().map(|e| e.path());
    let sources = files.filter(|p| p.extension().is_some_and(|e| e == "cu"));
    sources.flat_map(|p| entry_points(&std::fs::read_to_string(p).expect("text"))).collect()
}

/// The kernels of Hopper's units, which run only where they are asked for.
const HOPPER: [&str; 2] = ["matmul_wgmma_f16", "matmul_wgmma_bf16"];

/// Where compiled kernels are kept from run to run.
pub fn builds() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulated")
}

/// An emulated GPU of 1 GiB.
pub fn gpu(library: &Path, seed: u64) -> Emulated {
    Emulated::new(library, seed, 1 << 30).expect("a library that loads")
}

#[test]
fn every_kernel_agrees_with_its_references() {
    let entries: BTreeSet<String> = entries().into_iter().collect();
    let Some(library) = library(entries.len()) else { return };
    let mut witnesses = Witnesses::new(|seed| gpu(&library, seed));
    table::every_kernel(&mut witnesses, &Precision::ALL);
    println!("{} launches of {} kernels", witnesses.launches, witnesses.kernels.len());
    // Hopper's have a table of their own, and do not run unasked.
    let hopper = HOPPER.map(String::from).into();
    let others = entries.difference(&hopper).cloned().collect();
    assert_eq!(witnesses.kernels, others, "kernels launched and entry points of kernels/*.cu");
}

#[test]
fn hoppers_kernels_agree_with_their_references() {
    let Some(library) = library(HOPPER.len()) else { return };
    let mut witnesses = Witnesses::new(|seed| gpu(&library, seed).hopper());
    table::hopper(&mut witnesses);
    // What they do not take stays with the portable ones.
    for kernel in HOPPER.into_iter().chain(["matmul_wide_f16", "matmul_wide_bf16"]) {
        assert!(witnesses.kernels.contains(kernel), "{kernel} is not among {:?}", witnesses.kernels);
    }
}

#[test]
fn replays_leave_the_bytes_of_their_launches() {
    let Some(library) = library(1) else { return };
    recordings::replays_leave_the_bytes_of_their_launches(gpu(&library, 1));
}

#[test]
fn plans_run_from_recordings_as_launch_by_launch() {
    let Some(library) = library(1) else { return };
    for (name, config) in common::variants().into_iter().step_by(4) {
        let model = Model::new(&config, common::NUMBERS, common::CLASSES);
        let states = common::executor(&model, 1).states().clone();
        let executor = || {
            let data = Some(common::data(common::NUMBERS, common::CLASSES));
            Cuda::new(gpu(&library, 1), model.plans(), &states, model.rules(), data, 7).expect("room")
        };
        recordings::plans_run_from_recordings_as_launch_by_launch(name, executor(), executor());
    }
}

#[test]
fn entry_points_of_several_types_are_named_after_theirs() {
    let all: BTreeSet<String> = entries().into_iter().collect();
    let kinds = ["_f32", "_tf32", "_f16", "_bf16"];
    for name in &all {
        let kind = kinds.iter().find(|kind| name.ends_with(*kind));
        match kind {
            // A type in a name tells the kernel from its brothers.
            Some(kind) => {
                let base = &name[..name.len() - kind.len()];
                let brothers = kinds.iter().filter(|k| all.contains(&format!("{base}{k}"))).count();
                assert!(brothers > 1, "{name} says a type, though there is no other form of {base}");
            }
            None => assert!(!name.contains("matmul"), "{name} does not say its type"),
        }
    }
}
