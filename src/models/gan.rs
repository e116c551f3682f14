//! The generative adversarial network of Goodfellow et al. (1406.2661) and its kin: conditional, packed, relativistic, with
//! gradient penalties. A step is a few phases, each a graph of one or two stages.

mod phases;
mod tasks;

use super::equilibrium::{self, Equilibrium};
use super::phase::{Phase, When};
use super::statistic::Statistic;
use super::{Game, Optimizing, Task};
use crate::architectures::layers::Layers;
use crate::config::{Config, Ema, Role};
use crate::data::Shape;
use crate::graph::NetworkId;
use crate::nn::Networks;
use crate::precision::Precision;

/// A configured GAN with every shape settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Gan {
    config: Config,
    networks: Networks,
    /// An example.
    shape: Shape,
    /// One-hot length; 0 where labels are not used.
    classes: usize,
}

const GENERATOR: NetworkId = NetworkId(0);
const DISCRIMINATOR: NetworkId = NetworkId(1);

/// What a phase does, and when.
struct Turn {
    /// Behind its name.
    suffix: &'static str,
    /// Which steps have it.
    when: When,
    /// How often in a row.
    times: u64,
    /// Whether G is updated, too.
    generator: bool,
    /// Whether penalties enter D's loss.
    penalties: bool,
}

impl Gan {
    /// Settles the model for examples of a shape, of `classes` classes.
    pub fn new(config: &Config, shape: Shape, classes: usize) -> Gan {
        let classes = if config.conditional { classes } else { 0 };
        let mut gan = Gan { config: config.clone(), networks: Networks::default(), shape, classes };
        let mut networks = Networks::default();
        let [noise, packs] =
            [config.latent.dim + classes, config.discriminator.pack * (shape.len() + classes)];
        for (role, layers, input) in
            [(Role::Generator, gan.generator(), noise), (Role::Discriminator, gan.discriminator(), packs)]
        {
            networks.declare(role, None, |s| {
                layers.forward(s, s.g.host_input("x", &[1, input]));
                layers.outline(input)
            });
        }
        gan.networks = networks;
        gan
    }

    /// G's layers: noise (and labels) to examples.
    fn generator(&self) -> Layers<'_> {
        let (layers, output) = (&self.config.generator.layers[..], self.shape.len());
        Layers { layers, output, reads: None, makes: Some(self.shape) }
    }

    /// D's layers: packs of examples, labels behind each, to a logit.
    fn discriminator(&self) -> Layers<'_> {
        let reads = Some((self.shape, self.shape.len() + self.classes));
        Layers { layers: &self.config.discriminator.layers, output: 1, reads, makes: None }
    }
}

impl Game for Gan {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        let config = &self.config;
        let none = Ema { decay: 0.0, ..config.ema };
        let g = Optimizing { rule: config.optimizer.generator, clip: config.generator.clip, ema: config.ema };
        let d =
            Optimizing { rule: config.optimizer.discriminator, clip: config.discriminator.clip, ema: none };
        vec![g, d]
    }

    fn precision(&self) -> Precision {
        self.config.train.precision
    }

    fn phases(&self) -> Vec<Phase> {
        let (loss, train) = (&self.config.loss, &self.config.train);
        let variants: &[(When, bool, &str)] = match loss.penalty_every {
            _ if !loss.penalised() => &[(When::Always, false, "")],
            1 => &[(When::Always, true, "")],
            n => &[(When::Every(n), true, " with penalties"), (When::Between(n), false, "")],
        };
        let mut phases = Vec::new();
        for &(when, penalties, suffix) in variants {
            // All but the last D update stand alone; the last shares its draw of noise with G's.
            if train.discriminator_updates > 1 {
                let times = train.discriminator_updates - 1;
                phases.push(self.phase(Turn { suffix, when, times, generator: false, penalties }));
            }
            phases.push(self.phase(Turn { suffix, when, times: 1, generator: true, penalties }));
        }
        phases
    }

    fn statistics(&self) -> Vec<Statistic> {
        equilibrium::statistics(&self.config)
    }

    fn equilibrium(&self) -> Option<Equilibrium> {
        Some(equilibrium::equilibrium(&self.config.loss))
    }

    fn tasks(&self) -> Vec<Task> {
        self.tasks()
    }

    fn sampling(&self, rows: usize) -> Option<Task> {
        Some(self.sampling_at(rows))
    }
}
