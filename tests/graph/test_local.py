"""What counts as local, and where height and width went."""

import numpy as np
import pytest

from onnxplain.graph.windows import Sliding
from tests.graph.parts import sections

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(4, 3, 3, 3))

LOCAL = {
    "Conv": ("t = Conv(image, w)", {"w": KERNEL}),
    "Conv with padding": ("t = Conv <pads=[1,1,1,1]> (image, w)", {"w": KERNEL}),
    "MaxPool": ("t = MaxPool <kernel_shape=[2,2], strides=[2,2]> (image)", {}),
    "AveragePool": ("t = AveragePool <kernel_shape=[3,3]> (image)", {}),
    "a function of each cell": ("a = Sigmoid(image) t = Mul(a, image)", {}),
    "one value for each channel": ("t = Mul(image, c)", {"c": RANDOM.normal(size=(3, 1, 1))}),
    "a number": ("t = Add(image, c)", {"c": np.array(2.0)}),
    "Concat of channels": ("t = Concat <axis=1> (image, image)", {}),
    "Pad with zeros": ("t = Pad(image, p)", {"p": np.array([0, 0, 1, 2, 0, 0, 3, 4])}),
    "mean over channels": ("t = ReduceMean <axes=[1]> (image)", {}),
    "Softmax over channels": ("t = Softmax <axis=1> (image)", {}),
    "a slice of channels": (
        "t = Slice(image, b, e, a)",
        {"b": np.array([0]), "e": np.array([2]), "a": np.array([1])},
    ),
    "a slice of channels up to half of them": (
        "s = Shape(image) n = Gather <axis=0> (s, a) h = Div(n, two) t = Slice(image, b, h, a)",
        {"b": np.array([0]), "two": np.array([2]), "a": np.array([1])},
    ),
    "there and back": (
        "a = Transpose <perm=[0,2,3,1]> (image) b = MatMul(a, m) "
        "t = Transpose <perm=[0,3,1,2]> (b)",
        {"m": RANDOM.normal(size=(3, 5))},
    ),
    "groups of channels": ("t = Reshape(image, s)", {"s": np.array([0, 3, 1, 6, 6])}),
}  # fmt: skip

NOT_LOCAL = {
    "mean over the picture": ("a = GlobalAveragePool(image) t = Mul(image, a)", {}),
    "mean over rows": ("t = ReduceMean <axes=[2]> (image)", {}),
    "Softmax over columns": ("t = Softmax <axis=3> (image)", {}),
    "one value for each place": ("t = Mul(image, c)", {"c": RANDOM.normal(size=(6, 6))}),
    "one value for each column": ("t = Mul(image, c)", {"c": RANDOM.normal(size=(6,))}),
    "Pad by reflection": (
        't = Pad <mode="reflect"> (image, p)',
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
    ),
    "Pad that cuts off": ("t = Pad(image, p)", {"p": np.array([0, 0, -1, 0, 0, 0, 0, 0])}),
    "InstanceNormalization": ("t = InstanceNormalization(image, c, c)", {"c": np.ones(3)}),
    "half of the rows": (
        "t = Slice(image, b, e, a)",
        {"b": np.array([0]), "e": np.array([3]), "a": np.array([2])},
    ),
    "a slice whose end the picture decides": (
        "m = ReduceMax <keepdims=0> (image) x = Exp(m) c = Cast <to=7> (x) e = Reshape(c, a) "
        "t = Slice(image, b, e, a)",
        {"b": np.array([0]), "a": np.array([1])},
    ),
    "Resize": ("t = Resize(image, , r)", {"r": np.array([1, 1, 2, 2], np.float32)}),
    "a matrix across columns": ("t = MatMul(image, m)", {"m": RANDOM.normal(size=(6, 6))}),
    "weights that depend on the picture": (
        "w = ReduceMean <axes=[2,3]> (image) t = Conv(image, w)",
        {},
    ),
    "rows in place of columns": ("t = Reshape(image, s)", {"s": np.array([0, 3, 4, 9])}),
    "a picture and its mirror": ("a = Transpose <perm=[0,1,3,2]> (image) t = Add(image, a)", {}),
    "an operator that is not known": ("t = CumSum(image, one)", {"one": np.array(1)}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCAL)
def test_local(name):
    found = sections(LOCAL[name][0], **LOCAL[name][1])
    assert "t" in found.local.grids
    assert found.cuts[-1].tensors == ("t",)


@pytest.mark.parametrize("name", NOT_LOCAL)
def test_not_local(name):
    found = sections(NOT_LOCAL[name][0], **NOT_LOCAL[name][1])
    assert "t" not in found.local.grids
    assert "t" not in {t for c in found.cuts for t in c.tensors}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", Sliding(3, 1)),
        ("<pads=[1,2,0,3], strides=[2,2]>", Sliding(3, 2, 1, 0)),
        ("<dilations=[2,1]>", Sliding(5, 1)),
        ('<auto_pad="SAME_UPPER", strides=[2,2]>', Sliding(3, 2, 0, 1)),
        ('<auto_pad="SAME_LOWER", strides=[2,2]>', Sliding(3, 2, 1, 0)),
        ('<auto_pad="VALID">', Sliding(3, 1)),
    ],
)
def test_how_a_convolution_walks(attributes, expected):
    found = sections(f"t = Conv {attributes} (image, w)", w=KERNEL)
    node = found.graph.producers["t"]
    assert found.local.nodes[node.index].steps[0] == expected


def test_height_and_width_are_followed():
    body = "a = Transpose <perm=[0,2,3,1]> (image) t = Reshape(a, s)"
    found = sections(body, s=np.array([0, 6, 6, 3, 1])).local.grids
    assert (found["a"].axes, found["t"].axes) == ((1, 2), (1, 2))
    assert found["t"].size == (6, 6)


def test_quantised_tensors_know_their_type():
    body = "q = QuantizeLinear(image, s, z) t = DequantizeLinear(q, s, z)"
    found = sections(body, s=np.array(0.1), z=np.array(3, np.uint8)).local.grids
    assert (found["q"].dtype, found["t"].dtype) == (np.uint8, np.float32)
