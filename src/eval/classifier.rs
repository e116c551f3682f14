//! The classifier that evaluation looks through: made by `gansaku classifier`, kept in one safetensors file whose
//! metadata say what it was made from.

use crate::config;
use crate::data::{Dataset, Examples, Shape, Values};
use crate::error::{Error, Result};
use crate::exec::{Hardware, NetworkState};
use crate::inference::Standalone;
use crate::models::classifier::{self as model, Recipe};
use crate::models::{Game, PortKind, TaskKind};
use crate::nn::Network;
use crate::numbers::shortened;
use crate::run::atomic;
use crate::run::checkpoint::sha256;
use crate::run::tensors::{Flat, Tensors, encode};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// A classifier is poor below this share of the way from naming the commonest class to being always right: as Cohen's
/// kappa, agreement up to .2 is called slight (Landis & Koch 1977).
const POOR: f64 = 0.2;
/// The name of the card in the file's metadata.
const CARD: &str = "classifier";

/// What a classifier was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What its figures are named after: FD-mnist.
    pub name: String,
    /// [`crate::data::identity::identity`] of its data.
    pub data: String,
    /// Channels, height and width of an example.
    pub example: [usize; 3],
    /// Classes it tells apart.
    pub classes: usize,
    /// Labelled examples it was trained on.
    pub trained_on: usize,
    /// Share of the test examples it names rightly.
    pub accuracy: f64,
    /// How many test examples that was measured on.
    pub tested_on: usize,
    /// Share of them that are of the commonest class: what always naming it would be right about. Absent in files of
    /// before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commonest: Option<f64>,
    /// Seeds its training.
    pub seed: u64,
    /// How it was trained.
    pub recipe: Recipe,
    /// SHA-256 of its weights, flat and in the order of files, as little-endian f32; absent in files of before this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

/// A trained classifier. Pictures are `[count, height, width, channels]` in [0, 1].
pub struct Classifier {
    /// What it was made from.
    pub card: Card,
    /// SHA-256 of its file.
    pub sha256: String,
    model: model::Classifier,
    weights: Vec<f32>,
    engine: Standalone,
}

/// What a classifier sees in pictures.
pub struct Scores {
    /// The likeliest class of each.
    pub labels: Vec<u8>,
    /// The last layer but one, `[count, features]`.
    pub features: Vec<f32>,
}

impl Classifier {
    /// A classifier of these trained weights, measured on the test split of `data`, whose pixels are in [0, 1]; its
    /// identity is that of `spec`.
    ///
    /// # Errors
    /// When the data are not [`labelled_in_both`], or the device fails.
    pub fn measured(spec: &ClassifierSpec, data: &Dataset, weights: Vec<f32>) -> Result<Classifier> {
        let labels = labelled_in_both(data)?;
        let model = model::Classifier::new(&spec.recipe, data.shape, data.classes);
        let Shape { channels, height, width } = data.shape;
        let card = Card {
            name: spec.name.clone(),
            data: spec.identity.clone(),
            example: [channels, height, width],
            classes: data.classes,
            trained_on: data.train.count,
            accuracy: 0.0,
            tested_on: data.test.count,
            commonest: Some(commonest(labels)),
            seed: spec.seed,
            recipe: spec.recipe.clone(),
            weights: Some(hash(model.network(), &weights)),
        };
        let mut trained = Classifier::of(card, weights, spec.hardware)?;
        trained.card.accuracy = trained.accuracy(&pictures(data, &data.test), labels)?;
        trained.sha256 = sha256(&trained.encoded());
        Ok(trained)
    }

    fn of(card: Card, weights: Vec<f32>, hardware: Hardware) -> Result<Classifier> {
        let model = model::Classifier::new(&card.recipe, card.example.into(), card.classes);
        let own = NetworkState { weights: weights.clone(), ..NetworkState::default() };
        let engine = Standalone::new(&model, vec![own], 0, hardware.open()?)?;
        Ok(Classifier { card, sha256: String::new(), model, weights, engine })
    }

    fn encoded(&self) -> Vec<u8> {
        let card = serde_json::to_string(&self.card).expect("names and finite numbers");
        let network = self.model.network();
        let flat = Flat { prefix: "", suffix: "", network, numbers: &self.weights, states: None };
        encode([CARD, &card], &[flat])
    }

    /// Writes its file.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn save(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
        }
        atomic::write(path, &self.encoded())
    }

    /// Reads its file.
    ///
    /// # Errors
    /// When it is missing, damaged, or no classifier's.
    pub fn load(path: &Path, hardware: Hardware) -> Result<Classifier> {
        let bytes = std::fs::read(path).map_err(|e| {
            Error::Checkpoint(format!("--classifier {}: cannot read it: {e}", path.display()))
        })?;
        let tensors = Tensors::parse(path, &bytes)?;
        let wrong = |what: &str| {
            let make = "make one with `gansaku classifier DATA`";
            Error::Checkpoint(format!("--classifier {}: {what}; {make}", path.display()))
        };
        let card = tensors.metadata(CARD).ok_or_else(|| wrong("a safetensors file, but no classifier's"))?;
        let card: Card = serde_json::from_str(&card).map_err(|e| wrong(&format!("not a card: {e}")))?;
        if card.recipe.network.layers.len() < 2 || card.classes < 2 {
            return Err(wrong("a network without features"));
        }
        config::network("its network", &card.recipe.network).map_err(|e| wrong(&e.to_string()))?;
        let model = model::Classifier::new(&card.recipe, card.example.into(), card.classes);
        let mut weights = vec![0.0; model.networks().memories()[0].len];
        tensors.read(["", ""], model.network(), &mut weights, None)?;
        if card.weights.as_ref().is_some_and(|known| *known != hash(model.network(), &weights)) {
            return Err(wrong("damaged: its weights are not those that its card was written for"));
        }
        let mut loaded = Classifier::of(card, weights, hardware)?;
        loaded.sha256 = sha256(&bytes);
        Ok(loaded)
    }

    /// Refuses data that it was not made for: `identity` and shape of one picture are theirs.
    ///
    /// # Errors
    /// When they are other data.
    pub fn fits(&self, identity: &str, shape: Shape) -> Result<()> {
        let Card { name, data, example, .. } = &self.card;
        let Shape { channels, height, width } = shape;
        let make = "make one for these data with `gansaku classifier DATA`";
        if *example != [channels, height, width] {
            return Err(Error::Data(format!(
                "the classifier {name} is for pictures of shape {example:?}, these are {:?}; {make}",
                [channels, height, width]
            )));
        }
        if data != identity {
            return Err(Error::Data(format!(
                "the classifier {name} is for other data ({}), these are {}; {make}",
                shortened(data),
                shortened(identity)
            )));
        }
        Ok(())
    }

    /// Refuses test examples of its data that it was trained on: where no file holds any, the first ones of one fixed
    /// order are held out, `tests` of them by a run and its own number by a classifier.
    ///
    /// # Errors
    /// When a run has more of them.
    pub fn unseen(&self, tests: usize) -> Result<()> {
        let Card { name, tested_on, trained_on, .. } = &self.card;
        if tests <= *tested_on {
            return Ok(());
        }
        let share = tests as f64 / (tested_on + trained_on) as f64;
        Err(Error::Data(format!(
            "the classifier {name} was trained on {} of the {tests} examples that the run holds out; make one that holds \
             out as many with `gansaku classifier DATA --hold-out {:.3}`",
            tests - tested_on,
            (1_000.0 * share).ceil() / 1_000.0
        )))
    }

    /// Name, accuracy and hash, as protocols tell them.
    pub fn told(&self) -> String {
        let Card { name, accuracy, recipe, .. } = &self.card;
        let kind = if recipe.network.convolves() { "convolutional classifier" } else { "classifier" };
        format!("{kind} {name} ({:.2} % on test data, {})", 100.0 * accuracy, shortened(&self.sha256))
    }

    /// What to know before trusting what it sees: it is little better than naming the commonest class.
    pub fn warning(&self) -> Option<String> {
        let Card { name, accuracy, commonest, .. } = &self.card;
        let commonest = commonest.unwrap_or(1.0 / self.card.classes as f64);
        (*accuracy < commonest + POOR * (1.0 - commonest)).then(|| {
            format!(
                "the classifier {name} is right about {:.1} % of test data, and always naming the commonest class about \
                 {:.1} %: its features and labels say little",
                100.0 * accuracy,
                100.0 * commonest
            )
        })
    }

    /// Length of a feature vector.
    pub fn width(&self) -> usize {
        self.engine.tasks().output_width(TaskKind::Score, PortKind::Features)
    }

    /// What it sees in pictures, `[count, numbers]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn scores(&mut self, pictures: &[f32]) -> Result<Scores> {
        let scored = self.engine.engine().score(pictures, &[])?;
        let likeliest = |logits: &[f32]| {
            let greatest = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
            greatest.expect("at least two classes") as u8
        };
        let labels = scored.logits.chunks_exact(self.model.classes).map(likeliest).collect();
        Ok(Scores { labels, features: scored.features })
    }

    /// The likeliest class of each picture.
    ///
    /// # Errors
    /// When the device fails.
    pub fn labels(&mut self, pictures: &[f32]) -> Result<Vec<u8>> {
        Ok(self.scores(pictures)?.labels)
    }

    /// The features of each picture, `[count, width]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn features(&mut self, pictures: &[f32]) -> Result<Vec<f32>> {
        Ok(self.scores(pictures)?.features)
    }

    /// Share of pictures whose class is the label.
    ///
    /// # Errors
    /// When the device fails.
    pub fn accuracy(&mut self, pictures: &[f32], labels: &[u8]) -> Result<f64> {
        let found = self.labels(pictures)?;
        let right = found.iter().zip(labels).filter(|(a, b)| a == b).count();
        Ok(right as f64 / labels.len().max(1) as f64)
    }
}

/// Labels of the test split, where pictures of both splits have labels of several classes: what a classifier is trained
/// and measured on.
///
/// # Errors
/// When they do not; the message says what is missing.
pub fn labelled_in_both(data: &Dataset) -> Result<&[u8]> {
    if data.test.count == 0 {
        return Err(Error::Data(format!(
            "{} has no test examples, and none are held out; give --hold-out a share that is one example or more",
            data.name
        )));
    }
    let (Some(_), Some(labels)) = (&data.train.labels, data.test.labels_of_several()) else {
        return Err(Error::Data(format!(
            "{} has no labels of two or more classes for both training and testing; a classifier needs them",
            data.name
        )));
    };
    if data.shape.is_point() {
        return Err(Error::Data(format!("{} are points; a classifier is for pictures", data.name)));
    }
    Ok(labels)
}

/// Trains a classifier as asked on the training split and measures it on the test split, without a word. Training is
/// done above this room, so what measures by training is handed the way to do it.
pub type Fit = fn(&ClassifierSpec, &Arc<Dataset>) -> Result<Classifier>;

/// The share of the commonest label.
fn commonest(labels: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    counts.into_iter().max().unwrap_or(0) as f64 / labels.len().max(1) as f64
}

/// The hash that a card keeps of its weights.
fn hash(network: &Network, weights: &[f32]) -> String {
    let mut in_file_order = weights.to_vec();
    for p in &network.parameters {
        let own = p.offset..p.offset + p.len();
        in_file_order[own.clone()].copy_from_slice(&p.in_file_order(&weights[own]));
    }
    sha256(&in_file_order.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>())
}

/// What classifier to train.
#[derive(Debug, Clone)]
pub struct ClassifierSpec {
    /// What its figures are to be named after.
    pub name: String,
    /// [`crate::data::identity::identity`] of the data.
    pub identity: String,
    /// How it is trained.
    pub recipe: Recipe,
    /// Seeds its training.
    pub seed: u64,
    /// Where it looks at pictures.
    pub hardware: Hardware,
}

/// All pictures of a split as a classifier sees them, where the data set holds pixels in [0, 1].
fn pictures(data: &Dataset, split: &Examples) -> Vec<f32> {
    data.numbers_of(split, 0..split.count)
}

/// A labelled data set of pictures in [0, 1] for training, `[labels.len(), numbers]`.
pub fn labelled(like: &Dataset, pictures: Vec<f32>, labels: Vec<u8>) -> Dataset {
    let train = Examples { count: labels.len(), values: Values::F32(pictures), labels: Some(labels) };
    Dataset::of(&like.name, like.shape, like.classes, train)
}
