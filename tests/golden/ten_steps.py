#!/usr/bin/env python3
"""Ten training steps of D and G in PyTorch, the losses of each: `tests/library/golden.rs` compares its own with them.

Everything random is drawn as gansaku draws it (Philox4x32-10; element, tick and stream are the counter, the seed
is the key), so both start from the same weights and see the same noise, dropout masks and minibatches.

    python3 ten_steps.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float32)
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

SEED, EXAMPLES = 3, 50
ROOT3 = math.sqrt(3)


# ---- random numbers ----

def philox(counter, key):
    """counter: four uint64 arrays of 32-bit words; key: two ints. Salmon et al., SC 2011."""
    c, (k0, k1) = list(counter), key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def stream(name):
    h = 0x811C9DC5
    for b in name.encode():
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return h


def words(name, count, tick=0, seed=SEED):
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    same = np.full_like(blocks, 1)
    out = philox([blocks, same * np.uint64(tick & 0xFFFFFFFF), same * np.uint64(tick >> 32), same * np.uint64(stream(name))],
                 (seed & 0xFFFFFFFF, seed >> 32))
    return np.stack(out, 1).reshape(-1)[:count]


def uniform(name, shape, tick=0):
    u = (words(name, math.prod(shape), tick) >> np.uint64(8)).astype(np.float32) / np.float32(2 ** 24)
    return torch.from_numpy(u.reshape(shape))


def normal(name, shape, tick=0):
    count = math.prod(shape)
    w = words(name, count + count % 2, tick).reshape(-1, 2).astype(np.float64)
    radius = np.sqrt(-2 * np.log((np.floor(w[:, 0] / 256) + 1) / 2 ** 24))
    angle = 2 * math.pi * w[:, 1] / 2 ** 32
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return torch.from_numpy(pairs.reshape(-1)[:count].reshape(shape).astype(np.float32))


def shuffled(position, n=EXAMPLES, order="shuffle"):
    """The example at a position of the endless sequence of shuffled passes; orders differ by name."""
    turn, at = divmod(position, n)
    half = max(1, ((n - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    key = (SEED & 0xFFFFFFFF, (SEED >> 32) ^ stream(order))
    while True:
        left, right = at >> half, at & mask
        for r in range(6):
            w = philox([np.array([x], dtype=np.uint64) for x in (right, r, turn & 0xFFFFFFFF, turn >> 32)], key)
            left, right = right, left ^ (int(w[0][0]) & mask)
        at = left << half | right
        if at < n:
            return at


# ---- networks ----

class Network:
    """layers: (units, activation, pieces, keep, init); weights are [in, out], a maxout's columns [piece, unit]."""

    def __init__(self, letter, width, layers, marginals=None):
        self.letter, self.layers, self.parameters = letter, layers, []
        for i, (units, activation, pieces, keep, (kind, size)) in enumerate(layers):
            name, shape = f"init/{letter}/layers.{i}.weight", (width, units * pieces)
            w = (2 * uniform(name, shape) - 1) * size if kind == "uniform" else normal(name, shape) * (size / math.sqrt(width))
            b = torch.zeros(units * pieces)
            if marginals is not None and i == len(layers) - 1:
                b = torch.logit(marginals)
            self.parameters += [w.requires_grad_(), b.requires_grad_()]
            width = units

    def __call__(self, h, draw, tick):
        for i, (units, activation, pieces, keep, _) in enumerate(self.layers):
            if keep < 1:
                u = uniform(f"{self.letter}/layers.{i}/dropout/{draw}", tuple(h.shape), tick)
                h = h * torch.where(u > 1 - keep, 1 / keep, 0.0)
            h = h @ self.parameters[2 * i] + self.parameters[2 * i + 1]
            if activation == "maxout":
                h = h.view(-1, pieces, units).amax(1)
            else:
                h = {"relu": F.relu, "sigmoid": torch.sigmoid, "leaky": lambda x: F.leaky_relu(x, .2), "": lambda x: x}[activation](h)
        return h


class Adam:
    def __init__(self, parameters, lr, betas):
        self.optimizer = torch.optim.Adam(parameters, lr=lr, betas=betas, eps=1e-8)

    def update(self, gradients, *_):
        for p, g in zip(self.optimizer.param_groups[0]["params"], gradients):
            p.grad = g
        self.optimizer.step()


class Momentum:
    """v <- mu v - lr g, p <- p + v, as pylearn2 writes it."""

    def __init__(self, parameters, lr, decay):
        self.parameters, self.lr, self.decay, self.count = parameters, lr, decay, 0
        self.velocity = [torch.zeros_like(p) for p in parameters]

    def update(self, gradients, momentum):
        lr = self.lr / self.decay ** self.count
        self.count += 1
        with torch.no_grad():
            for p, v, g in zip(self.parameters, self.velocity, gradients):
                v.mul_(momentum).sub_(g, alpha=lr)
                p.add_(v)


def grad(loss, network):
    return torch.autograd.grad(loss, network.parameters, retain_graph=True)


# ---- the cases ----

def examples(numbers):
    bytes_ = (words("golden data", EXAMPLES * numbers) & np.uint64(255)).astype(np.float32)
    return torch.from_numpy(bytes_.reshape(EXAMPLES, numbers)) * np.float32(1 / 255)


def minibatch(data, batch, tick):
    return data[[shuffled(tick * batch + row) for row in range(batch)]]


def mnist(joint):
    """The 2014 networks, of few units and larger weights, so that ten steps move the losses. joint: SGD on both from the same passes; else Adam, G on fresh noise."""
    batch, wide = 20, ("uniform", 0.25)
    data = examples(36)
    g = Network("G", 10, [(64, "relu", 1, 1, wide), (64, "relu", 1, 1, wide), (36, "sigmoid", 1, 1, wide)], data.mean(0) if joint else None)
    d = Network("D", 36, [(24, "maxout", 5, .8, wide), (24, "maxout", 5, .5, wide), (1, "", 1, .5, wide)])
    if joint:
        rules = [Momentum(n.parameters, .1, 1.000004) for n in (g, d)]
    else:
        rules = [Adam(n.parameters, 2e-4, (.5, .999)) for n in (g, d)]
    for step in range(10):
        real = minibatch(data, batch, step)
        z = uniform("z", ((1 if joint else 2) * batch, 10), step) * np.float32(2 * ROOT3) - np.float32(ROOT3)
        fake = g(z, "g", step)
        logits = d(torch.cat([real, fake if joint else fake[batch:].detach()]), "d", step)
        loss_d = (.5 if joint else 1) * (F.softplus(-logits[:batch]).mean() + F.softplus(logits[batch:]).mean())
        momentum = .5 + .2 * min(1, step * batch // EXAMPLES / 249)
        if joint:
            loss_g = F.softplus(-logits[batch:]).mean()
            gradients_g, gradients_d = grad(loss_g, g), grad(loss_d, d)
            rules[1].update(gradients_d, momentum)
            rules[0].update(gradients_g, momentum)
        else:
            rules[1].update(grad(loss_d, d), momentum)
            loss_g = F.softplus(-d(fake[:batch], "g", step)).mean()
            rules[0].update(grad(loss_g, g), momentum)
        yield loss_d.item(), loss_g.item(), 0.0


def turns(same):
    """Steps of three D updates (the first, and every fourth) or one, and of two G updates: all on noise of their own, or
    both of G on the noise of D's last one."""
    batch, wide, tick = 20, ("uniform", 0.25), 0
    data = examples(36)
    g = Network("G", 10, [(64, "relu", 1, 1, wide), (64, "relu", 1, 1, wide), (36, "sigmoid", 1, 1, wide)])
    d = Network("D", 36, [(24, "maxout", 5, .8, wide), (24, "maxout", 5, .5, wide), (1, "", 1, .5, wide)])
    rules = [Adam(n.parameters, 2e-4, (.5, .999)) for n in (g, d)]

    def fakes(draws):
        return g(uniform("z", (draws * batch, 10), tick) * np.float32(2 * ROOT3) - np.float32(ROOT3), "g", tick)

    def update_d(fake):
        logits = d(torch.cat([minibatch(data, batch, tick), fake.detach()]), "d", tick)
        loss = F.softplus(-logits[:batch]).mean() + F.softplus(logits[batch:]).mean()
        rules[1].update(grad(loss, d))
        return loss.item()

    def update_g(fake):
        loss = F.softplus(-d(fake, "g", tick)).mean()
        rules[0].update(grad(loss, g))
        return loss.item()

    for step in range(10):
        for _ in range(2 if step % 4 == 0 else 0):
            update_d(fakes(1))
            tick += 1
        if same:
            fake = fakes(1)
            losses = update_d(fake), update_g(fake)
            update_g(fakes(1))
        else:
            fake = fakes(2)
            losses = update_d(fake[batch:]), update_g(fake[:batch])
            tick += 1
            update_g(fakes(1))
        tick += 1
        yield *losses, 0.0


def rpgan():
    """Relativistic pairing with R1 and R2, on points."""
    batch, gain, out = 20, ("fan-in", 1.4), ("fan-in", 1.0)
    data = examples(2)
    g = Network("G", 2, [(40, "relu", 1, 1, gain), (40, "relu", 1, 1, gain), (2, "", 1, 1, out)])
    d = Network("D", 2, [(30, "leaky", 1, 1, gain), (30, "leaky", 1, 1, gain), (30, "leaky", 1, 1, gain), (1, "", 1, 1, out)])
    rules = [Adam(n.parameters, 1e-3, (0., .99)) for n in (g, d)]
    for step in range(10):
        real = minibatch(data, batch, step)
        fake = g(normal("z", (2 * batch, 2), step), "g", step)
        joined = torch.cat([real, fake[batch:].detach()]).requires_grad_()
        logits = d(joined, "d", step)
        loss_d = F.softplus(-(logits[:batch] - logits[batch:])).mean()
        slope, = torch.autograd.grad(logits.sum(), joined, create_graph=True)
        penalty = .05 / 2 * slope.square().sum() / batch
        rules[1].update(grad(loss_d + penalty, d))
        logits = d(torch.cat([real, fake[:batch]]), "g", step)
        loss_g = F.softplus(-(logits[batch:] - logits[:batch])).mean()
        rules[0].update(grad(loss_g, g))
        yield loss_d.item(), loss_g.item(), penalty.item()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, steps in (("mnist", mnist(False)), ("mnist-2014", mnist(True)), ("ring-rpgan", rpgan()),
                        ("fresh-noise", turns(False)), ("same-noise", turns(True))):
        for number, values in enumerate(steps, 1):
            print(f"#= {case} {number} " + " ".join(f"{v:.8f}" for v in values))

#= mnist 1 1.49561048 0.81795484 0.00000000
#= mnist 2 1.58699775 0.68824857 0.00000000
#= mnist 3 1.49841094 0.77285016 0.00000000
#= mnist 4 1.47549415 0.64680290 0.00000000
#= mnist 5 1.33521533 0.75296366 0.00000000
#= mnist 6 1.37064385 0.70891631 0.00000000
#= mnist 7 1.53151131 0.79575539 0.00000000
#= mnist 8 1.41798496 0.78058809 0.00000000
#= mnist 9 1.35980153 0.84036863 0.00000000
#= mnist 10 1.36897993 0.75726742 0.00000000
#= mnist-2014 1 0.75466383 0.72286993 0.00000000
#= mnist-2014 2 0.78523898 0.66821879 0.00000000
#= mnist-2014 3 0.71763855 0.63437116 0.00000000
#= mnist-2014 4 0.73219055 0.70108622 0.00000000
#= mnist-2014 5 0.66139752 0.70338964 0.00000000
#= mnist-2014 6 0.68889111 0.69191897 0.00000000
#= mnist-2014 7 0.69061565 0.67046082 0.00000000
#= mnist-2014 8 0.69525856 0.64997053 0.00000000
#= mnist-2014 9 0.67542076 0.65439260 0.00000000
#= mnist-2014 10 0.66856694 0.66510046 0.00000000
#= ring-rpgan 1 0.38247821 1.16817939 0.06501837
#= ring-rpgan 2 0.44606417 1.34372354 0.07310914
#= ring-rpgan 3 0.41028389 1.18267381 0.07917196
#= ring-rpgan 4 0.52552354 1.06377590 0.06307931
#= ring-rpgan 5 0.41531882 1.20626211 0.08211209
#= ring-rpgan 6 0.50706333 1.05187118 0.08514263
#= ring-rpgan 7 0.53553575 0.93311769 0.09140477
#= ring-rpgan 8 0.54088724 1.09420455 0.08785297
#= ring-rpgan 9 0.66069019 1.02899861 0.07738878
#= ring-rpgan 10 0.62075728 0.85537785 0.05876850
#= fresh-noise 1 1.49828172 0.77321291 0.00000000
#= fresh-noise 2 1.33617401 0.75499713 0.00000000
#= fresh-noise 3 1.53303456 0.79878503 0.00000000
#= fresh-noise 4 1.36070609 0.84575093 0.00000000
#= fresh-noise 5 1.35585904 0.77407300 0.00000000
#= fresh-noise 6 1.42348611 0.89562690 0.00000000
#= fresh-noise 7 1.56639004 0.71389288 0.00000000
#= fresh-noise 8 1.47369277 0.67263091 0.00000000
#= fresh-noise 9 1.41707730 0.70767099 0.00000000
#= fresh-noise 10 1.57162654 0.71701694 0.00000000
#= same-noise 1 1.49520278 0.77327555 0.00000000
#= same-noise 2 1.48668396 0.64672619 0.00000000
#= same-noise 3 1.33853257 0.75366533 0.00000000
#= same-noise 4 1.37875986 0.70829886 0.00000000
#= same-noise 5 1.36474979 0.84050429 0.00000000
#= same-noise 6 1.37499666 0.75749332 0.00000000
#= same-noise 7 1.44648302 0.76585025 0.00000000
#= same-noise 8 1.49969912 0.73680604 0.00000000
#= same-noise 9 1.41196239 0.88889188 0.00000000
#= same-noise 10 1.54166842 0.80646533 0.00000000
