"""Graphs as the exporters of opset 7 to 9 wrote them: attributes, broadcasts, weights as inputs."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from onnx.helper import make_node as node

import onnxplain
from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare
from tests.convert.forms import noise
from tests.convert.oracle import expected, make_model

IMAGE = noise(2, 3, 16, 16)
CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def statistics(prefix, *shape):
    """Scale, bias, mean and variance of a batch normalisation."""
    made = {f"{prefix}{k}": noise(*shape, seed=i) for i, k in enumerate("gbmv")}
    made[f"{prefix}v"] = np.abs(made[f"{prefix}v"]) + 0.5
    return made


# Caffe2: LRN, ceil-free pools with attributes, Dropout with a ratio, Gemm that broadcasts.
CAFFE2 = (
    [
        node("Conv", ["x", "w1", "b1"], ["c1"], kernel_shape=[5, 5], strides=[2, 2], group=1),
        node("Relu", ["c1"], ["r1"]),
        node("LRN", ["r1"], ["n1"], size=3, alpha=0.05, beta=0.75, bias=2.0),
        node("MaxPool", ["n1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0]),
        node("AveragePool", ["p1"], ["p2"], kernel_shape=[2, 2], pads=[1, 1, 0, 0]),
        node("Reshape", ["p2", "s"], ["f"]),
        node("Gemm", ["f", "w2", "b2"], ["g"], transB=1, alpha=0.5, beta=2.0),
        node("Dropout", ["g"], ["d", "mask"], ratio=0.5),
        node("Softmax", ["d"], ["y"], axis=1),
    ],
    {
        "w1": noise(6, 3, 5, 5), "b1": noise(6), "s": np.array([0, -1]),
        "w2": noise(5, 54, seed=1), "b2": noise(1, 5),
    },
)  # fmt: skip
# MXNet: batch normalisation first, with an attribute of its time; Flatten, LeakyReLU, PReLU.
MXNET = (
    [
        node("BatchNormalization", ["x", "ig", "ib", "im", "iv"], ["n"], epsilon=2e-5, momentum=0.9,
             spatial=1),
        node("Conv", ["n", "w1"], ["c"], dilations=[1, 1], strides=[1, 1], group=1, **CONV),
        node("BatchNormalization", ["c", "cg", "cb", "cm", "cv"], ["m"], epsilon=1e-3, spatial=1),
        node("PRelu", ["m", "slope"], ["r"]),
        node("Conv", ["r", "w2"], ["d"], group=6, **CONV),
        node("LeakyRelu", ["d"], ["l"], alpha=0.25),
        node("Add", ["l", "r"], ["a"]),
        node("GlobalAveragePool", ["a"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("BatchNormalization", ["f", "fg", "fb", "fm", "fv"], ["h"], epsilon=2e-5, spatial=1),
        node("Gemm", ["h", "w3", "b3"], ["y"], transB=1),
    ],
    {
        **statistics("i", 3), **statistics("c", 6), **statistics("f", 6),
        "w1": noise(6, 3, 3, 3), "slope": noise(6, 1, 1), "w2": noise(6, 1, 3, 3, seed=1),
        "w3": noise(5, 6), "b3": noise(5),
    },
)  # fmt: skip
# Every place of a feature map has statistics of its own (opset 7 and 8 only).
PER_PLACE = (
    [
        node("BatchNormalization", ["x", "ig", "ib", "im", "iv"], ["n"], spatial=0),
        node("Conv", ["n", "k"], ["c"], **CONV),
        node("BatchNormalization", ["c", "cg", "cb", "cm", "cv"], ["e"], spatial=0),
        node("Relu", ["e"], ["r"]),
        node("GlobalMaxPool", ["r"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("MatMul", ["f", "w"], ["y"]),
    ],
    {
        **statistics("i", 3, 16, 16), **statistics("c", 4, 16, 16), "k": noise(4, 3, 3, 3),
        "w": noise(4, 5),
    },
)  # fmt: skip
# Paddle: products and sums in the place of Gemm, axes as attributes, Upsample, hard swish by hand.
PADDLE = (
    [
        node("Conv", ["x", "w1"], ["c"], strides=[2, 2], **CONV),
        node("BatchNormalization", ["c", "cg", "cb", "cm", "cv"], ["n"]),
        node("Add", ["n", "three"], ["h1"]),
        node("Clip", ["h1"], ["h2"], min=0.0, max=6.0),
        node("Mul", ["n", "h2"], ["h3"]),
        node("Div", ["h3", "six"], ["h"]),
        node("GlobalAveragePool", ["h"], ["q"]),
        node("Conv", ["q", "w2"], ["q1"], kernel_shape=[1, 1]),
        node("HardSigmoid", ["q1"], ["q2"], alpha=0.2, beta=0.5),
        node("Mul", ["h", "q2"], ["e"]),
        node("Upsample", ["e", "scales"], ["u"], mode="nearest"),
        node("Pad", ["u"], ["v"], pads=[0, 0, 1, 1, 0, 0, 0, 0], mode="reflect"),
        node("Slice", ["v"], ["o"], axes=[2, 3], starts=[1, 1], ends=[9999, 9999]),
        node("ReduceMean", ["o"], ["r"], axes=[2, 3], keepdims=1),
        node("Squeeze", ["r"], ["s"], axes=[2, 3]),
        node("MatMul", ["s", "w3"], ["t"]),
        node("Add", ["t", "b3"], ["z"]),
        node("Split", ["z"], ["z1", "z2"], axis=1, split=[2, 3]),
        node("Concat", ["z2", "z1"], ["y"], axis=1),
    ],
    {
        **statistics("c", 6), "w1": noise(6, 3, 3, 3), "three": np.float32([3]),
        "six": np.float32([6]), "w2": noise(6, 6, 1, 1), "scales": np.float32([1, 1, 2, 2]),
        "w3": noise(6, 5), "b3": noise(5),
    },
)  # fmt: skip
CASES = {
    "Caffe2 7": (*CAFFE2, 7),
    "Caffe2 9": (*CAFFE2, 9),
    "MXNet 7": (*MXNET, 7),
    "MXNet 8": (*MXNET, 8),
    "per place 7": (*PER_PLACE, 7),
    "Paddle 9": (*PADDLE, 9),
}


def model_of(case):
    """Weights are inputs as well, as the format asked for before IR version 4."""
    nodes, constants, opset = CASES[case]
    model = make_model(nodes, {"x": IMAGE}, ["y"], constants, opset)
    model.ir_version = 3
    for name, array in constants.items():
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        model.graph.input.append(helper.make_tensor_value_info(name, kind, array.shape))
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 5])
    )
    onnx.checker.check_model(model)
    return model


@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_onnx_runtime(case):
    model = model_of(case)
    wanted = expected(model, {"x": IMAGE})["y"]
    other = expected(model, {"x": IMAGE[::-1].copy()})["y"]
    got = to_torch(prepare(model)).run({"x": torch.from_numpy(IMAGE)}, ["y"])["y"].numpy()
    change = np.abs(wanted - other).max()
    assert change > 1e-3 * np.abs(wanted).max()
    assert np.abs(got - wanted).max() < 1e-4 * change


@pytest.mark.parametrize("case", CASES)
def test_a_slope_is_a_finite_difference(case):
    program = to_torch(prepare(model_of(case)), double=True)
    leaf = torch.from_numpy(IMAGE).double().requires_grad_()
    weights = torch.linspace(-1, 1, 5, dtype=torch.float64)

    def score(x):
        return (program.run({"x": x}, ["y"])["y"] * weights).sum()

    (slopes,) = torch.autograd.grad(score(leaf), leaf)
    step = torch.from_numpy(noise(*IMAGE.shape, seed=9)).double() * 1e-7
    with torch.no_grad():
        change = (score(leaf + step) - score(leaf - step)) / 2
    assert float((slopes * step).sum()) == pytest.approx(float(change), rel=1e-4)


def test_statistics_of_every_place_reach_the_methods_that_look_into_the_graph():
    net = onnxplain.load(model_of("per place 7"), preprocess="zero-one")
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    # Windows cannot be cut out of such a map, nor can the layer be merged with a convolution.
    fast, whole = (
        net.explain(image, "occlusion", window=4, target=1, engine=engine).attribution
        for engine in ("auto", "brute-force")
    )
    np.testing.assert_allclose(fast, whole, atol=1e-5)
    for method in ("lrp", "gradient", "grad-cam"):
        found = net.explain(image, method, target=1)
        assert np.isfinite(found.attribution).all()
        assert np.abs(found.attribution).max() > 0
        # The rules of derivatives are of a newer opset.
        assert "onnx cannot bring it to 16" in found.notes["pytorch_because"]
