//! From `kernels/*.cu` to a shared library: each file through the C++ compiler, with `gpu.h` for CUDA.

use crate::error::{Error, Result};
use crate::numbers::hex;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// Compiles every `*.cu` of the folder `kernels` into one library under `out` and returns its path. What was made from
/// the same texts by the same compiler is used again: the library, or objects of it.
///
/// # Errors
/// When a file cannot be read or written, no compiler is found, or it reports an error or warning.
pub fn build(kernels: &Path, out: &Path) -> Result<PathBuf> {
    build_with(kernels, out, &[])
}

/// Compiles as [`build`] does, with sanitizers built in.
///
/// # Errors
/// As [`build`].
pub fn build_with(kernels: &Path, out: &Path, sanitizers: &[Sanitizer]) -> Result<PathBuf> {
    let compiler = Compiler::new(sanitizers)?;
    let texts = Texts::read(kernels)?;
    let units = units(&texts);
    let keys: Vec<String> = units.iter().map(|unit| compiler.key(unit, &texts)).collect();
    let parts = keys.iter().map(String::as_str);
    let library = out.join(format!("gpu-{}.so", compiler.hash(parts)));
    if library.exists() {
        return Ok(library);
    }
    std::fs::create_dir_all(out).map_err(|e| Error::io("create", out, &e))?;
    // A folder of this process and thread alone: several tests may build at once.
    let stem = library.file_stem().expect("a name was given").to_string_lossy();
    let folder = out.join(format!("{stem}-{}-{:?}", std::process::id(), std::thread::current().id()));
    let objects: Vec<PathBuf> = keys.iter().map(|key| out.join(format!("{key}.o"))).collect();
    let built = make(&compiler, kernels, &units, &objects, &folder, &library);
    // Best effort: a folder left behind costs disk, not correctness.
    let _ = std::fs::remove_dir_all(&folder);
    built.map(|()| library)
}

/// A C++ compiler with its flags.
struct Compiler {
    name: String,
    version: Vec<u8>,
    flags: Vec<&'static str>,
}

impl Compiler {
    fn new(sanitizers: &[Sanitizer]) -> Result<Compiler> {
        let name = compiler().ok_or_else(|| {
            Error::Device(
                "emulated GPU: no C++ compiler: tried $CXX, c++, g++ and clang++; install g++ or set CXX"
                    .into(),
            )
        })?;
        let mut flags = FLAGS.to_vec();
        if cfg!(target_arch = "x86_64") {
            flags.push("-march=native");
        }
        if !sanitizers.is_empty() {
            flags.extend(SANITIZED.iter().copied().chain(sanitizers.iter().map(|s| s.flag())));
        }
        Ok(Compiler { version: version(&name).unwrap_or_default(), name, flags })
    }

    /// The hash of texts, this compiler and its flags, in hexadecimal.
    fn hash<'a>(&'a self, texts: impl Iterator<Item = &'a str>) -> String {
        let mut hash = Sha256::new();
        let flags = self.flags.iter().copied();
        for text in texts.chain([self.name.as_str()]).chain(flags) {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        }
        hash.update(&self.version);
        hex(&hash.finalize()[..8])
    }

    /// The name of a unit's object file, which says everything that the object depends on.
    fn key(&self, unit: &Unit, texts: &Texts) -> String {
        let mut read = BTreeSet::new();
        texts.follow(&unit.text, &mut read);
        let included = read.iter().map(|&name| texts.0[name].as_str());
        format!("{}-{}", unit.name, self.hash(std::iter::once(unit.text.as_str()).chain(included)))
    }

    /// Runs the compiler for `made`, which an error names.
    fn run(&self, made: &Path, arguments: &[&OsStr]) -> Result<()> {
        let mut command = Command::new(&self.name);
        command.args(&self.flags).args(arguments).stdin(Stdio::null());
        let output = command
            .output()
            .map_err(|e| Error::Device(format!("emulated GPU: cannot start {}: {e}; set CXX", self.name)))?;
        if output.status.success() {
            return Ok(());
        }
        let talk = String::from_utf8_lossy(&output.stderr);
        Err(Error::Device(format!(
            "emulated GPU: {} refuses {}: {}; mend the kernel file it names",
            self.name,
            made.display(),
            talk.trim()
        )))
    }
}

/// Everything that may be included, by the name that stands in `#include "…"`.
struct Texts(BTreeMap<String, String>);

impl Texts {
    /// The files of a folder of kernels, and the emulated GPU's own.
    fn read(kernels: &Path) -> Result<Texts> {
        let own = [("gpu.h", HEADER), ("hopper.h", HOPPER[0])];
        let mut all: BTreeMap<String, String> = own.map(|(name, text)| (name.into(), text.into())).into();
        let entries = std::fs::read_dir(kernels).map_err(|e| Error::io("list", kernels, &e))?;
        let paths = entries.flatten().map(|e| e.path());
        for path in paths.filter(|p| p.extension().is_some_and(|e| e == "cu" || e == "cuh")) {
            let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, &e))?;
            all.insert(path.file_name().expect("of an entry").to_string_lossy().into_owned(), text);
        }
        Ok(Texts(all))
    }

    /// Adds to `read` the names of all that a text includes, and that in turn.
    fn follow<'a>(&'a self, text: &str, read: &mut BTreeSet<&'a str>) {
        let named =
            text.lines().filter_map(|line| line.trim().strip_prefix("#include \"")?.strip_suffix('"'));
        for (name, text) in named.filter_map(|name| self.0.get_key_value(name)) {
            if read.insert(name) {
                self.follow(text, read);
            }
        }
    }
}

/// What is compiled by itself.
struct Unit {
    name: String,
    text: String,
}

/// The emulated GPU's own units, and one for each kernel file, as NVRTC sees them: names may repeat from file to file.
fn units(texts: &Texts) -> Vec<Unit> {
    let own = [("runtime", RUNTIME), ("hopper", HOPPER[1])];
    let own = own.map(|(name, text)| Unit { name: name.into(), text: text.into() });
    let kernels = texts.0.iter().filter_map(|(file, text)| {
        let stem = file.strip_suffix(".cu")?;
        let mut unit = format!("#include \"{file}\"\n");
        for name in entry_points(text) {
            writeln!(unit, "static const gpu::Kernel kernel_{name}(\"{name}\", {name});")
                .expect("a string grows");
        }
        Some(Unit { name: stem.into(), text: unit })
    });
    own.into_iter().chain(kernels).collect()
}

/// Compiles each unit whose object is not there yet, and links them all.
fn make(
    compiler: &Compiler,
    kernels: &Path,
    units: &[Unit],
    objects: &[PathBuf],
    folder: &Path,
    library: &Path,
) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, &e))?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| Error::io("write", &path, &e)).map(|()| path)
    };
    put("gpu.h", HEADER)?;
    put("hopper.h", HOPPER[0])?;
    // Others may be at the same object: each makes its own, and the last one stays.
    let place = |made: &Path, at: &Path| std::fs::rename(made, at).map_err(|e| Error::io("write", at, &e));
    units.par_iter().zip(objects).filter(|(_, object)| !object.exists()).try_for_each(|(unit, object)| {
        let source = put(&format!("{}.cpp", unit.name), &unit.text)?;
        let made = source.with_extension("o");
        let words: [&OsStr; 8] = [
            "-I".as_ref(),
            folder.as_ref(),
            "-I".as_ref(),
            kernels.as_ref(),
            "-c".as_ref(),
            source.as_ref(),
            "-o".as_ref(),
            made.as_ref(),
        ];
        compiler.run(&source, &words)?;
        place(&made, object)
    })?;
    let made = folder.join("library.so");
    let link: [&OsStr; 3] = ["-shared".as_ref(), "-o".as_ref(), made.as_ref()];
    let words: Vec<&OsStr> = link.into_iter().chain(objects.iter().map(|o| o.as_ref())).collect();
    compiler.run(library, &words)?;
    place(&made, library)
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
