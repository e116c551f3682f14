//! Training as `gansaku train` does it, on the emulated GPU: the same lines of metrics as on the CPU, a checkpoint
//! from the device that goes on to the byte, and a clock that the device keeps by itself.

use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::{self, Dataset};
use gansaku::error::Result;
use gansaku::exec::cuda::emulated::Emulated;
use gansaku::exec::cuda::launch::{Counters, Driver};
use gansaku::exec::cuda::{Clock, Cuda, SLOTS};
use gansaku::exec::measured::Measured;
use gansaku::exec::{self, Device, Executor, PhaseRun, Record, States, UpdateRule};
use gansaku::graph::OptimizerId;
use gansaku::run::{Line, checkpoint};
use gansaku::train::Trainer;
use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

const SETS: [&str; 10] = [
    "data.count=100",
    "train.batch=9",
    "latent.dim=5",
    "conditional=true",
    "generator.layers.0.units=13",
    "generator.layers.1.units=17",
    "discriminator.layers.0.units=18",
    "discriminator.layers.1.units=11",
    // Small steps: roundings in another order grow slowly.
    "optimizer.generator.lr=1e-5",
    "optimizer.discriminator.lr=1e-5",
];

fn small() -> (Config, Arc<Dataset>) {
    let mut layers = ConfigBuilder::recipe("digits").expect("a recipe");
    SETS.iter().for_each(|set| layers.set(set).expect("a known key"));
    let config = layers.finish().expect("in range");
    let data = data::load(&config.data, config.seed).expect("drawn");
    (config, Arc::new(data))
}

fn on_gpu(config: &Config, data: &Arc<Dataset>, library: &Path) -> Trainer {
    let device = crate::gpu(library, 3);
    Trainer::new(config, data, |job| Ok(Box::new(Cuda::of(device, job)?))).expect("memory enough")
}

fn steps(trainer: &mut Trainer, count: usize) -> Line {
    (0..count).for_each(|_| trainer.step().expect("finite"));
    trainer.line(0.0).expect("finite")
}

#[test]
fn metrics_are_the_cpus() {
    let Some(library) = crate::library(1) else { return };
    let (config, data) = small();
    let mut gpu = on_gpu(&config, &data, &library);
    let mut cpu =
        Trainer::new(&config, &data, exec::open(Device::Cpu, 1).expect("a thread")).expect("data that fit");
    for _ in 0..3 {
        let (a, b) = (steps(&mut gpu, 2), steps(&mut cpu, 2));
        assert_eq!(a.step, b.step);
        let both = |name: &str| [&a, &b].map(|line| line.get(name).expect(name));
        for name in ["d_loss", "g_loss", "d_real", "d_fake", "penalty", "d_gradient_norm", "g_gradient_norm"]
        {
            let [x, y] = both(name);
            assert!(
                (x - y).abs() <= 1e-4 * y.abs().max(0.1),
                "step {}: {x} on the GPU, {y} on the CPU",
                a.step
            );
        }
        for name in ["accuracy_real", "accuracy_fake"] {
            let [x, y] = both(name);
            assert_eq!(x, y, "{name}");
        }
    }
}

#[test]
fn a_checkpoint_from_the_device_goes_on_to_the_byte() {
    let Some(library) = crate::library(1) else { return };
    let (config, data) = small();
    let folder = tempfile::tempdir().expect("a folder");
    let mut whole = on_gpu(&config, &data, &library);
    steps(&mut whole, 3);
    let path = checkpoint::save(folder.path(), &whole.snapshot().expect("finite")).expect("room");
    let line = steps(&mut whole, 3);
    let mut resumed = on_gpu(&config, &data, &library);
    resumed.restore(checkpoint::load(&path).expect("whole")).expect("the same model");
    assert_eq!(steps(&mut resumed, 3), line);
    let save = |trainer: &mut Trainer, name: &str| {
        let to = folder.path().join(name);
        let path = checkpoint::save(&to, &trainer.snapshot().expect("finite")).expect("room");
        std::fs::read(path.join("MANIFEST.json")).expect("there")
    };
    assert_eq!(save(&mut resumed, "resumed"), save(&mut whole, "whole"), "SHA-256 of every file");
}

/// A GPU that is looked at around each phase.
struct Watched {
    gpu: Cuda<Emulated>,
    rules: Vec<UpdateRule>,
    seed: u64,
    phases: usize,
    /// What each call asked of the driver.
    asked: Rc<RefCell<Vec<Counters>>>,
}

impl Watched {
    /// Asserts that the device itself has come to the numbers of the phase that runs next.
    fn expect(&mut self, turn: &PhaseRun) {
        let wanted = Clock::before(&self.rules, self.seed, (self.phases % SLOTS) as u64, turn);
        let found = self.gpu.clock().expect("readable");
        let bits = bytemuck::bytes_of::<Clock>;
        assert_eq!(bits(&found), bits(&wanted), "phase {}: {found:?}, the host's {wanted:?}", self.phases);
    }
}

impl Executor for Watched {
    fn name(&self) -> String {
        Executor::name(&self.gpu)
    }
    fn run(&mut self, turns: &[PhaseRun]) -> Result<()> {
        if !self.asked.borrow().is_empty() {
            self.expect(&turns[0]);
        }
        self.phases += turns.len();
        let before = self.gpu.driver().counters();
        self.gpu.run_all(turns)?;
        let after = self.gpu.driver().counters();
        self.asked.borrow_mut().push(Counters {
            launches: after.launches - before.launches,
            replays: after.replays - before.replays,
            allocations: after.allocations - before.allocations,
            uploads: after.uploads - before.uploads,
            downloads: after.downloads - before.downloads,
            synchronizations: after.synchronizations - before.synchronizations,
        });
        Ok(())
    }
    fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()> {
        self.gpu.write_input(plan, name, values)
    }
    fn run_task(&mut self, plan: usize, tick: u64) -> Result<()> {
        self.gpu.run_task(plan, tick)
    }
    fn output(&mut self, plan: usize, name: &str) -> Result<Vec<f32>> {
        self.gpu.output(plan, name)
    }
    fn records(&mut self) -> Result<Vec<Record>> {
        self.gpu.records()
    }
    fn records_kept(&self) -> usize {
        self.gpu.records_kept()
    }
    fn states(&mut self) -> Result<Cow<'_, States>> {
        Executor::states(&mut self.gpu)
    }
    fn set_states(&mut self, states: States) -> Result<()> {
        self.gpu.set_states(&states)
    }
    fn set_average_states(&mut self, optimizer: OptimizerId, states: &[f32]) -> Result<()> {
        Executor::set_average_states(&mut self.gpu, optimizer, states)
    }
    fn measured(&mut self) -> &mut dyn Measured {
        self.gpu.measured()
    }
}

/// Narrow networks, and a minibatch of nearly half the examples: ten steps see several epochs.
const NARROW: [&str; 6] = [
    "train.batch=20",
    "latent.dim=4",
    "generator.layers.0.units=9",
    "generator.layers.1.units=10",
    "discriminator.layers.0.units=11",
    "discriminator.layers.1.units=12",
];

/// Recipes with every kind of schedule: a decay to its end with rising momentum; lines of several lengths; lazy
/// penalties; more updates of D than of G; bursts of them, and updates of G on the same noise. With the numbers of an example.
const SCHEDULES: &[(&str, &[&str], usize)] = &[
    ("mnist-2014", &["optimizer.generator.decay_factor=1.3", "optimizer.generator.min_lr=0.02"], 49),
    ("ring-rpgan", &["optimizer.generator.decay_steps=7", "discriminator.layers.2.units=13"], 2),
    ("digits", &["loss.penalty_every=3"], 49),
    ("digits", &["loss.penalty_every=2", "train.discriminator_updates=3"], 49),
    (
        "digits",
        &[
            "train.discriminator_updates={usual=2, burst=4, first=2}",
            "train.generator_updates=3",
            "train.noise=same",
        ],
        49,
    ),
];

/// A training on a watched GPU, and what its calls will have asked of the driver.
fn watched(library: &Path, case: usize) -> (Trainer, Rc<RefCell<Vec<Counters>>>) {
    let (name, sets, numbers) = SCHEDULES[case];
    let mut layers = ConfigBuilder::recipe(name).expect("a recipe");
    NARROW.iter().chain(sets).for_each(|set| layers.set(set).expect("a known key"));
    let config = layers.finish().expect("in range");
    let asked = Rc::new(RefCell::new(vec![]));
    let (device, log) = (crate::gpu(library, 3), asked.clone());
    let trainer = Trainer::new(&config, &crate::common::data(numbers, 10), |job| {
        let (rules, seed) = (job.rules.clone(), job.seed);
        Ok(Box::new(Watched { gpu: Cuda::of(device, job)?, rules, seed, phases: 0, asked: log }))
    });
    (trainer.expect("memory enough"), asked)
}

/// Asserts that calls only start recordings, and the first one sets the clock.
fn only_replays(name: &str, asked: &[Counters]) {
    for (call, asked) in asked.iter().enumerate() {
        let (launches, uploads) = (asked.launches, u64::from(call == 0));
        let wanted = Counters { launches, replays: 1, uploads, ..Counters::default() };
        assert_eq!(*asked, wanted, "{name}: call {call} only starts a recording");
    }
}

/// Ten steps of one of [`SCHEDULES`], the clock looked at around each phase.
fn keeps_its_own_clock(case: usize) {
    let Some(library) = crate::library(1) else { return };
    let name = SCHEDULES[case].0;
    let (mut trainer, asked) = watched(&library, case);
    steps(&mut trainer, 10);
    assert!(asked.borrow().len() >= 10, "{name}: a phase a step");
    only_replays(name, &asked.borrow());
}

/// Two cycles of one of [`SCHEDULES`] and a step; `cycle` steps are one: ten, or as many more as lazy penalties need.
/// Where the first cycle has bursts, it is `alone` phases one by one, else 1.
fn many_steps_are_one_recording(case: usize, cycle: u64, alone: usize) {
    let Some(library) = crate::library(1) else { return };
    let name = SCHEDULES[case].0;
    let (mut one_by_one, _) = watched(&library, case);
    let (mut at_once, asked) = watched(&library, case);
    (0..2 * cycle + 1).for_each(|_| one_by_one.step().expect("finite"));
    at_once.steps(2 * cycle).expect("finite");
    assert_eq!(asked.borrow().len(), alone + 1, "{name}: two cycles");
    at_once.steps(1).expect("finite");
    only_replays(name, &asked.borrow());
    assert_eq!(at_once.line(0.0).expect("finite"), one_by_one.line(0.0).expect("finite"), "{name}");
    let (a, b) = (at_once.snapshot().expect("finite"), one_by_one.snapshot().expect("finite"));
    assert_eq!(a.state, b.state, "{name}: counters");
    assert!(a.networks == b.networks, "{name}: weights, moments, averages");
}

/// Both tests of each schedule.
macro_rules! schedules {
    ($($name:ident $case:literal, steps of a cycle $cycle:literal, calls for the first $alone:literal;)*) => {
        $(mod $name {
            #[test]
            fn the_device_keeps_its_own_clock() {
                super::keeps_its_own_clock($case);
            }
            #[test]
            fn many_steps_are_one_recording_and_the_same_bytes() {
                super::many_steps_are_one_recording($case, $cycle, $alone);
            }
        })*
        #[test]
        fn every_schedule_has_its_tests() {
            assert_eq!([$($case),*][..], (0..SCHEDULES.len()).collect::<Vec<_>>()[..]);
        }
    };
}

schedules! {
    decay_to_its_end 0, steps of a cycle 10, calls for the first 1;
    lines_of_several_lengths 1, steps of a cycle 10, calls for the first 1;
    lazy_penalties 2, steps of a cycle 12, calls for the first 1;
    more_updates_of_d 3, steps of a cycle 10, calls for the first 1;
    bursts_of_d 4, steps of a cycle 10, calls for the first 44;
}
