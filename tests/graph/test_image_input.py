"""Which input takes the picture, and how it lies in memory."""

import graphs
import numpy as np
import pytest
from graphs import build, value_info
from onnx import helper
from onnx.helper import make_node as node

from onnxplain.errors import UnknownNameError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import DEFAULT_SIZE, find_image_input, size_warning
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
    SHAPES = (["N", 3, 8, 8], ["N", 1, 8, 8], ["N", 4, 8, 8])

    def test_the_one_of_the_channels_that_the_preprocessing_gives(self):
        assert find_image_input(graph_of(*self.SHAPES), channels=4).name == "c"

    def test_not_one_that_has_a_value(self):
        assert find_image_input(graph_of(*self.SHAPES), bound=["a"]).name == "b"

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


@pytest.mark.parametrize("shape", [["N", 10], ["N", 3, 8], ["N", 3, 4, 8, 8], []])
def test_no_picture(shape):
    with pytest.raises(UnsupportedModelError, match="no input looks like an image") as caught:
        find_image_input(graph_of(shape))
    assert f"a float32 {shape}" in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "layout", "channels"),
    [
        (["N", 6, 8, 8], "NCHW", 6),
        (["N", 8, 8, 4], "NHWC", 4),
        (["N", 4, "H", "W"], "NCHW", 4),
        (["N", None, None, 12], "NHWC", 12),
        ([1, 2, 20, 30], "NCHW", 2),
        ([1, 20, 30, 2], "NHWC", 2),
    ],
)
def test_other_numbers_of_channels(shape, layout, channels):
    image = find_image_input(graph_of(shape))
    assert (image.layout, image.channels) == (layout, channels)


@pytest.mark.parametrize(
    "shape", [["N", 8, 8, 8], ["N", 6, 4, 4], ["N", "C", "H", "W"], [None] * 4]
)
def test_axes_that_nothing_tells_apart(shape):
    graph = graph_of(shape)
    with pytest.raises(UnsupportedModelError, match="nothing says which axis of input 'a'"):
        find_image_input(graph)
    # What a person and the preprocessing say is believed.
    image = find_image_input(graph, layout="NHWC", channels=graph.inputs[0].lengths[3] or 5)
    assert (image.layout, image.channels) == ("NHWC", graph.inputs[0].lengths[3] or 5)


@pytest.mark.parametrize("length", [0, -1])
def test_lengths_that_mean_open(length):
    model = build([node("Relu", ["a"], ["y"])], ["y"], inputs=[value_info("a", ["N", 3, 8, 8])])
    for k in (0, 2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[k].dim_value = length
    image = find_image_input(prepare(model), size=(6, 7))
    assert (image.batch, image.size, image.free_size) == (None, (6, 7), True)


def test_a_size_that_nobody_gave_is_said():
    graph = graph_of(["N", 3, "H", "W"])
    assert "224 x 224" in size_warning(find_image_input(graph))
    assert size_warning(find_image_input(graph, size=(224, 224))) == ""
    assert size_warning(find_image_input(graph_of(["N", 3, 8, 8]))) == ""


def test_a_file_that_contradicts_itself():
    conv = node("Conv", ["a", "w"], ["y"])
    graph = prepare(build([conv], ["y"], {"w": np.ones((2, 3, 1, 1), np.float32)},
                          inputs=[value_info("a", ["N", 3, 8, 8])]))  # fmt: skip
    graph.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(UnsupportedModelError, match=r"declares 4 channels, but Conv .* reads 3"):
        find_image_input(graph)


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
