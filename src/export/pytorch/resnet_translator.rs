//! The architecture "resnet-translator": mirrored edges, residual blocks at a quarter of the side.

use super::{Body, Source, activation, norms};
use crate::architectures::resnet_translator::ResnetTranslator;
use crate::config::Upsample;

/// Modules and forward pass of G.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, reads, .. } = *of;
    let net = ResnetTranslator::of(&config.generator);
    let bias = if net.bias() { "" } else { ", bias=False" };
    let mirrored = |from: &str, to: &str, kernel: usize, bias: &str| {
        let pad = kernel / 2;
        format!("nn.Conv2d({from}, {to}, {kernel}, padding={pad}, padding_mode=\"reflect\"{bias})")
    };
    let (mut body, mut layers, mut normalising) = (Body::default(), vec![], vec![]);
    let of_block = mirrored("channels", "channels", 3, bias);
    let norm = norms::module(net.norm, "channels", false);
    let declared =
        |i: usize| norm.as_ref().map_or(String::new(), |m| format!("        self.norm{i} = {m}\n"));
    let normed = |i: usize, x: &str| if norm.is_some() { format!("self.norm{i}({x})") } else { x.into() };
    body.classes.push(format!(
        "\
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = {of_block}
{}        self.conv2 = {of_block}
{}
    def forward(self, x):
        r = F.relu({})
        return x + {}",
        declared(1),
        declared(2),
        normed(1, "self.conv1(x)"),
        normed(2, "self.conv2(r)"),
    ));
    let mut channels = reads.channels;
    for (i, made) in net.channels().into_iter().enumerate() {
        let [from, to] = [channels, made].map(|n| n.to_string());
        let (module, x) = match (i, net.upsample) {
            (0, _) => (mirrored(&from, &to, 7, bias), "x"),
            (1 | 2, _) => (format!("nn.Conv2d({from}, {to}, 3, 2, padding=1{bias})"), "x"),
            (_, Upsample::Transposed) => {
                (format!("nn.ConvTranspose2d({from}, {to}, 3, 2, padding=1, output_padding=1{bias})"), "x")
            }
            (_, Upsample::Nearest) => (mirrored(&from, &to, 3, bias), "F.interpolate(x, scale_factor=2)"),
        };
        if i == 3 {
            body.forward.extend(["for block in self.blocks:", "    x = block(x)"].map(String::from));
        }
        let x = format!("self.layers[{i}]({x})");
        let x = match norms::module(net.norm, &to, false) {
            None => x,
            Some(norm) => {
                normalising.push((i, norm));
                format!("self.norms[\"{i}\"]({x})")
            }
        };
        body.forward.push(format!("x = F.relu({x})"));
        layers.push(module);
        channels = made;
    }
    layers.push(mirrored(&channels.to_string(), &makes.picture.channels.to_string(), 7, ""));
    let last = activation(net.output.unwrap_or(makes.output), 0.0, "self.layers[5](x)".into());
    body.forward.push(format!("x = {last}"));
    body.list("layers", &layers);
    body.dict("norms", &normalising);
    body.list("blocks", &vec![format!("Block({})", net.channels()[2]); net.blocks]);
    body
}
