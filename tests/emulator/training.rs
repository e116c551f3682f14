//! Training as `gansaku train` does it, on the emulated GPU: the same lines of metrics as on the CPU, and a
//! checkpoint from the device that goes on to the byte.

use gansaku::config::{Config, Layers};
use gansaku::data::{self, Dataset};
use gansaku::exec::cuda::Cuda;
use gansaku::exec::{self, Device};
use gansaku::run::{Line, checkpoint};
use gansaku::train::Trainer;
use std::path::Path;
use std::sync::Arc;

const SETS: [&str; 10] = [
    "data.count=100",
    "train.batch=9",
    "latent.dim=5",
    "conditional=true",
    "generator.layers.0.units=13",
    "generator.layers.1.units=17",
    "discriminator.layers.0.units=18",
    "discriminator.layers.1.units=11",
    // Small steps: roundings in another order grow slowly.
    "optimizer.generator.lr=1e-5",
    "optimizer.discriminator.lr=1e-5",
];

fn small() -> (Config, Arc<Dataset>) {
    let mut layers = Layers::recipe("digits").expect("a recipe");
    SETS.iter().for_each(|set| layers.set(set).expect("a known key"));
    let config = layers.finish().expect("in range");
    let data = data::load(&config.data, config.seed).expect("drawn");
    (config, Arc::new(data))
}

fn on_gpu(config: &Config, data: &Arc<Dataset>, library: &Path) -> Trainer {
    let device = crate::gpu(library, 3);
    Trainer::new(config, data, |job| Ok(Box::new(Cuda::of(device, job)?))).expect("memory enough")
}

fn steps(trainer: &mut Trainer, count: usize) -> Line {
    (0..count).for_each(|_| trainer.step().expect("finite"));
    trainer.line(0.0).expect("finite")
}

#[test]
fn metrics_are_the_cpus() {
    let Some(library) = crate::library(1) else { return };
    let (config, data) = small();
    let mut gpu = on_gpu(&config, &data, &library);
    let mut cpu =
        Trainer::new(&config, &data, exec::open(Device::Cpu, 1).expect("a thread")).expect("data that fit");
    for _ in 0..3 {
        let (a, b) = (steps(&mut gpu, 2), steps(&mut cpu, 2));
        assert_eq!(a.step, b.step);
        let pairs = [
            (a.d_loss, b.d_loss),
            (a.g_loss, b.g_loss),
            (a.d_real, b.d_real),
            (a.d_fake, b.d_fake),
            (a.penalty.expect("penalties"), b.penalty.expect("penalties")),
            (a.d_gradient_norm, b.d_gradient_norm),
            (a.g_gradient_norm, b.g_gradient_norm),
        ];
        for (x, y) in pairs {
            assert!(
                (x - y).abs() <= 1e-4 * y.abs().max(0.1),
                "step {}: {x} on the GPU, {y} on the CPU",
                a.step
            );
        }
        assert_eq!((a.accuracy_real, a.accuracy_fake), (b.accuracy_real, b.accuracy_fake));
    }
}

#[test]
fn a_checkpoint_from_the_device_goes_on_to_the_byte() {
    let Some(library) = crate::library(1) else { return };
    let (config, data) = small();
    let folder = tempfile::tempdir().expect("a folder");
    let mut whole = on_gpu(&config, &data, &library);
    steps(&mut whole, 3);
    let path = checkpoint::save(folder.path(), &whole.snapshot().expect("finite")).expect("room");
    let line = steps(&mut whole, 3);
    let mut resumed = on_gpu(&config, &data, &library);
    resumed.restore(checkpoint::load(&path).expect("whole")).expect("the same model");
    assert_eq!(steps(&mut resumed, 3), line);
    let save = |trainer: &mut Trainer, name: &str| {
        let to = folder.path().join(name);
        let path = checkpoint::save(&to, &trainer.snapshot().expect("finite")).expect("room");
        std::fs::read(path.join("MANIFEST.json")).expect("there")
    };
    assert_eq!(save(&mut resumed, "resumed"), save(&mut whole, "whole"), "SHA-256 of every file");
}
