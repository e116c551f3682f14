//! The Parzen-window log-likelihood of the 2014 paper (1406.2661, section 5; protocol of Breuleux, Bengio and
//! Vincent 2011): a Gaussian of width σ around each sample, σ chosen on validation data.
//!
//! The measure has a trap: blurred data score above the data themselves. A figure says little without its N, its σ and the
//! row of real data beside it.

use super::distance::{Vectors, fold};
use super::{Measurement, Metric, Subject};
use crate::config::Scale;
use crate::error::{Error, Result};
use crate::exec::cpu::point::exp;
use crate::exec::cuda::launch::Driver;
use crate::exec::cuda::parzen::Windows;
use crate::exec::{Device, settle};
use crate::numbers::Numbers;
use multiversion::multiversion;

/// Validation examples that the width is chosen by.
pub const VALID: usize = 1_000;

/// Widths tried: ten from 0.1 to 1, evenly in their logarithm (`logspace(−1, 0, 10)`).
pub fn widths() -> [f64; 10] {
    std::array::from_fn(|i| 10f64.powf(-1.0 + i as f64 / 9.0))
}

/// What the protocol gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parzen {
    /// The chosen width.
    pub sigma: f64,
    /// Mean log-likelihood of the validation examples at that width, nats.
    pub valid: f64,
    /// Mean log-likelihood of the test examples, nats.
    pub test: f64,
    /// Standard error of `test`: the deviation over test examples by √count.
    pub error: f64,
}

impl Parzen {
    /// What to know before quoting it, beside the same measure of as many real examples.
    pub fn warning(&self, real: &Parzen) -> Option<String> {
        let smoother = "samples score so by being smoother than data, not better";
        (self.test > real.test).then(|| format!("above real data's {:.1}: {smoother}", real.test))
    }
}

/// What computes the sums.
pub trait LogSums {
    /// log Σ exp(−½‖x − μ‖²/σ²) over samples μ of each of `points` x for each width σ: `[widths][points]`.
    ///
    /// # Errors
    /// When the device fails.
    fn log_sums(&mut self, samples: &Vectors, points: &Vectors, widths: &[f64]) -> Result<Vec<Vec<f64>>>;
}

/// In threads of this process.
pub struct Threads;

/// Opens a device.
///
/// # Errors
/// When there is no such device, or it fails.
pub fn open(device: Device) -> Result<Box<dyn LogSums>> {
    match settle(device)? {
        #[cfg(feature = "cuda")]
        Device::Cuda(number) => Ok(Box::new(Windows::new(crate::exec::cuda::driver::Nvidia::open(number)?))),
        _ => Ok(Box::new(Threads)),
    }
}

/// Measures `samples` `[n, dim]` against `valid` and `test` `[…, dim]`, all in the same units.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When a set is empty.
pub fn measure(
    device: &mut dyn LogSums,
    samples: &[f32],
    valid: &[f32],
    test: &[f32],
    dim: usize,
) -> Result<Parzen> {
    let samples = Vectors::new(samples, dim);
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let each = log_likelihoods(device, &samples, &Vectors::new(valid, dim), &widths())?;
    let means: Vec<f64> = each.iter().map(|l| mean(l)).collect();
    let best = (0..means.len()).max_by(|&a, &b| means[a].total_cmp(&means[b])).expect("ten widths");
    let sigma = widths()[best];
    let test = log_likelihoods(device, &samples, &Vectors::new(test, dim), &[sigma])?.remove(0);
    let average = mean(&test);
    let variance = test.iter().map(|l| (l - average).powi(2)).sum::<f64>() / test.len() as f64;
    let error = (variance / test.len() as f64).sqrt();
    Ok(Parzen { sigma, valid: means[best], test: average, error })
}

/// log p of each of `points` for each width: logmeanexp(−½‖x − μ‖²/σ²) − dim·log(σ√2π).
///
/// # Errors
/// When the device fails.
pub fn log_likelihoods(
    device: &mut dyn LogSums,
    samples: &Vectors,
    points: &Vectors,
    widths: &[f64],
) -> Result<Vec<Vec<f64>>> {
    let mut each = device.log_sums(samples, points, widths)?;
    let count = (samples.count() as f64).ln();
    for (sums, width) in each.iter_mut().zip(widths) {
        let normaliser = points.dim as f64 * (width * std::f64::consts::TAU.sqrt()).ln();
        sums.iter_mut().for_each(|sum| *sum = *sum - count - normaliser);
    }
    Ok(each)
}

impl LogSums for Threads {
    fn log_sums(&mut self, samples: &Vectors, points: &Vectors, widths: &[f64]) -> Result<Vec<Vec<f64>>> {
        let start = || widths.iter().map(|_| LogSum::default()).collect::<Vec<_>>();
        let scales: Vec<f32> = widths.iter().map(|s| (-0.5 / (s * s)) as f32).collect();
        let states = fold(points, samples, &start, &|sums: &mut Vec<LogSum>, _, distances: &[f32]| {
            sums.iter_mut().zip(&scales).for_each(|(sum, &scale)| sum.add(distances, scale));
        });
        Ok((0..widths.len()).map(|i| states.iter().map(|s| s[i].value()).collect()).collect())
    }
}

impl<D: Driver> LogSums for Windows<D> {
    fn log_sums(&mut self, samples: &Vectors, points: &Vectors, widths: &[f64]) -> Result<Vec<Vec<f64>>> {
        Windows::log_sums(self, samples.data, points.data, points.dim, widths)
    }
}

/// log Σ exp of a stream: the greatest term, and the sum of all relative to it.
#[derive(Debug, Clone, Copy)]
struct LogSum {
    greatest: f32,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> LogSum {
        LogSum { greatest: f32::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    /// Adds exp(scale·x) for every x ≥ 0; scale is negative.
    fn add(&mut self, x: &[f32], scale: f32) {
        let nearest = x.iter().copied().fold(f32::INFINITY, f32::min);
        let greatest = self.greatest.max(nearest * scale);
        self.sum *= f64::from(self.greatest - greatest).exp();
        self.greatest = greatest;
        self.sum += f64::from(sum_exp(x, scale, greatest));
    }

    fn value(&self) -> f64 {
        f64::from(self.greatest) + self.sum.ln()
    }
}

/// Σ exp(scale·x − greatest).
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn sum_exp(x: &[f32], scale: f32, greatest: f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (whole, rest) = x.as_chunks::<16>();
    for part in whole {
        lanes.iter_mut().zip(part).for_each(|(l, &x)| *l += exp(x * scale - greatest));
    }
    lanes.iter_mut().zip(rest).for_each(|(l, &x)| *l += exp(x * scale - greatest));
    lanes.iter().sum()
}

/// Samples the protocol draws.
pub(super) const SAMPLES: usize = 10_000;

/// Whether examples of a scale have a likelihood as the paper means it: of pixels in [0, 1].
///
/// # Errors
/// When what the pixels were is not known any more.
pub fn fits(scale: Scale) -> Result<()> {
    match scale {
        Scale::Unit | Scale::Signed => Ok(()),
        Scale::Gcn => Err(Error::Usage(
            "parzen is of pixels in [0, 1], and contrast normalisation (data.scale = \"gcn\") cannot be undone; measure \
             neighbours or swd"
                .into(),
        )),
    }
}

impl Subject<'_> {
    pub(super) fn parzen(&mut self) -> Result<Measurement> {
        let data = self.data;
        let count = self.samples_wanted(Metric::Parzen);
        let dim = data.shape.len();
        let samples = self.samples(count)?;
        let valid = self.first_examples(&data.valid, VALID);
        let test = self.first_examples(&data.test, 10_000);
        let real_count = count.min(data.train.count);
        let real = self.examples(&data.train, real_count);
        let mean = self.display().unit(&data.marginals());
        let mut row = |x: &[f32]| -> Result<_> {
            let p = measure(self.windows, x, &valid, &test, dim)?;
            Ok((
                p,
                Numbers::from([
                    ("nats", p.test),
                    ("se", p.error),
                    ("sigma", p.sigma),
                    ("validation", p.valid),
                ]),
            ))
        };
        let (found, numbers) = row(&samples)?;
        let (real, real_numbers) = row(&real)?;
        let (_, mean_numbers) = row(&mean)?;
        let warning = found.warning(&real);
        let protocol = format!(
            "mean log-likelihood of {} test examples in [0, 1] under Gaussians around {count} samples, σ by the \
             first {VALID} validation examples over logspace(-1, 0, 10) (1406.2661)",
            test.len() / dim
        );
        Ok(self
            .measurement(Metric::Parzen, protocol, count, numbers)
            .beside(format!("{real_count} training examples"), real_numbers)
            .beside("the mean image", mean_numbers)
            .warned(warning))
    }
}
