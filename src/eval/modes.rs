//! Mode coverage on mixtures of Gaussians, the protocol of VEEGAN (1705.07761) and PacGAN (1712.04086).

use super::{Measurement, Metric, Subject};
use crate::config::{Config, Source};
use crate::data::toy::Mixture;
use crate::error::{Error, Result};
use crate::numbers::Numbers;

/// Samples the protocol draws.
pub const SAMPLES: usize = 2_500;

/// What samples cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// Modes with at least one high-quality sample.
    pub captured: usize,
    /// Share of high-quality samples: within 3 sd of the nearest mode. A perfect sampler has 1 − e^−4.5 = .98889.
    pub quality: f64,
    /// KL of the histogram of high-quality samples over modes against the uniform one, nats ("reverse KL").
    pub reverse_kl: f64,
}

/// Share of high-quality samples that a perfect sampler makes: the mass of a round Gaussian within 3 sd.
pub fn perfect_quality() -> f64 {
    1.0 - (-4.5f64).exp()
}

/// A point's distance to a mode.
fn distance(point: &[f32], mode: [f32; 2]) -> f64 {
    f64::from(point[0] - mode[0]).hypot(f64::from(point[1] - mode[1]))
}

/// Number of the mode nearest to each of `points`, `[n, 2]`: the class of a point.
pub fn nearest(points: &[f32], mixture: &Mixture) -> Vec<usize> {
    let modes = mixture.modes();
    let of = |point: &[f32]| {
        let far = |&a: &usize, &b: &usize| distance(point, modes[a]).total_cmp(&distance(point, modes[b]));
        (0..modes.len()).min_by(far).expect("a mixture has modes")
    };
    points.chunks_exact(2).map(of).collect()
}

/// Measures `points`, `[n, 2]`.
pub fn coverage(points: &[f32], mixture: &Mixture) -> Coverage {
    let modes = mixture.modes();
    let mut counts = vec![0usize; modes.len()];
    for (point, nearest) in points.chunks_exact(2).zip(nearest(points, mixture)) {
        if distance(point, modes[nearest]) < 3.0 * f64::from(mixture.sd) {
            counts[nearest] += 1;
        }
    }
    let good: usize = counts.iter().sum();
    Coverage {
        captured: counts.iter().filter(|&&c| c > 0).count(),
        quality: good as f64 / (points.len() / 2).max(1) as f64,
        reverse_kl: reverse_kl(&counts),
    }
}

/// KL of a histogram over modes against the uniform one, nats; infinite where the histogram is empty.
pub fn reverse_kl(counts: &[usize]) -> f64 {
    let all: usize = counts.iter().sum();
    if all == 0 {
        return f64::INFINITY;
    }
    let share = |c: usize| c as f64 / all as f64;
    counts.iter().filter(|&&c| c > 0).map(|&c| share(c) * (share(c) * counts.len() as f64).ln()).sum()
}

/// The mixture that the metric measures against.
///
/// # Errors
/// When the data are something else.
pub(crate) fn mixture(config: &Config) -> Result<&'static Mixture> {
    let source = config.data.source;
    Mixture::of(source).filter(|mixture| mixture.axes == 2).ok_or_else(|| {
        let other = if source == Source::Line { super::fitting(config) } else { "classes".into() };
        Error::Usage(format!(
            "modes is a measure of ring, grid and stacked digits; this run has other data: measure {other}"
        ))
    })
}

impl Subject<'_> {
    pub(super) fn modes(&mut self) -> Result<Measurement> {
        if self.generator.config.data.source == Source::Stacked {
            return self.stacked_modes();
        }
        let mixture = mixture(self.generator.config)?;
        let count = self.samples_wanted(Metric::Modes);
        let row = |points: &[f32]| {
            let c = coverage(points, mixture);
            Numbers::from([
                ("modes", c.captured as f64),
                ("high quality %", 100.0 * c.quality),
                ("reverse KL", c.reverse_kl),
            ])
        };
        let samples = self.samples(count)?;
        let found = row(&samples);
        let real = self.examples(&self.data.test, count);
        let (reals, real) = (real.len() / mixture.axes, row(&real));
        let ceiling = 100.0 * perfect_quality();
        let most = ceiling + 3.0 * (ceiling * (100.0 - ceiling) / count as f64).sqrt();
        let warning = (found["high quality %"] > most).then(|| {
            format!("high quality is above {ceiling:.2} %, a perfect sampler's: modes are too narrow")
        });
        let protocol = format!(
            "{count} samples of the {}; high quality within 3 sd of a mode, captured with at least one (1712.04086)",
            mixture.name
        );
        Ok(self
            .measurement(Metric::Modes, protocol, count, found)
            .beside(format!("{reals} test points"), real)
            .warned(warning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Values;
    use crate::data::toy::{GRID, RING, load};

    fn points(mixture: &Mixture, count: usize, seed: u64) -> Vec<f32> {
        match load(mixture, count, seed).train.values {
            Values::F32(x) => x,
            Values::U8(_) => unreachable!("points are numbers"),
        }
    }

    #[test]
    fn a_perfect_sampler_has_the_published_row() {
        for (mixture, modes, kl) in [(RING, 8, 0.0014), (GRID, 25, 0.0049)] {
            let runs: Vec<Coverage> =
                (0..40).map(|seed| coverage(&points(&mixture, SAMPLES, seed), &mixture)).collect();
            let mean = |f: fn(&Coverage) -> f64| runs.iter().map(f).sum::<f64>() / runs.len() as f64;
            assert!(runs.iter().all(|c| c.captured == modes));
            // 2500 draws: sd .0021 each, .0003 of the mean.
            assert!((mean(|c| c.quality) - perfect_quality()).abs() < 0.0015);
            assert!((mean(|c| c.reverse_kl) - kl).abs() < 0.15 * kl + 2e-4, "{}", mean(|c| c.reverse_kl));
        }
    }

    #[test]
    fn collapse_shows_in_every_number() {
        let one = [1.0f32, 0.0].repeat(100);
        let c = coverage(&one, &RING);
        assert_eq!((c.captured, c.quality), (1, 1.0));
        assert!((c.reverse_kl - 8f64.ln()).abs() < 1e-12);
        let nowhere = coverage(&[0.5f32, 0.5].repeat(10), &RING);
        assert_eq!((nowhere.captured, nowhere.quality, nowhere.reverse_kl), (0, 0.0, f64::INFINITY));
    }
}
