//! Games of one and of three networks: they train, save, resume to the byte, and do their tasks, though nobody but the test
//! knows them.

use crate::common::games::{Autoencoder, Trio, carrier, data};
use gansaku::config::Config;
use gansaku::exec::{Device, open};
use gansaku::models::{Game, PortKind, TaskKind};
use gansaku::precision::Precision;
use gansaku::run::checkpoint;
use gansaku::train::Trainer;
use std::path::Path;
use std::sync::Arc;

type Make = fn(&Config) -> Arc<dyn Game>;

const GAMES: [(&str, Make, &[&str]); 2] = [
    ("one network", |c| Arc::new(Autoencoder::new(c)), &["generator", "generator_ema"]),
    (
        "three networks",
        |c| Arc::new(Trio::new(c)),
        &["discriminator", "generator.a", "generator.b", "generator_ema.a", "generator_ema.b"],
    ),
];

fn trainer(config: &Config, make: Make, threads: usize) -> Trainer {
    let device = open(Device::Cpu, threads).expect("threads");
    Trainer::of(config, make(config), &data(), device).expect("memory")
}

fn save(trainer: &mut Trainer, folder: &Path) -> std::path::PathBuf {
    checkpoint::save(folder, &trainer.snapshot().expect("finite")).expect("saved")
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .expect("a checkpoint")
        .map(|e| e.expect("listed"))
        .map(|e| (e.file_name().to_string_lossy().into_owned(), std::fs::read(e.path()).expect("read")))
        .collect();
    all.sort();
    all
}

#[test]
fn any_game_trains_saves_and_resumes_to_the_byte() {
    for (name, make, networks) in GAMES {
        for precision in [Precision::Fp32, Precision::Fp16] {
            let config = carrier(precision);
            let folder = tempfile::tempdir().expect("a folder");
            let at = |part: &str| folder.path().join(part);
            let mut whole = trainer(&config, make, 1);
            whole.steps(6).expect("finite");
            let whole = save(&mut whole, &at("whole"));

            let mut first = trainer(&config, make, 2);
            first.steps(3).expect("finite");
            let half = save(&mut first, &at("half"));
            let loaded = checkpoint::load_with(&half, |config, _| make(config)).expect("whole");
            let mut second = trainer(&config, make, 2);
            second.restore(loaded).expect("the same game");
            second.steps(3).expect("finite");
            let resumed = save(&mut second, &at("half"));
            let (whole, resumed) = (files(&whole), files(&resumed));
            assert!(whole == resumed, "{name}, {}: a resume goes on to the byte", precision.name());

            let found: Vec<&str> = whole.iter().filter_map(|(n, _)| n.strip_suffix(".safetensors")).collect();
            let wanted: Vec<&str> = networks.iter().copied().chain(["optimizer"]).collect();
            assert_eq!(found, wanted, "{name}");
            assert!(files(&half) != whole, "{name}: training moves something");
        }
    }
}

#[test]
fn a_line_has_the_numbers_that_the_game_lists_and_no_other() {
    for (name, make, _) in GAMES {
        for precision in [Precision::Fp32, Precision::Fp16] {
            let config = carrier(precision);
            let mut trainer = trainer(&config, make, 1);
            trainer.steps(3).expect("finite");
            let line = trainer.line(0.0).expect("finite");
            let listed = make(&config).statistics();
            let listed: Vec<&str> = listed.iter().map(|s| s.name.as_str()).collect();
            let found: Vec<&str> = line.values().map(|(name, _)| name).collect();
            assert_eq!(found, listed, "{name}, {}", precision.name());
            assert!(
                line.get("g_gradient_norm").is_some_and(|norm| norm > 0.0),
                "{name}: something is updated"
            );
        }
    }
}

#[test]
fn tasks_run_on_the_trainings_own_executor_and_leave_it_as_it_was() {
    for (name, make, _) in GAMES {
        let config = carrier(Precision::Fp32);
        let (mut looked_at, mut alone) = (trainer(&config, make, 1), trainer(&config, make, 1));
        for _ in 0..3 {
            looked_at.step().expect("finite");
            alone.step().expect("finite");
            let mut engine = looked_at.engine().expect("finite");
            let (kind, port) = match name {
                "one network" => (TaskKind::Score, PortKind::Examples),
                _ => (TaskKind::Sample, PortKind::Latent),
            };
            let width = engine.tasks.input_width(kind, port);
            let numbers: Vec<f32> = (0..7 * width).map(|i| (i as f32).cos()).collect();
            let all = engine.run(kind, 0, &[(port, &numbers)]).expect("a CPU").swap_remove(0);
            let one =
                engine.run(kind, 4, &[(port, &numbers[4 * width..5 * width])]).expect("a CPU").swap_remove(0);
            let row = all.len() / 7;
            assert_eq!(one[..], all[4 * row..5 * row], "{name}: whatever stands beside it");
        }
        let [a, b] =
            [&mut looked_at, &mut alone].map(|t| t.snapshot().expect("finite").networks.into_owned());
        assert!(a == b, "{name}: looking changes nothing");
    }
}
