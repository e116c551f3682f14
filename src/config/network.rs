//! `[generator]` and `[discriminator]`: architectures and their keys, how weights start, what limits them.

use serde::{Deserialize, Serialize};

/// A network: an architecture by name, with its own keys.
///
/// Keys that an architecture does not have are refused ([`Architecture::keys`]); those it has and that are absent have the
/// architecture's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What the forward pass is.
    #[serde(default, skip_serializing_if = "Architecture::is_layers")]
    pub architecture: Architecture,
    /// First to last. The last layer's `units` may be absent: it then fits the data (G) or is 1 (D).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// Channels of the largest maps: at half the picture's side, doubling towards the base (dcgan); at the picture's side
    /// (residual networks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// How often a network between pictures halves the side: as often as it can (unet), once to three times (patch), unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// How often the side is halved; until it is 4 to 7 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<usize>,
    /// How many times as many channels residual maps of half the side have, at the first three halvings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<usize>,
    /// Residual blocks at the base beside those that halve or double (resnet), or at each size (rpgan-resnet), or all of
    /// them (resnet-translator, srgan).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// How D's last maps become one vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Taps an axis of the kernels that halve or double: even ones need even sides, odd ones take any ("SAME").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<usize>,
    /// What normalises behind convolutions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<Norm>,
    /// How G doubles a side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upsample: Option<Upsample>,
    /// What follows G's last convolution; fits the data's scale unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Activation>,
    /// Whether convolutions have biases; all but those with batch norm unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<bool>,
    /// How the weights start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// Weights are divided by their greatest singular value (Miyato et al., 1802.05957).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectral_norm: Option<bool>,
    /// Where labels enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// How many channels maps of each size have (stylegan2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// The fully connected layers in front of G's synthesis, or behind D's labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// D sees how much this many examples of a minibatch differ (1710.10196, section 3); 0: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<usize>,
    /// Whether D's blocks have skips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<bool>,
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

impl Network {
    /// Whether it has convolutions.
    pub fn convolves(&self) -> bool {
        self.architecture != Architecture::Layers
            || self.layers.iter().any(|l| matches!(l.kind, Kind::Conv | Kind::ConvTranspose))
    }
}

/// A forward pass by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// A list of layers, one behind the other.
    #[default]
    Layers,
    /// Strided convolutions and their transposes (Radford et al., 1511.06434).
    Dcgan,
    /// Residual blocks of 3×3 convolutions (Gulrajani et al., 1704.00028; Miyato et al., 1802.05957).
    Resnet,
    /// Residual blocks without norms (Huang et al., 2501.05441), small.
    RpganResnet,
    /// Pictures from pictures by residual blocks at a quarter of the side (Zhu et al., 1703.10593).
    ResnetTranslator,
    /// Pictures from pictures, each size joined across (Isola et al., 1611.07004).
    Unet,
    /// Logits of patches (Isola et al., 1611.07004).
    Patch,
    /// Large pictures from small ones, and the D beside it (Ledig et al., 1609.04802).
    Srgan,
    /// Styles from noise, pictures from styles (Karras et al., 1912.04958).
    Stylegan2,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 9] = [
        Architecture::Layers,
        Architecture::Dcgan,
        Architecture::Resnet,
        Architecture::RpganResnet,
        Architecture::ResnetTranslator,
        Architecture::Unet,
        Architecture::Patch,
        Architecture::Srgan,
        Architecture::Stylegan2,
    ];

    /// Name in configurations.
    pub fn name(self) -> String {
        let value = toml::Value::try_from(self).expect("a name");
        value.as_str().unwrap_or_default().to_string()
    }

    /// Whether tensors are named by the size of their maps, so that networks for pictures of two sizes share those of the smaller
    /// one.
    pub fn names_sizes(self) -> bool {
        self == Architecture::Stylegan2
    }

    fn is_layers(&self) -> bool {
        *self == Architecture::Layers
    }

    /// The keys that a network of this architecture has beside those that all have.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Architecture::Layers => &["layers"],
            Architecture::Dcgan => &[
                "width",
                "stages",
                "kernel",
                "norm",
                "upsample",
                "output",
                "bias",
                "init",
                "spectral_norm",
                "condition",
            ],
            Architecture::Resnet => &[
                "width",
                "growth",
                "stages",
                "blocks",
                "norm",
                "pool",
                "output",
                "bias",
                "init",
                "spectral_norm",
                "condition",
            ],
            Architecture::RpganResnet => &["width", "growth", "stages", "blocks", "output", "condition"],
            Architecture::ResnetTranslator => &["width", "blocks", "norm", "upsample", "output", "init"],
            Architecture::Unet => &["width", "depth", "norm", "upsample", "output", "init"],
            Architecture::Patch => &["width", "depth", "norm", "init", "spectral_norm"],
            Architecture::Srgan => &["width", "blocks", "norm", "output", "init", "spectral_norm"],
            Architecture::Stylegan2 => &["channels", "mapping", "deviation", "residual"],
        }
    }
}

/// Keys that a network of any architecture has.
pub const SHARED_KEYS: [&str; 4] = ["architecture", "clip", "pack", "pretrained"];

/// Channels of maps by their side: base / side, `most` at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// Channels times side.
    pub base: usize,
    /// Most channels of any maps.
    pub most: usize,
}

impl Default for Channels {
    /// StyleGAN2's at sides below 512.
    fn default() -> Channels {
        Channels { base: 16_384, most: 512 }
    }
}

/// Fully connected layers as wide as the noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// How many.
    pub layers: usize,
    /// How much slower than other layers they learn.
    pub lr_factor: f32,
}

impl Default for Mapping {
    fn default() -> Mapping {
        Mapping { layers: 8, lr_factor: 0.01 }
    }
}

/// How a generator doubles the side of its maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upsample {
    /// A transposed convolution of stride 2.
    #[default]
    Transposed,
    /// Every pixel twice along both axes, then a 3×3 convolution (Odena et al., 2016, "Deconvolution and checkerboard
    /// artifacts").
    Nearest,
}

/// How maps become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Each channel's mean (WGAN-GP).
    #[default]
    Mean,
    /// Each channel's sum (SNGAN).
    Sum,
}

/// Where labels enter a conditional network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Joined to the noise (G), as planes behind the picture's channels (D).
    #[default]
    Input,
    /// Joined to what every convolution reads, too (1511.06434's code for MNIST).
    Everywhere,
    /// G's batch norms have factors and shifts a class.
    Norm,
    /// D's output has ⟨embedding of the labels, features⟩ added (Miyato & Koyama, 1802.05637).
    Projection,
    /// D has a class head, and reads no labels (AC-GAN, 1610.09585).
    Auxiliary,
}

impl Condition {
    /// Whether labels are planes behind the channels of D's pictures.
    pub fn joins_pictures(self) -> bool {
        [Condition::Input, Condition::Everywhere].contains(&self)
    }
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

/// What normalises between a layer's affine map and its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Nothing.
    #[default]
    None,
    /// By mean and variance over the minibatch, real and generated examples apart (Ioffe & Szegedy, 1502.03167).
    Batch,
    /// By mean and variance over the units of each example (Ba et al., 1607.06450).
    Layer,
    /// By mean and variance over the pixels of each map of each example, without factors (Ulyanov et al., 1607.08022).
    Instance,
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
    /// Uniform with sd `gain · √(2 / (fan_in + fan_out))` (Glorot & Bengio, 2010).
    Glorot(f32),
}

/// How a bias starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, \"marginals\", or a table as in bias = { uniform = 0.05 }")]
pub enum Bias {
    /// This value everywhere.
    Value(f32),
    /// From the data: see [`FromData`].
    FromData(FromData),
    /// Drawn.
    Drawn(DrawnBias),
}

/// The biases that are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrawnBias {
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
    /// What the layer does with its input.
    #[serde(default, skip_serializing_if = "Kind::is_linear")]
    pub kind: Kind,
    /// Output width of a linear layer; may be absent in the last layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// Channels that a convolution makes; may be absent in G's last layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Taps of a kernel, or pixels of a pool, along each axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<usize>,
    /// Pixels from one position of the kernel to the next: 1 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Zeros around the picture: none unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<usize>,
    /// Whether a convolution has one bias a channel, as usual, or one an element of its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_per: Option<BiasPer>,
    /// Channels, height and width that a linear layer's units become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reshape: Option<[usize; 3]>,
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
    /// How the weights start; where a file does not say, its activation decides before this is read.
    pub init: Init,
    /// How the bias starts: at 0 unless said; a layer with batch norm has none unless said, since the norm takes it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<Bias>,
    /// What normalises the affine map's result, in front of the activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<Norm>,
    /// The weights are divided by their greatest singular value (Miyato et al., 1802.05957).
    #[serde(default)]
    pub spectral_norm: bool,
    /// After each update the weights into a unit are scaled down to at most this norm; 0 is off.
    #[serde(default)]
    pub max_col_norm: f32,
}

/// What a layer of a list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An affine map of a vector; pictures are flattened.
    #[default]
    Linear,
    /// A convolution.
    Conv,
    /// A transposed convolution, of the size that its input is the smallest result for.
    ConvTranspose,
    /// The greatest of the pixels in a window; windows past the edge take those that exist.
    MaxPool,
}

impl Kind {
    fn is_linear(&self) -> bool {
        *self == Kind::Linear
    }

    /// The keys that say its sizes.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Linear => &["units", "reshape"],
            Kind::Conv | Kind::ConvTranspose => &["channels", "kernel", "stride", "pad", "bias_per"],
            Kind::MaxPool => &["kernel", "stride"],
        }
    }
}

/// How far a convolution's bias reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiasPer {
    /// Over all pixels of a channel.
    #[default]
    Channel,
    /// Over one element.
    Element,
}

impl Layer {
    pub(super) fn default_slope() -> f32 {
        0.2
    }

    fn default_keep() -> f32 {
        1.0
    }

    /// How its bias starts, where it has one.
    pub fn bias(&self) -> Option<Bias> {
        self.bias.or((self.norm != Some(Norm::Batch)).then_some(Bias::Value(0.0)))
    }
}

fn one() -> usize {
    1
}
