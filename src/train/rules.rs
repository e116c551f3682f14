//! How the networks of a model are updated, and what that costs.

use crate::config::Optimizer;
use crate::exec::{ColumnNorm, UpdateRule};
use crate::graph::Player;
use crate::lower::cost::Cost;
use crate::models::gan::Gan;
use crate::nn::Mlp;
use crate::precision::Precision;

/// How the networks of a model are updated.
pub fn rules(gan: &Gan) -> [UpdateRule; 2] {
    Player::ALL.map(|player| {
        let optimizer = match player {
            Player::Generator => &gan.config.optimizer.generator,
            Player::Discriminator => &gan.config.optimizer.discriminator,
        };
        let average = player == Player::Generator && gan.config.ema.decay > 0.0;
        let scaled = gan.config.train.precision == Precision::Fp16;
        UpdateRule { average, scaled, ..rule(gan.network(player), optimizer) }
    })
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
pub fn update_costs(gan: &Gan) -> [Cost; 2] {
    let rules = rules(gan);
    Player::ALL.map(|p| rules[p as usize].cost(gan.network(p).len, gan.config.train.precision))
}
