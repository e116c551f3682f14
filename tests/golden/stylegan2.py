#!/usr/bin/env python3
"""Ten training steps of small StyleGAN2s in PyTorch: `tests/library/stylegan2.rs` compares its own with them.

Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`. Reckoned in float64 from these float32
draws. Modulated convolutions have a kernel for each row here, as the paper writes them (1912.04958, equations 1 and 3), in
grouped convolutions; gansaku scales what goes in and out. Filters are convolutions by [1, 3, 3, 1] outer [1, 3, 3, 1] / 64.

8x8 colour pictures, channels 16 / side, 4 at most, 6 numbers of noise, 4 examples a minibatch, groups of 2. Parameters are
named as gansaku names tensors; linear weights are drawn [in, out] (maps that are read in
their files' order, channels first), kernels [height, width, in, out] (of the convolution that
goes up [height, width, out, in]), the constant [height, width, channels], and all have variance 1 but the mapping's, which have
1 / lr_factor^2. Adam has lr 2e-3, betas (0, .9), eps 1e-8, corrected where updates are lazy: lr c, beta^c, c = k / (k + 1).
One step, all of one tick: G's update; every second step (counted from 0) G's by path lengths; D's update, real and generated
pictures in calls of their own; every fourth step D's by R1 with the gamma 4. Non-saturating.

plain: no penalties. lazy: both penalties, style mixing .7. classes: labels of three classes, no penalties.

The running deviation of D takes 1 % of the mean that each update's pass meets, and the average of w .5 % of each pass of G.

Lines: `#= case step d_loss g_loss penalty path_penalty`, ten a case; `#= case/LETTER.NAME numbers`, the first numbers, 24 at
most, of each parameter and state after the last step, as files have them.

    python3 stylegan2.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float64)
"""
import math

import torch
import torch.nn.functional as F

from ten_steps import EXAMPLES, examples, minibatch, normal, uniform

BATCH, DIM, SIDE, COLOURS, CLASSES, GROUP, LR_FACTOR, LAYERS = 4, 6, 8, 3, 3, 2, .1, 2
R1, R1_EVERY, PATH, PATH_EVERY, MIXING = 4., 4, 2., 2, .7
NUM_WS = 2 * (int(math.log2(SIDE)) - 1)


def channels(side):
    return min(16 // side, 4)


def act(x):
    return F.leaky_relu(x, .2) * math.sqrt(2)


def unit(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def fir(x, pad, gain):
    taps = torch.tensor([1., 3., 3., 1.], dtype=torch.float64)
    kernel = (torch.outer(taps, taps) / 64 * gain)[None, None].expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (pad,) * 4), kernel, groups=x.shape[1])


def upsampled(x):
    n, c, h, w = x.shape
    spread = torch.zeros(n, c, h, 2, w, 2, dtype=x.dtype)
    spread[:, :, :, 0, :, 0] = x
    # Zeros between pixels; two in front and one behind keep 2n of 2n + 3 - 3.
    padded = F.pad(spread.reshape(n, c, 2 * h, 2 * w), (2, 1, 2, 1))
    return fir(padded, 0, 4)


class Network:
    def __init__(self, letter):
        self.letter, self.parameters, self.states = letter, {}, {}

    def drawn(self, name, shape, order, sd=1.):
        """A parameter drawn in one order of axes and kept in a file's."""
        value = normal(f"init/{self.letter}/{name}", shape).double() * sd
        self.parameters[name] = value.permute(*order).contiguous().requires_grad_()

    def filled(self, name, shape, value):
        self.parameters[name] = torch.full(shape, value, dtype=torch.float64, requires_grad=True)

    def __getitem__(self, name):
        return self.parameters[name]

    def declare_linear(self, name, inputs, units, bias=0., lr_factor=1.):
        self.drawn(f"{name}.weight", (inputs, units), (1, 0), 1 / lr_factor)
        self.filled(f"{name}.bias", (units,), bias / lr_factor)

    def linear(self, name, x, lr_factor=1.):
        weight = self[f"{name}.weight"]
        return x @ weight.T * (lr_factor / math.sqrt(weight.shape[1])) + self[f"{name}.bias"] * lr_factor

    def declare_conv(self, name, inputs, outputs, kernel, bias=True):
        self.drawn(f"{name}.weight", (kernel, kernel, inputs, outputs), (3, 2, 0, 1))
        if bias:
            self.filled(f"{name}.bias", (outputs,), 0.)

    def conv(self, name, x, **more):
        weight = self[f"{name}.weight"]
        bias = self.parameters.get(f"{name}.bias")
        return F.conv2d(x, weight / math.sqrt(weight[0].numel()), bias, **more)


class Generator(Network):
    def __init__(self, classes):
        super().__init__("G")
        self.classes = classes
        if classes:
            self.declare_linear("mapping.embed", classes, DIM)
        for i in range(LAYERS):
            self.declare_linear(f"mapping.fc{i}", 2 * DIM if classes and i == 0 else DIM, DIM, lr_factor=LR_FACTOR)
        self.states["mapping.w_avg"] = torch.zeros(DIM, dtype=torch.float64)
        before = 0
        for side in (4, 8):
            c, b = channels(side), f"synthesis.b{side}"
            if before:
                self.declare_modulated(f"{b}.conv0", before, c, 3, up=True)
            else:
                self.drawn(f"{b}.const", (side, side, c), (2, 0, 1))
            self.declare_modulated(f"{b}.conv1", c, c, 3)
            self.declare_modulated(f"{b}.torgb", c, COLOURS, 1)
            before = c

    def declare_modulated(self, name, inputs, outputs, kernel, up=False):
        self.declare_linear(f"{name}.affine", DIM, inputs, bias=1.)
        ends = (outputs, inputs) if up else (inputs, outputs)
        self.drawn(f"{name}.weight", (kernel, kernel, *ends), (3, 2, 0, 1))
        if kernel > 1:
            self.filled(f"{name}.noise_strength", (1,), 0.)
        self.filled(f"{name}.bias", (outputs,), 0.)

    def mapping(self, z, label, averaged):
        w = unit(z)
        if self.classes:
            w = torch.cat([w, unit(self.linear("mapping.embed", label))], 1)
        for i in range(LAYERS):
            w = act(self.linear(f"mapping.fc{i}", w, LR_FACTOR))
        if averaged:
            self.states["mapping.w_avg"] = self.states["mapping.w_avg"].lerp(w.detach().mean(0), .005)
        return w

    def modulated(self, name, x, w, demodulate=True, up=False):
        """Equations 1 and 3: a kernel for each row."""
        rows, inputs, height, width = x.shape
        weight = self[f"{name}.weight"]
        if up:
            weight = weight.transpose(0, 1)
        kernel = weight.shape[-1]
        styles = self.linear(f"{name}.affine", w) / math.sqrt(inputs * kernel ** 2)
        each = weight[None] * styles[:, None, :, None, None]
        if demodulate:
            each = each * (each.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x, outputs = x.reshape(1, rows * inputs, height, width), weight.shape[0]
        if up:
            each = each.transpose(1, 2).reshape(rows * inputs, outputs, kernel, kernel)
            y = F.conv_transpose2d(x, each, stride=2, groups=rows)
        else:
            y = F.conv2d(x, each.reshape(rows * outputs, inputs, kernel, kernel), padding=kernel // 2, groups=rows)
        y = y.reshape(rows, outputs, *y.shape[2:])
        return fir(y, 1, 4.) if up else y

    def layer(self, name, x, w, draw, tick, up=False):
        x = self.modulated(name, x, w, up=up)
        noise = normal(f"G/{name}/noise/{draw}", (len(x), 1, *x.shape[2:]), tick).double()
        return act(x + noise * self[f"{name}.noise_strength"] + self[f"{name}.bias"][:, None, None])

    def synthesis(self, ws, draw, tick):
        for i, side in enumerate((4, 8)):
            b = f"synthesis.b{side}"
            if i == 0:
                x = self[f"{b}.const"][None].expand(len(ws), -1, -1, -1)
            else:
                x = self.layer(f"{b}.conv0", x, ws[:, 2 * i - 1], draw, tick, up=True)
            x = self.layer(f"{b}.conv1", x, ws[:, 2 * i], draw, tick)
            colours = self.modulated(f"{b}.torgb", x, ws[:, 2 * i + 1], demodulate=False)
            colours = colours + self[f"{b}.torgb.bias"][:, None, None]
            image = colours if i == 0 else upsampled(image) + colours
        return image

    def __call__(self, rows, label, draw, tick, mixing):
        ws = self.mapping(normal(f"z/{draw}", (rows, DIM), tick).double(), label, True)[:, None].expand(-1, NUM_WS, -1)
        if mixing:
            other = self.mapping(normal(f"z/mixing/{draw}", (rows, DIM), tick).double(), label, False)
            chance, place = uniform(f"mixing/{draw}", (2,), tick).tolist()
            cutoff = 1 + int(place * (NUM_WS - 1)) if chance < mixing else NUM_WS
            ws = torch.cat([ws[:, :cutoff], other[:, None].expand(-1, NUM_WS - cutoff, -1)], 1)
        return ws, self.synthesis(ws, draw, tick)


class Discriminator(Network):
    def __init__(self, classes):
        super().__init__("D")
        self.classes = classes
        top, base = channels(SIDE), channels(4)
        self.declare_conv("fromrgb", COLOURS, top, 1)
        self.declare_conv("b8.conv0", top, top, 3)
        self.declare_conv("b8.conv1", top, base, 3)
        self.declare_conv("b8.skip", top, base, 1, bias=False)
        self.states["b4.deviation"] = torch.ones((), dtype=torch.float64)
        self.declare_conv("b4.conv", base + 1, base, 3)
        self.declare_linear("b4.fc", 16 * base, base)
        self.declare_linear("b4.out", base, base if classes else 1)
        if classes:
            self.declare_linear("mapping.embed", classes, base)
            for i in range(LAYERS):
                self.declare_linear(f"mapping.fc{i}", base, base, lr_factor=LR_FACTOR)

    def __call__(self, calls, label):
        """Each minibatch in a call of its own, joined only where the running deviation is."""
        said, met = [], []
        for x in calls:
            x = act(self.conv("fromrgb", x))
            main = act(self.conv("b8.conv0", x, padding=1))
            main = act(self.conv("b8.conv1", fir(main, 2, 1.), stride=2))
            skip = self.conv("b8.skip", fir(x, 1, 1.)[:, :, ::2, ::2])
            x = (main + skip) / math.sqrt(2)
            n, c, h, w = x.shape
            y = x.reshape(GROUP, n // GROUP, c, h, w)
            deviation = ((y - y.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))
            met.append(deviation.detach().mean())
            plane = deviation[None, :, None, None, None].expand(GROUP, -1, 1, h, w).reshape(n, 1, h, w)
            x = act(self.conv("b4.conv", torch.cat([x, plane], 1), padding=1))
            x = act(self.linear("b4.fc", x.flatten(1)))
            x = self.linear("b4.out", x)
            if self.classes:
                c = unit(self.linear("mapping.embed", label))
                for i in range(LAYERS):
                    c = act(self.linear(f"mapping.fc{i}", c, LR_FACTOR))
                x = (x * c).sum(1, keepdim=True) / math.sqrt(x.shape[1])
            said.append(x)
        self.states["b4.deviation"] = self.states["b4.deviation"].lerp(torch.stack(met).mean(), .01)
        return said


def update(optimizer, loss):
    # Parameters that a penalty does not reach have gradients of 0, not none: Adam's moments fade.
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()


def adam(network, every):
    c = every / (every + 1) if every else 1
    betas = tuple(float(torch.tensor(b, dtype=torch.float32)) ** c for b in (0., .9))
    return torch.optim.Adam(network.parameters.values(), lr=2e-3 * c, betas=betas, eps=1e-8)


def steps(g, d, lazy, classes):
    shape = (EXAMPLES, SIDE, SIDE, COLOURS)
    data = examples(SIDE * SIDE * COLOURS).double().view(shape).permute(0, 3, 1, 2)
    known = F.one_hot(torch.arange(EXAMPLES) % CLASSES, CLASSES).double() if classes else None
    adam_g, adam_d = adam(g, PATH_EVERY if lazy else 0), adam(d, R1_EVERY if lazy else 0)
    mixing = MIXING if lazy else 0
    if lazy:
        g.states["path_length.mean"] = torch.zeros((), dtype=torch.float64)
    for tick in range(10):
        real = minibatch(data, BATCH, tick)
        label = minibatch(known, BATCH, tick) if classes else None
        _, fake = g(BATCH, label, "g", tick, mixing)
        loss_g = F.softplus(-d([fake], label)[0]).mean()
        update(adam_g, loss_g)
        path = penalty = torch.zeros(())
        if lazy and tick % PATH_EVERY == 0:
            ws, fake = g(BATCH // 2, None, "path", tick, mixing)
            y = normal("path/direction", (BATCH // 2, SIDE, SIDE, COLOURS), tick).double().permute(0, 3, 1, 2) / SIDE
            slope, = torch.autograd.grad((fake * y).sum(), ws, create_graph=True)
            length = (slope.square().sum(2).mean(1) + 1e-12).sqrt()
            mean = g.states["path_length.mean"].lerp(length.detach().mean(), .01)
            g.states["path_length.mean"] = mean
            path = PATH * PATH_EVERY * (length - mean).square().mean()
            update(adam_g, path)
        _, fake = g(BATCH, label, "d", tick, mixing)
        on_real, on_fake = d([real, fake.detach()], label)
        loss_d = F.softplus(on_fake).mean() + F.softplus(-on_real).mean()
        update(adam_d, loss_d)
        if lazy and tick % R1_EVERY == 0:
            x = real.clone().requires_grad_()
            slope, = torch.autograd.grad(d([x], label)[0].sum(), x, create_graph=True)
            penalty = R1 / 2 * R1_EVERY * slope.square().sum((1, 2, 3)).mean()
            update(adam_d, penalty)
        yield loss_d.item(), loss_g.item(), penalty.item(), path.item()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, lazy, classes in (("plain", False, 0), ("lazy", True, 0), ("classes", False, CLASSES)):
        g, d = Generator(classes), Discriminator(classes)
        for number, values in enumerate(steps(g, d, lazy, classes), 1):
            print(f"#= {case} {number} " + " ".join(f"{v:.8f}" for v in values))
        for network in (g, d):
            for name, tensor in (network.parameters | network.states).items():
                numbers = " ".join(f"{v:.8g}" for v in tensor.flatten()[:24].tolist())
                print(f"#= {case}/{network.letter}.{name} {numbers}")
#= plain 1 1.24177511 0.81102969 0.00000000 0.00000000
#= plain 2 1.31218802 0.94205965 0.00000000 0.00000000
#= plain 3 1.31813671 0.87041402 0.00000000 0.00000000
#= plain 4 1.26937122 0.90262518 0.00000000 0.00000000
#= plain 5 1.27850612 0.91223486 0.00000000 0.00000000
#= plain 6 1.23994462 0.86361053 0.00000000 0.00000000
#= plain 7 1.24364731 0.93391207 0.00000000 0.00000000
#= plain 8 1.22926786 0.87417455 0.00000000 0.00000000
#= plain 9 1.23815707 0.95175625 0.00000000 0.00000000
#= plain 10 1.23779914 0.93972814 0.00000000 0.00000000
#= plain/G.mapping.fc0.weight -1.6491224 -11.954261 -0.014201216 5.2148713 -7.1063561 -2.3185404 -1.2442087 -11.967208 3.9695617 -4.4635826 -4.7346492 -2.9902434 -6.5651729 -12.443247 -3.756462 -19.263139 13.006407 -9.5507232 -5.669049 -11.502269 10.141611 5.5641127 7.4696687 -8.3190262
#= plain/G.mapping.fc0.bias -0.02251494 -0.021863438 -0.0044610423 -0.015239157 0.022676018 -0.019423609
#= plain/G.mapping.fc1.weight 7.9497037 20.721785 12.751921 -29.479699 -7.5143641 6.9812993 3.1488536 -10.165814 -3.5285314 1.0673997 -12.739644 0.18240492 13.276834 8.551893 15.631561 -6.9380955 -10.166985 -1.6484568 -9.9216508 -3.7406735 16.301741 -4.6646988 7.8430269 6.3561743
#= plain/G.mapping.fc1.bias -0.015251365 0.016259297 -0.022679117 0.018731496 -0.0064377055 0.016258055
#= plain/G.synthesis.b4.const 2.1331445 0.76997414 0.16656182 0.086141935 0.48290955 -0.73512033 -0.90556946 -0.36592604 1.3383258 -0.17459688 0.53812334 -0.1193156 0.18736614 -0.81138297 -1.5928187 0.77403132 2.1002776 0.57889743 -1.50562 1.463682 -0.94746686 -1.002339 0.67951721 -0.46886559
#= plain/G.synthesis.b4.conv1.affine.weight 1.1444569 -0.56316471 -0.22381645 -0.37797147 1.3121219 -2.8170963 0.81685196 -0.2850422 0.088999298 -0.054583581 -0.25097763 0.49807229 -0.58408721 -0.34959604 1.0088766 -0.59634787 -0.6018507 -0.12935073 0.77315195 -0.53228856 -0.23846174 -0.966638 1.2598313 -1.8219783
#= plain/G.synthesis.b4.conv1.affine.bias 1.0192327 0.98687692 0.98060152 0.98565542
#= plain/G.synthesis.b4.conv1.weight 1.2724719 0.65097729 -1.3635757 1.6750899 1.65425 -0.13397236 2.0642984 0.27461516 -0.91349118 -0.63388724 0.070057086 -0.47391374 0.82448942 -0.80197188 0.61654975 0.1612522 0.33675248 -0.39368483 -1.8725053 2.1828726 0.37161024 -1.8175747 -1.0915139 -0.13282744
#= plain/G.synthesis.b4.conv1.noise_strength 0.0044264625
#= plain/G.synthesis.b4.conv1.bias -0.021531073 -0.019031669 0.022136463 -0.020248434
#= plain/G.synthesis.b4.torgb.affine.weight 0.54604273 0.61990016 0.98243913 -0.31409595 0.99483479 -2.6930221 1.0718325 -0.36750756 -2.1752144 -1.2445271 -0.74171 -2.8644968 0.65701615 0.30440075 -0.95417407 0.6411992 -0.17490742 0.29592923 0.98821679 -2.0270245 1.8106185 1.3412835 -0.53781072 0.60701335
#= plain/G.synthesis.b4.torgb.affine.bias 0.97955439 0.97884035 1.0197091 0.98058588
#= plain/G.synthesis.b4.torgb.weight 0.21679923 1.0189759 1.1203367 -0.11572526 -0.97011558 -0.61511959 0.37177244 0.14768606 -0.35517902 0.15286985 0.055587663 -0.56246925
#= plain/G.synthesis.b4.torgb.bias -0.022458346 0.020870515 0.020652802
#= plain/G.synthesis.b8.conv0.affine.weight -0.19840794 0.27640104 -0.18505508 -1.6362498 0.94392472 1.2442475 -0.3497124 1.5142611 -1.533787 -0.79531943 0.63328558 -0.32398825 1.0111244 1.9024606 -1.5721854 1.2749322 0.93275585 0.92572039 -2.1226661 0.11921721 0.36282242 -0.63126364 0.91729232 -0.23336899
#= plain/G.synthesis.b8.conv0.affine.bias 0.98716322 0.98157289 1.0185125 1.0148097
#= plain/G.synthesis.b8.conv0.weight -0.34516694 -0.25017676 1.8974767 0.10045133 -1.3107427 -0.087337746 -0.89288566 -0.4639101 1.5212135 0.88494532 -0.87762381 -0.40283548 -0.72762002 -0.20583653 0.047881004 -0.303443 1.7860544 0.018912345 -0.52656096 0.84310512 0.43920701 -0.3324644 1.655495 -0.0031428146
#= plain/G.synthesis.b8.conv0.noise_strength -0.0044061273
#= plain/G.synthesis.b8.conv0.bias -0.012553782 0.020986009
#= plain/G.synthesis.b8.conv1.affine.weight -0.40870939 0.28257377 -1.2936332 0.38563532 0.26803968 1.262687 1.2646062 1.2713844 -0.35590863 0.59723184 1.3097289 0.27993839
#= plain/G.synthesis.b8.conv1.affine.bias 0.9845684 1.0171093
#= plain/G.synthesis.b8.conv1.weight -0.38829207 0.76077685 -0.50594162 -0.11318947 -0.23262421 0.42309846 0.0063665679 -0.86708955 -0.74741284 0.16951037 -0.079902075 0.85424248 1.2689337 0.21589047 -1.6394914 -0.98333119 -0.17640483 -1.5836066 -0.79402289 -0.059561432 -0.4032095 1.0947624 -0.47793945 -0.86868622
#= plain/G.synthesis.b8.conv1.noise_strength 0.001300885
#= plain/G.synthesis.b8.conv1.bias -0.013439104 -0.021638057
#= plain/G.synthesis.b8.torgb.affine.weight 0.50590934 -0.32889885 0.1423317 -1.7014314 -0.45917957 0.50497424 0.058295638 0.24093584 0.77635284 1.6119473 -0.28392652 -0.043651141
#= plain/G.synthesis.b8.torgb.affine.bias 0.98767771 0.9897005
#= plain/G.synthesis.b8.torgb.weight 0.61887427 0.28022233 -0.70612731 -0.63796133 0.70792307 -0.62175316
#= plain/G.synthesis.b8.torgb.bias -0.022485196 0.020881582 0.020650811
#= plain/G.mapping.w_avg 0.056047575 -0.0019302241 0.060489248 0.054719436 0.040823406 -0.01065461
#= plain/D.fromrgb.weight 0.35904444 0.13604055 0.57934773 0.25716785 -1.4340577 -1.3582442
#= plain/D.fromrgb.bias -0.02088602 0.020555724
#= plain/D.b8.conv0.weight 2.4972781 0.34008828 0.29142596 -0.086535667 0.66786168 1.6980876 1.4173728 0.47374128 -1.8527992 0.62757584 0.68940577 0.21591169 -1.0431639 -0.64136045 -1.1223998 0.28099571 0.21060133 1.6371415 -0.2464746 -1.483059 1.1423994 -0.98825265 -0.70913021 1.424723
#= plain/D.b8.conv0.bias -0.022538215 0.020651493
#= plain/D.b8.conv1.weight -0.47483769 -0.82812055 1.0009169 -1.304066 0.29689575 -1.5966122 -1.5186903 -0.86853018 -0.80191532 -0.48843956 -0.73853118 -0.28124091 1.8891348 -0.81269753 -1.2383318 1.6150235 -0.1743608 2.1068734 -0.5633978 0.94888657 0.41950244 -1.1755262 -1.0118233 1.0981138
#= plain/D.b8.conv1.bias 0.021085166 -0.021233865 -0.023659192 -0.016406743
#= plain/D.b8.skip.weight 0.25216484 0.89679845 0.5231828 -0.085605922 -1.0137465 -0.46466513 0.35772203 -1.0459432
#= plain/D.b4.conv.weight -0.46577233 0.70193099 -0.83344337 -0.45233164 -0.47539116 -0.87618909 -1.1244476 0.72762822 0.61513097 0.4770671 1.7764258 0.85150113 0.39253246 -0.12898324 -0.41735155 0.87331758 -1.8877166 1.1782796 0.18612206 0.94889475 -1.5736968 1.9751205 -0.66931079 -0.44776385
#= plain/D.b4.conv.bias -0.022923666 -0.020869127 -0.020180884 0.016588663
#= plain/D.b4.fc.weight 2.2260999 -1.903573 -0.35445757 0.57315288 0.98040092 0.031647867 -1.3400075 -0.61533535 0.43181519 -0.65971339 0.64268928 0.033580074 0.61659456 -0.52703607 1.4802772 1.0197531 0.97121559 -1.3455481 -0.69450968 0.79975084 -0.10096838 -0.38085637 0.73953396 0.27904408
#= plain/D.b4.fc.bias 0.020195681 -0.0086570115 -0.019011619 0.026135301
#= plain/D.b4.out.weight -0.41858789 -0.53167923 -0.63421229 0.96249148
#= plain/D.b4.out.bias 0.018909234
#= plain/D.b4.deviation 0.83945334
#= lazy 1 1.23333166 0.81102969 0.03299485 1.56336639
#= lazy 2 1.27059807 0.95474543 0.00000000 0.00000000
#= lazy 3 1.31107350 0.87835506 0.00000000 3.23387671
#= lazy 4 1.25576294 0.93469291 0.00000000 0.00000000
#= lazy 5 1.23551797 0.92227580 0.01735314 1.06183602
#= lazy 6 1.21890946 0.90141032 0.00000000 0.00000000
#= lazy 7 1.22508375 0.95512652 0.00000000 1.16510276
#= lazy 8 1.20894950 0.92839672 0.00000000 0.00000000
#= lazy 9 1.21498424 1.00777121 0.03335895 1.64652712
#= lazy 10 1.23077461 0.88546042 0.00000000 0.00000000
#= lazy/G.mapping.fc0.weight -1.6525933 -11.965021 -0.02083802 5.2150287 -7.111356 -2.3078627 -1.2561686 -11.977112 3.9685927 -4.4768758 -4.7384347 -2.9787274 -6.564067 -12.448541 -3.7521903 -19.258198 12.996149 -9.5619769 -5.674527 -11.507715 10.149875 5.5592325 7.4761709 -8.3208478
#= lazy/G.mapping.fc0.bias -0.015250679 -0.0020711974 0.0003941869 -0.0056920346 0.0095028118 -0.0019777877
#= lazy/G.mapping.fc1.weight 7.9487809 20.720084 12.74505 -29.478778 -7.5095582 6.9902316 3.1308388 -10.187354 -3.5345076 1.0635461 -12.740505 0.16418875 13.286865 8.5575102 15.640285 -6.9344359 -10.168471 -1.6408173 -9.9277967 -3.7447161 16.292657 -4.6626802 7.8363971 6.3346922
#= lazy/G.mapping.fc1.bias 0.00011192978 0.00032867586 -0.0090908355 0.0048039588 0.0094762028 0.0030742918
#= lazy/G.synthesis.b4.const 2.1277983 0.78029874 0.18166809 0.093546977 0.49744181 -0.72094495 -0.91394093 -0.37540624 1.3426433 -0.15764714 0.53842699 -0.11793097 0.19815592 -0.81114441 -1.6062595 0.76668473 2.1095402 0.59064128 -1.5213587 1.4626665 -0.93387503 -1.0096727 0.66381823 -0.48336443
#= lazy/G.synthesis.b4.conv1.affine.weight 1.1356988 -0.56033676 -0.23057149 -0.38348892 1.3022982 -2.8047835 0.82091492 -0.2691172 0.078416408 -0.061148733 -0.26231381 0.48727484 -0.5738131 -0.35947429 1.017974 -0.58852239 -0.58642866 -0.14095665 0.78884178 -0.54004841 -0.22015473 -0.95471795 1.2697141 -1.826235
#= lazy/G.synthesis.b4.conv1.affine.bias 1.0114812 1.003772 0.99342372 1.0064759
#= lazy/G.synthesis.b4.conv1.weight 1.2918405 0.63361444 -1.3805622 1.6889022 1.6408649 -0.15642774 2.055962 0.26336579 -0.92951924 -0.64994425 0.05547817 -0.45393325 0.8115681 -0.8191692 0.63330342 0.15036968 0.32318031 -0.38270117 -1.8800314 2.1694295 0.36053947 -1.8270579 -1.1097348 -0.12048557
#= lazy/G.synthesis.b4.conv1.noise_strength -0.01030919
#= lazy/G.synthesis.b4.conv1.bias -0.011276881 -0.015848303 -0.0056544718 -0.014857718
#= lazy/G.synthesis.b4.torgb.affine.weight 0.55595652 0.6177004 0.99211487 -0.30553916 1.0036506 -2.7019175 1.0748339 -0.36378846 -2.1531192 -1.2289592 -0.71841672 -2.8752689 0.63923489 0.30630893 -0.96821903 0.6251502 -0.18906103 0.30873178 0.99707228 -2.0205283 1.8169726 1.3480585 -0.53003331 0.59361232
#= lazy/G.synthesis.b4.torgb.affine.bias 0.98665868 0.9842915 1.0004973 0.99001793
#= lazy/G.synthesis.b4.torgb.weight 0.22328759 1.0253596 1.1359236 -0.087352165 -0.98347295 -0.62016242 0.35470421 0.13397464 -0.36805848 0.13329805 0.038574807 -0.5705337
#= lazy/G.synthesis.b4.torgb.bias -0.017743839 0.016309067 0.016087692
#= lazy/G.synthesis.b8.conv0.affine.weight -0.20842777 0.28426146 -0.1937849 -1.6390127 0.93758248 1.2363415 -0.34873685 1.5033399 -1.5230866 -0.7876933 0.63847346 -0.33222405 0.99804415 1.9063666 -1.5836383 1.2703582 0.91834597 0.93796194 -2.1246578 0.11277506 0.35985622 -0.64234756 0.91342851 -0.23056344
#= lazy/G.synthesis.b8.conv0.affine.bias 1.0073531 0.98927723 1.0117662 0.99815368
#= lazy/G.synthesis.b8.conv0.weight -0.33329829 -0.2405572 1.9071193 0.11431074 -1.3022082 -0.079331958 -0.87898448 -0.4542836 1.5291309 0.8722232 -0.89606872 -0.41965921 -0.74615199 -0.22213446 0.032477745 -0.3212275 1.7723908 0.0056618501 -0.51434765 0.82522758 0.41810518 -0.31917776 1.6693923 0.0055766888
#= lazy/G.synthesis.b8.conv0.noise_strength -0.0041032331
#= lazy/G.synthesis.b8.conv0.bias -0.011136326 0.010768848
#= lazy/G.synthesis.b8.conv1.affine.weight -0.39661555 0.27963455 -1.2827985 0.39167096 0.28061474 1.2542465 1.2637753 1.2677296 -0.36354153 0.59014118 1.3017789 0.28098408
#= lazy/G.synthesis.b8.conv1.affine.bias 1.0011633 1.0114913
#= lazy/G.synthesis.b8.conv1.weight -0.36852938 0.78527358 -0.49289921 -0.091450399 -0.20515849 0.44137329 0.02821389 -0.84243075 -0.71662942 0.17611659 -0.073278917 0.86789509 1.2853011 0.22602098 -1.6307957 -0.98649113 -0.16628431 -1.5885286 -0.79007627 -0.048064838 -0.39007907 1.1017198 -0.46714792 -0.85449076
#= lazy/G.synthesis.b8.conv1.noise_strength -0.00063701599
#= lazy/G.synthesis.b8.conv1.bias -0.0028357638 -0.015882241
#= lazy/G.synthesis.b8.torgb.affine.weight 0.51645559 -0.32435412 0.14374385 -1.6876888 -0.45789674 0.49486481 0.041628813 0.25389564 0.75318833 1.5949297 -0.30144389 -0.04217571
#= lazy/G.synthesis.b8.torgb.affine.bias 0.99209874 0.98953781
#= lazy/G.synthesis.b8.torgb.weight 0.61377428 0.27290438 -0.69127743 -0.63441932 0.70961367 -0.615501
#= lazy/G.synthesis.b8.torgb.bias -0.017749919 0.016296983 0.016061836
#= lazy/G.mapping.w_avg 0.080055153 -0.00072704492 0.072706056 0.071552403 0.049221434 -0.0095567041
#= lazy/G.path_length.mean 0.0314847
#= lazy/D.fromrgb.weight 0.35876634 0.13688594 0.57906798 0.25427426 -1.4315695 -1.3550066
#= lazy/D.fromrgb.bias -0.018583139 0.01795052
#= lazy/D.b8.conv0.weight 2.4981396 0.34156417 0.2930286 -0.085439864 0.6692574 1.699577 1.4178293 0.47497033 -1.8511189 0.62945308 0.69367258 0.22034481 -1.0416327 -0.64012945 -1.1241634 0.28238107 0.21037792 1.6409425 -0.24615715 -1.4830232 1.1392178 -0.98818738 -0.70949155 1.4214682
#= lazy/D.b8.conv0.bias -0.020256501 0.018241076
#= lazy/D.b8.conv1.weight -0.47584313 -0.82844785 1.0000852 -1.3054944 0.29566352 -1.5982351 -1.5207151 -0.8705796 -0.80396086 -0.49055348 -0.74093969 -0.28350642 1.8869074 -0.81514917 -1.2405574 1.6127745 -0.17671104 2.104804 -0.56175797 0.95079974 0.42140339 -1.1742973 -1.010406 1.0995399
#= lazy/D.b8.conv1.bias 0.018946394 -0.019007848 -0.020458793 -0.014542051
#= lazy/D.b8.skip.weight 0.25023502 0.89358153 0.5245629 -0.087291364 -1.0126003 -0.46654447 0.35783008 -1.0433625
#= lazy/D.b4.conv.weight -0.46615394 0.70028695 -0.83541938 -0.45381549 -0.47764444 -0.87834298 -1.1266702 0.72569391 0.6130305 0.47797715 1.7789546 0.8535421 0.3948119 -0.12686086 -0.41575593 0.87430449 -1.886012 1.1801824 0.1878896 0.94873248 -1.5715944 1.9747626 -0.66703607 -0.44496001
#= lazy/D.b4.conv.bias -0.020611969 -0.018522036 -0.014978916 0.01463407
#= lazy/D.b4.fc.weight 2.2232898 -1.9026839 -0.35231713 0.57540347 0.97925397 0.038646069 -1.338193 -0.61280516 0.42923388 -0.66352609 0.63916319 0.032510299 0.6146644 -0.52905481 1.4790881 1.0222108 0.97330948 -1.3430804 -0.69242823 0.80107763 -0.099072223 -0.37882879 0.74077209 0.28039924
#= lazy/D.b4.fc.bias 0.017998791 -0.0084173317 -0.017315323 0.024363421
#= lazy/D.b4.out.weight -0.41654588 -0.5339179 -0.62681919 0.95683393
#= lazy/D.b4.out.bias 0.017258877
#= lazy/D.b4.deviation 0.81745522
#= classes 1 1.47209699 0.63732091 0.00000000 0.00000000
#= classes 2 1.31918926 0.58607105 0.00000000 0.00000000
#= classes 3 1.39277587 0.63772892 0.00000000 0.00000000
#= classes 4 1.31624973 0.62117006 0.00000000 0.00000000
#= classes 5 1.34364936 0.63245478 0.00000000 0.00000000
#= classes 6 1.46217086 0.59402211 0.00000000 0.00000000
#= classes 7 1.35957212 0.68595128 0.00000000 0.00000000
#= classes 8 1.33487407 0.64204414 0.00000000 0.00000000
#= classes 9 1.36899692 0.61670243 0.00000000 0.00000000
#= classes 10 1.33803292 0.61952938 0.00000000 0.00000000
#= classes/G.mapping.embed.weight -0.13090719 -0.28649483 0.49763234 -0.54627906 -0.1893891 -0.68930578 -1.0636926 0.45647184 -2.0690093 1.0043026 -0.88547159 0.8262445 -0.53240744 -2.3448382 0.63944794 1.642303 -0.26812467 0.00025317343
#= classes/G.mapping.embed.bias -0.014060027 0.013598717 0.0075544884 -0.020017851 -0.0090824155 0.012483252
#= classes/G.mapping.fc0.weight -1.6661849 -11.980434 -0.0083102426 5.1966821 -7.112545 -2.3151544 -15.826261 2.9445703 18.029992 -7.8957718 -7.7273808 9.0557331 -1.2565528 -11.993752 3.9758395 -4.4731939 -4.7504326 -2.9753786 4.3989469 21.89011 -10.243597 -5.3253735 9.5403681 8.2108988
#= classes/G.mapping.fc0.bias 0.018670316 0.015884712 0.0062497826 0.012259495 -0.020474622 0.00080008772
#= classes/G.mapping.fc1.weight 7.9400528 20.731274 12.718637 -29.489762 -7.49613 6.9956215 3.1160605 -10.175108 -3.5489612 1.0327549 -12.726528 0.14726561 13.313706 8.5611543 15.665861 -6.8994555 -10.177413 -1.617351 -9.9424824 -3.7709238 16.27793 -4.6922728 7.8350479 6.3220532
#= classes/G.mapping.fc1.bias 0.0070931197 -0.022601384 0.01703897 -0.017287603 -0.012786846 -0.006288173
#= classes/G.synthesis.b4.const 2.1248535 0.80871245 0.20098964 0.09057633 0.5105619 -0.69330188 -0.93789821 -0.40054468 1.3772722 -0.13254013 0.5659409 -0.12390459 0.22899033 -0.77104107 -1.6218592 0.74043024 2.1062805 0.60280546 -1.5011519 1.4858259 -0.91408626 -1.0373202 0.65439653 -0.49581564
#= classes/G.synthesis.b4.conv1.affine.weight 1.1119632 -0.56785708 -0.25748474 -0.40300871 1.2807614 -2.7867677 0.81584978 -0.27676263 0.053949065 -0.07564907 -0.2803355 0.4933556 -0.56050954 -0.35244574 1.0439895 -0.56921847 -0.5687319 -0.15038821 0.79099523 -0.52882574 -0.21024395 -0.9481 1.2817049 -1.841383
#= classes/G.synthesis.b4.conv1.affine.bias 0.97795521 0.988162 1.0223362 1.0170062
#= classes/G.synthesis.b4.conv1.weight 1.3021553 0.61010055 -1.3993318 1.7044425 1.6127503 -0.1380877 2.0215264 0.23240486 -0.94160569 -0.67209336 0.037533713 -0.43589377 0.78586153 -0.79681019 0.65661753 0.12069011 0.29789632 -0.35351077 -1.9137653 2.1790122 0.38260167 -1.8589013 -1.0953859 -0.092686445
#= classes/G.synthesis.b4.conv1.noise_strength 0.0036052448
#= classes/G.synthesis.b4.conv1.bias 0.018744084 0.018243525 -0.013402222 0.0062586103
#= classes/G.synthesis.b4.torgb.affine.weight 0.56860014 0.62660973 1.0132616 -0.29983162 1.0216179 -2.7163419 1.0939329 -0.37091954 -2.1563039 -1.2234056 -0.71046179 -2.8857425 0.63360279 0.28950103 -0.98913335 0.61580955 -0.20031794 0.32872335 1.0153771 -2.0183478 1.8436236 1.3608562 -0.50857776 0.57879228
#= classes/G.synthesis.b4.torgb.affine.bias 1.0137146 1.0177315 0.98325633 1.0162767
#= classes/G.synthesis.b4.torgb.weight 0.24361963 1.0523485 1.1597569 -0.076589791 -1.0094341 -0.65154491 0.33447626 0.10910341 -0.39471244 0.11692477 0.018940257 -0.60084158
#= classes/G.synthesis.b4.torgb.bias 0.016815907 -0.014861449 -0.0099479444
#= classes/G.synthesis.b8.conv0.affine.weight -0.20601162 0.2937252 -0.18142218 -1.645842 0.95282883 1.227414 -0.32999387 1.5229658 -1.517121 -0.79103153 0.65066015 -0.33706385 0.98591935 1.8982652 -1.6054486 1.2538063 0.90022795 0.96545928 -2.1456256 0.10457785 0.35723768 -0.64085787 0.90090844 -0.23475762
#= classes/G.synthesis.b8.conv0.affine.bias 0.99998257 1.0161892 0.9803899 0.98350985
#= classes/G.synthesis.b8.conv0.weight -0.3103546 -0.21389941 1.9327468 0.13548742 -1.2736095 -0.051019793 -0.85596868 -0.42722007 1.5565519 0.88750408 -0.90113224 -0.43328621 -0.73363274 -0.22962558 0.017309317 -0.30776164 1.7663914 -0.012022955 -0.52649741 0.80944752 0.40355988 -0.29950024 1.6861704 -0.00237913
#= classes/G.synthesis.b8.conv0.noise_strength 0.0017688521
#= classes/G.synthesis.b8.conv0.bias 0.010914545 -0.012421175
#= classes/G.synthesis.b8.conv1.affine.weight -0.41061694 0.26874876 -1.3038863 0.39136158 0.2634904 1.2826612 1.2649503 1.2693315 -0.37255852 0.5877561 1.3039112 0.27267621
#= classes/G.synthesis.b8.conv1.affine.bias 0.9845516 1.0082305
#= classes/G.synthesis.b8.conv1.weight -0.35053844 0.79638909 -0.48888164 -0.074971837 -0.19664507 0.44667727 0.044843453 -0.8273056 -0.71022602 0.19499396 -0.053671579 0.88703685 1.2976169 0.24374334 -1.6161023 -0.97690879 -0.18585138 -1.6005085 -0.75890664 -0.024654972 -0.3691129 1.1302732 -0.44268406 -0.8344092
#= classes/G.synthesis.b8.conv1.noise_strength -0.0018102317
#= classes/G.synthesis.b8.conv1.bias 0.012239203 -0.013325508
#= classes/G.synthesis.b8.torgb.affine.weight 0.52337524 -0.33882468 0.14745741 -1.69306 -0.46198213 0.51047706 0.037265809 0.2517404 0.75376078 1.5949334 -0.30619641 -0.045436
#= classes/G.synthesis.b8.torgb.affine.bias 0.98435144 0.98435705
#= classes/G.synthesis.b8.torgb.weight 0.59998661 0.26621747 -0.68659431 -0.62181096 0.72731792 -0.60572096
#= classes/G.synthesis.b8.torgb.bias 0.016443285 -0.0084954099 -0.0068486204
#= classes/G.mapping.w_avg 0.035783053 0.0082165058 0.048101206 0.032724672 0.025757749 -0.0092164658
#= classes/D.fromrgb.weight 0.39926026 0.15780548 0.61008336 0.2196443 -1.4170821 -1.3260589
#= classes/D.fromrgb.bias 0.01990208 -0.014850954
#= classes/D.b8.conv0.weight 2.5397435 0.38217134 0.33274351 -0.043306759 0.71003319 1.7393002 1.4629258 0.51689447 -1.8114346 0.62633293 0.68683989 0.19836471 -1.0438736 -0.64457602 -1.1512015 0.28111036 0.20871544 1.6180942 -0.26876929 -1.5228359 1.1025869 -1.0150283 -0.74932 1.38504
#= classes/D.b8.conv0.bias 0.01740808 -0.017389364
#= classes/D.b8.conv1.weight -0.51435431 -0.86809918 0.96101495 -1.3431579 0.25707777 -1.6363055 -1.5580792 -0.90913195 -0.84204456 -0.52710747 -0.77649535 -0.30579455 1.8498414 -0.8510291 -1.2697932 1.575542 -0.21304276 2.072565 -0.52233417 0.98867915 0.45867207 -1.1346299 -0.97196434 1.1373862
#= classes/D.b8.conv1.bias -0.018169255 0.018083441 -0.0052645069 0.019306391
#= classes/D.b8.skip.weight 0.2122965 0.89478972 0.5627439 -0.12084232 -0.97300677 -0.50145741 0.38872699 -1.0092714
#= classes/D.b4.conv.weight -0.46940229 0.66825101 -0.8697925 -0.49155246 -0.5110241 -0.87865828 -1.16189 0.70380932 0.61526031 0.49461597 1.809261 0.88854262 0.43043636 -0.11416247 -0.41771933 0.90806861 -1.8859434 1.1775248 0.18890905 0.98182015 -1.5364803 2.0175987 -0.63686179 -0.44632186
#= classes/D.b4.conv.bias 0.018929879 0.01791292 0.01282645 -0.018236245
#= classes/D.b4.fc.weight 2.2250466 -1.9043027 -0.35537843 0.57189897 0.9825996 0.028366837 -1.341386 -0.61750534 0.43154301 -0.66222337 0.64190561 0.029787161 0.6173505 -0.52640277 1.4819285 1.0228251 0.97064579 -1.3463737 -0.69524023 0.79940646 -0.10214342 -0.38277254 0.73510995 0.27460785
#= classes/D.b4.fc.bias 0.01891626 -0.00049442333 -0.018801591 0.018498419
#= classes/D.b4.out.weight -0.41493322 -1.2415561 0.57196365 -0.74591564 -0.53107159 -0.5232114 1.5001506 0.81900406 -0.63564581 0.43173855 1.8521221 -0.78982727 0.92278108 0.28569725 -0.23147537 -0.87115358
#= classes/D.b4.out.bias -0.015454538 0.01848211 -0.018492865 -0.017416821
#= classes/D.mapping.embed.weight 1.2598913 -1.6226203 0.82573529 -0.0032098493 0.26703807 -1.8764347 0.84012807 0.60087355 0.81964697 0.74814127 -1.9022006 -0.20245068
#= classes/D.mapping.embed.bias -0.007751238 -0.016479081 0.012990145 -0.0030227195
#= classes/D.mapping.fc0.weight 17.507766 7.2235286 4.1609361 -5.6765067 18.112847 17.392956 0.79986794 18.368553 10.123543 -5.868064 3.016138 -13.650304 -2.5851067 -5.7193246 3.331116 9.1789056
#= classes/D.mapping.fc0.bias -0.01438314 -0.015151625 0.0089337893 0.018592285
#= classes/D.mapping.fc1.weight -1.5796715 16.336784 -4.5308094 -8.4607932 0.30860012 -2.1103752 -8.7024442 -0.11571103 3.940712 -11.674601 13.121936 4.9514961 2.7163829 -2.7120753 1.2915755 -3.4800046
#= classes/D.mapping.fc1.bias -0.010270143 0.007839287 0.01112377 -0.020487825
#= classes/D.b4.deviation 0.84349037
