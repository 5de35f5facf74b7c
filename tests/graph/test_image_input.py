"""Which input takes the picture, and how it lies in memory."""

import graphs
import numpy as np
import pytest
from graphs import build, value_info
from onnx import helper
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import DEFAULT_SIZE, find_image_input
from onnxplain.graph.prepare import prepare


def graph_of(*shapes, dtype=np.float32, nodes=None):
    """Graph that reads inputs ``a``, ``b``, ... of these shapes."""
    names = "abc"[: len(shapes)]
    inputs = [value_info(n, s, dtype) for n, s in zip(names, shapes, strict=True)]
    nodes = nodes or [node("Identity", [n], [f"{n}_out"]) for n in names]
    return prepare(build(nodes, [nodes[k].output[0] for k in range(len(nodes))], inputs=inputs))


@pytest.mark.parametrize(
    ("shape", "layout", "channels", "size"),
    [
        (["N", 3, 20, 30], "NCHW", 3, (20, 30)),
        (["N", 1, 20, 30], "NCHW", 1, (20, 30)),
        (["N", 20, 30, 3], "NHWC", 3, (20, 30)),
        (["N", 20, 30, 1], "NHWC", 1, (20, 30)),
        ([None, 20, 3, 3], "NHWC", 3, (20, 3)),
    ],
)
def test_layout_channels_and_size(shape, layout, channels, size):
    image = find_image_input(graph_of(shape))
    assert (image.layout, image.channels, image.size) == (layout, channels, size)
    assert image.shape == (1, *shape[1:])
    assert not image.free_size


@pytest.mark.parametrize(("given", "batch"), [("N", None), (None, None), (1, 1), (4, 4), (0, None)])
def test_batch(given, batch):
    assert find_image_input(graph_of([given, 3, 8, 8])).batch == batch


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, np.uint8, np.int8])
def test_element_type(dtype):
    assert find_image_input(graph_of(["N", 3, 8, 8], dtype=dtype)).dtype == np.dtype(dtype).name


def test_open_size():
    graph = graph_of(["N", 3, "H", None])
    image = find_image_input(graph)
    assert image.free_size
    assert image.size == (DEFAULT_SIZE, DEFAULT_SIZE)
    assert find_image_input(graph, size=(32, 48)).size == (32, 48)


def test_size_half_open():
    graph = graph_of(["N", 3, 20, "W"])
    assert find_image_input(graph, size=(20, 48)).size == (20, 48)
    with pytest.raises(UsageError, match="fixed size 20 x 48"):
        find_image_input(graph, size=(21, 48))


def test_a_fixed_size_is_not_overruled():
    with pytest.raises(UsageError, match=r"fixed size 8 x 9.*gives 9 x 8"):
        find_image_input(graph_of(["N", 3, 8, 9]), size=(9, 8))


class TestBothEndsLookLikeChannels:
    SHAPE = ("N", 3, 8, 3)

    def test_channels_first_unless_something_speaks_against_it(self):
        assert find_image_input(graph_of(self.SHAPE)).layout == "NCHW"

    @pytest.mark.parametrize(("perm", "layout"), [([0, 3, 1, 2], "NHWC"), ([0, 2, 3, 1], "NCHW")])
    def test_an_early_transpose_decides(self, perm, layout):
        nodes = [node("Transpose", ["a"], ["y"], perm=perm)]
        assert find_image_input(graph_of(self.SHAPE, nodes=nodes)).layout == layout

    def test_the_user_decides(self):
        image = find_image_input(graph_of(self.SHAPE), layout="NHWC")
        assert (image.layout, image.size) == ("NHWC", (3, 8))


class TestSeveralInputs:
    def test_the_one_that_looks_like_a_picture(self):
        image = find_image_input(graph_of(["N", 7], ["N", 3, 8, 8], ["N", 9, 8, 8]))
        assert image.name == "b"
        assert image.others == ("a", "c")

    def test_the_first_of_two_pictures(self):
        assert find_image_input(graph_of(["N", 3, 8, 8], ["N", 1, 4, 4])).name == "a"

    def test_the_one_that_is_named(self):
        image = find_image_input(graph_of(["N", 3, 8, 8], ["N", 1, 4, 4]), name="b")
        assert (image.name, image.channels, image.others) == ("b", 1, ("a",))

    def test_an_unknown_name_offers_those_there_are(self):
        with pytest.raises(UnknownNameError, match="inputs: a, b"):
            find_image_input(graph_of(["N", 3, 8, 8], ["N", 7]), name="image")

    def test_a_named_input_that_is_no_picture(self):
        with pytest.raises(UnsupportedModelError, match="no input looks like an image"):
            find_image_input(graph_of(["N", 3, 8, 8], ["N", 7]), name="b")


@pytest.mark.parametrize(
    "shape", [["N", 10], ["N", 3, 8], ["N", 3, 4, 8, 8], ["N", 6, 8, 8], ["N", 8, 8, 4], []]
)
def test_no_picture(shape):
    with pytest.raises(UnsupportedModelError, match="rank four with 1 or 3 channels") as caught:
        find_image_input(graph_of(shape))
    assert f"a float32 {shape}" in str(caught.value)


def test_boolean_input_is_no_picture():
    with pytest.raises(UnsupportedModelError, match="no input looks like an image"):
        find_image_input(graph_of(["N", 3, 8, 8], dtype=np.bool_))


def test_unknown_rank_is_no_picture():
    graph = graph_of(["N", 3, 8, 8])
    graph.model.graph.input[0].CopyFrom(helper.make_tensor_value_info("a", 1, None))
    with pytest.raises(UnsupportedModelError, match="no input looks like an image"):
        find_image_input(graph)


@pytest.mark.parametrize("layout", ["NHWC", "CHW", "nchw"])
def test_a_layout_that_does_not_fit_is_named(layout):
    graph = prepare(graphs.classifier())
    with pytest.raises(UsageError, match=f"layout '{layout}'.*image.*NCHW"):
        find_image_input(graph, layout=layout)
