//! The emulated GPU: the kernels compiled as host code, run thread by thread as fibers.
//!
//! A driver like any other, so lowering, geometry and argument packing run on the way. It finds what silicon
//! hides: accesses outside every allocation, races and uninitialised reads in shared memory, divergent
//! barriers, deadlocks; each ends the launch with an error that names file, line, kernel, block and thread.
//! It shows neither time nor occupancy.

mod build;
mod library;

pub use build::{Sanitizer, build, build_with, compiler, entry_points};

use super::launch::{Argument, Boxed, Buffer, Counters, Driver, Geometry, Packed, Recording, TensorMap};
use crate::error::{Error, Result};
use library::{Allocation, Library, Request};
use std::path::Path;
use std::sync::Arc;

/// An emulated GPU with its own memory.
pub struct Emulated {
    library: Library,
    allocations: Vec<Allocation>,
    capacity: usize,
    seed: u64,
    counters: Counters,
    recordings: Vec<Arc<[Packed]>>,
    hopper: bool,
}

/// Tells an emulated tensor map from other bytes; as in `hopper.cpp`.
const TENSOR_MAP: u64 = 0x7461_6d72_6f73_6e65;

impl Emulated {
    /// A GPU that runs the kernels of a library which [`build`] made, blocks and threads in an order drawn from
    /// `seed`, with `capacity` bytes of memory.
    ///
    /// # Errors
    /// When the library cannot be loaded.
    pub fn new(library: &Path, seed: u64, capacity: usize) -> Result<Emulated> {
        Ok(Emulated {
            library: Library::load(library)?,
            allocations: vec![],
            capacity,
            seed,
            counters: Counters::default(),
            recordings: vec![],
            hopper: false,
        })
    }

    /// A GPU like this one with Hopper's bulk copies and its shared memory.
    pub fn hopper(self) -> Emulated {
        Emulated { hopper: true, ..self }
    }

    fn used(&self) -> usize {
        self.allocations.iter().map(Allocation::len).sum()
    }

    /// The buffer's memory, if the range lies inside.
    fn range(&mut self, what: &str, buffer: Buffer, offset: usize, bytes: usize) -> Result<&mut Allocation> {
        let Buffer(number) = buffer;
        let found = self.allocations.get_mut(number as usize);
        let found = found.ok_or_else(|| {
            Error::Device(format!("emulated GPU: {what}: no buffer {number}; this is a bug of the executor"))
        })?;
        match offset.checked_add(bytes) {
            Some(end) if end <= found.len() => Ok(found),
            _ => Err(Error::Device(format!(
                "emulated GPU: {what} of {bytes} bytes at {offset} of buffer {number}, which has {}; \
                 this is a bug of the executor",
                found.len()
            ))),
        }
    }
}

impl Driver for Emulated {
    fn name(&self) -> String {
        "emulated GPU".into()
    }

    fn free_memory(&self) -> Result<usize> {
        Ok(self.capacity - self.used())
    }

    fn allocate(&mut self, bytes: usize) -> Result<Buffer> {
        let free = self.capacity - self.used();
        if bytes > free {
            return Err(Error::Device(format!(
                "emulated GPU: out of memory: {bytes} bytes asked for, {free} of {} free; lower train.batch",
                self.capacity
            )));
        }
        self.counters.allocations += 1;
        self.allocations.push(Allocation::new(bytes));
        Ok(Buffer(self.allocations.len() as u32 - 1))
    }

    fn address(&self, buffer: Buffer) -> u64 {
        self.allocations[buffer.0 as usize].address()
    }

    fn zero(&mut self, buffer: Buffer, offset: usize, bytes: usize) -> Result<()> {
        self.range("zeroing", buffer, offset, bytes)?.write(offset, &vec![0; bytes]);
        Ok(())
    }

    fn upload(&mut self, buffer: Buffer, offset: usize, from: &[u8]) -> Result<()> {
        self.range("an upload", buffer, offset, from.len())?.write(offset, from);
        self.counters.uploads += 1;
        Ok(())
    }

    fn copy(&mut self, buffer: Buffer, from: usize, to: usize, bytes: usize) -> Result<()> {
        let mut moved = vec![0; bytes];
        self.range("a copy", buffer, from, bytes)?.read(from, &mut moved);
        self.range("a copy", buffer, to, bytes)?.write(to, &moved);
        Ok(())
    }

    fn download(&mut self, buffer: Buffer, offset: usize, to: &mut [u8]) -> Result<()> {
        self.range("a download", buffer, offset, to.len())?.read(offset, to);
        self.counters.downloads += 1;
        Ok(())
    }

    fn has(&self, kernel: &str) -> bool {
        self.library.has(kernel)
    }

    fn tensor_map(&self, &Boxed { address, size, pitch }: &Boxed) -> Result<Option<TensorMap>> {
        if !self.hopper {
            return Ok(None);
        }
        // What NVIDIA's driver refuses.
        if address % 16 != 0 || pitch % 16 != 0 || size.contains(&0) {
            return Err(Error::Device(
                "emulated GPU: no tensor map: a matrix that is not aligned, or empty".into(),
            ));
        }
        let [width, height] = Boxed::BOX.map(u64::from);
        let mut map = [0; 16];
        // Three bits of the address: the swizzle of 128 bytes.
        map[..8].copy_from_slice(&[TENSOR_MAP, address, size[0], size[1], pitch, width, height, 3]);
        Ok(Some(map))
    }

    fn launch(&mut self, kernel: &str, geometry: Geometry, arguments: &[Argument]) -> Result<()> {
        let failure = |what: &str| Error::Device(format!("emulated GPU: {kernel}: {what}"));
        let Geometry { grid, block, shared_bytes } = geometry;
        let threads: u64 = block.iter().map(|&n| u64::from(n)).product();
        if grid.contains(&0) || threads == 0 || threads > 1024 || grid[1] > 65_535 || grid[2] > 65_535 {
            return Err(failure(&format!("no GPU runs {geometry}; this is a bug of the executor")));
        }
        let most = if self.hopper { 227 } else { 48 };
        if shared_bytes > most << 10 {
            return Err(failure(&format!("{geometry}: more than {most} KiB of shared memory a block")));
        }
        let [argument] = arguments else {
            return Err(failure(&format!("takes one parameter struct, {} were given", arguments.len())));
        };
        self.counters.launches += 1;
        let order = self.seed.wrapping_add(self.counters.launches);
        let request = Request { kernel, geometry, argument: &argument.bytes, order };
        self.library.launch(&request, &self.allocations).map_err(|report| failure(&report))?;
        match self.allocations.iter().position(|a| !a.guards_intact()) {
            None => Ok(()),
            Some(number) => Err(failure(&format!("wrote past the ends of buffer {number}"))),
        }
    }

    fn record(&mut self, launches: &[&Packed]) -> Result<Option<Recording>> {
        self.recordings.push(launches.iter().map(|&l| l.clone()).collect());
        Ok(Some(Recording(self.recordings.len() as u32 - 1)))
    }

    fn replay(&mut self, Recording(number): Recording) -> Result<()> {
        let launches = self.recordings.get(number as usize).cloned().ok_or_else(|| {
            Error::Device(format!("emulated GPU: no recording {number}; this is a bug of the executor"))
        })?;
        self.counters.replays += 1;
        launches.iter().try_for_each(|l| self.launch(l.kernel, l.geometry, &l.arguments))
    }

    fn synchronize(&mut self) -> Result<()> {
        self.counters.synchronizations += 1;
        Ok(())
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
