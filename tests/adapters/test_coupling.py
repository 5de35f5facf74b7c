"""The first node at which other inputs of a batch come in, or their number does."""

import numpy as np
import pytest
from handmade import model

from onnxplain.adapters.coupling import first_coupled
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.trio import Trio
from onnxplain.errors import ImageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare

X = np.random.default_rng(0).normal(size=(1, 3, 6, 6)).astype(np.float32)
LISTS = {
    "first": np.array([0]),
    "last": np.array([-1]),
    "one": np.array([1]),
    "rows": np.array([-1, 2]),
    "flat": np.array([-1, 6]),
    "beginning": np.array(0),
}


def opened(body, batch="N", output="float[M,C,H,W] scores"):
    lists = {n: v for n, v in LISTS.items() if n in body}
    graph = prepare(model(body, lists, image=f"float[{batch},3,6,6] image", output=output))
    image = find_image_input(graph)
    engine = OrtAdapter(graph, image, "scores", device="cpu", optimise=False).together()
    return graph, engine, Trio.of(X, image)


def cause(body, names=("scores",), **more):
    return first_coupled(*opened(body, **more), names)


@pytest.mark.parametrize("batch", ["N", 2, 3])
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (
            "a = Relu(image) m = ReduceMean<axes = [0]>(a) c = Sub(a, m) scores = Exp(c)",
            "ReduceMean (tensor 'm')",
        ),
        ("a = Relu(image) scores = Softmax<axis = 0>(a)", "Softmax (tensor 'scores')"),
        ("a = Relu(image) b = CumSum(a, beginning) scores = Exp(b)", "CumSum (tensor 'b')"),
        # Of two, the first.
        (
            "a = Softmax<axis = 0>(image) m = ReduceMax<axes = [0]>(a) scores = Sub(a, m)",
            "Softmax (tensor 'a')",
        ),
    ],
)
def test_the_first_node_on_the_way_is_named(body, wanted, batch):
    assert cause(body, batch=batch) == wanted


def test_a_node_with_a_mode_is_named_with_it():
    body = "scores, m, v = BatchNormalization<training_mode = 1>(image, g, b, b, g)"
    weights = {"g": np.ones(3), "b": np.zeros(3)}
    graph = prepare(model(body, weights, output="float[N,C,H,W] scores"))
    image = find_image_input(graph)
    engine = OrtAdapter(graph, image, "scores", device="cpu", optimise=False).together()
    found = first_coupled(graph, engine, Trio.of(X, image), ["scores"])
    assert found == "BatchNormalization in training mode (tensor 'scores')"


def test_what_stands_beside_the_way_is_not_named():
    body = "m = ReduceMean<axes = [0]>(image) aside = Sub(image, m) scores = Relu(image)"
    both = "float[N,C,H,W] scores, float[N,C,H,W] aside"
    assert cause(body, output=both) == ""
    assert cause(body, ["scores", "aside"], output=both) == "ReduceMean (tensor 'm')"


def test_nothing_is_named_where_inputs_are_apart():
    """Also where the batch is no longer the first axis, or shares it with rows."""
    assert cause("t = Transpose<perm = [1,0,2,3]>(image) scores = Relu(t)") == ""
    body = "r = Reshape(image, flat) e = Softmax<axis = 1>(r) scores = Neg(e)"
    assert cause(body, output="float[M,K] scores") == ""


def test_content_is_looked_for_before_the_number():
    """The shape, which holds the number of inputs, stands in front of what mixes them."""
    number = "s = Shape(image) k = Gather(s, first) d = Cast<to = 1>(k) a = Div(image, d) "
    assert cause(f"{number} scores = Relu(a)") == "Shape (tensor 's')"
    assert cause(f"{number} scores = Softmax<axis = 0>(a)") == "Softmax (tensor 'scores')"


def test_nothing_is_named_where_a_run_fails():
    graph, engine, trio = opened("scores = Softmax<axis = 0>(image)")

    class Failing:
        def activations(self, x, names):
            if len(x) > 1:
                raise ImageError("no")
            return engine.activations(x, names)

    assert first_coupled(graph, engine, trio, ["scores"]) != ""
    assert first_coupled(graph, Failing(), trio, ["scores"]) == ""
