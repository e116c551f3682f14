//! Every node with memory against the f64 interpreter, on any executor and in any step of a training.
//!
//! For each stored node the reference starts from what the plan itself stored below it, so an error shows at
//! the node that made it. Tolerances are derived: a forward error analysis in f32 runs beside the reference.

use gansaku::data::{Dataset, shuffle};
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::{PhaseRun, Rate};
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Family, Graph, Op, Player, Var};
use gansaku::lower::{EXAMPLES, LABELS, LOSS_SCALES, Place, Plan};
use gansaku::models::gan::{Gan, Phase};
use gansaku::precision::{Narrow, Precision};
use gansaku::rng::Moment;
use std::collections::HashMap;

/// Called after each launch with its number.
pub type Observe<'a> = dyn FnMut(usize, &mut dyn Machine) + Send + 'a;

/// An executor whose memory can be looked at between launches.
pub trait Machine {
    /// A plan of its.
    fn plan(&self, number: usize) -> &Plan;
    /// Elements at a place.
    fn memory(&mut self, place: Place, len: usize) -> Vec<f32>;
    /// Runs a plan.
    fn run(&mut self, number: usize, tick: u64, rates: &[Rate; 2], observe: &mut Observe);
}

impl Machine for Cpu {
    fn plan(&self, number: usize) -> &Plan {
        &self.plans()[number]
    }

    fn memory(&mut self, place: Place, len: usize) -> Vec<f32> {
        Cpu::memory(self, place, len).to_vec()
    }

    fn run(&mut self, number: usize, tick: u64, rates: &[Rate; 2], observe: &mut Observe) {
        self.run_observed(number, tick, rates, &mut |launch, cpu| observe(launch, cpu));
    }
}

impl<D: Driver> Machine for Cuda<D> {
    fn plan(&self, number: usize) -> &Plan {
        &self.plans()[number]
    }

    fn memory(&mut self, place: Place, len: usize) -> Vec<f32> {
        Cuda::memory(self, place, len).expect("readable")
    }

    fn run(&mut self, number: usize, tick: u64, rates: &[Rate; 2], observe: &mut Observe) {
        let mut show = |launch, gpu: &mut Cuda<D>| {
            observe(launch, gpu);
            Ok(())
        };
        self.run_observed(number, tick, rates, &mut show).expect("no fault");
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
        Op::Input(_) | Op::Param { .. } | Op::Rand { .. } => vec![0.0; out.len()],
        Op::Const(_) => each(&|i| U * out[i].abs()),
        Op::Add => each(&|i| e(0)[i] + e(1)[i] + U * out[i].abs()),
        Op::Mul => each(&|i| {
            let cross = |value: f64, error: f64| if value == 0.0 { 0.0 } else { value.abs() * error };
            cross(v(0)[i], e(1)[i]) + cross(v(1)[i], e(0)[i]) + e(0)[i] * e(1)[i] + U * out[i].abs()
        }),
        Op::Max => each(&|i| e(0)[i].max(e(1)[i])),
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
        Op::Reshape | Op::Broadcast | Op::Pad(_) | Op::Slice(_) | Op::Permute(_) => {
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
        Op::Matmul { ta, .. } => {
            let k = g.shape(node.sources[0])[usize::from(!ta)];
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

/// Parameters and gathered inputs as the plan had them.
fn leaf(machine: &mut dyn Machine, gan: &Gan, g: &Graph, var: Var) -> Option<Tensor> {
    let node = g.node(var);
    let Op::Param { player, name, .. } = &node.op else { return None };
    let len = node.shape.iter().product();
    let place = Place::Weights(*player, gan.network(*player).offset(name));
    Some(tensor(&node.shape, &machine.memory(place, len)))
}

fn tensor(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::new(shape, values.iter().map(|&x| f64::from(x)).collect())
}

/// The minibatch of a moment: `[rows, numbers]`, or labels one-hot `[rows, classes]`.
fn minibatch(data: &Dataset, moment: Moment, input: &str, rows: usize) -> Vec<f32> {
    let position = |row: usize| moment.tick * rows as u64 + row as u64;
    let examples = (0..rows).map(|row| shuffle::at(moment.seed, data.train.count, position(row)));
    if input == EXAMPLES {
        return data.numbers_of(&data.train, examples);
    }
    let labels = data.train.labels.as_ref().expect("labelled data");
    let one_hot = |i: usize| (0..data.classes).map(move |c| f32::from(u8::from(usize::from(labels[i]) == c)));
    examples.flat_map(one_hot).collect()
}

/// Runs a phase and compares every stored node, minibatches to the bit; the share of the worst tolerance used.
pub fn compare(
    name: &str,
    gan: &Gan,
    data: &Dataset,
    machine: &mut dyn Machine,
    turn: &PhaseRun,
    phase: &Phase,
) -> f64 {
    let g = &phase.graph;
    let moment = Moment { seed: gan.config.seed, tick: turn.tick };
    let stored = machine.plan(turn.plan).stored.clone();
    let roots: Vec<Var> = stored.iter().map(|s| s.var).collect();
    let mut seen = Values::new();
    // A parameter's value is taken before the updates of the stage that reads it.
    let params: Vec<Var> =
        g.topological(&roots).into_iter().filter(|&v| matches!(g.node(v).op, Op::Param { .. })).collect();
    let versions = |v: &Var| matches!(g.node(*v).op, Op::Param { version: 0, .. });
    for &v in params.iter().filter(|v| versions(v)) {
        seen.insert(v, leaf(machine, gan, g, v).expect("a parameter"));
    }
    for v in g.topological(&roots) {
        let Op::Input(name) = &g.node(v).op else { continue };
        let of = |p: &Player| LOSS_SCALES[*p as usize] == *name;
        if let Some(player) = Player::ALL.into_iter().find(of) {
            seen.insert(v, tensor(&g.node(v).shape, &machine.memory(Place::Scale(player), 1)));
        }
    }
    machine.run(turn.plan, turn.tick, &turn.rates, &mut |launch, machine| {
        for node in stored.iter().filter(|s| s.writers.last() == Some(&launch)) {
            let len = g_len(&node.view.windows);
            let shape: Vec<usize> = node.view.windows.iter().map(|w| w.1).collect();
            seen.insert(node.var, tensor(&shape, &machine.memory(node.view.place, len)));
        }
    });
    for &v in params.iter().filter(|v| !versions(v)) {
        let Op::Param { player, .. } = &g.node(v).op else { unreachable!() };
        assert_eq!(*player, Player::Discriminator, "only D is updated before the end");
        seen.insert(v, leaf(machine, gan, g, v).expect("a parameter"));
    }
    let mut worst = 0.0f64;
    let (mut unsure, mut total) = (0, 0);
    let precision = machine.plan(turn.plan).precision;
    // What rounding operands alone may do to sums of a few dozen terms is a matter of the format.
    let sure = match precision {
        Precision::Fp32 => 1e-3,
        Precision::Tf32 | Precision::Fp16 => 3e-2,
        Precision::Bf16 => 0.25,
    };
    for node in &stored {
        if let Op::Input(input) = &g.node(node.var).op
            && [EXAMPLES, LABELS].contains(&input.as_str())
        {
            let format = precision.stored().filter(|_| node.view.place.is_narrow());
            let round = |x: f32| format.map_or(x, |f| f.round(x));
            let wanted = minibatch(data, moment, input, g.shape(node.var)[0]).into_iter().map(round);
            let wanted = tensor(&g.shape(node.var), &wanted.collect::<Vec<f32>>());
            assert_eq!(seen[&node.var], wanted, "{name}, {}: {input}", phase.name);
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
        for other in stored.iter().filter(|s| values.contains_key(&s.var) && is_drawn(g, s.var)) {
            let near = |x: &f64| stored_error(0.0, *x, other.view.place, precision);
            let drawn = values[&other.var].data.iter().map(near).collect();
            errors.insert(other.var, Tensor::new(&values[&other.var].shape, drawn));
        }
        for v in g.topological(&[node.var]) {
            if !values.contains_key(&v) {
                let value = interp::evaluate(g, v, moment, &values);
                values.insert(v, value);
                let error = bound(g, v, moment, &values, &errors, precision);
                errors.insert(v, error);
            }
        }
        let (want, got, error) = (&values[&node.var], &seen[&node.var], &errors[&node.var]);
        for (i, (w, x)) in want.data.iter().zip(&got.data).enumerate() {
            total += 1;
            let allowed = stored_error(error.data[i], *w, node.view.place, precision) + 1e-37;
            // A comparison nearer than its operands' errors may go either way.
            if allowed > sure * (1.0 + w.abs()) {
                unsure += 1;
                continue;
            }
            let share = (w - x).abs() / allowed;
            assert!(
                share <= 1.0,
                "{name}, {}: node %{} {} [{i}] of {:?}: plan {x}, graph {w}, allowed {allowed:.1e}",
                phase.name,
                node.var.index(),
                g.node(node.var).op.name(),
                want.shape,
            );
            worst = worst.max(share);
        }
    }
    assert!(unsure * 50 <= total, "{name}: {unsure} of {total} elements hang on a close comparison");
    worst
}

fn g_len(windows: &[(usize, usize)]) -> usize {
    windows.iter().map(|w| w.1).product()
}
