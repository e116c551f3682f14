//! Number formats: what products multiply, and how 16-bit numbers lie in memory.
//!
//! Whatever the precision, sums are f32, and so are losses, penalties, gradients of parameters, and the weights
//! that optimizers update.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// What the operands of matrix products are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// f32, every product exact before its sum.
    #[default]
    Fp32,
    /// f32 in memory, rounded to 10 bits of fraction where it is multiplied (NVIDIA's TensorFloat-32).
    Tf32,
    /// IEEE half precision, in memory too.
    Fp16,
    /// f32's range with 7 bits of fraction, in memory too.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 4] = [Precision::Fp32, Precision::Tf32, Precision::Fp16, Precision::Bf16];

    /// The 16-bit format that operands are stored in, if they are.
    pub fn stored(self) -> Option<Narrow> {
        match self {
            Precision::Fp32 | Precision::Tf32 => None,
            Precision::Fp16 => Some(Narrow::F16),
            Precision::Bf16 => Some(Narrow::Bf16),
        }
    }

    /// Name, as configurations write it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Tf32 => "tf32",
            Precision::Fp16 => "fp16",
            Precision::Bf16 => "bf16",
        }
    }
}

/// A 16-bit floating-point format. Conversions round to nearest, ties to even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Narrow {
    /// IEEE half precision: 5 bits of exponent, 10 of fraction.
    F16,
    /// 8 bits of exponent, 7 of fraction.
    Bf16,
}

impl Narrow {
    /// The nearest number of the format.
    pub fn round(self, x: f32) -> f32 {
        self.from_bits(self.to_bits(x))
    }

    /// The nearest number's bits.
    pub fn to_bits(self, x: f32) -> u16 {
        match self {
            Narrow::F16 => f16::from_f32(x).to_bits(),
            Narrow::Bf16 => bf16::from_f32(x).to_bits(),
        }
    }

    /// The number of these bits.
    pub fn from_bits(self, bits: u16) -> f32 {
        match self {
            Narrow::F16 => f16::from_bits(bits).to_f32(),
            Narrow::Bf16 => bf16::from_bits(bits).to_f32(),
        }
    }

    /// Half the distance between 1 and the next number: the relative error of rounding.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Narrow::F16 => 0.5f64.powi(11),
            Narrow::Bf16 => 0.5f64.powi(8),
        }
    }
}

/// An f32 with its fraction rounded to 10 bits, ties away from zero; infinities and NaN stay.
pub fn round_tf32(x: f32) -> f32 {
    let bits = x.to_bits();
    if x.is_finite() { f32::from_bits(bits.wrapping_add(0x1000) & !0x1fff) } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_nearest() {
        assert_eq!(Narrow::F16.round(1.0 + 3.0 / 2048.0), 1.0 + 4.0 / 2048.0, "a tie goes to even");
        assert_eq!(Narrow::F16.round(1.0 + 1.0 / 2048.0), 1.0);
        assert_eq!(Narrow::F16.round(65_520.0), f32::INFINITY);
        assert_eq!(Narrow::F16.round(3e-8), 2f32.powi(-24), "subnormal numbers are kept");
        assert_eq!(Narrow::Bf16.round(1.0 + 1.0 / 256.0), 1.0);
        assert_eq!(Narrow::Bf16.round(3e38), 226.0 * 2f32.powi(120), "f32's range");
        assert_eq!(round_tf32(1.0 + 1.0 / 2048.0), 1.0 + 1.0 / 1024.0, "a tie goes away from zero");
        assert!(round_tf32(f32::NAN).is_nan() && Narrow::F16.round(f32::NAN).is_nan());
    }
}
