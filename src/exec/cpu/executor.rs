//! The executor itself: plans, memories, and one launch after the other.

use super::gather::gather;
use super::launch::Launch;
use super::memory::{NetworkMemory, Shared};
use super::narrow::NarrowMemory;
use super::pace::pace;
use super::pool::Pool;
use super::update;
use crate::data::Dataset;
use crate::error::Result;
use crate::exec::executor::{self, Executor, ExecutorSpec, OptimizerRecord, PhaseRun, Record};
use crate::exec::measured::Measured;
use crate::exec::rule::UpdateRule;
use crate::exec::schedule::Rate;
use crate::exec::state::{NetworkState, States};
use crate::graph::OptimizerId;
use crate::lower::{Follower, Gather, Matmul, Part, Place, Plan, ReadFrom, StateCopy, StoreStates, Work};
use crate::memory_budget;
use crate::precision::Precision;
use crate::rng::Moment;
use std::borrow::Cow;
use std::sync::Arc;

/// Runs plans over one arena and the optimizers' states.
pub struct Cpu {
    pub(super) pool: Pool,
    pub(super) plans: Vec<Plan>,
    pub(super) arena: Vec<f32>,
    narrow: NarrowMemory,
    states: States,
    rules: Vec<UpdateRule>,
    data: Option<Arc<Dataset>>,
    seed: u64,
    /// Records of phases that training has not asked about.
    records: Vec<Record>,
}

impl Cpu {
    /// An executor of plans that share one arena.
    ///
    /// # Errors
    /// When the machine has too little memory, told before it is taken.
    ///
    /// # Panics
    /// When plans and optimizers do not go together.
    pub fn of(pool: Pool, job: ExecutorSpec) -> Result<Cpu> {
        memory_budget::check(&name(&pool), needed(&job), memory_budget::OF_A_STEP)?;
        let ExecutorSpec { plans, states, rules, data, seed, .. } = job;
        executor::check(&plans, &states, &rules);
        let arena = vec![0.0; plans.iter().map(|p| p.arena).max().unwrap_or(0)];
        let narrow = NarrowMemory::new(&plans, &states);
        Ok(Cpu { pool, plans, arena, narrow, states, rules, data, seed, records: vec![] })
    }

    /// The plans, as given.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The optimizers' states.
    pub fn states(&self) -> &States {
        &self.states
    }

    /// Replaces the optimizers' states: a resume.
    ///
    /// # Panics
    /// When there are more or fewer of them than before.
    pub fn set_states(&mut self, states: States) {
        assert_eq!(states.len(), self.states.len(), "as many optimizers as before");
        self.states = states;
        OptimizerId::first(self.states.len()).for_each(|optimizer| self.narrow.copy(optimizer, &self.states));
    }

    /// Fills a host-filled input of a plan.
    ///
    /// # Panics
    /// When the plan has no such input or it has another length.
    pub fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) {
        let input = self.plans[plan].input(name);
        assert_eq!(input.len, values.len(), "length of input {name}");
        self.arena[input.at..input.at + input.len].copy_from_slice(values);
    }

    /// A named result of the plan that ran last.
    pub fn output(&self, plan: usize, name: &str) -> &[f32] {
        let output = self.plans[plan].output(name);
        &self.arena[output.at..output.at + output.len]
    }

    /// Elements at a place: what tests look at between launches.
    pub fn memory(&self, place: Place, len: usize) -> &[f32] {
        match place {
            Place::Arena(at) => &self.arena[at..at + len],
            Place::Weights(optimizer, at) => &self.states[optimizer.index()].weights[at..at + len],
            Place::Gradients(optimizer, at) => &self.states[optimizer.index()].gradients[at..at + len],
            Place::Scale(optimizer) => {
                std::slice::from_ref(&self.states[optimizer.index()].loss_scale.scale).split_at(len).0
            }
            Place::Narrow(at) => &self.narrow.arena[at..at + len],
            Place::Copies(optimizer, at) => &self.narrow.copies[optimizer.index()][at..at + len],
            Place::State(optimizer, at) => &self.states[optimizer.index()].states[at..at + len],
        }
    }

    /// The whole arena, for tests.
    pub fn arena_mut(&mut self) -> &mut [f32] {
        &mut self.arena
    }

    /// The whole arena of 16-bit numbers, for tests.
    pub fn narrow_mut(&mut self) -> &mut [f32] {
        &mut self.narrow.arena
    }

    /// Runs a plan.
    pub fn run(&mut self, phase: &PhaseRun) {
        self.run_observed(phase, &mut |_, _| {});
    }

    /// Runs a plan and shows its memory after each launch, by the launch's number.
    pub fn run_observed(&mut self, phase: &PhaseRun, observe: &mut (dyn FnMut(usize, &mut Cpu) + Send)) {
        let plan = phase.plan;
        let launches = std::mem::take(&mut self.plans[plan].launches);
        // Workers stay with the plan from its first launch to its last.
        let pool = std::mem::replace(&mut self.pool, Pool::single());
        pool.enter(|| {
            let Plan { precision, from, .. } = self.plans[plan];
            let now = Now { pool: &pool, phase, precision, from };
            for (number, launch) in launches.iter().enumerate() {
                self.run_work(&now, &launch.work);
                observe(number, self);
            }
        });
        self.pool = pool;
        self.plans[plan].launches = launches;
    }

    pub(super) fn run_work(&mut self, now: &Now, work: &Work) {
        match work {
            Work::Minibatch(minibatch) => {
                minibatch.gathers.iter().for_each(|input| self.gather(now, input));
                minibatch.draws.iter().for_each(|draw| self.launch(now).map(draw));
            }
            Work::Matmul(product) => self.run_product(now, product),
            Work::Convolution(convolution) => self.launch(now).convolution(now.precision, convolution),
            Work::Map(map) => self.launch(now).map(map),
            Work::Reduce(reduce) => self.launch(now).reduce(reduce),
            Work::LossHead(head) => {
                work.products().into_iter().for_each(|product| self.run_product(now, product));
                for part in &head.parts {
                    match part {
                        Part::Map(map) => self.launch(now).map(map),
                        Part::Reduce(reduce) => self.launch(now).reduce(reduce),
                    }
                }
            }
            Work::Gradients(gradients) => {
                gradients.products.iter().for_each(|product| self.run_product(now, product));
                // A measure is the update's business here.
                if let Some(optimizer) = work.updated() {
                    self.update(now, optimizer);
                }
            }
            Work::Update(optimizer) => self.update(now, *optimizer),
            Work::StoreStates(store) => self.store_states(store),
        }
    }

    fn gather(&mut self, now: &Now, input: &Gather) {
        let Gather { set, to, rows, width, .. } = *input;
        let data = self.data.clone().expect("a plan that gathers has a data set");
        let format = self.narrow.format;
        let (memory, at) = match to {
            Place::Arena(at) => (&mut self.arena, at),
            Place::Narrow(at) => (&mut self.narrow.arena, at),
            other => unreachable!("an input in {other:?}"),
        };
        let rows = &mut memory[at..at + rows * width];
        gather(data.set(set), Moment { seed: self.seed, tick: now.phase.tick }, input, rows);
        if to.is_narrow() {
            rows.iter_mut().for_each(|x| *x = format.round(*x));
        }
    }

    fn update(&mut self, now: &Now, optimizer: OptimizerId) {
        let i = optimizer.index();
        update::update(now.pool, &mut self.states[i], &self.rules[i], &now.phase.rates[i]);
        self.narrow.copy(optimizer, &self.states);
    }

    fn run_product(&mut self, now: &Now, product: &Matmul) {
        let launch = self.launch(now);
        launch.matmul(now.precision, product);
        for Follower { shape, program, .. } in &product.followers {
            launch.program(shape, program);
        }
    }

    fn store_states(&mut self, store: &StoreStates) {
        if store.updated.iter().any(|o| self.states[o.index()].loss_scale.skip == 1) {
            return;
        }
        for StateCopy { from, to, len } in &store.copies {
            let (Place::Arena(at), Place::State(optimizer, to)) = (*from, *to) else {
                unreachable!("{from:?} becomes {to:?}")
            };
            let (values, network) = (&self.arena[at..at + len], &mut self.states[optimizer.index()]);
            network.states[to..to + len].copy_from_slice(values);
            if self.rules[optimizer.index()].average {
                network.average_states[to..to + len].copy_from_slice(values);
            }
        }
    }

    /// What a launch works on.
    fn launch<'a>(&'a mut self, now: &Now<'a>) -> Launch<'a> {
        let average = now.from == ReadFrom::Average;
        let networks = self.states.iter_mut().zip(&mut self.narrow.copies);
        let networks = networks.map(|(state, copies)| NetworkMemory {
            weights: if average { &mut state.average } else { &mut state.weights },
            states: if average { &mut state.average_states } else { &mut state.states },
            gradients: &mut state.gradients,
            scale: std::slice::from_mut(&mut state.loss_scale.scale),
            copies,
        });
        let narrow = &mut self.narrow.arena;
        Launch {
            pool: now.pool,
            shared: Shared::new(&mut self.arena, narrow, self.narrow.format, networks),
            moment: Moment { seed: self.seed, tick: now.phase.tick },
        }
    }
}

/// What a running launch belongs to.
pub(super) struct Now<'a> {
    pub pool: &'a Pool,
    pub phase: &'a PhaseRun,
    pub precision: Precision,
    pub from: ReadFrom,
}

/// A pool's name, for people.
fn name(pool: &Pool) -> String {
    match pool.threads() {
        1 => "1 CPU thread".into(),
        threads => format!("{threads} CPU threads"),
    }
}

/// Bytes that a run will touch beside the weights that it brings: both arenas, copies, gradients and moments, which are
/// zeros until the first update.
fn needed(job: &ExecutorSpec) -> usize {
    let most = |of: fn(&Plan) -> usize| job.plans.iter().map(of).max().unwrap_or(0);
    let copied = usize::from(job.plans.iter().any(|p| p.precision.stored().is_some()));
    let network = |s: &NetworkState| (1 + s.moments.len() + copied) * s.weights.len();
    size_of::<f32>()
        * (most(|p| p.arena) + most(|p| p.narrow) + job.states.iter().map(network).sum::<usize>())
}

impl Executor for Cpu {
    fn name(&self) -> String {
        name(&self.pool)
    }

    fn pace(&self) -> Option<f64> {
        Some(pace(&self.pool))
    }

    fn kind(&self) -> String {
        format!("CPU ({})", std::env::consts::ARCH)
    }

    fn run(&mut self, phases: &[PhaseRun]) -> Result<()> {
        for phase in phases {
            Cpu::run(self, phase);
            let PhaseRun { plan, tick, .. } = *phase;
            let statistics = self.plans[plan].statistics().map(|o| self.arena[o.at]).collect();
            let optimizer = |s: &NetworkState| OptimizerRecord {
                gradient_norm2: s.gradient_norm2,
                loss_scale: s.loss_scale.scale,
                skipped: s.loss_scale.skip == 1,
            };
            let optimizers = self.states.iter().map(optimizer).collect();
            self.records.push(Record { plan, tick, statistics, optimizers });
        }
        Ok(())
    }

    fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()> {
        Cpu::write_input(self, plan, name, values);
        Ok(())
    }

    fn run_task(&mut self, plan: usize, tick: u64) -> Result<()> {
        assert!(self.plans[plan].is_task(), "plan {plan} changes what outlives it");
        Cpu::run(self, &PhaseRun::alone(plan, tick, Rate::ALL_REST));
        Ok(())
    }

    fn output(&mut self, plan: usize, name: &str) -> Result<Vec<f32>> {
        Ok(Cpu::output(self, plan, name).to_vec())
    }

    fn records(&mut self) -> Result<Vec<Record>> {
        Ok(std::mem::take(&mut self.records))
    }

    fn records_kept(&self) -> usize {
        1
    }

    fn states(&mut self) -> Result<Cow<'_, States>> {
        Ok(Cow::Borrowed(&self.states))
    }

    fn set_states(&mut self, states: States) -> Result<()> {
        Cpu::set_states(self, states);
        Ok(())
    }

    fn set_average_states(&mut self, optimizer: OptimizerId, states: &[f32]) -> Result<()> {
        self.states[optimizer.index()].average_states.copy_from_slice(states);
        Ok(())
    }

    fn measured(&mut self) -> &mut dyn Measured {
        self
    }
}
