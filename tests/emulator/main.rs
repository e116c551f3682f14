//! The kernels on the emulated GPU: each by itself against references (`table/`), whole training steps node by
//! node against the interpreter (`steps.rs`), training and evaluation as a whole (`training.rs`, `eval.rs`, `measures.rs`),
//! and faults planted into the kernels (`faults.rs`, `sanitizers.rs`, `barriers.rs`).
//!
//! They need a C++ compiler; where there is none, each test says so and passes, unless GANSAKU_REQUIRE_EMULATOR
//! is set.

mod barriers;
mod bench;
mod branches;
#[path = "../common/mod.rs"]
mod common;
mod eval;
mod faults;
mod games;
mod kinds;
mod lost_device;
mod measures;
mod optimizers;
mod pictures;
mod recordings;
mod reference;
mod sanitizers;
mod steps;
mod table;
mod training;

use bench::{Large, Witnesses};
use common::Model;
use gansaku::exec::ExecutorSpec;
use gansaku::exec::cuda::emulated::{Emulated, build, compiler, entry_points};
use gansaku::exec::cuda::{Cuda, Multiprocessors};
use gansaku::precision::Precision;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    // Tests that begin together do not each build it.
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    Some(BUILT.get_or_init(|| build(&kernels(), &builds()).expect("kernels that compile")).clone())
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

/// Products that get large tiles with few elements: on so few multiprocessors, two tiles down and across fill them. What is
/// left of a tile is what the larger ones of `tests/gpu.rs` leave of it.
const LARGE: Large = Large {
    multiprocessors: Multiprocessors(4),
    ragged: [220, 130],
    units: 26,
    whole: [256, 256],
    aligned: [224, 136],
    wide: 131,
    long: 395,
};

/// The table by parts: the entry points that each launches add up to all there are, which [`Part::launches`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Products(Precision),
    Hopper(Precision),
    AllButProducts,
}

impl Part {
    /// Every part.
    fn all() -> Vec<Part> {
        let hopper = [Precision::Fp16, Precision::Bf16].map(Part::Hopper);
        Precision::ALL.map(Part::Products).into_iter().chain(hopper).chain([Part::AllButProducts]).collect()
    }

    /// The part that launches an entry point.
    fn launches(entry: &str) -> Part {
        let ends = |p: &Precision| entry.strip_suffix(number(*p)).is_some_and(|stem| stem.ends_with('_'));
        match Precision::ALL.into_iter().find(ends) {
            Some(precision) if HOPPER.contains(&entry) => Part::Hopper(precision),
            Some(precision) => Part::Products(precision),
            None => Part::AllButProducts,
        }
    }

    /// Runs the rows of this part on kernels of a library; `once` leaves out products that take no new branch.
    fn run(self, library: &Path, once: bool) {
        let hopper = matches!(self, Part::Hopper(_));
        let device = |seed| if hopper { gpu(library, seed).hopper() } else { gpu(library, seed) };
        let mut witnesses = Witnesses::new(device, LARGE);
        witnesses.each_branch_once = once;
        match self {
            Part::Products(precision) => table::products(&mut witnesses, precision),
            Part::Hopper(precision) => table::hopper(&mut witnesses, precision),
            Part::AllButProducts => table::all_but_products(&mut witnesses),
        }
        let Witnesses { launches, kernels, branches, .. } = witnesses;
        println!("{launches} launches of {} kernels, {} branches of products", kernels.len(), branches.len());
        let own: BTreeSet<String> = entries().into_iter().filter(|e| Part::launches(e) == self).collect();
        assert!(!own.is_empty(), "{self:?} has entry points");
        for entry in &own {
            assert!(kernels.contains(entry), "no row of {self:?} launches {entry}");
        }
        self.takes_every_branch(&branches);
    }

    /// Asserts that products were cut in every way there is, and that large tiles had all that they branch on.
    fn takes_every_branch(self, branches: &BTreeSet<String>) {
        let wanted: Vec<String> = match self {
            Part::AllButProducts => vec![],
            Part::Hopper(precision) => {
                let kernel = format!("matmul_wgmma_{}", number(precision));
                let ways = [
                    "rows ragged, columns whole and ragged, depth whole and ragged, 1 slice",
                    "rows whole and ragged, columns ragged, depth whole and ragged, 1 slice",
                    "rows whole and ragged, columns whole and ragged, depth ragged, 1 slice",
                    "rows whole, columns whole, depth whole, 1 slice",
                    "rows ragged, columns whole and ragged, depth ragged, 1 slice, sums",
                    "left deep; right deep",
                    "left deep; right turned",
                    "left turned; right deep",
                    "left turned; right turned",
                ];
                ways.map(|way| format!("{kernel}: {way}")).into()
            }
            Part::Products(precision) => {
                let number = number(precision);
                // Of k, a stage holds 32 numbers of 16 bits, or 16 of 32.
                let (stage, deep) = if precision.stored().is_some() {
                    ("ragged", "ragged")
                } else {
                    ("whole", "whole and ragged")
                };
                let large = format!("rows whole and ragged, columns whole and ragged, depth {deep}");
                let wide = [
                    format!("{large}, 1 slice"),
                    format!("{large}, 1 slice, sums"),
                    format!("{large}, followed"),
                    "left deep, not aligned; right deep, not aligned".into(),
                    "left deep, not aligned; right turned, not aligned".into(),
                    "left turned, not aligned; right deep, not aligned".into(),
                    "left turned, not aligned; right turned, not aligned".into(),
                ];
                let small = [
                    format!("rows whole, columns whole, depth {stage}, 1 slice"),
                    "rows whole and ragged, columns ragged, depth whole and ragged, 1 slice".into(),
                    "rows ragged, columns whole and ragged, depth whole and ragged, some slices".into(),
                    "rows ragged, columns ragged, depth whole and ragged, 16 slices".into(),
                ];
                let wide = wide.map(|way| format!("matmul_wide_{number}: {way}"));
                let small = small.map(|way| format!("matmul_{number}: {way}"));
                let taps = |kernel: &str, phases: &str| {
                    let kernel = format!("{kernel}_{number}");
                    let read = ["whole pieces", "single elements"].into_iter();
                    let cut = read.flat_map(|read| ["1 slice", "some slices"].map(|slices| (read, slices)));
                    let ways = cut.map(|(read, slices)| format!("{kernel}: {phases}, {read}, {slices}"));
                    // Narrow tiles are as wide as what gets them, but in fp32.
                    let across: &[&str] = if kernel.contains("narrow") && precision != Precision::Fp32 {
                        &["one tile"]
                    } else {
                        &["several tiles", "one tile"]
                    };
                    let tiles = ["rows of several tiles", "rows of one tile"]
                        .into_iter()
                        .flat_map(|rows| across.iter().map(move |columns| (rows, columns)));
                    let tiles =
                        tiles.map(|(rows, columns)| format!("{kernel}: {rows}, columns of {columns}"));
                    ways.chain(tiles).collect::<Vec<_>>()
                };
                let taps = ["", "_narrow"].map(|width| {
                    [
                        taps(&format!("conv2d{width}"), "one phase"),
                        taps(&format!("conv2d_dx{width}"), "one phase"),
                        taps(&format!("conv2d_dx{width}"), "several phases"),
                        taps(&format!("conv2d_dw{width}"), "one phase"),
                    ]
                    .concat()
                });
                wide.into_iter().chain(small).chain(taps.concat()).collect()
            }
        };
        let missing: Vec<String> = wanted.into_iter().filter(|branch| !branches.contains(branch)).collect();
        assert!(missing.is_empty(), "{self:?}: no row takes {missing:#?}");
    }
}

/// How kernels of a precision are called.
fn number(precision: Precision) -> &'static str {
    ["f32", "tf32", "f16", "bf16"][precision as usize]
}

fn table(part: Part) {
    let Some(library) = library(1) else { return };
    part.run(&library, false);
}

#[test]
fn products_in_fp32_agree_with_their_references() {
    table(Part::Products(Precision::Fp32));
}

#[test]
fn products_in_tf32_agree_with_their_references() {
    table(Part::Products(Precision::Tf32));
}

#[test]
fn products_in_fp16_agree_with_their_references() {
    table(Part::Products(Precision::Fp16));
}

#[test]
fn products_in_bf16_agree_with_their_references() {
    table(Part::Products(Precision::Bf16));
}

#[test]
fn products_on_hoppers_units_in_fp16_agree_with_their_references() {
    table(Part::Hopper(Precision::Fp16));
}

#[test]
fn products_on_hoppers_units_in_bf16_agree_with_their_references() {
    table(Part::Hopper(Precision::Bf16));
}

#[test]
fn all_but_products_agree_with_their_references() {
    table(Part::AllButProducts);
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
            Cuda::of(
                gpu(&library, 1),
                ExecutorSpec {
                    data,
                    seed: 7,
                    ..ExecutorSpec::at_rest(model.plans(), states.clone(), model.rules())
                },
            )
            .expect("room")
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
            // Products say what they multiply, also the one whose gradient only fp16 measures.
            Some(_) if name.contains("matmul") => {}
            // A type in another name tells the kernel from its brothers.
            Some(kind) => {
                let base = &name[..name.len() - kind.len()];
                let brothers = kinds.iter().filter(|k| all.contains(&format!("{base}{k}"))).count();
                assert!(brothers > 1, "{name} says a type, though there is no other form of {base}");
            }
            None => assert!(!name.contains("matmul"), "{name} does not say its type"),
        }
    }
}
