"""Weighted nodes merged with the scaling and shift that follow them."""

import numpy as np
import pytest
import torch
from handmade import computed, model
from originals import difference

from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.merge import weighted_node

BATCH_NORM = {"g": 4, "h": 4, "m": 4, "v": 4}
CHAIN = "b = BatchNormalization(a, g, h, m, v) "
CONV = "a = Conv(image, w) "
FLAT = "f = Flatten(image) "
# Body in front of the final Relu, weights, and the last tensor that is taken in.
MERGED = {
    "batch norm": (CONV + CHAIN, {"w": (4, 3, 3, 3), **BATCH_NORM}, "b"),
    "batch norm with epsilon": (
        CONV + CHAIN.replace("tion(", "tion<epsilon = 0.5>("),
        {"w": (4, 3, 3, 3), **BATCH_NORM},
        "b",
    ),
    "bias and batch norm": (
        "a = Conv(image, w, k) " + CHAIN,
        {"w": (4, 3, 3, 3), "k": 4, **BATCH_NORM},
        "b",
    ),
    "depthwise": (
        "a = Conv<group = 3>(image, w) b = Add(a, k)",
        {"w": (6, 1, 3, 3), "k": (6, 1, 1)},
        "b",
    ),
    "transposed": ("a = ConvTranspose(image, w) " + CHAIN, {"w": (3, 4, 2, 2), **BATCH_NORM}, "b"),
    "scale and shift": (
        CONV + "s = Mul(k, a) b = Add(s, l)",
        {"w": (4, 3, 3, 3), "k": (1, 4, 1, 1), "l": (4, 1, 1)},
        "b",
    ),
    "single number": (CONV + "b = Mul(a, k)", {"w": (4, 3, 3, 3), "k": ()}, "b"),
    "gemm": (
        FLAT + "a = Gemm<transB = 1>(f, w, k) b = Mul(a, l)",
        {"w": (4, 108), "k": 4, "l": 4},
        "b",
    ),
    "scaled gemm": (
        FLAT + "a = Gemm<alpha = 0.5, beta = 3.0>(f, w, k) b = Mul(a, l)",
        {"w": (108, 4), "k": 4, "l": 4},
        "b",
    ),
    "matmul": (FLAT + "a = MatMul(f, w) b = Add(k, a)", {"w": (108, 4), "k": 4}, "b"),
    "matmul on the last axis": (
        "a = MatMul(image, w) s = Add(a, k) b = Mul(s, l)",
        {"w": (6, 4), "k": 4, "l": (1, 1, 1, 4)},
        "b",
    ),
}
KEPT = {
    "read twice": (CONV + "b = Mul(a, k) c = Add(a, b)", {"w": (4, 3, 3, 3), "k": ()}),
    "varies over places": (CONV + "b = Add(a, k)", {"w": (4, 3, 3, 3), "k": (4, 4)}),
    "wrong axis": (CONV + "b = Mul(a, k)", {"w": (4, 3, 3, 3), "k": 4}),
    "grouped transposed": (
        "a = ConvTranspose<group = 3>(image, w) b = Add(a, k)",
        {"w": (3, 2, 2, 2), "k": (6, 1, 1)},
    ),
    "gemm with a bias for every row": (
        FLAT + "a = Gemm(f, w, k) b = Mul(a, l)",
        {"w": (108, 4), "k": (1, 4), "l": 4},
    ),
    "weight from the left": ("a = MatMul(w, image) b = Mul(a, k)", {"w": (4, 6), "k": 6}),
    "other operator": (CONV + "b = Relu(a)", {"w": (4, 3, 3, 3)}),
    "signal on both sides": (CONV + "b = Mul(a, a)", {"w": (4, 3, 3, 3)}),
}


def opened(body, shapes):
    rng = np.random.default_rng(0)
    weights = {k: rng.uniform(0.5, 1.5, s) * rng.choice([-1, 1], s) for k, s in shapes.items()}
    if "v" in weights:
        weights["v"] = np.abs(weights["v"])
    last = "c" if "c = " in body else "b"
    output = "float[N,K] scores" if "Flatten" in body else "float[N,C,H,W] scores"
    proto = model(f"{body} scores = Relu({last})", weights, output=output)
    graph = prepare(proto)
    program = to_torch(graph, double=True)
    dynamic = graph.descendants(["image"])
    step = next(s for s in program.steps if s.node.output == "a")
    return proto, weighted_node(graph, step, dict(program.constants()), dynamic)


@pytest.mark.parametrize("name", list(MERGED))
def test_the_merged_node_computes_the_whole_chain(name):
    body, shapes, last = MERGED[name]
    proto, node = opened(body, shapes)
    assert node.output == last
    x = np.random.default_rng(1).normal(size=(2, 3, 6, 6))
    data = torch.from_numpy(computed(proto, node.data)(x))
    found = node.layer(data, node.weight, node.bias).numpy()
    assert difference(found, computed(proto, last)(x)) < 1e-14
    alone = computed(proto, "a")(x)
    assert difference(alone, found) > 1e-2


@pytest.mark.parametrize("name", list(KEPT))
def test_what_is_no_scaling_per_channel_is_left_alone(name):
    _, node = opened(*KEPT[name])
    assert node.output == "a"


def test_a_tensor_that_is_an_output_is_not_merged_away():
    body = "a = Conv(image, w) scores = Mul(a, k)"
    weights = {"w": np.ones((4, 3, 6, 6)), "k": np.array(2.0)}
    proto = model(body, weights, output="float[N,C,H,W] scores, float[N,C,H,W] a")
    graph = prepare(proto)
    program = to_torch(graph, double=True)
    node = weighted_node(graph, program.steps[0], dict(program.constants()), {"image", "a"})
    assert node.output == "a"


@pytest.mark.parametrize(
    "body", ["scores = Relu(image)", "scores = MatMul(image, image)", "scores = Conv(image, image)"]
)
def test_nodes_without_constant_weights_are_none(body):
    graph = prepare(model(body, output="float[N,C,H,W] scores"))
    program = to_torch(graph, double=True)
    dynamic = graph.descendants(["image"])
    assert weighted_node(graph, program.steps[0], {}, dynamic) is None
