//! Ten steps of recipes and four of every kind of model on the emulated GPU, as `steps.rs` checks them.

use crate::common;
use crate::steps::{CASES, Setup, check, ten_steps};
use gansaku::precision::Precision;

/// Ten steps of one of [`CASES`].
fn recipe_is_right(case: usize) {
    let Some(library) = crate::library(1) else { return };
    let (name, sets, numbers) = CASES[case];
    let share = ten_steps(name, sets, numbers, || crate::gpu(&library, 1));
    println!("{name:12} ten steps: {share:.3} of the tolerance");
}

#[test]
fn ten_steps_of_mnist_are_right() {
    recipe_is_right(0);
}

#[test]
fn ten_steps_of_mnist_2014_are_right() {
    recipe_is_right(1);
}

#[test]
fn ten_steps_of_cgan_mnist_are_right() {
    recipe_is_right(2);
}

#[test]
fn ten_steps_of_ring_rpgan_are_right() {
    recipe_is_right(3);
    assert_eq!(CASES.len(), 4, "a test for each case");
}

/// Every second variant from `first` on, in two precisions of which one stores 16 bits. The CPU runs all variants in all
/// precisions (`library/plans.rs`), and the table every kernel in each.
fn every_second_kind_of_model_is_right(first: usize, precisions: [Precision; 2]) {
    let variants: Vec<_> = common::variants().into_iter().skip(first).step_by(2).collect();
    let Some(library) = crate::library(2 * variants.len()) else { return };
    for (name, mut config) in variants {
        for precision in precisions {
            config.train.precision = precision;
            let mut setup = Setup::new(&config, common::NUMBERS, common::CLASSES);
            // Small enough that no gradient overflows.
            let scaled = setup.states.iter_mut().filter(|s| s.loss_scale.scale > 1.0);
            scaled.for_each(|s| s.loss_scale.scale = 256.0);
            let share = check(name, &setup, || crate::gpu(&library, 2), 4);
            println!("{name:32} {} four steps: {share:.3} of the tolerance", precision.name());
        }
    }
}

#[test]
fn even_kinds_of_model_are_right_in_fp32_and_fp16() {
    every_second_kind_of_model_is_right(0, [Precision::Fp32, Precision::Fp16]);
}

#[test]
fn odd_kinds_of_model_are_right_in_tf32_and_bf16() {
    every_second_kind_of_model_is_right(1, [Precision::Tf32, Precision::Bf16]);
}
