//! `gansaku export`: what it leaves, what it says, what it refuses. What the files make is shown in `viewers.rs`.

use crate::common::program::{refused, run, says, workplace};
use std::fs;

#[test]
fn a_generator_is_exported_and_what_cannot_be_is_refused() {
    let folder = workplace();
    let here = folder.path();
    let small = ["train", "digits", "--config", "small.toml", "--steps", "10", "--name", "r"];
    run(here, &small);
    let export = |more: &[&str]| run(here, &[&["export", "runs/r"], more].concat());
    let told = export(&["--onnx", "g.onnx", "--torch", "g"]);
    says(&told, &["operators 17, z float [N, 8], image float [N, 1, 28, 28]", "try: python g/model.py"]);
    let file = |name: &str| fs::read(here.join(name)).expect(name);
    assert_eq!(file("g/model.py"), file("runs/r/model.py"));
    let weights = "checkpoints/step-000000010/generator_ema.safetensors";
    assert_eq!(file("g/generator_ema.safetensors"), file(&format!("runs/r/{weights}")));
    let first = file("g.onnx");
    says(&export(&["--onnx", "g.onnx"]), &["replaced g.onnx"]);
    assert_eq!(file("g.onnx"), first, "equal commands make equal bytes");
    let no = |more: &[&str], code| refused(here, &[&["export", "runs/r"], more].concat(), code);
    no(&[], 2);
    says(&no(&["--onnx", "no/g.onnx"], 2), &["there is no folder no"]);
    says(&no(&["--torch", "g.onnx"], 2), &["that is a file; expected a folder"]);
    says(&refused(here, &["export", "runs/s", "--onnx", "g.onnx"], 4), &["runs/s", "did you mean runs/r?"]);
}
