//! The architecture "resnet": residual blocks, nearest neighbours up.

use super::{Body, Source, activation, norms, spectral};
use crate::architectures::resnet::Resnet;
use crate::config::{Condition, Norm};

/// The blocks of G.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, reads, classes, .. } = *of;
    let inputs = reads.len();
    let resnet = Resnet::of(&config.generator);
    let by_labels = resnet.condition == Condition::Norm && classes > 0;
    let sizes = resnet.sizes(makes.picture);
    let (halvings, [height, width]) = (sizes.len() - 1, sizes[sizes.len() - 1]);
    let base = resnet.channels(halvings);
    let convolution = |arguments: &str| {
        let bias = if resnet.bias { "" } else { ", bias=False" };
        let module = format!("nn.Conv2d({arguments}{bias})");
        if resnet.spectral_norm { spectral(&module, "") } else { module }
    };
    let norm = |channels: &str| norms::module(resnet.norm, channels, by_labels);
    let (asked, label) = if by_labels { (", label", ", label") } else { ("", "") };
    let activated = |name: &str, x: &str| match resnet.norm {
        Norm::None => format!("F.relu({x})"),
        _ => format!("F.relu(self.{name}({x}{label}))"),
    };
    let declared = |name: &str, channels: &str| {
        norm(channels).map_or(String::new(), |module| format!("        self.{name} = {module}\n"))
    };
    let block = format!(
        "\
class Block(nn.Module):
    def __init__(self, inputs, channels, up):
        super().__init__()
        self.up = up
{}        self.conv1 = {}
{}        self.conv2 = {}
        self.skip = {} if up or inputs != channels else nn.Identity()

    def forward(self, x{asked}):
        r = {}
        if self.up:
            r = F.interpolate(r, scale_factor=2)
        r = self.conv1(r)
        r = self.conv2({})
        x = self.skip(x)
        return r + (F.interpolate(x, scale_factor=2) if self.up else x)",
        declared("norm1", "inputs"),
        convolution("inputs, channels, 3, padding=1"),
        declared("norm2", "channels"),
        convolution("channels, channels, 3, padding=1"),
        convolution("inputs, channels, 1"),
        activated("norm1", "x"),
        activated("norm2", "r"),
    );
    let mut body = Body::default();
    body.classes.extend(by_labels.then(|| norms::CONDITIONAL.into()));
    body.classes.push(block);
    let linear = format!("nn.Linear({inputs}, {})", base * height * width);
    let linear = if resnet.spectral_norm { spectral(&linear, "") } else { linear };
    body.init.push(format!("self.linear = {linear}"));
    let mut channels = base;
    let blocks = (0..resnet.blocks + halvings).map(|i| {
        let doublings = (i + 1).saturating_sub(resnet.blocks);
        let (read, made) = (channels, resnet.channels(halvings - doublings));
        channels = made;
        format!("Block({read}, {made}, {})", if doublings > 0 { "True" } else { "False" })
    });
    let blocks: Vec<String> = blocks.collect();
    body.list("blocks", &blocks);
    let last = resnet.channels(0).to_string();
    body.init.extend(norm(&last).map(|module| format!("self.norm = {module}")));
    let output = convolution(&format!("{last}, {}, 3, padding=1", makes.picture.channels));
    body.init.push(format!("self.output = {output}"));
    let x = format!("self.output({})", activated("norm", "x"));
    body.forward = vec![
        format!("x = self.linear(x).view(-1, {base}, {height}, {width})"),
        "for block in self.blocks:".into(),
        format!("    x = block(x{label})"),
        format!("x = {}", activation(resnet.output.unwrap_or(makes.output), 0.0, x)),
    ];
    if resnet.spectral_norm && base > 1 {
        body.load = vec![
            "# The file has this vector pixel by pixel, and the weight plane by plane.".into(),
            "name = \"linear.parametrizations.weight.0._u\"".into(),
            format!("state[name] = state[name].view({height}, {width}, {base}).permute(2, 0, 1).flatten()"),
        ];
    }
    body
}
