//! One launch on a device and on the CPU executor, from the same memory.
//!
//! Operands lie in the networks' memories and results at the end of the arena, each an allocation of its own on
//! the device, so that an access past any of them is a fault.

use crate::branches::branches;
use crate::common;
use gansaku::data::Dataset;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::cuda::parzen::{self, Windows};
use gansaku::exec::cuda::{Clock, Cuda, Multiprocessors, Options};
use gansaku::exec::scale::LossScale;
use gansaku::exec::schedule::{Done, Schedule};
use gansaku::exec::{ExecutorSpec, NetworkState, PhaseRun, Rate, States, UpdateRule, no_updates};
use gansaku::graph::OptimizerId;
use gansaku::lower::{
    Along, Gradients, Launch, Map, Matmul, Named, Place, Plan, Program, Reduce, StoreStates, Work,
};
use gansaku::precision::Precision;
use gansaku::rng::{PhiloxRng, stream};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The seed of every draw here.
pub const SEED: u64 = 0x0123_4567_89ab_cdef;
/// The tick of every draw here: beyond 32 bits.
pub const TICK: u64 = (7 << 32) + 5;

/// Memory that a launch starts from.
#[derive(Default, Clone)]
pub struct Bench {
    /// [`LEFT`].
    pub left: Vec<f32>,
    /// [`RIGHT`].
    pub right: Vec<f32>,
    /// Arena; results go to its end.
    pub arena: Vec<f32>,
    /// What gathers read.
    pub data: Option<Arc<Dataset>>,
    /// What products multiply; the format of 16-bit places.
    pub precision: Precision,
    /// 16-bit numbers that nobody looks at, where results go to the arena.
    pub narrow: usize,
    /// What products are cut for: a training's, or as few as give small products large tiles.
    pub multiprocessors: Multiprocessors,
}

/// Products that get large tiles, for as many multiprocessors as these fill.
#[derive(Debug, Clone, Copy)]
pub struct Large {
    /// What products are cut for.
    pub multiprocessors: Multiprocessors,
    /// Rows and columns that are ragged: whole tiles, ragged ones, and the corner.
    pub ragged: [usize; 2],
    /// Units of five pieces each that are as ragged as those columns.
    pub units: usize,
    /// Rows and columns of whole tiles.
    pub whole: [usize; 2],
    /// Ragged ones of a multiple of eight.
    pub aligned: [usize; 2],
    /// Columns of two rows of tiles: like [`Large::long`], three more than a multiple of eight.
    pub wide: usize,
    /// Columns of one row of tiles.
    pub long: usize,
}

/// Where a first operand lies.
pub const LEFT: Place = Place::Weights(OptimizerId(0), 0);
/// Where a second operand lies.
pub const RIGHT: Place = Place::Weights(OptimizerId(1), 0);

/// `len` standard normal numbers; `name` makes them different.
pub fn normals(name: &str, len: usize) -> Vec<f32> {
    let mut rng = PhiloxRng::new(5, stream(name), 0);
    (0..len).map(|_| rng.normal()).collect()
}

fn state(weights: &[f32]) -> NetworkState {
    let rule = &no_updates(1)[0];
    rule.start(weights.to_vec())
}

/// Where a launch's first result goes.
fn result_place(work: &Work) -> Place {
    let of = |program: &Program| program.results[0].1.place;
    match work {
        Work::Minibatch(minibatch) => minibatch.gathers[0].to,
        Work::Matmul(m) => m.out.place,
        Work::Convolution(c) => c.out.place,
        Work::Map(Map { program, .. }) | Work::Reduce(Reduce { program, .. }) => of(program),
        Work::LossHead(head) => of(head.parts[0].program().1),
        Work::Gradients(gradients) => gradients.products[0].out.place,
        Work::Update(_) | Work::StoreStates(_) => {
            unreachable!("updates and states have witnesses of their own")
        }
    }
}

/// What the table needs of a device: launches on it and on the CPU.
pub trait Witness {
    /// Products that get large tiles.
    fn large(&self) -> Large;

    /// The `len` elements of the result after `work`, from the end of the arena or the arena of 16-bit numbers: the
    /// device's, the CPU's.
    fn run(&mut self, name: &str, bench: &Bench, work: Work, len: usize) -> (Vec<f32>, Vec<f32>);

    /// G after one update from each of the gradients: the device's, the CPU's.
    fn update(
        &mut self,
        name: &str,
        rule: &UpdateRule,
        weights: &[f32],
        gradients: &[Vec<f32>],
        precision: Precision,
    ) -> (NetworkState, NetworkState);

    /// G after two updates by products of `data`, where operands are read, that are the gradient of G's weights: in the
    /// same launch, or scaled and measured there, and updated by the next one. The gradient of the second. Asserts that
    /// the update is what the host makes of the gradient.
    fn update_from(
        &mut self,
        name: &str,
        rule: &UpdateRule,
        weights: &[f32],
        data: &[f32],
        products: &[Matmul],
        precision: Precision,
    ) -> Vec<f32>;

    /// The optimizers' states after a phase that stores states: values of the arena, `skipped` telling which of two optimizers
    /// has left its last update out. The first keeps an average, the second none.
    fn store_states(&mut self, name: &str, arena: &[f32], store: &StoreStates, skipped: [bool; 2]) -> States;

    /// The clock after a phase of a plan that only updates, `done` before it: the device's, the host's.
    fn clock(&mut self, schedule: &Schedule, rules: &[UpdateRule], done: Done, plan: Plan) -> (Clock, Clock);

    /// The device's log-sums of Parzen windows: `[widths][points]`.
    fn log_sums(&mut self, centres: &[f32], points: &[f32], dim: usize, widths: &[f64]) -> Vec<Vec<f64>>;
}

/// Runs launches on fresh devices that `device` makes, and on the CPU, and remembers which kernels ran.
pub struct Witnesses<F> {
    device: F,
    /// Entry points launched so far.
    pub kernels: BTreeSet<String>,
    /// [`branches`] taken so far.
    pub branches: BTreeSet<String>,
    /// Whether a product that takes no other branches than those before it is left to the CPU.
    pub each_branch_once: bool,
    large: Large,
    /// Launches so far.
    pub launches: u64,
}

impl<D: Driver, F: Fn(u64) -> D> Witnesses<F> {
    /// `device` is given a number that differs from launch to launch.
    pub fn new(device: F, large: Large) -> Witnesses<F> {
        let (kernels, branches) = (BTreeSet::new(), BTreeSet::new());
        Witnesses { device, kernels, launches: 0, branches, each_branch_once: false, large }
    }

    fn note(&mut self, gpu: &Cuda<D>) {
        self.kernels.extend(gpu.packed(0).iter().flatten().map(|p| p.kernel.to_string()));
        self.launches += gpu.driver().counters().launches;
    }
}

impl<D: Driver, F: Fn(u64) -> D> Witness for Witnesses<F> {
    fn large(&self) -> Large {
        self.large
    }

    fn run(&mut self, name: &str, bench: &Bench, work: Work, len: usize) -> (Vec<f32>, Vec<f32>) {
        let states = vec![state(&bench.left), state(&bench.right)];
        let narrow = result_place(&work).is_narrow();
        let place = if narrow { Place::Narrow(0) } else { Place::Arena(bench.arena.len()) };
        let first = Named { name: "first".into(), at: bench.arena.len(), len: len.min(1) };
        let plan = Plan {
            launches: vec![Launch { name: name.into(), work }],
            precision: bench.precision,
            arena: bench.arena.len() + if narrow { 0 } else { len },
            narrow: if narrow { len } else { bench.narrow },
            outputs: if narrow { vec![] } else { vec![first] },
            inputs: vec![Named { name: "arena".into(), at: 0, len: bench.arena.len() }],
            ..Plan::default()
        };
        let mut cpu = Cpu::of(
            Pool::single(),
            ExecutorSpec {
                data: bench.data.clone(),
                seed: SEED,
                ..ExecutorSpec::at_rest(vec![plan.clone()], states.clone(), no_updates(2))
            },
        )
        .expect("memory enough");
        cpu.write_input(0, "arena", &bench.arena);
        cpu.run(&PhaseRun::alone(0, TICK, common::rates(1)));
        let device = (self.device)(self.launches);
        let job = ExecutorSpec {
            plans: vec![plan],
            states: states.clone(),
            rules: no_updates(2),
            schedule: Schedule::constant(&[Rate::REST; 2]),
            data: bench.data.clone(),
            seed: SEED,
        };
        let options = Options { multiprocessors: bench.multiprocessors, ..Options::default() };
        let mut gpu = Cuda::with(device, job, options).expect("memory enough");
        let branches = branches(&gpu.plans()[0].launches[0].work, &gpu.packed(0)[0]);
        let known = !branches.is_empty() && branches.iter().all(|b| self.branches.contains(b));
        if known && self.each_branch_once {
            let numbers = cpu.memory(place, len).to_vec();
            return (numbers.clone(), numbers);
        }
        self.branches.extend(branches);
        gpu.write_input(0, "arena", &bench.arena).expect("room");
        gpu.run(&PhaseRun::alone(0, TICK, common::rates(1))).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = gpu.memory(place, len).expect("readable");
        let before = gpu.memory(Place::Arena(0), bench.arena.len()).expect("readable");
        assert_eq!(before, bench.arena, "{name}: operands are left alone");
        let [record] = &gpu.records().expect("readable")[..] else { panic!("{name}: one phase, one record") };
        assert_eq!((record.plan, record.tick), (0, TICK), "{name}");
        if !narrow {
            same_bits(&format!("{name}: the record"), &record.statistics, &found[..len.min(1)]);
        }
        self.note(&gpu);
        (found, cpu.memory(place, len).to_vec())
    }

    fn update(
        &mut self,
        name: &str,
        rule: &UpdateRule,
        weights: &[f32],
        gradients: &[Vec<f32>],
        precision: Precision,
    ) -> (NetworkState, NetworkState) {
        let start = rule.start(weights.to_vec());
        let updates = gradients.len() as u64;
        let states = vec![start];
        let work = Work::Update(OptimizerId(0));
        let launches = vec![Launch { name: name.into(), work }];
        let plan = Plan { launches, precision, ..Plan::default() };
        let rules = vec![rule.clone()];
        let mut cpu = Cpu::of(
            Pool::single(),
            ExecutorSpec {
                seed: SEED,
                ..ExecutorSpec::at_rest(vec![plan.clone()], states.clone(), rules.clone())
            },
        )
        .expect("memory enough");
        let device = (self.device)(self.launches);
        let mut gpu = Cuda::of(
            device,
            ExecutorSpec { seed: SEED, ..ExecutorSpec::at_rest(vec![plan], states.clone(), rules) },
        )
        .expect("memory enough");
        for (n, gradient) in (1..).zip(gradients) {
            let mut before = gpu.states().expect("readable").swap_remove(0);
            before.gradients.clone_from(gradient);
            gpu.set_states(&vec![before.clone()]).expect("room");
            let mut states = cpu.states().clone();
            states[0].gradients.clone_from(gradient);
            cpu.set_states(states);
            cpu.run(&PhaseRun::alone(0, n, common::rates(n)));
            gpu.run(&PhaseRun::alone(0, n, common::rates(n))).unwrap_or_else(|e| panic!("{name}: {e}"));
            let after = gpu.states().expect("readable").swap_remove(0);
            assert_eq!(after.loss_scale, cpu.states()[0].loss_scale, "{name}: update {n}");
            if rule.scaled && !gradient.iter().all(|g| g.is_finite()) {
                same_bits(&format!("{name}: an overflow's weights"), &after.weights, &before.weights);
                same_bits(
                    &format!("{name}: an overflow's moments"),
                    &after.moments.concat(),
                    &before.moments.concat(),
                );
                same_bits(&format!("{name}: an overflow's average"), &after.average, &before.average);
            }
        }
        let found = gpu.states().expect("readable").swap_remove(0);
        let records = gpu.records().expect("readable");
        let ticks: Vec<u64> = records.iter().map(|r| r.tick).collect();
        assert_eq!(ticks, (1..=updates).collect::<Vec<_>>(), "{name}: a record of each phase");
        let [last] = records.last().expect("an update").optimizers[..] else {
            panic!("{name}: one optimizer")
        };
        let bits = |norm: f64| norm.to_bits();
        assert_eq!(bits(last.gradient_norm2), bits(found.gradient_norm2), "{name}: the norm recorded");
        let LossScale { scale, skip, .. } = found.loss_scale;
        assert_eq!((last.loss_scale, last.skipped), (scale, skip == 1), "{name}: the scale recorded");
        if let Some(format) = precision.stored() {
            let place = Place::Copies(OptimizerId(0), 0);
            let copies = gpu.memory(place, weights.len()).expect("readable");
            let rounded: Vec<f32> = found.weights.iter().map(|&w| format.round(w)).collect();
            same_bits(&format!("{name}: copies"), &copies, &rounded);
            same_bits(&format!("{name}: the CPU's copies"), cpu.memory(place, weights.len()), &{
                let of = |&w: &f32| format.round(w);
                cpu.states()[0].weights.iter().map(of).collect::<Vec<f32>>()
            });
        }
        self.note(&gpu);
        (found, cpu.states()[0].clone())
    }

    fn update_from(
        &mut self,
        name: &str,
        rule: &UpdateRule,
        weights: &[f32],
        data: &[f32],
        products: &[Matmul],
        precision: Precision,
    ) -> Vec<f32> {
        let update = Work::Update(OptimizerId(0));
        let plan = |works: Vec<Work>| {
            let launches = works.into_iter().map(|work| Launch { name: name.into(), work }).collect();
            Plan { launches, precision, ..Plan::default() }
        };
        let gradients = |along| {
            Work::Gradients(Gradients { optimizer: OptimizerId(0), products: products.to_vec(), along })
        };
        let together = plan(if rule.scaled {
            vec![gradients(Along::Measure), update.clone()]
        } else {
            vec![gradients(Along::Update)]
        });
        let (states, rules) =
            (vec![rule.start(weights.to_vec()), rule.start(data.to_vec())], vec![rule.clone(); 2]);
        let job = |plan| ExecutorSpec {
            plans: vec![plan],
            states: states.clone(),
            rules: rules.clone(),
            schedule: Schedule::constant(&[Rate::REST; 2]),
            data: None,
            seed: SEED,
        };
        let device = || (self.device)(self.launches);
        let options = Options { keep_gradients: true, ..Options::default() };
        let mut gpu = Cuda::with(device(), job(together.clone()), options).expect("memory enough");
        let mut unwatched = Cuda::of(device(), job(together)).expect("memory enough");
        let mut cpu = Cpu::of(
            Pool::single(),
            ExecutorSpec {
                seed: SEED,
                ..ExecutorSpec::at_rest(vec![plan(vec![update])], states.clone(), rules.clone())
            },
        )
        .expect("memory enough");
        for n in 1..=2 {
            for gpu in [&mut gpu, &mut unwatched] {
                gpu.run(&PhaseRun::alone(0, n, common::rates(n))).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
            let found = gpu.states().expect("readable").swap_remove(0);
            let mut states = cpu.states().clone();
            states[0].gradients.clone_from(&found.gradients);
            cpu.set_states(states);
            cpu.run(&PhaseRun::alone(0, n, common::rates(n)));
            let wanted = &cpu.states()[0];
            same_bits(&format!("{name}: weights"), &found.weights, &wanted.weights);
            same_bits(&format!("{name}: moments"), &found.moments.concat(), &wanted.moments.concat());
            same_bits(&format!("{name}: average"), &found.average, &wanted.average);
            assert_eq!(found.loss_scale, wanted.loss_scale, "{name}: the scale");
            let (norm, wanted) = (found.gradient_norm2, wanted.gradient_norm2);
            let finite = [norm, wanted].iter().any(|x| x.is_finite());
            let near = !finite || (norm - wanted).abs() <= 1e-13 * wanted;
            assert!(near, "{name}: squared norm {norm}, not {wanted}");
        }
        let [watched, other] = [&mut gpu, &mut unwatched].map(|g| g.states().expect("readable")[0].clone());
        same_bits(&format!("{name}: unwatched"), &other.weights, &watched.weights);
        let unseen = other.gradients.iter().all(|&g| g == 0.0);
        assert!(rule.scaled || unseen, "{name}: a gradient that nobody needs is not stored");
        let kernels: Vec<_> = gpu.packed(0).iter().flatten().map(|p| p.kernel).collect();
        assert!(!kernels.contains(&"measure"), "{name}: {kernels:?}");
        if let Some(format) = precision.stored() {
            let copies = gpu.memory(Place::Copies(OptimizerId(0), 0), weights.len()).expect("readable");
            let rounded: Vec<f32> = watched.weights.iter().map(|&w| format.round(w)).collect();
            same_bits(&format!("{name}: copies"), &copies, &rounded);
        }
        self.note(&gpu);
        watched.gradients
    }

    fn store_states(&mut self, name: &str, arena: &[f32], store: &StoreStates, skipped: [bool; 2]) -> States {
        let len = store.copies.iter().map(|copy| copy.len + 1).sum();
        let own = &no_updates(1)[0];
        let rules = vec![UpdateRule { average: true, ..own.clone() }, own.clone()];
        let old: Vec<f32> = (0..len).map(|i| -1.0 - i as f32).collect();
        let states = rules.iter().zip(skipped).map(|(rule, skipped)| {
            let mut state = rule.start_with(vec![1.0], old.clone());
            state.loss_scale.skip = u32::from(skipped);
            state
        });
        let launches = vec![Launch { name: name.into(), work: Work::StoreStates(store.clone()) }];
        let inputs = vec![Named { name: "arena".into(), at: 0, len: arena.len() }];
        let plan = Plan { launches, inputs, arena: arena.len(), ..Plan::default() };
        let job = ExecutorSpec {
            plans: vec![plan],
            states: states.collect(),
            schedule: Schedule::constant(&[Rate::REST; 2]),
            rules,
            data: None,
            seed: SEED,
        };
        let mut gpu = Cuda::of((self.device)(self.launches), job).expect("memory enough");
        gpu.write_input(0, "arena", arena).expect("room");
        gpu.run(&PhaseRun::alone(0, 0, common::rates(1))).unwrap_or_else(|e| panic!("{name}: {e}"));
        self.note(&gpu);
        gpu.states().expect("readable")
    }

    fn clock(&mut self, schedule: &Schedule, rules: &[UpdateRule], done: Done, plan: Plan) -> (Clock, Clock) {
        let after = done.after(plan.updates(), plan.ends);
        let job = ExecutorSpec {
            plans: vec![plan],
            states: rules.iter().map(|rule| rule.start(vec![1.0])).collect(),
            rules: rules.to_vec(),
            schedule: schedule.clone(),
            data: None,
            seed: SEED,
        };
        let mut gpu = Cuda::of((self.device)(self.launches), job).expect("memory enough");
        let phase =
            |done: Done| PhaseRun { plan: 0, tick: done.tick, step: done.steps, rates: schedule.rates(done) };
        gpu.run(&phase(done)).expect("no fault");
        self.note(&gpu);
        (gpu.clock().expect("readable"), Clock::before(rules, SEED, 1, &phase(after)))
    }

    fn log_sums(&mut self, centres: &[f32], points: &[f32], dim: usize, widths: &[f64]) -> Vec<Vec<f64>> {
        let mut windows = Windows::new((self.device)(self.launches));
        let found = windows.log_sums(centres, points, dim, widths).expect("no fault");
        let launches = windows.driver().counters().launches;
        self.launches += launches;
        self.kernels.extend((launches > 0).then(|| parzen::KERNEL.to_string()));
        found
    }
}

/// Asserts equal bits.
pub fn same_bits(name: &str, found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len(), "{name}");
    for (i, (x, w)) in found.iter().zip(wanted).enumerate() {
        let same = x.to_bits() == w.to_bits() || x.is_nan() && w.is_nan();
        assert!(same, "{name}: element {i} of {} is {x:e}, not {w:e}", wanted.len());
    }
}
