//! `model.py`: a run's generator in plain PyTorch, to be read and changed by people.
//!
//! Each architecture writes its own modules and forward pass, a file each; what stands around them is written here. Modules
//! are named as the tensors in files are, so that `load_state_dict` takes a checkpoint's file as it is.

mod dcgan;
mod layers;
mod noise;
mod norms;
mod resnet;
mod resnet_translator;
mod rpgan_resnet;
mod srgan;
mod stylegan2;
mod translation;
mod unet;

use crate::architectures::Makes;
use crate::config::{Activation, Architecture, Config, Role};
use crate::data::Shape;
use crate::models::{self, Direction, Game};
use crate::nn::Network;
use crate::run::checkpoint::{Checkpoint, State, averaged};

/// The file's name in a run's folder.
pub const FILE: &str = "model.py";

/// The generator, of two translators the one in this direction.
fn generator(game: &dyn Game, direction: Direction) -> &Network {
    let mut all = game.networks().all().iter().filter(|n| n.role == Role::Generator);
    let last = all.clone().count() - 1;
    all.nth(last.min(usize::from(direction == Direction::Backward))).expect("G is a network")
}

/// Name of the file of weights that samples are made with, or translations in this direction: the averaged ones where the model
/// keeps such.
pub fn weights(game: &dyn Game, direction: Direction) -> String {
    let networks = game.networks();
    let averages = models::rules(game).into_iter().zip(networks.optimizers());
    let kept = averages.filter(|(rule, _)| rule.average).any(|(_, o)| networks.role(o) == Role::Generator);
    let name = &generator(game, direction).name;
    format!("{}.safetensors", if kept { averaged(name) } else { name.clone() })
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
    /// What `forward` takes beside what every such module does.
    options: String,
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
            Architecture::Stylegan2 => stylegan2::body(source),
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

/// What stands around an architecture's code: what goes into the module, and what comes out of it.
struct Ends {
    /// Packages that the file needs beside torch and safetensors.
    packages: &'static str,
    /// How it is run and called: text above the code.
    usage: String,
    /// Constants behind the name of the weights.
    constants: Vec<String>,
    /// What `forward` takes.
    arguments: String,
    /// Lines of `forward` in front of the architecture's, up to its x.
    before: Vec<String>,
    /// Lines of `forward` behind them.
    after: Vec<String>,
    /// Functions beside the module.
    functions: Vec<String>,
    /// Lines of the file as a program, with the newest file of weights as `files[-1]`.
    main: String,
}

/// The text of `model.py` for a run of this configuration, whose data the state knows; of two translators the one in this
/// direction.
pub fn code(config: &Config, state: &State, direction: Direction) -> String {
    let game = Checkpoint::model(config, state);
    let network = generator(&*game, direction);
    let (ends, source) = match game.translates() {
        Some(translates) => translation::ends(&*game, config, network, translates, direction),
        None => noise::ends(&*game, config, network, state),
    };
    let body = Body::of(&source);
    let mut py = head(config, &ends, &body);
    let mut line = |text: &str| py.push_str(&format!("{text}\n"));
    line(&format!("WEIGHTS = \"{}\"", weights(&*game, direction)));
    ends.constants.iter().for_each(|text| line(text));
    body.classes.iter().chain(&ends.functions).for_each(|text| line(&format!("\n\n{text}")));
    line("\n\nclass Generator(nn.Module):\n    def __init__(self):\n        super().__init__()");
    body.init.iter().for_each(|text| line(&format!("        {text}")));
    let options = if body.options.is_empty() { String::new() } else { format!(", {}", body.options) };
    line(&format!("\n    def forward(self, {}{options}):", ends.arguments));
    let forward = ends.before.iter().chain(&body.forward).chain(&ends.after);
    forward.for_each(|text| line(&format!("        {text}")));
    line("\n\ndef load(file):\n    state = load_file(file)");
    body.load.iter().for_each(|text| line(&format!("    {text}")));
    line("    model = Generator()\n    model.load_state_dict(state)\n    return model.eval()");
    line(&format!(
        r#"

if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    files = sorted([*here.glob(f"checkpoints/step-*/{{WEIGHTS}}"), *here.glob(WEIGHTS)])
{}"#,
        ends.main
    ));
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
fn head(config: &Config, ends: &Ends, body: &Body) -> String {
    let is_spectral =
        [&body.init, &body.classes].iter().any(|all| all.iter().any(|text| text.contains(SPECTRAL)));
    let spectral =
        if is_spectral { "\nfrom torch.nn.utils.parametrizations import spectral_norm" } else { "" };
    format!(
        r#""""The generator of {}, as gansaku {} trains it, in PyTorch.

    pip install torch safetensors{}
    {}
"""
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn{spectral}

"#,
        config.recipe,
        env!("CARGO_PKG_VERSION"),
        ends.packages,
        ends.usage,
    )
}
