"""The read-only view: who writes, who reads, and what a person means by a name."""

import numpy as np
import onnx
import pytest
from graphs import build, value_info
from onnx import TensorProto, helper
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError
from onnxplain.graph.view import Graph

GRAPH = Graph(
    build(
        [
            node("Relu", ["x"], ["/a/Relu_output_0"], name="/a/Relu"),
            node("Mul", ["/a/Relu_output_0", "w"], ["h"], name="scale"),
            node("Add", ["h", "h"], ["/b/Add_output_0"], name="/b/Add"),
            node("Neg", ["/a/Relu_output_0"], ["/c/Neg_output_0"], name="/c/Neg"),
            node("Sub", ["/b/Add_output_0", "/c/Neg_output_0"], ["y"], name="/d/Sub"),
        ],
        ["y"],
        {"w": np.float32(2)},
    ),
    origin={"gone": "h"},
)


def test_tensors_in_topological_order():
    assert list(GRAPH.tensor_names()) == [
        "x", "/a/Relu_output_0", "h", "/b/Add_output_0", "/c/Neg_output_0", "y"
    ]  # fmt: skip


def test_a_reader_is_named_once_even_if_it_reads_twice():
    assert [n.op_type for n in GRAPH.consumers["h"]] == ["Add"]
    assert [n.op_type for n in GRAPH.consumers["/a/Relu_output_0"]] == ["Mul", "Neg"]
    assert GRAPH.producers["h"].op_type == "Mul"
    assert "w" not in GRAPH.producers


def test_ancestors_and_descendants():
    assert GRAPH.ancestors("h") == {"h", "/a/Relu_output_0", "x"}
    assert GRAPH.descendants(["h"]) == {"h", "/b/Add_output_0", "y"}
    assert GRAPH.descendants_of_inputs == set(GRAPH.tensor_names())


def test_constants_are_shared_and_read_only():
    assert GRAPH.constant("w") is GRAPH.constant("w")
    assert GRAPH.constant_shape("w") == ()
    with pytest.raises(ValueError, match="read-only"):
        GRAPH.constant("w")[...] = 1


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("h", "h"),
        ("gone", "h"),
        ("scale", "h"),
        ("/b/Add", "/b/Add_output_0"),
        ("b/Add", "/b/Add_output_0"),
        ("Add_output_0", "/b/Add_output_0"),
        ("Sub", "y"),
    ],
)
def test_what_a_name_means(said, meant):
    assert GRAPH.resolve(said) == meant


@pytest.mark.parametrize(
    ("said", "nearest", "hint"),
    [
        ("_output_0", "/a/Relu_output_0", "3 tensors end in it"),
        ("/a/Relu_output_1", "/a/Relu_output_0", "lists the layers"),
        ("", "", "lists the layers"),
    ],
)
def test_a_name_that_means_nothing_or_too_much(said, nearest, hint):
    with pytest.raises(UnknownNameError, match=hint) as caught:
        GRAPH.resolve(said)
    assert (nearest in caught.value.nearest) == bool(nearest)


def test_attributes_are_python_values():
    proto = node("Made", ["x"], ["y"], number=3, share=0.5, word="a", list=[1, 2], words=["b", "c"])
    proto.domain = "acme"
    graph = helper.make_graph([proto], "g", [value_info("x", [1])], [value_info("y", [1])])
    (made,) = Graph(helper.make_model(graph)).nodes
    assert dict(made.attributes) == {
        "number": 3,
        "share": 0.5,
        "word": "a",
        "list": [1, 2],
        "words": ["b", "c"],
    }
    assert made.domain == "acme"
    assert str(made) == "Made (tensor 'y')"


def test_the_standard_domain_has_one_name():
    model = build([node("Relu", ["x"], ["y"])], ["y"])
    model.graph.node[0].domain = "ai.onnx"
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("ai.onnx", 17))
    graph = Graph(model)
    assert graph.opsets == {"": 17}
    assert graph.nodes[0].domain == ""


def test_declared_shapes():
    values = [
        value_info("a", [1, "N", None]),
        helper.make_tensor_value_info("b", TensorProto.UINT8, None),
    ]
    graph = helper.make_graph([], "g", values, [onnx.ValueInfoProto(name="c")])
    first, second = Graph(helper.make_model(graph)).inputs
    assert (first.shape, first.dtype) == ((1, "N", None), np.float32)
    assert (second.shape, second.dtype) == (None, np.uint8)
