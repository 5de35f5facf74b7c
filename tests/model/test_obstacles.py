"""What stands in the way of each method: said before it runs, and true when it runs."""

from functools import cache

import numpy as np
import onnx
import pytest
from handmade import model

import onnxplain
from onnxplain.errors import MethodRefusedError, OnnxplainError
from onnxplain.graph.view import Graph
from onnxplain.inputs.preprocess import Preprocess
from onnxplain.methods import registered
from onnxplain.model.obstacles import obstacles, without_rule
from onnxplain.relevance.kinds import RULED
from onnxplain.relevance.operators import Record, propagate
from tests.applicable import NEED_ATTENTION, NEED_BOXES, NEED_FEATURES
from tests.small_models import LINEAR, model_of, write_model

DIGIT = "examples/digits/3-10.png"
RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (6, 6, 3), np.uint8)
RECIPE = Preprocess(name="unit", layout="NCHW", size=(6, 6), scale=1 / 127.5, mean=(1.0,) * 3)
FEW = {"samples": 4, "segments": "grid", "regions": 4, "cells": 2, "window": 3}
WEIGHTS = {
    "w": RNG.normal(size=(4, 3, 3, 3)),
    "v": RNG.normal(size=(4, 4, 3, 3)),
    "head": RNG.normal(size=(4, 3)),
    "twice": np.array(2),
    "first": np.array(0),
}
PADDED = "<kernel_shape = [3,3], pads = [1,1,1,1]>"
END = "p = GlobalAveragePool(z) f = Flatten(p) scores = MatMul(f, head)"
BODIES = {
    "with Relu": "r = Relu(c) z = Conv{padded}(r, v)",
    "without Relu": "r = Tanh(c) z = Conv{padded}(r, v)",
    "no rule, no Relu": "r = Sin(c) z = Conv{padded}(r, v)",
    "no rule, Relu": "s = Sin(c) r = Relu(s) z = Conv{padded}(r, v)",
    "rule passed over": "r = Relu(c) z = Conv{padded}(r, v) z2 = Sin(c)",
    "SiLU": "g = Sigmoid(c) r = Mul(c, g) z = Conv{padded}(r, v)",
    "Relu inside": "r = Loop(twice, , c) <body = b (int64 i, bool go, float[] s) => (bool on, "
    "float[] t) {{ on = Identity(go) t = Relu(s) }}> z = Conv{padded}(r, v)",
    "moves inside": "y = Relu(c) r = Loop(twice, , y) <body = b (int64 i, bool go, float[] s) => "
    "(bool on, float[] t) {{ on = Identity(go) t = Transpose<perm = [0,1,3,2]>(s) }}> "
    "z = Conv{padded}(r, v)",
    "no conversion": "s = SequenceConstruct(c) r = SequenceAt(s, first) z = Conv{padded}(r, v)",
}
RULES = {"lrp", "attn-lrp", "libragrad", "deep-taylor"}
RECTIFIERS = {"guided-backprop", "deconvnet", "guided-grad-cam"}
LACKING = NEED_ATTENTION | NEED_BOXES | NEED_FEATURES
# These run what follows a layer alone.
CUT = {"ablation-cam", "recipro-cam"}
IN_PYTORCH = {name for name, method in registered().items() if method.takes_slopes}
# What stands in the way of which methods, besides a lack of attention and of boxes.
EXPECTED = {
    "with Relu": (set(), ""),
    "without Relu": (RECTIFIERS, "has none, so it would equal the gradient"),
    "no rule, no Relu": (RULES | RECTIFIERS, ""),
    "no rule, Relu": (RULES, "no relevance rule for Sin"),
    "rule passed over": (set(), ""),
    "SiLU": (set(), ""),
    "Relu inside": (RULES | RECTIFIERS | CUT | {"cam", "deeplift"}, ""),
    "moves inside": (CUT | {"cam"}, "Loop"),
    "no conversion": (IN_PYTORCH | {"cam"}, "Sequence"),
}


@cache
def shipped(stem):
    return onnxplain.load(f"models/{stem}.onnx")


@cache
def opened(name):
    body = f"c = Conv{PADDED}(image, w) {BODIES[name].format(padded=PADDED)} {END}"
    used = {k: v for k, v in WEIGHTS.items() if f"{k})" in body or f"({k}" in body}
    return onnxplain.load(model(body, used), preprocess=RECIPE, scores="logits")


def hindered(found):
    return {name: why for name, why in found.items() if why and name not in LACKING}


@pytest.mark.parametrize("name", BODIES)
def test_each_method_is_hindered_by_what_it_uses(name):
    methods, why = EXPECTED[name]
    found = hindered(obstacles(opened(name).network))
    assert found.keys() == methods - LACKING
    assert all(why in said for said in found.values())
    assert all("\n" not in said for said in found.values())


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("method", list(registered()))
def test_what_is_said_is_what_happens(name, method):
    opened_model = opened(name)
    options = {k: v for k, v in FEW.items() if k in registered()[method].parameters}
    if not obstacles(opened_model.network)[method]:
        found = opened_model.explain(PICTURE, method, 1, **options).attribution
        # No place may respond to a class.
        assert np.isfinite(found).all()
        assert found.any() or method == "clear"
        return
    with pytest.raises(OnnxplainError):
        opened_model.explain(PICTURE, method, 1, **options)


@pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad-squared", "vargrad"])
def test_an_average_needs_what_the_averaged_method_needs(method):
    network = opened("no rule, Relu")
    assert obstacles(network.network)[method] == ""
    for of in ("gradient", "guided-backprop", "integrated-gradients"):
        assert network.explain(PICTURE, method, 1, of=of, samples=3).attribution.any()
    with pytest.raises(MethodRefusedError, match="no relevance rule for operator Sin"):
        network.explain(PICTURE, method, 1, of="lrp", samples=3)
    assert opened("with Relu").explain(PICTURE, method, 1, of="lrp", samples=3).attribution.any()


@pytest.mark.parametrize("task", ["values", "embedding"])
def test_what_compares_classes_is_hindered_where_there_are_none(task):
    body = f"c = Conv{PADDED}(image, w) {BODIES['with Relu'].format(padded=PADDED)} {END}"
    used = {k: WEIGHTS[k] for k in ("w", "v", "head")}
    found = onnxplain.load(model(body, used), preprocess=RECIPE, task=task)
    said = hindered(obstacles(found.network))
    assert said == {
        "clear": f"clear compares classes, and 'scores' answers {task}; use grad-cam or occlusion"
    }


def test_why_a_method_is_impossible(tmp_path):
    linear = obstacles(onnxplain.load(write_model(tmp_path / "linear.onnx", LINEAR)).network)
    assert "no layer was chosen" in linear["grad-cam"]
    assert "no layer was chosen" in linear["cam"]
    assert linear["lrp"] == linear["saliency"] == linear["occlusion"] == ""
    head = obstacles(shipped("digits-softmax").network)
    assert "flattens" in head["cam"]
    assert head["grad-cam"] == ""


@pytest.mark.parametrize("stem", ["digits-gap", "digits-softmax", "digits-vit"])
@pytest.mark.parametrize("name", list(registered()))
def test_what_is_called_possible_runs_and_what_is_not_refuses(stem, name):
    model = shipped(stem)
    reason = obstacles(model.network)[name]
    if not reason:
        assert model.explain(DIGIT, name).attribution.any()
        return
    with pytest.raises(OnnxplainError):
        model.explain(DIGIT, name)


def test_shape_arithmetic_needs_no_rule():
    body = (
        "s = Shape(x) i = Constant<value_int: int = 0>() b = Gather(s, i) "
        "a = Constant<value_ints: ints = [0]>() n = Unsqueeze(b, a) c = Mod(n, n) d = Add(n, c) "
        "k = Constant<value_ints: ints = [16]>() t = Concat<axis: int = 0>(d, k) "
        "f = Reshape(x, t) y = MatMul(f, w)"
    )
    model = onnxplain.load(model_of(body))
    assert without_rule(model.network) == []


def test_the_list_of_ruled_operators_is_that_of_the_walk():
    """An operator that the walk refuses at once is not in the list, and the reverse."""
    graph = Graph(model_of(LINEAR))
    names = {s.name for s in onnx.defs.get_all_schemas() if s.domain == ""}
    control_flow = {"If", "Loop", "Scan"}  # what is in their bodies decides: test_bodies.py
    for op_type in sorted((names | RULED) - control_flow):
        node = next(n for n in graph.nodes)
        step = type("Step", (), {"node": type(node)(op_type, "", "", ("a",), ("b",), {}, 0)})
        step.inputs = ("a",)
        try:
            propagate(graph, Record(step, (), ()), [], 1e-6)
            refused = False
        except MethodRefusedError:
            refused = True
        except (IndexError, KeyError, TypeError, ZeroDivisionError, AssertionError, RuntimeError):
            refused = False  # it has a rule, which finds no operands here
        assert refused == (op_type not in RULED), op_type
