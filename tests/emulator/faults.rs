//! Faults planted into copies of the real kernels, and into small ones: the emulated GPU must name each.

use crate::bench::{Bench, LEFT, RIGHT, normals};
use gansaku::config::Rule;
use gansaku::error::Error;
use gansaku::exec::cuda::emulated::{Emulated, build};
use gansaku::exec::cuda::launch::{Argument, Driver, Geometry};
use gansaku::exec::cuda::{Cuda, Options};
use gansaku::exec::schedule::Schedule;
use gansaku::exec::{ColumnNorm, ExecutorSpec, PhaseRun, Rate, States, UpdateRule, no_updates};
use gansaku::graph::{MAX_OPTIMIZERS, OptimizerId};
use gansaku::lower::{Arg, Launch, Load, Matmul, Place, Plan, Program, Reduce, View, Work};
use gansaku::precision::Precision;
use std::path::PathBuf;

/// The kernel file `kernel`, and what ends a phase, with `from`, which must be in `file` (it or a header), replaced once by `to`.
fn planted(kernel: &str, file: &str, from: &str, to: &str) -> PathBuf {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(crate::kernels()).expect("kernels").flatten() {
        let name = entry.file_name();
        // The others would only cost compile time.
        let wanted =
            name == *kernel || name == *"clock.cu" || entry.path().extension().is_some_and(|e| e == "cuh");
        if wanted {
            let mut text = std::fs::read_to_string(entry.path()).expect("text");
            if name == *file {
                assert!(text.contains(from), "{file} has no {from:?}");
                text = text.replacen(from, to, 1);
            }
            std::fs::write(folder.path().join(name), text).expect("written");
        }
    }
    build(folder.path(), &crate::builds()).expect("a fault that compiles")
}

fn device_error(result: gansaku::error::Result<()>) -> String {
    match result {
        Err(e @ Error::Device(_)) => e.to_string(),
        other => panic!("a device error was expected, not {other:?}"),
    }
}

/// What a planted fault in the fp32 product is reported as.
fn matmul(file: &str, from: &str, to: &str) -> String {
    product(planted("matmul.cu", file, from, to), Precision::Fp32, 40)
}

/// What a planted fault in the tensor cores' product is reported as.
fn matmul_mma(from: &str, to: &str) -> String {
    product(planted("matmul_mma.cu", "tile_mma.cuh", from, to), Precision::Bf16, 40)
}

fn product(library: PathBuf, precision: Precision, k: usize) -> String {
    let (m, n) = (70, 64);
    let [left, right] = match precision.stored() {
        Some(_) => [0, 1].map(|i| Place::Copies(OptimizerId(i), 0)),
        None => [LEFT, RIGHT],
    };
    let bench = Bench { left: normals("a", m * k), right: normals("b", k * n), ..Bench::default() };
    let states = [&bench.left, &bench.right].map(|w| no_updates(1)[0].start(w.clone())).into();
    let work = Work::Matmul(Matmul {
        a: View::contiguous(left, &[m, k]),
        b: View::contiguous(right, &[k, n]),
        out: View::contiguous(Place::Arena(0), &[m, n]),
        size: [m, n, k],
        epilogue: vec![],
        column_sums: None,
        followers: vec![],
    });
    let plan = Plan { precision, ..plan(work, m * n) };
    run(library, plan, states, no_updates(2))
}

fn plan(work: Work, arena: usize) -> Plan {
    Plan { launches: vec![Launch { name: "planted".into(), work }], arena, ..Plan::default() }
}

fn run(library: PathBuf, plan: Plan, states: States, rules: Vec<UpdateRule>) -> String {
    let mut gpu = Cuda::of(crate::gpu(&library, 1), ExecutorSpec::at_rest(vec![plan], states.clone(), rules))
        .expect("room");
    let rate = Rate { lr: 0.1, momentum: 0.0, update: 1, average: 0.0 };
    device_error(gpu.run(&PhaseRun::alone(0, 0, [rate; MAX_OPTIMIZERS])))
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn a_store_past_the_end_is_caught() {
    if crate::library(1).is_none() {
        return;
    }
    let message = matmul("matmul.cuh", "return row < a.m + a.sums;", "return row <= a.m + a.sums;");
    says(&message, &["matmul_f32", "common.cuh:", "out of bounds", "block (", "thread "]);
}

#[test]
fn a_removed_barrier_is_caught() {
    if crate::library(3).is_none() {
        return;
    }
    // Before the first tile is read, and before the next one is.
    for (from, to) in [
        ("right_deep);\n    __syncthreads();\n  }\n  for", "right_deep);\n  }\n  for"),
        ("    }\n    __syncthreads();\n  }\n", "    }\n  }\n"),
    ] {
        says(&matmul("tile_simt.cuh", from, to), &["matmul_f32", "tile_simt.cuh:", "never written"]);
    }
    // Before a tile's copies of other threads are read, and before sums take the tiles' place.
    let copies =
        matmul_mma("      __syncthreads();\n    }\n    if (sent < count)", "    }\n    if (sent < count)");
    says(&copies, &["matmul_bf16", "tile_mma.cuh:", "tiles["]);
    let sums = "    if constexpr (Number::ROUNDS) {\n      u32 row";
    let sums = matmul_mma(&format!("    __syncthreads();\n{sums}"), sums);
    says(&sums, &["matmul_bf16", "tiles["]);
    let tree = "width * columns];\n      __syncthreads();\n";
    let library = planted("reduce.cu", "program.cuh", tree, "width * columns];\n");
    let view = View::contiguous(LEFT, &[500]);
    let out = View { place: Place::Arena(0), strides: vec![0], ..view.clone() };
    let program =
        Program { loads: vec![Load::Memory(view)], instructions: vec![], results: vec![(Arg::Load(0), out)] };
    let states = vec![no_updates(1)[0].start(normals("x", 500))];
    let work = Work::Reduce(Reduce { shape: vec![500], summed: vec![true], program });
    let message = run(library, plan(work, 1), states, no_updates(1));
    says(&message, &["reduce", "program.cuh:", "race: sums[", "no barrier between"]);
}

#[test]
fn what_orders_blocks_cannot_be_left_out() {
    if crate::library(1).is_none() {
        return;
    }
    // A product cut into slices: stores before the ticket, and loads after it.
    let sliced =
        |from: &str, to: &str| product(planted("matmul.cu", "common.cuh", from, to), Precision::Fp32, 200);
    let (fence, barrier) = ("  __threadfence();\n", "  __syncthreads();\n");
    let before = format!("{fence}{barrier}  if (threadIdx.x == 0) {{");
    let ticket = ["matmul_f32", "common.cuh:", "unordered", "ticket"];
    let message = sliced(&before, &before.replacen(fence, "", 1));
    says(&message, &[&ticket[..], &["no fence after"]].concat());
    let message = sliced(&before, &before.replacen(barrier, "", 1));
    says(&message, &[&ticket[..], &["no barrier between"]].concat());
    let after = format!("{barrier}{fence}  return last[0];");
    let message = sliced(&after, &after.replacen(fence, "", 1));
    says(&message, &["matmul_f32", "matmul.cuh:", "unordered", "after a ticket", "no fence between"]);
    let message = sliced(&after, &after.replacen(barrier, "", 1));
    says(&message, &["matmul_f32", "common.cuh:"]);
}

#[test]
fn an_uninitialised_shared_read_is_caught() {
    if crate::library(1).is_none() {
        return;
    }
    let message = matmul("tile_simt.cuh", "j < 4; j++) tile[", "j < 3; j++) tile[");
    says(&message, &["matmul_f32", "uninitialised shared read", "was never written"]);
}

#[test]
fn a_missing_wait_for_copies_is_caught() {
    if crate::library(2).is_none() {
        return;
    }
    // No wait at all, and a wait that lets one group too many be on its way.
    for to in ["", "copies_wait<STAGES - 1>();"] {
        let message = matmul_mma("copies_wait<STAGES - 2>();", to);
        says(
            &message,
            &["matmul_bf16", "tiles[", "before the asynchronous copy of thread", "was waited for"],
        );
    }
}

/// A product on Hopper's units with a fault in `file`: its numbers, or the report. Both operands lie along n, deeper than
/// the ring of stages.
fn hopper(file: &str, from: &str, to: &str) -> Result<Vec<f32>, String> {
    let (m, n, k) = (136, 136, 264);
    let library = planted("matmul_sm90a.cu", file, from, to);
    let [left, right] = [0, 1].map(|i| Place::Copies(OptimizerId(i), 0));
    let states = [normals("a", m * k), normals("b", k * n)].map(|w| no_updates(2)[0].start(w));
    let work = Work::Matmul(Matmul {
        a: View { strides: vec![1, m as isize], ..View::contiguous(left, &[m, k]) },
        b: View::contiguous(right, &[k, n]),
        out: View::contiguous(Place::Arena(0), &[m, n]),
        size: [m, n, k],
        epilogue: vec![],
        column_sums: None,
        followers: vec![],
    });
    let plan = Plan { precision: Precision::Bf16, ..plan(work, m * n) };
    let device = crate::gpu(&library, 1).hopper();
    let (rules, schedule) = (no_updates(2), Schedule::constant(&[Rate::REST; 2]));
    let job = ExecutorSpec { plans: vec![plan], states: states.into(), rules, schedule, data: None, seed: 0 };
    let options = Options { multiprocessors: crate::LARGE.multiprocessors, ..Options::default() };
    let mut gpu = Cuda::with(device, job, options).expect("room");
    gpu.run(&PhaseRun::alone(0, 0, Rate::ALL_REST)).map_err(|e| e.to_string())?;
    Ok(gpu.memory(Place::Arena(0), m * n).expect("readable"))
}

#[test]
fn faults_of_hoppers_units_are_caught() {
    if crate::library(1).is_none() {
        return;
    }
    let kernel = "matmul_sm90a.cu";
    let cases = [
        ("barrier_wait(ring.full, place.stage, place.parity);", "", "a product reads shared memory"),
        ("barrier_wait(ring.empty, place.stage, place.parity ^ 1);", "", "more than 1 arrive in one phase"),
        ("place.parity ^ 1", "place.parity", "deadlock: waits for the end of a phase"),
        (
            "place.stage, STAGE_BYTES)",
            "place.stage, 2 * STAGE_BYTES)",
            "deadlock: waits for the end of a phase",
        ),
        ("wgmma_wait<1>();", "wgmma_wait<2>();", "overwrites what a product in flight reads"),
        ("wgmma_end(sums);", "", "is overwritten while a product in flight reads it"),
        ("wgmma_fence(sums);", "", "registers that were not fenced"),
        ("    fence_async();\n", "", "initialisation was not fenced"),
        ("  }\n  __syncthreads();\n\n  float sums", "  }\n\n  float sums", "before all threads know"),
        ("place.\n  __syncthreads();\n", "place.\n", "words["),
        ("  __syncthreads();\n  Conclusion", "  Conclusion", "words["),
        ("(0u - address_of(words, 0)) % SWIZZLE_BYTES / 4", "0", "is misaligned"),
    ];
    for (from, to, report) in cases {
        let message = hopper(kernel, from, to).expect_err(from);
        says(&message, &["matmul_wgmma_bf16", report]);
    }
}

#[test]
fn operands_that_are_described_wrongly_give_a_wrong_product() {
    if crate::library(1).is_none() {
        return;
    }
    let right = hopper("wgmma.cuh", "return 1ull << 62", "return 1ull << 62").expect("no fault");
    let cases = [
        // The swizzle's mode, the two strides, the way to the next 16 of k, which axis is contiguous, where a box goes.
        ("wgmma.cuh", "return 1ull << 62", "return 2ull << 62"),
        ("wgmma.cuh", "(u64)(SWIZZLE_BYTES >> 4)", "(u64)(SWIZZLE_BYTES >> 5)"),
        ("wgmma.cuh", "(u64)(BOX_BYTES >> 4)", "(u64)(BOX_BYTES >> 5)"),
        ("matmul_sm90a.cu", "RIGHT_TURNED ? 16 * 128 : 32;", "RIGHT_TURNED ? 32 : 32;"),
        ("matmul_sm90a.cu", "consume<Number, true, true>", "consume<Number, false, true>"),
        ("matmul_sm90a.cu", "warpgroup * BOX_BYTES", "0 * BOX_BYTES"),
    ];
    for (file, from, to) in cases {
        // Where the description leads out of what was copied, it is a fault.
        let Ok(found) = hopper(file, from, to) else { continue };
        let far = found.iter().zip(&right).filter(|(x, y)| (*x - *y).abs() > 1.0 || x.is_nan()).count();
        assert!(far > right.len() / 4, "{from:?} as {to:?}: {far} of {} numbers are wrong", right.len());
    }
}

#[test]
fn a_divergent_barrier_is_caught() {
    if crate::library(1).is_none() {
        return;
    }
    let branches =
        "  if (lane == 0) {\n    __syncthreads();\n  } else {\n    __syncthreads();\n  }\n  float norm =";
    let library = planted("optim.cu", "optim.cu", "  float norm =", branches);
    let rule = Rule::Sgd { momentum: 0.0, final_momentum: 0.0, saturate: 0 };
    let column_norms = vec![ColumnNorm { offset: 0, fan_in: 4, units: 40, limit: 1.0 }];
    let rule = UpdateRule { rule, clip: 0.0, column_norms, average: false, scaled: false };
    let states = vec![rule.start(normals("w", 160))];
    let plan = plan(Work::Update(OptimizerId(0)), 0);
    let message = run(library, plan, states, vec![rule]);
    says(&message, &["column_norm", "optim.cu:", "divergent barrier"]);
}

/// Small kernels: collectives that work, and one fault each.
const PROBES: &str = r#"
#include "common.cuh"
struct ProbeArguments {
  Global<u32> out;  // [threads]
  u64 count;
};
extern "C" __global__ void votes_u32(const __grid_constant__ ProbeArguments a) {
  u32 odd = __ballot_sync(0xffffffffu, threadIdx.x % 2 == 1);
  u32 right = __shfl_down_sync(0xffffffffu, threadIdx.x, 1);
  a.out[threadIdx.x] = odd + right;
}
extern "C" __global__ void dynamic_u32(const __grid_constant__ ProbeArguments a) {
  DYNAMIC_SHARED(u32, mirror);
  mirror[threadIdx.x] = threadIdx.x;
  __syncthreads();
  a.out[threadIdx.x] = mirror[a.count - 1 - threadIdx.x];
}
extern "C" __global__ void early_exit_u32(const __grid_constant__ ProbeArguments a) {
  if (threadIdx.x >= a.count) return;
  __syncthreads();
  a.out[threadIdx.x] = 1;
}
extern "C" __global__ void lost_lane_u32(const __grid_constant__ ProbeArguments a) {
  if (threadIdx.x == 3) return;
  a.out[threadIdx.x] = __shfl_down_sync(0xffffffffu, threadIdx.x, 1);
}
extern "C" __global__ void past_shared_u32(const __grid_constant__ ProbeArguments a) {
  SHARED(u32, small, 32);
  small[threadIdx.x] = 1;
  __syncthreads();
  a.out[threadIdx.x] = small[threadIdx.x];
}
extern "C" __global__ void same_place_u32(const __grid_constant__ ProbeArguments a) {
  SHARED(u32, one, 1);
  one[0] = threadIdx.x;
  __syncthreads();
  a.out[threadIdx.x] = one[0];
}
extern "C" __global__ void count_u32(const __grid_constant__ ProbeArguments a) {
  if (threadIdx.x == 0) a.out[1] = 7 + atomicAdd(&a.out[0], 2u);
}
"#;

/// Launches a probe of `threads` threads over as many zeros; what it left.
pub fn probe(gpu: &mut Emulated, kernel: &str, threads: u32, count: u64) -> gansaku::error::Result<Vec<u32>> {
    let bytes = 4 * threads as usize;
    let out = gpu.allocate(bytes)?;
    gpu.zero(out, 0, bytes)?;
    let argument = Argument::block("ProbeArguments", &[gpu.address(out), count]);
    let geometry = Geometry { grid: [1; 3], block: [threads, 1, 1], shared_bytes: 4 * threads };
    gpu.launch(kernel, geometry, &[argument])?;
    let mut found = vec![0; bytes];
    gpu.download(out, 0, &mut found)?;
    Ok(found.chunks(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

#[test]
fn collectives_work_and_their_misuse_is_named() {
    if crate::library(7).is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(crate::kernels().join("common.cuh"), folder.path().join("common.cuh")).expect("copied");
    std::fs::write(folder.path().join("probe.cu"), PROBES).expect("written");
    let library = build(folder.path(), &crate::builds()).expect("probes that compile");
    for seed in 0..10 {
        let mut gpu = crate::gpu(&library, seed);
        let votes = probe(&mut gpu, "votes_u32", 64, 0).expect("no fault");
        let wanted: Vec<u32> = (0..64).map(|i| 0xaaaa_aaaa + if i % 32 == 31 { i } else { i + 1 }).collect();
        assert_eq!(votes, wanted, "votes and shuffles, seed {seed}");
        let mirror = probe(&mut gpu, "dynamic_u32", 96, 96).expect("no fault");
        assert_eq!(mirror, (0..96).rev().collect::<Vec<u32>>(), "dynamic shared memory, seed {seed}");
        assert_eq!(
            probe(&mut gpu, "count_u32", 100, 0).expect("no fault")[..2],
            [2, 7],
            "atomics, seed {seed}"
        );
        let mut fault = |kernel, threads, count, parts: &[&str]| {
            let message = device_error(probe(&mut gpu, kernel, threads, count).map(drop));
            says(&message, &[kernel, "probe.cu:"]);
            says(&message, parts);
        };
        fault("early_exit_u32", 64, 40, &["deadlock", "which has ended"]);
        fault("lost_lane_u32", 32, 0, &["deadlock"]);
        fault("past_shared_u32", 33, 0, &["out of bounds", "small[32] of 32"]);
        fault("same_place_u32", 33, 0, &["race", "one[0] was written by thread"]);
    }
}

#[test]
fn a_launch_that_does_not_fit_is_refused() {
    let Some(library) = crate::library(4) else { return };
    let mut gpu = crate::gpu(&library, 1);
    let geometry = Geometry::row(1, 32);
    let argument = Argument::block("RandomArguments", &[0u64; 2]);
    let refused = |gpu: &mut Emulated, kernel, geometry, arguments: &[Argument]| {
        device_error(gpu.launch(kernel, geometry, arguments))
    };
    says(
        &refused(&mut gpu, "no_such_f32", geometry, std::slice::from_ref(&argument)),
        &["no_such_f32", "no such kernel"],
    );
    says(&refused(&mut gpu, "map", geometry, std::slice::from_ref(&argument)), &["map", "16", "parameter"]);
    says(&refused(&mut gpu, "map", geometry, &[]), &["one parameter struct, 0"]);
    let wide = Geometry { block: [2_048, 1, 1], ..geometry };
    says(&refused(&mut gpu, "map", wide, &[argument]), &["2048×1×1 threads"]);
}

#[test]
fn too_little_memory_is_told_before_the_first_step() {
    let Some(library) = crate::library(1) else { return };
    let device = Emulated::new(&library, 1, 1 << 20).expect("a library that loads");
    let plan = Plan { arena: 1 << 20, ..Plan::default() };
    let states = vec![no_updates(1)[0].start(vec![0.0; 10]); 2];
    let Err(e) = Cuda::of(device, ExecutorSpec::at_rest(vec![plan], states.clone(), no_updates(2))) else {
        panic!("4 MiB do not fit into 1")
    };
    assert_eq!(e.exit_code(), 5);
    says(&e.to_string(), &["needs 5 MiB", "1 MiB are free", "train.batch"]);
}
