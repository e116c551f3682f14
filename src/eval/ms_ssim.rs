//! Diversity as the mean multi-scale structural similarity of random pairs (Wang et al. 2003; as a measure of GANs,
//! Odena et al., 1610.09585): the more alike samples are, the higher. A window of 11 pixels must fit the coarsest
//! scale, so that small pictures have fewer scales than Wang's five; the weights of those that are left are scaled
//! to sum 1.

use super::{Measurement, Metric, Subject};
use crate::data::{Shape, shuffle};
use crate::error::{Error, Result};
use crate::numbers::{Numbers, mean_and_error};
use rayon::prelude::*;

/// Pairs the protocol draws.
pub(super) const PAIRS: usize = 2_500;
/// Side of the Gaussian window, and its standard deviation.
const WINDOW: usize = 11;
const DEVIATION: f64 = 1.5;
/// Wang's exponents, the finest scale first.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// (K L)² of luminance and of contrast, L = 1.
const C: [f64; 2] = [1e-4, 9e-4];

/// Scales that a picture is large enough for, 0 of one smaller than the window.
pub fn scales(shape: Shape) -> usize {
    let side = shape.height.min(shape.width);
    (0..WEIGHTS.len()).take_while(|s| side >> s >= WINDOW).count()
}

/// MS-SSIM of two pictures `[height, width, channels]` in [0, 1], the mean over channels; negative contrast terms count as 0.
///
/// # Panics
/// When the pictures are smaller than the window.
pub fn similarity(a: &[f32], b: &[f32], shape: Shape) -> f64 {
    let scales = scales(shape);
    assert!(scales > 0, "pictures of at least {WINDOW} pixels a side");
    let all: f64 = WEIGHTS[..scales].iter().sum();
    let similar = |channel: usize| {
        let [mut a, mut b] = [a, b].map(|x| plane(x, shape, channel));
        let mut size = [shape.height, shape.width];
        let mut product = 1.0;
        for (scale, weight) in WEIGHTS[..scales].iter().enumerate() {
            if scale > 0 {
                (a, b) = (halved(&a, size), halved(&b, size));
                size = size.map(|n| n / 2);
            }
            let [whole, contrast] = structure(&a, &b, size);
            let term = if scale + 1 == scales { whole } else { contrast };
            product *= term.max(0.0).powf(weight / all);
        }
        product
    };
    (0..shape.channels).map(similar).sum::<f64>() / shape.channels as f64
}

/// SSIM of two pictures `[height, width, channels]` in [0, 1] at their own scale, the mean over windows and channels.
///
/// # Panics
/// When the pictures are smaller than the window.
pub(super) fn single_scale(a: &[f32], b: &[f32], shape: Shape) -> f64 {
    assert!(scales(shape) > 0, "pictures of at least {WINDOW} pixels a side");
    let similar = |channel: usize| {
        let [a, b] = [a, b].map(|x| plane(x, shape, channel));
        structure(&a, &b, [shape.height, shape.width])[0]
    };
    (0..shape.channels).map(similar).sum::<f64>() / shape.channels as f64
}

/// One channel of a picture.
fn plane(picture: &[f32], shape: Shape, channel: usize) -> Vec<f64> {
    picture[channel..].iter().step_by(shape.channels).map(|&x| f64::from(x)).collect()
}

/// Means of 2×2 pixels; an odd last row or column is left out.
fn halved(x: &[f64], [height, width]: [usize; 2]) -> Vec<f64> {
    let at = |y: usize, c: usize| x[2 * y * width + c] + x[(2 * y + 1) * width + c];
    let pixel = |i: usize| {
        let (y, c) = (i / (width / 2), 2 * (i % (width / 2)));
        0.25 * (at(y, c) + at(y, c + 1))
    };
    (0..height / 2 * (width / 2)).map(pixel).collect()
}

/// Means over all windows of SSIM and of its contrast-structure factor.
fn structure(a: &[f64], b: &[f64], size: [usize; 2]) -> [f64; 2] {
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<f64>>();
    let [mean_a, mean_b] = [a, b].map(|x| blurred(x, size));
    let [aa, bb, ab] = [(a, a), (b, b), (a, b)].map(|(x, y)| blurred(&product(x, y), size));
    let (mut whole, mut contrast) = (0.0, 0.0);
    for i in 0..mean_a.len() {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, cov) = (aa[i] - ma * ma, bb[i] - mb * mb, ab[i] - ma * mb);
        let cs = (2.0 * cov + C[1]) / (va + vb + C[1]);
        contrast += cs;
        whole += cs * (2.0 * ma * mb + C[0]) / (ma * ma + mb * mb + C[0]);
    }
    [whole, contrast].map(|sum| sum / mean_a.len() as f64)
}

/// Gaussian means of all windows that lie inside the picture.
fn blurred(x: &[f64], [height, width]: [usize; 2]) -> Vec<f64> {
    let middle = (WINDOW / 2) as f64;
    let mut taps = [0.0; WINDOW];
    let bell = |i: usize| (-0.5 * ((i as f64 - middle) / DEVIATION).powi(2)).exp();
    taps.iter_mut().enumerate().for_each(|(i, t)| *t = bell(i));
    let sum: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|t| *t /= sum);
    let (rows, columns) = (height + 1 - WINDOW, width + 1 - WINDOW);
    let along = |from: &dyn Fn(usize) -> f64| taps.iter().enumerate().map(|(i, t)| t * from(i)).sum::<f64>();
    let across: Vec<f64> =
        (0..height * columns).map(|p| along(&|i| x[p / columns * width + p % columns + i])).collect();
    (0..rows * columns).map(|p| along(&|i| across[(p / columns + i) * columns + p % columns])).collect()
}

/// Mean similarity of pictures 0 and 1, 2 and 3 …, and its standard error.
pub fn of_pairs(pictures: &[f32], shape: Shape) -> (f64, f64) {
    let width = shape.len();
    let each: Vec<f64> = pictures
        .par_chunks_exact(2 * width)
        .map(|pair| similarity(&pair[..width], &pair[width..], shape))
        .collect();
    mean_and_error(&each)
}

/// [`scales`], of which there must be one.
///
/// # Errors
/// When pictures are too small.
pub(super) fn fitting_scales(shape: Shape) -> Result<usize> {
    match scales(shape) {
        0 => Err(Error::Data(format!(
            "ms-ssim needs pictures of {WINDOW}×{WINDOW} pixels or more, these are {}×{}",
            shape.width, shape.height
        ))),
        scales => Ok(scales),
    }
}

impl Subject<'_> {
    pub(super) fn similarity(&mut self) -> Result<Measurement> {
        let data = self.data;
        let shape = data.shape;
        let scales = fitting_scales(shape)?;
        // Neighbours make random pairs where the order is random: samples are shuffled as real examples are.
        let count = self.samples_wanted(Metric::MsSsim) / 2 * 2;
        let real = self.examples(&data.train, count);
        let reals = real.len() / shape.len() / 2;
        let drawn = self.samples(count)?;
        let picture = |i: u64| &drawn[shuffle::at(self.seed, count, i) * shape.len()..][..shape.len()];
        let samples: Vec<f32> = (0..count as u64).flat_map(picture).copied().collect();
        let row = |x: &[f32]| {
            let (mean, error) = of_pairs(x, shape);
            Numbers::from([("MS-SSIM", mean), ("se", error)])
        };
        let (found, real) = (row(&samples), row(&real));
        let spread = (found["se"].powi(2) + real["se"].powi(2)).sqrt();
        let excess = (found["MS-SSIM"] - real["MS-SSIM"]) / spread;
        let warning = (excess > 5.0).then(|| {
            format!("samples are more alike than data, by {excess:.0} se: modes are missing or narrow")
        });
        let protocol = format!(
            "mean MS-SSIM of {} random pairs of samples, whatever their class; {scales} of 5 scales fit \
             {}×{} pixels (Wang 2003, 1610.09585)",
            count / 2,
            shape.width,
            shape.height
        );
        Ok(self
            .measurement(Metric::MsSsim, protocol, count, found)
            .beside(format!("{reals} pairs of training examples"), real)
            .warned(warning))
    }
}
