//! The plan computes what the graph says: every node with memory, against the f64 interpreter
//! (`common/nodes.rs`).

use crate::common::madeup::MadeUp;
use crate::common::nodes::{self, Subject, compare};
use crate::common::{CLASSES, NUMBERS, data, executor, models, rates};
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::{Executor, ExecutorSpec, PhaseRun};
use gansaku::graph::interp::{self, Tensor};
use gansaku::graph::{Cut, Dist, Graph, MAX_OPTIMIZERS, Var};
use gansaku::lower::{Layout, Stage, Work, lower};
use gansaku::precision::Precision;
use gansaku::rng::Moment;
use std::collections::HashMap;

#[test]
fn every_stored_node_agrees_with_the_interpreter() {
    for (name, model) in models() {
        let (mut cpu, data) = (executor(&model, 1), data(NUMBERS, CLASSES));
        for (plan, phase) in model.phases().iter().enumerate() {
            let turn = PhaseRun::alone(plan, 5, rates(1));
            let name = &format!("{name}, {}", phase.name);
            let (graph, layout, seed) = (&phase.graph, &model.layout(), model.config.seed);
            let share = compare(&Subject { name, graph, layout, seed, data: &data }, &mut cpu, &turn);
            println!(
                "{name:50} {} {:3} nodes, {:.2} of the tolerance",
                model.config.train.precision.name(),
                cpu.plans()[plan].stored.len(),
                share
            );
        }
    }
}

/// A permuted node is a view: whoever reads it reads the original through strides, but for a reshape that joins axes
/// which have lost their order.
#[test]
fn permuted_nodes_are_read_where_they_lie() {
    type Build = fn(&Graph, Var) -> Var;
    // Of [2 rows, 3 channels, 4 high, 5 wide]: how many maps, sums and products it takes.
    let cases: [(&str, usize, Build); 15] = [
        ("a map", 1, |g, x| g.square(g.permute(x, &[0, 2, 3, 1]))),
        ("an output", 1, |g, x| g.permute(x, &[3, 0, 2, 1])),
        ("a permuted pad in a map", 1, |g, x| {
            let padded = g.pad(x, &[(0, 0), (1, 2), (0, 1), (0, 0)]);
            g.shift(g.permute(padded, &[0, 2, 3, 1]), 1.0)
        }),
        ("a sum over rows", 1, |g, x| g.sum(g.square(g.permute(x, &[0, 2, 3, 1])), &[0, 1, 2])),
        ("rows of pixels, which are copied", 2, |g, x| {
            let rows = g.reshape(g.permute(x, &[0, 2, 3, 1]), &[2, 60]);
            g.square(g.slice_axis(rows, 1, 7, 51))
        }),
        ("a transposed operand", 1, |g, x| {
            let matrix = g.reshape(x, &[6, 20]);
            g.matmul(matrix, g.permute(matrix, &[1, 0]))
        }),
        ("an operand of one channel's columns", 1, |g, x| {
            let turned = g.permute(x, &[1, 3, 0, 2]);
            let channel = g.reshape(g.slice_axis(turned, 0, 1, 2), &[5, 2, 4]);
            let [left, right] = [g.slice_axis(channel, 1, 0, 1), g.slice_axis(channel, 1, 1, 2)];
            g.matmul_with(g.reshape(left, &[5, 4]), g.reshape(right, &[5, 4]), true, false)
        }),
        ("an operand of pixels, which is copied", 2, |g, x| {
            let pixels = g.reshape(g.permute(x, &[0, 2, 3, 1]), &[40, 3]);
            g.matmul_with(pixels, pixels, true, false)
        }),
        ("what is added to a product", 1, |g, x| {
            let matrix = g.reshape(g.slice_axis(x, 0, 0, 1), &[12, 5]);
            let other = g.reshape(g.slice_axis(x, 0, 1, 2), &[5, 12]);
            let product = g.matmul(matrix, g.slice_axis(other, 1, 0, 10));
            g.add(product, g.permute(g.reshape(x, &[10, 12]), &[1, 0]))
        }),
        ("every second column backwards, with a frame", 1, |g, x| {
            let framed = g.pad(x, &[(0, 0), (0, 0), (1, 0), (2, 1)]);
            let cut = Cut { from: 7, count: 4, step: -2 };
            g.shift(g.cut_axis(framed, 3, cut), 1.0)
        }),
        ("a flipped output", 1, |g, x| g.flip(x, 3)),
        ("a draw backwards", 1, |g, x| g.add(x, g.flip(g.rand("draw", Dist::Normal, &[2, 3, 4, 5]), 3))),
        ("an operand of every second row", 1, |g, x| {
            let rows = g.cut_axis(g.reshape(x, &[6, 20]), 0, Cut::strided(1, 3, 2));
            g.matmul_with(rows, rows, false, true)
        }),
        ("a flipped operand, which is copied", 2, |g, x| {
            let matrix = g.reshape(x, &[6, 20]);
            g.matmul_with(matrix, g.flip(matrix, 1), false, true)
        }),
        ("a draw", 1, |g, x| {
            let draw = g.rand("draw", Dist::Uniform, &[2, 3, 4, 5]);
            g.add(g.permute(x, &[1, 0, 3, 2]), g.permute(draw, &[1, 0, 3, 2]))
        }),
    ];
    for (name, count, build) in cases {
        let g = Graph::new();
        let x = g.host_input("x", &[2, 3, 4, 5]);
        let out = build(&g, x);
        let stage = Stage { outputs: vec![("out".into(), out)], ..Stage::default() };
        let plan = lower(&g, &[stage], Precision::Fp32, &Layout::default());
        // Small launches share one, in which each still stores what the next one reads.
        let works = plan.launches.iter().map(|launch| match &launch.work {
            work @ Work::LossHead(head) => work.products().len() + head.parts.len(),
            _ => 1,
        });
        assert_eq!(works.sum::<usize>(), count, "{name}");
        // Small whole numbers, so that every sum is exact.
        let numbers: Vec<f32> = (0..120).map(|i| (i * 7 % 31) as f32 - 15.0).collect();
        let mut cpu = Cpu::of(
            Pool::single(),
            ExecutorSpec { seed: 5, ..ExecutorSpec::at_rest(vec![plan], vec![], vec![]) },
        )
        .expect("memory enough");
        cpu.write_input(0, "x", &numbers);
        cpu.run(&PhaseRun::alone(0, 3, rates(1)));
        let tensor = Tensor::new(&[2, 3, 4, 5], numbers.iter().map(|&x| f64::from(x)).collect());
        let mut values = HashMap::from([(x, tensor)]);
        interp::run(&g, &[out], Moment { seed: 5, tick: 3 }, &mut values);
        let wanted: Vec<f32> = values[&out].data.iter().map(|&x| x as f32).collect();
        assert_eq!(cpu.output(0, "out"), wanted, "{name}");
    }
}

#[test]
fn permutations_that_say_nothing_vanish() {
    let g = Graph::new();
    let x = g.host_input("x", &[2, 1, 4, 5]);
    let there = g.permute(x, &[0, 2, 3, 1]);
    assert_eq!(there, g.reshape(x, &[2, 4, 5, 1]), "only an axis of length 1 moves");
    assert_eq!(g.permute(x, &[0, 1, 2, 3]), x);
    let turned = g.permute(x, &[3, 0, 1, 2]);
    assert_eq!(g.permute(turned, &[1, 2, 3, 0]), x);
    let one = g.constant(2.5, &[2, 3]);
    assert_eq!(g.permute(one, &[1, 0]), g.constant(2.5, &[3, 2]));
    let row = g.host_input("row", &[1, 3]);
    let repeated = g.permute(g.broadcast(row, &[4, 3]), &[1, 0]);
    assert_eq!(repeated, g.broadcast(g.reshape(row, &[3, 1]), &[3, 4]));
    assert_eq!(g.sum_all(turned), g.sum_all(x));
    let matrix = g.host_input("matrix", &[3, 3]);
    let transposed = g.permute(matrix, &[1, 0]);
    assert_eq!(g.matmul(transposed, matrix), g.matmul_with(matrix, matrix, true, false));
    assert_eq!(g.exp(g.constant(0.0, &[3])), g.constant(1.0, &[3]));
    assert_eq!(g.log(g.constant(1.0, &[3])), g.constant(0.0, &[3]));
}

/// A kernel may not read at another index what it computes itself: nobody says which index comes first.
#[test]
fn what_is_moved_is_read_after_it_was_stored() {
    type Build = fn(&Graph, Var) -> Var;
    let shift = |g: &Graph, v: Var| g.pad(g.slice_axis(v, 1, 0, 19), &[(0, 0), (1, 0)]);
    let cases: [(&str, Build); 3] = [
        ("a sum", |g, x| g.add(g.square(x), x)),
        ("a product", |g, x| g.mul(g.square(x), x)),
        ("a maximum", |g, x| g.max(g.square(x), x)),
    ];
    for (name, build) in cases {
        let g = Graph::new();
        let x = g.host_input("x", &[7, 20]);
        let inner = build(&g, x);
        let out = g.add(shift(&g, inner), inner);
        let stage = Stage { outputs: vec![("out".into(), out)], ..Stage::default() };
        let plan = lower(&g, &[stage], Precision::Fp32, &Layout::default());
        let mut cpu = Cpu::of(
            Pool::single(),
            ExecutorSpec { seed: 5, ..ExecutorSpec::at_rest(vec![plan], vec![], vec![]) },
        )
        .expect("memory enough");
        let numbers: Vec<f32> = (1..=140).map(|i| i as f32).collect();
        cpu.write_input(0, "x", &numbers);
        cpu.run(&PhaseRun::alone(0, 3, rates(1)));
        let tensor = Tensor::new(&[7, 20], numbers.iter().map(|&x| f64::from(x)).collect());
        let mut values = HashMap::from([(x, tensor)]);
        interp::run(&g, &[out], Moment { seed: 5, tick: 3 }, &mut values);
        let found: Vec<f64> = cpu.output(0, "out").iter().map(|&x| f64::from(x)).collect();
        assert_eq!(found, values[&out].data, "{name}, then itself moved");
    }
}

/// Each optimizer's gradients and statistics are right, the ones that a phase does not update stay, and states become what
/// the phase made of them.
#[test]
fn any_number_of_optimizers_agrees_with_the_interpreter() {
    for (count, precision) in
        (1..=MAX_OPTIMIZERS).flat_map(|n| Precision::ALL.map(|precision| (n, precision)))
    {
        let model = MadeUp::new(count, precision);
        let mut cpu = Cpu::of(Pool::single(), model.spec()).expect("memory enough");
        for turn in model.turns(3) {
            let name = format!("{count} optimizers in {}, tick {}", precision.name(), turn.tick);
            nodes::compare_made_up(&name, &model, &mut cpu, &turn);
        }
    }
}

/// An update that overflows leaves the states of its phase alone, whoever owns them.
#[test]
fn an_overflow_leaves_states_alone() {
    let model = MadeUp::new(2, Precision::Fp16);
    let mut cpu = Cpu::of(Pool::single(), model.spec()).expect("memory enough");
    nodes::overflows_leave_states_alone("CPU", &model, &mut cpu);
}

/// Between phases, tasks run from the weights and from the moving average, and training does not notice.
#[test]
fn tasks_run_in_the_middle_of_a_training() {
    let executor =
        |spec| Box::new(Cpu::of(Pool::single(), spec).expect("memory enough")) as Box<dyn Executor>;
    for precision in Precision::ALL {
        nodes::tasks_leave_training_alone(&MadeUp::new(3, precision), executor);
    }
}
