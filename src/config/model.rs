//! `model`: what game is played.

use serde::{Deserialize, Serialize};

/// A game by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Noise becomes examples (Goodfellow et al., 1406.2661).
    #[default]
    Gan,
    /// Pictures of one domain become pictures of another and back, without pairs (Zhu et al., 1703.10593).
    Cyclegan,
    /// Pictures become the pictures that belong to them, learnt from pairs (Isola et al., 1611.07004).
    Pix2pix,
    /// Noise becomes styles, and styles pictures (Karras et al., 1912.04958).
    Stylegan2,
}

impl Model {
    /// Whether G makes pictures of pictures.
    pub fn translates(self) -> bool {
        matches!(self, Model::Cyclegan | Model::Pix2pix)
    }

    pub(super) fn is_gan(&self) -> bool {
        *self == Model::Gan
    }
}
