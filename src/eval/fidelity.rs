//! How near pictures are to the ones they should be: mean absolute error, PSNR, SSIM and error of colour. Pictures are
//! `[height, width, channels]` in [0, 1], a peak of 1.

use super::ms_ssim;
use crate::data::{Shape, colour};

/// The picture as a file of 8 bits a channel keeps it.
pub fn rounded(unit: &[f32]) -> Vec<f32> {
    unit.iter().map(|x| (x.clamp(0.0, 1.0) * 255.0).round() / 255.0).collect()
}

/// Mean absolute difference.
pub fn absolute_error(a: &[f32], b: &[f32]) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    differences.sum::<f64>() / a.len() as f64
}

/// Peak signal-to-noise ratio −10 log₁₀ MSE, in decibels. Equal pictures count as if one number of theirs differed by 1/255,
/// so that a mean over pictures stays one.
pub fn psnr(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>();
    -10.0 * (squares.max(255f64.powi(-2)) / a.len() as f64).log10()
}

/// Structural similarity (Wang et al. 2004): Gaussian windows of 11 pixels (σ 1.5) that lie inside the picture, K = (.01, .03),
/// the mean over windows and channels. None where no window fits.
pub fn ssim(a: &[f32], b: &[f32], shape: Shape) -> Option<f64> {
    (ms_ssim::scales(shape) > 0).then(|| ms_ssim::single_scale(a, b, shape))
}

/// Y of [`colour::studio_luma`], of colour pictures; grey ones are their own.
pub fn luma(picture: &[f32], shape: Shape) -> (Vec<f32>, Shape) {
    if shape.channels != 3 {
        return (picture.to_vec(), shape);
    }
    let y = |pixel: &[f32]| colour::studio_luma([0, 1, 2].map(|c| f64::from(pixel[c]))) as f32;
    (picture.chunks_exact(3).map(y).collect(), Shape { channels: 1, ..shape })
}

/// The picture without so many pixels at each edge; as it is where nothing would be left.
pub fn without_border(picture: &[f32], shape: Shape, border: usize) -> (Vec<f32>, Shape) {
    if shape.height.min(shape.width) <= 2 * border {
        return (picture.to_vec(), shape);
    }
    let cut = Shape { height: shape.height - 2 * border, width: shape.width - 2 * border, ..shape };
    let rows = picture.chunks_exact(shape.width * shape.channels).skip(border).take(cut.height);
    let inside = border * shape.channels..(border + cut.width) * shape.channels;
    (rows.flat_map(|row| &row[inside.clone()]).copied().collect(), cut)
}

/// L, a and b of each pixel of a colour picture, `[pixels, 3]`.
pub fn lab(picture: &[f32]) -> Vec<[f64; 3]> {
    let pixel = |p: &[f32]| colour::lab([0, 1, 2].map(|c| f64::from(p[c])));
    picture.chunks_exact(3).map(pixel).collect()
}

/// The colour picture of these pixels of Lab.
pub fn of_lab(pixels: impl IntoIterator<Item = [f64; 3]>) -> Vec<f32> {
    pixels.into_iter().flat_map(|lab| colour::rgb(lab).map(|x| x as f32)).collect()
}

/// Sum over pixels of the squared differences of a and b.
pub fn squared_ab_error(found: &[[f64; 3]], truth: &[[f64; 3]]) -> f64 {
    found.iter().zip(truth).map(|(f, t)| (f[1] - t[1]).powi(2) + (f[2] - t[2]).powi(2)).sum()
}

/// Sum over pixels of the distance from grey, √(a² + b²).
pub fn chroma(pixels: &[[f64; 3]]) -> f64 {
    pixels.iter().map(|[_, a, b]| a.hypot(*b)).sum()
}
