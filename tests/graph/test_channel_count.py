"""Numbers that a graph computes of how many channels there are."""

import numpy as np
import pytest

from onnxplain.graph.channel_count import counted
from onnxplain.graph.pixels import Pixels
from tests.graph.written import graph

CONSTANTS = {"one": np.array(1), "two": np.array([2]), "minus": np.array(-3), "zero": np.array(0)}


def computed(body):
    """The value of tensor y, of a picture x of three channels."""
    made, known = graph(f"s = Shape(x) {body}", **CONSTANTS), {}
    for node in made.nodes:
        value = counted(made, node, {"x": Pixels.of_input("NCHW", 3)}, known)
        if value is not None:
            known[node.output] = value
    return known.get("y")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Gather(s, one)", 3),
        ("y = Gather(s, minus)", 3),
        ("c = Gather(s, one) a = Add(c, one) y = Div(a, two)", 2),  # torch.chunk in two
        ("c = Gather(s, one) y = Mul(c, two)", 6),
        ("c = Gather(s, one) d = Sub(c, two) y = Unsqueeze(d, zero)", 1),
    ],
)
def test_what_the_channels_decide(body, expected):
    assert computed(body).tolist() == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "y = Gather(s, two)",  # the height
        "h = Gather(s, two) y = Add(h, one)",
        "c = Gather(s, one) y = Div(c, zero)",
        "y = Add(s, one)",
        "c = Gather(s, one) y = Exp(c)",
        "y = Shape<start = 1>(x)",
    ],
)
def test_what_they_do_not_decide(body):
    assert computed(body) is None
