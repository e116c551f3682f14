//! `model.py`: a run's generator in plain PyTorch, to be read and changed by people.
//!
//! The architecture "layers" is a line of `__init__` and a line of `forward` a layer: an activation or norm more is an arm
//! more in [`Layer::activation`] or [`Layer::norm`]. Modules are named as the tensors in files are, so that
//! `load_state_dict` takes a checkpoint's file as it is.

use crate::config::{self, Activation, Config, Distribution, Norm, Role, Scale};
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

/// A layer of G and its place.
struct Layer<'a> {
    number: usize,
    inputs: usize,
    units: usize,
    config: &'a config::Layer,
}

impl Layer<'_> {
    /// Columns of the affine map.
    fn width(&self) -> usize {
        self.units * self.config.pieces
    }

    /// The module of the affine map.
    fn module(&self) -> String {
        let bias = if self.config.bias().is_some() { "" } else { ", bias=False" };
        let linear = format!("nn.Linear({}, {}{bias})", self.inputs, self.width());
        if self.config.spectral_norm { format!("spectral_norm({linear})") } else { linear }
    }

    /// The module of its norm.
    fn norm(&self) -> Option<String> {
        let class = match self.config.norm? {
            Norm::Batch => "nn.BatchNorm1d",
            Norm::Layer => "nn.LayerNorm",
        };
        Some(format!("{class}({})", self.width()))
    }

    /// The layer on x, as an expression.
    fn forward(&self) -> String {
        let (i, keep) = (self.number, self.config.keep);
        let x = if keep < 1.0 { format!("F.dropout(x, 1 - {keep})") } else { "x".into() };
        let x = format!("self.layers[{i}]({x})");
        let x = if self.config.norm.is_some() { format!("self.norms[\"{i}\"]({x})") } else { x };
        self.activation(x)
    }

    fn activation(&self, x: String) -> String {
        let config::Layer { slope, pieces, .. } = self.config;
        match self.config.activation {
            Activation::Linear => x,
            Activation::Relu => format!("F.relu({x})"),
            Activation::LeakyRelu => format!("F.leaky_relu({x}, {slope})"),
            Activation::Tanh => format!("torch.tanh({x})"),
            Activation::Sigmoid => format!("torch.sigmoid({x})"),
            Activation::Maxout => format!("{x}.view(-1, {pieces}, {}).amax(1)", self.units),
        }
    }
}

/// The text of `model.py` for a run of this configuration, whose data the state knows.
pub fn code(config: &Config, state: &State) -> String {
    let game = Checkpoint::model(config, state);
    let (shape, dim) = (Shape::from(state.example), config.latent.dim);
    let classes = models::classes(&*game);
    let mut inputs = dim + classes;
    let layers: Vec<Layer> = config
        .generator
        .layers
        .iter()
        .enumerate()
        .map(|(number, config)| {
            let units = config.units.unwrap_or(shape.len());
            let layer = Layer { number, inputs, units, config };
            inputs = units;
            layer
        })
        .collect();
    let conditional = classes > 0;
    let asked = if conditional { ", label" } else { "" };
    let drawn = if conditional { ", torch.arange(n) % CLASSES" } else { "" };
    let mut py = head(config, shape, conditional, layers.iter().any(|l| l.config.spectral_norm));
    let mut line = |text: &str| py.push_str(&format!("{text}\n"));
    line(&format!("WEIGHTS = \"{}\"", weights(&*game)));
    if conditional {
        line(&format!("CLASSES = {classes}"));
        if let Some(table) = state.class_table.as_ref().filter(|table| !table.names.is_empty()) {
            line(&format!("NAMES = {}", serde_json::to_string(&table.names).expect("texts")));
        }
    }
    line("\n\nclass Generator(nn.Module):\n    def __init__(self):\n        super().__init__()");
    line("        self.layers = nn.ModuleList([");
    layers.iter().for_each(|layer| line(&format!("            {},", layer.module())));
    line("        ])");
    let norms = layers.iter().filter_map(|l| Some(format!("\"{}\": {}", l.number, l.norm()?)));
    let norms = norms.collect::<Vec<_>>().join(", ");
    if !norms.is_empty() {
        line(&format!("        self.norms = nn.ModuleDict({{{norms}}})"));
    }
    line(&format!("\n    def forward(self, z{asked}):"));
    line(if conditional {
        "        x = torch.cat([z, F.one_hot(label, CLASSES).to(z)], 1)"
    } else {
        "        x = z"
    });
    if layers.iter().any(|l| l.config.keep < 1.0) {
        line("        # Dropout is part of this generator: its masks are noise as z is.");
    }
    layers.iter().for_each(|layer| line(&format!("        x = {}", layer.forward())));
    samples(config, shape).iter().for_each(|text| line(&format!("        {text}")));
    line("\n\ndef noise(n):");
    line(&match config.latent.distribution {
        Distribution::Normal => format!("    return torch.randn(n, {dim})"),
        Distribution::Uniform => format!("    return (2 * torch.rand(n, {dim}) - 1) * 3 ** 0.5"),
    });
    line("\n\ndef load(file):\n    state = load_file(file)");
    let generator = game.networks().all().iter().find(|n| n.role == Role::Generator);
    interleaved(generator, &layers, shape).iter().for_each(|text| line(&format!("    {text}")));
    line("    model = Generator()\n    model.load_state_dict(state)\n    return model.eval()");
    line(&tail(shape, drawn));
    py
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

/// From the last layer's numbers to samples: lines of `forward`.
fn samples(config: &Config, shape: Shape) -> Vec<String> {
    if shape.is_point() {
        return vec!["return x".into()];
    }
    let Shape { channels, height, width } = shape;
    let x = format!("x.view(-1, {channels}, {height}, {width})");
    match config.data.scale {
        Scale::Unit => vec![format!("return {x}.clamp(0, 1)")],
        Scale::Signed => vec![format!("return ({x} * 0.5 + 0.5).clamp(0, 1)")],
        Scale::Gcn => vec![
            "# Normalised pictures have lost their brightness: grey is in the middle.".into(),
            format!("x = {x}"),
            "return (x / x.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-8) * 0.5 + 0.5).clamp(0, 1)"
                .into(),
        ],
    }
}

/// Lines that put a colour picture's numbers in planes in those tensors of the last layer which files keep pixel by pixel: a
/// norm's, and spectral norm's vector of the units. The layer's own weight and bias are in planes already.
fn interleaved(network: Option<&Network>, layers: &[Layer], shape: Shape) -> Vec<String> {
    let (Some(network), Some(last)) = (network, layers.last()) else { return vec![] };
    if shape.is_of_one_order() {
        return vec![];
    }
    let own = |name: &str| name.split('.').nth(1) == Some(&last.number.to_string());
    let parameters = network
        .parameters
        .iter()
        .filter(|p| p.pixels.is_none() && p.shape == [last.width()])
        .map(|p| &p.name);
    let states = network
        .states
        .iter()
        .filter(|s| s.shape == [last.width()] && !s.name.ends_with("_v"))
        .map(|s| &s.name);
    let names: Vec<String> =
        parameters.chain(states).filter(|name| own(name)).map(|name| format!("{name:?}")).collect();
    if names.is_empty() {
        return vec![];
    }
    let Shape { channels, height, width } = shape;
    vec![
        "# The file has these pixel by pixel, and the last layer's weight plane by plane.".into(),
        format!("for name in [{}]:", names.join(", ")),
        format!(
            "    state[name] = state[name].view(-1, {height}, {width}, {channels}).permute(0, 3, 1, 2).flatten()"
        ),
    ]
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
