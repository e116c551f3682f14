//! The CPU executor: the plan's launches, in order, in the plan's own arena.

mod batched;
mod launch;
mod measured;
mod memory;
pub mod point;
pub mod pool;
mod update;

pub use batched::Batched;
pub use memory::matmul_transposed;

use crate::data::{Dataset, Examples, Values, shuffle};
use crate::error::Result;
use crate::exec::measured::Measured;
use crate::exec::{Executor, ExecutorSpec, NetworkState, PhaseRun, Rate, Record, States, UpdateRule};
use crate::graph::Player;
use crate::lower::{EXAMPLES, Follower, Matmul, Place, Plan, Work};
use crate::memory_budget;
use crate::precision::{Narrow, Precision};
use crate::rng::Moment;
use memory::Shared;
use pool::Pool;
use std::borrow::Cow;
use std::sync::Arc;

/// Runs plans over one arena and both networks' states.
pub struct Cpu {
    pool: Pool,
    plans: Vec<Plan>,
    arena: Vec<f32>,
    narrow: NarrowMemory,
    states: States,
    rules: [UpdateRule; 2],
    data: Option<Arc<Dataset>>,
    seed: u64,
    /// Of phases that training has not asked about.
    records: Vec<Record>,
}

impl Cpu {
    /// An executor of `plans`, which share one arena. Plans that gather need `data`.
    pub fn new(
        pool: Pool,
        plans: Vec<Plan>,
        states: States,
        rules: [UpdateRule; 2],
        data: Option<Arc<Dataset>>,
        seed: u64,
    ) -> Cpu {
        let arena = vec![0.0; plans.iter().map(|p| p.arena).max().unwrap_or(0)];
        let narrow = NarrowMemory::new(&plans, &states);
        Cpu { pool, plans, arena, narrow, states, rules, data, seed, records: vec![] }
    }

    /// An executor for training.
    ///
    /// # Errors
    /// When the machine has too little memory, told before it is taken.
    pub fn of(pool: Pool, job: ExecutorSpec) -> Result<Cpu> {
        memory_budget::check(&name(&pool), needed(&job), memory_budget::OF_A_STEP)?;
        Ok(Cpu::new(pool, job.plans, job.states, job.rules, job.data, job.seed))
    }

    /// The plans, as given.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// Both networks.
    pub fn states(&self) -> &States {
        &self.states
    }

    /// Replaces both networks: a resume.
    pub fn set_states(&mut self, states: States) {
        self.states = states;
        Player::ALL.into_iter().for_each(|player| self.narrow.copy(player, &self.states));
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
            Place::Weights(player, at) => &self.states[player as usize].weights[at..at + len],
            Place::Gradients(player, at) => &self.states[player as usize].gradients[at..at + len],
            Place::Scale(player) => {
                std::slice::from_ref(&self.states[player as usize].loss_scale.scale).split_at(len).0
            }
            Place::Narrow(at) => &self.narrow.arena[at..at + len],
            Place::Copies(player, at) => &self.narrow.copies[player as usize][at..at + len],
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
    pub fn run(&mut self, plan: usize, tick: u64, rates: &[Rate; 2]) {
        self.run_observed(plan, tick, rates, &mut |_, _| {});
    }

    /// Runs a plan and shows its memory after each launch, by the launch's number.
    pub fn run_observed(
        &mut self,
        plan: usize,
        tick: u64,
        rates: &[Rate; 2],
        observe: &mut (dyn FnMut(usize, &mut Cpu) + Send),
    ) {
        let launches = std::mem::take(&mut self.plans[plan].launches);
        // Workers stay with the plan from its first launch to its last.
        let pool = std::mem::replace(&mut self.pool, Pool::single());
        pool.enter(|| {
            let precision = self.plans[plan].precision;
            for (number, launch) in launches.iter().enumerate() {
                self.run_work(&pool, &launch.work, precision, tick, rates);
                observe(number, self);
            }
        });
        self.pool = pool;
        self.plans[plan].launches = launches;
    }

    fn run_work(&mut self, pool: &Pool, work: &Work, precision: Precision, tick: u64, rates: &[Rate; 2]) {
        let moment = Moment { seed: self.seed, tick };
        match work {
            Work::Gather { input, to, rows, width } => {
                let data = self.data.clone().expect("a plan that gathers has a data set");
                let format = self.narrow.format;
                let (memory, at) = match *to {
                    Place::Arena(at) => (&mut self.arena, at),
                    Place::Narrow(at) => (&mut self.narrow.arena, at),
                    other => unreachable!("an input in {other:?}"),
                };
                let rows = &mut memory[at..at + rows * width];
                gather(&data, moment, input, rows, *width);
                if to.is_narrow() {
                    rows.iter_mut().for_each(|x| *x = format.round(*x));
                }
            }
            Work::Matmul(product) => self.run_product(pool, product, precision, moment),
            Work::Map { shape, program } => launch::map(pool, &self.shared(), moment, shape, program),
            Work::Reduce { shape, summed, program } => {
                launch::reduce(pool, &self.shared(), moment, shape, summed, program);
            }
            Work::Loss { parts, .. } => {
                let products = work.products().into_iter();
                products.for_each(|product| self.run_product(pool, product, precision, moment));
                parts.iter().for_each(|part| self.run_work(pool, part, precision, tick, rates));
            }
            Work::Together(parts) => {
                parts.iter().for_each(|part| self.run_work(pool, part, precision, tick, rates));
            }
            // The update finds it.
            Work::Measure(_) => {}
            Work::Update(player) => {
                let i = *player as usize;
                update::update(pool, &mut self.states[i], &self.rules[i], &rates[i]);
                self.narrow.copy(*player, &self.states);
            }
        }
    }

    fn run_product(&mut self, pool: &Pool, product: &Matmul, precision: Precision, moment: Moment) {
        launch::matmul(pool, &self.shared(), moment, precision, product);
        for Follower { shape, program, .. } in &product.followers {
            launch::map(pool, &self.shared(), moment, shape, program);
        }
    }

    fn shared(&mut self) -> Shared<'_> {
        let [g, d] = &mut self.states;
        let scales = [&mut g.loss_scale.scale, &mut d.loss_scale.scale].map(std::slice::from_mut);
        let weights = [&mut g.weights[..], &mut d.weights[..]];
        let gradients = [&mut g.gradients[..], &mut d.gradients[..]];
        let copies = self.narrow.copies.each_mut().map(|c| &mut c[..]);
        let narrow = (&mut self.narrow.arena[..], copies, self.narrow.format);
        Shared::new(&mut self.arena, weights, gradients, scales, narrow)
    }
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

/// What other devices keep in 16 bits: here f32s that hold only numbers of the format.
struct NarrowMemory {
    format: Narrow,
    arena: Vec<f32>,
    /// Parameters rounded; empty where no plan has a place for 16-bit numbers.
    copies: [Vec<f32>; 2],
}

impl NarrowMemory {
    fn new(plans: &[Plan], states: &States) -> NarrowMemory {
        let formats = plans.iter().filter_map(|p| p.precision.stored());
        let format = formats.clone().next();
        debug_assert!(formats.into_iter().all(|f| Some(f) == format), "plans of one precision share memory");
        let arena = vec![0.0; plans.iter().map(|p| p.narrow).max().unwrap_or(0)];
        let copies = states.each_ref().map(|s| vec![0.0; if format.is_some() { s.weights.len() } else { 0 }]);
        let mut memory = NarrowMemory { format: format.unwrap_or(Narrow::F16), arena, copies };
        Player::ALL.into_iter().for_each(|player| memory.copy(player, states));
        memory
    }

    /// Rounds a network's parameters again.
    fn copy(&mut self, player: Player, states: &States) {
        let weights = &states[player as usize].weights;
        let to = &mut self.copies[player as usize];
        to.iter_mut().zip(weights).for_each(|(copy, &w)| *copy = self.format.round(w));
    }
}

impl Executor for Cpu {
    fn name(&self) -> String {
        name(&self.pool)
    }

    fn kind(&self) -> String {
        format!("CPU ({})", std::env::consts::ARCH)
    }

    fn run(&mut self, turns: &[PhaseRun]) -> Result<()> {
        for &PhaseRun { plan, tick, rates } in turns {
            Cpu::run(self, plan, tick, &rates);
            let statistics = self.plans[plan].statistics().map(|o| self.arena[o.at]).collect();
            let gradient_norm2 = self.states.each_ref().map(|s| s.gradient_norm2);
            let loss_scale = self.states.each_ref().map(|s| s.loss_scale.scale);
            let skipped = self.states.each_ref().map(|s| s.loss_scale.skip == 1);
            self.records.push(Record { plan, tick, statistics, gradient_norm2, loss_scale, skipped });
        }
        Ok(())
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

    fn measured(&mut self) -> &mut dyn Measured {
        self
    }
}

/// The minibatch of a tick: examples scaled to the network's numbers, or labels one-hot.
///
/// Positions tick·rows … of an endless sequence of shuffled passes through the training split.
fn gather(data: &Dataset, moment: Moment, input: &str, to: &mut [f32], width: usize) {
    let Examples { count, values, labels } = &data.train;
    let rows = to.len() / width;
    for (row, to) in to.chunks_mut(width).enumerate() {
        let position = moment.tick * rows as u64 + row as u64;
        let example = shuffle::at(moment.seed, *count, position);
        if input == EXAMPLES {
            match values {
                Values::U8(bytes) => {
                    let bytes = &bytes[example * width..][..width];
                    to.iter_mut()
                        .zip(bytes)
                        .for_each(|(t, &b)| *t = f32::from(b) * data.factor + data.offset);
                }
                Values::F32(numbers) => to.copy_from_slice(&numbers[example * width..][..width]),
            }
        } else {
            to.fill(0.0);
            let labels = labels.as_ref().expect("a conditional model has labels");
            to[usize::from(labels[example])] = 1.0;
        }
    }
}

/// The rules of a plan that never updates.
pub fn no_updates() -> [UpdateRule; 2] {
    let rule = crate::config::Rule::Sgd { momentum: 0.0, final_momentum: 0.0, saturate: 0 };
    Player::ALL.map(|_| UpdateRule { rule, clip: 0.0, column_norms: vec![], average: false, scaled: false })
}
