//! The plan computes what the graph says: every node with memory, against the f64 interpreter
//! (`common/nodes.rs`).

mod common;

use common::nodes::compare;
use common::{CLASSES, NUMBERS, data, executor, models, rates};
use gansaku::exec::Turn;

#[test]
fn every_stored_node_agrees_with_the_interpreter() {
    for (name, gan) in models() {
        let (mut cpu, data) = (executor(&gan, 1), data(NUMBERS, CLASSES));
        for (plan, phase) in gan.phases().iter().enumerate() {
            let turn = Turn { plan, tick: 5, rates: rates(1) };
            let share = compare(name, &gan, &data, &mut cpu, &turn, phase);
            println!(
                "{name:32} {} {:20} {:3} nodes, {:.2} of the tolerance",
                gan.config.train.precision.name(),
                phase.name,
                cpu.plans()[plan].stored.len(),
                share
            );
        }
    }
}
