//! A job's metrics of a model: of what it draws of noise, or of what it makes of pictures.

use super::classifier;
use super::order::{Job, Order};
use crate::config::Metric;
use crate::data::Dataset;
use crate::error::Result;
use crate::eval::translation::Translations;
use crate::eval::{Measures, Subject, parzen};
use crate::exec::NetworkState;
use crate::inference::{LoadedRun, Means, Translator};
use crate::nn::Memory;
use crate::records::Measurement;
use crate::run::checkpoint::{Checkpoint, State};
use crate::train::fit;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// Samples of a rehearsal.
const REHEARSED: usize = 100;
/// Bytes of intermediate results of a translation: an experiment's pictures are as small as those of training.
const TRANSLATING: usize = 2 << 30;

/// Measures a blank model: what a metric lacks is told before hours of training, not after.
///
/// # Errors
/// When a metric of the experiment cannot be measured of such a model on these data.
pub fn rehearse(order: &Order, job: &Job, data: &Dataset) -> Result<()> {
    // What labels the pictures may be yet to come.
    if job.experiment.classifier && classifier::of(order, job)?.is_none() {
        return Ok(());
    }
    let state = State {
        example: [data.shape.channels, data.shape.height, data.shape.width],
        classes: data.classes,
        ..State::default()
    };
    let config = job.config().clone();
    let blank = |memory: &Memory| NetworkState {
        weights: vec![0.0; memory.len],
        states: vec![0.0; memory.states],
        ..NetworkState::default()
    };
    let game = Checkpoint::model(&config, &state);
    let networks = game.networks().memories().iter().map(blank).collect();
    measurements(order, job, Checkpoint { config, state, networks }, Path::new(""), data, Some(REHEARSED))
        .map(drop)
}

/// The experiment's metrics of a checkpoint that came from `from`; each takes its protocol's number of samples or pictures
/// where `count` is absent.
///
/// # Errors
/// When model or data lack what a metric needs, or the device fails.
pub fn measurements(
    order: &Order,
    job: &Job,
    checkpoint: Checkpoint,
    from: &Path,
    data: &Dataset,
    count: Option<usize>,
) -> Result<Vec<Measurement>> {
    let mut windows = parzen::open(order.hardware.device)?;
    let mut classifier = classifier::of(order, job)?;
    let (hardware, seed, from) = (order.hardware, job.seed, PathBuf::from(from));
    let metrics = job
        .experiment
        .measures
        .iter()
        .map(|name| Metric::from_str(name, false).expect("the table names metrics, as its test says"));
    if checkpoint.config.model.translates() {
        let mut translator = Translator::of(checkpoint, from, Means { hardware, seed, limit: TRANSLATING })?;
        let (translator, classifier) = (&mut translator, classifier.as_mut());
        let mut subject = Translations { translator, data, seed, count, classifier, pictures: None };
        return metrics.map(|metric| subject.measure(metric)).collect();
    }
    let mut run = LoadedRun::of(checkpoint, from, hardware.open()?)?;
    let (generator, fit) = (run.generator(), fit::quietly);
    let (windows, classifier) = (&mut *windows, classifier.as_mut());
    let mut subject = Subject { generator, data, seed, count, classifier, hardware, windows, fit };
    metrics.map(|metric| subject.measure(metric)).collect()
}
