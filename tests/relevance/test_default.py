"""Which composite a network gets when nobody names one."""

import numpy as np
import pytest
from handmade import model
from originals import pair

from onnxplain.graph.prepare import prepare
from onnxplain.relevance.default import default_composite


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vit", "attn-lrp"),
        ("windows", "epsilon-gamma-box"),
        ("resnet", "epsilon-gamma-box"),
        ("mobilenet", "epsilon-gamma-box"),
        ("squeeze", "epsilon-gamma-box"),
    ],
)
def test_default_composite(name, expected):
    graph = pair(name).single.network.graph
    assert default_composite(graph) == expected
    found = pair(name).single.explain(pair(name).x, "lrp", 1)
    assert found.parameters["composite"] == found.notes["composite"]["name"] == expected


def test_an_excitation_is_no_attention():
    body = """
        p = GlobalAveragePool(image) g = Softmax<axis = 1>(p) y = Mul(image, g)
        f = Flatten(y) scores = MatMul(f, w)
    """
    assert default_composite(prepare(model(body, w=np.ones((108, 3))))) == "epsilon-gamma-box"
