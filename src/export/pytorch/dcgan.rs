//! The architecture "dcgan": transposed convolutions, or doubled pixels and convolutions.

use super::{Body, Source, activation, norms, pair, spectral};
use crate::architectures::dcgan::Dcgan;
use crate::config::{Activation, Condition, Upsample};
use crate::graph::Window;

/// The stages of G.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, reads, classes, .. } = *of;
    let inputs = reads.len();
    let shape = makes.picture;
    let dcgan = Dcgan::of(&config.generator);
    let sizes: Vec<[usize; 2]> = dcgan.sizes(shape).into_iter().rev().collect();
    let further = match dcgan.condition {
        Condition::Everywhere => classes,
        Condition::Input | Condition::Norm | Condition::Projection | Condition::Auxiliary => 0,
    };
    let by_labels = dcgan.condition == Condition::Norm && classes > 0;
    let (mut layers, mut normalising) = (vec![], vec![]);
    let mut body = Body { forward: vec!["x = x[:, :, None, None]".into()], ..Body::default() };
    if further > 0 {
        body.forward.push("planes = F.one_hot(label, CLASSES).to(z)[:, :, None, None]".into());
    }
    let mut channels = inputs;
    for (i, &size) in sizes.iter().enumerate() {
        let halvings = sizes.len() - 1 - i;
        let made = if halvings > 0 { dcgan.channels(halvings) } else { shape.channels };
        if i > 0 && further > 0 {
            body.forward.push("x = torch.cat([x, planes.expand(-1, -1, *x.shape[2:])], 1)".into());
        }
        let read = channels + if i > 0 { further } else { 0 };
        let stage = match (i, dcgan.upsample) {
            (0, _) => {
                let window = Window { kernel: size, stride: [1, 1], pad: [(0, 0); 2] };
                Stage::transposed(window, [1, 1], size)
            }
            (_, Upsample::Transposed) => Stage::transposed(dcgan.halving(size), sizes[i - 1], size),
            (_, Upsample::Nearest) => Stage::nearest(sizes[i - 1], size),
        };
        layers.push(stage.module([read, made], dcgan.bias, dcgan.spectral_norm));
        let x = stage.forward(i);
        let norm = norms::module(dcgan.norm, &made.to_string(), by_labels);
        let x = match norm.filter(|_| halvings > 0) {
            None => x,
            Some(norm) => {
                normalising.push((i, norm));
                let label = if by_labels { ", label" } else { "" };
                format!("self.norms[\"{i}\"]({x}{label})")
            }
        };
        let last = dcgan.output.unwrap_or(makes.output);
        let follows = if halvings > 0 { Activation::Relu } else { last };
        body.forward.push(format!("x = {}", activation(follows, 0.0, x)));
        channels = made;
    }
    body.classes.extend(by_labels.then(|| norms::CONDITIONAL.into()));
    body.list("layers", &layers);
    body.dict("norms", &normalising);
    body
}

/// A convolution and what is cut of its operand or result.
struct Stage {
    class: &'static str,
    /// Kernel, stride, padding, as the module takes them.
    arguments: String,
    /// Doubles pixels in front.
    doubles: bool,
    /// Cuts to this size: of the operand where it is doubled, else of the result.
    cut: Option<[usize; 2]>,
}

impl Stage {
    /// The transposed convolution from maps of the size `from` to maps of the size `to`. PyTorch's pads both ends by the same
    /// number: what "SAME" pads behind and not in front is cut.
    fn transposed(window: Window, from: [usize; 2], to: [usize; 2]) -> Stage {
        let Window { kernel, stride, pad } = window;
        let before = [pad[0].0, pad[1].0];
        let made = [0, 1].map(|axis| (from[axis] - 1) * stride[axis] + kernel[axis] - 2 * before[axis]);
        let mut arguments = format!("{}, {}", pair(kernel), pair(stride));
        if before != [0, 0] {
            arguments += &format!(", padding={}", pair(before));
        }
        Stage { class: "nn.ConvTranspose2d", arguments, doubles: false, cut: (made != to).then_some(to) }
    }

    /// A 3×3 convolution of doubled pixels.
    fn nearest(from: [usize; 2], to: [usize; 2]) -> Stage {
        let cut = (from.map(|n| 2 * n) != to).then_some(to);
        Stage { class: "nn.Conv2d", arguments: "3, padding=1".into(), doubles: true, cut }
    }

    /// The module from so many channels to so many.
    fn module(&self, [from, to]: [usize; 2], bias: bool, normed: bool) -> String {
        let bias = if bias { "" } else { ", bias=False" };
        let module = format!("{}({from}, {to}, {}{bias})", self.class, self.arguments);
        // Kernels are matrices by their first axis here, whichever way they convolve.
        let dim = if self.class == "nn.ConvTranspose2d" { ", dim=0" } else { "" };
        if normed { spectral(&module, dim) } else { module }
    }

    /// The stage on x, as an expression.
    fn forward(&self, i: usize) -> String {
        let cut = self.cut.map_or(String::new(), |[height, width]| format!("[:, :, :{height}, :{width}]"));
        match self.doubles {
            true => format!("self.layers[{i}](F.interpolate(x, scale_factor=2){cut})"),
            false => format!("self.layers[{i}](x){cut}"),
        }
    }
}
