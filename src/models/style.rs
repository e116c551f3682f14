//! How a generator with styles is asked: how near w stays to its average, and which noise enters beside it.

use crate::rng::{Draw, stream};

/// The random numbers that enter beside w.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grain {
    /// A function of a sample's z, or of its w, alone.
    #[default]
    Random,
    /// All samples have one.
    Constant,
}

/// How w and noise enter a synthesis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// ψ of w̄ + ψ·(w − w̄) (1812.04948, appendix B): 1 is w, 0 its average.
    pub truncation: f32,
    /// The first layers that ψ is for; all where nothing is said.
    pub cutoff: Option<usize>,
    /// Which noise.
    pub grain: Grain,
}

impl Default for Style {
    fn default() -> Style {
        Style { truncation: 1.0, cutoff: None, grain: Grain::Random }
    }
}

impl Style {
    /// ψ of every layer, for so many samples: `[count, layers]`.
    pub fn truncations(&self, count: usize, layers: usize) -> Vec<f32> {
        let first = self.cutoff.unwrap_or(layers);
        let of_layer = |layer: usize| if layer < first { self.truncation } else { 1.0 };
        (0..count * layers).map(|i| of_layer(i % layers)).collect()
    }

    /// Noise of samples that come from these rows, `[count, numbers]`.
    pub fn noise(&self, rows: &[f32], width: usize, numbers: usize) -> Vec<f32> {
        let mut noise = Vec::with_capacity(rows.len() / width * numbers);
        for row in rows.chunks_exact(width) {
            let seed = match self.grain {
                Grain::Random => digest(row),
                Grain::Constant => 0,
            };
            let draw = Draw::new(seed, stream("samples/noise"), 0);
            noise.extend((0..numbers as u64).map(|i| draw.normal(i)));
        }
        noise
    }
}

/// The bits of some numbers as one word (FNV-1a of 64 bits): what stands for a row where it seeds noise.
fn digest(row: &[f32]) -> u64 {
    let bytes = row.iter().flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_a_rows_own_or_everyones() {
        let rows = [0.5, 1.0, 0.5, 1.5, 0.5, 1.0];
        let own = Style::default().noise(&rows, 2, 3);
        assert_eq!(own[..3], own[6..]);
        assert_ne!(own[..3], own[3..6]);
        let constant = Style { grain: Grain::Constant, ..Style::default() }.noise(&rows, 2, 3);
        assert_eq!(constant[..3], constant[3..6]);
    }

    #[test]
    fn truncation_is_for_the_first_layers() {
        let style = Style { truncation: 0.5, cutoff: Some(2), ..Style::default() };
        assert_eq!(style.truncations(2, 3), [0.5, 0.5, 1.0, 0.5, 0.5, 1.0]);
        assert_eq!(Style { cutoff: None, ..style }.truncations(1, 2), [0.5; 2]);
    }
}
