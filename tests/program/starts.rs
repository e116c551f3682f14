//! Starts from other weights: which files are taken, which tensors, and what is refused.

use crate::common::program::{refused, run, says, train, workplace};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn weights_start_a_new_run() {
    let folder = workplace();
    let path = train(folder.path(), "first", &[], &[]);
    for from in [
        "runs/first",
        "runs/first/checkpoints/step-000000040",
        "runs/first/checkpoints/step-000000040/generator.safetensors",
    ] {
        let talk = run(
            folder.path(),
            &[
                "train",
                "digits",
                "--config",
                "small.toml",
                "--init-from",
                from,
                "--steps",
                "1",
                "--set",
                "optimizer.generator.lr=1e-30",
            ],
        );
        says(&talk, &["start: 2 layers of the generator"]);
    }
    // With a learning rate of nothing, G is still the first run's.
    let generator = "checkpoints/step-000000001/generator.safetensors";
    let tensors = |file: PathBuf| fs::read(file).expect("there");
    assert_eq!(
        tensors(folder.path().join("runs/00000-digits").join(generator)),
        tensors(path.join("checkpoints/step-000000040/generator.safetensors"))
    );
    // D's augmentation, which the first run does not have, begins anew.
    let augmented =
        ["train", "digits", "--config", "small.toml", "--init-from", "runs/first", "--steps", "1"];
    says(
        &run(folder.path(), &[&augmented[..], &["--set", "augment.ada_kimg=1.0"]].concat()),
        &["start: 2 layers of the generator and 2 layers of the discriminator"],
    );
    // A file says itself whose weights it holds.
    fs::copy(
        path.join("checkpoints/step-000000040/discriminator.safetensors"),
        folder.path().join("mine.safetensors"),
    )
    .expect("copied");
    let mine =
        ["train", "digits", "--config", "small.toml", "--init-from", "mine.safetensors", "--steps", "1"];
    says(&run(folder.path(), &mine), &["start: 2 layers of the discriminator from mine.safetensors"]);
    let other = [
        "train",
        "digits",
        "--config",
        "small.toml",
        "--set",
        "generator.layers.0.units=9",
        "--init-from",
        "runs/first",
    ];
    says(
        &refused(folder.path(), &other, 4),
        &["generator.safetensors", "layers.0.weight is F32 [24, 8]", "needs F32 [9, 8]"],
    );
    let pictures = folder.path().join("colour");
    fs::create_dir(&pictures).expect("made");
    for i in 0..40u8 {
        let picture = image::RgbImage::from_fn(28, 28, |x, y| image::Rgb([i, x as u8, y as u8]));
        picture.save(pictures.join(format!("{i}.png"))).expect("written");
    }
    let colour = ["train", "digits", "--config", "small.toml", "--data", "colour", "--size", "28"];
    says(
        &refused(folder.path(), &[&colour[..], &["--init-from", "runs/first"]].concat(), 4),
        &["generator.safetensors", "needs F32 [2352, ", "data of other sizes or channels"],
    );
    let gone = ["train", "digits", "--config", "small.toml", "--init-from", "runs/gone"];
    says(&refused(folder.path(), &gone, 4), &["runs/gone", "no such run"]);
}

/// Makes a number of a tensor NaN in a file of safetensors: element `index` of the tensor `name`.
fn spoil(file: &Path, name: &str, index: usize) {
    let mut bytes = fs::read(file).expect("there");
    let (head, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("safetensors");
    let (from, _) = header.info(name).expect("that tensor").data_offsets;
    // Eight bytes of length, the header, then the numbers.
    bytes[8 + head + from + 4 * index..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(file, bytes).expect("written");
}

#[test]
fn a_nan_among_weights_is_named_before_anything_is_made_of_them() {
    let folder = workplace();
    let path = train(folder.path(), "r", &[], &["--steps", "10"]);
    let newest = path.join("checkpoints/step-000000010");
    let mine = folder.path().join("mine.safetensors");
    fs::copy(newest.join("generator.safetensors"), &mine).expect("copied");
    spoil(&mine, "layers.0.weight", 11);
    let start = ["train", "digits", "--config", "small.toml", "--init-from", "mine.safetensors"];
    says(
        &refused(folder.path(), &start, 4),
        &["mine.safetensors: layers.0.weight[1, 3] is NaN; every weight must be a finite number"],
    );
    assert!(!folder.path().join("runs/00000-digits").exists(), "nothing is begun");
    // A checkpoint whose manifest is right all the same: nothing samples it or exports it.
    spoil(&newest.join("generator_ema.safetensors"), "layers.1.bias", 5);
    let bytes = fs::read(newest.join("generator_ema.safetensors")).expect("there");
    let manifest = newest.join("MANIFEST.json");
    let mut sums: serde_json::Value =
        serde_json::from_slice(&fs::read(&manifest).expect("there")).expect("JSON");
    sums["files"]["generator_ema.safetensors"]["sha256"] = gansaku::run::checkpoint::sha256(&bytes).into();
    fs::write(&manifest, sums.to_string()).expect("written");
    let newest = newest.display().to_string();
    for call in [vec!["sample", &newest], vec!["export", &newest, "--onnx", "g.onnx"]] {
        says(&refused(folder.path(), &call, 4), &["generator_ema.safetensors: layers.1.bias[5] is NaN"]);
    }
    assert!(!folder.path().join("g.onnx").exists());
}
