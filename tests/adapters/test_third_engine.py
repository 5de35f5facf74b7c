"""An engine that is registered runs every forward-only method, as ONNX Runtime does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

import onnxplain
from onnxplain.adapters.base import FORWARD_VERBS, Capability
from onnxplain.adapters.engines import register_engine
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.methods import registered
from tests.applicable import WITHOUT_ATTENTION

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
SIDE = 8
RECIPE = Preprocess(
    name="exact", layout="NCHW", size=(SIDE, SIDE), color="RGB", resize="stretch",
    scale=1 / 128, mean=(1.0,) * 3, std=(1.0,) * 3,
)  # fmt: skip
PICTURE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
OPTIONS = {
    "occlusion": {"window": 4, "fill_with": "black"},
    "rise": {"samples": 64, "cells": 2},
    "lime": {"samples": 64, "regions": 9},
    "kernel-shap": {"samples": 64, "regions": 9},
    "sobol": {"samples": 8, "regions": 9},
    "hsic": {"samples": 64, "regions": 9},
    "region-search": {"segments": "grid", "regions": 9},
}
# Prediction difference needs pictures of a background, and asks engines for windows as
# occlusion does.
FORWARD = [
    n
    for n in WITHOUT_ATTENTION
    if registered()[n].needs in FORWARD_VERBS and n != "prediction-difference"
]


@pytest.fixture(scope="module")
def reference():
    """The engine of the page."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    found = {"__name__": "example"}
    exec(compile(code, str(PAGE), "exec"), found)
    return found["ReferenceEngine"]


def weights():
    """Small whole numbers: all that the network computes is exact in single precision."""
    rng = np.random.default_rng(1)
    return {
        "k": rng.integers(-3, 4, (4, 3, 3, 3)),
        "b": rng.integers(-2, 3, (4,)),
        "w": rng.integers(-3, 4, (4, 5)),
    }


def model(batch="N"):
    made = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[{batch},3,{SIDE},{SIDE}] image) => '
        f"(float[{batch},5] out) {{ c = Conv<pads=[1,1,1,1]>(image, k, b) r = Relu(c) "
        "p = GlobalAveragePool(r) f = Flatten(p) out = MatMul(f, w) }"
    )
    for name, value in weights().items():
        made.graph.initializer.append(numpy_helper.from_array(value.astype("f4"), name))
    return made


def opened(engine=None, *, batch="N", **options):
    return onnxplain.load(
        model(batch), preprocess=RECIPE, scores="logits", engine=engine, **options
    )


def rounding():
    """What single precision may do to a score, whatever the order of its sums."""
    k, b, w = (np.abs(v).astype(np.float64) for v in weights().values())
    # Inputs are at most one; a feature map is at most its kernel's sum of magnitudes.
    largest = ((k.sum(axis=(1, 2, 3)) + b) @ w).max()
    terms = k[0].size + 1 + SIDE * SIDE + len(w)
    return terms * np.finfo(np.float32).eps * largest


@pytest.mark.parametrize("batch", ["N", 1, 3])
@pytest.mark.parametrize("method", FORWARD)
def test_forward_methods_give_the_same_map(method, batch, reference):
    options = {"kind": "logit", **OPTIONS.get(method, {})}
    with register_engine("reference", reference):
        model = opened("reference", batch=batch)
    found = model.explain(PICTURE, method, 1, **options)
    expected = opened(batch=batch).explain(PICTURE, method, 1, **options)
    assert found.provenance["engine"] == "onnx.reference"
    assert expected.provenance["engine"] == "CPUExecutionProvider"
    assert found.score == expected.score
    scale = float(np.abs(expected.attribution).max())
    assert scale > 0
    # Windows, layers and scores are exact; masks and fits scale pictures by any number.
    exact = method in ("cam", "occlusion", "recipro-cam", "ablation-cam")
    bound = 4 * np.finfo(np.float32).eps * scale if exact else 20 * rounding()
    if "width" in expected.measures:  # kernels of scores over widths, whose slope is below 0.61
        bound = rounding() / expected.measures["width"]
    np.testing.assert_allclose(found.attribution, expected.attribution, rtol=0, atol=bound)
    other = opened(batch=batch).explain(PICTURE, method, 3, **options)
    if registered()[method].class_discriminative:
        assert np.abs(other.attribution - expected.attribution).max() > bound


def test_predictions_run_on_it(reference):
    asked = []

    class Counting(reference):
        def activations(self, x, names):
            asked.append(tuple(names))
            return super().activations(x, names)

    with register_engine("counting", Counting):
        model = opened("counting")
    said = model.predict(PICTURE)
    assert asked == [("out",)]
    np.testing.assert_array_equal(said.logits, opened().predict(PICTURE).logits)


def test_what_it_cannot_do_runs_on_the_others(reference):
    class WholeInputs(reference):
        capabilities = Capability.FORWARD | Capability.ACTIVATIONS

    with register_engine("whole", WholeInputs):
        model = opened("whole")
    engines = {
        m: model.explain(PICTURE, m, 1, kind="logit", **OPTIONS.get(m, {})).provenance["engine"]
        for m in ("cam", "rise", "occlusion", "recipro-cam", "gradient")
    }
    ours, ort = "onnx.reference", "CPUExecutionProvider"
    slopes = f"{ort}, derivatives in ONNX nodes"
    assert engines == {
        "cam": ours, "rise": ours, "occlusion": ort, "recipro-cam": ort, "gradient": slopes
    }  # fmt: skip


def test_its_gradients_are_used_and_compared(reference):
    """An engine with slopes of its own stands in the place of PyTorch."""

    class Sloped(reference):
        capabilities = FORWARD_VERBS | Capability.GRADIENTS

        def __init__(self, graph, image, settings):
            super().__init__(graph, image, settings)
            self.settings = settings

        def pull_back(self, x, seeds, names, **options):
            from onnxplain.adapters.torch import TorchAdapter

            torch = TorchAdapter(self._graph, self._image, "out", double=self.settings.double)
            return torch.pull_back(x, seeds, names, **options)

    with register_engine("sloped", Sloped):
        model = opened("sloped", precision="double")
    found = model.explain(PICTURE, "gradient", 1)
    assert found.provenance["engine"] == "onnx.reference"
    assert found.measures["parity_error"] < 1e-6
    plain = opened(precision="double").explain(PICTURE, "gradient", 1)
    np.testing.assert_array_equal(found.attribution, plain.attribution)
    # It has no relevance: an average of relevance runs in PyTorch, one of gradients does not.
    averages = {of: model.explain(PICTURE, "smoothgrad", 1, of=of, samples=2) for of in
                ("gradient", "lrp")}  # fmt: skip
    assert averages["gradient"].provenance["engine"] == "onnx.reference"
    assert averages["lrp"].provenance["engine"] == "torch cpu"


def test_an_edited_graph_keeps_the_engine(reference):
    with register_engine("reference", reference):
        model = opened("reference")
    edited = model.with_graph(model.network.graph)
    assert edited.network.own_engine.device == "onnx.reference"


def test_names(reference):
    with pytest.raises(UnknownNameError, match=r"unknown engine 'reference'.*registered: none"):
        opened("reference")
    for name in ("onnxruntime", "pytorch"):
        with pytest.raises(UsageError, match="exists already"):
            register_engine(name, reference)
    with register_engine("reference", reference):
        with pytest.raises(UsageError, match="exists already"):
            register_engine("reference", reference)
        with pytest.raises(UnknownNameError, match="nearest: 'reference'"):
            opened("referense")
    with pytest.raises(UnknownNameError):
        opened("reference")


def test_it_says_what_it_has_not(reference):
    with register_engine("reference", reference):
        network = opened("reference").network
    with pytest.raises(UsageError, match="gives no gradients"):
        network.own_engine.pull_back(np.zeros((1, 3, SIDE, SIDE)), [], [])
    with pytest.raises(UsageError, match="gives no relevance"):
        network.own_engine.relevance(np.zeros((1, 3, SIDE, SIDE)), [], None, [])
