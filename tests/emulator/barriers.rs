//! No barrier stands idle: each one of `kernels/`, and each wait for copies, is taken out in turn, and the kernels'
//! table must then fail. Builds every kernel once for each, so it runs where it is asked for. [`ONLY`] names the files to
//! look into, `head.cuh,optim.cu`, for whoever changed a few.

use crate::bench::Witnesses;
use crate::table;
use gansaku::exec::cuda::emulated::build;
use gansaku::precision::Precision;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Names kernel files, separated by commas; unset, all are taken.
const ONLY: &str = "GANSAKU_BARRIERS";

/// What threads wait at, as the kernels write it.
const WAITS: [&str; 7] = [
    "__syncthreads();",
    "copies_wait<STAGES - 2>();",
    "barrier_wait(ring.full, place.stage, place.parity);",
    "barrier_wait(ring.empty, place.stage, place.parity ^ 1);",
    "fence_async();",
    "wgmma_wait<1>();",
    "wgmma_end(sums);",
];

/// Kernel files and headers with their texts.
fn sources() -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(crate::kernels()).expect("kernels").flatten().map(|e| e.path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "cu" || e == "cuh")).collect();
    paths.sort();
    paths.into_iter().map(|p| (p.clone(), std::fs::read_to_string(p).expect("text"))).collect()
}

/// Every wait: its file, its line, and the file's text without it.
fn taken_out(sources: &[(PathBuf, String)]) -> Vec<(PathBuf, usize, String)> {
    let mut all = vec![];
    for (path, text) in sources {
        for wait in WAITS {
            for (at, _) in text.match_indices(wait) {
                let line = text[..at].lines().count();
                let without = format!("{}{{}}{}", &text[..at], &text[at + wait.len()..]);
                all.push((path.clone(), line, without));
            }
        }
    }
    all
}

/// Whether the table holds with the kernels of a folder.
fn table_holds(folder: &Path) -> bool {
    let library = build(folder, &crate::builds()).expect("kernels that compile without a barrier");
    let mut witnesses = Witnesses::new(|seed| crate::gpu(&library, seed), crate::LARGE);
    let mut hopper = Witnesses::new(|seed| crate::gpu(&library, seed).hopper(), crate::LARGE);
    let tables = || {
        // The shorter one first.
        [Precision::Fp16, Precision::Bf16]
            .iter()
            .for_each(|&precision| table::hopper(&mut hopper, precision));
        Precision::ALL.iter().for_each(|&precision| table::products(&mut witnesses, precision));
        table::all_but_products(&mut witnesses);
    };
    let held = catch_unwind(AssertUnwindSafe(tables)).is_ok();
    // Nobody builds it again.
    let _ = std::fs::remove_file(library);
    held
}

#[test]
#[ignore = "builds every kernel once for each barrier: some ten minutes"]
fn without_any_one_barrier_the_table_fails() {
    if crate::library(1).is_none() {
        return;
    }
    let sources = sources();
    let all = taken_out(&sources);
    assert!(all.len() > 15, "{} barriers and waits: they are written otherwise now", all.len());
    let only = std::env::var(ONLY).ok();
    let asked = |path: &Path| {
        only.as_deref().is_none_or(|names| names.split(',').any(|name| path.ends_with(name.trim())))
    };
    let taken: Vec<_> = all.iter().filter(|(path, ..)| asked(path)).collect();
    assert!(!taken.is_empty(), "{ONLY}={only:?}: no barrier and no wait in a file of that name");
    let idle: Vec<String> = taken
        .iter()
        .filter(|(changed, line, without)| {
            let folder = tempfile::tempdir().expect("a folder");
            for (path, text) in &sources {
                let text = if path == changed { without } else { text };
                std::fs::write(folder.path().join(path.file_name().expect("a name")), text).expect("written");
            }
            let holds = table_holds(folder.path());
            println!("{}:{line}: {}", changed.display(), if holds { "IDLE" } else { "needed" });
            holds
        })
        .map(|(path, line, _)| format!("{}:{line}", path.display()))
        .collect();
    assert!(idle.is_empty(), "nothing fails without {idle:?}");
}
