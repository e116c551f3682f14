//! Devices for tests: one that does nothing, and one that fails.

use gansaku::error::{Error, Result};
use gansaku::exec::cuda::launch::{Argument, Buffer, Counters, Driver, Geometry, Packed, Recording};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Host memory for a device; kernels do nothing.
pub struct Still {
    buffers: Vec<Vec<u8>>,
    capacity: usize,
    counters: Counters,
    shown: Rc<RefCell<Vec<String>>>,
}

impl Still {
    /// A device of `capacity` bytes.
    pub fn new(capacity: usize) -> Still {
        Still::profiled(capacity, &Rc::default())
    }

    /// One that adds to `shown` what a profiler would see: kernels by name, `<a range>` opened, `</>` closed.
    pub fn profiled(capacity: usize, shown: &Rc<RefCell<Vec<String>>>) -> Still {
        Still { buffers: vec![], capacity, counters: Counters::default(), shown: shown.clone() }
    }
}

impl Driver for Still {
    fn name(&self) -> String {
        "still device".into()
    }
    fn free_memory(&self) -> Result<usize> {
        Ok(self.capacity - self.buffers.iter().map(Vec::len).sum::<usize>())
    }
    fn allocate(&mut self, bytes: usize) -> Result<Buffer> {
        self.counters.allocations += 1;
        self.buffers.push(vec![0; bytes]);
        Ok(Buffer(self.buffers.len() as u32 - 1))
    }
    fn address(&self, buffer: Buffer) -> u64 {
        // Addresses that are apart; nobody follows them.
        u64::from(buffer.0 + 1) << 32
    }
    fn zero(&mut self, buffer: Buffer, offset: usize, bytes: usize) -> Result<()> {
        self.buffers[buffer.0 as usize][offset..offset + bytes].fill(0);
        Ok(())
    }
    fn upload(&mut self, buffer: Buffer, offset: usize, from: &[u8]) -> Result<()> {
        self.counters.uploads += 1;
        self.buffers[buffer.0 as usize][offset..offset + from.len()].copy_from_slice(from);
        Ok(())
    }
    fn copy(&mut self, buffer: Buffer, from: usize, to: usize, bytes: usize) -> Result<()> {
        self.buffers[buffer.0 as usize].copy_within(from..from + bytes, to);
        Ok(())
    }
    fn download(&mut self, buffer: Buffer, offset: usize, to: &mut [u8]) -> Result<()> {
        self.counters.downloads += 1;
        to.copy_from_slice(&self.buffers[buffer.0 as usize][offset..offset + to.len()]);
        Ok(())
    }
    fn has(&self, _: &str) -> bool {
        true
    }
    fn launch(&mut self, kernel: &str, _: Geometry, _: &[Argument]) -> Result<()> {
        self.counters.launches += 1;
        self.shown.borrow_mut().push(kernel.into());
        Ok(())
    }
    fn open_range(&mut self, name: &str) -> Result<()> {
        self.shown.borrow_mut().push(format!("<{name}>"));
        Ok(())
    }
    fn close_range(&mut self) {
        self.shown.borrow_mut().push("</>".into());
    }
    fn synchronize(&mut self) -> Result<()> {
        self.counters.synchronizations += 1;
        Ok(())
    }
    fn counters(&self) -> Counters {
        self.counters
    }
}

/// What the `call`-th call says where it fails.
pub fn fault(call: usize) -> Error {
    Error::Device(format!("still device: call {call}: an illegal memory access"))
}

/// A device whose `fail_at`-th call fails, and every call after it: what a lost context does.
pub struct Faulty<D> {
    inner: D,
    fail_at: usize,
    /// Outlives the device.
    calls: Rc<Calls>,
}

/// What a device was asked.
#[derive(Default)]
pub struct Calls {
    count: Cell<usize>,
}

impl Calls {
    /// Calls so far, failed ones included.
    pub fn get(&self) -> usize {
        self.count.get()
    }
}

impl<D: Driver> Faulty<D> {
    /// `inner` until a call fails. Counts into `calls`, from 0.
    pub fn new(inner: D, fail_at: usize, calls: &Rc<Calls>) -> Faulty<D> {
        calls.count.set(0);
        Faulty { inner, fail_at, calls: calls.clone() }
    }

    fn call(&self) -> Result<()> {
        let number = self.calls.get();
        self.calls.count.set(number + 1);
        if number < self.fail_at {
            return Ok(());
        }
        Err(fault(number))
    }
}

impl<D: Driver> Driver for Faulty<D> {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn free_memory(&self) -> Result<usize> {
        self.call()?;
        self.inner.free_memory()
    }
    fn allocate(&mut self, bytes: usize) -> Result<Buffer> {
        self.call()?;
        self.inner.allocate(bytes)
    }
    fn address(&self, buffer: Buffer) -> u64 {
        self.inner.address(buffer)
    }
    fn zero(&mut self, buffer: Buffer, offset: usize, bytes: usize) -> Result<()> {
        self.call()?;
        self.inner.zero(buffer, offset, bytes)
    }
    fn upload(&mut self, buffer: Buffer, offset: usize, from: &[u8]) -> Result<()> {
        self.call()?;
        self.inner.upload(buffer, offset, from)
    }
    fn copy(&mut self, buffer: Buffer, from: usize, to: usize, bytes: usize) -> Result<()> {
        self.call()?;
        self.inner.copy(buffer, from, to, bytes)
    }
    fn download(&mut self, buffer: Buffer, offset: usize, to: &mut [u8]) -> Result<()> {
        self.call()?;
        self.inner.download(buffer, offset, to)
    }
    fn has(&self, kernel: &str) -> bool {
        self.inner.has(kernel)
    }
    fn launch(&mut self, kernel: &str, geometry: Geometry, arguments: &[Argument]) -> Result<()> {
        self.call()?;
        self.inner.launch(kernel, geometry, arguments)
    }
    fn record(&mut self, launches: &[&Packed]) -> Result<Option<Recording>> {
        self.call()?;
        self.inner.record(launches)
    }
    fn replay(&mut self, recording: Recording) -> Result<()> {
        self.call()?;
        self.inner.replay(recording)
    }
    fn synchronize(&mut self) -> Result<()> {
        self.call()?;
        self.inner.synchronize()
    }
    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}
