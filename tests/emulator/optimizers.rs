//! One to four optimizers on the emulated GPU, and the states of their networks: every node against the interpreter, every
//! update to the bit, the clock kept by the device alone, tasks between the phases.

use crate::common::madeup::MadeUp;
use crate::common::nodes::{compare_made_up, overflows_leave_states_alone, tasks_leave_training_alone};
use crate::steps::updates_are_exact;
use gansaku::exec::Executor;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::cuda::{Cuda, Options};
use gansaku::graph::MAX_OPTIMIZERS;
use gansaku::precision::Precision;

#[test]
fn any_number_of_optimizers_is_right() {
    let Some(library) = crate::library(MAX_OPTIMIZERS) else { return };
    let cases = (1..=MAX_OPTIMIZERS).map(|count| (count, Precision::Fp32)).chain([(3, Precision::Fp16)]);
    for (count, precision) in cases {
        let model = MadeUp::new(count, precision);
        let turns = model.turns(3);
        let name = format!("{count} optimizers in {}", precision.name());
        let options = Options { keep_gradients: true, ..Options::default() };
        let mut gpu = Cuda::with(crate::gpu(&library, 1), model.spec(), options).expect("memory enough");
        let mut worst = 0.0f64;
        for turn in &turns {
            let name = &format!("{name}, tick {}", turn.tick);
            let before = gpu.states().expect("readable");
            worst = worst.max(compare_made_up(name, &model, &mut gpu, turn));
            let after = gpu.states().expect("readable");
            let plan = &model.phases[turn.plan].plan;
            updates_are_exact(name, &model.rules, plan, turn, [&before, &after]);
            let [record] = &gpu.records().expect("readable")[..] else {
                panic!("{name}: one phase, one record")
            };
            assert_eq!(record.optimizers.len(), count, "{name}");
            for ((found, state), updated) in record.optimizers.iter().zip(&after).zip(plan.updates()) {
                assert_eq!(found.gradient_norm2.to_bits(), state.gradient_norm2.to_bits(), "{name}");
                assert_eq!((found.loss_scale, found.skipped), (state.loss_scale.scale, false), "{name}");
                assert!(!updated || found.gradient_norm2 > 0.0, "{name}");
            }
        }
        println!("{name}: {worst:.3} of the tolerance");
        let mut at_once = Cuda::of(crate::gpu(&library, 2), model.spec()).expect("memory enough");
        let uploads = at_once.driver().counters().uploads;
        at_once.run_all(&turns).expect("no fault");
        let counters = at_once.driver().counters();
        assert_eq!(
            (counters.replays, counters.uploads - uploads),
            (1, 1),
            "{name}: the device keeps the clock"
        );
        let (found, wanted) = (at_once.states().expect("readable"), gpu.states().expect("readable"));
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(
                found.weights == wanted.weights && found.moments == wanted.moments,
                "{name}: the same bytes"
            );
            assert!(found.average == wanted.average, "{name}: the same average");
            assert!(found.states == wanted.states && found.average_states == wanted.average_states, "{name}");
        }
    }
}

#[test]
fn an_overflow_leaves_states_alone() {
    let Some(library) = crate::library(1) else { return };
    let model = MadeUp::new(2, Precision::Fp16);
    let mut gpu = Cuda::of(crate::gpu(&library, 1), model.spec()).expect("memory enough");
    overflows_leave_states_alone("emulated GPU", &model, &mut gpu);
}

#[test]
fn tasks_run_in_the_middle_of_a_training() {
    let Some(library) = crate::library(2) else { return };
    let executor =
        |spec| Box::new(Cuda::of(crate::gpu(&library, 1), spec).expect("memory enough")) as Box<dyn Executor>;
    for precision in [Precision::Fp32, Precision::Fp16] {
        tasks_leave_training_alone(&MadeUp::new(3, precision), executor);
    }
}
