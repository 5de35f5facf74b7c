"""Normalisation whose deviation is a constant, against its linear part written in NumPy."""

import numpy as np
import pytest
from handmade import computed, model, walk
from originals import difference

from onnxplain.relevance.composites import Composite

EPSILON = 0.25


def received(proto, x, R):
    return walk(proto, x, R, Composite("test", epsilon=EPSILON)).relevance["image"].numpy()


@pytest.mark.parametrize(
    "form",
    [
        "scores = LayerNormalization<axis = 2>(image, g, b)",
        "scores = LayerNormalization(image, h)",
        "scores = RMSNormalization(image, h)",
    ],
)
def test_normalisation_by_a_fixed_scale(form):
    """The standard deviation is a constant, the rest linear (AttnLRP, proposition 3.4)."""
    rng = np.random.default_rng(0)
    scale = {"g": rng.normal(size=(6, 6)), "b": rng.normal(size=(6, 6)), "h": rng.normal(size=6)}
    used = {k: v for k, v in scale.items() if f", {k}" in form}
    opset = 23 if "RMS" in form else 17
    proto = model(form, used, output="float[N,C,H,W] scores", opset=opset)
    x = rng.normal(size=(1, 3, 6, 6))
    R = rng.normal(size=x.shape)
    axes = (2, 3) if "axis = 2" in form else (3,)
    centre = 0.0 if "RMS" in form else x.mean(axes, keepdims=True)
    std = np.sqrt(((x - centre) ** 2).mean(axes, keepdims=True) + 1e-5)
    gamma = (used["g"] if "g" in used else used["h"]).astype(np.float32).astype(float)
    beta = used["b"].astype(np.float32).astype(float) if "b" in used else 0.0
    y = (x - centre) / std * gamma + beta
    s = R / (y + EPSILON * np.where(y < 0, -1, 1)) * gamma / std
    back = s if "RMS" in form else s - s.mean(axes, keepdims=True)
    # Epsilon 1e-5 is a float32 attribute of the file.
    assert difference(received(proto, x, R), x * back) < 1e-7


def test_the_older_name_of_rms_normalisation_has_its_rule():
    rng = np.random.default_rng(0)
    x, R = rng.normal(size=(1, 3, 6, 6)), rng.normal(size=(1, 3, 6, 6))
    body, gamma = "scores = RMSNormalization(image, h)", rng.normal(size=6)
    named = model(body, h=gamma, output="float[N,C,H,W] scores", opset=23)
    older = model(body, h=gamma, output="float[N,C,H,W] scores", opset=23)
    older.graph.node[0].op_type = "SimplifiedLayerNormalization"
    np.testing.assert_allclose(received(older, x, R), received(named, x, R), rtol=1e-12)


@pytest.mark.parametrize(
    ("form", "opset", "axes"),
    [
        ("scores = InstanceNormalization(image, g, b)", 17, (2, 3)),
        ("scores = GroupNormalization<num_groups = 1>(image, g, b)", 21, (1, 2, 3)),
        ("scores = GroupNormalization<num_groups = 3>(image, g, b)", 18, (2, 3)),
        ("scores = MeanVarianceNormalization<axes = [1,2]>(image)", 17, (1, 2)),
    ],
)
def test_normalisation_over_places_by_a_fixed_scale(form, opset, axes):
    rng = np.random.default_rng(0)
    gains = {"g": rng.normal(size=3), "b": rng.normal(size=3)}
    used = gains if ", g, b" in form else {}
    proto = model(form, used, output="float[N,C,H,W] scores", opset=max(opset, 21))
    if "Group" in form:  # onnx refuses to check the version of opset 18, which files have
        proto.opset_import[0].version = opset
    x, R = rng.normal(size=(2, 1, 3, 6, 6))
    centred = x - x.mean(axes, keepdims=True)
    epsilon = 1e-5 if used else 0.0
    std = np.sqrt((centred**2).mean(axes, keepdims=True) + epsilon)
    gamma, beta = (
        used[k].astype(np.float32).astype(float).reshape(3, 1, 1) if used else v
        for k, v in (("g", 1.0), ("b", 0.0))
    )
    y = centred / std * gamma + beta
    assert difference(computed(proto)(x), y) < 1e-6
    s = R / (y + EPSILON * np.where(y < 0, -1, 1)) * gamma / std
    # Epsilon 1e-5 is a float32 attribute of the file, and MeanVarianceNormalization adds 1e-9.
    assert difference(received(proto, x, R), x * (s - s.mean(axes, keepdims=True))) < 1e-7
