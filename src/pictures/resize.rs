//! Bicubic resizing (a = −½) with antialiasing, to the bit as Pillow's `Image.BICUBIC` has it, and MATLAB's `imresize` but for
//! roundings: the kernel grows with the factor that a picture shrinks by, its weights sum to 1 at the edges too, rows come
//! before columns, and both passes round to bytes. Figures of super-resolution stand on it, so it is written here: the
//! crate that reads pictures has weights of fewer digits, a quarter of its bytes differ by one.

use super::Picture;

/// Bits behind the point of a weight.
const DIGITS: u32 = 22;

/// The picture at another width and height.
///
/// # Panics
/// When a side is 0.
pub fn bicubic(picture: &Picture, [width, height]: [usize; 2]) -> Picture {
    let channels = picture.channels;
    let rows = resampled(&picture.pixels, [picture.height, picture.width, channels], width);
    let pixels = resampled(&rows, [1, picture.height, width * channels], height);
    Picture { width, height, channels, pixels }
}

/// Weights of one number of the result.
struct Taps {
    /// The first number that they are of.
    from: usize,
    /// One a number, in steps of 2⁻²².
    weights: Vec<i64>,
}

/// The middle axis of `[outer, length, inner]` resized to `to` numbers.
fn resampled(numbers: &[u8], [outer, length, inner]: [usize; 3], to: usize) -> Vec<u8> {
    if length == to {
        return numbers.to_vec();
    }
    let taps: Vec<Taps> = (0..to).map(|at| Taps::of(at, length, to)).collect();
    let mut result = Vec::with_capacity(outer * to * inner);
    for part in numbers.chunks_exact(length * inner) {
        for Taps { from, weights } in &taps {
            result.extend((0..inner).map(|i| {
                let terms = weights.iter().zip(*from..).map(|(w, at)| w * i64::from(part[at * inner + i]));
                let sum = (1 << (DIGITS - 1)) + terms.sum::<i64>();
                (sum >> DIGITS).clamp(0, 255) as u8
            }));
        }
    }
    result
}

impl Taps {
    /// The weights of number `at` of `to`, made of `length`.
    fn of(at: usize, length: usize, to: usize) -> Taps {
        let scale = length as f64 / to as f64;
        let grown = scale.max(1.0);
        let (middle, reach) = ((at as f64 + 0.5) * scale, 2.0 * grown);
        let from = (middle - reach + 0.5).max(0.0) as usize;
        let end = ((middle + reach + 0.5) as usize).min(length);
        let shrunk = 1.0 / grown;
        let raw: Vec<f64> = (from..end).map(|x| kernel((x as f64 - middle + 0.5) * shrunk)).collect();
        let sum: f64 = raw.iter().sum();
        let whole = |w: f64| (w / sum * f64::from(1 << DIGITS)).round() as i64;
        Taps { from, weights: raw.into_iter().map(whole).collect() }
    }
}

/// Keys' cubic kernel, a = −½.
fn kernel(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}
