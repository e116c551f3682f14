//! The generative adversarial network of Goodfellow et al. (1406.2661) and its kin: conditional, packed, relativistic, with
//! gradient penalties. A step is a few phases, each a graph of one or two stages.

mod phases;
mod tasks;

use super::augmenter::Augmenter;
use super::equilibrium::{self, Equilibrium};
use super::phase::{Phase, Times, When};
use super::statistic::Statistic;
use super::{Game, Optimizing, Task};
use crate::architectures::{self, Forward, Makes, Reads};
use crate::config::{Config, Ema, Noise, Role};
use crate::data::Shape;
use crate::graph::{NetworkId, Var};
use crate::lower::Ends;
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
    /// What D sees of pictures.
    augmenter: Augmenter,
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
    times: Times,
    /// Who is updated.
    players: Players,
    /// Whether penalties enter D's loss.
    penalties: bool,
    /// What is over when it is.
    ends: Ends,
}

/// Who is updated in a phase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Players {
    /// D alone.
    D,
    /// D, then G.
    Both,
    /// G alone.
    G,
}

impl Players {
    /// The first part of a phase's name.
    fn name(self) -> &'static str {
        match self {
            Players::D => "D",
            Players::Both => "D+G",
            Players::G => "G",
        }
    }
}

impl Gan {
    /// Settles the model for examples of a shape, of `classes` classes.
    pub fn new(config: &Config, shape: Shape, classes: usize) -> Gan {
        let classes = if config.conditional { classes } else { 0 };
        let augmenter = Augmenter::new(config, shape);
        let mut gan =
            Gan { config: config.clone(), networks: Networks::default(), shape, classes, augmenter };
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
            gan.augmenter.strength(s);
            architectures::discriminator_outline(&config.discriminator, reads)
        });
        gan.networks = networks;
        gan
    }

    /// What G makes.
    fn makes(&self) -> Makes {
        Makes::of(self.shape, self.config.data.scale)
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
        // Updates of G behind its first: the last of them ends the step.
        let further = train.generator_updates - 1;
        let between = if train.noise == Noise::Same { Ends::Nothing } else { Ends::Tick };
        let ends = if further > 0 { between } else { Ends::Step };
        let mut turns = Vec::new();
        for &(when, penalties, suffix) in variants {
            // All but the last D update stand alone; the last shares its pass of G with G's update.
            let alone = Times::but_one(train.discriminator_updates);
            let d = Turn { suffix, when, times: alone, players: Players::D, penalties, ends: Ends::Tick };
            let both = Turn { times: Times::once(), players: Players::Both, ends, ..d };
            turns.extend([d, both]);
        }
        let g = |times, ends| {
            let (when, players) = (When::Always, Players::G);
            Turn { suffix: "", when, times: Times::always(times), players, penalties: false, ends }
        };
        turns.extend([g(further.saturating_sub(1), between), g(further.min(1), Ends::Step)]);
        turns.into_iter().filter(|turn| !turn.times.is_never()).map(|turn| self.phase(turn)).collect()
    }

    fn statistics(&self) -> Vec<Statistic> {
        let mut all = equilibrium::statistics(&self.config);
        all.extend(self.augmenter.statistics());
        all
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
