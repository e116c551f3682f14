//! Philox4x32-10, the counter-based generator of every random number in the program.
//!
//! Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
//! A number is a pure function of (seed, stream, tick, element): nothing is stored between steps, a
//! resume needs one integer, and any device that implements these functions draws the same bits.
//!
//! * key     = seed, low word first
//! * counter = [element / 4, tick low, tick high, stream]; `element % 4` picks the word
//!
//! A *stream* names one use ("dropout of D's first layer"); see [`stream`]. A *tick* counts phase
//! executions during training.

use std::convert::Infallible;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: u32 = 10;

/// One Philox4x32-10 block: four random words for a 128-bit counter and a 64-bit key.
#[inline(always)]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let p0 = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let p1 = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (p1 >> 32) as u32 ^ counter[1] ^ key[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ counter[3] ^ key[1],
            p0 as u32,
        ];
    }
    counter
}

/// The stream number of a name: FNV-1a, 32 bits. Names are node paths such as `D/drop0`.
pub fn stream(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// What the random numbers of a phase depend on, besides their stream.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The run's seed.
    pub seed: u64,
    /// Phase executions so far.
    pub tick: u64,
}

impl Moment {
    /// All random words of a stream at this moment.
    pub fn draw(&self, stream: u32) -> Draw {
        Draw::new(self.seed, stream, self.tick)
    }
}

/// Elements of a draw: those beyond would repeat the first.
pub const MOST_ELEMENTS: u64 = 4 << 32;

/// The words of one (seed, stream, tick): `words(block)` are elements `4·block ..= 4·block + 3`.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    key: [u32; 2],
    tick: u64,
    stream: u32,
}

impl Draw {
    /// All random words of `stream` at `tick` under `seed`.
    pub fn new(seed: u64, stream: u32, tick: u64) -> Draw {
        Draw { key: [seed as u32, (seed >> 32) as u32], tick, stream }
    }

    /// The four words of one block.
    #[inline(always)]
    pub fn words(&self, block: u32) -> [u32; 4] {
        philox([block, self.tick as u32, (self.tick >> 32) as u32, self.stream], self.key)
    }

    /// The word of one element.
    #[inline(always)]
    pub fn word(&self, element: u64) -> u32 {
        self.words((element / 4) as u32)[(element % 4) as usize]
    }

    /// A uniform number in [0, 1): the word's upper 24 bits, exact in `f32`.
    #[inline(always)]
    pub fn uniform(&self, element: u64) -> f32 {
        unit(self.word(element))
    }

    /// A standard normal number. Elements 2i and 2i + 1 are the two halves of one Box–Muller pair.
    #[inline(always)]
    pub fn normal(&self, element: u64) -> f32 {
        let words = self.words((element / 4) as u32);
        let pair = (element % 4 / 2) as usize * 2;
        normal_pair(words[pair], words[pair + 1])[(element % 2) as usize]
    }
}

/// A word as one of the `n` numbers from 0 on.
pub fn below(word: u32, n: usize) -> usize {
    ((u64::from(word) * n as u64) >> 32) as usize
}

/// A word as a uniform `f32` in [0, 1) with 24 random bits.
#[inline(always)]
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Two independent standard normals from two words (Box–Muller).
///
/// Written with separate multiplications and additions only (no fused multiply-add, no libm), so
/// that every device which rounds to nearest computes the same bits. Error below 4e-7 absolute.
#[inline(always)]
pub fn normal_pair(a: u32, b: u32) -> [f32; 2] {
    // (0, 1]: the logarithm stays finite; the largest radius is sqrt(2·24·ln 2) = 5.77.
    let u = ((a >> 8) + 1) as f32 * (1.0 / 16_777_216.0);
    let radius = (-2.0 * ln(u)).sqrt();
    let (sin, cos) = sin_cos_turn(b);
    [radius * cos, radius * sin]
}

/// Natural logarithm of a normal positive `f32`, by the atanh series on [√½, √2).
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    // Split at √½ (0x3F3504F3): x = 2^e · m with m in [√½, √2).
    let shifted = bits.wrapping_sub(0x3F35_04F3);
    let exponent = (shifted as i32) >> 23;
    let mantissa = f32::from_bits((shifted & 0x007F_FFFF) + 0x3F35_04F3);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let z = s * s;
    let series = 2.0 + z * (0.666_666_7 + z * (0.4 + z * (0.285_714_3 + z * 0.222_222_2)));
    s * series + exponent as f32 * std::f32::consts::LN_2
}

/// Sine and cosine of 2π·word/2³²: the two top bits pick the quadrant, Taylor series do the rest.
#[inline(always)]
fn sin_cos_turn(word: u32) -> (f32, f32) {
    let quadrant = word >> 30;
    // The angle inside the quadrant, centred: (-π/4, π/4].
    let fraction = ((word << 2) >> 8) as f32 * (1.0 / 16_777_216.0) - 0.5;
    let t = fraction * std::f32::consts::FRAC_PI_2;
    let z = t * t;
    let sin = t * (1.0 + z * (-0.166_666_67 + z * (0.008_333_334 - z * 0.000_198_412_7)));
    let cos = 1.0 + z * (-0.5 + z * (0.041_666_668 + z * (-0.001_388_888_9 + z * 0.000_024_801_59)));
    // Rotate by π/4 to undo the centring, then by the quadrant.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let (s, c) = ((sin + cos) * half, (cos - sin) * half);
    match quadrant {
        0 => (s, c),
        1 => (c, -s),
        2 => (-s, -c),
        _ => (-c, s),
    }
}

/// A host-side generator over one stream, for shuffles and synthetic data (`rand`'s traits).
#[derive(Debug, Clone)]
pub struct PhiloxRng {
    draw: Draw,
    next: u64,
}

impl PhiloxRng {
    /// Starts at element 0 of the draw.
    pub fn new(seed: u64, stream: u32, tick: u64) -> PhiloxRng {
        PhiloxRng { draw: Draw::new(seed, stream, tick), next: 0 }
    }

    /// A standard normal number (takes two words).
    pub fn normal(&mut self) -> f32 {
        self.next = self.next.next_multiple_of(2) + 2;
        self.draw.normal(self.next - 2)
    }

    fn word(&mut self) -> u32 {
        self.next += 1;
        self.draw.word(self.next - 1)
    }
}

impl rand::TryRng for PhiloxRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        let low = u64::from(self.word());
        Ok(low | u64::from(self.word()) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123's `kat_vectors`, philox4x32 with 10 rounds.
    #[test]
    fn known_answers() {
        let cases: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn normals_agree_with_the_f64_formula() {
        let draw = Draw::new(7, stream("test"), 3);
        for block in 0..50_000 {
            let w = draw.words(block);
            let u = f64::from((w[0] >> 8) + 1) / 16_777_216.0;
            let angle = 2.0 * std::f64::consts::PI * f64::from(w[1]) / 4_294_967_296.0;
            let radius = (-2.0 * u.ln()).sqrt();
            let [x, y] = normal_pair(w[0], w[1]);
            // The angle keeps 26 of the word's 32 bits: 1e-7 radians, times a radius of at most 5.8.
            assert!((f64::from(x) - radius * angle.cos()).abs() < 3e-6, "block {block}");
            assert!((f64::from(y) - radius * angle.sin()).abs() < 3e-6, "block {block}");
        }
    }

    #[test]
    fn moments_of_uniform_and_normal() {
        let draw = Draw::new(1, stream("moments"), 0);
        let n = 200_000u64;
        let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        assert!((mean(&|i| draw.uniform(i).into()) - 0.5).abs() < 0.003);
        assert!(mean(&|i| draw.normal(i).into()).abs() < 0.01);
        assert!((mean(&|i| f64::from(draw.normal(i)).powi(2)) - 1.0).abs() < 0.015);
        assert!((mean(&|i| f64::from(draw.normal(i)).powi(4)) - 3.0).abs() < 0.1);
    }
}
