//! What a run is: every value that decides its bytes, as one tree that TOML can hold.
//!
//! A *recipe* is a complete tree embedded in the binary (`recipes/*.toml`). The tree a run uses is
//! made by layers, the later ones winning: recipe, `--config FILE`s, `--set key=value`s, flags.

mod layers;
mod validate;

pub use layers::{Layers, RECIPES, nearest};
pub(crate) use validate::network;

use crate::error::{Error, Result};
use crate::eval::Metric;
use crate::precision::Precision;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The whole configuration of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The recipe's name, as typed after `gansaku train`.
    pub recipe: String,
    /// One line for `gansaku recipes`.
    pub about: String,
    /// Seeds every random number of the run.
    #[serde(default)]
    pub seed: u64,
    /// Where the examples come from.
    pub data: Data,
    /// The noise the generator starts from.
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

/// Where examples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Procedural handwritten-like digits, 28×28 grey, labelled; needs no file.
    Digits,
    /// 8 Gaussians on the unit circle, sd .01 (PacGAN's protocol).
    Ring,
    /// 25 Gaussians on {−4, −2, 0, 2, 4}², sd .05 (PacGAN's protocol).
    Grid,
    /// 2 Gaussians on a line, at −1 and 1, sd .4.
    Line,
    /// IDX files in torchvision's folder layout or flat, plain or gzip: MNIST, Fashion-MNIST.
    Idx,
    /// Stacked MNIST: IDX digits drawn at random as the channels of one picture.
    Stacked,
    /// CIFAR-10's binary version.
    Cifar10,
    /// Toronto Face Database, `TFD_48x48.mat` or `TFD_96x96.mat`.
    Tfd,
    /// Any tree of PNG and JPEG files.
    Folder,
    /// Looks at the path and takes the reader that fits.
    Auto,
}

impl Source {
    /// Whether its examples are made here, from a seed, and need no file.
    pub fn is_built_in(self) -> bool {
        matches!(self, Source::Digits | Source::Ring | Source::Grid | Source::Line)
    }

    /// The built-in source that is typed where data are asked for. What lies on the disk under that name comes first.
    pub fn built_in(typed: &Path) -> Option<Source> {
        let source = match typed.to_str()? {
            "digits" => Source::Digits,
            "ring" => Source::Ring,
            "grid" => Source::Grid,
            "line" => Source::Line,
            _ => return None,
        };
        (!typed.exists()).then_some(source)
    }
}

impl Data {
    /// The data of `run` lie at another path now, if one is given.
    ///
    /// # Errors
    /// When they lie nowhere: they are made here.
    pub fn moved(&mut self, to: Option<&Path>, run: &Path) -> Result<()> {
        let Some(path) = to else { return Ok(()) };
        if self.source.is_built_in() {
            let (path, run) = (path.display(), run.display());
            return Err(Error::Usage(format!(
                "--data {path}: {run} is of data that are made here; leave --data out"
            )));
        }
        self.path = Some(path.to_path_buf());
        Ok(())
    }
}

/// How stored values become the numbers a network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Pixels in [0, 1]; points as they are.
    #[default]
    Unit,
    /// Pixels in [−1, 1].
    Signed,
    /// Global contrast normalisation: each example's mean removed, then scaled to norm 55 (pylearn2's
    /// `gcn: 55.`).
    Gcn,
}

/// The data set and its splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Which reader.
    pub source: Source,
    /// File or folder; `--data` sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Examples `[from, to)` of the training file that are trained on; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<[usize; 2]>,
    /// Examples `[from, to)` of the training file kept for validation; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<[usize; 2]>,
    /// Share of the training examples that is kept for measuring where the files hold no test examples; recipes say a
    /// tenth, configurations of runs from before there was a choice nothing.
    #[serde(default)]
    pub hold_out: f64,
    /// How stored values become numbers.
    #[serde(default)]
    pub scale: Scale,
    /// How many examples a built-in source or stacking makes.
    #[serde(default = "Data::default_count")]
    pub count: usize,
    /// Digits a stack, its channels.
    #[serde(default = "Data::default_stack")]
    pub stack: usize,
    /// Pictures of a folder are cropped to a centred square and resized to `size`×`size`.
    #[serde(default = "Data::default_size")]
    pub size: usize,
    /// Channels of a folder's pictures: 1 or 3; 0 takes 3 if any picture has colour, else 1.
    #[serde(default)]
    pub channels: usize,
    /// TFD's fold, 0 to 4.
    #[serde(default)]
    pub fold: usize,
    /// A damaged picture stops the run instead of being skipped.
    #[serde(default)]
    pub strict: bool,
}

impl Data {
    fn default_count() -> usize {
        20_000
    }

    fn default_stack() -> usize {
        3
    }

    fn default_size() -> usize {
        32
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

/// A multi-layer perceptron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// First to last. The last layer's `units` may be absent: it then fits the data (G) or is 1 (D).
    pub layers: Vec<Layer>,
    /// After each update every weight and bias is clipped to [−clip, clip] (WGAN); 0 is off.
    #[serde(default)]
    pub clip: f32,
    /// D sees this many examples joined as one (PacGAN); 1 in G.
    #[serde(default = "one")]
    pub pack: usize,
    /// How many of the last layers `--init-from` fills, from the first layers of the same network in the
    /// file on. Where no network says so, every layer is filled from the one of the same name; where one does,
    /// the others are left as they start.
    #[serde(default)]
    pub pretrained: usize,
}

fn is_off(count: &u64) -> bool {
    *count == 0
}

fn one() -> usize {
    1
}

/// What follows a layer's affine map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// max(x, 0).
    Relu,
    /// max(x, slope·x).
    LeakyRelu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The greatest of `pieces` affine maps (Goodfellow et al., 1302.4389).
    Maxout,
}

/// How a weight matrix starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Uniform on (−r, r): pylearn2's `irange`.
    Uniform(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f32),
    /// This many standard-normal weights into each unit, the others 0: pylearn2's `sparse_init`.
    Sparse(usize),
    /// Normal with sd `gain / √fan_in`.
    FanIn(f32),
}

/// How a bias starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bias {
    /// This value everywhere.
    Value(f32),
    /// From the data: see [`FromData`].
    FromData(FromData),
    /// Drawn.
    Drawn(Drawn),
}

/// The biases that are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drawn {
    /// Uniform on (−r, r); r = 1/√fan_in is PyTorch's default.
    Uniform(f32),
}

/// The biases that come from data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromData {
    /// The value whose activation is the training mean of each element (logit of the mean under a sigmoid); the mean itself
    /// but under a sigmoid or a tanh.
    Marginals,
}

/// One layer: dropout on its input, an affine map, an activation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Output width; may be absent in the last layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// What follows the affine map.
    #[serde(default)]
    pub activation: Activation,
    /// Affine maps a unit, for maxout.
    #[serde(default = "one")]
    pub pieces: usize,
    /// The leaky relu's slope below 0.
    #[serde(default = "Layer::default_slope")]
    pub slope: f32,
    /// Each input element is kept with this probability and then scaled by 1/keep; 1 is no dropout.
    #[serde(default = "Layer::default_keep")]
    pub keep: f32,
    /// How the weights start.
    pub init: Init,
    /// How the bias starts.
    #[serde(default = "Layer::default_bias")]
    pub bias: Bias,
    /// After each update the weights into a unit are scaled down to at most this norm; 0 is off.
    #[serde(default)]
    pub max_col_norm: f32,
}

impl Layer {
    fn default_slope() -> f32 {
        0.2
    }

    fn default_keep() -> f32 {
        1.0
    }

    fn default_bias() -> Bias {
        Bias::Value(0.0)
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
    /// Penalties enter every this many steps, multiplied by as much (lazy regularisation).
    #[serde(default = "Loss::default_every")]
    pub penalty_every: u64,
}

impl Loss {
    fn default_scale() -> f32 {
        1.0
    }

    fn default_every() -> u64 {
        1
    }
}

/// How long and in what order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Examples a minibatch.
    pub batch: usize,
    /// Steps in all; a step is one G update and its D updates. 0 when `epochs` says it.
    #[serde(default)]
    pub steps: u64,
    /// Passes through the training split in all; 0 when `steps` says it.
    #[serde(default)]
    pub epochs: u64,
    /// D updates a step: k in the paper's Algorithm 1, `n_critic` in WGAN.
    #[serde(default = "Train::default_updates")]
    pub discriminator_updates: u64,
    /// D and G are updated from the same forward passes on the same minibatch (the 2014 code).
    #[serde(default)]
    pub joint: bool,
    /// What matrix products multiply: fp32, tf32, fp16 or bf16.
    #[serde(default)]
    pub precision: Precision,
}

impl Train {
    /// Steps in all, with so many training examples.
    pub fn total(&self, examples: u64) -> u64 {
        match self.epochs {
            0 => self.steps,
            epochs => {
                let a_step = (self.batch as u64).saturating_mul(self.discriminator_updates);
                epochs.saturating_mul(examples).div_ceil(a_step)
            }
        }
    }

    fn default_updates() -> u64 {
        1
    }
}

/// One optimizer a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizers {
    /// G's.
    pub generator: Optimizer,
    /// D's.
    pub discriminator: Optimizer,
}

/// An update rule and its learning-rate schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// The rule and its constants: `rule.adam = { beta1 = 0.5, beta2 = 0.999 }`.
    pub rule: Rule,
    /// Learning rate at the first update.
    pub lr: f32,
    /// The learning rate is divided by this at every update (pylearn2's `ExponentialDecay`); 1 is off.
    #[serde(default = "Optimizer::default_factor")]
    pub decay_factor: f64,
    /// The decaying learning rate stops here.
    #[serde(default)]
    pub min_lr: f32,
    /// Over this many steps the learning rate falls linearly to `final_share`; 0 is off. A number of its own, so
    /// that `--steps` says when to stop and nothing else.
    #[serde(default)]
    pub decay_steps: u64,
    /// Share of `lr` that is left after `decay_steps`.
    #[serde(default = "Optimizer::default_share")]
    pub final_share: f32,
}

impl Optimizer {
    fn default_factor() -> f64 {
        1.0
    }

    fn default_share() -> f32 {
        1.0
    }
}

/// Update rules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// v ← μv − lr·g, p ← p + v; μ rises linearly from `momentum` to `final_momentum` over epochs 1 to `saturate`.
    Sgd {
        /// μ at the start.
        #[serde(default)]
        momentum: f32,
        /// μ from epoch `saturate` on.
        #[serde(default)]
        final_momentum: f32,
        /// The epoch at which μ stops rising; 0: μ stays at `momentum`.
        #[serde(default)]
        saturate: u64,
    },
    /// Kingma & Ba, 1412.6980, with bias correction.
    Adam {
        /// Decay of the first moment.
        beta1: f32,
        /// Decay of the second moment.
        beta2: f32,
        /// Added to the root of the second moment.
        #[serde(default = "Rule::default_eps")]
        eps: f32,
    },
    /// s ← αs + (1 − α)g², p ← p − lr·g / (√s + ε), as PyTorch defines it.
    RmsProp {
        /// Decay of the squared gradient.
        #[serde(default = "Rule::default_alpha")]
        alpha: f32,
        /// Added to the root.
        #[serde(default = "Rule::default_eps")]
        eps: f32,
    },
}

impl Rule {
    fn default_eps() -> f32 {
        1e-8
    }

    fn default_alpha() -> f32 {
        0.99
    }
}

/// Exponential moving average of G's weights: w̄ ← β·w̄ + (1 − β)·w, β = min(decay, (1 + t)/(ramp + t)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ema {
    /// β in the long run; 0 keeps no average: samples use G itself.
    pub decay: f32,
    /// How gently the average starts, in steps.
    pub ramp: f32,
}

impl Default for Ema {
    fn default() -> Ema {
        Ema { decay: 0.0, ramp: 10.0 }
    }
}

/// What is written down while training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A line of metrics every this many steps (means over them).
    pub every: u64,
    /// A picture of samples every this many steps.
    pub samples_every: u64,
    /// Samples a picture.
    pub samples: usize,
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
        Checkpoint { every: 1_000, keep: 3, best_by: None, patience: 0 }
    }
}
