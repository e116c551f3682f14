//! Whole training steps on the emulated GPU.
//!
//! Each phase of each step is checked by itself, along the way that the GPU's own numbers take: every stored node
//! against the f64 interpreter within a derived error (`common/nodes.rs`), updates to the bit. No error has to be
//! carried from step to step, so no tolerance has to be measured.

use crate::bench::same_bits;
use crate::common::{
    self, Model,
    nodes::{Subject, compare},
};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::{Dataset, Shape};
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::cuda::emulated::Emulated;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::cuda::{Cuda, Options, SLOTS};
use gansaku::exec::scale;
use gansaku::exec::schedule::{Done, Schedule};
use gansaku::exec::{Executor, ExecutorSpec, NetworkState, PhaseRun, States, UpdateRule};
use gansaku::lower::{Launch, Plan, Work};
use gansaku::precision::Precision;
use std::sync::Arc;

pub struct Setup {
    model: Model,
    data: Arc<Dataset>,
    rules: Vec<UpdateRule>,
    schedule: Schedule,
    pub states: States,
}

impl Setup {
    pub fn new(config: &Config, shape: impl Into<Shape>, classes: usize) -> Setup {
        let model = Model::new(config, shape, classes);
        let rules = model.rules();
        let states = model.start();
        let data = match config.model.translates() {
            true => common::domains(model.numbers, classes),
            false => common::data(model.numbers, classes),
        };
        let schedule = gansaku::models::rates(&*model.game, config.train.batch, data.train.count as u64);
        Setup { data, rules, schedule, states, model }
    }

    fn cpu(&self) -> Cpu {
        let (states, rules) = (self.states.clone(), self.rules.clone());
        Cpu::of(
            Pool::single(),
            ExecutorSpec {
                data: Some(self.data.clone()),
                seed: self.model.config.seed,
                ..ExecutorSpec::at_rest(self.model.plans(), states, rules)
            },
        )
        .expect("memory enough")
    }

    fn gpu<D: Driver>(&self, device: D) -> Cuda<D> {
        Cuda::of(device, self.job()).expect("memory enough")
    }

    /// One whose gradients can be looked at.
    fn watched<D: Driver>(&self, device: D) -> Cuda<D> {
        let options = Options { keep_gradients: true, ..Options::default() };
        Cuda::with(device, self.job(), options).expect("memory enough")
    }

    /// Kernel launches of every phase.
    pub fn launches<D: Driver>(&self, device: D) -> Vec<usize> {
        let gpu = self.gpu(device);
        let launches = |plan: usize| gpu.packed(plan).iter().flatten().count();
        (0..gpu.plans().len()).map(launches).collect()
    }

    /// What every phase of `steps` steps says of itself: the device's numbers, the CPU's.
    pub fn statistics<D: Driver>(&self, device: D, steps: u64) -> [Vec<f32>; 2] {
        let (mut gpu, mut cpu) = (self.gpu(device), self.cpu());
        let run = |executor: &mut dyn Executor| -> Vec<f32> {
            executor.run(&self.turns(steps)).expect("no fault");
            let records = executor.records().expect("readable");
            records.into_iter().flat_map(|record| record.statistics).collect()
        };
        [run(&mut gpu), run(&mut cpu)]
    }

    fn job(&self) -> ExecutorSpec {
        ExecutorSpec {
            plans: self.model.plans(),
            states: self.states.clone(),
            rules: self.rules.clone(),
            schedule: self.schedule.clone(),
            data: Some(self.data.clone()),
            seed: self.model.config.seed,
        }
    }

    /// Everything that `steps` steps run.
    fn turns(&self, steps: u64) -> Vec<PhaseRun> {
        let phases = self.model.phases();
        let plans = self.model.plans();
        let (mut all, mut done) = (Vec::new(), Done::default());
        for step in 0..steps {
            for (plan, phase) in phases.iter().enumerate().filter(|(_, p)| p.when.holds(step)) {
                for _ in 0..phase.times.at(step) {
                    let rates = self.schedule.rates(done);
                    all.push(PhaseRun { plan, tick: done.tick, step, rates });
                    let updated = plans[plan].updates();
                    let losses = [0, 1].map(|of| phase.losses.iter().any(|(id, _)| id.index() == of));
                    assert_eq!(updated[..2], losses, "{}", phase.name);
                    done = done.after(updated, plans[plan].ends);
                }
            }
            assert_eq!(done.steps, step + 1, "a step's last phase ends it");
        }
        all
    }
}

/// Asserts that a phase left what its updates make of the gradients it left, to the bit.
pub fn updates_are_exact(
    name: &str,
    rules: &[UpdateRule],
    plan: &Plan,
    turn: &PhaseRun,
    [before, after]: [&States; 2],
) {
    let updated = plan.launches.iter().filter_map(|l| l.work.updated());
    let launch = |optimizer| Launch { name: "update".into(), work: Work::Update(optimizer) };
    let launches = updated.map(launch).collect();
    let updates = Plan { launches, precision: plan.precision, ..Plan::default() };
    let with_gradients =
        |i: usize| NetworkState { gradients: after[i].gradients.clone(), ..before[i].clone() };
    let states = (0..rules.len()).map(with_gradients).collect();
    let mut cpu = Cpu::of(Pool::single(), ExecutorSpec::at_rest(vec![updates], states, rules.to_vec()))
        .expect("memory enough");
    cpu.run(&PhaseRun { plan: 0, ..*turn });
    for (found, wanted) in after.iter().zip(cpu.states()) {
        same_bits(&format!("{name}: weights"), &found.weights, &wanted.weights);
        same_bits(&format!("{name}: moments"), &found.moments.concat(), &wanted.moments.concat());
        same_bits(&format!("{name}: average"), &found.average, &wanted.average);
        assert_eq!(found.loss_scale, wanted.loss_scale, "{name}");
        // The same squares, added in f64 in another order.
        let (norm, wanted) = (found.gradient_norm2, wanted.gradient_norm2);
        assert!(
            (norm - wanted).abs() <= 1e-12 * wanted,
            "{name}: squared gradient norm {norm}, not {wanted}"
        );
    }
}

/// Runs `steps` steps and checks each phase by itself, from where the phases before it have come. Then the same
/// phases on another device, as training runs them: the same bytes, and nothing asked of the device but to run.
/// The share of the worst tolerance used.
pub fn check<D: Driver>(name: &str, setup: &Setup, device: impl Fn() -> D, steps: u64) -> f64 {
    let (phases, turns) = (setup.model.phases(), setup.turns(steps));
    let mut gpu = setup.watched(device());
    let mut worst = 0.0f64;
    for turn in &turns {
        let name = format!("{name}, tick {}", turn.tick);
        let before = gpu.states().expect("readable");
        let phase = &phases[turn.plan];
        let subject = Subject {
            name: &format!("{name}, {}", phase.name),
            graph: &phase.graph,
            layout: &setup.model.layout(),
            seed: setup.model.config.seed,
            data: &setup.data,
        };
        let share = compare(&subject, &mut gpu, turn);
        let after = gpu.states().expect("readable");
        updates_are_exact(&name, &setup.rules, &gpu.plans()[turn.plan], turn, [&before, &after]);
        worst = worst.max(share);
    }
    let watched = gpu.states().expect("readable");
    for (state, start) in watched.iter().zip(&setup.states) {
        assert!(state.weights.iter().all(|w| w.is_finite()), "{name}: finite weights");
        assert_ne!(state.weights, start.weights, "{name}: weights that have moved");
    }
    let mut gpu = setup.gpu(device());
    let before = gpu.driver().counters();
    for turn in &turns {
        gpu.run(turn).unwrap_or_else(|e| panic!("{name}, tick {}: {e}", turn.tick));
    }
    let after = gpu.driver().counters();
    assert_eq!(after.allocations, before.allocations, "{name}: a step allocates nothing");
    assert_eq!(after.synchronizations, before.synchronizations, "{name}: a step waits for nothing");
    assert_eq!(after.downloads, before.downloads, "{name}: a step reads nothing back");
    assert_eq!(after.uploads - before.uploads, 1, "{name}: the first phase sets the clock");
    let (replays, phases) = (after.replays - before.replays, turns.len() as u64);
    assert!([0, phases].contains(&replays), "{name}: {replays} recordings for {phases} phases");
    // Gradients that only the update needs are not stored when nobody looks.
    let unseen = |s| NetworkState { gradients: vec![], ..s };
    let seen = |states: States| states.into_iter().map(unseen).collect::<States>();
    let unwatched = gpu.states().expect("readable");
    assert!(seen(unwatched) == seen(watched), "{name}: the same bytes when nobody looks");
    worst
}

pub fn recipe(name: &str, sets: &[&str]) -> Config {
    let mut layers = ConfigBuilder::recipe(name).expect("a recipe");
    for set in sets {
        layers.set(set).expect("a known key");
    }
    layers.finish().expect("in range")
}

/// The recipes whose ten steps are compared, narrow enough to take seconds: settings, numbers of an example.
const PICTURES: &[&str] = &[
    "seed=3",
    "train.batch=20",
    "latent.dim=10",
    "generator.layers.0.units=70",
    "generator.layers.1.units=33",
    "discriminator.layers.0.units=17",
    "discriminator.layers.1.units=24",
    "generator.layers.0.init.uniform=0.25",
    "generator.layers.1.init.uniform=0.25",
    "generator.layers.2.init.uniform=0.25",
    "discriminator.layers.0.init.uniform=0.25",
    "discriminator.layers.1.init.uniform=0.25",
    "discriminator.layers.2.init.uniform=0.25",
];
const POINTS: &[&str] = &[
    "seed=3",
    "train.batch=33",
    "generator.layers.0.units=40",
    "generator.layers.1.units=70",
    "discriminator.layers.0.units=30",
    "discriminator.layers.1.units=30",
    "discriminator.layers.2.units=30",
    // Small steps: an element that crosses a fold in one run and not in the other changes gradients by percents.
    "optimizer.generator.lr=1e-4",
    "optimizer.discriminator.lr=1e-4",
];

/// The whole-step cases: recipe, settings, numbers of an example.
pub const CASES: &[(&str, &[&str], usize)] = &[
    ("mnist", PICTURES, 49),
    ("mnist-2014", PICTURES, 49),
    ("cgan-mnist", PICTURES, 49),
    ("ring-rpgan", POINTS, 2),
];

/// Ten steps of a recipe with settings on devices; the share of the tolerance used.
pub fn ten_steps<D: Driver>(name: &str, sets: &[&str], numbers: usize, device: impl Fn() -> D) -> f64 {
    check(name, &Setup::new(&recipe(name, sets), numbers, 10), device, 10)
}

#[test]
fn a_resumed_run_goes_on_to_the_byte() {
    let Some(library) = crate::library(1) else { return };
    let setup = Setup::new(&recipe("cgan-mnist", PICTURES), 49, 10);
    let turns = setup.turns(4);
    let run = |gpu: &mut Cuda<Emulated>, turns: &[PhaseRun]| -> States {
        gpu.run_all(turns).expect("no fault");
        gpu.states().expect("readable")
    };
    let whole = run(&mut setup.gpu(crate::gpu(&library, 1)), &turns);
    let half = run(&mut setup.gpu(crate::gpu(&library, 2)), &turns[..turns.len() / 2]);
    let mut resumed = setup.gpu(crate::gpu(&library, 3));
    resumed.set_states(&half).expect("room");
    assert_eq!(run(&mut resumed, &turns[turns.len() / 2..]), whole);
}

#[test]
fn phases_that_follow_no_schedule_run_one_by_one() {
    let Some(library) = crate::library(1) else { return };
    let setup = Setup::new(&recipe("mnist", PICTURES), 49, 10);
    let mut turns = setup.turns(4);
    // Nothing foretells another rate, or a tick that is left out.
    turns[2].rates[0].lr *= 0.5;
    turns[3].tick += 1;
    let (mut at_once, mut each) = (setup.gpu(crate::gpu(&library, 1)), setup.gpu(crate::gpu(&library, 2)));
    at_once.run_all(&turns).expect("no fault");
    turns.iter().for_each(|t| each.run(t).expect("no fault"));
    assert!(at_once.states().expect("readable") == each.states().expect("readable"), "the same bytes");
    assert_eq!(at_once.records().expect("readable"), each.records().expect("readable"));
    assert_eq!(at_once.driver().counters().replays, turns.len() as u64);
}

#[test]
fn metrics_wait_on_the_device_until_asked_for() {
    let Some(library) = crate::library(1) else { return };
    let (name, config) = common::variants().swap_remove(0);
    let setup = Setup::new(&config, common::NUMBERS, common::CLASSES);
    let mut gpu = setup.gpu(crate::gpu(&library, 1));
    let mut each = setup.gpu(crate::gpu(&library, 2));
    // More phases than the ring holds: the first ones are lost.
    let turns = setup.turns(SLOTS as u64 + 4);
    let before = gpu.driver().counters();
    let mut wanted = vec![];
    for turn in &turns {
        gpu.run(turn).expect("no fault");
        each.run(turn).expect("no fault");
        wanted.extend(each.records().expect("readable"));
    }
    assert_eq!(gpu.driver().counters().downloads, before.downloads, "{name}: a full ring waits for nobody");
    let found = gpu.records().expect("readable");
    assert_eq!(found, wanted[wanted.len() - SLOTS..], "{name}: read at the end or after each phase");
    assert_eq!(gpu.records().expect("readable"), [], "{name}: each is read once");
    for (i, output) in gpu.plans()[0].outputs.clone().iter().enumerate() {
        let last = gpu.output(0, &output.name).expect("readable");
        assert_eq!(found.last().expect("a phase").statistics[i], last[0], "{}", output.name);
    }
}

#[test]
fn samples_agree_with_the_cpu() {
    let Some(library) = crate::library(1) else { return };
    let setup = Setup::new(&recipe("mnist", PICTURES), 49, 10);
    let mut plans = vec![];
    let tasks = gansaku::inference::Tasks::lower(&*setup.model.game, &setup.rules, &mut plans);
    let (rules, seed, states) = (setup.rules.clone(), setup.model.config.seed, setup.states.clone());
    let mut cpu = Cpu::of(
        Pool::single(),
        ExecutorSpec { seed, ..ExecutorSpec::at_rest(plans.clone(), states.clone(), rules.clone()) },
    )
    .expect("memory enough");
    let device = crate::gpu(&library, 1);
    let mut gpu =
        Cuda::of(device, ExecutorSpec { seed, ..ExecutorSpec::at_rest(plans, states.clone(), rules) })
            .expect("room");
    let latent = crate::bench::normals("latent", 7 * setup.model.config.latent.dim);
    let [wanted, found]: [Vec<f32>; 2] = [&mut cpu as &mut dyn Executor, &mut gpu]
        .map(|executor| tasks.on(executor).sample(0, &latent, &[]).expect("no fault"));
    assert_eq!(found.len(), 7 * 49);
    // Logistic outputs: a slope of 1/4 on sums of 33 products of numbers around 1.
    for (x, want) in found.iter().zip(&wanted) {
        assert!((x - want).abs() < 2e-6, "{x}, not {want}");
    }
}

#[test]
fn loss_scales_fall_and_rise_as_on_the_cpu() {
    let Some(library) = crate::library(1) else { return };
    let (_, mut config) = common::variants().swap_remove(0);
    config.train.precision = Precision::Fp16;
    let mut setup = Setup::new(&config, common::NUMBERS, common::CLASSES);
    // Far too large a scale: fp16 overflows until it has been halved several times.
    setup.states.iter_mut().for_each(|s| s.loss_scale.scale = scale::MOST);
    let (mut cpu, mut gpu) = (setup.cpu(), setup.gpu(crate::gpu(&library, 1)));
    for turn in setup.turns(14) {
        let tick = turn.tick;
        let before = gpu.states().expect("readable");
        cpu.run(&turn);
        gpu.run(&turn).expect("no fault");
        let after = gpu.states().expect("readable");
        for player in 0..2 {
            let [was, is] = [&before, &after].map(|s| &s[player]);
            assert_eq!(is.loss_scale, cpu.states()[player].loss_scale, "{player}, tick {tick}");
            let moved = was.weights != is.weights;
            assert_eq!(moved, is.loss_scale.skip == 0, "{player}, tick {tick}: an overflow changes nothing");
        }
    }
    let mut states = gpu.states().expect("readable");
    for state in &mut states {
        assert!(state.loss_scale.skipped >= 3 && state.loss_scale.skip == 0, "{:?}", state.loss_scale);
        state.loss_scale.scale = 64.0;
        state.loss_scale.good = scale::GROWTH - 2;
    }
    gpu.set_states(&states).expect("room");
    let grown: Vec<f32> = (0..3)
        .map(|tick| {
            gpu.run(&PhaseRun::alone(0, tick, common::rates(1))).expect("no fault");
            gpu.states().expect("readable")[0].loss_scale.scale
        })
        .collect();
    assert_eq!(grown, [64.0, 128.0, 128.0], "twice as large after {} good updates", scale::GROWTH);
}

#[test]
fn no_order_of_threads_changes_a_byte() {
    let Some(library) = crate::library(1) else { return };
    let setup = Setup::new(&recipe("mnist", PICTURES), 49, 10);
    let run = |seed| {
        let mut gpu = setup.gpu(crate::gpu(&library, seed));
        gpu.run_all(&setup.turns(2)).expect("no fault");
        gpu.states().expect("readable")
    };
    let bits = |states: States| -> Vec<u32> {
        let all = states.into_iter().flat_map(|s| s.weights.into_iter().chain(s.moments.concat()));
        all.map(f32::to_bits).collect()
    };
    assert_eq!(bits(run(1)), bits(run(1000)), "weights and moments");
}
