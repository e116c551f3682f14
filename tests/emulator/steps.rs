//! Whole training steps on the emulated GPU against the CPU executor.
//!
//! Both start from the same weights and draw the same random numbers; sums are added in another order, so
//! weights drift apart. How far they may is measured, not guessed: a third run, on the CPU, starts from weights
//! two roundings away, and the GPU's weights must have moved as the CPU's, within a small multiple of how
//! differently the third run's moved.

use crate::common::{self, nodes::compare as compare_nodes};
use gansaku::config::{Config, Layers};
use gansaku::data::Dataset;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::cuda::emulated::Emulated;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::cuda::{Cuda, SLOTS};
use gansaku::exec::scale;
use gansaku::exec::schedule::{Done, Schedule};
use gansaku::exec::{Job, NetworkState, Rate, States, UpdateRule};
use gansaku::graph::Player;
use gansaku::models::gan::Gan;
use gansaku::precision::Precision;
use gansaku::train;
use std::sync::Arc;

/// The CPU's neighbour starts this many units in the last place away.
const NUDGE: f32 = 2.0 * f32::EPSILON;
/// How many of the neighbour's distances the GPU may be away.
const SHARE: f64 = 2.0;

struct Setup {
    gan: Gan,
    data: Arc<Dataset>,
    rules: [UpdateRule; 2],
    schedule: Schedule,
    states: States,
}

impl Setup {
    fn new(config: &Config, numbers: usize, classes: usize) -> Setup {
        let gan = Gan::new(config, numbers, classes);
        let rules = train::rules(&gan);
        let marginals = vec![0.3; numbers];
        let start = |p: Player| rules[p as usize].start(gan.network(p).start(config.seed, &marginals));
        let states = Player::ALL.map(start);
        let data = common::data(numbers, classes);
        let schedule = train::schedule(config, data.train.count as u64);
        Setup { data, rules, schedule, states, gan }
    }

    fn cpu(&self, states: States) -> Cpu {
        let pool = Pool::new(2).expect("threads");
        let (rules, seed) = (self.rules.clone(), self.gan.config.seed);
        Cpu::new(pool, self.gan.plans(), states, rules, Some(self.data.clone()), seed)
    }

    fn gpu<D: Driver>(&self, device: D) -> Cuda<D> {
        let job = Job {
            plans: self.gan.plans(),
            states: self.states.clone(),
            rules: self.rules.clone(),
            schedule: self.schedule,
            data: Some(self.data.clone()),
            seed: self.gan.config.seed,
        };
        Cuda::of(device, job).expect("memory enough")
    }

    /// Plan, tick and rates of everything that `steps` steps run.
    fn phases(&self, steps: u64) -> Vec<(usize, u64, [Rate; 2])> {
        let phases = self.gan.phases();
        let (mut all, mut done) = (Vec::new(), Done::default());
        for step in 0..steps {
            for (plan, phase) in phases.iter().enumerate().filter(|(_, p)| p.when.holds(step)) {
                for _ in 0..phase.times {
                    all.push((plan, done.tick, self.schedule.rates(done)));
                    done = done.after(Player::ALL.map(|p| phase.losses.iter().any(|(of, _)| *of == p)));
                }
            }
        }
        all
    }
}

/// How differently two networks moved: root of the sum of squares over weights and average. Each comes with
/// the weights it started from.
fn distance(a: (&NetworkState, &[f32]), b: (&NetworkState, &[f32])) -> f64 {
    let moved = |now: &[f32], start: &[f32]| -> Vec<f64> {
        assert!(now.is_empty() || now.len() == start.len(), "states of one network");
        now.iter().zip(start).map(|(&n, &s)| f64::from(n) - f64::from(s)).collect()
    };
    let part = |a: Vec<f64>, b: Vec<f64>| -> f64 { a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum() };
    let weights = part(moved(&a.0.weights, a.1), moved(&b.0.weights, b.1));
    (weights + part(moved(&a.0.average, a.1), moved(&b.0.average, b.1))).sqrt()
}

fn largest(states: &States) -> f64 {
    let all = states.iter().flat_map(|s| &s.weights);
    f64::from(all.fold(0.0f32, |m, w| m.max(w.abs())))
}

/// Runs `steps` steps on all three and compares. The share of the tolerance used.
fn compare<D: Driver>(name: &str, setup: &Setup, device: D, steps: u64) -> f64 {
    let mut near = setup.states.clone();
    for state in &mut near {
        state.weights.iter_mut().for_each(|w| *w *= 1.0 + NUDGE);
        if !state.average.is_empty() {
            state.average.clone_from(&state.weights);
        }
    }
    let (mut cpu, mut neighbour) = (setup.cpu(setup.states.clone()), setup.cpu(near.clone()));
    let mut gpu = setup.gpu(device);
    let before = gpu.driver().counters();
    let phases = setup.phases(steps);
    for (plan, tick, rates) in &phases {
        cpu.run(*plan, *tick, rates);
        neighbour.run(*plan, *tick, rates);
        gpu.run(*plan, *tick, rates).unwrap_or_else(|e| panic!("{name}, tick {tick}: {e}"));
    }
    let after = gpu.driver().counters();
    assert_eq!(after.allocations, before.allocations, "{name}: a step allocates nothing");
    assert_eq!(after.synchronizations, before.synchronizations, "{name}: a step waits for nothing");
    assert_eq!(after.downloads, before.downloads, "{name}: a step reads nothing back");
    assert_eq!(after.uploads - before.uploads, 1, "{name}: the first phase sets the clock");
    let (replays, phases) = (after.replays - before.replays, phases.len() as u64);
    assert!([0, phases].contains(&replays), "{name}: {replays} recordings for {phases} phases");
    let found = gpu.states().expect("readable");
    let mut worst = 0.0f64;
    for player in Player::ALL {
        let i = player as usize;
        let (want, got) = (&cpu.states()[i], &found[i]);
        assert!(got.weights.iter().all(|w| w.is_finite()), "{name}: {} is finite", player.name());
        assert_ne!(got.weights, setup.states[i].weights, "{name}: {} has moved", player.name());
        let start = &setup.states[i].weights[..];
        // Both runs of the CPU may happen to agree on a network that does not depend on much.
        let floor = 1e-8 * largest(&setup.states) * (want.weights.len() as f64).sqrt();
        let neighbour = (&neighbour.states()[i], &near[i].weights[..]);
        let allowed = SHARE * distance((want, start), neighbour).max(floor);
        let share = distance((want, start), (got, start)) / allowed;
        assert!(share <= 1.0, "{name}: {} is {share:.1} tolerances from the CPU's", player.name());
        worst = worst.max(share);
        let (want, got) = (want.gradient_norm2, got.gradient_norm2);
        assert!((want - got).abs() <= 1e-2 * want + 1e-12, "{name}: squared gradient norm {got}, not {want}");
    }
    worst
}

fn recipe(name: &str, sets: &[&str]) -> Config {
    let mut layers = Layers::recipe(name).expect("a recipe");
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

/// Ten steps of a recipe with settings on a device; the share of the tolerance used.
pub fn ten_steps<D: Driver>(name: &str, sets: &[&str], numbers: usize, device: D) -> f64 {
    compare(name, &Setup::new(&recipe(name, sets), numbers, 10), device, 10)
}

#[test]
fn ten_steps_of_the_recipes_agree_with_the_cpu() {
    let Some(library) = crate::library(CASES.len()) else { return };
    for &(name, sets, numbers) in CASES {
        let start = std::time::Instant::now();
        let share = ten_steps(name, sets, numbers, crate::gpu(&library, 1));
        println!("{name:12} ten steps: {share:.3} of the tolerance, {:.1} s", start.elapsed().as_secs_f64());
    }
}

#[test]
fn every_kind_of_model_agrees_with_the_cpu() {
    let variants = common::variants();
    let Some(library) = crate::library(variants.len()) else { return };
    for (name, config) in variants {
        let setup = Setup::new(&config, common::NUMBERS, common::CLASSES);
        let share = compare(name, &setup, crate::gpu(&library, 2), 4);
        println!("{name:32} four steps: {share:.3} of the tolerance");
    }
}

#[test]
fn a_resumed_run_goes_on_to_the_byte() {
    let Some(library) = crate::library(1) else { return };
    let setup = Setup::new(&recipe("cgan-mnist", PICTURES), 49, 10);
    let phases = setup.phases(4);
    let run = |gpu: &mut Cuda<Emulated>, part: &[(usize, u64, [Rate; 2])]| -> States {
        for (plan, tick, rates) in part {
            gpu.run(*plan, *tick, rates).expect("no fault");
        }
        gpu.states().expect("readable")
    };
    let whole = run(&mut setup.gpu(crate::gpu(&library, 1)), &phases);
    let half = run(&mut setup.gpu(crate::gpu(&library, 2)), &phases[..phases.len() / 2]);
    let mut resumed = setup.gpu(crate::gpu(&library, 3));
    resumed.set_states(&half).expect("room");
    assert_eq!(run(&mut resumed, &phases[phases.len() / 2..]), whole);
}

#[test]
fn metrics_wait_on_the_device_until_asked_for() {
    let Some(library) = crate::library(1) else { return };
    let (name, config) = common::variants().swap_remove(0);
    let setup = Setup::new(&config, common::NUMBERS, common::CLASSES);
    let mut gpu = setup.gpu(crate::gpu(&library, 1));
    let mut each = setup.gpu(crate::gpu(&library, 2));
    // More phases than the ring holds: the first ones are lost.
    let phases = setup.phases(SLOTS as u64 + 4);
    let before = gpu.driver().counters();
    let mut wanted = vec![];
    for (plan, tick, rates) in &phases {
        gpu.run(*plan, *tick, rates).expect("no fault");
        each.run(*plan, *tick, rates).expect("no fault");
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
    let plan = setup.gan.sampling_plan(7);
    let (rules, seed, states) = (setup.rules.clone(), setup.gan.config.seed, setup.states.clone());
    let mut cpu = Cpu::new(Pool::single(), vec![plan.clone()], states.clone(), rules.clone(), None, seed);
    let device = crate::gpu(&library, 1);
    let mut gpu = Cuda::new(device, vec![plan], &states, rules, None, seed).expect("room");
    let inputs: Vec<_> = cpu.plans()[0].inputs.iter().map(|i| (i.name.clone(), i.len)).collect();
    for (name, len) in inputs {
        let values = crate::bench::normals(&name, len);
        cpu.write_input(0, &name, &values);
        gpu.write_input(0, &name, &values).expect("room");
    }
    cpu.run(0, 0, &common::rates(1));
    gpu.run(0, 0, &common::rates(1)).expect("no fault");
    gpu.synchronize().expect("no fault");
    let name = cpu.plans()[0].outputs[0].name.clone();
    let found = gpu.output(0, &name).expect("readable");
    assert_eq!(found.len(), 7 * 49);
    // Logistic outputs: a slope of 1/4 on sums of 33 products of numbers around 1.
    for (x, want) in found.iter().zip(cpu.output(0, &name)) {
        assert!((x - want).abs() < 2e-6, "{x}, not {want}");
    }
}

#[test]
fn every_stored_node_agrees_with_the_interpreter() {
    let models = common::models();
    let Some(library) = crate::library(models.len()) else { return };
    for (name, gan) in models {
        let precision = gan.config.train.precision.name();
        let mut setup = Setup::new(&gan.config, common::NUMBERS, common::CLASSES);
        // Small enough that no gradient overflows.
        setup.states.iter_mut().filter(|s| s.loss_scale.scale > 1.0).for_each(|s| s.loss_scale.scale = 256.0);
        let mut gpu = setup.gpu(crate::gpu(&library, 3));
        for (number, phase) in setup.gan.phases().iter().enumerate() {
            let share = compare_nodes(name, &setup.gan, &mut gpu, number, phase);
            println!("{name:32} {precision} {:20} {share:.2} of the tolerance", phase.name);
        }
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
    let (mut cpu, mut gpu) = (setup.cpu(setup.states.clone()), setup.gpu(crate::gpu(&library, 1)));
    for (plan, tick, rates) in setup.phases(14) {
        let before = gpu.states().expect("readable");
        cpu.run(plan, tick, &rates);
        gpu.run(plan, tick, &rates).expect("no fault");
        let after = gpu.states().expect("readable");
        for player in Player::ALL {
            let [was, is] = [&before, &after].map(|s| &s[player as usize]);
            assert_eq!(is.loss_scale, cpu.states()[player as usize].loss_scale, "{player:?}, tick {tick}");
            let moved = was.weights != is.weights;
            assert_eq!(
                moved,
                is.loss_scale.skip == 0,
                "{player:?}, tick {tick}: an overflow changes nothing"
            );
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
            gpu.run(0, tick, &common::rates(1)).expect("no fault");
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
        for (plan, tick, rates) in setup.phases(2) {
            gpu.run(plan, tick, &rates).expect("no fault");
        }
        gpu.states().expect("readable")
    };
    let bits = |states: States| -> Vec<u32> {
        let all = states.into_iter().flat_map(|s| s.weights.into_iter().chain(s.moments.concat()));
        all.map(f32::to_bits).collect()
    };
    assert_eq!(bits(run(1)), bits(run(1000)), "weights and moments");
}
