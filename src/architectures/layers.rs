//! The architecture "layers": a list of layers, one behind the other. Pictures flow through convolutions and pools; a linear
//! layer flattens what it gets.

use super::ends::{Forward, Makes, Reads};
use super::join::{packed, packed_labels, packed_pictures, with_labels, with_planes};
use super::net::{Net, Purpose};
use super::norms;
use crate::config::{Activation, BiasPer, Kind, Layer, Network};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Graph, Var, Window};
use crate::nn::{self, Conv, Linear, Scope, Start};

/// A list of layers between two ends.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// First to last.
    pub layers: &'a [Layer],
    /// Units of the last layer, where it does not say.
    pub output: usize,
    /// The picture that the input begins with in blocks of so many numbers, where it does.
    pub reads: Option<(Shape, usize)>,
    /// The picture that the output is, where it is one.
    pub makes: Option<Shape>,
}

/// What goes from one layer to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Rows of so many numbers.
    Vector(usize),
    /// Maps of one size.
    Maps(Shape),
}

impl Flow {
    /// Numbers a row.
    pub fn numbers(self) -> usize {
        match self {
            Flow::Vector(n) => n,
            Flow::Maps(maps) => maps.len(),
        }
    }

    fn is_picture(self) -> bool {
        matches!(self, Flow::Maps(_))
    }
}

impl std::fmt::Display for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Flow::Vector(n) => write!(f, "{n}"),
            Flow::Maps(Shape { channels, height, width }) => write!(f, "{channels}×{height}×{width}"),
        }
    }
}

impl<'a> Layers<'a> {
    /// Noise to an example; the layers say themselves what follows the last of them.
    pub fn generator(network: &'a Network, makes: Makes) -> Layers<'a> {
        let (output, picture) = (makes.picture.len(), makes.picture);
        Layers { layers: &network.layers, output, reads: None, makes: Some(picture) }
    }

    /// Packs of examples, labels behind each, to what is said of them.
    fn discriminator(network: &'a Network, reads: Reads) -> Layers<'a> {
        let Reads { picture, classes, outputs, .. } = reads;
        let pictures = Some((picture, picture.len() + classes));
        Layers { layers: &network.layers, output: outputs, reads: pictures, makes: None }
    }

    /// Examples and labels as the first layer takes them: planes behind channels where it convolves, else joined rows.
    fn joined(&self, g: &Graph, reads: Reads, x: Var, labels: Option<Var>) -> Var {
        match first(self.layers, reads).is_picture() {
            true => {
                let labels = labels.map(|labels| packed_labels(g, labels, reads.pack));
                with_planes(g, packed_pictures(g, x, reads.picture, reads.pack), labels)
            }
            false => packed(g, x, labels, reads.pack),
        }
    }

    /// The layers on `x`, `[rows, inputs]` or, in front of convolutions, `[rows, height, width, channels]`: rows of numbers.
    pub fn forward(&self, s: &Scope, x: Var) -> Forward {
        let (mut h, mut features) = (x, None);
        for i in 0..self.layers.len() {
            features = (i > 0).then(|| flat(s.g, h));
            h = self.layer(s, h, i);
        }
        Forward { output: flat(s.g, h), features, classes: None }
    }

    /// Layer `i`: dropout on the input, an affine map, a norm, an activation; or a pool.
    fn layer(&self, s: &Scope, x: Var, i: usize) -> Var {
        let l = &self.layers[i];
        if l.kind == Kind::MaxPool {
            let kernel = l.kernel.unwrap_or(1);
            return s.g.scoped(&format!("layers.{i}"), || {
                nn::resample::max_pool(s.g, x, kernel, l.stride.unwrap_or(1))
            });
        }
        s.within(&format!("layers.{i}"), |inside| {
            let x = nn::dropout(inside, x, l.keep);
            let h = match l.kind {
                Kind::Linear => self.linear(inside, x, i),
                _ => self.convolution(inside, x, i),
            };
            let norm = s.under(&format!("norms.{i}"));
            let activate = |g: &Graph, h: Var| match l.activation {
                Activation::Maxout => nn::maxout(g, h, l.pieces),
                activation => nn::activate(g, h, activation, l.slope),
            };
            let kind = l.norm.unwrap_or_default();
            let h = match l.pieces {
                1 => norms::normalised(&norm, kind, h, Start::Value(1.0), None, activate),
                // Maxout takes columns apart: it waits until minibatches are one again.
                _ => activate(s.g, norms::normalised(&norm, kind, h, Start::Value(1.0), None, |_, h| h)),
            };
            match l.reshape {
                Some([channels, height, width]) => {
                    s.g.reshape(h, &[s.g.shape(h)[0], height, width, channels])
                }
                None => h,
            }
        })
    }

    /// The picture that each piece of a linear layer's columns is, where it is one.
    pub fn columns(&self, i: usize) -> Option<Shape> {
        let l = &self.layers[i];
        let (units, is_last) = (l.units.unwrap_or(self.output), i + 1 == self.layers.len());
        let reshaped = l.reshape.map(|[channels, height, width]| Shape { channels, height, width });
        // Of another width than a picture's the output will pass for none.
        reshaped.or(self.makes.filter(|picture| is_last && picture.len() == units))
    }

    fn linear(&self, s: &Scope, x: Var, i: usize) -> Var {
        let l = &self.layers[i];
        let units = l.units.unwrap_or(self.output);
        // Maps are flattened in the order of files, as the picture that a network reads.
        let reads = match s.g.shape(x)[..] {
            [_, height, width, channels] => {
                let maps = Shape { channels, height, width };
                Some((maps, maps.len()))
            }
            _ => self.reads.filter(|_| i == 0),
        };
        let affine = Linear {
            units: units * l.pieces,
            init: l.init,
            bias: l.bias().map(|bias| Start::Bias(bias, l.activation)),
            column_limit: l.max_col_norm,
            reads,
            makes: self.columns(i),
            spectral_norm: l.spectral_norm,
        };
        nn::linear(s, flat(s.g, x), affine)
    }

    fn convolution(&self, s: &Scope, x: Var, i: usize) -> Var {
        let l = &self.layers[i];
        let [_, height, width, channels] = s.g.shape(x)[..] else { panic!("layer {i} convolves vectors") };
        let made =
            self.after(Flow::Maps(Shape { channels, height, width }), i).expect("checked with the data");
        let Flow::Maps(made) = made else { unreachable!("convolutions make maps") };
        let start = l.bias().map(|bias| Start::Bias(bias, l.activation));
        let single = l.bias_per == Some(BiasPer::Element);
        let convolution = Conv {
            channels: made.channels * l.pieces,
            window: window(l),
            init: l.init,
            bias: start.filter(|_| !single),
            spectral_norm: l.spectral_norm,
        };
        let h = match l.kind {
            Kind::Conv => nn::conv2d(s, x, convolution),
            _ => nn::conv_transpose2d(s, x, convolution, [made.height, made.width]),
        };
        match start.filter(|_| single) {
            Some(start) => nn::bias_of_elements(s, h, start),
            None => h,
        }
    }

    /// What layer `i` makes of its input; none where it cannot take it.
    fn after(&self, input: Flow, i: usize) -> Option<Flow> {
        let l = &self.layers[i];
        let picture = |[channels, height, width]: [usize; 3]| Flow::Maps(Shape { channels, height, width });
        let Flow::Maps(Shape { channels, height, width }) = input else {
            let vector = Flow::Vector(l.units.unwrap_or(self.output));
            return (l.kind == Kind::Linear).then(|| l.reshape.map_or(vector, picture));
        };
        let made = l.channels.or(self.makes.map(|picture| picture.channels)).unwrap_or(self.output);
        let sides = [height, width];
        let [kernel, stride, pad] = [l.kernel.unwrap_or(1), l.stride.unwrap_or(1), l.pad.unwrap_or(0)];
        match l.kind {
            Kind::Linear => {
                let vector = Flow::Vector(l.units.unwrap_or(self.output));
                Some(l.reshape.map_or(vector, picture))
            }
            Kind::Conv => {
                let [height, width] = window(l).positions(sides)?;
                Some(picture([made, height, width]))
            }
            Kind::ConvTranspose => {
                let side = |n: usize| ((n - 1) * stride + kernel).checked_sub(2 * pad).filter(|&n| n > 0);
                Some(picture([made, side(height)?, side(width)?]))
            }
            Kind::MaxPool => {
                let side = |n: usize| n.saturating_sub(kernel).div_ceil(stride) + 1;
                Some(picture([channels, side(height), side(width)]))
            }
        }
    }

    /// What each layer makes, from the input on; of one that cannot take it, what it got.
    pub fn flows(&self, input: Flow) -> Vec<Flow> {
        let mut flow = input;
        let made = (0..self.layers.len()).map(|i| {
            flow = self.after(flow, i).unwrap_or(flow);
            flow
        });
        made.collect()
    }

    /// Widths from the input on: `100 → 240×5 → 784`; maps as channels, height and width.
    fn outline_from(&self, input: Flow) -> String {
        let widths = self.layers.iter().zip(self.flows(input)).map(|(l, flow)| {
            let pieces = if l.pieces > 1 { format!("×{}", l.pieces) } else { String::new() };
            match flow {
                Flow::Vector(_) => format!("{flow}{pieces}"),
                Flow::Maps(_) => {
                    format!("{flow}{}", if l.pieces > 1 { format!(" of {}", l.pieces) } else { pieces })
                }
            }
        });
        std::iter::once(input.to_string()).chain(widths).collect::<Vec<_>>().join(" → ")
    }

    /// Widths from packs of examples on.
    fn outline_of(&self, reads: Reads) -> String {
        self.outline_from(first(self.layers, reads))
    }

    /// Widths from so many numbers on.
    pub fn outline(&self, inputs: usize) -> String {
        self.outline_from(Flow::Vector(inputs))
    }

    /// Checks that each layer can take what the one before it makes.
    fn fits(&self, name: &str, input: Flow) -> Result<Flow> {
        (0..self.layers.len()).try_fold(input, |flow, i| {
            let l = &self.layers[i];
            let kind = word(l.kind);
            if let Some(Flow::Maps(maps)) = self.after(flow, i) {
                let remedy = "take a smaller kernel or stride before it";
                let at = format!("{name}.layers.{i}");
                norms::check(l.norm.unwrap_or_default(), &at, [maps.height, maps.width], remedy)?;
            }
            self.after(flow, i).ok_or_else(|| {
                let what = match flow {
                    Flow::Vector(n) => format!(
                        "{kind} needs maps, but gets a vector of {n}; let the linear layer before it say reshape = \
                         [channels, height, width]"
                    ),
                    Flow::Maps(maps) => {
                        let most = maps.height.min(maps.width) + 2 * self.layers[i].pad.unwrap_or(0);
                        format!(
                            "its kernel of {} is larger than its input {flow} with its padding; take a kernel of at most \
                             {most}, more pad, or larger pictures",
                            self.layers[i].kernel.unwrap_or(1)
                        )
                    }
                };
                Error::Usage(format!("{name}.layers.{i}: {what}"))
            })
        })
    }
}

/// What the first of these layers takes of packs of examples: maps where it convolves or pools.
fn first(layers: &[Layer], reads: Reads) -> Flow {
    let Reads { picture, pack, classes, .. } = reads;
    match layers.first().map(|l| l.kind) {
        Some(Kind::Linear) | None => Flow::Vector(pack * (picture.len() + classes)),
        Some(_) => Flow::Maps(Shape { channels: pack * (picture.channels + classes), ..picture }),
    }
}

/// A kind as configurations write it.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Linear => "linear",
        Kind::Conv => "conv",
        Kind::ConvTranspose => "conv-transpose",
        Kind::MaxPool => "max-pool",
    }
}

fn window(l: &Layer) -> Window {
    Window::square(l.kernel.unwrap_or(1), l.stride.unwrap_or(1), l.pad.unwrap_or(0))
}

/// Maps as rows of numbers, `[rows, height·width·channels]`.
fn flat(g: &Graph, h: Var) -> Var {
    let shape = g.shape(h);
    g.reshape(h, &[shape[0], shape[1..].iter().product()])
}

/// A network whose keys are a list of layers.
pub(super) struct Listed<'a>(pub &'a Network);

impl Net for Listed<'_> {
    fn serves(&self, purpose: Purpose) -> bool {
        !matches!(purpose, Purpose::Translator { .. } | Purpose::StyledGenerator(_))
    }

    /// Checks that the layers fit together and G's last one makes examples.
    fn check(&self, name: &str, purpose: Purpose) -> Result<()> {
        let picture = purpose.picture();
        if let Purpose::Generator(_) = purpose {
            return makes(self.0, name, picture);
        }
        let reads = Reads { picture, pack: 1, classes: 0, outputs: 1 };
        let layers = Layers::discriminator(self.0, reads);
        layers.fits(name, first(&self.0.layers, reads)).map(drop)
    }

    fn words(&self, _fitting: Option<Activation>) -> Vec<String> {
        vec![]
    }

    fn generator(&self, s: &Scope, makes: Makes, z: Var, labels: Option<Var>) -> Var {
        Layers::generator(self.0, makes).forward(s, with_labels(s.g, z, labels)).output
    }

    fn generator_outline(&self, makes: Makes, inputs: usize) -> String {
        Layers::generator(self.0, makes).outline(inputs)
    }

    fn discriminator(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let layers = Layers::discriminator(self.0, reads);
        layers.forward(s, layers.joined(s.g, reads, x, labels))
    }

    fn discriminator_outline(&self, reads: Reads) -> String {
        Layers::discriminator(self.0, reads).outline_of(reads)
    }
}

/// Checks that G's layers fit together and the last one makes examples.
fn makes(network: &Network, name: &str, picture: Shape) -> Result<()> {
    let makes = Makes { picture, output: Activation::Linear };
    let made = Layers::generator(network, makes).fits(name, Flow::Vector(1))?;
    let fits = match made {
        Flow::Vector(n) => n == picture.len(),
        Flow::Maps(maps) => maps == picture,
    };
    if fits {
        return Ok(());
    }
    Err(Error::Usage(match made {
        Flow::Vector(found) => format!(
            "generator's last layer has {found} units, but the data need {}; leave its units out",
            picture.len()
        ),
        Flow::Maps(_) => format!(
            "generator's last layer makes {made}, but the data are {}; change the kernels, strides or pads before it, or \
             reshape",
            Flow::Maps(picture)
        ),
    }))
}
