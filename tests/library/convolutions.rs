//! Convolutions in plans on the CPU: every form, with what is fused to it, against the f64 interpreter; any number of
//! threads makes the same bytes.

use crate::common::rates;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::{ExecutorSpec, PhaseRun};
use gansaku::graph::grad::grad;
use gansaku::graph::interp::{self, Tensor};
use gansaku::graph::{Graph, Var, Window};
use gansaku::lower::{Form, Layout, Stage, Work, lower};
use gansaku::precision::Precision;
use gansaku::rng::{Moment, PhiloxRng, stream};
use std::collections::HashMap;

/// Picture `[rows, height, width, in]`, channels out, and the window.
struct Case {
    x: [usize; 4],
    outputs: usize,
    window: Window,
}

fn cases() -> Vec<Case> {
    let case = |x, outputs, window| Case { x, outputs, window };
    vec![
        case([3, 8, 8, 5], 7, Window::square(4, 2, 1)),
        case([2, 7, 9, 3], 4, Window::same(5, 2, [7, 9])),
        case([2, 6, 5, 4], 6, Window::square(3, 1, 1)),
        // Strides beyond the kernel leave pixels that no position meets; a stride of three; one channel each way.
        case([2, 7, 7, 2], 3, Window::square(2, 3, 0)),
        case([2, 10, 10, 1], 1, Window { kernel: [5, 2], stride: [3, 1], pad: [(0, 1), (2, 0)] }),
        // More positions than a block of patches takes, and than a slice of a kernel's gradient does.
        case([5, 32, 32, 3], 8, Window::square(3, 1, 1)),
        case([1, 5, 5, 48], 16, Window::square(3, 2, 1)),
        // All taps of a picture of few channels at once, y read in place.
        case([2, 9, 8, 3], 32, Window::square(3, 1, 1)),
        case([0, 8, 8, 3], 4, Window::square(4, 2, 1)),
    ]
}

/// A layer with its bias and activation, its gradients by everything, and a transposed convolution of the result.
fn build(g: &Graph, case: &Case) -> (Vec<Var>, Vec<(String, Var)>) {
    let [kh, kw] = case.window.kernel;
    let x = g.host_input("x", &case.x);
    let w = g.host_input("w", &[kh, kw, case.x[3], case.outputs]);
    let linear = g.conv2d(x, w, case.window);
    let shape = g.shape(linear);
    let b = g.host_input("b", &[1, 1, 1, case.outputs]);
    let shifted = g.add(linear, g.broadcast(b, &shape));
    let y = g.max(shifted, g.scale(shifted, 0.2));
    let cotangent = g.host_input("c", &shape);
    let gradients = grad(g, y, &[x, w, b], Some(cotangent));
    let back = g.scale(g.conv2d_dx(y, w, case.window, &case.x), 0.5);
    let named = ["dx", "dw", "db"].map(String::from).into_iter().zip(gradients);
    let mut outputs = vec![("y".to_string(), y), ("back".to_string(), back)];
    outputs.extend(named);
    (vec![x, w, b, cotangent], outputs)
}

/// Results by name.
type Results = Vec<(String, Vec<f32>)>;

/// The outputs of a plan at a precision, on so many threads; and the plan's convolutions, by form.
fn run(case: &Case, precision: Precision, threads: usize) -> (Results, Vec<(Form, usize, bool)>) {
    let g = Graph::new();
    let (inputs, outputs) = build(&g, case);
    let stage = Stage { outputs: outputs.clone(), ..Stage::default() };
    let plan = lower(&g, &[stage], precision, &Layout::default());
    let convolutions = plan.launches.iter().filter_map(|launch| match &launch.work {
        Work::Convolution(c) => Some((c.form, c.epilogue.len(), c.column_sums.is_some())),
        _ => None,
    });
    let convolutions = convolutions.collect();
    let spec = ExecutorSpec { seed: 5, ..ExecutorSpec::at_rest(vec![plan], vec![], vec![]) };
    let mut cpu = Cpu::of(Pool::new(threads).expect("threads"), spec).expect("memory enough");
    for (v, tensor) in numbers(&g, &inputs) {
        let name = g.node(v).op.clone();
        let gansaku::graph::Op::Input(input) = name else { unreachable!("an input") };
        let values: Vec<f32> = tensor.data.iter().map(|&x| x as f32).collect();
        cpu.write_input(0, &input.to_string(), &values);
    }
    cpu.run(&PhaseRun::alone(0, 3, rates(1)));
    let found = outputs.iter().map(|(name, _)| (name.clone(), cpu.output(0, name).to_vec())).collect();
    (found, convolutions)
}

/// Numbers of every input that tf32 holds exactly.
fn numbers(g: &Graph, inputs: &[Var]) -> HashMap<Var, Tensor> {
    let mut rng = PhiloxRng::new(11, stream("convolutions"), 0);
    let fill = |&v: &Var| {
        let shape = g.shape(v);
        let draw = |_| f64::from((rng.normal() * 64.0).round() / 64.0);
        (v, Tensor::new(&shape, (0..shape.iter().product()).map(draw).collect()))
    };
    inputs.iter().map(fill).collect()
}

#[test]
fn every_form_agrees_with_the_interpreter_on_any_number_of_threads() {
    for case in cases() {
        let g = Graph::new();
        let (inputs, outputs) = build(&g, &case);
        let mut values = numbers(&g, &inputs);
        let wanted: Vec<Var> = outputs.iter().map(|(_, v)| *v).collect();
        interp::run(&g, &wanted, Moment { seed: 5, tick: 3 }, &mut values);
        let what = format!("{:?} of {:?} to {}", case.window, case.x, case.outputs);
        let (found, convolutions) = run(&case, Precision::Fp32, 1);
        for threads in [2, 3] {
            assert_eq!(run(&case, Precision::Fp32, threads).0, found, "{what} on {threads} threads");
        }
        let mut worst = 0.0f64;
        for ((name, got), (_, v)) in found.iter().zip(&outputs) {
            let wanted = &values[v].data;
            // A product of the greatest magnitudes, term by term, rounded each time.
            let terms = (case.window.kernel.iter().product::<usize>() * case.x[3].max(case.outputs)) as f64;
            let terms = if name.starts_with('d') {
                terms.max(case.x[..3].iter().product::<usize>() as f64)
            } else {
                terms
            };
            let size = wanted.iter().fold(1.0f64, |m, x| m.max(x.abs()));
            let bound = (terms + 8.0) * 6e-8 * size * 4.0;
            let error = got.iter().zip(wanted).map(|(&x, w)| (f64::from(x) - w).abs()).fold(0.0, f64::max);
            assert!(error <= bound, "{what}: {name}: {error} beyond {bound}");
            worst = worst.max(error / bound);
        }
        println!("{what}: {worst:.3} of the tolerance");
        if case.x[0] > 0 {
            // Bias and activation, what follows its derivative, the bias' gradient: none has a launch of its own.
            assert!(convolutions.contains(&(Form::Result, 2, false)), "{what}: {convolutions:?}");
            assert!(convolutions.contains(&(Form::Kernel, 0, true)), "{what}: {convolutions:?}");
            assert!(convolutions.contains(&(Form::Picture, 1, false)), "{what}: {convolutions:?}");
        }
    }
}

#[test]
fn every_precision_rounds_what_it_multiplies() {
    for case in cases().iter().filter(|c| c.x[0] > 0) {
        let exact = run(case, Precision::Fp32, 1).0;
        for (precision, unit) in [
            (Precision::Tf32, 0.5f64.powi(11)),
            (Precision::Fp16, 0.5f64.powi(11)),
            (Precision::Bf16, 0.5f64.powi(8)),
        ] {
            let found = run(case, precision, 2).0;
            for ((name, got), (_, wanted)) in found.iter().zip(&exact) {
                let size = wanted.iter().fold(1.0f32, |m, x| m.max(x.abs()));
                let error = got.iter().zip(wanted).map(|(x, w)| (x - w).abs()).fold(0.0, f32::max);
                let bound = 8.0 * unit * f64::from(size);
                assert!(
                    f64::from(error) <= bound,
                    "{precision:?} {:?}: {name}: {error} beyond {bound}",
                    case.window
                );
            }
        }
    }
}
