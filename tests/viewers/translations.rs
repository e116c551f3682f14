//! Exported generators of pictures from pictures, in onnxruntime and PyTorch: they make there what the f64 interpreter makes of
//! their graphs.

use crate::exports::{self, ONNX, PYTORCH, TOLERANCE};
use gansaku::config::{
    Architecture, Config, ConfigBuilder, Given, Latent, Model, Network, Norm, Scale, Source, Upsample,
};
use gansaku::data::Shape;
use gansaku::exec::NetworkState;
use gansaku::graph::{Op, interp};
use gansaku::models::{self, Direction};
use gansaku::pictures::Display;
use gansaku::rng::{Moment, PhiloxRng, stream};
use libtest_mimic::Failed;
use rand::RngExt;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pictures translated.
const ROWS: usize = 3;

/// Networks written from the papers, which take the file's tensors by its names.
const PLAIN: &str = r#"
import json, pathlib, sys
import numpy as np, torch
from safetensors.torch import load_file
sys.path.insert(0, "tests/golden")
import translators
BUILT = [
    lambda: translators.ResnetTranslator(3, 3, 2, 2), lambda: translators.Unet(3, 3, 2, 3), lambda: translators.Srgan(3, 2, 2, 2),
]
def made(folder, z, labels):
    model = BUILT[int(folder.name)]()
    model.load_state_dict(load_file(next(folder.glob("*.safetensors"))))
    with torch.no_grad():
        return (model(torch.from_numpy(z) * 2 - 1) * 0.5 + 0.5).numpy()
"#;

/// A translator to be exported.
struct Case {
    config: Config,
    shape: Shape,
    direction: Direction,
}

impl Case {
    fn new(model: Model, generator: Network, shape: [usize; 3]) -> Case {
        let mut config = ConfigBuilder::recipe("dcgan").and_then(ConfigBuilder::finish).expect("a recipe");
        config.model = model;
        config.data.source = Source::Invert;
        config.latent = Latent::default();
        config.train.discriminator_updates = gansaku::config::Updates::Always(1);
        config.train.noise = gansaku::config::Noise::Fresh;
        config.generator = Network { width: Some(2), pack: 1, ..generator };
        config.discriminator = Network {
            architecture: Architecture::Patch,
            width: Some(2),
            depth: Some(1),
            pack: 1,
            ..Network::default()
        };
        Case { config, shape: shape.into(), direction: Direction::Forward }
    }

    /// Every architecture, with and without norms, both ways up.
    fn all() -> Vec<Case> {
        let of = |architecture| Network { architecture, ..Network::default() };
        let blocks = |architecture| Network { blocks: Some(2), ..of(architecture) };
        let deep = |depth| Network { depth: Some(depth), ..of(Architecture::Unet) };
        let nearest = |network| Network { upsample: Some(Upsample::Nearest), ..network };
        let normed = |norm, network| Network { norm: Some(norm), ..network };
        let mut there = Case::new(Model::Cyclegan, blocks(Architecture::ResnetTranslator), [3, 16, 12]);
        there.config.data.scale = Scale::Signed;
        let back = Case { direction: Direction::Backward, config: there.config.clone(), ..there };
        let batch = normed(Norm::Batch, nearest(blocks(Architecture::ResnetTranslator)));
        let batch = Case::new(Model::Cyclegan, batch, [3, 8, 8]);
        let unet = Case::new(Model::Pix2pix, deep(3), [3, 8, 16]);
        let plain = Case::new(Model::Pix2pix, normed(Norm::None, nearest(deep(2))), [1, 8, 8]);
        let mut colours = Case::new(Model::Pix2pix, deep(3), [3, 8, 8]);
        colours.config.data.given = Some(Given::Grey);
        colours.config.data.scale = Scale::Signed;
        let superres = |norm, spectral_norm| {
            let network = normed(norm, Network { spectral_norm, ..blocks(Architecture::Srgan) });
            let mut case = Case::new(Model::Pix2pix, network, [3, 16, 24]);
            case.config.data.given = Some(Given::LowResolution);
            case
        };
        let dropping = Case::new(Model::Pix2pix, Network { width: Some(1), ..deep(6) }, [1, 64, 64]);
        let mut all = vec![there, back, batch, unet, plain, colours, dropping];
        all.extend([superres(Norm::None, Some(true)), superres(Norm::Batch, None)]);
        for case in &mut all {
            if case.config.data.given.is_some() {
                case.config.data.source = Source::Digits;
            }
        }
        all
    }

    /// The papers' networks, in their scale.
    fn papers() -> Vec<Case> {
        let of = |model, architecture, depth, blocks, shape| {
            let network = Network { architecture, depth, blocks, ..Network::default() };
            let mut case = Case::new(model, network, shape);
            case.config.data.scale = Scale::Signed;
            case
        };
        let mut larger = of(Model::Pix2pix, Architecture::Srgan, None, Some(2), [3, 16, 24]);
        larger.config.data.given = Some(Given::LowResolution);
        larger.config.data.source = Source::Digits;
        let there = of(Model::Cyclegan, Architecture::ResnetTranslator, None, Some(2), [3, 16, 12]);
        vec![there, of(Model::Pix2pix, Architecture::Unet, Some(3), None, [3, 8, 16]), larger]
    }

    fn random_draws(&self) -> bool {
        self.config.generator.depth == Some(6)
    }

    /// Writes a checkpoint with drawn weights, exports it, and writes pictures and what the interpreter makes of them.
    fn write(&self, folder: &Path, flags: &[&str]) {
        let (checkpoint, networks) = exports::saved(&self.config, self.shape, 0, folder);
        let name = checkpoint.display().to_string();
        let direction = ["--direction", if self.direction == Direction::Backward { "B2A" } else { "A2B" }];
        crate::program::run(folder, &[&["export", &name], &direction[..], flags].concat());

        let game = models::of(&self.config, self.shape, 0);
        let [read, made] = game.translation(self.direction).expect("it translates");
        let mut rng = PhiloxRng::new(7, stream("pictures"), 0);
        let pixels: Vec<f32> = (0..ROWS * read.len()).map(|_| rng.random()).collect();
        let made_numbers = self.translated(&networks[0], &read.interleaved(&pixels));
        let display = Display { shape: made, scale: self.config.data.scale, reach: None };
        let samples = made.planes(&display.unit(&made_numbers));
        let [least, most] =
            [f32::min, f32::max].map(|of| samples.iter().copied().reduce(of).expect("pixels"));
        println!("pixels from {least} to {most}");
        assert!(most - least > 0.1, "pictures are of one colour: {least} to {most}");
        let axes = |s: Shape| [s.channels, s.height, s.width];
        let about = json!({
            "dim": 0, "classes": 0, "reads": axes(read), "shape": axes(made), "random": self.random_draws(), "alone": true,
        });
        exports::write(folder, &about, &pixels, &samples).expect("written");
    }

    /// What the interpreter makes of pixels in [0, 1].
    fn translated(&self, memory: &NetworkState, pixels: &[f32]) -> Vec<f32> {
        let game = models::of(&self.config, self.shape, 0);
        let task = game.translating(self.direction, ROWS).expect("it translates");
        let (g, output) = (&task.graph, task.stage.outputs[0].1);
        let averaged = !memory.average.is_empty();
        let (weights, states) = match averaged {
            true => (&memory.average, &memory.average_states),
            false => (&memory.weights, &memory.states),
        };
        let signed = self.config.data.scale == Scale::Signed;
        let numbers: Vec<f32> = pixels.iter().map(|&p| if signed { 2.0 * p - 1.0 } else { p }).collect();
        let mut values = interp::Values::new();
        for var in g.topological(&[output]) {
            let node = g.node(var);
            let numbers = match &node.op {
                Op::Input(_) => &numbers[..],
                Op::Param { network, name, .. } => {
                    let p = game.networks().get(*network).parameter(name);
                    &weights[p.offset..][..p.len()]
                }
                Op::State { network, name } => {
                    let all = &game.networks().get(*network).states;
                    let s = all.iter().find(|s| s.name == *name).expect("a state");
                    &states[s.offset..][..s.len()]
                }
                _ => continue,
            };
            let numbers = numbers.iter().map(|&x| f64::from(x)).collect();
            values.insert(var, interp::Tensor::new(&node.shape, numbers));
        }
        interp::run(g, &[output], Moment { seed: 0, tick: 0 }, &mut values);
        values[&output].data.iter().map(|&x| x as f32).collect()
    }
}

/// Translators, each in a folder; what a script says of each is within the tolerance.
fn agree(cases: &[Case], python: &mut Command, script: &str, flags: &[&str]) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let folders: Vec<PathBuf> = (0..cases.len()).map(|i| place.path().join(i.to_string())).collect();
    for (case, folder) in cases.iter().zip(&folders) {
        fs::create_dir_all(folder.join("checkpoints"))?;
        case.write(folder, flags);
    }
    let worst = exports::run(python, script, &folders)?;
    assert_eq!(worst.len(), cases.len());
    for (i, (case, worst)) in cases.iter().zip(&worst).enumerate() {
        println!("{i}: {:.4} of the tolerance", worst / TOLERANCE);
        assert!(*worst <= TOLERANCE, "case {i}: {worst:e}\n{:#?}", case.config.generator);
    }
    Ok(())
}

/// ONNX files in onnxruntime.
pub fn onnxruntime_translates_alike(python: &mut Command) -> Result<(), Failed> {
    agree(&Case::all(), python, ONNX, &["--onnx", "g.onnx"])
}

/// `model.py` in PyTorch.
pub fn pytorch_translates_alike(python: &mut Command) -> Result<(), Failed> {
    agree(&Case::all(), python, PYTORCH, &["--torch", "."])
}

/// CycleGAN's, pix2pix's and SRGAN's generators as their papers have them.
pub fn networks_of_the_papers_take_the_weights(python: &mut Command) -> Result<(), Failed> {
    agree(&Case::papers(), python, PLAIN, &["--torch", "."])
}

/// `model.py` as a program makes a file's picture larger.
pub fn model_py_translates_a_file(python: &mut Command) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("checkpoints"))?;
    Case::papers().pop().expect("the last makes larger").write(folder.path(), &["--torch", "."]);
    let small = image::RgbaImage::from_fn(6, 4, |x, y| image::Rgba([40 * x as u8, 60 * y as u8, 9, 200]));
    small.save(folder.path().join("small.png"))?;
    let output = python.current_dir(folder.path()).args(["model.py", "small.png"]).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let large = image::open(folder.path().join("model.png"))?.to_rgb8();
    assert_eq!(large.dimensions(), (24, 16));
    assert!(large.pixels().any(|p| p != large.get_pixel(0, 0)), "it is of more than one colour");
    Ok(())
}
