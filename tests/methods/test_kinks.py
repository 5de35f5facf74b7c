"""What remains when two exporters fold BatchNorm by themselves: weights differ in the last bit.

A unit whose input is almost 0 or 6 may then fall on the other side of ReLU6's kink, and with it
every gradient that passes there. Neither file is wrong; that nothing else is behind the difference
is shown here unit by unit, on EfficientNet-Lite0 and the photo of a cat.
"""

import functools

import nets
import numpy as np
import pytest
import torch
from originals import LITE0, difference, pair

import onnxplain
from models.build.lite0 import NORM_AFTER, SameConv2d, load_exported

OCCLUSION = {"window": 56, "stride": 56}


def with_shared_scales():
    """EfficientNet-Lite0 whose BatchNorm has scales of its own, as training leaves it."""
    net = load_exported(LITE0)
    generator = torch.Generator().manual_seed(0)
    modules = dict(net.named_modules())
    for name, conv in modules.items():
        if isinstance(conv, SameConv2d):
            parent, _, attribute = name.rpartition(".")
            norm = modules[f"{parent}.{NORM_AFTER[attribute]}".lstrip(".")]
            scale = torch.empty(conv.out_channels).uniform_(0.5, 2, generator=generator)
            conv.weight.data *= scale[:, None, None, None]
            norm.weight.data /= scale
    return net


@functools.cache
def refolded():
    """The same network, its BatchNorm folded by the TorchScript exporter."""
    x = torch.from_numpy(pair("lite0").x)
    proto = nets.export(with_shared_scales(), x, opset=17, folded=True)
    recipe = onnxplain.Preprocess.load(LITE0.with_suffix(".preprocess.json"))
    return onnxplain.load(proto, preprocess=recipe, scores="logits")


def both(method, **options):
    x = pair("lite0").x
    return [m.explain(x, method, **options).attribution for m in (refolded(), pair("lite0").single)]


def inputs_of_relu6(model):
    names = [n.inputs[0] for n in model.network.graph.nodes if n.op_type == "Clip"]
    values = model.network.torch.activations(pair("lite0").x, names)
    return [values[n].astype(np.float64) for n in names]


def test_weights_differ_by_rounding_only():
    first, second = (
        next(n for n in m.network.graph.nodes if n.op_type == "Conv").inputs[1]
        for m in (refolded(), pair("lite0").single)
    )
    ours = refolded().network.graph.constant(first)
    theirs = pair("lite0").single.network.graph.constant(second)
    assert 0 < difference(ours, theirs) < 1e-6


@pytest.mark.parametrize("method", ["cam", "grad-cam", "lrp", "occlusion"])
def test_methods_without_gradients_of_kinks_agree(method):
    ours, theirs = both(method, **(OCCLUSION if method == "occlusion" else {}))
    assert difference(ours, theirs) < 1e-4


def test_gradients_differ_by_a_few_units_that_sit_on_a_kink():
    ours, theirs = (inputs_of_relu6(m) for m in (refolded(), pair("lite0").single))
    distances = []
    for a, b in zip(ours, theirs, strict=True):
        assert difference(a, b) < 1e-4
        flipped = ((a > 0) != (b > 0)) | ((a > 6) != (b > 6))
        distances += list(np.minimum(np.abs(b), np.abs(b - 6))[flipped])
    units = sum(b.size for b in theirs)
    assert len(distances) < 1e-5 * units
    assert max(distances, default=0.0) < 1e-4
    slopes = [values.ravel() for values in both("gradient-x-input")]
    assert np.corrcoef(*slopes)[0, 1] > 0.9999
    # Without a unit on the other side, not even the gradients differ.
    assert distances or difference(*slopes) < 1e-4
