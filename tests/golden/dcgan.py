#!/usr/bin/env python3
"""Ten training steps of small convolutional GANs in PyTorch: `tests/library/dcgan.rs` compares its own with them.

Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`. Reckoned in float64 from these float32
draws. Kernels are drawn [height, width, in, out] (of a transposed convolution [height, width, out, in]), examples
[height, width, channels].

Modules are named as gansaku names tensors. Weights are normal: gain / sqrt(fan in) with the gain sqrt(2) in front of a
rectifier, sqrt(2 / 1.04) in front of D's leaky ones (.2) and 1 in the last; in networks with batch norm sqrt(2) everywhere.
The fan in of a convolution is its taps times its channels, of a transposed one of stride 2 a quarter of that. Biases start
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
        taps = math.ceil(kh * kw / math.prod(module.stride)) if transposed else kh * kw
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

#= dcgan 1 1.67940205 0.44120749 0.00000000
#= dcgan 2 1.89810580 0.53647000 0.00000000
#= dcgan 3 1.60965970 0.62034257 0.00000000
#= dcgan 4 1.55875348 0.59304283 0.00000000
#= dcgan 5 1.31124943 0.76620117 0.00000000
#= dcgan 6 1.59159650 0.82771856 0.00000000
#= dcgan 7 1.32270507 0.81479808 0.00000000
#= dcgan 8 1.28544781 0.90394561 0.00000000
#= dcgan 9 1.53676309 0.81402201 0.00000000
#= dcgan 10 1.36378021 0.77139269 0.00000000
#= dcgan/G.layers.0.weight 0.18953628 0.033214781 0.14053384 0.13261311 -0.039682121 0.11668191 0.21429257 0.11893006 -0.1199142 0.0049423831 0.13531312 0.069993952 -0.078790313 0.045539025 0.089798636 0.20681657 0.060966495 0.037704078 0.091454546 0.038335106 -0.011247521 0.0978085 0.029577465 -0.005893764
#= dcgan/G.layers.1.weight -0.36193169 0.27639585 -0.11224488 -0.50170013 -0.088179785 0.16843381 0.39831645 -0.14803356 0.16281741 0.054118484 0.32069711 -0.15659283 -0.11610003 0.23064697 0.40160077 -0.093031766 -0.22603212 -0.42551962 0.045510028 0.14123831 0.20594634 -0.031269031 0.071007582 -0.28653436
#= dcgan/G.layers.2.weight -0.86303152 0.24153193 0.37244833 -0.25080133 0.19290408 -0.19244392 0.31784013 -0.52974493 0.73474225 0.091428668 0.5507007 -0.093574499 0.12162657 0.23889723 -0.25262296 -0.1607763 -0.3431289 -0.21531317 -0.79551063 0.3527743 -0.13750783 -0.0021944962 0.39002757 -0.16911186
#= dcgan/G.norms.0.weight 0.97572961 0.96330758 1.0058072 1.0149059 1.0063834 0.98378738 1.0539573 1.0088871
#= dcgan/G.norms.0.bias -0.0064704602 -0.014170614 -0.005038979 0.0018138393 0.0076815195 -0.018358653 0.017744717 0.011012195
#= dcgan/G.norms.0.running_mean 0.012168942 0.012250543 -0.0053816196 0.013789928 0.00092427072 -0.0050287217 -0.00083684185 -0.0081214875
#= dcgan/G.norms.0.running_var 0.26642104 0.22240724 0.24159045 0.21287365 0.22815349 0.25305859 0.25305184 0.20875712
#= dcgan/G.norms.0.num_batches_tracked 20
#= dcgan/G.norms.1.weight 1.0106918 1.0029851 1.0338347 1.0207908
#= dcgan/G.norms.1.bias 0.015476401 0.017539617 0.0038229915 -0.0064147562
#= dcgan/G.norms.1.running_mean 0.23116957 0.1295261 0.13340293 -0.24321006
#= dcgan/G.norms.1.running_var 0.70777867 0.54494388 0.68528921 0.73927707
#= dcgan/G.norms.1.num_batches_tracked 20
#= dcgan/D.layers.0.weight 0.28717629 0.022043611 0.13041691 0.15876683 -0.11784751 0.12702718 -0.0063002367 -0.53219392 0.22545427 0.028743951 -0.12927306 0.046648152 0.17776518 0.04141697 -0.0032972957 0.37862428 0.066047611 -0.19407526 -0.17654926 0.077150619 0.15498058 -0.14931825 -0.077033915 -0.083256867
#= dcgan/D.layers.1.weight -0.037132129 0.024033253 -0.00073966339 -0.29859752 0.11971553 0.1857184 0.45448771 -0.00026708065 0.030542623 -0.22632671 0.14489964 0.11287919 0.020360346 0.1647421 -0.14221908 -0.052021216 -0.017876378 -0.13373462 -0.13841964 0.073456615 0.33784226 0.12045652 -0.092380831 0.044325576
#= dcgan/D.layers.2.weight -0.028008858 0.061405296 -0.12109203 0.017146592 -0.099042726 0.13906754 0.11143645 -0.097475569 -0.050333436 -0.0023697636 0.22251767 -0.11115151 0.019606806 0.027401464 -0.089221513 -0.037964072 -0.13466757 0.036550046 0.031376259 -0.19278773 0.1078175 -0.081026381 0.098627985 0.0051282613
#= dcgan/D.norms.1.weight 1.0073583 0.96432818 1.037152 0.96035415 0.99132327 0.97755726 1.0158023 0.99570639
#= dcgan/D.norms.1.bias 0.011841302 -0.011229177 0.0075859436 -0.011073657 0.01424208 -0.015944424 0.0061787583 -0.015283661
#= dcgan/D.norms.1.running_mean 0.23089684 1.7234671 0.97713127 -0.16166956 0.62741599 -0.81439391 -1.0411305 0.063469778
#= dcgan/D.norms.1.running_var 0.17229524 0.18360613 0.26729537 0.11262979 0.27155095 0.18126936 0.13459868 0.24020575
#= dcgan/D.norms.1.num_batches_tracked 30
#= wgan-gp 1 -0.10273261 0.19768297 2.57172403
#= wgan-gp 2 0.14939757 0.22930178 2.01256390
#= wgan-gp 3 0.09133762 0.23415168 1.21789982
#= wgan-gp 4 0.01457817 0.21541085 0.63823601
#= wgan-gp 5 -0.02710045 0.20888272 0.36929755
#= wgan-gp 6 0.11518743 0.25387270 0.16762053
#= wgan-gp 7 -0.13929723 0.24957069 0.02048703
#= wgan-gp 8 0.03721425 0.30973113 0.02811313
#= wgan-gp 9 -0.01826214 0.33859703 0.00614478
#= wgan-gp 10 -0.10939123 0.37017120 0.00553958
#= wgan-gp/G.layers.0.weight 0.16732737 0.018379393 0.13216578 0.14677086 -0.028195958 0.10905587 0.2093168 0.11897063 -0.10732596 0.011056269 0.11957107 0.075420806 -0.077860903 0.034682849 0.082147146 0.20241553 0.056311797 0.041368131 0.096859775 0.019640689 -0.013742788 0.090057424 0.030439922 0.0085413527
#= wgan-gp/G.layers.0.bias -0.0024608447 0.015651733 0.02017388 -0.0018035533 -0.0011647944 0.021997105 0.016824129 0.013944822
#= wgan-gp/G.layers.1.weight -0.26965862 0.18340132 -0.095486693 -0.39476211 -0.049949305 0.14418724 0.29159772 -0.084597479 0.097725336 0.037234058 0.25319326 -0.13645648 -0.09448583 0.15893826 0.33576724 -0.050264505 -0.25028756 0.30509623 -0.11133302 -0.10724002 0.073614046 0.11701852 -0.1563804 -0.15488534
#= wgan-gp/G.layers.1.bias -0.004050008 0.014023307 -0.0097897827 0.014672519
#= wgan-gp/G.layers.2.weight -0.47337821 -0.1766743 -0.27311745 0.13073921 -0.1349589 0.061540537 0.1691988 -0.39745577 0.22648471 -0.10581828 0.17290796 0.1912708 0.078337974 -0.081832452 -0.2839311 -0.085944828 -0.016345908 -0.26489005 0.18090401 0.23791924 -0.11382565 -0.28161563 -0.10276532 -0.01217992
#= wgan-gp/G.layers.2.bias -0.02173576
#= wgan-gp/D.layers.0.weight 0.42741806 0.065088997 0.46894577 0.057210566 -0.29687202 -0.36580622 0.22282901 -0.25226263 -0.1561626 0.22306227 0.13131875 0.0044405904 -0.10792939 0.24734547 -0.23930463 0.21695243 -0.20249384 -0.17804588 0.038260649 -0.088823651 0.041845293 -0.7269567 -0.11997445 0.012064302
#= wgan-gp/D.layers.0.bias 0.030784965 -0.019285121 0.039782708 0.0323173
#= wgan-gp/D.layers.1.weight -0.03620793 0.017160773 0.0004489639 -0.21466324 0.10939222 0.15974112 0.36416764 0.022417992 0.038577465 -0.18227222 0.13359987 0.077494196 -0.0039313727 0.15263727 -0.10604231 -0.020882636 -0.05213586 0.091104529 -0.16036173 -0.13812701 0.24487868 0.10511054 -0.20583768 0.026080292
#= wgan-gp/D.layers.1.bias 0.024355171 -0.036091289 0.041789303 -0.031956258 0.038926232 0.01212877 0.021665444 0.016333173
#= wgan-gp/D.layers.2.weight -0.049163816 0.062740261 -0.081398947 0.00083756017 -0.098125075 0.1026981 0.10453805 -0.049340883 -0.039643669 -0.023381135 0.17363975 -0.045654917 0.025931506 0.003143179 -0.036324056 0.0098213278 -0.078410243 0.040002813 0.030757683 -0.16748348 0.064588225 -0.077416454 0.093805595 -0.034520175
#= wgan-gp/D.layers.2.bias 0
#= sn-hinge 1 1.97260798 0.10552402 0.00000000
#= sn-hinge 2 2.00353864 0.08577966 0.00000000
#= sn-hinge 3 2.03392655 0.05175510 0.00000000
#= sn-hinge 4 2.01327957 0.05461420 0.00000000
#= sn-hinge 5 2.01019122 0.05401181 0.00000000
#= sn-hinge 6 2.00346141 -0.01387828 0.00000000
#= sn-hinge 7 1.95675461 -0.02671757 0.00000000
#= sn-hinge 8 2.01625302 -0.03322589 0.00000000
#= sn-hinge 9 1.96205795 -0.07103887 0.00000000
#= sn-hinge 10 1.95577725 -0.13684659 0.00000000
#= sn-hinge/G.layers.0.weight 0.30164491 0.020783325 0.23789539 0.22395852 -0.064599588 0.16495634 0.089402474 0.068113669 0.14572029 0.048151171 0.0037586436 0.15115049 -0.18494416 0.14777263 -0.24080557 -0.19777794 -0.14952376 0.13602888 0.20145924 0.029070622 -0.068930212 0.33489194 -0.011781583 -0.097445158
#= sn-hinge/G.layers.1.weight -0.24510315 0.16993713 -0.093993894 -0.32409134 -0.056024481 0.10449886 0.27619133 -0.07774552 0.10630258 0.023247315 0.078493982 -0.13678705 0.050467076 0.037478872 0.37256652 -0.13268247 0.067241947 -0.19896794 -0.16747017 -0.29346017 0.013774479 0.085798099 0.16035413 -0.012458133
#= sn-hinge/G.layers.2.weight -0.55338244 0.16438599 0.24789209 -0.14474958 0.13290632 -0.11751136 0.21498987 -0.35140724 0.49596394 0.10023554 0.37195471 -0.36642866 -0.24382108 0.26934348 0.1999819 -0.194734 -0.33353558 0.13836579 -0.067721637 -0.3758965 -0.4790589 -0.45671578 0.13585065 -0.20213788
#= sn-hinge/G.norms.0.weight 0.96533944 0.99586703 1.0212591 1.0238822 1.0049101 1.0138038 1.0240625 0.9941795
#= sn-hinge/G.norms.0.bias -0.016181772 0.014955675 0.010573685 0.016903239 0.0081408762 0.014325051 -0.014279609 -0.0067156992
#= sn-hinge/G.norms.0.running_mean 0.0063631191 0.042092126 0.014358902 0.009243501 -0.0070275127 0.0061431019 -0.017479434 -0.00077058926
#= sn-hinge/G.norms.0.running_var 0.62650813 0.38757059 0.45021578 0.2964883 0.34674202 0.52560169 0.57285848 0.33048546
#= sn-hinge/G.norms.0.num_batches_tracked 20
#= sn-hinge/G.norms.1.weight 1.0008772 1.0091791 1.0075667 1.0244229
#= sn-hinge/G.norms.1.bias 0.0010975221 0.020323163 -0.0086019489 -0.0031638106
#= sn-hinge/G.norms.1.running_mean 0.12775223 -0.2862748 -0.079171501 -0.027104095
#= sn-hinge/G.norms.1.running_var 0.45175683 0.76002099 0.62866052 0.51201225
#= sn-hinge/G.norms.1.num_batches_tracked 20
#= sn-hinge/D.layers.0.parametrizations.weight.original 0.30905088 0.051552387 0.16100775 0.18969741 -0.083284934 0.15678067 0.026612178 -0.49192856 0.25510687 0.060043912 -0.10046057 0.078829455 0.21016051 0.075479706 0.023889783 0.4010609 0.08458828 -0.1855543 -0.15640725 0.086936017 0.17757045 -0.12976313 -0.050798467 -0.070252523
#= sn-hinge/D.layers.0.parametrizations.weight.0._u 0.41345056 -0.4924074 0.64343934 -0.41542676
#= sn-hinge/D.layers.0.parametrizations.weight.0._v 0.075915661 -0.04613965 0.0019099636 -0.15443777 0.0038068149 0.15013564 -0.13651456 -0.072053864 0.16704147 0.054753067 0.050049128 0.077522504 0.13661862 0.031085992 -0.012468418 0.045909016 0.11191389 0.0160588 0.021668201 -0.21220411 0.044250537 -0.024321844 0.028620905 -0.07807711
#= sn-hinge/D.layers.1.parametrizations.weight.original -0.025706499 0.03270915 -0.0053997121 -0.29539901 0.12307711 0.18557247 0.42291525 -0.010651711 0.01648684 -0.21179853 0.15017438 0.11181584 0.0042060385 0.15559422 -0.11562912 -0.040803436 -0.020602945 -0.13064274 -0.12314514 0.061276128 0.32435243 0.13524164 -0.083247542 0.047839001
#= sn-hinge/D.layers.1.parametrizations.weight.0._u 0.58479687 -0.38223087 0.26985769 -0.10937416 -0.47410161 0.20343688 0.19501317 0.35062411
#= sn-hinge/D.layers.1.parametrizations.weight.0._v -0.045378982 0.086568601 -0.021951147 -0.29564884 0.027992561 0.16005082 0.12298322 0.01702116 -0.087785349 -0.2223896 0.061319097 0.12603105 0.07895269 0.20289997 -0.1182805 -0.14393069 0.084910798 -0.17344112 -0.19635395 -0.002049872 0.082706657 -0.20487716 -0.039495566 0.15186284
#= sn-hinge/D.layers.2.parametrizations.weight.original -0.028534583 0.080601736 -0.14507918 0.043694396 -0.10841237 0.16283657 -0.15440999 0.036374632 0.03504891 -0.21921317 0.15901923 -0.067537134 0.19663642 0.0534865 0.069854905 0.052322721 -0.26917279 -0.081722274 -0.02726662 0.091625787 0.19552877 0.0086064405 0.13737643 -0.034631053
#= sn-hinge/D.layers.2.parametrizations.weight.0._u -1
#= sn-hinge/D.layers.2.parametrizations.weight.0._v 0.030329481 -0.085671791 0.15420503 -0.046442885 0.11523178 -0.17307941 0.16412277 -0.038662689 -0.037253575 0.23300223 -0.16902195 0.071785392 -0.20900535 -0.056850937 -0.074248957 -0.055613953 0.28610444 0.086862813 0.02898176 -0.097389283 -0.20782803 -0.0091478076 -0.14601775 0.036809435
