#!/usr/bin/env python3
"""Ten training steps of games over pictures in PyTorch: `tests/library/translating.rs` compares its own with them.

Networks are those of `translators.py`. Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`;
reckoned in float64 from these float32 draws. Kernels are drawn [height, width, in, out] (of a transposed convolution [height,
width, out, in]), linear weights [in, out], examples [height, width, channels]. Biases start at 0, slopes at 1/4. Adam has lr
2e-3 (cyclegan 1e-3, or rounding to float32 would soon show), eps 1e-8 and betas (.5, .999); after so many steps its rate falls
in a line to a tenth. Pictures are bytes, `golden data` B's and `golden data A` A's, on [-1, 1] in the first two cases, on [0,
1] in the others.

cyclegan (1703.10593): 12x16 colour, 50 pictures of B and 41 of A, each domain in an order and with flips of its own, two a
  minibatch. Weights N(0, .1), width 4, one block, D of depth 1. G minimises the sum over both directions of mean (D(G(x)) -
  1)^2 + 10 L1 there and back + 5 L1 of a picture that is there already; then D, on what G made before its update, the sum over
  both domains of half the mean squares. Pools of 3, a list each; files have them [numbers, pictures]. Rates of G fall after
  step 4 over 8 steps, of D after step 2 over 9. Told: the mean over both D of half the squares (d), of half of G's (g), and
  the distances' means over both directions.
pix2pix (1611.07004): 64x64 colour, one pair a minibatch, enlarged to 70 (bicubic), cut at a random place and flipped, both
  pictures alike. Weights N(0, .1). G has six halvings of width 2 and dropout behind one doubling; D, of depth 2 and width 2,
  reads both pictures. D's update on half its cross-entropies, then G's through the updated D: non-saturating + 100 L1. Rates
  fall after step 3 over 5 steps.
superres (1609.04802): 20x16 colour from a quarter of the side, flips, two a minibatch, width 2, one block. Weights are normal:
  gain / sqrt(fan in) with the gain of the rectifier that follows, .1 in front of a sum, 1 in the last, which nothing follows.
  Five steps of L1 alone; then D's update on pictures first, cross-entropies + R1 / 2 mean |grad D(real)|^2, R1 = .5, and G's on
  L1 + .2 times the non-saturating loss. Rates fall after step 3 over 5 steps; those of D stay.
srgan: 16x18, by 2, two blocks, no flips, tanh at the end; mean squares instead of L1 and D from the first step on.
colourise: 16x16, two a minibatch. Lab in G's units: L / 50 - 1 in, a / 110 and b / 110 out, behind tanh. G has four halvings of
  width 2; D, of depth 1 and width 2, reads the three. Losses as in pix2pix. Weights N(0, .2). Rates fall after step 3 over 5.

Lines: `#= case step` and what is told, ten a case: d g cycle identity of cyclegan, d g penalty distance of the others.
`#= case/LETTER.NAME numbers`, the first numbers, 24 at most, of each parameter and state after the last step, as files have them.
No numbers: a bias in front of instance norm, which takes it out again; Adam moves it by whatever rounding makes of its gradient.

    python3 translating.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float64)
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from ten_steps import EXAMPLES, normal, shuffled, uniform, words
from translators import Patch, ResnetTranslator, Srgan, SrganD, Unet

A_EXAMPLES = 41
FINAL, BETAS = .1, (.5, .999)


# ---- data ----

def pictures(stream, count, shape, signed):
    height, width, channels = shape
    bytes_ = torch.from_numpy((words(stream, count * math.prod(shape)) & 255).astype("float64"))
    unit = bytes_.view(count, height, width, channels).permute(0, 3, 1, 2) / 255
    return 2 * unit - 1 if signed else unit


def minibatch(data, batch, step, order="shuffle"):
    return data[[shuffled(step * batch + row, len(data), order) for row in range(batch)]]


def flipped(x, step, domain=""):
    u = uniform(f"{domain}flip", (len(x),), step)
    return torch.stack([picture.flip(2) if draw > .5 else picture for picture, draw in zip(x, u)])


def cubic(n, m):
    """The matrix that makes m pixels of n: Keys' kernel with a = -1/2, widened where they get fewer."""
    scale = n / m
    wide, rows = max(scale, 1.0), torch.zeros(m, n, dtype=torch.float64)
    for i in range(m):
        middle = (i + .5) * scale
        for j in range(max(0, int(middle - 2 * wide + .5)), min(n, int(middle + 2 * wide + .5))):
            t = abs((j + .5 - middle) / wide)
            rows[i, j] = 1.5 * t ** 3 - 2.5 * t ** 2 + 1 if t < 1 else max(0, 2 - t) * (.5 * t ** 2 - 1.5 * t + 1)
    return rows / rows.sum(1, keepdim=True)


def resized(x, height, width):
    return cubic(x.shape[2], height) @ x @ cubic(x.shape[3], width).T


def lab(rgb):
    """sRGB on [0, 1] to CIE Lab under D65, planes."""
    light = torch.where(rgb > .04045, ((rgb + .055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = torch.tensor([[.4124564, .3575761, .1804375], [.2126729, .7151522, .0721750], [.0193339, .1191920, .9503041]])
    t = torch.einsum("ij,bjhw->bihw", to_xyz.double(), light) / torch.tensor([.95047, 1, 1.08883]).double().view(3, 1, 1)
    x, y, z = torch.where(t > .008856, t ** (1 / 3), 7.787 * t + 16 / 116).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


# ---- networks ----

class Dropping(Unet):
    """With dropout behind the doublings between the bottom and the first maps of most channels."""

    def forward(self, x, i=0):
        h = super().forward(x, i)
        if not 4 <= i < self.depth - 1:
            return h
        rows, channels, height, width = h.shape
        kept = uniform(f"G/up.{i}/dropout/g", (rows, height, width, channels), self.step) > .5
        return h * 2 * kept.permute(0, 3, 1, 2)


class AnySize(SrganD):
    """SRGAN's D for pictures that are no squares: its first linear layer reads maps of this size."""

    def __init__(self, channels, n, height, width):
        super().__init__(channels, n, 16)
        self.layers[8] = nn.Linear(8 * n * math.ceil(height / 16) * math.ceil(width / 16), 16 * n)


def start(network, letter, spread=None, gain=lambda name: 1.0):
    """Weights from the network's streams: N(0, spread), or N(0, gain^2 / fan in)."""
    network.double().letter = letter
    for path, module in network.named_modules():
        if not isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            continue
        axes = (1, 0) if module.weight.dim() == 2 else (2, 3, 1, 0)
        shape = tuple(module.weight.permute(axes).shape)
        size = gain(path) / math.sqrt(math.prod(shape[:-1])) if spread is None else spread
        drawn = normal(f"init/{letter}/{path}.weight", shape) * size
        with torch.no_grad():
            module.weight.copy_(drawn.permute((1, 0) if len(axes) == 2 else (3, 2, 0, 1)))
            module.bias.zero_()
    return network


def rectifier(slope):
    return math.sqrt(2 / (1 + slope ** 2))


# ---- games ----

class Rule:
    def __init__(self, networks, hold=0, decay=0, lr=2e-3):
        self.lr, self.hold, self.decay = lr, hold, decay
        self.adam = torch.optim.Adam([p for n in networks for p in n.parameters()], lr=lr, betas=BETAS, eps=1e-8)

    def update(self, loss, step):
        fallen = min(1, max(0, step - self.hold) / self.decay) if self.decay else 0
        self.adam.param_groups[0]["lr"] = self.lr * (1 - fallen * (1 - FINAL))
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


class Pool:
    """CycleGAN's list of pictures that D is shown again; the domain's stream says when and which."""

    def __init__(self, size, stream):
        self.size, self.stream, self.kept, self.exchanged = size, stream, [], 0

    def query(self, pictures, step):
        shown = []
        for picture, (whether, which) in zip(pictures.detach(), uniform(self.stream, (len(pictures), 2), step)):
            if len(self.kept) < self.size:
                self.kept.append(picture)
            elif whether > .5:
                place = int(which * self.size)
                picture, self.kept[place] = self.kept[place], picture
                self.exchanged += 1
            shown.append(picture)
        return torch.stack(shown)


def l1(a, b):
    return (a - b).abs().mean()


def cyclegan():
    shape, batch = (12, 16, 3), 2
    all_a, all_b = pictures("golden data A", A_EXAMPLES, shape, True), pictures("golden data", EXAMPLES, shape, True)
    to_b, to_a = [start(ResnetTranslator(3, 3, 4, 1), f"G.{way}", .1) for way in ("a2b", "b2a")]
    of_a, of_b = [start(Patch(3, 4, 1), f"D.{domain}", .1) for domain in "ab"]
    pools = [Pool(3, f"D.{domain}/pool") for domain in "ab"]
    rule_g, rule_d = Rule([to_b, to_a], 4, 8, 1e-3), Rule([of_a, of_b], 2, 9, 1e-3)
    told = []
    for step in range(10):
        a = flipped(minibatch(all_a, batch, step, "shuffle/1"), step, "A/")
        b = flipped(minibatch(all_b, batch, step), step, "B/")
        made_b, made_a = to_b(a), to_a(b)
        fool = [(d(made) - 1).square().mean() for d, made in ((of_b, made_b), (of_a, made_a))]
        cycle = l1(to_a(made_b), a) + l1(to_b(made_a), b)
        identity = l1(to_a(a), a) + l1(to_b(b), b)
        rule_g.update(sum(fool) + 10 * cycle + 5 * identity, step)
        halves = []
        for d, real, made, pool in ((of_a, a, made_a, pools[0]), (of_b, b, made_b, pools[1])):
            shown = pool.query(made, step)
            halves.append(((d(real) - 1).square().mean() + d(shown).square().mean()) / 2)
        rule_d.update(sum(halves), step)
        told.append([(sum(halves) / 2).item(), (sum(fool) / 4).item(), cycle.item() / 2, identity.item() / 2])
    assert all(pool.exchanged >= 4 for pool in pools)
    # Biases of convolutions that a norm follows.
    free = ["layers.0", "layers.1", "layers.2", "layers.3", "layers.4", "blocks.0.conv1", "blocks.0.conv2"]
    states = {}
    for pool, d in zip(pools, (of_a, of_b)):
        states[f"{d.letter}.pool.images"] = torch.stack([p.permute(1, 2, 0).flatten() for p in pool.kept], 1)
        states[f"{d.letter}.pool.count"] = torch.tensor(len(pool.kept))
    return told, {to_b: free, to_a: free, of_a: ["layers.1"], of_b: ["layers.1"]}, states


def pairs(g, d, pair, rules, joined, reconstruction=100, scale=.5, adversarial=1, alone=0, r1=0, distance=l1):
    told = []
    for step in range(10):
        given, wanted = pair(step)
        g.step = step
        made = g(given)
        beside = lambda x: torch.cat([given, x], 1) if joined else x
        loss_d = loss_g = penalty = torch.zeros(())
        if step >= alone:
            real = beside(wanted).requires_grad_()
            on_real, on_fake = d(real), d(beside(made.detach()))
            loss_d = scale * (F.softplus(-on_real).mean() + F.softplus(on_fake).mean())
            if r1:
                slope, = torch.autograd.grad(on_real.sum(), real, create_graph=True)
                penalty = r1 / 2 * slope.square().sum() / len(real)
            rules[1].update(loss_d + penalty, step)
            loss_g = F.softplus(-d(beside(made))).mean()
        far = distance(made, wanted)
        rules[0].update(adversarial * loss_g + reconstruction * far, step)
        told.append([x.item() for x in (loss_d, loss_g, penalty, far)])
    return told


def pix2pix():
    shape, side = (64, 64, 3), 70
    all_a, all_b = [pictures(f"golden data{more}", EXAMPLES, shape, True) for more in (" A", "")]
    g, d = start(Dropping(3, 3, 2, 6), "G", .1), start(Patch(6, 2, 2), "D", .1)

    def pair(step):
        both = torch.cat([minibatch(data, 1, step) for data in (all_a, all_b)], 1)
        top, left = (int(u * (side - 64 + 1)) for u in uniform("places", (1, 2), step)[0])
        cut = resized(both, side, side)[:, :, top:top + 64, left:left + 64]
        return flipped(cut, step).split(3, 1)

    told = pairs(g, d, pair, [Rule([g], 3, 5), Rule([d], 3, 5)], True)
    free = [f"down.{i}" for i in range(1, 5)] + [f"up.{i}" for i in range(1, 6)]
    return told, {g: free, d: ["layers.1", "layers.2"]}, {}


def superres(height, width, factor, blocks, output, flip, **more):
    data, shuffles = pictures("golden data", EXAMPLES, (height, width, 3), False), int(math.log2(factor))
    last = f"layers.{2 + shuffles}"
    gains = {"layers.1": .1, last: 1.0, **{f"blocks.{i}.conv2": .1 for i in range(blocks)}}
    g = start(Srgan(3, 2, blocks, shuffles, output), "G", gain=lambda name: gains.get(name, rectifier(.25)))
    d = start(AnySize(3, 2, height, width), "D", gain=lambda name: 1.0 if name == "layers.9" else rectifier(.2))

    def pair(step):
        wanted = minibatch(data, 2, step)
        wanted = flipped(wanted, step) if flip else wanted
        return resized(wanted, height // factor, width // factor), wanted

    told = pairs(g, d, pair, [Rule([g], 3, 5), Rule([d])], False, reconstruction=1, scale=1, r1=.5, **more)
    return told, {g: [], d: []}, {}


def colourise():
    data = pictures("golden data", EXAMPLES, (16, 16, 3), False)
    g, d = start(Unet(1, 2, 2, 4), "G", .2), start(Patch(3, 2, 1), "D", .2)

    def pair(step):
        colours = lab(flipped(minibatch(data, 2, step), step))
        return colours[:, :1] / 50 - 1, colours[:, 1:] / 110

    told = pairs(g, d, pair, [Rule([g], 3, 5), Rule([d], 3, 5)], True)
    return told, {g: ["down.1", "down.2", "up.1", "up.2", "up.3"], d: ["layers.1"]}, {}


def mean_square(a, b):
    return (a - b).square().mean()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, run in (
        ("cyclegan", cyclegan),
        ("pix2pix", pix2pix),
        ("superres", lambda: superres(20, 16, 4, 1, lambda x: x, True, alone=5, adversarial=.2)),
        ("srgan", lambda: superres(16, 18, 2, 2, torch.tanh, False, adversarial=.2, distance=mean_square)),
        ("colourise", colourise),
    ):
        told, networks, states = run()
        for number, values in enumerate(told, 1):
            print(f"#= {case} {number} " + " ".join(f"{v:.8f}" for v in values))
        tensors = {f"{n.letter}.{name}": t for n in networks for name, t in n.state_dict().items()} | states
        free = {f"{n.letter}.{name}.bias" for n, names in networks.items() for name in names}
        for name, tensor in tensors.items():
            numbers = [] if name in free else tensor.flatten()[:24].tolist()
            print(" ".join([f"#= {case}/{name}", *(f"{v:.8g}" for v in numbers)]))

#= cyclegan 1 0.94985560 0.78617420 0.71595322 0.70372109
#= cyclegan 2 0.93637235 0.67042317 0.69591234 0.70201764
#= cyclegan 3 0.91333014 0.66700605 0.67251870 0.66692266
#= cyclegan 4 0.81058143 0.72154822 0.67219904 0.67435088
#= cyclegan 5 0.78796203 0.59183686 0.68052741 0.67756918
#= cyclegan 6 0.79546949 0.52847866 0.67368012 0.66960819
#= cyclegan 7 0.74731758 0.55737640 0.66770401 0.68064843
#= cyclegan 8 0.66529981 0.52142533 0.67189477 0.66169520
#= cyclegan 9 0.64078749 0.48557185 0.68073162 0.67240643
#= cyclegan 10 0.70119271 0.52770776 0.65918508 0.66818046
#= cyclegan/G.a2b.layers.0.weight -0.034715994 0.12559555 0.14565681 -0.14519142 0.048269035 0.037977907 -0.079922568 -0.07049872 -0.0038498148 -0.0027441018 0.078837513 0.075089902 0.041333398 -0.0011607513 -0.11455386 -0.023098286 -0.027284186 0.065805443 0.13969036 -0.12303609 -0.0017128794 0.043934493 -0.057305373 -0.035478501
#= cyclegan/G.a2b.layers.0.bias
#= cyclegan/G.a2b.layers.1.weight 0.024965948 0.12600399 -0.1273347 0.06304102 0.20080167 -0.077318293 -0.078122163 0.012048496 0.013029007 0.11643019 0.12328919 -0.092974799 0.023171949 0.011399644 0.091238856 -0.061959367 0.048646866 -0.059637387 -0.24073913 -0.095310237 0.1177353 0.15371946 -0.071380943 0.072439778
#= cyclegan/G.a2b.layers.1.bias
#= cyclegan/G.a2b.layers.2.weight 0.15182138 -0.095484341 -0.17600883 -0.015803337 0.069292041 -0.14974469 -0.15381171 0.013269376 -0.086013389 -0.038383135 0.018585637 0.17276704 0.20442241 -0.046318115 -0.0086676283 -0.023306575 -0.032799303 0.10995292 0.064039967 0.11944592 0.20870997 0.042098079 0.031203192 0.16905574
#= cyclegan/G.a2b.layers.2.bias
#= cyclegan/G.a2b.layers.3.weight -0.09495388 0.025042912 -0.17794812 0.15843778 0.11193595 -0.098458025 0.081420696 0.031226863 0.069846662 -0.13262394 -0.01878493 -0.0080615918 -0.15147509 -0.084401429 0.018723119 0.1082893 -0.13213049 -0.022800869 -0.05577322 0.10135511 -0.0789644 -0.075622927 0.023897307 0.027979913
#= cyclegan/G.a2b.layers.3.bias
#= cyclegan/G.a2b.layers.4.weight 0.018912249 -0.20273673 -0.12588322 0.064380168 0.0015150892 -0.10707496 -0.0028894305 0.11443719 0.033827107 -0.12406171 0.0013739592 -0.015663432 -0.14292807 -0.013461038 0.098900446 0.060968174 0.032496839 0.0061839936 0.094254029 0.021931234 0.032825827 -0.062009001 0.018225448 0.0069394326
#= cyclegan/G.a2b.layers.4.bias
#= cyclegan/G.a2b.layers.5.weight -0.10566453 0.0020368691 0.083772263 -0.010570909 -0.0062561376 0.047886956 -0.038836411 0.094150699 -0.019470448 0.095555654 -0.20688356 -0.15165641 0.13684416 -0.060931507 0.085801443 0.13205813 -0.053119831 0.16248223 0.0039659039 0.046815125 -0.034250077 0.28263046 0.074389484 -0.040003107
#= cyclegan/G.a2b.layers.5.bias 0.0012272089 -0.0073852725 -0.0078196196
#= cyclegan/G.a2b.blocks.0.conv1.weight -0.18436693 -0.061650278 0.044745863 0.075580464 -0.089599105 0.05407842 0.1046332 -0.041736599 -0.22526065 0.033003435 0.040321224 0.14868491 -0.024022575 0.19749777 -0.084429526 -0.021106895 0.14093603 0.094238276 0.1246826 -0.052909408 0.084270629 -0.14276264 -0.075235151 -0.16579339
#= cyclegan/G.a2b.blocks.0.conv1.bias
#= cyclegan/G.a2b.blocks.0.conv2.weight 0.1187825 -0.11133807 0.11300773 -0.056241176 -0.16591553 0.032347418 0.016432952 -0.086383772 -0.12838602 0.11950343 -0.0056431509 -0.08480734 0.026711008 0.068799246 -0.16363705 0.033122608 -0.082497422 0.03510353 0.12277326 -0.11154196 -0.13344343 0.007040433 0.095174223 0.088597757
#= cyclegan/G.a2b.blocks.0.conv2.bias
#= cyclegan/G.b2a.layers.0.weight -0.046037242 0.10072154 -0.0086914196 0.049588886 0.017531167 -0.010668502 -0.02009048 0.11547093 0.19979467 -0.038325579 0.036296364 0.1452331 0.058304249 -0.082270035 0.13671559 -0.0547445 0.11358676 0.12458596 -0.070472611 0.011118219 -0.14394558 0.087400675 -0.068559859 -0.18916424
#= cyclegan/G.b2a.layers.0.bias
#= cyclegan/G.b2a.layers.1.weight -0.014961225 0.051163851 -0.10080276 -0.024830188 -0.059700588 0.03269473 -0.043134881 0.060776361 -0.080147198 0.018107114 0.13210761 0.079710211 -0.14685404 -0.05032958 0.032152552 0.071752527 0.093266474 -0.016530266 0.031111918 0.10828751 0.1184516 -0.25410686 -0.047553669 0.1733672
#= cyclegan/G.b2a.layers.1.bias
#= cyclegan/G.b2a.layers.2.weight -0.013064326 0.10725327 -0.042329935 0.052134204 -0.092065798 0.064998399 0.11516879 0.015676677 0.0274571 -0.029920769 0.014782005 -0.088608646 0.15646313 0.077470548 0.10860586 0.087405803 0.065116181 -0.012262961 -0.092005329 0.011586187 0.064562983 0.037635245 0.016118466 0.056584981
#= cyclegan/G.b2a.layers.2.bias
#= cyclegan/G.b2a.layers.3.weight -0.085721601 0.096912368 -0.005332401 -0.1290886 -0.013510574 0.21275242 -0.067133357 0.056358316 0.10027474 -0.14363122 -0.035020718 0.071460922 0.084321525 -0.018606567 -0.011056681 -0.05798727 -0.076897563 0.069721003 0.02083921 0.0092921024 -0.10091518 -0.15880086 0.15530247 -0.13593829
#= cyclegan/G.b2a.layers.3.bias
#= cyclegan/G.b2a.layers.4.weight 0.073152199 -0.13758288 0.13654246 -0.062195366 0.11604761 -0.15699629 -0.11792366 0.033987598 -0.093170222 -0.14850737 -0.077495626 -0.0020872844 -0.098581446 0.12580034 -0.044423032 -0.20513262 -0.058527397 -0.091188747 -0.024657266 0.055484183 -0.069431503 0.035798967 -0.012414672 -0.13418313
#= cyclegan/G.b2a.layers.4.bias
#= cyclegan/G.b2a.layers.5.weight 0.056247532 -0.012008535 0.074038912 -0.086427434 0.12884901 0.052627973 -0.13781618 -0.16653381 0.096343095 0.098371952 -0.013375617 -0.13832332 0.020491681 -0.034522017 0.054263472 0.017816646 -0.062609171 0.13361281 -0.022803641 -0.11619211 0.016383306 0.027232227 0.071131876 0.095442685
#= cyclegan/G.b2a.layers.5.bias -0.0078199381 0.0076177752 0.00044963719
#= cyclegan/G.b2a.blocks.0.conv1.weight -0.21509753 0.075176538 -0.15492787 -0.15701854 -0.019737781 0.10295064 -0.0070123315 -0.17521336 0.045794311 0.048196906 -0.07987204 -0.070473175 -0.061599099 -0.021913984 0.095458135 0.059955741 0.0040192072 -0.040930641 -0.083342665 0.089625756 0.082753054 0.13365524 0.02643888 0.0053985295
#= cyclegan/G.b2a.blocks.0.conv1.bias
#= cyclegan/G.b2a.blocks.0.conv2.weight -0.13952933 -0.040484786 -0.044489838 -0.18437511 0.18376594 -0.076917847 0.16801456 -0.2284041 -0.087788371 0.0045112985 0.17453888 -0.15675725 0.048862377 -0.068572917 -0.022844206 -0.030334184 -0.00073471938 0.027200314 0.082783497 0.020394948 -0.026368168 0.12930406 0.066654309 0.1110161
#= cyclegan/G.b2a.blocks.0.conv2.bias
#= cyclegan/D.a.layers.0.weight -0.22379294 -0.14666961 -0.015000458 0.13133724 -0.072622926 0.019700208 0.045815969 0.097335267 0.17212295 0.031064503 0.12257128 0.00071387211 0.15904079 -0.033335269 0.034098637 -0.18714584 0.0075921676 -0.030736898 -0.091106191 -0.10825797 -0.15654234 -0.0085192372 -0.031819577 -0.12595628
#= cyclegan/D.a.layers.0.bias 0.00053626981 -0.0057371078 0.0056373449 -0.0058656114
#= cyclegan/D.a.layers.1.weight -0.021306241 -0.035839178 -0.011560602 0.10128967 0.077915574 -0.010274354 -0.00026361612 0.006608513 -0.036074596 0.11698605 -0.094624597 0.13062003 -0.055834102 0.043912072 0.058777768 -0.04446206 -0.2148027 0.044485198 -0.036016238 -0.10420864 0.15275793 0.088742602 0.020868585 0.05224504
#= cyclegan/D.a.layers.1.bias
#= cyclegan/D.a.layers.2.weight 0.15211747 -0.17435325 -0.21661349 -0.014311638 -0.033576611 0.14737843 -0.0197166 0.15242169 -0.14268454 0.017253282 0.042042482 -0.093093998 -0.11067159 -0.065081988 -0.073062751 0.041187149 -0.036644467 0.083000591 0.042529802 -0.011568348 0.15302229 -0.10856615 -0.1669969 -0.066486173
#= cyclegan/D.a.layers.2.bias 0.0066879801
#= cyclegan/D.b.layers.0.weight -0.044855782 0.088795628 -0.13815646 0.090998492 0.014836264 0.22535626 0.065460803 0.09834091 -0.095519029 0.041656492 0.046104892 0.21580654 0.020237087 0.073599009 -0.08755807 0.0088923478 -0.015853493 0.0093194181 0.093158108 0.00022941651 0.023343271 0.090249558 0.19251499 -0.027095357
#= cyclegan/D.b.layers.0.bias -0.0053660402 0.0064431892 0.0045465407 -0.0024244138
#= cyclegan/D.b.layers.1.weight 0.0047137299 0.048983877 0.068035107 -0.0088809548 -0.17199289 0.028681213 -0.1621256 0.033216969 0.077878434 -0.098823648 0.11911546 -0.15516341 0.17079175 0.32501046 -0.0051470415 -0.1232328 -0.02255944 0.0068105887 0.037683665 -0.022590388 -0.014629524 -0.19982451 -0.14692772 0.049561581
#= cyclegan/D.b.layers.1.bias
#= cyclegan/D.b.layers.2.weight 0.0016675625 0.092108146 0.07212491 -0.064415822 -0.084933804 -0.061035828 0.028217597 -0.02655624 -0.022545829 -0.057170025 -0.087400093 -0.14055097 0.072611852 -0.022217111 0.15387734 -0.10426686 0.014314014 0.045311345 -0.017785216 -0.0020215686 0.12472129 0.014380573 0.1203002 -0.06686911
#= cyclegan/D.b.layers.2.bias 0.0065535316
#= cyclegan/D.a.pool.images 0.36662847 0.44112833 -0.22716063 -0.9990441 -0.9720271 -0.90340314 0.25447498 0.21588398 0.73175709 0.94918717 0.39709647 -0.51428869 -0.07193623 -0.60264685 -0.74908851 0.034945544 0.13849186 0.27440115 0.94578993 0.48231368 0.070096925 -0.99904107 -0.91369786 -0.97766312
#= cyclegan/D.a.pool.count 3
#= cyclegan/D.b.pool.images -0.120977 -0.67414463 0.29026551 -0.89023643 -0.57899577 -0.54371807 -0.41704972 0.20961319 0.17734379 -0.89297253 0.94556182 -0.048248069 0.58030604 0.65244745 0.60591931 -0.097598062 0.64585413 -0.43046138 -0.49425975 0.29837024 -0.71826111 -0.29890713 -0.49714245 -0.39595243
#= cyclegan/D.b.pool.count 3
#= pix2pix 1 0.78913447 1.00303898 0.00000000 0.40996896
#= pix2pix 2 0.77150445 0.97136809 0.00000000 0.40787766
#= pix2pix 3 0.76636299 0.92096460 0.00000000 0.41003641
#= pix2pix 4 0.75072435 0.88223521 0.00000000 0.41291105
#= pix2pix 5 0.74492511 0.85787258 0.00000000 0.40638949
#= pix2pix 6 0.74202934 0.84053485 0.00000000 0.40859267
#= pix2pix 7 0.74038359 0.82710250 0.00000000 0.40935924
#= pix2pix 8 0.74480403 0.82050297 0.00000000 0.40765787
#= pix2pix 9 0.73808308 0.82667080 0.00000000 0.40626290
#= pix2pix 10 0.73261803 0.84806013 0.00000000 0.40220424
#= pix2pix/G.down.0.weight 0.016787071 -0.12605741 0.061385657 -0.11620336 -0.036752099 0.023130713 -0.023643158 -0.07745669 0.096383587 0.022343274 0.039786256 -0.070776786 0.16108032 -0.042972253 0.030584123 -0.042334826 0.090604462 0.095389072 -0.064065753 -0.021037758 -0.041230787 -0.20078388 0.018692232 0.025527449
#= pix2pix/G.down.0.bias -0.004406183 -0.010683126
#= pix2pix/G.down.1.weight 0.059121285 -0.022325228 0.10294012 0.037743345 0.12107029 0.034998352 -0.076810206 -0.12341491 -0.095626198 0.018049788 0.051128424 0.041859883 -0.12959859 -0.090468698 -0.052722555 -0.16356138 0.07225087 -0.028938071 -0.1017698 -0.048383103 0.023134422 -0.11949274 0.11403113 0.10176028
#= pix2pix/G.down.1.bias
#= pix2pix/G.down.2.weight 0.04355038 -0.0053481253 -0.075978319 -0.086995234 0.18575914 -0.060730481 -0.022237017 -0.080079442 0.15788933 -0.0017857182 0.20684724 -0.0096558128 -0.14352539 -0.074571038 0.059956829 -0.14839286 -0.11073599 -0.0082221447 0.022642949 -0.11315962 -0.012047346 -0.087228254 0.005070739 0.10087504
#= pix2pix/G.down.2.bias
#= pix2pix/G.down.3.weight -0.0077334163 0.10062826 -0.021130661 -0.0081151067 0.072232398 -0.036012782 -0.081696478 -0.13517968 -0.067931819 -0.00071486521 0.11985019 0.081956342 0.027944748 0.0013009871 -0.03538691 0.078758828 0.10882366 -0.054566615 -0.02515194 -0.044523452 -0.017097297 0.056273393 -0.029761787 -0.047496326
#= pix2pix/G.down.3.bias
#= pix2pix/G.down.4.weight -0.095804983 0.065771048 -0.033583075 -0.25176623 0.028866353 0.11705704 0.12195031 0.066779292 -0.20305596 -0.029721184 -0.12136579 -0.22671656 -0.11795562 -0.088951379 -0.072578981 -0.088744787 0.030050188 0.049777774 -0.0093344683 -0.081678444 0.081672234 0.18108286 0.18513012 0.0049473306
#= pix2pix/G.down.4.bias
#= pix2pix/G.down.5.weight 0.0038208466 0.021000501 0.19604529 0.097117685 0.038665108 -0.030793833 -0.05433247 -0.011171283 0.00081971561 0.11713773 -0.026522726 0.079871885 -0.052840233 -0.093180798 0.0014400595 -0.1021765 0.15315779 0.030611942 0.075219356 0.10956546 0.13658737 -0.059220283 0.056694048 0.026125604
#= pix2pix/G.down.5.bias 0.0051361492 0.0029776108 -0.0051115192 0.00042975807 -0.0053356663 -0.00031582509 -8.6009098e-05 -0.0024592198 0.0059711585 -0.0016037285 0.0022169314 -0.002634129 -0.00062899539 0.0022993046 -0.0046304801 0.00079694929
#= pix2pix/G.up.0.weight 0.015585798 -0.13701338 -0.032212892 -0.048929386 -0.038260461 -0.1069346 0.035996064 0.12351776 -0.059688264 -0.020274187 -0.098263768 -0.072136301 0.15900799 -0.0028367594 0.13525336 -0.13333291 0.06163826 0.073944703 -0.027573213 0.14460684 0.085179182 -0.045938606 0.020387902 0.011377619
#= pix2pix/G.up.0.bias -0.0055005434 0.011374779 -0.012356666
#= pix2pix/G.up.1.weight 0.013907423 0.12123981 0.075846769 -0.048227109 0.091319062 0.030774964 0.090438655 -0.01577884 0.11387288 -0.013798197 0.092289473 -0.090196638 0.067637873 -0.055380264 0.049063019 -0.040231488 0.01800171 -0.078128636 -0.11139355 -0.18025763 0.12485721 0.045075038 0.10240957 -0.057769609
#= pix2pix/G.up.1.bias
#= pix2pix/G.up.2.weight 0.24391968 0.025526944 -0.043932565 -0.16483768 0.0866762 0.0002609133 -0.0089720395 -0.041070722 0.0062807711 -0.02100646 0.00064702294 -0.060949054 -0.067915062 -0.050947499 -0.032790456 -0.019788605 -0.27413114 0.13157144 -0.11291416 -0.2069212 -0.058182139 0.12808188 0.017984706 0.049782004
#= pix2pix/G.up.2.bias
#= pix2pix/G.up.3.weight -0.030241263 -0.060443444 -0.038564856 -0.17141175 0.11404162 -0.088485501 0.13183944 -0.018053886 0.16479155 0.0085731695 0.038146511 -0.083931213 0.013191383 0.0022622858 0.16872047 0.087747249 0.06559702 -0.031017465 0.03832904 0.15795139 -0.053528657 -0.049941592 0.12304714 -0.064335368
#= pix2pix/G.up.3.bias
#= pix2pix/G.up.4.weight -0.19022714 0.006351799 -0.16501307 0.082907529 -0.075105315 0.12953558 0.044796955 0.18196627 0.14691421 -0.0089524635 0.14704449 -0.042816903 -0.057062007 -0.026845684 -0.022879992 0.030626464 -0.15711147 -0.037332218 0.032666037 0.056764157 -0.11729086 0.084470379 -0.10874856 0.12868846
#= pix2pix/G.up.4.bias
#= pix2pix/G.up.5.weight 0.066124707 0.023760065 0.085975096 -0.0078386459 -0.04417808 0.24046237 0.063750904 -0.13902818 -0.020183079 -0.21342068 -0.065253476 0.031259116 -0.020937728 -0.12548994 -0.032985374 0.035013776 -0.018019205 0.099310257 0.047878139 -0.086890951 0.15912466 -0.0782938 -0.12841433 0.077864811
#= pix2pix/G.up.5.bias
#= pix2pix/D.layers.0.weight 0.14927363 0.013298724 0.065093979 0.077872797 -0.052305577 0.069292903 0.00025551324 -0.25131279 0.10958133 0.012067441 -0.049997694 0.041202169 0.094220512 0.020536381 0.0085819512 0.19037086 -0.032160051 -0.019524638 0.10389008 -0.20394416 -0.066150837 0.11010858 -0.057800712 0.092658248
#= pix2pix/D.layers.0.bias -0.00029693719 0.010167846
#= pix2pix/D.layers.1.weight -0.017420344 -0.0042687634 -0.06387319 0.14123021 0.026968382 -0.084742748 -0.073173057 -0.026397623 -0.007739705 -0.073410114 0.0042213119 -0.14035736 -0.16226737 0.041315072 -0.10340793 -0.062028392 0.13068701 -0.17228222 -0.038191663 0.1433338 -0.032197511 0.066402059 0.18295859 -0.095720358
#= pix2pix/D.layers.1.bias
#= pix2pix/D.layers.2.weight -0.036531169 -0.098587331 -0.047394573 -0.0017938396 -0.19732054 -0.092030448 -0.1184182 -0.023474102 -0.094608369 -0.17054112 0.0023911608 0.020447653 0.071156757 0.015573495 -0.043971863 -0.023564582 0.05235061 0.11204327 -0.0056197835 0.04247645 -0.1025192 0.16560189 -0.060671432 0.10842764
#= pix2pix/D.layers.2.bias
#= pix2pix/D.layers.3.weight -0.1323695 -0.15982402 0.062991027 -0.15777631 -0.032295374 -0.097436948 -0.017284101 -0.033880085 0.048345869 0.10880978 -0.011483551 0.20579568 0.0098027395 -0.024178393 0.031504794 -0.16304481 0.28269184 0.071278649 -0.0031970686 0.13475245 -0.014919374 0.039647844 -0.10012353 0.14915279
#= pix2pix/D.layers.3.bias 0.010865218
#= superres 1 0.00000000 0.00000000 0.00000000 0.50830977
#= superres 2 0.00000000 0.00000000 0.00000000 0.48274552
#= superres 3 0.00000000 0.00000000 0.00000000 0.45332394
#= superres 4 0.00000000 0.00000000 0.00000000 0.46092823
#= superres 5 0.00000000 0.00000000 0.00000000 0.43007444
#= superres 6 1.41313842 0.69077658 0.02268036 0.39903346
#= superres 7 1.41474303 0.68692627 0.01387486 0.38175243
#= superres 8 1.39632575 0.69036901 0.03642238 0.37499868
#= superres 9 1.38083994 0.69523481 0.01401125 0.37421228
#= superres 10 1.36374234 0.69858056 0.01326751 0.35359864
#= superres/G.layers.0.weight 0.14107774 0.089347981 0.048483683 0.11488711 -0.047318142 0.11269008 0.052930008 0.028643439 -0.022402814 -0.050679024 -0.26727365 0.084763701 -0.042775505 0.09864564 0.27791579 0.048742292 0.021226087 0.0048568416 -0.0076205106 -0.14211402 -0.12190559 -0.1387512 -0.12437241 -0.14714983
#= superres/G.layers.0.bias 0.0058654456 -0.0097208374
#= superres/G.layers.1.weight -0.022215153 0.019220558 -0.014460729 0.011902387 0.0047955206 0.049954041 0.033106842 0.017950835 0.033730403 0.020470093 -0.020217899 0.019457513 -0.045893238 0.017944638 -0.033249423 -0.0029935718 -0.0011420992 -0.019656436 -0.045252735 0.045117581 0.03053725 0.022772922 0.050791923 0.0043949393
#= superres/G.layers.1.bias -0.014247205 -0.010467113
#= superres/G.layers.2.weight -0.78095056 -0.21065225 0.39222544 0.18114214 0.0085586611 -0.1578242 0.66221963 0.12254903 -0.22002632 -0.43580605 0.31945254 0.32897779 -0.43952297 0.29061395 -0.13150782 -0.085661087 0.51923714 0.13417076 -0.15075405 -0.82951702 -0.3145523 0.67754626 -0.10626157 -0.0069963194
#= superres/G.layers.2.bias -0.00013916754 0.0026051637 -0.0078899263 -0.010205652 0.014367389 0.010475109 0.015011608 0.01468471
#= superres/G.layers.3.weight 0.14313776 -0.079118556 -0.048467857 0.19666763 0.078312428 0.17813658 -0.59529037 -0.28612379 0.024833975 -0.071410496 0.37797166 0.83484687 0.56903382 -0.029205161 -0.12655086 0.94549213 0.38191835 0.13020665 -0.4212096 0.59387331 -0.16139751 0.034592073 0.17303987 -0.25376989
#= superres/G.layers.3.bias 0.014373292 0.014593518 0.014744667 0.014398064 0.0098625454 0.0082057111 0.009472481 0.0090375244
#= superres/G.layers.4.weight -0.090848636 -0.015880913 0.10314929 -0.024871394 -0.10989818 -0.09385853 0.064977256 0.062610437 0.097221296 0.019931501 0.0090455242 0.084808306 0.055625341 -0.0041245176 -0.11732565 -0.030133322 -0.031454456 -0.028484058 0.11451096 -0.0784785 0.16591762 0.010743499 0.0056603295 0.024799106
#= superres/G.layers.4.bias 0.012249041 0.012316214 0.01152723
#= superres/G.activations.0.weight 0.26475262
#= superres/G.activations.2.weight 0.23795794
#= superres/G.activations.3.weight 0.23533396
#= superres/G.blocks.0.conv1.weight -0.33636174 0.044535013 -0.40084336 0.21523158 -0.0040904942 -0.010215668 0.40395991 -0.18467817 -0.85004507 -0.43280017 0.12962948 -0.49274267 0.017548174 -0.12778759 0.18169588 -0.41317526 -0.019933353 -0.22341656 -0.063344134 0.54265993 -0.65807039 -0.3483388 -0.20206524 -0.088840149
#= superres/G.blocks.0.conv1.bias 0.014788585 0.014580044
#= superres/G.blocks.0.activation.weight 0.25988986
#= superres/G.blocks.0.conv2.weight -0.054116452 -0.023796223 -0.026354037 -0.015785375 -0.034238581 0.010935322 -0.02560052 0.00044646239 0.030315007 -0.035303711 -0.02831445 -0.034700272 -0.02035102 0.035860334 0.023775231 -0.010016759 0.0090034327 -0.00064495837 0.046012332 0.039487053 -0.036836723 0.032694864 -0.0013621585 0.019496684
#= superres/G.blocks.0.conv2.bias -0.0094493039 0.010301047
#= superres/D.layers.0.weight 0.38423582 0.23748892 0.045256391 0.15655926 0.18511008 -0.31679584 0.23050019 -0.58763194 -0.13251117 -0.086872586 0.42428562 -0.034555679 -0.37233245 0.27408761 -0.16783574 -0.54201969 -0.016481937 -0.17151591 0.09075308 0.54580631 -0.26978698 -0.5029973 -0.23746658 -0.14182804
#= superres/D.layers.0.bias -0.0012499443 -0.004334061
#= superres/D.layers.1.weight -0.06547862 0.43301014 -0.038550098 -0.57717395 -0.17648691 -0.12284929 0.45220029 0.45231533 0.071540651 -0.20502458 0.25191553 0.27220319 0.29245008 -0.54551875 -0.07775632 -0.75527291 0.13572354 0.12976274 0.035452307 -0.26268017 -0.097491201 -0.041258224 0.090014193 0.5553074
#= superres/D.layers.1.bias 0.0069093207 0.00075775647
#= superres/D.layers.2.weight -0.10220384 0.15004085 -0.36507217 0.072445956 -0.28806253 0.32686022 0.30621356 -0.22495791 -0.1651757 -0.042634891 0.2071767 0.22184664 0.48509644 -0.22474871 -0.1201859 -0.41398814 -0.02518739 0.97089693 -0.37205871 0.068982857 0.030157654 -0.53554582 0.32532314 -0.19319176
#= superres/D.layers.2.bias 0.0010843368 0.0036552684 -0.00021374693 0.010359339
#= superres/D.layers.3.weight -0.33514988 0.12377378 -0.088705815 -0.072123696 0.086823148 -0.047340915 -0.0013738699 0.050273746 0.073670754 -0.10179383 -0.34584703 0.038917258 -0.062602292 0.27423018 -0.13065143 -0.028693111 -0.017808948 0.0032158193 -0.40523811 -0.38774374 -0.2476669 -0.095777039 0.24735623 0.46918277
#= superres/D.layers.3.bias -0.0046352825 0.00074003401 -0.0066146974 0.0064740772
#= superres/D.layers.4.weight -0.10125289 0.22859838 0.33646706 -0.20137851 -0.2027614 -0.31494569 -0.2130393 -0.28907867 -0.10859251 0.22982072 -0.14786454 -0.45975498 0.013680945 0.10508361 -0.20673234 -0.0035771217 -0.27117843 -0.071105692 -0.28144884 0.28015718 0.19996416 0.023974635 0.27478236 0.088820174
#= superres/D.layers.4.bias 0.00038198446 -0.0056255474 0.0012405147 -0.0030086273 -0.0012376023 -0.0048209634 0.0092025295 -4.3558678e-05
#= superres/D.layers.5.weight -0.039581993 -0.010714321 -0.19888618 0.1090962 -0.13994633 0.16757201 -0.026202701 -0.028589741 -0.048191546 0.14719376 -0.011042626 -0.0064075208 0.17068973 -0.18464187 -0.1481685 0.20474389 -0.21282584 0.42674451 0.10919568 0.17693492 0.097755846 0.18264092 0.22919767 0.27227624
#= superres/D.layers.5.bias -0.0050220496 -9.6282765e-05 -0.0082230382 0.0032229191 0.0020029587 -0.0069070571 0.00030022467 0.0079208844
#= superres/D.layers.6.weight 0.16580901 -0.018308776 -0.15104518 0.12345322 0.044935506 0.026608546 0.2144101 -0.16137216 -0.11154235 -0.23031126 -0.0042533513 -0.067951853 -0.04597274 0.0088578328 0.067629925 0.19940205 0.1128064 -0.29211108 -0.018022942 -0.21461584 0.16174176 -0.1988603 -0.061031378 -0.078860595
#= superres/D.layers.6.bias -0.009274331 0.00045717782 -0.00510639 0.0032939455 0.0043254901 -0.0059668704 0.0099966328 -0.0042429635 0.0073920174 -0.0020139288 0.0045525073 0.0048568495 -0.0012457078 7.5161674e-05 -0.0037304693 -0.0092036973
#= superres/D.layers.7.weight -0.062851958 -0.024818876 0.021543838 -0.050468143 -0.083851635 0.01594082 -0.15253563 -0.072661741 -0.15525814 0.086106405 0.043483585 -0.017511945 -0.17395295 0.10299951 -0.069465339 0.023930123 0.0036212296 -0.070677305 0.017304709 -0.11397486 0.10266394 -0.20510902 -0.15917525 0.039792478
#= superres/D.layers.7.bias -0.0079019601 -0.0026920881 0.004809608 -0.0010888026 -0.0026225666 0.0011543138 -0.0090481735 -0.003328499 -0.0066474539 -0.0068950964 0.0059667193 -0.0074577112 -0.0063731484 0.0068666153 0.0050043719 -0.0041505283
#= superres/D.layers.8.weight -0.48840456 -0.0059409088 0.086695626 -0.27609817 0.17216315 0.12966956 -0.25403671 0.21962583 0.11448499 -0.0078933544 -0.23310837 0.16225064 0.040374465 -0.22142677 -0.088914123 -0.028553822 -0.15712065 -0.43178583 -0.097964154 -0.39316662 0.49244188 0.12256047 -0.18282649 -0.06039146
#= superres/D.layers.8.bias -0.0014764452 -0.0026058433 -0.0024038284 -0.008451229 -0.0026209124 -0.010040673 0.0027280907 -0.0023648388 -0.0086607186 -0.0050628715 0.0093288591 0.0047580384 0.0075462259 -0.0019450919 -0.0061148262 0.0026419081 -0.0096703564 0.0025867768 0.0023796497 -0.0013877509 0.006121291 -0.0025810432 -0.0096126633 -0.0084550314
#= superres/D.layers.9.weight 0.025942127 -0.10949761 -0.04858294 -0.069408461 -0.28413724 -0.019971209 0.086023749 -0.047128629 -0.34284239 0.53925111 -0.064203189 0.022776219 0.082999061 -0.12797643 -0.1043457 0.12388516 -0.07999789 0.16012775 0.0489498 -0.30480705 0.35924714 -0.29091898 -0.085107817 -0.076094978
#= superres/D.layers.9.bias 0.0026059172
#= srgan 1 1.39016379 0.72004764 0.02055523 0.36041324
#= srgan 2 1.37171278 0.70500382 0.02729792 0.32538550
#= srgan 3 1.37637319 0.69039833 0.01154355 0.29700991
#= srgan 4 1.33868045 0.72465408 0.01092351 0.26534514
#= srgan 5 1.38214630 0.69045993 0.05668265 0.24188933
#= srgan 6 1.32545364 0.71462316 0.02534156 0.20610118
#= srgan 7 1.35037961 0.71009036 0.02471808 0.18032043
#= srgan 8 1.35513315 0.71334649 0.02093470 0.16860360
#= srgan 9 1.28352437 0.74118064 0.02347288 0.17571623
#= srgan 10 1.31721440 0.74887844 0.05548460 0.16641014
#= srgan/G.layers.0.weight 0.13131094 0.095124162 0.053745356 0.11867288 -0.06947395 0.090446302 0.03054947 0.0064251513 -0.031302329 -0.064452671 -0.26374358 0.088331189 -0.03886857 0.075654985 0.25477479 0.025960085 -0.0014363358 -0.00397932 -0.020950397 -0.13892008 -0.11816439 -0.13429581 -0.12185624 -0.16950575
#= srgan/G.layers.0.bias -0.01031804 0.013018087
#= srgan/G.layers.1.weight -0.037346295 0.0016206699 -0.026234639 -0.0013109428 -0.0092975904 0.038275828 0.02396582 0.0066259035 0.023947767 0.018051305 -0.024310124 0.010378514 -0.048514693 0.015456356 -0.039339415 -0.021478479 -0.0032941836 -0.032280578 -0.049402758 0.02937832 0.022590289 0.017263396 0.034832335 -0.0022413873
#= srgan/G.layers.1.bias -0.012577239 0.011064482
#= srgan/G.layers.2.weight -0.77973257 -0.21750548 0.37734502 0.16531464 -0.012824887 -0.1737435 0.64036088 0.11078162 -0.23729472 -0.41836902 0.33810247 0.3412314 -0.43482427 0.3007429 -0.12639264 -0.07700945 0.53472281 0.13937539 -0.13363806 -0.81090012 -0.31927078 0.6770104 -0.11526552 -0.02456592
#= srgan/G.layers.2.bias 0.014540076 0.0122709 0.013274293 0.013993414 0.0053519339 -0.0052803033 0.0075153174 -0.0075644658
#= srgan/G.layers.3.weight 0.045228409 0.02014825 0.062577724 0.054977933 0.10154449 -0.059523718 -0.091508474 0.11239361 0.056534275 0.075162031 0.0083436195 -0.036554474 0.0037098736 0.11481568 0.059091882 0.0032319768 -0.13348106 0.037434911 -0.03635952 -0.063667585 0.10297702 0.028508125 -0.0034809034 0.035306228
#= srgan/G.layers.3.bias 0.010935001 0.011688999 0.011926275
#= srgan/G.activations.0.weight 0.25859263
#= srgan/G.activations.2.weight 0.23566594
#= srgan/G.blocks.0.conv1.weight -0.34460741 0.065437796 -0.38116219 0.20976988 0.009296049 0.0080623233 0.39949545 -0.16837449 -0.83908479 -0.44525584 0.14543377 -0.49804508 0.01426352 -0.11513531 0.17925418 -0.40300603 -0.0030582784 -0.22273861 -0.080747665 0.54727583 -0.65591892 -0.34123462 -0.19435853 -0.083991124
#= srgan/G.blocks.0.conv1.bias 0.0083464576 0.01497364
#= srgan/G.blocks.0.activation.weight 0.24426188
#= srgan/G.blocks.0.conv2.weight -0.029703996 -0.0023139641 -0.00038673357 0.0029105374 -0.03447323 0.0091261723 -0.0014201713 0.0050611102 0.029539858 -0.030444982 -0.016892203 -0.027716887 -0.028797171 0.020962282 -0.00064307859 -0.01593936 -0.0060528628 -0.014431322 0.017033329 0.012792937 -0.065732978 0.014389106 -0.012909357 0.014411886
#= srgan/G.blocks.0.conv2.bias -0.010230691 0.0098969344
#= srgan/G.blocks.1.conv1.weight 0.46160649 0.10199903 -0.2168696 -0.2075728 -0.078199754 0.39153357 0.12896245 -0.30542459 -0.60437191 -0.21120765 -0.33351602 0.30141139 0.11132937 0.091878263 -0.07299285 0.21794274 0.2718789 0.073496717 0.0023539617 -0.59093964 0.070892242 -0.16136874 0.33985795 -0.10359232
#= srgan/G.blocks.1.conv1.bias -0.00021136185 0.011968012
#= srgan/G.blocks.1.activation.weight 0.23744658
#= srgan/G.blocks.1.conv2.weight -0.060723733 0.005469686 -0.011206612 0.01903149 0.012173199 -0.0077088948 -0.0016400706 -0.024533733 0.013325299 -0.02859707 -0.0015985652 0.030541298 -0.016993097 -0.0092825047 -0.015894599 0.014631538 -0.0069785902 0.013270409 0.011578028 -0.015937917 -0.0010118896 0.03937614 0.0084618596 0.026544114
#= srgan/G.blocks.1.conv2.bias -0.0099837751 0.01003374
#= srgan/D.layers.0.weight 0.39298586 0.24725867 0.043449902 0.16916564 0.19199481 -0.29463883 0.22760246 -0.5772208 -0.13460582 -0.068729428 0.4322119 -0.030126064 -0.36320336 0.29255945 -0.17849691 -0.55007894 -0.011628506 -0.16217596 0.10065967 0.55906275 -0.25997617 -0.48990779 -0.22837433 -0.13028281
#= srgan/D.layers.0.bias 0.014131146 -0.0047513662
#= srgan/D.layers.1.weight -0.072525154 0.42646255 -0.028945899 -0.57198509 -0.18904438 -0.11353895 0.45588612 0.4511899 0.081470316 -0.21574267 0.24082922 0.26655376 0.28226301 -0.54595997 -0.08715162 -0.74594033 0.12594184 0.12241643 0.031856883 -0.27587774 -0.085894047 -0.041174787 0.075029314 0.5568378
#= srgan/D.layers.1.bias -0.0046005317 0.008665886
#= srgan/D.layers.2.weight -0.10500522 0.16310648 -0.36039934 0.056315802 -0.29660002 0.31767775 0.30587648 -0.21373085 -0.15229546 -0.036673556 0.20666249 0.24000752 0.49724887 -0.20398942 -0.10304226 -0.41021384 -0.024367834 0.97406003 -0.3699499 0.0577798 0.027260393 -0.53256589 0.3214799 -0.19211933
#= srgan/D.layers.2.bias 0.011521227 -3.9711049e-05 0.002438908 0.014544416
#= srgan/D.layers.3.weight -0.32001075 0.13792242 -0.083618659 -0.072257145 0.096987411 -0.038402912 -0.0065373924 0.049219512 0.076196303 -0.10248771 -0.33126307 0.037225398 -0.066715581 0.27906221 -0.11777623 -0.026086686 -0.0093444717 0.010843652 -0.39717484 -0.38676045 -0.24249299 -0.1083693 0.23743754 0.45723355
#= srgan/D.layers.3.bias -0.0036608832 -0.0055001255 0.0037752427 -0.015224553
#= srgan/D.layers.4.weight -0.10844394 0.21633954 0.33779015 -0.19787152 -0.20949737 -0.3084194 -0.21286873 -0.28099436 -0.09933253 0.22716166 -0.13098151 -0.45915878 0.0087572172 0.10321521 -0.19315226 -0.012866143 -0.28374618 -0.073872349 -0.30580399 0.28178815 0.2087229 0.0033851475 0.28549281 0.094661634
#= srgan/D.layers.4.bias 0.010064845 -0.0089863327 -0.010708624 0.0060073807 0.014082696 0.017038946 0.0023529676 -0.013507409
#= srgan/D.layers.5.weight -0.04979176 -0.020415911 -0.19141909 0.09581347 -0.15642433 0.1634331 -0.0075901086 -0.036339666 -0.057762118 0.14913687 -0.0092406584 -0.012502366 0.16641995 -0.17761665 -0.1292669 0.21024949 -0.20040838 0.44585755 0.098284791 0.17564092 0.11646827 0.18057362 0.22684312 0.26783458
#= srgan/D.layers.5.bias 0.0021964528 -0.0078423446 0.0012844775 0.00085772403 0.016964225 0.0078980859 -0.0044193544 0.0038274706
#= srgan/D.layers.6.weight 0.18186511 -0.0031647241 -0.14312678 0.12564138 0.062950446 0.03565714 0.21268737 -0.14530756 -0.094902651 -0.2288639 0.013701444 -0.052878685 -0.032120546 0.018990574 0.070578263 0.19300248 0.11983453 -0.29320344 -0.025166282 -0.21494785 0.16016519 -0.18901923 -0.077924455 -0.095849309
#= srgan/D.layers.6.bias 0.010890108 0.016323039 -0.0071497468 0.0008708813 -0.0075284364 -0.0092656439 0.0062234895 -0.01528772 -0.006770378 0.010600979 0.00044806132 -0.012462879 0.00048206154 -0.0054273581 0.020650426 0.012088001
#= srgan/D.layers.7.weight -0.062851958 -0.017655479 0.027617803 -0.060818743 -0.097925826 0.019813327 -0.16291037 -0.082547693 -0.13908525 0.086106405 0.034602225 -0.01533947 -0.16549408 0.088711108 -0.060871895 0.017342946 -0.0085547122 -0.066640947 0.017304709 -0.11426284 0.11007587 -0.21059337 -0.16055799 0.037633922
#= srgan/D.layers.7.bias -0.0023692364 -0.0050960549 0.0031101077 -0.0068244929 -0.0098578115 -0.00039125545 0.00077308069 0.0023858305 -0.0080286532 -0.0046646173 0.012385505 0.014298413 -0.00070885679 -0.0058377541 -0.00038547308 -0.0078446979
#= srgan/D.layers.8.weight -0.48678917 0.0031773871 0.069649349 -0.29729956 0.17008303 0.1300816 -0.25933198 0.19938921 0.11850388 0.0026680167 -0.23510229 0.15482642 0.042385544 -0.19858918 -0.083730211 -0.017230387 -0.14836599 -0.44893709 -0.10013886 -0.41231624 0.48760241 0.12037757 -0.19848095 -0.058476055
#= srgan/D.layers.8.bias -0.0075915129 0.00874889 -0.0068269719 0.0051549263 0.0029005905 0.0050429036 0.0074555079 -0.0081640355 -0.0032938696 -0.0085680092 -0.013301583 -0.0074026902 -0.0089598456 0.0042988218 0.015694978 0.0052716277 0.0092047585 -0.008617848 -0.01208963 0.0095331516 0.0074671002 -0.010980553 -0.010709697 0.0061411967
#= srgan/D.layers.9.weight 0.028668653 -0.11315924 -0.042978752 -0.079446513 -0.29600758 -0.03730138 0.10625141 -0.041372979 -0.33954572 0.52434116 -0.069075296 0.024225029 0.07947343 -0.12535237 -0.1024496 0.12389426 -0.10753848 0.16315875 0.048180187 -0.30237716 0.35848737 -0.27379876 -0.083194794 -0.066679864
#= srgan/D.layers.9.bias -0.0086323173
#= colourise 1 0.79237348 0.88290896 0.00000000 0.41538993
#= colourise 2 0.79318731 0.89144660 0.00000000 0.40650678
#= colourise 3 0.79409139 0.86007455 0.00000000 0.42376497
#= colourise 4 0.77089665 0.89284185 0.00000000 0.40082950
#= colourise 5 0.78238152 0.91211352 0.00000000 0.40262772
#= colourise 6 0.77329044 0.85091517 0.00000000 0.39745459
#= colourise 7 0.78756737 0.84921552 0.00000000 0.42723570
#= colourise 8 0.77702577 0.80878081 0.00000000 0.39553375
#= colourise 9 0.79356879 0.81841356 0.00000000 0.40895875
#= colourise 10 0.79376596 0.79373188 0.00000000 0.39147662
#= colourise/G.down.0.weight 0.021781772 0.18852931 -0.31800769 -0.24889079 0.17783845 -0.12460113 0.13207528 -0.13125547 -0.025954576 -0.22052759 -0.031128511 -0.081348834 -0.063512351 -0.077886285 -0.15110796 0.041407336 -0.075538046 -0.017834179 0.32369122 0.040069484 -0.26158889 -0.14815909 0.13295089 -0.1059832
#= colourise/G.down.0.bias -0.0042865088 -0.0020617824
#= colourise/G.down.1.weight 0.12881915 -0.02957173 0.21507496 0.060437785 0.23597339 0.068838965 -0.16023129 -0.23754952 -0.18616627 0.027550957 0.10366078 0.071180106 -0.2430435 -0.17908741 -0.10809793 -0.31540582 0.14898267 -0.046054128 -0.21587296 -0.11184609 0.03773561 -0.2527208 0.22053948 0.19657948
#= colourise/G.down.1.bias
#= colourise/G.down.2.weight 0.08929072 0.0026614932 -0.11924685 -0.17560521 0.36868794 -0.11312559 -0.056801529 -0.16737984 0.31418651 -0.022605534 0.41207753 -0.027270617 -0.28248741 -0.15117755 0.11100711 -0.28531788 -0.21440936 -0.009028678 0.048473251 -0.216813 -0.011351213 -0.15607503 0.0021712296 0.20768561
#= colourise/G.down.2.bias
#= colourise/G.down.3.weight -0.010932735 0.19633898 -0.024902809 -0.018915683 0.14323223 -0.081480907 -0.16899704 -0.28422686 -0.12656367 0.0037153653 0.22960271 0.17395841 0.042461272 0.0059806821 -0.052833714 0.1691952 0.22379224 -0.11109134 -0.042916723 -0.094745032 -0.027039131 0.099304214 -0.078963844 -0.10375247
#= colourise/G.down.3.bias -0.0041111258 -0.0012379729 -0.009991799 -0.0016724128 0.00090065136 -0.0056247087 0.00042983714 0.00078482924 -0.0043537099 -0.0074054704 0.0012243006 -0.0059808581 0.0034049738 0.0061607004 0.0043571646 0.008183006
#= colourise/G.up.0.weight 0.020845182 0.10246421 0.17806052 -0.064986475 0.056122813 0.2995167 -0.067694738 -0.084160547 -0.1045474 0.10348627 -0.0071283829 0.0097337456 -0.14682121 0.022755635 0.18735178 -0.21414584 0.096758428 -0.28000461 -0.36356507 -0.07867618 -0.069755091 0.11524091 0.17883948 -0.24458552
#= colourise/G.up.0.bias 0.011915621 -0.0098605316
#= colourise/G.up.1.weight 0.035843704 0.228729 0.17154935 -0.10557999 0.17221966 0.063680332 0.18754914 -0.027451465 0.24288922 -0.024014229 0.19905903 -0.18153532 0.1299373 -0.11771387 0.10152448 -0.093010002 0.018400842 -0.13899456 -0.24321639 -0.34912149 0.27278126 0.081435412 0.21109759 -0.11797316
#= colourise/G.up.1.bias
#= colourise/G.up.2.weight 0.48040462 0.05262157 -0.10138594 -0.33125467 0.16431662 0.0045898457 -0.028671004 -0.088282725 0.0054424818 -0.037403915 -0.0065347421 -0.11798368 -0.15598712 -0.1028965 -0.066756545 -0.049049174 -0.54126067 0.2665428 -0.20628013 -0.40567794 -0.11027097 0.25697636 0.055428817 0.10821519
#= colourise/G.up.2.bias
#= colourise/G.up.3.weight -0.07034909 -0.11263654 -0.12968794 -0.35593474 -0.074742176 0.14025916 -0.34558858 0.15729894 0.21802655 0.21204971 -0.18119726 0.25486779 0.25470272 -0.078854673 -0.045015149 0.16769275 0.063006692 -0.093430839 0.2653904 0.27248481 0.02053454 -0.062092601 0.008238188 0.084266759
#= colourise/G.up.3.bias
#= colourise/D.layers.0.weight 0.29907635 0.17857863 0.032993949 0.12172217 0.14268425 -0.22599607 0.17402102 -0.44696708 -0.1063874 0.042202322 0.14227466 0.11009404 0.005272217 -0.17666271 -0.50627353 -0.042474653 -0.077873954 0.31673772 -0.040764616 -0.29053912 0.21367738 -0.11941631 -0.41850671 -0.010756243
#= colourise/D.layers.0.bias 0.010900827 -0.0034752026
#= colourise/D.layers.1.weight -0.034345835 -0.026218061 -0.10991379 0.27561436 0.043834176 -0.16945141 -0.15354653 -0.053874553 0.019133485 -0.1732222 0.033291873 -0.30062729 -0.31669703 0.09638625 -0.22081623 -0.13789992 0.26107924 -0.34035639 -0.066421053 0.27478214 -0.05877318 0.11885499 0.37119466 -0.20532717
#= colourise/D.layers.1.bias
#= colourise/D.layers.2.weight -0.057234869 -0.039303053 0.096866497 0.11721457 -0.21836683 0.14920417 0.04996573 0.28907111 -0.17498913 -0.12424829 0.19264676 -0.05925973 0.18645216 -0.25406687 -0.12672575 -0.018994544 -0.22244999 -0.1514848 0.046783052 0.21786755 0.028524517 0.083525949 -0.31949008 0.26186975
#= colourise/D.layers.2.bias 0.012820015
