//! The GPU executor: plans as kernel launches, everything resident on the device.
//!
//! Weights, moments, data and the arena are uploaded or made once; every launch's parameters are packed once.
//! A phase then is one upload of 72 bytes (tick and rates) and its launches, recorded as one where the device
//! can, with no wait and no allocation.

mod blocks;
#[cfg(feature = "cuda")]
pub mod driver;
pub mod emulated;
#[cfg(feature = "cuda")]
pub mod kernels;
pub mod launch;
mod matmul;
mod memory;
mod metrics;
mod pack;
mod update;

pub use metrics::SLOTS;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::exec::{Executor, Job, Rate, Record, States, UpdateRule};
use crate::graph::Player;
use crate::lower::{Place, Plan, Work};
use crate::precision::Precision;
use blocks::Clock;
use launch::{Driver, Packed, Recording};
use memory::{Memory, Sizes};
use metrics::Recorded;
use std::borrow::Cow;
use std::sync::Arc;

/// Runs plans on a device, over one arena and both networks' states.
pub struct Cuda<D: Driver> {
    driver: D,
    plans: Vec<Plan>,
    /// Of each plan: of each of its launches, the kernel launches; at the end, the one that records its metrics.
    packed: Vec<Vec<Vec<Packed>>>,
    /// Of each plan, where the device can record.
    recordings: Vec<Option<Recording>>,
    memory: Memory,
    rules: [UpdateRule; 2],
    seed: u64,
    recorded: Recorded,
}

impl<D: Driver> Cuda<D> {
    /// An executor of `plans`, which share one arena. Plans that gather need `data`.
    ///
    /// # Errors
    /// When the device has too little memory, fails, or cannot run a launch of the plans.
    pub fn new(
        mut driver: D,
        plans: Vec<Plan>,
        states: &States,
        rules: [UpdateRule; 2],
        data: Option<Arc<Dataset>>,
        seed: u64,
    ) -> Result<Cuda<D>> {
        let arena = plans.iter().map(|p| p.arena).max().unwrap_or(0);
        let gathers = |p: &Plan| p.launches.iter().any(|l| matches!(l.work, Work::Gather { .. }));
        let data = data.filter(|_| plans.iter().any(gathers));
        let sizes = Sizes {
            arena,
            narrow: plans.iter().map(|p| p.narrow).max().unwrap_or(0),
            partial: matmul::partial_sums(&plans),
            clock: size_of::<Clock>(),
        };
        let precision = plans.first().map_or(Precision::Fp32, |p| p.precision);
        let memory = Memory::new(&mut driver, sizes, precision, states, &rules, data.as_deref())?;
        let launches = |p: &Plan| {
            let work = p.launches.iter().map(|l| pack::pack(l, &memory, &rules));
            work.chain([metrics::pack(p, &memory)]).collect()
        };
        let packed = plans.iter().map(launches).collect::<Result<Vec<Vec<Vec<Packed>>>>>()?;
        let mut launches = packed.iter().flatten().flatten();
        if let Some(missing) = launches.find(|l| matmul::needs_ampere(l.kernel) && !driver.has(l.kernel)) {
            return Err(Error::Device(format!(
                "{}: no kernel {}: {} needs a GPU of compute capability 8.0 or newer; use --precision fp16 or fp32",
                driver.name(),
                missing.kernel,
                precision.name()
            )));
        }
        let mut record = |plan: &Vec<Vec<Packed>>| driver.record(&plan.iter().flatten().collect::<Vec<_>>());
        let recordings = packed.iter().map(&mut record).collect::<Result<_>>()?;
        let recorded = Recorded::default();
        Ok(Cuda { driver, plans, packed, recordings, memory, rules, seed, recorded })
    }

    /// An executor for training.
    ///
    /// # Errors
    /// As [`Cuda::new`].
    pub fn of(driver: D, job: Job) -> Result<Cuda<D>> {
        Cuda::new(driver, job.plans, &job.states, job.rules, Some(job.data), job.seed)
    }

    /// The plans, as given.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The kernel launches of each launch of a plan, and at the end the one that records its metrics.
    pub fn packed(&self, plan: usize) -> &[Vec<Packed>] {
        &self.packed[plan]
    }

    /// The device.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    /// Runs a plan: returns when its launches are queued.
    ///
    /// # Errors
    /// When the device fails; with drivers that do not wait, possibly at something launched before.
    pub fn run(&mut self, plan: usize, tick: u64, rates: &[Rate; 2]) -> Result<()> {
        self.begin(plan, tick, rates)?;
        if let Some(recording) = self.recordings[plan] {
            return self.driver.replay(recording);
        }
        for launch in 0..self.packed[plan].len() {
            self.launch(plan, launch)?;
        }
        Ok(())
    }

    /// Runs a plan and shows the device after each launch, by the launch's number.
    ///
    /// # Errors
    /// As [`Cuda::run`].
    pub fn run_observed(
        &mut self,
        plan: usize,
        tick: u64,
        rates: &[Rate; 2],
        observe: &mut dyn FnMut(usize, &mut Cuda<D>) -> Result<()>,
    ) -> Result<()> {
        self.begin(plan, tick, rates)?;
        for launch in 0..self.packed[plan].len() {
            self.launch(plan, launch)?;
            observe(launch, self)?;
        }
        Ok(())
    }

    /// Sends a phase's numbers ahead of its launches.
    fn begin(&mut self, plan: usize, tick: u64, rates: &[Rate; 2]) -> Result<()> {
        let slot = self.recorded.push(plan, tick);
        let rates = [0, 1].map(|i| update::rates(&self.rules[i], &rates[i]));
        let clock = Clock { seed: self.seed, tick, slot, rates };
        self.driver.upload(self.memory.clock.buffer, 0, bytemuck::bytes_of(&clock))
    }

    fn launch(&mut self, plan: usize, launch: usize) -> Result<()> {
        for p in &self.packed[plan][launch] {
            self.driver.launch(p.kernel, p.geometry, &p.arguments)?;
        }
        Ok(())
    }

    /// What the phases since the last call left, in order; waits for the device. Of more than
    /// [`SLOTS`], the last ones: whoever wants all asks often enough.
    ///
    /// # Errors
    /// When the device fails.
    pub fn records(&mut self) -> Result<Vec<Record>> {
        self.recorded.take(&mut self.driver, &self.memory, &self.plans)
    }

    /// Waits for the device.
    ///
    /// # Errors
    /// When something launched before failed.
    pub fn synchronize(&mut self) -> Result<()> {
        self.driver.synchronize()
    }

    /// A copy of both networks; waits for the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn states(&mut self) -> Result<States> {
        self.memory.states(&mut self.driver)
    }

    /// Replaces both networks: a resume.
    ///
    /// # Errors
    /// When the device fails.
    pub fn set_states(&mut self, states: &States) -> Result<()> {
        self.memory.set_states(&mut self.driver, states)
    }

    /// Squared norm of a network's last gradient; waits for the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn gradient_norm2(&mut self, player: Player) -> Result<f64> {
        self.memory.gradient_norm2(&mut self.driver, player)
    }

    /// Fills a host-filled input of a plan.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the plan has no such input or it has another length.
    pub fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()> {
        let found = self.plans[plan].inputs.iter().find(|i| i.name == name);
        let input = found.unwrap_or_else(|| panic!("no input {name}"));
        assert_eq!(input.len, values.len(), "length of input {name}");
        self.driver.upload(self.memory.arena.buffer, 4 * input.at, bytemuck::cast_slice(values))
    }

    /// A named result of the plan that ran last; waits for the device.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the plan has no such output.
    pub fn output(&mut self, plan: usize, name: &str) -> Result<Vec<f32>> {
        let found = self.plans[plan].outputs.iter().find(|o| o.name == name);
        let output = found.unwrap_or_else(|| panic!("no output {name}"));
        memory::take(&mut self.driver, self.memory.arena, output.at, output.len)
    }

    /// Elements at a place: what tests look at between launches.
    ///
    /// # Errors
    /// When the device fails.
    pub fn memory(&mut self, place: Place, len: usize) -> Result<Vec<f32>> {
        self.memory.read(&mut self.driver, place, len)
    }
}

impl<D: Driver> Executor for Cuda<D> {
    fn name(&self) -> String {
        self.driver.name()
    }

    fn plans(&self) -> &[Plan] {
        &self.plans
    }

    fn run(&mut self, plan: usize, tick: u64, rates: &[Rate; 2]) -> Result<()> {
        Cuda::run(self, plan, tick, rates)
    }

    fn records(&mut self) -> Result<Vec<Record>> {
        Cuda::records(self)
    }

    fn patience(&self) -> usize {
        SLOTS
    }

    fn states(&mut self) -> Result<Cow<'_, States>> {
        Ok(Cow::Owned(Cuda::states(self)?))
    }

    fn set_states(&mut self, states: States) -> Result<()> {
        Cuda::set_states(self, &states)
    }
}
