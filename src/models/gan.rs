//! The generative adversarial network of Goodfellow et al. (1406.2661) and its kin: conditional, packed, relativistic, with
//! gradient penalties. A step is a few phases, each a graph of one or two stages.

mod phases;
mod tasks;

use super::equilibrium::{self, Equilibrium};
use super::phase::{Phase, When};
use super::statistic::Statistic;
use super::{Game, Optimizing, Task};
use crate::architectures::{self, Forward, Makes, Reads};
use crate::config::{Activation, Config, Ema, Role, Scale};
use crate::data::Shape;
use crate::graph::{NetworkId, Var};
use crate::nn::{Networks, Scope};
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
        let (makes, reads) = (gan.makes(), gan.reads());
        let labels = |s: &Scope, rows| (classes > 0).then(|| s.g.host_input("labels", &[rows, classes]));
        networks.declare(Role::Generator, None, |s| {
            let z = s.g.host_input("z", &[1, config.latent.dim]);
            architectures::generator(s, &config.generator, makes, z, labels(s, 1));
            architectures::generator_outline(&config.generator, makes, config.latent.dim + classes)
        });
        networks.declare(Role::Discriminator, None, |s| {
            let x = s.g.host_input("x", &[reads.pack, shape.len()]);
            architectures::discriminator(s, &config.discriminator, reads, x, labels(s, reads.pack));
            architectures::discriminator_outline(&config.discriminator, reads)
        });
        gan.networks = networks;
        gan
    }

    /// What G makes.
    fn makes(&self) -> Makes {
        let output = match self.config.data.scale {
            _ if self.shape.is_point() => Activation::Linear,
            Scale::Unit => Activation::Sigmoid,
            Scale::Signed => Activation::Tanh,
            Scale::Gcn => Activation::Linear,
        };
        Makes { picture: self.shape, output }
    }

    /// What D reads: packs of examples, labels with each, to a logit.
    fn reads(&self) -> Reads {
        let (picture, pack, classes) = (self.shape, self.config.discriminator.pack, self.classes);
        Reads { picture, pack, classes, outputs: 1 }
    }

    /// G in a pass: noise `[rows, dim]` and labels to examples `[rows, numbers]`.
    fn make(&self, s: &Scope, z: Var, labels: Option<Var>) -> Var {
        architectures::generator(s, &self.config.generator, self.makes(), z, labels)
    }

    /// D in a pass: examples `[rows, numbers]` and labels to a logit a pack.
    fn judge(&self, s: &Scope, x: Var, labels: Option<Var>) -> Forward {
        architectures::discriminator(s, &self.config.discriminator, self.reads(), x, labels)
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
