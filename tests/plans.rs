//! The plan computes what the graph says: every node with memory, against the f64 interpreter
//! (`common/nodes.rs`).

mod common;

use common::nodes::compare;
use common::{executor, models};

#[test]
fn every_stored_node_agrees_with_the_interpreter() {
    for (name, gan) in models() {
        let mut cpu = executor(&gan, 1);
        for (number, phase) in gan.phases().iter().enumerate() {
            let share = compare(name, &gan, &mut cpu, number, phase);
            println!(
                "{name:32} {} {:20} {:3} nodes, {:.2} of the tolerance",
                gan.config.train.precision.name(),
                phase.name,
                cpu.plans()[number].stored.len(),
                share
            );
        }
    }
}
