//! The kernel launches of products that are an optimizer's gradient: with its update or its measure, where a kernel does
//! both.

use super::launch::Packed;
use super::limits::{MAX_PRODUCTS, number};
use super::matmul::{self, Filling};
use super::packer::Packer;
use super::tiling::{Cut, Gradient, Multiprocessors, Way, kernels};
use super::update;
use crate::graph::{MAX_OPTIMIZERS, OptimizerId};
use crate::lower::{Along, Gradients, Matmul, Place, Plan, View, Work};

/// A launch of products that are an optimizer's whole gradient, of which the kernel makes more.
struct Whole<'a> {
    kernel: &'static str,
    optimizer: OptimizerId,
    /// Whether it updates; otherwise it measures the gradient.
    updates: bool,
    products: Vec<(&'a Matmul, Way)>,
}

/// Products as such a launch, if there is a kernel for it.
fn whole(gradients: &Gradients, cut: Cut) -> Option<Whole<'_>> {
    let optimizer = gradients.optimizer;
    let updates = match gradients.along {
        Along::Nothing => return None,
        Along::Measure => false,
        Along::Update => true,
    };
    let products: Vec<(&Matmul, Way)> = gradients.products.iter().map(|p| (p, Way::new(p, cut))).collect();
    let (first, _) = products.first()?;
    let kernels = kernels(&first.a, cut.precision);
    let kernel = match kernels.gradient {
        Gradient::Updates(kernel) if updates => kernel,
        Gradient::Measures(kernel) if !updates => kernel,
        _ => return None,
    };
    let alike = products.iter().all(|(p, way)| {
        way.kernel == kernels.small.0 && matches!(p.out.place, Place::Gradients(of, _) if of == optimizer)
    });
    let some = products.iter().any(|(_, way)| way.blocks() > 0);
    (alike && some && products.len() <= MAX_PRODUCTS).then_some(Whole {
        kernel,
        optimizer,
        updates,
        products,
    })
}

/// Such launches of a plan.
fn wholes(plan: &Plan, multiprocessors: Multiprocessors) -> impl Iterator<Item = Whole<'_>> {
    let cut = Cut { precision: plan.precision, multiprocessors };
    plan.launches.iter().filter_map(move |launch| match &launch.work {
        Work::Gradients(gradients) => whole(gradients, cut),
        _ => None,
    })
}

/// Blocks of the largest launch of the plans that computes an optimizer's whole gradient and makes more of it.
pub(super) fn blocks(plans: &[Plan], optimizer: OptimizerId, multiprocessors: Multiprocessors) -> usize {
    let wholes = plans.iter().flat_map(|plan| wholes(plan, multiprocessors));
    let of = wholes.filter(|w| w.optimizer == optimizer);
    of.map(|w| w.products.iter().map(|(_, way)| way.blocks()).sum()).max().unwrap_or(0)
}

/// Whether a launch of the plan measures an optimizer's gradient while it computes it, by optimizer.
pub(super) fn measured(plan: &Plan, multiprocessors: Multiprocessors) -> [bool; MAX_OPTIMIZERS] {
    let mut measured = [false; MAX_OPTIMIZERS];
    wholes(plan, multiprocessors).filter(|w| !w.updates).for_each(|w| measured[w.optimizer.index()] = true);
    measured
}

/// The launch of products that updates the parameters whose gradient they are, or measures it; where no kernel does, the
/// products and what is to be done after them.
pub(super) fn pack(packer: &mut Packer, gradients: &Gradients) -> Result<Vec<Packed>, String> {
    let optimizer = gradients.optimizer;
    let rule = &packer.rules[optimizer.index()];
    let Some(Whole { kernel, updates, products, .. }) = whole(gradients, packer.memory.cut()) else {
        let mut packed = matmul::pack(packer, gradients.products.iter())?;
        if gradients.along == Along::Update {
            packed.extend(update::pack(&packer.memory, optimizer, rule, false));
        }
        return Ok(packed);
    };
    assert!(rule.in_place() || !updates, "lowering lets no other update ride along");
    let mut launch = Filling::new(kernel, products[0].1.threads);
    launch.launch.update = update::arguments(&packer.memory, optimizer, rule);
    for (product, way) in products {
        let at = |view: &View| match view.place {
            Place::Gradients(_, at) => number(at, "a network"),
            other => unreachable!("a gradient in {other:?}"),
        };
        let place = launch.launch.count as usize;
        launch.add(packer, product, &way)?;
        launch.launch.product[place].out_at = at(&product.out)?;
        launch.launch.product[place].sums_at = product.column_sums.as_ref().map_or(Ok(0), at)?;
    }
    Ok(vec![launch.packed()])
}
