//! Super-resolution: pictures made smaller by antialiased bicubic interpolation, enlarged by the network, measured on luma
//! without the border, as papers do; bicubic enlargement beside it.

use super::Translations;
use super::pictures::Truth;
use crate::config::Metric;
use crate::data::Shape;
use crate::error::Result;
use crate::eval::Measurement;
use crate::eval::fidelity::{luma, psnr, rounded, ssim, without_border};
use crate::models::Direction;
use crate::numbers::Numbers;
use crate::pictures::{Picture, resize, single};

/// Sums over pictures.
#[derive(Default)]
struct Sums {
    pictures: usize,
    psnr: f64,
    ssim: Option<f64>,
    colour: f64,
    /// Energy of what the small picture cannot hold: of the result, and of the truth.
    detail: [f64; 2],
}

impl Sums {
    fn add(&mut self, made: &[f32], truth: &Truth, factor: usize) {
        let made = rounded(made);
        let both = [&made, &truth.unit].map(|x| {
            let (y, shape) = luma(x, truth.shape);
            without_border(&y, shape, factor)
        });
        let [(y, shape), (true_y, _)] = &both;
        self.pictures += 1;
        self.psnr += psnr(y, true_y);
        self.ssim = ssim(y, true_y, *shape).map(|similar| similar + self.ssim.unwrap_or(0.0));
        let [all, true_all] = [&made, &truth.unit].map(|x| without_border(x, truth.shape, factor).0);
        self.colour += psnr(&all, &true_all);
        for (sum, x) in self.detail.iter_mut().zip([&made, &truth.unit]) {
            *sum += detail(x, truth.shape, factor);
        }
    }

    fn numbers(&self) -> Numbers {
        let mean = |sum: f64| sum / self.pictures as f64;
        let [own, truth] = self.detail;
        let mut all = Numbers::from([
            ("PSNR", mean(self.psnr)),
            ("PSNR of all channels", mean(self.colour)),
            ("detail", own / truth.max(f64::MIN_POSITIVE)),
        ]);
        all.extend(self.ssim.map(|sum| ("SSIM".to_string(), mean(sum))));
        all
    }
}

/// Energy of a picture's luma without what a picture so many times smaller holds of it.
fn detail(unit: &[f32], shape: Shape, factor: usize) -> f64 {
    let (y, shape) = luma(unit, shape);
    let picture = single(&y, shape);
    let [low, high] = [picture.width, picture.height].map(|n| n / factor);
    let smooth = resize::bicubic(&resize::bicubic(&picture, [low, high]), [picture.width, picture.height]);
    let difference = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    picture.pixels.iter().zip(&smooth.pixels).map(difference).sum()
}

/// A picture's bytes in [0, 1].
fn unit(picture: &Picture) -> Vec<f32> {
    picture.pixels.iter().map(|&b| f32::from(b) / 255.0).collect()
}

impl Translations<'_> {
    pub(super) fn super_resolution(&mut self) -> Result<Measurement> {
        let factor = self.translator.growth(Direction::Forward);
        let mut truths = self.truths()?;
        let [mut made, mut bicubic] = [Sums::default(), Sums::default()];
        for number in 0..truths.count() {
            let truth = self.truth(&mut truths, number, factor)?;
            let whole = single(&truth.unit, truth.shape);
            let size = [whole.width, whole.height];
            let small = resize::bicubic(&whole, size.map(|n| n / factor));
            let shape = Shape { channels: small.channels, height: small.height, width: small.width };
            let image = self.translator.image(&unit(&small), shape);
            let large = self.translator.translate(Direction::Forward, number, &image)?;
            made.add(&self.translator.unit(&large), &truth, factor);
            bicubic.add(&unit(&resize::bicubic(&small, size)), &truth, factor);
        }
        let protocol = format!(
            "{}, cut to multiples of {factor}, made {factor} times smaller by antialiased bicubic interpolation (a = −½, 8 \
             bits) and enlarged again; PSNR and SSIM (Wang 2004) on Y of Rec. 601 without a border of {factor} pixels, peak \
             255, means over pictures; detail: energy of Y beyond what the small picture holds, by the truth's",
            truths.told(self)
        );
        Ok(self
            .measurement(Metric::Superres, protocol, made.pictures, made.numbers())
            .beside("bicubic", bicubic.numbers()))
    }
}
