//! Probes: what is measured of both networks now and then, on noise and examples that stay the same for a whole run,
//! so that two probes differ by what was learned alone. No random stream of the training is touched.

use super::labels::Obedience;
use super::leak::{Changed, Leak};
use crate::config::Config;
use crate::data::{Dataset, Examples, Shape, toy};
use crate::error::Result;
use crate::eval::distance::{Vectors, fold};
use crate::eval::modes;
use crate::eval::neighbours::{self, median_distance};
use crate::eval::nyquist::Energy;
use crate::inference::{Engine, Scored, noise};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Samples and training examples compared: their mean pairwise distances are known to 1 % or so.
const COUNT: usize = 200;
/// Samples whose nearest training examples are looked for, and as many held-out examples.
const NEIGHBOURS: usize = 100;
/// Fewer held-out examples than this say nothing.
const FEWEST_HELD_OUT: usize = 20;
/// Numbers of training examples that neighbours are looked for among: all of MNIST's and a part of CIFAR-10's. A look
/// at more of them would cost more than a hundredth of the training in between.
const MOST_NUMBERS: usize = 50_000_000;
/// Examples looked at, at least, where they are so large that [`MOST_NUMBERS`] would allow fewer.
const FEWEST_SEARCHED: usize = 1_000;

/// What was measured at a step. Distances are Euclidean, between examples as the networks see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Steps done.
    pub step: u64,
    /// Mean distance between two samples, by that between two training examples: 0 is collapse, 1 as it should be.
    pub spread: f64,
    /// Spread of what D's last layer sees; absent where D has one layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_spread: Option<f64>,
    /// Energy distance of samples to training examples (Székely & Rizzo 2013), 2·E|x − y| − E|x − x'| − E|y − y'|, by
    /// the data's E|y − y'|: 0 for equal distributions.
    pub energy: f64,
    /// Modes captured (on `ring` and `grid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modes: Option<Modes>,
    /// Median distance of samples to their nearest training example by that of held-out examples; absent for points
    /// and where nothing was held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour_ratio: Option<f64>,
    /// Mean difference of neighbouring pixels of samples by that of training examples: 1 as it should be, more where
    /// samples are noisy; absent for points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roughness: Option<f64>,
    /// Energy at the highest frequency; absent for points, small pictures, and where the data have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nyquist: Option<Nyquist>,
    /// How samples agree with the classes they were asked for, where the place of a point is its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Obedience>,
    /// How often samples look like changed data, where what D sees is augmented and examples are held out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// D's mean output, before any sigmoid, on samples.
    pub d_samples: f64,
    /// D's mean output on training examples.
    pub d_train: f64,
    /// Standard deviation of D's outputs on training examples.
    pub d_deviation: f64,
    /// D's mean output on held-out examples, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_held_out: Option<f64>,
}

/// Modes of a mixture that samples cover, with PacGAN's protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Modes {
    /// With at least one sample of high quality.
    pub captured: usize,
    /// In all.
    pub of: usize,
    /// Share of samples within 3 sd of a mode.
    pub quality: f64,
}

/// Energy of samples at the highest frequency of rows and columns ([`Energy`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nyquist {
    /// Share of their energy, by that of training examples: 1 as it should be.
    pub ratio: f64,
    /// How far it stands out of the frequencies just below, by the same of training examples or by 1 where that is less.
    pub peak: f64,
}

impl Probe {
    fn is_finite(&self) -> bool {
        let [ratio, peak] = [self.nyquist.map(|n| n.ratio), self.nyquist.map(|n| n.peak)];
        let optional =
            [self.feature_spread, self.neighbour_ratio, self.roughness, ratio, peak, self.d_held_out];
        let always = [self.spread, self.energy, self.d_samples, self.d_train, self.d_deviation];
        always.into_iter().chain(optional.into_iter().flatten()).all(f64::is_finite)
    }

    /// How much of what tells training examples from samples also tells them from held-out examples: (D(train) − D(held
    /// out)) / (D(train) − D(samples)), `r_v` of Karras et al. (2006.06676, equation 1). 0: D sees no difference; 1: D
    /// takes held-out data for samples. Absent where D tells samples apart by less than a standard deviation: a share of a
    /// small number says nothing.
    pub fn overfit(&self) -> Option<f64> {
        let gap = self.d_train - self.d_samples;
        self.d_held_out.filter(|_| gap > self.d_deviation).map(|held_out| (self.d_train - held_out) / gap)
    }
}

/// Some examples with all that is measured of them once.
struct Reals {
    /// `[count, numbers]`.
    numbers: Vec<f32>,
    labels: Vec<usize>,
}

/// Measures networks of one model against one data set.
pub struct Prober {
    /// Seeds the noise, which is the same at every probe.
    config: Config,
    data: Arc<Dataset>,
    train: Reals,
    held_out: Option<Reals>,
    /// Mean distance between two training examples.
    spread: f64,
    /// Median distance of held-out examples to their nearest training example; absent for points.
    closeness: Option<f64>,
    mixture: Option<&'static toy::Mixture>,
    /// Mean difference of neighbouring pixels of training examples; absent for points, and where there is none.
    roughness: Option<f64>,
    /// Spectral energy of training examples; absent where there is none at the highest frequency.
    energy: Option<Energy>,
    /// Training examples changed as augmentation changes them.
    changed: Vec<Changed>,
}

impl Prober {
    /// Prepares examples to compare with.
    pub fn new(config: &Config, data: &Arc<Dataset>) -> Prober {
        let compared = whole(COUNT.max(config.discriminator.pack), config);
        let some = |split: &Examples| reals(data, split, whole(compared.min(split.count), config));
        let train = some(&data.train);
        let told = |split: &&&Examples| whole(compared.min(split.count), config) >= FEWEST_HELD_OUT;
        let held_out = [&data.valid, &data.test].into_iter().find(|s| told(&s));
        let mixture = modes::mixture(config).ok();
        let roughness = roughness(&train.numbers, data.shape).filter(|&r| r > 0.0);
        let energy = Energy::of(&train.numbers, data.shape).filter(|e| e.share() > 0.0);
        let changed = match (&config.augment, &held_out) {
            (Some(augment), Some(held_out)) if !data.shape.is_point() => {
                let held_out = some(held_out).numbers;
                let some = &held_out[..held_out.len().min(NEIGHBOURS * data.shape.len())];
                Changed::of(augment, config.data.scale, data.shape, &train.numbers, some)
            }
            _ => vec![],
        };
        let mut prober = Prober {
            changed,
            roughness,
            energy,
            spread: mean_distance_within(&train.numbers, data.shape.len()),
            data: data.clone(),
            closeness: None,
            config: config.clone(),
            held_out: held_out.map(some),
            train,
            mixture,
        };
        if !data.shape.is_point()
            && let Some(held_out) = &prober.held_out
        {
            // Held-out examples that are copies of training examples are no measure.
            prober.closeness = Some(prober.nearest(&held_out.numbers)).filter(|&c| c > 0.0);
        }
        prober
    }

    /// Measures both networks, G's moving average where there is one, as samples are drawn from it. None where a number
    /// is not finite: training is about to say so.
    ///
    /// # Errors
    /// When the device fails.
    pub fn probe(&self, engine: &mut Engine, step: u64) -> Result<Option<Probe>> {
        Ok(Some(self.measure(engine, step)?).filter(Probe::is_finite))
    }

    fn measure(&self, engine: &mut Engine, step: u64) -> Result<Probe> {
        let (dim, config) = (self.data.shape.len(), &self.config);
        let compared = whole(COUNT.max(config.discriminator.pack), config);
        let count = if self.mixture.is_some() { modes::SAMPLES.max(compared) } else { compared };
        let classes = engine.labels_of(config.seed, 0..count);
        let all = engine.sample(0, &noise(config, config.seed, count), &classes)?;
        let samples = &all[..compared * dim];
        let within = mean_distance_within(samples, dim);
        let across = mean_distance(samples, &self.train.numbers, dim);
        let of_samples = engine.score(samples, &classes)?;
        let of_train = engine.score(&self.train.numbers, &self.train.labels)?;
        let held_out = self.held_out.as_ref().map(|h| engine.score(&h.numbers, &h.labels)).transpose()?;
        let modes = self.mixture.map(|mixture| {
            let c = modes::coverage(&all, mixture);
            Modes { captured: c.captured, of: mixture.modes().len(), quality: c.quality }
        });
        let labels = self.mixture.filter(|_| !classes.is_empty()).map(|mixture| {
            let of_mixture = mixture.modes().len();
            Obedience::of(&classes, &modes::nearest(&all, mixture), of_mixture)
        });
        let few = &samples[..compared.min(NEIGHBOURS) * dim];
        let near = |held_out: f64| self.nearest(few) / held_out;
        Ok(Probe {
            step,
            spread: within / self.spread.max(f64::from(f32::EPSILON)),
            feature_spread: feature_spread(&of_samples, &of_train),
            energy: (2.0 * across - within - self.spread) / self.spread.max(f64::from(f32::EPSILON)),
            modes,
            neighbour_ratio: self.closeness.map(near),
            roughness: self.roughness.zip(roughness(samples, self.data.shape)).map(|(data, own)| own / data),
            nyquist: self.energy.zip(Energy::of(samples, self.data.shape)).map(|(data, own)| Nyquist {
                ratio: own.share() / data.share(),
                peak: own.peak() / data.peak().max(1.0),
            }),
            labels,
            leaks: self.changed.iter().map(|look| look.leak(few, &self.train.numbers, dim)).collect(),
            d_samples: of_samples.mean(),
            d_train: of_train.mean(),
            d_deviation: of_train.deviation(),
            d_held_out: held_out.map(|a| a.mean()),
        })
    }

    /// Median distance to the nearest training example of at most [`NEIGHBOURS`] vectors.
    fn nearest(&self, vectors: &[f32]) -> f64 {
        let dim = self.data.shape.len();
        let vectors = &vectors[..vectors.len().min(NEIGHBOURS * dim)];
        let train = self.data.pieces(&self.data.train, (MOST_NUMBERS / dim).max(FEWEST_SEARCHED));
        median_distance(&neighbours::nearest(vectors, train, dim))
    }
}

/// The most of `count` examples that make whole packs.
fn whole(count: usize, config: &Config) -> usize {
    let pack = config.discriminator.pack;
    count / pack * pack
}

/// The first `count` examples of a split's shuffled order.
fn reals(data: &Dataset, split: &Examples, count: usize) -> Reals {
    let at: Vec<usize> = split.shuffled(0..count).collect();
    let label = |&i: &usize| split.labels.as_ref().map_or(0, |l| usize::from(l[i]));
    Reals { numbers: data.numbers_of(split, at.iter().copied()), labels: at.iter().map(label).collect() }
}

/// Mean difference of pixels beside and below each other, of pictures `[count, height, width, channels]`; none of points
/// and of single rows of one pixel.
fn roughness(pictures: &[f32], shape: Shape) -> Option<f64> {
    let (row, next) = (shape.width * shape.channels, shape.channels);
    let (mut sum, mut pairs) = (0.0f64, 0usize);
    for picture in pictures.chunks_exact(shape.len()) {
        for (y, line) in picture.chunks_exact(row).enumerate() {
            sum += line.iter().zip(&line[next..]).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
            pairs += row - next;
            if y + 1 < shape.height {
                let below = &picture[(y + 1) * row..][..row];
                sum += line.iter().zip(below).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
                pairs += row;
            }
        }
    }
    (pairs > 0).then(|| sum / pairs as f64)
}

/// Sum of the distances from each of one set to each of another.
fn total_distance(a: &[f32], b: &[f32], dim: usize) -> f64 {
    let add = |sum: &mut f64, _: usize, squares: &[f32]| {
        *sum += squares.iter().map(|&d| f64::from(d).sqrt()).sum::<f64>();
    };
    fold(&Vectors::new(a, dim), &Vectors::new(b, dim), &|| 0.0, &add).iter().sum()
}

fn mean_distance(a: &[f32], b: &[f32], dim: usize) -> f64 {
    total_distance(a, b, dim) / ((a.len() / dim) * (b.len() / dim)).max(1) as f64
}

/// Mean distance of two different vectors of a set.
fn mean_distance_within(x: &[f32], dim: usize) -> f64 {
    // Centred first: what a set has in common would drown small distances in rounding.
    let count = x.len() / dim;
    let mut mean = vec![0.0f64; dim];
    x.chunks_exact(dim).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, &x)| *m += f64::from(x)));
    let centred: Vec<f32> = x
        .chunks_exact(dim)
        .flat_map(|row| row.iter().zip(&mean).map(|(&x, m)| (f64::from(x) - m / count as f64) as f32))
        .collect();
    total_distance(&centred, &centred, dim) / (count * count.saturating_sub(1)).max(1) as f64
}

fn feature_spread(samples: &Scored, train: &Scored) -> Option<f64> {
    let dim = samples.width;
    (dim > 0)
        .then(|| [samples, train].map(|a| mean_distance_within(&a.features, dim)))
        .filter(|[_, of_train]| *of_train > 0.0)
        .map(|[of_samples, of_train]| of_samples / of_train)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_pixels_are_compared_channel_by_channel() {
        let shape = Shape { channels: 2, height: 2, width: 2 };
        // One channel rises by 1 to the right, the other by 4 downwards: 2 pairs of 8 differ by 1, and 2 by 4.
        let picture = [0.0, 0.0, 1.0, 0.0, 0.0, 4.0, 1.0, 4.0];
        assert_eq!(roughness(&picture, shape), Some((2.0 * 1.0 + 2.0 * 4.0) / 8.0));
        assert_eq!(roughness(&[1.0, 2.0], Shape::from(2)), None, "points have no neighbours");
    }
}
