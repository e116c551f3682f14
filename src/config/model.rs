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
}

impl Model {
    /// Whether G makes pictures of pictures.
    pub fn translates(self) -> bool {
        self != Model::Gan
    }

    pub(super) fn is_gan(&self) -> bool {
        *self == Model::Gan
    }
}
