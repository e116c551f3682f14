//! Derivatives: every op to third order, in f64, against central differences with random cotangents.
//!
//! For y = f(x): the directional derivative of ⟨c, y⟩ from the gradient graph must equal its difference
//! quotient; then the same for the gradient itself, and for the gradient's gradient. After HIPS/autograd's
//! `check_grads`, which recurses the same way.

use gansaku::graph::grad::grad;
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Cut, Graph, NetworkId, Op, Var, Window};
use gansaku::nn::instance_norm;
use gansaku::nn::resample::{downsample_fir, max_pool, upsample_fir};
use gansaku::rng::{Moment, PhiloxRng, stream};
use std::collections::BTreeSet;

const ORDERS: usize = 3;
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;
const MOMENT: Moment = Moment { seed: 1, tick: 0 };

struct Case {
    name: &'static str,
    /// The op under test; `covers_every_op` walks these.
    op: &'static str,
    shapes: &'static [&'static [usize]],
    /// Operands stay positive: √ and 1/x have no derivative at 0.
    positive: bool,
    build: fn(&Graph, &[Var]) -> Var,
}

fn case(
    name: &'static str,
    op: &'static str,
    shapes: &'static [&'static [usize]],
    build: fn(&Graph, &[Var]) -> Var,
) -> Case {
    Case { name, op, shapes, positive: false, build }
}

fn positive(case: Case) -> Case {
    Case { positive: true, ..case }
}

fn cases() -> Vec<Case> {
    const M: &[usize] = &[2, 3];
    vec![
        case("input", "input", &[M], |_, x| x[0]),
        case("const", "const", &[M], |g, x| g.mul(x[0], g.constant(1.7, &[2, 3]))),
        case("rand as a factor", "rand", &[M], |g, x| {
            g.mul(g.rand("r", gansaku::graph::Dist::Normal, &[2, 3]), g.square(x[0]))
        }),
        case("add", "add", &[M, M], |g, x| g.add(x[0], x[1])),
        case("mul", "mul", &[M, M], |g, x| g.mul(x[0], x[1])),
        case("max", "max", &[M, M], |g, x| g.max(g.square(x[0]), x[1])),
        case("relu", "max", &[M], |g, x| g.max(g.mul(x[0], x[0]), g.constant(0.0, &[]))),
        case("leaky relu", "max", &[M], |g, x| {
            let cube = g.mul(g.square(x[0]), x[0]);
            g.max(cube, g.scale(cube, 0.2))
        }),
        case("gt in a mask", "gt", &[M, M], |g, x| g.mul(g.gt(x[0], x[1]), g.square(x[0]))),
        case("select", "select", &[M, M], |g, x| g.select(g.gt(x[0], x[1]), g.square(x[0]), x[1])),
        positive(case("sqrt", "sqrt", &[M], |g, x| g.sqrt(x[0]))),
        positive(case("recip", "recip", &[M], |g, x| g.recip(x[0]))),
        case("tanh", "tanh", &[M], |g, x| g.tanh(x[0])),
        case("sigmoid", "sigmoid", &[M], |g, x| g.sigmoid(x[0])),
        case("softplus", "softplus", &[M], |g, x| g.softplus(x[0])),
        case("exp", "exp", &[M], |g, x| g.exp(x[0])),
        positive(case("log", "log", &[M], |g, x| g.log(x[0]))),
        case("a state as a factor", "state", &[M], |g, x| {
            g.mul(g.state(gansaku::graph::NetworkId(0), "running_mean", &[2, 3]), g.square(x[0]))
        }),
        case("a detached factor", "detach", &[M], |g, x| {
            let draw = g.rand("r", gansaku::graph::Dist::Normal, &[2, 3]);
            g.mul(g.detach(g.square(draw)), g.square(x[0]))
        }),
        case("permute", "permute", &[&[2, 3, 2]], |g, x| {
            let turned = g.permute(x[0], &[2, 0, 1]);
            g.mul(turned, g.square(turned))
        }),
        case("permuted rows in a product", "permute", &[&[2, 3, 2], &[6, 2]], |g, x| {
            let rows = g.reshape(g.permute(x[0], &[0, 2, 1]), &[2, 6]);
            g.matmul(g.square(rows), x[1])
        }),
        case("reshape", "reshape", &[M], |g, x| g.square(g.reshape(x[0], &[3, 2]))),
        case("broadcast", "broadcast", &[&[2, 1]], |g, x| {
            let wide = g.broadcast(x[0], &[4, 2, 3]);
            g.mul(wide, g.square(wide))
        }),
        case("pad", "pad", &[M], |g, x| g.square(g.pad(g.square(x[0]), &[(1, 2), (0, 1)]))),
        case("slice", "slice", &[&[4, 5]], |g, x| g.square(g.slice(g.square(x[0]), &[(1, 3), (0, 4)]))),
        case("every third element", "slice", &[&[2, 8, 2]], |g, x| {
            g.square(g.cut_axis(g.square(x[0]), 1, Cut::strided(1, 3, 3)))
        }),
        case("backwards, every second", "slice", &[&[7, 2]], |g, x| {
            let cuts = [Cut { from: 5, count: 3, step: -2 }, Cut::reversed(2)];
            g.mul(g.square(g.cut(g.square(x[0]), &cuts)), g.cut(x[0], &cuts))
        }),
        case("gaps", "pad", &[&[2, 3, 2]], |g, x| {
            let spread = |from| g.spread(g.square(x[0]), 1, Cut::strided(from, 3, 2), 7);
            g.square(g.add(spread(0), spread(2)))
        }),
        case("a pool over the edge", "max", &[&[1, 5, 4, 2]], |g, x| {
            max_pool(g, g.mul(x[0], g.square(x[0])), 3, 2)
        }),
        case("filters up and down", "slice", &[&[1, 4, 2, 1]], |g, x| {
            g.square(upsample_fir(g, g.square(downsample_fir(g, g.square(x[0])))))
        }),
        case("instance norm", "sqrt", &[&[2, 2, 2, 2]], |g, x| g.square(instance_norm(g, g.square(x[0])))),
        case("concat and its parts", "pad", &[M, &[1, 3]], |g, x| {
            let joined = g.concat(&[g.square(x[0]), x[1]], 0);
            g.mul(g.square(joined), g.broadcast(g.slice_axis(joined, 0, 2, 3), &[3, 3]))
        }),
        case("sum", "sum", &[&[2, 3, 4]], |g, x| g.square(g.sum(g.square(x[0]), &[1]))),
        case("matmul", "matmul", &[&[3, 4], &[4, 5]], |g, x| g.matmul_with(x[0], x[1], false, false)),
        case("matmul nt", "matmul", &[&[3, 4], &[5, 4]], |g, x| g.matmul_with(x[0], x[1], false, true)),
        case("matmul tn", "matmul", &[&[4, 3], &[4, 5]], |g, x| g.matmul_with(x[0], x[1], true, false)),
        case("matmul tt", "matmul", &[&[4, 3], &[5, 4]], |g, x| g.matmul_with(x[0], x[1], true, true)),
        // Such a product is made of multiplications.
        case("outer product", "mul", &[&[3, 1], &[5, 1]], |g, x| g.matmul_with(x[0], x[1], false, true)),
        case("matmul of padded rows", "matmul", &[M, &[3, 2]], |g, x| {
            let rows = g.pad(g.square(x[0]), &[(1, 2), (0, 0)]);
            let product = g.matmul(rows, x[1]);
            g.matmul_with(g.sigmoid(product), rows, true, false)
        }),
        case("conv2d", "conv2d", &[&[2, 4, 5, 2], &[3, 2, 2, 3]], |g, x| {
            let window = Window { kernel: [3, 2], stride: [2, 1], pad: [(1, 0), (0, 2)] };
            g.conv2d(g.square(x[0]), x[1], window)
        }),
        case("conv2d_dx", "conv2d_dx", &[&[2, 2, 3, 2], &[4, 4, 3, 2]], |g, x| {
            g.conv2d_dx(x[0], x[1], Window::square(4, 2, 1), &[2, 5, 6, 3])
        }),
        case("conv2d_dw", "conv2d_dw", &[&[2, 5, 5, 2], &[2, 3, 3, 2]], |g, x| {
            g.conv2d_dw(x[0], g.square(x[1]), Window::same(3, 2, [5, 5]))
        }),
        case("convolutions in a row", "conv2d", &[&[1, 4, 4, 1], &[3, 3, 1, 2], &[2, 2, 1, 2]], |g, x| {
            let hidden = g.tanh(g.conv2d(x[0], x[1], Window::square(3, 1, 1)));
            g.square(g.conv2d_dx(hidden, x[2], Window::square(2, 2, 0), &[1, 8, 8, 1]))
        }),
        // Such convolutions are products.
        case("kernels that cover", "matmul", &[&[2, 3, 2, 2], &[3, 2, 2, 3], &[1, 1, 3, 2]], |g, x| {
            let window = Window { kernel: [3, 2], stride: [1, 1], pad: [(0, 0); 2] };
            let hidden = g.tanh(g.conv2d(x[0], x[1], window));
            let back = g.conv2d_dx(hidden, x[1], window, &[2, 3, 2, 2]);
            g.add(g.sum_all(g.conv2d(hidden, x[2], Window::square(1, 1, 0))), g.sum_all(g.square(back)))
        }),
        case("convolutions of padded rows", "conv2d", &[&[1, 3, 3, 1], &[2, 2, 1, 2]], |g, x| {
            let window = Window::square(2, 1, 0);
            let rows = g.pad(g.square(x[0]), &[(1, 1), (0, 0), (0, 0), (0, 0)]);
            let y = g.sigmoid(g.conv2d(rows, x[1], window));
            g.add(g.conv2d_dw(rows, y, window), g.square(x[1]))
        }),
        case("param", "param", &[M], |g, x| {
            let weight = g.param(NetworkId(0), "weight", 0, &[2, 3]);
            g.mul(x[0], g.square(weight))
        }),
        case("state as a factor", "state", &[M], |g, x| {
            g.mul(g.square(x[0]), g.state(NetworkId(0), "running_mean", &[2, 3]))
        }),
    ]
}

fn random(rng: &mut PhiloxRng, shape: &[usize], positive: bool) -> Tensor {
    let draw = |_| {
        let x = f64::from(rng.normal());
        if positive { 0.5 + x.abs() } else { x }
    };
    Tensor::new(shape, (0..shape.iter().product()).map(draw).collect())
}

/// Inputs and parameters that `root` depends on.
fn leaves(g: &Graph, root: Var) -> Vec<Var> {
    let bound = |v: &Var| matches!(g.node(*v).op, Op::Input(_) | Op::Param { .. } | Op::State { .. });
    g.topological(&[root]).into_iter().filter(bound).collect()
}

/// Worst relative error over three orders.
fn check(case: &Case) -> f64 {
    let g = Graph::new();
    let mut rng = PhiloxRng::new(3, stream(case.name), 0);
    let x: Vec<Var> =
        case.shapes.iter().enumerate().map(|(i, s)| g.host_input(&format!("x{i}"), s)).collect();
    let mut bound = Values::new();
    for (&v, shape) in x.iter().zip(case.shapes) {
        bound.insert(v, random(&mut rng, shape, case.positive));
    }
    let y = (case.build)(&g, &x);
    let cotangent = g.host_input("c0", &g.shape(y));
    let mut f = g.sum_all(g.mul(y, cotangent));
    let mut worst = 0.0f64;
    for order in 1..=ORDERS {
        let wrt = leaves(&g, f);
        for &v in &wrt {
            bound.entry(v).or_insert_with(|| random(&mut rng, &g.shape(v), false));
        }
        let gradients = grad(&g, f, &wrt, None);
        let directions: Vec<Tensor> = wrt.iter().map(|&v| random(&mut rng, &g.shape(v), false)).collect();
        let mut values = bound.clone();
        interp::run(&g, &gradients, MOMENT, &mut values);
        let dot =
            |(v, d): (&Var, &Tensor)| -> f64 { values[v].data.iter().zip(&d.data).map(|(a, b)| a * b).sum() };
        let analytic: f64 = gradients.iter().zip(&directions).map(dot).sum();
        let at = |t: f64| {
            let mut moved = bound.clone();
            for (v, d) in wrt.iter().zip(&directions) {
                let value = moved.get_mut(v).expect("bound above");
                value.data.iter_mut().zip(&d.data).for_each(|(x, d)| *x += t * d);
            }
            interp::run(&g, &[f], MOMENT, &mut moved);
            moved[&f].data[0]
        };
        let numeric = (at(STEP) - at(-STEP)) / (2.0 * STEP);
        let error = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0);
        assert!(error <= TOLERANCE, "{} order {order}: {analytic} against {numeric}", case.name);
        worst = worst.max(error);
        // The next order differentiates this gradient, weighted by fresh cotangents.
        let weighted = gradients
            .iter()
            .enumerate()
            .map(|(i, &v)| g.sum_all(g.mul(v, g.host_input(&format!("c{order}.{i}"), &g.shape(v)))));
        f = weighted.reduce(|a, b| g.add(a, b)).expect("at least one gradient");
    }
    worst
}

#[test]
fn every_op_to_third_order() {
    for case in cases() {
        println!("{:24} {:.1e} of {TOLERANCE:.0e}", case.name, check(&case));
    }
}

#[test]
fn no_derivative_goes_through_a_detached_node() {
    let g = Graph::new();
    let x = g.host_input("x", &[2, 3]);
    let held = g.detach(g.square(x));
    let slope = grad(&g, g.mul(held, x), &[x], None)[0];
    assert_eq!(slope, g.mul(held, g.constant(1.0, &[2, 3])), "as if the factor were a number");
    assert_eq!(grad(&g, held, &[x], None)[0], g.constant(0.0, &[2, 3]));
    assert_eq!(g.detach(held), held);
}

#[test]
fn covers_every_op() {
    let tested: BTreeSet<&str> = cases().iter().map(|c| c.op).collect();
    let all: BTreeSet<&str> = Op::NAMES.iter().copied().collect();
    assert_eq!(tested, all, "an op without a row in `cases`, or a row without an op");
}

#[test]
fn each_row_builds_its_op() {
    for case in cases() {
        let g = Graph::new();
        let x: Vec<Var> =
            case.shapes.iter().enumerate().map(|(i, s)| g.host_input(&format!("x{i}"), s)).collect();
        let y = (case.build)(&g, &x);
        let ops: Vec<&str> = g.topological(&[y]).iter().map(|&v| g.node(v).op.name()).collect();
        assert!(ops.contains(&case.op), "{}: {ops:?}", case.name);
    }
}
