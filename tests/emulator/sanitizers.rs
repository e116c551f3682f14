//! The kernels' host code under AddressSanitizer and UBSan, which see what the emulated GPU's own checks cannot:
//! arrays of a thread, its stack, plain pointers, arithmetic. What they find ends the process, so each case is one:
//! this program again, for one test.

use crate::Part;
use crate::faults::probe;
use gansaku::exec::cuda::emulated::{Sanitizer, build_with, compiler};
use gansaku::precision::Precision;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const BOTH: [Sanitizer; 2] = [Sanitizer::Address, Sanitizer::Undefined];
/// What a process is asked to launch: kernel and count.
const PROBE: &str = "GANSAKU_PROBE";

/// Each faulty where `count` is not small.
const PROBES: &str = r#"
#include "common.cuh"
struct ProbeArguments {
  Global<u32> out;  // [threads]
  u32 counts[2];    // the second is 0
};
extern "C" __global__ void past_own_array_u32(const __grid_constant__ ProbeArguments a) {
  u32 own[8];
  for (u32 i = 0; i < 8; i++) own[i] = threadIdx.x * i;
  a.out[threadIdx.x] = own[a.counts[0]];
}
extern "C" __global__ void past_own_array_written_u32(const __grid_constant__ ProbeArguments a) {
  u32 own[8] = {};
  own[a.counts[0]] = 3;
  __syncthreads();
  a.out[threadIdx.x] = own[threadIdx.x % 8];
}
extern "C" __global__ void abandoned_u32(const __grid_constant__ ProbeArguments a) {
  u32 own[200] = {};
  own[a.counts[0]] = 3;
  __syncthreads();
  a.out[threadIdx.x + 1000] = own[threadIdx.x];
}
extern "C" __global__ void past_arguments_u32(const __grid_constant__ ProbeArguments a) {
  a.out[threadIdx.x] = a.counts[a.counts[0]];
}
extern "C" __global__ void past_buffer_u32(const __grid_constant__ ProbeArguments a) {
  u32* plain = &a.out[0];
  plain[a.counts[0]] = 3;
}
__device__ __attribute__((noinline)) u32 deeper(u32 depth) {
  volatile u32 own[32];
  own[depth % 32] = depth;
  return depth == 0 ? own[0] : deeper(depth - 1) + own[depth % 32];
}
extern "C" __global__ void deep_u32(const __grid_constant__ ProbeArguments a) {
  a.out[threadIdx.x] = deeper(a.counts[0]);
}
extern "C" __global__ void shift_u32(const __grid_constant__ ProbeArguments a) {
  a.out[threadIdx.x] = 1u << a.counts[0];
}
extern "C" __global__ void sum_u32(const __grid_constant__ ProbeArguments a) {
  a.out[threadIdx.x] = (u32)(2147483600 + (int)a.counts[0]);
}
"#;

/// A library of the sanitizers, where the C++ compiler has it beside itself.
fn runtime(name: &str) -> Option<PathBuf> {
    let output = Command::new(compiler()?).arg(format!("-print-file-name={name}")).output().ok()?;
    // A compiler that has none prints the name alone.
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}

/// libasan, or `None` with a printed reason where `cases` cases cannot run.
fn sanitizers(cases: usize) -> Option<PathBuf> {
    let found = runtime("libubsan.so").and(runtime("libasan.so"));
    if found.is_none() {
        let required = std::env::var_os("GANSAKU_REQUIRE_EMULATOR").is_some();
        assert!(!required, "no libasan and libubsan, but GANSAKU_REQUIRE_EMULATOR is set");
        println!("skipped: {cases} cases: the C++ compiler has no libasan and libubsan");
    }
    found
}

/// Runs one test of this program as a process of its own, with kernels that were compiled with sanitizers.
fn alone(test: &str, library: &Path, preload: &Path, (variable, asked): (&str, &str)) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", test, "--include-ignored", "--nocapture"]);
    command.env(crate::LIBRARY, library).env(variable, asked).env("LD_PRELOAD", preload);
    // Leaks are not looked for: the test harness keeps what it has to the end, and the search wants ptrace.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    command.output().expect("it starts")
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn a_probe_of_another_test() {
    let Ok(asked) = std::env::var(PROBE) else { return println!("nobody asked for a probe") };
    let (kernel, count) = asked.split_once(' ').expect("kernel and count");
    let mut gpu = crate::gpu(&crate::library(1).expect("the library that was given"), 1);
    // The stacks of a launch that ended in the middle are used again.
    let abandoned =
        probe(&mut gpu, "abandoned_u32", 64, 0).expect_err("a fault that the emulated GPU reports");
    assert!(abandoned.to_string().contains("outside every allocation"), "{abandoned}");
    probe(&mut gpu, "deep_u32", 64, 40).expect("no fault");
    probe(&mut gpu, kernel, 64, count.parse().expect("a count")).expect("no fault that is reported");
}

/// Asserts that one sanitizer ends the process at each of the probes, with its report, and lets the same pass without a
/// fault. A case is a kernel, the count that is a fault, and what is reported.
fn alone_sees(sanitizer: Sanitizer, cases: &[(&str, u32, &str)]) {
    let Some(preload) = sanitizers(cases.len()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(crate::kernels().join("common.cuh"), folder.path().join("common.cuh")).expect("copied");
    std::fs::write(folder.path().join("probe.cu"), PROBES).expect("written");
    let library = build_with(folder.path(), &crate::builds(), &[sanitizer]).expect("probes that compile");
    let run = |kernel: &str, count: u32| {
        let test = "sanitizers::a_probe_of_another_test";
        let output = alone(test, &library, &preload, (PROBE, &format!("{kernel} {count}")));
        let talk = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.success(), talk.concat())
    };
    for (kernel, count, report) in cases {
        let (passed, talk) = run(kernel, *count);
        assert!(!passed && talk.contains(report), "{kernel} {count}: {report:?} is missing: {talk}");
        assert!(talk.contains("probe.cu:"), "{kernel} {count}: no place in the source: {talk}");
        let (passed, talk) = run(kernel, 1);
        assert!(passed && talk.contains("1 passed"), "{kernel} 1: {talk}");
        // What AddressSanitizer says where it does not know the stack.
        assert!(!talk.contains("handle_no_return"), "{kernel} 1: {talk}");
    }
}

#[test]
fn what_address_sanitizer_alone_can_see_ends_the_process() {
    let cases = [
        ("past_own_array_u32", 9, "AddressSanitizer: stack-buffer-overflow"),
        ("past_own_array_written_u32", 9, "AddressSanitizer: stack-buffer-overflow"),
        ("past_buffer_u32", 70, "AddressSanitizer: use-after-poison"),
        ("deep_u32", 100_000, "AddressSanitizer: stack-overflow"),
    ];
    alone_sees(Sanitizer::Address, &cases);
}

#[test]
fn what_ubsan_alone_can_see_ends_the_process() {
    let cases = [
        ("past_own_array_u32", 9, "runtime error: index 9 out of bounds"),
        ("past_arguments_u32", 2, "runtime error: index 2 out of bounds"),
        ("shift_u32", 32, "runtime error: shift exponent 32 is too large"),
        ("sum_u32", 100, "runtime error: signed integer overflow"),
    ];
    alone_sees(Sanitizer::Undefined, &cases);
}

/// Names the part of the table that a process runs, as [`Part`] prints it.
const PART: &str = "GANSAKU_PART";

#[test]
#[ignore = "other tests start it as a process of its own"]
fn a_part_of_the_table_of_another_test() {
    let Ok(asked) = std::env::var(PART) else { return println!("nobody asked for a part") };
    let library = crate::library(1).expect("the library that was given");
    let part = Part::all().into_iter().find(|part| format!("{part:?}") == asked).expect("a part");
    part.run(&library, true);
}

/// The part's smallest row of each branch, under both sanitizers.
fn sanitized(part: Part) {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let Some(preload) = sanitizers(1) else { return };
    let library = BUILT.get_or_init(|| {
        build_with(&crate::kernels(), &crate::builds(), &BOTH).expect("kernels that compile")
    });
    let test = "sanitizers::a_part_of_the_table_of_another_test";
    let output = alone(test, library, &preload, (PART, &format!("{part:?}")));
    let talk = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat();
    print!("{talk}");
    assert!(output.status.success() && talk.contains("1 passed"), "{part:?} under both sanitizers");
    assert!(talk.contains(" launches of "), "{part:?} ran");
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn products_in_fp32_do_nothing_that_sanitizers_see() {
    sanitized(Part::Products(Precision::Fp32));
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn products_in_tf32_do_nothing_that_sanitizers_see() {
    sanitized(Part::Products(Precision::Tf32));
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn products_in_fp16_do_nothing_that_sanitizers_see() {
    sanitized(Part::Products(Precision::Fp16));
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn products_in_bf16_do_nothing_that_sanitizers_see() {
    sanitized(Part::Products(Precision::Bf16));
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn products_on_hoppers_units_in_fp16_do_nothing_that_sanitizers_see() {
    sanitized(Part::Hopper(Precision::Fp16));
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn products_on_hoppers_units_in_bf16_do_nothing_that_sanitizers_see() {
    sanitized(Part::Hopper(Precision::Bf16));
}

#[test]
#[ignore = "seconds, which .ci/run takes"]
fn all_but_products_do_nothing_that_sanitizers_see() {
    sanitized(Part::AllButProducts);
}
