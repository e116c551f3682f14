//! What a data set holds, for people, and its held-out examples, for reports and measurements.

use super::{Dataset, Examples, Paired};

/// Pairs of two domains, as the network sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// The split that they are from: "test", "validation" or, where no other one has pairs, "training".
    pub split: &'static str,
    /// Number of each pair within its split.
    pub which: Vec<usize>,
    /// Pictures of domain A, `[pairs, numbers]`.
    pub a: Vec<f32>,
    /// Pictures of domain B, `[pairs, numbers]`.
    pub b: Vec<f32>,
}

impl Paired {
    /// Names of the splits that are pairs.
    pub fn names(self) -> Vec<&'static str> {
        let splits = [("train", self.train), ("validation", self.valid), ("test", self.test)];
        splits.into_iter().filter_map(|(name, paired)| paired.then_some(name)).collect()
    }
}

impl Dataset {
    /// Examples of each split that has some, for people: "train 60000, test 10000", and of both domains "A train 1000,
    /// test 200; B train 1000, test 200; pairs: test".
    pub fn counts(&self) -> String {
        let splits = [("train", &self.train), ("validation", &self.valid), ("test", &self.test)];
        let some = splits.iter().filter(|(_, split)| split.count > 0);
        let own = some.map(|(name, split)| format!("{name} {}", split.count)).collect::<Vec<_>>().join(", ");
        let Some(origin) = &self.origin else { return own };
        let pairs = match &origin.paired.names()[..] {
            [] => "no pairs".into(),
            names => format!("pairs: {}", names.join(", ")),
        };
        format!("A {}; B {own}; {pairs}", origin.data.counts())
    }

    /// What was not trained on, and what it is called: test examples, else validation examples, else, where nothing was
    /// held out, training examples.
    pub fn held_out(&self) -> (&'static str, &Examples) {
        let splits = [("test", &self.test), ("validation", &self.valid)];
        splits.into_iter().find(|(_, split)| split.count > 0).unwrap_or(("training", &self.train))
    }

    /// Up to `count` pairs, of the test split where that has pairs, else of the validation split, else of the training
    /// split; chosen by a fixed shuffle. None where there is one domain only, or no split has pairs.
    pub fn held_out_pairs(&self, count: usize) -> Option<Pairs> {
        let origin = self.origin.as_deref()?;
        let splits = [
            ("test", origin.paired.test, &origin.data.test, &self.test),
            ("validation", origin.paired.valid, &origin.data.valid, &self.valid),
            ("training", origin.paired.train, &origin.data.train, &self.train),
        ];
        let (split, _, a, b) = splits.into_iter().find(|(_, paired, _, b)| *paired && b.count > 0)?;
        let which: Vec<usize> = b.shuffled(0..count.min(b.count)).collect();
        let a = origin.data.numbers_of(a, which.iter().copied());
        let b = self.numbers_of(b, which.iter().copied());
        Some(Pairs { split, which, a, b })
    }
}
