//! Games of one and of three networks, and inference, on the emulated GPU: what they leave and say is the CPU's.

use crate::common::games::{Autoencoder, Trio, carrier, data};
use crate::common::{self, CLASSES, NUMBERS};
use gansaku::config::Config;
use gansaku::data::Dataset;
use gansaku::doctor::probe::{Probe, Prober};
use gansaku::exec::cuda::Cuda;
use gansaku::exec::{self, Device};
use gansaku::inference::noise;
use gansaku::models::Game;
use gansaku::precision::Precision;
use gansaku::run::checkpoint;
use gansaku::train::Trainer;
use std::path::Path;
use std::sync::Arc;

type Make = fn(&Config) -> Arc<dyn Game>;

fn on_gpu(config: &Config, game: Arc<dyn Game>, data: &Arc<Dataset>, library: &Path, seed: u64) -> Trainer {
    let device = crate::gpu(library, seed);
    Trainer::of(config, game, data, |spec| Ok(Box::new(Cuda::of(device, spec)?))).expect("memory enough")
}

fn on_cpu(config: &Config, game: Arc<dyn Game>, data: &Arc<Dataset>) -> Trainer {
    Trainer::of(config, game, data, exec::open(Device::Cpu, 1).expect("a thread")).expect("memory enough")
}

#[test]
fn any_game_trains_saves_and_resumes_to_the_byte() {
    let Some(library) = crate::library(2) else { return };
    let games: [(&str, Make); 2] =
        [("one network", |c| Arc::new(Autoencoder::new(c))), ("three networks", |c| Arc::new(Trio::new(c)))];
    for (name, make) in games {
        for precision in [Precision::Fp32, Precision::Fp16] {
            let config = carrier(precision);
            let folder = tempfile::tempdir().expect("a folder");
            let save = |trainer: &mut Trainer, to: &str| {
                checkpoint::save(&folder.path().join(to), &trainer.snapshot().expect("finite"))
                    .expect("saved")
            };
            let manifest = |path: &Path| std::fs::read_to_string(path.join("MANIFEST.json")).expect("there");
            let mut whole = on_gpu(&config, make(&config), &data(), &library, 1);
            whole.steps(4).expect("finite");
            let found: Vec<(String, f64)> =
                whole.line(0.0).expect("finite").values().map(|(n, v)| (n.to_string(), v)).collect();
            let mut half = on_gpu(&config, make(&config), &data(), &library, 2);
            half.steps(2).expect("finite");
            let half = save(&mut half, "half");
            let mut resumed = on_gpu(&config, make(&config), &data(), &library, 3);
            let loaded = checkpoint::load_with(&half, |config, _| make(config)).expect("whole");
            resumed.restore(loaded).expect("the same game");
            resumed.steps(2).expect("finite");
            resumed.line(0.0).expect("finite");
            let (whole, resumed) = (save(&mut whole, "whole"), save(&mut resumed, "resumed"));
            assert_eq!(manifest(&whole), manifest(&resumed), "{name}, {}", precision.name());

            let mut cpu = on_cpu(&config, make(&config), &data());
            cpu.steps(4).expect("finite");
            let wanted = cpu.line(0.0).expect("finite");
            for (key, value) in found {
                let (cpu, most) = (wanted.get(&key).expect("the same numbers"), 2e-2);
                // Four steps at lr 1e-3: rounding alone, in 16 bits of hundredths.
                let allowed = if precision == Precision::Fp32 { 1e-4 } else { most } * cpu.abs().max(1.0);
                assert!(
                    (value - cpu).abs() <= allowed,
                    "{name}, {}: {key} {value}, CPU {cpu}",
                    precision.name()
                );
            }
        }
    }
}

/// Every number of a probe, by name.
fn numbers(probe: &Probe) -> Vec<(String, f64)> {
    let json = serde_json::to_value(probe).expect("numbers");
    let all = json.as_object().expect("an object").iter();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect()
}

#[test]
fn samples_scores_and_probes_are_the_cpus() {
    let Some(library) = crate::library(1) else { return };
    let changes =
        "generator.layers.0.norm = 'batch'\ndiscriminator.layers.0.spectral_norm = true\nconditional = true";
    let config = common::config(changes);
    let data = common::data(NUMBERS, CLASSES);
    let game = || gansaku::models::of(&config, data.shape, data.classes);
    let mut both = [on_gpu(&config, game(), &data, &library, 1), on_cpu(&config, game(), &data)];
    let seen = both.each_mut().map(|trainer| {
        trainer.steps(2).expect("finite");
        let mut engine = trainer.engine().expect("finite");
        let classes = engine.labels_of(1, 0..130);
        let samples = engine.sample(0, &noise(&config, 1, 130), &classes).expect("no fault");
        let scored = engine.score(&samples, &classes).expect("no fault");
        let probe = Prober::new(&config, &data).probe(&mut engine, 2).expect("no fault").expect("finite");
        (samples, scored, probe)
    });
    let [(a, of_a, probe_a), (b, of_b, probe_b)] = seen;
    let near = |what: &str, a: &[f32], b: &[f32]| {
        assert_eq!(a.len(), b.len(), "{what}");
        let worst = a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(worst < 2e-4, "{what}: {worst} apart");
    };
    near("samples", &a, &b);
    near("logits", &of_a.logits, &of_b.logits);
    near("features", &of_a.features, &of_b.features);
    for ((name, x), (_, y)) in numbers(&probe_a).iter().zip(numbers(&probe_b)) {
        assert!((x - y).abs() <= 1e-3 * y.abs().max(1.0), "{name}: {x} on the GPU, {y} on the CPU");
    }
    // What was looked at trains on as one that was not.
    let mut alone = on_gpu(&config, game(), &data, &library, 4);
    alone.steps(3).expect("finite");
    let [looked_at, _] = &mut both;
    looked_at.steps(1).expect("finite");
    let states = [looked_at, &mut alone].map(|t| t.snapshot().expect("finite").networks.into_owned());
    assert!(states[0] == states[1], "looking changes nothing");
}
