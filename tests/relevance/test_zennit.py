"""zennit on the original PyTorch networks against ours on their ONNX files.

zennit needs a canonizer to merge BatchNorm and a module for each addition; ours reads the graph.
"""

import numpy as np
import pytest
import torch
from torch import nn

from onnxplain.convert.torchvision_guard import import_onnx2torch

import_onnx2torch()  # zennit imports torchvision, which may not match the installed torch

from zennit.attribution import Gradient  # noqa: E402
from zennit.canonizers import SequentialMergeBatchNorm  # noqa: E402
from zennit.composites import EpsilonPlus  # noqa: E402
from zennit.layer import Sum  # noqa: E402

TOLERANCE = 1e-4
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


def reference(net, x, *, canonize=True):
    """Relevance in units of the logit, by zennit's EpsilonPlus."""
    canonizers = [SequentialMergeBatchNorm()] if canonize else []
    image = torch.from_numpy(x).double()
    with torch.no_grad():
        logit = net(image)[0, TARGET]
    seed = torch.zeros(1, net(image).shape[1], dtype=torch.float64)
    seed[0, TARGET] = logit
    with Gradient(net, EpsilonPlus(canonizers=canonizers)) as attributor:
        _, relevance = attributor(image, seed)
    return relevance[0].numpy()


def with_zennit_sums(net):
    for module in net.modules():
        if isinstance(getattr(module, "add", None), nn.Module):
            module.add = StackedSum()
    return net


def difference(ours, theirs):
    assert np.abs(theirs).max() > 0
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_epsilon_plus(pair, name):
    import nets

    pair = pair(name)
    net = with_zennit_sums(nets.build(name))
    theirs = reference(net, pair.x)
    found = pair.double.explain(pair.x, "lrp", TARGET)
    assert difference(found.attribution, theirs) < TOLERANCE
    single = pair.single.explain(pair.x, "lrp", TARGET)
    assert difference(single.attribution, theirs) < TOLERANCE
    # Controls: another composite, and zennit without merging, are visibly different.
    other = pair.double.explain(pair.x, "lrp", TARGET, composite="epsilon")
    assert difference(other.attribution, theirs) > 1e-2
    assert difference(reference(net, pair.x, canonize=False), theirs) > 1e-2


def test_epsilon_plus_on_the_real_network(pair):
    """EfficientNet-Lite0 and the cat: float32 on the shipped file against float64 by zennit."""
    from conftest import lite0_exactly

    pair = pair("lite0")
    theirs = reference(MeanHead(lite0_exactly()), pair.x)
    found = pair.single.explain(pair.x, "lrp", TARGET)
    assert difference(found.attribution, theirs) < TOLERANCE
    other = pair.single.explain(pair.x, "lrp", TARGET, composite="epsilon")
    assert difference(other.attribution, theirs) > 1e-2
