//! The architecture "layers": a line of `__init__` and a line of `forward` a layer. An activation or norm more is an arm more
//! in [`Layer::activation`] or [`Layer::norm`].

use super::{Body, Source, spectral};
use crate::config::{self, Activation, Norm};
use crate::data::Shape;
use crate::nn::Network;

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
        if self.config.spectral_norm { spectral(&linear, "") } else { linear }
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
        let config::Layer { slope, pieces, activation, .. } = self.config;
        match activation {
            Activation::Maxout => format!("{x}.view(-1, {pieces}, {}).amax(1)", self.units),
            other => super::activation(*other, *slope, x),
        }
    }
}

/// The layers of G.
pub(super) fn body(of: &Source) -> Body {
    let (shape, mut inputs) = (of.makes.picture, of.inputs);
    let layers: Vec<Layer> = of
        .config
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
    let mut forward = vec![];
    if layers.iter().any(|l| l.config.keep < 1.0) {
        forward.push("# Dropout is part of this generator: its masks are noise as z is.".into());
    }
    forward.extend(layers.iter().map(|layer| format!("x = {}", layer.forward())));
    if !shape.is_point() {
        let Shape { channels, height, width } = shape;
        forward.push(format!("x = x.view(-1, {channels}, {height}, {width})"));
    }
    Body {
        layers: layers.iter().map(Layer::module).collect(),
        norms: layers.iter().filter_map(|l| Some((l.number, l.norm()?))).collect(),
        forward,
        load: interleaved(of.network, &layers, shape),
    }
}

/// Lines that put a colour picture's numbers in planes in those tensors of the last layer which files keep pixel by pixel: a
/// norm's, and spectral norm's vector of the units. The layer's own weight and bias are in planes already.
fn interleaved(network: &Network, layers: &[Layer], shape: Shape) -> Vec<String> {
    let Some(last) = layers.last().filter(|_| !shape.is_of_one_order()) else { return vec![] };
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
