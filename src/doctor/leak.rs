//! Whether samples show what augmentation does: pictures turned, or recoloured, as the data are not.
//!
//! A sample that leaked is nearer to a changed training example than to any as it is. Held-out examples say how often that
//! happens by chance: of data that look alike turned, often, and then nothing is found. Shifts, squares cut out and noise are
//! not looked for.

use crate::config::{Augment, Scale, Transform};
use crate::data::Shape;
use crate::eval::neighbours::nearest;
use serde::{Deserialize, Serialize};

/// How training examples are changed to look for samples like them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Mirrored and turned by quarters: the seven ways that are not the picture itself.
    Turned,
    /// Light and dark exchanged, and of RGB the channels, too.
    Recoloured,
}

/// How often pictures are nearer to a changed training example than to any as it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// What was changed.
    pub change: Change,
    /// Share of samples.
    pub samples: f64,
    /// Share of held-out examples.
    pub held_out: f64,
}

/// Training examples, changed as augmentation may have changed what D saw.
pub struct Changed {
    change: Change,
    pictures: Vec<f32>,
    held_out: f64,
}

impl Changed {
    /// What to look for under a configuration; nothing where its transforms do neither.
    pub fn of(
        augment: &Augment,
        scale: Scale,
        shape: Shape,
        train: &[f32],
        held_out: &[f32],
    ) -> Vec<Changed> {
        let turned = augment.has(Transform::Blit) && shape.height == shape.width;
        let recoloured = augment.has(Transform::Colour);
        let wanted = [(Change::Turned, turned), (Change::Recoloured, recoloured)];
        let changed = |change: Change| {
            let each = train.chunks_exact(shape.len());
            let pictures = match change {
                Change::Turned => each.flat_map(|x| turns(x, shape)).collect(),
                Change::Recoloured => each.flat_map(|x| colours(x, shape, scale)).collect(),
            };
            let mut found = Changed { change, pictures, held_out: 0.0 };
            found.held_out = found.share(held_out, train, shape.len());
            found
        };
        wanted.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(change, _)| changed(change)).collect()
    }

    /// How often samples are nearer to a changed example.
    pub fn leak(&self, samples: &[f32], train: &[f32], dim: usize) -> Leak {
        Leak { change: self.change, samples: self.share(samples, train, dim), held_out: self.held_out }
    }

    fn share(&self, pictures: &[f32], train: &[f32], dim: usize) -> f64 {
        let [plain, changed] = [train, &self.pictures].map(|among| nearest(pictures, [among], dim));
        let nearer = plain.iter().zip(&changed).filter(|(plain, changed)| changed.distance < plain.distance);
        nearer.count() as f64 / plain.len().max(1) as f64
    }
}

/// A square picture mirrored and turned, one behind the other, all but as it is.
fn turns(picture: &[f32], shape: Shape) -> Vec<f32> {
    let (n, channels) = (shape.height, shape.channels);
    let mut all = vec![];
    for way in 1..8 {
        for (y, x) in (0..n * n).map(|i| (i / n, i % n)) {
            let (y, x) = if way & 1 == 1 { (x, y) } else { (y, x) };
            let y = if way & 2 == 2 { n - 1 - y } else { y };
            let x = if way & 4 == 4 { n - 1 - x } else { x };
            all.extend_from_slice(&picture[(y * n + x) * channels..][..channels]);
        }
    }
    all
}

/// A picture of one or three channels with its brightness reflected, with its hue turned by thirds, or both.
fn colours(picture: &[f32], shape: Shape, scale: Scale) -> Vec<f32> {
    let channels = shape.channels;
    // Light and dark lie as far from it.
    let middle = if scale == Scale::Unit { 0.5 } else { 0.0 };
    let mut all = vec![];
    for (is_inverted, turn) in (0..2).flat_map(|i| (0..channels).map(move |turn| (i == 1, turn))).skip(1) {
        for pixel in picture.chunks_exact(channels) {
            let mean = pixel.iter().sum::<f32>() / channels as f32;
            let moved = if is_inverted { 2.0 * (middle - mean) } else { 0.0 };
            all.extend((0..channels).map(|c| pixel[(c + turn) % channels] + moved));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBuilder;

    fn augment() -> Augment {
        let mut builder = ConfigBuilder::recipe("dcgan").expect("a recipe");
        builder.set("augment.p=1.0").expect("a key");
        builder.finish().expect("in range").augment.expect("it was set")
    }

    /// Pictures that are bright at the top, a little different each.
    fn bright_above(count: usize, from: usize, shape: Shape) -> Vec<f32> {
        let pixel = |i: usize, at: usize| {
            let (y, c) = (at / (shape.width * shape.channels), at % shape.channels);
            let wave = ((i * 7 + at * 3) as f32).sin() * 0.05;
            [0.9, 0.5, 0.1][c] * if y < shape.height / 2 { 1.0 } else { 0.2 } + wave
        };
        (from..from + count).flat_map(|i| (0..shape.len()).map(move |at| pixel(i, at))).collect()
    }

    #[test]
    fn turned_and_recoloured_samples_are_found() {
        let shape = Shape { channels: 3, height: 6, width: 6 };
        let (train, held_out) = (bright_above(20, 0, shape), bright_above(30, 20, shape));
        let fresh = bright_above(40, 50, shape);
        let looks = Changed::of(&augment(), Scale::Unit, shape, &train, &held_out);
        let leaks = |samples: &[f32]| -> Vec<(Change, f64, f64)> {
            let leak = |look: &Changed| look.leak(samples, &train, shape.len());
            looks.iter().map(leak).map(|l| (l.change, l.samples, l.held_out)).collect()
        };
        // Mirrored left to right they look alike: chance is not 0, and samples that are well are at it.
        let [(_, turned, by_chance), (_, recoloured, none)] = leaks(&fresh)[..] else { panic!("two") };
        assert!((turned - by_chance).abs() < 0.3 && recoloured == 0.0 && none == 0.0, "{turned} {by_chance}");
        let dim = shape.len();
        // The second way mirrors top and bottom, the third colour exchanges light and dark.
        let upside_down: Vec<f32> =
            fresh.chunks(dim).flat_map(|x| turns(x, shape)[dim..2 * dim].to_vec()).collect();
        let found = leaks(&upside_down);
        assert_eq!(found[0].1, 1.0, "{found:?}");
        let inverted: Vec<f32> = fresh
            .chunks(dim)
            .flat_map(|x| colours(x, shape, Scale::Unit)[2 * dim..3 * dim].to_vec())
            .collect();
        assert_eq!(leaks(&inverted)[1].1, 1.0);
        let grey = Shape { channels: 1, ..shape };
        assert_eq!(colours(&[0.25, 1.0], grey, Scale::Unit), [0.75, 0.0]);
        assert_eq!(colours(&[0.25, -1.0], grey, Scale::Signed), [-0.25, 1.0]);
    }
}
