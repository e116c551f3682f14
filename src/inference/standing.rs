//! Standing statistics: what a generator's batch norms normalise by when it samples (Brock et al., 1809.11096, section 4.1).
//!
//! Running averages are of weights that have moved on since, and of others than the averaged ones. So mean and variance are
//! measured of the network that samples, over minibatches of fresh noise, and kept as its states: a sample then depends on
//! its own noise alone.

use super::engine::Engine;
use super::latent::drawn;
use crate::config::Config;
use crate::error::Result;
use crate::models::{PortKind, TaskKind};
use std::collections::BTreeMap;

/// Minibatches that are averaged over.
const MINIBATCHES: usize = 16;

/// The statistics of every batch norm on the way from noise to samples, by the state's name: mean and biased variance of
/// all that [`MINIBATCHES`] minibatches sent through it, each normalised by its own further up. Nothing where there is no
/// batch norm. Noise and labels are of this step alone; labels are as frequent as the training data's.
///
/// # Errors
/// When the device fails.
pub fn standing(engine: &mut Engine, config: &Config, step: u64) -> Result<BTreeMap<String, Vec<f32>>> {
    if !engine.tasks.has(TaskKind::Standing) {
        return Ok(BTreeMap::new());
    }
    let (rows, shares) = (engine.tasks.rows(TaskKind::Standing), engine.tasks.shares());
    // Sums of a norm's means, and of its squares' means.
    let mut sums: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    for minibatch in 0..MINIBATCHES {
        let which = minibatch * rows..(minibatch + 1) * rows;
        let latent = drawn(config, "standing/z", config.seed, step, which.clone());
        let labels = shares.drawn("standing/label", config.seed, step, which.clone());
        let condition = crate::models::one_hot(&labels, shares.classes());
        let inputs = [(PortKind::Latent, &latent[..]), (PortKind::Labels, &condition)];
        for ([mean, variance], norm) in engine.statistics(which.start, &inputs)? {
            let [means, squares] =
                sums.entry(norm).or_insert_with(|| [vec![0.0; mean.len()], vec![0.0; mean.len()]]);
            for (i, (&m, &v)) in mean.iter().zip(&variance).enumerate() {
                means[i] += f64::from(m);
                squares[i] += f64::from(v) + f64::from(m).powi(2);
            }
        }
    }
    let count = MINIBATCHES as f64;
    let settled = sums.into_iter().flat_map(|(norm, [means, squares])| {
        let mean: Vec<f64> = means.iter().map(|m| m / count).collect();
        let variance = mean.iter().zip(&squares).map(|(m, s)| (s / count - m * m).max(0.0) as f32).collect();
        let mean = mean.into_iter().map(|m| m as f32).collect();
        [(format!("{norm}running_mean"), mean), (format!("{norm}running_var"), variance)]
    });
    Ok(settled.collect())
}
