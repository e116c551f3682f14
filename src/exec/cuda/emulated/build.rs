//! From `kernels/*.cu` to a shared library: each file through the C++ compiler, with `gpu.h` for CUDA.

use crate::error::{Error, Result};
use crate::numbers::hex;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HEADER: &str = include_str!("gpu.h");
const RUNTIME: &str = include_str!("runtime.cpp");
const HOPPER: [&str; 2] = [include_str!("hopper.h"), include_str!("hopper.cpp")];

/// Nothing is fused that the kernels do not fuse themselves; two thread-local pointers fit any process.
const FLAGS: &[&str] = &[
    "-std=c++17",
    "-O2",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-fPIC",
    "-ftls-model=initial-exec",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unknown-pragmas",
];

/// A checker that the C++ compiler builds into the kernels' host code; what it finds ends the process with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sanitizer {
    /// AddressSanitizer: memory beyond arrays, stacks and allocations. The process must have its library from the
    /// start (`LD_PRELOAD`).
    Address,
    /// UndefinedBehaviorSanitizer: indices past an array's end, shifts past a width, signed overflow.
    Undefined,
}

impl Sanitizer {
    fn flag(self) -> &'static str {
        match self {
            Sanitizer::Address => "-fsanitize=address",
            Sanitizer::Undefined => "-fsanitize=undefined",
        }
    }
}

/// With sanitizers: reports end the process, and name lines.
const SANITIZED: &[&str] = &["-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g1"];

/// The C++ compiler: `CXX`, else the first of c++, g++ and clang++ that runs. `None` where there is none.
pub fn compiler() -> Option<String> {
    let named = std::env::var("CXX").ok().filter(|name| !name.is_empty());
    let candidates = named.into_iter().chain(["c++", "g++", "clang++"].map(String::from));
    candidates.into_iter().find(|name| version(name).is_some())
}

fn version(compiler: &str) -> Option<Vec<u8>> {
    let output = Command::new(compiler).arg("--version").output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// The entry points of a kernel file's text: names after `extern "C" __global__ void`.
pub fn entry_points(text: &str) -> Vec<String> {
    let declarations = text.split("extern \"C\" __global__ void").skip(1);
    let name = |rest: &str| {
        let rest = rest.trim_start();
        // Bounds on the block size stand between the return type and the name.
        let rest = match rest.strip_prefix("__launch_bounds__") {
            Some(bounds) => bounds.split_once(')')?.1,
            None => rest,
        };
        Some(rest.split_once('(')?.0.trim().to_string())
    };
    declarations.filter_map(name).collect()
}

/// Compiles every `*.cu` of the folder `kernels` into one library under `out` and returns its path. A library
/// that was made from the same texts by the same compiler is used again.
///
/// # Errors
/// When a file cannot be read or written, no compiler is found, or it reports an error or warning.
pub fn build(kernels: &Path, out: &Path) -> Result<PathBuf> {
    build_with(kernels, out, &[])
}

/// Compiles the kernels as [`build`] does, with sanitizers built in.
///
/// # Errors
/// When [`build`] fails.
pub fn build_with(kernels: &Path, out: &Path, sanitizers: &[Sanitizer]) -> Result<PathBuf> {
    let compiler = compiler().ok_or_else(|| {
        Error::Device(
            "emulated GPU: no C++ compiler: tried $CXX, c++, g++ and clang++; install g++ or set CXX".into(),
        )
    })?;
    let mut flags = FLAGS.to_vec();
    if !sanitizers.is_empty() {
        flags.extend(SANITIZED.iter().copied().chain(sanitizers.iter().map(|s| s.flag())));
    }
    let sources = sources(kernels)?;
    let mut hash = Sha256::new();
    for text in [HEADER, RUNTIME, HOPPER[0], HOPPER[1], &compiler]
        .into_iter()
        .chain(sources.iter().map(|(_, text)| text.as_str()))
    {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    flags.iter().for_each(|flag| hash.update(flag));
    hash.update(version(&compiler).unwrap_or_default());
    let name = format!("gpu-{}", hex(&hash.finalize()[..8]));
    let library = out.join(format!("{name}.so"));
    if library.exists() {
        return Ok(library);
    }
    std::fs::create_dir_all(out).map_err(|e| Error::io("create", out, &e))?;
    // A folder of this process and thread alone: several tests may build at once.
    let folder = out.join(format!("{name}-{}-{:?}", std::process::id(), std::thread::current().id()));
    let built = compile(&compiler, &flags, kernels, &sources, &folder);
    let moved = built.and_then(|made| {
        std::fs::rename(&made, &library).map_err(|e| Error::io("write", &library, &e)).map(|()| library)
    });
    // Best effort: a folder left behind costs disk, not correctness.
    let _ = std::fs::remove_dir_all(&folder);
    moved
}

/// Kernel files and headers, by path, with their texts.
fn sources(kernels: &Path) -> Result<Vec<(PathBuf, String)>> {
    let entries = std::fs::read_dir(kernels).map_err(|e| Error::io("list", kernels, &e))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "cu" || e == "cuh"));
    paths.sort();
    let read = |path: PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(e) => Err(Error::io("read", &path, &e)),
    };
    paths.into_iter().map(read).collect()
}

fn compile(
    compiler: &str,
    flags: &[&str],
    kernels: &Path,
    sources: &[(PathBuf, String)],
    folder: &Path,
) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, &e))?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| Error::io("write", &path, &e)).map(|()| path)
    };
    put("gpu.h", HEADER)?;
    put("hopper.h", HOPPER[0])?;
    let mut units = vec![put("runtime.cpp", RUNTIME)?, put("hopper.cpp", HOPPER[1])?];
    for (path, text) in sources.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "cu")) {
        // A file of its own for each, as NVRTC sees them: names may repeat from file to file.
        let mut unit = format!("#include \"{}\"\n", path.display());
        for name in entry_points(text) {
            writeln!(unit, "static const gpu::Kernel kernel_{name}(\"{name}\", {name});")
                .expect("a string grows");
        }
        let stem = path.file_stem().expect("a kernel file has a name").to_string_lossy();
        units.push(put(&format!("{stem}.cpp"), &unit)?);
    }
    let arch: &[&str] = if cfg!(target_arch = "x86_64") { &["-march=native"] } else { &[] };
    let start = |unit: &PathBuf| {
        let mut command = Command::new(compiler);
        command.args(flags).args(arch).arg("-I").arg(folder).arg("-I").arg(kernels);
        command.arg("-c").arg(unit).arg("-o").arg(unit.with_extension("o"));
        spawn(compiler, command)
    };
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    for group in units.chunks(at_once) {
        let running: Vec<Child> = group.iter().map(start).collect::<Result<_>>()?;
        for (child, unit) in running.into_iter().zip(group) {
            finish(compiler, child, unit)?;
        }
    }
    let library = folder.join("library.so");
    let mut command = Command::new(compiler);
    command.args(flags).args(["-shared", "-o"]).arg(&library);
    command.args(units.iter().map(|unit| unit.with_extension("o")));
    finish(compiler, spawn(compiler, command)?, &library)?;
    Ok(library)
}

fn spawn(compiler: &str, mut command: Command) -> Result<Child> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|e| Error::Device(format!("emulated GPU: cannot start {compiler}: {e}; set CXX")))
}

fn finish(compiler: &str, child: Child, unit: &Path) -> Result<()> {
    let output = child.wait_with_output().map_err(|e| Error::io("compile", unit, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    Err(Error::Device(format!(
        "emulated GPU: {compiler} refuses {}: {}; mend the kernel file it names",
        unit.display(),
        talk.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_points_are_found_with_and_without_bounds() {
        let text = "extern \"C\" __global__ void __launch_bounds__(256) one_f32(const A a) {}\n\
                    __device__ void helper();\nextern \"C\" __global__ void two_f32(const B b) {}";
        assert_eq!(entry_points(text), ["one_f32", "two_f32"]);
    }
}
