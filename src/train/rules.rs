//! How the networks of a model are updated, and what that costs.

use crate::config::Optimizer;
use crate::exec::{ColumnNorm, UpdateRule};
use crate::lower::cost::Cost;
use crate::models::gan::Gan;
use crate::nn::Mlp;
use crate::nn::Role;
use crate::precision::Precision;

/// How the networks of a model are updated.
pub fn rules(gan: &Gan) -> Vec<UpdateRule> {
    let rule = |player: Role| {
        let optimizer = match player {
            Role::Generator => &gan.config.optimizer.generator,
            Role::Discriminator => &gan.config.optimizer.discriminator,
        };
        let average = player == Role::Generator && gan.config.ema.decay > 0.0;
        let scaled = gan.config.train.precision == Precision::Fp16;
        UpdateRule { average, scaled, ..rule(gan.network(player), optimizer) }
    };
    Role::ALL.map(rule).into()
}

/// How one network is updated in fp32; no average is kept.
pub fn rule(network: &Mlp, optimizer: &Optimizer) -> UpdateRule {
    let weights = network.parameters.iter().filter(|p| p.shape.len() == 2);
    let limits = weights.filter_map(|p| {
        let limit = network.network.layers[p.layer].max_col_norm;
        let column = ColumnNorm { offset: p.offset, fan_in: p.shape[0], units: p.shape[1], limit };
        (limit > 0.0).then_some(column)
    });
    UpdateRule {
        rule: optimizer.rule,
        clip: network.network.clip,
        column_norms: limits.collect(),
        average: false,
        scaled: false,
    }
}

/// What the updates of a model's networks cost.
pub fn update_costs(gan: &Gan) -> Vec<Cost> {
    let rules = rules(gan);
    Role::ALL.map(|p| rules[p as usize].cost(gan.network(p).len, gan.config.train.precision)).into()
}
