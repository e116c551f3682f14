//! The plan computes what the graph says: every node with memory, against the f64 interpreter
//! (`common/nodes.rs`).

use crate::common::madeup::{self, MadeUp};
use crate::common::nodes::{Subject, compare};
use crate::common::{CLASSES, NUMBERS, data, executor, models, rates};
use gansaku::exec::PhaseRun;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::graph::interp::{self, Tensor};
use gansaku::graph::{Graph, MAX_OPTIMIZERS, Var};
use gansaku::lower::{Layout, Stage, lower};
use gansaku::precision::Precision;
use gansaku::rng::Moment;
use std::collections::HashMap;

#[test]
fn every_stored_node_agrees_with_the_interpreter() {
    for (name, gan) in models() {
        let (mut cpu, data) = (executor(&gan, 1), data(NUMBERS, CLASSES));
        for (plan, phase) in gan.phases().iter().enumerate() {
            let turn = PhaseRun::alone(plan, 5, rates(1));
            let name = &format!("{name}, {}", phase.name);
            let (graph, layout, seed) = (&phase.graph, &gan.layout(), gan.config.seed);
            let share = compare(&Subject { name, graph, layout, seed, data: &data }, &mut cpu, &turn);
            println!(
                "{name:50} {} {:3} nodes, {:.2} of the tolerance",
                gan.config.train.precision.name(),
                cpu.plans()[plan].stored.len(),
                share
            );
        }
    }
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
        let stage = Stage { outputs: vec![("out".into(), out)], updates: vec![] };
        let plan = lower(&g, &[stage], Precision::Fp32, &Layout::default());
        let mut cpu = Cpu::new(Pool::single(), vec![plan], vec![], vec![], None, 5);
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

/// Each optimizer's gradients and statistics are right, and the ones that a phase does not update stay.
#[test]
fn any_number_of_optimizers_agrees_with_the_interpreter() {
    let data = data(madeup::WIDTH, 3);
    for (count, precision) in
        (1..=MAX_OPTIMIZERS).flat_map(|n| Precision::ALL.map(|precision| (n, precision)))
    {
        let model = MadeUp::new(count, precision);
        let mut cpu = Cpu::of(Pool::single(), model.spec()).expect("memory enough");
        for turn in model.turns(3) {
            let name = &format!("{count} optimizers in {}, tick {}", precision.name(), turn.tick);
            let (graph, plan) = &model.phases[turn.plan];
            let subject = Subject { name, graph, layout: &model.layout, seed: model.seed, data: &data };
            let before = cpu.states().clone();
            compare(&subject, &mut cpu, &turn);
            for ((is, was), updated) in cpu.states().iter().zip(&before).zip(plan.updates()) {
                assert_eq!(
                    is.weights != was.weights,
                    updated,
                    "{name}: who is updated moves, and nobody else"
                );
                assert!(is.weights.iter().all(|w| w.is_finite()), "{name}");
            }
        }
    }
}
