//! A made-up model of one to four optimizers, with states, for what executors promise of any number of them.

use gansaku::config::Rule;
use gansaku::exec::schedule::{Done, OptimizerSchedule, Schedule};
use gansaku::exec::{ExecutorSpec, NetworkState, PhaseRun, States, UpdateRule};
use gansaku::graph::grad::grad;
use gansaku::graph::{Dist, Graph, Input, NetworkId, OptimizerId, Var};
use gansaku::lower::{Along, Ends, Layout, NetworkLayout, Plan, ReadFrom, Stage, Update, lower};
use gansaku::precision::Precision;
use gansaku::rng::{PhiloxRng, stream};
use std::collections::BTreeMap;

/// Numbers of an example, and units of every layer.
pub const WIDTH: usize = 6;
/// Rows of a minibatch.
const BATCH: usize = 20;
/// Numbers of a network's parameters: a weight and a bias, the bias from 64 on.
const LENGTH: usize = 128;
/// Numbers of a network's states: a count of phases and a running mean, the mean from 16 on.
const STATES: usize = 32;
/// Rows of a sampling task.
pub const ROWS: usize = 5;

/// A model whose optimizers update one after the other in a phase, each by a loss that the update before has changed.
/// The first optimizer holds two networks, the others one. A network subtracts the running mean of what it made so far.
pub struct MadeUp {
    /// A phase that updates the last optimizer alone, and one that updates all and ends the step.
    pub phases: Vec<Phase>,
    pub layout: Layout,
    pub rules: Vec<UpdateRule>,
    pub schedule: Schedule,
    pub states: States,
    pub seed: u64,
}

/// What a phase computes.
pub struct Phase {
    pub graph: Graph,
    pub plan: Plan,
    /// What becomes a state.
    pub stores: Vec<(NetworkId, String, Var)>,
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
            let mut state = rule.start_with(weights.collect(), vec![0.0; networks * STATES]);
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
            plans: self.phases.iter().map(|phase| phase.plan.clone()).collect(),
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
                let lowered = &self.phases[plan].plan;
                done = done.after(lowered.updates(), lowered.ends);
                turn
            })
            .collect()
    }

    /// A task that runs both networks of the first optimizer on `z`, `[ROWS, WIDTH]`, to `y`, with a little noise.
    pub fn sampling(&self, from: ReadFrom) -> Plan {
        let g = Graph::new();
        let z = g.host_input("z", &[ROWS, WIDTH]);
        let second = NetworkId(self.layout.networks.len() as u8 - 1);
        let noise = g.scale(g.rand("noise", Dist::Normal, &[ROWS, WIDTH]), 0.1);
        let y = centred(&g, layer(&g, g.add(z, noise), NetworkId(0), 0), NetworkId(0));
        let y = centred(&g, layer(&g, y, second, 0), second);
        let stage = Stage { outputs: vec![("y".into(), y)], ..Stage::default() };
        Plan { from, ..lower(&g, &[stage], Precision::Fp32, &self.layout) }
    }
}

/// The averaged networks of optimizers, in the place of the networks themselves.
pub fn averaged(states: &[NetworkState]) -> States {
    let average = |s: &NetworkState| NetworkState {
        weights: s.average.clone(),
        states: s.average_states.clone(),
        ..s.clone()
    };
    states.iter().map(|s| if s.average.is_empty() { s.clone() } else { average(s) }).collect()
}

/// The first network of each optimizer, then the first optimizer's second one.
fn layout(count: usize) -> Layout {
    let network = |(optimizer, place): (usize, usize)| {
        let (from, states) = (place * LENGTH, place * STATES);
        let mean = states + 16..states + 16 + WIDTH;
        NetworkLayout {
            optimizer: OptimizerId(optimizer as u8),
            parameters: BTreeMap::from([("weight".into(), from), ("bias".into(), from + 64)]),
            states: BTreeMap::from([("count".into(), states..states + 1), ("running_mean".into(), mean)]),
        }
    };
    let networks = (0..count).map(|of| (of, 0)).chain([(0, 1)]).map(network).collect();
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
    UpdateRule { rule: rules[of], clip: 0.0, column_norms: vec![], average: of.is_multiple_of(2), scaled }
}

/// Rates that change with the optimizer's updates and with the steps.
fn rates(of: usize) -> OptimizerSchedule {
    OptimizerSchedule {
        lr: 0.01 * (of + 1) as f64,
        decay_factor: 1.1,
        min_lr: 1e-4,
        hold_steps: 2,
        decay_steps: 7,
        final_share: 0.5,
        momentum: 0.5,
        momentum_rise: 0.0,
        rise_epochs: 0,
        average: 0.9,
        ramp: 10.0,
    }
}

fn parameters(g: &Graph, network: NetworkId, version: u8) -> [(&'static str, Var); 2] {
    [("weight", vec![WIDTH, WIDTH]), ("bias", vec![WIDTH])]
        .map(|(name, shape)| (name, g.param(network, name, version, &shape)))
}

fn layer(g: &Graph, x: Var, network: NetworkId, version: u8) -> Var {
    let [(_, weight), (_, bias)] = parameters(g, network, version);
    g.scoped(&format!("network {}", network.0), || g.tanh(g.add(g.matmul(x, weight), bias)))
}

/// What a network made, less its running mean.
fn centred(g: &Graph, y: Var, network: NetworkId) -> Var {
    g.sub(y, g.state(network, "running_mean", &[WIDTH]))
}

/// A phase that updates these optimizers, in order.
fn phase(updated: &[usize], layout: &Layout, precision: Precision) -> Phase {
    let g = Graph::new();
    let x = g.input(Input::EXAMPLES, &[BATCH, WIDTH]);
    let second = NetworkId(layout.networks.len() as u8 - 1);
    let mut h = x;
    let mut stages: Vec<Stage> = vec![];
    for &of in updated {
        let own = NetworkId(of as u8);
        let networks = if of == 0 { vec![own, second] } else { vec![own] };
        let (mut y, mut stores) = (h, vec![]);
        for &network in &networks {
            let made = layer(&g, y, network, 0);
            let mean = g.reshape(g.scale(g.sum(made, &[0]), 1.0 / BATCH as f64), &[WIDTH]);
            let before = g.state(network, "running_mean", &[WIDTH]);
            let running = g.add(g.scale(before, 0.75), g.scale(mean, 0.25));
            stores.push((network, "running_mean".to_string(), running));
            stores.push((network, "count".to_string(), g.shift(g.state(network, "count", &[1]), 1.0)));
            y = centred(&g, made, network);
        }
        let loss = g.mean(g.square(g.add(y, g.constant(0.3 * of as f64 - 0.5, &[]))));
        let optimizer = OptimizerId(of as u8);
        let owned: Vec<_> = networks
            .iter()
            .flat_map(|&n| parameters(&g, n, 0).map(|(name, v)| (v, layout.parameter(n, name).1)))
            .collect();
        let nodes: Vec<_> = owned.iter().map(|(v, _)| *v).collect();
        let scaled = precision == Precision::Fp16;
        let scale = scaled.then(|| g.input(Input::LossScale(optimizer), &[]));
        let gradients = grad(&g, loss, &nodes, scale);
        let gradients = gradients.into_iter().zip(&owned).map(|(v, (_, at))| (v, *at)).collect();
        let along = if scaled { Along::Measure } else { Along::Update };
        let updates = vec![Update { optimizer, gradients, along }];
        stages.push(Stage {
            outputs: vec![(format!("loss {of}"), loss)],
            updates,
            stores,
            ..Stage::default()
        });
        // The next one sees what this update has made, and the mean from before the phase.
        h = centred(&g, layer(&g, h, own, 1), own);
    }
    let ends = if updated.len() == layout.names.len() { Ends::Step } else { Ends::Tick };
    let plan = Plan { ends, ..lower(&g, &stages, precision, layout) };
    let stores = stages.into_iter().flat_map(|s| s.stores).collect();
    Phase { graph: g, plan, stores }
}
