#!/usr/bin/env python3
"""Networks between pictures in PyTorch: `tests/library/translators.rs` compares its own with them.

Modules are written from the papers: CycleGAN's generator (1703.10593), pix2pix's U-Net and discriminator of patches (1611.07004),
SRGAN's two networks (1609.04802). Number k of a tensor called n, as PyTorch flattens it, is sin(1.3 k + 0.7 len(n)) / 2; number k of
the input, in planes, is cos(0.9 k). Lines hold, in float64: the name of a case; parameters; the output's sum with cos(1.1 k) as
factors; the same sum's gradient at the input and at all parameters, each summed with cos(0.3 k) as factors.

    python3 translators.py        prints the lines that stand at this file's end (torch 2.15.0, CPU)
"""
import torch
import torch.nn.functional as F
from torch import nn


def norm(channels):
    return nn.InstanceNorm2d(channels)


class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(n, n, 3, padding=1, padding_mode="reflect"), norm(n)
        self.conv2, self.norm2 = nn.Conv2d(n, n, 3, padding=1, padding_mode="reflect"), norm(n)

    def forward(self, x):
        return x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))


class ResnetTranslator(nn.Module):
    def __init__(self, inputs, outputs, n, blocks):
        super().__init__()
        self.layers = nn.ModuleList([
            nn.Conv2d(inputs, n, 7, padding=3, padding_mode="reflect"),
            nn.Conv2d(n, 2 * n, 3, 2, 1),
            nn.Conv2d(2 * n, 4 * n, 3, 2, 1),
            nn.ConvTranspose2d(4 * n, 2 * n, 3, 2, 1, output_padding=1),
            nn.ConvTranspose2d(2 * n, n, 3, 2, 1, output_padding=1),
            nn.Conv2d(n, outputs, 7, padding=3, padding_mode="reflect"),
        ])
        self.norms = nn.ModuleList([norm(k * n) for k in (1, 2, 4, 2, 1)])
        self.blocks = nn.ModuleList([Block(4 * n) for _ in range(blocks)])

    def forward(self, x):
        for i in range(5):
            if i == 3:
                for block in self.blocks:
                    x = block(x)
            x = F.relu(self.norms[i](self.layers[i](x)))
        return torch.tanh(self.layers[5](x))


class Unet(nn.Module):
    def __init__(self, inputs, outputs, n, depth):
        super().__init__()
        widths = [n * 2 ** min(i, 3) for i in range(depth)]
        self.depth = depth
        self.down = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1) for a, b in zip([inputs, *widths], widths)])
        above = [outputs, *widths[:-1]]
        self.up = nn.ModuleList([
            nn.ConvTranspose2d(w if i == depth - 1 else 2 * w, above[i], 4, 2, 1) for i, w in enumerate(widths)
        ])
        self.down_norms = nn.ModuleList([norm(w) for w in widths])
        self.up_norms = nn.ModuleList([norm(w) for w in above])

    def forward(self, x, i=0):
        h = self.down[i](F.leaky_relu(x, 0.2) if i > 0 else x)
        if 0 < i < self.depth - 1:
            h = self.down_norms[i](h)
        h = h if i == self.depth - 1 else torch.cat([h, self.forward(h, i + 1)], 1)
        h = self.up[i](F.relu(h))
        return torch.tanh(h) if i == 0 else self.up_norms[i](h)


class Patch(nn.Module):
    def __init__(self, inputs, n, depth):
        super().__init__()
        widths = [n * 2 ** min(i, 3) for i in range(depth + 1)] + [1]
        self.layers = nn.ModuleList([
            nn.Conv2d(a, b, 4, 2 if i < depth else 1, 1) for i, (a, b) in enumerate(zip([inputs, *widths], widths))
        ])
        self.norms = nn.ModuleList([norm(w) for w in widths[:-1]])

    def forward(self, x):
        x = F.leaky_relu(self.layers[0](x), 0.2)
        for layer, each in zip(self.layers[1:-1], self.norms[1:]):
            x = F.leaky_relu(each(layer(x)), 0.2)
        return self.layers[-1](x)


class SrBlock(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.activation, self.conv2 = nn.Conv2d(n, n, 3, 1, 1), nn.PReLU(), nn.Conv2d(n, n, 3, 1, 1)

    def forward(self, x):
        return x + self.conv2(self.activation(self.conv1(x)))


class Srgan(nn.Module):
    def __init__(self, channels, n, blocks, shuffles, output=torch.tanh):
        super().__init__()
        self.output = output
        grown = [nn.Conv2d(n, 4 * n, 3, 1, 1) for _ in range(shuffles)]
        self.layers = nn.ModuleList(
            [nn.Conv2d(channels, n, 9, 1, 4), nn.Conv2d(n, n, 3, 1, 1), *grown, nn.Conv2d(n, channels, 9, 1, 4)]
        )
        self.activations = nn.ModuleDict({str(i): nn.PReLU() for i in [0, *range(2, 2 + shuffles)]})
        self.blocks = nn.ModuleList([SrBlock(n) for _ in range(blocks)])

    def forward(self, x):
        first = x = self.activations["0"](self.layers[0](x))
        for block in self.blocks:
            x = block(x)
        x = first + self.layers[1](x)
        for i in range(2, len(self.layers) - 1):
            x = self.activations[str(i)](F.pixel_shuffle(self.layers[i](x), 2))
        return self.output(self.layers[-1](x))


class SrganD(nn.Module):
    def __init__(self, channels, n, side):
        super().__init__()
        widths = [n, n, 2 * n, 2 * n, 4 * n, 4 * n, 8 * n, 8 * n]
        convolutions = [
            nn.Conv2d(a, b, 3, 1 + i % 2, 1) for i, (a, b) in enumerate(zip([channels, *widths], widths))
        ]
        base = -(-side // 16)
        self.layers = nn.ModuleList([*convolutions, nn.Linear(8 * n * base * base, 16 * n), nn.Linear(16 * n, 1)])

    def forward(self, x):
        for layer in self.layers[:8]:
            x = F.leaky_relu(layer(x), 0.2)
        return self.layers[9](F.leaky_relu(self.layers[8](x.flatten(1)), 0.2))


CASES = {
    "resnet-translator": (lambda: ResnetTranslator(2, 1, 2, 2), (2, 8, 12)),
    "unet": (lambda: Unet(1, 2, 2, 3), (1, 8, 16)),
    "patch": (lambda: Patch(3, 2, 2), (3, 16, 12)),
    "srgan": (lambda: Srgan(2, 2, 2, 2), (2, 3, 4)),
    "srgan D": (lambda: SrganD(1, 2, 10), (1, 10, 10)),
}


def dotted(function, rate, tensor):
    return (function(rate * torch.arange(tensor.numel(), dtype=torch.float64)) * tensor.flatten()).sum()


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    for name, (build, shape) in CASES.items():
        model = build()
        for tensor, p in model.named_parameters():
            k = torch.arange(p.numel(), dtype=torch.float64)
            p.data = (torch.sin(1.3 * k + 0.7 * len(tensor)) / 2).view_as(p)
        count = shape[0] * shape[1] * shape[2]
        x = torch.cos(0.9 * torch.arange(count, dtype=torch.float64)).view(1, *shape).requires_grad_()
        y = dotted(torch.cos, 1.1, model(x))
        y.backward()
        parameters = list(model.parameters())
        by_weights = sum(dotted(torch.cos, 0.3, p.grad) for p in parameters)
        print(f"#= {name}: {sum(p.numel() for p in parameters)} {y.item():.9e} "
              f"{dotted(torch.cos, 0.3, x.grad).item():.9e} {by_weights.item():.9e}")

#= resnet-translator: 3371 8.037293228e-01 2.385837495e+00 6.165400595e+01
#= unet: 1590 -3.832751816e+01 1.233374184e+02 -3.385848468e+02
#= patch: 879 1.025841974e+00 -7.737219287e-02 9.429321302e+00
#= srgan: 1151 4.783046754e+01 -9.813111545e+00 -5.675300234e+02
#= srgan D: 5227 7.441975669e-01 2.575305215e+00 7.472507638e+00
