"""Which nodes are ReLU-like activations, and what each is a function of."""

import numpy as np
import pytest
from handmade import model

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.relu_like import activation_roots, require_relu_like

ACTIVATED = {
    "Relu": ("y = Relu(image)", {"y": "image"}),
    "LeakyRelu": ("y = LeakyRelu(image)", {"y": "image"}),
    "Clip at zero": ("y = Clip(image, zero, six)", {"y": "image"}),
    "Clip below zero": ("y = Clip(image, minus, six)", {}),
    "Clip by limits that are not single numbers": ("y = Clip(image, zeros, six)", {}),
    "Clip by an empty limit": ("y = Clip(image, nothing, six)", {}),
    "Clip by one number in a list": ("y = Clip(image, listed, six)", {"y": "image"}),
    "SiLU": ("s = Sigmoid(image) y = Mul(image, s)", {"y": "image"}),
    "GELU": (
        "a = Div(image, root) e = Erf(a) b = Add(e, one) m = Mul(image, b) y = Mul(m, half)",
        {"y": "image"},
    ),
    "Tanh": ("y = Tanh(image)", {}),
    "of a constant": ("c = Relu(half) y = Mul(image, c)", {}),
}
NUMBERS = {"zero": 0.0, "six": 6.0, "minus": -1.0, "one": 1.0, "half": 0.5, "root": 2**0.5}
NUMBERS |= {"zeros": [0.0] * 6, "nothing": [], "listed": [0.0]}


def graph_of(body):
    used = {k: np.array(v) for k, v in NUMBERS.items() if k in body}
    proto = model(f"{body} f = Flatten(y) scores = MatMul(f, w)", used, w=np.ones((108, 2)))
    return prepare(proto)


@pytest.mark.parametrize("name", list(ACTIVATED))
def test_activations_and_their_roots(name):
    body, wanted = ACTIVATED[name]
    graph = graph_of(body)
    assert activation_roots(graph, graph.descendants(["image"])) == wanted


@pytest.mark.parametrize("name", list(ACTIVATED))
def test_a_graph_without_any_is_refused(name):
    body, wanted = ACTIVATED[name]
    if wanted:
        require_relu_like(graph_of(body), "image", "scores", "guided")
    else:
        with pytest.raises(MethodRefusedError, match="guided backpropagation needs ReLU-like"):
            require_relu_like(graph_of(body), "image", "scores", "guided")


def test_activations_that_the_output_does_not_depend_on_do_not_count():
    graph = graph_of("unused = Relu(image) y = Tanh(image)")
    with pytest.raises(MethodRefusedError, match="this model has none"):
        require_relu_like(graph, "image", "scores", "deconvnet")


def test_an_activation_inside_of_a_branch_is_refused_by_name():
    body = """
        s = ReduceSum<keepdims = 0>(image) p = Greater(s, zero)
        y = If(p) <then_branch = yes () => (float[N,3,6,6] t) { t = Relu(image) },
                   else_branch = no () => (float[N,3,6,6] e) { e = Neg(image) }>
    """
    with pytest.raises(MethodRefusedError, match=r"If.*Relu"):
        require_relu_like(graph_of(body), "image", "scores", "guided")
