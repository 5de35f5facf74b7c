"""Padding of convolutions, against how many places ONNX's own inference finds."""

import itertools

import numpy as np
import onnx
import pytest

from onnxplain.graph.padding import Walk, explicit_pads, kernel_size, kernel_walks
from onnxplain.graph.view import Graph
from tests.graph.written import graph, model


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation"),
    list(itertools.product((7, 8), (2, 3, 5), (1, 2, 3), (1,))),
)
def test_explicit_pads_give_the_same_output(auto_pad, size, kernel, stride, dilation):
    more = f"kernel_shape = [{kernel}], strides = [{stride}], dilations = [{dilation}]"
    pads = ", pads = [1, 0]" if auto_pad == "NOTSET" else ""
    body = f'y = MaxPool<auto_pad = "{auto_pad}", {more}{pads}>(x)'
    proto = model(body, f"float[1,1,{size}] x", "float[?,?,?] y")
    inferred = onnx.shape_inference.infer_shapes(proto).graph.output[0]
    places = inferred.type.tensor_type.shape.dim[2].dim_value
    (walk,) = kernel_walks(Graph(proto).nodes[0], [size], [kernel])
    reach = (walk.kernel - 1) * walk.dilation + 1
    assert (size + walk.before + walk.after - reach) // walk.stride + 1 == places
    # The larger half of an odd total stands where the mode says.
    odd = {"SAME_UPPER": (0, 1), "SAME_LOWER": (-1, 0)}.get(auto_pad, (-1, 0))
    assert odd[0] <= walk.after - walk.before <= odd[1]


def test_order_of_onnx():
    found = explicit_pads("SAME_UPPER", [], [4, 5], [2, 3], [1, 1], [1, 1])
    assert found == [0, 1, 1, 1]  # both beginnings, then both ends
    assert explicit_pads("VALID", [1, 1], [4], [2], [1], [1]) == [0, 0]
    assert explicit_pads("NOTSET", [], [4, 4], [2, 2], [1, 1], [1, 1]) == [0] * 4


def test_what_is_left_out_has_its_usual_value():
    (node,) = graph("y = Conv(x, w)").nodes
    assert kernel_walks(node, [4, 6], [3, 1]) == [Walk(3, 1, 1, 0, 0), Walk(1, 1, 1, 0, 0)]


def test_size_of_the_kernel():
    made = graph("a = Conv(x, w) b = Conv(x, v) y = MaxPool<kernel_shape = [5, 7]>(a)",
                 w=np.zeros((2, 3, 3, 1)))  # fmt: skip
    conv, computed, pool = made.nodes
    assert kernel_size(made, {}, conv) == (3, 1)
    assert kernel_size(made, {"v": (2, 3, 4, 5)}, computed) == (4, 5)
    assert kernel_size(made, {}, computed) == ()
    assert kernel_size(made, {}, pool) == (5, 7)
