//! With the feature `cuda`, compiles `kernels/*.cu` through NVRTC, via cudarc, into images for every architecture
//! and writes the table of them (`src/exec/cuda/kernels.rs` includes it). No GPU, no driver, no CUDA toolkit: only
//! NVRTC, a library of its own. Without the feature it does nothing.
//!
//! A warning of either compiler or a register that spills to memory fails the build. A file whose name ends in
//! `_sm90a` is compiled for that architecture alone, every other for the portable ones. `GANSAKU_ARCHS=90,120`
//! compiles for those; `GANSAKU_NVRTC` names the library, or a folder that has it.

#[cfg(feature = "cuda")]
#[path = "kernels/listing.rs"]
mod listing;
#[cfg(feature = "cuda")]
#[path = "kernels/nvrtc.rs"]
mod nvrtc;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    kernels::build();
}

#[cfg(feature = "cuda")]
mod kernels {
    use super::listing::{Kernel, complaints, occupancy, signatures};
    use super::nvrtc::{self, Again, DESCRIBE, ENVIRONMENT, Nvrtc, Result};
    use sha2::{Digest, Sha256};
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::{env, fs, ptr};

    /// What a build compiles for unless told otherwise.
    const ARCHS: &str = "75,80,86,89,90,90a,100,120";
    /// No fast math: the kernels round where their text says.
    const OPTIONS: [&str; 3] = ["--std=c++17", "-DNDEBUG", "--ptxas-options=-v"];
    /// The first word of a compilation's task.
    const COMPILE: &str = "compile";

    /// Makes the table, or does what this process was started for; says what went wrong.
    pub fn build() {
        let done = match nvrtc::task() {
            Some(task) => work(&task.iter().map(String::as_str).collect::<Vec<_>>()),
            None => build_table(),
        };
        for line in done.err().iter().flat_map(|message| message.lines()) {
            println!("cargo::error={line}");
        }
    }

    fn build_table() -> Result<()> {
        println!("cargo::rerun-if-changed=kernels");
        for name in ENVIRONMENT.iter().chain(&["GANSAKU_ARCHS"]) {
            println!("cargo::rerun-if-env-changed={name}");
        }
        let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
        let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("kernels");
        let setup = Setup::new(folder, &out, vec![])?;
        let archs = archs(&setup.nvrtc)?;
        let mut jobs = vec![];
        for file in setup.sources.keys().filter(|name| name.ends_with(".cu")) {
            let special = file.ends_with("_sm90a.cu");
            let fitting = archs.iter().filter(|arch| (arch.as_str() == "90a") == special);
            jobs.extend(fitting.map(|arch| ExecutorSpec { file, arch }));
        }
        let table = out.join("kernels.rs");
        let text = render(&setup.compile_all(&jobs)?, &setup.nvrtc);
        fs::write(&table, text).map_err(|e| cannot("write", &table, e))
    }

    /// Does the task of a process with NVRTC in it.
    fn work(task: &[&str]) -> Result<()> {
        match *task {
            [DESCRIBE] => nvrtc::describe(None),
            [DESCRIBE, library] => nvrtc::describe(Some(Path::new(library))),
            [COMPILE, library, folder, file, arch, stem] => {
                nvrtc::load(Some(Path::new(library)))?;
                compile(Path::new(folder), &ExecutorSpec { file, arch }, Path::new(stem))
            }
            _ => Err(format!("no such task: {task:?}")),
        }
    }

    fn cannot(what: &str, path: &Path, error: std::io::Error) -> String {
        format!("cannot {what} {}: {error}", path.display())
    }

    /// Texts of the kernel files and headers, by name.
    fn sources(folder: &Path) -> Result<BTreeMap<String, String>> {
        let mut sources = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|e| cannot("read", folder, e))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".cu") || name.ends_with(".cuh") {
                let text = fs::read_to_string(entry.path()).map_err(|e| cannot("read", &entry.path(), e))?;
                sources.insert(name, text);
            }
        }
        Ok(sources)
    }

    /// The architectures to compile for, oldest first.
    fn archs(nvrtc: &Nvrtc) -> Result<Vec<String>> {
        let wished = env::var("GANSAKU_ARCHS").ok().filter(|text| !text.trim().is_empty());
        let split = |text: &str| text.split([',', ' ']).filter(|a| !a.is_empty()).map(String::from).collect();
        let mut archs: Vec<String> = split(wished.as_deref().unwrap_or(ARCHS));
        let number = |arch: &str| arch.strip_suffix('a').unwrap_or(arch).parse().unwrap_or(0);
        let known = |a: &str| nvrtc.archs.contains(&number(a)) && (a == "90a" || !a.ends_with('a'));
        match archs.iter().find(|arch| !known(arch)) {
            Some(arch) if wished.is_some() => {
                return Err(format!(
                    "GANSAKU_ARCHS: NVRTC {} has no architecture {arch}; it has {:?} and, for files named \
                     *_sm90a.cu, 90a",
                    nvrtc.version, nvrtc.archs
                ));
            }
            _ => archs.retain(|arch| known(arch)),
        }
        archs.sort_by_key(|arch| (number(arch), arch.len()));
        archs.dedup();
        if archs.iter().all(|arch| arch == "90a") {
            return Err("GANSAKU_ARCHS: no portable architecture is left; add 90".into());
        }
        Ok(archs)
    }

    /// One kernel file for one architecture.
    struct ExecutorSpec<'a> {
        file: &'a str,
        arch: &'a str,
    }

    /// What became of a job.
    struct Module<'a> {
        job: &'a ExecutorSpec<'a>,
        cubin: PathBuf,
        ptx: PathBuf,
        kernels: BTreeMap<String, Kernel>,
    }

    /// What every job needs.
    struct Setup {
        nvrtc: Nvrtc,
        folder: PathBuf,
        cache: PathBuf,
        sources: BTreeMap<String, String>,
    }

    impl Setup {
        /// The kernels of a folder, compiled into `out`; `arguments` start this program again.
        fn new(folder: PathBuf, out: &Path, arguments: Vec<String>) -> Result<Setup> {
            let cache = out.join("cache");
            fs::create_dir_all(&cache).map_err(|e| cannot("write", &cache, e))?;
            let nvrtc = nvrtc::find(&Again { arguments, links: out.join("nvrtc") })?;
            Ok(Setup { nvrtc, sources: sources(&folder)?, folder, cache })
        }

        /// NVRTC compiles one file at a time in a process, however many threads ask: so each job is a process.
        fn compile_all<'a>(&self, jobs: &'a [ExecutorSpec]) -> Result<Vec<Module<'a>>> {
            let next = AtomicUsize::new(0);
            let work = || {
                let mut done = vec![];
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    done.push(self.module(job));
                }
                done
            };
            let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
            let done: Vec<_> = std::thread::scope(|scope| {
                let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                workers.into_iter().flat_map(|w| w.join().expect("a waiting thread panicked")).collect()
            });
            let mut errors = vec![];
            let good = done.into_iter().filter_map(|made| made.map_err(|e| errors.push(e)).ok());
            let mut modules: Vec<Module> = good.collect();
            if !errors.is_empty() {
                return Err(errors.join("\n"));
            }
            modules.sort_by_key(|m| jobs.iter().position(|job| ptr::eq(job, m.job)));
            // What no job of this build made is of an older text; left behind, it costs disk and no more.
            let keep = |path: &Path| modules.iter().any(|m| path.file_stem() == m.cubin.file_stem());
            for old in fs::read_dir(&self.cache).into_iter().flatten().flatten().filter(|e| !keep(&e.path()))
            {
                let _ = fs::remove_file(old.path());
            }
            Ok(modules)
        }

        /// Where a job's cubin, PTX and log go, but for the endings: a name made of all that they depend on.
        fn stem(&self, ExecutorSpec { file, arch }: &ExecutorSpec) -> PathBuf {
            let mut hash = Sha256::new();
            let texts = included(file, &self.sources).into_iter().map(|name| self.sources[name].as_str());
            for part in [&self.nvrtc.identity, *file, *arch].into_iter().chain(OPTIONS).chain(texts) {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
            self.cache.join(hex(&hash.finalize()))
        }

        /// What a process makes of a job, or what an earlier build made of the same texts.
        fn module<'a>(&self, job: &'a ExecutorSpec) -> Result<Module<'a>> {
            let ExecutorSpec { file, arch } = job;
            let stem = self.stem(job);
            let [cubin, ptx, log] = paths(&stem);
            if !log.exists() {
                let [library, folder, stem] =
                    [&self.nvrtc.path, &self.folder, &stem].map(|p| p.to_string_lossy());
                let mut command = self.nvrtc.command(&[COMPILE, &library, &folder, file, arch, &stem])?;
                let output = command.output().map_err(|e| format!("cannot start the build script: {e}"))?;
                if !log.exists() {
                    return Err(format!("kernels/{file} for sm_{arch}: {}", nvrtc::failure(&output)));
                }
            }
            let read = |path: &Path| fs::read_to_string(path).map_err(|e| cannot("read", path, e));
            let mut kernels = signatures(&read(&ptx)?, &self.sources[*file]).ok_or_else(|| {
                format!("kernels/{file}: the PTX for sm_{arch} has an entry this build cannot read")
            })?;
            occupancy(&read(&log)?, &mut kernels);
            Ok(Module { job, cubin, ptx, kernels })
        }
    }

    /// Cubin, PTX and log of a job.
    fn paths(stem: &Path) -> [PathBuf; 3] {
        ["cubin", "ptx", "log"].map(|kind| stem.with_extension(kind))
    }

    /// In a process with NVRTC in it: a job's cubin, PTX and log.
    fn compile(folder: &Path, ExecutorSpec { file, arch }: &ExecutorSpec, stem: &Path) -> Result<()> {
        let path = folder.join(file);
        let source = fs::read_to_string(&path).map_err(|e| cannot("read", &path, e))?;
        let mut options: Vec<String> = OPTIONS.map(String::from).into();
        options.push(format!("--gpu-architecture=sm_{arch}"));
        options.push(format!("--include-path={}", folder.display()));
        let made = nvrtc::compile(&source, file, &options)?;
        complaints(&made.log)?;
        // The log is written last: where it stands, the others are whole.
        for (path, bytes) in paths(stem).iter().zip([made.cubin, made.ptx, made.log.into_bytes()]) {
            fs::write(path, bytes).map_err(|e| cannot("write", path, e))?;
        }
        Ok(())
    }

    /// A file and the headers it includes, directly or not, each once.
    fn included<'a>(file: &'a str, sources: &'a BTreeMap<String, String>) -> Vec<&'a str> {
        let mut names = vec![file];
        let mut read = 0;
        while let Some(text) = names.get(read).map(|name| &sources[*name]) {
            let quoted = |line: &'a str| line.trim().strip_prefix("#include \"")?.split('"').next();
            for name in text.lines().filter_map(quoted) {
                // The emulated GPU's header stands outside kernels/, behind an #if.
                if sources.contains_key(name) && !names.contains(&name) {
                    names.push(name);
                }
            }
            read += 1;
        }
        names
    }

    /// The table as Rust: a cubin for each file and architecture, and PTX of the newest portable one.
    fn render(modules: &[Module], nvrtc: &Nvrtc) -> String {
        let newest = modules.iter().rev().map(|m| m.job.arch).find(|arch| *arch != "90a").unwrap_or("");
        let mut text = format!("Build {{ nvrtc: {:?}, modules: &[\n", nvrtc.label);
        for module in modules {
            let ptx = (module.job.arch == newest).then_some((&module.ptx, "Ptx"));
            for (path, form) in [(&module.cubin, "Cubin")].into_iter().chain(ptx) {
                let bytes = fs::read(path).expect("just written or read");
                let file = module.job.file.trim_end_matches(".cu");
                writeln!(
                    text,
                    "  Module {{ file: {file:?}, arch: {:?}, form: Form::{form}, sha256: {:?},\n    \
                     image: include_bytes!({path:?}), kernels: &[",
                    module.job.arch,
                    hex(&Sha256::digest(&bytes)),
                )
                .expect("a string grows");
                for (name, Kernel { parameters, max_threads, registers, shared, local }) in &module.kernels {
                    writeln!(
                        text,
                        "      Kernel {{ name: {name:?}, parameters: &{parameters:?}, max_threads: {max_threads}, \
                         registers: {registers}, shared_bytes: {shared}, local_bytes: {local} }},"
                    )
                    .expect("a string grows");
                }
                text.push_str("    ] },\n");
            }
        }
        text + "] }\n"
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Keeps 64 numbers in registers over a barrier.
        const PRESSED: &str = r#"
struct PressedArguments {
  float* numbers;  // [64, 1024]
};
extern "C" __global__ void __launch_bounds__(THREADS) pressed_f32(const __grid_constant__ PressedArguments a) {
  float kept[64];
#pragma unroll
  for (int i = 0; i < 64; i++) kept[i] = a.numbers[i * 1024 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 64; i++) a.numbers[i * 1024 + threadIdx.x] = kept[63 - i] * kept[i * 7 % 64];
}
"#;

        /// This program again, for [`a_task_of_another_test`].
        fn again() -> Vec<String> {
            let test = concat!(module_path!(), "::a_task_of_another_test");
            let test = test.split_once("::").expect("a module of the test program").1;
            ["--exact", test, "--ignored", "--nocapture"].map(String::from).into()
        }

        #[test]
        #[ignore = "other tests start it as a process of its own"]
        fn a_task_of_another_test() {
            if nvrtc::task().is_none() {
                return println!("nobody gave a task");
            }
            // The test harness may have begun a line.
            println!();
            build();
        }

        /// Kernels in a folder of their own, or `None` with a printed reason where NVRTC is not there.
        fn setup(files: &[(&str, String)]) -> Option<(tempfile::TempDir, Setup)> {
            let folder = tempfile::tempdir().expect("a folder");
            files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).expect("written"));
            match Setup::new(folder.path().into(), folder.path(), again()) {
                Ok(setup) => Some((folder, setup)),
                Err(why) => {
                    assert!(env::var_os("GANSAKU_NVRTC").is_none(), "{why}");
                    println!("skipped: {why}");
                    None
                }
            }
        }

        #[test]
        fn a_kernel_that_spills_is_refused() {
            // The register file has 65536 of 32 bits: 32 a thread where two blocks of 1024 are to fit.
            let bounds = [("narrow.cu", "1024, 2"), ("wide.cu", "256")];
            let files = bounds.map(|(name, bounds)| (name, PRESSED.replace("THREADS", bounds)));
            let Some((_folder, setup)) = setup(&files) else { return };
            let arch = "90";
            let [narrow, wide] = bounds.map(|(file, _)| ExecutorSpec { file, arch });
            let made = setup.compile_all(std::slice::from_ref(&wide)).expect("registers enough");
            let kernel = &made[0].kernels["pressed_f32"];
            assert!(kernel.registers > 64, "it holds 64 numbers in {} registers", kernel.registers);
            let refused = setup.compile_all(&[wide, narrow]).err().expect("32 registers hold no 64 numbers");
            for part in ["kernels/narrow.cu for sm_90", "no spill", "bytes spill stores", "Used 32 registers"]
            {
                assert!(refused.contains(part), "{part:?} is missing: {refused}");
            }
            assert!(!refused.contains("wide.cu"), "{refused}");
        }

        #[test]
        fn hoppers_kernels_are_made_of_its_instructions() {
            let name = "matmul_sm90a.cu";
            let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
            let Some((folder, _)) = setup(&[]) else { return };
            let setup = Setup::new(kernels, folder.path(), again()).expect("it was there just now");
            let job = ExecutorSpec { file: name, arch: "90a" };
            // Serialised products and spills would be refused.
            let made = setup.compile_all(std::slice::from_ref(&job)).expect("a kernel that compiles");
            let cubin = fs::read(&made[0].cubin).expect("just written");
            // An instruction has 16 bytes; the lowest twelve bits say which, as nvdisasm shows them for sm_90a.
            let count = |code: u16| {
                let codes = cubin.chunks_exact(16).map(|i| u16::from_le_bytes([i[0], i[1]]) & 0xfff);
                codes.filter(|&c| c == code).count()
            };
            // For both kernels, each of four orientations multiplies a stage in four steps; a stage has four boxes.
            let [products, copies] = [count(0x9f0), count(0x5b4)];
            println!("{products} HGMMA, {copies} UTMALDG");
            assert!(products >= 2 * 4 * 4 && copies >= 2 * 4, "{products} HGMMA, {copies} UTMALDG");
            for (name, kernel) in &made[0].kernels {
                // Two blocks fit a multiprocessor: 65,536 registers, 228 KiB of shared memory, one of them a block's own.
                assert!(2 * kernel.max_threads * kernel.registers.next_multiple_of(8) <= 65_536, "{name}");
                let shared = kernel.shared + (3 * 32 + 1 + 1) * 1024;
                assert!(2 * shared <= 228 << 10 && kernel.local == 0, "{name}");
            }
        }

        #[test]
        fn the_library_that_was_chosen_is_the_one_that_compiles() {
            let Some((folder, setup)) = setup(&[]) else { return };
            let found = &setup.nvrtc;
            let copy = folder.path().join("libnvrtc.so.0");
            fs::copy(&found.path, &copy).expect("room");
            let links = folder.path().join("links");
            let chosen = Nvrtc::at(&Again { arguments: again(), links }, &copy).expect("a library");
            assert_eq!(chosen.path, fs::canonicalize(&copy).expect("there"));
            assert_eq!((chosen.version, chosen.archs), (found.version.clone(), found.archs.clone()));
            // Names that lead to another file.
            let task = [DESCRIBE, &copy.to_string_lossy()];
            let output = found.command(&task).expect("a command").output().expect("starts");
            let refused = nvrtc::failure(&output);
            assert!(refused.contains("cudarc loaded") && refused.contains("not this file"), "{refused}");
        }

        #[test]
        fn a_folder_without_nvrtc_is_told_with_what_was_tried_and_what_to_do() {
            let folder = tempfile::tempdir().expect("a folder");
            let again = Again { arguments: again(), links: folder.path().join("links") };
            let lib = folder.path().join("lib64");
            fs::create_dir(&lib).expect("room");
            let places = [("CUDA_HOME", vec![folder.path().to_path_buf()]), ("CUDA_PATH", vec![])];
            let told = |more: &[&str]| {
                let refused = nvrtc::search(&again, &places, false).expect_err("no library");
                let home = format!("CUDA_HOME: {}", folder.path().display());
                let parts =
                    [&home, "CUDA_PATH: not set or not there", "`pip install nvidia-cuda-nvrtc-cu12`"];
                for part in parts.iter().chain(more) {
                    assert!(refused.contains(part), "{part:?} is missing: {refused}");
                }
            };
            told(&[]);
            fs::write(lib.join("libnvrtc.so.12"), "no library").expect("written");
            told(&["lib64/libnvrtc.so.12: the loader refuses it"]);
        }
    }
}
