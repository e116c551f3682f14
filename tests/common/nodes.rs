//! Every node with memory against the f64 interpreter, on any executor and in any step of a training.
//!
//! For each stored node the reference starts from what the plan itself stored below it, so an error shows at
//! the node that made it. Tolerances are derived: a forward error analysis in f32 runs beside the reference.

use super::madeup::{MadeUp, ROWS, WIDTH, averaged};
use gansaku::data::{Dataset, shuffle};
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::{Executor, ExecutorSpec, NetworkState, PhaseRun, States};
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Column, Family, Graph, Input, Op, Var};
use gansaku::lower::{Layout, Place, Plan, ReadFrom};
use gansaku::precision::{Narrow, Precision};
use gansaku::rng::Moment;
use std::collections::{HashMap, HashSet};

/// Called after each launch with its number.
pub type Observe<'a> = dyn FnMut(usize, &mut dyn Machine) + Send + 'a;

/// An executor whose memory can be looked at between launches.
pub trait Machine {
    /// A plan of its.
    fn plan(&self, number: usize) -> &Plan;
    /// Elements at a place.
    fn memory(&mut self, place: Place, len: usize) -> Vec<f32>;
    /// The optimizers' states.
    fn states(&mut self) -> States;
    /// Replaces them.
    fn set_states(&mut self, states: States);
    /// Runs a phase.
    fn run(&mut self, phase: &PhaseRun, observe: &mut Observe);
}

impl Machine for Cpu {
    fn plan(&self, number: usize) -> &Plan {
        &self.plans()[number]
    }

    fn memory(&mut self, place: Place, len: usize) -> Vec<f32> {
        Cpu::memory(self, place, len).to_vec()
    }

    fn states(&mut self) -> States {
        Cpu::states(self).clone()
    }

    fn set_states(&mut self, states: States) {
        Cpu::set_states(self, states);
    }

    fn run(&mut self, phase: &PhaseRun, observe: &mut Observe) {
        self.run_observed(phase, &mut |launch, cpu| observe(launch, cpu));
    }
}

impl<D: Driver> Machine for Cuda<D> {
    fn plan(&self, number: usize) -> &Plan {
        &self.plans()[number]
    }

    fn memory(&mut self, place: Place, len: usize) -> Vec<f32> {
        Cuda::memory(self, place, len).expect("readable")
    }

    fn states(&mut self) -> States {
        Cuda::states(self).expect("readable")
    }

    fn set_states(&mut self, states: States) {
        Cuda::set_states(self, &states).expect("room");
    }

    fn run(&mut self, phase: &PhaseRun, observe: &mut Observe) {
        let mut show = |launch, gpu: &mut Cuda<D>| {
            observe(launch, gpu);
            Ok(())
        };
        self.run_observed(phase, &mut show).expect("no fault");
    }
}

/// Unit roundoff of f32.
const U: f64 = 5.97e-8;

/// The relative error with which a product reads an operand that is exact in memory: parameters are read from their
/// 16-bit copies, tf32 rounds everything.
fn read_error(g: &Graph, operand: Var, precision: Precision) -> f64 {
    let mut base = operand;
    while g.node(base).op.family() == Family::Movement {
        base = g.node(base).sources[0];
    }
    let parameter = matches!(g.node(base).op, Op::Param { .. });
    match precision.stored() {
        Some(format) if parameter => format.unit_roundoff(),
        None if precision == Precision::Tf32 => 0.5f64.powi(11),
        _ => 0.0,
    }
}

/// Absolute error that f32 arithmetic may leave in `var`, given its operands' values and errors; infinite
/// where a comparison is too close to call.
fn bound(
    g: &Graph,
    var: Var,
    moment: Moment,
    values: &Values,
    errors: &Values,
    precision: Precision,
) -> Tensor {
    let node = g.node(var);
    let out = &values[&var].data;
    let v = |i: usize| &values[&node.sources[i]].data;
    let e = |i: usize| &errors[&node.sources[i]].data;
    let each = |f: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..out.len()).map(f).collect() };
    let data = match &node.op {
        Op::Input(_) | Op::Param { .. } | Op::State { .. } | Op::Rand { .. } => vec![0.0; out.len()],
        Op::Const(_) => each(&|i| U * out[i].abs()),
        Op::Add => each(&|i| e(0)[i] + e(1)[i] + U * out[i].abs()),
        Op::Mul => each(&|i| {
            let cross = |value: f64, error: f64| if value == 0.0 { 0.0 } else { value.abs() * error };
            cross(v(0)[i], e(1)[i]) + cross(v(1)[i], e(0)[i]) + e(0)[i] * e(1)[i] + U * out[i].abs()
        }),
        // Where it is plain which one is greater, that one's error alone: 0 where a rectifier cuts off.
        Op::Max => each(&|i| match v(0)[i] - v(1)[i] {
            apart if apart.abs() <= e(0)[i] + e(1)[i] => e(0)[i].max(e(1)[i]),
            apart if apart > 0.0 => e(0)[i],
            _ => e(1)[i],
        }),
        Op::Gt => each(&|i| {
            let error = e(0)[i] + e(1)[i];
            // Exact operands are never too close.
            if error == 0.0 || (v(0)[i] - v(1)[i]).abs() > error { 0.0 } else { 1.0 }
        }),
        Op::Select => each(&|i| {
            let (chosen, other) = if v(0)[i] > 0.0 { (1, 2) } else { (2, 1) };
            let sure = e(0)[i] == 0.0;
            let gap = (v(1)[i] - v(2)[i]).abs();
            if sure || gap == 0.0 { e(chosen)[i] } else { gap + e(chosen)[i] + e(other)[i] }
        }),
        Op::Sqrt => each(&|i| e(0)[i] / out[i].max(1e-30) + U * out[i]),
        Op::Recip => each(&|i| 2.0 * e(0)[i] * out[i] * out[i] + U * out[i].abs()),
        Op::Tanh => each(&|i| e(0)[i] + 6e-7 * out[i].abs()),
        Op::Sigmoid => each(&|i| 0.25 * e(0)[i] + 4e-7 * out[i]),
        Op::Softplus => each(&|i| e(0)[i] + 3e-7 * out[i]),
        // A result below the normal numbers is rounded to their spacing, or to 0.
        Op::Exp => {
            each(&|i| (e(0)[i].exp_m1() + 3e-7 * e(0)[i].exp()) * out[i] + f64::from(f32::MIN_POSITIVE))
        }
        // An operand that may be 0 has a logarithm that may be anything.
        Op::Log => each(&|i| {
            let least = v(0)[i] - e(0)[i];
            if least > 0.0 {
                e(0)[i] / least + 2e-7 * (out[i].abs() + e(0)[i] / least)
            } else {
                f64::INFINITY
            }
        }),
        // Movement moves errors as it moves values.
        Op::Reshape | Op::Broadcast | Op::Pad(_) | Op::Slice(_) | Op::Permute(_) | Op::Detach => {
            return interp::evaluate(g, var, moment, errors);
        }
        Op::Sum(_) => {
            let terms = v(0).len() / out.len();
            let magnitude = Tensor::new(&g.shape(node.sources[0]), v(0).iter().map(|x| x.abs()).collect());
            let sum_of =
                |t: Tensor| interp::evaluate(g, var, moment, &HashMap::from([(node.sources[0], t)])).data;
            let (size, error) = (sum_of(magnitude), sum_of(errors[&node.sources[0]].clone()));
            // Tensor cores, which may sum columns, cut sums off where others round them.
            let cut = if precision.stored().is_some() { 2.0 } else { 1.0 };
            each(&|i| error[i] + cut * (terms + 2) as f64 * U * size[i])
        }
        Op::Matmul { .. } | Op::Conv(_) | Op::ConvDx(_) | Op::ConvDw(_) => {
            // Terms of a sum, or a bound on them where padding leaves some out.
            let first = g.shape(node.sources[0]);
            let k = match &node.op {
                Op::Matmul { ta, .. } => first[usize::from(!ta)],
                Op::ConvDw(_) => g.shape(node.sources[1])[..3].iter().product(),
                Op::Conv(window) | Op::ConvDx(window) => window.kernel.iter().product::<usize>() * first[3],
                _ => unreachable!("a contraction"),
            };
            let magnitude = |i: usize, t: &Tensor| {
                Tensor::new(&g.shape(node.sources[i]), t.data.iter().map(|x| x.abs()).collect())
            };
            let product = |a: Tensor, b: Tensor| {
                let pair = HashMap::from([(node.sources[0], a), (node.sources[1], b)]);
                interp::evaluate(g, var, moment, &pair).data
            };
            let (a, b) = (node.sources[0], node.sources[1]);
            let size = product(magnitude(0, &values[&a]), magnitude(1, &values[&b]));
            // Tensor cores cut sums off where others round them.
            let cut = if precision == Precision::Fp32 { 1.0 } else { 2.0 };
            let (x, y) = (read_error(g, a, precision), read_error(g, b, precision));
            let reading = x + y + x * y + cut * (k + 2) as f64 * U;
            // A product of a node with itself is its own second operand.
            if a == b {
                each(&|i| reading * size[i])
            } else {
                let left = product(errors[&a].clone(), magnitude(1, &values[&b]));
                let right = product(magnitude(0, &values[&a]), errors[&b].clone());
                each(&|i| left[i] * (1.0 + y) + right[i] * (1.0 + x) + reading * size[i])
            }
        }
    };
    Tensor::new(&node.shape, data)
}

/// The error of a stored number: rounded to 16 bits where its place has them.
fn stored_error(error: f64, value: f64, place: Place, precision: Precision) -> f64 {
    let Some(format) = precision.stored().filter(|_| place.is_narrow()) else { return error };
    let subnormal = if format == Narrow::F16 { 0.5f64.powi(25) } else { 0.0 };
    error + format.unit_roundoff() * (value.abs() + error) + subnormal
}

/// Whether a node is a function of random numbers and constants.
fn is_drawn(g: &Graph, var: Var) -> bool {
    let leaf = |v: &Var| g.node(*v).sources.is_empty();
    let drawn = |v: &Var| matches!(g.node(*v).op, Op::Rand { .. } | Op::Const(_));
    g.topological(&[var]).iter().filter(|v| leaf(v)).all(drawn)
}

/// What of a phase a comparison needs beside its plan.
pub struct Subject<'a> {
    /// For messages.
    pub name: &'a str,
    /// What the plan was made of.
    pub graph: &'a Graph,
    /// Where parameters lie.
    pub layout: &'a Layout,
    /// Seed of every draw.
    pub seed: u64,
    /// Where minibatches come from.
    pub data: &'a Dataset,
}

/// A parameter as the machine has it.
fn parameter(machine: &mut dyn Machine, subject: &Subject, var: Var) -> Tensor {
    let node = subject.graph.node(var);
    let Op::Param { network, name, .. } = &node.op else { unreachable!("a parameter") };
    let len = node.shape.iter().product();
    let (optimizer, at) = subject.layout.parameter(*network, name);
    tensor(&node.shape, &machine.memory(Place::Weights(optimizer, at), len))
}

fn tensor(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::new(shape, values.iter().map(|&x| f64::from(x)).collect())
}

/// The minibatch of a moment: `[rows, numbers]`, or labels one-hot `[rows, classes]`.
fn minibatch(data: &Dataset, moment: Moment, input: &Input, rows: usize) -> Vec<f32> {
    let Input::Minibatch { set, order, column } = *input else { unreachable!("a minibatch") };
    let data = if set == 0 { data } else { &data.origin.as_deref().expect("two domains").data };
    let position = |row: usize| moment.tick * rows as u64 + row as u64;
    let examples = (0..rows).map(|row| shuffle::at_in(order, moment.seed, data.train.count, position(row)));
    if column == Column::Examples {
        return data.numbers_of(&data.train, examples);
    }
    let labels = data.train.labels.as_ref().expect("labelled data");
    let one_hot = |i: usize| (0..data.classes).map(move |c| f32::from(u8::from(usize::from(labels[i]) == c)));
    examples.flat_map(one_hot).collect()
}

/// Runs a phase and compares every stored node, minibatches to the bit; the share of the worst tolerance used.
pub fn compare(subject: &Subject, machine: &mut dyn Machine, turn: &PhaseRun) -> f64 {
    let Subject { name, graph: g, seed, data, .. } = *subject;
    let moment = Moment { seed, tick: turn.tick };
    let stored = machine.plan(turn.plan).stored.clone();
    let roots: Vec<Var> = stored.iter().map(|s| s.var).collect();
    let mut seen = Values::new();
    // A parameter's value is taken before the updates of the stage that reads it.
    let params: Vec<Var> =
        g.topological(&roots).into_iter().filter(|&v| matches!(g.node(v).op, Op::Param { .. })).collect();
    let versions = |v: &Var| matches!(g.node(*v).op, Op::Param { version: 0, .. });
    for &v in params.iter().filter(|v| versions(v)) {
        seen.insert(v, parameter(machine, subject, v));
    }
    for v in g.topological(&roots) {
        let node = g.node(v);
        let place = match &node.op {
            Op::Input(Input::LossScale(optimizer)) => Place::Scale(*optimizer),
            Op::State { network, name } => {
                let (optimizer, range) = subject.layout.state(*network, name);
                Place::State(optimizer, range.start)
            }
            _ => continue,
        };
        seen.insert(v, tensor(&node.shape, &machine.memory(place, node.shape.iter().product())));
    }
    machine.run(turn, &mut |launch, machine| {
        for node in stored.iter().filter(|s| s.writers.last() == Some(&launch)) {
            let len = g_len(&node.view.windows);
            let shape: Vec<usize> = node.view.windows.iter().map(|w| w.1).collect();
            seen.insert(node.var, tensor(&shape, &machine.memory(node.view.place, len)));
        }
    });
    for &v in params.iter().filter(|v| !versions(v)) {
        // No optimizer updates twice in a phase: what it left is what it made.
        assert!(matches!(g.node(v).op, Op::Param { version: 1, .. }), "{name}: %{}", v.index());
        seen.insert(v, parameter(machine, subject, v));
    }
    let mut worst = 0.0f64;
    let (mut unsure, mut total, mut last_unsure) = (0, 0, None);
    let precision = machine.plan(turn.plan).precision;
    // What rounding operands alone may do to sums of a few dozen terms is a matter of the format.
    let sure = match precision {
        Precision::Fp32 => 1e-3,
        Precision::Tf32 | Precision::Fp16 => 3e-2,
        Precision::Bf16 => 0.25,
    };
    let drawn: Vec<_> = stored.iter().filter(|s| is_drawn(g, s.var)).collect();
    for node in &stored {
        if let Op::Input(input @ Input::Minibatch { .. }) = &g.node(node.var).op {
            let format = precision.stored().filter(|_| node.view.place.is_narrow());
            let round = |x: f32| format.map_or(x, |f| f.round(x));
            let wanted = minibatch(data, moment, input, g.shape(node.var)[0]).into_iter().map(round);
            let wanted = tensor(&g.shape(node.var), &wanted.collect::<Vec<f32>>());
            assert_eq!(seen[&node.var], wanted, "{name}: {input}");
        }
        if g.node(node.var).op.family() == Family::Leaf
            && !matches!(g.node(node.var).op, Op::Rand { .. } | Op::Const(_))
        {
            continue;
        }
        let mut values = seen.clone();
        values.remove(&node.var);
        let exact = |(v, t): (&Var, &Tensor)| (*v, Tensor::new(&t.shape, vec![0.0; t.data.len()]));
        let mut errors: Values = values.iter().map(exact).collect();
        // What is made of random numbers alone may be drawn again instead of read: then it was not rounded.
        for other in drawn.iter().filter(|s| values.contains_key(&s.var)) {
            let near = |x: &f64| stored_error(0.0, *x, other.view.place, precision);
            let drawn = values[&other.var].data.iter().map(near).collect();
            errors.insert(other.var, Tensor::new(&values[&other.var].shape, drawn));
        }
        // Nothing below what is stored is made again.
        let (mut made, mut above) = (HashSet::from([node.var]), vec![node.var]);
        while let Some(v) = above.pop() {
            let unseen = g.node(v).sources.clone().into_iter().filter(|s| !values.contains_key(s));
            above.extend(unseen.filter(|&s| made.insert(s)));
        }
        for v in g.topological(&[node.var]).into_iter().filter(|v| made.contains(v)) {
            let value = interp::evaluate(g, v, moment, &values);
            values.insert(v, value);
            let error = bound(g, v, moment, &values, &errors, precision);
            errors.insert(v, error);
        }
        let (want, got, error) = (&values[&node.var], &seen[&node.var], &errors[&node.var]);
        for (i, (w, x)) in want.data.iter().zip(&got.data).enumerate() {
            total += 1;
            let allowed = stored_error(error.data[i], *w, node.view.place, precision) + 1e-37;
            // A comparison nearer than its operands' errors may go either way.
            if allowed > sure * (1.0 + w.abs()) {
                unsure += 1;
                last_unsure = Some(node.var);
                continue;
            }
            let share = (w - x).abs() / allowed;
            assert!(
                share <= 1.0,
                "{name}: node %{} {} [{i}] of {:?}: plan {x}, graph {w}, allowed {allowed:.1e}",
                node.var.index(),
                g.node(node.var).op.name(),
                want.shape,
            );
            worst = worst.max(share);
        }
    }
    let last = last_unsure.map(|v: Var| format!("%{} {} {:?}", v.index(), g.node(v).op.name(), g.shape(v)));
    assert!(
        unsure * 50 <= total,
        "{name}: {unsure} of {total} elements hang on a close comparison, the last of {last:?}"
    );
    worst
}

fn g_len(windows: &[(usize, usize)]) -> usize {
    windows.iter().map(|w| w.1).product()
}

/// Runs a phase of a made-up model: every stored node is right, who is updated moves and nobody else, and states hold what
/// the phase made of them, bit for bit. The share of the worst tolerance used.
pub fn compare_made_up(name: &str, model: &MadeUp, machine: &mut dyn Machine, turn: &PhaseRun) -> f64 {
    let phase = &model.phases[turn.plan];
    let data = super::data(WIDTH, 3);
    let subject = Subject { name, graph: &phase.graph, layout: &model.layout, seed: model.seed, data: &data };
    let before = machine.states();
    let share = compare(&subject, machine, turn);
    let after = machine.states();
    for ((is, was), updated) in after.iter().zip(&before).zip(phase.plan.updates()) {
        assert_eq!(is.weights != was.weights, updated, "{name}: who is updated moves, and nobody else");
        assert!(is.weights.iter().all(|w| w.is_finite()), "{name}");
        assert_eq!(is.states != was.states, updated, "{name}: only networks of the phase store states");
        let copied = if is.average.is_empty() { &vec![] } else { &is.states };
        assert_eq!(&is.average_states, copied, "{name}: the average has the states themselves");
    }
    for (network, state, value) in &phase.stores {
        let (optimizer, range) = model.layout.state(*network, state);
        let stored =
            phase.plan.stored.iter().find(|s| s.var == *value || same_memory(&phase.graph, s.var, *value));
        let place = stored.expect("what becomes a state has memory").view.place;
        let made = machine.memory(place, range.len());
        assert_eq!(after[optimizer.index()].states[range.clone()], made, "{name}: {state} of {network:?}");
        if state == "count" {
            let [was] = before[optimizer.index()].states[range][..] else { panic!("a count is one number") };
            assert_eq!(made, [was + 1.0], "{name}: phases of {network:?}");
        }
    }
    share
}

/// Whether `v` is a reshape of `stored`.
fn same_memory(g: &Graph, stored: Var, v: Var) -> bool {
    let node = g.node(v);
    node.op == Op::Reshape && (node.sources[0] == stored || same_memory(g, stored, node.sources[0]))
}

/// Trains a model of two optimizers in fp16, the first one's loss scale far too large, then the second one's: while updates
/// overflow the phase's states stay, those of the other optimizer as well; afterwards they move.
pub fn overflows_leave_states_alone(name: &str, model: &MadeUp, machine: &mut dyn Machine) {
    let turns: Vec<PhaseRun> = model.turns(3).into_iter().filter(|turn| turn.plan == 1).collect();
    for overflowing in 0..2 {
        let mut states = model.states.clone();
        states[overflowing].loss_scale.scale = f32::MAX;
        machine.set_states(states.clone());
        for turn in &turns {
            machine.run(turn, &mut |_, _| {});
            let after = machine.states();
            let skipped = after.skips();
            assert_eq!(skipped, [overflowing == 0, overflowing == 1], "{name}: tick {}", turn.tick);
            for (is, was) in after.iter().zip(&states) {
                assert_eq!((&is.states, &is.average_states), (&was.states, &was.average_states), "{name}");
            }
        }
        let mut states = machine.states();
        states[overflowing].loss_scale.scale = 256.0;
        machine.set_states(states.clone());
        machine.run(&turns[0], &mut |_, _| {});
        let after = machine.states();
        assert_eq!(after.skips(), [false, false], "{name}");
        assert!(
            after.iter().zip(&states).all(|(is, was)| is.states != was.states),
            "{name}: states move again"
        );
    }
}

/// Whether each optimizer's last update was left out.
trait Skips {
    fn skips(&self) -> Vec<bool>;
}

impl Skips for States {
    fn skips(&self) -> Vec<bool> {
        self.iter().map(|s| s.loss_scale.skip == 1).collect()
    }
}

/// Trains with tasks between the phases and without: the same bytes. What the tasks make of the weights, and of the average in
/// place, is what an executor makes of networks that have these numbers for weights.
pub fn tasks_leave_training_alone(model: &MadeUp, executor: impl Fn(ExecutorSpec) -> Box<dyn Executor>) {
    let (weights, average) = (model.sampling(ReadFrom::Weights), model.sampling(ReadFrom::Average));
    let first = model.phases.len();
    let mut spec = model.spec();
    spec.plans.extend([weights.clone(), average]);
    let (mut undisturbed, mut disturbed) = (executor(model.spec()), executor(spec));
    let z: Vec<f32> = (0..ROWS * WIDTH).map(|i| (i as f32 * 0.37).sin()).collect();
    for turn in model.turns(4) {
        undisturbed.run(&[turn]).expect("no fault");
        disturbed.run(&[turn]).expect("no fault");
        let states = disturbed.states().expect("readable").into_owned();
        let own = |states: &[NetworkState]| {
            let spec = ExecutorSpec { plans: vec![weights.clone()], states: states.to_vec(), ..model.spec() };
            let mut executor = executor(spec);
            executor.write_input(0, "z", &z).expect("room");
            executor.run_task(0, 5).expect("no fault");
            executor.output(0, "y").expect("readable")
        };
        for (plan, wanted) in [(first, own(&states)), (first + 1, own(&averaged(&states)))] {
            disturbed.write_input(plan, "z", &z).expect("room");
            disturbed.run_task(plan, 5).expect("no fault");
            let found = disturbed.output(plan, "y").expect("readable");
            assert!(
                found.iter().zip(&wanted).all(|(x, y)| x.to_bits() == y.to_bits()),
                "{found:?}, not {wanted:?}"
            );
            disturbed.run_task(plan, 6).expect("no fault");
            assert_ne!(disturbed.output(plan, "y").expect("readable"), found, "another tick has other noise");
        }
        let (with, without) =
            (disturbed.states().expect("readable"), undisturbed.states().expect("readable"));
        assert!(*with == *without, "tick {}: training does not notice tasks", turn.tick);
    }
    let [with, without] = [&mut disturbed, &mut undisturbed].map(|e| e.records().expect("readable"));
    assert_eq!(with, without, "tasks leave no records");
}
