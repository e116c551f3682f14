//! Handwritten-like digits, drawn here: strokes through jittered control points, a random slant, size and
//! pen, anti-aliased to 28×28 like MNIST. Example i is a pure function of (seed, i): the set is endless.

use super::{Dataset, Examples, Shape, Values};
use crate::rng::{PhiloxRng, below, stream};
use rand::Rng;
use rayon::prelude::*;

/// Rows and columns of a picture.
pub const SIDE: usize = 28;

/// Control points of a stroke, x to the right and y down, the digit's box being [0, 1]².
type Stroke = &'static [[f32; 2]];

/// The ways to write each digit.
const STYLES: [&[&[Stroke]]; 10] = [
    &[&[&[
        [0.52, 0.0],
        [0.18, 0.16],
        [0.1, 0.55],
        [0.3, 0.95],
        [0.62, 0.97],
        [0.88, 0.62],
        [0.84, 0.2],
        [0.52, 0.0],
    ]]],
    &[&[&[[0.52, 0.0], [0.5, 0.5], [0.48, 1.0]]], &[&[[0.32, 0.22], [0.54, 0.0], [0.52, 0.5], [0.5, 1.0]]]],
    &[&[&[
        [0.12, 0.24],
        [0.3, 0.03],
        [0.66, 0.02],
        [0.84, 0.24],
        [0.7, 0.5],
        [0.38, 0.76],
        [0.12, 0.97],
        [0.5, 0.95],
        [0.9, 0.96],
    ]]],
    &[&[
        &[[0.14, 0.12], [0.46, 0.0], [0.8, 0.14], [0.74, 0.38], [0.42, 0.48]],
        &[[0.42, 0.48], [0.8, 0.56], [0.86, 0.82], [0.5, 1.0], [0.12, 0.88]],
    ]],
    &[
        &[
            &[[0.28, 0.02], [0.2, 0.32], [0.14, 0.6], [0.5, 0.6], [0.9, 0.56]],
            &[[0.74, 0.1], [0.7, 0.55], [0.66, 1.0]],
        ],
        &[
            &[[0.66, 0.0], [0.36, 0.34], [0.08, 0.66], [0.5, 0.66], [0.94, 0.65]],
            &[[0.66, 0.02], [0.66, 0.5], [0.65, 1.0]],
        ],
    ],
    &[&[
        &[[0.82, 0.02], [0.54, 0.02], [0.28, 0.04]],
        &[
            [0.28, 0.04],
            [0.24, 0.24],
            [0.2, 0.44],
            [0.5, 0.38],
            [0.8, 0.54],
            [0.82, 0.8],
            [0.5, 0.99],
            [0.14, 0.9],
        ],
    ]],
    &[&[&[
        [0.72, 0.02],
        [0.4, 0.22],
        [0.2, 0.56],
        [0.24, 0.88],
        [0.52, 1.0],
        [0.8, 0.84],
        [0.74, 0.6],
        [0.48, 0.54],
        [0.22, 0.72],
    ]]],
    &[
        &[&[[0.1, 0.06], [0.5, 0.04], [0.86, 0.04]], &[[0.86, 0.04], [0.64, 0.4], [0.5, 0.7], [0.4, 1.0]]],
        &[
            &[[0.1, 0.06], [0.5, 0.04], [0.86, 0.04]],
            &[[0.86, 0.04], [0.64, 0.4], [0.5, 0.7], [0.4, 1.0]],
            &[[0.34, 0.52], [0.56, 0.5], [0.76, 0.5]],
        ],
    ],
    &[&[&[
        [0.78, 0.14],
        [0.48, 0.0],
        [0.2, 0.18],
        [0.36, 0.42],
        [0.66, 0.56],
        [0.8, 0.82],
        [0.5, 1.0],
        [0.2, 0.82],
        [0.36, 0.56],
        [0.68, 0.38],
        [0.78, 0.14],
    ]]],
    &[&[&[
        [0.78, 0.28],
        [0.62, 0.04],
        [0.32, 0.06],
        [0.2, 0.3],
        [0.4, 0.5],
        [0.66, 0.42],
        [0.78, 0.24],
        [0.74, 0.6],
        [0.6, 1.0],
    ]]],
];

/// Straight pieces between two control points.
const PIECES: usize = 8;

/// `count` digits for training and a tenth as many each for validation and testing, labelled.
pub fn load(count: usize, seed: u64) -> Dataset {
    let train = split("train", count, seed);
    let valid = split("valid", count.div_ceil(10), seed);
    let test = split("test", count.div_ceil(10), seed);
    let shape = Shape { channels: 1, height: SIDE, width: SIDE };
    let notes = vec!["drawn here, from the run's seed".into()];
    Dataset { valid, test, notes, ..Dataset::of("digits (procedural)", shape, 10, train) }
}

fn split(name: &str, count: usize, seed: u64) -> Examples {
    let stream = stream(&format!("digits/{name}"));
    let mut bytes = vec![0; count * SIDE * SIDE];
    let labels = bytes
        .par_chunks_mut(SIDE * SIDE)
        .enumerate()
        .map(|(i, picture)| {
            let mut rng = PhiloxRng::new(seed, stream, i as u64);
            let label = below(rng.next_u32(), 10) as u8;
            draw(&mut rng, usize::from(label), picture);
            label
        })
        .collect();
    Examples { count, values: Values::U8(bytes), labels: Some(labels) }
}

/// Draws one digit: white (255) ink on black.
fn draw(rng: &mut PhiloxRng, digit: usize, picture: &mut [u8]) {
    Writing::new(rng, digit).draw_as_written(SIDE, picture);
}

/// One digit as somebody wrote it: the way of the pen, before it is slanted and has a width.
pub(super) struct Writing {
    /// Control points of each stroke, in the digit's box.
    strokes: Vec<Vec<[f32; 2]>>,
    hand: Hand,
}

impl Writing {
    /// A digit in a random style of a random hand.
    pub(super) fn new(rng: &mut PhiloxRng, digit: usize) -> Writing {
        let styles = STYLES[digit];
        let style = styles[below(rng.next_u32(), styles.len())];
        let hand = Hand::new(rng);
        // Elastic jitter: every control point moves on its own.
        let mut jitter = |p: &[f32; 2]| [p[0] + 0.022 * rng.normal(), p[1] + 0.022 * rng.normal()];
        let strokes = style.iter().map(|stroke| stroke.iter().map(&mut jitter).collect()).collect();
        Writing { strokes, hand }
    }

    /// Draws it in its hand's own slant and pen, `side`×`side` pixels of white (255) ink on black.
    pub(super) fn draw_as_written(&self, side: usize, picture: &mut [u8]) {
        self.draw(self.hand.slant, self.hand.pen, side, picture);
    }

    /// Draws it `side`×`side` pixels large; `pen` is the pen's radius in a picture of [`SIDE`] pixels.
    pub(super) fn draw(&self, slant: f32, pen: f32, side: usize, picture: &mut [u8]) {
        let hand = Hand { slant, ..self.hand };
        let mut lines = Vec::new();
        for stroke in &self.strokes {
            let points: Vec<[f32; 2]> = stroke.iter().map(|&p| hand.place(p)).collect();
            lines.extend(flatten(&points));
        }
        centre(&mut lines);
        let zoom = side as f32 / SIDE as f32;
        lines.iter_mut().flatten().flatten().for_each(|x| *x *= zoom);
        let pen = pen * zoom;
        for (i, pixel) in picture.iter_mut().enumerate() {
            let at = [(i % side) as f32 + 0.5, (i / side) as f32 + 0.5];
            let nearest = lines.iter().map(|l| square_distance(at, *l)).fold(f32::INFINITY, f32::min).sqrt();
            *pixel = ((pen - nearest + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    }
}

/// How one person wrote one digit: an affine map from the unit box to pixels, and half a pen's width.
struct Hand {
    scale: [f32; 2],
    slant: f32,
    turn: [f32; 2],
    pen: f32,
}

impl Hand {
    fn new(rng: &mut PhiloxRng) -> Hand {
        let (sin, cos) = (0.07 * rng.normal()).sin_cos();
        Hand {
            scale: [14.0 + 1.1 * rng.normal(), 19.0 + 0.8 * rng.normal()],
            slant: -0.14 + 0.12 * rng.normal(),
            turn: [sin, cos],
            pen: (1.25 + 0.25 * rng.normal()).clamp(0.7, 2.0),
        }
    }

    fn place(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = ((x - 0.5) * self.scale[0], (y - 0.5) * self.scale[1]);
        let x = x + self.slant * y;
        let [sin, cos] = self.turn;
        [x * cos - y * sin, x * sin + y * cos]
    }
}

/// A curve through all points (Catmull–Rom), as straight lines.
fn flatten(points: &[[f32; 2]]) -> Vec<[[f32; 2]; 2]> {
    let at = |i: isize| points[i.clamp(0, points.len() as isize - 1) as usize];
    let curve = |span: isize, t: f32| {
        let [a, b, c, d] = [at(span - 1), at(span), at(span + 1), at(span + 2)];
        [0, 1].map(|k| {
            let (linear, square) = (c[k] - a[k], 2.0 * a[k] - 5.0 * b[k] + 4.0 * c[k] - d[k]);
            let cube = 3.0 * b[k] - a[k] - 3.0 * c[k] + d[k];
            b[k] + 0.5 * t * (linear + t * (square + t * cube))
        })
    };
    let spans = points.len() as isize - 1;
    let piece = |i: usize| curve((i / PIECES) as isize, (i % PIECES) as f32 / PIECES as f32);
    let all: Vec<[f32; 2]> = (0..spans as usize * PIECES).map(piece).chain([at(spans)]).collect();
    all.windows(2).map(|w| [w[0], w[1]]).collect()
}

/// Moves the ink's centre of mass to the picture's centre, as MNIST was made.
fn centre(lines: &mut [[[f32; 2]; 2]]) {
    let (mut sum, mut weight) = ([0.0f32; 2], 0.0f32);
    for [a, b] in lines.iter() {
        let length = ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt();
        (0..2).for_each(|k| sum[k] += length * 0.5 * (a[k] + b[k]));
        weight += length;
    }
    let shift = sum.map(|s| SIDE as f32 / 2.0 - s / weight.max(1e-6));
    lines.iter_mut().flatten().for_each(|p| (0..2).for_each(|k| p[k] += shift[k]));
}

fn square_distance(p: [f32; 2], [a, b]: [[f32; 2]; 2]) -> f32 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let along = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy).max(1e-12);
    let t = along.clamp(0.0, 1.0);
    (p[0] - a[0] - t * dx).powi(2) + (p[1] - a[1] - t * dy).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_depends_on_its_number_and_the_seed_alone() {
        let (few, many) = (load(20, 5), load(60, 5));
        assert_eq!(few.train, many.train.range([0, 20], SIDE * SIDE));
        assert_ne!(load(20, 6).train.values, few.train.values);
    }

    #[test]
    fn classes_are_balanced_and_ink_is_like_mnists() {
        let data = load(5_000, 1);
        let labels = data.train.labels.as_ref().expect("labelled");
        for digit in 0..10 {
            let n = labels.iter().filter(|&&l| l == digit).count();
            assert!((400..600).contains(&n), "{n} examples of {digit}");
        }
        // MNIST's mean is 33.3 of 255.
        let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
        let mean = bytes.iter().map(|&b| f64::from(b)).sum::<f64>() / bytes.len() as f64;
        assert!((25.0..45.0).contains(&mean), "mean {mean}");
    }
}
