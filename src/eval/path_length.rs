//! Path lengths: how far samples move as styles, or, of models without, noise, move by a little (Karras et al., 1812.04948,
//! section 4.1; there in features of a network that was trained on photos, here in pixels and in features of one's own).
//!
//! The mean of |f(G(w at t)) − f(G(w at t + ε))|² / ε² is the mean square of a path's pace. Of all paths from one picture to another none has
//! less than the straight line at an even pace has, the squared distance of its ends: it stands beside, and the ratio to it is
//! 1 where samples change evenly, more where they jump.

use super::{Measurement, Metric, Subject};
use crate::config::Source;
use crate::error::{Error, Result};
use crate::inference::{Grain, Style, between, noise_of};
use crate::numbers::{Numbers, mean_and_error};
use crate::rng::{Draw, stream};

/// Pairs of samples; each gives a path.
pub const PAIRS: usize = 2_000;
/// Pairs drawn at once.
const PART: usize = 250;
/// Share of a path that is looked at, ε. A picture moves by a ten-thousandth or more over it, a hundred times what sums of 32
/// bits are wrong by, and far less than a step of 8 bits, which therefore come after: so it is neither lost in rounding nor long
/// enough to jump over a bend.
const STEP: f64 = 1e-3;

/// What is seen of pictures, `[…, width]`, at both ends of paths and at both ends of a little step on them.
#[derive(Default)]
struct Seen {
    /// Squared distance of a path's ends.
    straight: Vec<f64>,
    /// Squared pace on it.
    pace: Vec<f64>,
}

impl Seen {
    /// Adds paths: rows `[4·count, width]` are their first ends, last ends, beginnings and ends of their steps.
    fn add(&mut self, rows: &[f32], width: usize) {
        let count = rows.len() / width / 4;
        let row = |part: usize, i: usize| &rows[(part * count + i) * width..][..width];
        let apart = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
        };
        self.straight.extend((0..count).map(|i| apart(row(0, i), row(1, i))));
        self.pace.extend((0..count).map(|i| apart(row(2, i), row(3, i)) / (STEP * STEP)));
    }

    /// The numbers by the name of what is seen: of the paths, and of straight lines between their ends.
    fn told(&self, name: &str) -> [Vec<(String, f64)>; 2] {
        let [pace, straight] = [&self.pace, &self.straight].map(|all| mean_and_error(all));
        let row = |(mean, error)| vec![(name.to_string(), mean), (format!("{name} se"), error)];
        let mut found = row(pace);
        found.push((format!("{name} ratio"), pace.0 / straight.0.max(f64::MIN_POSITIVE)));
        [found, row(straight)]
    }
}

impl Subject<'_> {
    /// Refuses generators of which two samples of nearly one noise differ by chance.
    pub(super) fn even_paths(&self) -> Result<()> {
        self.pictures(Metric::PathLength)?;
        match self.generator.drops_units() {
            false => Ok(()),
            true => Err(Error::Usage(
                "path-length compares samples of nearly one noise, but this generator drops units when it samples".into(),
            )),
        }
    }

    pub(super) fn path_length(&mut self) -> Result<Measurement> {
        let pairs = self.samples_wanted(Metric::PathLength);
        self.generator.check_count(2 * pairs)?;
        self.generator.set_style(Style { grain: Grain::Constant, ..Style::default() });
        let classified = self.generator.config.data.source != Source::Stacked && self.classifier.is_some();
        let (mut pixels, mut features) = (Seen::default(), Seen::default());
        for from in (0..pairs).step_by(PART) {
            let pictures = self.paths(from, PART.min(pairs - from))?;
            pixels.add(&pictures, self.data.shape.len());
            if let Some(classifier) = self.classifier.as_deref_mut().filter(|_| classified) {
                let (seen, width) = (classifier.features(&pictures)?, classifier.width());
                features.add(&seen, width);
            }
        }
        self.generator.set_style(Style::default());
        let [mut found, mut straight] = pixels.told("pixel");
        let mut eyes = "pixels in [0, 1]".to_string();
        if let Some(classifier) = self.classifier.as_deref().filter(|_| classified) {
            let [own, line] = features.told(&classifier.card.name);
            found.extend(own);
            straight.extend(line);
            eyes += &format!(", and of {} features of {}", classifier.width(), classifier.told());
        }
        let space = match self.generator.layers() {
            0 => "along great circles of noise",
            _ => "along straight lines of w, one noise for all",
        };
        let protocol = format!(
            "mean squared pace, over {pairs} paths from sample to sample {space}, of {eyes}: squared distance over a step of \
             {STEP} of a path, anywhere on it, by the step's square; ratio: by the straight line's, 1 where samples change evenly"
        );
        let numbers = |all: Vec<(String, f64)>| {
            let mut numbers = Numbers::default();
            numbers.extend(all);
            numbers
        };
        Ok(self
            .measurement(Metric::PathLength, protocol, pairs, numbers(found))
            .beside("straight lines between the ends", numbers(straight)))
    }

    /// Pictures of paths `from` and following, `[4·count, numbers]`: see [`Seen::add`].
    fn paths(&mut self, from: usize, count: usize) -> Result<Vec<f32>> {
        let generator = &mut self.generator;
        let dim = generator.config.latent.dim;
        let drawn = noise_of(generator.config, self.seed, 2 * from..2 * (from + count));
        let labels = generator.labels_of(self.seed, from..from + count);
        let styled = generator.layers() > 0;
        let ends = |half: usize| -> Vec<f32> {
            drawn.chunks_exact(2 * dim).flat_map(|pair| pair[half * dim..][..dim].to_vec()).collect()
        };
        let mut ends = [ends(0), ends(1)];
        if styled {
            for end in &mut ends {
                *end = generator.map(end, &labels)?;
            }
        }
        let draw = Draw::new(self.seed, stream("path-length/t"), 0);
        let at = |i: usize, ahead: f64| f64::from(draw.uniform((from + i) as u64)) * (1.0 - STEP) + ahead;
        let places = |ahead: f64| -> Vec<f32> {
            let each = ends[0].chunks_exact(dim).zip(ends[1].chunks_exact(dim)).enumerate();
            each.flat_map(|(i, (a, b))| between(a, b, at(i, ahead) as f32, !styled)).collect()
        };
        let all = [ends[0].clone(), ends[1].clone(), places(0.0), places(STEP)].concat();
        let samples = match styled {
            true => generator.walked(&all)?,
            false => generator.samples_of(0, &all, &labels.repeat(4))?,
        };
        Ok(generator.display.unit(&samples))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_jumps_is_longer_than_its_line() {
        // Two paths of one number: an even one from 0 to 2, and one that is twice as fast where it is looked at.
        let mut seen = Seen::default();
        let step = STEP as f32;
        seen.add(&[0.0, 0.0, 2.0, 2.0, 1.0, 0.5, 1.0 + 2.0 * step, 0.5 + 4.0 * step], 1);
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-3;
        assert!(near(seen.pace[0], 4.0) && near(seen.pace[1], 16.0), "{:?}", seen.pace);
        assert_eq!(seen.straight, [4.0, 4.0]);
        let [found, straight] = seen.told("pixel");
        let names: Vec<&str> = found.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["pixel", "pixel se", "pixel ratio"]);
        assert!(near(found[2].1, 2.5) && straight.len() == 2, "{found:?}");
    }
}
