//! A made-up model of one to four optimizers, for what executors promise of any number of them.

use gansaku::config::Rule;
use gansaku::exec::schedule::{Done, OptimizerSchedule, Schedule};
use gansaku::exec::{ExecutorSpec, PhaseRun, States, UpdateRule};
use gansaku::graph::grad::grad;
use gansaku::graph::{Graph, Input, NetworkId, OptimizerId};
use gansaku::lower::{Along, Layout, NetworkLayout, Plan, Stage, Update, lower};
use gansaku::precision::Precision;
use gansaku::rng::{PhiloxRng, stream};
use std::collections::BTreeMap;

/// Numbers of an example, and units of every layer.
pub const WIDTH: usize = 6;
/// Rows of a minibatch.
const BATCH: usize = 20;

/// A model whose optimizers update one after the other in a phase, each by a loss that the update before has changed.
/// The first optimizer holds two networks, the others one.
pub struct MadeUp {
    /// What each phase computes: one that updates the last optimizer alone, one that updates all and ends the step.
    pub phases: Vec<(Graph, Plan)>,
    pub layout: Layout,
    pub rules: Vec<UpdateRule>,
    pub schedule: Schedule,
    pub states: States,
    pub seed: u64,
}

impl MadeUp {
    /// A model of `count` optimizers whose products multiply in `precision`.
    pub fn new(count: usize, precision: Precision) -> MadeUp {
        let layout = layout(count);
        let rules: Vec<UpdateRule> = (0..count).map(|of| rule(of, precision)).collect();
        let mut rng = PhiloxRng::new(3, stream("made up"), 0);
        let start = |(of, rule): (usize, &UpdateRule)| {
            let networks = if of == 0 { 2 } else { 1 };
            // Gaps between parameters hold zeros, as in every model.
            let used = |i: usize| i % LENGTH < WIDTH * WIDTH || (64..64 + WIDTH).contains(&(i % LENGTH));
            let weights = (0..networks * LENGTH).map(|i| if used(i) { 0.4 * rng.normal() } else { 0.0 });
            let mut state = rule.start(weights.collect());
            // Small enough that no gradient overflows.
            state.loss_scale.scale = if rule.scaled { 256.0 } else { 1.0 };
            state
        };
        let states = rules.iter().enumerate().map(start).collect();
        let schedule =
            Schedule { batch: BATCH as u64, examples: 50, optimizers: (0..count).map(rates).collect() };
        let phases = [vec![count - 1], (0..count).collect()];
        let phases = phases.map(|updated| phase(&updated, &layout, precision)).into();
        MadeUp { phases, layout, rules, schedule, states, seed: 7 }
    }

    /// What an executor is made of; examples have [`WIDTH`] numbers.
    pub fn spec(&self) -> ExecutorSpec {
        ExecutorSpec {
            plans: self.phases.iter().map(|(_, plan)| plan.clone()).collect(),
            states: self.states.clone(),
            rules: self.rules.clone(),
            schedule: self.schedule.clone(),
            data: Some(super::data(WIDTH, 3)),
            seed: self.seed,
        }
    }

    /// Everything that `steps` steps run.
    pub fn turns(&self, steps: usize) -> Vec<PhaseRun> {
        let mut done = Done::default();
        let plans = (0..steps).flat_map(|_| 0..self.phases.len());
        plans
            .map(|plan| {
                let rates = self.schedule.rates(done);
                let turn = PhaseRun { plan, tick: done.tick, step: done.steps, rates };
                let (_, lowered) = &self.phases[plan];
                done = done.after(lowered.updates(), lowered.ends_step);
                turn
            })
            .collect()
    }
}

/// Numbers of a network's parameters: a weight and a bias, each from a multiple of 64 on.
const LENGTH: usize = 128;

/// The first network of each optimizer, then the first optimizer's second one.
fn layout(count: usize) -> Layout {
    let network = |(optimizer, from): (usize, usize)| NetworkLayout {
        optimizer: OptimizerId(optimizer as u8),
        parameters: BTreeMap::from([("weight".into(), from), ("bias".into(), from + 64)]),
    };
    let networks = (0..count).map(|of| (of, 0)).chain([(0, LENGTH)]).map(network).collect();
    Layout { networks, names: (0..count).map(|of| format!("optimizer {of}")).collect() }
}

fn rule(of: usize, precision: Precision) -> UpdateRule {
    let rules = [
        Rule::Adam { beta1: 0.5, beta2: 0.99, eps: 1e-8 },
        Rule::Sgd { momentum: 0.5, final_momentum: 0.5, saturate: 0 },
        Rule::RmsProp { alpha: 0.9, eps: 1e-8 },
        Rule::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
    ];
    let scaled = precision == Precision::Fp16;
    UpdateRule { rule: rules[of], clip: 0.0, column_norms: vec![], average: of % 2 == 0, scaled }
}

/// Rates that change with the optimizer's updates and with the steps.
fn rates(of: usize) -> OptimizerSchedule {
    OptimizerSchedule {
        lr: 0.01 * (of + 1) as f64,
        decay_factor: 1.1,
        min_lr: 1e-4,
        decay_steps: 7,
        final_share: 0.5,
        momentum: 0.5,
        momentum_rise: 0.0,
        rise_epochs: 0,
        average: 0.9,
        ramp: 10.0,
    }
}

/// A phase that updates these optimizers, in order.
fn phase(updated: &[usize], layout: &Layout, precision: Precision) -> (Graph, Plan) {
    let g = Graph::new();
    let x = g.input(Input::EXAMPLES, &[BATCH, WIDTH]);
    let second = NetworkId(layout.networks.len() as u8 - 1);
    let parameters = |network: NetworkId, version: u8| {
        [("weight", vec![WIDTH, WIDTH]), ("bias", vec![WIDTH])]
            .map(|(name, shape)| (name, g.param(network, name, version, &shape)))
    };
    let layer = |x, network: NetworkId, version: u8| {
        let [(_, weight), (_, bias)] = parameters(network, version);
        g.scoped(&format!("network {}", network.0), || g.tanh(g.add(g.matmul(x, weight), bias)))
    };
    let mut h = x;
    let mut stages = vec![];
    for &of in updated {
        let own = NetworkId(of as u8);
        let networks = if of == 0 { vec![own, second] } else { vec![own] };
        let y = networks.iter().fold(h, |y, &network| layer(y, network, 0));
        let loss = g.mean(g.square(g.add(y, g.constant(0.3 * of as f64 - 0.5, &[]))));
        let optimizer = OptimizerId(of as u8);
        let owned: Vec<_> = networks
            .iter()
            .flat_map(|&n| parameters(n, 0).map(|(name, v)| (v, layout.parameter(n, name).1)))
            .collect();
        let nodes: Vec<_> = owned.iter().map(|(v, _)| *v).collect();
        let scaled = precision == Precision::Fp16;
        let scale = scaled.then(|| g.input(Input::LossScale(optimizer), &[]));
        let gradients = grad(&g, loss, &nodes, scale);
        let gradients = gradients.into_iter().zip(&owned).map(|(v, (_, at))| (v, *at)).collect();
        let along = if scaled { Along::Measure } else { Along::Update };
        let outputs = vec![(format!("loss {of}"), loss)];
        stages.push(Stage { outputs, updates: vec![Update { optimizer, gradients, along }] });
        // The next one sees what this update has made.
        h = layer(h, own, 1);
    }
    let ends_step = updated.len() == layout.names.len();
    let plan = Plan { ends_step, ..lower(&g, &stages, precision, layout) };
    (g, plan)
}
