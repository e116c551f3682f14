//! Batch, layer and spectral norm: ten steps against PyTorch (`golden/norms.py` made the numbers, which stand at its end);
//! samples that do not know their neighbours; states through checkpoints; what is refused.

use crate::common::golden::{examples, lines, names, worst};
use crate::common::{self, CLASSES, NUMBERS};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::Dataset;
use gansaku::exec::{Device, open};
use gansaku::inference::noise;
use gansaku::run::checkpoint;
use gansaku::train::Trainer;
use std::sync::Arc;

const SCRIPT: &str = include_str!("../golden/norms.py");
const LOSSES: f64 = 1e-5;
/// Five times what the script itself differs by in float32.
const STATES: f64 = 3e-4;
const SCORES: f64 = 1e-4;

fn config(sets: &[&str]) -> Config {
    let mut config = ConfigBuilder::recipe("mnist").expect("a recipe");
    let layers = [
        "seed=3",
        "train.batch=20",
        "latent={dim=10, distribution='normal'}",
        "loss={objective='non-saturating'}",
        "generator.layers=[{units=24, activation='relu', init={fan-in=1.4}}, {activation='sigmoid', init={fan-in=1.0}}]",
        "discriminator.layers=[{units=16, activation='leaky-relu', init={fan-in=1.4}}, {init={fan-in=1.0}}]",
        "optimizer.generator={lr=1e-2, rule={adam={beta1=0.5, beta2=0.999}}}",
        "optimizer.discriminator={lr=1e-2, rule={adam={beta1=0.5, beta2=0.999}}}",
        "ema.decay=0.0",
    ];
    layers.iter().chain(sets).for_each(|set| config.set(set).expect("a known key"));
    config.finish().expect("in range")
}

fn trainer(config: &Config, data: &Arc<Dataset>) -> Trainer {
    Trainer::new(config, data, open(Device::Cpu, 2).expect("threads")).expect("data that fit")
}

/// A tensor of the trainer's by the script's name, in files' order.
fn tensor(trainer: &mut Trainer, name: &str) -> Vec<f64> {
    let (letter, name) = name.split_once('.').expect("G or D in front");
    let name = name.replace("norm.", "norms.0.");
    let snapshot = trainer.snapshot().expect("finite");
    let network = snapshot.game.networks().all().iter().find(|n| n.path == letter).expect("G or D");
    let own = &snapshot.networks[network.optimizer.index()];
    let numbers = match network.parameters.iter().find(|p| p.name == name) {
        Some(p) => {
            let numbers = &own.weights[p.offset..p.offset + p.len()];
            // PyTorch's are [out, in].
            let (rows, columns) = (p.shape[0], p.shape.get(1).copied().unwrap_or(1));
            (0..columns).flat_map(|c| (0..rows).map(move |r| numbers[r * columns + c])).collect()
        }
        None => {
            let s = network.states.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name}"));
            own.states[s.offset..s.offset + s.len()].to_vec()
        }
    };
    numbers.into_iter().map(f64::from).collect()
}

fn compare(case: &str, sets: &[&str]) {
    let data = examples(36.into());
    let mut trainer = trainer(&config(sets), &data);
    let losses = lines(SCRIPT, case);
    assert_eq!(losses.len(), 10, "ten lines of {case}");
    let mut off = 0.0f64;
    for (i, expected) in losses.iter().enumerate() {
        trainer.step().expect("finite");
        let line = trainer.line(0.0).expect("finite");
        let found = ["d_loss", "g_loss"].map(|name| line.get(name).expect("a loss"));
        let error = worst(&found, &expected[1..]);
        assert!(error <= LOSSES, "{case}, step {}: losses {found:?}, PyTorch {expected:?}", i + 1);
        off = off.max(error);
    }
    let mut far = 0.0f64;
    for name in names(SCRIPT, case).into_iter().filter(|name| name != "score") {
        let (found, wanted) = (tensor(&mut trainer, &name), &lines(SCRIPT, &format!("{case}/{name}"))[0]);
        let error = worst(&found, wanted);
        assert!(error <= STATES, "{case}: {name} is {found:?}, PyTorch {wanted:?}");
        far = far.max(error);
    }
    let first = data.numbers_of(&data.train, 0..4);
    let scored = trainer.engine().expect("finite").score(&first, &[]).expect("a CPU");
    let scored: Vec<f64> = scored.logits.into_iter().map(f64::from).collect();
    let score = worst(&scored, &lines(SCRIPT, &format!("{case}/score"))[0]);
    assert!(score <= SCORES, "{case}: D on four examples is off by {score:.1e}");
    println!(
        "{case}: losses {off:.1e} of {LOSSES:.0e}, states {far:.1e} of {STATES:.0e}, scores {score:.1e}"
    );
}

#[test]
fn batch_norm_is_pytorchs() {
    compare("batch-norm", &["generator.layers.0.norm='batch'", "discriminator.layers.0.norm='batch'"]);
}

#[test]
fn layer_norm_is_pytorchs() {
    compare("layer-norm", &["discriminator.layers.0.norm='layer'"]);
}

#[test]
fn spectral_norm_is_pytorchs() {
    let both = ["discriminator.layers.0.spectral_norm=true", "discriminator.layers.1.spectral_norm=true"];
    compare("spectral-norm", &both);
}

/// A small conditional GAN with batch norm in both networks.
fn normed(changes: &str) -> Config {
    let norms =
        "generator.layers.0.norm = 'batch'\ndiscriminator.layers.0.norm = 'batch'\nconditional = true";
    common::config(&format!("{norms}\n{changes}"))
}

#[test]
fn a_sample_does_not_know_its_neighbours() {
    for decay in ["0.0", "0.9"] {
        let config = normed(&format!("ema.decay = {decay}"));
        let data = common::data(NUMBERS, CLASSES);
        let mut trainer = trainer(&config, &data);
        trainer.steps(5).expect("finite");
        let mut generator = trainer.generator(data.shape).expect("finite");
        let all = generator.samples(164, 4).expect("finite");
        for count in [1, 64, 100] {
            let some = generator.samples(count, 4).expect("finite");
            assert_eq!(some[..], all[..count * NUMBERS], "the first {count} of 164, decay {decay}");
        }
    }
}

#[test]
fn an_average_of_decay_0_samples_as_the_network_itself() {
    let config = normed("ema.decay = 0.0");
    let mut trainer = trainer(&config, &common::data(NUMBERS, CLASSES));
    trainer.steps(5).expect("finite");
    let snapshot = trainer.snapshot().expect("finite");
    let generator = &snapshot.networks[0];
    assert_eq!(generator.average, generator.weights, "the average is G itself");
    assert_ne!(generator.average_states, generator.states, "but its statistics are measured");
}

#[test]
fn standing_statistics_are_those_of_the_samples() {
    // G is one linear layer under batch norm: its outputs have mean β and variance γ² by the statistics of all its noise.
    let config = common::config(
        "generator.layers = [{ norm = 'batch', init = { fan-in = 1.0 } }]\ntrain.batch = 32\nema.decay = 0.0",
    );
    let data = common::data(NUMBERS, CLASSES);
    let mut trainer = trainer(&config, &data);
    trainer.steps(3).expect("finite");
    let (latent, count) = (noise(&config, 9, 4_000), 4_000);
    let samples = trainer.engine().expect("finite").sample(0, &latent, &[]).expect("a CPU");
    let snapshot = trainer.snapshot().expect("finite");
    let network = &snapshot.game.networks().all()[0];
    let of = |name: &str, unit: usize| {
        f64::from(snapshot.networks[0].weights[network.parameter(name).offset + unit])
    };
    for unit in 0..NUMBERS {
        let x: Vec<f64> = samples.chunks_exact(NUMBERS).map(|row| f64::from(row[unit])).collect();
        let mean = x.iter().sum::<f64>() / count as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
        let (gamma, beta) = (of("norms.0.weight", unit), of("norms.0.bias", unit));
        // 512 rows were measured, 4,000 drawn: standard errors of a mean .047 γ, of a variance .066 γ².
        assert!((mean - beta).abs() < 0.19 * gamma.abs(), "unit {unit}: mean {mean}, β {beta}");
        assert!((variance / gamma.powi(2) - 1.0).abs() < 0.27, "unit {unit}: variance {variance}, γ {gamma}");
    }
}

#[test]
fn states_go_through_checkpoints_and_averages_to_the_byte() {
    let data = common::data(NUMBERS, CLASSES);
    let spectral = "discriminator.layers.1.spectral_norm = true";
    for precision in ["fp32", "fp16", "bf16"] {
        let config = normed(&format!("{spectral}\ntrain.precision = '{precision}'"));
        let folder = tempfile::tempdir().expect("a folder");
        let save = |trainer: &mut Trainer, name: &str| {
            let path = checkpoint::save(&folder.path().join(name), &trainer.snapshot().expect("finite"));
            path.expect("saved")
        };
        let mut whole = trainer(&config, &data);
        whole.steps(6).expect("finite");
        let mut half = trainer(&config, &data);
        half.steps(3).expect("finite");
        let saved = save(&mut half, "half");
        let mut resumed = trainer(&config, &data);
        resumed.restore(checkpoint::load(&saved).expect("whole")).expect("the same model");
        resumed.steps(3).expect("finite");
        let manifest = |trainer: &mut Trainer, name: &str| {
            std::fs::read_to_string(save(trainer, name).join("MANIFEST.json")).expect("there")
        };
        assert_eq!(
            manifest(&mut whole, "a"),
            manifest(&mut resumed, "b"),
            "{precision}: SHA-256 of every file"
        );
    }
}

#[test]
fn files_have_pytorchs_names_and_types() {
    let config = normed("discriminator.layers.1.spectral_norm = true");
    let mut trainer = trainer(&config, &common::data(NUMBERS, CLASSES));
    trainer.steps(2).expect("finite");
    let folder = tempfile::tempdir().expect("a folder");
    let path = checkpoint::save(folder.path(), &trainer.snapshot().expect("finite")).expect("saved");
    let names = |file: &str| {
        let bytes = std::fs::read(path.join(file)).expect("there");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let mut all: Vec<String> = tensors
            .tensors()
            .iter()
            .map(|(name, t)| format!("{name} {:?} {:?}", t.dtype(), t.shape()))
            .collect();
        all.sort();
        all
    };
    let generator = [
        "layers.0.weight F32 [7, 7]",
        "layers.1.bias F32 [6]",
        "layers.1.weight F32 [6, 7]",
        "norms.0.bias F32 [7]",
        "norms.0.num_batches_tracked I64 []",
        "norms.0.running_mean F32 [7]",
        "norms.0.running_var F32 [7]",
        "norms.0.weight F32 [7]",
    ];
    // The small model's G says its bias.
    let with_bias: Vec<&str> = ["layers.0.bias F32 [7]"].into_iter().chain(generator).collect();
    assert_eq!(names("generator.safetensors"), with_bias);
    assert_eq!(names("generator_ema.safetensors"), with_bias);
    let discriminator = names("discriminator.safetensors");
    for name in [
        "layers.1.parametrizations.weight.0._u F32 [1]",
        "layers.1.parametrizations.weight.0._v F32 [5]",
        "layers.1.parametrizations.weight.original F32 [1, 5]",
    ] {
        assert!(discriminator.iter().any(|n| n == name), "{name} is not among {discriminator:?}");
    }
}

#[test]
fn norms_that_cannot_be_are_refused_by_name() {
    let refused = |sets: &[&str]| {
        let mut config = ConfigBuilder::recipe("mnist").expect("a recipe");
        sets.iter()
            .try_for_each(|set| config.set(set))
            .and_then(|()| config.finish().map(|_| ()))
            .expect_err("refused")
            .to_string()
    };
    let in_d = "discriminator.layers.0.norm=\"batch\"";
    for penalty in ["loss.r1=0.1", "loss.r2=0.1", "loss.gradient_penalty=10"] {
        let told = refused(&[penalty, in_d]);
        assert!(told.contains("discriminator.layers.0.norm") && told.contains("gradient penalty"), "{told}");
    }
    let told = refused(&["generator.layers.1.norm=\"batch\"", "train.batch=1"]);
    assert!(told.contains("generator.layers.1.norm") && told.contains("at least 2 rows"), "{told}");
    let told = refused(&["generator.layers.0.norm=\"bach\""]);
    assert!(told.contains("\"batch\""), "{told}");
    let told =
        refused(&["discriminator.layers.0.max_col_norm=2", "discriminator.layers.0.spectral_norm=true"]);
    assert!(told.contains("spectral_norm") && told.contains("max_col_norm"), "{told}");
}
