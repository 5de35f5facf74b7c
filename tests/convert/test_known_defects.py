"""Every form that onnx2torch 1.5.15 got wrong, or was suspected of, against ONNX Runtime.

What is about names and outputs rather than one operator is in test_awkward_graphs.py.
"""

import numpy as np
import pytest
from onnx import TensorProto
from onnx.helper import make_node as node

from tests.convert.forms import integer, noise, scalar
from tests.convert.oracle import assert_agrees, make_model

X = noise(2, 3, 4, 5)
TWICE = np.array([1, 1, 2, 2], np.float32)


def case(name, op_type, *inputs, opset=13, outputs=1, **attributes):
    return pytest.param(op_type, inputs, opset, outputs, attributes, id=name)


CASES = [
    case("D1 CumSum forwards", "CumSum", noise(3, 4), scalar(1, np.int64), opset=14),
    case("D2 NonZero orientation", "NonZero", (noise(3, 4) > 0).astype(np.float32)),
    *(case(f"D3 {op} of negative axes", op, X, axes=[-2, -1], keepdims=0)
      for op in ("ReduceMax", "ReduceMin", "ReduceProd")),
    case("D4 Unsqueeze from the end", "Unsqueeze", noise(3, 4), integer(-1, -2)),
    case("D5 Slice by attributes", "Slice", X, starts=[1], ends=[3], axes=[2], opset=9),
    case("D5b Slice of one axis", "Slice", X, integer(1), integer(3), integer(1)),
    case("D6 MaxPool with indices", "MaxPool", X, kernel_shape=[2, 2], outputs=2, opset=12),
    case("D12 Resize nearest", "Resize", X, None, np.array([1, 1, 1.5, 1.5], np.float32),
         mode="nearest"),
    case("D12b Resize linear asymmetric", "Resize", X, None, TWICE, mode="linear",
         coordinate_transformation_mode="asymmetric"),
    case("D12c Resize cubic -0.5", "Resize", X, None, TWICE, mode="cubic", cubic_coeff_a=-0.5),
    case("D14 Clip of integers", "Clip", integer(-1, 2, 5), scalar(0, np.int64),
         scalar(3, np.int64)),
    case("D18 ConvTranspose to a size", "ConvTranspose", noise(1, 3, 4, 4), noise(3, 2, 3, 3),
         strides=[2, 2], output_shape=[9, 9], opset=11),
    case("D19 LRN of odd size", "LRN", noise(1, 6, 3, 3), size=5, alpha=1.0),
    case("D20 PRelu along the last axis", "PRelu", noise(1, 4, 3, 4), noise(4), opset=16),
    case("D21 LayerNormalization", "LayerNormalization", noise(2, 3, 5), noise(5), noise(5),
         opset=17),
    case("D24 Softplus of large values", "Softplus", np.array([15, 21, 30], np.float32)),
    case("D25 Range of int32", "Range", *(scalar(n, np.int32) for n in (0, 5, 2))),
    case("D26 Pow of integers", "Pow", integer(1, 2, 3, dtype=np.int32), scalar(2), opset=15),
    case("D27 ReduceSum over no axes", "ReduceSum", noise(2, 3), integer(), keepdims=0),
    case("D28 GatherElements from the end", "GatherElements", noise(3, 2),
         integer(-1, 0).reshape(1, 2), axis=0),
    case("D31 IsInf of one sign", "IsInf", np.array([np.inf, -np.inf, 1], np.float32),
         detect_negative=0, opset=10),
    case("D32 Flatten of all axes", "Flatten", noise(2, 3), axis=0),
    case("D33 Split unevenly", "Split", noise(7), num_outputs=3, outputs=3, opset=18),
    case("D34 Softmax of opset 11", "Softmax", X, axis=-1, opset=11),
    case("D36 Selu alpha", "Selu", noise(3), alpha=1.5),
    case("D37 Gemm with a row", "Gemm", noise(2, 3), noise(3, 4), noise(1, 4)),
    case("D38 Pad channels by reflection", "Pad", noise(1, 2, 4, 4),
         integer(0, 1, 1, 1, 0, 1, 1, 1), mode="reflect"),
    case("D39 MaxPool ceil", "MaxPool", noise(1, 1, 6, 6), kernel_shape=[3, 3],
         pads=[0, 0, 1, 1], strides=[2, 2], ceil_mode=1, opset=12),
    case("D40 AveragePool ceil with padding", "AveragePool", noise(1, 1, 6, 6),
         kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], ceil_mode=1,
         count_include_pad=1, opset=11),
    case("D41 Where", "Where", np.array([True, False]), noise(2), noise(2, seed=1), opset=16),
    case("D42 Squeeze out of order", "Squeeze", noise(2, 1, 3, 1), integer(-1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("op_type", "inputs", "opset", "outputs", "attributes"), CASES)
def test_a_known_defect_is_absent(op_type, inputs, opset, outputs, attributes):
    names = ["" if a is None else f"in{i}" for i, a in enumerate(inputs)]
    feeds = {n: a for n, a in zip(names, inputs, strict=True) if n}
    results = [f"out{i}" for i in range(outputs)]
    made = node(op_type, names, results, **attributes)
    assert_agrees(make_model([made], feeds, results, opset=opset), feeds)


def test_d29_bfloat16_and_back():
    nodes = [
        node("Cast", ["x"], ["h"], to=TensorProto.BFLOAT16),
        node("Cast", ["h"], ["y"], to=TensorProto.FLOAT),
    ]
    assert_agrees(make_model(nodes, {"x": X}, ["y"]), {"x": X})


def test_d30_dropout_and_batch_statistics_are_off():
    constants = {"s": np.array([0.5, 1, 2], np.float32)}
    nodes = [
        node("Dropout", ["x"], ["d"]),
        node("BatchNormalization", ["d", "s", "s", "s", "s"], ["y"]),
    ]
    assert_agrees(make_model(nodes, {"x": X}, ["y"], constants), {"x": X})
