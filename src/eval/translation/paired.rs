//! How near translations of test pictures are to their partners: mean absolute error, PSNR and SSIM, beside the pictures as
//! they are and beside adding what the domains differ by on the average.

use super::Translations;
use crate::config::Metric;
use crate::data::Shape;
use crate::error::Result;
use crate::eval::Measurement;
use crate::eval::fidelity::{absolute_error, psnr, rounded, ssim};
use crate::models::Direction;
use crate::numbers::Numbers;

/// What a pair differs by at a number, above which the number counts as changed.
const CHANGED: f32 = 8.0 / 255.0;

/// Sums over pairs.
#[derive(Default)]
struct Nearness {
    pairs: usize,
    absolute: f64,
    psnr: f64,
    ssim: Option<f64>,
    /// Absolute errors of the numbers that a pair differs by, and how many these are.
    changed: [f64; 2],
}

impl Nearness {
    /// Adds a picture that stands for `target`, where `source` is what it was made of.
    fn add(&mut self, made: &[f32], [source, target]: [&[f32]; 2], shape: Shape) {
        let made = rounded(made);
        self.pairs += 1;
        self.absolute += absolute_error(&made, target);
        self.psnr += psnr(&made, target);
        self.ssim = ssim(&made, target, shape).map(|similar| similar + self.ssim.unwrap_or(0.0));
        for ((m, s), t) in made.iter().zip(source).zip(target) {
            if (s - t).abs() > CHANGED {
                self.changed[0] += f64::from((m - t).abs());
                self.changed[1] += 1.0;
            }
        }
    }

    fn put(&self, suffix: &str, to: &mut Numbers) {
        let mean = |sum: f64| sum / self.pairs as f64;
        to.insert(format!("L1{suffix}"), mean(self.absolute));
        to.insert(format!("PSNR{suffix}"), mean(self.psnr));
        if let Some(sum) = self.ssim {
            to.insert(format!("SSIM{suffix}"), mean(sum));
        }
        if self.changed[1] > 0.0 {
            to.insert(format!("L1 changed{suffix}"), self.changed[0] / self.changed[1]);
        }
    }
}

impl Translations<'_> {
    pub(super) fn paired(&mut self) -> Result<Measurement> {
        let (which, shape, display) = (self.looked_at(&self.data.test), self.shape(), self.display());
        let means = [&self.origin().data, self.data].map(|data| display.unit(&data.marginals()));
        let mut rows = [Numbers::default(), Numbers::default(), Numbers::default()];
        let mut warnings = vec![];
        for (direction, suffix) in self.directions() {
            let difference: Vec<f32> = match direction {
                Direction::Forward => means[1].iter().zip(&means[0]).map(|(b, a)| b - a).collect(),
                Direction::Backward => means[0].iter().zip(&means[1]).map(|(a, b)| a - b).collect(),
            };
            let mut found = [Nearness::default(), Nearness::default(), Nearness::default()];
            for &number in &which {
                let [from, to] = self.domains(direction);
                let image = Self::picture(from, &from.test, number);
                let target = display.unit(&to.numbers(&to.test, number));
                let made = self.translator.translate(direction, number, &image)?;
                let source = display.unit(&image.numbers);
                let moved: Vec<f32> = source.iter().zip(&difference).map(|(x, d)| x + d).collect();
                let made = display.unit(&made.numbers);
                for (found, made) in found.iter_mut().zip([&made, &source, &moved]) {
                    found.add(made, [&source, &target], shape);
                }
            }
            let [made, same, moved] = &found;
            let than =
                [(same, "leaving the pictures as they are"), (moved, "adding the domains' mean difference")];
            let better = than.iter().filter(|(row, _)| row.psnr > made.psnr);
            warnings.extend(better.max_by(|a, b| a.0.psnr.total_cmp(&b.0.psnr)).map(|(row, what)| {
                let ahead = (row.psnr - made.psnr) / made.pairs as f64;
                let way = if direction == Direction::Forward { "from A to B" } else { "from B to A" };
                format!("{what} is nearer to the truth by {ahead:.2} dB {way}")
            }));
            rows.iter_mut().zip(&found).for_each(|(row, found)| found.put(suffix, row));
        }
        let [made, same, moved] = rows;
        let protocol = format!(
            "{} pairs of test pictures, rounded to 8 bits, peak 1: mean absolute error, also over numbers that a pair differs \
             in by more than 8/255; PSNR, the mean over pictures; SSIM (Wang 2004: Gaussian of 11, sd 1.5), the mean over \
             channels",
            which.len()
        );
        let measured = self
            .measurement(Metric::Paired, protocol, which.len(), made)
            .beside("the pictures as they are", same)
            .beside("adding the mean difference", moved);
        Ok(warnings.into_iter().fold(measured, |measured, warning| measured.warned(Some(warning))))
    }
}
