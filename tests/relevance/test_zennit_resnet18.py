"""zennit with its own canonizer on torchvision's ResNet-18 against ours on the ONNX file."""

import copy
import functools

import pytest
import torch
from originals import difference
from torch import nn
from torchvision_nets import made
from zennit.attribution import Gradient
from zennit.composites import (
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
)
from zennit.torchvision import ResNetCanonizer

pytestmark = pytest.mark.kernels
TARGET, TOLERANCE = 7, 1e-7
COMPOSITES = {
    "epsilon-plus": (EpsilonPlus, {}),
    "epsilon-alpha2-beta1": (EpsilonAlpha2Beta1, {}),
    "epsilon-gamma-box": (EpsilonGammaBox, {"low": -1.0, "high": 1.0}),
    "epsilon-plus-flat": (EpsilonPlusFlat, {}),
    "epsilon-alpha2-beta1-flat": (EpsilonAlpha2Beta1Flat, {}),
}


@functools.cache
def reference(composite, *, canonize=True):
    """Relevance in units of the logit, by zennit."""
    net, _, x = made("resnet18")
    net, image = copy.deepcopy(net), torch.from_numpy(x).double()
    kind, options = COMPOSITES[composite]
    canonizers = [ResNetCanonizer()] if canonize else []
    with torch.no_grad():
        scores = net(image)
    seed = torch.zeros_like(scores)
    seed[0, TARGET] = scores[0, TARGET]
    with Gradient(net, kind(canonizers=canonizers, **options)) as attributor:
        for module in net.modules() if canonize else ():
            if isinstance(module, nn.BatchNorm2d):
                # The merged layer stays as an identity of variance 1, but for its epsilon:
                # twenty of them change the network's own score by 1e-4.
                module.eps = 0.0
        _, relevance = attributor(image, seed)
    return relevance[0].numpy()


@pytest.mark.parametrize("composite", list(COMPOSITES))
def test_composite(composite):
    _, model, x = made("resnet18")
    found = model.explain(x, "lrp", TARGET, kind="logit", composite=composite).attribution
    assert difference(found, reference(composite)) < TOLERANCE
    others = [c for c in COMPOSITES if c != composite]
    assert min(difference(found, reference(c)) for c in others) > 1e-2


def test_without_the_canonizer_it_differs():
    _, model, x = made("resnet18")
    found = model.explain(x, "lrp", TARGET, kind="logit", composite="epsilon-plus").attribution
    assert difference(found, reference("epsilon-plus", canonize=False)) > 1e-2
