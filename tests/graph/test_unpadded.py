"""Which sections run without padding, and with how many zeros around what they read."""

import numpy as np
import pytest

from onnxplain.graph.unpadded import NO_MARGINS
from tests.graph.parts import sections

RANDOM = np.random.default_rng(0)
K3, K1 = (RANDOM.normal(size=(3, 3, k, k)) for k in (3, 1))
SAME = "pads=[1,1,1,1]"


def unpadded(body, **weights):
    """How the section from the first cut to the one in front of `t` runs without padding."""
    found = sections(body, image="float[N,3,12,16] image", w=K3, one=K1, **weights)
    stop = next(c for c in found.cuts if c.tensors == ("t",))
    (section,) = found.sections_into(stop, found.cuts[:1])
    return section.unpadded


@pytest.mark.parametrize(
    ("body", "margins"),
    [
        (f"a = Conv <{SAME}> (image, w) t = Relu(a)", ((1, 1), (1, 1))),
        (
            "a = Conv <pads=[0,2,1,0], strides=[1,2]> (image, w) b = Relu(a) "
            "t = MaxPool <kernel_shape=[2,2], strides=[2,2]> (b)",
            ((0, 1), (2, 0)),
        ),
        ('t = Conv <auto_pad="SAME_LOWER", strides=[2,2]> (image, w)', ((1, 0), (1, 0))),
        (f"a = Conv <{SAME}> (image, w) t = Conv(a, w)", ((1, 1), (1, 1))),
        (f"a = Conv <{SAME}> (image, w) s = Sigmoid(a) t = Mul(a, s)", ((1, 1), (1, 1))),
        ("a = Conv(image, w) b = Relu(a) t = Conv <strides=[2,2]> (b, w)", NO_MARGINS),
        ("b = Relu(image) t = MaxPool <kernel_shape=[3,3]> (b)", NO_MARGINS),
        (
            f"a = Transpose <perm=[0,1,3,2]> (image) b = Identity(a) t = Conv <{SAME}> (b, w)",
            ((1, 1), (1, 1)),
        ),
    ],
)
def test_zeros_stand_for_padding(body, margins):
    assert unpadded(body).margins == margins


@pytest.mark.parametrize(
    "body",
    [
        f"a = Conv <{SAME}> (image, w) t = Conv <{SAME}> (a, w)",
        # What lies in front of the convolution makes something else of zeros.
        f"a = Add(image, shift) t = Conv <{SAME}> (a, w)",
        f"a = Conv(image, one) t = Conv <{SAME}> (a, w)",
        # Maxima and means do not pad with zeros.
        "t = MaxPool <kernel_shape=[3,3], pads=[1,1,1,1]> (image)",
        "t = AveragePool <kernel_shape=[3,3], pads=[1,1,1,1]> (image)",
        # Paths of different sizes.
        f"a = Conv <{SAME}> (image, w) t = Add(a, image)",
        f"a = Conv <{SAME}> (image, w) b = Conv(image, one) t = Concat <axis=1> (a, b)",
        # The last of its cells reads beyond the end.
        "t = MaxPool <kernel_shape=[3,3], strides=[2,2], ceil_mode=1> (image)",
        # The target shape would have to know how much is added.
        f"a = Conv <{SAME}> (image, w) t = Reshape(a, shape)",
    ],
)
def test_where_zeros_do_not_serve(body):
    more = {"shift": np.float32(1), "shape": np.array([-1, 1, 3, 12, 16])}
    assert unpadded(body, **{k: v for k, v in more.items() if k in body}) is None


def test_walks_say_how_many_cells_a_crop_gives():
    found = unpadded(f"a = Conv <{SAME}> (image, w) b = Relu(a) t = Conv <strides=[2,3]> (b, w)")
    lengths = np.array([5, 8, 11])
    high, wide = found.walks["t"]
    assert high.cells(lengths).tolist() == [1, 2, 4]
    assert wide.cells(lengths).tolist() == [1, 2, 3]
    assert [n.cells(lengths).tolist() for n in found.walks["b"]] == [[3, 6, 9]] * 2
