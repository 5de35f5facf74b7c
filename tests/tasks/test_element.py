"""An element or a slice of any tensor, named by hand."""

import numpy as np
import pytest
from handmade import model

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.tasks.element import element, is_element

PROTO = model(
    "r = Relu(image) p = GlobalAveragePool(r) q = Identity(r) f = Flatten(p) "
    "scores = Softmax<axis = 1>(f)"
)
NETWORK = Network(prepare(PROTO))
X = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)
HELD = NETWORK.ort.activations(X, ["r", "scores"])


def target(said):
    return element(said, NETWORK.graph, NETWORK.shapes, NETWORK.image)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("r[2, 3, 4]", HELD["r"][:, 2, 3, 4]),
        ("r[-1,-1,0]", HELD["r"][:, -1, -1, 0]),
        ("r[1]", HELD["r"][:, 1].mean((1, 2))),
        ("r[1, 2:4, :]", HELD["r"][:, 1, 2:4].mean((1, 2))),
        ("r[:, :3, -2:]", HELD["r"][:, :, :3, -2:].mean((1, 2, 3))),
        ("r[]", HELD["r"].mean((1, 2, 3))),
        ("q[0, 0, 0]", HELD["r"][:, 0, 0, 0]),  # another name of the same tensor
        (" scores [ 2 ] ", HELD["scores"][:, 2]),
    ],
)
def test_the_mean_of_what_numpy_takes(said, expected):
    found = target(said)
    score = found.score({n: HELD[n] for n in found.tensors})
    np.testing.assert_allclose(score, expected.astype(np.float64), rtol=1e-6)
    assert found.is_linear


def test_words():
    one, several = target("r[2, 3, 4]"), target("r[2]")
    assert (one.describe(), several.describe()) == ("r[2, 3, 4], value", "r[2], mean value")
    assert one.stem == "r-2--3--4"
    assert one.stem != several.stem


@pytest.mark.parametrize(
    "said", ["y[3]", "a[1,:]", "/conv/Conv_output_0[0, 2:5]", "y[]", "a[0][1]"]
)
def test_what_has_the_form(said):
    assert is_element(said)


@pytest.mark.parametrize("said", ["y", "3", 3, None, "cat [big]", "[3]", "y[3", "y[a]", "y[1.5]"])
def test_what_has_not(said):
    assert not is_element(said)


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ("zz[0]", UnknownNameError, "unknown layer 'zz'"),
        ("r[3, 0, 0]", UsageError, r"outside the tensor: 'r' has the shape \[3, 6, 6\]"),
        ("r[0, 0, 0, 0]", UsageError, r"has the shape \[3, 6, 6\] for one input"),
        ("r[0, 4:4]", UsageError, "holds no element"),
        ("r[0, 1:2:3]", UsageError, "index '1:2:3'.*is not understood; write 3, 3:5 or :"),
        ("r[--1]", UsageError, "is not understood"),
        ("r[-]", UsageError, "is not understood"),
        ("r[" + "9" * 5000 + "]", UsageError, "is not understood"),
        ("r[3-4]", UsageError, "index '3-4'.*is not understood"),
        ("r[1 2]", UsageError, "index '1 2'.*is not understood"),
        ("r", UsageError, "'r' is not an element; write NAME"),
    ],
)
def test_what_cannot_be_meant(said, error, words):
    with pytest.raises(error, match=words):
        target(said)
