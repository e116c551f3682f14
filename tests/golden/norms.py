#!/usr/bin/env python3
"""Ten training steps of small GANs with batch norm, layer norm and spectral norm in PyTorch: `tests/library/norms.rs`
compares its own with them.

Everything random is drawn as gansaku draws it, with the functions of `ten_steps.py`: weights, examples, minibatches and
noise. Reckoned in float64 from these float32 draws.

Networks. G is [10 -> 24 relu -> 36 sigmoid], D is [36 -> 16 leaky relu (.2) -> 1]; weights are normal with gain / sqrt(fan
in), the gain 1.4 in hidden layers and 1 in the last. A hidden layer is linear, norm, activation. gamma starts at 1, beta at
0, biases at 0; a layer with batch norm has no bias, one with layer or spectral norm has. Both networks have Adam with lr
1e-2, betas (.5, .999), eps 1e-8, fresh noise for G, the non-saturating loss (softplus), 20 examples a minibatch.

One step, in this order:
  1. G makes 40 samples of normal noise z [40, 10], drawn at once. Rows 20.. are D's fakes, rows ..20 are G's.
  2. D's update from mean softplus(-D(real)) + mean softplus(D(D's fakes)).
  3. G's update from mean softplus(-D(G's fakes)) through the updated D.

batch-norm: BatchNorm1d (eps 1e-5, momentum .1) in both hidden layers. A minibatch is one draw: the batch norm of G sees
D's fakes, then G's fakes, each in a call of its own; that of D sees real, D's fakes, then (updated) G's fakes, each in
a call of its own. Normalised by the biased variance; the running variance takes the unbiased one, n / (n - 1). So
num_batches_tracked counts two a step in G and three in D.
layer-norm: LayerNorm (eps 1e-5, gamma and beta a unit) in D's hidden layer; G has none.
spectral-norm: torch.nn.utils.parametrizations.spectral_norm (eps 1e-12) on both layers of D; G has none. PyTorch would draw
u [out] and v [in] from its own generator; here they are the normal draws named init/D/layers.N.weight/u and .../v, made
unit vectors, with which the 15 iterations of PyTorch's constructor are run on the first weights. An iteration is u = W v,
then v = W' u, each made a unit vector, W being [out, in]; sigma = u . W v, with u and v constants to the gradient. From
then on every call of D in training runs one iteration before it: real and D's fakes are joined in one call; G's step is
another, on the updated weights. So two a step.

Lines: `#= case step d_loss g_loss`, ten a case; `#= case/NAME numbers`, states and parameters after the last step, by
PyTorch's names with a letter for the network (weights [out, in], row by row); `#= case/score numbers`, D in eval mode on
the first four examples: running statistics, no iteration.

The same script in float32 differs by 3e-6 in losses, by 6e-5 in states and by 2e-5 in scores, most of it where Adam moves by
its whole rate for a gradient that is nearly 0. What a mistake costs: one iteration too many 4e-4 in losses and 9e-3 in v, the two
draws of G in the other order nothing in losses and 7e-2 in G's running variance.

    python3 norms.py        prints the lines that stand at this file's end (torch 2.15.0, CPU, float64)
"""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ten_steps import examples, minibatch, normal

BATCH, LATENT, HIDDEN_G, HIDDEN_D, NUMBERS = 20, 10, 24, 16, 36


def linear(letter, number, width, units, gain, bias):
    layer = nn.Linear(width, units, bias=bias)
    drawn = normal(f"init/{letter}/layers.{number}.weight", (width, units)) * (gain / math.sqrt(width))
    with torch.no_grad():
        layer.weight.copy_(drawn.T)
        if bias:
            layer.bias.zero_()
    return layer


class Network(nn.Module):
    def __init__(self, letter, widths, activations, norm=None, spectral=False):
        super().__init__()
        width, hidden, out = widths
        self.letter, self.activations = letter, activations
        self.layers = nn.ModuleList([
            linear(letter, 0, width, hidden, 1.4, norm != "batch"),
            linear(letter, 1, hidden, out, 1.0, True),
        ])
        self.norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[norm](hidden) if norm else nn.Identity()
        self.double()
        for number, layer in enumerate(self.layers if spectral else []):
            name, weight = f"init/{letter}/layers.{number}.weight", layer.weight.detach()
            spectral_norm(layer)
            state = layer.parametrizations.weight[0]
            for vector, letter_of in ((state._u, "u"), (state._v, "v")):
                vector.copy_(F.normalize(normal(f"{name}/{letter_of}", tuple(vector.shape)).double(), dim=0))
            state._power_method(weight, 15)

    def forward(self, x):
        for layer, norm, activation in zip(self.layers, (self.norm, nn.Identity()), self.activations):
            x = activation(norm(layer(x)))
        return x


def generator(**norms):
    return Network("G", (LATENT, HIDDEN_G, NUMBERS), (F.relu, torch.sigmoid), **norms)


def discriminator(**norms):
    return Network("D", (NUMBERS, HIDDEN_D, 1), (lambda x: F.leaky_relu(x, .2), lambda x: x), **norms)


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def steps(g, d, apart):
    """apart: D sees real and fake in calls of their own, and G makes each draw in one."""
    data = examples(NUMBERS).double()
    adam_g, adam_d = [torch.optim.Adam(n.parameters(), lr=1e-2, betas=(.5, .999), eps=1e-8) for n in (g, d)]
    for step in range(10):
        real = minibatch(data, BATCH, step)
        z = normal("z", (2 * BATCH, LATENT), step).double()
        if apart:
            for_d, for_g = g(z[BATCH:]), g(z[:BATCH])
            on_real, on_fake = d(real), d(for_d.detach())
        else:
            for_g, for_d = g(z).split(BATCH)
            on_real, on_fake = d(torch.cat([real, for_d.detach()])).split(BATCH)
        loss_d = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        update(adam_d, loss_d)
        loss_g = F.softplus(-d(for_g)).mean()
        update(adam_g, loss_g)
        yield loss_d.item(), loss_g.item()
    d.eval()
    with torch.no_grad():
        yield d(data[:4]).flatten().tolist()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, g, d in (
        ("batch-norm", generator(norm="batch"), discriminator(norm="batch")),
        ("layer-norm", generator(), discriminator(norm="layer")),
        ("spectral-norm", generator(), discriminator(spectral=True)),
    ):
        *losses, score = steps(g, d, case == "batch-norm")
        for number, values in enumerate(losses, 1):
            print(f"#= {case} {number} " + " ".join(f"{v:.8f}" for v in values))
        for network in (g, d):
            for name, tensor in network.state_dict().items():
                # Large weights are left out: a wrong gradient shows in the losses of the next step.
                if tensor.numel() < 100:
                    numbers = " ".join(f"{v:.8g}" for v in tensor.flatten().tolist())
                    print(f"#= {case}/{network.letter}.{name} {numbers}")
        print(f"#= {case}/score " + " ".join(f"{v:.8f}" for v in score))

#= batch-norm 1 1.48902089 0.72749252
#= batch-norm 2 1.42568940 0.72694222
#= batch-norm 3 1.41076061 0.70216770
#= batch-norm 4 1.39153794 0.71937533
#= batch-norm 5 1.41425901 0.72756590
#= batch-norm 6 1.39523525 0.70166739
#= batch-norm 7 1.38068540 0.72270236
#= batch-norm 8 1.39567340 0.72604048
#= batch-norm 9 1.38220385 0.71309030
#= batch-norm 10 1.37927203 0.73873330
#= batch-norm/G.layers.1.bias -0.030483228 0.01988947 -0.075859926 -0.013098441 0.009886121 0.036590986 -0.013255806 -0.04894898 -0.055194159 0.037344137 0.0074713932 -0.0320089 -0.057467175 -0.062388059 -0.013555038 0.029460798 0.027201635 -0.038095808 0.044240044 -0.013153141 0.081182927 0.066620751 -0.034089241 -0.01679085 -0.047713802 0.039120844 0.00076389718 -0.0024779936 0.024511373 -0.035973506 0.021222573 -0.044391761 -0.10146058 -0.0032246386 -0.031181603 -0.034423721
#= batch-norm/G.norm.weight 1.0276661 1.0222326 1.0151971 0.94661792 0.94515506 1.0662479 1.0669194 1.0344968 0.9831094 0.98733661 0.97997827 1.0238689 1.0066751 0.96974886 0.99824228 0.9587593 1.0211362 1.0089407 0.98447717 1.0423999 0.99413129 0.94981233 1.0261391 0.99746065
#= batch-norm/G.norm.bias -0.0095040877 -0.012778048 0.0091427522 -0.044679533 -0.04017386 0.076304525 0.034664024 -0.011929184 -0.01130802 0.019692405 -0.01435456 0.048876814 0.0013335264 -0.033353968 -0.018708638 -0.0032237003 0.045513368 0.012762734 -0.024026554 0.0058882296 0.0070557738 -0.029613565 0.027494937 -0.050040298
#= batch-norm/G.norm.running_mean 0.076012279 -0.010593305 -0.010737367 0.058399487 -0.034489405 -0.055791134 0.068953269 0.077181024 0.069775265 0.060101378 -0.019689252 0.029461204 0.1385857 -0.081763144 0.13684034 0.10945036 -0.1272579 0.012134763 0.10981167 0.16468496 0.097718359 -0.091946984 -0.057533011 0.0095582344
#= batch-norm/G.norm.running_var 1.2439829 3.0073027 0.87107142 2.7650052 1.2263031 1.6067544 1.5148238 1.5804566 1.3470231 2.4314327 1.8748194 1.3059789 4.7006643 2.038301 2.3760177 2.0823286 1.8554977 1.981838 2.4492719 1.7467914 2.0803938 2.3520677 1.706742 0.74732644
#= batch-norm/G.norm.num_batches_tracked 20
#= batch-norm/D.layers.1.weight -0.054704157 -0.01644796 -0.12029249 0.15592603 0.28741584 -0.1791534 0.23999175 0.4198434 -0.02708642 -0.13272891 0.15474642 -0.26550863 -0.39009859 -0.073019519 0.15927995 -0.2844935
#= batch-norm/D.layers.1.bias 0.013792729
#= batch-norm/D.norm.weight 1.0096981 0.97525703 0.96006645 0.94213624 0.95303634 0.97959219 1.0544225 0.94738222 0.98189119 1.0664006 0.94747556 0.96324119 0.95242619 1.0445531 0.94297744 0.95217992
#= batch-norm/D.norm.bias 0.017090918 -0.0050220661 0.045403587 -0.048179913 0.00012588631 0.055793435 0.045811701 0.007023778 -0.000994228 0.026465198 -0.053242588 0.0067952896 0.03676178 -0.030542175 0.033257798 -0.045242987
#= batch-norm/D.norm.running_mean -0.35198554 0.57209739 0.61314846 -0.47423787 -0.60737198 1.1169259 -0.66727296 1.3938135 -0.18621653 0.87207964 -0.44954104 -0.35550998 0.18796619 0.29860884 1.0307626 -0.86148844
#= batch-norm/D.norm.running_var 0.11124164 0.11891412 0.096532887 0.11281433 0.13600223 0.13001276 0.12633375 0.1452776 0.10589598 0.1272054 0.13751359 0.10089125 0.10753222 0.14723991 0.16576164 0.14709509
#= batch-norm/D.norm.num_batches_tracked 30
#= batch-norm/score -0.51532941 0.27312369 -0.44650685 -0.12744388
#= layer-norm 1 1.66625863 0.60908269
#= layer-norm 2 1.53152976 0.69395191
#= layer-norm 3 1.62703893 0.69920421
#= layer-norm 4 1.56201509 0.70427801
#= layer-norm 5 1.54124427 0.67671124
#= layer-norm 6 1.51466570 0.67705461
#= layer-norm 7 1.52033635 0.65812093
#= layer-norm 8 1.46103582 0.66221930
#= layer-norm 9 1.47397134 0.66047958
#= layer-norm 10 1.41781404 0.66737705
#= layer-norm/G.layers.0.bias -0.042518382 0.061171298 -0.062470736 -0.052239743 0.078955074 0.021189277 0.066138778 0.083291306 0.091596245 -0.077770297 0.08070111 0.048840669 0.068879044 0.09543579 0.058504629 -0.031260911 -0.082230192 -0.082699185 -0.027336345 0.09177394 -0.09107947 0.075548038 -0.049456557 0.019671438
#= layer-norm/G.layers.1.bias -0.056189215 -0.042591374 -0.042721437 -0.087269836 0.092236868 -0.084331563 0.068539266 0.074084264 -0.06896133 -0.058348149 0.028438451 0.051079076 -0.10012319 0.079239207 -0.021624666 -0.07910338 0.074714926 0.057580718 0.027679778 -0.013941066 0.020994072 0.11460329 0.087008942 0.067816941 -0.069382253 -0.10697033 -0.089800574 -0.063918999 -0.013702237 -0.00017579127 -0.090010008 -0.024905031 -0.081550397 0.057766493 0.060976931 -0.0053152448
#= layer-norm/D.layers.0.bias -0.079003451 0.07646312 0.033199493 0.020464013 -0.056224421 0.03266352 -0.061823635 -0.01385043 -0.081704311 0.041368597 0.021243223 -0.089035132 0.024790087 0.05915541 -0.017169675 -0.091713734
#= layer-norm/D.layers.1.weight 0.025479373 -0.065069787 -0.087129577 0.30604875 0.31378053 -0.18632904 0.23032457 0.40359953 0.0385168 -0.032246008 0.28478783 -0.30108339 -0.34645964 -0.13791026 0.16076957 -0.39685363
#= layer-norm/D.layers.1.bias -0.018424114
#= layer-norm/D.norm.weight 0.96709524 1.0325237 0.9326254 1.0904103 0.97789443 0.98832508 1.0444839 0.93167064 0.99032645 0.96156908 1.0804629 0.99753265 0.90883084 1.1157953 0.9464146 1.0661711
#= layer-norm/D.norm.bias 0.0052017736 -0.022713759 0.018638696 0.12297351 -0.017508487 0.017789332 -0.017198642 -0.018633463 -0.035739496 0.019236531 0.11163882 0.0047792639 0.023620129 0.039401605 -0.033452112 0.018514965
#= layer-norm/score 0.24848937 0.20333396 -0.13255311 0.07927406
#= spectral-norm 1 1.44845387 0.63781687
#= spectral-norm 2 1.41591382 0.64910778
#= spectral-norm 3 1.46177212 0.66011127
#= spectral-norm 4 1.43487733 0.67788767
#= spectral-norm 5 1.41788701 0.68902841
#= spectral-norm 6 1.40322628 0.70137822
#= spectral-norm 7 1.42626367 0.69808543
#= spectral-norm 8 1.39739683 0.70825162
#= spectral-norm 9 1.40919371 0.71743965
#= spectral-norm 10 1.40005361 0.74051433
#= spectral-norm/G.layers.0.bias -0.060125908 -0.018984265 -0.042416288 -0.052629097 0.083325778 -0.0089645908 0.071758312 0.068545046 0.10415297 -0.092505475 0.079234013 0.0026831357 0.055345252 0.092917025 -0.024593255 -0.0056992849 -0.081116868 -0.081552556 -0.058065822 0.09416228 -0.088102499 0.040842188 -0.008952784 -0.097007335
#= spectral-norm/G.layers.1.bias 0.026380008 0.0035827471 0.039955453 -0.079857264 0.10058538 -0.099929389 0.0748291 0.08155469 -0.022993093 -0.065309016 -0.044321077 0.01687416 -0.097269142 0.12176542 -0.079342993 -0.097926885 0.077705298 0.07452649 -0.010396242 0.056164328 0.087545135 0.099412293 0.087722598 0.054555452 -0.032096184 -0.047201895 -0.094730244 -0.030006503 -0.051327862 0.025491796 -0.10021577 -0.028135401 -0.099456903 0.074030933 0.037380243 0.060563499
#= spectral-norm/D.layers.0.bias -0.031190399 0.029035677 0.041590573 0.030080102 0.070545247 0.042130801 0.11297413 -0.040794252 -0.023891759 0.04330777 0.045036674 -0.060601607 0.016925496 0.083623947 -0.079129106 0.070806513
#= spectral-norm/D.layers.0.parametrizations.weight.0._u -0.25174067 0.056039978 0.13367445 0.19947887 0.24197777 -0.084861879 -0.28428126 -0.081018389 0.32039407 0.48805725 0.18498105 -0.0080717618 -0.023848754 -0.47578794 0.083879453 -0.33701159
#= spectral-norm/D.layers.0.parametrizations.weight.0._v -0.0097138756 0.23092072 0.19522325 0.039107088 0.25387113 -0.19611535 -0.070152454 0.15198492 0.29822959 -0.013915474 -0.016401579 0.12943918 -0.13630948 -0.095990912 -0.089943722 -0.19718739 -0.30597642 0.10967538 -0.02032159 0.24177126 -0.069435445 0.23090189 0.24921452 -0.13991005 0.14612507 0.0026723195 -0.19741642 0.21288379 -0.22375479 -0.0066305804 -0.1112724 -0.0052929691 -0.014961298 -0.25579516 -0.014839753 0.23811402
#= spectral-norm/D.layers.1.bias -0.041294394
#= spectral-norm/D.layers.1.parametrizations.weight.original 0.034534361 -0.097405114 -0.14569597 0.30535842 0.41705428 -0.2249326 0.29095132 0.37640406 0.039543909 -0.092839396 0.29770309 -0.39021813 -0.40509521 -0.14194393 0.14439589 -0.41843868
#= spectral-norm/D.layers.1.parametrizations.weight.0._u 1
#= spectral-norm/D.layers.1.parametrizations.weight.0._v 0.031430161 -0.08864963 -0.13259975 0.27791058 0.3795664 -0.20471401 0.26479849 0.34257011 0.035989413 -0.084494312 0.27094336 -0.35514247 -0.36868229 -0.12918497 0.13141653 -0.38082635
#= spectral-norm/score 0.03086887 -0.09163894 -0.16384004 -0.05833250
