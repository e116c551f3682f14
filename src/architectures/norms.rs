//! Norms of maps by name: a norm more is an arm more here.

use super::condition;
use crate::config::Norm;
use crate::error::{Error, Result};
use crate::graph::{Graph, Var};
use crate::nn::{self, Scope, Start};

/// What normalises `h` in the scope of the norm, γ of batch norm starting as said, by `labels` where they are for it; and `then`
/// what follows number by number.
pub fn normalised(
    s: &Scope,
    norm: Norm,
    h: Var,
    gamma: Start,
    labels: Option<Var>,
    then: impl FnOnce(&Graph, Var) -> Var,
) -> Var {
    match norm {
        Norm::None => then(s.g, h),
        Norm::Batch => condition::batch_norm(s, h, gamma, labels, then),
        Norm::Layer => then(s.g, nn::layer_norm(s, h)),
        Norm::Instance => then(s.g, nn::instance_norm(s.g, h)),
    }
}

/// A norm in words.
pub fn words(norm: Norm) -> String {
    match norm {
        Norm::None => "no norm",
        Norm::Batch => "batch norm",
        Norm::Layer => "layer norm",
        Norm::Instance => "instance norm",
    }
    .into()
}

/// Checks that the smallest maps which a network normalises have pixels to be normalised by.
///
/// # Errors
/// Under instance norm, when they are of one pixel, which is its own mean: with the layer and `remedy`.
pub fn check(norm: Norm, layer: &str, size: [usize; 2], remedy: &str) -> Result<()> {
    if norm != Norm::Instance || size != [1, 1] {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{layer}: instance norm meets maps of 1×1, and one pixel is its own mean; {remedy}, or norm = \"none\""
    )))
}
