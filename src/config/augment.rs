//! `[augment]`: how pictures are changed before D sees them, real and generated ones alike, and how often.

use super::Config;
use super::validate::{need, word};
use super::{Scale, Source};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Augmentation of what D sees. Each transform changes each picture with probability p, which is fixed or adapts to how much
/// D overfits (ADA, Karras et al., 2006.06676).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// What may happen to a picture; it happens in the order of [`Transform`].
    #[serde(default = "Augment::default_transforms")]
    pub transforms: Vec<Transform>,
    /// A fixed probability; absent: it starts at 0 and adapts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f32>,
    /// The mean sign of D on real pictures, `r_t`, above which p rises and below which it falls.
    #[serde(default = "Augment::default_target")]
    pub ada_target: f32,
    /// Thousands of real pictures that D sees while p rises by 1.
    #[serde(default = "Augment::default_kimg")]
    pub ada_kimg: f32,
    /// D updates from one change of p to the next.
    #[serde(default = "Augment::default_interval")]
    pub ada_interval: u64,
}

/// A change of a picture that D sees, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Mirrored, turned by quarters, shifted by whole pixels (ADA's pixel blitting).
    Blit,
    /// Scaled, rotated, stretched, shifted by fractions of pixels: known by name, and refused.
    Geom,
    /// Brightness, contrast, luma inversion, hue, saturation (ADA).
    Colour,
    /// Brightness, saturation, contrast, each uniform (DiffAugment, 2006.10738).
    DiffColour,
    /// Shifted by up to an eighth, zeros behind the edge (DiffAugment).
    DiffTranslation,
    /// Noise of a drawn strength on every number (ADA).
    Noise,
    /// A square of half the side is 0 (DiffAugment and ADA).
    Cutout,
}

impl Transform {
    /// Name in a configuration.
    pub fn name(self) -> String {
        word(&self).trim_matches('"').to_string()
    }
}

impl Augment {
    fn default_transforms() -> Vec<Transform> {
        vec![Transform::Blit, Transform::Colour]
    }

    fn default_target() -> f32 {
        0.6
    }

    fn default_kimg() -> f32 {
        500.0
    }

    fn default_interval() -> u64 {
        4
    }

    /// Whether p adapts.
    pub fn is_adaptive(&self) -> bool {
        self.p.is_none()
    }

    /// Whether a transform is among those asked for.
    pub fn has(&self, transform: Transform) -> bool {
        self.transforms.contains(&transform)
    }
}

impl Config {
    pub(super) fn augmentation(&self) -> Result<()> {
        let Some(a) = &self.augment else { return Ok(()) };
        need(
            !self.model.translates(),
            "augment",
            "said",
            &format!(
                "nothing beside model = {}: D compares what went in with what came out",
                word(&self.model)
            ),
        )?;
        let points = matches!(self.data.source, Source::Ring | Source::Grid | Source::Line);
        need(
            !points,
            "augment",
            "said",
            "nothing: the data are points, which have neither sides nor colours",
        )?;
        let names = a.transforms.iter().map(word).collect::<Vec<_>>().join(", ");
        need(
            !a.transforms.is_empty(),
            "augment.transforms",
            "empty",
            "at least one: blit, colour, diff-colour, diff-translation, noise, cutout; or no [augment] at all",
        )?;
        need(
            !a.has(Transform::Geom),
            "augment.transforms",
            format!("[{names}]"),
            "none that is geom: scaling and turning a picture by any angle reads between its pixels, by a gather with \
             weights that no kernel has yet; blit mirrors, turns by quarters and shifts without",
        )?;
        let twice = a.transforms.iter().enumerate().any(|(i, t)| a.transforms[..i].contains(t));
        need(!twice, "augment.transforms", format!("[{names}]"), "each transform once")?;
        let scaled = [Transform::Colour, Transform::DiffColour, Transform::Noise];
        if let Some(of_colour) = a.transforms.iter().find(|t| scaled.contains(t)) {
            need(
                self.data.scale != Scale::Gcn,
                "augment.transforms",
                format!("[{names}]"),
                &format!(
                    "none that is {}: it is a change of pixels in [0, 1] or [−1, 1] (data.scale = \"unit\" or \"signed\"), \
                     and contrast-normalised ones have no range",
                    of_colour.name()
                ),
            )?;
        }
        if let Some(p) = a.p {
            need(
                (0.0..=1.0).contains(&p),
                "augment.p",
                p,
                "a probability: 0 to 1; or leave it out, and p adapts",
            )?;
        }
        let target = a.ada_target;
        need(
            (-1.0..=1.0).contains(&target),
            "augment.ada_target",
            target,
            "a mean of signs: −1 to 1, .6 as in ADA",
        )?;
        let kimg = a.ada_kimg;
        need(
            kimg.is_finite() && kimg > 0.0,
            "augment.ada_kimg",
            kimg,
            "above 0: thousands of real pictures that D sees while p rises by 1",
        )?;
        need(
            (1..=1_000_000).contains(&a.ada_interval),
            "augment.ada_interval",
            a.ada_interval,
            "1 to 1000000 updates of D",
        )
    }

    /// Why a key of augmentation changes nothing; absent where it does.
    pub(super) fn idle_augmentation(&self, key: &str) -> Option<String> {
        let fixed = self.augment.as_ref().is_some_and(|a| !a.is_adaptive());
        (fixed && key.starts_with("ada_")).then(|| "augment.p is fixed".into())
    }
}
