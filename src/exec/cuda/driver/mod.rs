//! The real GPU: NVIDIA's driver through cudarc. With the modules in here, the one room of the CUDA executor with
//! `unsafe`.
//!
//! Nothing here waits but downloads, [`Driver::synchronize`] and uploads of more than [`STAGED`] bytes.
#![allow(unsafe_code)]

mod errors;
mod graph;
mod modules;
mod presence;
mod ranges;
mod staging;

pub use modules::first_that_fits;
pub use presence::{Gpu, Presence, presence, too_old};
pub use ranges::ready as ranges_ready;

use super::kernels::SHARED_BYTES;
use super::launch::{Argument, Boxed, Buffer, Counters, Driver, Geometry, Packed, Recording, TensorMap};
use crate::error::{Error, Result};
use cudarc::driver::sys::{self, CUresult as Code};
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr, DriverError, result};
use errors::{advice, failure};
use graph::{Graph, Refused};
use modules::{Function, images, load};
use staging::{STAGED, Staging};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

/// Device memory.
struct Allocation {
    /// Frees the memory when dropped.
    _memory: CudaSlice<u8>,
    address: u64,
    bytes: usize,
}

/// Asks for the kernels of Hopper's own units where it is set to 1.
pub const HOPPER: &str = "GANSAKU_HOPPER";

/// Whether this process was asked to use Hopper's own units. They are off until they have run on one.
pub fn wants_hopper() -> bool {
    std::env::var_os(HOPPER).is_some_and(|value| value == "1")
}

/// A GPU of this machine with this build's kernels loaded.
///
/// Fields are dropped in their order: recordings before the memory and functions that they use, those before the
/// stream, the context last.
pub struct Nvidia {
    name: String,
    recordings: Vec<Graph>,
    buffers: Vec<Allocation>,
    staging: Staging,
    functions: HashMap<&'static str, Function>,
    /// The kernel launched last, for errors that come late.
    last: Option<&'static str>,
    counters: Counters,
    stream: Arc<CudaStream>,
    context: Arc<CudaContext>,
}

impl Nvidia {
    /// Takes GPU `number` and loads the kernels onto it; those of Hopper's own units where [`HOPPER`] asks for them.
    ///
    /// # Errors
    /// When there is no such GPU, its driver is too old, no image of this build runs on it, or it fails.
    pub fn open(number: usize) -> Result<Nvidia> {
        Nvidia::open_with(number, wants_hopper())
    }

    /// Opens a GPU, with Hopper's kernels or without them whatever [`HOPPER`] says.
    ///
    /// # Errors
    /// When [`Nvidia::open`] fails.
    pub fn open_with(number: usize, hopper: bool) -> Result<Nvidia> {
        let (driver, gpus) = match presence()? {
            Presence::Present { driver, gpus } => (driver, gpus),
            Presence::Absent(why) => {
                return Err(Error::Device(format!("--device cuda:{number}: {why}; use --device cpu")));
            }
        };
        let gpu = gpus.get(number).ok_or_else(|| {
            let list: Vec<String> =
                gpus.iter().enumerate().map(|(i, g)| format!("cuda:{i} {}", g.name)).collect();
            Error::Device(format!("--device cuda:{number}: no such GPU; there are {}", list.join(", ")))
        })?;
        let name = format!("{} (cuda:{number})", gpu.name);
        let mut modules = images(driver, gpu).map_err(|e| Error::Device(format!("{name}: {e}")))?;
        modules.retain(|m| hopper || !m.is_special());
        let special = modules.iter().any(|m| m.is_special());
        let name = if special { format!("{name} with wgmma") } else { name.clone() };
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
        let staging = Staging::new(&context).map_err(|e| failed("page-locking memory of the host", e))?;
        Ok(Nvidia {
            name,
            recordings: vec![],
            buffers: vec![],
            staging,
            functions,
            last: None,
            counters: Counters::default(),
            stream,
            context,
        })
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

    /// Hands a launch to the stream, which runs or records it; the kernel's name.
    fn start(&self, kernel: &str, geometry: Geometry, arguments: &[Argument]) -> Result<&'static str> {
        let bug = |what: &str| {
            Error::Device(format!("{}: {kernel}: {what}; this is a bug of the executor", self.name))
        };
        let found = self.functions.get(kernel).ok_or_else(|| bug("this build has no such kernel"))?;
        let Function { function, kernel: entry, most_shared } = found;
        entry.check(geometry, arguments, *most_shared).map_err(|what| bug(&what))?;
        self.bind(kernel)?;
        let ([gx, gy, gz], [bx, by, bz]) = (geometry.grid, geometry.block);
        let mut values: Vec<*mut c_void> =
            arguments.iter().map(|a| a.bytes.as_ptr().cast_mut().cast()).collect();
        // SAFETY: the function belongs to a module that `self` keeps loaded. There are as many parameters as it
        // takes, each with as many bytes, by `check`; the driver copies them before it returns and does not
        // write them. What addresses in them point to is `self.buffers`, freed on the same stream; a recording has
        // the same addresses and function, and is dropped before them.
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
        Ok(entry.name)
    }

    fn wait(&self, what: &str) -> Result<()> {
        // Not `CudaStream::synchronize`, which does not wait where an error was noted before.
        // SAFETY: the stream lives as long as `self`.
        let waited = unsafe { result::stream::synchronize(self.stream.cu_stream()) };
        waited.and(self.context.check_err()).map_err(|e| self.failure(what, e))
    }
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
        let address = memory.device_ptr(&self.stream).0;
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
        // SAFETY: the range lies inside a live allocation of this context; `drop` waits for the stream before
        // `staging` goes.
        let started = unsafe { self.staging.upload(&self.stream, address, from) };
        started.map_err(|e| self.failure(what, e))
    }

    fn copy(&mut self, buffer: Buffer, from: usize, to: usize, bytes: usize) -> Result<()> {
        let what = "a copy";
        let [source, target] = [from, to].map(|offset| self.range(what, buffer, offset, bytes));
        let (source, target) = (source?, target?);
        if bytes == 0 {
            return Ok(());
        }
        self.bind(what)?;
        // SAFETY: both ranges lie inside a live allocation of this context; the stream orders the copy among launches.
        let started = unsafe { result::memcpy_dtod_async(target, source, bytes, self.stream.cu_stream()) };
        started.map_err(|e| self.failure(what, e))
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

    fn tensor_map(&self, matrix: &Boxed) -> Result<Option<TensorMap>> {
        // Modules for 9.0 alone were loaded where they were asked for.
        if !self.functions.values().any(|f| f.most_shared > SHARED_BYTES) {
            return Ok(None);
        }
        let what = format!("encoding {matrix:?}");
        self.bind(&what)?;
        let mut map = sys::CUtensorMap { opaque: [0; 16] };
        // SAFETY: the map is written and aligned as its type says; sizes, pitch and box are read, as many as there are
        // axes (pitches one fewer). The address is stored, not followed.
        let encoded = unsafe {
            sys::cuTensorMapEncodeTiled(
                &raw mut map,
                // Bits are moved, whatever they mean; outside the matrix they are 0.
                sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_UINT16,
                2,
                matrix.address as *mut c_void,
                matrix.size.as_ptr(),
                [matrix.pitch].as_ptr(),
                Boxed::BOX.as_ptr(),
                [1, 1].as_ptr(),
                sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
                sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
                sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
                sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
            )
        };
        encoded.result().map_err(|e| self.failure(&what, e))?;
        Ok(Some(map.opaque))
    }

    fn launch(&mut self, kernel: &str, geometry: Geometry, arguments: &[Argument]) -> Result<()> {
        self.last = Some(self.start(kernel, geometry, arguments)?);
        self.counters.launches += 1;
        Ok(())
    }

    fn record(&mut self, launches: &[&Packed]) -> Result<Option<Recording>> {
        let what = format!("recording {} launches", launches.len());
        let starts = launches.iter().map(|l| self.start(l.kernel, l.geometry, &l.arguments));
        let graph = Graph::record(&self.stream, starts).map_err(|refused| match refused {
            Refused::Driver(e) => self.failure(&what, e),
            Refused::Launch(e) => e,
        })?;
        self.recordings.push(graph);
        Ok(Some(Recording(self.recordings.len() as u32 - 1)))
    }

    fn replay(&mut self, Recording(number): Recording) -> Result<()> {
        let graph = self.recordings.get(number as usize).ok_or_else(|| {
            Error::Device(format!("{}: no recording {number}; this is a bug of the executor", self.name))
        })?;
        graph.start().map_err(|e| self.failure(&format!("starting {} launches", graph.launches), e))?;
        self.last = graph.last.or(self.last);
        self.counters.replays += 1;
        self.counters.launches += graph.launches;
        Ok(())
    }

    fn open_range(&mut self, name: &str) -> Result<()> {
        ranges::open(name)
    }

    fn close_range(&mut self) {
        ranges::close();
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
        // Staged uploads read memory that is freed next. An error here was reported or will never matter; one that was
        // noted earlier would keep the first wait from waiting.
        let _ = self.context.check_err();
        let _ = self.stream.synchronize();
        // Memory is freed in the stream's order: only a wait behind it gives it to whoever asks next.
        self.recordings.clear();
        self.buffers.clear();
        let _ = self.stream.synchronize();
    }
}
