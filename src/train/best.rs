//! Keeping the best: a metric measured at every checkpoint, the best checkpoint kept beside the newest.

use super::fit;
use crate::config::{Config, Merit, Metric};
use crate::data::{Dataset, Origin, Paired};
use crate::error::{Error, Result};
use crate::eval::{Measures, Subject, parzen};
use crate::exec::Hardware;
use crate::inference::{Engine, Generator};
use crate::run::checkpoint::Best;

/// Training examples that a measurement may compare with.
const MOST_TRAIN: usize = 10_000;

/// Measures generators of one run.
pub struct Keeper {
    metric: Metric,
    merit: Merit,
    /// Evaluations without a better one after which training stops; 0 goes on.
    patience: u64,
    data: Dataset,
    windows: parzen::Threads,
    hardware: Hardware,
}

/// The data for measuring while training: not all of its training examples, and, `by_valid`, its validation examples for
/// test ones, in both domains where there are two.
fn measured_by(data: &Dataset, by_valid: bool) -> Dataset {
    let origin = data.origin.as_ref().map(|origin| {
        let paired = origin.paired;
        let test = if by_valid { paired.valid } else { paired.test };
        let data = measured_by(&origin.data, by_valid);
        Box::new(Origin { data, paired: Paired { test, ..paired }, unpaired: origin.unpaired.clone() })
    });
    Dataset {
        name: data.name.clone(),
        class_names: data.class_names.clone(),
        train: data.train.range([0, data.train.count.min(MOST_TRAIN)], data.shape.len()),
        valid: data.valid.clone(),
        test: if by_valid { data.valid.clone() } else { data.test.clone() },
        notes: vec![],
        origin,
        ..*data
    }
}

impl Keeper {
    /// What `checkpoint.best_by` asks for, if it does. Where the data have a validation split, it stands for the test
    /// split: what a checkpoint is chosen by must not be what it is measured by in the end.
    ///
    /// # Errors
    /// When the metric does not fit the data, or they have too few examples for it.
    pub fn new(
        config: &Config,
        data: &Dataset,
        engine: Engine,
        hardware: Hardware,
    ) -> Result<Option<Keeper>> {
        let Some(metric) = config.checkpoint.best_by else { return Ok(None) };
        let merit = metric.chooses(config)?;
        let data = measured_by(data, data.valid.count > 0);
        let mut keeper = Keeper {
            metric,
            merit,
            patience: config.checkpoint.patience,
            data,
            windows: parzen::Threads,
            hardware,
        };
        let by_valid = keeper.data.valid.count > 0;
        let generator = Generator::of(config, keeper.data.shape, 0, engine);
        keeper.subject(generator).check(metric).map_err(|e| match e {
            Error::Data(why) if by_valid => {
                Error::Data(format!("{why}; --best-by takes validation examples for test ones: data.valid"))
            }
            other => other,
        })?;
        Ok(Some(keeper))
    }

    /// Measures a generator, given the best so far: what is the best now, and what there is to say.
    /// What is not a finite number is never the best.
    ///
    /// # Errors
    /// When the measurement fails.
    pub fn judge(&mut self, generator: Generator, best: Option<&Best>) -> Result<(Option<Best>, String)> {
        let (metric, step) = (self.metric, generator.step);
        let measurement = self.subject(generator).measure(metric)?;
        let value = self.merit.of(&measurement.values);
        let found = format!("step {step}: {} {value:.4} ({})", metric.name(), self.merit.name);
        let before = best.filter(|b| b.metric == metric);
        let is_best = value.is_finite() && before.is_none_or(|b| self.merit.is_better(value, b.value));
        if is_best {
            let best = Best { metric, value, step, behind: 0 };
            return Ok((Some(best), format!("{found}, kept as checkpoints/best")));
        }
        let best = before.map(|b| Best { behind: b.behind + 1, ..b.clone() });
        let told = best.as_ref().map(|b| format!("; the best is {:.4} at step {}", b.value, b.step));
        Ok((best, found + &told.unwrap_or_default()))
    }

    /// Whether patience is at an end, and in what words.
    pub fn gives_up(&self, best: Option<&Best>) -> Option<String> {
        let best =
            best.filter(|b| b.metric == self.metric && self.patience > 0 && b.behind >= self.patience)?;
        Some(format!(
            "stopping: {} has not been better than {:.4} at step {} in {} evaluations; a greater --patience goes on",
            self.metric.name(),
            best.value,
            best.step,
            best.behind
        ))
    }

    fn subject<'a>(&'a mut self, generator: Generator<'a>) -> Subject<'a> {
        Subject {
            generator,
            data: &self.data,
            seed: 0,
            count: Some(self.merit.samples),
            classifier: None,
            hardware: self.hardware,
            windows: &mut self.windows,
            fit: fit::quietly,
        }
    }
}
