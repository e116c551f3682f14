//! Two domains whose truth is known, drawn here: every object can be drawn in either domain, so that what a translation
//! makes of a picture can be compared with what it should have made.
//!
//! Training examples of A and B are of different objects: nothing is paired. Validation and test examples are pairs, the
//! same objects in both domains. Object i of a split is a pure function of (seed, split, i).

mod animals;
mod shapes;

use super::digits::Writing;
use super::{Dataset, Examples, Origin, Paired, Shape, Values};
use crate::config::{self, Source};
use crate::rng::{PhiloxRng, below, stream};
use rand::Rng;
use rayon::prelude::*;

/// Pairs that are drawn for testing; as many, but no more than a tenth of the training examples, for validation.
const PAIRS: usize = 500;

/// A kind of two domains.
struct Kind {
    /// For people.
    name: &'static str,
    /// First part of the names of its random streams.
    stream: &'static str,
    channels: usize,
    classes: usize,
    class_names: &'static [&'static str],
    /// What the domains are, for people: A, then B.
    domains: [&'static str; 2],
    /// Draws one object, `side`×`side` pixels, in domain A or, where the flag says so, in B; its class.
    draw: fn(&mut PhiloxRng, usize, bool, &mut [u8]) -> u8,
}

const INVERT: Kind = Kind {
    name: "inverted digits (procedural)",
    stream: "invert",
    channels: 1,
    classes: 10,
    class_names: &[],
    domains: ["white digits on black", "black digits on white"],
    draw: inverted,
};
const OUTLINE: Kind = Kind {
    name: "shapes and outlines (procedural)",
    stream: "outline",
    channels: 3,
    classes: shapes::NAMES.len(),
    class_names: &shapes::NAMES,
    domains: ["filled shapes", "their outlines"],
    draw: shapes::draw,
};
const STROKES: Kind = Kind {
    name: "thin and thick digits (procedural)",
    stream: "strokes",
    channels: 1,
    classes: 10,
    class_names: &[],
    domains: ["digits in a thin pen, slanted left", "digits in a thick pen, slanted right"],
    draw: written,
};
const STRIPES: Kind = Kind {
    name: "plain and striped animals (procedural)",
    stream: "stripes",
    channels: 3,
    classes: 0,
    class_names: &[],
    domains: ["animals of one colour", "striped animals"],
    draw: animals::draw,
};

/// The kind of a source, where it is one.
fn kind(source: Source) -> Option<&'static Kind> {
    match source {
        Source::Invert => Some(&INVERT),
        Source::Outline => Some(&OUTLINE),
        Source::Strokes => Some(&STROKES),
        Source::Stripes => Some(&STRIPES),
        _ => None,
    }
}

/// Shape and classes of a source's examples, `side`×`side` pixels large; none where it is not of two domains that are
/// drawn here.
pub fn usual(source: Source, side: usize) -> Option<(Shape, usize)> {
    let kind = kind(source)?;
    Some((Shape { channels: kind.channels, height: side, width: side }, kind.classes))
}

/// Examples of both domains together that `count` training examples of each come with.
pub fn examples(count: usize) -> usize {
    2 * (count + valid(count) + PAIRS)
}

/// Pairs for validation beside `count` training examples.
fn valid(count: usize) -> usize {
    count.div_ceil(10).min(PAIRS)
}

/// `data.count` examples of each domain, and pairs for validation and testing.
///
/// # Panics
/// When the source is not of two domains that are drawn here.
pub fn load(config: &config::Data, seed: u64) -> Dataset {
    let kind = kind(config.source).expect("two domains");
    let shape = Shape { channels: kind.channels, height: config.size, width: config.size };
    let classes = kind.classes;
    let draw = |split: &str, count: usize, in_b: bool| -> Examples {
        let stream = stream(&format!("{}/{split}", kind.stream));
        let mut bytes = vec![0; count * shape.len()];
        let labels = bytes
            .par_chunks_mut(shape.len())
            .enumerate()
            .map(|(i, picture)| {
                (kind.draw)(&mut PhiloxRng::new(seed, stream, i as u64), config.size, in_b, picture)
            })
            .collect();
        let labels = (classes > 0).then_some(labels);
        Examples { count, values: Values::U8(bytes), labels }
    };
    let domain = |in_b: bool| {
        let train = draw(if in_b { "train/b" } else { "train/a" }, config.count, in_b);
        let class_names = kind.class_names.iter().map(|name| name.to_string()).collect();
        Dataset {
            valid: draw("valid", valid(config.count), in_b),
            test: draw("test", PAIRS, in_b),
            class_names,
            ..Dataset::of(kind.name, shape, classes, train)
        }
    };
    let [a, b] = kind.domains;
    let notes = vec![
        format!("drawn here, from the run's seed: {a} (A) and {b} (B)"),
        "training examples of A and B are of different objects; validation and test examples are pairs"
            .into(),
    ];
    let paired = Paired { train: false, valid: true, test: true };
    let unpaired = Some(format!("the training examples of {:?} are of different objects", kind.stream));
    let origin = Origin { data: domain(false), paired, unpaired };
    Dataset { notes, origin: Some(Box::new(origin)), ..domain(true) }
}

/// A procedural digit; B is 1 − A.
fn inverted(rng: &mut PhiloxRng, side: usize, in_b: bool, picture: &mut [u8]) -> u8 {
    let digit = below(rng.next_u32(), 10);
    Writing::new(rng, digit).draw_as_written(side, picture);
    if in_b {
        picture.iter_mut().for_each(|v| *v = 255 - *v);
    }
    digit as u8
}

/// A procedural digit, the way of whose pen is the same in both domains: the pen's radius is .8 in A and 1.8 in B, its
/// slant −.25 and .25.
fn written(rng: &mut PhiloxRng, side: usize, in_b: bool, picture: &mut [u8]) -> u8 {
    let digit = below(rng.next_u32(), 10);
    // y runs down: a positive slant leans to the left.
    let (slant, pen) = if in_b { (-0.25, 1.8) } else { (0.25, 0.8) };
    Writing::new(rng, digit).draw(slant, pen, side, picture);
    digit as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(source: &str, size: usize) -> Dataset {
        let config =
            toml::from_str(&format!("source = {source:?}\ncount = 30\nsize = {size}")).expect("data");
        load(&config, 3)
    }

    fn bytes(split: &Examples) -> &[u8] {
        match &split.values {
            Values::U8(bytes) => bytes,
            Values::F32(_) => panic!("pictures are bytes"),
        }
    }

    #[test]
    fn pairs_are_of_one_object_and_training_examples_of_different_ones() {
        for source in ["invert", "outline", "strokes", "stripes"] {
            let b = drawn(source, 16);
            let a = &b.origin.as_ref().expect("two domains").data;
            assert_eq!([a.train.count, b.train.count, a.test.count, b.test.count], [30, 30, 500, 500]);
            assert_eq!([a.valid.count, b.valid.count], [3, 3]);
            assert_eq!((a.shape, a.classes), (b.shape, b.classes), "{source}");
            assert_eq!(a.test.labels, b.test.labels, "{source}");
            assert_ne!(bytes(&a.test), bytes(&b.test), "{source}");
            let labelled = source != "stripes";
            assert!(!labelled || a.train.labels != b.train.labels, "{source}: other objects");
            assert!(!a.train.are_alike(a.shape.len()) && !b.train.are_alike(b.shape.len()), "{source}");
            assert_eq!(examples(30), 2 * (30 + 3 + 500));
        }
    }

    #[test]
    fn inverted_digits_are_one_minus_the_others() {
        let b = drawn("invert", 20);
        let a = &b.origin.as_ref().expect("two domains").data;
        assert!(bytes(&a.test).iter().zip(bytes(&b.test)).all(|(a, b)| a + b == 255));
        let inked = |x: &[u8]| x.iter().filter(|&&v| v > 127).count() as f64 / x.len() as f64;
        assert!((0.05..0.3).contains(&inked(bytes(&a.train))), "{}", inked(bytes(&a.train)));
    }

    /// Mean brightness of all test pictures, and how far to the right their upper half's ink lies of their lower half's.
    #[test]
    fn strokes_differ_in_pen_and_slant() {
        let b = drawn("strokes", 32);
        let a = &b.origin.as_ref().expect("two domains").data;
        let ink = |x: &[u8]| x.iter().map(|&v| f64::from(v)).sum::<f64>() / x.len() as f64;
        let lean = |x: &[u8]| {
            let (mut sums, mut weights) = ([0.0; 2], [0.0; 2]);
            for (i, &v) in x.iter().enumerate() {
                let half = usize::from(i % 1024 / 32 >= 16);
                sums[half] += f64::from(v) * (i % 32) as f64;
                weights[half] += f64::from(v);
            }
            sums[0] / weights[0] - sums[1] / weights[1]
        };
        let [thin, thick] = [bytes(&a.test), bytes(&b.test)];
        assert!(ink(thick) > 1.7 * ink(thin), "{} and {}", ink(thick), ink(thin));
        assert!(lean(thick) > lean(thin) + 3.0, "{} and {}", lean(thick), lean(thin));
    }

    #[test]
    fn shapes_have_colour_and_outlines_are_parts_of_them() {
        for size in [16, 32] {
            let b = drawn("outline", size);
            let a = &b.origin.as_ref().expect("two domains").data;
            let (filled, outline) = (bytes(&a.test), bytes(&b.test));
            // The ground is white, ink darker; where an outline is, its shape is.
            assert!(filled.iter().zip(outline).all(|(f, o)| f <= o));
            let ink = |x: &[u8]| x.iter().map(|&v| f64::from(255 - v)).sum::<f64>();
            assert!((0.3..0.95).contains(&(ink(outline) / ink(filled))), "{}", ink(outline) / ink(filled));
        }
    }

    #[test]
    fn only_the_animal_is_striped() {
        let b = drawn("stripes", 32);
        let a = &b.origin.as_ref().expect("two domains").data;
        let width = a.shape.len();
        for (plain, striped) in bytes(&a.test).chunks(width).zip(bytes(&b.test).chunks(width)) {
            let changed = plain.iter().zip(striped).filter(|(p, s)| p.abs_diff(**s) > 8).count();
            let share = changed as f64 / width as f64;
            assert!((0.02..0.5).contains(&share), "{share}");
        }
    }
}
