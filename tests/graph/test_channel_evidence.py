"""What the first operators say about axes that the file leaves open."""

import numpy as np
import pytest
from graphs import build, value_info
from onnx.helper import make_node as node

from onnxplain.graph.channel_evidence import channel_evidence
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare

OPEN = ["batch_size", "num_channels", "height", "width"]


def conv(source, channels, group=1):
    weight = np.ones((4, channels // group, 1, 1), np.float32)
    return node("Conv", [source, "w"], ["y"], group=group), {"w": weight}


def graph_of(before, channels=5, shape=OPEN, group=1, constants=None, dtype=np.float32):
    last = before[-1].output[0] if before else "x"
    reading, weight = conv(last, channels, group)
    given = {**weight, **(constants or {})}
    return prepare(build([*before, reading], ["y"], given, inputs=[value_info("x", shape, dtype)]))


@pytest.mark.parametrize(("channels", "group"), [(1, 1), (2, 1), (3, 1), (4, 4), (12, 2)])
def test_the_first_convolution(channels, group):
    image = find_image_input(graph_of([], channels, group=group), size=(8, 8))
    assert (image.layout, image.channels) == ("NCHW", channels)
    assert "Conv" in image.origin


@pytest.mark.parametrize("shape", [OPEN, [None] * 4, ["N", "H", "W", 5], [1, 5, 5, 5]])
def test_behind_a_transpose(shape):
    graph = graph_of([node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])], 5, shape)
    image = find_image_input(graph)
    assert (image.layout, image.channels) == ("NHWC", 5)


BEFORE = {
    "cast and scale": [
        node("Cast", ["x"], ["a"], to=1), node("Div", ["a", "k"], ["b"]),
        node("Sub", ["b", "m"], ["c"]),
    ],
    "channels turned round": [node("Slice", ["x", "minus", "far", "one", "minus"], ["a"])],
    "channels exchanged": [node("Gather", ["x", "order"], ["a"], axis=1)],
    "clip, pad, pool": [
        node("Clip", ["x", "zero", "k"], ["a"]),
        node("Pad", ["a", "pads"], ["b"]),
        node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2]),
    ],
    "there and back": [
        node("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]),
        node("Add", ["a", "last"], ["b"]),
        node("Transpose", ["b"], ["c"], perm=[0, 3, 1, 2]),
    ],
}  # fmt: skip
CONSTANTS = {
    "k": np.array(255, np.float32),
    "zero": np.array(0, np.float32),
    "m": np.arange(5, dtype=np.float32).reshape(5, 1, 1),
    "last": np.arange(5, dtype=np.float32),
    "minus": np.array([-1]),
    "far": np.array([-(1 << 62)]),
    "one": np.array([1]),
    "order": np.array([4, 3, 2, 1, 0]),
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
}


@pytest.mark.parametrize("name", BEFORE)
def test_behind_operators_that_keep_the_axes(name):
    graph = graph_of(BEFORE[name], 5, constants=CONSTANTS)
    image = find_image_input(graph, size=(8, 8))
    assert (image.layout, image.channels) == ("NCHW", 5)


def test_constants_that_differ_along_one_axis():
    scaled = node("Mul", ["x", "last"], ["y"])
    graph = prepare(build([scaled], ["y"], CONSTANTS, inputs=[value_info("x", OPEN)]))
    image = find_image_input(graph, size=(8, 8))
    assert (image.layout, image.channels) == ("NHWC", 5)


def test_channels_that_are_cut_off_count_as_well():
    """A convolution behind x[:, :3] says nothing about how many there were."""
    cut = node("Slice", ["x", "start", "end", "one"], ["a"])
    constants = {"start": np.array([0]), "end": np.array([3]), "one": np.array([1])}
    assert channel_evidence(graph_of([cut], 3, constants=constants), "x", [None] * 4) is None


def test_a_grey_picture_that_constants_repeat():
    graph = graph_of([node("Mul", ["x", "m"], ["a"])], 5, ["N", 1, 8, 8], constants=CONSTANTS)
    image = find_image_input(graph)
    assert (image.layout, image.channels) == ("NCHW", 1)


def test_a_convolution_of_signals_says_nothing_of_pictures():
    weight = {"w": np.ones((4, 3, 1), np.float32)}
    proto = build([node("Conv", ["x", "w"], ["y"])], ["y"], weight,
                  inputs=[value_info("x", ["N", 3, "T"])])  # fmt: skip
    assert channel_evidence(prepare(proto), "x", [None, 3, None]) is None
