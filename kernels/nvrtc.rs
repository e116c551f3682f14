//! NVRTC, the CUDA run-time compiler, as `build.rs` uses it: found, and asked for cubins through cudarc. A part of
//! the build script, not of the crate.
//!
//! cudarc loads NVRTC by name, and the first name it tries is that of any `libnvrtc.so` of the system. So whatever
//! uses the library is a process of its own: this program again ([`Again`]), in an environment where all of
//! cudarc's names lead to the file that was found. The process looks at what it got ([`load`]) before it uses it.

use cudarc::nvrtc::result::{self, NvrtcError};
use cudarc::nvrtc::sys;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

#[cfg(unix)]
use std::os::unix::fs::symlink;
#[cfg(windows)]
use std::os::windows::fs::symlink_file as symlink;

/// What went wrong, for `cargo::error`.
pub type Result<T> = std::result::Result<T, String>;

/// Environment variables that [`find`] reads.
pub const ENVIRONMENT: [&str; 4] = ["GANSAKU_NVRTC", "CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV"];
/// The first word of the task that [`describe`] does.
pub const DESCRIBE: &str = "describe";
/// Folders where the system's loader looks first.
const LOADER_PATH: &str = if cfg!(windows) { "PATH" } else { "LD_LIBRARY_PATH" };

/// An NVRTC that was found, and that a process of its own could use.
#[derive(Debug)]
pub struct Nvrtc {
    again: Again,
    /// The file.
    pub path: PathBuf,
    /// `12.9`.
    pub version: String,
    /// Version and file name, for people.
    pub label: String,
    /// What tells this compiler from others in the cache.
    pub identity: String,
    /// 75, 80 …
    pub archs: Vec<c_int>,
}

/// How this program is started again, for one task.
#[derive(Debug, Clone)]
pub struct Again {
    /// What its command line begins with; then `--` and the task.
    pub arguments: Vec<String>,
    /// A folder for links to the library.
    pub links: PathBuf,
}

/// What a compilation made.
pub struct Compiled {
    pub cubin: Vec<u8>,
    pub ptx: Vec<u8>,
    pub log: String,
}

/// The task that this process was started for, if it was.
pub fn task() -> Option<Vec<String>> {
    let mut arguments = env::args().skip_while(|a| a != "--");
    arguments.next().map(|_| arguments.collect())
}

/// The first NVRTC that can be used.
pub fn find(again: &Again) -> Result<Nvrtc> {
    let mut searched = String::new();
    for (place, roots) in places() {
        let looked: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
        let looked = if looked.is_empty() { "not set or not there".into() } else { looked.join(", ") };
        writeln!(searched, "  {place}: {looked}").expect("a string grows");
        for file in roots.iter().flat_map(|root| libraries(root)) {
            match Nvrtc::at(again, &file) {
                Ok(nvrtc) => return Ok(nvrtc),
                Err(why) => writeln!(searched, "    {}: {why}", file.display()).expect("a string grows"),
            }
        }
    }
    if env::var_os("GANSAKU_NVRTC").is_none_or(|named| named.is_empty()) {
        let names = cudarc::get_lib_name_candidates("nvrtc").join(", ");
        writeln!(searched, "  the loader: {names}").expect("a string grows");
        if let Ok(nvrtc) = Nvrtc::of_the_loader(again) {
            return Ok(nvrtc);
        }
    }
    Err(format!(
        "the feature cuda compiles kernels with NVRTC, and none was found in\n{searched}`pip install \
         nvidia-cuda-nvrtc-cu12` puts one where the next build finds it; no GPU and no toolkit are needed"
    ))
}

/// Where to look, in order: what the user said, the toolkit, Python's wheels, the system.
fn places() -> Vec<(&'static str, Vec<PathBuf>)> {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let named = set("GANSAKU_NVRTC");
    if named.is_some() {
        // An explicit wish that cannot be met is an error, not a reason to take another.
        return vec![("GANSAKU_NVRTC", named.into_iter().collect())];
    }
    let active = set("VIRTUAL_ENV").map(|root| root.join("bin/python"));
    let pythons = active.into_iter().chain(["python3", "python"].map(PathBuf::from));
    let path = pythons.filter_map(|python| {
        let output = Command::new(python).args(["-c", "import sys; print('\\n'.join(sys.path))"]).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    });
    let wheels = path.take(1).flat_map(|path| path.lines().map(PathBuf::from).collect::<Vec<_>>());
    let wheels = wheels.map(|folder| folder.join("nvidia")).filter(|folder| folder.is_dir()).collect();
    let usual = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];
    vec![
        ("GANSAKU_NVRTC", vec![]),
        ("CUDA_HOME", set("CUDA_HOME").into_iter().collect()),
        ("CUDA_PATH", set("CUDA_PATH").into_iter().collect()),
        ("packages of the active Python", wheels),
        ("the usual folders", usual.map(PathBuf::from).into()),
    ]
}

/// Files at or under a path that may be NVRTC, the newest name first.
fn libraries(root: &Path) -> Vec<PathBuf> {
    if root.is_file() {
        return vec![root.into()];
    }
    let parts = ["", "lib64", "lib", "bin", "cuda_nvrtc/lib", "cu13/lib"];
    let wheels = ["nvidia/cuda_nvrtc/lib", "nvidia/cu13/lib", "cuda_nvrtc/bin", "nvidia/cuda_nvrtc/bin"];
    let list = |part: &&str| {
        let files = fs::read_dir(root.join(part)).into_iter().flatten().flatten().map(|e| e.path());
        let mut fit: Vec<PathBuf> = files.filter(|file| named_as_nvrtc(file)).collect();
        fit.sort_by(|a, b| b.cmp(a));
        fit
    };
    parts.iter().chain(&wheels).flat_map(list).collect()
}

fn named_as_nvrtc(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let library = name.starts_with("libnvrtc.so") || name.starts_with("nvrtc64_");
    library && !name.contains(".alt") && !name.ends_with(".a")
}

impl Nvrtc {
    /// The library in a file, if a process can use it.
    pub fn at(again: &Again, file: &Path) -> Result<Nvrtc> {
        again.link(file)?;
        Nvrtc::answered(again, again.command(Some(file), &[DESCRIBE, &file.to_string_lossy()])?)
    }

    /// Whatever the system's loader finds under one of cudarc's names.
    fn of_the_loader(again: &Again) -> Result<Nvrtc> {
        let found = Nvrtc::answered(again, again.command(None, &[DESCRIBE])?)?;
        Nvrtc::at(again, &found.path)
    }

    /// Reads the answer of [`describe`].
    fn answered(again: &Again, mut command: Command) -> Result<Nvrtc> {
        let output = command.output().map_err(|e| format!("cannot start {command:?}: {e}"))?;
        let talk = String::from_utf8_lossy(&output.stdout);
        let answer = talk.lines().find_map(|line| line.strip_prefix("NVRTC\t"));
        let fields: Vec<&str> = answer.ok_or_else(|| failure(&output))?.split('\t').collect();
        let [version, archs, path] = fields[..] else { return Err(format!("it answers {fields:?}")) };
        let path = PathBuf::from(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let size = fs::metadata(&path).map_or(0, |data| data.len());
        Ok(Nvrtc {
            again: again.clone(),
            version: version.into(),
            label: format!("{version} ({name})"),
            identity: format!("{version}, {size} bytes"),
            archs: archs.split(' ').filter_map(|arch| arch.parse().ok()).collect(),
            path,
        })
    }

    /// This program again, for a task that uses the library.
    pub fn command(&self, task: &[&str]) -> Result<Command> {
        self.again.command(Some(&self.path), task)
    }
}

impl Again {
    /// Makes all of cudarc's names lead to one file.
    fn link(&self, file: &Path) -> Result<()> {
        let cannot = |e| format!("cannot link to it in {}: {e}", self.links.display());
        let file = fs::canonicalize(file).map_err(cannot)?;
        if self.links.exists() {
            fs::remove_dir_all(&self.links).map_err(cannot)?;
        }
        fs::create_dir_all(&self.links).map_err(cannot)?;
        // Some names come twice.
        let names = BTreeSet::from_iter(cudarc::get_lib_name_candidates("nvrtc"));
        names.iter().try_for_each(|name| symlink(&file, self.links.join(name))).map_err(cannot)
    }

    /// This program again. The loader looks first at the links, then in the folder of `file`, where a library of
    /// NVRTC's own lies that it opens by name.
    fn command(&self, file: Option<&Path>, task: &[&str]) -> Result<Command> {
        let program = env::current_exe().map_err(|e| format!("the build script's own path: {e}"))?;
        let mut command = Command::new(program);
        command.args(&self.arguments).arg("--").args(task).env("RUST_BACKTRACE", "0");
        if let Some(folder) = file.and_then(Path::parent) {
            let rest = env::var_os(LOADER_PATH).unwrap_or_default();
            let folders = [self.links.clone(), folder.into()].into_iter().chain(env::split_paths(&rest));
            let folders = env::join_paths(folders.filter(|f| !f.as_os_str().is_empty()));
            command.env(LOADER_PATH, folders.map_err(|e| format!("{LOADER_PATH}: {e}"))?);
        }
        Ok(command)
    }
}

/// Why a process that was started for a task did not do it: its errors, or its last words.
pub fn failure(output: &Output) -> String {
    let [talk, words] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let errors: Vec<&str> = talk.lines().filter_map(|l| l.strip_prefix("cargo::error=")).collect();
    if !errors.is_empty() {
        return errors.join("\n");
    }
    let words: Vec<&str> = words.lines().filter(|line| !line.starts_with("note:")).collect();
    format!("its process ended, {} {}", output.status, words.join(" ").trim())
}

/// In a process of its own: loads NVRTC and prints what [`Nvrtc`] holds.
pub fn describe(wanted: Option<&Path>) -> Result<()> {
    let path = load(wanted)?;
    let mut count = 0;
    // SAFETY: writes one integer, which outlives the call.
    unsafe { sys::nvrtcGetNumSupportedArchs(&mut count) }.result().map_err(said)?;
    let mut archs = vec![0; count as usize];
    // SAFETY: the library writes as many integers as it said.
    unsafe { sys::nvrtcGetSupportedArchs(archs.as_mut_ptr()) }.result().map_err(said)?;
    let archs: Vec<String> = archs.iter().map(c_int::to_string).collect();
    println!("NVRTC\t{}\t{}\t{}", version()?, archs.join(" "), path.display());
    Ok(())
}

/// In a process of its own: has cudarc load NVRTC, and makes sure that it is the file that is `wanted`.
pub fn load(wanted: Option<&Path>) -> Result<PathBuf> {
    // SAFETY: the initialisers of libraries that bear NVRTC's name; the user chose to build with it.
    if !unsafe { sys::is_culib_present() } {
        return Err("the loader refuses it (`ldd` may say why)".into());
    }
    // SAFETY: as above; the library was there a moment ago.
    unsafe { sys::culib() };
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else {
        // A system that does not say what a process has loaded.
        return Ok(wanted.unwrap_or(Path::new("nvrtc")).into());
    };
    let wanted = wanted.map(|w| fs::canonicalize(w).map_err(|e| e.to_string())).transpose()?;
    let files = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let mut loaded: Vec<&Path> =
        files.filter(|&file| wanted.as_deref() == Some(file) || named_as_nvrtc(file)).collect();
    loaded.dedup();
    match (&loaded[..], &wanted) {
        (&[file], None) => Ok(file.into()),
        (&[file], Some(wanted)) if file == wanted => Ok(file.into()),
        _ => Err(format!("cudarc loaded {loaded:?}, and not this file alone")),
    }
}

/// `12.9`.
fn version() -> Result<String> {
    let [mut major, mut minor] = [0; 2];
    // SAFETY: writes two integers, which outlive the call.
    unsafe { sys::nvrtcVersion(&mut major, &mut minor) }.result().map_err(said)?;
    Ok(format!("{major}.{minor}"))
}

fn said(error: NvrtcError) -> String {
    format!("NVRTC: {error}")
}

/// In a process of its own, after [`load`]: compiles one text.
pub fn compile(source: &str, name: &str, options: &[String]) -> Result<Compiled> {
    let text = |s: &str| CString::new(s).map_err(|_| "a NUL character".to_string());
    let (source, title) = (text(source)?, text(name)?);
    let program = result::create_program(&source, Some(&title)).map_err(said)?;
    // SAFETY: the program was just made, of texts that outlive it; it is destroyed once, after its last use.
    unsafe {
        let done = result::compile_program(program, options);
        let made = outputs(program, done);
        result::destroy_program(program).map_err(said)?;
        made
    }
}

/// # Safety
/// `program` is alive and was compiled with the result `done`.
unsafe fn outputs(program: sys::nvrtcProgram, done: std::result::Result<(), NvrtcError>) -> Result<Compiled> {
    // SAFETY: the caller's promise.
    let log = string(&unsafe { result::get_program_log(program) }.map_err(said)?);
    if let Err(error) = done {
        return Err(format!("NVRTC {} refuses it, {error}\n{}", version()?, log.trim()));
    }
    // SAFETY: the caller's promise.
    let (ptx, cubin) = unsafe { (result::get_ptx(program).map_err(said)?, cubin(program).map_err(said)?) };
    Ok(Compiled { cubin, ptx: string(&ptx).into_bytes(), log })
}

/// # Safety
/// `program` is alive and was compiled for a real architecture.
unsafe fn cubin(program: sys::nvrtcProgram) -> std::result::Result<Vec<u8>, NvrtcError> {
    let mut size = 0;
    // SAFETY: the caller's promise; the buffer has the size that the library asks for.
    unsafe {
        sys::nvrtcGetCUBINSize(program, &mut size).result()?;
        let mut bytes = vec![0u8; size];
        sys::nvrtcGetCUBIN(program, bytes.as_mut_ptr().cast()).result()?;
        Ok(bytes)
    }
}

/// The characters before the first NUL.
fn string(characters: &[c_char]) -> String {
    let bytes: Vec<u8> = characters.iter().map(|&c| c as u8).collect();
    let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
    text.to_string_lossy().into_owned()
}
