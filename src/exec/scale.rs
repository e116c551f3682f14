//! The loss scale of fp16 training: gradients are computed of the scaled loss, so that small ones do not vanish.
//!
//! Source: Micikevicius et al., "Mixed precision training" (1710.03740), section 3.2. The scale is kept and changed
//! where the training runs; `kernels/optim.cu` is this file's twin.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

/// The first scale.
pub const START: f32 = 65_536.0;
/// The greatest scale.
pub const MOST: f32 = 16_777_216.0;
/// Below this scale a run has failed: even the loss itself overflows.
pub const FLOOR: f32 = 1.0;
/// Updates in a row without overflow after which the scale doubles.
pub const GROWTH: u32 = 2_000;

/// One network's scale and what became of its updates.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    /// Factor on the loss whose gradient is computed next: a power of two.
    pub scale: f32,
    /// 1 / the factor that the last gradient was computed with.
    pub inverse: f32,
    /// Updates since the last overflow or change of scale.
    pub good: u32,
    /// 1 if the last gradient was not finite and the update was left out.
    pub skip: u32,
    /// Updates left out so far.
    pub skipped: u64,
}

impl LossScale {
    /// Before the first update; `scaled` is fp16's, every other precision has 1 for ever.
    pub fn start(scaled: bool) -> LossScale {
        let scale = if scaled { START } else { 1.0 };
        LossScale { scale, inverse: 1.0 / scale, good: 0, skip: 0, skipped: 0 }
    }

    /// Takes note of a gradient, before its update: whether all of it was finite.
    pub fn judge(&mut self, finite: bool) {
        self.inverse = 1.0 / self.scale;
        self.skip = u32::from(!finite);
        if !finite {
            self.scale *= 0.5;
            self.good = 0;
            self.skipped += 1;
        } else if self.good + 1 == GROWTH {
            self.scale = (self.scale * 2.0).min(MOST);
            self.good = 0;
        } else {
            self.good += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflows_halve_and_patience_doubles() {
        let mut s = LossScale::start(true);
        for (finite, scale, skipped) in [(true, 65_536.0, 0), (false, 32_768.0, 1), (false, 16_384.0, 2)] {
            s.judge(finite);
            assert_eq!((s.scale, s.skipped, s.skip), (scale, skipped, u32::from(!finite)));
        }
        assert_eq!(s.inverse, 1.0 / 32_768.0, "of the gradient just judged");
        (0..GROWTH - 1).for_each(|_| s.judge(true));
        assert_eq!(s.scale, 16_384.0);
        s.judge(true);
        assert_eq!((s.scale, s.good, s.skipped), (32_768.0, 0, 2));
        (0..20 * GROWTH).for_each(|_| s.judge(true));
        assert_eq!(s.scale, MOST);
    }
}
