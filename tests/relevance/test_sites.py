"""Where nodes stand: kinds, names, and which layers with weights are first and last."""

import numpy as np
from handmade import model

from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import Site
from onnxplain.relevance.sites import sites

BODY = """
    a = Conv(image, w) s = Mul(a, t) r = Relu(s) b = Conv(r, v) c = Conv(r, v)
    m = Mul(b, c) f = Flatten(m) scores = MatMul(f, u) other = Relu(scores)
"""
CHAINS = {"a": ("a", "s"), "b": ("b",), "c": ("c",), "scores": ("scores",)}


def found(outputs):
    weights = {"w": (4, 3, 1, 1), "t": (4, 1, 1), "v": (2, 4, 1, 1), "u": (72, 5)}
    proto = model(BODY, {k: np.ones(s) for k, s in weights.items()})
    proto.graph.node[0].name = "first/conv"
    graph = prepare(proto)
    return sites(graph, graph.descendants(["image"]), CHAINS, outputs)


def test_kinds_names_and_positions():
    at = found(["scores"])
    assert at["a"] == Site(
        frozenset({"Conv", "convolution"}), ("a", "s", "first/conv"), frozenset({"first"})
    )
    assert at["scores"].kinds == {"MatMul", "linear"}
    assert at["scores"].positions == {"last"}
    assert at["b"].positions == at["c"].positions == frozenset()
    assert at["r"] == Site(frozenset({"Relu"}), at["r"].names)


def test_nodes_after_the_output_are_none_and_an_inner_output_has_its_own_last_layers():
    assert "other" not in found(["scores"])
    inside = found(["m"])
    assert "scores" not in inside
    assert inside["b"].positions == inside["c"].positions == {"last"}
    assert inside["a"].positions == {"first"}


def test_products_of_two_signals_are_told_from_those_with_weights():
    body = "f = Flatten(image) g = Transpose(f) p = MatMul(f, g) scores = MatMul(p, w)"
    graph = prepare(model(body, w=np.ones((1, 2)), image="float[1,3,6,6] image"))
    at = sites(graph, graph.descendants(["image"]), {"scores": ("scores",)}, ["scores"])
    assert at["p"].kinds == {"MatMul", "bilinear"}
    # The only layer with weights is the first and the last.
    assert at["scores"].positions == {"first", "last"}
