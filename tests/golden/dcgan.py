#!/usr/bin/env python3
"""Ten training steps of small convolutional GANs in PyTorch: `tests/library/dcgan.rs` compares its own with them.

Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`. Reckoned in float64 from these float32
draws. Kernels are drawn [height, width, in, out] (of a transposed convolution [height, width, out, in]), examples
[height, width, channels].

Modules are named as gansaku names tensors. Weights are normal: gain / sqrt(fan in) with the gain sqrt(2) in front of a
rectifier, sqrt(2 / 1.04) in front of D's leaky ones (.2) and 1 in the last; in networks with batch norm sqrt(2) everywhere.
The fan in of a convolution is its taps times its channels, of a transposed one of stride 2 a quarter of that, of one that
covers its picture its channels. Biases start
at 0, gamma at N(1, .02), beta at 0. Adam has lr 2e-3, eps 1e-8; 8 examples a minibatch; 10 numbers of normal noise. One
step, in this order:
  1. D's updates. All but the last draw 8 noises, the last draws 16 at once, of which the last 8 are D's and the first 8
     G's. Each has a minibatch and noise of its own (its tick). G makes each draw in a call of its own, D's first.
  2. G's update through the updated D.

dcgan: 16x16 colour, width 4: G is convT 10->8 k4, then k4s2p1 8->4 and 4->3, sigmoid; D is k4s2p1 3->4, 4->8 and k4 8->1.
  BatchNorm2d behind every convolution but the last ones and D's first; no biases; real, D's fakes, G's fakes in calls of
  their own. Non-saturating, betas (.5, .999).
wgan-gp: 14x14 grey, width 4, kernels 5, "SAME" paddings: 14 -> 7 -> 4, biases, no norms. Wasserstein loss with the penalty
  10 mean((|grad D(x)| - 1)^2) at x = u real + (1 - u) fake, two critic updates a step, betas (.5, .9); the loss is told
  without the penalty, of the last critic update.
sn-hinge: 8x12 colour, width 4, two halvings. G doubles pixels (nearest) in front of 3x3 convolutions, with batch norm. D is
  k4s2p1 convolutions under torch.nn.utils.parametrizations.spectral_norm, u and v as in `norms.py` (v is drawn [height,
  width, in]); real and fake are joined in one call. Hinge loss, betas (0, .9). D has no biases: the last one's gradient is
  0 where all examples lie within the margin, and Adam moves by the rate for whatever rounding makes of it.

Lines: `#= case step d_loss g_loss penalty`, ten a case; `#= case/LETTER.NAME numbers`, the first numbers, 24 at most, of each
parameter and state after the last step, as files have them.

    python3 dcgan.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float64)
"""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ten_steps import EXAMPLES, examples, minibatch, normal, uniform

BATCH, LATENT, WIDTH = 8, 10, 4
RECTIFIED, LEAKY = math.sqrt(2), math.sqrt(2 / 1.04)


def same(n, kernel=5):
    """Zeros before and after n pixels that stride 2 takes to ceil(n / 2)."""
    needed = (math.ceil(n / 2) - 1) * 2 + kernel - n
    return needed // 2, needed - needed // 2


class Network(nn.Module):
    def __init__(self, letter, norm):
        super().__init__()
        self.letter, self.gain = letter, RECTIFIED if norm else None
        self.layers, self.norms = nn.ModuleList(), nn.ModuleDict()

    def add(self, module, gain, norm=False, spectral=False):
        i, (kh, kw) = len(self.layers), module.kernel_size
        name, transposed = f"init/{self.letter}/layers.{i}.weight", isinstance(module, nn.ConvTranspose2d)
        into, out = module.in_channels, module.out_channels
        taps = kh * kw
        if transposed:
            # Of stride 1 it covers its picture: every pixel meets one tap.
            taps = 1 if module.stride == (1, 1) else math.ceil(taps / math.prod(module.stride))
        drawn = normal(name, (kh, kw, out, into) if transposed else (kh, kw, into, out))
        drawn = drawn * ((self.gain or gain) / math.sqrt(taps * into))
        with torch.no_grad():
            module.weight.copy_(drawn.permute(3, 2, 0, 1))
            if module.bias is not None:
                module.bias.zero_()
        module.double()
        if spectral:
            matrix = module.weight.detach().flatten(1)
            spectral_norm(module)
            state = module.parametrizations.weight[0]
            state._v.copy_(F.normalize(normal(f"{name}/v", (kh, kw, into)).permute(2, 0, 1).flatten().double(), dim=0))
            state._power_method(matrix, 15)
        self.layers.append(module)
        if norm:
            self.norms[str(i)] = nn.BatchNorm2d(out).double()
            with torch.no_grad():
                self.norms[str(i)].weight.copy_(1 + .02 * normal(f"init/{self.letter}/norms.{i}.weight", (out,)))

    def norm(self, i, x):
        return self.norms[str(i)](x) if str(i) in self.norms else x


class Generator(Network):
    def __init__(self, sizes, channels, kernel=4, norm=False, nearest=False):
        super().__init__("G", norm)
        self.sizes, self.kernel, self.nearest = sizes, kernel, nearest
        bias = not norm
        widths = [WIDTH * 2 ** i for i in reversed(range(len(sizes) - 1))]
        self.add(nn.ConvTranspose2d(LATENT, widths[0], sizes[0], bias=bias), RECTIFIED, norm)
        for into, out in zip(widths, [*widths[1:], channels]):
            last = len(self.layers) == len(sizes) - 1
            doubling = nn.Conv2d(into, out, 3, padding=1, bias=bias)
            module = doubling if nearest else nn.ConvTranspose2d(into, out, kernel, 2, bias=bias)
            self.add(module, 1.0 if last else RECTIFIED, norm and not last)

    def forward(self, z):
        x = z[:, :, None, None]
        for i, (layer, (h, w)) in enumerate(zip(self.layers, self.sizes)):
            if i and self.nearest:
                x = layer(F.interpolate(x, scale_factor=2))
            elif i:
                top, left = (1, 1) if self.kernel == 4 else (same(h)[0], same(w)[0])
                x = layer(x)[:, :, top:top + h, left:left + w]
            else:
                x = layer(x)
            x = torch.sigmoid(x) if i == len(self.sizes) - 1 else F.relu(self.norm(i, x))
        return x


class Discriminator(Network):
    def __init__(self, sizes, channels, kernel=4, norm=False, spectral=False):
        super().__init__("D", norm)
        self.sizes, self.kernel = sizes[::-1], kernel
        into, bias = channels, not (norm or spectral)
        for i in range(len(sizes) - 1):
            self.add(nn.Conv2d(into, WIDTH * 2 ** i, kernel, 2, bias=bias), LEAKY, norm and i > 0, spectral)
            into = WIDTH * 2 ** i
        self.add(nn.Conv2d(into, 1, sizes[0], bias=bias), 1.0, spectral=spectral)

    def forward(self, x):
        for i, (layer, (h, w)) in enumerate(zip(self.layers[:-1], self.sizes)):
            (top, bottom), (left, right) = ((1, 1), (1, 1)) if self.kernel == 4 else (same(h), same(w))
            x = F.leaky_relu(self.norm(i, layer(F.pad(x, (left, right, top, bottom)))), .2)
        return self.layers[-1](x).flatten()


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def hinge(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def non_saturating(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def wasserstein(real, fake):
    return fake.mean() - real.mean()


def steps(g, d, loss, betas, updates=1, penalty=0, apart=False):
    """apart: D sees real and fake in calls of their own."""
    channels, (height, width) = g.layers[-1].out_channels, g.sizes[-1]
    data = examples(height * width * channels).double().view(EXAMPLES, height, width, channels).permute(0, 3, 1, 2)
    adam_g, adam_d = [torch.optim.Adam(n.parameters(), lr=2e-3, betas=betas, eps=1e-8) for n in (g, d)]
    tick = 0
    for _ in range(10):
        for turn in reversed(range(updates)):
            real, u = minibatch(data, BATCH, tick), uniform("interpolation", (BATCH, 1, 1, 1), tick).double()
            draws = 1 if turn else 2
            z = normal("z", (draws * BATCH, LATENT), tick).double()
            fakes = [g(part) for part in reversed(z.split(BATCH))][::-1]
            fake = fakes[-1].detach()
            on_real, on_fake = (d(real), d(fake)) if apart else d(torch.cat([real, fake])).split(BATCH)
            loss_d, added = loss(on_real, on_fake), torch.zeros(())
            if penalty:
                between = (u * real + (1 - u) * fake).requires_grad_()
                slope, = torch.autograd.grad(d(between).sum(), between, create_graph=True)
                added = penalty * ((slope.square().sum((1, 2, 3)) + 1e-12).sqrt() - 1).square().mean()
            update(adam_d, loss_d + added)
            tick += 1
        on_fake = d(fakes[0])
        loss_g = F.softplus(-on_fake).mean() if loss is non_saturating else -on_fake.mean()
        update(adam_g, loss_g)
        yield loss_d.item(), loss_g.item(), added.item()


if __name__ == "__main__":
    torch.set_num_threads(1)
    squares = [(4, 4), (8, 8), (16, 16)], [(4, 4), (7, 7), (14, 14)], [(2, 3), (4, 6), (8, 12)]
    for case, g, d, more in (
        ("dcgan", Generator(squares[0], 3, norm=True), Discriminator(squares[0], 3, norm=True),
         dict(loss=non_saturating, betas=(.5, .999), apart=True)),
        ("wgan-gp", Generator(squares[1], 1, 5), Discriminator(squares[1], 1, 5),
         dict(loss=wasserstein, betas=(.5, .9), updates=2, penalty=10)),
        ("sn-hinge", Generator(squares[2], 3, norm=True, nearest=True), Discriminator(squares[2], 3, spectral=True),
         dict(loss=hinge, betas=(0., .9))),
    ):
        for number, values in enumerate(steps(g, d, **more), 1):
            print(f"#= {case} {number} " + " ".join(f"{v:.8f}" for v in values))
        for network in (g, d):
            for name, tensor in network.state_dict().items():
                numbers = " ".join(f"{v:.8g}" for v in tensor.flatten()[:24].tolist())
                print(f"#= {case}/{network.letter}.{name} {numbers}")
#= dcgan 1 1.67940231 0.44120895 0.00000000
#= dcgan 2 1.88329505 0.53882566 0.00000000
#= dcgan 3 1.59664040 0.62392108 0.00000000
#= dcgan 4 1.54287415 0.59919079 0.00000000
#= dcgan 5 1.28486561 0.78522858 0.00000000
#= dcgan 6 1.56987318 0.84101331 0.00000000
#= dcgan 7 1.29532062 0.83389936 0.00000000
#= dcgan 8 1.24701100 0.92325719 0.00000000
#= dcgan 9 1.49424624 0.83713754 0.00000000
#= dcgan 10 1.30737966 0.81558303 0.00000000
#= dcgan/G.layers.0.weight 0.72911585 0.089723159 0.58444837 0.52898352 -0.15758139 0.43062805 0.87351088 0.44451569 -0.46796752 0.024962478 0.51449874 0.27507277 -0.32662892 0.1455545 0.34762348 0.84871508 0.23124385 0.16864332 0.33857082 0.12630204 -0.022365407 0.37209516 0.12764863 0.00016990807
#= dcgan/G.layers.1.weight -0.36063003 0.27563204 -0.11163908 -0.50083454 -0.087530383 0.16842732 0.39725273 -0.14876157 0.16286495 0.053730996 0.32049681 -0.15654897 -0.11532506 0.23170039 0.40255632 -0.094122501 -0.22705439 -0.42506289 0.046188182 0.14112095 0.20512952 -0.030808965 0.07118425 -0.28793909
#= dcgan/G.layers.2.weight -0.86391412 0.24102168 0.37213565 -0.25114884 0.19469521 -0.19136764 0.31696096 -0.52931414 0.73541345 0.091745446 0.55093764 -0.092971911 0.12210022 0.23995949 -0.25302918 -0.16063163 -0.3443328 -0.21338594 -0.79555088 0.35135617 -0.13840359 -0.0021860066 0.38930476 -0.16898577
#= dcgan/G.norms.0.weight 0.97561919 0.96281745 1.0078784 1.0137348 1.0071701 0.98419639 1.0545972 1.0058253
#= dcgan/G.norms.0.bias -0.0068259075 -0.014273939 -0.0071697716 0.0022774985 0.0062832835 -0.017722429 0.018381682 0.0095086798
#= dcgan/G.norms.0.running_mean 0.049799302 0.047921786 -0.019969625 0.055122245 0.00099144768 -0.021796757 -0.0050324952 -0.03368131
#= dcgan/G.norms.0.running_var 2.4092531 1.7364062 2.0251399 1.58922 1.8161243 2.2286459 2.2289171 1.5138598
#= dcgan/G.norms.0.num_batches_tracked 20
#= dcgan/G.norms.1.weight 1.0094891 1.0024704 1.0341153 1.0197445
#= dcgan/G.norms.1.bias 0.015153883 0.017753975 0.0026835156 -0.0059914854
#= dcgan/G.norms.1.running_mean 0.23130066 0.12943643 0.13404581 -0.24343244
#= dcgan/G.norms.1.running_var 0.7081628 0.54489239 0.68542148 0.73765969
#= dcgan/G.norms.1.num_batches_tracked 20
#= dcgan/D.layers.0.weight 0.28761515 0.022983973 0.13133743 0.15926006 -0.1174133 0.12796186 -0.0055755891 -0.53121649 0.22634922 0.029317269 -0.12843874 0.047337436 0.17911214 0.042541546 -0.0022966226 0.37982503 0.067499859 -0.19273557 -0.17629377 0.077985113 0.15601941 -0.14788993 -0.076224745 -0.082010338
#= dcgan/D.layers.1.weight -0.038101233 0.023517953 -0.00046364535 -0.29874396 0.11986874 0.18581614 0.45500579 0.0003746659 0.031805537 -0.22675665 0.14445918 0.11294494 0.019914707 0.16491173 -0.14102614 -0.051849266 -0.017096505 -0.13364658 -0.13648317 0.073944545 0.3383773 0.12013444 -0.092008741 0.045171471
#= dcgan/D.layers.2.weight -0.028228959 0.061777415 -0.12122108 0.01770639 -0.099890387 0.13950579 0.11173244 -0.096934668 -0.050972587 -0.0022070515 0.22279946 -0.11044861 0.019432807 0.027823798 -0.089313658 -0.037714225 -0.13489202 0.036309485 0.031098732 -0.19290332 0.10840422 -0.080919218 0.098113334 0.0052479332
#= dcgan/D.norms.1.weight 1.0076137 0.96510923 1.0370462 0.96058315 0.99242061 0.97807272 1.0165946 0.99587882
#= dcgan/D.norms.1.bias 0.012584751 -0.011086967 0.0050495265 -0.011180026 0.014973108 -0.015370014 0.0063930848 -0.015381503
#= dcgan/D.norms.1.running_mean 0.2353832 1.7162524 0.97140225 -0.15460459 0.62055105 -0.80804523 -1.0325724 0.071489845
#= dcgan/D.norms.1.running_var 0.17099438 0.18232558 0.26581387 0.11178609 0.26867095 0.18143728 0.13305487 0.23744781
#= dcgan/D.norms.1.num_batches_tracked 30
#= wgan-gp 1 -0.12240232 0.21092023 2.24594928
#= wgan-gp 2 0.10813069 0.31902480 1.85190464
#= wgan-gp 3 0.03445380 0.32949649 0.95664922
#= wgan-gp 4 0.03743972 0.31061246 0.49831407
#= wgan-gp 5 0.02236824 0.32465352 0.29411378
#= wgan-gp 6 0.04116188 0.48088275 0.10122835
#= wgan-gp 7 -0.14133185 0.44974110 0.02703809
#= wgan-gp 8 -0.02192299 0.60024732 0.01353204
#= wgan-gp 9 0.02907684 0.66218272 0.00651165
#= wgan-gp 10 -0.18977368 0.81667518 0.00466572
#= wgan-gp/G.layers.0.weight 0.70527707 0.071943918 0.57773307 0.54202996 -0.15214701 0.4212627 0.86649813 0.44275696 -0.45775161 0.032131844 0.49375917 0.28095879 -0.32419483 0.12919929 0.33978733 0.84370676 0.21933651 0.18111666 0.34346179 0.11285782 -0.026213809 0.3634762 0.12884727 0.014237637
#= wgan-gp/G.layers.0.bias -0.013592783 0.00063811978 -0.0051254805 -0.013213782 -0.0044231295 0.016504399 -0.015531731 -0.0048418686
#= wgan-gp/G.layers.1.weight -0.26975286 0.18464742 -0.091555918 -0.39491202 -0.051136978 0.12840544 0.29345737 -0.095585289 0.097691402 0.013611041 0.25250234 -0.13470149 -0.098135868 0.15773821 0.32981592 -0.062856083 -0.24904282 0.28519743 -0.11300702 -0.114309 0.07254828 0.12167825 -0.16313058 -0.1503381
#= wgan-gp/G.layers.1.bias -0.019008308 -0.023573093 -0.018646247 0.0097861587
#= wgan-gp/G.layers.2.weight -0.47319103 -0.17847512 -0.27186814 0.12877902 -0.13647675 0.060802445 0.16865646 -0.3936352 0.20990702 -0.10597133 0.17025371 0.19102151 0.079325243 -0.089450938 -0.28491857 -0.08615202 -0.021029997 -0.26337393 0.16349459 0.23796458 -0.11711754 -0.28584923 -0.10150211 -0.030339295
#= wgan-gp/G.layers.2.bias -0.022641229
#= wgan-gp/D.layers.0.weight 0.41657064 0.06076432 0.46698051 0.051180426 -0.30273787 -0.372189 0.22126388 -0.2519942 -0.16140821 0.2224219 0.12894191 -0.0029610752 -0.12039884 0.24223924 -0.24943872 0.20916689 -0.23159275 -0.18378892 0.031726915 -0.10067012 0.027588847 -0.73254194 -0.13353354 -0.0082880755
#= wgan-gp/D.layers.0.bias -0.003829868 -0.035058115 0.038369089 0.021961208
#= wgan-gp/D.layers.1.weight -0.038992145 0.0274859 -0.0027075954 -0.22372781 0.11743545 0.15527073 0.36266537 0.025751839 0.047486799 -0.18714978 0.12781771 0.076300354 -0.0058421393 0.15997291 -0.084324256 -0.021241911 -0.052179264 0.089245059 -0.16130536 -0.14127971 0.26119818 0.12098811 -0.19861744 0.020226859
#= wgan-gp/D.layers.1.bias 0.031557687 -0.031751568 0.032835887 -0.036542262 0.039994429 -0.03302342 0.018536592 0.016087934
#= wgan-gp/D.layers.2.weight -0.018783796 0.064691293 -0.078089233 -0.0052678206 -0.097366416 0.079334033 0.086892434 -0.081153116 -0.079592446 -0.040787663 0.16969249 -0.090565384 0.021706447 -0.0067028334 -0.090012863 -0.03707751 -0.076283949 0.041772637 0.032124702 -0.16699311 0.056237513 -0.078697175 0.094713192 -0.03149608
#= wgan-gp/D.layers.2.bias 0
#= sn-hinge 1 1.97260805 0.10552386 0.00000000
#= sn-hinge 2 2.00318588 0.08584388 0.00000000
#= sn-hinge 3 2.03332309 0.05228363 0.00000000
#= sn-hinge 4 2.01263926 0.05529003 0.00000000
#= sn-hinge 5 2.00840696 0.05552970 0.00000000
#= sn-hinge 6 2.00170970 -0.01206999 0.00000000
#= sn-hinge 7 1.95532245 -0.02509228 0.00000000
#= sn-hinge 8 2.01419844 -0.03095701 0.00000000
#= sn-hinge 9 1.95962831 -0.07064499 0.00000000
#= sn-hinge 10 1.95374854 -0.13287500 0.00000000
#= sn-hinge/G.layers.0.weight 0.72553278 0.059321233 0.5879861 0.5366365 -0.15609776 0.41288274 0.22254272 0.1708018 0.34002083 0.11772419 -0.0044641139 0.36545502 -0.4298512 0.34876255 -0.58519663 -0.46906245 -0.38298282 0.32436412 0.49561004 0.074114566 -0.1714727 0.80478775 -0.017159168 -0.22570012
#= sn-hinge/G.layers.1.weight -0.2472997 0.16920175 -0.094971961 -0.32277513 -0.055382708 0.10525969 0.27811239 -0.077514273 0.10623871 0.020292204 0.075539915 -0.13543228 0.048926601 0.037003058 0.37313028 -0.13447166 0.066438167 -0.19869339 -0.16785713 -0.29465587 0.012540753 0.084638372 0.16073608 -0.012339003
#= sn-hinge/G.layers.2.weight -0.55322797 0.16454893 0.24821198 -0.14476633 0.13287834 -0.11744155 0.21468438 -0.3514966 0.49611861 0.10020185 0.37198455 -0.36645199 -0.24397575 0.2691779 0.19971169 -0.19471849 -0.3336027 0.13812881 -0.067580153 -0.37553955 -0.47893169 -0.45679376 0.13585303 -0.20210904
#= sn-hinge/G.norms.0.weight 0.96521381 0.99542322 1.0214251 1.0226537 1.0047645 1.0145312 1.0241995 0.99469243
#= sn-hinge/G.norms.0.bias -0.015450182 0.014754315 0.010493184 0.016530829 0.0091752664 0.015026925 -0.014219042 -0.0070924469
#= sn-hinge/G.norms.0.running_mean 0.015515176 0.10192651 0.035637124 0.024163766 -0.016232306 0.014274774 -0.043162815 -0.001328792
#= sn-hinge/G.norms.0.running_var 3.145138 1.7207242 2.0729316 1.1678371 1.4644667 2.5260703 2.8306668 1.3756411
#= sn-hinge/G.norms.0.num_batches_tracked 20
#= sn-hinge/G.norms.1.weight 1.0004755 1.0090886 1.0074307 1.0239911
#= sn-hinge/G.norms.1.bias 0.0013474923 0.020014792 -0.0084466656 -0.0026607753
#= sn-hinge/G.norms.1.running_mean 0.12845647 -0.28755753 -0.079870616 -0.026671498
#= sn-hinge/G.norms.1.running_var 0.44988927 0.7558078 0.63167818 0.51089697
#= sn-hinge/G.norms.1.num_batches_tracked 20
#= sn-hinge/D.layers.0.parametrizations.weight.original 0.30897488 0.051552997 0.16098858 0.18968901 -0.083384664 0.1566874 0.026565339 -0.49197976 0.25495265 0.06001414 -0.10040018 0.078881264 0.21010228 0.075540331 0.023943289 0.40109554 0.084619746 -0.18565087 -0.15660819 0.086673193 0.17767364 -0.1297595 -0.051127657 -0.070516114
#= sn-hinge/D.layers.0.parametrizations.weight.0._u 0.41368071 -0.49327625 0.64344586 -0.41415484
#= sn-hinge/D.layers.0.parametrizations.weight.0._v 0.075699379 -0.04645883 0.0018252021 -0.15468375 0.0034313845 0.14988909 -0.13733981 -0.072325848 0.16652572 0.05469157 0.050067929 0.077427636 0.13650738 0.030938883 -0.01275147 0.045935692 0.11133133 0.015709813 0.021462665 -0.21248369 0.043783523 -0.024474329 0.027688589 -0.077797216
#= sn-hinge/D.layers.1.parametrizations.weight.original -0.025732437 0.032756133 -0.0052624568 -0.29503646 0.1230796 0.18568893 0.42275923 -0.011042998 0.016657818 -0.21145977 0.15000268 0.11143566 0.0040651974 0.15485307 -0.11539331 -0.040056083 -0.020440255 -0.13084193 -0.12323859 0.061559568 0.32426863 0.1352858 -0.083257788 0.047821631
#= sn-hinge/D.layers.1.parametrizations.weight.0._u 0.58520625 -0.38146989 0.27061933 -0.11150492 -0.47523284 0.20317 0.19350239 0.34896808
#= sn-hinge/D.layers.1.parametrizations.weight.0._v -0.046101628 0.086067378 -0.021939758 -0.29590774 0.027416473 0.16112301 0.12344504 0.01657875 -0.088442372 -0.22234223 0.061112885 0.12596949 0.078458557 0.20223373 -0.11821378 -0.14297028 0.085608918 -0.17406028 -0.19635702 -0.0016860397 0.083048568 -0.20554466 -0.039163729 0.15236762
#= sn-hinge/D.layers.2.parametrizations.weight.original -0.028649811 0.080783305 -0.14500447 0.043884825 -0.10852811 0.16301481 -0.15431259 0.037009755 0.035000053 -0.21922216 0.15902606 -0.067524923 0.196678 0.053513205 0.070187556 0.052333336 -0.26941672 -0.081715461 -0.027167414 0.091533464 0.1956624 0.0085093777 0.13744665 -0.03477368
#= sn-hinge/D.layers.2.parametrizations.weight.0._u -1
#= sn-hinge/D.layers.2.parametrizations.weight.0._v 0.030472066 -0.08592148 0.15422739 -0.046676094 0.11543098 -0.17338328 0.16412755 -0.039363739 -0.037226211 0.23316565 -0.16914082 0.071819806 -0.20918759 -0.056916881 -0.074651794 -0.055661967 0.28655281 0.086912925 0.028895381 -0.097355397 -0.20810739 -0.0090506117 -0.14618887 0.03698544
