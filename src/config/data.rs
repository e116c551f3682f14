//! `[data]`: where examples come from, their splits, and how they become numbers.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

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
    /// Two domains: procedural digits, white on black (A) and black on white (B).
    Invert,
    /// Two domains: filled shapes in colour (A) and their outlines (B).
    Outline,
    /// Two domains: procedural digits in a thin pen that leans one way (A), in a thick one that leans the other (B).
    Strokes,
    /// Two domains: procedural animals of one colour (A) and striped (B).
    Stripes,
    /// IDX files in torchvision's folder layout or flat, plain or gzip: MNIST, Fashion-MNIST.
    Idx,
    /// Stacked MNIST: IDX digits drawn at random as the channels of one picture.
    Stacked,
    /// CIFAR-10's binary version.
    Cifar10,
    /// Toronto Face Database, `TFD_48x48.mat` or `TFD_96x96.mat`.
    Tfd,
    /// Any set of pictures: a folder, a zip or tar file, Parquet.
    Folder,
    /// Two domains: pictures in folders `trainA` and `trainB`, perhaps also `valA`, `valB`, `testA`, `testB`.
    TwoFolders,
    /// Two domains, paired: pictures twice as wide as high, A on the left and B on the right.
    Pairs,
    /// NumPy's arrays: an `.npz` file, or a folder of `.npy` files.
    Arrays,
    /// Looks at the path and takes the reader that fits.
    Auto,
}

/// Sources whose examples are made here, from a seed, by name.
const BUILT_IN: [(&str, Source); 8] = [
    ("digits", Source::Digits),
    ("ring", Source::Ring),
    ("grid", Source::Grid),
    ("line", Source::Line),
    ("invert", Source::Invert),
    ("outline", Source::Outline),
    ("strokes", Source::Strokes),
    ("stripes", Source::Stripes),
];

impl Source {
    /// Name of a source whose examples are made here, from a seed, and need no file.
    pub fn built_in_name(self) -> Option<&'static str> {
        BUILT_IN.iter().find(|(_, source)| *source == self).map(|(name, _)| *name)
    }

    /// Whether its examples are made here, from a seed, and need no file.
    pub fn is_built_in(self) -> bool {
        self.built_in_name().is_some()
    }

    /// Whether its examples are two domains made here, of which each picture of the one has a known counterpart in the
    /// other.
    pub fn is_made_of_two_domains(self) -> bool {
        matches!(self, Source::Invert | Source::Outline | Source::Strokes | Source::Stripes)
    }

    /// Whether its examples are of two domains, as translations from one to the other need; none where that depends on
    /// what lies at a path.
    pub fn has_two_domains(self) -> Option<bool> {
        match self {
            Source::Auto => None,
            Source::TwoFolders | Source::Pairs => Some(true),
            _ => Some(self.is_made_of_two_domains()),
        }
    }

    /// The built-in source that is typed where data are asked for. What lies on the disk under that name comes first.
    pub fn built_in(typed: &Path) -> Option<Source> {
        let name = typed.to_str()?;
        let (_, source) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        (!typed.exists()).then_some(*source)
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

/// Which of two domains is the target of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Domain B, that of the right halves or of `trainB`.
    #[default]
    AToB,
    /// Domain A: the two change places.
    BToA,
}

/// What is made of a picture to have a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Given {
    /// The picture made smaller, by cubic interpolation over all the pixels that become one.
    LowResolution,
    /// The picture's lightness, L of CIE Lab.
    Grey,
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
    /// `train` and `valid` are ranges of a fixed shuffle where the data are pictures or arrays, which are most often sorted
    /// by class; recipes say so, configurations of runs from before there was a choice do not.
    #[serde(default)]
    pub shuffle: bool,
    /// How stored values become numbers.
    #[serde(default)]
    pub scale: Scale,
    /// Real examples are mirrored left to right with probability ½ whenever they are seen in training.
    #[serde(default)]
    pub flip: bool,
    /// Real examples are padded by so many mirrored pixels and cut at a random place whenever they are seen in training; 0
    /// is off.
    #[serde(default)]
    pub crop: usize,
    /// Real pictures are enlarged to this side and cut at a random place whenever they are seen in training; 0 is off.
    #[serde(default, skip_serializing_if = "is_none")]
    pub load_size: usize,
    /// What G is given of each picture where pairs are made of single pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// How many times smaller than the picture what G is given is, where that is the picture made small.
    #[serde(default = "Data::default_factor", skip_serializing_if = "Data::is_default_factor")]
    pub factor: usize,
    /// How many examples a built-in source or stacking makes.
    #[serde(default = "Data::default_count")]
    pub count: usize,
    /// Digits a stack, its channels.
    #[serde(default = "Data::default_stack")]
    pub stack: usize,
    /// Which domain is translated into which.
    #[serde(default)]
    pub direction: Direction,
    /// Pictures of a folder are cropped to a centred square and resized to `size`×`size`; two domains that are made here
    /// are drawn so large.
    #[serde(default = "Data::default_size")]
    pub size: usize,
    /// Dark pixels around each picture, on each side.
    #[serde(default)]
    pub pad: usize,
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

    fn default_factor() -> usize {
        4
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    fn is_default_factor(factor: &usize) -> bool {
        *factor == 4
    }

    fn default_stack() -> usize {
        3
    }

    fn default_size() -> usize {
        32
    }
}

fn is_none(pixels: &usize) -> bool {
    *pixels == 0
}
