//! Pictures resampled: each function against numbers written out, its gradients to second order on the CPU against the
//! f64 interpreter, and how many launches that takes.

use crate::common::rates;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::{ExecutorSpec, PhaseRun};
use gansaku::graph::grad::grad;
use gansaku::graph::interp::{self, Tensor};
use gansaku::graph::{Cut, Graph, Op, Var};
use gansaku::lower::{Layout, Stage, Work, lower};
use gansaku::nn::resample::*;
use gansaku::precision::Precision;
use gansaku::rng::{Moment, PhiloxRng, stream};

const MOMENT: Moment = Moment { seed: 5, tick: 3 };

type Build = fn(&Graph, Var) -> Var;

/// What a function makes of a picture of one row and channel, row by row.
fn made(rows: &[&[f64]], build: Build) -> Vec<Vec<f64>> {
    let g = Graph::new();
    let x = g.host_input("x", &[1, rows.len(), rows[0].len(), 1]);
    let y = build(&g, x);
    let tensor = Tensor::new(&g.shape(x), rows.concat());
    let mut values = interp::Values::from([(x, tensor)]);
    interp::run(&g, &[y], MOMENT, &mut values);
    values[&y].data.chunks(values[&y].shape[2]).map(<[f64]>::to_vec).collect()
}

#[test]
fn pictures_become_what_is_written_out() {
    let x: [&[f64]; 2] = [&[1.0, 2.0], &[3.0, 4.0]];
    assert_eq!(made(&x, |g, x| nearest(g, x, 2))[1..3], [[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0]]);
    assert_eq!(made(&x, |g, x| mean_pool(g, x, 2)), [[2.5]]);
    assert_eq!(made(&x, flip), [[2.0, 1.0], [4.0, 3.0]]);
    let x: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0], &[9.0, 9.5, 9.0, 0.0]];
    assert_eq!(made(&x, |g, x| crop(g, x, [1, 0, 1, 2])), [[6.0], [9.5]]);
    let framed = made(&x, |g, x| reflect_pad(g, x, 2));
    assert_eq!(framed[0], [9.0, 9.5, 9.0, 9.5, 9.0, 0.0, 9.0, 9.5]);
    assert_eq!(framed[2], [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0]);
    assert_eq!(framed[6], framed[2], "three rows reflect in the outermost ones");
    // ⌈(3 − 2)/2⌉ + 1 = 2 positions down, the second of one row; ⌈(4 − 2)/2⌉ + 1 = 2 across.
    assert_eq!(made(&x, |g, x| max_pool(g, x, 2, 2)), [[6.0, 8.0], [9.5, 9.0]]);
    assert_eq!(made(&x, |g, x| max_pool(g, g.scale(x, -1.0), 3, 2)), [[-1.0, 0.0]]);
    assert_eq!(made(&x, |g, x| max_pool(g, x, 5, 5)), [[9.5]]);
    let x: [&[f64]; 2] = [&[16.0, 32.0, 48.0, 0.0], &[0.0, 16.0, 0.0, 16.0]];
    let up = made(&x, upsample_fir);
    // Down: ¾·16, then ¾·16 + ¼·0; across: ¾, ¾ + ¼ of the next, …
    assert_eq!(up[0], [9.0, 15.0, 21.0, 27.0, 33.0, 27.0, 9.0, 0.0]);
    assert_eq!(up[1][..2], [0.75 * 12.0, 0.75 * 12.0 + 0.25 * 28.0]);
    // Rows 3/8·(16 + 0), 3/8·(32 + 16), …: [6, 18, 18, 6]; across (3·6 + 3·18 + 18)/8 and (18 + 3·18 + 3·6)/8.
    assert_eq!(made(&x, downsample_fir), [[11.25, 11.25]]);
}

/// PyTorch: `torch.pixel_shuffle(torch.arange(16.).view(1, 8, 1, 2), 2)`.
#[test]
fn pixels_are_shuffled_in_pytorchs_order() {
    let g = Graph::new();
    let x = g.host_input("x", &[1, 1, 2, 8]);
    let y = pixel_shuffle(&g, x, 2);
    // PyTorch's channel c of pixel p is 2c + p.
    let numbers = (0..2).flat_map(|p| (0..8).map(move |c| f64::from(2 * c + p))).collect();
    let mut values = interp::Values::from([(x, Tensor::new(&[1, 1, 2, 8], numbers))]);
    interp::run(&g, &[y], MOMENT, &mut values);
    assert_eq!(g.shape(y), [1, 2, 4, 2]);
    let channel = |c: usize| -> Vec<f64> { values[&y].data.iter().skip(c).step_by(2).copied().collect() };
    assert_eq!(channel(0), [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    assert_eq!(channel(1), [8.0, 10.0, 9.0, 11.0, 12.0, 14.0, 13.0, 15.0]);
}

/// A function of the squares of pictures of some shape, and launches, that of the squares among them: for its result, for its
/// gradient beside it, and for a penalty's on that gradient.
struct Case {
    name: &'static str,
    x: [usize; 4],
    build: Build,
    launches: [usize; 3],
}

fn cases() -> Vec<Case> {
    let case = |name, x, build, launches| Case { name, x, build, launches };
    vec![
        case("nearest", [2, 3, 2, 3], |g, x| nearest(g, x, 2), [2, 3, 4]),
        case("mean pool", [2, 4, 6, 3], |g, x| mean_pool(g, x, 2), [2, 3, 3]),
        case("max pool", [2, 6, 8, 3], |g, x| max_pool(g, x, 2, 2), [3, 8, 10]),
        case("max pool that overlaps", [2, 8, 10, 2], |g, x| max_pool(g, x, 4, 2), [3, 8, 10]),
        case("max pool over the edge", [2, 7, 9, 2], |g, x| max_pool(g, x, 4, 2), [3, 8, 14]),
        case("reflection", [2, 4, 5, 1], |g, x| reflect_pad(g, x, 2), [3, 6, 8]),
        case("pixel shuffle", [2, 2, 3, 8], |g, x| pixel_shuffle(g, x, 2), [2, 3, 4]),
        case("filter up", [2, 3, 4, 2], upsample_fir, [3, 5, 7]),
        case("filter down", [2, 6, 8, 2], downsample_fir, [3, 5, 14]),
        case("crop and flip", [2, 4, 5, 1], |g, x| flip(g, crop(g, x, [1, 0, 0, 2])), [2, 4, 6]),
        case(
            "covering depthwise",
            [3, 4, 4, 5],
            |g, x| depthwise_covering(g, x, g.host_input("w", &[4, 4, 5])),
            [1, 2, 2],
        ),
    ]
}

#[test]
fn gradients_agree_with_the_interpreter_in_few_launches() {
    for Case { name, x: shape, build, launches } in cases() {
        let g = Graph::new();
        let x = g.host_input("x", &shape);
        let y = build(&g, g.square(x));
        let c = g.host_input("c", &g.shape(y));
        let dx = grad(&g, y, &[x], Some(c))[0];
        let penalty = grad(&g, g.sum_all(g.square(dx)), &[x, c], None);
        let outputs = [y, dx, penalty[0], penalty[1]];
        let mut found = vec![];
        for count in [1, 2, 4] {
            let named = |(i, &v): (usize, &Var)| (format!("{i}"), v);
            let stage = Stage {
                outputs: outputs[..count].iter().enumerate().map(named).collect(),
                ..Stage::default()
            };
            let plan = lower(&g, &[stage], Precision::Fp32, &Layout::default());
            let works = |work: &Work| match work {
                Work::LossHead(head) => head.parts.len(),
                _ => 1,
            };
            found.push(plan.launches.iter().map(|launch| works(&launch.work)).sum::<usize>());
            let mut cpu = Cpu::of(
                Pool::single(),
                ExecutorSpec { seed: 5, ..ExecutorSpec::at_rest(vec![plan], vec![], vec![]) },
            )
            .expect("memory enough");
            let mut values = numbers(&g, &outputs[..count]);
            for (v, tensor) in &values {
                let Op::Input(input) = &g.node(*v).op else { unreachable!("an input") };
                let numbers: Vec<f32> = tensor.data.iter().map(|&x| x as f32).collect();
                cpu.write_input(0, &input.to_string(), &numbers);
            }
            cpu.run(&PhaseRun::alone(0, 3, rates(1)));
            interp::run(&g, &outputs[..count], MOMENT, &mut values);
            for (i, v) in outputs[..count].iter().enumerate() {
                // Small multiples of a power of two: sums are exact but for their products' roundings.
                let wanted = values[v].data.iter().copied();
                let got = cpu.output(0, &format!("{i}")).iter().map(|&x| f64::from(x));
                let error =
                    got.zip(wanted).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
                assert!(error < 2e-6, "{name}: output {i} is off by {error}");
            }
        }
        assert_eq!(found, launches, "{name}");
    }
}

/// Numbers of all inputs that `roots` need.
fn numbers(g: &Graph, roots: &[Var]) -> interp::Values {
    let mut rng = PhiloxRng::new(7, stream("pictures"), 0);
    let inputs = g.topological(roots).into_iter().filter(|v| matches!(g.node(*v).op, Op::Input(_)));
    let mut fill = |v: Var| {
        let shape = g.shape(v);
        let draw = |_| f64::from((rng.normal() * 64.0).round() / 64.0);
        (v, Tensor::new(&shape, (0..shape.iter().product()).map(draw).collect()))
    };
    inputs.map(&mut fill).collect()
}

#[test]
fn cuts_that_say_nothing_vanish() {
    let g = Graph::new();
    let x = g.host_input("x", &[6, 5]);
    assert_eq!(g.flip(g.flip(x, 1), 1), x);
    let every_second = g.cut_axis(x, 0, Cut::strided(1, 3, 2));
    assert_eq!(g.cut_axis(every_second, 0, Cut::strided(0, 2, 2)), g.cut_axis(x, 0, Cut::strided(1, 2, 4)));
    assert_eq!(g.cut_axis(x, 0, Cut::strided(2, 1, 3)), g.slice_axis(x, 0, 2, 3));
    let framed = g.pad(x, &[(2, 1), (0, 0)]);
    assert_eq!(g.cut_axis(framed, 0, Cut::strided(3, 3, 2)), every_second);
    assert_eq!(g.spread(x, 0, Cut::run(1, 7), 9), framed_rows(&g, x));
    let nothing = g.spread(g.constant(0.0, &[3, 5]), 0, Cut::strided(0, 3, 2), 6);
    assert_eq!((g.as_constant(nothing), g.shape(nothing)), (Some(0.0), vec![6, 5]));
}

fn framed_rows(g: &Graph, x: Var) -> Var {
    g.pad(x, &[(1, 2), (0, 0)])
}
