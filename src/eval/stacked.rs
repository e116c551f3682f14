//! Modes of stacked digits (VEEGAN, 1705.07761; PacGAN, 1712.04086): each channel's class by a classifier; a mode is
//! a tuple of classes, captured with at least one sample.

use super::modes::reverse_kl;
use super::{Measurement, Metric, Subject};
use crate::error::Result;
use crate::numbers::Numbers;
use crate::rng::{Draw, below, stream};

/// Stacks labelled at once.
const CHUNK: usize = 1_000;

/// Samples the protocol draws: 26 a mode, 26,000 of three channels.
pub fn samples(modes: usize) -> usize {
    26 * modes
}

/// Adds stacks to the histogram of modes; `labels` are those of their channels, `channels` a stack.
pub fn count(labels: &[u8], channels: usize, classes: usize, histogram: &mut [usize]) {
    for stack in labels.chunks_exact(channels) {
        histogram[stack.iter().fold(0, |mode, &label| mode * classes + usize::from(label))] += 1;
    }
}

impl Subject<'_> {
    pub(super) fn stacked_modes(&mut self) -> Result<Measurement> {
        let channels = self.data.shape.channels;
        let (classes, told) = {
            let classifier = self.classifier(Metric::Modes)?;
            (classifier.card.classes, classifier.told())
        };
        let modes = classes.pow(channels as u32);
        let number = self.samples_wanted(Metric::Modes);
        let row = |histogram: &[usize]| {
            let captured = histogram.iter().filter(|&&c| c > 0).count();
            Numbers::from([("modes", captured as f64), ("reverse KL", reverse_kl(histogram))])
        };
        let mut found = vec![0; modes];
        for from in (0..number).step_by(CHUNK) {
            let made = self.generator.samples_in(from..(from + CHUNK).min(number), self.seed)?;
            let pictures = self.data.shape.planes(&self.generator.display.unit(&made));
            count(&self.classifier(Metric::Modes)?.labels(&pictures)?, channels, classes, &mut found);
        }
        let reals = number.min(self.data.train.count);
        let mut real = vec![0; modes];
        for from in (0..reals).step_by(CHUNK) {
            let train = &self.data.train;
            let stacks = self.examples_at(train, train.shuffled(from..(from + CHUNK).min(reals)));
            let pictures = self.data.shape.planes(&stacks);
            count(&self.classifier(Metric::Modes)?.labels(&pictures)?, channels, classes, &mut real);
        }
        let draw = Draw::new(self.seed, stream("perfect sampler"), 0);
        let mut perfect = vec![0; modes];
        (0..number as u64).for_each(|i| perfect[below(draw.word(i), modes)] += 1);
        let protocol = format!(
            "{number} stacks of {channels}, each channel labelled by {told}; {modes} modes, captured with at \
             least one; KL of the histogram against the uniform one (1712.04086)"
        );
        Ok(self
            .measurement(Metric::Modes, protocol, number, row(&found))
            .beside(format!("{reals} training stacks"), row(&real))
            .beside("a perfect sampler", row(&perfect)))
    }
}
