"""Relevance on torchvision's networks from both exporters, and on the shipped photo networks."""

import functools
import io
import warnings

import nets
import numpy as np
import onnx
import pytest
import seeded
import torch
from integer_sums import needs_exact_sums
from originals import CAT, LITE0, pair

import onnxplain
from onnxplain.convert.torchvision_guard import import_torchvision
from onnxplain.relevance.composites import NAMES
from onnxplain.relevance.default import has_attention

SIDE = 224
INT8 = LITE0.with_name("efficientnet-lite0-int8.onnx")


@functools.cache
def network(name):
    """A torchvision network whose BatchNorm statistics fit its random weights."""
    import_torchvision()  # torchvision may not fit this torch
    import torchvision

    net = seeded.made(lambda: torchvision.models.get_model(name, weights=None))
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    head = [m for m in net.modules() if isinstance(m, torch.nn.Linear)][-1]
    torch.nn.init.normal_(head.weight, 0.0, 0.05)  # zero in torchvision's ViT
    return seeded.calibrated(net, torch.randn(4, 3, SIDE, SIDE, dtype=torch.float64))


@functools.cache
def exported(name, exporter):
    x = torch.randn(1, 3, SIDE, SIDE)
    if exporter == "torchscript":
        return nets.export(network(name), x, folded=True, dynamic=False)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network(name), (x,), buffer, dynamo=True, verbose=False)
    return onnx.load_from_string(buffer.getvalue())


def plausible(explanation):
    """Finite, not zero, not a single spot, and different from place to place."""
    flat = np.abs(explanation.attribution.astype(np.float64).sum(0)).ravel()
    assert np.isfinite(flat).all()
    assert flat.sum() > 0
    top = np.sort(flat)[::-1]
    assert top[0] < 0.5 * flat.sum()
    assert flat.std() > 0.1 * flat.mean()


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
@pytest.mark.parametrize(
    "name",
    ["mobilenet_v3_small", "densenet121", "convnext_tiny", "vit_b_32", "swin_t"],
)
def test_every_composite_runs(name, exporter):
    model = onnxplain.load(exported(name, exporter), preprocess="imagenet-torch")
    attention = has_attention(model.network.graph)
    assert attention == (name in ("vit_b_32", "swin_t"))
    for composite in NAMES:
        found = model.explain(CAT, "lrp", 3, composite=composite)
        plausible(found)
    plausible(model.explain(CAT, "deep-taylor", 3))
    if attention:
        plausible(model.explain(CAT, "attn-lrp", 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v3_small", "vit_b_32"])
def test_both_exporters_give_one_explanation(name):
    ours = [
        onnxplain.load(exported(name, e), preprocess="imagenet-torch", precision="double")
        for e in ("torchscript", "dynamo")
    ]
    one, other = (m.explain(CAT, "lrp", 3).attribution.sum(0).ravel() for m in ours)
    assert np.corrcoef(one, other)[0, 1] > 0.999


@functools.cache
def shipped(path):
    return pair("lite0").single if path == LITE0 else onnxplain.load(path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(LITE0, id="float"),
        pytest.param(INT8, id="int8", marks=needs_exact_sums),
    ],
)
@pytest.mark.parametrize("composite", [n for n in NAMES if n not in ("attn-lrp", "cp-lrp")])
def test_the_photo_network_and_its_int8_twin(path, composite):
    model = shipped(path)
    found = model.explain(CAT, "lrp", 282, composite=composite)
    plausible(found)
    assert found.measures["relevance_out"] > 5


@pytest.mark.parametrize("composite", ["epsilon-plus", "epsilon-plus-flat", "deep-taylor"])
def test_relevance_lies_on_the_cat(composite):
    """The cat fills the middle of the photo: the border has less than its share of the area."""
    found = shipped(LITE0).explain(CAT, "lrp", 282, composite=composite)
    values = found.attribution.sum(0)
    border = np.ones(values.shape, bool)
    border[28:-28, 28:-28] = False
    share = values[border].sum() / values.sum()
    assert share < 0.8 * border.mean()
