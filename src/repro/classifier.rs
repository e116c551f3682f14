//! The classifier that labels stacked digits: the one given, or one trained beside the runs and kept there.

use super::order::{Job, Order};
use crate::data::{self, Shape, identity};
use crate::error::Result;
use crate::eval::classifier::{Classifier, ClassifierSpec};
use crate::models::classifier::Recipe;
use crate::train::fit;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a classifier lies that was trained here.
fn own(order: &Order) -> PathBuf {
    order.out.join("classifier.safetensors")
}

/// The classifier of a job whose experiment needs one, once there is one.
///
/// # Errors
/// When it cannot be read, or is of other data than the job's.
pub fn of(order: &Order, job: &Job) -> Result<Option<Classifier>> {
    let (experiment, config) = (job.experiment, job.config());
    if !experiment.classifier {
        return Ok(None);
    }
    let path = order.classifier.clone().unwrap_or_else(|| own(order));
    if order.classifier.is_none() && !path.exists() {
        return Ok(None);
    }
    let classifier = Classifier::load(&path, order.hardware)?;
    let whole = data::load(&identity::whole(&config.data), config.seed)?;
    // A stack's channels are looked at one by one.
    classifier.fits(&identity::identity(&config.data)?, Shape { channels: 1, ..whole.shape })?;
    Ok(Some(classifier))
}

/// Trains the classifier of a job whose experiment needs one and has none yet; it takes minutes.
///
/// # Errors
/// When the data have no labels, or training fails.
pub fn make(order: &Order, job: &Job) -> Result<()> {
    let (experiment, config) = (job.experiment, job.config());
    if !experiment.classifier || order.classifier.is_some() || own(order).exists() {
        return Ok(());
    }
    tell!("classifier of {}", experiment.title);
    let dataset = data::load(&identity::whole(&config.data), config.seed)?;
    let identity = identity::identity(&config.data)?;
    let (name, recipe) = (experiment.name.clone(), Recipe::standard(dataset.shape));
    let spec = ClassifierSpec { name, identity, recipe, seed: 0, hardware: order.hardware };
    let device = order.hardware.open()?;
    let dataset = Arc::new(dataset.hold_out(config.data.hold_out));
    let trained = fit::classifier(&spec, &dataset, device)?;
    trained.save(&own(order))?;
    tell!("test accuracy {:.2} %", 100.0 * trained.card.accuracy);
    Ok(())
}
