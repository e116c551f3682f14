//! The executor itself.

use super::blocks::Clock;
use super::clock::{self, Mirror, Rules};
use super::launch::{Driver, Packed, Recording};
use super::limits::SLOTS;
use super::memory::{self, Contents, Memory, Options, Sizes};
use super::metrics::Recorded;
use super::packer::Packer;
use super::plan_memory::PlanMemory;
use super::{gradients, hopper, pack, tiling};
use crate::error::{Error, Result};
use crate::exec::executor::{self, Executor, ExecutorSpec, PhaseRun, Record};
use crate::exec::measured::Measured;
use crate::exec::schedule::Rate;
use crate::exec::state::States;
use crate::graph::OptimizerId;
use crate::lower::{Place, Plan, Work};
use std::borrow::Cow;
use std::collections::HashMap;

/// Runs plans on a device, over one arena and the optimizers' states.
pub struct Cuda<D: Driver> {
    pub(super) driver: D,
    pub(super) plans: Vec<Plan>,
    /// Kernel launches of every plan: `packed[plan][launch]` lists them; the last entry closes the phase.
    pub(super) packed: Vec<Vec<Vec<Packed>>>,
    /// Recordings of the lists of plans that were run; `None` where the device cannot record.
    recordings: HashMap<Vec<usize>, Option<Recording>>,
    /// Recordings of the plans that were run as tasks.
    tasks: HashMap<usize, Option<Recording>>,
    /// Recordings of what was measured, by plan, launch and number of repetitions.
    pub(super) repetitions: HashMap<(usize, usize, usize), Option<Recording>>,
    pub(super) memory: Memory,
    pub(super) clock: Mirror,
    recorded: Recorded,
    /// The optimizers' states, where nothing ran since they were read.
    known: Option<States>,
}

impl<D: Driver> Cuda<D> {
    /// An executor for training.
    ///
    /// # Errors
    /// When the device has too little memory, fails, or cannot run a launch of the plans.
    pub fn of(driver: D, job: ExecutorSpec) -> Result<Cuda<D>> {
        Cuda::with(driver, job, Options::default())
    }

    /// An executor for training with more to say.
    ///
    /// # Errors
    /// When [`Cuda::of`] fails.
    pub fn with(mut driver: D, job: ExecutorSpec, options: Options) -> Result<Cuda<D>> {
        let ExecutorSpec { plans, states, rules, schedule, data, seed } = job;
        executor::check(&plans, &states, &rules);
        assert_eq!(states.len(), schedule.optimizers.len(), "a schedule for each optimizer");
        let arena = plans.iter().map(|p| p.arena).max().unwrap_or(0);
        let gathers = |p: &Plan| p.launches.iter().any(|l| matches!(l.work, Work::Minibatch(_)));
        let data = data.filter(|_| plans.iter().any(gathers));
        let sizes = Sizes {
            arena,
            narrow: plans.iter().map(|p| p.narrow).max().unwrap_or(0),
            slices: tiling::Scratch::of(&plans, options.multiprocessors),
            gradients: OptimizerId::first(states.len())
                .map(|o| gradients::blocks(&plans, o, options.multiprocessors))
                .collect(),
            clock: size_of::<Clock>(),
            programs: pack::program_bytes(&plans),
        };
        let format = plans.iter().find_map(|p| p.precision.stored());
        let data = data.as_deref();
        let contents = Contents { format, states: &states, rules: &rules, data, options };
        let memory = Memory::new(&mut driver, &sizes, &contents)?;
        let rules = Rules { schedule, rules };
        let mut programs = vec![];
        let launches = |p: &Plan| {
            let mut packer = Packer {
                memory: PlanMemory::new(&memory, p),
                rules: &rules.rules,
                measured: gradients::measured(p, options.multiprocessors),
                programs: &mut programs,
            };
            let work = p.launches.iter().map(|l| hopper::take_over(&driver, pack::pack(&mut packer, l)?));
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
    /// When [`Cuda::run`] fails.
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
    /// When [`Cuda::run`] fails.
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
    /// When [`Cuda::run`] fails.
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

    pub(super) fn launch(&mut self, plan: usize, launch: usize) -> Result<()> {
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
