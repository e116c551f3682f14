//! The kernel launches of one optimizer update.

use super::blocks::{AverageArguments, ColumnNormArguments, MeasureArguments, UpdateArguments};
use super::launch::{Argument, Geometry, Packed};
use super::memory::Memory;
use crate::config::Rule;
use crate::exec::rule::UpdateRule;
use crate::graph::OptimizerId;

const THREADS: u32 = 256;

/// What an update needs, whichever kernel does it.
pub(super) fn arguments(memory: &Memory, optimizer: OptimizerId, rule: &UpdateRule) -> UpdateArguments {
    let network = &memory.networks[optimizer.index()];
    let address = |moment: usize| network.moments.get(moment).map_or(0, |m| m.address);
    let (beta1, beta2, eps) = match rule.rule {
        Rule::Sgd { .. } => (0.0, 0.0, 0.0),
        Rule::Adam { beta1, beta2, eps } => (beta1, beta2, eps),
        Rule::RmsProp { alpha, eps } => (alpha, 0.0, eps),
    };
    UpdateArguments {
        weights: network.weights.address,
        gradients: network.gradients.address,
        first: address(0),
        second: address(1),
        average: network.average.map_or(0, |a| a.address),
        copies: network.copies.map_or(0, |c| c.address),
        partials: network.partials.address,
        norm2: network.norm2.address,
        finished: network.finished.address,
        scale: network.scale.address,
        clock: memory.clock.address,
        count: network.count as u32,
        optimizer: u32::from(optimizer.0),
        scaled: u32::from(rule.scaled),
        keep: u32::from(memory.options.keep_gradients),
        blend: u32::from(rule.average && rule.column_norms.is_empty()),
        beta1,
        beta2,
        eps,
        clip: rule.clip,
        copy_type: memory.copy_type(),
        rule: rule_number(&rule.rule),
        unused: 0,
    }
}

/// Kernels of the rules, in the order of their numbers.
pub(super) const RULES: [&str; 3] = ["sgd", "adam", "rms_prop"];

/// Position of a rule in [`RULES`].
fn rule_number(rule: &Rule) -> u32 {
    match rule {
        Rule::Sgd { .. } => 0,
        Rule::Adam { .. } => 1,
        Rule::RmsProp { .. } => 2,
    }
}

/// Rule, clip, average and gradient norm in one launch; before it the measure of a scaled gradient that is not `measured`
/// yet, after it column norms and the average that waits for them, each in its own.
pub(super) fn pack(
    memory: &Memory,
    optimizer: OptimizerId,
    rule: &UpdateRule,
    measured: bool,
) -> Vec<Packed> {
    let network = &memory.networks[optimizer.index()];
    let limits = rule.column_norms.iter().filter(|l| l.units > 0);
    let arguments = arguments(memory, optimizer, rule);
    let kernel = RULES[arguments.rule as usize];
    let one = |kernel, blocks, argument| Packed {
        kernel,
        geometry: Geometry::row(blocks, THREADS),
        arguments: vec![argument],
    };
    let mut packed = vec![];
    if rule.scaled && !measured {
        let measure = MeasureArguments {
            gradients: network.gradients.address,
            partials: network.partials.address,
            norm2: network.norm2.address,
            finished: network.finished.address,
            scale: network.scale.address,
            count: arguments.count,
            unused: 0,
        };
        packed.push(one("measure", network.blocks(), Argument::block("MeasureArguments", &measure)));
    }
    packed.push(one(kernel, network.blocks(), Argument::block("UpdateArguments", &arguments)));
    for limit in limits {
        let arguments = ColumnNormArguments {
            weights: network.weights.address + 4 * limit.offset as u64,
            copies: network.copies.map_or(0, |c| c.address + 2 * limit.offset as u64),
            fan_in: limit.fan_in as u32,
            units: limit.units as u32,
            limit: limit.limit,
            copy_type: memory.copy_type(),
            scale: network.scale.address,
            scaled: u32::from(rule.scaled),
            unused: 0,
        };
        let blocks = limit.units.div_ceil(32);
        packed.push(one("column_norm", blocks, Argument::block("ColumnNormArguments", &arguments)));
    }
    if let Some(average) = network.average.filter(|_| !rule.column_norms.is_empty() && network.count > 0) {
        let arguments = AverageArguments {
            average: average.address,
            weights: network.weights.address,
            clock: memory.clock.address,
            count: network.count as u32,
            optimizer: u32::from(optimizer.0),
            scale: network.scale.address,
            scaled: u32::from(rule.scaled),
            unused: 0,
        };
        let blocks = network.count.div_ceil(THREADS as usize);
        packed.push(one("average", blocks, Argument::block("AverageArguments", &arguments)));
    }
    packed
}
