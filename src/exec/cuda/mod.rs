//! The GPU executor: plans as kernel launches, everything resident on the device.
//!
//! Weights, moments, data and the arena are uploaded or made once; every launch's parameters are packed once.
//! A phase then is its launches, recorded as one where the device can, with no wait, no allocation and no
//! upload: its last launch moves the clock on the device to the next phase. The host follows, and uploads a
//! clock only where it wants another phase than the device expects: the first one, or one after a resume. So
//! many steps may be one recording.

mod blocks;
mod clock;
#[cfg(feature = "cuda")]
pub mod driver;
pub mod emulated;
mod hopper;
#[cfg(feature = "cuda")]
pub mod kernels;
pub mod launch;
mod matmul;
mod measured;
mod memory;
mod metrics;
mod pack;
pub mod parzen;
mod program;
mod states;
mod tiling;
mod update;

pub use blocks::{Clock, Rates};
pub use memory::Options;
pub use metrics::SLOTS;
pub use tiling::Multiprocessors;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::exec::measured::Measured;
use crate::exec::schedule::Schedule;
use crate::exec::{self, Executor, ExecutorSpec, NetworkState, PhaseRun, Rate, Record, States, UpdateRule};
use crate::graph::OptimizerId;
use crate::lower::{Place, Plan};
use clock::{Mirror, Rules};
use launch::{Driver, Packed, Recording};
use memory::{Memory, PlanMemory, Sizes};
use metrics::Recorded;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Runs plans on a device, over one arena and the optimizers' states.
pub struct Cuda<D: Driver> {
    driver: D,
    plans: Vec<Plan>,
    /// Of each plan: of each of its launches, the kernel launches; at the end, the one that ends the phase.
    packed: Vec<Vec<Vec<Packed>>>,
    /// Of each list of plans that was run, where the device can record.
    recordings: HashMap<Vec<usize>, Option<Recording>>,
    /// Of each plan that was run as a task, the same.
    tasks: HashMap<usize, Option<Recording>>,
    /// Of each plan, launch and number of repetitions that was measured, the same.
    repetitions: HashMap<(usize, usize, usize), Option<Recording>>,
    memory: Memory,
    clock: Mirror,
    recorded: Recorded,
    /// The optimizers' states, where nothing ran since they were read.
    known: Option<States>,
}

impl<D: Driver> Cuda<D> {
    /// An executor of `plans`, which share one arena, for rates that follow no schedule. Plans that gather need
    /// `data`.
    ///
    /// # Errors
    /// As [`Cuda::of`].
    pub fn new(
        driver: D,
        plans: Vec<Plan>,
        states: &[NetworkState],
        rules: Vec<UpdateRule>,
        data: Option<Arc<Dataset>>,
        seed: u64,
    ) -> Result<Cuda<D>> {
        let schedule = Schedule::constant(&vec![Rate::REST; states.len()]);
        Cuda::of(driver, ExecutorSpec { plans, states: states.to_vec(), rules, schedule, data, seed })
    }

    /// An executor for training.
    ///
    /// # Errors
    /// When the device has too little memory, fails, or cannot run a launch of the plans.
    pub fn of(driver: D, job: ExecutorSpec) -> Result<Cuda<D>> {
        Cuda::with(driver, job, Options::default())
    }

    /// An executor with other options than a training's.
    ///
    /// # Errors
    /// As [`Cuda::of`].
    pub fn with(mut driver: D, job: ExecutorSpec, options: Options) -> Result<Cuda<D>> {
        let ExecutorSpec { plans, states, rules, schedule, data, seed } = job;
        exec::check(&plans, &states, &rules);
        assert_eq!(states.len(), schedule.optimizers.len(), "a schedule for each optimizer");
        let arena = plans.iter().map(|p| p.arena).max().unwrap_or(0);
        let gathers = |p: &Plan| p.launches.iter().any(|l| l.work.kind() == "gather");
        let data = data.filter(|_| plans.iter().any(gathers));
        let sizes = Sizes {
            arena,
            narrow: plans.iter().map(|p| p.narrow).max().unwrap_or(0),
            slices: tiling::Scratch::of(&plans, options.multiprocessors),
            gradients: OptimizerId::first(states.len())
                .map(|o| matmul::gradient_blocks(&plans, o, options.multiprocessors))
                .collect(),
            clock: size_of::<Clock>(),
            programs: pack::program_bytes(&plans),
        };
        let format = plans.iter().find_map(|p| p.precision.stored());
        let data = data.as_deref();
        let memory = Memory::new(&mut driver, &sizes, format, &states, &rules, data, options)?;
        let rules = Rules { schedule, rules };
        let mut programs = vec![];
        let launches = |p: &Plan| {
            let measured = matmul::measured(p, options.multiprocessors);
            let own = PlanMemory::new(&memory, p);
            let mut pack = |l| pack::pack(l, own, &rules.rules, measured, &mut programs);
            let work = p.launches.iter().map(|l| hopper::take_over(&driver, pack(l)?));
            work.chain([clock::pack(p, &memory, &rules).map(|close| vec![close])]).collect()
        };
        let packed = plans.iter().map(launches).collect::<Result<Vec<Vec<Vec<Packed>>>>>()?;
        driver.upload(memory.programs.buffer, 0, bytemuck::cast_slice(&programs))?;
        let mut launches =
            plans.iter().zip(&packed).flat_map(|(p, packed)| packed.iter().flatten().map(move |l| (p, l)));
        let missing = |(_, l): &(&Plan, &Packed)| tiling::needs_ampere(l.kernel) && !driver.has(l.kernel);
        if let Some((plan, missing)) = launches.find(missing) {
            return Err(Error::Device(format!(
                "{}: no kernel {}: {} needs a GPU of compute capability 8.0 or newer; use --precision fp16 or fp32",
                driver.name(),
                missing.kernel,
                plan.precision.name()
            )));
        }
        let (clock, recorded) = (Mirror::new(rules, seed), Recorded::default());
        let (recordings, tasks, repetitions) = (HashMap::new(), HashMap::new(), HashMap::new());
        Ok(Cuda {
            driver,
            plans,
            packed,
            recordings,
            tasks,
            repetitions,
            memory,
            clock,
            recorded,
            known: None,
        })
    }

    /// The plans, as given.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The kernel launches of each launch of a plan, and at the end the one that ends the phase.
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
    pub fn run(&mut self, phase: &PhaseRun) -> Result<()> {
        self.run_all(std::slice::from_ref(phase))
    }

    /// Runs phases, in order, as one recording where the device can record and its clock comes from each phase to
    /// the next by itself. A list of plans is recorded when it first comes.
    ///
    /// # Errors
    /// As [`Cuda::run`].
    pub fn run_all(&mut self, turns: &[PhaseRun]) -> Result<()> {
        let Some(first) = turns.first() else { return Ok(()) };
        if !self.clock.foresees(turns, &self.plans) {
            return turns.iter().try_for_each(|turn| self.run_all(std::slice::from_ref(turn)));
        }
        let recording = self.recording(turns)?;
        self.begin(first)?;
        match recording {
            Some(recording) => self.driver.replay(recording)?,
            None => turns.iter().try_for_each(|turn| {
                (0..self.packed[turn.plan].len()).try_for_each(|launch| self.launch(turn.plan, launch))
            })?,
        }
        turns.iter().for_each(|turn| self.end(turn));
        Ok(())
    }

    /// All launches of these phases, where the device can record.
    fn recording(&mut self, turns: &[PhaseRun]) -> Result<Option<Recording>> {
        let plans: Vec<usize> = turns.iter().map(|turn| turn.plan).collect();
        if let Some(&found) = self.recordings.get(&plans) {
            return Ok(found);
        }
        let launches: Vec<&Packed> =
            plans.iter().flat_map(|&plan| self.packed[plan].iter().flatten()).collect();
        let recording = self.driver.record(&launches)?;
        self.recordings.insert(plans, recording);
        Ok(recording)
    }

    /// Runs a plan that changes nothing that outlives it, between phases: the next phase sets the clock again.
    ///
    /// # Errors
    /// As [`Cuda::run`].
    ///
    /// # Panics
    /// When the plan updates, or stores states.
    pub fn run_task(&mut self, plan: usize, tick: u64) -> Result<()> {
        assert!(self.plans[plan].is_task(), "plan {plan} changes what outlives it");
        // What ends a phase comes last.
        let launches = self.packed[plan].len() - 1;
        let recording = match self.tasks.get(&plan) {
            Some(&found) => found,
            None => {
                let all: Vec<&Packed> = self.packed[plan][..launches].iter().flatten().collect();
                let made = self.driver.record(&all)?;
                *self.tasks.entry(plan).or_insert(made)
            }
        };
        let phase = PhaseRun::alone(plan, tick, Rate::ALL_REST);
        self.clock.set(&mut self.driver, &self.memory, &phase, self.recorded.next as u64)?;
        match recording {
            Some(recording) => self.driver.replay(recording),
            None => (0..launches).try_for_each(|launch| self.launch(plan, launch)),
        }
    }

    /// Runs a plan and shows the device after each launch, by the launch's number.
    ///
    /// # Errors
    /// As [`Cuda::run`].
    pub fn run_observed(
        &mut self,
        phase: &PhaseRun,
        observe: &mut dyn FnMut(usize, &mut Cuda<D>) -> Result<()>,
    ) -> Result<()> {
        self.begin(phase)?;
        for launch in 0..self.packed[phase.plan].len() {
            self.launch(phase.plan, launch)?;
            observe(launch, self)?;
        }
        self.end(phase);
        Ok(())
    }

    /// Has the clock hold a phase's numbers before its launches.
    fn begin(&mut self, turn: &PhaseRun) -> Result<()> {
        self.known = None;
        self.clock.set(&mut self.driver, &self.memory, turn, self.recorded.next as u64)
    }

    /// Follows the device past a phase.
    fn end(&mut self, turn: &PhaseRun) {
        self.recorded.push(turn.plan, turn.tick);
        self.clock.advance(&self.plans[turn.plan]);
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

    /// A copy of the optimizers' states; waits for the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn states(&mut self) -> Result<States> {
        self.memory.states(&mut self.driver)
    }

    /// Replaces the optimizers' states: a resume.
    ///
    /// # Errors
    /// When the device fails.
    pub fn set_states(&mut self, states: &States) -> Result<()> {
        self.known = None;
        self.memory.set_states(&mut self.driver, states)
    }

    /// The clock on the device, set for the next phase; waits for the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn clock(&mut self) -> Result<Clock> {
        let mut clock = Clock::default();
        self.driver.download(self.memory.clock.buffer, 0, bytemuck::bytes_of_mut(&mut clock))?;
        Ok(clock)
    }

    /// Fills a host-filled input of a plan.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the plan has no such input or it has another length.
    pub fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()> {
        let input = self.plans[plan].input(name);
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
        let output = self.plans[plan].output(name);
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

    fn run(&mut self, turns: &[PhaseRun]) -> Result<()> {
        self.run_all(turns)
    }

    fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()> {
        Cuda::write_input(self, plan, name, values)
    }

    fn run_task(&mut self, plan: usize, tick: u64) -> Result<()> {
        Cuda::run_task(self, plan, tick)
    }

    fn output(&mut self, plan: usize, name: &str) -> Result<Vec<f32>> {
        Cuda::output(self, plan, name)
    }

    fn records(&mut self) -> Result<Vec<Record>> {
        Cuda::records(self)
    }

    fn records_kept(&self) -> usize {
        SLOTS
    }

    fn states(&mut self) -> Result<Cow<'_, States>> {
        // A step after which much is due has them read several times.
        let known = match self.known.take() {
            Some(known) => known,
            None => Cuda::states(self)?,
        };
        Ok(Cow::Borrowed(self.known.insert(known)))
    }

    fn set_states(&mut self, states: States) -> Result<()> {
        Cuda::set_states(self, &states)
    }

    fn set_average_states(&mut self, optimizer: OptimizerId, states: &[f32]) -> Result<()> {
        self.known = None;
        self.memory.set_average_states(&mut self.driver, optimizer, states)
    }

    fn measured(&mut self) -> &mut dyn Measured {
        self.known = None;
        self
    }
}
