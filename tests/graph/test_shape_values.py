"""Values that follow from shapes, against ONNX Runtime's for a picture of that shape."""

import numpy as np
import onnx
import pytest

from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shape_values import ShapeValues, evaluated
from onnxplain.graph.shapes import infer_shapes
from onnxplain.graph.view import Graph
from tests.graph.written import graph, model
from tests.heads import file_says

SIZE = (1, 3, 4, 6)
# Nodes that compute `y` of shapes alone.
BODIES = {
    "a shape": "y = Shape(image)",
    "part of a shape": "y = Shape<start = 2, end = -1>(image)",
    "a size": "y = Size(image)",
    "half of the rows": "s = Shape(image) h = Gather<axis = 0>(s, two) y = Div(h, two)",
    "a new shape": "s = Shape(image) b = Slice(s, zeros, twos) y = Concat<axis = 0>(b, minus)",
    "a comparison": "s = Shape(image) m = Equal(s, three) y = Where(m, s, two)",
    "of what is computed": "c = Relu(image) s = Shape(c) y = Mul(s, two)",
}
CONSTANTS = {"two": 2, "three": 3, "zeros": [0], "twos": [2], "minus": [-1]}


def opened(body):
    used = {k: v for k, v in CONSTANTS.items() if k in body.replace("(", " ").replace(",", " ")}
    return model(body, "float[1,3,4,6] image", "int64 y", **used)


def values_of(made: Graph):
    return ShapeValues(made, infer_shapes(made, find_image_input(made)))


@pytest.mark.parametrize("name", BODIES)
def test_the_value_is_that_of_the_engine(name):
    proto = opened(BODIES[name])
    (expected,) = file_says(proto, np.zeros(SIZE, np.float32))
    found = values_of(Graph(proto)).get("y")
    assert found.dtype.kind == "i"
    np.testing.assert_array_equal(found, expected)


def test_another_picture_has_other_values():
    """The values are those of the shapes that are given, not of the file."""
    made = graph("s = Shape(x) y = Div(s, two)", two=2)
    values = ShapeValues(made, {"x": (5, 3, 20, 40), "s": (4,), "y": (4,)})
    assert values.get("y").tolist() == [2, 1, 10, 20]
    assert values.get("two") == 2


NOT_FOLLOWED = {
    "values of the picture": "f = Flatten(x) m = ReduceMax<keepdims = 0>(f) y = Cast<to = 7>(m)",
    "chance": "y = RandomUniform<shape = [2]>()",
    "an operator of another domain": "s = Shape(x) y = com.microsoft.Range(zero, two)",
    "more than one output": "s = Shape(x) y, z = Split<axis = 0>(s)",
    "a shape that nothing tells": "n = NonZero(x) s = Shape(n) y = Mul(s, two)",
    "too many": "s = Shape(x) y = Expand(two, large)",
}


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_what_is_not_followed(name):
    known = {"zero": 0, "two": 2, "large": [1 << 9, 1 << 8]}
    body = NOT_FOLLOWED[name]
    made = graph(body, **{k: v for k, v in known.items() if k in body})
    shapes = {"x": SIZE, "s": (4,), "y": (4,), "f": (1, 72), "m": ()}
    if name == "too many":
        shapes["y"] = (1 << 9, 1 << 8)
    if name == "a shape that nothing tells":
        shapes["s"], shapes["y"] = (2,), (2,)
    assert ShapeValues(made, shapes).get("y") is None


def test_a_value_of_another_shape_than_the_graph_s_is_none():
    made = graph("s = Shape(x) y = Mul(s, two)", two=2)
    assert ShapeValues(made, {"x": SIZE, "s": (4,), "y": (5,)}).get("y") is None
    assert ShapeValues(made, {"x": SIZE, "s": (4,)}).get("y") is None
    assert ShapeValues(made, {"x": SIZE, "y": (4,)}).get("y").tolist() == [2, 6, 8, 12]


def test_a_long_chain_is_followed_without_recursion():
    steps = " ".join(f"a{k + 1} = Add(a{k}, one)" for k in range(1200))
    made = graph(f"a0 = Shape(x) {steps} y = Identity(a1200)", one=1)
    shapes = {"x": SIZE, "y": (4,), **{f"a{k}": (4,) for k in range(1201)}}
    assert ShapeValues(made, shapes).get("y").tolist() == [1201, 1203, 1204, 1206]


def test_a_prepared_graph_keeps_what_depends_on_the_picture_s_size():
    proto = model(
        "s = Shape(image) b = Slice(s, zeros, twos) t = Concat<axis = 0>(b, minus) "
        "y = Reshape(image, t)",
        "float[N,3,H,W] image", "float[N,3,K] y", zeros=[0], twos=[2], minus=[-1],
    )  # fmt: skip
    made = prepare(proto)
    image = find_image_input(made, size=(4, 6))
    target = made.producers["y"].inputs[1]
    assert ShapeValues(made, infer_shapes(made, image)).get(target).tolist() == [1, 3, -1]


def test_one_node_alone():
    made = graph("a = Neg(x) y = Add(a, b)", b=np.ones(2, np.float32))
    x = np.float32([1, -2])
    np.testing.assert_array_equal(evaluated(made, made.nodes[0], {"x": x}, "a"), -x)
    given = {"a": x, "b": np.float32([3, 3])}
    np.testing.assert_array_equal(evaluated(made, made.nodes[1], given, "y"), x + 3)
    assert evaluated(made, made.nodes[1], {"a": np.ones((2, 5)), "b": np.ones(3)}, "y") is None


def test_what_the_reference_implementation_does_not_know():
    node = onnx.helper.make_node("Sparkle", ["x"], ["y"], domain="acme")
    made = Graph(onnx.ModelProto(graph=onnx.GraphProto(node=[node])))
    assert evaluated(made, made.nodes[0], {"x": np.ones(2)}, "y") is None


def test_a_value_that_is_much_work_is_not_computed(monkeypatch):
    """Each of many nodes is little work; all of them together have a limit."""
    steps = " ".join(f"a{k + 1} = Add(a{k}, one)" for k in range(40))
    made = graph(f"a0 = Shape(x) {steps} y = Identity(a40)", one=1)
    shapes = {"x": SIZE, "y": (4,), **{f"a{k}": (4,) for k in range(41)}}
    assert ShapeValues(made, shapes).get("y").tolist() == [41, 43, 44, 46]
    monkeypatch.setattr("onnxplain.graph.shape_values._MOST_WORK", 30 * 100_000)
    bounded = ShapeValues(made, shapes)
    assert bounded.get("y") is None
    assert bounded.get("a20").tolist() == [21, 23, 24, 26]


def test_an_operator_whose_work_is_not_known_is_not_computed():
    """The determinants of small matrices are computed, those of large ones are not."""
    for side, known in ((4, True), (250, False)):
        made = graph("s = Size(x) f = Cast<to = 1>(s) m = Expand(f, square) y = Det(m)",
                     square=[1, side, side])  # fmt: skip
        shapes = {"x": SIZE, "s": (), "f": (), "m": (1, side, side), "y": (1,)}
        values = ShapeValues(made, shapes)
        assert values.get("m") is not None
        assert (values.get("y") is not None) == known
