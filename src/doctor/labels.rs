//! Whether a conditional G makes what it is asked for. Points of a mixture show their class by where they lie; pictures are
//! shown to a small classifier of the run's own data, which is trained once and kept in the run's folder.

use crate::config::Config;
use crate::data::{Dataset, Examples, Shape};
use crate::error::Result;
use crate::eval::classifier::{Classifier, ClassifierSpec, Fit, labelled};
use crate::exec::Hardware;
use crate::inference::{Engine, noise};
use crate::models::classifier::Recipe;
use crate::pictures::Display;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// A classifier must be right about this share of held-out examples, each class counting alike, before it judges samples.
const ABLE: f64 = 0.8;
/// Samples asked of each class, at least, and in all.
const EACH: usize = 10;
const IN_ALL: usize = 500;
/// Held-out examples it is tried on, at least, and at most.
const FEWEST_TESTS: usize = 20;
const MOST_TESTS: usize = 2_000;
/// Training examples it is shown, at most.
const MOST_EXAMPLES: usize = 20_000;
/// Multiplications that its training may take: seconds on one core.
const WORK: usize = 60_000_000_000;
/// Pictures are averaged down to at most so many pixels a side.
const SIDE: usize = 32;

/// How samples agree with the classes they were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Obedience {
    /// Samples drawn, of all classes in turn.
    pub samples: usize,
    /// Share of them that are of their class.
    pub right: f64,
    /// Share that would be if class and label had nothing to do with each other.
    pub chance: f64,
    /// Share of held-out examples whose class is told rightly, classes counting alike; absent where the place of a point
    /// is its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

impl Obedience {
    /// Agreement of labels asked for and classes found.
    pub fn of(asked: &[usize], found: &[usize], classes: usize) -> Obedience {
        let share = |labels: &[usize], class: usize| {
            labels.iter().filter(|&&l| l == class).count() as f64 / labels.len().max(1) as f64
        };
        let right = asked.iter().zip(found).filter(|(a, b)| a == b).count() as f64;
        Obedience {
            samples: asked.len(),
            right: right / asked.len().max(1) as f64,
            chance: (0..classes).map(|class| share(asked, class) * share(found, class)).sum(),
            accuracy: None,
        }
    }

    /// Cohen's kappa: 0 where labels say nothing, 1 where every sample is as asked.
    pub fn kappa(&self) -> f64 {
        (self.right - self.chance) / (1.0 - self.chance).max(f64::EPSILON)
    }
}

/// Whom to ask about pictures.
pub struct Asked<'a> {
    /// The run's configuration.
    pub config: &'a Config,
    /// The data it learns.
    pub data: &'a Dataset,
    /// Where the classifier is kept, if it is.
    pub file: Option<&'a Path>,
    /// Where networks run.
    pub hardware: Hardware,
    /// Trains a classifier.
    pub fit: Fit,
}

impl Asked<'_> {
    /// How samples of this G agree with their labels; or why that is not known.
    ///
    /// # Errors
    /// When the device fails.
    pub fn obedience(&self, engine: &mut Engine) -> Result<std::result::Result<Obedience, String>> {
        let (data, config) = (self.data, self.config);
        let counts = data.class_table().counts;
        let drawn: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
        if drawn.len() < 2 {
            return Ok(Err(format!("whether labels are obeyed: {} has one class", data.name)));
        }
        let (mut classifier, accuracy) = match self.classifier()? {
            Ok(able) => able,
            Err(why) => return Ok(Err(format!("whether labels are obeyed: {why}"))),
        };
        let each = (IN_ALL / drawn.len()).max(EACH);
        let asked: Vec<usize> = (0..each * drawn.len()).map(|i| drawn[i % drawn.len()]).collect();
        let samples = engine.sample(0, &noise(config, config.seed, asked.len()), &asked)?;
        let pictures = self.seen(&samples);
        let found = classifier.labels(&pictures)?.into_iter().map(usize::from).collect::<Vec<_>>();
        let obedience = Obedience::of(&asked, &found, data.classes);
        Ok(Ok(Obedience { accuracy: Some(accuracy), ..obedience }))
    }

    /// Pictures as the classifier sees them: in [0, 1], small.
    fn seen(&self, numbers: &[f32]) -> Vec<f32> {
        let shape = self.data.shape;
        smaller(&Display::new(shape, &self.config.data).unit(numbers), shape)
    }

    /// The classifier and its accuracy, if it is able enough; trained now where none of these data is kept.
    fn classifier(&self) -> Result<std::result::Result<(Classifier, f64), String>> {
        let data = self.data;
        let (train, test) = match examples(data) {
            Ok(both) => both,
            Err(why) => return Ok(Err(why)),
        };
        let shape = halved(data.shape).last().copied().unwrap_or(data.shape);
        let of = |which: &[usize], split: &Examples| -> (Vec<f32>, Vec<u8>) {
            let labels = split.labels.as_deref().expect("labelled");
            let numbers = data.numbers_of(split, which.iter().copied());
            (self.seen(&numbers), which.iter().map(|&i| labels[i]).collect())
        };
        let (test_pictures, test_labels) = of(&test.1, test.0);
        let recipe = recipe(shape.len(), data.classes, train.len());
        let spec = ClassifierSpec {
            name: "labels".into(),
            identity: data.sha256(),
            recipe,
            seed: 0,
            hardware: self.hardware,
        };
        let kept = self.file.filter(|file| file.exists());
        let kept = kept.and_then(|file| Classifier::load(file, self.hardware).ok());
        let is_own = |c: &Classifier| {
            let card = &c.card;
            card.data == spec.identity && card.recipe == spec.recipe && card.classes == data.classes
        };
        let mut classifier = match kept.filter(is_own) {
            Some(kept) => kept,
            None => {
                let (pictures, labels) = of(&train, &data.train);
                let like = Dataset {
                    shape,
                    ..Dataset::of(&data.name, shape, data.classes, Examples::none(&data.train))
                };
                let mut set = labelled(&like, pictures, labels);
                set.test = labelled(&like, test_pictures.clone(), test_labels.clone()).train;
                let trained = (self.fit)(&spec, &Arc::new(set))?;
                // A folder that takes no file costs the training again, and nothing else.
                if let Some(Err(e)) = self.file.map(|file| trained.save(file)) {
                    tell!("warning: {e}; the classifier of the labels is not kept");
                }
                trained
            }
        };
        let found = classifier.labels(&test_pictures)?;
        let accuracy = balanced(&found, &test_labels, data.classes);
        Ok(match accuracy >= ABLE {
            true => Ok((classifier, accuracy)),
            false => Err(format!(
                "a small classifier of these data is right about {:.1} % of held-out examples, {:.0} % are needed",
                100.0 * accuracy,
                100.0 * ABLE
            )),
        })
    }
}

/// Shapes of pictures halved again and again, until a side is at most [`SIDE`].
fn halved(shape: Shape) -> Vec<Shape> {
    let half = |s: &Shape| Some(Shape { height: s.height / 2, width: s.width / 2, ..*s });
    let shapes = std::iter::successors(Some(shape), half);
    let large = shapes.clone().take_while(|s| s.height.min(s.width) > SIDE).count();
    shapes.skip(1).take(large).collect()
}

/// Pictures, `[count, height, width, channels]`, averaged down over squares of 2×2 pixels as [`halved`] says; an odd last
/// row or column is left out.
fn smaller(pictures: &[f32], mut shape: Shape) -> Vec<f32> {
    let mut now = pictures.to_vec();
    for half in halved(shape) {
        let row = shape.width * shape.channels;
        let pixel = |picture: &[f32], i: usize| {
            let (channel, x) = (i % half.channels, i / half.channels % half.width);
            let at = 2 * (i / half.channels / half.width) * row + 2 * x * half.channels + channel;
            0.25 * (picture[at]
                + picture[at + half.channels]
                + picture[at + row]
                + picture[at + row + half.channels])
        };
        let one = |picture: &[f32]| (0..half.len()).map(|i| pixel(picture, i)).collect::<Vec<f32>>();
        now = now.chunks_exact(shape.len()).flat_map(one).collect();
        shape = half;
    }
    now
}

/// Training examples in an order in which classes are as frequent as each other, and held-out ones: those of the test or
/// the validation split, or else every fifth training example.
type Chosen<'a> = (Vec<usize>, (&'a Examples, Vec<usize>));

/// Chooses examples.
///
/// # Errors
/// When there are no labels, or too few examples.
fn examples(data: &Dataset) -> std::result::Result<Chosen<'_>, String> {
    let labels = data.train.labels_of_several().ok_or("the data have no labels of two classes")?;
    let order: Vec<usize> = data.train.shuffled(0..data.train.count).collect();
    let held = [&data.test, &data.valid]
        .into_iter()
        .find(|split| split.count >= 5 * FEWEST_TESTS && split.labels_of_several().is_some());
    let (train, test) = match held {
        Some(split) => (order, (split, split.shuffled(0..split.count.min(MOST_TESTS)).collect::<Vec<_>>())),
        None => {
            let (test, train) = order.split_at(data.train.count / 5);
            (train.to_vec(), (&data.train, test.to_vec()))
        }
    };
    if test.1.len() < FEWEST_TESTS {
        return Err(format!("{} labelled examples are too few to train a classifier on", data.train.count));
    }
    let mut classes: Vec<Vec<usize>> = vec![vec![]; data.classes];
    train.iter().for_each(|&i| classes[usize::from(labels[i])].push(i));
    classes.retain(|own| !own.is_empty());
    // As many of each class, those of rare ones again and again.
    let rounds = train.len().min(MOST_EXAMPLES).div_ceil(classes.len());
    let balanced = (0..rounds).flat_map(|round| classes.iter().map(move |own| own[round % own.len()]));
    Ok((balanced.collect(), test))
}

/// A small network, trained as long as [`WORK`] allows: at most forty passes.
fn recipe(inputs: usize, classes: usize, examples: usize) -> Recipe {
    let mut recipe = Recipe::perceptron();
    let units = 64;
    for (layer, units) in recipe.network.layers.iter_mut().zip([units, units / 2]) {
        layer.units = Some(units);
    }
    let multiplications = 3 * (inputs * units + units * units / 2 + units / 2 * classes);
    recipe.batch = 50.min(examples);
    let most = (WORK / multiplications.max(1)).min(200_000);
    recipe.epochs = (most / examples.max(1)).clamp(1, 40) as u64;
    recipe
}

/// Mean over classes of the share of their examples that are told rightly.
fn balanced(found: &[u8], labels: &[u8], classes: usize) -> f64 {
    let shares: Vec<f64> = (0..classes)
        .filter_map(|class| {
            let own = || found.iter().zip(labels).filter(|(_, l)| usize::from(**l) == class);
            let count = own().count();
            (count > 0).then(|| own().filter(|(a, b)| a == b).count() as f64 / count as f64)
        })
        .collect();
    shares.iter().sum::<f64>() / shares.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_counted_beyond_chance() {
        let asked: Vec<usize> = (0..100).map(|i| i % 2).collect();
        let all_zero = Obedience::of(&asked, &[0; 100], 2);
        assert_eq!(
            (all_zero.right, all_zero.kappa()),
            (0.5, 0.0),
            "half are right, and the label says nothing"
        );
        let as_asked = Obedience::of(&asked, &asked, 2);
        assert_eq!((as_asked.right, as_asked.kappa()), (1.0, 1.0));
    }

    #[test]
    fn large_pictures_are_averaged_down() {
        let shape = Shape { channels: 2, height: 66, width: 65 };
        let sizes: Vec<_> = halved(shape).iter().map(|s| (s.height, s.width)).collect();
        assert_eq!(sizes, [(33, 32)]);
        let picture: Vec<f32> = (0..shape.len()).map(|i| (i % 2) as f32 + (i / 130) as f32).collect();
        let small = smaller(&picture, shape);
        assert_eq!(small.len(), 33 * 32 * 2);
        assert_eq!(small[..2], [0.5, 1.5], "rows 0 and 1, channel by channel");
        assert_eq!(small[2 * 32..2 * 33], [2.5, 3.5], "rows 2 and 3");
    }

    #[test]
    fn rare_classes_are_shown_as_often_as_others() {
        let labels: Vec<u8> = (0..200).map(|i| u8::from(i % 20 == 0)).collect();
        let shape = Shape { channels: 1, height: 1, width: 2 };
        let values = crate::data::Values::F32(vec![0.0; 400]);
        let data = Dataset::of("x", shape, 2, Examples { count: 200, values, labels: Some(labels.clone()) });
        let (train, (_, test)) = examples(&data).expect("enough");
        let rare = train.iter().filter(|&&i| labels[i] == 1).count();
        assert_eq!(2 * rare, train.len());
        assert!(test.iter().all(|i| !train.contains(i)), "held out");
        assert_eq!(balanced(&[0, 0, 0, 0], &[0, 0, 0, 1], 2), 0.5);
    }
}
