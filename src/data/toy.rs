//! Mixtures of Gaussians: in the plane, the classical test of mode coverage (protocol: VEEGAN, 1705.07761, and PacGAN,
//! 1712.04086), and on a line, where D can be drawn beside what theory says of it.

use super::{Dataset, Examples, Shape, Values};
use crate::config::Source;
use crate::rng::{Draw, below, stream};

/// A mixture of equally likely, round Gaussians.
#[derive(Debug)]
pub struct Mixture {
    /// For people.
    pub name: &'static str,
    /// Standard deviation of each mode, each axis.
    pub sd: f32,
    /// Numbers a point: 1 or 2.
    pub axes: usize,
    modes: fn() -> Vec<[f32; 2]>,
}

/// 8 Gaussians evenly on the circle of radius 1, sd .01.
pub const RING: Mixture = Mixture { name: "ring of 8 Gaussians", sd: 0.01, axes: 2, modes: ring };
/// 25 Gaussians on {−4, −2, 0, 2, 4}², sd .05.
pub const GRID: Mixture = Mixture { name: "grid of 25 Gaussians", sd: 0.05, axes: 2, modes: grid };
/// 2 Gaussians on a line, at −1 and 1, sd .4.
pub const LINE: Mixture = Mixture { name: "2 Gaussians on a line", sd: 0.4, axes: 1, modes: line };

impl Mixture {
    /// That of a source, where it is one.
    pub fn of(source: Source) -> Option<&'static Mixture> {
        match source {
            Source::Ring => Some(&RING),
            Source::Grid => Some(&GRID),
            Source::Line => Some(&LINE),
            _ => None,
        }
    }

    /// The density at a point, every mode widened to standard deviation `sd`.
    pub fn density(&self, point: &[f64], sd: f64) -> f64 {
        let modes = self.modes();
        let norm = (std::f64::consts::TAU.sqrt() * sd).powi(self.axes as i32) * modes.len() as f64;
        let one = |mode: &[f32; 2]| {
            let square: f64 = point.iter().zip(mode).map(|(x, m)| (x - f64::from(*m)).powi(2)).sum();
            (-0.5 * square / (sd * sd)).exp()
        };
        modes.iter().map(one).sum::<f64>() / norm
    }

    /// Half the width of a plot that shows every mode, with room for samples around them: a multiple of ½.
    pub fn reach(&self) -> f32 {
        let greatest = self.modes().iter().flatten().fold(0.0f32, |m, x| m.max(x.abs()));
        (2.0 * (1.1 * greatest + 4.0 * self.sd)).ceil() / 2.0
    }

    /// The means; of a line, their second number is 0.
    pub fn modes(&self) -> Vec<[f32; 2]> {
        (self.modes)()
    }
}

fn line() -> Vec<[f32; 2]> {
    vec![[-1.0, 0.0], [1.0, 0.0]]
}

fn ring() -> Vec<[f32; 2]> {
    (0..8)
        .map(|i| {
            let (sin, cos) = (f64::from(i) * std::f64::consts::TAU / 8.0).sin_cos();
            [cos as f32, sin as f32]
        })
        .collect()
}

fn grid() -> Vec<[f32; 2]> {
    (0..25).map(|i| [(i / 5) as f32 * 2.0 - 4.0, (i % 5) as f32 * 2.0 - 4.0]).collect()
}

/// `count` points of a mixture for training, labelled by mode, and a tenth as many for testing.
pub fn load(mixture: &Mixture, count: usize, seed: u64) -> Dataset {
    let modes = &mixture.modes();
    let draw = |split: &str, count: usize| {
        let choice = Draw::new(seed, stream(&format!("data/{split}/mode")), 0);
        let noise = &Draw::new(seed, stream(&format!("data/{split}/noise")), 0);
        let labels: Vec<u8> = (0..count as u64).map(|i| below(choice.word(i), modes.len()) as u8).collect();
        let point = |(i, &label): (usize, &u8)| {
            (0..mixture.axes).map(move |axis| {
                modes[usize::from(label)][axis] + mixture.sd * noise.normal((2 * i + axis) as u64)
            })
        };
        let points = labels.iter().enumerate().flat_map(point).collect();
        Examples { count, values: Values::F32(points), labels: Some(labels) }
    };
    let train = draw("train", count);
    let shape = Shape { channels: mixture.axes, height: 1, width: 1 };
    let test = draw("test", count.div_ceil(10));
    let notes = vec!["made here, from the run's seed".into()];
    Dataset { test, notes, ..Dataset::of(mixture.name, shape, modes.len(), train) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_around_their_modes_as_the_protocol_says() {
        for mixture in [RING, GRID, LINE] {
            let data = load(&mixture, 20_000, 3);
            let modes = mixture.modes();
            let labels = data.train.labels.as_ref().expect("labelled");
            let (mut counts, mut square) = (vec![0usize; modes.len()], 0.0f64);
            for (i, &label) in labels.iter().enumerate() {
                let x = data.numbers(&data.train, i);
                let mode = modes[usize::from(label)];
                square += x.iter().zip(mode).map(|(x, m)| f64::from((x - m).powi(2))).sum::<f64>();
                counts[usize::from(label)] += 1;
            }
            let sd = (square / 20_000.0 / mixture.axes as f64).sqrt();
            assert!((sd / f64::from(mixture.sd) - 1.0).abs() < 0.02, "{}: sd {sd}", mixture.name);
            let each = 20_000.0 / modes.len() as f64;
            let fair = counts.iter().all(|&c| (c as f64 - each).abs() < 5.0 * each.sqrt());
            assert!(fair, "{}: {counts:?}", mixture.name);
        }
    }
}
