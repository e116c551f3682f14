//! The launch interface: what a device must do for the executor, and nothing of how.
//!
//! Two devices implement it: the CUDA driver, and the emulated GPU that runs the same kernels as host code.

use crate::error::{Error, Result};
use bytemuck::NoUninit;

/// One allocation on the device; an opaque number that its driver gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Buffer(pub u32);

/// How many threads a launch has, and the dynamic shared memory of each of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Blocks: x, y, z. None may be 0.
    pub grid: [u32; 3],
    /// Threads a block: x, y, z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory a block.
    pub shared_bytes: u32,
}

impl Geometry {
    /// A row of `blocks` blocks of `threads` threads, without dynamic shared memory.
    pub fn row(blocks: usize, threads: u32) -> Geometry {
        let blocks = u32::try_from(blocks).expect("fewer than 2³² blocks");
        Geometry { grid: [blocks, 1, 1], block: [threads, 1, 1], shared_bytes: 0 }
    }
}

impl std::fmt::Display for Geometry {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let ([gx, gy, gz], [bx, by, bz]) = (self.grid, self.block);
        write!(f, "{gx}×{gy}×{gz} blocks of {bx}×{by}×{bz} threads, {} bytes", self.shared_bytes)
    }
}

/// One kernel parameter: its bytes as the C ABI lays them out, and its C type for the signature check.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The parameter's C type, such as `ProgramArguments`.
    pub kind: &'static str,
    /// Value as the C ABI lays it out; addresses in it come from [`Driver::address`].
    pub bytes: Vec<u8>,
}

impl Argument {
    /// A parameter struct passed by value; `T` mirrors the C struct `kind` (`#[repr(C)]`, no padding).
    pub fn block<T: NoUninit>(kind: &'static str, value: &T) -> Argument {
        Argument { kind, bytes: bytemuck::bytes_of(value).to_vec() }
    }
}

/// One kernel launch, ready to go.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// The kernel's entry point.
    pub kernel: &'static str,
    /// Blocks and threads.
    pub geometry: Geometry,
    /// Parameters of the entry point.
    pub arguments: Vec<Argument>,
}

/// A matrix of 16-bit numbers as Hopper's bulk copies read it: by boxes of 64 × 64, zeros outside, with the 128-byte
/// swizzle of `kernels/wgmma.cuh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boxed {
    /// Address of the first element; a multiple of 16.
    pub address: u64,
    /// Elements of a line, lines.
    pub size: [u64; 2],
    /// Bytes from line to line; a multiple of 16.
    pub pitch: u64,
}

impl Boxed {
    /// Elements of a line of a box, lines; 128 bytes are as much as the swizzle takes.
    pub const BOX: [u32; 2] = [64, 64];
}

/// What a driver encoded a [`Boxed`] as: opaque, and good for its device alone.
pub type TensorMap = [u64; 16];

/// Launches that a driver recorded; an opaque number that it gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recording(pub u32);

/// What a driver was asked for since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Kernel launches, replayed ones included.
    pub launches: u64,
    /// Recordings started.
    pub replays: u64,
    /// Allocations.
    pub allocations: u64,
    /// Copies from the host to the device.
    pub uploads: u64,
    /// Copies from the device to the host; each waits for the device.
    pub downloads: u64,
    /// Explicit waits.
    pub synchronizations: u64,
}

/// A device with one in-order stream: calls take effect in the order they are made.
///
/// Every error is [`crate::error::Error::Device`]: what was asked for, of which device, and what to do next.
pub trait Driver {
    /// The device, for messages: `NVIDIA H200 (cuda:0)`.
    fn name(&self) -> String;

    /// Bytes that an allocation could still take.
    ///
    /// # Errors
    /// When the device does not answer.
    fn free_memory(&self) -> Result<usize>;

    /// New memory of `bytes` bytes, aligned to 256; contents undefined. 0 bytes is allowed.
    ///
    /// # Errors
    /// When memory is short; the message says how much was asked for and how much was free.
    fn allocate(&mut self, bytes: usize) -> Result<Buffer>;

    /// Where a buffer starts, as kernels see it; fixed for the buffer's life.
    fn address(&self, buffer: Buffer) -> u64;

    /// Fills `bytes` bytes from `offset` with zeros.
    ///
    /// # Errors
    /// On a range outside the buffer, or a device failure.
    fn zero(&mut self, buffer: Buffer, offset: usize, bytes: usize) -> Result<()>;

    /// Copies `from` to `offset` of the buffer. `from` may be reused when the call returns.
    ///
    /// # Errors
    /// On a range outside the buffer, or a device failure.
    fn upload(&mut self, buffer: Buffer, offset: usize, from: &[u8]) -> Result<()>;

    /// Copies `bytes` bytes of the buffer from offset `from` to offset `to`; the two ranges must not overlap.
    ///
    /// # Errors
    /// On a range outside the buffer, or a device failure.
    fn copy(&mut self, buffer: Buffer, from: usize, to: usize, bytes: usize) -> Result<()>;

    /// Copies from `offset` of the buffer, after everything launched before.
    ///
    /// # Errors
    /// On a range outside the buffer, or a failure of anything launched before.
    fn download(&mut self, buffer: Buffer, offset: usize, to: &mut [u8]) -> Result<()>;

    /// Whether the device has a kernel of this name.
    fn has(&self, kernel: &str) -> bool;

    /// A matrix for kernels that copy by boxes; `None` where the device has no such kernels, or was not asked to use them.
    ///
    /// # Errors
    /// When the device refuses the matrix.
    fn tensor_map(&self, matrix: &Boxed) -> Result<Option<TensorMap>> {
        let _ = matrix;
        Ok(None)
    }

    /// Starts a kernel. A geometry without blocks or threads is the caller's mistake.
    ///
    /// # Errors
    /// When no such kernel exists, `arguments` are not its parameters, or the device refuses.
    fn launch(&mut self, kernel: &str, geometry: Geometry, arguments: &[Argument]) -> Result<()>;

    /// Records launches, in order, so that one call of [`Driver::replay`] starts them all (a CUDA graph);
    /// `None` from a device that starts launches one by one. Nothing runs yet.
    ///
    /// # Errors
    /// When [`Driver::launch`] fails.
    fn record(&mut self, launches: &[&Packed]) -> Result<Option<Recording>> {
        let _ = launches;
        Ok(None)
    }

    /// Starts everything that was recorded.
    ///
    /// # Errors
    /// When there is no such recording, or the device refuses.
    fn replay(&mut self, recording: Recording) -> Result<()> {
        let Recording(number) = recording;
        Err(Error::Device(format!("{}: no recording {number}; this is a bug of the executor", self.name())))
    }

    /// Opens a range inside the one that is open: a profiler shows under its name what is launched until
    /// [`Driver::close_range`].
    ///
    /// # Errors
    /// When the device has no ranges.
    fn open_range(&mut self, name: &str) -> Result<()> {
        Err(Error::Device(format!("{}: no profiler can show {name:?}", self.name())))
    }

    /// Closes the range that was opened last.
    fn close_range(&mut self) {}

    /// Waits for everything asked for so far.
    ///
    /// # Errors
    /// When something launched before failed.
    fn synchronize(&mut self) -> Result<()>;

    /// What was asked for so far.
    fn counters(&self) -> Counters;
}
