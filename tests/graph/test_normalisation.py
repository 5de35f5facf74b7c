"""What the graph does to its input itself."""

import graphs
import numpy as np
import pytest
from onnx.helper import make_node as node

from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.normalisation import find_normalisation
from onnxplain.graph.prepare import prepare
from tests.graph.made_normalisation import GREY, MEAN, STD, channels, normalising


@pytest.mark.parametrize(
    ("steps", "scale", "shift"),
    [
        ([("Div", np.float32(255))], 1 / 255, 0),
        ([("Mul", np.float32(2))], 2, 0),
        ([("Sub", GREY), ("Div", GREY)], 1 / 127.5, -1),
        ([("Mul", np.float32(2)), ("Add", np.float32(-1))], 2, -1),
        ([("Sub", channels(MEAN)), ("Div", channels(STD))], 1 / STD, -MEAN / STD),
    ],
)
def test_additions_and_multiplications_are_one_affine_map(steps, scale, shift):
    found = find_normalisation(*normalising(steps))
    np.testing.assert_allclose(found.scale, np.broadcast_to(scale, found.scale.shape), rtol=1e-6)
    np.testing.assert_allclose(found.shift, np.broadcast_to(shift, found.shift.shape), rtol=1e-6)
    assert [n.op_type for n in found.nodes] == [s[0] for s in steps]


def test_channels_last():
    found = find_normalisation(*normalising([("Sub", MEAN), ("Div", STD)], layout="NHWC"))
    np.testing.assert_allclose(found.shift, -MEAN / STD, rtol=1e-6)


def test_batch_normalisation():
    constants = {
        "g": np.array([1, 2, 3], np.float32),
        "b": np.array([0.1, 0.2, 0.3], np.float32),
        "m": MEAN,
        "v": STD,
    }
    nodes = [node("BatchNormalization", ["image", "g", "b", "m", "v"], ["ready"], epsilon=0.01)]
    graph = prepare(graphs.classifier(before=nodes, constants=constants))
    found = find_normalisation(graph, find_image_input(graph))
    factor = constants["g"] / np.sqrt(STD + 0.01)
    np.testing.assert_allclose(found.scale, factor, rtol=1e-6)
    np.testing.assert_allclose(found.shift, constants["b"] - MEAN * factor, rtol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_none_where_a_convolution_comes_first(layout):
    graph = prepare(graphs.classifier(layout=layout))
    assert find_normalisation(graph, find_image_input(graph)) is None


def test_a_division_of_a_constant_is_no_normalisation():
    nodes = [node("Div", ["one", "image"], ["ready"])]
    graph = prepare(graphs.classifier(before=nodes, constants={"one": np.float32(1)}))
    assert find_normalisation(graph, find_image_input(graph)) is None


def test_a_picture_of_weights_is_no_normalisation():
    value = np.ones((3, graphs.SIDE, graphs.SIDE), np.float32)
    assert find_normalisation(*normalising([("Mul", value)])) is None
