//! What a run is: every value that decides its bytes, as one tree that TOML can hold.
//!
//! A *recipe* is a complete tree embedded in the binary (`recipes/*.toml`), or a file that stands alone. The tree a run uses
//! is made by layers, the later ones winning: recipe, `--config FILE`s, `--set key=value`s, flags.

mod augment;
mod condition;
mod data;
mod files;
mod idle;
pub mod keys;
mod metric;
mod model;
mod near;
mod network;
mod optimizer;
mod overrides;
mod role;
mod styles;
mod train;
mod translation;
mod validate;
mod words;

pub use augment::{Augment, Transform};
pub use data::{Data, Direction, Given, Scale, Source};
pub use files::name_of;
pub use metric::{Better, Merit, Metric};
pub use model::Model;
pub use near::nearest;
pub use network::{
    Activation, Architecture, Bias, BiasPer, Channels, Condition, DrawnBias, FromData, Init, Kind, Layer,
    Mapping, Network, Norm, Pool, SHARED_KEYS, Upsample,
};
pub use optimizer::{Ema, Optimizer, Optimizers, Rule};
pub use overrides::{ConfigBuilder, RECIPES};
pub use role::Role;
pub use train::{Burst, Noise, Train, Updates};
pub(crate) use validate::{MOST_EXAMPLES, network};

use serde::{Deserialize, Serialize};

/// The whole configuration of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The recipe's name, as typed after `gansaku train`; of a file the file's, of data without a recipe theirs.
    pub recipe: String,
    /// One line for `gansaku recipes`.
    pub about: String,
    /// Seeds every random number of the run.
    #[serde(default)]
    pub seed: u64,
    /// What game is played.
    #[serde(default, skip_serializing_if = "Model::is_gan")]
    pub model: Model,
    /// Where the examples come from.
    pub data: Data,
    /// The noise the generator starts from; none where it starts from pictures.
    #[serde(default, skip_serializing_if = "Latent::is_none")]
    pub latent: Latent,
    /// Labels, one-hot, are joined to the noise and to the discriminator's input (Mirza & Osindero, 1411.1784).
    #[serde(default)]
    pub conditional: bool,
    /// G: noise to sample.
    pub generator: Network,
    /// D: sample to one logit.
    pub discriminator: Network,
    /// The two players' objectives.
    pub loss: Loss,
    /// How pictures are changed before D sees them; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// How long, in what minibatches, in what order.
    pub train: Train,
    /// One optimizer a network.
    pub optimizer: Optimizers,
    /// The moving average of G's weights that sampling uses.
    #[serde(default)]
    pub ema: Ema,
    /// What is written down while training.
    #[serde(default)]
    pub log: Log,
    /// When the run is saved.
    #[serde(default)]
    pub checkpoint: Checkpoint,
}

impl Config {
    /// The configured networks, by role.
    pub fn networks(&self) -> [(Role, &Network); 2] {
        [(Role::Generator, &self.generator), (Role::Discriminator, &self.discriminator)]
    }

    /// The table of a role; none of roles that no table configures.
    pub fn network(&self, role: Role) -> Option<&Network> {
        self.networks().into_iter().find(|(of, _)| *of == role).map(|(_, network)| network)
    }
}

/// The distribution of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Uniform on (−√3, √3): unit variance.
    Uniform,
    /// Standard normal.
    Normal,
}

/// The generator's input noise z.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latent {
    /// Length of z.
    pub dim: usize,
    /// Distribution of each of its elements.
    pub distribution: Distribution,
}

impl Latent {
    fn is_none(&self) -> bool {
        self.dim == 0
    }
}

impl Default for Latent {
    /// No noise.
    fn default() -> Latent {
        Latent { dim: 0, distribution: Distribution::Normal }
    }
}

/// The pair of objectives. With r = D(x) and f = D(G(z)) as logits and σ the sigmoid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// D: −log σ(r) − log(1 − σ(f)); G: log(1 − σ(f)) (1406.2661, equation 1).
    Minimax,
    /// D as minimax; G: −log σ(f).
    NonSaturating,
    /// D: ½(r − 1)² + ½f²; G: ½(f − 1)² (1611.04076).
    LeastSquares,
    /// D: max(0, 1 − r) + max(0, 1 + f); G: −f.
    Hinge,
    /// D: f − r; G: −f (1701.07875).
    Wasserstein,
}

/// Objectives and penalties.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// The pair of objectives.
    pub objective: Objective,
    /// Relativistic pairing: D's logit is r − f on pairs, G's is f − r (1807.00734, 2501.05441).
    #[serde(default)]
    pub relativistic: bool,
    /// Factor on D's objective: ½ in the 2014 recipes.
    #[serde(default = "Loss::default_scale")]
    pub discriminator_scale: f32,
    /// λ of (‖∇D(x̂)‖₂ − 1)² between real and fake (WGAN-GP, 1704.00028); 0 is off.
    #[serde(default)]
    pub gradient_penalty: f32,
    /// γ of γ/2·‖∇D(x)‖² on real examples (1801.04406); 0 is off.
    #[serde(default)]
    pub r1: f32,
    /// γ of γ/2·‖∇D(G(z))‖² on generated examples; 0 is off.
    #[serde(default)]
    pub r2: f32,
    /// R1's γ is .0002 · side² / batch (StyleGAN2's rule), where `r1` does not say another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub r1_auto: bool,
    /// Penalties enter every this many steps, multiplied by as much (lazy regularisation).
    #[serde(default = "Loss::default_every")]
    pub penalty_every: u64,
    /// Factor on the squared distance of path lengths from their mean, in an update of G's own (1912.04958, section 3.2); 0 is
    /// off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub path_length: f32,
    /// Steps from one update by path lengths to the next, which counts as often.
    #[serde(default = "Loss::default_path", skip_serializing_if = "Loss::is_default_path")]
    pub path_length_every: u64,
    /// How often, of all minibatches, late layers have the styles of other noise (1812.04948, section 3.1).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub style_mixing: f32,
    /// Factor on the cross-entropy of D's class head, on real and on generated examples, in D's loss (AC-GAN, 1610.09585).
    #[serde(default = "Loss::default_scale")]
    pub auxiliary: f32,
    /// Factor on the cross-entropy of D's class head with the classes asked for, in G's loss: 1 in AC-GAN, 0.1 in WGAN-GP.
    #[serde(default = "Loss::default_scale")]
    pub auxiliary_generator: f32,
    /// Factor on G's objective beside the distances to pictures.
    #[serde(default = "Loss::default_scale", skip_serializing_if = "is_one")]
    pub adversarial: f32,
    /// λ of the distance between a picture and what two translations make of it (CycleGAN, 1703.10593, equation 2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cycle: f32,
    /// Share of `cycle` that the distance between a picture of the domain aimed at and its translation counts (1703.10593,
    /// section 5.2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub identity: f32,
    /// λ of the distance between what G makes and the picture that it should be (pix2pix, 1611.07004, equation 3).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reconstruction: f32,
    /// How the distance of two pictures is measured.
    #[serde(default, skip_serializing_if = "Distance::is_l1")]
    pub distance: Distance,
}

/// The distance of two pictures, a mean over their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// Mean absolute difference.
    #[default]
    L1,
    /// Mean squared difference.
    L2,
}

impl Distance {
    fn is_l1(&self) -> bool {
        *self == Distance::L1
    }
}

impl Loss {
    /// Whether D's gradients are penalised at all.
    pub fn penalised(&self) -> bool {
        self.r1_auto || [self.gradient_penalty, self.r1, self.r2].iter().any(|&weight| weight > 0.0)
    }

    fn default_path() -> u64 {
        4
    }

    fn is_default_path(every: &u64) -> bool {
        *every == Loss::default_path()
    }

    fn default_scale() -> f32 {
        1.0
    }

    fn default_every() -> u64 {
        1
    }
}

/// What is written down while training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A line of metrics every this many steps (means over them).
    pub every: u64,
    /// A picture of samples every this many steps, and before the first of them at 0 and at powers of two.
    pub samples_every: u64,
    /// Samples a picture.
    pub samples: usize,
}

impl Log {
    /// Whether a picture of samples is due at `step`: at 0, at powers of two, then at all multiples of `samples_every`.
    pub fn is_drawn(&self, step: u64) -> bool {
        step.is_multiple_of(self.samples_every) || step < self.samples_every && step.is_power_of_two()
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { every: 100, samples_every: 1_000, samples: 100 }
    }
}

/// When the run is saved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoint {
    /// A checkpoint every this many steps, and one at the end.
    pub every: u64,
    /// One in between after so many minutes without any, which the next one replaces; 0 is off.
    pub minutes: f64,
    /// How many of the newest are kept, at least 2.
    pub keep: usize,
    /// The metric whose best checkpoint is kept too, as `checkpoints/best`; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_by: Option<Metric>,
    /// Checkpoints in a row that are no better, after which training stops; 0 is off.
    #[serde(skip_serializing_if = "is_off")]
    pub patience: u64,
}

impl Default for Checkpoint {
    fn default() -> Checkpoint {
        Checkpoint { every: 1_000, minutes: 5.0, keep: 3, best_by: None, patience: 0 }
    }
}

fn is_off(count: &u64) -> bool {
    *count == 0
}

fn is_zero(factor: &f32) -> bool {
    *factor == 0.0
}

fn is_one(factor: &f32) -> bool {
    *factor == 1.0
}
