"""LRP of a box's numbers: zennit on the PyTorch source, and where the relevance stays."""

import copy
import functools
import types
from unittest import mock

import numpy as np
import pytest
import torch
from boxes_of_source import BEFORE, BOXES, SCALE, aim, explain, number_of, picture
from originals import difference
from scenes_source import source
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import EpsilonAlpha2Beta1, EpsilonGammaBox, EpsilonPlus
from zennit.layer import Sum

from models.build.detector_network import SCALES, Stage

TOLERANCE = 1e-7
# Ours by name, and zennit's for pictures in 0..1.
COMPOSITES = {
    "epsilon-plus": EpsilonPlus,
    "epsilon-alpha2-beta1": EpsilonAlpha2Beta1,
    "epsilon-gamma-box": functools.partial(EpsilonGammaBox, low=0.0, high=1.0),
}
OTHERS = dict(zip(COMPOSITES, [*list(COMPOSITES)[1:], "epsilon-plus"], strict=True))


class Enlarged(Sum):
    """Nearest neighbours; each is a sum of one number, and zennit has a rule for sums."""

    def forward(self, x):
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


@functools.cache
def with_sums():
    """The source with a module for its additions and enlarged maps, which zennit has to see."""
    detector = copy.deepcopy(source().detector)

    def forward(self, x):
        first, second = self.enter(x).split(self.half, dim=1)
        added = self.sum(torch.stack([second, self.inner(second)], dim=-1))
        return self.leave(torch.cat([first, second, added], dim=1))

    for stage in detector.modules():
        if isinstance(stage, Stage):
            stage.sum = Sum()
            stage.forward = types.MethodType(forward, stage)
    # One for each place, since zennit keeps what went through; they are told by their channels.
    detector.enlarged = nn.ModuleDict({str(count): Enlarged() for count in SCALES[1:]})
    return detector


class Logit(nn.Module):
    """The logit of a box alone."""

    def __init__(self, number):
        super().__init__()
        self.detector, self.of = with_sums(), aim(number)

    def forward(self, x):
        return self.detector(x)[1][:, self.of.label, self.of.row][:, None]


class Bins(nn.Module):
    """The numbers of one scale's boxes, in front of their Softmax."""

    def __init__(self, scale):
        super().__init__()
        self.detector, self.scale = with_sums(), scale

    def forward(self, x):
        kept = []
        last = self.detector.sides[self.scale]
        hook = last.register_forward_hook(lambda *found: kept.append(found[2]))
        self.detector(x)
        hook.remove()
        return kept[0]


def relevance(net, composite, seed=None):
    """Relevance of the picture by zennit, started with the value itself or a seed."""
    x = picture()
    # Without its keyword, which zennit's hooks do not pass on.
    enlarged = mock.patch.object(
        nn.functional,
        "interpolate",
        lambda x, scale_factor: net.detector.enlarged[str(x.shape[1])](x),
    )
    with enlarged:
        with torch.no_grad():
            start = net(x) if seed is None else torch.from_numpy(seed)[None]
        with Gradient(net, COMPOSITES[composite]()) as attributor:
            _, found = attributor(x, start)
    return found[0].numpy()


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("number", BOXES)
def test_class_of_a_box(number, composite):
    expected = relevance(Logit(number), composite)
    found = explain("lrp", number, composite=composite)
    assert difference(found.attribution, expected) < TOLERANCE
    other = relevance(Logit(number), OTHERS[composite])
    assert difference(other, expected) > 1e-2


@pytest.mark.parametrize("part", ["left", "height"])
def test_sides_of_a_box(part):
    """From the numbers that the box's own cell gives, through the network."""
    last = f"/detector/sides.{SCALE}/sides.{SCALE}.1/Conv_output_0"
    options = {"composite": "epsilon-plus", "at": last}
    found = explain("lrp", "3", part, **options)
    seed = found.maps["at"].astype(np.float64)
    expected = relevance(Bins(SCALE), "epsilon-plus", seed.reshape(32, 6, 6))
    assert np.abs(seed).max() > 0
    assert difference(found.attribution, expected) < TOLERANCE
    # Nothing starts at the cells of other boxes.
    cell = aim("3", part).row - BEFORE
    assert not np.delete(seed.reshape(32, 36), cell, axis=1).any()


@pytest.mark.parametrize("number", BOXES)
def test_relevance_of_the_class_without_biases_is_conserved(number):
    options = {"composite": "epsilon-plus", "zero_bias": True}
    found = explain("lrp", number, **options)
    logit = number_of(picture(), number).item()
    assert found.measures["relevance_out"] == pytest.approx(logit, rel=1e-9)
    assert found.attribution.sum(dtype=np.float64) == pytest.approx(logit, rel=1e-5)
    with_biases = explain("lrp", number, composite="epsilon-plus")
    assert abs(with_biases.measures["conservation"] - 1) > 0.1
