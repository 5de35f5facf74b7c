"""Heads that CAM can read: what is found must give the logits, what is refused says why."""

import graphs
import numpy as np
import pytest
from graphs import build, value_info
from handmade import model
from onnx.helper import make_node as node

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.cam_head import CamHead, constant_value
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network

MAPS, CLASSES = 6, 5
W = graphs.weights(CLASSES, MAPS, seed=7)
B = graphs.weights(CLASSES, seed=8)
SPATIAL = np.array([2, 3])
GAP = [node("GlobalAveragePool", ["maps"], ["p"]), node("Flatten", ["p"], ["e"])]
GEMM = node("Gemm", ["e", "w", "b"], ["scores"], transB=1)
DEQUANTISED = node("Gemm", ["e", "d", "b"], ["scores"], transB=1)
TO_LAST = node("Transpose", ["maps"], ["t"], perm=[0, 2, 3, 1])


def network_of(tail, constants=None, *, opset=17):
    """Network with six ``maps`` of 4 x 6, and this tail."""
    nodes = [
        node("Conv", ["x", "k"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["maps"]),
        *tail,
    ]
    weights = {"k": graphs.weights(MAPS, 3, 3, 3), "w": W, "b": B, "wt": W.T.copy()}
    needed = {i for n in nodes for i in n.input}
    constants = {k: v for k, v in {**weights, **(constants or {})}.items() if k in needed}
    return Network(
        prepare(build(nodes, [value_info("scores", ["N", CLASSES])], constants, opset=opset)),
        layout="NCHW",
    )


def quantised(axis):
    scale = np.abs(W).max(axis=1 - axis) / 127
    levels = np.round(W / np.expand_dims(scale, 1 - axis)).astype(np.int8)
    return {"q": levels, "s": scale.astype(np.float32), "z": np.zeros(len(scale), np.int8)}


HEADS = {
    "pool, Gemm": ([*GAP, GEMM], {}, 17),
    "Gemm with factors": (
        [*GAP, node("Gemm", ["e", "wt", "b"], ["scores"], alpha=2.0, beta=0.5)],
        {},
        17,
    ),
    "Gemm with one bias for all": ([*GAP, GEMM], {"b": np.float32(0.3)}, 17),
    "Gemm with a bias row": ([*GAP, GEMM], {"b": B[None]}, 17),
    "Gemm without bias": ([*GAP, node("Gemm", ["e", "w"], ["scores"], transB=1)], {}, 17),
    "MatMul and Add": (
        [*GAP, node("MatMul", ["e", "wt"], ["m"]), node("Add", ["b", "m"], ["scores"])],
        {},
        17,
    ),
    "Squeeze": (
        [GAP[0], node("Squeeze", ["p", "axes"], ["e"]), GEMM],
        {"axes": SPATIAL},
        17,
    ),
    "ReduceMean": (
        [node("ReduceMean", ["maps"], ["e"], axes=[2, 3], keepdims=0), GEMM],
        {},
        17,
    ),
    "ReduceMean, axes as input and from behind": (
        [node("ReduceMean", ["maps", "axes"], ["e"], keepdims=0), GEMM],
        {"axes": np.array([-1, -2])},
        18,
    ),
    "AveragePool over everything": (
        [node("AveragePool", ["maps"], ["p"], kernel_shape=[4, 6]), GAP[1], GEMM],
        {},
        17,
    ),
    "a convolution as classifier": (
        [GAP[0], node("Conv", ["p", "w4", "b"], ["s"]), node("Flatten", ["s"], ["scores"])],
        {"w4": W[:, :, None, None]},
        17,
    ),
    "Transpose in front of the mean": (
        [TO_LAST, node("ReduceMean", ["t"], ["e"], axes=[1, 2], keepdims=0), GEMM],
        {},
        17,
    ),
    "Softmax and Dropout": (
        [
            *GAP,
            node("Dropout", ["e"], ["d"]),
            node("Gemm", ["d", "w", "b"], ["logits"], transB=1),
            node("Softmax", ["logits"], ["scores"]),
        ],
        {},
        17,
    ),
    "quantised weight, per class": (
        [node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=0), *GAP, DEQUANTISED],
        quantised(0),
        17,
    ),
    "quantised weight, per map": (
        [node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=1), *GAP, DEQUANTISED],
        quantised(1),
        17,
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_maps_weight_and_bias_give_the_logits(name):
    tail, constants, opset = HEADS[name]
    network = network_of(tail, constants, opset=opset)
    layer = network.layer(None)
    assert layer.name == "maps"
    head = network.cam_head(layer)
    x = np.random.default_rng(0).standard_normal((3, 3, 4, 6)).astype(np.float32)
    values = network.ort.activations(x, ["maps", network.head.logits])
    expected = values["maps"].mean((2, 3)) @ head.weight.T + head.bias
    logits = values[network.head.logits]
    assert np.ptp(logits) > 0.5
    np.testing.assert_allclose(expected, logits, rtol=1e-5, atol=1e-5)


def test_maps_that_are_the_classes():
    nodes = [
        node("Conv", ["maps", "w4", "b"], ["c2"]),
        node("Relu", ["c2"], ["r2"]),
        node("GlobalAveragePool", ["r2"], ["p"]),
        node("Flatten", ["p"], ["scores"]),
    ]
    network = network_of(nodes, {"w4": W[:, :, None, None]})
    head = network.cam_head(network.layer(None))
    assert network.layer(None).name == "r2"
    np.testing.assert_array_equal(head.weight, np.eye(CLASSES))
    np.testing.assert_array_equal(head.bias, np.zeros(CLASSES))


REFUSED = {
    "no pooling": (
        [
            node("Flatten", ["maps"], ["e"]),
            node("MatMul", ["e", "m"], ["scores"]),
        ],
        {"m": graphs.weights(CLASSES, 24 * MAPS).T.copy()},
        "flattens the maps without averaging",
    ),
    "maximum": (
        [node("GlobalMaxPool", ["maps"], ["p"]), GAP[1], GEMM],
        {},
        "the head holds GlobalMaxPool",
    ),
    "mean over channels": (
        [
            node("ReduceMean", ["maps"], ["e"], axes=[1, 2], keepdims=0),
            node("Gemm", ["e", "w", "b"], ["scores"], transB=1),
        ],
        {},
        "the head holds ReduceMean",
    ),
    "mean of transposed maps over channels": (
        [TO_LAST, node("ReduceMean", ["t"], ["e"], axes=[2, 3], keepdims=0), GEMM],
        {"w": graphs.weights(CLASSES, 4)},
        "the head holds ReduceMean",
    ),
    "AveragePool over a part": (
        # One window of 3 x 4 in maps of 4 x 6, and the next one would not fit.
        [
            node("AveragePool", ["maps"], ["p"], kernel_shape=[3, 4], strides=[4, 6]),
            GAP[1],
            GEMM,
        ],
        {},
        "the head holds AveragePool",
    ),
    "AveragePool over a border": (
        [
            node(
                "AveragePool",
                ["maps"],
                ["p"],
                kernel_shape=[6, 8],
                pads=[1, 1, 1, 1],
                count_include_pad=1,
            ),
            GAP[1],
            GEMM,
        ],
        {},
        "the head holds AveragePool",
    ),
    "a layer in between": (
        [
            *GAP,
            node("Gemm", ["e", "w", "b"], ["h"], transB=1),
            node("Relu", ["h"], ["r"]),
            node("Gemm", ["r", "v"], ["scores"]),
        ],
        {"v": graphs.weights(CLASSES, CLASSES)},
        "the head holds Relu",
    ),
    "two linear layers": (
        [*GAP, node("MatMul", ["e", "wt"], ["h"]), node("MatMul", ["h", "v"], ["scores"])],
        {"v": graphs.weights(CLASSES, CLASSES)},
        "the head holds MatMul",
    ),
    "a weight that is computed": (
        [
            *GAP,
            node("ReduceMean", ["x"], ["g"]),
            node("Squeeze", ["g"], ["g0"]),
            node("Mul", ["wt", "g0"], ["v"]),
            node("MatMul", ["e", "v"], ["scores"]),
        ],
        {},
        "is not a constant linear map",
    ),
    "maps that go two ways": (
        [
            *GAP,
            node("Gemm", ["e", "w", "b"], ["h"], transB=1),
            node("ReduceMax", ["maps"], ["n"], axes=[1, 2, 3], keepdims=0),
            node("Unsqueeze", ["n", "one"], ["n1"]),
            node("Add", ["h", "n1"], ["scores"]),
        ],
        {"one": np.array([1])},
        "read by several nodes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_linear_head_is_refused_with_its_reason(name):
    tail, constants, reason = REFUSED[name]
    network = network_of(tail, constants)
    with pytest.raises(MethodRefusedError, match=reason) as caught:
        network.cam_head(network.layer("maps"))
    assert "use grad-cam" in str(caught.value)


def test_a_layer_beside_the_head_is_refused():
    body = "c = Conv(image, k) p = GlobalAveragePool(c) scores = Flatten(p) beside = Neg(c)"
    proto = model(body, k=graphs.weights(MAPS, 3, 3, 3))
    proto.graph.output.append(value_info("beside", ["N", MAPS, 4, 4]))
    network = Network(prepare(proto), output="scores")
    with pytest.raises(MethodRefusedError, match="is not computed from tensor 'beside'"):
        network.cam_head(network.layer("beside"))


def test_a_constant_is_a_weight_or_a_dequantised_one():
    network = network_of(HEADS["quantised weight, per class"][0], quantised(0))
    np.testing.assert_allclose(constant_value(network.graph, "d"), W, atol=np.abs(W).max() / 200)
    assert constant_value(network.graph, "maps") is None
    assert constant_value(network.graph, "x") is None


SHARES = {
    "one class": np.eye(12)[3],
    "less the mean of the others": np.eye(12)[3] - (1 - np.eye(12)[3]) / 11,
    "against another class": np.eye(12)[3] - np.eye(12)[7],
    "the negative of one": -np.eye(12)[0],
    "all of their own": np.linspace(-1, 1, 12),
    "all the same": np.full(12, 0.25),
    "nothing": np.zeros(12),
}


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
def test_rows_are_mixed_as_by_a_product(rng, shares):
    head = CamHead(rng.standard_normal((12, 5)), np.zeros(12))
    np.testing.assert_allclose(head.mixed(shares), shares @ head.weight, rtol=0, atol=1e-14)
