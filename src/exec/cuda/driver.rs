//! The real GPU: NVIDIA's driver through cudarc. The one room of the CUDA executor with `unsafe`.
//!
//! Nothing here waits but downloads, [`Driver::synchronize`] and uploads of more than [`STAGED`] bytes.
#![allow(unsafe_code)]

use super::kernels::{BUILD, Form, Kernel, Module};
use super::launch::{Argument, Buffer, Counters, Driver, Geometry};
use crate::error::{Error, Result};
use cudarc::driver::sys::{CUdevice_attribute as Attribute, CUresult as Code};
use cudarc::driver::{CudaContext, CudaEvent, CudaFunction, CudaSlice, CudaStream, PinnedHostSlice};
use cudarc::driver::{DriverError, result, sys};
use cudarc::nvrtc::Ptx;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

/// Uploads of at most this many bytes pass through page-locked memory and do not wait.
const STAGED: usize = 256;
/// Staged uploads that may be on their way at once.
const SLOTS: usize = 64;

/// What a machine offers.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// No GPU to use, and why: a normal state of a machine, not an error.
    Absent(String),
    /// GPUs, by number.
    Present {
        /// The newest CUDA that the driver knows: 12 and 9.
        driver: (i32, i32),
        /// At least one.
        gpus: Vec<Gpu>,
    },
}

/// A GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// What NVIDIA calls it.
    pub name: String,
    /// Compute capability.
    pub capability: (u32, u32),
    /// Bytes.
    pub memory: usize,
    /// How many.
    pub multiprocessors: u32,
}

/// Looks for a driver and GPUs. `CUDA_VISIBLE_DEVICES` hides and renumbers them, as everywhere.
///
/// # Errors
/// When there is a driver but it fails: that is never the same as having none.
pub fn presence() -> Result<Presence> {
    // SAFETY: opens the driver's library by its usual names; its initialisers are NVIDIA's.
    if !unsafe { sys::is_culib_present() } {
        return Ok(Presence::Absent("no NVIDIA driver is installed (no libcuda.so)".into()));
    }
    let failed = |e: DriverError| failure("NVIDIA driver", "looking for GPUs", e);
    let hidden = match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(value) => format!("; CUDA_VISIBLE_DEVICES is {value:?}"),
        Err(_) => String::new(),
    };
    match result::init() {
        Ok(()) => {}
        Err(DriverError(Code::CUDA_ERROR_NO_DEVICE)) => {
            return Ok(Presence::Absent(format!("the NVIDIA driver finds no GPU{hidden}")));
        }
        Err(DriverError(Code::CUDA_ERROR_STUB_LIBRARY)) => {
            return Ok(Presence::Absent("no NVIDIA driver is installed: libcuda.so is a stub".into()));
        }
        Err(e) => return Err(failed(e)),
    }
    let mut version = 0;
    // SAFETY: writes one integer, which outlives the call.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(failed)?;
    let gpus = (0..result::device::get_count().map_err(failed)?).map(|i| gpu(i).map_err(failed));
    let gpus: Vec<Gpu> = gpus.collect::<Result<_>>()?;
    if gpus.is_empty() {
        return Ok(Presence::Absent(format!("the NVIDIA driver finds no GPU{hidden}")));
    }
    Ok(Presence::Present { driver: (version / 1000, version % 1000 / 10), gpus })
}

fn gpu(number: i32) -> std::result::Result<Gpu, DriverError> {
    let device = result::device::get(number)?;
    // SAFETY: the device was just given out by the driver, and devices stay valid.
    let attribute = |a| unsafe { result::device::get_attribute(device, a) }.map(|n| n as u32);
    Ok(Gpu {
        name: result::device::get_name(device)?,
        capability: (
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        // SAFETY: as above.
        memory: unsafe { result::device::total_mem(device) }?,
        multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
    })
}

/// Why a driver cannot load kernels that NVRTC `nvrtc` ("12.9 …") compiled, if it cannot: cubins run on every
/// driver of the same major version and later ones.
pub fn too_old(driver: (i32, i32), nvrtc: &str) -> Option<String> {
    let major: i32 = nvrtc.split('.').next()?.parse().ok()?;
    let release = match major {
        12 => " (release 525 or newer)",
        13 => " (release 580 or newer)",
        _ => "",
    };
    (driver.0 < major).then(|| {
        format!(
            "the NVIDIA driver knows CUDA {}.{}, the kernels of this build need {major}.0; install a newer \
             driver{release}, or use --device cpu",
            driver.0, driver.1
        )
    })
}

/// A driver's error as ours: what was asked of which device, what the driver said, what to do next.
fn failure(device: &str, what: &str, error: DriverError) -> Error {
    let text = |s: std::result::Result<&std::ffi::CStr, DriverError>| {
        s.map_or_else(|_| format!("error {}", error.0 as u32), |s| s.to_string_lossy().into_owned())
    };
    let (name, said) = (text(error.error_name()), text(error.error_string()));
    Error::Device(format!("{device}: {what}: {said} ({name}); {}", advice(error.0)))
}

/// What a user can do about a driver's error.
fn advice(code: Code) -> &'static str {
    match code {
        Code::CUDA_ERROR_ILLEGAL_ADDRESS
        | Code::CUDA_ERROR_MISALIGNED_ADDRESS
        | Code::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | Code::CUDA_ERROR_INVALID_PC
        | Code::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | Code::CUDA_ERROR_HARDWARE_STACK_ERROR
        | Code::CUDA_ERROR_ASSERT
        | Code::CUDA_ERROR_LAUNCH_FAILED => {
            "a kernel failed, and nothing on the GPU counts any more: go on from the last checkpoint with \
             --resume; if it fails again, report this line and what `gansaku doctor` prints"
        }
        Code::CUDA_ERROR_ECC_UNCORRECTABLE => {
            "the GPU's memory is faulty: go on from the last checkpoint on another device"
        }
        Code::CUDA_ERROR_LAUNCH_TIMEOUT => {
            "the GPU also drives a display and stopped a long kernel: use another GPU, or a smaller train.batch"
        }
        Code::CUDA_ERROR_OUT_OF_MEMORY => {
            "lower train.batch, or free the GPU of other programs (`nvidia-smi`)"
        }
        Code::CUDA_ERROR_NO_BINARY_FOR_GPU => "build with GANSAKU_ARCHS naming this GPU's compute capability",
        Code::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => "install a newer NVIDIA driver, or use --device cpu",
        Code::CUDA_ERROR_DEVICE_UNAVAILABLE => {
            "another program may hold the GPU for itself: see `nvidia-smi`"
        }
        Code::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => {
            "the driver was updated while its kernel module was loaded: restart the machine"
        }
        _ => "see what `nvidia-smi` says, or use --device cpu",
    }
}

/// Device memory.
struct Allocation {
    /// Frees the memory when dropped.
    _memory: CudaSlice<u8>,
    address: u64,
    bytes: usize,
}

/// Page-locked memory that one small upload passes through.
struct Slot {
    memory: PinnedHostSlice<u8>,
    /// Passed when the copy out of `memory` is done.
    copied: CudaEvent,
}

/// A GPU of this machine with this build's kernels loaded.
///
/// Fields are dropped in their order: memory and functions before the stream, the context last.
pub struct Nvidia {
    name: String,
    buffers: Vec<Allocation>,
    slots: Vec<Slot>,
    /// The slot that the next staged upload takes.
    next: usize,
    functions: HashMap<&'static str, (CudaFunction, &'static Kernel)>,
    /// The kernel launched last, for errors that come late.
    last: Option<&'static str>,
    counters: Counters,
    stream: Arc<CudaStream>,
    context: Arc<CudaContext>,
}

impl Nvidia {
    /// Takes GPU `number` and loads the kernels onto it.
    ///
    /// # Errors
    /// When there is no such GPU, its driver is too old, no image of this build runs on it, or it fails.
    pub fn open(number: usize) -> Result<Nvidia> {
        let (driver, gpus) = match presence()? {
            Presence::Present { driver, gpus } => (driver, gpus),
            Presence::Absent(why) => {
                return Err(Error::Device(format!("cuda:{number}: {why}; use --device cpu")));
            }
        };
        let gpu = gpus.get(number).ok_or_else(|| {
            let list: Vec<String> =
                gpus.iter().enumerate().map(|(i, g)| format!("cuda:{i} {}", g.name)).collect();
            Error::Device(format!("cuda:{number}: no such GPU; there are {}", list.join(", ")))
        })?;
        let name = format!("{} (cuda:{number})", gpu.name);
        let named = |what: &dyn std::fmt::Display| Error::Device(format!("{name}: {what}"));
        if let Some(why) = too_old(driver, BUILD.nvrtc) {
            return Err(named(&why));
        }
        let modules = BUILD.choose(gpu.capability).map_err(|e| named(&e))?;
        let failed = |what: &str, e| failure(&name, what, e);
        let context = CudaContext::new(number).map_err(|e| failed("taking the GPU", e))?;
        // SAFETY: nothing is allocated yet, and all that will be is used on the one stream below, in order.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(|e| failed("making a stream", e))?;
        let mut functions = HashMap::new();
        for module in modules {
            load(&context, module, &mut functions).map_err(|e| {
                failed(&format!("loading {} (sm_{}, {:?})", module.file, module.arch, module.form), e)
            })?;
        }
        let slots = (0..SLOTS).map(|_| slot(&context)).collect::<std::result::Result<_, _>>();
        let slots = slots.map_err(|e| failed("page-locking memory of the host", e))?;
        let counters = Counters::default();
        Ok(Nvidia { name, buffers: vec![], slots, next: 0, functions, last: None, counters, stream, context })
    }

    fn failure(&self, what: &str, error: DriverError) -> Error {
        match self.last {
            Some(kernel) => failure(&self.name, &format!("{what}, launched last: {kernel}"), error),
            None => failure(&self.name, what, error),
        }
    }

    /// The address of a range, if it lies inside a buffer.
    fn range(&self, what: &str, Buffer(number): Buffer, offset: usize, bytes: usize) -> Result<u64> {
        let bug =
            |text: String| Error::Device(format!("{}: {text}; this is a bug of the executor", self.name));
        let found = self.buffers.get(number as usize);
        let found = found.ok_or_else(|| bug(format!("{what}: no buffer {number}")))?;
        match offset.checked_add(bytes) {
            Some(end) if end <= found.bytes => Ok(found.address + offset as u64),
            _ => Err(bug(format!(
                "{what} of {bytes} bytes at {offset} of buffer {number}, which has {}",
                found.bytes
            ))),
        }
    }

    /// Binds the context to this thread, and reports what failed where nothing could be returned.
    fn bind(&self, what: &str) -> Result<()> {
        self.context.bind_to_thread().map_err(|e| self.failure(what, e))
    }

    fn wait(&self, what: &str) -> Result<()> {
        let waited = self.stream.synchronize().and_then(|()| self.context.check_err());
        waited.map_err(|e| self.failure(what, e))
    }
}

fn load(
    context: &Arc<CudaContext>,
    module: &'static Module,
    functions: &mut HashMap<&'static str, (CudaFunction, &'static Kernel)>,
) -> std::result::Result<(), DriverError> {
    let image = match module.form {
        Form::Cubin => Ptx::from_binary(module.image.to_vec()),
        Form::Ptx => Ptx::from_src(String::from_utf8_lossy(module.image)),
    };
    let loaded = context.load_module(image)?;
    for kernel in module.kernels {
        functions.insert(kernel.name, (loaded.load_function(kernel.name)?, kernel));
    }
    Ok(())
}

fn slot(context: &Arc<CudaContext>) -> std::result::Result<Slot, DriverError> {
    // SAFETY: the memory is written before anything reads it, just below.
    let mut memory = unsafe { context.alloc_pinned_with_flags::<u8>(STAGED, 0) }?;
    // SAFETY: `STAGED` bytes were allocated there, and nobody else has them.
    unsafe { memory.as_mut_ptr()?.write_bytes(0, STAGED) };
    Ok(Slot { memory, copied: context.new_event(None)? })
}

impl Driver for Nvidia {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn free_memory(&self) -> Result<usize> {
        let info = self.context.mem_get_info().map_err(|e| self.failure("asking for free memory", e));
        info.map(|(free, _)| free)
    }

    fn allocate(&mut self, bytes: usize) -> Result<Buffer> {
        // The driver gives no memory of 0 bytes.
        // SAFETY: contents are undefined, as the trait says; kernels and copies write before they read.
        let memory = match unsafe { self.stream.alloc::<u8>(bytes.max(1)) } {
            Ok(memory) => memory,
            Err(DriverError(Code::CUDA_ERROR_OUT_OF_MEMORY)) => {
                return Err(Error::Device(format!(
                    "{}: out of memory: {} MiB asked for, {} MiB free; {}",
                    self.name,
                    bytes.div_ceil(1 << 20),
                    self.free_memory()? >> 20,
                    advice(Code::CUDA_ERROR_OUT_OF_MEMORY)
                )));
            }
            Err(e) => return Err(self.failure(&format!("allocating {bytes} bytes"), e)),
        };
        let address = {
            use cudarc::driver::DevicePtr;
            memory.device_ptr(&self.stream).0
        };
        self.counters.allocations += 1;
        self.buffers.push(Allocation { _memory: memory, address, bytes });
        Ok(Buffer(self.buffers.len() as u32 - 1))
    }

    fn address(&self, buffer: Buffer) -> u64 {
        self.buffers[buffer.0 as usize].address
    }

    fn zero(&mut self, buffer: Buffer, offset: usize, bytes: usize) -> Result<()> {
        let what = "zeroing";
        let address = self.range(what, buffer, offset, bytes)?;
        if bytes == 0 {
            return Ok(());
        }
        self.bind(what)?;
        // SAFETY: the range lies inside a live allocation of this context; the stream orders it among launches.
        let started = unsafe { result::memset_d8_async(address, 0, bytes, self.stream.cu_stream()) };
        started.map_err(|e| self.failure(what, e))
    }

    fn upload(&mut self, buffer: Buffer, offset: usize, from: &[u8]) -> Result<()> {
        let what = "an upload";
        let address = self.range(what, buffer, offset, from.len())?;
        if from.is_empty() {
            return Ok(());
        }
        self.bind(what)?;
        self.counters.uploads += 1;
        if from.len() > STAGED {
            // SAFETY: the range lies inside a live allocation of this context; `from` outlives the copy, since
            // the stream is waited for before this returns.
            let started = unsafe { result::memcpy_htod_async(address, from, self.stream.cu_stream()) };
            started.map_err(|e| self.failure(what, e))?;
            return self.wait(what);
        }
        let slot = &mut self.slots[self.next];
        self.next = (self.next + 1) % SLOTS;
        // Waits only while all slots are on their way: then the host is `SLOTS` uploads ahead of the GPU.
        let copied = slot.copied.synchronize().and_then(|()| {
            let staged = &mut slot.memory.as_mut_slice()?[..from.len()];
            staged.copy_from_slice(from);
            // SAFETY: the range lies inside a live allocation of this context; the slot is not written again
            // before its event has passed, and lives as long as the stream.
            unsafe { result::memcpy_htod_async(address, staged, self.stream.cu_stream()) }?;
            slot.copied.record(&self.stream)
        });
        copied.map_err(|e| self.failure(what, e))
    }

    fn download(&mut self, buffer: Buffer, offset: usize, to: &mut [u8]) -> Result<()> {
        let what = "a download";
        let address = self.range(what, buffer, offset, to.len())?;
        self.counters.downloads += 1;
        self.bind(what)?;
        if !to.is_empty() {
            // SAFETY: the range lies inside a live allocation of this context; `to` outlives the copy, since the
            // stream is waited for before this returns.
            let started = unsafe { result::memcpy_dtoh_async(to, address, self.stream.cu_stream()) };
            started.map_err(|e| self.failure(what, e))?;
        }
        self.wait(what)
    }

    fn has(&self, kernel: &str) -> bool {
        self.functions.contains_key(kernel)
    }

    fn launch(&mut self, kernel: &str, geometry: Geometry, arguments: &[Argument]) -> Result<()> {
        let bug = |what: &str| {
            Error::Device(format!("{}: {kernel}: {what}; this is a bug of the executor", self.name))
        };
        let (function, entry) =
            self.functions.get(kernel).ok_or_else(|| bug("this build has no such kernel"))?;
        entry.check(geometry, arguments).map_err(|what| bug(&what))?;
        self.bind(kernel)?;
        let ([gx, gy, gz], [bx, by, bz]) = (geometry.grid, geometry.block);
        let mut values: Vec<*mut c_void> =
            arguments.iter().map(|a| a.bytes.as_ptr().cast_mut().cast()).collect();
        // SAFETY: the function belongs to a module that `self` keeps loaded. There are as many parameters as it
        // takes, each with as many bytes, by `check`; the driver copies them before it returns and does not
        // write them. What addresses in them point to is `self.buffers`, freed on the same stream.
        let started = unsafe {
            result::launch_kernel(
                function.cu_function(),
                (gx, gy, gz),
                (bx, by, bz),
                geometry.shared_bytes,
                self.stream.cu_stream(),
                &mut values,
            )
        };
        started.map_err(|e| self.failure(&format!("launching {kernel} with {geometry}"), e))?;
        self.last = Some(entry.name);
        self.counters.launches += 1;
        Ok(())
    }

    fn synchronize(&mut self) -> Result<()> {
        self.counters.synchronizations += 1;
        self.bind("waiting")?;
        self.wait("waiting")
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

impl Drop for Nvidia {
    fn drop(&mut self) {
        // Staged uploads read memory that is freed next. An error here was reported or will never matter.
        let _ = self.stream.synchronize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_older_than_the_kernels_is_told_apart() {
        assert_eq!(too_old((12, 0), "12.9 (libnvrtc.so.12)"), None);
        assert_eq!(too_old((13, 1), "12.9 (libnvrtc.so.12)"), None);
        let old = too_old((11, 8), "12.9 (libnvrtc.so.12)").unwrap();
        assert!(old.contains("CUDA 11.8") && old.contains("12.0") && old.contains("525"), "{old}");
        assert!(too_old((12, 9), "13.0 (libnvrtc.so.13)").unwrap().contains("580"));
    }

    #[test]
    fn errors_end_with_what_to_do() {
        assert!(advice(Code::CUDA_ERROR_ILLEGAL_ADDRESS).contains("--resume"));
        assert!(advice(Code::CUDA_ERROR_OUT_OF_MEMORY).contains("train.batch"));
        assert!(advice(Code::CUDA_ERROR_NO_BINARY_FOR_GPU).contains("GANSAKU_ARCHS"));
        assert!(advice(Code::CUDA_ERROR_UNKNOWN).contains("nvidia-smi"));
    }
}
