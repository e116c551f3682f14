//! Devices that fail: whatever call goes wrong, the executor stops there and says so.

mod common;

use common::{CLASSES, NUMBERS};
use gansaku::error::{Error, Result};
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::launch::{Argument, Buffer, Counters, Driver, Geometry};
use gansaku::exec::{self, Device, Executor, Record, States, Turn};
use gansaku::lower::Plan;
use gansaku::models::gan::Gan;
use gansaku::precision::Precision;
use gansaku::train;
use std::borrow::Cow;
use std::cell::Cell;

/// Host memory for a device; kernels do nothing.
struct Still {
    buffers: Vec<Vec<u8>>,
    capacity: usize,
    counters: Counters,
}

impl Still {
    fn new(capacity: usize) -> Still {
        Still { buffers: vec![], capacity, counters: Counters::default() }
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
    fn download(&mut self, buffer: Buffer, offset: usize, to: &mut [u8]) -> Result<()> {
        self.counters.downloads += 1;
        to.copy_from_slice(&self.buffers[buffer.0 as usize][offset..offset + to.len()]);
        Ok(())
    }
    fn has(&self, _: &str) -> bool {
        true
    }
    fn launch(&mut self, _: &str, _: Geometry, _: &[Argument]) -> Result<()> {
        self.counters.launches += 1;
        Ok(())
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
fn fault(call: usize) -> Error {
    Error::Device(format!("still device: call {call}: an illegal memory access"))
}

/// A device whose `fail_at`-th call fails, and every call after it: what a lost context does.
struct Faulty<'a, D> {
    inner: D,
    fail_at: usize,
    /// Calls so far, failed ones included; outlives the device.
    calls: &'a Cell<usize>,
}

impl<D: Driver> Faulty<'_, D> {
    fn call(&self) -> Result<()> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        if number < self.fail_at { Ok(()) } else { Err(fault(number)) }
    }
}

impl<D: Driver> Driver for Faulty<'_, D> {
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
    fn synchronize(&mut self) -> Result<()> {
        self.call()?;
        self.inner.synchronize()
    }
    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}

fn conditional() -> Gan {
    let mut variants = common::variants();
    let at = variants.iter().position(|(name, _)| *name == "conditional").expect("a variant");
    Gan::new(&variants.swap_remove(at).1, NUMBERS, CLASSES)
}

/// A model on a device.
fn place<D: Driver>(gan: &Gan, device: D) -> Result<Cuda<D>> {
    let states = common::executor(gan, 1).states().clone();
    let data = common::data(NUMBERS, CLASSES);
    Cuda::new(device, gan.plans(), &states, train::rules(gan), Some(data), 7)
}

/// Everything that a short run asks of its device once it is there.
fn train<D: Driver>(gpu: &mut Cuda<D>) -> Result<()> {
    for plan in 0..gpu.plans().len() {
        gpu.run(plan, plan as u64, &common::rates(1))?;
    }
    gpu.synchronize()?;
    let states = gpu.states()?;
    gpu.set_states(&states)
}

#[test]
fn every_call_that_fails_ends_the_run_with_its_error() {
    let gan = conditional();
    let calls = Cell::new(0);
    let faulty = |fail_at| {
        calls.set(0);
        Faulty { inner: Still::new(1 << 30), fail_at, calls: &calls }
    };
    let mut gpu = place(&gan, faulty(usize::MAX)).expect("no fault, no error");
    let placed = calls.get();
    train(&mut gpu).expect("no fault, no error");
    let total = calls.get();
    assert!(placed > 20 && total > placed + 20, "{placed} of {total} calls make up the start of a run");
    for fail_at in 0..total {
        let found = place(&gan, faulty(fail_at)).and_then(|mut gpu| train(&mut gpu));
        let found = found.expect_err("a fault ends the run");
        assert_eq!(found.exit_code(), 5);
        assert_eq!(found, fault(fail_at), "call {fail_at} of {total}: the device's own words");
        assert_eq!(calls.get(), fail_at + 1, "call {fail_at} of {total}: a lost device is asked no more");
    }
}

#[test]
fn too_little_memory_is_told_before_any_is_taken() {
    let gan = conditional();
    let calls = Cell::new(0);
    let device = Faulty { inner: Still::new(1000), fail_at: usize::MAX, calls: &calls };
    let error = place(&gan, device).err().expect("1000 bytes hold no model");
    assert_eq!(error.exit_code(), 5);
    let text = error.to_string();
    for part in ["still device: this run needs 1 MiB", "0 MiB are free", "lower train.batch"] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    assert_eq!(calls.get(), 1, "only free memory was asked for");
}

/// A CPU whose records say that fp16 overflowed at every update, down to a scale.
struct Overflowing {
    inner: Box<dyn Executor>,
    scale: f32,
}

impl Executor for Overflowing {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn plans(&self) -> &[Plan] {
        self.inner.plans()
    }
    fn run(&mut self, turns: &[Turn]) -> Result<()> {
        self.inner.run(turns)
    }
    fn records(&mut self) -> Result<Vec<Record>> {
        let overflow = |record: Record| {
            self.scale *= 0.5;
            let gradient_norm2 = [f64::INFINITY, record.gradient_norm2[1]];
            Record { gradient_norm2, loss_scale: [self.scale, 65_536.0], skipped: [true, false], ..record }
        };
        Ok(self.inner.records()?.into_iter().map(overflow).collect())
    }
    fn patience(&self) -> usize {
        1
    }
    fn states(&mut self) -> Result<Cow<'_, States>> {
        self.inner.states()
    }
    fn set_states(&mut self, states: States) -> Result<()> {
        self.inner.set_states(states)
    }
}

#[test]
fn a_loss_scale_at_its_floor_ends_the_run() {
    let mut variants = common::variants();
    let (_, mut config) = variants.swap_remove(0);
    config.train.precision = Precision::Fp16;
    let data = common::data(NUMBERS, CLASSES);
    let mut trainer = train::Trainer::new(&config, &data, |job| {
        let inner = exec::open(Device::Cpu, 1)?(job)?;
        Ok(Box::new(Overflowing { inner, scale: 16.0 }))
    })
    .expect("data that fit");
    for _ in 0..4 {
        trainer.step().expect("an overflow is no failure: 8, 4, 2, 1");
    }
    let line = trainer.line(0.0).expect("finite");
    assert_eq!((line.skipped_updates, line.g_loss_scale), (Some(4), Some(1.0)));
    assert!(line.g_gradient_norm == 0.0 && line.d_gradient_norm.is_finite(), "what was left out has no norm");
    let error = trainer.step().expect_err("one half is below the floor");
    assert_eq!(error.exit_code(), 6);
    let text = error.to_string();
    assert!(text.contains("step 5: the generator's gradient") && text.contains("--precision bf16"), "{text}");
}
