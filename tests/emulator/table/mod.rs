//! The table: kernel × layout × size, each against a reference with a derived tolerance. Random numbers, data
//! and updates must be the CPU's to the bit. A kernel that no row launches fails the test.

mod behind;
mod convolutions;
mod heads;
mod products;
mod programs;
mod states;
mod training;

use crate::bench::Witness;
use crate::reference::Near;
use behind::{followers, maxouts};
use gansaku::lower::Place;
use gansaku::precision::Precision;
use heads::{heads, layers_with_heads};
use products::{groups, matmuls};
use programs::{conversions, draws, losses, point_ops};
use training::{clocks, gathers, minibatches, overflows, updates, windows};

/// Asserts that all are inside; the largest share of a tolerance used.
fn inside(name: &str, found: &[f32], wanted: impl Iterator<Item = Near>) -> f64 {
    let share = |(i, (&x, want)): (usize, (&f32, Near))| {
        let share = want.share(x);
        assert!(share <= 1.0, "{name}: element {i} is {x:e}, not {:e} ± {:.1e}", want.value, want.error);
        share
    };
    found.iter().zip(wanted).enumerate().map(share).fold(0.0, f64::max)
}

fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..shape.iter().product()).map(move |mut at: usize| {
        let mut index = vec![0; shape.len()];
        for (i, &n) in index.iter_mut().zip(shape).rev() {
            (*i, at) = (at % n, at / n);
        }
        index
    })
}

/// The rows of Hopper's kernels in a 16-bit precision, on a device that was asked to use them.
pub fn hopper(w: &mut dyn Witness, precision: Precision) {
    let share = products::hopper(w, precision);
    println!("matmul {} on Hopper's units: {share:.2} of the tolerance", precision.name());
}

/// Every row of products but those, in a precision, on a device and on the CPU.
pub fn products(w: &mut dyn Witness, precision: Precision) {
    let name = precision.name();
    println!("matmul {name}: {:.2} of the tolerance", matmuls(w, precision));
    println!("maxout {name}: {:.2} of the tolerance", maxouts(w, precision));
    println!("convolutions {name}: {:.2} of the tolerance", convolutions::convolutions(w, precision));
    followers(w, precision);
    println!("together {name}: {:.2} of the tolerance", groups(w, precision));
    println!("loss heads {name}: {:.2} of the tolerance", heads(w, precision));
    layers_with_heads(w, precision);
    println!("updates from products {name}: {:.2} of the tolerance", products::updates(w, precision));
}

/// Every row that is not of products, on a device and on the CPU.
pub fn all_but_products(w: &mut dyn Witness) {
    conversions(w);
    overflows(w);
    println!("pointwise operations: {:.2} of the tolerance", point_ops(w));
    println!("programs and sums: {:.2} of the tolerance", programs::programs(w));
    draws(w);
    programs::strides(w);
    gathers(w, Precision::Fp32, Place::Arena(0));
    minibatches(w);
    println!("losses: {:.2} of the tolerance", losses(w));
    println!("updates: {:.2} of the tolerance", updates(w));
    clocks(w);
    states::states(w);
    println!("Parzen windows: {:.2} of the tolerance", windows(w));
}
