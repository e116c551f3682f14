#!/usr/bin/env python3
"""Ten training steps of a small convolutional GAN of 2014 in PyTorch: `tests/library/dcgan.rs` compares its own with them.

Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`, dropout's masks as well. Reckoned in
float64 from these float32 draws. Pictures are 8x11 in colour, so that no axis passes for another.

G: linear 10->12 relu, linear 12->24 sigmoid as maps 4x2x3, transposed convolution of kernel 5 and stride 3 to 3x8x11 with a
  bias an element.
D: three times a convolution with two pieces a channel, the greater piece, the greatest of overlapping squares that may reach
  over the edge: 3 channels k4p2 (9x12), squares of 4 two apart (4x5); 4 channels k3p1, squares of 4 two apart (1x2); 5
  channels k3p2 (3x4), squares of 2 two apart (2x2). Then linear 20->6 of five pieces, linear 6->1. Dropout on each layer's
  input, an element at a time in the order [height, width, channels]: kept with .8 by the first, with .5 by the others.
Weights are uniform on (-.25, .25), convolutions' drawn [height, width, in, out] (the transposed one's [height, width, out,
in]), the others' [in, out]; a piece's channels lie together; biases start at 0. Of equal
pieces, as a corner makes whose inputs are all dropped before biases have moved, the second is taken, where torch.maximum shares
the gradient. Layers are numbered with the pools.

One step: 8 real examples and 8 generated ones through D at once; D's loss is half the sum of its cross-entropies, G's the
non-saturating one of the same pass. Both move by SGD with momentum from these gradients, lr .5.

Lines: `#= case step d_loss g_loss penalty`; `#= case/LETTER.NAME numbers`, the first numbers, 24 at most, of each parameter
after the last step, as files have them.

    python3 conv_2014.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float64)
"""
import torch
import torch.nn.functional as F

from ten_steps import EXAMPLES, Momentum, examples, grad, minibatch, normal, uniform

BATCH, LATENT, HEIGHT, WIDTH, CHANNELS, RANGE = 8, 10, 8, 11, 3, .25


class Network:
    def __init__(self, letter):
        self.letter, self.names, self.parameters = letter, [], []

    def declare(self, layer, shape, order, bias):
        drawn = (2 * uniform(f"init/{self.letter}/layers.{layer}.weight", shape) - 1) * RANGE
        for name, tensor in (("weight", drawn.permute(order)), ("bias", torch.zeros(bias))):
            self.names.append(f"layers.{layer}.{name}")
            self.parameters.append(tensor.double().contiguous().requires_grad_())

    def linear(self, layer, into, out):
        self.declare(layer, (into, out), (1, 0), (out,))

    def of(self, layer):
        at = self.names.index(f"layers.{layer}.weight")
        return self.parameters[at:at + 2]


def generator():
    g = Network("G")
    g.linear(0, LATENT, 12)
    g.linear(1, 12, 24)
    g.declare(2, (5, 5, CHANNELS, 4), (3, 2, 0, 1), (CHANNELS * HEIGHT * WIDTH,))
    return g


def discriminator():
    d = Network("D")
    for layer, kernel, into, out in ((0, 4, CHANNELS, 3), (2, 3, 3, 4), (4, 3, 4, 5)):
        d.declare(layer, (kernel, kernel, into, 2 * out), (3, 2, 0, 1), (2 * out,))
    d.linear(6, 20, 5 * 6)
    d.linear(7, 6, 1)
    return d


def generate(g, z):
    h = F.relu(F.linear(z, *g.of(0)))
    maps = torch.sigmoid(F.linear(h, *g.of(1))).view(-1, 4, 2, 3)
    weight, bias = g.of(2)
    return F.conv_transpose2d(maps, weight, stride=3) + bias.view(CHANNELS, HEIGHT, WIDTH)


def dropped(x, layer, keep, step):
    shape = x.permute(0, 2, 3, 1).shape if x.dim() == 4 else x.shape
    kept = uniform(f"D/layers.{layer}/dropout/d", tuple(shape), step) > 1 - keep
    kept = kept.permute(0, 3, 1, 2) if x.dim() == 4 else kept
    return x * torch.where(kept, 1 / keep, 0.0).double()


def score(d, h, step):
    for layer, pad, keep, square in ((0, 2, .8, 4), (2, 1, .5, 4), (4, 2, .5, 2)):
        h = F.conv2d(dropped(h, layer, keep, step), *d.of(layer), padding=pad)
        first, second = h.chunk(2, 1)
        h = torch.where(first > second, first, second)
        h = F.max_pool2d(h, square, 2, ceil_mode=True)
    h = F.linear(dropped(h, 6, .5, step).flatten(1), *d.of(6)).view(-1, 5, 6).amax(1)
    return F.linear(dropped(h, 7, .5, step), *d.of(7)).flatten()


def steps(g, d):
    data = examples(HEIGHT * WIDTH * CHANNELS).double().view(EXAMPLES, HEIGHT, WIDTH, CHANNELS).permute(0, 3, 1, 2)
    rules = [Momentum(n.parameters, .5, 1.000004) for n in (g, d)]
    for step in range(10):
        real, fake = minibatch(data, BATCH, step), generate(g, normal("z", (BATCH, LATENT), step).double())
        on_real, on_fake = score(d, torch.cat([real, fake]), step).split(BATCH)
        loss_d = .5 * (F.softplus(-on_real).mean() + F.softplus(on_fake).mean())
        loss_g = F.softplus(-on_fake).mean()
        gradients = [grad(loss, n) for loss, n in ((loss_g, g), (loss_d, d))]
        momentum = .5 + .2 * min(1, step * BATCH // EXAMPLES / 249)
        for rule, of_network in zip(rules, gradients):
            rule.update(of_network, momentum)
        yield loss_d.item(), loss_g.item(), 0.0


if __name__ == "__main__":
    torch.set_num_threads(1)
    networks = generator(), discriminator()
    for number, values in enumerate(steps(*networks), 1):
        print(f"#= conv-2014 {number} " + " ".join(f"{v:.8f}" for v in values))
    for network in networks:
        for name, tensor in zip(network.names, network.parameters):
            numbers = " ".join(f"{v:.8g}" for v in tensor.flatten()[:24].tolist())
            print(f"#= conv-2014/{network.letter}.{name} {numbers}")

#= conv-2014 1 0.72552076 0.63412306 0.00000000
#= conv-2014 2 0.69735461 0.51776894 0.00000000
#= conv-2014 3 0.65699274 0.50740175 0.00000000
#= conv-2014 4 0.68254329 0.59018908 0.00000000
#= conv-2014 5 0.58213613 0.66944303 0.00000000
#= conv-2014 6 0.51141360 0.68987916 0.00000000
#= conv-2014 7 0.75804489 0.40798989 0.00000000
#= conv-2014 8 0.82993696 0.97917444 0.00000000
#= conv-2014 9 0.65332318 1.00573990 0.00000000
#= conv-2014 10 0.87676429 0.48041488 0.00000000
#= conv-2014/G.layers.0.weight -0.11316551 -0.020370607 -0.19678792 0.17124681 0.1981091 -0.23950596 0.21797499 -0.24385244 -0.24116557 0.21220601 0.23893394 0.16945372 0.095644487 0.19802905 -0.075560711 -0.01548765 0.0012943527 -0.20498255 0.12865722 0.10843513 -0.032535977 -0.031799562 0.021845767 0.11177558
#= conv-2014/G.layers.0.bias -0.015709597 0.0010663583 -0.0020807556 0.0069168891 0.014365823 0.011302281 -0.018697956 0.019564705 -0.012048635 -0.01719715 -0.0053620626 0.012860749
#= conv-2014/G.layers.1.weight -0.21556104 0.027579989 0.088603999 0.062776158 -0.19325728 0.066957186 -0.2103993 0.18243768 -0.10770675 0.072083268 0.0089454203 0.23591522 0.085662004 0.21942483 -0.034274772 0.14324433 0.040119668 0.23305877 0.089428425 -0.10133709 0.24706789 0.2101005 -0.18629654 0.23543937
#= conv-2014/G.layers.1.bias 0.023317979 0.047038892 0.044303734 0.030852693 0.056283904 0.020873678 0.0146263 0.04807451 0.057455112 0.0067410704 0.041614063 0.04390381 0.022102823 0.047829854 0.030687049 0.033403764 0.053753188 0.027217734 0.016042025 0.061287889 0.045573304 0.026315786 0.05113044 0.032730189
#= conv-2014/G.layers.2.weight -0.22881885 0.058743185 -0.088584415 -0.013553389 -0.27926717 -0.13450936 0.073774861 -0.1790756 -0.10959651 0.098629326 -0.20896196 0.55758539 0.28083857 0.0083267366 0.24217027 0.1598045 0.15873095 -0.05524504 -0.24635916 0.068315629 0.03534289 0.16367314 0.25339189 0.055798765
#= conv-2014/G.layers.2.bias 0.00011072301 -0.00072508529 0.0020581038 0.022790569 -0.023589491 0.0092798273 -0.0081835773 -0.030826397 -0.011573013 -0.0019693718 -0.0016596913 -0.003107783 0.0043941121 -0.0007538667 0.017277419 0.0099865073 -0.007463515 0.0028162792 0.0069377947 -0.027761688 0.032476321 0.00040031753 -0.0012731725 0.032438801
#= conv-2014/D.layers.0.weight -0.08248524 0.13043225 0.067579688 0.14639422 -0.14609702 -0.067598417 0.2400518 -0.14656767 0.067419206 -0.19478472 -0.1555299 0.16805896 0.075896726 0.029948101 0.11784482 0.00076670433 -0.0038872705 -0.010373245 -0.16228299 0.092696642 -0.20306806 -0.041828957 -0.18321371 0.2591934
#= conv-2014/D.layers.0.bias -0.14206858 -0.20138361 -0.30993073 -0.81431249 -0.13292086 -0.28561219
#= conv-2014/D.layers.2.weight -0.12556397 -0.19240354 0.029325978 0.10272323 0.034077819 0.10914487 -0.16137646 -0.20725845 -0.083184727 0.16176789 -0.070227069 0.082327898 -0.16520058 0.03433787 -0.21959437 -0.029870516 0.046724449 0.13032557 -0.025139617 -0.044013167 -0.098974671 0.0048528086 0.076382093 -0.0064328487
#= conv-2014/D.layers.2.bias -0.035238807 -0.22037573 -0.15103108 -0.3260203 -0.16625152 -0.061356185 -0.20777906 -0.023150191
#= conv-2014/D.layers.4.weight 0.069429718 0.16521179 0.01715604 0.035384428 -0.16300377 -0.10269025 -0.11112043 -0.13503411 -0.18826911 0.0044506132 0.0090012011 0.20322585 -0.15674255 0.023530965 -0.19517735 -0.10911149 -0.16572717 0.080183686 -0.075395422 -0.22685468 0.031510464 -0.16345761 -0.044536481 -0.045452833
#= conv-2014/D.layers.4.bias -0.2211715 -0.07911145 -0.042445331 -0.11818737 -0.16076387 -0.18324021 -0.20079882 -0.21863346 -0.029778869 -0.18027935
#= conv-2014/D.layers.6.weight -0.0075547692 -0.15077398 -0.19929099 0.17366982 -0.016685704 0.080715157 0.10878005 0.069317998 -0.067928349 -0.10046846 0.17450359 -0.20517243 0.10687174 -0.017539114 0.12198871 -0.20671736 0.0038117496 -0.099737041 -0.28588064 -0.020868391 -0.21331296 -0.21513087 0.18590578 0.23810982
#= conv-2014/D.layers.6.bias -0.042512171 -0.064196292 -0.083150072 -0.13550344 -0.023970969 -0.04096173 -0.019488585 0 -0.044995418 -0.034904215 -0.060909591 0.030496696 -0.056895023 -0.026189259 -0.066564615 -0.011975958 0.0083187876 -0.072813811 -0.018683662 -0.011235152 0.0045320079 -0.011068187 -0.11380937 -0.17055173
#= conv-2014/D.layers.7.weight 0.1427034 -0.011402158 0.07687347 0.38734535 -0.19564617 0.36531052
#= conv-2014/D.layers.7.bias -0.73862662
