//! The architecture "stylegan2": mapping and synthesis as modules of their own, so that w can be had and given.

use super::{Body, Source};
use crate::architectures::stylegan2::Stylegan2;

const CLASSES: [&str; 6] = [
    "\
def activated(x):
    return F.leaky_relu(x, 0.2) * 2 ** 0.5


def normalised(x):
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def filtered(x, pad, gain):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]).to(x) / 8
    kernel = (taps[:, None] * taps * gain).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, [pad] * 4), kernel, groups=x.shape[1])


def doubled(x):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]).to(x) / 4
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])",
    "\
class Linear(nn.Module):
    def __init__(self, inputs, outputs, lr_factor=1.0, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_factor)
        self.bias = nn.Parameter(torch.full([outputs], bias / lr_factor))
        self.lr_factor = lr_factor

    def forward(self, x):
        factor = self.lr_factor / self.weight.shape[1] ** 0.5
        return F.linear(x, self.weight * factor, self.bias * self.lr_factor)",
    "\
class Mapping(nn.Module):
    def __init__(self, dim, classes, layers, lr_factor):
        super().__init__()
        if classes:
            self.embed = Linear(classes, dim)
        for i in range(layers):
            inputs = 2 * dim if classes and i == 0 else dim
            setattr(self, f\"fc{i}\", Linear(inputs, dim, lr_factor))
        self.dim, self.classes, self.layers = dim, classes, layers
        self.register_buffer(\"w_avg\", torch.zeros(dim))

    def forward(self, x):
        z, label = x[:, :self.dim], x[:, self.dim:]
        w = normalised(z)
        if self.classes:
            w = torch.cat([w, normalised(self.embed(label))], 1)
        for i in range(self.layers):
            w = activated(getattr(self, f\"fc{i}\")(w))
        return w",
    "\
class Modulated(nn.Module):
    def __init__(self, dim, inputs, outputs, kernel, up=False, plain=False):
        super().__init__()
        self.affine = Linear(dim, inputs, bias=1.0)
        ends = [inputs, outputs] if up else [outputs, inputs]
        self.weight = nn.Parameter(torch.randn(*ends, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.up, self.plain = up, plain
        if not plain:
            self.noise_strength = nn.Parameter(torch.zeros(1))

    def forward(self, x, w, noise=None):
        kernel = self.weight.shape[-1]
        s = self.affine(w) / (x.shape[1] * kernel ** 2) ** 0.5
        x = x * s[:, :, None, None]
        if self.plain:
            return F.conv2d(x, self.weight) + self.bias[:, None, None]
        squares = self.weight.square().sum([2, 3])
        norm = s.square() @ (squares if self.up else squares.T)
        x = F.conv_transpose2d(x, self.weight, stride=2) if self.up else F.conv2d(x, self.weight, padding=1)
        x = x * (norm + 1e-8).rsqrt()[:, :, None, None]
        if self.up:
            x = filtered(x, 1, 4)
        if noise is None:
            noise = torch.randn(len(x), 1, *x.shape[2:]).to(x)
        return activated(x + noise * self.noise_strength + self.bias[:, None, None])",
    "\
class Block(nn.Module):
    def __init__(self, dim, inputs, outputs, colours, side):
        super().__init__()
        if inputs:
            self.conv0 = Modulated(dim, inputs, outputs, 3, up=True)
        else:
            self.const = nn.Parameter(torch.randn(outputs, side, side))
        self.conv1 = Modulated(dim, outputs, outputs, 3)
        self.torgb = Modulated(dim, outputs, colours, 1, plain=True)",
    "\
class Synthesis(nn.ModuleDict):
    def forward(self, ws, noise=None):
        # ws [n, layers, dim]; noise [n or 1, numbers] holds the layers' maps one behind the other, or is drawn.
        n, used = len(ws), 0

        def maps(side):
            nonlocal used
            used += side * side
            return None if noise is None else noise[:, used - side * side:used].view(-1, 1, side, side)

        for i, block in enumerate(self.values()):
            if i == 0:
                x = block.const.expand(n, -1, -1, -1)
            else:
                x = block.conv0(x, ws[:, 2 * i - 1], maps(2 * x.shape[-1]))
            x = block.conv1(x, ws[:, 2 * i], maps(x.shape[-1]))
            colours = block.torgb(x, ws[:, 2 * i + 1])
            image = colours if i == 0 else doubled(image) + colours
        return image",
];

/// Mapping and synthesis.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, classes, .. } = *of;
    let net = Stylegan2::of(&config.generator);
    let (dim, sides) = (config.latent.dim, Stylegan2::sides(makes.picture));
    let mut body = Body { classes: CLASSES.map(String::from).to_vec(), ..Body::default() };
    let lr_factor = net.mapping.lr_factor;
    body.init.push(format!("self.mapping = Mapping({dim}, {classes}, {}, {lr_factor})", net.mapping.layers));
    body.init.push("self.synthesis = Synthesis({".into());
    let mut inputs = 0;
    for &side in &sides {
        let (outputs, colours) = (net.channels_at(side), makes.picture.channels);
        body.init.push(format!("    \"b{side}\": Block({dim}, {inputs}, {outputs}, {colours}, {side}),"));
        inputs = outputs;
    }
    body.init.push("})".into());
    body.options = "truncation=1.0, noise=None".into();
    body.forward.extend([
        "# A truncation for all layers, or one each.".into(),
        format!("truncation = torch.as_tensor(truncation).to(x).expand({})[:, None]", 2 * sides.len()),
        "w = self.mapping(x)[:, None] - self.mapping.w_avg".into(),
        "x = self.synthesis(self.mapping.w_avg + truncation * w, noise)".into(),
    ]);
    if config.loss.path_length > 0.0 {
        body.load.push("del state[\"path_length.mean\"]".into());
    }
    body
}
