//! `[train]`: how long, in what minibatches, and what a step is made of.

use crate::numbers::{counted, grouped};
use crate::precision::Precision;
use serde::{Deserialize, Serialize};

/// How long and in what order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Examples a minibatch.
    pub batch: usize,
    /// Steps in all; a step is its D updates and the G updates behind them. 0 when `epochs` says it.
    #[serde(default)]
    pub steps: u64,
    /// Passes through the training split in all; 0 when `steps` says it.
    #[serde(default)]
    pub epochs: u64,
    /// D updates a step: k in the paper's Algorithm 1, `n_critic` in WGAN.
    #[serde(default)]
    pub discriminator_updates: Updates,
    /// G updates a step, behind D's.
    #[serde(default = "one")]
    pub generator_updates: u64,
    /// Whether G is updated on noise of its own.
    #[serde(default)]
    pub noise: Noise,
    /// D and G are updated from the same forward passes on the same minibatch (the 2014 code).
    #[serde(default)]
    pub joint: bool,
    /// Translated pictures kept of each domain, of which D is shown one instead of the newest half of the time (1612.07828,
    /// section 2.3); 0: D sees the newest.
    #[serde(default, skip_serializing_if = "is_none")]
    pub pool: usize,
    /// Steps at first in which G learns the distance to its pairs alone, and D nothing.
    #[serde(default, skip_serializing_if = "super::is_off")]
    pub pretrain: u64,
    /// Equal parts of a minibatch whose gradients are computed one after the other, with a part's memory, and summed.
    #[serde(default = "one_part", skip_serializing_if = "is_whole")]
    pub accumulate: usize,
    /// What matrix products multiply: fp32, tf32, fp16 or bf16.
    #[serde(default)]
    pub precision: Precision,
}

fn one_part() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_whole(parts: &usize) -> bool {
    *parts == 1
}

/// The noise z of G's updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Each update draws its own.
    #[default]
    Fresh,
    /// G's updates of a step take what D's last one drew: noise, real minibatch, labels and dropout's masks of G (PyTorch's
    /// DCGAN example).
    Same,
}

/// D updates a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a whole number, or a table as in { usual = 5, burst = 100, first = 25, every = 500 }"
)]
pub enum Updates {
    /// Always this many.
    Always(u64),
    /// More in some steps than in others.
    Bursts(Burst),
}

/// D updates that come in bursts, as WGAN's code has them: 100 in the first 25 steps and in every 500th, else 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// Updates in all other steps.
    pub usual: u64,
    /// Updates in a step of a burst.
    pub burst: u64,
    /// The first so many steps are bursts.
    #[serde(default)]
    pub first: u64,
    /// Steps, counted from 0, that this number divides are bursts; 0: none are.
    #[serde(default)]
    pub every: u64,
}

impl Default for Updates {
    fn default() -> Updates {
        Updates::Always(1)
    }
}

impl Updates {
    /// Updates in a step that is not among the bursts.
    pub fn usual(self) -> u64 {
        match self {
            Updates::Always(n) => n,
            Updates::Bursts(b) => b.usual,
        }
    }

    /// Updates in a step, counted from 0.
    pub fn at(self, step: u64) -> u64 {
        match self {
            Updates::Bursts(b) if b.holds(step) => b.burst,
            _ => self.usual(),
        }
    }

    /// Updates in the first `steps` steps.
    fn before(self, steps: u64) -> u128 {
        let (steps, usual) = (u128::from(steps), u128::from(self.usual()));
        let Updates::Bursts(b) = self else { return steps * usual };
        let first = steps.min(b.first.into());
        let multiples = |end: u128| if b.every == 0 { 0 } else { end.div_ceil(b.every.into()) };
        let bursts = first + multiples(steps) - multiples(first);
        bursts * u128::from(b.burst) + (steps - bursts) * usual
    }
}

impl Burst {
    /// Whether a step, counted from 0, is a burst.
    pub fn holds(self, step: u64) -> bool {
        step < self.first || (self.every > 0 && step.is_multiple_of(self.every))
    }

    /// Which steps are bursts, for people: "in the first 25 steps and every 500th".
    pub fn steps(self) -> String {
        let first = (self.first > 0).then(|| format!("in the first {}", counted(self.first, "step")));
        let every = (self.every > 0).then(|| format!("at every {}th", grouped(self.every)));
        first.into_iter().chain(every).collect::<Vec<_>>().join(" and ")
    }
}

impl Train {
    /// Steps in all, with so many training examples.
    pub fn total(&self, examples: u64) -> u64 {
        if self.epochs == 0 {
            return self.steps;
        }
        let minibatches = self.epochs.saturating_mul(examples).div_ceil(self.batch as u64);
        // Every step sees at least one minibatch.
        let (mut low, mut high) = (0, minibatches);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.minibatches(middle) < minibatches.into() {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// Minibatches that the first `steps` steps see: one for each update of D, which G's first update shares, and one for
    /// each other update of G that draws its own.
    fn minibatches(&self, steps: u64) -> u128 {
        let own = if self.noise == Noise::Fresh { self.generator_updates - 1 } else { 0 };
        self.discriminator_updates.before(steps) + u128::from(steps) * u128::from(own)
    }
}

fn one() -> u64 {
    1
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(updates: Updates, generator_updates: u64, noise: Noise) -> Train {
        Train {
            batch: 10,
            steps: 0,
            epochs: 3,
            discriminator_updates: updates,
            generator_updates,
            noise,
            joint: false,
            pool: 0,
            pretrain: 0,
            accumulate: 1,
            precision: Precision::default(),
        }
    }

    #[test]
    fn epochs_end_with_the_step_that_sees_their_last_example() {
        let wgan = Updates::Bursts(Burst { usual: 5, burst: 100, first: 25, every: 50 });
        let from_0 = Updates::Bursts(Burst { usual: 2, burst: 7, first: 0, every: 3 });
        let only_first = Updates::Bursts(Burst { usual: 2, burst: 1, first: 4, every: 0 });
        for updates in [Updates::Always(1), Updates::Always(5), wgan, from_0, only_first] {
            for (g, noise) in [(1, Noise::Fresh), (3, Noise::Fresh), (3, Noise::Same)] {
                for examples in [1, 10, 995, 9_999, 20_000] {
                    let train = train(updates, g, noise);
                    let own = if noise == Noise::Fresh { g - 1 } else { 0 };
                    let (mut steps, mut seen) = (0, 0);
                    while seen < 3 * examples {
                        seen += 10 * (updates.at(steps) + own);
                        steps += 1;
                    }
                    assert_eq!(train.total(examples), steps, "{updates:?}, {g}, {noise:?}, {examples}");
                }
            }
        }
        let endless = Train { epochs: u64::MAX, ..train(wgan, 1, Noise::Fresh) };
        assert!(endless.total(u64::MAX) > 1 << 57, "no overflow: 69 examples a step on the average");
    }

    #[test]
    fn bursts_are_the_first_steps_and_every_so_manyth() {
        let wgan = Updates::Bursts(Burst { usual: 5, burst: 100, first: 25, every: 500 });
        let counts = [0, 24, 25, 499, 500, 501, 1_000].map(|step| wgan.at(step));
        assert_eq!(counts, [100, 100, 5, 5, 100, 5, 100]);
    }
}
