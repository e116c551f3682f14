//! `model.py`: a run's generator in plain PyTorch, to be read and changed by people.
//!
//! Each architecture writes its own modules and forward pass, a file each; what stands around them is written here. Modules
//! are named as the tensors in files are, so that `load_state_dict` takes a checkpoint's file as it is.

mod dcgan;
mod layers;
mod norms;
mod resnet;
mod resnet_translator;
mod rpgan_resnet;
mod srgan;
mod unet;

use crate::architectures::Makes;
use crate::config::{Activation, Architecture, Condition, Config, Distribution, Role, Scale};
use crate::data::Shape;
use crate::models::{self, Game};
use crate::nn::Network;
use crate::run::checkpoint::{Checkpoint, State, averaged};

/// The file's name in a run's folder.
pub const FILE: &str = "model.py";

/// Name of the file of weights that samples are made with: the averaged ones where the model keeps such.
pub fn weights(game: &dyn Game) -> String {
    let networks = game.networks();
    let averages = models::rules(game).into_iter().zip(networks.optimizers());
    let kept = averages.filter(|(rule, _)| rule.average).any(|(_, o)| networks.role(o) == Role::Generator);
    let name = Role::Generator.name();
    format!("{}.safetensors", if kept { averaged(name) } else { name.to_string() })
}

/// What an architecture's code is made of.
struct Source<'a> {
    config: &'a Config,
    network: &'a Network,
    makes: Makes,
    /// What goes into the network: noise and label as a point of so many numbers, or a picture.
    reads: Shape,
    /// One-hot length; 0 without labels.
    classes: usize,
}

/// An architecture's code.
#[derive(Default)]
struct Body {
    /// Classes of modules that the generator is made of, in front of it.
    classes: Vec<String>,
    /// Lines of `__init__`.
    init: Vec<String>,
    /// Lines of `forward`, from x `[n, inputs]` or pictures on: pictures are `[n, channels, height, width]`.
    forward: Vec<String>,
    /// Lines of `load` that change the tensors of `state`, where a file has others.
    load: Vec<String>,
}

impl Body {
    fn of(source: &Source) -> Body {
        match source.config.generator.architecture {
            Architecture::Layers => layers::body(source),
            Architecture::Dcgan => dcgan::body(source),
            Architecture::Resnet => resnet::body(source),
            Architecture::RpganResnet => rpgan_resnet::body(source),
            Architecture::ResnetTranslator => resnet_translator::body(source),
            Architecture::Unet => unet::body(source),
            Architecture::Srgan => srgan::body(source),
            Architecture::Patch => unreachable!("no generator"),
        }
    }

    /// Declares a list of modules.
    fn list(&mut self, name: &str, modules: &[String]) {
        self.init.push(format!("self.{name} = nn.ModuleList(["));
        self.init.extend(modules.iter().map(|module| format!("    {module},")));
        self.init.push("])".into());
    }

    /// Declares modules by number, where there are any.
    fn dict(&mut self, name: &str, modules: &[(usize, String)]) {
        if modules.is_empty() {
            return;
        }
        self.init.push(format!("self.{name} = nn.ModuleDict({{"));
        self.init.extend(modules.iter().map(|(i, module)| format!("    \"{i}\": {module},")));
        self.init.push("})".into());
    }
}

/// The text of `model.py` for a run of this configuration, whose data the state knows.
pub fn code(config: &Config, state: &State) -> String {
    let game = Checkpoint::model(config, state);
    let (shape, dim) = (Shape::from(state.example), config.latent.dim);
    let classes = models::classes(&*game);
    let network = game.networks().all().iter().find(|n| n.role == Role::Generator).expect("G is a network");
    let makes = Makes::of(shape, config.data.scale);
    let conditional = classes > 0;
    // Labels that norms read do not join the noise.
    let joined = conditional && config.generator.condition != Some(Condition::Norm);
    let inputs = dim + if joined { classes } else { 0 };
    let body = Body::of(&Source { config, network, makes, reads: inputs.into(), classes });
    let asked = if conditional { ", label" } else { "" };
    let drawn = if conditional { ", torch.arange(n) % CLASSES" } else { "" };
    let mut py = head(
        config,
        shape,
        conditional,
        [&body.init, &body.classes].iter().any(|all| all.iter().any(|text| text.contains(SPECTRAL))),
    );
    let mut line = |text: &str| py.push_str(&format!("{text}\n"));
    line(&format!("WEIGHTS = \"{}\"", weights(&*game)));
    if conditional {
        line(&format!("CLASSES = {classes}"));
        if let Some(table) = state.class_table.as_ref().filter(|table| !table.names.is_empty()) {
            line(&format!("NAMES = {}", serde_json::to_string(&table.names).expect("texts")));
        }
    }
    body.classes.iter().for_each(|text| line(&format!("\n\n{text}")));
    line("\n\nclass Generator(nn.Module):\n    def __init__(self):\n        super().__init__()");
    body.init.iter().for_each(|text| line(&format!("        {text}")));
    line(&format!("\n    def forward(self, z{asked}):"));
    line(if joined {
        "        x = torch.cat([z, F.one_hot(label, CLASSES).to(z)], 1)"
    } else {
        "        x = z"
    });
    body.forward.iter().for_each(|text| line(&format!("        {text}")));
    samples(config, shape).iter().for_each(|text| line(&format!("        {text}")));
    line("\n\ndef noise(n):");
    line(&match config.latent.distribution {
        Distribution::Normal => format!("    return torch.randn(n, {dim})"),
        Distribution::Uniform => format!("    return (2 * torch.rand(n, {dim}) - 1) * 3 ** 0.5"),
    });
    line("\n\ndef load(file):\n    state = load_file(file)");
    body.load.iter().for_each(|text| line(&format!("    {text}")));
    line("    model = Generator()\n    model.load_state_dict(state)\n    return model.eval()");
    line(&tail(shape, drawn));
    py
}

/// The function that divides a module's weight by its greatest singular value.
const SPECTRAL: &str = "spectral_norm";

/// A module under spectral norm, with more arguments behind it.
fn spectral(module: &str, more: &str) -> String {
    format!("{SPECTRAL}({module}{more})")
}

/// Two numbers as PyTorch takes them: one where they are equal.
fn pair([a, b]: [usize; 2]) -> String {
    if a == b { a.to_string() } else { format!("({a}, {b})") }
}

/// An activation of which nothing but x is to be known, as an expression.
fn activation(activation: Activation, slope: f32, x: String) -> String {
    match activation {
        Activation::Linear => x,
        Activation::Relu => format!("F.relu({x})"),
        Activation::LeakyRelu => format!("F.leaky_relu({x}, {slope})"),
        Activation::Tanh => format!("torch.tanh({x})"),
        Activation::Sigmoid => format!("torch.sigmoid({x})"),
        Activation::Maxout => unreachable!("maxout has pieces"),
    }
}

/// What stands above the code: how to use it, and imports.
fn head(config: &Config, shape: Shape, conditional: bool, spectral: bool) -> String {
    let Shape { channels, height, width } = shape;
    let (made, pillow) = match shape.is_point() {
        true => (format!("points [n, {channels}]"), ""),
        false => (format!("pictures [n, {channels}, {height}, {width}] in [0, 1]"), " pillow"),
    };
    let label = if conditional { ", label" } else { "" };
    let spectral = if spectral { "\nfrom torch.nn.utils.parametrizations import spectral_norm" } else { "" };
    format!(
        r#""""The generator of {}, as gansaku {} trains it, in PyTorch.

    pip install torch safetensors{pillow}
    python {FILE} [FILE.safetensors]    draws samples, from the newest checkpoint unless told

model = load(FILE); model(noise(n){label}) makes {made}.
"""
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn{spectral}

"#,
        config.recipe,
        env!("CARGO_PKG_VERSION")
    )
}

/// From what the last layer makes to samples: lines of `forward`.
fn samples(config: &Config, shape: Shape) -> Vec<String> {
    if shape.is_point() {
        return vec!["return x".into()];
    }
    match config.data.scale {
        Scale::Unit => vec!["return x.clamp(0, 1)".into()],
        Scale::Signed => vec!["return (x * 0.5 + 0.5).clamp(0, 1)".into()],
        Scale::Gcn => vec![
            "# Normalised pictures have lost their brightness: grey is in the middle.".into(),
            "return (x / x.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-8) * 0.5 + 0.5).clamp(0, 1)"
                .into(),
        ],
    }
}

/// What the file does as a program: sixteen samples as a picture, or as numbers.
fn tail(shape: Shape, drawn: &str) -> String {
    let shown = match (shape.is_point(), shape.channels) {
        (true, _) => "    print(x)",
        (false, 3) => "    x = torch.cat(list(x), 2).permute(1, 2, 0)",
        (false, _) => "    x = torch.cat(list(x[:, 0]), 1)",
    };
    let saved = match shape.is_point() {
        true => "",
        false => {
            "\n    from PIL import Image\n    Image.fromarray((x * 255).round().byte().numpy()).save(\"model.png\")"
        }
    };
    format!(
        r#"

if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    files = sorted([*here.glob(f"checkpoints/step-*/{{WEIGHTS}}"), *here.glob(WEIGHTS)])
    n = 16
    with torch.no_grad():
        x = load(sys.argv[1] if len(sys.argv) > 1 else files[-1])(noise(n){drawn})
{shown}{saved}"#
    )
}
