//! StyleGAN2 (Karras et al., 1912.04958): noise becomes w, and w pictures. Penalties are updates of their own, made lazily
//! (appendix B): G by the length of paths through its pictures, D by R1 and R2.

mod phases;
mod tasks;

use super::augmenter::Augmenter;
use super::equilibrium::{self, Equilibrium};
use super::phase::{Phase, When};
use super::statistic::{PATH_LENGTH, PATH_PENALTY, Statistic, Unit};
use super::task::Task;
use super::{Game, Optimizing};
use crate::architectures::{self, Forward, Makes, Purpose, Reads};
use crate::config::{Config, Ema, Optimizer, Role, Rule};
use crate::data::Shape;
use crate::graph::{NetworkId, Var};
use crate::lower::Ends;
use crate::nn::{Networks, Scope, StateStart};
use crate::precision::Precision;

/// A configured StyleGAN2 with every shape settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Stylegan2 {
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

/// R1's γ by rule is this times the square of the side, by the batch (StyleGAN2's "auto" preset).
const GAMMA: f32 = 2e-4;

/// What G and D are for.
pub fn purposes(shape: Shape) -> (Purpose, Purpose) {
    (Purpose::StyledGenerator(shape), Purpose::Discriminator(shape))
}

/// R1's γ where pictures have this shape: the configured one, else by rule; 0 is off.
pub fn gamma(config: &Config, shape: Shape) -> f32 {
    match config.loss.r1 {
        r1 if r1 > 0.0 || !config.loss.r1_auto => r1,
        _ => GAMMA * (shape.height * shape.width) as f32 / config.train.batch as f32,
    }
}

/// The rates of an optimizer that updates once more every `every` steps: as if each of its updates were k/(k + 1) of one
/// (1912.04958, appendix B).
fn corrected(rule: Optimizer, every: Option<u64>) -> Optimizer {
    let Some(every) = every else { return rule };
    let c = every as f32 / (every + 1) as f32;
    let of_rule = match rule.rule {
        Rule::Adam { beta1, beta2, eps } => Rule::Adam { beta1: beta1.powf(c), beta2: beta2.powf(c), eps },
        other => other,
    };
    Optimizer { rule: of_rule, lr: rule.lr * c, min_lr: rule.min_lr * c, ..rule }
}

impl Stylegan2 {
    /// Settles the model for pictures of a shape, of `classes` classes.
    pub fn new(config: &Config, shape: Shape, classes: usize) -> Stylegan2 {
        let classes = if config.conditional { classes } else { 0 };
        let augmenter = Augmenter::new(config, shape);
        let mut game =
            Stylegan2 { config: config.clone(), networks: Networks::default(), shape, classes, augmenter };
        let mut networks = Networks::default();
        let (makes, reads) = (game.makes(), game.reads());
        let labels = |s: &Scope, rows| (classes > 0).then(|| s.g.host_input("labels", &[rows, classes]));
        networks.declare(Role::Generator, None, |s| {
            let z = s.g.host_input("z", &[1, config.latent.dim]);
            let w = game.map(s, z, labels(s, 1), true);
            game.synthesise(s, &vec![w; game.layers()], None);
            if config.loss.path_length > 0.0 {
                mean_length(s);
            }
            architectures::generator_outline(&config.generator, makes, config.latent.dim + classes)
        });
        networks.declare(Role::Discriminator, None, |s| {
            game.judge(s, s.g.host_input("x", &[reads.pack, shape.len()]), labels(s, reads.pack));
            game.augmenter.strength(s);
            let outline = architectures::discriminator_outline(&config.discriminator, reads);
            match config.loss.r1_auto && config.loss.r1 == 0.0 {
                true => format!("{outline}; γ of R1 by rule: {}", game.gamma()),
                false => outline,
            }
        });
        game.networks = networks;
        game
    }

    fn makes(&self) -> Makes {
        Makes::of(self.shape, self.config.data.scale)
    }

    fn reads(&self) -> Reads {
        Reads { picture: self.shape, pack: 1, classes: self.classes, outputs: 1 }
    }

    /// Layers that read w.
    fn layers(&self) -> usize {
        architectures::styles(&self.config.generator, self.shape)[0]
    }

    /// Random numbers that enter beside w.
    fn noises(&self) -> usize {
        architectures::styles(&self.config.generator, self.shape)[1]
    }

    /// Noise `[rows, dim]` and labels to w `[rows, dim]`.
    fn map(&self, s: &Scope, z: Var, labels: Option<Var>, averaged: bool) -> Var {
        architectures::styled(s, &self.config.generator, |net| net.mapping(s, z, labels, averaged))
    }

    /// w of each layer to examples `[rows, numbers]`.
    fn synthesise(&self, s: &Scope, styles: &[Var], noise: Option<Var>) -> Var {
        let makes = self.makes();
        architectures::styled(s, &self.config.generator, |net| net.synthesis(s, makes, styles, noise))
    }

    /// D in a pass: examples `[rows, numbers]` and labels to a logit each.
    fn judge(&self, s: &Scope, x: Var, labels: Option<Var>) -> Forward {
        architectures::discriminator(s, &self.config.discriminator, self.reads(), x, labels)
    }

    /// Whether D has updates by R1 or R2.
    fn is_penalised(&self) -> bool {
        self.gamma() > 0.0 || self.config.loss.r2 > 0.0
    }

    /// R1's γ; 0 is off.
    fn gamma(&self) -> f32 {
        gamma(&self.config, self.shape)
    }
}

/// The running mean of path lengths, a state of G, `[1]`.
fn mean_length(s: &Scope) -> Var {
    s.under("path_length").state("mean", &[1], StateStart::Value(0.0))
}

impl Game for Stylegan2 {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        let config = &self.config;
        let loss = &config.loss;
        let none = Ema { decay: 0.0, ..config.ema };
        let of_g = (loss.path_length > 0.0).then_some(loss.path_length_every);
        let of_d = self.is_penalised().then_some(loss.penalty_every);
        let (g, d) = (&config.optimizer.generator, &config.optimizer.discriminator);
        vec![
            Optimizing { rule: corrected(*g, of_g), clip: config.generator.clip, ema: config.ema },
            Optimizing { rule: corrected(*d, of_d), clip: config.discriminator.clip, ema: none },
        ]
    }

    fn precision(&self) -> Precision {
        self.config.train.precision
    }

    fn phases(&self) -> Vec<Phase> {
        let loss = &self.config.loss;
        let mut phases = vec![self.generator_phase()];
        if loss.path_length > 0.0 {
            phases.push(self.path_phase(every(loss.path_length_every)));
        }
        let n = loss.penalty_every;
        if !self.is_penalised() {
            phases.push(self.discriminator_phase(When::Always, Ends::Step));
            return phases;
        }
        phases.push(self.discriminator_phase(every(n), Ends::Nothing));
        phases.push(self.penalty_phase(every(n)));
        if n > 1 {
            phases.push(self.discriminator_phase(When::Between(n), Ends::Step));
        }
        phases
    }

    fn statistics(&self) -> Vec<Statistic> {
        let mut all = equilibrium::statistics(&self.config);
        all.extend(self.augmenter.statistics());
        if self.config.loss.path_length > 0.0 {
            let lengths = |name, label, tag| Statistic {
                unit: Unit::Magnitude,
                chart: Some("Path lengths"),
                ..Statistic::mean(name, label, tag)
            };
            let about = "Logarithmic. How far a step of w moves a picture: the penalty holds lengths near their running mean, \
                         so that equal steps of w are equal steps of pictures.";
            all.push(Statistic { about, ..lengths(PATH_LENGTH, "length", "path/length") });
            all.push(lengths(PATH_PENALTY, "penalty", "path/penalty"));
        }
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

/// Every n-th step; every step where n is 1.
fn every(n: u64) -> When {
    if n == 1 { When::Always } else { When::Every(n) }
}
