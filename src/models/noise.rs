//! The noise z that generators start from.

use crate::config::{Distribution, Latent};
use crate::graph::{Dist, Graph, Var};

/// Fresh noise of the stream `name`, `[rows, dim]`.
pub fn noise(g: &Graph, name: &str, rows: usize, latent: &Latent) -> Var {
    let shape = [rows, latent.dim];
    match latent.distribution {
        Distribution::Normal => g.rand(name, Dist::Normal, &shape),
        Distribution::Uniform => {
            let u = g.rand(name, Dist::Uniform, &shape);
            g.shift(g.scale(u, 2.0 * 3f64.sqrt()), -(3f64.sqrt()))
        }
    }
}
