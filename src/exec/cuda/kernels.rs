//! The kernels that the build script compiled: images for each architecture, embedded in the program, and the
//! signature table that launches are checked against.

use super::launch::{Argument, Geometry};
use crate::error::{Error, Result};

/// What the build script made.
#[derive(Debug)]
pub struct Build {
    /// Version and file of the NVRTC that compiled the images.
    pub nvrtc: &'static str,
    /// Each kernel file for each architecture, the files by name, the architectures of a file oldest first.
    pub modules: &'static [Module],
}

/// How an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Machine code.
    Cubin,
    /// Text that the driver compiles for GPUs newer than every cubin.
    Ptx,
}

/// A kernel file compiled for one architecture.
#[derive(Debug)]
pub struct Module {
    /// Name of the file, without its ending.
    pub file: &'static str,
    /// `90`, or `90a` for what runs on compute capability 9.0 and nothing else.
    pub arch: &'static str,
    /// Machine code or PTX.
    pub form: Form,
    /// SHA-256 of the image, in hex.
    pub sha256: &'static str,
    /// What the driver loads.
    pub image: &'static [u8],
    /// Entry points of the module, by name.
    pub kernels: &'static [Kernel],
}

/// An entry point.
#[derive(Debug)]
pub struct Kernel {
    /// Symbol of the entry point.
    pub name: &'static str,
    /// C type and bytes of each parameter.
    pub parameters: &'static [(&'static str, usize)],
    /// Threads a block may have.
    pub max_threads: u32,
    /// A thread.
    pub registers: u32,
    /// Static shared memory a block.
    pub shared_bytes: u32,
    /// Local memory a thread.
    pub local_bytes: u32,
}

/// What this program carries.
pub static BUILD: Build = include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The compute capability from which on there are the instructions that the kernels use (ldmatrix, mma.m16n8k8).
const OLDEST: (u32, u32) = (7, 5);

/// Shared memory that every GPU gives a block, static and dynamic together.
pub const SHARED_BYTES: u32 = 48 << 10;
/// What compute capability 9.0 gives a block that asks for it.
const HOPPER_SHARED_BYTES: u32 = 227 << 10;

/// Compute capabilities of Tegra's GPUs (Orin, Thor).
const TEGRA: [(u32, u32); 3] = [(8, 7), (10, 1), (11, 0)];

impl Module {
    /// Generation and revision: 9 and 0 of `90a`, 12 and 0 of `120`.
    fn arch_number(&self) -> (u32, u32) {
        let number: u32 = self.arch.trim_end_matches('a').parse().unwrap_or(0);
        (number / 10, number % 10)
    }

    /// Shared memory that a block of its kernels may have, static and dynamic together; above [`SHARED_BYTES`] the
    /// driver has to be asked.
    pub fn most_shared_bytes(&self) -> u32 {
        if self.is_special() { HOPPER_SHARED_BYTES } else { SHARED_BYTES }
    }

    /// Whether it runs on compute capability 9.0 and nothing else.
    pub fn is_special(&self) -> bool {
        self.arch.ends_with('a')
    }

    /// Whether a GPU of compute capability `major.minor` runs it: a cubin runs on later revisions of its
    /// generation, but not across desktop and [`TEGRA`] ("Binary Compatibility" in NVIDIA's CUDA C++ Programming Guide);
    /// PTX on everything later, code for `90a` on 9.0 alone.
    fn runs_on(&self, (major, minor): (u32, u32)) -> bool {
        let (generation, revision) = self.arch_number();
        let exact = self.is_special() || TEGRA.contains(&(major, minor));
        match self.form {
            Form::Cubin if exact => (major, minor) == (generation, revision),
            Form::Cubin => major == generation && minor >= revision,
            Form::Ptx => (major, minor) >= (generation, revision),
        }
    }
}

impl Build {
    /// For each kernel file the image that a GPU of a compute capability runs best: the newest cubin that fits,
    /// else PTX. Files for special architectures are left out where they do not fit.
    ///
    /// # Errors
    /// When a file has no image for this GPU.
    pub fn choose(&self, capability: (u32, u32)) -> Result<Vec<&'static Module>> {
        let mut chosen: Vec<&Module> = vec![];
        for (i, module) in self.modules.iter().enumerate() {
            if self.modules[..i].iter().any(|m| m.file == module.file) {
                continue;
            }
            let images = self.modules.iter().filter(|m| m.file == module.file);
            let best = images
                .clone()
                .filter(|m| m.runs_on(capability))
                .max_by_key(|m| (m.form == Form::Cubin, m.arch_number()));
            match best {
                Some(best) => chosen.push(best),
                None if images.clone().all(|m| m.is_special()) => {}
                None => return Err(self.unfit(capability)),
            }
        }
        Ok(chosen)
    }

    fn unfit(&self, (major, minor): (u32, u32)) -> Error {
        let mut archs: Vec<(u32, u32)> = self.modules.iter().map(Module::arch_number).collect();
        archs.sort_unstable();
        archs.dedup();
        let list: Vec<String> = archs.iter().map(|(major, minor)| format!("{major}.{minor}")).collect();
        let advice = match (major, minor) < OLDEST {
            true => format!("no build runs on GPUs older than {}.{}: use --device cpu", OLDEST.0, OLDEST.1),
            false => format!("build with GANSAKU_ARCHS={major}{minor}, or use --device cpu"),
        };
        Error::Device(format!(
            "this GPU has compute capability {major}.{minor}, the kernels of this build run on {} and their \
             successors; {advice}",
            list.join(", ")
        ))
    }
}

impl Kernel {
    /// Whether a launch fits the kernel as it was compiled, for blocks with at most `most_shared` bytes of shared
    /// memory; the error says what does not.
    ///
    /// # Errors
    /// On other parameters, a geometry that no GPU runs or the kernel was not compiled for, or too much shared memory.
    pub fn check(
        &self,
        geometry: Geometry,
        arguments: &[Argument],
        most_shared: u32,
    ) -> std::result::Result<(), String> {
        let given = arguments.iter().map(|a| (a.kind, a.bytes.len()));
        if !given.clone().eq(self.parameters.iter().copied()) {
            let list = |parameters: &mut dyn Iterator<Item = (&str, usize)>| {
                let each: Vec<String> =
                    parameters.map(|(kind, bytes)| format!("{kind} ({bytes} bytes)")).collect();
                if each.is_empty() { "nothing".to_string() } else { each.join(", ") }
            };
            return Err(format!(
                "takes {}, was given {}",
                list(&mut self.parameters.iter().copied()),
                list(&mut given.clone())
            ));
        }
        let threads: u64 = geometry.block.iter().map(|&n| u64::from(n)).product();
        if threads == 0 || threads > u64::from(self.max_threads) {
            return Err(format!("compiled for 1 to {} threads a block, not {geometry}", self.max_threads));
        }
        let [x, y, z] = geometry.grid;
        if x == 0 || y == 0 || z == 0 || x > i32::MAX as u32 || y > 65_535 || z > 65_535 {
            return Err(format!("no GPU runs {geometry}"));
        }
        if geometry.shared_bytes > most_shared - self.shared_bytes {
            return Err(format!(
                "{geometry} and {} bytes of static shared memory are more than the {most_shared} of a block",
                self.shared_bytes
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn module(file: &'static str, arch: &'static str, form: Form) -> Module {
        Module { file, arch, form, sha256: "", image: b"", kernels: &[] }
    }

    static SMALL: Build = Build {
        nvrtc: "",
        modules: &[
            module("map", "80", Form::Cubin),
            module("map", "86", Form::Cubin),
            module("map", "90", Form::Cubin),
            module("map", "90", Form::Ptx),
            module("matmul_sm90a", "90a", Form::Cubin),
        ],
    };

    #[test]
    fn a_gpu_gets_the_newest_cubin_of_its_generation_or_ptx() {
        let chosen = |capability| {
            let modules = SMALL.choose(capability).map_err(|e| e.to_string())?;
            Ok::<_, String>(modules.iter().map(|m| (m.arch, m.form)).collect::<Vec<_>>())
        };
        assert_eq!(chosen((8, 0)).as_deref(), Ok(&[("80", Form::Cubin)][..]));
        assert_eq!(chosen((8, 9)).as_deref(), Ok(&[("86", Form::Cubin)][..]));
        assert_eq!(chosen((9, 0)).as_deref(), Ok(&[("90", Form::Cubin), ("90a", Form::Cubin)][..]));
        assert_eq!(chosen((10, 3)).as_deref(), Ok(&[("90", Form::Ptx)][..]));
        // Tegra runs no desktop cubin, and PTX for later ones neither.
        assert_eq!(chosen((11, 0)).as_deref(), Ok(&[("90", Form::Ptx)][..]));
        assert!(chosen((8, 7)).unwrap_err().contains("GANSAKU_ARCHS=87"));
        let refused = chosen((7, 5)).unwrap_err();
        assert!(refused.contains("7.5") && refused.contains("8.0, 8.6, 9.0"), "{refused}");
        assert!(refused.contains("GANSAKU_ARCHS=75"), "{refused}");
        assert_eq!(SMALL.choose((7, 5)).unwrap_err().exit_code(), 5);
    }

    #[test]
    fn launches_that_do_not_fit_are_refused() {
        let kernel = Kernel {
            name: "map",
            parameters: &[("MapArguments", 16)],
            max_threads: 128,
            registers: 20,
            shared_bytes: 40 << 10,
            local_bytes: 0,
        };
        let argument = |kind, bytes| vec![Argument { kind, bytes: vec![0; bytes] }];
        let good = argument("MapArguments", 16);
        let row = Geometry::row(3, 128);
        assert_eq!(kernel.check(row, &good, SHARED_BYTES), Ok(()));
        let refused =
            |geometry, arguments: &[Argument]| kernel.check(geometry, arguments, SHARED_BYTES).unwrap_err();
        assert_eq!(
            refused(row, &argument("ReduceArguments", 16)),
            "takes MapArguments (16 bytes), was given ReduceArguments (16 bytes)"
        );
        assert!(refused(row, &argument("MapArguments", 24)).contains("24 bytes"));
        assert!(refused(row, &[]).contains("was given nothing"));
        assert!(refused(Geometry::row(3, 129), &good).contains("1 to 128 threads"));
        assert!(refused(Geometry::row(3, 0), &good).contains("threads"));
        assert!(refused(Geometry::row(0, 128), &good).contains("no GPU runs"));
        assert!(refused(Geometry { grid: [1, 65_536, 1], ..row }, &good).contains("no GPU runs"));
        let more = Geometry { shared_bytes: (8 << 10) + 1, ..row };
        assert!(refused(more, &good).contains("shared memory"));
        assert_eq!(kernel.check(more, &good, SMALL.modules[4].most_shared_bytes()), Ok(()));
    }

    #[test]
    fn every_kernel_of_this_build_is_whole() {
        assert!(BUILD.modules.iter().any(|m| m.form == Form::Ptx), "PTX for GPUs to come");
        for module in BUILD.modules {
            let name = format!("{} for sm_{}", module.file, module.arch);
            match module.form {
                Form::Cubin => assert!(module.image.starts_with(b"\x7fELF"), "{name}"),
                Form::Ptx => {
                    assert!(std::str::from_utf8(module.image).is_ok_and(|t| t.contains(".target sm_")))
                }
            }
            assert!(!module.kernels.is_empty() && module.sha256.len() == 64, "{name}");
            for kernel in module.kernels {
                assert!(kernel.registers > 0 && kernel.registers <= 255, "{name}: {kernel:?}");
                assert_eq!(kernel.parameters.len(), 1, "{name}: {kernel:?}");
            }
            // Turing has no kernels for bf16 and tf32; what an architecture has it has like all others.
            let signature = |m: &Module| m.kernels.iter().map(|k| (k.name, k.parameters)).collect::<Vec<_>>();
            for other in BUILD.modules.iter().filter(|m| m.file == module.file) {
                let mut expected = signature(other);
                if module.arch_number() < (8, 0) {
                    expected.retain(|(name, _)| !name.ends_with("_bf16") && !name.ends_with("_tf32"));
                }
                if other.arch_number() >= (8, 0) {
                    assert_eq!(signature(module), expected, "{name} and sm_{}", other.arch);
                }
            }
        }
    }

    #[test]
    fn convolutions_multiply_on_the_tensor_cores() {
        for module in BUILD.modules.iter().filter(|m| m.file == "conv_mma" && m.form == Form::Cubin) {
            // An instruction has 16 bytes; the lowest twelve bits say which, as nvdisasm shows them: HMMA.
            let codes = module.image.chunks_exact(16).map(|i| u16::from_le_bytes([i[0], i[1]]) & 0xfff);
            let found = codes.filter(|&code| code == 0x23c).count();
            // In the loop of a kernel: two multiplications down for each eight columns and step of depth; tf32's steps
            // are one after the other but in narrow tiles, Turing's are half as deep.
            let [square, narrow] = [2 * 8, 2 * 2];
            let wanted = match module.arch_number() < (8, 0) {
                true => 3 * 2 * (square + narrow),
                false => 3 * (2 * (square + narrow) + square / 2 + narrow),
            };
            println!("sm_{}: {found} HMMA", module.arch);
            assert!(found >= wanted, "sm_{}: {found} HMMA, not {wanted}", module.arch);
            for kernel in module.kernels {
                assert_eq!(kernel.local_bytes, 0, "{}", kernel.name);
            }
        }
    }
}
