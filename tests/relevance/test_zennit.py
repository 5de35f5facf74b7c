"""zennit on the original PyTorch networks against ours on their ONNX files.

zennit needs a canonizer to merge BatchNorm and a module for each addition; ours reads the graph.
"""

import copy
import functools

import nets
import pytest
import torch
from noise import require_float32
from originals import difference, lite0_exactly, pair
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import (
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
)
from zennit.layer import Sum

TOLERANCE = 1e-7
TARGET = 3


class StackedSum(nn.Module):
    """Addition in the form that zennit has a rule for."""

    def __init__(self):
        super().__init__()
        self.sum = Sum()

    def forward(self, a, b):
        return self.sum(torch.stack([a, b], dim=-1))


class MeanHead(nn.Module):
    """EfficientNet-Lite0 with a module for everything that zennit has to see."""

    def __init__(self, net):
        super().__init__()
        relu = nn.ReLU6
        layers = [net._conv_stem, net._bn0, relu()]
        for block in net._blocks:
            layers.append(MobileBlock(block))
        layers += [net._conv_head, net._bn1, relu(), nn.AvgPool2d(7), nn.Flatten(), net._fc]
        self.layers = nn.Sequential(*layers)

    def forward(self, image):
        return self.layers(image)


class MobileBlock(nn.Module):
    def __init__(self, block):
        super().__init__()
        expand = [block._expand_conv, block._bn0, nn.ReLU6()] if block.expands else []
        middle = [block._depthwise_conv, block._bn1, nn.ReLU6(), block._project_conv, block._bn2]
        self.body = nn.Sequential(*expand, *middle)
        self.add = StackedSum() if block.residual else None

    def forward(self, x):
        y = self.body(x)
        return y if self.add is None else self.add(x, y)


# Ours by name, and zennit's for images in [-1, 1].
COMPOSITES = {
    "epsilon-plus": EpsilonPlus,
    "epsilon-alpha2-beta1": EpsilonAlpha2Beta1,
    "epsilon-gamma-box": functools.partial(EpsilonGammaBox, low=-1.0, high=1.0),
    "epsilon-plus-flat": EpsilonPlusFlat,
    "epsilon-alpha2-beta1-flat": EpsilonAlpha2Beta1Flat,
}
# A composite that differs at the first layer or behind it.
OTHERS = dict(zip(COMPOSITES, [*list(COMPOSITES)[1:], "epsilon-plus"], strict=True))


def reference(net, x, composite="epsilon-plus", *, canonize=True):
    """Relevance in units of the logit, by zennit."""
    canonizers = [SequentialMergeBatchNorm()] if canonize else []
    image = torch.from_numpy(x).double()
    with torch.no_grad():
        logit = net(image)[0, TARGET]
    seed = torch.zeros(1, net(image).shape[1], dtype=torch.float64)
    seed[0, TARGET] = logit
    with Gradient(net, COMPOSITES[composite](canonizers=canonizers)) as attributor:
        for module in net.modules() if canonize else ():
            if isinstance(module, nn.BatchNorm2d):
                # The merged layer stays as an identity of variance 1, but for its epsilon.
                module.eps = 0.0
        _, relevance = attributor(image, seed)
    return relevance[0].numpy()


class SummedBlock(nn.Module):
    """A residual block of `nets` whose addition is a module."""

    def __init__(self, block):
        super().__init__()
        first = [block.conv1, block.bn1, block.relu1, block.conv2, block.bn2]
        self.body = nn.Sequential(*first)
        self.shortcut = block.shortcut
        self.add = StackedSum()
        self.relu = block.relu2

    def forward(self, x):
        return self.relu(self.add(self.body(x), self.shortcut(x)))


def with_zennit_sums(name):
    net = copy.deepcopy(nets.network(name)).double()
    if name == "resnet":
        net.layer1, net.layer2 = SummedBlock(net.layer1), SummedBlock(net.layer2)
    return net


@pytest.mark.parametrize("composite", list(COMPOSITES))
@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_composite(name, composite):
    made = pair(name)
    theirs = reference(with_zennit_sums(name), made.x, composite)
    options = {"composite": composite, "kind": "logit"}
    found = made.double.explain(made.x, "lrp", TARGET, **options)
    assert difference(found.attribution, theirs) < TOLERANCE
    require_float32(
        lambda x: made.single.explain(x, "lrp", TARGET, **options).attribution, made.x, theirs
    )
    # Control: another composite, and another network by one percent of one weight.
    other = made.double.explain(made.x, "lrp", TARGET, kind="logit", composite=OTHERS[composite])
    assert difference(other.attribution, theirs) > 1e-2
    changed = with_zennit_sums(name)
    weight = next(p for p in changed.parameters() if p.dim() == 4)
    weight.data[0, 0] *= 1.01
    again = reference(changed, made.x, composite)
    assert difference(again, theirs) > TOLERANCE


@pytest.mark.parametrize("composite", list(COMPOSITES))
def test_without_merging_batchnorm_it_differs(composite):
    made = pair("resnet")
    found = made.double.explain(
        made.x, "lrp", TARGET, kind="logit", composite=composite
    ).attribution
    theirs = reference(with_zennit_sums("resnet"), made.x, composite, canonize=False)
    assert difference(found, theirs) > 1e-2


def test_epsilon_plus_on_the_real_network():
    """EfficientNet-Lite0 and the cat. In float32 a few of its units fall on a kink's other side."""
    made = pair("lite0")
    theirs = reference(MeanHead(lite0_exactly()), made.x)
    found = made.double.explain(made.x, "lrp", TARGET, kind="logit", composite="epsilon-plus")
    assert difference(found.attribution, theirs) < TOLERANCE
    other = made.double.explain(made.x, "lrp", TARGET, kind="logit", composite="epsilon")
    assert difference(other.attribution, theirs) > 1e-2
