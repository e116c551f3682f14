//! The architecture "layers": a line of `__init__` and a line of `forward` a layer. A kind, an activation or a norm more is an
//! arm more in [`Layer::module`], [`Layer::activation`] or [`Layer::norm`].

use super::{Body, Source, norms, pair, spectral};
use crate::architectures::layers::{Flow, Layers};
use crate::config::{self, Activation, BiasPer, Kind, Norm};
use crate::data::Shape;
use crate::nn::Network;

/// A layer of G and its place.
struct Layer<'a> {
    number: usize,
    reads: Flow,
    makes: Flow,
    /// The picture that each piece of a linear layer's columns is, where it is one.
    columns: Option<Shape>,
    config: &'a config::Layer,
}

impl Layer<'_> {
    /// Columns or channels of the affine map.
    fn width(&self) -> usize {
        self.units() * self.config.pieces
    }

    /// Those of a piece.
    fn units(&self) -> usize {
        match self.makes {
            Flow::Maps(maps) if self.config.kind != Kind::Linear => maps.channels,
            made => made.numbers(),
        }
    }

    /// Maps that it reads, as the module's arguments need them.
    fn read_maps(&self) -> Shape {
        match self.reads {
            Flow::Maps(maps) => maps,
            Flow::Vector(_) => unreachable!("checked with the data"),
        }
    }

    /// The module of the affine map, or of a pool.
    fn module(&self) -> String {
        let config::Layer { kernel, stride, pad, .. } = *self.config;
        let [kernel, stride, pad] = [kernel.unwrap_or(1), stride.unwrap_or(1), pad.unwrap_or(0)];
        let has_bias = self.config.bias().is_some() && self.single_biases().is_none();
        let bias = if has_bias { "" } else { ", bias=False" };
        let convolution = |class: &str| {
            let mut arguments = format!("{}, {}, {kernel}", self.read_maps().channels, self.width());
            if stride != 1 {
                arguments += &format!(", {stride}");
            }
            if pad > 0 {
                arguments += &format!(", padding={pad}");
            }
            format!("{class}({arguments}{bias})")
        };
        let (module, more) = match self.config.kind {
            Kind::Linear => (format!("nn.Linear({}, {}{bias})", self.reads.numbers(), self.width()), ""),
            Kind::Conv => (convolution("nn.Conv2d"), ""),
            // Kernels are matrices by their first axis here, whichever way they convolve.
            Kind::ConvTranspose => (convolution("nn.ConvTranspose2d"), ", dim=0"),
            Kind::MaxPool => {
                let Shape { height, width, .. } = self.read_maps();
                let sides = pair([kernel.min(height), kernel.min(width)]);
                return format!("nn.MaxPool2d({sides}, {stride}, ceil_mode=True)");
            }
        };
        if self.config.spectral_norm { spectral(&module, more) } else { module }
    }

    /// The maps that each element has a bias of its own of.
    fn single_biases(&self) -> Option<Shape> {
        match self.makes {
            Flow::Maps(maps)
                if self.config.bias_per == Some(BiasPer::Element) && self.config.bias().is_some() =>
            {
                Some(Shape { channels: self.width(), ..maps })
            }
            _ => None,
        }
    }

    /// The module of its norm.
    fn norm(&self) -> Option<String> {
        let (norm, width) = (self.config.norm?, self.width());
        match (self.config.kind, norm) {
            (Kind::Linear, Norm::Batch) => Some(format!("nn.BatchNorm1d({width})")),
            (Kind::Linear, Norm::Layer) => Some(format!("nn.LayerNorm({width})")),
            _ => norms::module(norm, &width.to_string(), false),
        }
    }

    /// The layer on x, as an expression.
    fn forward(&self) -> String {
        let (i, keep) = (self.number, self.config.keep);
        let flattens = self.config.kind == Kind::Linear && matches!(self.reads, Flow::Maps(_));
        let x = if flattens { "x.flatten(1)" } else { "x" };
        let x = if keep < 1.0 { format!("F.dropout({x}, 1 - {keep})") } else { x.into() };
        let x = format!("self.layers[{i}]({x})");
        let x = if self.single_biases().is_some() { format!("({x} + self.biases[\"{i}\"])") } else { x };
        let x = if self.norm().is_some() { format!("self.norms[\"{i}\"]({x})") } else { x };
        let x = self.activation(x);
        match self.config.reshape {
            Some([channels, height, width]) => format!("{x}.view(-1, {channels}, {height}, {width})"),
            None => x,
        }
    }

    fn activation(&self, x: String) -> String {
        let config::Layer { slope, pieces, activation, .. } = self.config;
        match activation {
            Activation::Maxout => format!("{x}.unflatten(1, ({pieces}, {})).amax(1)", self.units()),
            other => super::activation(*other, *slope, x),
        }
    }
}

/// The layers of G.
pub(super) fn body(of: &Source) -> Body {
    let shape = of.makes.picture;
    let generator = Layers::generator(&of.config.generator, of.makes);
    let mut reads = Flow::Vector(of.reads.len());
    let flows = generator.flows(reads);
    let layers: Vec<Layer> = generator
        .layers
        .iter()
        .zip(flows)
        .enumerate()
        .map(|(number, (config, makes))| {
            let columns = generator.columns(number);
            let layer = Layer { number, reads, makes, columns, config };
            reads = makes;
            layer
        })
        .collect();
    let mut forward = vec![];
    if layers.iter().any(|l| l.config.keep < 1.0) {
        forward.push("# Dropout is part of this generator: its masks are noise as z is.".into());
    }
    forward.extend(layers.iter().map(|layer| format!("x = {}", layer.forward())));
    match reads {
        Flow::Maps(_) if shape.is_point() => forward.push("x = x.flatten(1)".into()),
        Flow::Vector(_) if !shape.is_point() => {
            let Shape { channels, height, width } = shape;
            forward.push(format!("x = x.view(-1, {channels}, {height}, {width})"));
        }
        _ => {}
    }
    let mut body = Body { forward, ..Body::default() };
    body.list("layers", &layers.iter().map(Layer::module).collect::<Vec<_>>());
    let norms = layers.iter().filter_map(|l| Some((l.number, l.norm()?)));
    body.dict("norms", &norms.collect::<Vec<_>>());
    biases(&mut body, &layers);
    layers.iter().for_each(|layer| body.load.extend(interleaved(of.network, layer)));
    body
}

/// Declares biases of single elements, which no convolution of PyTorch has, and takes them from the layers of the file.
fn biases(body: &mut Body, layers: &[Layer]) {
    let single: Vec<_> = layers.iter().filter_map(|l| Some((l.number, l.single_biases()?))).collect();
    if single.is_empty() {
        return;
    }
    body.init.push("self.biases = nn.ParameterDict({".into());
    for (i, Shape { channels, height, width }) in single {
        body.init.push(format!("    \"{i}\": torch.zeros({channels}, {height}, {width}),"));
        let taken = format!("state.pop(\"layers.{i}.bias\").view({channels}, {height}, {width})");
        body.load.push(format!("state[\"biases.{i}\"] = {taken}"));
    }
    body.init.push("})".into());
}

/// Lines that put numbers of maps in planes in those tensors of a linear layer which files keep pixel by pixel. Where it makes
/// maps: a norm's, spectral norm's vector of the units, and the rows of a weight that reads maps, too, whose columns files
/// have in planes. Where it reads maps: spectral norm's vector of the inputs.
fn interleaved(network: &Network, layer: &Layer) -> Vec<String> {
    let own = |name: &str| name.split('.').nth(1) == Some(&layer.number.to_string());
    let width = layer.width();
    let parameters = network.parameters.iter().filter(|p| {
        let columns = p.shape.len() == 2 && p.pixels.is_some_and(|pixels| pixels.axis == 1);
        let bias = p.shape.len() == 1 && p.pixels.is_some();
        p.shape.last() == Some(&width) && !columns && !bias
    });
    let states = network.states.iter().filter(|s| s.shape == [width] && !s.name.ends_with("_v"));
    let of_units = parameters.map(|p| &p.name[..]).chain(states.map(|s| &s.name[..]));
    let inputs = network.states.iter().filter(|s| s.name.ends_with("_v")).map(|s| &s.name[..]);
    let is_linear = layer.config.kind == Kind::Linear;
    let read = match layer.reads {
        Flow::Maps(maps) if is_linear => Some(maps),
        _ => None,
    };
    let turned = |names: Vec<&str>, maps: Option<Shape>| {
        let names: Vec<String> =
            names.iter().filter(|name| own(name)).map(|name| format!("{name:?}")).collect();
        let Some(Shape { channels, height, width }) =
            maps.filter(|maps| !maps.is_of_one_order() && !names.is_empty())
        else {
            return vec![];
        };
        let planes = format!("unflatten(0, (-1, {height}, {width}, {channels})).movedim(3, 1).flatten(0, 3)");
        vec![
            "# The file has these pixel by pixel, and what they belong to plane by plane.".into(),
            format!("for name in [{}]:", names.join(", ")),
            format!("    state[name] = state[name].{planes}"),
        ]
    };
    let mut lines = turned(of_units.collect(), layer.columns);
    lines.extend(turned(inputs.collect(), read));
    lines
}
