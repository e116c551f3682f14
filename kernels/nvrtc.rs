//! NVRTC, the CUDA run-time compiler, as `build.rs` uses it: found, loaded, asked for cubins. A part of the build
//! script, not of the crate.
//!
//! Loaded by the path that was found and by nothing else: a search by name would prefer a `libnvrtc.so` of the
//! system over the one that the user named.

use libloading::Library;
use std::error::Error;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, ptr};

/// What went wrong, for `cargo::error`.
pub type Result<T> = std::result::Result<T, String>;

/// Environment variables that [`find`] reads.
pub const ENVIRONMENT: [&str; 4] = ["GANSAKU_NVRTC", "CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV"];

/// NVRTC, loaded.
pub struct Nvrtc {
    library: Library,
    /// As it was loaded.
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

/// What a compilation made.
pub struct Compiled {
    pub cubin: Vec<u8>,
    pub ptx: Vec<u8>,
    pub log: String,
}

type Program = *mut c_void;

/// The first NVRTC that can be loaded.
pub fn find() -> Result<Nvrtc> {
    let mut searched = String::new();
    for (place, roots) in places() {
        let files: Vec<PathBuf> = roots.iter().flat_map(|root| libraries(root)).collect();
        let looked: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
        let looked = if looked.is_empty() { "not set or not there".into() } else { looked.join(", ") };
        writeln!(searched, "  {place}: {looked}").expect("a string grows");
        for file in files {
            match Nvrtc::open(&file) {
                Ok(nvrtc) => return Ok(nvrtc),
                Err(_) if place == "the loader" => {}
                Err(why) => writeln!(searched, "    {}: {why}", file.display()).expect("a string grows"),
            }
        }
    }
    Err(format!(
        "the feature cuda compiles kernels with NVRTC, and none was found in\n{searched}`pip install \
         nvidia-cuda-nvrtc-cu12` puts one where the next build finds it; no GPU and no toolkit are needed"
    ))
}

/// Where to look, in order: what the user said, the toolkit, Python's wheels, the system, the loader.
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
        let mut command = std::process::Command::new(python);
        let output = command.args(["-c", "import sys; print('\\n'.join(sys.path))"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    });
    let wheels = path.take(1).flat_map(|path| path.lines().map(PathBuf::from).collect::<Vec<_>>());
    let wheels = wheels.map(|folder| folder.join("nvidia")).filter(|folder| folder.is_dir()).collect();
    let usual = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let names = ["libnvrtc.so", "libnvrtc.so.12", "libnvrtc.so.13", "nvrtc64_120_0.dll", "nvrtc64_130_0.dll"];
    vec![
        ("GANSAKU_NVRTC", vec![]),
        ("CUDA_HOME", set("CUDA_HOME").into_iter().collect()),
        ("CUDA_PATH", set("CUDA_PATH").into_iter().collect()),
        ("packages of the active Python", wheels),
        ("the usual folders", usual.map(PathBuf::from).into()),
        ("the loader", names.map(PathBuf::from).into()),
    ]
}

/// Files at or under a path that may be NVRTC, the newest name first.
fn libraries(root: &Path) -> Vec<PathBuf> {
    let bare = root.components().count() == 1 && root.is_relative();
    if root.is_file() || bare {
        return vec![root.into()];
    }
    let parts = ["", "lib64", "lib", "bin", "cuda_nvrtc/lib", "cu13/lib"];
    let wheels = ["nvidia/cuda_nvrtc/lib", "nvidia/cu13/lib", "cuda_nvrtc/bin", "nvidia/cuda_nvrtc/bin"];
    let list = |part: &&str| {
        let files = fs::read_dir(root.join(part)).into_iter().flatten().flatten().map(|e| e.path());
        let mut fit: Vec<PathBuf> = files
            .filter(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let library = name.starts_with("libnvrtc.so") || name.starts_with("nvrtc64_");
                library && !name.contains(".alt") && !name.ends_with(".a")
            })
            .collect();
        fit.sort_by(|a, b| b.cmp(a));
        fit
    };
    parts.iter().chain(&wheels).flat_map(list).collect()
}

impl Nvrtc {
    fn open(file: &Path) -> Result<Nvrtc> {
        // SAFETY: the initialisers of a library that bears NVRTC's name; the user chose to build with it.
        let library = unsafe { Library::new(file) }
            .map_err(|e| e.source().map_or_else(|| e.to_string(), |reason| reason.to_string()))?;
        let [mut major, mut minor, mut count] = [0; 3];
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let size = fs::metadata(file).map_or(0, |data| data.len());
        let mut nvrtc = Nvrtc {
            library,
            path: file.into(),
            version: String::new(),
            label: String::new(),
            identity: String::new(),
            archs: vec![],
        };
        // SAFETY: signatures as in nvrtc.h; the pointers are to integers, and to as many as were asked for.
        unsafe {
            let version: extern "C" fn(*mut c_int, *mut c_int) -> c_int = nvrtc.symbol("nvrtcVersion")?;
            check(version(&mut major, &mut minor), "nvrtcVersion")?;
            let number: extern "C" fn(*mut c_int) -> c_int = nvrtc.symbol("nvrtcGetNumSupportedArchs")?;
            check(number(&mut count), "nvrtcGetNumSupportedArchs")?;
            nvrtc.archs = vec![0; count as usize];
            let list: extern "C" fn(*mut c_int) -> c_int = nvrtc.symbol("nvrtcGetSupportedArchs")?;
            check(list(nvrtc.archs.as_mut_ptr()), "nvrtcGetSupportedArchs")?;
        }
        nvrtc.version = format!("{major}.{minor}");
        nvrtc.label = format!("{major}.{minor} ({name})");
        nvrtc.identity = format!("{major}.{minor}, {size} bytes");
        Ok(nvrtc)
    }

    /// A function of the library.
    ///
    /// # Safety
    /// `F` is the function's signature.
    unsafe fn symbol<F: Copy>(&self, name: &str) -> Result<F> {
        // SAFETY: the caller's promise; the copy is used while `self` keeps the library.
        unsafe { self.library.get::<F>(name) }.map(|f| *f).map_err(|e| format!("has no {name}: {e}"))
    }

    /// Compiles one text.
    pub fn compile(&self, source: &str, name: &str, options: &[String]) -> Result<Compiled> {
        let text = |s: &str| CString::new(s).map_err(|_| format!("kernels/{name}: a NUL character"));
        let (source, title) = (text(source)?, text(name)?);
        let options: Vec<CString> = options.iter().map(|o| text(o)).collect::<Result<_>>()?;
        let pointers: Vec<*const c_char> = options.iter().map(|o| o.as_ptr()).collect();
        let mut program: Program = ptr::null_mut();
        type Create = extern "C" fn(
            *mut Program,
            *const c_char,
            *const c_char,
            c_int,
            *const c_void,
            *const c_void,
        ) -> c_int;
        // SAFETY: signatures as in nvrtc.h; all strings end in NUL and outlive the calls; no headers are
        // passed. The program is destroyed once, after its last use.
        unsafe {
            let create: Create = self.symbol("nvrtcCreateProgram")?;
            let run: extern "C" fn(Program, c_int, *const *const c_char) -> c_int =
                self.symbol("nvrtcCompileProgram")?;
            let destroy: extern "C" fn(*mut Program) -> c_int = self.symbol("nvrtcDestroyProgram")?;
            check(
                create(&mut program, source.as_ptr(), title.as_ptr(), 0, ptr::null(), ptr::null()),
                "nvrtcCreateProgram",
            )?;
            let status = run(program, pointers.len() as c_int, pointers.as_ptr());
            let made = self.outputs(program, status, name);
            destroy(&mut program);
            made
        }
    }

    /// # Safety
    /// `program` was compiled with the result `status`.
    unsafe fn outputs(&self, program: Program, status: c_int, name: &str) -> Result<Compiled> {
        let take = |what: &str| -> Result<Vec<u8>> {
            let mut size = 0;
            // SAFETY: signatures as in nvrtc.h; the buffer has the size that the library asks for.
            unsafe {
                let length: extern "C" fn(Program, *mut usize) -> c_int =
                    self.symbol(&format!("nvrtcGet{what}Size"))?;
                let get: extern "C" fn(Program, *mut c_char) -> c_int =
                    self.symbol(&format!("nvrtcGet{what}"))?;
                check(length(program, &mut size), what)?;
                let mut bytes = vec![0u8; size];
                check(get(program, bytes.as_mut_ptr().cast()), what)?;
                Ok(bytes)
            }
        };
        let string = |bytes: Vec<u8>| {
            let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
            text.to_string_lossy().into_owned()
        };
        let log = string(take("ProgramLog")?);
        if status != 0 {
            return Err(format!("kernels/{name}: NVRTC {} refuses it\n{}", self.version, log.trim()));
        }
        Ok(Compiled { cubin: take("CUBIN")?, ptx: string(take("PTX")?).into_bytes(), log })
    }
}

fn check(status: c_int, what: &str) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(format!("NVRTC: {what} returned error {status}")) }
}
