#!/usr/bin/env python3
"""Ten training steps of small conditional residual GANs in PyTorch: `tests/library/residual.rs` compares its own with them.

Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`. Reckoned in float64 from float32 draws.

Pictures are 8x8 grey with three classes, example i's being i mod 3. G makes 3 channels of 4x4 from normal noise [5], doubles
them in one block and ends in a sigmoid; D halves the picture in a first block of 2 channels and has one plain block behind it.
Weights are uniform with sd gain * sqrt(2 / (in + out)), the gain sqrt(2) of 3x3 convolutions within blocks and else 1; biases are
0. Both networks have Adam with lr 1e-2, betas (0, .9), eps 1e-8; 4 examples a minibatch; fresh noise for G.

projection: batch norms of G have gamma and beta a class; D has spectral norm on every weight (an iteration is u = W v, then
v = W' u, made unit vectors; one before each of D's two passes a step, 15 before training), sums over pixels, and adds the product
of the label's embedding with its features. Hinge loss.
auxiliary: the label joins G's noise; D has a class head, whose cross-entropy on real and generated examples is added to its
loss, and that on G's samples to G's; it takes means over pixels. Non-saturating loss. Lines have D's and G's
losses without the head, and how often it is right about real and generated examples.

    python3 residual.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float64)
"""
import math

import torch
import torch.nn.functional as F

from ten_steps import examples, minibatch, normal, shuffled, uniform

BATCH, LATENT, SIDE, CLASSES, WIDE, NARROW = 4, 5, 8, 3, 3, 2


class Network:
    def __init__(self, letter, spectral=False):
        self.letter, self.spectral, self.parameters, self.vectors = letter, spectral, {}, {}

    def start(self, name, shape, fans, gain):
        """A weight as it lies in gansaku's memory, [..., in, out]."""
        if name not in self.parameters:
            stream = f"init/{self.letter}/{name}.weight"
            w = ((2 * uniform(stream, shape) - 1) * (gain * math.sqrt(6 / sum(fans)))).double()
            self.parameters[name] = w.requires_grad_()
            if self.spectral:
                v = F.normalize(normal(f"{stream}/v", (w.numel() // shape[-1],)).double(), dim=0)
                matrix = w.detach().reshape(-1, shape[-1])
                for _ in range(15):
                    u = F.normalize(matrix.T @ v, dim=0)
                    v = F.normalize(matrix @ u, dim=0)
                self.vectors[name] = v
        w = self.parameters[name]
        if self.spectral:
            matrix = w.reshape(-1, shape[-1])
            with torch.no_grad():
                u = F.normalize(matrix.T @ self.vectors[name], dim=0)
                v = self.vectors[name] = F.normalize(matrix @ u, dim=0)
            w = w / (v @ matrix @ u)
        return w

    def zeros(self, name, shape, value=0.0):
        return self.parameters.setdefault(name, torch.full(shape, value, dtype=torch.float64, requires_grad=True))

    def linear(self, name, x, units, bias=True):
        w = self.start(name, (x.shape[1], units), (x.shape[1], units), 1.0)
        return x @ w + (self.zeros(f"{name}.bias", (units,)) if bias else 0)

    def conv(self, name, x, channels, kernel, gain):
        taps, inputs = kernel * kernel, x.shape[1]
        w = self.start(name, (kernel, kernel, inputs, channels), (taps * inputs, taps * channels), gain)
        return F.conv2d(x, w.permute(3, 2, 0, 1), self.zeros(f"{name}.bias", (channels,)), padding=kernel // 2)

    def norm(self, name, x, labels):
        """labels: a gamma and a beta a class; none: one of each."""
        rows = 1 if labels is None else CLASSES
        gamma, beta = self.zeros(f"{name}.weight", (rows, x.shape[1]), 1.0), self.zeros(f"{name}.bias", (rows, x.shape[1]))
        if labels is not None:
            gamma, beta = labels @ gamma, labels @ beta
        x = F.batch_norm(x, None, None, training=True)
        return gamma[:, :, None, None] * x + beta[:, :, None, None]


def generate(g, z, labels, by_norm):
    of_norm = labels if by_norm else None
    h = g.linear("linear", z if by_norm else torch.cat([z, labels], 1), WIDE * 16).view(-1, WIDE, 4, 4)
    r = F.relu(g.norm("blocks.0.norm1", h, of_norm))
    r = g.conv("blocks.0.conv1", F.interpolate(r, scale_factor=2), WIDE, 3, math.sqrt(2))
    r = g.conv("blocks.0.conv2", F.relu(g.norm("blocks.0.norm2", r, of_norm)), WIDE, 3, math.sqrt(2))
    h = r + g.conv("blocks.0.skip", F.interpolate(h, scale_factor=2), WIDE, 1, 1.0)
    return torch.sigmoid(g.conv("output", F.relu(g.norm("norm", h, of_norm)), 1, 3, 1.0))


def judge(d, x, labels, projection):
    r = F.relu(d.conv("blocks.0.conv1", x, NARROW, 3, math.sqrt(2)))
    r = F.avg_pool2d(d.conv("blocks.0.conv2", r, NARROW, 3, math.sqrt(2)), 2)
    h = r + d.conv("blocks.0.skip", F.avg_pool2d(x, 2), NARROW, 1, 1.0)
    r = d.conv("blocks.1.conv1", F.relu(h), NARROW, 3, math.sqrt(2))
    h = F.relu(h + d.conv("blocks.1.conv2", F.relu(r), NARROW, 3, math.sqrt(2)))
    features = h.sum((2, 3)) if projection else h.mean((2, 3))
    output = d.linear("linear", features, 1)
    if projection:
        return output + (d.linear("embed", labels, NARROW, bias=False) * features).sum(1, keepdim=True), None
    return output, d.linear("classes", features, CLASSES)


def steps(projection):
    g, d = Network("G"), Network("D", spectral=projection)
    data = examples(SIDE * SIDE).double()
    # Declares the parameters; the iteration of spectral norm that it makes is taken back below.
    with torch.no_grad():
        one = torch.eye(CLASSES, dtype=torch.float64)
        generate(g, torch.randn(CLASSES, LATENT).double(), one, projection)
    judge(d, torch.zeros(CLASSES, 1, SIDE, SIDE).double(), one, projection)
    for name, w in d.parameters.items():
        if name in d.vectors:
            matrix = w.detach().reshape(-1, w.shape[-1])
            v = F.normalize(normal(f"init/D/{name}.weight/v", (matrix.shape[0],)).double(), dim=0)
            for _ in range(15):
                v = F.normalize(matrix @ F.normalize(matrix.T @ v, dim=0), dim=0)
            d.vectors[name] = v
    adam_g, adam_d = [torch.optim.Adam(n.parameters.values(), lr=1e-2, betas=(0.0, .9), eps=1e-8) for n in (g, d)]

    def update(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for step in range(10):
        real = minibatch(data, BATCH, step).view(-1, 1, SIDE, SIDE)
        numbers = torch.tensor([shuffled(step * BATCH + row) % CLASSES for row in range(BATCH)])
        labels = F.one_hot(numbers, CLASSES).double()
        z = normal("z", (2 * BATCH, LATENT), step).double()
        for_d, for_g = [generate(g, part, labels, projection) for part in (z[BATCH:], z[:BATCH])]
        output, classes = judge(d, torch.cat([real, for_d.detach()]), labels.repeat(2, 1), projection)
        r, f = output.split(BATCH)
        loss_d = (F.relu(1 - r) + F.relu(1 + f)).mean() if projection else (F.softplus(-r) + F.softplus(f)).mean()
        right = [0, 0] if projection else [(c.argmax(1) == numbers).double().mean().item() for c in classes.split(BATCH)]
        head = 0 if projection else sum(F.cross_entropy(c, numbers) for c in classes.split(BATCH))
        update(adam_d, loss_d + head)
        output, classes = judge(d, for_g, labels, projection)
        loss_g = -output.mean() if projection else F.softplus(-output).mean()
        update(adam_g, loss_g + (0 if projection else F.cross_entropy(classes, numbers)))
        yield loss_d.item(), loss_g.item(), *right


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in ("projection", "auxiliary"):
        for number, values in enumerate(steps(case == "projection"), 1):
            print(f"#= {case} {number} " + " ".join(f"{v:.8f}" for v in values))

#= projection 1 3.63767241 -1.56167027 0.00000000 0.00000000
#= projection 2 2.26884127 -0.82867266 0.00000000 0.00000000
#= projection 3 2.33936157 -0.50464877 0.00000000 0.00000000
#= projection 4 1.95968527 -0.25693425 0.00000000 0.00000000
#= projection 5 1.99933797 -0.25288930 0.00000000 0.00000000
#= projection 6 2.08087313 -0.33642343 0.00000000 0.00000000
#= projection 7 1.99250877 -0.13743508 0.00000000 0.00000000
#= projection 8 2.05414618 -0.21961391 0.00000000 0.00000000
#= projection 9 2.07912640 -0.16370825 0.00000000 0.00000000
#= projection 10 2.15753693 -0.37841470 0.00000000 0.00000000
#= auxiliary 1 1.38647465 0.69799306 0.00000000 0.25000000
#= auxiliary 2 1.38592585 0.69010425 0.50000000 0.50000000
#= auxiliary 3 1.38574564 0.69140420 0.25000000 0.25000000
#= auxiliary 4 1.38670664 0.69471269 0.25000000 0.25000000
#= auxiliary 5 1.38690775 0.67738288 0.50000000 0.50000000
#= auxiliary 6 1.39086835 0.70646608 0.00000000 0.00000000
#= auxiliary 7 1.38701178 0.68334892 0.00000000 0.25000000
#= auxiliary 8 1.38868282 0.70374695 0.00000000 0.00000000
#= auxiliary 9 1.38843466 0.70276511 0.25000000 0.25000000
#= auxiliary 10 1.38710941 0.69737236 0.25000000 0.25000000
