//! The architecture "stylegan2" (Karras et al., 1912.04958): a mapping of noise to styles, a synthesis of pictures from a constant
//! by modulated convolutions, and a residual D. All weights learn at an equalised rate.

mod discriminator;
mod mapping;
mod synthesis;

use super::ends::{Forward, Makes, Reads, outline};
use super::net::{Net, Purpose, Styled};
use crate::config::{Activation, Channels, Mapping, Network};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::Var;
use crate::nn::Scope;

/// Side of the constant, and of D's last maps.
const BASE: usize = 4;

/// A network's keys with what stands for absent ones.
#[derive(Debug, Clone, Copy)]
pub struct Stylegan2 {
    /// How many channels maps have.
    pub channels: Channels,
    /// The fully connected layers from noise to w, and from labels to what D compares.
    pub mapping: Mapping,
    /// Examples over which D sees the deviation; 0 is none.
    pub deviation: usize,
    /// Whether D's blocks have skips.
    pub residual: bool,
}

impl Stylegan2 {
    /// The keys of a network, which is of this architecture.
    pub fn of(network: &Network) -> Stylegan2 {
        Stylegan2 {
            channels: network.channels.unwrap_or_default(),
            mapping: network.mapping.unwrap_or_default(),
            deviation: network.deviation.unwrap_or(4),
            residual: network.residual.unwrap_or(true),
        }
    }

    /// Sides of the maps, from the base up to the picture.
    pub fn sides(picture: Shape) -> Vec<usize> {
        std::iter::successors(Some(BASE), |side| Some(2 * side))
            .take_while(|&side| side <= picture.height)
            .collect()
    }

    /// Channels of maps of this side.
    pub fn channels_at(&self, side: usize) -> usize {
        (self.channels.base / side).clamp(1, self.channels.most)
    }

    /// Maps from the base up, the picture last.
    fn maps(&self, picture: Shape) -> Vec<Shape> {
        let sides = Stylegan2::sides(picture).into_iter();
        let maps = sides.map(|side| Shape { channels: self.channels_at(side), height: side, width: side });
        maps.chain([picture]).collect()
    }
}

impl Net for Stylegan2 {
    fn serves(&self, purpose: Purpose) -> bool {
        !matches!(purpose, Purpose::Translator { .. } | Purpose::Generator(_))
    }

    fn styled(&self) -> Option<&dyn Styled> {
        Some(self)
    }

    fn generator_outline(&self, makes: Makes, inputs: usize) -> String {
        format!("{inputs} → w → {}", outline(self.maps(makes.picture)))
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        self.judged(s, reads, x, labels)
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        let picture = Shape { channels: reads.picture.channels * reads.pack, ..reads.picture };
        format!("{} → {}", outline(self.maps(picture).into_iter().rev()), reads.outputs)
    }

    fn words(&self, fitting: Option<Activation>) -> Vec<String> {
        let layers = match self.mapping.layers {
            1 => "1 layer".to_string(),
            n => format!("{n} layers"),
        };
        match fitting {
            Some(_) => vec![format!("mapping of {layers}, modulated convolutions, noise at every size")],
            None => {
                let mut words = vec!["3×3 convolutions, filtered halving".to_string()];
                words.extend(self.residual.then(|| "skips".into()));
                words.extend(
                    (self.deviation > 0).then(|| format!("deviation in groups of {}", self.deviation)),
                );
                words
            }
        }
    }

    /// Checks that pictures are squares whose side is a power of two.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let picture = purpose.picture();
        let Shape { height, width, .. } = picture;
        if !picture.is_point() && height == width && height.is_power_of_two() && height > BASE {
            return Ok(());
        }
        let found =
            if picture.is_point() { "points".into() } else { format!("pictures of {width}×{height}") };
        let near = height.max(width).clamp(2 * BASE, 1024).next_power_of_two();
        let below = (near / 2).max(2 * BASE);
        let sides = if below == near { near.to_string() } else { format!("{below} or {near}") };
        Err(Error::Usage(format!(
            "{name}: architecture \"stylegan2\" doubles a square of {BASE} until it is the picture, but the data are {found}; \
             expected a side of 8, 16, 32, 64 and so on: take pictures of {sides} pixels (--size of a folder's, data.pad \
             around smaller ones), or architecture \"dcgan\""
        )))
    }
}
