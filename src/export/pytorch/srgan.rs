//! The architecture "srgan": residual blocks, then pixel shuffles.

use super::{Body, Source, activation, norms, spectral};
use crate::architectures::srgan::Srgan;

/// Modules and forward pass of G.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, reads, .. } = *of;
    let net = Srgan::of(&config.generator);
    let (width, to) = (net.width(), makes.picture);
    let normed = if net.bias() { "" } else { ", bias=False" };
    let convolution = |from: &str, to: &str, kernel: usize, bias: &str| {
        let module = format!("nn.Conv2d({from}, {to}, {kernel}, padding={}{bias})", kernel / 2);
        if net.spectral_norm { spectral(&module, "") } else { module }
    };
    let declared = |i: usize| {
        let module = norms::module(net.norm, "channels", false);
        module.map_or(String::new(), |module| format!("        self.norm{i} = {module}\n"))
    };
    let norm = norms::module(net.norm, &width.to_string(), false);
    let normalised = |name: &str, x: &str| match norm {
        None => x.to_string(),
        Some(_) => format!("self.{name}({x})"),
    };
    let mut body = Body::default();
    body.classes.push(format!(
        "\
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = {}
{}        self.activation = nn.PReLU()
        self.conv2 = {}
{}
    def forward(self, x):
        r = self.activation({})
        return x + {}",
        convolution("channels", "channels", 3, normed),
        declared(1),
        convolution("channels", "channels", 3, normed),
        declared(2),
        normalised("norm1", "self.conv1(x)"),
        normalised("norm2", "self.conv2(r)"),
    ));
    let maps = width.to_string();
    let mut layers =
        vec![convolution(&reads.channels.to_string(), &maps, 9, ""), convolution(&maps, &maps, 3, normed)];
    let mut activations = vec![(0, "nn.PReLU()".to_string())];
    let trunk = normalised("norms[\"1\"]", "self.layers[1](x)");
    body.forward = vec![
        "first = x = self.activations[\"0\"](self.layers[0](x))".into(),
        "for block in self.blocks:".into(),
        "    x = block(x)".into(),
        format!("x = first + {trunk}"),
    ];
    for i in 2..2 + Srgan::shuffles(reads, to) {
        layers.push(convolution(&maps, &(4 * width).to_string(), 3, ""));
        activations.push((i, "nn.PReLU()".into()));
        body.forward.push(format!("x = self.activations[\"{i}\"](F.pixel_shuffle(self.layers[{i}](x), 2))"));
    }
    let last = format!("self.layers[{}](x)", layers.len());
    layers.push(convolution(&maps, &to.channels.to_string(), 9, ""));
    body.forward.push(format!("x = {}", activation(net.output.unwrap_or(makes.output), 0.0, last)));
    body.list("layers", &layers);
    body.dict("activations", &activations);
    body.dict("norms", &norm.map(|module| (1, module)).into_iter().collect::<Vec<_>>());
    body.list("blocks", &vec![format!("Block({width})"); net.blocks()]);
    body
}
