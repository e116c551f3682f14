//! Training through `train`'s own session, on a device of the test's choice.

use super::devices::{Calls, Faulty};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::error::{Error, Result};
use gansaku::exec::Device;
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::launch::Driver;
use gansaku::run::checkpoint;
use gansaku::train::{Request, Start, train_on};

use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A run of six steps with all that a run does: lines, pictures, checkpoints.
const SETS: [&str; 14] = [
    "data.count=60",
    "train.batch=8",
    "train.steps=6",
    "latent.dim=4",
    "conditional=true",
    "generator.layers.0.units=6",
    "generator.layers.1.units=7",
    "discriminator.layers.0.units=8",
    "discriminator.layers.1.units=5",
    "log.every=1",
    "log.samples_every=3",
    "log.samples=4",
    "checkpoint.every=2",
    "checkpoint.keep=9",
];

/// The run's configuration.
pub fn config() -> Config {
    let mut layers = ConfigBuilder::recipe("digits").expect("a recipe");
    SETS.iter().for_each(|set| layers.set(set).expect("a known key"));
    layers.finish().expect("in range")
}

/// A new run in `folder/run`, or what is there resumed, on a device.
pub fn train<D: Driver + 'static>(folder: &Path, resume: bool, device: D) -> Result<()> {
    let start = match resume {
        true => Start::Resume(run(folder)),
        false => Start::New { out: folder.into(), name: Some("run".into()), init_from: None },
    };
    let request = Request { config: config(), start, device: Device::Cpu, threads: 1, time: None };
    train_on(&request, Box::new(|job| Ok(Box::new(Cuda::of(device, job)?)))).map(drop)
}

/// Where [`train`] trains.
pub fn run(folder: &Path) -> PathBuf {
    folder.join("run")
}

/// Device calls that a whole run makes, in a folder of its own.
pub fn whole<D: Driver + 'static>(folder: &Path, device: D) -> usize {
    let calls = Rc::<Calls>::default();
    train(folder, false, Faulty::new(device, usize::MAX, &calls)).expect("no fault, no error");
    calls.get()
}

/// Trains until the device's `fail_at`-th call fails. The error, which came at once.
pub fn interrupted<D: Driver + 'static>(folder: &Path, resume: bool, device: D, fail_at: usize) -> Error {
    let calls = Rc::<Calls>::default();
    let error =
        train(folder, resume, Faulty::new(device, fail_at, &calls)).expect_err("a fault ends the run");
    assert_eq!(calls.get(), fail_at + 1, "call {fail_at}: a lost device is asked no more");
    assert_eq!(error.exit_code(), 5, "call {fail_at}: {error}");
    error
}

/// Steps of the checkpoints in a folder, all of which must load, and must have nothing unfinished beside them.
pub fn checkpoints(folder: &Path) -> Vec<u64> {
    let folder = run(folder).join("checkpoints");
    let list = checkpoint::list(&folder).expect("listed");
    for (step, path) in &list {
        let loaded = checkpoint::load(path).expect("a whole checkpoint");
        assert_eq!(loaded.state.step, *step, "{}", path.display());
    }
    let entries = std::fs::read_dir(&folder).map_or(0, |entries| entries.count());
    assert_eq!(entries, list.len(), "{}: nothing but checkpoints", folder.display());
    let mut steps: Vec<u64> = list.iter().map(|(step, _)| *step).collect();
    steps.sort_unstable();
    steps
}
