//! What is trained on, what is kept to choose and to measure with, and how stored bytes become numbers.

use super::{Dataset, Examples, Shape, Values};
use crate::config::{self, Scale, Source};
use crate::error::{Error, Result};

impl Dataset {
    /// Cuts the training split into what is trained on and what is kept for validation, which is never trained on. Two
    /// domains are cut by the same ranges, and by the same shuffle where they are pairs.
    pub(super) fn split(mut self, config: &config::Data, whence: &str) -> Result<Dataset> {
        if let Some(mut origin) = self.origin.take() {
            let whole = self.split(config, whence)?;
            origin.data = origin.data.split(config, &format!("domain A of {whence}"))?;
            if config.valid.is_some() {
                origin.paired.valid = origin.paired.train;
            }
            return Ok(Dataset { origin: Some(origin), ..whole });
        }
        let all = self.train.count;
        for (key, range) in [("data.train", config.train), ("data.valid", config.valid)] {
            if let Some([from, to]) = range
                && to > all
            {
                return Err(Error::Data(format!(
                    "{key} is [{from}, {to}], but {whence} holds {all} training examples; \
                     set another range with --set {key}='[from, to]'"
                )));
            }
        }
        if let (None, Some([0, to])) = (config.train, config.valid)
            && to == all
        {
            return Err(Error::Data(format!(
                "data.valid is [0, {to}], all training examples of {whence}: none are left to train on"
            )));
        }
        if config.train.is_none() && config.valid.is_none() {
            return Ok(self);
        }
        // Papers count on the order of IDX, CIFAR-10's and TFD's files; pictures are most often sorted by class.
        let shuffle = config.shuffle
            && matches!(config.source, Source::Folder | Source::Arrays | Source::TwoFolders | Source::Pairs);
        let order: Vec<usize> =
            if shuffle { self.train.shuffled(0..all).collect() } else { (0..all).collect() };
        let chosen = |of: &mut dyn Iterator<Item = usize>| {
            let mut places: Vec<usize> = of.map(|i| order[i]).collect();
            places.sort_unstable();
            self.train.chosen(&places, self.shape.len())
        };
        let valid = config.valid.map(|[from, to]| chosen(&mut (from..to)));
        let train = match (config.train, config.valid) {
            (Some([from, to]), _) => chosen(&mut (from..to)),
            (None, Some([from, to])) => chosen(&mut (0..from).chain(to..all)),
            (None, None) => chosen(&mut (0..all)),
        };
        if shuffle {
            let cut = "data.train and data.valid are ranges of a fixed shuffle (data.shuffle): the files may lie sorted by class";
            self.notes.push(cut.into());
        }
        if let Some(valid) = valid {
            if self.valid.count > 0 {
                let own = self.valid.count;
                self.notes.push(format!(
                    "{own} validation examples of the files' own are left out: data.valid is set"
                ));
            }
            self.valid = valid;
        }
        self.train = train;
        Ok(self)
    }

    /// With test examples: where a reader found none, a share of the training examples, chosen by a fixed shuffle, is
    /// held out: of two domains each for itself, and of pairs the same ones.
    #[must_use]
    pub fn hold_out(mut self, share: f64) -> Dataset {
        if let Some(mut origin) = self.origin.take() {
            // Pairs stay pairs: they are held out of both domains or of neither.
            let held = (self.train.count as f64 * share) as usize > 0;
            if held && origin.paired.train && (self.test.count == 0) != (origin.data.test.count == 0) {
                for alone in [&mut self, &mut origin.data].into_iter().filter(|data| data.test.count > 0) {
                    let count = alone.test.count;
                    alone
                        .notes
                        .push(format!("{count} test examples are left out: the other domain has none"));
                    alone.test = Examples::none(&alone.train);
                }
            }
            let makes_pairs = origin.paired.train && self.test.count == 0;
            let whole = self.hold_out(share);
            origin.data = origin.data.hold_out(share);
            origin.paired.test |= makes_pairs && whole.test.count > 0;
            return Dataset { origin: Some(origin), ..whole };
        }
        let count = self.train.count;
        let held = (count as f64 * share) as usize;
        if self.test.count > 0 || held == 0 {
            return self;
        }
        let order: Vec<usize> = self.train.shuffled(0..count).collect();
        let (test, train) = order.split_at(held);
        let width = self.shape.len();
        self.test = self.train.chosen(test, width);
        self.train = self.train.chosen(train, width);
        self.notes.push(format!(
            "no test examples: {held} of {count} are held out to measure against (data.hold_out)"
        ));
        self
    }

    /// Scales stored bytes to what the network sees.
    pub fn scaled(mut self, scale: Scale) -> Dataset {
        if let Some(mut origin) = self.origin.take() {
            origin.data = origin.data.scaled(scale);
            return Dataset { origin: Some(origin), ..self.scaled(scale) };
        }
        (self.factor, self.offset) = match scale {
            Scale::Unit => (1.0 / 255.0, 0.0),
            Scale::Signed => (2.0 / 255.0, -1.0),
            Scale::Gcn => {
                for split in [&mut self.train, &mut self.valid, &mut self.test] {
                    split.values = Values::F32(contrast_normalised(&split.values, self.shape));
                }
                self.notes.push("global contrast normalisation: mean 0, norm 55 in each example".into());
                (1.0, 0.0)
            }
        };
        self
    }
}

/// Each example with its mean removed and divided by (norm / 55), as pylearn2's `gcn: 55.` does: examples
/// whose norm is below 1e-8 are only centred. Sums run over planes, so that they are those of the files' own order.
fn contrast_normalised(values: &Values, shape: Shape) -> Vec<f32> {
    let mut numbers: Vec<f32> = match values {
        Values::U8(bytes) => bytes.iter().map(|&b| f32::from(b)).collect(),
        Values::F32(numbers) => numbers.clone(),
    };
    let width = shape.len();
    let planes: Vec<usize> = (0..width).map(|i| shape.in_memory(i)).collect();
    for example in numbers.chunks_exact_mut(width) {
        let mean = planes.iter().map(|&i| f64::from(example[i])).sum::<f64>() / width as f64;
        example.iter_mut().for_each(|x| *x -= mean as f32);
        let square = |&i: &usize| f64::from(example[i]) * f64::from(example[i]);
        let norm = planes.iter().map(square).sum::<f64>().sqrt() / 55.0;
        if norm >= 1e-8 {
            example.iter_mut().for_each(|x| *x /= norm as f32);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Origin, Paired};

    /// Examples of one pixel, that of example i being i.
    fn counted(count: usize) -> Examples {
        Examples { count, values: Values::U8((0..count as u8).collect()), labels: None }
    }

    fn domains(a: usize, b: usize, paired: bool) -> Dataset {
        let shape = Shape { channels: 1, height: 1, width: 1 };
        let data = |count| Dataset::of("domain", shape, 0, counted(count));
        let paired = Paired { train: paired, ..Paired::default() };
        let origin = Origin { data: data(a), paired, unpaired: None };
        Dataset { origin: Some(Box::new(origin)), ..data(b) }
    }

    #[test]
    fn pairs_are_held_out_of_both_domains_together() {
        let data = domains(40, 40, true).hold_out(0.25);
        let origin = data.origin.as_ref().expect("two domains");
        assert_eq!((data.test.count, data.train.count), (10, 30));
        assert_eq!((&origin.data.test, &origin.data.train), (&data.test, &data.train));
        assert_eq!(origin.paired, Paired { train: true, valid: false, test: true });

        let data = domains(20, 40, false).hold_out(0.25);
        let origin = data.origin.as_ref().expect("two domains");
        assert_eq!([data.test.count, origin.data.test.count], [10, 5]);
        assert!(!origin.paired.test, "each for itself");

        let mut alone = domains(40, 40, true);
        alone.test = counted(3);
        let data = alone.hold_out(0.25);
        assert_eq!(data.test, data.origin.as_ref().expect("two domains").data.test);
        assert!(data.notes[0].starts_with("3 test examples are left out"), "{:?}", data.notes);
    }

    #[test]
    fn an_origin_is_part_of_what_data_are() {
        let (one, other) = (domains(4, 4, true), domains(5, 4, true));
        let bare = Dataset { origin: None, ..one.clone() };
        assert_eq!(bare.sha256(), Dataset::of("domain", bare.shape, 0, counted(4)).sha256());
        assert!(one.sha256() != other.sha256() && one.sha256() != bare.sha256());
    }
}
